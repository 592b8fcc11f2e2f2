package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/plugvisor/plugvisor/core/extension"
)

// actors are those who use the daemon, all at once. Each does one thing at a time,
// with a pause before the next.
func (s *soak) actors() []actor {
	return []actor{
		{s.poll, 20 * time.Millisecond}, {s.poll, 20 * time.Millisecond}, {s.poll, 50 * time.Millisecond},
		{s.control, 200 * time.Millisecond}, {s.control, 400 * time.Millisecond},
		{s.twiddle, 50 * time.Millisecond},
		{s.regroup, 2 * time.Second},
		{s.followLog, 300 * time.Millisecond}, {s.followLog, 300 * time.Millisecond}, {s.followLog, 300 * time.Millisecond},
		{s.killProgram, 300 * time.Millisecond},
		{s.killPlugin, 24 * time.Second},
		{s.reopen, 6 * time.Second},
	}
}

// actor does something again and again; the pauses are pause on average.
type actor struct {
	do    func(context.Context) error
	pause time.Duration
}

// act lets the actors act until ctx ends. An error of one ends the soak.
func (s *soak) act(ctx context.Context) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var wg sync.WaitGroup
	for _, a := range s.actors() {
		wg.Go(func() {
			for {
				select {
				case <-time.After(rand.N(2 * a.pause)):
				case <-ctx.Done():
					return
				}
				if err := a.do(ctx); err != nil && ctx.Err() == nil {
					fail(err)
				}
			}
		})
	}
	wg.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return nil
}

func pick[T any](of []T) T { return of[rand.IntN(len(of))] }

// poll asks what monitoring asks.
func (s *soak) poll(ctx context.Context) error {
	name := pick(s.names)
	switch rand.IntN(8) {
	case 0:
		return s.ask(ctx, "supervisor.getAllProcessInfo")
	case 1:
		return s.ask(ctx, "supervisor.getState")
	case 2:
		return s.ask(ctx, "supervisor.tailProcessStdoutLog", name, 0, 4096)
	case 3:
		return s.ask(ctx, "supervisor.readProcessStderrLog", name, -1000, 0)
	case 4:
		return s.ask(ctx, "twiddler.getGroupNames")
	case 5:
		return s.ask(ctx, "system.listMethods")
	case 6:
		return s.ask(ctx, "supervisor.sendRemoteCommEvent", "soak", "is there anybody")
	default:
		return s.ask(ctx, "supervisor.getProcessInfo", name)
	}
}

// control does what an administrator does. The logs of programs that count are not
// cleared.
func (s *soak) control(ctx context.Context) error {
	name, wait := pick(s.names), rand.IntN(2) == 0
	switch rand.IntN(6) {
	case 0:
		return errors.Join(s.ask(ctx, "supervisor.stopProcess", name, wait), s.ask(ctx, "supervisor.startProcess", name, wait))
	case 1:
		return s.ask(ctx, "supervisor.startProcess", name, wait)
	case 2:
		if slices.Contains(s.counting, name) {
			return nil
		}
		return s.ask(ctx, "supervisor.clearProcessLogs", name)
	case 3:
		return s.ask(ctx, "supervisor.signalProcess", name, "WINCH")
	case 4:
		return s.ask(ctx, "supervisor.sendProcessStdin", fmt.Sprintf("reader%d", rand.IntN(4)), strings.Repeat("a line for the reader\n", 1+rand.IntN(20)))
	default:
		// A listener that broke the protocol stays so until it is started again.
		pool := pick(s.pools)
		listener := fmt.Sprintf("%s:%s%d", pool, pool, rand.IntN(2))
		return errors.Join(s.ask(ctx, "supervisor.stopProcess", listener, true), s.ask(ctx, "supervisor.startProcess", listener, true))
	}
}

// twiddle adds programs through the plugin, starts them and takes them out again.
func (s *soak) twiddle(ctx context.Context) error {
	s.dynamic++
	name := fmt.Sprintf("d%d", s.dynamic%20)
	old := fmt.Sprintf("d%d", (s.dynamic+10)%20)
	return errors.Join(
		s.ask(ctx, "twiddler.addProgramToGroup", "dynamic", name, [][2]string{
			{"command", "/bin/sh -c 'echo dynamic; exec sleep 2'"}, {"startsecs", "0"}, {"autostart", "true"}, {"autorestart", "true"},
			{"stdout_logfile_maxbytes", "10KB"}, {"stdout_logfile_backups", "1"},
		}),
		s.ask(ctx, "supervisor.stopProcess", "dynamic:"+old, true),
		s.ask(ctx, "twiddler.removeProcessFromGroup", "dynamic", old),
	)
}

// groups are those that are taken out and added again.
func (s *soak) groups() []string { return append([]string{"quick0", "flood0", "orphans0"}, s.pools...) }

// regroup takes a group out and adds it again, as update does.
func (s *soak) regroup(ctx context.Context) error {
	group := pick(s.groups())
	return errors.Join(
		s.ask(ctx, "supervisor.stopProcessGroup", group, true),
		s.ask(ctx, "supervisor.removeProcessGroup", group),
		s.ask(ctx, "supervisor.addProcessGroup", group),
	)
}

// followLog follows a log for a while. A program that has not run yet has none.
func (s *soak) followLog(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, rand.N(3*time.Second))
	defer cancel()
	path := "/mainlogtail"
	if rand.IntN(5) > 0 {
		name := pick(s.names)
		if _, err := os.Stat(filepath.Join(s.dir, name+".out")); err != nil {
			return nil
		}
		path = "/logtail/" + name
	}
	if err := s.follow(ctx, path); err != nil && ctx.Err() == nil && !s.leftOut(path) {
		return err
	}
	return nil
}

// leftOut says that a log may be missing: its group is taken out now and then.
func (s *soak) leftOut(path string) bool {
	return strings.HasSuffix(path, "0")
}

// killProgram kills any program but those that count in floods, whose lines would
// be torn. What has not executed its program yet, and so has the daemon's arguments or
// none, may be about to become one.
func (s *soak) killProgram(context.Context) error {
	children, err := childrenOf(s.daemon.Process.Pid)
	if err != nil {
		return err
	}
	for pid := range children { // in no order
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil || len(line) == 0 || strings.Contains(string(line), roleDaemon) ||
			strings.Contains(string(line), roleCounter) || strings.HasPrefix(string(line), extension.BundledArg) {
			continue
		}
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
		return nil
	}
	return nil
}

// killPlugin kills the twiddler.
func (s *soak) killPlugin(context.Context) error {
	pid, err := s.pluginPID()
	if err != nil {
		return err
	}
	if pid != 0 {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	return nil
}

// reopen is what logrotate does.
func (s *soak) reopen(context.Context) error {
	return s.daemon.Process.Signal(syscall.SIGUSR2)
}
