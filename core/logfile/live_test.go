package logfile

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Limits that are set count from the next write on, written or moved.
func TestSetLimits(t *testing.T) {
	for name, put := range map[string]func(*testing.T, *File, string){
		"written": write,
		"moved": func(t *testing.T, f *File, text string) {
			t.Helper()
			if n, err := moveText(t, f, text); n != len(text) || err != nil {
				t.Fatalf("moved %d: %v", n, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			f := openCountedFile(t, filepath.Join(dir, "log"), 0, 0, new(Writers))
			put(t, f, "never rotated ")
			f.SetLimits(10, 2)
			if got := listing(t, dir); got != "log=never rotated " {
				t.Errorf("before a write there is %s", got)
			}
			put(t, f, "until now")
			if got := contents(t, filepath.Join(dir, "log.1")); got != "never rotated until now" {
				t.Errorf("backup %q", got)
			}
			for _, text := range []string{"second one", "third one "} {
				put(t, f, text)
			}
			if got := listing(t, dir); got != "log= log.1=third one  log.2=second one" {
				t.Errorf("with two backups there is %s", got)
			}
			f.SetLimits(5, 1)
			put(t, f, "fifth")
			if got := contents(t, filepath.Join(dir, "log.1")); got != "fifth" {
				t.Errorf("backup %q", got)
			}
			if got := contents(t, filepath.Join(dir, "log.2")); got != "second one" {
				t.Errorf("the second backup was %q", got)
			}
			f.SetLimits(0, 1)
			put(t, f, "never rotated")
			if got := contents(t, filepath.Join(dir, "log")); got != "never rotated" {
				t.Errorf("log %q", got)
			}
		})
	}
}

// What is no file of its own is not rotated, whatever its limits.
func TestSetLimitsOfNoFile(t *testing.T) {
	f, err := Open("/dev/null", 0, 0, func(err error) { t.Errorf("report: %v", err) })
	if err != nil {
		t.Fatal(err)
	}
	f.SetLimits(1, 1)
	write(t, f, "text")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f.SetLimits(2, 2)
	if _, err := f.Write([]byte("x")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a write after the end: %v", err)
	}
}

// Limits are set while a write is stuck: whoever sets them does not wait.
func TestSetLimitsDoesNotWait(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	s, w := openStream(t, StreamConfig{Path: path})
	go func() { _, _ = w.Write(make([]byte, 1<<20)) }()
	// The fifo is full when no more goes into it.
	full := make(chan struct{})
	go func() {
		for last, same := -1, 0; same < 100; {
			n, err := unix.IoctlGetInt(int(reader.Fd()), unix.TIOCINQ)
			if err != nil || n == 0 || n != last {
				last, same = n, 0
				continue
			}
			same++
		}
		close(full)
	}()
	receive(t, full)
	set := make(chan struct{})
	go func() {
		s.SetLimits(1, 1)
		s.SetOnData(nil)
		close(set)
	}()
	receive(t, set)
	go func() {
		buf := make([]byte, 64<<10)
		for {
			if _, err := reader.Read(buf); err != nil {
				return
			}
		}
	}()
	w.Close()
	s.Drain()
}

// Somebody begins to look at a stream in a flood, and the limits change in it: not a
// byte is lost, and from a point on all is shown.
func TestLiveChangesInAFlood(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	s, w := openStream(t, StreamConfig{Path: path, Writers: new(Writers)})
	var mu sync.Mutex
	var shown []byte
	look := func(data []byte) {
		mu.Lock()
		defer mu.Unlock()
		shown = append(shown, data...)
	}
	text := numbered("line", 200_000)
	third := len(text) / 3
	put := func(part []byte) {
		t.Helper()
		if _, err := w.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	put(text[:third])
	s.SetLimits(1<<20, 1000)
	s.SetOnData(look)
	put(text[third : 2*third])
	if !waitShown(t, &mu, &shown, text[2*third-100:2*third]) {
		t.Fatal("what came after SetOnData is not shown")
	}
	s.SetOnData(nil)
	put(text[2*third:])
	w.Close()
	s.Drain()
	var got []byte
	for i := 1000; i > 0; i-- {
		if backup, err := os.ReadFile(fmt.Sprintf("%s.%d", path, i)); err == nil {
			got = append(got, backup...)
		}
	}
	if got = append(got, contents(t, path)...); !bytes.Equal(got, text) {
		t.Errorf("the logs have %d bytes of %d, or others", len(got), len(text))
	}
	if !strings.Contains(listing(t, dir), "log.1") {
		t.Error("the log was never rotated")
	}
	// A search for all of it would take long: the lines differ at their ends only.
	if at := bytes.Index(text, shown[:min(64, len(shown))]); at < 0 || !bytes.HasPrefix(text[at:], shown) || len(shown) < third/2 {
		t.Errorf("%d bytes were shown, of %d, or not in one piece", len(shown), third)
	}
}

// waitShown waits until the text that is shown ends so.
func waitShown(t *testing.T, mu *sync.Mutex, shown *[]byte, end []byte) bool {
	t.Helper()
	for until := time.Now().Add(deadline); time.Now().Before(until); runtime.Gosched() {
		mu.Lock()
		there := bytes.HasSuffix(*shown, end)
		mu.Unlock()
		if there {
			return true
		}
	}
	return false
}

// A stream that has nothing to say since a flood shows the first that it says to who
// began to look meanwhile.
func TestOnDataAfterAFlood(t *testing.T) {
	s, w := openStream(t, StreamConfig{Path: filepath.Join(t.TempDir(), "log"), Writers: new(Writers)})
	chunk := make([]byte, 64<<10)
	for range 100 {
		if _, err := w.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	for until := time.Now().Add(deadline); s.hasOutput(); runtime.Gosched() {
		if time.Now().After(until) {
			t.Fatal("the flood is not read")
		}
	}
	said := make(chan string, 1)
	s.SetOnData(func(data []byte) { said <- string(data) })
	send(t, w, "hello")
	if got := receive(t, said); got != "hello" {
		t.Errorf("shown is %q", got)
	}
}
