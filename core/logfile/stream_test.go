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
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// deadline is ten times what the slowest wait of these tests needs.
const deadline = 20 * time.Second

// pipe makes a pipe. The writing end is closed at the end of the test.
func pipe(t testing.TB) (read, write *os.File) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { write.Close() })
	return read, write
}

func openStream(t *testing.T, cfg StreamConfig) (s *Stream, write *os.File) {
	t.Helper()
	read, write := pipe(t)
	if cfg.Report == nil {
		cfg.Report = func(err error) { t.Errorf("report: %v", err) }
	}
	s, err := OpenStream(read, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Drain)
	return s, write
}

func send(t *testing.T, f *os.File, text string) {
	t.Helper()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(deadline):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func TestDrainLogsAllThatIsInThePipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	for _, closed := range []bool{false, true} {
		for range 20 {
			s, w := openStream(t, StreamConfig{Path: path})
			text := strings.Repeat("0123456789abcde\n", 4000)
			send(t, w, text[:100])
			send(t, w, text[100:])
			if closed {
				w.Close()
			} // else a grandchild holds the pipe
			s.Drain()
			if got := contents(t, path); got != text {
				t.Fatalf("writer closed %v: %d bytes logged, want %d", closed, len(got), len(text))
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			s.Drain() // a second time it does nothing
		}
	}
}

// What goes to the log is counted: what is captured or stripped does not, and without
// a log nothing does.
func TestLoggedBytesAreCounted(t *testing.T) {
	for path, want := range map[string]uint64{filepath.Join(t.TempDir(), "log"): uint64(len("one two\n")), "": 0} {
		var logged atomic.Uint64
		s, w := openStream(t, StreamConfig{Path: path, StripANSI: true, CaptureMaxBytes: 100, Logged: &logged})
		send(t, w, "one\x1b[1m"+beginToken+"captured"+endToken+" two\n")
		s.Drain()
		if got := logged.Load(); got != want {
			t.Errorf("log %q: %d bytes, want %d", path, got, want)
		}
	}
}

// A process that floods the pipe of a dead one cannot keep Drain.
func TestDrainEndsWhileAnotherWrites(t *testing.T) {
	s, w := openStream(t, StreamConfig{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		flood := bytes.Repeat([]byte("x"), 4096)
		for {
			if _, err := w.Write(flood); err != nil {
				if !errors.Is(err, syscall.EPIPE) {
					t.Errorf("error %v, want EPIPE", err)
				}
				return
			}
		}
	}()
	s.Drain()
	receive(t, done)
}

func TestDescriptorsAndGoroutinesAreFreed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	before := openDescriptors(t)
	for range 10 {
		s, w := openStream(t, StreamConfig{Path: path, Syslog: true})
		send(t, w, "x")
		s.Drain()
		w.Close()
	}
	if after := openDescriptors(t); after > before {
		t.Errorf("%d descriptors are open, were %d", after, before)
	}
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	// With the first pipe the runtime opens its poller.
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	read.Close()
	write.Close()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestCaptureThroughAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	captured := make(chan string, 1)
	var data []byte
	s, w := openStream(t, StreamConfig{
		Path: path, CaptureMaxBytes: 100, StripANSI: true,
		OnData:    func(p []byte) { data = append(data, p...) },
		OnCapture: func(p []byte) { captured <- string(p) },
	})
	send(t, w, "a"+beginToken+"\x1b[1mcap"+endToken+"b"+beginToken[:9])
	if got := receive(t, captured); got != "cap" {
		t.Errorf("captured %q, want %q", got, "cap")
	}
	s.Drain()
	want := "ab" + beginToken[:9]
	if got := contents(t, path); got != want {
		t.Errorf("log %q, want %q", got, want)
	}
	if got, want := string(data), "acapb"+beginToken[:9]; got != want {
		t.Errorf("OnData saw %q, want %q", got, want)
	}
}

// What was captured and never ended is in the log, once.
func TestUnfinishedCaptureIsLogged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	s, w := openStream(t, StreamConfig{
		Path: path, CaptureMaxBytes: 100,
		OnCapture: func(p []byte) { t.Errorf("captured %q", p) },
	})
	send(t, w, "a"+beginToken+"cap"+endToken[:5])
	s.Drain()
	if got, want := contents(t, path), "acap"+endToken[:5]; got != want {
		t.Errorf("log %q, want %q", got, want)
	}
}

func TestControlCalls(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	seen := make(chan string, 1)
	s, w := openStream(t, StreamConfig{Path: path, CaptureMaxBytes: 100, OnData: func(p []byte) { seen <- string(p) }})
	say := func(text string) {
		send(t, w, text)
		receive(t, seen)
	}
	say("a")
	if err := os.Rename(path, path+".moved"); err != nil {
		t.Fatal(err)
	}
	if err := s.ReopenLog(); err != nil {
		t.Fatal(err)
	}
	say("b")
	if got, want := listing(t, dir), "log=b log.moved=a"; got != want {
		t.Errorf("after ReopenLog %q, want %q", got, want)
	}
	say(beginToken + "captured")
	if err := s.ClearLog(); err != nil {
		t.Fatal(err)
	}
	if got, want := listing(t, dir), "log= log.moved=a"; got != want {
		t.Errorf("after ClearLog %q, want %q", got, want)
	}
	s.Drain()
	if got, want := contents(t, path), ""; got != want {
		t.Errorf("after Drain %q, want %q: the capture was cleared", got, want)
	}
	for name, err := range map[string]error{"ReopenLog": s.ReopenLog(), "ClearLog": s.ClearLog()} {
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s after Drain: %v, want ErrClosed", name, err)
		}
	}
	none, _ := openStream(t, StreamConfig{})
	if err := errors.Join(none.ReopenLog(), none.ClearLog()); err != nil {
		t.Errorf("control of a stream without a log: %v", err)
	}
}

// Rotation and reopening lose nothing of a stream.
func TestStreamKeepsAllWhileControlled(t *testing.T) {
	dir := t.TempDir()
	s, w := openStream(t, StreamConfig{Path: filepath.Join(dir, "log"), MaxBytes: 10000, Backups: 1000})
	const lines = 5000
	var all sync.WaitGroup
	var stop atomic.Bool
	all.Go(func() {
		for !stop.Load() {
			if err := s.ReopenLog(); err != nil {
				t.Error(err)
			}
		}
	})
	for i := range lines {
		send(t, w, fmt.Sprintf("line %06d\n", i))
	}
	stop.Store(true)
	all.Wait()
	s.Drain()
	total := 0
	names, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, name := range names {
		total += strings.Count(contents(t, name), "line ")
	}
	if total != lines {
		t.Errorf("%d lines logged, want %d", total, lines)
	}
}

// A log that does not take its bytes holds up its stream and no other.
func TestSlowLogHoldsUpItsStreamOnly(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	slow, err := os.OpenFile(fifo, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	stuck, stuckW := openStream(t, StreamConfig{Path: fifo})
	flood := bytes.Repeat([]byte("x"), 1<<20)
	sent := make(chan error, 1)
	go func() {
		_, err := stuckW.Write(flood)
		sent <- err
	}()
	path := filepath.Join(t.TempDir(), "log")
	other, w := openStream(t, StreamConfig{Path: path})
	send(t, w, "other")
	other.Drain()
	if got := contents(t, path); got != "other" {
		t.Errorf("log %q, want %q", got, "other")
	}
	select {
	case err := <-sent:
		t.Errorf("a megabyte went into a pipe that nobody reads: %v", err)
	default:
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		b := make([]byte, 64<<10)
		for n := 0; n < len(flood); {
			m, err := slow.Read(b)
			if err != nil {
				t.Error(err)
				return
			}
			n += m
		}
	}()
	if err := receive(t, sent); err != nil {
		t.Error(err)
	}
	stuck.Drain()
	receive(t, drained)
}

// A silent stream holds no read buffer: 200 of them would hold 12 MiB.
func TestSilentStreamsAreSmall(t *testing.T) {
	const streams = 200
	seen := make(chan int, streams)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.GC() // twice empties the pool
	runtime.ReadMemStats(&before)
	for range streams {
		_, w := openStream(t, StreamConfig{OnData: func(p []byte) { seen <- len(p) }})
		send(t, w, "x")
		receive(t, seen)
	}
	for end := time.Now().Add(deadline); ; { // they give their buffers back a moment after they were seen
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&after)
		grown := int64(after.HeapAlloc) - int64(before.HeapAlloc)
		if grown <= streams*8<<10 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d bytes for each silent stream", grown/streams)
		}
	}
}

func TestOpenStreamFailure(t *testing.T) {
	read, _ := pipe(t)
	defer read.Close()
	if _, err := OpenStream(read, StreamConfig{Path: filepath.Join(t.TempDir(), "no", "log")}); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("error %v, want ENOENT", err)
	}
	if _, err := read.Stat(); err != nil {
		t.Errorf("the pipe is not left to the caller: %v", err)
	}
	path, _ := sample(t)
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := OpenStream(file, StreamConfig{}); err == nil {
		t.Error("a file passes for a pipe")
	}
}

// What a program writes to stdout and then to stderr stands so in a log of both. The
// wait is bounded, so on a busy machine a few may come otherwise.
func TestOneStreamGoesFirst(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	const rounds = 200
	wrong := 0
	for range rounds {
		first, w1 := openStream(t, StreamConfig{Path: path})
		second, w2 := openStream(t, StreamConfig{Path: path, After: first})
		time.Sleep(100 * time.Microsecond) // both wait for output
		send(t, w1, "out ")
		send(t, w2, "err ")
		for len(contents(t, path)) < len("out err ") {
			runtime.Gosched()
		}
		if contents(t, path) != "out err " {
			wrong++
		}
		first.Drain()
		second.Drain()
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if wrong > rounds/10 {
		t.Errorf("%d of %d in the wrong order", wrong, rounds)
	}
}

// A stream that is stuck does not hold up the one that comes after it.
func TestStreamAfterAStuckOne(t *testing.T) {
	stuck, seen := make(chan struct{}), make(chan string)
	defer close(stuck)
	first, w1 := openStream(t, StreamConfig{OnData: func([]byte) { <-stuck }})
	_, w2 := openStream(t, StreamConfig{After: first, OnData: func(p []byte) { seen <- string(p) }})
	send(t, w1, "out")
	for range 10 {
		send(t, w2, "err")
		if got := receive(t, seen); got != "err" {
			t.Errorf("read %q", got)
		}
	}
}

func TestStreamToSyslog(t *testing.T) {
	address, next := syslogd(t)
	read, w := pipe(t)
	s, err := OpenStream(read, StreamConfig{Name: "cat", Path: SyslogPath, Syslog: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, sys := range s.sys {
		sys.mu.Lock()
		sys.network, sys.address = "unixgram", address
		sys.mu.Unlock()
	}
	send(t, w, "hello\n")
	s.Drain()
	for _, want := range []string{": hello\n", ": cat hello\n"} {
		if got := next(); !strings.HasSuffix(got, want) {
			t.Errorf("message %q, want it to end with %q", got, want)
		}
	}
}

func benchmarkStreams(b *testing.B, streams int, open func(r *os.File, path string) (drain func())) {
	chunk := bytes.Repeat([]byte("a line of output that is of some length, as they are\n"), 1200)
	dir := b.TempDir()
	b.SetBytes(int64(len(chunk) * streams))
	b.ReportAllocs()
	var all sync.WaitGroup
	b.ResetTimer()
	for i := range streams {
		r, w := pipe(b)
		// The writer is a plain blocking descriptor, as a child's is.
		fd, err := syscall.Dup(int(w.Fd()))
		if err != nil {
			b.Fatal(err)
		}
		drain := open(r, filepath.Join(dir, fmt.Sprint(i)))
		all.Go(func() {
			for range b.N {
				for p := chunk; len(p) > 0; {
					n, err := syscall.Write(fd, p)
					if err != nil {
						b.Error(err)
						return
					}
					p = p[n:]
				}
			}
			syscall.Close(fd)
			w.Close()
			drain()
		})
	}
	all.Wait()
}

func BenchmarkCapture(b *testing.B) {
	const rotate = 50 << 20
	stream := func(cfg StreamConfig) func(*os.File, string) func() {
		return func(r *os.File, path string) func() {
			cfg := cfg
			cfg.Path, cfg.MaxBytes, cfg.Backups = path, rotate, 1
			s, err := OpenStream(r, cfg)
			if err != nil {
				b.Fatal(err)
			}
			return s.Drain
		}
	}
	for _, n := range []int{1, 8} {
		b.Run(fmt.Sprintf("streams=%d", n), func(b *testing.B) { benchmarkStreams(b, n, stream(StreamConfig{})) })
		b.Run(fmt.Sprintf("streams=%d/strip", n), func(b *testing.B) { benchmarkStreams(b, n, stream(StreamConfig{StripANSI: true})) })
		b.Run(fmt.Sprintf("streams=%d/capture", n), func(b *testing.B) {
			benchmarkStreams(b, n, stream(StreamConfig{CaptureMaxBytes: 1 << 20}))
		})
		b.Run(fmt.Sprintf("streams=%d/flood", n), func(b *testing.B) {
			benchmarkStreams(b, n, stream(StreamConfig{Writers: new(Writers)}))
		})
		// The floor: what `cat` does, with the same rotation.
		b.Run(fmt.Sprintf("streams=%d/cat", n), func(b *testing.B) {
			benchmarkStreams(b, n, func(r *os.File, path string) func() {
				in, err := syscall.Dup(int(r.Fd()))
				if err != nil {
					b.Fatal(err)
				}
				out, err := syscall.Open(path, syscall.O_WRONLY|syscall.O_CREAT, 0o600)
				if err != nil {
					b.Fatal(err)
				}
				done := make(chan struct{})
				go func() {
					defer close(done)
					defer syscall.Close(in)
					defer syscall.Close(out)
					buf := make([]byte, bufferSize)
					for written := 0; ; {
						n, err := syscall.Read(in, buf)
						if err != nil || n == 0 {
							return
						}
						if _, err := syscall.Write(out, buf[:n]); err != nil {
							b.Error(err)
						}
						if written += n; written >= rotate {
							written = 0
							_ = syscall.Ftruncate(out, 0)
							_, _ = syscall.Seek(out, 0, 0)
						}
					}
				}()
				return func() { <-done }
			})
		})
	}
}
