package chimed

import (
	"bytes"
	"encoding/json"
	"time"
)

// Message is one message of a topic.
type Message struct {
	Topic    string
	Seq      uint64          // its number in the topic, from 1
	Time     time.Time       // when it was made, to the millisecond
	Data     json.RawMessage // the payload as it was sent, so that numbers keep their precision; see Decode
	Missed   uint64          // how many messages of the topic the client missed before this one
	Offset   uint64          // its number among all topics; 0 if the daemon has kept it across a restart
	Instance string          // the numbering of Seq; numbers of different numberings cannot be compared
	Stale    bool            // the source of the topic has failed since
}

// Decode stores the payload in the value to which v points, as json.Unmarshal does. A number that is stored in an
// interface becomes a json.Number, which keeps all digits.
func (m Message) Decode(v any) error {
	decoder := json.NewDecoder(bytes.NewReader(m.Data))
	decoder.UseNumber()
	return decoder.Decode(v)
}

// queue holds the messages that wait for the program. When it is full, it drops the oldest and counts them.
type queue struct {
	maxMessages, maxBytes int
	messages              []Message
	bytes                 int
	next                  *Message          // is about to be delivered: it is not dropped any more
	isIdle                bool              // no message is about to be delivered
	dropped               map[string]uint64 // of each topic, since the last message that was delivered
}

func (q *queue) push(message Message) {
	if q.isIdle {
		q.isIdle = false
		q.next = q.counted(message)
		return
	}
	q.messages = append(q.messages, message)
	q.bytes += len(message.Data)
	for len(q.messages) > 1 && (len(q.messages) > q.maxMessages || q.bytes > q.maxBytes) {
		oldest := q.shift()
		q.dropped[oldest.Topic] += oldest.Missed + 1
	}
}

// take returns the next message, or nil if there is none.
func (q *queue) take() (message *Message) {
	message, q.next = q.next, nil
	if message == nil && len(q.messages) > 0 {
		message = q.counted(q.shift())
	}
	q.isIdle = message == nil
	return message
}

func (q *queue) shift() Message {
	message := q.messages[0]
	q.messages[0] = Message{} // lets go of the payload
	q.messages = q.messages[1:]
	q.bytes -= len(message.Data)
	return message
}

// counted adds the messages that were dropped to those that were missed before a message.
func (q *queue) counted(message Message) *Message {
	message.Missed += q.dropped[message.Topic]
	delete(q.dropped, message.Topic)
	return &message
}

// keep removes the messages of the topics that are not heard any longer.
func (q *queue) keep(hears func(topic string) bool) {
	messages := q.messages
	q.messages, q.bytes = nil, 0
	for _, message := range messages {
		if hears(message.Topic) {
			q.push(message)
		}
	}
	for topic := range q.dropped {
		if !hears(topic) {
			delete(q.dropped, topic)
		}
	}
}
