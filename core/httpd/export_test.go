package httpd

import "time"

// SetRoom sets how many connections, and how many strangers among them, a listener
// has room for.
func (l *Listener) SetRoom(most, strangers int) {
	l.crowd.mu.Lock()
	defer l.crowd.mu.Unlock()
	l.crowd.most, l.crowd.mostNew = most, strangers
}

// SetGrace sets how long Close waits for answers that are being written.
func (l *Listener) SetGrace(grace time.Duration) { l.grace = grace }

// Room is what the limits are with so many descriptors.
var Room = room
