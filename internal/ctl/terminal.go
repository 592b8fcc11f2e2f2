package ctl

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// hideTyping turns a terminal's echo off until restore is called.
func hideTyping(tty *os.File) (restore func(), err error) {
	// Not by Fd: that would make reads of it uninterruptible.
	conn, err := tty.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("cannot reach terminal: %w", err)
	}
	var mode *unix.Termios
	if cerr := conn.Control(func(fd uintptr) {
		if mode, err = unix.IoctlGetTermios(int(fd), unix.TCGETS); err != nil {
			return
		}
		hidden := *mode
		hidden.Lflag &^= unix.ECHO
		err = unix.IoctlSetTermios(int(fd), unix.TCSETSF, &hidden)
	}); cerr != nil {
		err = cerr
	}
	if err != nil {
		return nil, fmt.Errorf("cannot turn off echo: %w", err)
	}
	return func() {
		// The file may be closed by now; the terminal is the same.
		if tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0); err == nil {
			unix.IoctlSetTermios(int(tty.Fd()), unix.TCSETS, mode)
			tty.Close()
		}
	}, nil
}

// passInterrupts has a terminal pass the interrupt key on like any other.
func passInterrupts(tty *os.File) {
	if mode, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS); err == nil {
		mode.Lflag &^= unix.ISIG
		unix.IoctlSetTermios(int(tty.Fd()), unix.TCSETS, mode)
	}
}
