package extension

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/plugvisor/plugvisor/core"
)

var update = flag.Bool("update", false, "rewrite testdata")

// Every state with every input, as a table that can be read.
func TestTable(t *testing.T) {
	var b strings.Builder
	for _, s := range core.ExtensionStates() {
		for in := ready; in <= stopped; in++ {
			to, ok := next(s, in)
			switch {
			case ok:
				fmt.Fprintf(&b, "%-8v %-8v %v\n", s, in, to)
			case to != s:
				t.Errorf("%v: %v has no meaning and leads to %v", s, in, to)
			}
		}
	}
	const file = "testdata/life.txt"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the table is\n%s", b.String())
	}
}

func TestRestartPolicy(t *testing.T) {
	p := RestartPolicy{Healthy: 10 * time.Second, First: time.Second, Max: 5 * time.Second, Limit: 5}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

	l := life{state: Starting, since: start}
	step := func(what string, next life, state State, pause time.Duration) {
		t.Helper()
		if next.state != state {
			t.Errorf("%s: %v, want %v", what, next.state, state)
		}
		if state == Backoff && next.due.Sub(next.since) != pause {
			t.Errorf("%s: next attempt after %v, want %v", what, next.due.Sub(next.since), pause)
		}
		l = next
	}
	step("ready", l.enter(at(1), ready), Running, 0)
	step("the first crash", l.fail(at(2), "crash", p), Starting, 0)
	step("ready", l.enter(at(3), ready), Running, 0)
	step("another at once", l.fail(at(4), "crash", p), Backoff, time.Second)
	step("too early for ready", l.enter(at(5), ready), Backoff, time.Second)
	step("due", l.enter(at(5), due), Starting, 0)
	step("cannot start", l.fail(at(6), "no", p), Backoff, 2*time.Second)
	step("due", l.enter(at(8), due), Starting, 0)
	step("cannot start", l.fail(at(9), "no", p), Backoff, 4*time.Second)
	step("due", l.enter(at(13), due), Starting, 0)
	step("ready", l.enter(at(14), ready), Running, 0)
	step("crash after 9 seconds", l.fail(at(23), "crash", p), Backoff, 5*time.Second)
	step("due", l.enter(at(28), due), Starting, 0)
	step("ready", l.enter(at(29), ready), Running, 0)
	healthy := l
	step("crash after 10 seconds", l.fail(at(39), "crash", p), Starting, 0)
	if l.failures != 0 {
		t.Errorf("%d failures are remembered", l.failures)
	}
	l = healthy
	step("the fifth failure", l.fail(at(30), "crash", p), Fatal, 0)
	step("stop", l.enter(at(31), stop), Disabled, 0)
}

func TestPause(t *testing.T) {
	p := DefaultRestartPolicy()
	var got []string
	for n := 1; n < p.Limit; n++ {
		got = append(got, p.pause(n).String())
	}
	if want := "1s 2s 4s 8s 16s 30s 30s 30s 30s"; strings.Join(got, " ") != want {
		t.Errorf("got %q", got)
	}
}
