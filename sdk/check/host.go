package check

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/plugvisor/plugvisor/sdk"
)

// relayed is the method that Relay is asked to call, and identification what the host
// answers.
const (
	relayed        = "check.relayed"
	identification = "supervisor-check"
)

// host is the stand-in: it tells of an empty supervisor, carries nothing out, and
// remembers what it was asked for.
type host struct {
	mu     sync.Mutex
	needed []sdk.Grant
	tokens []string
}

var _ sdk.Host = (*host)(nil)

// standIn is the fault of what is not carried out.
func standIn() error {
	return sdk.NewFault(sdk.CodeFailed, "this is a check of the extension: nothing is carried out")
}

// need remembers a grant that a verb takes.
func (h *host) need(g sdk.Grant) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !slices.Contains(h.needed, g) {
		h.needed = append(h.needed, g)
	}
}

func (h *host) asked() []sdk.Grant {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.needed)
}

func (h *host) State(context.Context) (sdk.SupervisorState, error) { return sdk.SupervisorRunning, nil }
func (h *host) Identification(context.Context) (string, error)     { return identification, nil }
func (h *host) Groups(context.Context) ([]sdk.GroupInfo, error)    { return nil, nil }

func (h *host) AddGroup(context.Context, sdk.GroupInfo) error {
	h.need(sdk.GrantProgramsWrite)
	return standIn()
}

func (h *host) RemoveGroup(_ context.Context, name string) error {
	h.need(sdk.GrantProgramsWrite)
	return sdk.NewFault(sdk.CodeBadName, name)
}

func (h *host) AddProgram(_ context.Context, group, _ string, _ sdk.Struct) error {
	h.need(sdk.GrantProgramsWrite)
	return sdk.NewFault(sdk.CodeBadName, "group: "+group)
}

func (h *host) RemoveProcess(_ context.Context, group, _ string) error {
	h.need(sdk.GrantProgramsWrite)
	return sdk.NewFault(sdk.CodeBadName, "group: "+group)
}

func (h *host) Processes(context.Context) ([]sdk.ProcessInfo, error) {
	h.need(sdk.GrantProcessesRead)
	return nil, nil
}

func (h *host) Process(_ context.Context, name string) (sdk.ProcessInfo, error) {
	h.need(sdk.GrantProcessesRead)
	return sdk.ProcessInfo{}, sdk.NewFault(sdk.CodeBadName, name)
}

func (h *host) StartProcess(_ context.Context, name string, _ bool) error {
	h.need(sdk.GrantProcessesControl)
	return sdk.NewFault(sdk.CodeBadName, name)
}

func (h *host) StopProcess(_ context.Context, name string, _ bool) error {
	h.need(sdk.GrantProcessesControl)
	return sdk.NewFault(sdk.CodeBadName, name)
}

func (h *host) SignalProcess(_ context.Context, name, _ string) error {
	h.need(sdk.GrantProcessesControl)
	return sdk.NewFault(sdk.CodeBadName, name)
}

func (h *host) ReadLog(_ context.Context, name, _ string, _, _ int64) ([]byte, error) {
	h.need(sdk.GrantLogsRead)
	return nil, sdk.NewFault(sdk.CodeBadName, name)
}

func (h *host) TailLog(_ context.Context, name, _ string, _, _ int64) ([]byte, int64, bool, error) {
	h.need(sdk.GrantLogsRead)
	return nil, 0, false, sdk.NewFault(sdk.CodeBadName, name)
}

func (h *host) WriteStdin(_ context.Context, name string, _ []byte) error {
	h.need(sdk.GrantStdinWrite)
	return sdk.NewFault(sdk.CodeBadName, name)
}

func (h *host) Log(context.Context, sdk.LogLevel, string) error {
	h.need(sdk.GrantLogWrite)
	return nil
}

func (h *host) Subscribe(ctx context.Context, types []string, _ uint64) (sdk.EventStream, error) {
	h.need(sdk.GrantEventsSubscribe)
	for _, t := range types {
		if !slices.Contains(sdk.EventTypes(), strings.ToUpper(t)) {
			return nil, sdk.NewFault(sdk.CodeBadName, t)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	return &quiet{ctx, cancel}, nil
}

func (h *host) Publish(context.Context, string, string) error {
	h.need(sdk.GrantEventsPublish)
	return nil
}

// Call answers Relay's call with its parameters, and knows no other method.
func (h *host) Call(_ context.Context, token, method string, params []sdk.Value) (sdk.Value, error) {
	if method != relayed {
		h.need(sdk.Grant(sdk.GrantCallPrefix + method))
		return nil, sdk.NewFault(sdk.CodeUnknownMethod)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tokens = append(h.tokens, token)
	return sdk.Array(params), nil
}

// quiet is a stream of no events.
type quiet struct {
	ctx    context.Context
	cancel context.CancelFunc
}

func (q *quiet) Next(ctx context.Context) (sdk.SequencedEvent, uint64, error) {
	select {
	case <-q.ctx.Done():
		return sdk.SequencedEvent{}, 0, io.EOF
	case <-ctx.Done():
		return sdk.SequencedEvent{}, 0, ctx.Err()
	}
}

func (q *quiet) Close() { q.cancel() }
