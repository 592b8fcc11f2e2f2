package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/plugvisor/plugvisor/internal/loopback"
)

// patience is how long a test waits for what should come at once, and longest how
// long a program may run that it starts beside the daemon.
const (
	patience = 30 * time.Second
	longest  = 2 * time.Minute
)

// site is the place of one daemon: its configuration file, and a directory that is
// its working directory and its TMPDIR. The path is short, as socket paths must
// be.
type site struct {
	t    *testing.T
	dir  string
	conf string
	sock string // of its unix server
	addr string // of its inet server, on a loopback address that no other site has
	ctl  *client
	bin  string // the directory of the executables
	// daemons are the streams of those that were started, to be shown when the test
	// fails.
	daemons []*lines
}

// basics are the sections that nearly every test wants. Those of the test come
// after them, and may set more in the same sections.
const basics = `
[unix_http_server]
file=%%(here)s/s.sock

[inet_http_server]
port=%s

[supervisord]
logfile=%%(here)s/supervisord.log
pidfile=%%(here)s/supervisord.pid
childlogdir=%%(here)s

[supervisorctl]
serverurl=unix://%%(here)s/s.sock

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

`

// twiddler is a section of the plugin under its Python name.
const twiddler = `
[rpcinterface:twiddler]
supervisor.rpcinterface_factory = supervisor_twiddler.rpcinterface:make_twiddler_rpcinterface

`

// probeSection is a section of the tests' plugin.
func probeSection(t *testing.T, behaviour, more string) string {
	t.Helper()
	return fmt.Sprintf("\n[rpcinterface:probe]\nsupervisor.rpcinterface_factory = %s %s %s\n%s\n", self(t), pluginArg, behaviour, more)
}

// newSite makes a site whose configuration file is the basics and body. When the
// test is over, nothing of its daemons may be left.
func newSite(t *testing.T, body string) *site {
	t.Helper()
	s := newBareSite(t)
	s.write(fmt.Sprintf(basics, s.addr) + body)
	return s
}

var sites atomic.Uint32

func newBareSite(t *testing.T) *site {
	t.Helper()
	bin, err := executables()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("/tmp", "pv")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil { // for programs of other users
		t.Fatal(err)
	}
	s := &site{t: t, dir: dir, conf: filepath.Join(dir, "supervisord.conf"), sock: filepath.Join(dir, "s.sock"), bin: bin}
	s.addr = freeAddress(t)
	s.ctl = newClient(s.sock)
	t.Cleanup(func() {
		s.checkNothingLeft()
		if t.Failed() {
			s.show()
		}
		os.RemoveAll(dir)
	})
	return s
}

// freeAddress gives a loopback address that is this test's alone.
func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := loopback.Free(loopback.Host(sites.Add(1)))
	if err != nil {
		t.Fatal(err)
	}
	return address
}

func (s *site) write(conf string) {
	s.t.Helper()
	if err := os.WriteFile(s.conf, []byte(conf), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

func (s *site) read(name string) string {
	s.t.Helper()
	data, err := os.ReadFile(s.path(name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(data)
}

// show shows what the daemons wrote: those in the foreground to their standard
// streams, one in the background to its log.
func (s *site) show() {
	for _, l := range s.daemons {
		s.t.Logf("output of the daemon:\n%s", strings.Join(l.snapshot(), "\n"))
	}
	if data, err := os.ReadFile(s.path("supervisord.log")); err == nil && len(s.daemons) == 0 {
		s.t.Logf("supervisord.log:\n%s", data)
	}
}

// command is a program to be run at the site. It is killed if it takes too long.
func (s *site) command(program string, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), longest)
	s.t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = s.dir
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "TMPDIR=") || strings.HasPrefix(v, "SUPERVISOR_")
	}), "TMPDIR="+s.dir)
	return cmd
}

// run runs a program to its end and gives all that it wrote.
func (s *site) run(program string, args ...string) (output string, code int) {
	s.t.Helper()
	cmd := s.command(program, args...)
	cmd.WaitDelay = patience
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatalf("cannot run %s: %v\n%s", program, err, out)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// supervisord is the path of the executable.
func (s *site) supervisord() string { return filepath.Join(s.bin, "supervisord") }

// daemon is a supervisord in the foreground.
type daemon struct {
	*site
	cmd  *exec.Cmd
	pid  int
	log  *lines        // what it has written to its standard streams
	done chan struct{} // closed when it has ended
}

// startDaemon makes a site and starts its daemon.
func startDaemon(t *testing.T, body string) *daemon {
	t.Helper()
	return newSite(t, body).start()
}

// start starts the daemon and returns when it answers. If the test does not end
// it, it is ended in the end by SIGTERM, and must exit with 0.
func (s *site) start(args ...string) *daemon {
	s.t.Helper()
	d := s.launch(args...)
	d.wait("supervisord started with pid")
	return d
}

// launch starts the daemon and does not wait for it.
func (s *site) launch(args ...string) *daemon {
	s.t.Helper()
	d := &daemon{site: s, log: newLines(), done: make(chan struct{})}
	d.cmd = exec.Command(s.supervisord(), append([]string{"-n", "-c", s.conf}, args...)...)
	as := s.command("")
	d.cmd.Dir, d.cmd.Env = as.Dir, as.Env
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	d.cmd.Stderr = d.cmd.Stdout
	if err := d.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	d.pid = d.cmd.Process.Pid
	s.daemons = append(s.daemons, d.log)
	go func() {
		d.log.fill(out)
		d.cmd.Wait()
		close(d.done)
	}()
	s.t.Cleanup(func() {
		select {
		case <-d.done:
		default:
			d.signal(syscall.SIGTERM)
			d.exit(0)
		}
	})
	return d
}

func (d *daemon) signal(sig syscall.Signal) {
	d.t.Helper()
	if err := d.cmd.Process.Signal(sig); err != nil {
		d.t.Errorf("cannot send %v: %v", sig, err)
	}
}

// exit waits for the daemon's end, which must come by itself with this code; -1
// stands for a death by signal.
func (d *daemon) exit(code int) {
	d.t.Helper()
	select {
	case <-d.done:
	case <-time.After(patience):
		d.cmd.Process.Kill()
		<-d.done
		d.t.Errorf("the daemon did not end within %v", patience)
		return
	}
	if got := d.cmd.ProcessState.ExitCode(); got != code {
		d.t.Errorf("the daemon's exit code is %d, want %d", got, code)
	}
}

// wait waits for a line of the log that has the text.
func (d *daemon) wait(text string) { d.t.Helper(); d.waitFrom(0, text) }

// waitFrom is wait for the lines from the n-th on; it gives the number of the line
// after the one found.
func (d *daemon) waitFrom(n int, text string) int {
	d.t.Helper()
	i, ok := d.log.find(n, text)
	if !ok {
		d.t.Fatalf("no line with %q in the daemon's output", text)
	}
	return i + 1
}

// lines are the lines of a stream, as they come.
type lines struct {
	mu   sync.Mutex
	all  []string
	more chan struct{} // closed when there is another, or the end
	end  bool
}

func newLines() *lines { return &lines{more: make(chan struct{})} }

// fill reads a stream to its end.
func (l *lines) fill(r io.Reader) {
	add := func(line string, end bool) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.end = end; !end {
			l.all = append(l.all, line)
		}
		close(l.more)
		l.more = make(chan struct{})
	}
	for b := bufio.NewReader(r); ; {
		line, err := b.ReadString('\n')
		if line != "" {
			add(strings.TrimSuffix(line, "\n"), false)
		}
		if err != nil {
			add("", true)
			return
		}
	}
}

// find gives the index of the first line from the n-th on that has the text. It
// waits for one, until the stream's end.
func (l *lines) find(n int, text string) (int, bool) {
	timeout := time.After(patience)
	for {
		l.mu.Lock()
		all, more, end := l.all, l.more, l.end
		l.mu.Unlock()
		for ; n < len(all); n++ {
			if strings.Contains(all[n], text) {
				return n, true
			}
		}
		if end {
			return 0, false
		}
		select {
		case <-more:
		case <-timeout:
			return 0, false
		}
	}
}

func (l *lines) count() int { return len(l.snapshot()) }

func (l *lines) snapshot() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all
}
