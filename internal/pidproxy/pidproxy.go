// Package pidproxy is the command pidproxy: it runs a program that writes a pidfile
// and starts the real daemon in the background, and stands in for that daemon
// before a supervisor. Signals that it gets go to the pid in the file; it ends when
// the program does, or once it has passed on a signal that asks for the end.
//
// It is the command line's, not the daemon's: it starts one process and waits for
// it by itself. Exit codes and what is printed are those of Supervisor's pidproxy,
// which however looks only every five seconds whether its program has ended, and
// says nothing of one that cannot be executed.
package pidproxy

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// notExecuted is the exit code when the program cannot be executed, as a shell's.
const notExecuted = 127

// proxy is one run of the command.
type proxy struct {
	pidfile        string
	stdout, stderr io.Writer
}

// Main runs pidproxy and gives its exit code. Args has the command's name first.
func Main(args []string, stdout, stderr io.Writer) int {
	if len(args) < 3 {
		fmt.Fprint(stdout, usage(args[0]))
		return 1
	}
	p := &proxy{pidfile: args[1], stdout: stdout, stderr: stderr}
	return p.run(args[2:])
}

func usage(program string) string {
	return `pidproxy -- run a command, and pass signals on to the pid in its pidfile.

For programs that start a daemon in the background and write its pid to a file:
each signal that pidproxy gets goes to that pid.

Usage: ` + program + ` <pidfile name> <command> [<cmdarg1> ...]

`
}

// run starts the command and passes signals on until it ends, or is asked to.
func (p *proxy) run(command []string) int {
	signals := make(chan os.Signal, 16)
	defer signal.Stop(signals)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGQUIT)
	// The command ignores what Python's children do.
	signal.Ignore(syscall.SIGPIPE, syscall.SIGXFSZ)
	pid, err := start(command)
	if err != nil {
		fmt.Fprintf(p.stderr, "cannot run %s: %v\n", command[0], err)
		return notExecuted
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			if _, err := syscall.Wait4(pid, nil, 0, nil); !errors.Is(err, syscall.EINTR) {
				return
			}
		}
	}()
	for {
		select {
		case <-ended:
			return 0
		case s := <-signals:
			if code, leave := p.pass(s.(syscall.Signal)); leave {
				return code
			}
		}
	}
}

// start executes the command; its name is a path, looked for nowhere else.
func start(command []string) (pid int, err error) {
	path, err := filepath.Abs(command[0])
	if err != nil {
		return 0, err
	}
	return syscall.ForkExec(path, command, &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}})
}

// pass sends a signal on, and says whether it is the end. Without a pidfile it is
// not: the program may still be about to write it.
func (p *proxy) pass(s syscall.Signal) (code int, leave bool) {
	pid, err := readPid(p.pidfile)
	if err != nil {
		fmt.Fprintf(p.stdout, "Can't read child pidfile %s!\n", p.pidfile)
		return 0, false
	}
	if err := syscall.Kill(pid, s); err != nil {
		fmt.Fprintf(p.stderr, "cannot send signal %d to pid %d of %s: %v\n", s, pid, p.pidfile, err)
		code = 1
	}
	return code, s == syscall.SIGTERM || s == syscall.SIGINT || s == syscall.SIGQUIT
}

// readPid reads a pid, or the negative number of a process group. What would send
// signals to ourselves or to everybody is refused.
func readPid(file string) (int, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	pid, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 32)
	if err == nil && (pid == 0 || pid == -1) {
		err = fmt.Errorf("%d is not one process", pid)
	}
	return int(pid), err
}
