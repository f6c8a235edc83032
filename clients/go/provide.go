package chimed

import "time"

// After a reconnection, the daemon can believe for a moment that the former connection still provides a topic.
const (
	successionDelay    = 500 * time.Millisecond
	successionAttempts = 20
)

// providedTopic is a topic that the client provides. To give it up and provide it again makes another one.
type providedTopic struct {
	name     string
	id       uint64 // of the last request for it
	accepted bool   // by the daemon of this connection
	refused  bool
	wanted   bool
	attempts int     // how often the client asks again if its former connection still seems to provide the topic
	failure  *string // why it fails, until the next message
}

func (s *session) provide(name string) {
	if s.provided[name] == nil {
		s.provided[name] = &providedTopic{name: name}
		s.askFor(s.provided[name])
	}
}

// askFor asks the daemon for topics, each in a request of its own, which always fits into a frame.
func (s *session) askFor(topics ...*providedTopic) {
	for _, topic := range topics {
		if s.ready && !topic.accepted && s.provided[topic.name] == topic {
			s.lastID++
			topic.id, topic.refused = s.lastID, false
			s.asked = append(s.asked, topic)
			s.send("chimed.provide", map[string]any{"topics": []string{topic.name}, "id": topic.id})
		}
	}
}

func (s *session) unprovide(name string) {
	if s.provided[name] != nil && s.ready {
		s.send("chimed.unprovide", map[string]any{"topics": []string{name}})
	}
	delete(s.provided, name)
}

// accepted takes the answer to a request. If the daemon has refused the topic, it said so before.
func (s *session) accepted(id uint64) {
	for i, topic := range s.asked {
		if topic.id == id {
			s.asked = append(s.asked[:i], s.asked[i+1:]...)
			if !topic.refused && s.provided[topic.name] == topic {
				topic.accepted, topic.attempts = true, successionAttempts
				s.sendFailure(topic)
			}
			return
		}
	}
}

// refused takes the refusal of a topic: of the oldest request for it, or after a reload of one that was accepted.
func (s *session) refused(name string, err *Error) {
	topic := s.provided[name]
	for _, asked := range s.asked {
		if asked.name == name && !asked.refused {
			topic = asked
			break
		}
	}
	if topic == nil {
		return
	}
	topic.refused = true
	if topic != s.provided[name] {
		return // The program has given it up.
	}
	if err.Code == "already-provided" && topic.attempts > 0 {
		topic.attempts--
		s.retries = append(s.retries, topic)
		return
	}
	delete(s.provided, name)
	if topic.wanted {
		s.emit(Event{Kind: Unwanted, Topic: name})
	}
	s.emit(Event{Kind: Unprovided, Topic: name, Err: err})
}

// demanded takes the news that a topic has subscribers, or none.
func (s *session) demanded(wanted bool, data object) {
	name := data.text("topic")
	topic := s.provided[name]
	switch {
	case topic == nil || !topic.accepted: // It is about a topic that the program has given up.
	case wanted:
		topic.wanted = true
		s.emit(Event{Kind: Wanted, Topic: name, Instance: data.text("instance"), Seq: data.number("seq")})
	case topic.wanted:
		topic.wanted = false
		s.emit(Event{Kind: Unwanted, Topic: name})
	}
}

// dropProvided says that the connection is lost: the next daemon must be asked again.
func (s *session) dropProvided() {
	s.asked = nil
	for name, topic := range s.provided {
		if topic.wanted {
			s.emit(Event{Kind: Unwanted, Topic: name})
		}
		topic.accepted, topic.wanted = false, false
	}
}

// sendMessage sends a message of a provided topic. The data is JSON.
func (s *session) sendMessage(name string, data []byte) *Error {
	topic := s.provided[name]
	if topic == nil || !topic.accepted {
		return errorf(CodeNotProvided, "the daemon has not accepted this client as the provider of %s", name)
	}
	err := s.sendFrame(append(append([]byte(`{"type":"`+name+`","data":`), data...), "}\f"...))
	if err == nil {
		topic.failure = nil
	}
	return err
}

// fail says why a topic fails, or with nil that it does not fail any longer. The next daemon is told as well.
func (s *session) fail(name string, reason *string) *Error {
	topic := s.provided[name]
	if topic == nil {
		return errorf(CodeNotProvided, "this client does not provide %s", name)
	}
	if topic.failure = reason; reason == nil && topic.accepted {
		s.send("chimed.fail", map[string]any{"topic": name, "error": nil})
	}
	s.sendFailure(topic)
	return nil
}

func (s *session) sendFailure(topic *providedTopic) {
	if topic.accepted && topic.failure != nil {
		s.send("chimed.fail", map[string]any{"topic": topic.name, "error": *topic.failure})
	}
}
