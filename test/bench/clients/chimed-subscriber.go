// Counts the messages of a topic: chimed-subscriber SOCKET [SECONDS to sleep for each]
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strconv"
	"time"

	"chimed"
)

func main() {
	var pause float64
	if len(os.Args) > 2 {
		pause, _ = strconv.ParseFloat(os.Args[2], 64)
	}
	client := chimed.Connect(context.Background(), chimed.Options{Socket: os.Args[1]})
	if err := client.Subscribe("bench"); err != nil {
		log.Fatal(err)
	}
	var count, missed uint64
	for message := range client.Messages() {
		count++
		missed += message.Missed
		if string(message.Data) == `"end"` {
			fmt.Println(count, missed)
		} else if pause > 0 {
			time.Sleep(time.Duration(pause * float64(time.Second)))
		}
	}
}
