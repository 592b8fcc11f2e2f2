package wire

import (
	"context"

	"github.com/plugvisor/plugvisor/rpcinterface"
	"github.com/plugvisor/plugvisor/rpcinterface/wire/pb"
)

// hostClient is the supervisor as a plugin process sees it.
type hostClient struct {
	client pb.HostClient
}

var _ rpcinterface.Host = (*hostClient)(nil)

func (h *hostClient) State(ctx context.Context) (rpcinterface.SupervisorState, error) {
	r, err := h.client.State(ctx, &pb.StateRequest{})
	return rpcinterface.SupervisorState(r.GetState()), outcome("Host.State", err, r.GetFault())
}

func (h *hostClient) Identification(ctx context.Context) (string, error) {
	r, err := h.client.Identification(ctx, &pb.IdentificationRequest{})
	return r.GetIdentification(), outcome("Host.Identification", err, r.GetFault())
}

func (h *hostClient) Groups(ctx context.Context) ([]rpcinterface.GroupInfo, error) {
	r, err := h.client.Groups(ctx, &pb.GroupsRequest{})
	if err := outcome("Host.Groups", err, r.GetFault()); err != nil {
		return nil, err
	}
	out := make([]rpcinterface.GroupInfo, len(r.GetGroups()))
	for i, g := range r.GetGroups() {
		out[i] = decodeGroup(g)
	}
	return out, nil
}

func (h *hostClient) AddGroup(ctx context.Context, group rpcinterface.GroupInfo) error {
	r, err := h.client.AddGroup(ctx, &pb.AddGroupRequest{Group: encodeGroup(group)})
	return outcome("Host.AddGroup", err, r.GetFault())
}

func (h *hostClient) RemoveGroup(ctx context.Context, name string) error {
	r, err := h.client.RemoveGroup(ctx, &pb.RemoveGroupRequest{Name: text(name)})
	return outcome("Host.RemoveGroup", err, r.GetFault())
}

func (h *hostClient) AddProgram(ctx context.Context, group, program string, options rpcinterface.Struct) error {
	o, err := encodeStruct(options, MaxDepth-1)
	if err != nil {
		return err
	}
	r, err := h.client.AddProgram(ctx, &pb.AddProgramRequest{Group: text(group), Program: text(program), Options: o})
	return outcome("Host.AddProgram", err, r.GetFault())
}

func (h *hostClient) RemoveProcess(ctx context.Context, group, process string) error {
	r, err := h.client.RemoveProcess(ctx, &pb.RemoveProcessRequest{Group: text(group), Process: text(process)})
	return outcome("Host.RemoveProcess", err, r.GetFault())
}

func (h *hostClient) AddPersistedGroup(ctx context.Context, group rpcinterface.GroupInfo) error {
	r, err := h.client.AddGroup(ctx, &pb.AddGroupRequest{Group: encodeGroup(group), Persisted: true})
	return outcome("Host.AddGroup", err, r.GetFault())
}

func (h *hostClient) AddPrograms(ctx context.Context, programs []rpcinterface.NewProgram) error {
	request := &pb.AddProgramsRequest{Programs: make([]*pb.NewProgram, len(programs))}
	for i, p := range programs {
		o, err := encodeStruct(p.Options, MaxDepth-1)
		if err != nil {
			return err
		}
		request.Programs[i] = &pb.NewProgram{Group: text(p.Group), Program: text(p.Program), Options: o, Persisted: p.Persisted}
	}
	r, err := h.client.AddPrograms(ctx, request)
	return outcome("Host.AddPrograms", err, r.GetFault())
}

func (h *hostClient) RemoveProgram(ctx context.Context, group, program string) error {
	r, err := h.client.RemoveProgram(ctx, &pb.RemoveProgramRequest{Group: text(group), Program: text(program)})
	return outcome("Host.RemoveProgram", err, r.GetFault())
}

func (h *hostClient) Program(ctx context.Context, group, program string) (rpcinterface.ProgramInfo, error) {
	r, err := h.client.Program(ctx, &pb.ProgramRequest{Group: text(group), Program: text(program)})
	if err := outcome("Host.Program", err, r.GetFault()); err != nil {
		return rpcinterface.ProgramInfo{}, err
	}
	return decodeProgram(r.GetProgram()), nil
}

func (h *hostClient) UpdateProgram(ctx context.Context, group, program string, options rpcinterface.Struct,
	strategy rpcinterface.UpdateStrategy, dryRun bool) ([]rpcinterface.ProcessUpdate, error) {
	o, err := encodeStruct(options, MaxDepth-1)
	if err != nil {
		return nil, err
	}
	r, err := h.client.UpdateProgram(ctx, &pb.UpdateProgramRequest{
		Group: text(group), Program: text(program), Options: o, Strategy: text(string(strategy)), DryRun: dryRun,
	})
	if err := outcome("Host.UpdateProgram", err, r.GetFault()); err != nil {
		return nil, err
	}
	return decodeUpdates(r.GetProcesses()), nil
}

func (h *hostClient) SetNumProcs(ctx context.Context, group, program string, n int) (added, removed []string, err error) {
	r, err := h.client.SetNumProcs(ctx, &pb.SetNumProcsRequest{Group: text(group), Program: text(program), Numprocs: int64(n)})
	return r.GetAdded(), r.GetRemoved(), outcome("Host.SetNumProcs", err, r.GetFault())
}

func (h *hostClient) RestorePrograms(ctx context.Context, path, sections string) error {
	r, err := h.client.RestorePrograms(ctx, &pb.RestoreProgramsRequest{Path: text(path), Sections: text(sections)})
	return outcome("Host.RestorePrograms", err, r.GetFault())
}

func (h *hostClient) PersistedPrograms(ctx context.Context) (string, error) {
	r, err := h.client.PersistedPrograms(ctx, &pb.PersistedProgramsRequest{})
	return r.GetSections(), outcome("Host.PersistedPrograms", err, r.GetFault())
}

func (h *hostClient) Processes(ctx context.Context) ([]rpcinterface.ProcessInfo, error) {
	r, err := h.client.Processes(ctx, &pb.ProcessesRequest{})
	if err := outcome("Host.Processes", err, r.GetFault()); err != nil {
		return nil, err
	}
	return decodeProcesses(r.GetProcesses()), nil
}

func (h *hostClient) Process(ctx context.Context, name string) (rpcinterface.ProcessInfo, error) {
	r, err := h.client.Process(ctx, &pb.ProcessRequest{Name: text(name)})
	if err := outcome("Host.Process", err, r.GetFault()); err != nil {
		return rpcinterface.ProcessInfo{}, err
	}
	return decodeProcess(r.GetProcess()), nil
}

func (h *hostClient) StartProcess(ctx context.Context, name string, wait bool) error {
	r, err := h.client.StartProcess(ctx, &pb.StartProcessRequest{Name: text(name), Wait: wait})
	return outcome("Host.StartProcess", err, r.GetFault())
}

func (h *hostClient) StopProcess(ctx context.Context, name string, wait bool) error {
	r, err := h.client.StopProcess(ctx, &pb.StopProcessRequest{Name: text(name), Wait: wait})
	return outcome("Host.StopProcess", err, r.GetFault())
}

func (h *hostClient) SignalProcess(ctx context.Context, name, signal string) error {
	r, err := h.client.SignalProcess(ctx, &pb.SignalProcessRequest{Name: text(name), Signal: text(signal)})
	return outcome("Host.SignalProcess", err, r.GetFault())
}

func (h *hostClient) ReadLog(ctx context.Context, name, channel string, offset, length int64) ([]byte, error) {
	r, err := h.client.ReadLog(ctx, &pb.ReadLogRequest{Name: text(name), Channel: text(channel), Offset: offset, Length: length})
	return r.GetData(), outcome("Host.ReadLog", err, r.GetFault())
}

func (h *hostClient) TailLog(ctx context.Context, name, channel string, offset, length int64) ([]byte, int64, bool, error) {
	r, err := h.client.TailLog(ctx, &pb.TailLogRequest{Name: text(name), Channel: text(channel), Offset: offset, Length: length})
	return r.GetData(), r.GetNextOffset(), r.GetOverflow(), outcome("Host.TailLog", err, r.GetFault())
}

func (h *hostClient) WriteStdin(ctx context.Context, name string, data []byte) error {
	r, err := h.client.WriteStdin(ctx, &pb.WriteStdinRequest{Name: text(name), Data: data})
	return outcome("Host.WriteStdin", err, r.GetFault())
}

func (h *hostClient) Log(ctx context.Context, level rpcinterface.LogLevel, message string) error {
	r, err := h.client.Log(ctx, &pb.LogRequest{Level: pb.LogLevel(level), Message: text(message)})
	return outcome("Host.Log", err, r.GetFault())
}

func (h *hostClient) Call(ctx context.Context, token, method string, params []rpcinterface.Value) (rpcinterface.Value, error) {
	p, err := encodeValues(params, MaxDepth)
	if err != nil {
		return nil, err
	}
	r, err := h.client.Call(ctx, &pb.HostCallRequest{Token: text(token), Method: text(method), Params: p})
	if err := outcome("Host.Call", err, r.GetFault()); err != nil {
		return nil, err
	}
	return DecodeValue(r.GetResult())
}
