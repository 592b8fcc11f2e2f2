package wire

import (
	"github.com/plugvisor/plugvisor/rpcinterface"
	"github.com/plugvisor/plugvisor/rpcinterface/wire/pb"
)

func encodeProgram(p rpcinterface.ProgramInfo) *pb.ProgramInfo {
	out := &pb.ProgramInfo{
		Group: text(p.Group), Name: text(p.Name), Processes: texts(p.Processes),
		Dynamic: p.Dynamic, Persisted: p.Persisted, OwnGroup: p.OwnGroup,
	}
	for _, o := range p.Options {
		out.Options = append(out.Options, &pb.Option{Name: text(o.Name), Value: text(o.Value)})
	}
	return out
}

func decodeProgram(p *pb.ProgramInfo) rpcinterface.ProgramInfo {
	out := rpcinterface.ProgramInfo{
		Group: p.GetGroup(), Name: p.GetName(), Processes: p.GetProcesses(),
		Dynamic: p.GetDynamic(), Persisted: p.GetPersisted(), OwnGroup: p.GetOwnGroup(),
	}
	for _, o := range p.GetOptions() {
		out.Options = append(out.Options, rpcinterface.Option{Name: o.GetName(), Value: o.GetValue()})
	}
	return out
}

func encodeUpdates(list []rpcinterface.ProcessUpdate) []*pb.ProcessUpdate {
	out := make([]*pb.ProcessUpdate, len(list))
	for i, u := range list {
		out[i] = &pb.ProcessUpdate{Name: text(u.Name), Changed: texts(u.Changed), How: text(string(u.How)), Reason: text(u.Reason)}
	}
	return out
}

func decodeUpdates(list []*pb.ProcessUpdate) []rpcinterface.ProcessUpdate {
	out := make([]rpcinterface.ProcessUpdate, len(list))
	for i, u := range list {
		out[i] = rpcinterface.ProcessUpdate{
			Name: u.GetName(), Changed: u.GetChanged(), How: rpcinterface.UpdateResult(u.GetHow()), Reason: u.GetReason(),
		}
	}
	return out
}
