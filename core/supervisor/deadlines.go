package supervisor

import (
	"container/heap"
	"time"
)

// deadlines orders processes by the time at which they are due, and those due at
// the same time by when that was set.
type deadlines struct {
	items []*proc
	seq   uint64
}

// set records p's deadline; the zero time removes it.
func (d *deadlines) set(p *proc, at time.Time) {
	if at.Equal(p.due) && (p.heapIndex >= 0) == !at.IsZero() {
		return
	}
	p.due = at
	d.seq++
	p.dueSeq = d.seq
	switch {
	case at.IsZero() && p.heapIndex >= 0:
		heap.Remove((*dueHeap)(d), p.heapIndex)
	case at.IsZero():
	case p.heapIndex >= 0:
		heap.Fix((*dueHeap)(d), p.heapIndex)
	default:
		heap.Push((*dueHeap)(d), p)
	}
}

// next is the earliest deadline, zero for none.
func (d *deadlines) next() time.Time {
	if len(d.items) == 0 {
		return time.Time{}
	}
	return d.items[0].due
}

// pop takes the process that is due first, if it is due at now.
func (d *deadlines) pop(now time.Time) *proc {
	if len(d.items) == 0 || d.items[0].due.After(now) {
		return nil
	}
	p := d.items[0]
	d.set(p, time.Time{})
	return p
}

type dueHeap deadlines

func (h *dueHeap) Len() int { return len(h.items) }
func (h *dueHeap) Less(i, j int) bool {
	a, b := h.items[i], h.items[j]
	if a.due.Equal(b.due) {
		return a.dueSeq < b.dueSeq
	}
	return a.due.Before(b.due)
}
func (h *dueHeap) Swap(i, j int) {
	h.items[i], h.items[j] = h.items[j], h.items[i]
	h.items[i].heapIndex, h.items[j].heapIndex = i, j
}
func (h *dueHeap) Push(x any) {
	p := x.(*proc)
	p.heapIndex = len(h.items)
	h.items = append(h.items, p)
}
func (h *dueHeap) Pop() any {
	last := len(h.items) - 1
	p := h.items[last]
	h.items[last] = nil
	h.items = h.items[:last]
	p.heapIndex = -1
	return p
}
