package process

import (
	"bytes"
	"strings"
	"testing"
)

// A listener that writes without end, and never a line, is not kept in memory.
func TestEndlessResultLine(t *testing.T) {
	l := NewListener("el")
	l.Output([]byte("READY\n"))
	l.Sent()
	for range 3 {
		l.Output(bytes.Repeat([]byte("x"), maxResultLine/2))
	}
	if l.State() != ListenerUnknown || l.unread != nil {
		t.Errorf("state is %v with %d bytes kept", l.State(), len(l.unread))
	}
}

// Nor is what it writes while its result is judged, however long that takes.
func TestEndlessOutputWhileJudged(t *testing.T) {
	for _, after := range []struct {
		output string
		want   ListenerState
	}{{"", Acknowledged}, {"READY\n", Ready}, {"READY\nx", ListenerUnknown}, {"NEVER\n", ListenerUnknown},
		{strings.Repeat("READY\n", 1<<16), ListenerUnknown}} {
		l := NewListener("el")
		l.Output([]byte("READY\n"))
		l.Sent()
		l.Output([]byte("RESULT 2\nOK"))
		for data := []byte(after.output); len(data) > 0; {
			n := min(4, len(data))
			l.Output(data[:n])
			data = data[n:]
		}
		if len(l.unread) > 16 {
			t.Errorf("%d bytes are kept", len(l.unread))
		}
		l.Judged(Accept)
		if l.State() != after.want {
			t.Errorf("after %.10q the state is %v, want %v", after.output, l.State(), after.want)
		}
	}
}

// Whatever a listener writes, in whatever pieces, the machine keeps its rules: the
// pieces make no difference, a result is judged only in BUSY, and an event is given
// back at most once.
func FuzzListener(f *testing.F) {
	f.Add([]byte("READY\nRESULT 2\nOKREADY\n"), uint8(3))
	f.Add([]byte("READY\nRESULT 4\nFAILREADY\nRESULT 0\n"), uint8(1))
	f.Add([]byte("READY\nRESULT x\n"), uint8(200))
	f.Fuzz(func(t *testing.T, data []byte, piece uint8) {
		whole, pieces := play(t, data, len(data)), play(t, data, int(piece)+1)
		if whole != pieces && !strings.Contains(whole, "READY -> UNKNOWN") && !strings.Contains(pieces, "READY -> UNKNOWN") {
			t.Errorf("whole:\n%s\nin pieces of %d:\n%s", whole, int(piece)+1, pieces)
		}
	})
}

// play has a listener write data in pieces; it gets an event whenever it is ready,
// and each result is accepted.
func play(t *testing.T, data []byte, piece int) string {
	var out strings.Builder
	l := NewListener("el")
	inHand := false
	var take func([]Effect)
	take = func(effects []Effect) {
		for _, e := range effects {
			switch e := e.(type) {
			case Log:
				out.WriteString(e.Message + "\n")
			case Judge:
				if l.State() != Busy || !inHand {
					t.Fatal("a result was judged without an event")
				}
				inHand = false
				out.WriteString("judge " + string(e.Result) + "\n")
				take(l.Judged(Accept))
			case Rejected:
				if !inHand {
					t.Fatal("an event was given back twice")
				}
				inHand = false
			}
		}
		if l.State() == Ready && len(l.unread) == 0 {
			l.Sent()
			inHand = true
		}
	}
	for len(data) > 0 {
		n := min(piece, len(data))
		take(l.Output(data[:n]))
		data = data[n:]
	}
	return out.String()
}
