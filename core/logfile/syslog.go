package logfile

import (
	"bytes"
	"log/syslog"
	"sync"
)

// SyslogPath is the path that stands for the system's log.
const SyslogPath = "syslog"

// syslogTag is the name under which messages arrive.
const syslogTag = "supervisord"

// Syslog writes to the system's log, facility user, severity info. Where there is
// none, or it fails, lines are dropped. Its methods may be used by many goroutines
// at once.
type Syslog struct {
	prefix  string
	network string // "" for the system's own socket
	address string

	mu     sync.Mutex
	writer *syslog.Writer
}

// NewSyslog makes a log whose lines begin with prefix. It connects when needed.
func NewSyslog(prefix string) *Syslog { return &Syslog{prefix: prefix} }

// Write sends each line of p, but for newlines at the end, as one message
// (loggers.py, SyslogHandler). It never fails.
func (s *Syslog) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for line := range bytes.SplitSeq(bytes.TrimRight(p, "\n"), []byte("\n")) {
		if !s.connected() {
			break
		}
		if _, err := s.writer.Write(append([]byte(s.prefix), line...)); err != nil {
			s.disconnect()
		}
	}
	return len(p), nil
}

// Close ends the connection. A later Write makes another.
func (s *Syslog) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.disconnect()
	return nil
}

func (s *Syslog) connected() bool {
	if s.writer == nil {
		w, err := syslog.Dial(s.network, s.address, syslog.LOG_USER|syslog.LOG_INFO, syslogTag)
		if err != nil {
			return false
		}
		s.writer = w
	}
	return true
}

func (s *Syslog) disconnect() {
	if s.writer != nil {
		s.writer.Close()
		s.writer = nil
	}
}
