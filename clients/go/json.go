package chimed

import (
	"bytes"
	"encoding/json"
)

// object is the members of a JSON object, as they were sent. A map or a struct of encoding/json would take several times as
// long to fill, and a struct would take `Type` for `type`.
type object []member

type member struct {
	key   []byte // with its quotes, and escapes if it has any
	value json.RawMessage
}

// parseObject splits a JSON object, which it does not copy. The JSON must be valid. What is not an object has no members.
func parseObject(raw []byte) (o object) {
	at := skipSpace(raw, 0)
	if at == len(raw) || raw[at] != '{' {
		return nil
	}
	o = make(object, 0, 8)
	for at = skipSpace(raw, at+1); raw[at] != '}'; {
		keyEnd := valueEnd(raw, at)
		start := skipSpace(raw, skipSpace(raw, keyEnd)+len(":"))
		end := valueEnd(raw, start)
		o = append(o, member{raw[at:keyEnd], raw[start:end]})
		at = skipSpace(raw, end)
		if raw[at] == ',' {
			at = skipSpace(raw, at+1)
		}
	}
	return o
}

func skipSpace(raw []byte, at int) int {
	for at < len(raw) && (raw[at] == ' ' || raw[at] == '\t' || raw[at] == '\n' || raw[at] == '\r') {
		at++
	}
	return at
}

// valueEnd returns the index behind the value that begins at an index.
func valueEnd(raw []byte, at int) int {
	for depth := 0; ; at++ {
		switch raw[at] {
		case '"':
			for at++; raw[at] != '"'; at++ {
				if raw[at] == '\\' {
					at++
				}
			}
			if depth == 0 {
				return at + 1
			}
		case '[', '{':
			depth++
		case ']', '}':
			if depth--; depth < 0 {
				return at // behind a number, true, false or null
			}
			if depth == 0 {
				return at + 1
			}
		case ',', ' ', '\t', '\n', '\r':
			if depth == 0 {
				return at
			}
		}
	}
}

// shape returns how many levels valid JSON nests, and how many values it contains, keys included.
func shape(raw []byte) (levels, values int) {
	depth := 0
	values = 1
	for at := 0; at < len(raw); at++ {
		switch raw[at] {
		case '"':
			at = valueEnd(raw, at) - 1
		case '[', '{':
			values++
			if depth++; depth > levels {
				levels = depth
			}
		case ']', '}':
			depth--
		case ',', ':':
			values++
		}
	}
	return levels, values
}

// get returns a member, or nil. Of several with the same key, it is the last.
func (o object) get(key string) json.RawMessage {
	for i := len(o) - 1; i >= 0; i-- {
		if inner := o[i].key[1 : len(o[i].key)-1]; string(inner) == key || isEscaped(inner) && textOf(o[i].key) == key {
			return o[i].value
		}
	}
	return nil
}

// text returns a member that is a string, or "".
func (o object) text(key string) string { return textOf(o.get(key)) }

const maxExact = 1<<53 - 1 // largest whole number that every language can hold

// number returns a member that is a whole number up to maxExact, or 0.
func (o object) number(key string) (number uint64) {
	for _, digit := range o.get(key) {
		if digit < '0' || digit > '9' {
			return 0
		}
		if number = 10*number + uint64(digit-'0'); number > maxExact {
			return 0
		}
	}
	return number
}

func (o object) isTrue(key string) bool { return string(o.get(key)) == "true" }

func textOf(raw []byte) (text string) {
	switch {
	case len(raw) == 0 || raw[0] != '"':
	case isEscaped(raw):
		_ = json.Unmarshal(raw, &text)
	default:
		text = string(raw[1 : len(raw)-1])
	}
	return text
}

func isEscaped(raw []byte) bool { return bytes.IndexByte(raw, '\\') >= 0 }

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
