// Command dashboard prints the readings of this machine.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"chimed"
)

func main() {
	client := chimed.Connect(context.Background(), chimed.Options{Name: "dashboard"})
	if err := client.Subscribe("host.>"); err != nil {
		log.Fatal(err)
	}
	for message := range client.Messages() {
		if message.Missed > 0 {
			fmt.Fprintf(os.Stderr, "missed %d messages of %s\n", message.Missed, message.Topic)
		}
		fmt.Println(message.Topic, message.Seq, string(message.Data))
	}
}
