package supervisorns

import (
	"context"
	"errors"
	"os"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/logfile"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

func stdout(p *core.ProcessSpec) core.LogSpec { return p.Stdout }
func stderr(p *core.ProcessSpec) core.LogSpec { return p.Stderr }

func (m *methods) readLog(_ context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
	return read(m.MainLog.Path(), call, 0)
}

func (m *methods) clearLog(context.Context, *rpcinterface.Call) (rpcinterface.Value, error) {
	if !exists(m.MainLog.Path()) {
		return nil, rpcinterface.NewFault(rpcinterface.CodeNoFile)
	}
	if err := m.MainLog.Clear(); err != nil {
		return nil, rpcinterface.NewFault(rpcinterface.CodeFailed)
	}
	return rpcinterface.Bool(true), nil
}

func (m *methods) readProcessLog(channel func(*core.ProcessSpec) core.LogSpec) method {
	return func(_ context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
		path, err := m.processLog(call, channel)
		if err != nil {
			return nil, err
		}
		return read(path, call, 1)
	}
}

// processLog is the path of the log of the process that the first parameter
// names, "" when it has none.
func (m *methods) processLog(call *rpcinterface.Call, channel func(*core.ProcessSpec) core.LogSpec) (string, error) {
	name, err := text(call, 0)
	if err != nil {
		return "", err
	}
	spec, err := m.Supervisor.Spec(name)
	if err != nil {
		return "", err
	}
	if file := channel(spec).File; file.Kind == core.LogPath {
		return file.Path, nil
	}
	return "", nil
}

// read reads from a log at the offset and length that stand at parameter first.
func read(path string, call *rpcinterface.Call, first int) (rpcinterface.Value, error) {
	switch {
	case path == "":
		return nil, rpcinterface.NewFault(rpcinterface.CodeNoFile)
	case !exists(path):
		return nil, rpcinterface.NewFault(rpcinterface.CodeNoFile, path)
	}
	offset, length, err := integers(call, first)
	if err != nil {
		return nil, err
	}
	data, err := logfile.Read(path, offset, length)
	switch {
	case errors.Is(err, logfile.ErrBadArguments):
		return nil, rpcinterface.NewFault(rpcinterface.CodeBadArguments)
	case err != nil:
		return nil, rpcinterface.NewFault(rpcinterface.CodeFailed)
	}
	return rpcinterface.String(data), nil
}

func (m *methods) tailProcessLog(channel func(*core.ProcessSpec) core.LogSpec) method {
	return func(_ context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
		path, err := m.processLog(call, channel)
		if err != nil {
			return nil, err
		}
		if !exists(path) {
			return rpcinterface.Array{rpcinterface.String(""), rpcinterface.Int(0), rpcinterface.Bool(false)}, nil
		}
		offset, length, err := integers(call, 1)
		if err != nil {
			return nil, err
		}
		data, next, overflow := logfile.Tail(path, offset, length)
		return rpcinterface.Array{rpcinterface.String(data), rpcinterface.Int(next), rpcinterface.Bool(overflow)}, nil
	}
}

func (m *methods) clearProcessLogs(_ context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
	name, err := text(call, 0)
	if err != nil {
		return nil, err
	}
	return done(m.Supervisor.ClearLogs(name))
}

func (m *methods) clearAllProcessLogs(context.Context, *rpcinterface.Call) (rpcinterface.Value, error) {
	return rows(m.Supervisor.ClearAllLogs(), nil)
}

func exists(path string) bool {
	if path == "" {
		return false
	}
	_, err := os.Stat(path)
	return err == nil
}
