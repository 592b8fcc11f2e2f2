package extension

import (
	"errors"
	"io"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// afterEnd is how much of a pipe is read, in bytes, after its process has ended:
// what the kernel can hold for one, so that nothing the process wrote is lost and
// a stranger that goes on writing holds nobody up.
const afterEnd = 1 << 20

// pipe is the host's end of a plugin's standard output or error. It ends when all
// writers are gone, or when the process has ended and what it wrote is read,
// though another process may hold the other end open.
type pipe struct {
	file  *os.File // non-blocking
	ended atomic.Bool
	room  int // left of afterEnd; used by the reader only
}

func newPipe(file *os.File) *pipe { return &pipe{file: file, room: afterEnd} }

// end says that the process has ended. It wakes a reader that waits.
func (p *pipe) end() {
	p.ended.Store(true)
	p.file.SetReadDeadline(time.Unix(1, 0))
}

func (p *pipe) Read(b []byte) (int, error) {
	if !p.ended.Load() {
		n, err := p.file.Read(b)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
	}
	if p.room == 0 {
		return 0, io.EOF
	}
	b = b[:min(len(b), p.room)]
	p.file.SetReadDeadline(time.Time{})
	raw, err := p.file.SyscallConn()
	if err != nil {
		return 0, err
	}
	var n int
	var readErr error
	err = raw.Read(func(fd uintptr) bool {
		for {
			n, readErr = unix.Read(int(fd), b)
			if readErr != unix.EINTR {
				return true // whatever it was: do not wait
			}
		}
	})
	if err != nil {
		return 0, err
	}
	if readErr != nil || n <= 0 {
		return 0, io.EOF
	}
	p.room -= n
	return n, nil
}

func (p *pipe) Close() error { return p.file.Close() }
