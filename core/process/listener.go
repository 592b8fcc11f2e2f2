package process

import (
	"bytes"
	"fmt"

	"github.com/plugvisor/plugvisor/core/pytext"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// ListenerState is where an event listener is in its protocol (Supervisor manual,
// "Event Listener States").
type ListenerState uint8

// The states.
const (
	Acknowledged    ListenerState = iota // it is to say that it is ready
	Ready                                // it can be sent an event
	Busy                                 // it has an event, or its result is being judged
	ListenerUnknown                      // it broke the protocol, and gets no more events
)

func (s ListenerState) String() string {
	return [...]string{"ACKNOWLEDGED", "READY", "BUSY", "UNKNOWN"}[s]
}

// Limits of what a listener may say, in bytes. The reference has none.
const (
	maxResultLine = 64 << 10
	shownLine     = 200 // of a bad one, in the log
	maxResult     = 16 << 20
)

const (
	readyToken   = "READY\n"
	resultPrefix = len("RESULT ") // the reference looks at what follows alone
)

// Verdict is what a result handler says of a listener's result.
type Verdict uint8

// The verdicts.
const (
	Accept Verdict = iota // the event is done
	Reject                // the event is to be sent again
	Break                 // the handler failed: the listener gets no more events
)

// Listener is one event listener's side of the protocol as a pure machine: what it
// writes goes in, what follows comes out. Like a Machine it does nothing by itself
// and is not safe for concurrent use. Each start of the process begins with a new
// one.
type Listener struct {
	name    string
	state   ListenerState
	unread  []byte
	need    int // length of the result that is being read, -1 for none
	judging bool
}

// NewListener makes the machine of a listener that has just been started.
func NewListener(name string) *Listener { return &Listener{name: name, need: -1} }

// State is the current state.
func (l *Listener) State() ListenerState { return l.state }

type (
	// Judge asks for the verdict of a result; the answer goes to Judged.
	Judge struct{ Result []byte }
	// Rejected gives the event in hand back to the pool.
	Rejected struct{}
)

func (Judge) effect()    {}
func (Rejected) effect() {}

// Sent says that the listener, which was READY, has been given an event.
func (l *Listener) Sent() { l.state = Busy }

// Output takes what the listener wrote.
func (l *Listener) Output(data []byte) []Effect {
	if l.state == ListenerUnknown {
		return nil
	}
	if l.judging {
		// Of what comes before the verdict only the beginning can matter: more than
		// a READY breaks the protocol, whatever it is.
		room := max(0, len(readyToken)+1-len(l.unread))
		data = data[:min(room, len(data))]
	}
	l.unread = append(l.unread, data...)
	var out []Effect
	l.read(&out)
	return out
}

// Judged takes the verdict of the result that Judge gave out.
func (l *Listener) Judged(v Verdict) []Effect {
	if !l.judging {
		return nil
	}
	l.judging = false
	var out []Effect
	switch v {
	case Accept:
		log(&out, rpcinterface.LevelDebg, "%s: event was processed", l.name)
		l.become(Acknowledged, &out)
	case Reject:
		log(&out, rpcinterface.LevelWarn, "%s: event was rejected", l.name)
		l.become(Acknowledged, &out)
		out = append(out, Rejected{})
	case Break:
		log(&out, rpcinterface.LevelWarn, "%s: event caused an error", l.name)
		l.become(ListenerUnknown, &out)
		out = append(out, Rejected{})
	}
	l.read(&out)
	return out
}

// read goes on as far as what was written allows.
func (l *Listener) read(out *[]Effect) {
	for len(l.unread) > 0 && !l.judging {
		if !l.next(out) {
			return
		}
	}
}

// next takes one token; it answers false when more must be written first.
func (l *Listener) next(out *[]Effect) bool {
	switch l.state {
	case Acknowledged:
		switch {
		case len(l.unread) < len(readyToken):
			return false
		case bytes.HasPrefix(l.unread, []byte(readyToken)):
			l.become(Ready, out)
			l.unread = l.unread[len(readyToken):]
		default:
			l.become(ListenerUnknown, out)
		}
	case Ready:
		l.become(ListenerUnknown, out) // it spoke without being asked
	case Busy:
		if l.need < 0 {
			return l.resultLine(out)
		}
		if len(l.unread) < l.need {
			return false
		}
		l.judge(out)
	case ListenerUnknown:
		l.unread = nil
	}
	return true
}

// resultLine reads "RESULT n".
func (l *Listener) resultLine(out *[]Effect) bool {
	line, rest, found := bytes.Cut(l.unread, []byte("\n"))
	if !found && len(line) <= maxResultLine {
		return false
	}
	n, err := int64(-1), error(nil)
	if len(line) > resultPrefix && found {
		n, err = pytext.ParseInt(string(line[resultPrefix:]), 10)
	}
	if err != nil || n < 0 || n > maxResult {
		log(out, rpcinterface.LevelWarn, "%s: bad result line: '%s'", l.name, pytext.Decode(line[:min(len(line), shownLine)]))
		l.become(ListenerUnknown, out)
		*out = append(*out, Rejected{})
		return true
	}
	l.unread, l.need = rest, int(n)
	if n == 0 {
		l.judge(out)
	}
	return true
}

// judge hands out the result that is complete.
func (l *Listener) judge(out *[]Effect) {
	result := bytes.Clone(l.unread[:l.need])
	l.unread, l.need = l.unread[l.need:], -1
	l.judging = true
	*out = append(*out, Judge{result})
}

func (l *Listener) become(to ListenerState, out *[]Effect) {
	log(out, rpcinterface.LevelDebg, "%s: %v -> %v", l.name, l.state, to)
	l.state = to
	if to == ListenerUnknown {
		l.unread = nil
		log(out, rpcinterface.LevelWarn, "%s: has entered the UNKNOWN state and will no longer receive events, "+
			"this usually indicates the process violated the eventlistener protocol", l.name)
	}
}

func log(out *[]Effect, level rpcinterface.LogLevel, format string, args ...any) {
	*out = append(*out, Log{level, fmt.Sprintf(format, args...)})
}
