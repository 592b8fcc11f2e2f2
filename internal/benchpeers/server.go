package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/plugvisor/plugvisor/internal/loopback"
)

// command is how a server is started, its arguments still to come.
type command struct {
	argv    []string
	env     []string // beside the bench's own
	dialect dialect
}

// dialect is what the daemons do not have in common.
type dialect struct {
	discard   string // a log file that is not kept
	unlimited string // the size of a log that is not rotated
	bare      bool   // no group without programs
	runs      string // what the main log says of a program that runs
}

// supervisors is the dialect of the reference, and ours.
func supervisors() dialect {
	return dialect{discard: "NONE", unlimited: "0", runs: "entered RUNNING state"}
}

// reference says where Supervisor in Python is.
type reference struct{ source, twiddler, python string }

// installed is where Debian's package has its daemon.
const installed = "/usr/bin/supervisord"

// command gives the reference's daemon: that of the source directory, else the
// installed one; no arguments when there is neither.
func (r reference) command() command {
	if r.source == "" {
		if _, err := os.Stat(installed); err != nil || r.python == "" {
			return command{}
		}
		return command{argv: []string{r.python, "-W", "ignore", installed}, dialect: supervisors()}
	}
	path := r.source
	if r.twiddler != "" {
		path += ":" + r.twiddler
	}
	return command{
		argv:    []string{r.python, "-W", "ignore", "-c", "from supervisor.supervisord import main; main()"},
		env:     []string{"PYTHONPATH=" + path},
		dialect: supervisors(),
	}
}

// settings is the configuration of a daemon.
type settings struct {
	programs int    // of one process each, so each a group of its own
	command  string // of each, "" for cat, which waits for input
	running  bool   // start the programs at once; startsecs=0 in any case
	logs     bool   // keep what they write to standard output, see log
	twiddler bool

	extensions  int  // more twiddlers, as x0 and so on
	descriptors int  // minfds, where it is not the usual
	changed     bool // the first program is another than it was
}

// log is the log of the i-th program, where logs are kept.
func (s *server) log(i int) string { return programLog(s.dir, i) }

func programLog(dir string, i int) string { return filepath.Join(dir, fmt.Sprintf("p%d.log", i)) }

func (s settings) write(dir string, tcp endpoint, d dialect) (file string, err error) {
	var b strings.Builder
	fmt.Fprintf(&b, "[unix_http_server]\nfile=%[1]s/s\n[inet_http_server]\nport=%[2]s\n"+
		"[supervisord]\nlogfile=%[1]s/main.log\nlogfile_maxbytes=%[3]s\npidfile=%[1]s/pid\nchildlogdir=%[1]s\nnodaemon=true\nsilent=true\nminfds=%[4]d\n"+
		"[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n", dir, tcp.address, d.unlimited, cmp.Or(s.descriptors, 4096))
	if s.twiddler {
		b.WriteString("[rpcinterface:twiddler]\nsupervisor.rpcinterface_factory = supervisor_twiddler.rpcinterface:make_twiddler_rpcinterface\n")
	}
	for i := range s.extensions {
		fmt.Fprintf(&b, "[rpcinterface:x%d]\nsupervisor.rpcinterface_factory = supervisor_twiddler.rpcinterface:make_twiddler_rpcinterface\n", i)
	}
	if !d.bare {
		b.WriteString("[group:g]\nprograms=\n")
	}
	options := fmt.Sprintf("command=%s\nautostart=%t\nstartsecs=0\nstderr_logfile=%s\n", cmp.Or(s.command, "/bin/cat"), s.running, d.discard)
	for i := range s.programs {
		output := d.discard
		if s.logs {
			output = programLog(dir, i) + "\nautorestart=false\nstdout_logfile_maxbytes=" + d.unlimited
		}
		fmt.Fprintf(&b, "[program:p%d]\n%sstdout_logfile=%s\n", i, options, output)
		if s.changed && i == 0 {
			b.WriteString("priority=5\n")
		}
	}
	file = filepath.Join(dir, "c.conf")
	return file, os.WriteFile(file, []byte(b.String()), 0o600)
}

// server is a running daemon or floor.
type server struct {
	dir       string
	cmd       *exec.Cmd
	exited    chan struct{}
	tcp, unix endpoint
	dialect   dialect
	output    bytes.Buffer
	started   time.Time
}

// startTimeout bounds the wait for what a server does.
const startTimeout = time.Minute

// startDaemon starts a daemon and does not wait for it.
func startDaemon(c command, s settings) (*server, error) {
	server, err := start(func(dir string, tcp endpoint) ([]string, error) {
		file, err := s.write(dir, tcp, c.dialect)
		return append(c.argv[:len(c.argv):len(c.argv)], "-c", file), err
	}, c.env)
	if err == nil {
		server.dialect = c.dialect
	}
	return server, err
}

// startFloor starts one of the floor servers and does not wait for it.
func startFloor(name string) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("cannot find own executable: %w", err)
	}
	return start(func(_ string, tcp endpoint) ([]string, error) { return []string{self, name, tcp.address}, nil }, nil)
}

func start(prepare func(dir string, tcp endpoint) ([]string, error), env []string) (*server, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, fmt.Errorf("cannot make directory: %w", err)
	}
	address, err := loopback.Free(loopback.Host(0))
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	s := &server{dir: dir, tcp: endpoint{"tcp", address}, unix: endpoint{"unix", dir + "/s"}, exited: make(chan struct{})}
	argv, err := prepare(dir, s.tcp)
	if err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("cannot write configuration: %w", err)
	}
	s.cmd = exec.Command(argv[0], argv[1:]...)
	s.cmd.Env = append(os.Environ(), append(env, "TMPDIR="+dir)...)
	s.cmd.Dir = dir
	s.cmd.Stdout, s.cmd.Stderr = &s.output, &s.output
	s.started = time.Now()
	if err := s.cmd.Start(); err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("cannot start %s: %w", argv[0], err)
	}
	go func() { s.cmd.Wait(); close(s.exited) }()
	return s, nil
}

// answered waits for the first answer to a small call and gives the seconds since
// the server was executed.
func (s *server) answered() (float64, error) {
	req := request("supervisor.getState", "")
	for time.Since(s.started) < startTimeout {
		if c, err := dial(s.tcp); err == nil {
			_, err := c.call(req)
			took := time.Since(s.started).Seconds()
			c.Close()
			if err == nil {
				return took, nil
			}
		}
		select {
		case <-s.exited:
			return 0, fmt.Errorf("%s ended: %s", s.cmd.Path, s.output.String())
		case <-time.After(500 * time.Microsecond):
		}
	}
	return 0, fmt.Errorf("%s does not answer", s.cmd.Path)
}

// allRunning waits until the main log says n times that a program is running.
// The log is read, as asking would slow some servers down.
func (s *server) allRunning(n int) error {
	path := filepath.Join(s.dir, "main.log")
	var text []byte
	return s.await("its programs do not all run", func() bool {
		if f, err := os.Open(path); err == nil {
			more := make([]byte, 256<<10)
			if k, _ := f.ReadAt(more, int64(len(text))); k > 0 {
				text = append(text, more[:k]...)
			}
			f.Close()
		}
		return bytes.Count(text, []byte(s.dialect.runs)) >= n
	})
}

// await looks every millisecond whether the server has come to something.
func (s *server) await(otherwise string, done func() bool) error {
	for begin := time.Now(); !done(); {
		if time.Since(begin) > startTimeout {
			return fmt.Errorf("%s: %s", s.cmd.Path, otherwise)
		}
		select {
		case <-s.exited:
			return fmt.Errorf("%s ended: %s", s.cmd.Path, s.output.String())
		case <-time.After(time.Millisecond):
		}
	}
	return nil
}

// call makes one call.
func (s *server) call(method, params string) error {
	c, err := dial(s.tcp)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.call(request(method, params))
	return err
}

// stop ends the server and removes its directory.
func (s *server) stop() {
	s.end()
	os.RemoveAll(s.dir)
}

// end ends the server, by force if need be; one that has ended stays so.
func (s *server) end() {
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(30 * time.Second):
		s.cmd.Process.Kill()
		<-s.exited
	}
}
