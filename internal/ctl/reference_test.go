package ctl_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// referenceEnv names the socket of the reference: a supervisorctl that finds it
// in its environment runs the reference instead of itself.
const referenceEnv = "CTL_REFERENCE"

// startReference starts Supervisor's own supervisorctl, which takes command lines
// on a socket: a Python for each would take longer than all the rest.
func startReference(t *testing.T) (socket string) {
	need(t, "/usr/bin/supervisorctl")
	dir, err := os.MkdirTemp("", "ctl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket = filepath.Join(dir, "s")
	cmd := exec.CommandContext(t.Context(), "/usr/bin/python3", "testdata/reference.py", socket)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Wait() })
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("the reference does not start: %q, %v", line, err)
	}
	return socket
}

// callReference hands this process's command line and streams to the reference,
// and gives its exit code.
func callReference(socket string) int {
	code, err := func() (int, error) {
		conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: socket, Net: "unix"})
		if err != nil {
			return 0, err
		}
		defer conn.Close()
		dir, err := os.Getwd()
		if err != nil {
			return 0, err
		}
		env := map[string]string{}
		for _, e := range os.Environ() {
			name, value, _ := strings.Cut(e, "=")
			env[name] = value
		}
		call, err := json.Marshal(map[string]any{"args": os.Args[1:], "dir": dir, "env": env})
		if err != nil {
			return 0, err
		}
		if _, _, err := conn.WriteMsgUnix(call, syscall.UnixRights(0, 1, 2), nil); err != nil {
			return 0, err
		}
		var code [1]byte
		if _, err := conn.Read(code[:]); err != nil {
			return 0, err
		}
		return int(code[0]), nil
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, "cannot run the reference:", err)
		return 99
	}
	return code
}

// need skips a test that lacks an outside program, or fails it where nothing may
// be skipped.
func need(t *testing.T, path string) {
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("PLUGVISOR_REQUIRE") == "all" {
			t.Fatalf("%s is required", path)
		}
		t.Skipf("%s is not installed", path)
	}
}
