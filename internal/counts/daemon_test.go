package counts

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// started is a running daemon with a plugin.
type started struct {
	dir         string
	pid, plugin int
	client      http.Client
}

// patience is ten times what anything here needs.
const patience = 30 * time.Second

// start runs a daemon with programs, of which p0 has a log, until the test's end.
func start(t *testing.T, programs int, autostart bool) *started {
	t.Helper()
	dir, err := os.MkdirTemp("", "counts") // the tests' own have too long names for sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &started{dir: dir}
	s.client.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(dir, "s"))
	}}
	var b strings.Builder
	fmt.Fprintf(&b, `[unix_http_server]
file=%[1]s/s
[supervisord]
logfile=%[1]s/main.log
pidfile=%[1]s/pid
childlogdir=%[1]s
nodaemon=true
silent=true
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[rpcinterface:twiddler]
supervisor.rpcinterface_factory = supervisor_twiddler.rpcinterface:make_twiddler_rpcinterface
[group:g]
programs=
`, dir)
	for i := range programs {
		output := "NONE"
		if i == 0 {
			output = filepath.Join(dir, "p0.log")
		}
		fmt.Fprintf(&b, "[program:p%d]\ncommand=/bin/cat\nautostart=%t\nstartsecs=0\nstdout_logfile=%s\nstderr_logfile=NONE\n", i, autostart, output)
	}
	write(t, filepath.Join(dir, "c.conf"), b.String())
	write(t, filepath.Join(dir, "p0.log"), strings.Repeat("a line of a log that is read again and again\n", 2000))

	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd := exec.Command(self, roleDaemon, "-c", filepath.Join(dir, "c.conf"))
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &out
	cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() { cmd.Wait(); close(exited) }()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-exited:
		case <-time.After(patience):
			cmd.Process.Kill()
			<-exited
		}
		if t.Failed() {
			t.Logf("daemon: %s", out.String())
		}
	})
	s.pid = cmd.Process.Pid
	s.await(t, "an answer", func() bool {
		_, err := s.call("supervisor.getState", "")
		return err == nil
	})
	tellers, err := filepath.Glob(filepath.Join(dir, "*.a"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range tellers {
		if pid, err := strconv.Atoi(strings.TrimSuffix(filepath.Base(path), ".a")); err == nil && pid != s.pid {
			s.plugin = pid
		}
	}
	if s.plugin == 0 || len(tellers) != 2 {
		t.Fatalf("%d processes tell their allocations, want 2", len(tellers))
	}
	return s
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// await asks every few milliseconds.
func (s *started) await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for begin := time.Now(); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Since(begin) > patience {
			t.Fatalf("no %s after %v", what, patience)
		}
	}
}

// call makes one call on a kept connection and gives the body of the answer; a
// fault is an error.
func (s *started) call(method, params string) (string, error) {
	body := "<?xml version='1.0'?>\n<methodCall>\n<methodName>" + method + "</methodName>\n<params>\n" + params + "</params>\n</methodCall>\n"
	resp, err := s.client.Post("http://localhost/RPC2", "text/xml", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || bytes.Contains(text, []byte("<fault>"))) {
		err = fmt.Errorf("%s: %s: %s", method, resp.Status, text)
	}
	return string(text), err
}

func param(value string) string { return "<param><value>" + value + "</value></param>\n" }
func str(s string) string       { return param("<string>" + s + "</string>") }

// work is a call that is counted.
type work struct {
	name    string
	method  string
	params  func(i int) string // of the i-th call
	plugged bool               // the plugin has a part in it
}

func works() []work {
	fixed := func(params string) func(int) string { return func(int) string { return params } }
	member := func(name, value string) string {
		return "<member><name>" + name + "</name><value><string>" + value + "</string></value></member>"
	}
	options := param("<struct>" + member("command", "/bin/cat") + member("autostart", "false") +
		member("stdout_logfile", "NONE") + member("stderr_logfile", "NONE") + "</struct>")
	return []work{
		{"getState", "supervisor.getState", fixed(""), false},
		{"getAllProcessInfo of 100", "supervisor.getAllProcessInfo", fixed(""), false},
		{"readProcessStdoutLog of 16 KiB", "supervisor.readProcessStdoutLog", fixed(str("p0") + param("<int>0</int>") + param("<int>16384</int>")), false},
		{"twiddler.getAPIVersion", "twiddler.getAPIVersion", fixed(""), true},
		{"twiddler.getGroupNames", "twiddler.getGroupNames", fixed(""), true},
		{"twiddler.addProgramToGroup", "twiddler.addProgramToGroup",
			func(i int) string { return str("g") + str(fmt.Sprintf("added%06d", i)) + options }, true},
	}
}
