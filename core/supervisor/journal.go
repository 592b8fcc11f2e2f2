package supervisor

import (
	"context"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/event"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// Limits of the journal.
const (
	maxJournalEvents = 4096
	maxJournalBytes  = 4 << 20 // of payload
)

// journal keeps the last events for those who read them as a stream, such as
// plugins, so that a reader can come back and go on. It is written by the loop,
// which never waits for a reader. Only kinds that somebody has once subscribed to
// are kept.
//
// Sequence numbers begin with the time, in microseconds, so that a reader who comes
// back with one of an earlier run gets what there is of this one.
type journal struct {
	kinds  atomic.Uint32 // a bit for each kind that is kept
	origin uint64        // the first sequence number

	mu      sync.Mutex
	first   uint64 // the sequence number of entries[0]
	entries []rpcinterface.SequencedEvent
	bytes   int
	more    chan struct{} // closed and replaced when there is more
	closed  bool
	readers map[*Subscription]struct{}
}

func newJournal() *journal {
	origin := uint64(time.Now().UnixMicro())
	return &journal{origin: origin, first: origin, more: make(chan struct{}), readers: map[*Subscription]struct{}{}}
}

func (j *journal) wants(kind core.EventKind) bool { return j.kinds.Load()&(1<<kind) != 0 }

func (j *journal) add(e *event.Event) {
	if !j.wants(e.Kind) {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, rpcinterface.SequencedEvent{
		Sequence: j.first + uint64(len(j.entries)), Event: e.Public(),
	})
	j.bytes += len(e.Payload)
	drop := 0
	for len(j.entries)-drop > maxJournalEvents || j.bytes > maxJournalBytes && len(j.entries)-drop > 1 {
		j.drop(&j.entries[drop])
		drop++
	}
	// append moves what is left, once in a while: not each time.
	clear(j.entries[:drop])
	j.entries = j.entries[drop:]
	j.first += uint64(drop)
	j.wake()
}

// drop forgets the oldest entry; readers that had still to read it are told.
func (j *journal) drop(e *rpcinterface.SequencedEvent) {
	j.bytes -= len(e.Event.Payload)
	kind, _ := core.ParseEventKind(e.Event.Name)
	for r := range j.readers {
		if r.next <= e.Sequence && r.wants(kind) {
			r.dropped++
		}
	}
}

func (j *journal) wake() {
	close(j.more)
	j.more = make(chan struct{})
}

// close ends all subscriptions.
func (j *journal) close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
	j.wake()
}

// Subscription is one reader of events. Its methods may be used by many goroutines
// at once.
type Subscription struct {
	journal *journal
	kinds   []core.EventKind
	// Under the journal's lock:
	next    uint64
	dropped uint64
	closed  bool
}

// Subscribe begins to read events of the kinds, and of those that come from them.
// From is the sequence number to begin with, 0 for the next event there will be. A
// number whose events are not kept any more counts them as dropped, whatever their
// kind; those of an earlier run are not counted.
func (s *Supervisor) Subscribe(kinds []core.EventKind, from uint64) *Subscription {
	j := s.journal
	r := &Subscription{journal: j, kinds: kinds}
	j.mu.Lock()
	defer j.mu.Unlock()
	for kind := range core.EventKind(core.NumEventKinds) {
		if r.wants(kind) {
			j.kinds.Or(1 << kind)
		}
	}
	end := j.first + uint64(len(j.entries))
	switch {
	case from == 0 || from > end:
		r.next = end
	case from < j.first:
		r.next, r.dropped = j.first, j.first-max(from, j.origin)
	default:
		r.next = from
	}
	j.readers[r] = struct{}{}
	// Ticks may have become due.
	s.inbox.post(func() {})
	return r
}

func (r *Subscription) wants(kind core.EventKind) bool {
	return slices.ContainsFunc(r.kinds, kind.Is)
}

// Next waits for the next event. Dropped is how many were lost before it because
// they were not read in time. The error is ctx's, or io.EOF when the subscription was
// closed or the supervisor has ended.
func (r *Subscription) Next(ctx context.Context) (e rpcinterface.SequencedEvent, dropped uint64, err error) {
	for {
		more, ok := r.take(&e, &dropped)
		if ok {
			return e, dropped, nil
		}
		if more == nil {
			return e, 0, io.EOF
		}
		select {
		case <-more:
		case <-ctx.Done():
			return e, 0, ctx.Err()
		}
	}
}

// take gives the next event if there is one, else what to wait for; nil when there
// will be none.
func (r *Subscription) take(e *rpcinterface.SequencedEvent, dropped *uint64) (more <-chan struct{}, ok bool) {
	j := r.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	r.next = max(r.next, j.first)
	for ; r.next < j.first+uint64(len(j.entries)) && !r.closed; r.next++ {
		entry := j.entries[r.next-j.first]
		if kind, _ := core.ParseEventKind(entry.Event.Name); r.wants(kind) {
			*e, *dropped = entry, r.dropped
			r.dropped = 0
			r.next++
			return nil, true
		}
	}
	if r.closed || j.closed {
		return nil, false
	}
	return j.more, false
}

// Close ends the subscription.
func (r *Subscription) Close() {
	r.journal.mu.Lock()
	defer r.journal.mu.Unlock()
	if !r.closed {
		r.closed = true
		delete(r.journal.readers, r)
		r.journal.forget()
		r.journal.wake()
	}
}

// costly are the kinds that are made only for whoever reads them: ticks wake the
// loop, and output goes through it. They are not kept for a reader who may return.
func costly(kind core.EventKind) bool {
	return kind.Is(core.EventTick) || kind.Is(core.EventProcessLog)
}

// forget ends the keeping of costly kinds that nobody reads any more. The caller
// holds the lock.
func (j *journal) forget() {
	for kind := range core.EventKind(core.NumEventKinds) {
		if !costly(kind) {
			continue
		}
		wanted := false
		for r := range j.readers {
			wanted = wanted || r.wants(kind)
		}
		if !wanted {
			j.kinds.And(^(uint32(1) << kind))
		}
	}
}
