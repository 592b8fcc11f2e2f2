package extension

import (
	"context"
	"sync"
	"time"
)

const (
	// messageCost is how long the log is taken up by a message of a plugin and by
	// each further KiB of it.
	messageCost = time.Millisecond
	// maxCredit is how much of that time a plugin may use at once.
	maxCredit = time.Second
)

// pace holds up a plugin that writes to the main log faster than anybody can read:
// what it writes has an answer, so nothing need be lost.
type pace struct {
	mu   sync.Mutex
	paid time.Time // what was written so far is worth the time until then
}

// wait waits until a message of a size in bytes may be written, or for ctx.
func (p *pace) wait(ctx context.Context, size int) error {
	p.mu.Lock()
	now := time.Now()
	if earliest := now.Add(-maxCredit); p.paid.Before(earliest) {
		p.paid = earliest
	}
	p.paid = p.paid.Add(messageCost * time.Duration(1+size>>10))
	pause := p.paid.Sub(now)
	p.mu.Unlock()
	if pause <= 0 {
		return nil
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
