package logfile

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// slack is how many blocks of a log, in bytes, the file system may take for itself.
const slack = 64 << 10

// beyond is how many bytes of blocks a log has that its size does not need.
func beyond(t *testing.T, path string) int64 {
	t.Helper()
	var stat unix.Stat_t
	if err := unix.Stat(path, &stat); err != nil {
		t.Fatal(err)
	}
	return stat.Blocks*512 - stat.Size
}

// reserves says whether logs in dir get blocks ahead. Where they do not, the tests
// hold that there are none.
func reserves(t *testing.T, dir string) bool {
	t.Helper()
	var disk unix.Statfs_t
	if err := unix.Statfs(dir, &disk); err != nil {
		t.Fatal(err)
	}
	return hasRoom(disk, pieceMost)
}

func wantReserved(t *testing.T, path string, least int64) {
	t.Helper()
	if got := beyond(t, path); reserves(t, filepath.Dir(path)) && got < least {
		t.Errorf("%d bytes are reserved, want %d", got, least)
	} else if !reserves(t, filepath.Dir(path)) && got > slack {
		t.Errorf("%d bytes are reserved on a file system that is not known", got)
	}
}

func wantNoneReserved(t *testing.T, path string) {
	t.Helper()
	if got := beyond(t, path); got > slack {
		t.Errorf("%d bytes of %s are still reserved", got, filepath.Base(path))
	}
}

// moveSome moves a text that is good for a reservation.
func moveSome(t *testing.T, f *File) (text string) {
	t.Helper()
	text = strings.Repeat("some\n", 1000)
	if n, err := moveText(t, f, text); n != len(text) || err != nil {
		t.Fatalf("moved %d: %v", n, err)
	}
	return text
}

// What a flood reserved is given back at each of its ends, and not a byte with it.
func TestReservedIsGivenBack(t *testing.T) {
	tests := []struct {
		name string
		end  func(t *testing.T, f *File) error
		at   string // where the log is then
		more string // what was written beside
	}{
		{name: "the flood ends", end: func(_ *testing.T, f *File) error { f.settle(); return nil }},
		{name: "closed", end: func(_ *testing.T, f *File) error { return f.Close() }},
		{name: "reopened", end: func(_ *testing.T, f *File) error { return f.Reopen() }},
		{name: "moved and reopened", at: ".1", end: func(t *testing.T, f *File) error {
			if err := os.Rename(f.Path(), f.Path()+".1"); err != nil {
				t.Fatal(err)
			}
			return f.Reopen()
		}},
		{name: "cleared", at: ".link", end: func(t *testing.T, f *File) error {
			if err := os.Link(f.Path(), f.Path()+".link"); err != nil {
				t.Fatal(err)
			}
			return f.Clear()
		}},
		{name: "rotated", at: ".1", more: "last", end: func(_ *testing.T, f *File) error {
			f.SetLimits(1, 1)
			_, err := f.Write([]byte("last"))
			return err
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log")
			f := openCountedFile(t, path, 0, 0, new(Writers))
			text := moveSome(t, f)
			wantReserved(t, path, pieceLeast-slack)
			if err := test.end(t, f); err != nil {
				t.Fatal(err)
			}
			wantNoneReserved(t, path+test.at)
			if got := contents(t, path+test.at); got != text+test.more {
				t.Errorf("%d bytes, want %d", len(got), len(text+test.more))
			}
		})
	}
}

// The pieces grow from flood to flood's end, and no further than the log may.
func TestPieces(t *testing.T) {
	dir := t.TempDir()
	f := openCountedFile(t, filepath.Join(dir, "log"), 0, 0, new(Writers))
	if !reserves(t, dir) {
		moveSome(t, f)
		if f.writers.reserved != 0 || !f.writers.unreservable {
			t.Errorf("reserved to %d", f.writers.reserved)
		}
		return
	}
	piece := func(place int64) int64 {
		before := f.writers.reserved
		f.mu.Lock()
		defer f.mu.Unlock()
		if err := withFD(f.file, func(fd uintptr) error { f.reserve(int(fd), place, 1); return nil }); err != nil {
			t.Fatal(err)
		}
		return f.writers.reserved - before
	}
	for i, want := range []int64{4 << 20, 8 << 20, 16 << 20, 16 << 20} {
		if got := piece(f.writers.reserved); got != want {
			t.Errorf("piece %d has %d bytes, want %d", i, got, want)
		}
	}
	if got := piece(f.writers.reserved - 1); got != 0 {
		t.Errorf("%d bytes were reserved beside a byte that there was", got)
	}
	f.settle()
	f.SetLimits(6<<20, 0)
	moveSome(t, f)
	if got := f.writers.reserved; got > 6<<20 || got < pieceLeast {
		t.Errorf("%d bytes after the flood's end, want the least piece", got)
	}
	if got := piece(f.writers.reserved); f.writers.reserved != 6<<20 {
		t.Errorf("%d bytes more go to %d, beyond what the log may have", got, f.writers.reserved)
	}
	if got := piece(6 << 20); got != 0 {
		t.Errorf("%d bytes were reserved for a log that is full", got)
	}
	wantReserved(t, f.Path(), pieceLeast)
}

func TestHasRoom(t *testing.T) {
	const gib = 1 << 30 / 4096
	tests := []struct {
		kind  int64
		avail uint64
		want  bool
	}{
		{unix.EXT4_SUPER_MAGIC, 2 * gib, true},
		{unix.XFS_SUPER_MAGIC, 2 * gib, true},
		{unix.EXT4_SUPER_MAGIC, gib + pieceMost/4096, true},
		{unix.EXT4_SUPER_MAGIC, gib + pieceMost/4096 - 1, false},
		{unix.EXT4_SUPER_MAGIC, 0, false},
		{unix.BTRFS_SUPER_MAGIC, 2 * gib, false},
		{unix.TMPFS_MAGIC, 2 * gib, false},
		{unix.OVERLAYFS_SUPER_MAGIC, 2 * gib, false},
	}
	for _, test := range tests {
		disk := unix.Statfs_t{Bavail: test.avail, Bsize: 4096}
		disk.Type = test.kind
		if got := hasRoom(disk, pieceMost); got != test.want {
			t.Errorf("type %#x with %d blocks: %v", test.kind, test.avail, got)
		}
	}
}

// A log in memory is written to, and nothing is reserved.
func TestNothingIsReservedInMemory(t *testing.T) {
	dir, err := os.MkdirTemp("/dev/shm", "logfile")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "log")
	f := openCountedFile(t, path, 0, 0, new(Writers))
	text := moveSome(t, f) + moveSome(t, f)
	wantNoneReserved(t, path)
	if !f.writers.unreservable {
		t.Error("it is tried again and again")
	}
	if got := contents(t, path); got != text {
		t.Errorf("%d bytes, want %d", len(got), len(text))
	}
}

// Where the file system refuses, as at the largest size of a file, output is moved
// all the same, and that is the end of it.
func TestRefusedReservation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	size := int64(1) << 62
	for ; ; size >>= 1 { // the largest power of two that a file may have as its size
		file, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		err = file.Truncate(size - 2*bufferSize)
		file.Close()
		if err == nil {
			break
		}
	}
	f := openCountedFile(t, path, 0, 0, new(Writers))
	end := size - 2*bufferSize
	for range 2 {
		end += int64(len(moveSome(t, f)))
	}
	if reserves(t, filepath.Dir(path)) && size < 1<<62 && !f.writers.unreservable {
		t.Errorf("blocks up to %d are reserved in a file of at most %d", f.writers.reserved, size)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != end {
		t.Errorf("%v, %v; want a size of %d", info, err, end)
	}
	f.settle()
	if f.writers.reserved != 0 {
		t.Errorf("%d is still taken for reserved", f.writers.reserved)
	}
}

// Nothing is reserved while somebody else has the log open. What was reserved
// before stays until he has closed it.
func TestReservingBesideAReader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	f := openCountedFile(t, path, 0, 0, new(Writers))
	reader := func() *os.File {
		r, err := openAtOnce(path)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := reader()
	text := moveSome(t, f)
	wantNoneReserved(t, path)
	r.Close()
	text += moveSome(t, f)
	wantReserved(t, path, pieceLeast-slack)
	r = reader()
	f.settle()
	wantReserved(t, path, pieceLeast-slack)
	r.Close()
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	wantNoneReserved(t, path)
	if got := contents(t, path); got != text {
		t.Errorf("%d bytes, want %d", len(got), len(text))
	}
}

// What another program appends while blocks are given back stays, whether it has the
// log open or opens it just then. Nor does it fail to open it.
func TestGivingBackTakesNothingFromOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	f := openCountedFile(t, path, 0, 0, new(Writers))
	over := make(chan struct{})
	var all sync.WaitGroup
	given := 0
	all.Go(func() {
		for {
			select {
			case <-over:
				return
			default:
			}
			f.mu.Lock()
			err := withFD(f.file, func(fd uintptr) error {
				f.writers.mu.Lock()
				defer f.writers.mu.Unlock()
				info, err := f.file.Stat()
				if err == nil {
					f.reserve(int(fd), info.Size(), 1)
				}
				return err
			})
			had := f.writers.reserved > 0
			f.mu.Unlock()
			f.settle()
			f.mu.Lock()
			if had && f.writers.reserved == 0 {
				given++
			}
			f.mu.Unlock()
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	const lines = 3
	rounds := 3000
	reserved, end := reserves(t, filepath.Dir(path)), time.Now().Add(deadline)
	for i := 0; i < rounds; i++ {
		other, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		for j := range lines {
			if _, err := fmt.Fprintf(other, "line %06d %d\n", i, j); err != nil {
				t.Error(err)
			}
		}
		other.Close()
		if _, size, err := readable(path); err != nil || size == 0 {
			t.Errorf("round %d: cannot read: size %d, %v", i, size, err)
		}
		f.mu.Lock()
		if none := reserved && given == 0; none && i == rounds-1 && time.Now().Before(end) {
			rounds++ // who gives back has not come to it yet
		}
		f.mu.Unlock()
	}
	close(over)
	all.Wait()
	var want bytes.Buffer
	for i := range rounds {
		for j := range lines {
			fmt.Fprintf(&want, "line %06d %d\n", i, j)
		}
	}
	if got := contents(t, path); got != want.String() {
		t.Errorf("%d bytes, want %d", len(got), want.Len())
	}
	if reserved && given == 0 {
		t.Error("nothing was ever given back")
	}
	t.Logf("given back %d times", given)
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	wantNoneReserved(t, path)
}

func readable(path string) (closed *os.File, size int64, err error) {
	f, size, err := openToRead(path)
	if err == nil {
		err = f.Close()
	}
	return f, size, err
}

// What a killed daemon left is filled by the log's next output, and freed when the
// log is closed.
func TestLeftBehindByAKilledDaemon(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	killed, err := openCounted(path, 0, 0, nil, new(Writers))
	if err != nil {
		t.Fatal(err)
	}
	text := moveSome(t, killed)
	if err := killed.file.Close(); err != nil {
		t.Fatal(err)
	}
	before := beyond(t, path)
	wantReserved(t, path, pieceLeast-slack)
	f := openCountedFile(t, path, 0, 0, new(Writers))
	more := strings.Repeat("more\n", 100_000)
	write(t, f, more)
	if got, want := beyond(t, path), before-int64(len(more)); reserves(t, filepath.Dir(path)) && got > want+slack {
		t.Errorf("%d bytes are beyond the end after more output, want %d", got, want)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	wantNoneReserved(t, path)
	if got := contents(t, path); got != text+more {
		t.Errorf("%d bytes, want %d", len(got), len(text+more))
	}
}

// A program that floods and then says little, or nothing, or dies, keeps no blocks.
func TestFloodEnds(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, s *Stream, w *os.File) (more string){
		"silence": func(*testing.T, *Stream, *os.File) string { return "" },
		"little": func(t *testing.T, s *Stream, w *os.File) string {
			var all strings.Builder
			for i := range 2 * floodReads {
				line := fmt.Sprintf("little %d\n", i)
				all.WriteString(line)
				send(t, w, line)
				for s.hasOutput() {
					time.Sleep(time.Millisecond)
				}
			}
			return all.String()
		},
		"death": func(_ *testing.T, s *Stream, _ *os.File) string { s.Drain(); return "" },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log")
			s, w := openStream(t, StreamConfig{Path: path, Writers: new(Writers)})
			text := string(numbered("line", 100_000))
			send(t, w, text)
			text += end(t, s, w)
			begin := time.Now()
			for beyond(t, path) > slack || len(contents(t, path)) < len(text) {
				if time.Since(begin) > deadline {
					t.Fatalf("%d bytes are still reserved", beyond(t, path))
				}
				time.Sleep(time.Millisecond)
			}
			if got := contents(t, path); got != text {
				t.Errorf("%d bytes, want %d", len(got), len(text))
			}
			if name != "little" {
				return
			}
			// The stream goes on to the next read after the pipe is as it was.
			for pipeSize(t, w) > bufferSize {
				if time.Since(begin) > deadline {
					t.Fatalf("the pipe still has %d bytes", pipeSize(t, w))
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
}

func pipeSize(t *testing.T, f *os.File) (size int) {
	t.Helper()
	if err := withFD(f, func(fd uintptr) (err error) {
		size, err = unix.FcntlInt(fd, unix.F_GETPIPE_SZ, 0)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return size
}
