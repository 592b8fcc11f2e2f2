package logfile

import "bytes"

// What a process writes between these is an event, not log (events.py,
// ProcessCommunicationEvent).
const (
	beginToken = "<!--XSUPERVISOR:BEGIN-->"
	endToken   = "<!--XSUPERVISOR:END-->"
)

// maxHeld is how many bytes at the end of a read may have to wait for the next.
const maxHeld = len(beginToken) - 1

// bounded keeps what was captured, roughly the last max bytes: what a write would
// push beyond that is dropped at the front, and a larger write is kept whole
// (loggers.py, BoundIO).
type bounded struct {
	max  int64
	data []byte
}

func (b *bounded) write(p []byte) {
	if int64(len(b.data)+len(p)) > b.max {
		b.data = b.data[min(len(p), len(b.data)):]
	}
	b.data = append(b.data, p...)
}

// prefixAtEnd is the length of the longest end of p that begins the token.
func prefixAtEnd(p []byte, token string) int {
	n := min(len(token)-1, len(p))
	for n > 0 && !bytes.HasSuffix(p, []byte(token[:n])) {
		n--
	}
	return n
}
