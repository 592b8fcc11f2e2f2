package engine

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
)

func TestStdin(t *testing.T) {
	h := newHarness(t)
	j := h.spawn(h.script("x", "read a; read b; echo $b $a"))
	child := j.up().child
	for _, line := range []string{"one", "\n", "two\n"} {
		if err := child.WriteStdin([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	receive(t, j.ended)
	if got := h.read("x.out"); got != "two one\n" {
		t.Errorf("output %q", got)
	}
	if err := child.WriteStdin([]byte("x")); err != syscall.EPIPE {
		t.Errorf("after the end: %v, want EPIPE", err)
	}
}

// What the pipe does not hold waits, in order, and nobody waits for it.
func TestStdinOfAProcessThatReadsLate(t *testing.T) {
	h := newHarness(t)
	g := h.gate("gate")
	var data []byte
	for i := range 100_000 {
		data = fmt.Appendf(data, "line %d\n", i)
	}
	j := h.spawn(h.script("x", fmt.Sprintf("read go <%s; head -c %d", g.path, len(data))))
	child := j.up().child
	for rest := data; len(rest) > 0; {
		n := min(len(rest), 99_999)
		if err := child.WriteStdin(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	g.open()
	receive(t, j.ended)
	if got := h.read("x.out"); got != string(data) {
		t.Errorf("%d bytes came out, %d went in; equal: %v", len(got), len(data), got == string(data))
	}
}

func TestStdinThatTheProcessClosed(t *testing.T) {
	for _, tc := range []struct{ name, before string }{
		{"at once", ""},
		{"while data waits", strings.Repeat("x", 1<<20)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHarness(t)
			ready, closed := h.gate("ready"), h.gate("closed")
			j := h.spawn(h.script("x", "read go <"+ready.path+"; exec <&-; echo >"+closed.path+"; exec sleep 1000"))
			s := j.up()
			if err := s.child.WriteStdin([]byte(tc.before)); err != nil {
				t.Fatal(err)
			}
			ready.open()
			closed.reached()
			// The goroutine that writes what waits has to hear of it first.
			eventually(t, "EPIPE", func() bool { return errors.Is(s.child.WriteStdin([]byte("y")), syscall.EPIPE) })
			if err := s.child.WriteStdin([]byte("z")); err != syscall.EPIPE {
				t.Errorf("a second time: %v, want EPIPE", err)
			}
			if err := h.Signal(s.pid, 9, false); err != nil {
				t.Error(err)
			}
			receive(t, j.ended)
		})
	}
}

// One piece that is larger than the bound is taken by a process that has read all
// before it.
func TestStdinLargerThanTheBound(t *testing.T) {
	h := newHarness(t)
	data := bytes.Repeat([]byte("x"), maxStdin+maxStdin/2)
	j := h.spawn(h.script("x", fmt.Sprintf("head -c %d | wc -c", len(data))))
	if err := j.up().child.WriteStdin(data); err != nil {
		t.Fatal(err)
	}
	receive(t, j.ended)
	if got := strings.TrimSpace(h.read("x.out")); got != fmt.Sprint(len(data)) {
		t.Errorf("%s bytes were read of %d", got, len(data))
	}
}

// A client that writes to a process that never reads is refused in time.
func TestBoundOfWaitingStdin(t *testing.T) {
	h := newHarness(t)
	j := h.spawn(h.script("x", "exec sleep 1000"))
	s := j.up()
	const pipe = 64 << 10 // what the kernel takes
	chunk := bytes.Repeat([]byte("x"), 1<<20)
	taken := 0
	for {
		err := s.child.WriteStdin(chunk)
		if err != nil {
			if want := fmt.Sprintf("cannot write standard input: %d bytes wait to be read already", taken-pipe); err.Error() != want {
				t.Errorf("error %q, want %q", err, want)
			}
			break
		}
		if taken += len(chunk); taken > 2*maxStdin {
			t.Fatalf("%d bytes were taken", taken)
		}
	}
	if taken-pipe > maxStdin || taken-pipe < maxStdin-len(chunk) {
		t.Errorf("%d bytes were taken, the bound is %d", taken, maxStdin)
	}
	if err := h.Signal(s.pid, 9, false); err != nil {
		t.Error(err)
	}
	receive(t, j.ended)
	if err := s.child.WriteStdin(chunk); err != syscall.EPIPE {
		t.Errorf("after the end: %v, want EPIPE", err)
	}
}
