package supervisorns

import (
	"cmp"
	"context"
	"slices"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/supervisor"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

func (m *methods) getProcessInfo(_ context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
	name, err := text(call, 0)
	if err != nil {
		return nil, err
	}
	info, err := m.Supervisor.Process(name)
	if err != nil {
		return nil, err
	}
	return processInfo(&info), nil
}

func (m *methods) getAllProcessInfo(context.Context, *rpcinterface.Call) (rpcinterface.Value, error) {
	all := m.Supervisor.Processes()
	out := make(rpcinterface.Array, len(all))
	for i := range all {
		out[i] = processInfo(&all[i])
	}
	return out, nil
}

func processInfo(info *rpcinterface.ProcessInfo) rpcinterface.Struct {
	stdoutLog := rpcinterface.Value(rpcinterface.String(info.StdoutLogfile))
	return rpcinterface.Struct{
		{Name: "name", Value: rpcinterface.String(info.Name)},
		{Name: "group", Value: rpcinterface.String(info.Group)},
		{Name: "start", Value: capped(info.Start)},
		{Name: "stop", Value: capped(info.Stop)},
		{Name: "now", Value: capped(info.Now)},
		{Name: "state", Value: rpcinterface.Int(info.State)},
		{Name: "statename", Value: rpcinterface.String(info.State.String())},
		{Name: "spawnerr", Value: rpcinterface.String(info.SpawnErr)},
		{Name: "exitstatus", Value: rpcinterface.Int(info.ExitStatus)},
		{Name: "logfile", Value: stdoutLog},
		{Name: "stdout_logfile", Value: stdoutLog},
		{Name: "stderr_logfile", Value: rpcinterface.String(info.StderrLogfile)},
		{Name: "pid", Value: rpcinterface.Int(info.PID)},
		{Name: "description", Value: rpcinterface.String(info.Description)},
	}
}

func (m *methods) getAllConfigInfo(ctx context.Context, _ *rpcinterface.Call) (rpcinterface.Value, error) {
	groups, err := m.Supervisor.Configured(ctx)
	if err != nil {
		return nil, err
	}
	type row struct {
		group supervisor.ConfiguredGroup
		spec  *core.ProcessSpec
	}
	var list []row
	for _, g := range groups {
		for _, p := range g.Spec.Processes {
			list = append(list, row{g, p})
		}
	}
	slices.SortStableFunc(list, func(a, b row) int { return cmp.Compare(a.spec.Name, b.spec.Name) })
	out := make(rpcinterface.Array, len(list))
	for i, r := range list {
		out[i] = configInfo(r.group, r.spec)
	}
	return out, nil
}

// configInfo shows a process's configuration. Sizes beyond 32 bits are capped, so
// that one program does not make the call fail.
func configInfo(g supervisor.ConfiguredGroup, p *core.ProcessSpec) rpcinterface.Struct {
	exitCodes := make(rpcinterface.Array, len(p.ExitCodes))
	for i, code := range p.ExitCodes {
		exitCodes[i] = rpcinterface.Int(code)
	}
	return rpcinterface.Struct{
		{Name: "autostart", Value: rpcinterface.Bool(p.Autostart)},
		{Name: "autorestart", Value: autorestart(p.Autorestart)},
		{Name: "directory", Value: orNone(p.Directory, stringValue)},
		{Name: "uid", Value: orNone(p.UID, func(n int) rpcinterface.Value { return capped(int64(n)) })},
		{Name: "command", Value: rpcinterface.String(p.Command)},
		{Name: "exitcodes", Value: exitCodes},
		{Name: "group", Value: rpcinterface.String(g.Spec.Name)},
		{Name: "group_prio", Value: capped(g.Spec.Priority)},
		{Name: "inuse", Value: rpcinterface.Bool(g.InUse)},
		{Name: "killasgroup", Value: rpcinterface.Bool(p.KillAsGroup)},
		{Name: "name", Value: rpcinterface.String(p.Name)},
		{Name: "process_prio", Value: capped(p.Priority)},
		{Name: "redirect_stderr", Value: rpcinterface.Bool(p.RedirectStderr)},
		{Name: "startretries", Value: capped(p.StartRetries)},
		{Name: "startsecs", Value: capped(p.StartSecs)},
		{Name: "stdout_capture_maxbytes", Value: capped(p.Stdout.CaptureMaxBytes)},
		{Name: "stdout_events_enabled", Value: rpcinterface.Bool(p.Stdout.EventsEnabled)},
		{Name: "stdout_logfile", Value: logFile(p.Stdout.File)},
		{Name: "stdout_logfile_backups", Value: capped(p.Stdout.Backups)},
		{Name: "stdout_logfile_maxbytes", Value: capped(p.Stdout.MaxBytes)},
		{Name: "stdout_syslog", Value: rpcinterface.Bool(p.Stdout.Syslog)},
		{Name: "stopsignal", Value: rpcinterface.Int(p.StopSignal)},
		{Name: "stopwaitsecs", Value: capped(p.StopWaitSecs)},
		{Name: "stderr_capture_maxbytes", Value: capped(p.Stderr.CaptureMaxBytes)},
		{Name: "stderr_events_enabled", Value: rpcinterface.Bool(p.Stderr.EventsEnabled)},
		{Name: "stderr_logfile", Value: logFile(p.Stderr.File)},
		{Name: "stderr_logfile_backups", Value: capped(p.Stderr.Backups)},
		{Name: "stderr_logfile_maxbytes", Value: capped(p.Stderr.MaxBytes)},
		{Name: "stderr_syslog", Value: rpcinterface.Bool(p.Stderr.Syslog)},
		{Name: "serverurl", Value: orNone(p.ServerURL, stringValue)},
	}
}

// XML-RPC has no value for nothing: it is the text "none".
const none = rpcinterface.String("none")

func orNone[T any](p *T, value func(T) rpcinterface.Value) rpcinterface.Value {
	if p == nil {
		return none
	}
	return value(*p)
}

func stringValue(s string) rpcinterface.Value { return rpcinterface.String(s) }

func autorestart(a core.Autorestart) rpcinterface.Value {
	if a == core.RestartUnexpected {
		return rpcinterface.String("unexpected")
	}
	return rpcinterface.Bool(a == core.RestartAlways)
}

func logFile(f core.LogFile) rpcinterface.Value {
	switch f.Kind {
	case core.LogAuto:
		return rpcinterface.String("auto")
	case core.LogNone:
		return none
	}
	return rpcinterface.String(f.Path)
}
