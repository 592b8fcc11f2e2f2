package ctl_test

import (
	"bufio"
	"io"
	"net"
	"os/exec"
	"syscall"
	"testing"
)

// An interrupted follower ends its line and exits with 0.
func TestFollowInterrupted(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	newFakeServer(`GET /logtail/cat/stdout -> "follow\n"`).listen(t, l)
	cmd := exec.CommandContext(t.Context(), "supervisorctl", "-s", "http://"+l.Addr().String(), "tail", "-f", "cat")
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out := bufio.NewReader(pipe)
	for _, want := range []string{"==> Press Ctrl-C to exit <==\n", "follow\n"} {
		if got, err := out.ReadString('\n'); got != want {
			t.Fatalf("got %q (%v), want %q", got, err, want)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(out); string(rest) != "\n" || err != nil {
		t.Errorf("after the interrupt: %q, %v", rest, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("exit: %v", err)
	}
}
