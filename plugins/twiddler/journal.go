package twiddler

import (
	"slices"
	"sync"
)

// maxChanges is how many changes are remembered.
const maxChanges = 1000

// journal holds the last changes.
type journal struct {
	mu   sync.Mutex
	ring []runtimeChange
	next int // where the oldest is, once the ring is full
}

func (j *journal) add(c runtimeChange) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.ring) < maxChanges {
		j.ring = append(j.ring, c)
		return
	}
	j.ring[j.next] = c
	j.next = (j.next + 1) % maxChanges
}

// all lists the changes, the oldest first.
func (j *journal) all() []runtimeChange {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Concat([]runtimeChange{}, j.ring[j.next:], j.ring[:j.next])
}
