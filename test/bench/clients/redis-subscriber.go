// Counts the messages of a channel: redis-subscriber SOCKET [SECONDS to sleep for each]
package main

import (
	"fmt"
	"log"
	"os"
	"strconv"
	"time"

	"github.com/gomodule/redigo/redis"
)

func main() {
	var pause float64
	if len(os.Args) > 2 {
		pause, _ = strconv.ParseFloat(os.Args[2], 64)
	}
	connection, err := redis.Dial("unix", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	subscriber := redis.PubSubConn{Conn: connection}
	if err := subscriber.Subscribe("bench"); err != nil {
		log.Fatal(err)
	}
	count := 0
	for {
		switch message := subscriber.Receive().(type) {
		case redis.Message:
			count++
			if string(message.Data) == `"end"` {
				fmt.Println(count, 0)
			} else if pause > 0 {
				time.Sleep(time.Duration(pause * float64(time.Second)))
			}
		case error:
			log.Fatal(message)
		}
	}
}
