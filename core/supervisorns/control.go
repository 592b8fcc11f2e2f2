package supervisorns

import (
	"context"

	"github.com/plugvisor/plugvisor/core/config"
	"github.com/plugvisor/plugvisor/core/pytext"
	"github.com/plugvisor/plugvisor/core/supervisor"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// done is the answer of a verb: true, or its fault.
func done(err error) (rpcinterface.Value, error) {
	if err != nil {
		return nil, err
	}
	return rpcinterface.Bool(true), nil
}

// rows is the answer of an operation on many processes.
func rows(results []supervisor.Result, err error) (rpcinterface.Value, error) {
	if err != nil {
		return nil, err
	}
	out := make(rpcinterface.Array, len(results))
	for i, r := range results {
		status, description := rpcinterface.CodeSuccess, "OK"
		if r.Fault != nil {
			status, description = r.Fault.Code, r.Fault.Message
		}
		out[i] = rpcinterface.Struct{
			{Name: "name", Value: rpcinterface.String(r.Process)},
			{Name: "group", Value: rpcinterface.String(r.Group)},
			{Name: "status", Value: rpcinterface.Int(status)},
			{Name: "description", Value: rpcinterface.String(description)},
		}
	}
	return out, nil
}

func (m *methods) addProcessGroup(ctx context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
	name, ok := call.Params[0].(rpcinterface.String)
	if !ok {
		return nil, faultOf(rpcinterface.CodeBadName, call.Params[0])
	}
	return done(m.Supervisor.AddConfigured(ctx, string(name)))
}

func (m *methods) removeProcessGroup(ctx context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
	name, err := groupName(call, 0)
	if err != nil {
		return nil, err
	}
	return done(m.Supervisor.RemoveGroup(ctx, name))
}

func (m *methods) startProcess(ctx context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
	name, err := text(call, 0)
	if err != nil {
		return nil, err
	}
	if group, all := m.wholeGroup(name); all {
		return rows(m.Supervisor.StartMany(ctx, group, wait(call, 1)))
	}
	return done(m.Supervisor.Start(ctx, name, wait(call, 1)))
}

// wholeGroup says whether a name means all processes of a group that exists.
func (m *methods) wholeGroup(name string) (supervisor.Selection, bool) {
	group, _, all := rpcinterface.SplitNamespec(name)
	return supervisor.InGroup(group), all && m.Supervisor.HasGroup(group)
}

func (m *methods) startProcessGroup(ctx context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
	name, err := groupName(call, 0)
	if err != nil {
		return nil, err
	}
	return rows(m.Supervisor.StartMany(ctx, supervisor.InGroup(name), wait(call, 1)))
}

func (m *methods) startAllProcesses(ctx context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
	return rows(m.Supervisor.StartMany(ctx, supervisor.All(), wait(call, 0)))
}

func (m *methods) stopProcess(ctx context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
	name, err := text(call, 0)
	if err != nil {
		return nil, err
	}
	if group, all := m.wholeGroup(name); all {
		return rows(m.Supervisor.StopMany(ctx, group, wait(call, 1)))
	}
	return done(m.Supervisor.Stop(ctx, name, wait(call, 1)))
}

func (m *methods) stopProcessGroup(ctx context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
	name, err := groupName(call, 0)
	if err != nil {
		return nil, err
	}
	return rows(m.Supervisor.StopMany(ctx, supervisor.InGroup(name), wait(call, 1)))
}

func (m *methods) stopAllProcesses(ctx context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
	return rows(m.Supervisor.StopMany(ctx, supervisor.All(), wait(call, 0)))
}

func (m *methods) signalProcess(ctx context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
	name, err := text(call, 0)
	if err != nil {
		return nil, err
	}
	if group, all := m.wholeGroup(name); all {
		return m.signalMany(ctx, group, call.Params[1])
	}
	if _, err := m.Supervisor.Process(name); err != nil {
		return nil, err
	}
	signal, err := signalNumber(call.Params[1])
	if err != nil {
		return nil, err
	}
	return done(m.Supervisor.Signal(ctx, name, signal))
}

func (m *methods) signalProcessGroup(ctx context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
	name, err := groupName(call, 0)
	if err != nil {
		return nil, err
	}
	return m.signalMany(ctx, supervisor.InGroup(name), call.Params[1])
}

func (m *methods) signalAllProcesses(ctx context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
	result, err := m.signalMany(ctx, supervisor.All(), call.Params[0])
	if err == nil {
		err = m.checkState()
	}
	return result, err
}

// signalMany sends a signal to many processes; one that is no signal is the fault
// of each of them.
func (m *methods) signalMany(ctx context.Context, which supervisor.Selection, signal rpcinterface.Value) (rpcinterface.Value, error) {
	number, badSignal := signalNumber(signal)
	if badSignal == nil {
		return rows(m.Supervisor.SignalMany(ctx, which, number))
	}
	results, err := m.Supervisor.Signallable(which)
	for i := range results {
		results[i].Fault = rpcinterface.AsFault(badSignal)
	}
	return rows(results, err)
}

func signalNumber(v rpcinterface.Value) (int, error) {
	number, err := config.ParseSignal(v)
	if err != nil {
		return 0, rpcinterface.NewFault(rpcinterface.CodeBadSignal, pytext.Str(v))
	}
	return number, nil
}

func (m *methods) sendProcessStdin(_ context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
	var data []byte
	switch chars := call.Params[1].(type) {
	case rpcinterface.String:
		data = []byte(chars)
	case rpcinterface.Bytes:
		data = chars
	default:
		return nil, faultOf(rpcinterface.CodeIncorrectParameters, chars)
	}
	name, err := text(call, 0)
	if err != nil {
		return nil, err
	}
	return done(m.Supervisor.WriteStdin(name, data))
}
