package httpd

// SetRoom sets how many connections, and how many strangers among them, a listener
// has room for.
func (l *Listener) SetRoom(most, strangers int) {
	l.crowd.mu.Lock()
	defer l.crowd.mu.Unlock()
	l.crowd.most, l.crowd.mostNew = most, strangers
}

// Room is what the limits are with so many descriptors.
var Room = room
