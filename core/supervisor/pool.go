package supervisor

import (
	"fmt"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/event"
	"github.com/plugvisor/plugvisor/core/process"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// pool is what makes a group one of event listeners: the events that wait for them.
type pool struct {
	queue   *event.Queue
	handler string // the result handler
	due     bool   // it is in toDispatch
}

func (s *Supervisor) openPool(g *group, spec *core.ListenerSpec) {
	g.pool = &pool{queue: event.NewQueue(g.name, spec.BufferSize, s.serials), handler: spec.ResultHandler}
	for _, kind := range spec.Events {
		s.pools.Add(g, kind)
	}
	s.poolsChanged()
}

func (s *Supervisor) closePool(g *group) {
	if g.pool != nil {
		s.pools.Remove(g)
		s.poolsChanged()
	}
}

// accept puts an event into a pool's buffer.
func (s *Supervisor) accept(g *group, e *event.Event) {
	s.overflowed(g, g.pool.queue.Add(e))
	s.dispatchLater(g)
}

func (s *Supervisor) overflowed(g *group, dropped *event.Event) {
	if dropped != nil {
		s.logger.Log(rpcinterface.LevelErro, fmt.Sprintf("pool %s event buffer overflowed, discarding event %d",
			g.name, dropped.Serial()))
	}
}

// dispatchLater has the group's events handed over at the end of the turn.
func (s *Supervisor) dispatchLater(g *group) {
	if g.pool != nil && !g.pool.due {
		g.pool.due = true
		s.toDispatch = append(s.toDispatch, g)
	}
}

// dispatch hands events to the listeners that are ready for one.
func (s *Supervisor) dispatch() {
	groups := s.toDispatch
	s.toDispatch = nil
	for _, g := range groups {
		g.pool.due = false
		for g.pool.queue.Len() > 0 && s.hand(g) {
		}
	}
}

// hand gives the oldest event to the first listener that takes it.
func (s *Supervisor) hand(g *group) bool {
	for p := g.first; p != nil; p = p.after {
		child := p.child.Load()
		if child == nil || p.listener == nil || p.listener.State() != process.Ready || p.machine.State() != process.Running {
			continue
		}
		e := g.pool.queue.Take()
		if err := child.WriteStdin(e.Envelope(s.identifier, g.name)); err != nil {
			s.overflowed(g, g.pool.queue.PutBack(e))
			s.logger.Log(rpcinterface.LevelDebg, fmt.Sprintf("epipe occurred while sending event %d to listener %s, "+
				"listener state unchanged", e.Serial(), p.name))
			continue
		}
		p.listener.Sent()
		p.inHand = e
		s.logger.Log(rpcinterface.LevelDebg, fmt.Sprintf("event %d sent to listener %s", e.Serial(), p.name))
		return true
	}
	return false
}

// listen carries out what a listener's output or a verdict led to.
func (s *Supervisor) listen(p *proc, effects []process.Effect) {
	for _, effect := range effects {
		switch e := effect.(type) {
		case process.Log:
			s.logger.Log(e.Level, e.Message)
		case process.Judge:
			s.judge(p, e.Result)
		case process.Rejected:
			s.giveBack(p)
		}
	}
	if p.listener.State() == process.Ready {
		s.dispatchLater(p.group)
	}
}

// judge has a result judged: by the default handler here, by another where it is.
// The listener stays BUSY until the verdict is there.
func (s *Supervisor) judge(p *proc, result []byte) {
	if p.group.pool == nil || p.group.pool.handler == core.DefaultResultHandler {
		verdict := process.Reject
		if string(result) == "OK" {
			verdict = process.Accept
		}
		s.judged(p, verdict)
		return
	}
	e, incarnation := p.inHand, p.incarnation
	s.effects.HandleResult(p.group.pool.handler, e.Public(), result, func(v process.Verdict) {
		s.inbox.post(func() {
			if p.incarnation == incarnation && p.listener != nil {
				s.judged(p, v)
			}
		})
	})
}

func (s *Supervisor) judged(p *proc, v process.Verdict) {
	effects := p.listener.Judged(v)
	if v == process.Accept {
		p.inHand = nil
	}
	s.listen(p, effects)
}

// giveBack returns the event that a listener was busy with to its pool.
func (s *Supervisor) giveBack(p *proc) {
	e := p.inHand
	p.inHand = nil
	if e == nil || p.group.pool == nil {
		return
	}
	s.overflowed(p.group, p.group.pool.queue.PutBack(e))
	s.dispatchLater(p.group)
}

// listenerEnded is told when a process has ended: what it was busy with is sent
// again.
func (s *Supervisor) listenerEnded(p *proc) {
	if p.listener != nil {
		p.listener = nil
		s.giveBack(p)
	}
}

// addTaps has the loop told of what a process writes, where somebody may want it.
func (s *Supervisor) addTaps(p *proc, job *SpawnJob) {
	spec, incarnation := job.Spec, p.incarnation
	switch spec.Kind {
	case core.EventListener:
		p.listener, p.inHand = process.NewListener(p.name), nil
		job.OnListener = func(data []byte) {
			s.deliver(p, incarnation, func() { s.listen(p, p.listener.Output(data)) })
		}
	case core.FastCGIProgram:
		job.Socket = p.group.source.FastCGI
	}
	job.OnLog = func(channel event.Channel, data []byte) {
		if !s.mayWant(core.EventProcessLogStdout + core.EventKind(channel)) {
			return
		}
		s.deliver(p, incarnation, func() {
			s.notify(event.ProcessLog(p.group.name, p.name, p.machine.PID(), channel, data))
		})
	}
	if spec.Stdout.CaptureMaxBytes > 0 || spec.Stderr.CaptureMaxBytes > 0 {
		job.OnCapture = func(channel event.Channel, data []byte) {
			s.deliver(p, incarnation, func() {
				s.notify(event.ProcessCommunication(p.group.name, p.name, p.machine.PID(), channel, data))
			})
		}
	}
}

// deliver runs f on the loop and waits for it, so that a flood holds up its own
// stream's reader and nothing else. f is dropped when the process is another by
// then.
func (s *Supervisor) deliver(p *proc, incarnation uint64, f func()) {
	taken := make(chan struct{})
	s.inbox.post(func() {
		defer close(taken)
		if p.incarnation == incarnation {
			f()
		}
	})
	select {
	case <-taken:
	case <-s.done:
	}
}
