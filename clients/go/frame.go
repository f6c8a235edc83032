package chimed

import (
	"bufio"
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

const maxFrame = 64<<20 + 4<<10 // longest frame from the daemon, in bytes

// readFrame reads up to the next form feed. The frame is valid until the next call. It stores no more than most bytes, and the
// buffer of the reader.
func readFrame(reader *bufio.Reader, most int) ([]byte, error) {
	var frame []byte
	for {
		piece, err := reader.ReadSlice('\f')
		if len(frame)+len(piece) > most+1 {
			return nil, errorf(CodeTooLarge, "frame too large: limit %d bytes", most)
		}
		if err == nil && frame == nil {
			return piece[:len(piece)-1], nil // as most: it is in the buffer of the reader
		}
		frame = append(frame, piece...)
		switch err {
		case nil:
			return frame[:len(frame)-1], nil
		case bufio.ErrBufferFull:
		default:
			return nil, err
		}
	}
}

// parseFrame reads a frame, of which it makes a copy.
func parseFrame(raw []byte) (object, error) {
	if utf8.Valid(raw) {
		raw = append([]byte(nil), raw...)
	} else {
		raw = bytes.ToValidUTF8(raw, []byte("\uFFFD"))
	}
	if !json.Valid(raw) {
		return nil, errorf("not-json", "the frame %.40q is not JSON", raw)
	}
	frame := parseObject(raw)
	if frame.text("type") == "" {
		return nil, errorf("bad-type", "the frame %.40q has no type", raw)
	}
	return frame, nil
}

// message returns the message that a frame or the answer of Get contains.
func (o object) message(topic string) Message {
	data := o.get("data")
	if data == nil {
		data = json.RawMessage("null")
	}
	return Message{
		Topic: topic, Seq: o.number("seq"), Time: time.UnixMilli(int64(o.number("time"))), Data: data,
		Offset: o.number("offset"), Instance: o.text("instance"), Stale: o.isTrue("stale"),
	}
}

var (
	topicSyntax   = regexp.MustCompile(`^[\w-]+(\.[\w-]+)*$`)
	patternSyntax = regexp.MustCompile(`^(>|([\w-]+|\*)(\.([\w-]+|\*))*(\.>)?)$`)
)

// isName reports whether text is the name of a topic, or a pattern, according to its syntax.
func isName(text string, syntax *regexp.Regexp) bool {
	return len(text) <= 255 && syntax.MatchString(text) && !strings.HasPrefix(text+".", "chimed.")
}

// matches reports whether a pattern matches a topic.
func matches(pattern, topic string) bool {
	for {
		want, morePattern, patternGoesOn := strings.Cut(pattern, ".")
		word, moreTopic, topicGoesOn := strings.Cut(topic, ".")
		switch {
		case want == ">":
			return true
		case want != "*" && want != word:
			return false
		case !patternGoesOn || !topicGoesOn:
			return patternGoesOn == topicGoesOn
		}
		pattern, topic = morePattern, moreTopic
	}
}
