package supervisor

import (
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/event"
)

// notify tells pools and subscribers of an event.
func (s *Supervisor) notify(e *event.Event) {
	s.pools.Each(e.Kind, func(g *group) { s.accept(g, e) })
	s.journal.add(e)
}

// wants says, on the loop, whether anybody wants events of a kind.
func (s *Supervisor) wants(kind core.EventKind) bool {
	return s.pools.Wanted(kind) || s.journal.wants(kind)
}

// mayWant is wants for other goroutines, a message late at most.
func (s *Supervisor) mayWant(kind core.EventKind) bool {
	return s.wanted.Load()&(1<<kind) != 0 || s.journal.wants(kind)
}

func (s *Supervisor) poolsChanged() {
	var bits uint32
	for kind := range core.EventKind(core.NumEventKinds) {
		if s.pools.Wanted(kind) {
			bits |= 1 << kind
		}
	}
	s.wanted.Store(bits)
}

func (s *Supervisor) notifyGroup(kind core.EventKind, group string) {
	if s.wants(kind) {
		s.notify(event.ProcessGroup(kind, group))
	}
}

func (s *Supervisor) notifyState(kind core.EventKind) {
	if s.wants(kind) {
		s.notify(event.SupervisorState(kind))
	}
}

// SendRemoteComm sends a REMOTE_COMMUNICATION event, in every state.
func (s *Supervisor) SendRemoteComm(typ, data string) {
	if s.mayWant(core.EventRemoteCommunication) {
		s.inbox.post(func() { s.notify(event.RemoteCommunication(typ, data)) })
	}
}

// ticks are sent when the number of whole periods since the epoch changes, and
// counted only while somebody wants them.
type ticks struct {
	next time.Time // when to look next, zero for never
	last [3]int64  // of each kind, 0 before the first
}

// longestNap is how late a clock that is set may be noticed where somebody wants
// ticks. Timers go on as if nothing had happened.
const longestNap = 10 * time.Second

// tick sends the ticks that are due and finds the time to look for the next.
func (s *Supervisor) tick() {
	t := &s.ticks
	now := s.clock.Now()
	nap := longestNap
	wanted := false
	for i, k := range event.Ticks() {
		if !s.wants(k.Kind) || !s.begun {
			t.last[i] = 0
			continue
		}
		wanted = true
		slice := now.Unix() - now.Unix()%k.Period
		if t.last[i] != 0 && slice != t.last[i] {
			s.notify(event.Tick(k.Kind, slice))
		}
		t.last[i] = slice
		nap = min(nap, time.Unix(slice+k.Period, 0).Sub(now))
	}
	if t.next = (time.Time{}); wanted {
		t.next = time.Now().Add(nap)
	}
}
