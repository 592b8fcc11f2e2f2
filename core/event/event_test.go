package event

import (
	"fmt"
	"strings"
	"testing"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// The payloads are those that Supervisor 4.4 was seen to send.
func TestPayloads(t *testing.T) {
	change := func(from, to rpcinterface.ProcessState) StateChange {
		return StateChange{From: from, To: to, PID: 12, Tries: 2, Expected: true}
	}
	for _, c := range []struct {
		event *Event
		kind  string
		want  string
	}{
		{ProcessState("g", "x", change(rpcinterface.ProcessStopped, rpcinterface.ProcessStarting)), "PROCESS_STATE_STARTING", "processname:x groupname:g from_state:STOPPED tries:2"},
		{ProcessState("g", "x", change(rpcinterface.ProcessStarting, rpcinterface.ProcessRunning)), "PROCESS_STATE_RUNNING", "processname:x groupname:g from_state:STARTING pid:12"},
		{ProcessState("g", "x", change(rpcinterface.ProcessStarting, rpcinterface.ProcessBackoff)), "PROCESS_STATE_BACKOFF", "processname:x groupname:g from_state:STARTING tries:2"},
		{ProcessState("g", "x", change(rpcinterface.ProcessRunning, rpcinterface.ProcessStopping)), "PROCESS_STATE_STOPPING", "processname:x groupname:g from_state:RUNNING pid:12"},
		{ProcessState("g", "x", change(rpcinterface.ProcessStopping, rpcinterface.ProcessStopped)), "PROCESS_STATE_STOPPED", "processname:x groupname:g from_state:STOPPING pid:12"},
		{ProcessState("g", "x", change(rpcinterface.ProcessRunning, rpcinterface.ProcessExited)), "PROCESS_STATE_EXITED", "processname:x groupname:g from_state:RUNNING expected:1 pid:12"},
		{ProcessState("g", "x", StateChange{From: rpcinterface.ProcessRunning, To: rpcinterface.ProcessExited, PID: 3}), "PROCESS_STATE_EXITED", "processname:x groupname:g from_state:RUNNING expected:0 pid:3"},
		{ProcessState("g", "x", change(rpcinterface.ProcessBackoff, rpcinterface.ProcessFatal)), "PROCESS_STATE_FATAL", "processname:x groupname:g from_state:BACKOFF"},
		{ProcessState("g", "x", change(rpcinterface.ProcessRunning, rpcinterface.ProcessUnknown)), "PROCESS_STATE_UNKNOWN", "processname:x groupname:g from_state:RUNNING"},
		{ProcessLog("g", "x", 7, Stdout, []byte("hello\n")), "PROCESS_LOG_STDOUT", "processname:x groupname:g pid:7 channel:stdout\nhello\n"},
		{ProcessLog("g", "x", 7, Stderr, []byte("a\xffb")), "PROCESS_LOG_STDERR", "processname:x groupname:g pid:7 channel:stderr\nUndecodable: b'a\\xffb'"},
		{ProcessCommunication("g", "x", 7, Stdout, []byte("c")), "PROCESS_COMMUNICATION_STDOUT", "processname:x groupname:g pid:7\nc"},
		{ProcessCommunication("g", "x", 7, Stderr, nil), "PROCESS_COMMUNICATION_STDERR", "processname:x groupname:g pid:7\n"},
		{RemoteCommunication("ty", "da"), "REMOTE_COMMUNICATION", "type:ty\nda"},
		{SupervisorState(core.EventSupervisorStateChangeRunning), "SUPERVISOR_STATE_CHANGE_RUNNING", ""},
		{ProcessGroup(core.EventProcessGroupAdded, "g"), "PROCESS_GROUP_ADDED", "groupname:g\n"},
		{Tick(core.EventTick60, 120), "TICK_60", "when:120"},
	} {
		if c.event.Kind.String() != c.kind || c.event.Payload != c.want {
			t.Errorf("%v %q, want %s %q", c.event.Kind, c.event.Payload, c.kind, c.want)
		}
	}
}

func TestEnvelope(t *testing.T) {
	var global Serials
	q := NewQueue("el", 10, &global)
	q.Add(RemoteCommunication("a", "b"))
	e := RemoteCommunication("é", "€")
	q.Add(e)
	want := "ver:3.0 server:my-id serial:1 pool:el poolserial:1 eventname:REMOTE_COMMUNICATION len:8\ntype:é\n€"
	if got := string(e.Envelope("my-id", "el")); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestQueue(t *testing.T) {
	var global Serials
	a, b := NewQueue("a", 2, &global), NewQueue("b", 9, &global)
	list := func(q *Queue) string {
		var out []string
		for _, e := range q.events {
			out = append(out, fmt.Sprintf("%s/%d/%d", e.Payload, e.serial, e.pools[q.pool]))
		}
		return strings.Join(out, " ")
	}
	ev := func(name string) *Event { return &Event{Kind: core.EventTick5, Payload: name} }
	one, two, three := ev("1"), ev("2"), ev("3")
	b.Add(ev("0"))
	a.Add(one)
	b.Add(one)
	a.Add(two)
	if got, want := list(a)+" | "+list(b), "1/1/0 2/2/1 | 0/0/0 1/1/1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if dropped := a.Add(three); dropped != one {
		t.Errorf("dropped %v, want the oldest", dropped)
	}
	taken := a.Take()
	if dropped := a.PutBack(taken); dropped != nil || list(a) != "2/2/1 3/3/2" {
		t.Errorf("an event that was put back: %q, dropped %v", list(a), dropped)
	}
	if dropped := a.PutBack(one); dropped != two || list(a) != "1/1/0 3/3/2" {
		t.Errorf("a rejected event in a full buffer: %q, dropped %v", list(a), dropped)
	}
	a.Take()
	a.Take()
	if a.Take() != nil || a.Len() != 0 {
		t.Error("an empty queue gives events")
	}
}

func TestSubscriptions(t *testing.T) {
	var s Subscriptions[string]
	s.Add("x", core.EventTick)
	s.Add("y", core.EventAny)
	s.Add("x", core.EventTick5)
	told := func(kind core.EventKind) (out string) {
		s.Each(kind, func(who string) { out += who })
		return out
	}
	if got := told(core.EventTick5) + " " + told(core.EventTick60) + " " + told(core.EventProcessLogStdout); got != "xyx xy y" {
		t.Errorf("told %q", got)
	}
	s.Remove("y")
	if s.Wanted(core.EventProcessLogStdout) || !s.Wanted(core.EventTick3600) || told(core.EventTick5) != "xx" {
		t.Error("after a removal the wrong ones are told")
	}
	s.Remove("x")
	if s.Wanted(core.EventTick5) || len(s.list) != 0 {
		t.Error("subscriptions are left")
	}
}
