package engine

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxStdin bounds what waits for a process that does not read its input, in bytes.
// Where nothing waits, more is taken: an event that never fits would be offered to
// its listeners again and again.
const maxStdin = 16 << 20

// stdin writes to a process's standard input without ever waiting for it: what the
// pipe does not take at once is written by a goroutine that lives as long as there
// is something to write.
type stdin struct {
	pipe *os.File

	mu      sync.Mutex
	waiting []byte
	writing bool
	closed  bool
}

func newStdin(pipe *os.File) *stdin { return &stdin{pipe: pipe} }

// write queues data. It answers EPIPE when the process has closed its end.
func (s *stdin) write(data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return syscall.EPIPE
	}
	if len(s.waiting) > 0 && len(s.waiting)+len(data) > maxStdin {
		return fmt.Errorf("cannot write standard input: %d bytes wait to be read already", len(s.waiting))
	}
	if !s.writing {
		n, err := s.try(data)
		if err != nil {
			return err
		}
		data = data[n:]
	}
	if len(data) == 0 {
		return nil
	}
	s.waiting = append(s.waiting, data...)
	if !s.writing {
		s.writing = true
		go s.flush()
	}
	return nil
}

// try writes what the pipe takes now.
func (s *stdin) try(data []byte) (n int, err error) {
	conn, err := s.pipe.SyscallConn()
	if err != nil {
		return 0, err
	}
	controlErr := conn.Control(func(fd uintptr) {
		for {
			if n, err = unix.Write(int(fd), data); err != unix.EINTR {
				return
			}
		}
	})
	if errors.Is(err, unix.EAGAIN) {
		return 0, nil
	}
	if err == nil {
		err = controlErr
	}
	return max(n, 0), err
}

// flushSize is how much is written at a time, in bytes: what a pipe holds.
const flushSize = 64 << 10

// flush writes what waits until nothing does, or the process closes its end.
func (s *stdin) flush() {
	for piece := s.next(0); len(piece) > 0; piece = s.next(len(piece)) {
		if _, err := s.pipe.Write(piece); err != nil {
			s.close()
		}
	}
}

// next drops what was written and gives what is to be written then: nothing, when
// the flush is over.
func (s *stdin) next(written int) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = s.waiting[written:]
	if s.closed || len(s.waiting) == 0 {
		s.writing, s.waiting = false, nil
		return nil
	}
	return s.waiting[:min(len(s.waiting), flushSize)]
}

// close ends the input.
func (s *stdin) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		s.pipe.Close()
	}
}
