package wire_test

import (
	"context"
	"errors"
	"io"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

// entry is what a fakeStream gives next.
type entry struct {
	e       rpcinterface.SequencedEvent
	dropped uint64
}

// fakeStream gives what is put into entries, and ends when that is closed.
type fakeStream struct {
	entries chan entry
	read    atomic.Int64
	once    sync.Once
	closed  chan struct{}
}

func newFakeStream() *fakeStream {
	return &fakeStream{entries: make(chan entry, 1024), closed: make(chan struct{})}
}

func (s *fakeStream) Next(ctx context.Context) (rpcinterface.SequencedEvent, uint64, error) {
	select {
	case n, ok := <-s.entries:
		if !ok {
			return rpcinterface.SequencedEvent{}, 0, errors.New("over")
		}
		s.read.Add(1)
		return n.e, n.dropped, nil
	case <-ctx.Done():
		return rpcinterface.SequencedEvent{}, 0, ctx.Err()
	}
}

func (s *fakeStream) Close() { s.once.Do(func() { close(s.closed) }) }

func (s *fakeStream) put(sequence, dropped uint64, size int) {
	s.entries <- entry{rpcinterface.SequencedEvent{
		Sequence: sequence,
		Event:    rpcinterface.Event{Name: "PROCESS_LOG_STDOUT", Payload: make([]byte, size), Group: "g", Process: "p"},
	}, dropped}
}

func (s *fakeStream) wantClosed(t *testing.T) {
	t.Helper()
	select {
	case <-s.closed:
	case <-timeout(t).Done():
		t.Error("the host's stream was not closed")
	}
}

func wantEvent(t *testing.T, events rpcinterface.EventStream, sequence, dropped uint64, size int) {
	t.Helper()
	e, d, err := events.Next(timeout(t))
	if err != nil {
		t.Fatal(err)
	}
	if e.Sequence != sequence || d != dropped || len(e.Event.Payload) != size {
		t.Errorf("event %d of %d bytes, %d dropped; want %d of %d bytes, %d dropped",
			e.Sequence, len(e.Event.Payload), d, sequence, size, dropped)
	}
}

func wantEnd(t *testing.T, events rpcinterface.EventStream) {
	t.Helper()
	if _, _, err := events.Next(timeout(t)); err != io.EOF {
		t.Errorf("got %v, want the end", err)
	}
}

func TestEvents(t *testing.T) {
	p, h := configured(t)
	want := rpcinterface.SequencedEvent{Sequence: 7, Event: rpcinterface.Event{
		Name: "PROCESS_LOG_STDOUT", Payload: []byte("\xff\x00"), Group: "g", Process: "p",
	}}
	h.stream.entries <- entry{want, 3}
	events, err := p.host.Subscribe(t.Context(), []string{"PROCESS_LOG"}, 7)
	if err != nil {
		t.Fatal(err)
	}
	got, dropped, err := events.Next(timeout(t))
	if err != nil || dropped != 3 || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %d dropped, %v", got, dropped, err)
	}

	// A wait that is given up loses nothing.
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, _, err := events.Next(short); err != context.DeadlineExceeded {
		t.Errorf("got %v", err)
	}
	h.stream.put(8, 0, 5)
	wantEvent(t, events, 8, 0, 5)

	close(h.stream.entries)
	wantEnd(t, events)
	wantEnd(t, events)
	h.stream.wantClosed(t)
}

// However the plugin leaves, the host's stream is closed.
func TestEventsEndAtPlugin(t *testing.T) {
	for _, name := range []string{"close", "context", "shutdown"} {
		t.Run(name, func(t *testing.T) {
			p, h := configured(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			events, err := p.host.Subscribe(ctx, []string{"EVENT"}, 0)
			if err != nil {
				t.Fatal(err)
			}
			switch name {
			case "close":
				events.Close()
				events.Close()
			case "context":
				cancel()
			case "shutdown":
				p.disconnect(t)
			}
			h.stream.wantClosed(t)
			wantEnd(t, events)
		})
	}
}

// An event that no message can carry is one of those that were dropped.
func TestLargeEvents(t *testing.T) {
	p, h := configured(t)
	events, err := p.host.Subscribe(t.Context(), []string{"EVENT"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	h.stream.put(1, 2, rpcinterface.MaxMessage)
	h.stream.put(2, 0, rpcinterface.MaxMessage)
	h.stream.put(3, 4, rpcinterface.MaxMessage-1024)
	h.stream.put(4, 0, 1)
	wantEvent(t, events, 3, 8, rpcinterface.MaxMessage-1024)
	wantEvent(t, events, 4, 0, 1)
}

// What a plugin does not take stays with the host but for a bounded part.
func TestSlowReader(t *testing.T) {
	p, h := configured(t)
	events, err := p.host.Subscribe(t.Context(), []string{"EVENT"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	const size, count = 64 << 10, 1024
	for i := range uint64(count) {
		h.stream.put(i+1, 0, size)
	}
	// Two windows, what a connection buffers, and one event at each end.
	const most = 4 << 20 / size
	for i := range uint64(count) {
		if ahead := h.stream.read.Load() - int64(i); ahead > most {
			t.Fatalf("%d events of %d bytes were read ahead", ahead, size)
		}
		wantEvent(t, events, i+1, 0, size)
	}
}

// Two readers share the events of a stream; none comes twice.
func TestReadersOfOneStream(t *testing.T) {
	p, h := configured(t)
	events, err := p.host.Subscribe(t.Context(), []string{"EVENT"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	const count = 500
	for i := range uint64(count) {
		h.stream.put(i, 0, 0)
	}
	close(h.stream.entries)
	var readers sync.WaitGroup
	var mu sync.Mutex
	seen := map[uint64]bool{}
	for range 4 {
		readers.Go(func() {
			for {
				e, _, err := events.Next(t.Context())
				if err != nil {
					return
				}
				mu.Lock()
				if seen[e.Sequence] {
					t.Errorf("event %d came twice", e.Sequence)
				}
				seen[e.Sequence] = true
				mu.Unlock()
			}
		})
	}
	readers.Wait()
	if len(seen) != count {
		t.Errorf("%d events", len(seen))
	}
}
