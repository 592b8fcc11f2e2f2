package supervisor

import (
	"testing"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/process"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// NextDeadline is when the loop is to wake up. No deadline is the zero time.
func (s *Supervisor) NextDeadline() time.Time {
	answer := make(chan time.Time, 1)
	s.inbox.post(func() { answer <- s.nextDeadline() })
	return <-answer
}

func TestDescriptions(t *testing.T) {
	for _, c := range []struct {
		info rpcinterface.ProcessInfo
		want string
	}{
		{rpcinterface.ProcessInfo{State: rpcinterface.ProcessRunning, PID: 7, Start: 100, Now: 100 + 3723}, "pid 7, uptime 1:02:03"},
		{rpcinterface.ProcessInfo{State: rpcinterface.ProcessRunning, PID: 7, Start: 0, Now: 86400 + 59}, "pid 7, uptime 1 day, 0:00:59"},
		{rpcinterface.ProcessInfo{State: rpcinterface.ProcessRunning, PID: 7, Start: 0, Now: 20 * 86400}, "pid 7, uptime 20 days, 0:00:00"},
		{rpcinterface.ProcessInfo{State: rpcinterface.ProcessRunning, PID: 7, Start: 50, Now: 20}, "pid 7, uptime 0:00:00"},
		{rpcinterface.ProcessInfo{State: rpcinterface.ProcessStopped}, "Not started"},
		{rpcinterface.ProcessInfo{State: rpcinterface.ProcessExited, Start: 1, Stop: time.Date(2026, 3, 9, 14, 5, 0, 0, time.Local).Unix()}, "Mar 09 02:05 PM"},
		{rpcinterface.ProcessInfo{State: rpcinterface.ProcessFatal, Name: "x"}, `unknown error (try "tail x")`},
		{rpcinterface.ProcessInfo{State: rpcinterface.ProcessBackoff, SpawnErr: "why"}, "why"},
		{rpcinterface.ProcessInfo{State: rpcinterface.ProcessStarting}, ""},
	} {
		if got := describe(&c.info); got != c.want {
			t.Errorf("%v: %q, want %q", c.info.State, got, c.want)
		}
	}
}

// The order in which a group keeps its members survives removals, and what is
// sorted by name follows changes.
func TestMembership(t *testing.T) {
	g := &group{members: map[string]*proc{}}
	procs := map[string]*proc{}
	for _, name := range []string{"c", "a", "b"} {
		p := &proc{name: name, machine: process.New(&core.ProcessSpec{Name: name}), heapIndex: -1}
		p.spec.Store(&core.ProcessSpec{Name: name})
		procs[name] = p
		g.insert(p)
	}
	list := func(procs []*proc) (out string) {
		for _, p := range procs {
			out += p.name
		}
		return out
	}
	if got := list(g.inOrder()) + " " + list(g.byName()); got != "cab abc" {
		t.Errorf("got %q", got)
	}
	g.remove(procs["a"])
	if got := list(g.inOrder()) + " " + list(g.byName()); got != "cb bc" {
		t.Errorf("got %q", got)
	}
	g.remove(procs["b"])
	g.remove(procs["c"])
	if g.first != nil || g.last != nil {
		t.Error("an empty group has ends")
	}
}
