// Package chimed is a client of chimed, the daemon that samples things and broadcasts them to the local processes that
// have subscribed.
//
//	client := chimed.Connect(ctx, chimed.Options{Name: "dashboard"})
//	defer client.Close()
//	if err := client.Subscribe("host.>"); err != nil {
//		return err
//	}
//	for message := range client.Messages() {
//		fmt.Println(message.Topic, message.Seq, string(message.Data))
//	}
//
// A Client is one connection and one stream of messages. It connects in the background. Whenever the connection breaks, it
// connects again, registers again and resumes after the last message that it received, without a limit on attempts. All
// methods can be called by several goroutines at the same time.
package chimed

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	maxBacklog = 1 << 20 // bytes that wait for the daemon to read; past that, Send fails
	maxReason  = 999     // characters of the reason of a failure, which the daemon passes on
)

var errClosed = errorf(CodeClosed, "the client is closed")

// Options are the settings of a Client. The zero value of each is its default.
type Options struct {
	// Socket is the path of the daemon's socket. By default, it is $CHIMED_SOCKET_PATH, or searched for as docs/wire.md
	// describes.
	Socket string
	// Name is shown in the daemon's log and status. It has at most 100 characters.
	Name string
	// MinDelay and MaxDelay bound the delay between attempts to connect. The delay is random, up to MinDelay (100 ms) after
	// the first failure, doubled for each further one up to MaxDelay (5 s).
	MinDelay, MaxDelay time.Duration
	// Timeout is how long the daemon can take to answer, and how long a request waits for a daemon (5 s).
	Timeout time.Duration
	// Buffer (1000) and BufferBytes (8 MiB) bound the messages that wait for a program that is slower than its topics.
	// Past that, the oldest are dropped and counted in Missed.
	Buffer, BufferBytes int
	// Logf logs one line. By default, the standard logger is told once if there is no daemon.
	Logf func(format string, args ...any)
	// OnEvent is called for each event, one at a time and in order; the messages wait meanwhile. It must return soon. It can
	// call all methods except Publish and Get, which would wait for an answer that cannot arrive before it returns.
	OnEvent func(Event)
}

// Client is a connection to the daemon that is made again whenever it breaks.
type Client struct {
	options  Options
	ctx      context.Context
	cancel   context.CancelFunc
	messages chan Message
	queued   chan struct{} // the queue has messages
	toSend   chan struct{} // the session has frames to send
	ended    chan struct{} // closed when run has ended

	mu      sync.Mutex // guards what follows
	session *session
	queue   queue

	logged string // why the client waits, as it was logged last; only for the goroutine of run
	warned bool
}

// Connect returns a client at once, and connects in the background until Close is called or ctx ends.
func Connect(ctx context.Context, options Options) *Client {
	setDefault(&options.MinDelay, 100*time.Millisecond)
	setDefault(&options.MaxDelay, 5*time.Second)
	setDefault(&options.Timeout, 5*time.Second)
	setDefault(&options.Buffer, 1000)
	setDefault(&options.BufferBytes, 8<<20)
	c := &Client{
		options:  options,
		messages: make(chan Message),
		queued:   make(chan struct{}, 1),
		toSend:   make(chan struct{}, 1),
		ended:    make(chan struct{}),
		session:  newSession(options.Name),
		queue:    queue{maxMessages: options.Buffer, maxBytes: options.BufferBytes, dropped: map[string]uint64{}},
	}
	c.ctx, c.cancel = context.WithCancel(ctx)
	go c.run()
	go c.deliver()
	return c
}

func setDefault[T int | time.Duration](option *T, value T) {
	if *option <= 0 {
		*option = value
	}
}

// Close ends the client at once. It always returns nil.
func (c *Client) Close() error {
	c.cancel()
	return nil
}

// Messages returns the channel of all messages of the topics to which the client subscribes. It is closed after Close or
// the end of the context, when all goroutines of the client have ended.
func (c *Client) Messages() <-chan Message { return c.messages }

// Subscribe adds topics and patterns: `*` is one word of a topic's name, and `>` at the end is one or more words. The daemon
// sends the last message of each topic at once. A pattern that the daemon refuses is reported by Refused.
func (c *Client) Subscribe(patterns ...string) error {
	for _, pattern := range patterns {
		if !isName(pattern, patternSyntax) {
			return errorf(CodeBadRequest, "%q is neither a topic nor a pattern such as host.> or host.*", pattern)
		}
	}
	if c.ctx.Err() != nil {
		return errClosed
	}
	c.do(func(s *session) { s.subscribe(patterns) })
	return nil
}

// Unsubscribe removes topics and patterns. Messages that match none of the others are dropped, except one that is just being
// delivered.
func (c *Client) Unsubscribe(patterns ...string) {
	c.do(func(s *session) {
		s.unsubscribe(patterns)
		c.queue.keep(s.hears)
	})
}

// Publish publishes data, which is encoded as JSON, and returns the number of the message. The topic must be configured with
// `publish: true`. After CodeConnectionLost or CodeTimeout, the daemon may have published the message.
func (c *Client) Publish(ctx context.Context, topic string, data any) (seq uint64, err error) {
	payload, err := encode(data)
	if err != nil {
		return 0, err
	}
	answer, err := c.request(ctx, "chimed.publish", topic, payload)
	return answer.number("seq"), err
}

// Get returns the last message of a topic, or nil if it has none. It does not subscribe.
func (c *Client) Get(ctx context.Context, topic string) (*Message, error) {
	answer, err := c.request(ctx, "chimed.get", topic, nil)
	if err != nil || answer.get("seq") == nil {
		return nil, err
	}
	message := answer.message(topic)
	return &message, nil
}

// request makes a request and waits for its answer.
func (c *Client) request(ctx context.Context, kind, topic string, data []byte) (object, error) {
	var r *request
	if err := c.change(topic, func(s *session) *Error { r = s.ask(kind, topic, data); return nil }); err != nil {
		return nil, err
	}
	timer := time.NewTimer(c.options.Timeout)
	defer timer.Stop()
	var failure *Error
	select {
	case outcome := <-r.outcome:
		if outcome.err != nil {
			return nil, outcome.err
		}
		return outcome.answer, nil
	case <-timer.C:
		failure = errorf(CodeTimeout, "no answer to %s of %s within %s", kind, topic, c.options.Timeout)
	case <-ctx.Done():
		failure = &Error{CodeCanceled, fmt.Sprintf("no answer to %s of %s: %s", kind, topic, ctx.Err()), ctx.Err()}
	case <-c.ctx.Done():
		failure = errClosed
	}
	c.do(func(s *session) {
		s.finish(r.id, nil, nil)
		if failure.Code == CodeTimeout && s.reason != nil {
			failure.Message += ": " + s.reason.Message
		}
	})
	return nil, failure
}

// Provide makes this client the source of a topic that is configured with `provide: true`, until Unprovide. The event Wanted
// says that the topic has subscribers, and Unprovided that the daemon refuses.
func (c *Client) Provide(topic string) error {
	return c.change(topic, func(s *session) *Error { s.provide(topic); return nil })
}

// Unprovide gives up a topic.
func (c *Client) Unprovide(topic string) { c.do(func(s *session) { s.unprovide(topic) }) }

// Send sends a message of a provided topic, which ends a failure. It does not wait: it fails with CodeNotProvided if the
// daemon has not accepted the topic, or not yet again after a reconnection, and with CodeBusy while more than 1 MiB waits for
// the daemon to read it.
func (c *Client) Send(topic string, data any) error {
	payload, err := encode(data)
	if err != nil {
		return err
	}
	return c.change(topic, func(s *session) *Error {
		if len(s.out) > maxBacklog {
			return errorf(CodeBusy, "%d bytes wait for the daemon to read them", len(s.out))
		}
		return s.sendMessage(topic, payload)
	})
}

// Fail tells the subscribers of a provided topic that it fails, and why, until the next message. With a nil reason, the topic
// does not fail any longer.
func (c *Client) Fail(topic string, reason error) error {
	var text *string
	if reason != nil {
		runes := []rune(reason.Error())
		if len(runes) > maxReason {
			runes = runes[:maxReason]
		}
		text = new(string)
		*text = string(runes)
	}
	return c.change(topic, func(s *session) *Error { return s.fail(topic, text) })
}

// change changes something about a topic, unless the client is closed.
func (c *Client) change(topic string, change func(*session) *Error) error {
	if !isName(topic, topicSyntax) {
		return errorf(CodeBadRequest, "%q is not the name of a topic", topic)
	}
	if c.ctx.Err() != nil {
		return errClosed
	}
	var err *Error
	c.do(func(s *session) { err = change(s) })
	if err != nil {
		return err
	}
	return nil
}
