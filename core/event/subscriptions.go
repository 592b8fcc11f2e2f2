package event

import (
	"slices"

	"github.com/plugvisor/plugvisor/core"
)

// Subscriptions says who wants which events: a list in the order of subscribing. A
// subscriber that wants a kind and its ancestor is told twice, as in the reference.
type Subscriptions[T comparable] struct {
	list []subscription[T]
	// wanted counts, for each kind that is sent, those who want it.
	wanted [core.NumEventKinds]int
}

type subscription[T comparable] struct {
	kind core.EventKind
	who  T
}

// Add subscribes to a kind and all that come from it.
func (s *Subscriptions[T]) Add(who T, kind core.EventKind) {
	s.list = append(s.list, subscription[T]{kind, who})
	s.count(kind, 1)
}

// Remove ends all subscriptions of a subscriber.
func (s *Subscriptions[T]) Remove(who T) {
	s.list = slices.DeleteFunc(s.list, func(sub subscription[T]) bool {
		if sub.who != who {
			return false
		}
		s.count(sub.kind, -1)
		return true
	})
}

func (s *Subscriptions[T]) count(kind core.EventKind, n int) {
	for k := range core.EventKind(core.NumEventKinds) {
		if k.Is(kind) {
			s.wanted[k] += n
		}
	}
}

// Wanted says whether anybody wants events of the kind.
func (s *Subscriptions[T]) Wanted(kind core.EventKind) bool { return s.wanted[kind] > 0 }

// Each calls f for every subscription that an event of the kind fits, in order.
func (s *Subscriptions[T]) Each(kind core.EventKind, f func(T)) {
	if !s.Wanted(kind) {
		return
	}
	for _, sub := range s.list {
		if kind.Is(sub.kind) {
			f(sub.who)
		}
	}
}
