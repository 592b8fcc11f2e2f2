package browsertest

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/kolo/xmlrpc"

	"github.com/plugvisor/plugvisor/internal/loopback"
)

// patience is how long a test waits for what should come at once.
const patience = 30 * time.Second

// elsewhereAddress is the loopback address that the host elsewhere leads to.
const elsewhereAddress = "127.99.99.99"

// daemon is a supervisord of a test's own.
type daemon struct {
	t    *testing.T
	dir  string
	addr string
	rpc  *xmlrpc.Client
	cmd  *exec.Cmd
}

var daemons atomic.Uint32

// start starts a daemon on a loopback address of its own, and processes. server has
// more lines for its [inet_http_server].
func start(t *testing.T, server, programs string, processes ...string) *daemon {
	t.Helper()
	return startAt(t, loopback.Host(daemons.Add(1)), server, programs, processes...)
}

func startAt(t *testing.T, host, server, programs string, processes ...string) *daemon {
	t.Helper()
	path, err := executable()
	if err != nil {
		t.Fatal(err)
	}
	address, err := loopback.Free(host)
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{t: t, dir: t.TempDir(), addr: address}
	conf := fmt.Sprintf(`[supervisord]
logfile=%%(here)s/supervisord.log
pidfile=%%(here)s/supervisord.pid
childlogdir=%%(here)s
identifier=browsertest
[inet_http_server]
port=%s
%s
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[rpcinterface:twiddler]
supervisor.rpcinterface_factory = supervisor_twiddler.rpcinterface:make_twiddler_rpcinterface
%s`, d.addr, server, programs)
	if err := os.WriteFile(filepath.Join(d.dir, "supervisord.conf"), []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	d.cmd = exec.Command(path, "-n", "-c", "supervisord.conf")
	d.cmd.Dir = d.dir
	d.cmd.Env = append(os.Environ(), "TMPDIR="+d.dir)
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	d.cmd.Stderr = d.cmd.Stdout
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.stop)
	d.awaitStart(out)
	d.rpc = d.client("")
	d.start(processes...)
	return d
}

// awaitStart reads the daemon's output until it says that it answers.
func (d *daemon) awaitStart(out io.Reader) {
	d.t.Helper()
	started := make(chan string, 1)
	go func() {
		var said strings.Builder
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			fmt.Fprintln(&said, lines.Text())
			if strings.Contains(lines.Text(), "supervisord started with pid") {
				started <- ""
				_, _ = io.Copy(io.Discard, out)
				return
			}
		}
		started <- said.String()
	}()
	select {
	case said := <-started:
		if said != "" {
			d.t.Fatalf("supervisord did not start:\n%s", said)
		}
	case <-time.After(patience):
		d.t.Fatal("supervisord says nothing")
	}
}

func (d *daemon) stop() {
	_ = d.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	kill := time.AfterFunc(patience, func() { _ = d.cmd.Process.Kill() })
	defer kill.Stop()
	_ = d.cmd.Wait() // how it ends is not what these tests are about
}

// url is the address of a page; login is "" or "user:password@".
func (d *daemon) url(login, path string) string { return "http://" + login + d.addr + path }

func (d *daemon) client(login string) *xmlrpc.Client {
	d.t.Helper()
	c, err := xmlrpc.NewClient(d.url(login, "/RPC2"), nil)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { c.Close() })
	return c
}

// call calls a method that must succeed.
func (d *daemon) call(method string, args ...any) {
	d.t.Helper()
	var result any
	if err := d.rpc.Call(method, args, &result); err != nil {
		d.t.Fatalf("%s%v: %v", method, args, err)
	}
}

// start starts processes, and returns when they run.
func (d *daemon) start(processes ...string) {
	d.t.Helper()
	for _, name := range processes {
		d.call("supervisor.startProcess", name)
	}
}

// info is what the daemon says of a process.
type info struct {
	State string `xmlrpc:"statename"`
	PID   int    `xmlrpc:"pid"`
}

func (d *daemon) info(name string) (i info) {
	d.t.Helper()
	if err := d.rpc.Call("supervisor.getProcessInfo", name, &i); err != nil {
		d.t.Fatalf("getProcessInfo(%s): %v", name, err)
	}
	return i
}

// wantStates compares the daemon's states of processes, written "name STATE".
func (d *daemon) wantStates(want ...string) {
	d.t.Helper()
	for _, w := range want {
		name, state, _ := strings.Cut(w, " ")
		if got := d.info(name).State; got != state {
			d.t.Errorf("%s is %s in the daemon, want %s", name, got, state)
		}
	}
}

func (d *daemon) read(name string) string {
	d.t.Helper()
	data, err := os.ReadFile(filepath.Join(d.dir, name))
	if err != nil {
		d.t.Fatal(err)
	}
	return string(data)
}

// write appends to a log, as the daemon does.
func (d *daemon) write(name, text string) {
	d.t.Helper()
	file, err := os.OpenFile(filepath.Join(d.dir, name), os.O_WRONLY|os.O_APPEND, 0)
	if err == nil {
		_, err = file.WriteString(text)
	}
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		d.t.Fatal(err)
	}
}
