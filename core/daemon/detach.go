package daemon

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/plugvisor/plugvisor/core/pytext"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// detachedVariable tells the daemon that it is the one in the background, and the
// descriptor by which it reports that it has started.
const detachedVariable = "PLUGVISOR_DETACHED"

// takeDetached gives the reporting end in a daemon that was detached, else nil.
func takeDetached() *os.File {
	value, ok := os.LookupEnv(detachedVariable)
	if !ok {
		return nil
	}
	os.Unsetenv(detachedVariable)
	fd, err := strconv.Atoi(value)
	if err != nil {
		return nil
	}
	unix.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), "start-up report")
}

// detach starts the daemon again in a session of its own and waits until it has
// started or failed. Its exit code is that of the start. What goes wrong the daemon
// says on the standard error that it shares until it has started.
func (p Program) detach() error {
	report, childEnd, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("cannot daemonize: %w", err)
	}
	defer report.Close()
	pid, err := syscall.ForkExec("/proc/self/exe", p.Args, &syscall.ProcAttr{
		Env:   append(os.Environ(), detachedVariable+"=3"),
		Files: []uintptr{0, 1, 2, childEnd.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	childEnd.Close()
	if err != nil {
		return fmt.Errorf("cannot daemonize: %w", err)
	}
	if _, err := io.ReadFull(report, make([]byte, 1)); err == nil {
		return exitError(0)
	}
	var status syscall.WaitStatus
	for {
		if _, err = syscall.Wait4(pid, &status, 0, nil); !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil || status.ExitStatus() <= 0 {
		return fmt.Errorf("cannot daemonize: the process in the background ended while it started")
	}
	return exitError(status.ExitStatus())
}

// background is the rest of daemonising, in the process that was detached:
// directory, standard streams and umask.
func (r *run) background() error {
	r.log.Log(rpcinterface.LevelBlat, "supervisord forked; parent exiting")
	r.log.Log(rpcinterface.LevelInfo, "daemonizing the supervisord process")
	if dir := r.settings.Directory; dir != nil {
		shown := pytext.ReprString(*dir)
		if err := syscall.Chdir(*dir); err != nil {
			r.log.Log(rpcinterface.LevelCrit, fmt.Sprintf("can't chdir into %s: %s: %[1]s", shown, osError(err)))
		} else {
			r.log.Log(rpcinterface.LevelInfo, "set current directory: "+shown)
		}
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("cannot daemonize: %w", err)
	}
	defer null.Close()
	for fd := range 3 {
		if err := unix.Dup3(int(null.Fd()), fd, 0); err != nil {
			return fmt.Errorf("cannot daemonize: %w", err)
		}
	}
	syscall.Umask(r.settings.Umask)
	return nil
}

// osError is how Python shows the number and the text of an errno.
func osError(err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return err.Error()
	}
	text := errno.Error()
	return fmt.Sprintf("[Errno %d] %s", errno, strings.ToUpper(text[:1])+text[1:])
}

// reportStarted lets the shell go on.
func reportStarted(detached *os.File) {
	if detached != nil {
		// Nobody reads it when the one who started us is gone.
		_, _ = detached.Write([]byte{0})
		detached.Close()
	}
}
