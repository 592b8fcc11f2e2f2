package sdktest

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/plugvisor/plugvisor/sdk"
)

// journal keeps all events of a host. It is guarded by the host's lock.
type journal struct {
	next    uint64 // sequence number
	dropped uint64 // events that nobody will read before the next
	entries []entry
	more    chan struct{} // closed and replaced when there is more
}

type entry struct {
	event   sdk.SequencedEvent
	dropped uint64
}

// Emit makes events happen, in order. Who subscribes with a sequence number, which
// begin with 1, reads those that have happened before, too.
func (h *Host) Emit(events ...sdk.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.emit(events...)
}

func (h *Host) emit(events ...sdk.Event) {
	j := &h.journal
	for _, e := range events {
		j.entries = append(j.entries, entry{sdk.SequencedEvent{Sequence: j.next, Event: e}, j.dropped})
		j.next++
		j.dropped = 0
	}
	close(j.more)
	j.more = make(chan struct{})
}

// Drop makes n events happen that no subscriber reads in time: the next one that
// is emitted tells of them.
func (h *Host) Drop(n uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.journal.next += n
	h.journal.dropped += n
}

// Subscribe reads what Emit makes happen.
func (h *Host) Subscribe(ctx context.Context, types []string, from uint64) (sdk.EventStream, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.begin("Subscribe", types, from); err != nil {
		return nil, err
	}
	if len(types) == 0 {
		return nil, sdk.NewFault(sdk.CodeIncorrectParameters, "no type of event is named")
	}
	s := &stream{host: h, at: len(h.journal.entries)}
	for _, name := range types {
		of := strings.ToUpper(name)
		if !slices.Contains(sdk.EventTypes(), of) {
			return nil, sdk.NewFault(sdk.CodeBadName, name)
		}
		s.types = append(s.types, of)
	}
	if from > 0 {
		s.at = 0
		for s.at < len(h.journal.entries) && h.journal.entries[s.at].event.Sequence < from {
			s.at++
		}
	}
	s.ctx, s.cancel = context.WithCancel(ctx)
	return s, nil
}

// Publish makes a REMOTE_COMMUNICATION event happen.
func (h *Host) Publish(_ context.Context, typ, data string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.begin("Publish", typ, data); err != nil {
		return err
	}
	h.emit(sdk.Event{Name: sdk.EventRemoteCommunication, Payload: []byte("type:" + typ + "\n" + data)})
	return nil
}

// stream is one subscription.
type stream struct {
	host   *Host
	types  []string
	ctx    context.Context
	cancel context.CancelFunc

	// Under the host's lock:
	at      int    // the entry to read next
	dropped uint64 // told by entries that were passed over
}

func (s *stream) Next(ctx context.Context) (sdk.SequencedEvent, uint64, error) {
	for {
		if s.ctx.Err() != nil {
			return sdk.SequencedEvent{}, 0, io.EOF
		}
		e, ok, more := s.take()
		if ok {
			return e.event, e.dropped, nil
		}
		select {
		case <-more:
		case <-s.ctx.Done():
		case <-ctx.Done():
			return sdk.SequencedEvent{}, 0, ctx.Err()
		}
	}
}

// take gives the next event if there is one, else what to wait for.
func (s *stream) take() (e entry, ok bool, more <-chan struct{}) {
	s.host.mu.Lock()
	defer s.host.mu.Unlock()
	for j := &s.host.journal; s.at < len(j.entries); {
		e := j.entries[s.at]
		s.at++
		s.dropped += e.dropped
		if slices.ContainsFunc(s.types, e.event.Event.Is) {
			e.dropped, s.dropped = s.dropped, 0
			return e, true, nil
		}
	}
	return entry{}, false, s.host.journal.more
}

func (s *stream) Close() { s.cancel() }
