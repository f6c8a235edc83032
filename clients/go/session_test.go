package chimed

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// framesOf reads frames until the end.
func framesOf(t *testing.T, reader io.Reader) (frames []string, err error) {
	t.Helper()
	buffered := bufio.NewReaderSize(reader, 16)
	for {
		frame, err := readFrame(buffered, 1000)
		if err != nil {
			return frames, err
		}
		frames = append(frames, string(frame))
	}
}

func TestFramesAreTheSameAtEachSplit(t *testing.T) {
	stream := "{\"type\":\"a\",\"data\":\"é€😀\"}\f\n {\"type\":\"b\",\"data\":\"" + strings.Repeat("x", 100) + "\"}\f\f{\"unfinished"
	want := strings.Split(stream, "\f")[:3]
	for at := 0; at <= len(stream); at++ {
		split := io.MultiReader(strings.NewReader(stream[:at]), strings.NewReader(stream[at:]))
		got, err := framesOf(t, split)
		if err != io.EOF || !reflect.DeepEqual(got, want) {
			t.Fatalf("split at %d: got %q, %v", at, got, err)
		}
	}
	got, err := framesOf(t, iotest.OneByteReader(strings.NewReader(stream)))
	if err != io.EOF || !reflect.DeepEqual(got, want) {
		t.Errorf("byte by byte: got %q, %v", got, err)
	}
}

func TestFrameLengthIsBounded(t *testing.T) {
	for _, most := range []int{10, 16, 17, 100} {
		for length := most - 1; length <= most+1; length++ {
			reader := bufio.NewReaderSize(strings.NewReader(strings.Repeat("0", length)+"\f"), 16)
			frame, err := readFrame(reader, most)
			var failure *Error
			isTooLarge := errors.As(err, &failure) && failure.Code == CodeTooLarge
			if isTooLarge != (length > most) || !isTooLarge && len(frame) != length {
				t.Errorf("%d bytes with limit %d: %d bytes, %v", length, most, len(frame), err)
			}
		}
		endless := io.MultiReader(strings.NewReader(strings.Repeat("0", most+20)), iotest.ErrReader(errors.New("read on")))
		if _, err := readFrame(bufio.NewReaderSize(endless, 16), most); err == nil || err.Error() == "read on" {
			t.Errorf("an endless frame with limit %d: %v", most, err)
		}
	}
}

func TestParseFrame(t *testing.T) {
	deep := strings.Repeat("[", 64) + strings.Repeat("]", 64)
	for _, test := range []struct{ raw, topic, data string }{
		{`{"type":"t","data":1}`, "t", "1"},
		{" \n{ \"data\" : [ 1 , {\"a\":\"]}\\\"\"} ] , \"type\" : \"t\" } ", "t", `[ 1 , {"a":"]}\""} ]`},
		{`{"\u0074ype":"\u0074","d\u0061ta":true}`, "t", "true"},
		{`{"Type":"no","type":"t","TYPE":"no","data":null}`, "t", "null"},
		{`{"type":"t"}`, "t", "null"},
		{`{"type":"t","data":12345678901234567890.10}`, "t", "12345678901234567890.10"},
		{`{"type":"t","data":"\ud800"}`, "t", `"\ud800"`},
		{`{"type":"t","data":` + deep + `}`, "t", deep},
		{"{\"type\":\"t\",\"data\":\"a\xffb\"}", "t", `"a` + "\uFFFD" + `b"`},
		{`{"type":"t","data":{},"data":2}`, "t", "2"},
		{`{"type":""}`, "", ""},
		{`{"type":5}`, "", ""},
		{`{"type":"t"} {}`, "", ""},
		{`{"type":"t",}`, "", ""},
		{`["type"]`, "", ""},
		{`"type"`, "", ""},
		{`null`, "", ""},
		{"{\"type\":\"t\",\"data\":\xff}", "", ""},
		{``, "", ""},
		{strings.Repeat("[", 100_000), "", ""},
	} {
		frame, err := parseFrame([]byte(test.raw))
		message := frame.message(frame.text("type"))
		if test.topic == "" {
			if err == nil {
				t.Errorf("%.60q is a frame of %q", test.raw, message.Topic)
			}
		} else if err != nil || message.Topic != test.topic || string(message.Data) != test.data {
			t.Errorf("%.60q: got %q %.60s, %v", test.raw, message.Topic, message.Data, err)
		}
	}
	frame, _ := parseFrame([]byte(`{"seq":9007199254740991,"type":"t","time":1795000001234,"offset":-1,"instance":"i","stale":true}`))
	want := Message{Topic: "t", Seq: 1<<53 - 1, Time: time.UnixMilli(1795000001234), Data: []byte("null"), Instance: "i", Stale: true}
	if got := frame.message("t"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestDecodeKeepsDigits(t *testing.T) {
	var value map[string]any
	message := Message{Data: json.RawMessage(`{"n":12345678901234567890,"s":"\ud800"}`)}
	if err := message.Decode(&value); err != nil || fmt.Sprint(value["n"]) != "12345678901234567890" {
		t.Errorf("got %v, %v", value, err)
	}
}

func TestNames(t *testing.T) {
	long := strings.Repeat("a", 255)
	for _, test := range []struct {
		text             string
		topic, isPattern bool
	}{
		{"a", true, true}, {"a.B-1._", true, true}, {long, true, true}, {"chimedx.a", true, true}, {">", false, true},
		{"*", false, true}, {"a.*.b", false, true}, {"a.>", false, true}, {"*.>", false, true}, {"", false, false},
		{"a..b", false, false}, {".a", false, false}, {"a.", false, false}, {"a.>.b", false, false}, {"a*", false, false},
		{"é", false, false}, {"a b", false, false}, {"chimed", false, false}, {"chimed.a", false, false},
		{"chimed.>", false, false}, {long + "a", false, false}, {"a\n", false, false}, {"> ", false, false},
	} {
		if isName(test.text, topicSyntax) != test.topic || isName(test.text, patternSyntax) != test.isPattern {
			t.Errorf("%.20q: topic %t, pattern %t", test.text, !test.topic, !test.isPattern)
		}
	}
	for _, test := range []struct {
		pattern, topic string
		want           bool
	}{
		{"a", "a", true}, {"a", "b", false}, {"a", "a.b", false}, {"a.b", "a", false}, {"*", "a", true},
		{"*", "a.b", false}, {"a.*", "a.b", true}, {"a.*", "a", false}, {"*.b", "a.b", true}, {"a.>", "a", false},
		{"a.>", "a.b.c", true}, {">", "a.b", true}, {"*.*.>", "a.b", false}, {"*.*.>", "a.b.c", true},
	} {
		if matches(test.pattern, test.topic) != test.want {
			t.Errorf("%s matches %s: %t", test.pattern, test.topic, !test.want)
		}
	}
}

func TestDelaysDoubleUpToTheirBound(t *testing.T) {
	const ms = time.Millisecond
	for attempt, want := range []time.Duration{1: 100 * ms, 2: 200 * ms, 3: 400 * ms, 6: 3200 * ms, 7: 5000 * ms, 1000: 5000 * ms} {
		if got := longestDelay(attempt, 100*ms, 5000*ms); want != 0 && got != want {
			t.Errorf("attempt %d: %s", attempt, got)
		}
	}
	if got := longestDelay(1, 10*time.Second, time.Second); got != time.Second {
		t.Errorf("a first bound above the last one: %s", got)
	}
	seen := map[time.Duration]bool{}
	for i := 0; i < 1000; i++ {
		delay := randomDelay(100 * ms)
		if delay < 0 || delay > 100*ms {
			t.Fatalf("a delay of %s", delay)
		}
		seen[delay/(25*ms)] = true
	}
	if len(seen) < 4 {
		t.Errorf("the delays are not spread: %v", seen)
	}
}

func TestPlacesOfTheSocket(t *testing.T) {
	machine := []string{"/run/chimed/chimed.sock", "/run/chimed/daemon/chimed.sock"}
	for _, test := range []struct {
		uid  int
		env  map[string]string
		want []string
	}{
		{7, map[string]string{"CHIMED_SOCKET_PATH": "/s", "XDG_RUNTIME_DIR": "/x"}, []string{"/s"}},
		{0, map[string]string{"XDG_RUNTIME_DIR": "/x", "TMPDIR": "/t"}, machine},
		{7, nil, append([]string{"/run/user/7/chimed/chimed.sock", "/tmp/chimed-7/chimed.sock"}, machine...)},
		{7, map[string]string{"XDG_RUNTIME_DIR": "/x", "TMPDIR": "/t/"},
			append([]string{"/x/chimed/chimed.sock", "/run/user/7/chimed/chimed.sock", "/t/chimed-7/chimed.sock"}, machine...)},
		{7, map[string]string{"XDG_RUNTIME_DIR": "/run/user/7/"},
			append([]string{"/run/user/7/chimed/chimed.sock", "/tmp/chimed-7/chimed.sock"}, machine...)},
	} {
		var got []string
		for _, place := range places(func(name string) string { return test.env[name] }, test.uid) {
			got = append(got, place.path)
			if place.isOwn != (!strings.HasPrefix(place.path, "/run/chimed/") && place.path != "/s") {
				t.Errorf("%s: isOwn is %t", place.path, place.isOwn)
			}
		}
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("uid %d, %v: %q", test.uid, test.env, got)
		}
	}
}

func TestForeignDirectories(t *testing.T) {
	base, uid := t.TempDir(), os.Getuid()
	file, link := filepath.Join(base, "file"), filepath.Join(base, "link")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(base, link); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[os.FileMode]bool{0o700: false, 0o755: false, 0o770: true, 0o702: true} {
		directory := filepath.Join(base, mode.String())
		if err := os.Mkdir(directory, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(directory, mode); err != nil {
			t.Fatal(err)
		}
		if isForeign(directory, uid) != want {
			t.Errorf("a directory with mode %o is foreign: %t", mode, !want)
		}
	}
	for path, want := range map[string]bool{file: true, link: true, filepath.Join(base, "none"): false, filepath.Join(file, "x"): true} {
		if isForeign(path, uid) != want {
			t.Errorf("%s is foreign: %t", path, !want)
		}
	}
	if !isForeign(filepath.Join(base, os.FileMode(0o700).String()), uid+1) {
		t.Error("a directory of another user is not foreign")
	}
}

// ready is a session that a daemon has registered for all topics.
func ready(t *testing.T) *session {
	s := newSession("test")
	s.subscribe([]string{">"})
	s.hello()
	take(t, s, `{"type":"chimed.registered","data":{"instance":"one","limits":{"frameBytes":2000}}}`)
	s.out, s.events = nil, nil
	return s
}

// take gives the session a frame, and returns the message in it, if any, and what happened, in short.
func take(t *testing.T, s *session, raw string) string {
	t.Helper()
	frame, err := parseFrame([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	message, ok := s.receive(frame)
	var seen []string
	for _, event := range s.events {
		seen = append(seen, strings.TrimSpace(string(event.Kind)+" "+event.Topic))
	}
	s.events = nil
	if ok {
		seen = append(seen, fmt.Sprintf("%d missed %d", message.Seq, message.Missed))
	}
	return strings.Join(seen, ", ")
}

// sent returns and takes what the session wants to send.
func sent(s *session) []string {
	frames := strings.Split(string(s.out), "\f")
	s.out = nil
	return frames[:len(frames)-1]
}

func TestNumbering(t *testing.T) {
	s := ready(t)
	reconnect := func(instance string) string {
		s.lost(errorf(CodeConnectionLost, "cut"), 0)
		s.events = nil
		s.hello()
		return take(t, s, `{"type":"chimed.registered","data":{"instance":"`+instance+`"}}`)
	}
	for i, test := range []struct{ got, want string }{
		{take(t, s, `{"type":"a","seq":5}`), "5 missed 0"},
		{take(t, s, `{"type":"a","seq":5}`), ""},
		{take(t, s, `{"type":"a","seq":4}`), ""},
		{take(t, s, `{"type":"a","seq":9}`), "9 missed 3"},
		{take(t, s, `{"type":"b","seq":1}`), "1 missed 0"},
		{take(t, s, `{"type":"a","seq":2,"instance":"own"}`), "uncounted a, 2 missed 0"},
		{take(t, s, `{"type":"a","seq":4,"instance":"own"}`), "4 missed 1"},
		{reconnect("one"), "ready"},
		{take(t, s, `{"type":"b","seq":1}`), ""},
		{take(t, s, `{"type":"b","seq":3}`), "3 missed 1"},
		{reconnect("two"), "uncounted, ready"},
		{take(t, s, `{"type":"b","seq":1}`), "1 missed 0"},
		{take(t, s, `{"type":"a","seq":4,"instance":"own"}`), ""},
		{take(t, s, `{"type":"a","seq":6,"instance":"own"}`), "6 missed 1"},
		{take(t, s, `{"type":"chimed.registered","data":{"instance":"two","uncounted":true}}`), "uncounted"},
		{take(t, s, `{"type":"b","seq":9}`), "9 missed 0"},
		{take(t, s, `{"type":"c","seq":9007199254740990}`), "9007199254740990 missed 0"},
		{take(t, s, `{"type":"c","seq":9007199254740991}`), "9007199254740991 missed 0"},
	} {
		if test.got != test.want {
			t.Errorf("step %d: %q instead of %q", i, test.got, test.want)
		}
	}
}

func TestUnsubscribedTopicsAreForgotten(t *testing.T) {
	s := ready(t)
	s.subscribe([]string{"a"})
	take(t, s, `{"type":"a","seq":5}`)
	take(t, s, `{"type":"b","seq":5}`)
	s.unsubscribe([]string{">"})
	if got := take(t, s, `{"type":"b","seq":6}`) + take(t, s, `{"type":"a","seq":7}`); got != "7 missed 1" {
		t.Errorf("got %q", got)
	}
	s.subscribe([]string{"b"})
	if got := take(t, s, `{"type":"b","seq":9}`); got != "9 missed 0" {
		t.Errorf("got %q", got)
	}
}

func TestResumePoint(t *testing.T) {
	s := ready(t)
	take(t, s, `{"type":"a","seq":5}`)
	take(t, s, `{"type":"b","seq":7,"instance":"own"}`)
	s.lost(errorf(CodeConnectionLost, "cut"), 0)
	s.hello()
	want := []string{`{"type":"chimed.register","data":{"name":"test","topics":[">"],"resume":{"instance":"one","instances":{"b":"own"},"after":{"a":5,"b":7}}}}`}
	if got := sent(s); !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
	}
	for i := 0; i < 20_000; i++ {
		s.positions[fmt.Sprintf("some.topic.%d", i)] = position{[]string{"one", "own"}[i%2], 1<<53 - 1}
	}
	for _, frameBytes := range []int{0, 2000, 50_000, 1 << 20, 1 << 30} {
		s.frameBytes = frameBytes
		s.out = nil
		s.hello()
		frame, limit := sent(s)[0], 1<<20
		if frameBytes > 0 && frameBytes < limit {
			limit = frameBytes
		}
		values := strings.Count(frame, ":") + strings.Count(frame, ",")
		if len(frame) > limit || len(frame) < 500 || values > 50_000 {
			t.Errorf("limit %d bytes: %d bytes and %d values", frameBytes, len(frame), values)
		}
	}
}

func TestRequests(t *testing.T) {
	s := newSession("")
	waiting := s.ask("chimed.get", "a", nil)
	tooLarge := s.ask("chimed.publish", "a", []byte(`"`+strings.Repeat("x", 2000)+`"`))
	s.hello()
	take(t, s, `{"type":"chimed.registered","data":{"instance":"one","limits":{"frameBytes":2000}}}`)
	if got := sent(s); len(got) != 2 || got[1] != `{"type":"chimed.get","data":{"topic":"a","id":1}}` {
		t.Errorf("sent %q", got)
	}
	if err := (<-tooLarge.outcome).err; err == nil || err.Code != CodeTooLarge {
		t.Errorf("a frame that is too large: %v", err)
	}
	refused, other, lost := s.ask("chimed.publish", "b", []byte("1")), s.ask("chimed.publish", "c", []byte("2")), s.ask("chimed.get", "a", nil)
	take(t, s, `{"type":"chimed.rejected","data":{"code":"too-fast","request":"chimed.publish","id":3}}`)
	take(t, s, `{"type":"chimed.published","data":{"id":4,"seq":9}}`)
	take(t, s, `{"type":"chimed.rejected","data":{"code":"not-allowed","message":"no","request":"chimed.publish","id":3}}`)
	take(t, s, `{"type":"chimed.got","data":{"id":1,"seq":3,"data":{"a":1}}}`)
	take(t, s, `{"type":"chimed.got","data":{"id":77}}`)
	s.lost(errorf(CodeConnectionLost, "cut"), 0)
	if answer := (<-waiting.outcome).answer; string(answer.get("data")) != `{"a":1}` {
		t.Errorf("answer %q", answer)
	}
	if answer := (<-other.outcome).answer; answer.number("seq") != 9 {
		t.Errorf("answer %q", answer)
	}
	if err := (<-refused.outcome).err; err == nil || err.Code != "not-allowed" {
		t.Errorf("refused: %v", err)
	}
	if err := (<-lost.outcome).err; err == nil || err.Code != CodeConnectionLost {
		t.Errorf("lost: %v", err)
	}
	s.hello()
	if got := sent(s); len(got) != 1 {
		t.Errorf("sent again: %q", got)
	}
}

func TestProvidedTopics(t *testing.T) {
	s := ready(t)
	s.provide("a")
	s.unprovide("a")
	s.provide("a") // with id 2
	if err := s.sendMessage("a", []byte("1")); err == nil || err.Code != CodeNotProvided {
		t.Errorf("a message before the topic is accepted: %v", err)
	}
	for i, test := range []struct{ got, want string }{
		{take(t, s, `{"type":"chimed.wanted","data":{"topic":"a","instance":"one","seq":0}}`), ""},
		{take(t, s, `{"type":"chimed.rejected","data":{"request":"chimed.provide","topic":"a","code":"not-allowed"}}`), ""},
		{take(t, s, `{"type":"chimed.provided","data":{"id":1}}`), ""},
		{take(t, s, `{"type":"chimed.wanted","data":{"topic":"a"}}`), ""},
		{take(t, s, `{"type":"chimed.provided","data":{"id":2}}`), ""},
		{take(t, s, `{"type":"chimed.wanted","data":{"topic":"a"}}`), "wanted a"},
		{take(t, s, `{"type":"chimed.unwanted","data":{"topic":"a"}}`), "unwanted a"},
		{take(t, s, `{"type":"chimed.unwanted","data":{"topic":"a"}}`), ""},
	} {
		if test.got != test.want {
			t.Errorf("step %d: %q instead of %q", i, test.got, test.want)
		}
	}
	reason := "broken"
	sent(s)
	s.fail("a", &reason)
	s.lost(errorf(CodeConnectionLost, "cut"), 0)
	s.hello()
	sent(s)
	take(t, s, `{"type":"chimed.registered","data":{"instance":"one"}}`)
	take(t, s, `{"type":"chimed.rejected","data":{"request":"chimed.provide","topic":"a","code":"already-provided"}}`)
	take(t, s, `{"type":"chimed.provided","data":{"id":3}}`)
	s.askFor(s.retries...)
	take(t, s, `{"type":"chimed.provided","data":{"id":4}}`)
	want := []string{
		`{"type":"chimed.provide","data":{"id":3,"topics":["a"]}}`,
		`{"type":"chimed.provide","data":{"id":4,"topics":["a"]}}`,
		`{"type":"chimed.fail","data":{"error":"broken","topic":"a"}}`,
	}
	if got := sent(s); !reflect.DeepEqual(got, want) {
		t.Errorf("sent %q", got)
	}
	got := take(t, s, `{"type":"chimed.rejected","data":{"request":"chimed.provide","topic":"a","code":"not-providable"}}`)
	if err := s.sendMessage("a", []byte("1")); got != "unprovided a" || err == nil {
		t.Errorf("after a reload: %q, %v", got, err)
	}
}

func TestQueueCountsWhatItDrops(t *testing.T) {
	push := func(q *queue, topic string, seqs ...uint64) {
		for _, seq := range seqs {
			q.push(Message{Topic: topic, Seq: seq, Data: json.RawMessage("1234")})
		}
	}
	all := func(q *queue) (got []string) {
		for message := q.take(); message != nil; message = q.take() {
			got = append(got, fmt.Sprintf("%s%d+%d", message.Topic, message.Seq, message.Missed))
		}
		return got
	}
	for _, test := range []struct {
		maxMessages, maxBytes int
		want                  []string
	}{
		{9, 99, []string{"a1+0", "a2+0", "b1+0", "a3+0", "a4+0"}},
		{3, 99, []string{"b1+0", "a3+2", "a4+0"}},
		{9, 8, []string{"a3+2", "a4+0"}},
		{9, 1, []string{"a4+3"}},
	} {
		q := &queue{maxMessages: test.maxMessages, maxBytes: test.maxBytes, dropped: map[string]uint64{}}
		push(q, "a", 1, 2)
		push(q, "b", 1)
		push(q, "a", 3, 4)
		if got := all(q); !reflect.DeepEqual(got, test.want) {
			t.Errorf("limits %d and %d: %q", test.maxMessages, test.maxBytes, got)
		}
	}
	q := &queue{maxMessages: 1, maxBytes: 1, dropped: map[string]uint64{}}
	q.take()
	push(q, "a", 1, 2, 3) // The program waits for the first one.
	if got := all(q); !reflect.DeepEqual(got, []string{"a1+0", "a3+1"}) {
		t.Errorf("a program that waits: %q", got)
	}
	q = &queue{maxMessages: 3, maxBytes: 99, dropped: map[string]uint64{}}
	push(q, "a", 1, 2, 3)
	push(q, "b", 1)
	q.keep(func(topic string) bool { return topic == "b" })
	push(q, "a", 9)
	if got := all(q); !reflect.DeepEqual(got, []string{"b1+0", "a9+0"}) || q.bytes != 0 {
		t.Errorf("after keep: %q, %d bytes", got, q.bytes)
	}
}
