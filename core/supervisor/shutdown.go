package supervisor

import (
	"slices"
	"strings"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/process"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// reportEvery is how often the log says what a shutdown waits for.
const reportEvery = 3 * time.Second

// shutdown is how far a shutdown or restart has come.
type shutdown struct {
	begun      bool
	groups     []*group // still to stop, the last one next
	current    *group   // being stopped
	unstopped  int      // processes that are not stopped, in all groups
	nextReport time.Time
}

// Shutdown begins to stop everything; Run returns when it is done. It may turn a
// restart into a shutdown.
func (s *Supervisor) Shutdown() { s.Leave(rpcinterface.SupervisorShutdown, func() {}) }

// Restart is Shutdown with the state RESTARTING: the daemon starts anew
// afterwards. During a shutdown it does nothing.
func (s *Supervisor) Restart() { s.Leave(rpcinterface.SupervisorRestarting, func() {}) }

// Leave is Shutdown or Restart by somebody who announces it: when the next call sees
// the state, and before anything is stopped.
func (s *Supervisor) Leave(to rpcinterface.SupervisorState, announce func()) {
	for {
		was := s.state.Load()
		if was == int32(rpcinterface.SupervisorShutdown) {
			announce()
			return
		}
		if s.state.CompareAndSwap(was, int32(to)) {
			break
		}
	}
	announce()
	s.inbox.post(func() {
		if s.stopping.begun {
			return
		}
		s.stopping.begun = true
		s.stopping.groups = groupsByPriority(s.order)
		for _, g := range s.order {
			for p := g.first; p != nil; p = p.after {
				p.machine.Freeze()
				s.deadlines.set(p, p.machine.Deadline())
			}
		}
		s.notifyState(core.EventSupervisorStateChangeStopping)
	})
}

// shutDown takes a shutdown as far as it goes now: groups one after the other, the
// highest priority number first, each when the one before has stopped. It answers
// whether all is over.
func (s *Supervisor) shutDown() bool {
	d := &s.stopping
	for len(d.groups) > 0 {
		g := d.groups[len(d.groups)-1]
		if d.current != g {
			d.current = g
			s.stopAll(g)
		}
		if g.unstopped > 0 {
			break
		}
		d.groups = d.groups[:len(d.groups)-1]
	}
	if d.unstopped == 0 {
		return true
	}
	if now := time.Now(); !now.Before(d.nextReport) {
		d.nextReport = now.Add(reportEvery)
		s.reportUnstopped()
	}
	return false
}

func (s *Supervisor) stopAll(g *group) {
	members := g.byPriority()
	slices.Reverse(members)
	for _, p := range members {
		switch p.machine.State().Public() {
		case rpcinterface.ProcessRunning, rpcinterface.ProcessStarting:
			s.step(p, process.Event{Kind: process.Stop})
		case rpcinterface.ProcessBackoff:
			s.step(p, process.Event{Kind: process.GiveUp})
		}
	}
}

func (s *Supervisor) reportUnstopped() {
	var names []string
	var states []string
	for _, g := range s.order {
		for p := g.first; p != nil; p = p.after {
			if state := p.machine.State().Public(); !state.Stopped() {
				names = append(names, p.name)
				states = append(states, p.name+" state: "+state.String())
			}
		}
	}
	s.logger.Log(rpcinterface.LevelInfo, "waiting for "+strings.Join(names, ", ")+" to die")
	for _, line := range states {
		s.logger.Log(rpcinterface.LevelBlat, line)
	}
}
