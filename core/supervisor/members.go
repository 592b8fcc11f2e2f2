package supervisor

import "sync"

// membersWatch tells those who wait that groups or their members have changed.
type membersWatch struct {
	mu   sync.Mutex
	next chan struct{} // nil while nobody waits
}

func (w *membersWatch) wait() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.next == nil {
		w.next = make(chan struct{})
	}
	return w.next
}

func (w *membersWatch) tell() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.next != nil {
		close(w.next)
		w.next = nil
	}
}

// MembersChanged gives a channel that is closed once a group or a process is added
// or removed. Processes come and go without an event, so whoever lists them takes
// the channel, reads the list, and reads it again when the channel is closed.
func (s *Supervisor) MembersChanged() <-chan struct{} { return s.membership.wait() }
