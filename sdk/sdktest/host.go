package sdktest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plugvisor/plugvisor/sdk"
)

// Host is a supervisor in memory. It may be used by many goroutines at once.
// Make it with NewHost.
type Host struct {
	mu        sync.Mutex
	state     sdk.SupervisorState
	groups    []sdk.GroupInfo
	processes []sdk.ProcessInfo // in the order in which they were added
	programs  []sdk.ProgramInfo // likewise
	persisted string            // what RestorePrograms was given
	logs      map[logKey][]byte
	stdin     map[string][]byte // by the processes' names
	refusals  map[string]error
	asked     []Ask
	called    func(method string, params []sdk.Value) (sdk.Value, error)
	asking    chan struct{} // closed and replaced when a verb is asked for
	journal   journal
}

var _ sdk.Host = (*Host)(nil)

// Ask is one verb that the host was asked for.
type Ask struct {
	// Verb is the name of Host's method, such as "AddProgram".
	Verb string
	// Args are its arguments, without the context.
	Args []any
}

// NewHost makes a running supervisor that has empty groups.
func NewHost(groups ...string) *Host {
	h := &Host{
		state:    sdk.SupervisorRunning,
		refusals: map[string]error{},
		logs:     map[logKey][]byte{},
		stdin:    map[string][]byte{},
		asking:   make(chan struct{}),
		journal:  journal{next: 1, more: make(chan struct{})},
	}
	for _, name := range groups {
		h.groups = append(h.groups, sdk.GroupInfo{Name: name, Priority: 999})
	}
	return h
}

// SetState makes the supervisor be in a state.
func (h *Host) SetState(state sdk.SupervisorState) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.state = state
}

// SetProcess adds a process, and its group where there is none of that name, or
// replaces the one of that name.
func (h *Host) SetProcess(info sdk.ProcessInfo) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.group(info.Group) < 0 {
		h.groups = append(h.groups, sdk.GroupInfo{Name: info.Group, Priority: 999})
	}
	if i := h.process(info.Group, info.Name); i >= 0 {
		h.processes[i] = info
		return
	}
	h.processes = append(h.processes, info)
}

// Refuse makes a verb answer err from now on; nil lets it work again.
func (h *Host) Refuse(verb string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refusals[verb] = err
}

// Answer says what Host.Call of another namespace's method answers. Without it
// every method is unknown.
func (h *Host) Answer(f func(method string, params []sdk.Value) (sdk.Value, error)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.called = f
}

// Asked lists what the host was asked for so far, those verbs only where some are
// given, in order. Refused verbs are among it.
func (h *Host) Asked(verbs ...string) []Ask {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.askedFor(verbs)
}

// askedFor is Asked for who holds the lock.
func (h *Host) askedFor(verbs []string) []Ask {
	var out []Ask
	for _, a := range h.asked {
		if len(verbs) == 0 || slices.Contains(verbs, a.Verb) {
			out = append(out, a)
		}
	}
	return out
}

// Await is Asked once there are n of them, for what a plugin does of its own
// accord. The test fails at once where that does not come to pass.
func (h *Host) Await(t testing.TB, n int, verbs ...string) []Ask {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		h.mu.Lock()
		asked, asking := h.askedFor(verbs), h.asking
		h.mu.Unlock()
		if len(asked) >= n {
			return asked
		}
		select {
		case <-asking:
		case <-timer.C:
			t.Fatalf("the host was asked for %v, want %d", asked, n)
		}
	}
}

// begin records a verb and gives the error that it was told to answer. The
// caller holds the lock.
func (h *Host) begin(verb string, args ...any) error {
	h.asked = append(h.asked, Ask{Verb: verb, Args: args})
	close(h.asking)
	h.asking = make(chan struct{})
	return h.refusals[verb]
}

func (h *Host) group(name string) int {
	return slices.IndexFunc(h.groups, func(g sdk.GroupInfo) bool { return g.Name == name })
}

func (h *Host) process(group, name string) int {
	return slices.IndexFunc(h.processes, func(p sdk.ProcessInfo) bool { return p.Group == group && p.Name == name })
}

// named finds a process as clients name it.
func (h *Host) named(name string) (*sdk.ProcessInfo, error) {
	group, process, ok := strings.Cut(name, ":")
	if !ok {
		process = group
	}
	if i := h.process(group, process); i >= 0 {
		return &h.processes[i], nil
	}
	return nil, sdk.NewFault(sdk.CodeBadName, name)
}

func (h *Host) State(context.Context) (sdk.SupervisorState, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.state, h.begin("State")
}

func (h *Host) Identification(context.Context) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return "supervisor", h.begin("Identification")
}

func (h *Host) Groups(context.Context) ([]sdk.GroupInfo, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.groups), h.begin("Groups")
}

func (h *Host) AddGroup(_ context.Context, group sdk.GroupInfo) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.begin("AddGroup", group); err != nil {
		return err
	}
	if h.group(group.Name) >= 0 {
		return sdk.NewFault(sdk.CodeAlreadyAdded, group.Name)
	}
	h.groups = append(h.groups, group)
	return nil
}

func (h *Host) RemoveGroup(_ context.Context, name string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.begin("RemoveGroup", name); err != nil {
		return err
	}
	i := h.group(name)
	if i < 0 {
		return sdk.NewFault(sdk.CodeBadName, name)
	}
	member := func(p sdk.ProcessInfo) bool { return p.Group == name }
	if slices.ContainsFunc(h.processes, func(p sdk.ProcessInfo) bool { return member(p) && !p.State.Stopped() }) {
		return sdk.NewFault(sdk.CodeStillRunning, name)
	}
	h.groups = slices.Delete(h.groups, i, i+1)
	h.processes = slices.DeleteFunc(h.processes, member)
	return nil
}

// AddProgram adds one stopped process of the program's name, whatever its options
// say.
func (h *Host) AddProgram(_ context.Context, group, program string, options sdk.Struct) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	refused := h.begin("AddProgram", group, program, options)
	if h.group(group) < 0 {
		return sdk.NewFault(sdk.CodeBadName, "group: "+group)
	}
	if refused != nil {
		return refused
	}
	if h.process(group, program) >= 0 {
		return sdk.NewFault(sdk.CodeBadName, program)
	}
	h.processes = append(h.processes, sdk.ProcessInfo{Group: group, Name: program, State: sdk.ProcessStopped})
	return nil
}

func (h *Host) RemoveProcess(_ context.Context, group, process string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.begin("RemoveProcess", group, process); err != nil {
		return err
	}
	if h.group(group) < 0 {
		return sdk.NewFault(sdk.CodeBadName, "group: "+group)
	}
	i := h.process(group, process)
	if i < 0 {
		return sdk.NewFault(sdk.CodeBadName, process)
	}
	if !h.processes[i].State.Stopped() {
		return sdk.NewFault(sdk.CodeStillRunning, process)
	}
	h.processes = slices.Delete(h.processes, i, i+1)
	return nil
}

func (h *Host) Processes(context.Context) ([]sdk.ProcessInfo, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := slices.Clone(h.processes)
	slices.SortFunc(out, func(a, b sdk.ProcessInfo) int {
		if c := strings.Compare(a.Group, b.Group); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	return out, h.begin("Processes")
}

func (h *Host) Process(_ context.Context, name string) (sdk.ProcessInfo, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.begin("Process", name); err != nil {
		return sdk.ProcessInfo{}, err
	}
	p, err := h.named(name)
	if err != nil {
		return sdk.ProcessInfo{}, err
	}
	return *p, nil
}

func (h *Host) StartProcess(_ context.Context, name string, wait bool) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.change(name, h.begin("StartProcess", name, wait), func(p *sdk.ProcessInfo) error {
		if p.State.Running() {
			return sdk.NewFault(sdk.CodeAlreadyStarted, name)
		}
		p.State = sdk.ProcessRunning
		return nil
	})
}

func (h *Host) StopProcess(_ context.Context, name string, wait bool) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.change(name, h.begin("StopProcess", name, wait), func(p *sdk.ProcessInfo) error {
		if !p.State.Running() {
			return sdk.NewFault(sdk.CodeNotRunning, name)
		}
		p.State = sdk.ProcessStopped
		return nil
	})
}

func (h *Host) SignalProcess(_ context.Context, name, signal string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.change(name, h.begin("SignalProcess", name, signal), func(p *sdk.ProcessInfo) error {
		if !p.State.Signallable() {
			return sdk.NewFault(sdk.CodeNotRunning, name)
		}
		return nil
	})
}

// change does something to a process, unless the verb is refused. The caller
// holds the lock.
func (h *Host) change(name string, refused error, do func(*sdk.ProcessInfo) error) error {
	if refused != nil {
		return refused
	}
	p, err := h.named(name)
	if err != nil {
		return err
	}
	return do(p)
}

func (h *Host) WriteStdin(_ context.Context, name string, data []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.change(name, h.begin("WriteStdin", name, string(data)), func(p *sdk.ProcessInfo) error {
		if p.State != sdk.ProcessRunning {
			return sdk.NewFault(sdk.CodeNotRunning, name)
		}
		key := sdk.Namespec(p.Group, p.Name)
		h.stdin[key] = append(h.stdin[key], data...)
		return nil
	})
}

func (h *Host) Log(_ context.Context, level sdk.LogLevel, message string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.begin("Log", level, message)
}

func (h *Host) Call(_ context.Context, token, method string, params []sdk.Value) (sdk.Value, error) {
	h.mu.Lock()
	err := h.begin("Call", token, method, params)
	called := h.called
	h.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if called == nil {
		return nil, sdk.NewFault(sdk.CodeUnknownMethod)
	}
	return called(method, params)
}
