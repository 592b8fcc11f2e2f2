package supervisorns

import (
	"context"

	"github.com/plugvisor/plugvisor/core/config"
	"github.com/plugvisor/plugvisor/core/pytext"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

func (m *methods) getAPIVersion(context.Context, *rpcinterface.Call) (rpcinterface.Value, error) {
	return rpcinterface.String(apiVersion), nil
}

func (m *methods) getSupervisorVersion(context.Context, *rpcinterface.Call) (rpcinterface.Value, error) {
	return rpcinterface.String(Version), nil
}

func (m *methods) getIdentification(context.Context, *rpcinterface.Call) (rpcinterface.Value, error) {
	return rpcinterface.String(m.Supervisor.Identification()), nil
}

func (m *methods) getState(context.Context, *rpcinterface.Call) (rpcinterface.Value, error) {
	state := m.Supervisor.State()
	return rpcinterface.Struct{
		{Name: "statecode", Value: rpcinterface.Int(state)},
		{Name: "statename", Value: rpcinterface.String(state.String())},
	}, nil
}

func (m *methods) getPID(context.Context, *rpcinterface.Call) (rpcinterface.Value, error) {
	return rpcinterface.Int(m.PID), nil
}

func (m *methods) shutdown(context.Context, *rpcinterface.Call) (rpcinterface.Value, error) {
	m.Supervisor.Shutdown()
	return rpcinterface.Bool(true), nil
}

func (m *methods) restart(context.Context, *rpcinterface.Call) (rpcinterface.Value, error) {
	m.Supervisor.Restart()
	return rpcinterface.Bool(true), nil
}

func (m *methods) reloadConfig(ctx context.Context, _ *rpcinterface.Call) (rpcinterface.Value, error) {
	groups, err := m.Reload()
	if err != nil {
		return nil, rpcinterface.NewFault(rpcinterface.CodeCantReread, err.Error())
	}
	live, configured, err := m.Supervisor.SetConfigured(ctx, groups)
	if err != nil {
		return nil, err
	}
	added, changed, removed := config.Diff(live, configured)
	return rpcinterface.Array{rpcinterface.Array{names(added), names(changed), names(removed)}}, nil
}

func names(list []string) rpcinterface.Array {
	out := make(rpcinterface.Array, len(list))
	for i, name := range list {
		out[i] = rpcinterface.String(name)
	}
	return out
}

func (m *methods) sendRemoteCommEvent(_ context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
	m.Supervisor.SendRemoteComm(pytext.Str(call.Params[0]), pytext.Str(call.Params[1]))
	return rpcinterface.Bool(true), nil
}
