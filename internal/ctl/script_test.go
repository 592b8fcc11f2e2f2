package ctl_test

import (
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"github.com/plugvisor/plugvisor/internal/ctl"
)

var update = flag.Bool("update", false, "rewrite the transcripts from the reference's output")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"supervisorctl": func() {
			if socket := os.Getenv(referenceEnv); socket != "" {
				os.Exit(callReference(socket))
			}
			os.Exit(ctl.Main(os.Args, os.Stdin, os.Stdout, os.Stderr))
		},
	})
}

// TestTranscripts runs the command lines of testdata against a scripted server.
func TestTranscripts(t *testing.T) {
	for _, dir := range []string{"testdata/compat", "testdata/own"} {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			testscript.Run(t, params(t, dir))
		})
	}
}

// TestReferenceTranscripts runs the same command lines with Supervisor's own
// supervisorctl: what the transcripts say is what it does.
func TestReferenceTranscripts(t *testing.T) {
	socket := startReference(t)
	p := params(t, "testdata/compat")
	p.UpdateScripts = *update
	setup := p.Setup
	p.Setup = func(e *testscript.Env) error {
		e.Setenv(referenceEnv, socket)
		return setup(e)
	}
	testscript.Run(t, p)
}

// nobodys gives an address at which nobody listens, nor will before fd is closed.
func nobodys() (fd int, address string, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, "", err
	}
	err = unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	var sa unix.Sockaddr
	if err == nil {
		sa, err = unix.Getsockname(fd)
	}
	if err != nil {
		unix.Close(fd)
		return -1, "", err
	}
	return fd, fmt.Sprintf("127.0.0.1:%d", sa.(*unix.SockaddrInet4).Port), nil
}

type serverKey struct{}

// params adds to testscript's commands:
//
//	serve FILE      start a server with the table of FILE; it is at $URL (unix) and $TCP
//	calls FILE      compare the calls made since with FILE, and forget them
//	code N COMMAND  run a program and expect the exit code N
func params(t *testing.T, dir string) testscript.Params {
	return testscript.Params{
		Dir: dir,
		Setup: func(e *testscript.Env) error {
			// Socket paths must be short, so not below the script's directory.
			dir, err := os.MkdirTemp("", "ctl")
			if err != nil {
				return err
			}
			e.Defer(func() { os.RemoveAll(dir) })
			e.Setenv("URL", "unix://"+dir+"/s")
			e.Setenv("LANG", "C.UTF-8")
			e.Setenv("TZ", "UTC")
			nobody, address, err := nobodys()
			if err != nil {
				return err
			}
			e.Defer(func() { unix.Close(nobody) })
			e.Setenv("NOBODY", "http://"+address)
			e.Values[serverKey{}] = new(*fakeServer)
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"serve": func(ts *testscript.TestScript, _ bool, args []string) {
				f := newFakeServer(ts.ReadFile(args[0]))
				*ts.Value(serverKey{}).(**fakeServer) = f
				path := strings.TrimPrefix(ts.Getenv("URL"), "unix://")
				os.Remove(path)
				local, err := net.Listen("unix", path)
				ts.Check(err)
				tcp, err := net.Listen("tcp", "127.0.0.1:0")
				ts.Check(err)
				f.listen(t, local)
				f.listen(t, tcp)
				ts.Setenv("TCP", "http://"+tcp.Addr().String())
			},
			"calls": func(ts *testscript.TestScript, _ bool, args []string) {
				f := *ts.Value(serverKey{}).(**fakeServer)
				if got, want := f.log(), ts.ReadFile(args[0]); got != want {
					ts.Fatalf("calls:\n%swant:\n%s", got, want)
				}
				f.mu.Lock()
				f.calls = nil
				f.mu.Unlock()
			},
			"code": func(ts *testscript.TestScript, _ bool, args []string) {
				err := ts.Exec(args[1], args[2:]...)
				code := "0"
				if exit, ok := err.(*exec.ExitError); ok {
					code = exit.ProcessState.String()[len("exit status "):]
				} else {
					ts.Check(err)
				}
				if code != args[0] {
					ts.Fatalf("exit code %s, want %s", code, args[0])
				}
			},
		},
	}
}
