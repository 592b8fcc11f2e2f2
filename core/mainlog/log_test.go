package mainlog

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// stopped is a clock that stands still.
type stopped time.Time

func (s stopped) Now() time.Time { return time.Time(s) }

var noon = stopped(time.Date(2026, 1, 2, 3, 4, 5, 678999999, time.Local))

const prefix = "2026-01-02 03:04:05,678 "

func open(t *testing.T, cfg Config) *Log {
	t.Helper()
	if cfg.Clock == nil {
		cfg.Clock = noon
	}
	if cfg.Level == 0 {
		cfg.Level = rpcinterface.LevelInfo
	}
	l, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func contents(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestFormatAndLevels(t *testing.T) {
	levels := []rpcinterface.LogLevel{
		rpcinterface.LevelBlat, rpcinterface.LevelTrac, rpcinterface.LevelDebg, rpcinterface.LevelInfo,
		rpcinterface.LevelWarn, rpcinterface.LevelErro, rpcinterface.LevelCrit,
	}
	for i, lowest := range levels {
		path := filepath.Join(t.TempDir(), "log")
		var stdout bytes.Buffer
		l := open(t, Config{Path: path, Level: lowest, Stdout: &stdout})
		want := ""
		for j, level := range levels {
			l.Log(level, "two\nlines")
			if j >= i {
				want += prefix + level.String() + " two\nlines\n"
			}
			if got := l.Enabled(level); got != (j >= i) {
				t.Errorf("log of %v: Enabled(%v) is %v", lowest, level, got)
			}
		}
		if got := contents(t, path); got != want {
			t.Errorf("file %q, want %q", got, want)
		}
		if got := stdout.String(); got != want {
			t.Errorf("standard output %q, want %q", got, want)
		}
	}
}

func TestStdoutCanBeTakenAway(t *testing.T) {
	var stdout bytes.Buffer
	l := open(t, Config{Stdout: &stdout})
	l.Log(rpcinterface.LevelInfo, "one")
	l.SetStdout(nil)
	l.Log(rpcinterface.LevelInfo, "two")
	if got, want := stdout.String(), prefix+"INFO one\n"; got != want {
		t.Errorf("standard output %q, want %q", got, want)
	}
}

func TestReopenIsSaidInTheFileThatRemains(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l := open(t, Config{Path: path})
	l.Log(rpcinterface.LevelInfo, "before")
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	if got, want := contents(t, path), prefix+"INFO supervisord logreopen\n"; got != want {
		t.Errorf("new file %q, want %q", got, want)
	}
	if got, want := contents(t, path+".old"), prefix+"INFO before\n"; got != want {
		t.Errorf("old file %q, want %q", got, want)
	}
}

func TestReopenThatFailsKeepsTheFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l := open(t, Config{Path: filepath.Join(dir, "log")})
	if err := os.Rename(dir, dir+".moved"); err != nil {
		t.Fatal(err)
	}
	if err := l.Reopen(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want ErrNotExist", err)
	}
	if got, want := contents(t, filepath.Join(dir+".moved", "log")), prefix+"INFO supervisord logreopen\n"; got != want {
		t.Errorf("file %q, want %q", got, want)
	}
}

func TestClear(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l := open(t, Config{Path: path})
	l.Log(rpcinterface.LevelInfo, "before")
	if err := l.Clear(); err != nil {
		t.Fatal(err)
	}
	if got, want := contents(t, path), prefix+"INFO reopening log file\n"; got != want {
		t.Errorf("file %q, want %q", got, want)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := l.Clear(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error without a file: %v, want ErrNotExist", err)
	}
	for _, path := range []string{"", "syslog"} {
		l := open(t, Config{Path: path})
		if err := l.Clear(); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("error of path %q: %v, want ErrNotExist", path, err)
		}
		if err := l.Reopen(); err != nil {
			t.Errorf("Reopen of path %q: %v", path, err)
		}
	}
}

func TestRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l := open(t, Config{Path: path, MaxBytes: 60, Backups: 1})
	for i := range 3 {
		l.Log(rpcinterface.LevelInfo, fmt.Sprint(i))
	}
	line := func(i int) string { return fmt.Sprintf("%sINFO %d\n", prefix, i) }
	if got, want := contents(t, path+".1"), line(0)+line(1); got != want {
		t.Errorf("backup %q, want %q", got, want)
	}
	if got, want := contents(t, path), line(2); got != want {
		t.Errorf("file %q, want %q", got, want)
	}
}

// messages are what a system's log was sent.
type messages []string

func (m *messages) Write(p []byte) (int, error) {
	*m = append(*m, string(p))
	return len(p), nil
}

func (*messages) Close() error { return nil }

func TestSyslogHasAMessageForEachLine(t *testing.T) {
	var got messages
	l := open(t, Config{Path: "syslog"})
	l.sys = &got
	l.Log(rpcinterface.LevelWarn, "one\n\nthree\n")
	l.Log(rpcinterface.LevelDebg, "too low")
	want := messages{prefix + "WARN one\n", prefix + "WARN \n", prefix + "WARN three\n"}
	if !slices.Equal(got, want) {
		t.Errorf("messages %q, want %q", got, want)
	}
}

func TestOpenFailure(t *testing.T) {
	_, err := Open(Config{Path: filepath.Join(t.TempDir(), "no", "log"), Clock: core.SystemClock{}})
	if !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "cannot open log file") {
		t.Errorf("error %v", err)
	}
}

func TestWriteFailureIsReportedOnce(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("needs /dev/full")
	}
	var reports []error
	var stdout bytes.Buffer
	l := open(t, Config{Path: "/dev/full", Stdout: &stdout, Report: func(err error) { reports = append(reports, err) }})
	for range 3 {
		l.Log(rpcinterface.LevelInfo, "x")
	}
	if len(reports) != 1 {
		t.Errorf("reports %v, want one", reports)
	}
	if got, want := stdout.String(), strings.Repeat(prefix+"INFO x\n", 3); got != want {
		t.Errorf("standard output %q, want %q", got, want)
	}
}

func TestLogAfterClose(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l := open(t, Config{Path: path, Report: func(err error) { t.Errorf("report %v", err) }})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l.Log(rpcinterface.LevelInfo, "late")
	if got := contents(t, path); got != "" {
		t.Errorf("file %q, want nothing", got)
	}
}

// lines counts writes that are no whole line.
type lines struct {
	t *testing.T
	n int
}

func (w *lines) Write(p []byte) (int, error) {
	w.n++
	if bytes.IndexByte(p, '\n') != len(p)-1 {
		w.t.Errorf("write of %q, want one line", p)
	}
	return len(p), nil
}

func TestConcurrentMessagesStayWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	out := &lines{t: t}
	l := open(t, Config{Path: path, Stdout: out})
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 50 {
				l.Log(rpcinterface.LevelInfo, strings.Repeat(fmt.Sprint(i), 100))
			}
		})
	}
	all.Wait()
	if out.n != 400 {
		t.Errorf("%d writes, want 400", out.n)
	}
	for line := range strings.Lines(contents(t, path)) {
		text := strings.TrimPrefix(line, prefix+"INFO ")
		if strings.Trim(text, text[:1]) != "\n" || len(text) != 101 {
			t.Errorf("line %q", line)
		}
	}
}

func TestHugeMessageLeavesNoHugeBuffer(t *testing.T) {
	l := open(t, Config{})
	l.Log(rpcinterface.LevelInfo, strings.Repeat("x", 1<<20))
	if cap(l.buf) > 64<<10 {
		t.Errorf("buffer of %d bytes kept", cap(l.buf))
	}
}

func BenchmarkLog(b *testing.B) {
	l, err := Open(Config{Path: filepath.Join(b.TempDir(), "log"), Level: rpcinterface.LevelInfo, Clock: core.SystemClock{}})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	b.ReportAllocs()
	for b.Loop() {
		l.Log(rpcinterface.LevelInfo, "spawned: 'program' with pid 4711")
	}
}
