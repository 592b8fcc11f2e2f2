package daemon

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"syscall"

	"github.com/plugvisor/plugvisor/core/child"
	"github.com/plugvisor/plugvisor/core/engine"
	"github.com/plugvisor/plugvisor/core/event"
	"github.com/plugvisor/plugvisor/core/extension"
	"github.com/plugvisor/plugvisor/core/mainlog"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// Version is plugvisor's own. Clients that ask for Supervisor's version are told that
// of supervisorns, which they know how to read.
const Version = "0.5.0"

// Plugin is a plugin that the executable holds.
type Plugin struct {
	// Name is its factory in [rpcinterface:x] sections.
	Name string
	// Serve runs the plugin in this process until the host ends it.
	Serve func()
}

// Program is the executable as it was called.
type Program struct {
	Args    []string // with the program's name first
	Stdout  *os.File
	Stderr  io.Writer
	Plugins []Plugin
}

// Main runs supervisord, or the bundled plugin or helper as which the executable
// was started by itself. It gives the exit code.
func Main(p Program) int {
	if child.ShimMain(p.Args) {
		return 0
	}
	if name, ok := extension.BundledName(); ok {
		return p.servePlugin(name)
	}
	d := &daemon{
		Program: p, detached: takeDetached(), signals: make(chan os.Signal, 16), serials: &event.Serials{},
		early: child.NewNameService(),
	}
	defer d.useLog(nil)
	for first := true; ; first = false {
		again, err := d.run(first)
		if err != nil {
			if !first {
				// Of a daemon nobody sees the standard error any more.
				d.log.Load().Log(rpcinterface.LevelCrit, fmt.Sprintf("cannot start again: %v", err))
			}
			return p.leave(err)
		}
		if !again {
			return 0
		}
	}
}

// daemon is what outlives a restart.
type daemon struct {
	Program
	detached *os.File           // where the start is reported, nil in the foreground
	early    *child.NameService // for as long as there are no children
	children *child.Children
	signals  chan os.Signal
	serials  *event.Serials // of the events of all runs
	// log is the main log of the run that is going on, or of the one before.
	log atomic.Pointer[mainlog.Log]
}

// useLog makes log the main log and closes the one before.
func (d *daemon) useLog(log *mainlog.Log) {
	if before := d.log.Swap(log); before != nil {
		before.Close()
	}
}

// orphan is told of the end of a process that somebody else left to us.
func (d *daemon) orphan(pid int, status syscall.WaitStatus) {
	if log := d.log.Load(); log != nil {
		log.Log(rpcinterface.LevelInfo, fmt.Sprintf("reaped unknown pid %d (%s)", pid, engine.StatusOf(status)))
	}
}

func (p Program) servePlugin(name string) int {
	for _, plugin := range p.Plugins {
		if plugin.Name == name {
			plugin.Serve()
			return 0
		}
	}
	fmt.Fprintf(p.Stderr, "Error: this executable holds no plugin called %s\n", name)
	return 2
}

// usageError ends the daemon's start with the reference's two lines.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// exitError ends the daemon with a code, when all is said.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// leave says why the daemon did not start and gives the exit code.
func (p Program) leave(err error) int {
	var exit exitError
	if errors.As(err, &exit) {
		return int(exit)
	}
	fmt.Fprintf(p.Stderr, "Error: %v\nFor help, use %s -h\n", err, p.Args[0])
	return 2
}
