package chimed

import (
	"fmt"
	"time"
)

// Event is what a client reports beside its messages.
type Event struct {
	Kind  EventKind
	Topic string        // the topic or pattern, if the event has one
	Err   *Error        // the reason of Waiting, Refused, Failing, Unprovided and Rejected
	Delay time.Duration // of Waiting: until the next attempt
	// Instance is the numbering of Ready (the daemon's) and Wanted (the topic's). Seq, of Wanted, is the number of the
	// topic's last message, or 0 if it has none.
	Instance string
	Seq      uint64
}

// EventKind says what an Event reports.
type EventKind string

const (
	Ready      EventKind = "ready"      // the daemon has registered the client; again after each reconnection
	Waiting    EventKind = "waiting"    // the connection is lost or was not established; the client retries
	Uncounted  EventKind = "uncounted"  // an unknown number of messages may be lost, of Topic or, if it is empty, of all
	Refused    EventKind = "refused"    // the daemon refuses a pattern; the client is not subscribed to it any longer
	Failing    EventKind = "failing"    // the source of a topic fails
	Recovered  EventKind = "recovered"  // the source of a topic has recovered
	Wanted     EventKind = "wanted"     // a provided topic has subscribers; it can be repeated
	Unwanted   EventKind = "unwanted"   // a provided topic has no subscribers, or the connection is lost
	Unprovided EventKind = "unprovided" // the daemon does not let the client provide a topic, or not any longer
	Rejected   EventKind = "rejected"   // the daemon warns (too-fast), or does not accept a message of Send
)

func (e Event) String() string {
	text := string(e.Kind)
	if e.Topic != "" {
		text += " " + e.Topic
	}
	if e.Err != nil {
		text += ": " + e.Err.Message + " (" + e.Err.Code + ")"
	}
	if e.Kind == Waiting {
		text += fmt.Sprintf("; retrying in %s", e.Delay.Round(time.Millisecond))
	}
	return text
}

// Codes of errors that this package makes. All other codes come from the daemon.
const (
	CodeBadRequest     = "bad-request"     // not the name of a topic, or data that JSON cannot represent
	CodeBusy           = "busy"            // the daemon does not accept connections or does not read at the moment
	CodeCanceled       = "canceled"        // the context of the request has ended
	CodeClosed         = "closed"          // the client is closed
	CodeConnectionLost = "connection-lost" // the daemon may or may not have carried out the request
	CodeNoDaemon       = "no-daemon"       // no daemon listens on the socket
	CodeNotPermitted   = "not-permitted"   // this user has no permission for the socket
	CodeNotProvided    = "not-provided"    // the daemon has not accepted this client as the provider of the topic
	CodeSourceFailed   = "source-failed"   // the source of a topic fails
	CodeTimeout        = "timeout"         // no answer in time; the daemon may still carry out the request
	CodeTooLarge       = "too-large"       // the frame is larger than the daemon accepts
)

// Error is the type of all errors of this package. Use errors.As to get its Code.
type Error struct {
	Code    string
	Message string
	Err     error // the cause, or nil
}

func (e *Error) Error() string { return "chimed: " + e.Message + " (" + e.Code + ")" }

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error { return e.Err }

func errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}
