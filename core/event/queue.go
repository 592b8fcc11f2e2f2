package event

import "math"

// Serials counts the events of a daemon, across restarts.
type Serials struct{ next int64 }

// take gives the next serial; after the largest comes 0.
func (s *Serials) take() int64 {
	n := s.next
	if s.next++; s.next == math.MaxInt64 {
		s.next = 0
	}
	return n
}

// Queue is the buffer of one listener pool.
type Queue struct {
	pool   string
	size   int64
	own    Serials
	global *Serials
	events []*Event
}

// NewQueue makes the buffer of a pool that holds size events.
func NewQueue(pool string, size int64, global *Serials) *Queue {
	return &Queue{pool: pool, size: size, global: global}
}

// Len is how many events wait.
func (q *Queue) Len() int { return len(q.events) }

// Add puts an event at the end. When the buffer is full its oldest event is
// dropped, and returned.
func (q *Queue) Add(e *Event) (dropped *Event) {
	dropped = q.makeRoom(e)
	q.events = append(q.events, e)
	return dropped
}

// PutBack puts an event that was taken or rejected at the head, where it keeps its
// serials. When the buffer is full its oldest event is dropped, and returned.
func (q *Queue) PutBack(e *Event) (dropped *Event) {
	dropped = q.makeRoom(e)
	q.events = append([]*Event{e}, q.events...)
	return dropped
}

func (q *Queue) makeRoom(e *Event) (dropped *Event) {
	if !e.counted {
		e.serial, e.counted = q.global.take(), true
	}
	if _, ok := e.pools[q.pool]; !ok {
		if e.pools == nil {
			e.pools = map[string]int64{}
		}
		e.pools[q.pool] = q.own.take()
	}
	if int64(len(q.events)) < q.size {
		return nil
	}
	return q.Take()
}

// Take removes the oldest event, nil when there is none.
func (q *Queue) Take() *Event {
	if len(q.events) == 0 {
		return nil
	}
	e := q.events[0]
	q.events[0] = nil
	q.events = q.events[1:]
	return e
}
