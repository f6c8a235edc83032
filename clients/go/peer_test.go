package chimed_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"chimed"
)

const patience = 20 * time.Second

// peer is a daemon that does what a test tells it.
type peer struct {
	net.Conn
	frames *bufio.Reader
}

func listen(t *testing.T) *net.UnixListener {
	t.Helper()
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "s"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}

// accept waits for the client, and returns the registration with which it begins.
func accept(t *testing.T, listener *net.UnixListener) (*peer, string) {
	t.Helper()
	_ = listener.SetDeadline(time.Now().Add(patience))
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	p := &peer{conn, bufio.NewReader(conn)}
	return p, p.frame(t)
}

func (p *peer) frame(t *testing.T) string {
	t.Helper()
	frame, err := p.frames.ReadString('\f')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(frame, "\f")
}

func (p *peer) send(t *testing.T, frames ...string) {
	t.Helper()
	if _, err := p.Write([]byte(strings.Join(frames, "\f") + "\f")); err != nil {
		t.Fatal(err)
	}
}

const registered = `{"type":"chimed.registered","data":{"instance":"one","limits":{"frameBytes":1048576}}}`

// client connects, and collects the events.
func client(t *testing.T, options chimed.Options) (*chimed.Client, chan chimed.Event) {
	events := make(chan chimed.Event, 1000)
	options.OnEvent = func(event chimed.Event) { events <- event }
	options.Logf = t.Logf
	c := chimed.Connect(context.Background(), options)
	t.Cleanup(func() { end(t, c) })
	return c, events
}

// end closes a client and waits until its goroutines have ended, before the log of the test does.
func end(t *testing.T, c *chimed.Client) {
	t.Helper()
	c.Close()
	timeout := time.After(patience)
	for {
		select {
		case _, ok := <-c.Messages():
			if !ok {
				return
			}
		case <-timeout:
			t.Fatal("the client has not ended")
		}
	}
}

// await waits for an event, and skips others.
func await(t *testing.T, events chan chimed.Event, kind chimed.EventKind, topic string) chimed.Event {
	t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case event := <-events:
			if event.Kind == kind && event.Topic == topic {
				return event
			}
		case <-timeout:
			t.Fatalf("no event %s %s", kind, topic)
		}
	}
}

func receive(t *testing.T, c *chimed.Client) chimed.Message {
	t.Helper()
	select {
	case message := <-c.Messages():
		return message
	case <-time.After(patience):
		t.Fatal("no message")
		panic("unreachable")
	}
}

func checkCode(t *testing.T, err error, code string) {
	t.Helper()
	var failure *chimed.Error
	if !errors.As(err, &failure) || failure.Code != code {
		t.Errorf("error %v instead of %s", err, code)
	}
}

func TestCloseEndsAllGoroutines(t *testing.T) {
	listener := listen(t)
	socket := listener.Addr().String()
	before := runtime.NumGoroutine()
	states := map[string]func(*chimed.Client){
		"while there is no daemon":                    func(*chimed.Client) {},
		"while the daemon does not answer":            func(*chimed.Client) { accept(t, listener) },
		"while a program does not take its messages":  func(*chimed.Client) { p, _ := accept(t, listener); p.send(t, registered, `{"type":"a","seq":1}`) },
		"while it waits for the answer of a request":  nil,
		"while the daemon does not read what it sent": nil,
	}
	states["while it waits for the answer of a request"] = func(c *chimed.Client) {
		p, _ := accept(t, listener)
		p.send(t, registered)
		failure := make(chan error, 1)
		go func() {
			_, err := c.Get(context.Background(), "a")
			failure <- err
		}()
		p.frame(t)
		c.Close()
		checkCode(t, <-failure, chimed.CodeClosed)
	}
	states["while the daemon does not read what it sent"] = func(c *chimed.Client) {
		p, _ := accept(t, listener)
		p.send(t, registered)
		if err := c.Provide("a"); err != nil {
			t.Fatal(err)
		}
		p.frame(t)
		p.send(t, `{"type":"chimed.provided","data":{"id":1}}`, `{"type":"chimed.wanted","data":{"topic":"a"}}`)
		payload, deadline := strings.Repeat("x", 100_000), time.Now().Add(patience)
		for {
			err := c.Send("a", payload)
			var failure *chimed.Error
			if errors.As(err, &failure) && failure.Code == chimed.CodeBusy {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("sending does not end: %v", err)
			}
		}
	}
	for state, reach := range states {
		options := chimed.Options{Socket: socket, Name: "x", Logf: t.Logf, MinDelay: time.Hour, MaxDelay: time.Hour}
		if state == "while there is no daemon" {
			options.Socket = filepath.Join(t.TempDir(), "none")
		}
		ctx, cancel := context.WithCancel(context.Background())
		c := chimed.Connect(ctx, options)
		if err := c.Subscribe("a"); err != nil {
			t.Fatal(err)
		}
		reach(c)
		start := time.Now()
		cancel() // as Close does
		end(t, c)
		if took := time.Since(start); took > time.Second {
			t.Errorf("%s: closing took %s", state, took)
		}
		checkCode(t, c.Subscribe("b"), chimed.CodeClosed)
		_, err := c.Publish(context.Background(), "a", 1)
		checkCode(t, err, chimed.CodeClosed)
	}
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<16)
			t.Fatalf("goroutines are left:\n%s", stacks[:runtime.Stack(stacks, true)])
		}
	}
}

func TestContextsAndTimeoutsEndRequests(t *testing.T) {
	listener := listen(t)
	c, events := client(t, chimed.Options{Socket: listener.Addr().String(), Timeout: 50 * time.Millisecond, MinDelay: time.Millisecond})
	accept(t, listener) // and give no answer
	if event := await(t, events, chimed.Waiting, ""); event.Err.Code != chimed.CodeTimeout {
		t.Errorf("waiting because of %v", event.Err)
	}
	_, err := c.Publish(context.Background(), "a", 1)
	checkCode(t, err, chimed.CodeTimeout)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = c.Get(ctx, "a")
	checkCode(t, err, chimed.CodeCanceled)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v does not wrap context.Canceled", err)
	}
	for _, data := range []any{make(chan int), json.RawMessage("{"), map[string]any{"f": func() {}}} {
		_, err = c.Publish(context.Background(), "a", data)
		checkCode(t, err, chimed.CodeBadRequest)
	}
	_, err = c.Publish(context.Background(), "a.*", 1)
	checkCode(t, err, chimed.CodeBadRequest)
	checkCode(t, c.Subscribe("a", "b..c"), chimed.CodeBadRequest)
	checkCode(t, c.Fail("a", nil), chimed.CodeNotProvided)
}

func TestAllMethodsButRequestsCanBeCalledByOnEvent(t *testing.T) {
	listener := listen(t)
	var c *chimed.Client
	made := make(chan struct{})
	c = chimed.Connect(context.Background(), chimed.Options{Socket: listener.Addr().String(), Logf: t.Logf, OnEvent: func(event chimed.Event) {
		<-made
		switch event.Kind {
		case chimed.Ready:
			_ = c.Subscribe("a")
			_ = c.Provide("b")
		case chimed.Wanted:
			_ = c.Send("b", "<&>")
			c.Unsubscribe("a")
			c.Close()
		}
	}})
	close(made)
	p, _ := accept(t, listener)
	p.send(t, registered)
	if got := p.frame(t); got != `{"type":"chimed.register","data":{"topics":["a"]}}` {
		t.Errorf("got %s", got)
	}
	if got := p.frame(t); got != `{"type":"chimed.provide","data":{"id":1,"topics":["b"]}}` {
		t.Errorf("got %s", got)
	}
	p.send(t, `{"type":"chimed.provided","data":{"id":1}}`, `{"type":"chimed.wanted","data":{"topic":"b","instance":"one","seq":0}}`)
	end(t, c)
}

func TestPayloadLargerThanTheBufferIsDelivered(t *testing.T) {
	listener := listen(t)
	c, _ := client(t, chimed.Options{Socket: listener.Addr().String()})
	if err := c.Subscribe(">"); err != nil {
		t.Fatal(err)
	}
	p, _ := accept(t, listener)
	large := `"` + strings.Repeat("x", 9<<20) + `"`
	p.send(t, registered, `{"type":"a","data":`+large+`,"seq":1}`, `{"type":"a","data":2,"seq":2}`)
	if first := receive(t, c); string(first.Data) != large {
		t.Errorf("%d bytes of seq %d", len(first.Data), first.Seq)
	}
	if second := receive(t, c); second.Seq != 2 || second.Missed != 0 {
		t.Errorf("seq %d, missed %d", second.Seq, second.Missed)
	}
}

func TestWhatIsNoFrameEndsTheConnection(t *testing.T) {
	listener := listen(t)
	c, events := client(t, chimed.Options{Socket: listener.Addr().String(), MinDelay: time.Millisecond, MaxDelay: time.Millisecond})
	if err := c.Subscribe("a"); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{"no JSON", "[]", `{"data":1}`, string(bytes.Repeat([]byte("["), 20_000))} {
		p, _ := accept(t, listener)
		p.send(t, registered, wrong, `{"type":"a","data":1,"seq":1}`)
		await(t, events, chimed.Waiting, "")
	}
	p, _ := accept(t, listener)
	p.send(t, registered, `{"type":"a","data":2,"seq":2}`)
	if message := receive(t, c); message.Seq != 2 || message.Missed != 0 {
		t.Errorf("got %+v", message)
	}
}
