package chimed_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"chimed"
)

func Example() {
	client := chimed.Connect(context.Background(), chimed.Options{Name: "dashboard"})
	defer client.Close()
	if err := client.Subscribe("host.>"); err != nil {
		log.Fatal(err)
	}
	for message := range client.Messages() {
		fmt.Println(message.Topic, message.Seq, string(message.Data))
	}
}

func ExampleClient_Publish() {
	client := chimed.Connect(context.Background(), chimed.Options{})
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	seq, err := client.Publish(ctx, "price", 12.5)
	var failure *chimed.Error
	if errors.As(err, &failure) && failure.Code == "unknown-topic" {
		log.Fatal("Add the topic to chimed's configuration.")
	}
	fmt.Println(seq, err)
}

// A program that provides a topic sends messages while the topic has subscribers.
func ExampleClient_Provide() {
	demand := make(chan bool, 1)
	client := chimed.Connect(context.Background(), chimed.Options{OnEvent: func(event chimed.Event) {
		if event.Kind == chimed.Wanted || event.Kind == chimed.Unwanted {
			demand <- event.Kind == chimed.Wanted
		}
	}})
	defer client.Close()
	if err := client.Provide("feed"); err != nil {
		log.Fatal(err)
	}
	ticker := time.NewTicker(time.Second)
	for isWanted := false; ; {
		select {
		case isWanted = <-demand:
		case now := <-ticker.C:
			if isWanted {
				if err := client.Send("feed", now.Unix()); err != nil {
					log.Print(err)
				}
			}
		}
	}
}

func ExampleMessage_Decode() {
	message := chimed.Message{Topic: "host.memory", Data: []byte(`{"total":8589934592,"free":1073741824}`)}
	var memory struct{ Total, Free uint64 }
	if err := message.Decode(&memory); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d %% free\n", 100*memory.Free/memory.Total)
	// Output: 12 % free
}
