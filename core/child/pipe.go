package child

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// OutputPipe makes a pipe for a child's output: read is non-blocking and for the
// daemon, child is blocking and for the child's Files. Errors wrap the errno.
func OutputPipe() (read, child *os.File, err error) {
	p, err := pipe()
	if err != nil {
		return nil, nil, err
	}
	return daemonEnd(p[0]), os.NewFile(uintptr(p[1]), "|1"), nil
}

// InputPipe makes a pipe for a child's standard input: child is blocking and for
// the child's Files, write is non-blocking and for the daemon.
func InputPipe() (child, write *os.File, err error) {
	p, err := pipe()
	if err != nil {
		return nil, nil, err
	}
	return os.NewFile(uintptr(p[0]), "|0"), daemonEnd(p[1]), nil
}

func pipe() (p [2]int, err error) {
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return p, fmt.Errorf("cannot make pipe: %w", err)
	}
	return p, nil
}

// daemonEnd sets the descriptor non-blocking before os sees it, which makes os
// wait for it in the poller.
func daemonEnd(fd int) *os.File {
	// The call cannot fail on a pipe that was just made.
	_ = unix.SetNonblock(fd, true)
	return os.NewFile(uintptr(fd), "|")
}
