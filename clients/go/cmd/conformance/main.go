// Command conformance is the adapter through which chimed's conformance suite tries this client: it reads commands on stdin
// and writes events on stdout, as docs/conformance.md describes.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"os"
	"sync"

	"chimed"
)

type command struct {
	Do     string          `json:"do"`
	ID     json.RawMessage `json:"id"`
	Name   string          `json:"name"`
	Topic  string          `json:"topic"`
	Topics []string        `json:"topics"`
	Data   json.RawMessage `json:"data"`
	Error  string          `json:"error"`
}

type fields map[string]any

func main() {
	log.SetFlags(0)
	write(fields{"on": "hello", "client": "go", "features": []string{"listen", "publish", "get", "provide"}})
	adapter := adapter{pause: make(chan bool)}
	input := json.NewDecoder(os.Stdin)
	for {
		var command command
		if err := input.Decode(&command); err != nil {
			log.Fatalf("cannot read a command: %v", err)
		}
		adapter.obey(command)
	}
}

type adapter struct {
	client        *chimed.Client
	subscriptions [][]string
	pause         chan bool
}

func (a *adapter) obey(c command) {
	switch c.Do {
	case "connect":
		a.client = chimed.Connect(context.Background(), chimed.Options{Name: c.Name, OnEvent: writeEvent, Logf: writeLog})
		go a.take()
	case "listen":
		a.subscriptions = append(a.subscriptions, c.Topics)
		if err := a.client.Subscribe(c.Topics...); err != nil {
			write(fields{"on": "refused", "topic": c.Topics[0], "code": codeOf(err)})
		}
	case "unlisten":
		a.client.Unsubscribe(a.unlisten(c.Topics)...)
	case "pause", "continue":
		a.pause <- c.Do == "pause"
	case "publish":
		ask(c.ID, func(ctx context.Context) (fields, error) {
			seq, err := a.client.Publish(ctx, c.Topic, c.Data)
			return fields{"on": "published", "seq": seq}, err
		})
	case "get":
		ask(c.ID, func(ctx context.Context) (fields, error) {
			message, err := a.client.Get(ctx, c.Topic)
			if message == nil {
				return fields{"on": "got"}, err
			}
			return fields{"on": "got", "seq": message.Seq, "data": message.Data}, err
		})
	case "provide":
		report(c.Topic, a.client.Provide(c.Topic))
	case "send":
		report(c.Topic, a.client.Send(c.Topic, c.Data))
	case "fail":
		report(c.Topic, a.client.Fail(c.Topic, errors.New(c.Error)))
	case "unprovide":
		a.client.Unprovide(c.Topic)
	case "close":
		a.client.Close()
		for range a.client.Messages() { // It is closed when the client has ended.
		}
		write(fields{"on": "closed"})
		os.Exit(0)
	default:
		log.Fatalf("unknown command %q", c.Do)
	}
}

// unlisten removes a subscription, and returns those of its patterns that no other subscription has.
func (a *adapter) unlisten(patterns []string) (ended []string) {
	for i, subscription := range a.subscriptions {
		if equal(subscription, patterns) {
			a.subscriptions = append(a.subscriptions[:i], a.subscriptions[i+1:]...)
			break
		}
	}
	needed := map[string]bool{}
	for _, subscription := range a.subscriptions {
		for _, pattern := range subscription {
			needed[pattern] = true
		}
	}
	for _, pattern := range patterns {
		if !needed[pattern] {
			ended = append(ended, pattern)
		}
	}
	return ended
}

func equal(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// take writes the messages, except while it is paused.
func (a *adapter) take() {
	messages := a.client.Messages()
	for {
		select {
		case message, ok := <-messages:
			if !ok {
				return
			}
			writeMessage(message)
		case isPaused := <-a.pause:
			for isPaused {
				isPaused = <-a.pause
			}
		}
	}
}

func writeMessage(m chimed.Message) {
	event := fields{
		"on": "message", "topic": m.Topic, "seq": m.Seq, "time": m.Time.UnixMilli(), "data": m.Data,
		"missed": m.Missed, "instance": m.Instance,
	}
	if m.Offset > 0 {
		event["offset"] = m.Offset
	}
	if m.Stale {
		event["stale"] = true
	}
	write(event)
}

func writeEvent(e chimed.Event) {
	event := fields{"on": e.Kind}
	if e.Topic != "" {
		event["topic"] = e.Topic
	}
	if e.Err != nil {
		event["code"], event["error"] = e.Err.Code, e.Err.Message
	}
	write(event)
}

func writeLog(format string, args ...any) { log.Printf(format, args...) }

// ask makes a request and writes its answer later. It returns when the request was made, so that requests stay in order.
func ask(id json.RawMessage, request func(context.Context) (fields, error)) {
	ctx := &askedContext{Context: context.Background(), asked: make(chan struct{})}
	go func() {
		answer, err := request(ctx)
		ctx.Done() // It may have failed before.
		if err != nil {
			answer = fields{"on": "failed", "code": codeOf(err)}
		}
		answer["id"] = id
		write(answer)
	}()
	<-ctx.asked
}

// askedContext is a context that can tell when the client has begun to wait for an answer.
type askedContext struct {
	context.Context
	once  sync.Once
	asked chan struct{}
}

func (c *askedContext) Done() <-chan struct{} {
	c.once.Do(func() { close(c.asked) })
	return c.Context.Done()
}

// report writes why a command without an answer has failed, if it has.
func report(topic string, err error) {
	if err != nil {
		write(fields{"on": "log", "topic": topic, "message": err.Error()})
	}
}

func codeOf(err error) string {
	var failure *chimed.Error
	if errors.As(err, &failure) {
		return failure.Code
	}
	return err.Error()
}

var output sync.Mutex

// write writes one event on a line of its own.
func write(event fields) {
	output.Lock()
	defer output.Unlock()
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(event); err != nil {
		log.Fatalf("cannot write an event: %v", err)
	}
}
