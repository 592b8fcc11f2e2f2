package logfile

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// openCountedFile opens a log that can be moved to, and a pipe to move from.
func openCountedFile(t *testing.T, path string, maxBytes, backups int64, w *Writers) *File {
	t.Helper()
	f, err := openCounted(path, maxBytes, backups, func(err error) { t.Errorf("report: %v", err) }, w)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// moveText moves text through a pipe. It answers how much of it was moved.
func moveText(t *testing.T, f *File, text string) (int, error) {
	t.Helper()
	r, w := pipe(t)
	defer r.Close()
	if text != "" {
		send(t, w, text)
	}
	var n int
	var err error
	if failure := withFD(r, func(fd uintptr) error { n, err = f.moveFrom(fd); return nil }); failure != nil {
		t.Fatal(failure)
	}
	return n, err
}

func TestMove(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte("old "), 0o600); err != nil {
		t.Fatal(err)
	}
	f := openCountedFile(t, path, 20, 2, new(Writers))
	for _, text := range []string{"one ", "two "} {
		if n, err := moveText(t, f, text); n != len(text) || err != nil {
			t.Fatalf("moved %d: %v", n, err)
		}
		write(t, f, "and ")
	}
	if got := contents(t, path); got != "" {
		t.Errorf("log %q after it was full", got)
	}
	if got := contents(t, path+".1"); got != "old one and two and " {
		t.Errorf("backup %q", got)
	}
	if n, err := moveText(t, f, "this is more than twenty bytes"); n != 30 || err != nil {
		t.Errorf("moved %d: %v", n, err)
	}
	if got := contents(t, path+".1"); got != "this is more than twenty bytes" {
		t.Errorf("backup %q after a move", got)
	}
	if n, err := moveText(t, f, ""); n != 0 || err != unix.EAGAIN {
		t.Errorf("empty pipe: %d, %v", n, err)
	}
}

// While another File has the same file open nothing is moved, and after it neither
// the one nor the other is amiss.
func TestMoveAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	link := path + ".link"
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	registry := new(Writers)
	f := openCountedFile(t, path, 0, 0, registry)
	moved := func() bool {
		n, err := moveText(t, f, "x")
		if err != nil && !errors.Is(err, errNotAlone) {
			t.Fatal(err)
		}
		return n == 1
	}
	if !moved() {
		t.Error("nothing was moved to the only one")
	}
	other := openCountedFile(t, link, 0, 0, registry)
	write(t, other, "y")
	if moved() {
		t.Error("one of two was moved to")
	}
	if err := other.Reopen(); err != nil {
		t.Fatal(err)
	}
	if moved() {
		t.Error("one of two was moved to after the other was reopened")
	}
	other.Close()
	write(t, f, "z")
	if !moved() {
		t.Error("nothing was moved to the last one")
	}
	if got := contents(t, path); got != "xyzx" {
		t.Errorf("log %q", got)
	}
	f.Close()
	if len(registry.logs) != 0 {
		t.Errorf("%d files are still known", len(registry.logs))
	}
}

// What others write or take away is noticed, and from then on output is appended.
func TestMoveBesideOthers(t *testing.T) {
	for name, do := range map[string]func(path string) error{
		"appended": func(path string) error {
			other, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
			if err != nil {
				return err
			}
			defer other.Close()
			_, err = other.WriteString("other ")
			return err
		},
		"truncated": func(path string) error { return os.Truncate(path, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log")
			f := openCountedFile(t, path, 0, 0, new(Writers))
			if _, err := moveText(t, f, "first "); err != nil {
				t.Fatal(err)
			}
			if err := do(path); err != nil {
				t.Fatal(err)
			}
			if n, err := moveText(t, f, "lost"); n != 0 || !errors.Is(err, errNotAlone) {
				t.Errorf("moved %d: %v", n, err)
			}
			write(t, f, "last")
			want := map[string]string{"appended": "first other last", "truncated": "last"}[name]
			if got := contents(t, path); got != want {
				t.Errorf("log %q, want %q", got, want)
			}
		})
	}
}

// numbered gives lines of a kind whose loss shows.
func numbered(name string, lines int) []byte {
	var b []byte
	for i := range lines {
		b = fmt.Appendf(b, "%s %d some text that makes it longer\n", name, i)
	}
	return b
}

// A flood comes into log and backups whole and in order, whatever is done to the log
// meanwhile.
func TestFlood(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	var logged atomic.Uint64
	s, w := openStream(t, StreamConfig{Path: path, MaxBytes: 1 << 20, Backups: 1000, Writers: new(Writers), Logged: &logged})
	text := numbered("line", 300_000)
	over := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		for {
			select {
			case <-over:
				return
			default:
				if err := s.ReopenLog(); err != nil && !errors.Is(err, os.ErrClosed) {
					t.Error(err)
				}
			}
		}
	})
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	size := pipeSize(t, w)
	s.Drain()
	close(over)
	all.Wait()
	if size == floodPipe && s.refused > 0 {
		t.Errorf("output could not be moved %d times", s.refused)
	}
	t.Logf("the pipe held %d bytes", size)
	var got []byte
	for i := 1000; i > 0; i-- {
		backup, err := os.ReadFile(fmt.Sprintf("%s.%d", path, i))
		if err == nil {
			got = append(got, backup...)
		}
	}
	if got = append(got, contents(t, path)...); !bytes.Equal(got, text) {
		t.Errorf("%d bytes of %d, or others", len(got), len(text))
	}
	if n := logged.Load(); n != uint64(len(text)) {
		t.Errorf("%d bytes counted of %d", n, len(text))
	}
}

// Two streams that flood one log leave all bytes of both.
func TestFloodsOfOneLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	registry := new(Writers)
	const each = 20 << 20
	var all sync.WaitGroup
	for _, letter := range []byte("ab") {
		s, w := openStream(t, StreamConfig{Path: path, Writers: registry})
		all.Go(func() {
			chunk := bytes.Repeat([]byte{letter}, 64<<10)
			for sent := 0; sent < each; sent += len(chunk) {
				if _, err := w.Write(chunk); err != nil {
					t.Error(err)
				}
			}
			s.Drain()
		})
	}
	all.Wait()
	got := []byte(contents(t, path))
	if a, b := bytes.Count(got, []byte("a")), bytes.Count(got, []byte("b")); a != each || b != each || len(got) != 2*each {
		t.Errorf("%d and %d of %d each, %d in all", a, b, each, len(got))
	}
}

// A stream in a flood can be drained, though another process goes on with it.
func TestDrainInAFlood(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	s, w := openStream(t, StreamConfig{Path: path, Writers: new(Writers)})
	chunk := make([]byte, 64<<10)
	writing := make(chan error, 1)
	deep := make(chan struct{})
	go func() {
		for i := 0; ; i++ {
			if i == 200 {
				close(deep)
			}
			if _, err := w.Write(chunk); err != nil {
				writing <- err
				return
			}
		}
	}()
	receive(t, deep)
	s.Drain()
	if err := receive(t, writing); !errors.Is(err, unix.EPIPE) {
		t.Errorf("the writer ended with %v", err)
	}
}
