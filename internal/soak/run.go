package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/plugvisor/plugvisor/core/extension"
	"github.com/plugvisor/plugvisor/internal/loopback"
)

// plan says how long to run.
type plan struct {
	duration time.Duration
	keep     bool // the directory
}

// first is when the daemon is measured for the first time: when all that there is to
// do was done a few times, also on a busy machine, for what that leaves is no leak.
// enough is how many exits the soak is worth something with.
func (p plan) first() time.Duration { return max(p.duration/10, min(p.duration/2, 7*time.Second)) }
func (p plan) enough() int          { return int(p.duration.Minutes() * 1000) }

// soak is one run.
type soak struct {
	plan
	*client
	out     io.Writer
	dir     string
	address string
	exe     string
	// names are the programs, counting those of them whose lines are counted, pools
	// the listeners.
	names, counting, pools []string
	dynamic                int // programs added by the plugin so far

	daemon *exec.Cmd
	exited chan struct{}
	begun  time.Time
}

// run soaks and says whether all is well.
func run(ctx context.Context, out io.Writer, p plan) (ok bool, err error) {
	s := &soak{plan: p, out: out, exited: make(chan struct{})}
	if s.exe, err = os.Executable(); err != nil {
		return false, fmt.Errorf("cannot find own executable: %w", err)
	}
	if s.dir, err = os.MkdirTemp("", "soak"); err != nil {
		return false, fmt.Errorf("cannot make directory: %w", err)
	}
	defer func() {
		if p.keep || !ok {
			fmt.Fprintln(out, "kept:", s.dir)
			return
		}
		os.RemoveAll(s.dir)
	}()
	if err := s.start(); err != nil {
		return false, err
	}
	defer s.stop()
	return s.soak(ctx)
}

func (s *soak) start() error {
	var err error
	if s.address, err = loopback.Free(loopback.Host(0)); err != nil {
		return err
	}
	s.client = newClient(s.address)
	if err := errors.Join(os.Mkdir(filepath.Join(s.dir, "auto"), 0o700), s.write()); err != nil {
		return fmt.Errorf("cannot write configuration: %w", err)
	}
	s.daemon = exec.Command(s.exe, roleDaemon, "-c", filepath.Join(s.dir, "c.conf"))
	s.daemon.Env = append(os.Environ(), "TMPDIR="+s.dir)
	output, err := os.Create(s.stderr())
	if err != nil {
		return fmt.Errorf("cannot make file: %w", err)
	}
	defer output.Close()
	s.daemon.Stdout, s.daemon.Stderr = output, output
	s.begun = time.Now()
	if err := s.daemon.Start(); err != nil {
		return fmt.Errorf("cannot start daemon: %w", err)
	}
	go func() { s.daemon.Wait(); close(s.exited) }()
	return nil
}

// stderr is where the daemon's own output goes.
func (s *soak) stderr() string { return filepath.Join(s.dir, "daemon.err") }

// ended is the error of a daemon that ended by itself.
func (s *soak) ended() error {
	text, _ := os.ReadFile(s.stderr())
	return fmt.Errorf("the daemon has ended: %v\n%s", s.daemon.ProcessState, text)
}

func (s *soak) stop() {
	s.http.CloseIdleConnections()
	s.daemon.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(time.Minute):
		fmt.Fprintln(s.out, "the daemon does not end; it is killed")
		s.daemon.Process.Kill()
		<-s.exited
	}
}

// soak is the run with a daemon that has started.
func (s *soak) soak(ctx context.Context) (ok bool, err error) {
	if err := s.until(ctx, "the daemon does not answer", func() (bool, error) {
		_, err := s.call(ctx, "supervisor.getState")
		return err == nil, nil
	}); err != nil {
		return false, err
	}
	if err := s.busy(ctx, s.first()); err != nil {
		return false, err
	}
	before, err := s.rest(ctx)
	if err != nil {
		return false, err
	}
	if err := s.busy(ctx, s.duration-s.first()); err != nil {
		return false, err
	}
	after, err := s.rest(ctx)
	if err != nil {
		return false, err
	}
	return s.judge(before, after)
}

// busy lets everybody act for a time, and tells how it goes.
func (s *soak) busy(ctx context.Context, span time.Duration) error {
	for _, group := range s.groups() {
		if err := s.ask(ctx, "supervisor.addProcessGroup", group); err != nil {
			return err
		}
	}
	if err := s.ask(ctx, "supervisor.startAllProcesses", false); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, span)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.act(ctx) }()
	progress := time.NewTicker(5 * time.Second)
	defer progress.Stop()
	for {
		select {
		case <-progress.C:
			s.progress()
		case <-s.exited:
			return s.ended()
		case err := <-ended:
			return err
		}
	}
}

func (s *soak) progress() {
	pid := s.daemon.Process.Pid
	now, err := measure(s.dir, pid, askNow)
	if err != nil {
		fmt.Fprintln(s.out, err)
		return
	}
	exits, _ := s.exits()
	fmt.Fprintf(s.out, "%6v %7d exits %8d calls %6d faults %5d descriptors %5d goroutines %5.1f MiB heap %5.1f MiB private, load %s\n",
		time.Since(s.begun).Round(time.Second), exits, s.calls.Load(), s.faults.Load(), now.files, now.goroutines,
		mib(now.heap), mib(now.anonymous), loadAverage())
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "?"
	}
	average, _, _ := strings.Cut(string(text), " ")
	return average
}

// exits is how often a process has ended, as the main log says.
func (s *soak) exits() (int, error) { return s.count(" exited: ", " stopped: ") }

// count is how many lines of the main log have one of some words.
func (s *soak) count(words ...string) (n int, err error) {
	err = eachLine([]string{filepath.Join(s.dir, "main.log")}, func(line string) {
		if slices.ContainsFunc(words, func(word string) bool { return strings.Contains(line, word) }) {
			n++
		}
	})
	return n, err
}

// pluginPID gives the twiddler's process, 0 while there is none.
func (s *soak) pluginPID() (int, error) {
	children, err := childrenOf(s.daemon.Process.Pid)
	for pid := range children {
		if line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && strings.HasPrefix(string(line), extension.BundledArg) {
			return pid, nil
		}
	}
	return 0, err
}

// restful is a daemon and its plugin at rest.
type restful struct {
	daemon, plugin stats
	zombies        int
	sockets        int // files and directories for sockets of plugins
}

// restTimeout bounds the wait for rest, settled is how long the numbers must stay.
const (
	restTimeout = time.Minute
	settled     = time.Second
)

// rest stops all programs and measures the daemon when nothing happens any more.
func (s *soak) rest(ctx context.Context) (r restful, err error) {
	if err := s.stopPrograms(ctx); err != nil {
		return r, err
	}
	var plugin int
	if err := s.until(ctx, "the plugin does not come back", func() (bool, error) {
		if _, err := s.call(ctx, "twiddler.getAPIVersion"); err != nil {
			return false, nil
		}
		plugin, err = s.pluginPID()
		return plugin != 0, err
	}); err != nil {
		return r, err
	}
	s.http.CloseIdleConnections()
	var last stats
	since := time.Now()
	err = s.until(ctx, "the daemon does not come to rest", func() (bool, error) {
		if r.daemon, err = measure(s.dir, s.daemon.Process.Pid, askRest); err != nil {
			return false, err
		}
		if r.daemon.files != last.files || r.daemon.goroutines != last.goroutines {
			last, since = r.daemon, time.Now()
		}
		return time.Since(since) > settled, nil
	})
	if err != nil {
		return r, err
	}
	if r.plugin, err = measure(s.dir, plugin, askRest); err != nil {
		return r, err
	}
	children, err := childrenOf(s.daemon.Process.Pid)
	for _, state := range children {
		if state == 'Z' {
			r.zombies++
		}
	}
	if err != nil {
		return r, err
	}
	err = filepath.WalkDir(s.dir, func(path string, _ fs.DirEntry, err error) error {
		if strings.Contains(path, "/plugvisor-") {
			r.sockets++
		}
		return err
	})
	return r, err
}

// stopPrograms stops all programs and takes out the listeners and what the plugin
// has added. A program that has exited is started again unless it is stopped while
// it runs, and a listener with events in its buffer may run for a moment only; so it
// is over when none was started for longer than restarts are apart.
func (s *soak) stopPrograms(ctx context.Context) error {
	const apart = 2 * time.Second
	since, last := time.Now(), -1
	if err := s.until(ctx, "the programs do not stop", func() (bool, error) {
		if err := s.ask(ctx, "supervisor.stopAllProcesses", true); err != nil {
			return false, err
		}
		for _, pool := range s.pools {
			if err := s.ask(ctx, "supervisor.removeProcessGroup", pool); err != nil {
				return false, err
			}
		}
		starts, err := s.count("INFO spawned: ")
		if starts != last {
			since, last = time.Now(), starts
		}
		return time.Since(since) > apart, err
	}); err != nil {
		return err
	}
	for i := range 20 {
		if err := s.ask(ctx, "twiddler.removeProcessFromGroup", "dynamic", fmt.Sprintf("d%d", i)); err != nil {
			return err
		}
	}
	return nil
}

// until waits until something is so.
func (s *soak) until(ctx context.Context, otherwise string, done func() (bool, error)) error {
	for begin := time.Now(); ; {
		if ok, err := done(); ok || err != nil {
			return err
		}
		if time.Since(begin) > restTimeout {
			return errors.New(otherwise)
		}
		select {
		case <-s.exited:
			return fmt.Errorf("%s: %w", otherwise, s.ended())
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}
