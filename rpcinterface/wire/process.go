package wire

import (
	"github.com/plugvisor/plugvisor/rpcinterface"
	"github.com/plugvisor/plugvisor/rpcinterface/wire/pb"
)

func encodeProcess(p *rpcinterface.ProcessInfo, out *pb.ProcessInfo) {
	out.Name = text(p.Name)
	out.Group = text(p.Group)
	out.Start, out.Stop, out.Now = p.Start, p.Stop, p.Now
	out.State = pb.ProcessState(p.State)
	out.SpawnErr = text(p.SpawnErr)
	out.ExitStatus = int64(p.ExitStatus)
	out.StdoutLogfile = text(p.StdoutLogfile)
	out.StderrLogfile = text(p.StderrLogfile)
	out.Pid = int64(p.PID)
	out.Description = text(p.Description)
}

func encodeProcesses(list []rpcinterface.ProcessInfo) []*pb.ProcessInfo {
	messages := make([]pb.ProcessInfo, len(list))
	out := make([]*pb.ProcessInfo, len(list))
	for i := range list {
		encodeProcess(&list[i], &messages[i])
		out[i] = &messages[i]
	}
	return out
}

func decodeProcess(p *pb.ProcessInfo) rpcinterface.ProcessInfo {
	return rpcinterface.ProcessInfo{
		Name:          p.GetName(),
		Group:         p.GetGroup(),
		Start:         p.GetStart(),
		Stop:          p.GetStop(),
		Now:           p.GetNow(),
		State:         rpcinterface.ProcessState(p.GetState()),
		SpawnErr:      p.GetSpawnErr(),
		ExitStatus:    int(p.GetExitStatus()),
		StdoutLogfile: p.GetStdoutLogfile(),
		StderrLogfile: p.GetStderrLogfile(),
		PID:           int(p.GetPid()),
		Description:   p.GetDescription(),
	}
}

func decodeProcesses(list []*pb.ProcessInfo) []rpcinterface.ProcessInfo {
	out := make([]rpcinterface.ProcessInfo, len(list))
	for i, p := range list {
		out[i] = decodeProcess(p)
	}
	return out
}

func encodeGroup(g rpcinterface.GroupInfo) *pb.GroupInfo {
	return &pb.GroupInfo{Name: text(g.Name), Priority: g.Priority}
}

func decodeGroup(g *pb.GroupInfo) rpcinterface.GroupInfo {
	return rpcinterface.GroupInfo{Name: g.GetName(), Priority: g.GetPriority()}
}
