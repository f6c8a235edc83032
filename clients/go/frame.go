package chimed

import (
	"bufio"
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const maxFrame = 64<<20 + 4<<10 // longest frame from the daemon, in bytes

// readFrame reads up to the next form feed. The frame is valid until the next call. If reading fails, so does the frame that
// had begun.
func readFrame(reader *bufio.Reader) ([]byte, error) {
	var frame []byte
	for {
		piece, err := reader.ReadSlice('\f')
		if len(frame)+len(piece) > maxFrame+1 {
			return nil, errorf(CodeTooLarge, "frame too large: limit %d bytes", maxFrame)
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

// object is a JSON object. Unlike a struct with encoding/json, it tells `Type` from `type`, and a field of an unexpected
// type is the loss of this field only.
type object map[string]json.RawMessage

// parseFrame reads a frame. What it returns is a copy.
func parseFrame(raw []byte) (object, error) {
	if !utf8.Valid(raw) {
		raw = bytes.ToValidUTF8(raw, []byte("\uFFFD"))
	}
	var frame object
	err := json.Unmarshal(raw, &frame)
	if err == nil && frame.text("type") == "" {
		return nil, errorf("bad-type", "the frame %.40q has no type", raw)
	}
	if err != nil {
		return nil, errorf("not-json", "the frame %.40q is not a JSON object", raw)
	}
	return frame, nil
}

// text returns a field that is a string, or "".
func (o object) text(key string) (value string) {
	raw := o[key]
	if len(raw) > 1 && raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1])
	}
	_ = json.Unmarshal(raw, &value)
	return value
}

// number returns a field that is a whole number, or 0.
func (o object) number(key string) uint64 {
	value, _ := strconv.ParseUint(string(o[key]), 10, 64)
	return value
}

// object returns a field that is an object, or an empty one.
func (o object) object(key string) (value object) {
	_ = json.Unmarshal(o[key], &value)
	return value
}

func (o object) isTrue(key string) bool { return string(o[key]) == "true" }

// message returns the message that a frame or the answer of Get contains.
func (o object) message(topic string) Message {
	data := o["data"]
	if data == nil {
		data = json.RawMessage("null")
	}
	return Message{
		Topic: topic, Seq: o.number("seq"), Time: time.UnixMilli(int64(o.number("time"))), Data: data,
		Offset: o.number("offset"), Instance: o.text("instance"), Stale: o.isTrue("stale"),
	}
}

// encode returns a value as compact JSON, in which no character is escaped without need.
func encode(value any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, &Error{CodeBadRequest, "the data cannot be sent: " + err.Error(), err}
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n")), nil
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
