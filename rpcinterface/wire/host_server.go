package wire

import (
	"context"

	"github.com/plugvisor/plugvisor/rpcinterface"
	"github.com/plugvisor/plugvisor/rpcinterface/wire/pb"
)

// hostServer serves the supervisor to one plugin.
type hostServer struct {
	pb.UnimplementedHostServer
	host rpcinterface.Host
}

func (s *hostServer) State(ctx context.Context, _ *pb.StateRequest) (*pb.StateResponse, error) {
	state, err := s.host.State(ctx)
	return &pb.StateResponse{Fault: encodeFault(err), State: pb.SupervisorState(state)}, nil
}

func (s *hostServer) Identification(ctx context.Context, _ *pb.IdentificationRequest) (*pb.IdentificationResponse, error) {
	id, err := s.host.Identification(ctx)
	return &pb.IdentificationResponse{Fault: encodeFault(err), Identification: text(id)}, nil
}

func (s *hostServer) Groups(ctx context.Context, _ *pb.GroupsRequest) (*pb.GroupsResponse, error) {
	groups, err := s.host.Groups(ctx)
	out := &pb.GroupsResponse{Fault: encodeFault(err), Groups: make([]*pb.GroupInfo, len(groups))}
	for i, g := range groups {
		out.Groups[i] = encodeGroup(g)
	}
	return out, nil
}

func (s *hostServer) AddGroup(ctx context.Context, r *pb.AddGroupRequest) (*pb.AddGroupResponse, error) {
	add := s.host.AddGroup
	if r.GetPersisted() {
		add = s.host.AddPersistedGroup
	}
	err := add(ctx, decodeGroup(r.GetGroup()))
	return &pb.AddGroupResponse{Fault: encodeFault(err)}, nil
}

func (s *hostServer) RemoveGroup(ctx context.Context, r *pb.RemoveGroupRequest) (*pb.RemoveGroupResponse, error) {
	err := s.host.RemoveGroup(ctx, r.GetName())
	return &pb.RemoveGroupResponse{Fault: encodeFault(err)}, nil
}

func (s *hostServer) AddProgram(ctx context.Context, r *pb.AddProgramRequest) (*pb.AddProgramResponse, error) {
	options, err := decodeStruct(r.GetOptions(), MaxDepth-1)
	if err == nil {
		err = s.host.AddProgram(ctx, r.GetGroup(), r.GetProgram(), options)
	}
	return &pb.AddProgramResponse{Fault: encodeFault(err)}, nil
}

func (s *hostServer) RemoveProcess(ctx context.Context, r *pb.RemoveProcessRequest) (*pb.RemoveProcessResponse, error) {
	err := s.host.RemoveProcess(ctx, r.GetGroup(), r.GetProcess())
	return &pb.RemoveProcessResponse{Fault: encodeFault(err)}, nil
}

func (s *hostServer) AddPrograms(ctx context.Context, r *pb.AddProgramsRequest) (*pb.AddProgramsResponse, error) {
	programs := make([]rpcinterface.NewProgram, len(r.GetPrograms()))
	var err error
	for i, p := range r.GetPrograms() {
		programs[i] = rpcinterface.NewProgram{Group: p.GetGroup(), Program: p.GetProgram(), Persisted: p.GetPersisted()}
		if programs[i].Options, err = decodeStruct(p.GetOptions(), MaxDepth-1); err != nil {
			break
		}
	}
	if err == nil {
		err = s.host.AddPrograms(ctx, programs)
	}
	return &pb.AddProgramsResponse{Fault: encodeFault(err)}, nil
}

func (s *hostServer) RemoveProgram(ctx context.Context, r *pb.RemoveProgramRequest) (*pb.RemoveProgramResponse, error) {
	err := s.host.RemoveProgram(ctx, r.GetGroup(), r.GetProgram())
	return &pb.RemoveProgramResponse{Fault: encodeFault(err)}, nil
}

func (s *hostServer) Program(ctx context.Context, r *pb.ProgramRequest) (*pb.ProgramResponse, error) {
	info, err := s.host.Program(ctx, r.GetGroup(), r.GetProgram())
	if err != nil {
		return &pb.ProgramResponse{Fault: encodeFault(err)}, nil
	}
	return &pb.ProgramResponse{Program: encodeProgram(info)}, nil
}

func (s *hostServer) UpdateProgram(ctx context.Context, r *pb.UpdateProgramRequest) (*pb.UpdateProgramResponse, error) {
	options, err := decodeStruct(r.GetOptions(), MaxDepth-1)
	var updates []rpcinterface.ProcessUpdate
	if err == nil {
		updates, err = s.host.UpdateProgram(ctx, r.GetGroup(), r.GetProgram(), options,
			rpcinterface.UpdateStrategy(r.GetStrategy()), r.GetDryRun())
	}
	return &pb.UpdateProgramResponse{Fault: encodeFault(err), Processes: encodeUpdates(updates)}, nil
}

func (s *hostServer) SetNumProcs(ctx context.Context, r *pb.SetNumProcsRequest) (*pb.SetNumProcsResponse, error) {
	added, removed, err := s.host.SetNumProcs(ctx, r.GetGroup(), r.GetProgram(), int(r.GetNumprocs()))
	return &pb.SetNumProcsResponse{Fault: encodeFault(err), Added: texts(added), Removed: texts(removed)}, nil
}

func (s *hostServer) RestorePrograms(ctx context.Context, r *pb.RestoreProgramsRequest) (*pb.RestoreProgramsResponse, error) {
	err := s.host.RestorePrograms(ctx, r.GetPath(), r.GetSections())
	return &pb.RestoreProgramsResponse{Fault: encodeFault(err)}, nil
}

func (s *hostServer) PersistedPrograms(ctx context.Context, _ *pb.PersistedProgramsRequest) (*pb.PersistedProgramsResponse, error) {
	sections, err := s.host.PersistedPrograms(ctx)
	return &pb.PersistedProgramsResponse{Fault: encodeFault(err), Sections: text(sections)}, nil
}

func (s *hostServer) Processes(ctx context.Context, _ *pb.ProcessesRequest) (*pb.ProcessesResponse, error) {
	list, err := s.host.Processes(ctx)
	return &pb.ProcessesResponse{Fault: encodeFault(err), Processes: encodeProcesses(list)}, nil
}

func (s *hostServer) Process(ctx context.Context, r *pb.ProcessRequest) (*pb.ProcessResponse, error) {
	info, err := s.host.Process(ctx, r.GetName())
	if err != nil {
		return &pb.ProcessResponse{Fault: encodeFault(err)}, nil
	}
	out := new(pb.ProcessInfo)
	encodeProcess(&info, out)
	return &pb.ProcessResponse{Process: out}, nil
}

func (s *hostServer) StartProcess(ctx context.Context, r *pb.StartProcessRequest) (*pb.StartProcessResponse, error) {
	err := s.host.StartProcess(ctx, r.GetName(), r.GetWait())
	return &pb.StartProcessResponse{Fault: encodeFault(err)}, nil
}

func (s *hostServer) StopProcess(ctx context.Context, r *pb.StopProcessRequest) (*pb.StopProcessResponse, error) {
	err := s.host.StopProcess(ctx, r.GetName(), r.GetWait())
	return &pb.StopProcessResponse{Fault: encodeFault(err)}, nil
}

func (s *hostServer) SignalProcess(ctx context.Context, r *pb.SignalProcessRequest) (*pb.SignalProcessResponse, error) {
	err := s.host.SignalProcess(ctx, r.GetName(), r.GetSignal())
	return &pb.SignalProcessResponse{Fault: encodeFault(err)}, nil
}

func (s *hostServer) ReadLog(ctx context.Context, r *pb.ReadLogRequest) (*pb.ReadLogResponse, error) {
	data, err := s.host.ReadLog(ctx, r.GetName(), r.GetChannel(), r.GetOffset(), r.GetLength())
	return &pb.ReadLogResponse{Fault: encodeFault(err), Data: data}, nil
}

func (s *hostServer) TailLog(ctx context.Context, r *pb.TailLogRequest) (*pb.TailLogResponse, error) {
	data, next, overflow, err := s.host.TailLog(ctx, r.GetName(), r.GetChannel(), r.GetOffset(), r.GetLength())
	return &pb.TailLogResponse{Fault: encodeFault(err), Data: data, NextOffset: next, Overflow: overflow}, nil
}

func (s *hostServer) WriteStdin(ctx context.Context, r *pb.WriteStdinRequest) (*pb.WriteStdinResponse, error) {
	err := s.host.WriteStdin(ctx, r.GetName(), r.GetData())
	return &pb.WriteStdinResponse{Fault: encodeFault(err)}, nil
}

func (s *hostServer) Log(ctx context.Context, r *pb.LogRequest) (*pb.LogResponse, error) {
	err := s.host.Log(ctx, rpcinterface.LogLevel(r.GetLevel()), r.GetMessage())
	return &pb.LogResponse{Fault: encodeFault(err)}, nil
}

func (s *hostServer) Call(ctx context.Context, r *pb.HostCallRequest) (*pb.HostCallResponse, error) {
	result, err := s.call(ctx, r)
	if err != nil {
		return &pb.HostCallResponse{Outcome: &pb.HostCallResponse_Fault{Fault: encodeFault(err)}}, nil
	}
	return &pb.HostCallResponse{Outcome: &pb.HostCallResponse_Result{Result: result}}, nil
}

func (s *hostServer) call(ctx context.Context, r *pb.HostCallRequest) (*pb.Value, error) {
	params, err := decodeValues(r.GetParams(), MaxDepth)
	if err != nil {
		return nil, err
	}
	result, err := s.host.Call(ctx, r.GetToken(), r.GetMethod(), params)
	if err != nil {
		return nil, err
	}
	out, err := EncodeValue(result)
	if err != nil {
		return nil, rpcinterface.NewFault(rpcinterface.CodeFailed, "result: "+err.Error())
	}
	return out, nil
}

func (s *hostServer) Calls(stream pb.Host_CallsServer) error {
	return serveCalls(stream, newService(&pb.Host_ServiceDesc, s))
}
