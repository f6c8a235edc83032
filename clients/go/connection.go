package chimed

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"os"
	"sync"
	"time"
)

const (
	readBytes    = 64 << 10
	writeBytes   = 64 << 10         // written at once
	writeTimeout = 30 * time.Second // in which the daemon must have read some of that
)

// run keeps a connection to the daemon until the client is closed.
func (c *Client) run() {
	defer close(c.ended)
	for attempt := 1; ; attempt++ {
		wasReady, err := c.connect()
		if c.ctx.Err() != nil {
			return
		}
		if wasReady {
			attempt = 1
		}
		delay := randomDelay(longestDelay(attempt, c.options.MinDelay, c.options.MaxDelay))
		c.do(func(s *session) { s.lost(err, delay) })
		c.report()
		timer := time.NewTimer(delay)
		select {
		case <-timer.C:
		case <-c.ctx.Done():
			timer.Stop()
			return
		}
	}
}

// longestDelay returns the upper bound of the delay after so many attempts, from 1.
func longestDelay(attempt int, min, max time.Duration) time.Duration {
	for ; attempt > 1 && min < max; attempt-- {
		min *= 2
	}
	if min > max {
		return max
	}
	return min
}

// randomDelay returns a delay from 0 to longest. The numbers of math/rand would be the same in each process.
func randomDelay(longest time.Duration) time.Duration {
	delay, err := rand.Int(rand.Reader, big.NewInt(int64(longest)+1))
	if err != nil {
		return longest
	}
	return time.Duration(delay.Int64())
}

// connect makes one connection and takes what it brings. It returns whether the daemon has registered the client, and why
// the connection has ended.
func (c *Client) connect() (wasReady bool, err *Error) {
	deadline := time.Now().Add(c.options.Timeout)
	where := []place{{path: c.options.Socket}}
	if c.options.Socket == "" {
		where = places(os.Getenv, os.Getuid())
	}
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	dialing, dialed := context.WithDeadline(ctx, deadline)
	conn, path, err := dial(dialing, where)
	dialed()
	if err != nil {
		return false, err
	}
	var helpers sync.WaitGroup
	defer helpers.Wait()
	defer cancel()
	helpers.Add(2)
	go func() {
		defer helpers.Done()
		<-ctx.Done()
		conn.Close()
	}()
	go func() {
		defer helpers.Done()
		c.write(ctx, conn)
	}()
	_ = conn.SetReadDeadline(deadline)
	c.do((*session).hello)
	isReady, failure := c.read(conn)
	switch {
	case !isReady && errors.Is(failure, os.ErrDeadlineExceeded):
		err = errorf(CodeTimeout, "the daemon at %s did not answer within %s", path, c.options.Timeout)
	case !errors.As(failure, &err):
		err = &Error{CodeConnectionLost, "the connection to " + path + " has ended: " + failure.Error(), failure}
	default:
		err.Message = "the server at " + path + " is not chimed: " + err.Message
	}
	return isReady, err
}

// read takes frames until the connection ends. It returns whether the daemon has registered the client.
func (c *Client) read(conn net.Conn) (isReady bool, err error) {
	reader := bufio.NewReaderSize(conn, readBytes)
	for {
		raw, err := readFrame(reader, maxFrame)
		if err != nil {
			return isReady, err
		}
		frame, err := parseFrame(raw)
		if err != nil {
			return isReady, err
		}
		wasReady := isReady
		var mustEnd bool
		isReady, mustEnd = c.receive(frame)
		if mustEnd {
			return isReady, io.EOF // The session knows why.
		}
		if isReady && !wasReady {
			_ = conn.SetReadDeadline(time.Time{})
		}
	}
}

// receive takes a frame and hands over what it brings. It returns whether the daemon has registered the client, and whether
// the connection must end.
func (c *Client) receive(frame object) (isReady, mustEnd bool) {
	var message Message
	var isMessage bool
	c.do(func(s *session) { message, isMessage = s.receive(frame) })
	c.report() // The program is told before it can receive the message.
	c.do(func(s *session) {
		if isMessage && s.hears(message.Topic) {
			c.queue.push(message)
			signal(c.queued)
		}
		if retries := s.retries; len(retries) > 0 {
			s.retries = nil
			time.AfterFunc(successionDelay, func() { c.do(func(s *session) { s.askFor(retries...) }) })
		}
		isReady, mustEnd = s.ready, s.hangUp
	})
	return isReady, mustEnd
}

// report tells the log and the program of events. Only the goroutine of run calls it, so that they stay in order.
func (c *Client) report() {
	c.mu.Lock()
	events := c.session.events
	c.session.events = nil
	c.mu.Unlock()
	for _, event := range events {
		c.log(event)
		if c.options.OnEvent != nil {
			c.options.OnEvent(event)
		}
	}
}

// log writes a line about an event. While the client finds no daemon, each reason is logged once.
func (c *Client) log(event Event) {
	logf := c.options.Logf
	switch {
	case event.Kind == Wanted || event.Kind == Unwanted:
		return
	case event.Kind == Ready:
		c.logged = ""
	case event.Kind == Waiting && event.Err.Message == c.logged:
		return
	case event.Kind == Waiting:
		c.logged = event.Err.Message
		if logf == nil && !c.warned { // A program that waits for a daemon looks like one that hangs.
			c.warned, logf = true, log.Printf
		}
	}
	if logf != nil {
		logf("chimed: %s", event)
	}
}

// write sends what the session has to send.
func (c *Client) write(ctx context.Context, conn net.Conn) {
	for {
		c.mu.Lock()
		piece := c.session.out
		c.mu.Unlock()
		if len(piece) == 0 {
			select {
			case <-c.toSend:
				continue
			case <-ctx.Done():
				return
			}
		}
		if len(piece) > writeBytes {
			piece = piece[:writeBytes]
		}
		_ = conn.SetWriteDeadline(time.Now().Add(writeTimeout))
		if _, err := conn.Write(piece); err != nil {
			// What the daemon said before it closed the connection can still be read.
			_ = conn.SetReadDeadline(time.Now().Add(time.Second))
			return
		}
		c.mu.Lock()
		c.session.out = c.session.out[len(piece):]
		c.session.pump()
		c.mu.Unlock()
	}
}

// deliver hands the messages to the program.
func (c *Client) deliver() {
	defer func() {
		<-c.ended
		close(c.messages)
	}()
	for {
		c.mu.Lock()
		message := c.queue.take()
		c.mu.Unlock()
		if message == nil {
			select {
			case <-c.queued:
				continue
			case <-c.ctx.Done():
				return
			}
		}
		select {
		case c.messages <- *message:
		case <-c.ctx.Done():
			return
		}
	}
}

// do changes the session, and has sent what it wants to send.
func (c *Client) do(change func(*session)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c.session)
	if len(c.session.out) > 0 {
		signal(c.toSend)
	}
}

// signal wakes the goroutine that waits for a channel with room for one value.
func signal(channel chan struct{}) {
	select {
	case channel <- struct{}{}:
	default:
	}
}
