package extension

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/namespace"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// maxOwnCalls is how many calls to other namespaces one plugin process may have
// under way that are on nobody's behalf. Nothing else bounds plugins that call each
// other so.
const maxOwnCalls = 64

// maxSubscriptions is how many streams of events one plugin process may read at
// once. The supervisor looks at each of them for an event that is dropped.
const maxSubscriptions = 16

// host is the Host service of one plugin process: it checks the grant and asks the
// engine.
type host struct {
	name     string // of the extension
	section  string
	engine   Engine
	registry *namespace.Registry
	log      core.Logger
	pace     pace // of the log
	calls    *calls
	own      chan struct{} // a place for each call on nobody's behalf
	reading  chan struct{} // a place for each subscription

	// grants is set before the plugin is told where the host is.
	grants rpcinterface.Grants
	// keeps: the plugin keeps what is added at run time in a file. What it removes is
	// to be gone after a restart too.
	keeps atomic.Bool
}

var _ rpcinterface.Host = (*host)(nil)

func (h *host) need(g rpcinterface.Grant) error {
	if h.grants.Has(g) {
		return nil
	}
	return h.lacks(g)
}

func (h *host) lacks(g rpcinterface.Grant) error {
	return rpcinterface.NewFault(rpcinterface.CodeFailed,
		fmt.Sprintf("extension '%s' lacks the grant %s (plugin.grants of [%s])", h.name, g, h.section))
}

func (h *host) State(context.Context) (rpcinterface.SupervisorState, error) {
	return h.engine.State(), nil
}

func (h *host) Identification(context.Context) (string, error) {
	return h.engine.Identification(), nil
}

func (h *host) Groups(context.Context) ([]rpcinterface.GroupInfo, error) {
	return h.engine.Groups(), nil
}

func (h *host) AddGroup(ctx context.Context, group rpcinterface.GroupInfo) error {
	if err := h.need(rpcinterface.GrantProgramsWrite); err != nil {
		return err
	}
	return h.engine.AddGroup(ctx, group, false)
}

func (h *host) AddPersistedGroup(ctx context.Context, group rpcinterface.GroupInfo) error {
	if err := h.need(rpcinterface.GrantProgramsWrite); err != nil {
		return err
	}
	return h.engine.AddGroup(ctx, group, true)
}

func (h *host) RemoveGroup(ctx context.Context, name string) error {
	if err := h.need(rpcinterface.GrantProgramsWrite); err != nil {
		return err
	}
	return h.engine.RemoveGroup(ctx, name, h.keeps.Load())
}

func (h *host) AddProgram(ctx context.Context, group, program string, options rpcinterface.Struct) error {
	if err := h.need(rpcinterface.GrantProgramsWrite); err != nil {
		return err
	}
	return h.engine.AddProgram(ctx, group, program, options)
}

func (h *host) RemoveProcess(ctx context.Context, group, process string) error {
	if err := h.need(rpcinterface.GrantProgramsWrite); err != nil {
		return err
	}
	return h.engine.RemoveProcess(ctx, group, process, h.keeps.Load())
}

func (h *host) AddPrograms(ctx context.Context, programs []rpcinterface.NewProgram) error {
	if err := h.need(rpcinterface.GrantProgramsWrite); err != nil {
		return err
	}
	return h.engine.AddPrograms(ctx, programs)
}

func (h *host) RemoveProgram(ctx context.Context, group, program string) error {
	if err := h.need(rpcinterface.GrantProgramsWrite); err != nil {
		return err
	}
	return h.engine.RemoveProgram(ctx, group, program)
}

func (h *host) Program(ctx context.Context, group, program string) (rpcinterface.ProgramInfo, error) {
	if err := h.need(rpcinterface.GrantProcessesRead); err != nil {
		return rpcinterface.ProgramInfo{}, err
	}
	return h.engine.Program(ctx, group, program)
}

func (h *host) UpdateProgram(ctx context.Context, group, program string, options rpcinterface.Struct,
	strategy rpcinterface.UpdateStrategy, dryRun bool) ([]rpcinterface.ProcessUpdate, error) {
	if err := h.need(rpcinterface.GrantProgramsWrite); err != nil {
		return nil, err
	}
	if !dryRun {
		if err := h.need(rpcinterface.GrantProcessesControl); err != nil {
			return nil, err
		}
	}
	return h.engine.UpdateProgram(ctx, group, program, options, strategy, dryRun)
}

func (h *host) SetNumProcs(ctx context.Context, group, program string, n int) (added, removed []string, err error) {
	for _, g := range []rpcinterface.Grant{rpcinterface.GrantProgramsWrite, rpcinterface.GrantProcessesControl} {
		if err := h.need(g); err != nil {
			return nil, nil, err
		}
	}
	return h.engine.SetNumProcs(ctx, group, program, n)
}

func (h *host) RestorePrograms(ctx context.Context, path, sections string) error {
	if err := h.need(rpcinterface.GrantProgramsWrite); err != nil {
		return err
	}
	err := h.engine.RestorePrograms(ctx, h.name, path, sections)
	if err == nil {
		h.keeps.Store(true)
	}
	return err
}

func (h *host) PersistedPrograms(ctx context.Context) (string, error) {
	if err := h.need(rpcinterface.GrantProcessesRead); err != nil {
		return "", err
	}
	return h.engine.PersistedPrograms(ctx)
}

func (h *host) Processes(context.Context) ([]rpcinterface.ProcessInfo, error) {
	if err := h.need(rpcinterface.GrantProcessesRead); err != nil {
		return nil, err
	}
	return h.engine.Processes(), nil
}

func (h *host) Process(_ context.Context, name string) (rpcinterface.ProcessInfo, error) {
	if err := h.need(rpcinterface.GrantProcessesRead); err != nil {
		return rpcinterface.ProcessInfo{}, err
	}
	return h.engine.Process(name)
}

func (h *host) StartProcess(ctx context.Context, name string, wait bool) error {
	if err := h.need(rpcinterface.GrantProcessesControl); err != nil {
		return err
	}
	return h.engine.StartProcess(ctx, name, wait)
}

func (h *host) StopProcess(ctx context.Context, name string, wait bool) error {
	if err := h.need(rpcinterface.GrantProcessesControl); err != nil {
		return err
	}
	return h.engine.StopProcess(ctx, name, wait)
}

func (h *host) SignalProcess(ctx context.Context, name, signal string) error {
	if err := h.need(rpcinterface.GrantProcessesControl); err != nil {
		return err
	}
	return h.engine.SignalProcess(ctx, name, signal)
}

func (h *host) ReadLog(ctx context.Context, name, channel string, offset, length int64) ([]byte, error) {
	if err := h.need(rpcinterface.GrantLogsRead); err != nil {
		return nil, err
	}
	return h.engine.ReadLog(ctx, name, channel, offset, length)
}

func (h *host) TailLog(ctx context.Context, name, channel string, offset, length int64) ([]byte, int64, bool, error) {
	if err := h.need(rpcinterface.GrantLogsRead); err != nil {
		return nil, 0, false, err
	}
	return h.engine.TailLog(ctx, name, channel, offset, length)
}

func (h *host) WriteStdin(ctx context.Context, name string, data []byte) error {
	if err := h.need(rpcinterface.GrantStdinWrite); err != nil {
		return err
	}
	return h.engine.WriteStdin(ctx, name, data)
}

// Log writes the message as it is: what stands in the log is the plugin's choice. A
// plugin that writes without end is held up.
func (h *host) Log(ctx context.Context, level rpcinterface.LogLevel, message string) error {
	if err := h.need(rpcinterface.GrantLogWrite); err != nil {
		return err
	}
	if level.String() == "" {
		return rpcinterface.NewFault(rpcinterface.CodeIncorrectParameters, fmt.Sprintf("there is no log level %d", level))
	}
	if !h.log.Enabled(level) {
		return nil
	}
	if err := h.pace.wait(ctx, len(message)); err != nil {
		return err
	}
	h.log.Log(level, message)
	return nil
}

// Subscribe reads from the engine; the types' names are checked here.
func (h *host) Subscribe(_ context.Context, types []string, from uint64) (rpcinterface.EventStream, error) {
	if err := h.need(rpcinterface.GrantEventsSubscribe); err != nil {
		return nil, err
	}
	if len(types) == 0 {
		return nil, rpcinterface.NewFault(rpcinterface.CodeIncorrectParameters, "no type of event is named")
	}
	kinds := make([]core.EventKind, len(types))
	for i, name := range types {
		kind, ok := core.ParseEventKind(name)
		if !ok {
			return nil, rpcinterface.NewFault(rpcinterface.CodeBadName, name)
		}
		kinds[i] = kind
	}
	slices.Sort(kinds)
	kinds = slices.Compact(kinds) // the loop looks at each
	select {
	case h.reading <- struct{}{}:
	default:
		return nil, rpcinterface.NewFault(rpcinterface.CodeFailed,
			fmt.Sprintf("extension '%s' has %d subscriptions already", h.name, maxSubscriptions))
	}
	return &subscription{EventStream: h.engine.Subscribe(kinds, from), leave: sync.OnceFunc(func() { <-h.reading })}, nil
}

// subscription is a stream that gives its place back.
type subscription struct {
	rpcinterface.EventStream
	leave func()
}

func (s *subscription) Close() {
	s.EventStream.Close()
	s.leave()
}

func (h *host) Publish(_ context.Context, typ, data string) error {
	if err := h.need(rpcinterface.GrantEventsPublish); err != nil {
		return err
	}
	h.engine.SendRemoteComm(typ, data)
	return nil
}

// Call checks the grant for the method named, so system.multicall, which names
// others in its arguments, is refused whatever is granted.
func (h *host) Call(ctx context.Context, token, method string, params []rpcinterface.Value) (rpcinterface.Value, error) {
	if method == "system.multicall" {
		return nil, rpcinterface.NewFault(rpcinterface.CodeFailed, "a plugin cannot call system.multicall; make the calls one by one")
	}
	if !h.grants.MayCall(method) {
		return nil, h.lacks(rpcinterface.Grant(rpcinterface.GrantCallPrefix + method))
	}
	caller := rpcinterface.Caller{Server: "plugin:" + h.name}
	var came *way
	if token != "" {
		call, ok := h.calls.lookup(token)
		if !ok {
			return nil, rpcinterface.NewFault(rpcinterface.CodeFailed, "the token is not that of a call that is running")
		}
		caller, came = call.caller, call.way
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(call.ctx, cancel)()
	} else {
		select {
		case h.own <- struct{}{}:
			defer func() { <-h.own }()
		default:
			return nil, rpcinterface.NewFault(rpcinterface.CodeFailed,
				fmt.Sprintf("extension '%s' has %d calls of its own under way", h.name, maxOwnCalls))
		}
	}
	came = came.through(h.name)
	if came.length() > rpcinterface.MaxCallDepth {
		return nil, rpcinterface.NewFault(rpcinterface.CodeFailed,
			fmt.Sprintf("calls between extensions are nested deeper than %d", rpcinterface.MaxCallDepth))
	}
	return h.registry.Call(withWay(ctx, came), method, params, caller)
}
