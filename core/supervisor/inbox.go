package supervisor

import "sync"

// inbox is an unbounded queue of messages. post never blocks.
type inbox struct {
	mu    sync.Mutex
	queue []func()
	spare []func()
	wake  chan struct{}
}

func newInbox() *inbox { return &inbox{wake: make(chan struct{}, 1)} }

func (b *inbox) post(message func()) {
	b.mu.Lock()
	b.queue = append(b.queue, message)
	first := len(b.queue) == 1
	b.mu.Unlock()
	if first {
		select {
		case b.wake <- struct{}{}:
		default:
		}
	}
}

// take gives all messages that wait. The slice is valid until the next take.
func (b *inbox) take() []func() {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.spare)
	b.queue, b.spare = b.spare[:0], b.queue
	return b.spare
}
