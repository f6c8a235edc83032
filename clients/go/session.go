package chimed

import (
	"fmt"
	"strings"
	"time"
)

const (
	// What a daemon accepts in one frame.
	maxLevels = 66
	maxValues = 50_000
)

// position is the last message that the client received of a topic.
type position struct {
	instance string
	seq      uint64
}

// session is the client without I/O: it takes frames of the daemon and wishes of the program, and makes messages, events
// and frames to send. It outlives connections.
type session struct {
	name       string
	patterns   []string
	instance   string // the daemon's numbering; empty before the first daemon
	positions  map[string]position
	frameBytes int // longest frame that the daemon accepts; 0 if it has not said

	greeted   bool   // the first registration of this connection was made
	ready     bool   // and was answered
	isPlain   bool   // the daemon has refused the last registration: the next one does not resume
	hangUp    bool   // the connection must end
	lastWords *Error // why the daemon is about to close the connection
	reason    *Error // why there is no connection

	lastID   uint64
	requests []*request // those that are not answered, the oldest first
	unsent   []*request // those of them that wait for a daemon, or for it to read
	provided map[string]*providedTopic
	asked    []*providedTopic // those for which the daemon has not answered, in the order of the requests
	retries  []*providedTopic // those to ask for again after successionDelay

	out    []byte  // frames to send
	events []Event // to report
}

// request waits for a daemon, or for its answer.
type request struct {
	id      uint64
	frame   []byte       // nil once it was sent
	outcome chan outcome // receives one
}

type outcome struct {
	answer object
	err    *Error
}

func newSession(name string) *session {
	return &session{name: name, positions: map[string]position{}, provided: map[string]*providedTopic{}}
}

type registration struct {
	Name   string   `json:"name,omitempty"`
	Topics []string `json:"topics"`
	Resume *resume  `json:"resume,omitempty"`
}

type resume struct {
	Instance  string            `json:"instance"`
	Instances map[string]string `json:"instances"`
	After     map[string]uint64 `json:"after"`
}

// hello makes the registration that begins a connection.
func (s *session) hello() {
	s.greeted, s.hangUp = true, false
	s.send("chimed.register", registration{s.name, append([]string{}, s.patterns...), s.resumePoint()})
}

// resumePoint says after which message each topic resumes, as far as the daemon accepts frames. A topic that is left out
// begins with its latest message; its gap in seq still tells what was missed.
func (s *session) resumePoint() *resume {
	if s.instance == "" || s.isPlain {
		return nil
	}
	const envelope, number, mostBytes, mostTopics = 1000, len(`"":9007199254740991,`), 1 << 20, 10_000
	room := mostBytes
	if 0 < s.frameBytes && s.frameBytes < room {
		room = s.frameBytes
	}
	room -= envelope
	for _, pattern := range s.patterns {
		room -= len(pattern) + len(`"",`)
	}
	point := &resume{s.instance, map[string]string{}, map[string]uint64{}}
	for topic, last := range s.positions {
		bytes := len(topic) + number
		if last.instance != s.instance {
			bytes += len(topic) + len(last.instance) + len(`"":"",`)
		}
		if bytes > room || len(point.After) == mostTopics {
			continue
		}
		room -= bytes
		point.After[topic] = last.seq
		if last.instance != s.instance {
			point.Instances[topic] = last.instance
		}
	}
	return point
}

// lost says that there is no connection any longer, or none yet, and when the client retries. If the daemon has told a
// reason, that is the reason.
func (s *session) lost(reason *Error, delay time.Duration) {
	words := s.lastWords
	if words != nil {
		reason = words
	}
	s.greeted, s.ready, s.out, s.lastWords, s.reason = false, false, nil, nil, reason
	for i, r := range append([]*request{}, s.requests...) {
		switch {
		case r.frame != nil:
		case i == 0 && words != nil && words.Code == CodeTooLarge: // The daemon reads in order, so this is the frame.
			s.finish(r.id, nil, words)
		default:
			s.finish(r.id, nil, &Error{CodeConnectionLost, "no answer before the connection ended: " + reason.Message, reason})
		}
	}
	s.dropProvided()
	s.emit(Event{Kind: Waiting, Err: reason, Delay: delay})
}

func (s *session) subscribe(patterns []string) {
	var added []string
	for _, pattern := range patterns {
		if !contains(s.patterns, pattern) {
			s.patterns = append(s.patterns, pattern)
			added = append(added, pattern)
		}
	}
	if s.greeted && len(added) > 0 {
		s.send("chimed.register", registration{Topics: added})
	}
}

func (s *session) unsubscribe(patterns []string) {
	var kept, removed []string
	for _, pattern := range s.patterns {
		if contains(patterns, pattern) {
			removed = append(removed, pattern)
		} else {
			kept = append(kept, pattern)
		}
	}
	s.patterns = kept
	for topic := range s.positions {
		if !s.hears(topic) {
			delete(s.positions, topic)
		}
	}
	if s.greeted && len(removed) > 0 {
		s.send("chimed.unregister", registration{Topics: removed})
	}
}

func (s *session) hears(topic string) bool {
	for _, pattern := range s.patterns {
		if matches(pattern, topic) {
			return true
		}
	}
	return false
}

// ask makes a request about a topic, which is sent once there is a daemon. The data is JSON, or nil for none.
func (s *session) ask(kind, topic string, data []byte) *request {
	s.lastID++
	frame := fmt.Sprintf(`{"type":"%s","data":{"topic":"%s","id":%d`, kind, topic, s.lastID)
	if data != nil {
		frame += `,"data":`
	}
	r := &request{id: s.lastID, outcome: make(chan outcome, 1)}
	r.frame = append(append([]byte(frame), data...), "}}\f"...)
	s.requests = append(s.requests, r)
	s.unsent = append(s.unsent, r)
	s.pump()
	return r
}

// pump sends the requests that wait, as far as the daemon reads: what fails before it is sent must not be sent at all.
func (s *session) pump() {
	for s.ready && len(s.unsent) > 0 && len(s.out) <= maxBacklog {
		r := s.unsent[0]
		s.unsent = s.unsent[1:]
		err := s.sendFrame(r.frame)
		r.frame = nil
		if err != nil {
			s.finish(r.id, nil, err)
		}
	}
}

// finish ends a request, and returns whether there was one of this id.
func (s *session) finish(id uint64, answer object, err *Error) bool {
	for i, r := range s.requests {
		if r.id == id {
			s.requests = append(s.requests[:i], s.requests[i+1:]...)
			s.unsent = remove(s.unsent, r)
			r.outcome <- outcome{answer, err}
			return true
		}
	}
	return false
}

// receive takes a frame of the daemon, and returns true if it is a message for the program. It ignores frames that it does
// not know.
func (s *session) receive(frame object) (Message, bool) {
	kind := frame.text("type")
	if !strings.HasPrefix(kind, "chimed.") {
		message := frame.message(kind)
		if message.Seq == 0 {
			return Message{}, false // It has no number, or one that cannot be.
		}
		return s.message(message)
	}
	data := parseObject(frame.get("data"))
	topic, id := data.text("topic"), data.number("id")
	err := &Error{Code: data.text("code"), Message: data.text("message")}
	switch kind {
	case "chimed.registered":
		s.registered(data)
	case "chimed.rejected":
		s.rejected(data.text("request"), topic, id, err)
	case "chimed.stopping":
		s.lastWords = errorf(CodeNoDaemon, "the daemon stops: %s", data.text("reason"))
	case "chimed.published", "chimed.got":
		if data.get("instance") == nil {
			data = append(data, member{[]byte(`"instance"`), []byte(`"` + s.instance + `"`)})
		}
		s.finish(id, data, nil)
	case "chimed.provided":
		s.accepted(id)
	case "chimed.wanted", "chimed.unwanted":
		s.demanded(kind == "chimed.wanted", data)
	case "chimed.failing":
		if s.hears(topic) {
			s.emit(Event{Kind: Failing, Topic: topic, Err: errorf(CodeSourceFailed, "%s", data.text("error"))})
		}
	case "chimed.recovered":
		if s.hears(topic) {
			s.emit(Event{Kind: Recovered, Topic: topic})
		}
	}
	return Message{}, false
}

// message counts what was missed before a message.
func (s *session) message(m Message) (Message, bool) {
	last, known := s.positions[m.Topic]
	if m.Instance == "" {
		m.Instance = s.instance
	}
	isOld := known && last.instance == m.Instance && m.Seq <= last.seq
	if !s.ready || isOld || !known && !s.hears(m.Topic) {
		return m, false
	}
	s.positions[m.Topic] = position{m.Instance, m.Seq}
	if known && last.instance == m.Instance {
		m.Missed = m.Seq - last.seq - 1
	} else if known {
		s.emit(Event{Kind: Uncounted, Topic: m.Topic})
	}
	return m, true
}

func (s *session) registered(data object) {
	former, instance := s.instance, data.text("instance")
	if instance == "" {
		return
	}
	s.instance, s.frameBytes = instance, int(parseObject(data.get("limits")).number("frameBytes"))
	isUncounted := data.isTrue("uncounted")
	if isUncounted || instance != former {
		for topic, last := range s.positions {
			if last.instance == former { // Topics with a numbering of their own keep their places.
				delete(s.positions, topic)
				isUncounted = true
			}
		}
	}
	if isUncounted {
		s.emit(Event{Kind: Uncounted})
	}
	s.isPlain = false
	if s.ready {
		return // The daemon also sends it when the topics have changed.
	}
	s.ready, s.lastWords, s.reason = true, nil, nil
	s.emit(Event{Kind: Ready, Instance: instance})
	s.pump()
	for _, topic := range s.provided {
		s.askFor(topic)
	}
}

func (s *session) rejected(request, topic string, id uint64, err *Error) {
	switch {
	case request == "" || s.isOfGreeting(request, topic, err):
		s.lastWords = err // The end of the connection follows: see hangUp.
		s.isPlain = s.isPlain || !s.ready && (err.Code == CodeTooLarge || err.Code == CodeBadRequest)
		s.hangUp = request != ""
	case err.Code == "too-fast": // A warning: the answer follows.
		s.emit(Event{Kind: Rejected, Topic: topic, Err: err})
	case s.finish(id, nil, err):
	case request == "chimed.register" && topic != "":
		s.unsubscribe([]string{topic})
		s.emit(Event{Kind: Refused, Topic: topic, Err: err})
	case request == "chimed.provide" && topic != "":
		s.refused(topic, err)
	default:
		s.emit(Event{Kind: Rejected, Topic: topic, Err: err})
	}
}

// isOfGreeting reports whether a rejection says that the daemon does not accept the registration of this connection.
func (s *session) isOfGreeting(request, topic string, err *Error) bool {
	return request == "chimed.register" && topic == "" && !s.ready && err.Code != "too-fast"
}

// send adds a control frame to what is sent. The data consists of strings, numbers and lists, which are always JSON.
func (s *session) send(kind string, data any) {
	encoded, _ := encode(data)
	s.out = append(s.out, fmt.Sprintf("{\"type\":\"%s\",\"data\":%s}\f", kind, encoded)...)
}

// sendFrame adds a frame to what is sent, unless the daemon would close the connection because of it.
func (s *session) sendFrame(frame []byte) *Error {
	if levels, values := shape(frame); levels > maxLevels {
		return errorf(CodeTooLarge, "frame too large: %d levels, limit %d levels", levels, maxLevels)
	} else if values > maxValues {
		return errorf(CodeTooLarge, "frame too large: %d values, limit %d values", values, maxValues)
	}
	if length := len(frame) - 1; s.frameBytes > 0 && length > s.frameBytes {
		return errorf(CodeTooLarge, "frame too large: %d bytes, limit %d bytes (clients.frameBytes)", length, s.frameBytes)
	}
	s.out = append(s.out, frame...)
	return nil
}

func (s *session) emit(event Event) { s.events = append(s.events, event) }

func remove(list []*request, request *request) []*request {
	for i, each := range list {
		if each == request {
			return append(list[:i], list[i+1:]...)
		}
	}
	return list
}

func contains(list []string, text string) bool {
	for _, each := range list {
		if each == text {
			return true
		}
	}
	return false
}
