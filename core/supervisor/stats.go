package supervisor

import (
	"context"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/process"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// count takes one step into the process's counts.
func (p *proc) count(before process.State, kind process.EventKind, effects []process.Effect) {
	switch kind {
	case process.Spawned:
		p.counts.Starts++
		if p.restarting {
			p.counts.Restarts++
		}
	case process.Start:
		p.restarting = false
	case process.Deadline:
		if p.machine.State() == process.Spawning {
			p.restarting = before == process.Exited || before == process.Backoff
		}
	case process.Ended:
		p.countEnd(effects)
	}
}

func (p *proc) countEnd(effects []process.Effect) {
	for _, effect := range effects {
		change, ok := effect.(process.Change)
		if !ok {
			continue
		}
		switch {
		case change.To == rpcinterface.ProcessStopped:
			p.counts.Stops++
		case change.To == rpcinterface.ProcessExited && change.Expected:
			p.counts.ExpectedExits++
		case change.To == rpcinterface.ProcessExited, change.To == rpcinterface.ProcessBackoff:
			p.counts.UnexpectedExits++
		}
	}
}

// Stats tells of all processes, sorted by the names of group and process.
func (s *Supervisor) Stats() []core.ProcessStats {
	all := s.all()
	out := make([]core.ProcessStats, len(all))
	for i, p := range all {
		r := p.record.Load()
		out[i] = core.ProcessStats{
			Group: p.group.name, Name: p.name,
			State: r.state, PID: r.pid, Start: r.start, ExitStatus: r.exit, Counts: r.counts,
			LogBytes: [2]uint64{p.logged[0].Load(), p.logged[1].Load()},
		}
	}
	return out
}

// Ping asks the loop for a sign of life. Its error is that of ctx, or a
// SHUTDOWN_STATE fault when the loop has ended.
func (s *Supervisor) Ping(ctx context.Context) error {
	_, err := call(ctx, s, func(answer func(nothing, error)) { answer(nothing{}, nil) })
	return err
}
