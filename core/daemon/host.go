package daemon

import (
	"context"
	"errors"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/config"
	"github.com/plugvisor/plugvisor/core/extension"
	"github.com/plugvisor/plugvisor/core/logfile"
	"github.com/plugvisor/plugvisor/core/mainlog"
	"github.com/plugvisor/plugvisor/core/supervisor"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// host is what plugins may ask of the engine.
type host struct {
	*supervisor.Supervisor
	env     *config.Environment
	context config.ProgramContext
	// included are the files of [include].
	included []string
	log      *mainlog.Log
}

var _ extension.Engine = (*host)(nil)

// AddProgram parses the options on the caller's goroutine, with the parser of
// [program:x], and adds the processes in one message.
func (h *host) AddProgram(ctx context.Context, group, program string, options rpcinterface.Struct) error {
	list := make([]config.Option, len(options))
	for i, m := range options {
		list[i] = config.Option{Name: m.Name, Value: m.Value}
	}
	specs, err := config.ParseProgram(h.env, h.context, group, program, list)
	return h.AddProcesses(ctx, group, specs, incorrect(err))
}

func (h *host) StartProcess(ctx context.Context, name string, wait bool) error {
	return h.Start(ctx, name, wait)
}

func (h *host) StopProcess(ctx context.Context, name string, wait bool) error {
	return h.Stop(ctx, name, wait)
}

func (h *host) SignalProcess(ctx context.Context, name, signal string) error {
	number, err := config.ParseSignal(rpcinterface.String(signal))
	if err != nil {
		return rpcinterface.NewFault(rpcinterface.CodeBadSignal, signal)
	}
	return h.Signal(ctx, name, number)
}

// logPath finds a process's log, or the main log.
func (h *host) logPath(name, channel string) (string, error) {
	if name == "" {
		return h.log.Path(), nil
	}
	spec, err := h.Spec(name)
	if err != nil {
		return "", err
	}
	file := spec.Stdout.File
	switch channel {
	case "stdout":
	case "stderr":
		file = spec.Stderr.File
	default:
		return "", rpcinterface.NewFault(rpcinterface.CodeBadArguments, "channel "+channel)
	}
	if file.Kind != core.LogPath {
		return "", rpcinterface.NewFault(rpcinterface.CodeNoFile)
	}
	return file.Path, nil
}

func (h *host) ReadLog(_ context.Context, name, channel string, offset, length int64) ([]byte, error) {
	path, err := h.logPath(name, channel)
	if err != nil {
		return nil, err
	}
	data, err := logfile.Read(path, offset, length)
	switch {
	case errors.Is(err, logfile.ErrBadArguments):
		return nil, rpcinterface.NewFault(rpcinterface.CodeBadArguments)
	case err != nil:
		return nil, rpcinterface.NewFault(rpcinterface.CodeNoFile, path)
	}
	return data, nil
}

func (h *host) TailLog(_ context.Context, name, channel string, offset, length int64) ([]byte, int64, bool, error) {
	path, err := h.logPath(name, channel)
	if err != nil {
		return nil, 0, false, err
	}
	data, next, overflow := logfile.Tail(path, offset, length)
	return data, next, overflow, nil
}

func (h *host) WriteStdin(_ context.Context, name string, data []byte) error {
	return h.Supervisor.WriteStdin(name, data)
}

func (h *host) Subscribe(kinds []core.EventKind, from uint64) rpcinterface.EventStream {
	return h.Supervisor.Subscribe(kinds, from)
}
