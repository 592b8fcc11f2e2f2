package e2e

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// awaitFile waits until there is a file of the name in the site.
func (s *site) awaitFile(name string) {
	s.t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		s.t.Fatal(err)
	}
	defer unix.Close(fd)
	if _, err := unix.InotifyAddWatch(fd, filepath.Dir(s.path(name)), unix.IN_CREATE|unix.IN_MOVED_TO); err != nil {
		s.t.Fatal(err)
	}
	deadline := time.Now().Add(patience)
	for !exists(s.path(name)) {
		if !readable(fd, time.Until(deadline)) {
			s.t.Fatalf("there is no %s", name)
		}
		unix.Read(fd, make([]byte, 4096))
	}
}

// readable waits until a descriptor can be read.
func readable(fd int, limit time.Duration) bool {
	deadline := time.Now().Add(limit)
	for {
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(poll, int(max(0, time.Until(deadline)).Milliseconds()))
		if err != unix.EINTR {
			return err == nil && n == 1
		}
	}
}

// fifo is a named pipe, through which programs tell the test where they are, or
// wait for it.
type fifo struct {
	t     *testing.T
	path  string
	file  *os.File
	lines *bufio.Reader
}

func (s *site) fifo(name string) *fifo {
	s.t.Helper()
	path := s.path(name)
	if err := syscall.Mkfifo(path, 0o666); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Chmod(path, 0o666); err != nil { // for programs of other users
		s.t.Fatal(err)
	}
	// Opened both ways it never blocks and never ends.
	file, err := os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { file.Close() })
	return &fifo{s.t, path, file, bufio.NewReader(file)}
}

// next gives the next line that was written to the pipe.
func (f *fifo) next() string {
	f.t.Helper()
	if err := f.file.SetReadDeadline(time.Now().Add(patience)); err != nil {
		f.t.Fatal(err)
	}
	line, err := f.lines.ReadString('\n')
	if err != nil {
		f.t.Fatalf("nothing comes out of %s: %v", f.path, err)
	}
	return strings.TrimSuffix(line, "\n")
}

// put writes a line for a program that reads the pipe.
func (f *fifo) put(line string) {
	f.t.Helper()
	if _, err := f.file.WriteString(line + "\n"); err != nil {
		f.t.Fatal(err)
	}
}
