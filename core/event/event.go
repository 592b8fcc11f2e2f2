package event

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/pytext"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// Event is one thing that happened.
type Event struct {
	Kind    core.EventKind
	Payload string
	// Group and Process name the process that it is about, "" for none.
	Group, Process string

	serial  int64
	counted bool
	pools   map[string]int64 // the serial in each pool that took it
}

// Serial is the number of the event, once a pool has taken it.
func (e *Event) Serial() int64 { return e.serial }

// Public is the event as result handlers get it.
func (e *Event) Public() rpcinterface.Event {
	return rpcinterface.Event{Name: e.Kind.String(), Payload: []byte(e.Payload), Group: e.Group, Process: e.Process}
}

func about(kind core.EventKind, group, proc, payload string) *Event {
	return &Event{Kind: kind, Group: group, Process: proc, Payload: payload}
}

var stateKinds = map[rpcinterface.ProcessState]core.EventKind{
	rpcinterface.ProcessStopped:  core.EventProcessStateStopped,
	rpcinterface.ProcessStarting: core.EventProcessStateStarting,
	rpcinterface.ProcessRunning:  core.EventProcessStateRunning,
	rpcinterface.ProcessBackoff:  core.EventProcessStateBackoff,
	rpcinterface.ProcessStopping: core.EventProcessStateStopping,
	rpcinterface.ProcessExited:   core.EventProcessStateExited,
	rpcinterface.ProcessFatal:    core.EventProcessStateFatal,
	rpcinterface.ProcessUnknown:  core.EventProcessStateUnknown,
}

// StateKind is the kind of event that a process's entering a state is.
func StateKind(state rpcinterface.ProcessState) core.EventKind { return stateKinds[state] }

// StateChange is a process's change of state. PID is that of the process which the
// state was about, Tries counts failed starts in a row, and Expected says of EXITED
// that the exit code was one of exitcodes.
type StateChange struct {
	From, To rpcinterface.ProcessState
	PID      int
	Tries    int64
	Expected bool
}

// ProcessState is PROCESS_STATE_…: a process changed its state.
func ProcessState(group, proc string, c StateChange) *Event {
	var b strings.Builder
	b.WriteString("processname:" + proc + " groupname:" + group + " from_state:" + c.From.String())
	number := func(name string, n int64) { b.WriteString(" " + name + ":" + strconv.FormatInt(n, 10)) }
	switch c.To {
	case rpcinterface.ProcessStarting, rpcinterface.ProcessBackoff:
		number("tries", c.Tries)
	case rpcinterface.ProcessExited:
		expected := int64(0)
		if c.Expected {
			expected = 1
		}
		number("expected", expected)
		number("pid", int64(c.PID))
	case rpcinterface.ProcessRunning, rpcinterface.ProcessStopping, rpcinterface.ProcessStopped:
		number("pid", int64(c.PID))
	}
	return about(stateKinds[c.To], group, proc, b.String())
}

// Channel is one of a process's output streams.
type Channel uint8

// The channels.
const (
	Stdout Channel = iota
	Stderr
)

func (c Channel) String() string { return [...]string{"stdout", "stderr"}[c] }

// ProcessLog is PROCESS_LOG_STDOUT or PROCESS_LOG_STDERR: a process wrote.
func ProcessLog(group, proc string, pid int, channel Channel, data []byte) *Event {
	kind := [...]core.EventKind{core.EventProcessLogStdout, core.EventProcessLogStderr}[channel]
	return about(kind, group, proc, "processname:"+proc+" groupname:"+group+" pid:"+strconv.Itoa(pid)+
		" channel:"+channel.String()+"\n"+pytext.Decode(data))
}

// ProcessCommunication is PROCESS_COMMUNICATION_STDOUT or …_STDERR: a process wrote
// between the tokens of capture mode.
func ProcessCommunication(group, proc string, pid int, channel Channel, data []byte) *Event {
	kind := [...]core.EventKind{core.EventProcessCommunicationStdout, core.EventProcessCommunicationStderr}[channel]
	return about(kind, group, proc, "processname:"+proc+" groupname:"+group+" pid:"+strconv.Itoa(pid)+"\n"+pytext.Decode(data))
}

// RemoteCommunication is REMOTE_COMMUNICATION: somebody sent it.
func RemoteCommunication(typ, data string) *Event {
	return about(core.EventRemoteCommunication, "", "", "type:"+typ+"\n"+data)
}

// SupervisorState is SUPERVISOR_STATE_CHANGE_RUNNING or …_STOPPING.
func SupervisorState(kind core.EventKind) *Event { return about(kind, "", "", "") }

// ProcessGroup is PROCESS_GROUP_ADDED or PROCESS_GROUP_REMOVED.
func ProcessGroup(kind core.EventKind, group string) *Event {
	return about(kind, "", "", "groupname:"+group+"\n")
}

// Tick is TICK_5, TICK_60 or TICK_3600. when is in seconds since the epoch, a
// multiple of the period.
func Tick(kind core.EventKind, when int64) *Event {
	return about(kind, "", "", "when:"+strconv.FormatInt(when, 10))
}

// Ticks are the kinds of ticks with their periods in seconds.
func Ticks() [3]struct {
	Kind   core.EventKind
	Period int64
} {
	return [3]struct {
		Kind   core.EventKind
		Period int64
	}{{core.EventTick5, 5}, {core.EventTick60, 60}, {core.EventTick3600, 3600}}
}

// Envelope is what a listener of a pool is sent: the header line and the payload
// (Supervisor manual, "Event Listener Notification Protocol"). The announced
// length counts characters, not bytes, as the reference's does.
func (e *Event) Envelope(identifier, pool string) []byte {
	payload := strings.ToValidUTF8(e.Payload, "\uFFFD")
	b := make([]byte, 0, 160+len(payload))
	b = append(b, "ver:3.0 server:"...)
	b = append(b, identifier...)
	b = append(b, " serial:"...)
	b = strconv.AppendInt(b, e.serial, 10)
	b = append(b, " pool:"...)
	b = append(b, pool...)
	b = append(b, " poolserial:"...)
	b = strconv.AppendInt(b, e.pools[pool], 10)
	b = append(b, " eventname:"...)
	b = append(b, e.Kind.String()...)
	b = append(b, " len:"...)
	b = strconv.AppendInt(b, int64(utf8.RuneCountInString(payload)), 10)
	b = append(b, '\n')
	return append(b, payload...)
}
