package e2e

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// tail is a log that is being followed.
type tail struct {
	t     *testing.T
	lines *lines
	leave context.CancelFunc
}

// follow asks for a tail.
func (d *daemon) follow(path string) *tail {
	d.t.Helper()
	ctx, cancel := context.WithCancel(d.t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", "http://"+d.addr+path, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || answer.StatusCode != http.StatusOK {
		d.t.Fatalf("%s: %v, %v", path, answer, err)
	}
	f := &tail{t: d.t, lines: newLines(), leave: cancel}
	go func() {
		defer answer.Body.Close()
		f.lines.fill(bufio.NewReader(answer.Body))
	}()
	d.t.Cleanup(cancel)
	return f
}

func (f *tail) expect(text string) {
	f.t.Helper()
	if _, ok := f.lines.find(0, text); !ok {
		f.t.Fatalf("no %q in the tail: %q", text, f.lines.snapshot())
	}
}

// inDescriptors counts the daemon's descriptors that lead to something.
func (d *daemon) inDescriptors(what string) (n int) {
	dir := fmt.Sprintf("/proc/%d/fd/", d.pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, e := range entries {
		if to, err := os.Readlink(dir + e.Name()); err == nil && strings.Contains(to, what) {
			n++
		}
	}
	return n
}

// Tails go on when a log is rotated, cleared, or moved away and reopened, lose no line,
// and cost nothing any more when the client has left.
func TestTails(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, program("cat", "/bin/cat", "stdout_logfile=%(here)s/cat.log", "stdout_logfile_maxbytes=50", "stdout_logfile_backups=3"))
	answer[bool](d.site, "supervisor.startProcess", "cat")
	log, main := d.follow("/logtail/cat"), d.follow("/mainlogtail")
	main.expect("spawned: 'cat'")
	n := 0
	write := func(lines int) {
		t.Helper()
		for range lines {
			n++
			answer[bool](d.site, "supervisor.sendProcessStdin", "cat", fmt.Sprintf("line %d of some length\n", n))
			log.expect(fmt.Sprintf("line %d of ", n))
		}
	}
	write(20) // each third fills the file
	if !exists(d.path("cat.log.1")) {
		t.Error("the log was not rotated")
	}
	answer[bool](d.site, "supervisor.clearProcessLogs", "cat")
	write(5)
	if err := os.Rename(d.path("cat.log"), d.path("moved")); err != nil {
		t.Fatal(err)
	}
	write(1) // into the file that was moved
	d.signal(syscall.SIGUSR2)
	main.expect("received SIGUSR2")
	d.awaitFile("cat.log")
	write(5)
	for i, line := range log.lines.snapshot() {
		if want := fmt.Sprintf("line %d of some length", i+1); line != want {
			t.Fatalf("line %d of the tail is %q: %q", i+1, line, log.lines.snapshot())
		}
	}
	if n := d.inDescriptors("inotify"); n != 1 {
		t.Errorf("two tails have %d inotify instances", n)
	}
	log.leave()
	main.leave()
	for end := time.Now().Add(patience); d.inDescriptors("inotify") > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the daemon does not notice that its clients have left")
		}
	}
}
