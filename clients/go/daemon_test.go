package chimed_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"chimed"
)

const config = `
topics:
  tick: {interval: 1h, data: 1}
  price: {publish: true}
  kept: {publish: true, history: 100}
  feed: {provide: true}
  host.big: {publish: true}
clients: {pendingBytes: 64KiB}
state: {file: %s}
`

// daemon is a real one: $CHIMED is the command that runs it.
type daemon struct {
	directory, socket string
	command           *exec.Cmd
}

func startDaemon(t *testing.T) *daemon {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED: -short leaves out the tests that need a daemon")
	}
	directory := t.TempDir()
	d := &daemon{directory: directory, socket: filepath.Join(directory, "s")}
	text := fmt.Sprintf(config, filepath.Join(directory, "state.json"))
	if err := os.WriteFile(filepath.Join(directory, "chimed.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	d.start(t)
	t.Cleanup(func() { d.stop(syscall.SIGKILL) })
	return d
}

// start runs the daemon and waits until it says that it listens.
func (d *daemon) start(t *testing.T) {
	t.Helper()
	command := strings.Fields(os.Getenv("CHIMED"))
	if len(command) == 0 {
		command = []string{"chimed"}
	}
	arguments := append(command[1:], "serve", "--config", filepath.Join(d.directory, "chimed.yaml"), "--socket", d.socket, "--log-format", "json")
	d.command = exec.Command(command[0], arguments...)
	d.command.Stderr = os.Stderr
	output, err := d.command.StdoutPipe()
	if err == nil {
		err = d.command.Start()
	}
	if err != nil {
		t.Fatalf("No daemon to test with: %v. Set CHIMED to a command such as `node /path/to/dist/cli/main.js`, or use -short.", err)
	}
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if strings.Contains(lines.Text(), `"listening"`) {
			go func() { _, _ = io.Copy(io.Discard, output) }()
			return
		}
	}
	t.Fatal("the daemon has ended without listening")
}

func (d *daemon) stop(signal syscall.Signal) {
	_ = d.command.Process.Signal(signal)
	_ = d.command.Wait()
}

func publish(t *testing.T, c *chimed.Client, topic string, data any) uint64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	seq, err := c.Publish(ctx, topic, data)
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

func expect(t *testing.T, c *chimed.Client, topic string, seq, missed uint64) chimed.Message {
	t.Helper()
	message := receive(t, c)
	if message.Topic != topic || message.Seq != seq || message.Missed != missed {
		t.Fatalf("got %s %d, missed %d, instead of %s %d, missed %d", message.Topic, message.Seq, message.Missed, topic, seq, missed)
	}
	return message
}

func TestPublishAndGet(t *testing.T) {
	d := startDaemon(t)
	c, events := client(t, chimed.Options{Socket: d.socket, Name: "go"})
	if err := c.Subscribe("price", "no.such", "tick"); err != nil {
		t.Fatal(err)
	}
	if refused := await(t, events, chimed.Refused, "no.such"); refused.Err.Code != "unknown-topic" {
		t.Errorf("refused because of %v", refused.Err)
	}
	expect(t, c, "tick", 1, 0)
	ctx := context.Background()
	if last, err := c.Get(ctx, "price"); last != nil || err != nil {
		t.Errorf("before the first message: %v, %v", last, err)
	}
	payload := json.RawMessage(`{"n":12345678901234567890.10,"s":"<\ud800é>"}`)
	publish(t, c, "price", payload)
	message := expect(t, c, "price", 1, 0)
	last, err := c.Get(ctx, "price")
	if err != nil || last == nil || string(last.Data) != string(message.Data) || last.Instance != message.Instance {
		t.Errorf("got %+v, %v", last, err)
	}
	if age := time.Since(message.Time); age < 0 || age > time.Minute {
		t.Errorf("the message is %s old", age)
	}
	_, err = c.Publish(ctx, "tick", 1)
	checkCode(t, err, "not-publishable")
	_, err = c.Get(ctx, "no.such")
	checkCode(t, err, "unknown-topic")
	_, err = c.Publish(ctx, "price", strings.Repeat("x", 2<<20))
	checkCode(t, err, chimed.CodeTooLarge)
	c.Unsubscribe("price")
	publish(t, c, "price", 2)
	if err := c.Subscribe("price"); err != nil {
		t.Fatal(err)
	}
	expect(t, c, "price", 2, 0)
}

func TestDaemonIsKilled(t *testing.T) {
	d := startDaemon(t)
	c, events := client(t, chimed.Options{Socket: d.socket})
	if err := c.Subscribe("price"); err != nil {
		t.Fatal(err)
	}
	publish(t, c, "price", 1)
	first := expect(t, c, "price", 1, 0)
	await(t, events, chimed.Ready, "")
	d.stop(syscall.SIGKILL)
	await(t, events, chimed.Waiting, "")
	d.start(t)
	await(t, events, chimed.Uncounted, "")
	await(t, events, chimed.Ready, "")
	publish(t, c, "price", 2)
	if second := expect(t, c, "price", 1, 0); second.Instance == first.Instance {
		t.Error("the numbering is the same")
	}
}

func TestDaemonIsRestarted(t *testing.T) {
	d := startDaemon(t)
	c, events := client(t, chimed.Options{Socket: d.socket})
	if err := c.Subscribe("price"); err != nil {
		t.Fatal(err)
	}
	publish(t, c, "price", 1)
	first := expect(t, c, "price", 1, 0)
	await(t, events, chimed.Ready, "")
	d.stop(syscall.SIGTERM)
	if waiting := await(t, events, chimed.Waiting, ""); !strings.Contains(waiting.Err.Message, "SIGTERM") {
		t.Errorf("waiting because of %v", waiting.Err)
	}
	d.start(t)
	publish(t, c, "price", 2)
	if second := expect(t, c, "price", 2, 0); second.Instance != first.Instance {
		t.Error("the numbering has changed")
	}
}

// gate is a socket through which a client reaches the daemon, until it is shut.
type gate struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

func openGate(t *testing.T, socket, daemon string) *gate {
	t.Helper()
	_ = os.Remove(socket)
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{Listener: listener}
	t.Cleanup(g.shut)
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("unix", daemon)
			if err != nil {
				near.Close()
				continue
			}
			g.mu.Lock()
			g.conns = append(g.conns, near, far)
			g.mu.Unlock()
			go func() { _, _ = io.Copy(near, far) }()
			go func() { _, _ = io.Copy(far, near) }()
		}
	}()
	return g
}

func (g *gate) shut() {
	g.Close()
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, conn := range g.conns {
		conn.Close()
	}
}

func TestMissedIsExactAfterAReconnection(t *testing.T) {
	d := startDaemon(t)
	publisher, _ := client(t, chimed.Options{Socket: d.socket})
	socket := filepath.Join(d.directory, "gate")
	gate := openGate(t, socket, d.socket)
	c, events := client(t, chimed.Options{Socket: socket})
	if err := c.Subscribe("price", "kept"); err != nil {
		t.Fatal(err)
	}
	publish(t, publisher, "price", 1)
	expect(t, c, "price", 1, 0)
	publish(t, publisher, "kept", 1)
	expect(t, c, "kept", 1, 0)
	gate.shut()
	await(t, events, chimed.Waiting, "")
	for i := 2; i <= 6; i++ {
		publish(t, publisher, "price", i)
		publish(t, publisher, "kept", i)
	}
	openGate(t, socket, d.socket)
	received := map[string]int{}
	for received["price"]+received["kept"] < 6 { // The order of the two topics is the daemon's.
		message := receive(t, c)
		received[message.Topic]++
		switch {
		case message.Topic == "price" && (message.Seq != 6 || message.Missed != 4):
			t.Errorf("price %d, missed %d", message.Seq, message.Missed)
		case message.Topic == "kept" && (message.Seq != uint64(received["kept"]+1) || message.Missed != 0):
			t.Errorf("kept %d, missed %d", message.Seq, message.Missed)
		}
	}
}

func TestSlowProgramCanCountWhatItMissed(t *testing.T) {
	d := startDaemon(t)
	c, _ := client(t, chimed.Options{Socket: d.socket, Buffer: 10})
	if err := c.Subscribe("price"); err != nil {
		t.Fatal(err)
	}
	publish(t, c, "price", 1)
	for i := 2; i <= 100; i++ {
		publish(t, c, "price", i)
	}
	// The answer arrives after the message, so all have arrived: one is being delivered, and ten wait.
	expect(t, c, "price", 1, 0)
	expect(t, c, "price", 91, 89)
	for seq := uint64(92); seq <= 100; seq++ {
		expect(t, c, "price", seq, 0)
	}
}

func TestProvide(t *testing.T) {
	d := startDaemon(t)
	provider, events := client(t, chimed.Options{Socket: d.socket, Name: "provider"})
	listener, heard := client(t, chimed.Options{Socket: d.socket})
	checkCode(t, provider.Send("feed", 0), chimed.CodeNotProvided)
	for _, topic := range []string{"feed", "tick"} {
		if err := provider.Provide(topic); err != nil {
			t.Fatal(err)
		}
	}
	if refused := await(t, events, chimed.Unprovided, "tick"); refused.Err.Code != "not-providable" {
		t.Errorf("refused because of %v", refused.Err)
	}
	if err := listener.Subscribe("feed"); err != nil {
		t.Fatal(err)
	}
	await(t, events, chimed.Wanted, "feed")
	send := func(data any) {
		t.Helper()
		if err := provider.Send("feed", data); err != nil {
			t.Fatal(err)
		}
	}
	send(map[string]int{"a": 1})
	if message := expect(t, listener, "feed", 1, 0); string(message.Data) != `{"a":1}` {
		t.Errorf("got %s", message.Data)
	}
	if err := provider.Fail("feed", errors.New("no contact")); err != nil {
		t.Fatal(err)
	}
	if failing := await(t, heard, chimed.Failing, "feed"); failing.Err.Message != "no contact" {
		t.Errorf("failing because of %v", failing.Err)
	}
	if err := provider.Fail("feed", nil); err != nil {
		t.Fatal(err)
	}
	await(t, heard, chimed.Recovered, "feed")
	checkCode(t, provider.Send("feed", strings.Repeat("x", 2<<20)), chimed.CodeTooLarge)
	d.stop(syscall.SIGTERM)
	await(t, events, chimed.Unwanted, "feed")
	d.start(t)
	await(t, events, chimed.Wanted, "feed")
	send(2)
	expect(t, listener, "feed", 2, 0)
	provider.Unprovide("feed")
	await(t, heard, chimed.Failing, "feed")
	checkCode(t, provider.Send("feed", 3), chimed.CodeNotProvided)
}

func TestDashboard(t *testing.T) {
	d := startDaemon(t)
	program := filepath.Join(d.directory, "dashboard")
	if output, err := exec.Command("go", "build", "-o", program, "./examples/dashboard").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	c, _ := client(t, chimed.Options{Socket: d.socket})
	publish(t, c, "host.big", "first")
	dashboard := exec.Command(program)
	dashboard.Env = append(os.Environ(), "CHIMED_SOCKET_PATH="+d.socket)
	stderr := new(strings.Builder)
	dashboard.Stderr = stderr
	output, err := dashboard.StdoutPipe()
	if err == nil {
		err = dashboard.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(patience, func() { _ = dashboard.Process.Kill() })
	defer timer.Stop()
	lines := bufio.NewScanner(output)
	if lines.Scan(); lines.Text() != `host.big 1 "first"` {
		t.Errorf("printed %q", lines.Text())
	}
	_ = dashboard.Process.Signal(syscall.SIGSTOP)
	var last uint64
	for i := 0; i < 50; i++ {
		last = publish(t, c, "host.big", strings.Repeat("x", 30_000))
	}
	_ = dashboard.Process.Signal(syscall.SIGCONT)
	seen := 1
	for lines.Scan() {
		seen++
		if strings.HasPrefix(lines.Text(), fmt.Sprintf("host.big %d ", last)) {
			break
		}
	}
	_ = dashboard.Process.Kill()
	_ = dashboard.Wait()
	missed := 0
	for _, line := range strings.Split(stderr.String(), "\n") {
		var count int
		if _, err := fmt.Sscanf(line, "missed %d messages of host.big", &count); err == nil {
			missed += count
		}
	}
	if missed == 0 || seen+missed != int(last) {
		t.Errorf("received %d of %d, missed %d", seen, last, missed)
	}
}
