package logfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func openFile(t *testing.T, path string, maxBytes, backups int64) *File {
	t.Helper()
	f, err := Open(path, maxBytes, backups, func(err error) { t.Errorf("report: %v", err) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func write(t *testing.T, f *File, text string) {
	t.Helper()
	if n, err := f.Write([]byte(text)); n != len(text) || err != nil {
		t.Fatalf("Write: %d, %v", n, err)
	}
}

func contents(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// listing is the names and contents of a directory, in one line.
func listing(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name()+"="+contents(t, filepath.Join(dir, e.Name())))
	}
	return strings.Join(all, " ")
}

func TestRotation(t *testing.T) {
	tests := []struct {
		name              string
		before            map[string]string
		maxBytes, backups int64
		writes            []string
		want              string
	}{
		{"below the limit", nil, 5, 2, []string{"1234"}, "log=1234"},
		{"at the limit", nil, 5, 2, []string{"12345"}, "log= log.1=12345"},
		{"a write is never split", nil, 5, 2, []string{"123", "4567890"}, "log= log.1=1234567890"},
		{"backups move up and the last goes", nil, 2, 2, []string{"aa", "bb", "cc", "d"}, "log=d log.1=cc log.2=bb"},
		{"no backups: emptied", nil, 2, 0, []string{"aa", "b"}, "log=b"},
		{"never", nil, 0, 2, []string{"aa", "bb"}, "log=aabb"},
		{"what is there counts", map[string]string{"log": "1234"}, 5, 1, []string{"5", "6"}, "log=6 log.1=12345"},
		{"full at the start: after the first write", map[string]string{"log": "123456"}, 5, 1, []string{"7"}, "log= log.1=1234567"},
		{"gaps stay gaps", map[string]string{"log.2": "old"}, 2, 3, []string{"aa"}, "log= log.1=aa log.3=old"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range test.before {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			f := openFile(t, filepath.Join(dir, "log"), test.maxBytes, test.backups)
			for _, text := range test.writes {
				write(t, f, text)
			}
			if got := listing(t, dir); got != test.want {
				t.Errorf("directory %q, want %q", got, test.want)
			}
		})
	}
}

func TestRotationOfARemovedFile(t *testing.T) {
	for _, backups := range []int64{0, 2} {
		dir := t.TempDir()
		path := filepath.Join(dir, "log")
		f := openFile(t, path, 3, backups)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		write(t, f, "lost")
		write(t, f, "ab")
		if got, want := listing(t, dir), "log=ab"; got != want {
			t.Errorf("%d backups: directory %q, want %q", backups, got, want)
		}
	}
}

// Each line is once in the log or its backups, whoever rotates.
func TestTwoFilesShareAPath(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	const writers, each = 2, 300
	var all sync.WaitGroup
	for w := range writers {
		f := openFile(t, path, 1000, 1000)
		all.Go(func() {
			for i := range each {
				if _, err := f.Write(fmt.Appendf(nil, "%d-%d\n", w, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	seen := make(map[string]int)
	names, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, name := range names {
		for line := range strings.Lines(contents(t, name)) {
			seen[line]++
		}
	}
	for w := range writers {
		for i := range each {
			if line := fmt.Sprintf("%d-%d\n", w, i); seen[line] != 1 {
				t.Errorf("line %q is there %d times", line, seen[line])
			}
		}
	}
}

func TestNothingIsLostWhileReopening(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	f := openFile(t, path, 500, 1000)
	stop := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if err := f.Reopen(); err != nil {
				t.Error(err)
			}
		}
	})
	for i := range 500 {
		write(t, f, fmt.Sprintf("%03d\n", i))
	}
	close(stop)
	all.Wait()
	total := 0
	names, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, name := range names {
		total += strings.Count(contents(t, name), "\n")
	}
	if total != 500 {
		t.Errorf("%d lines, want 500", total)
	}
}

func TestReopenAndClear(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	f := openFile(t, path, 100, 2)
	if f.Path() != path {
		t.Errorf("Path %q, want %q", f.Path(), path)
	}
	write(t, f, "a")
	if err := os.Rename(path, path+".moved"); err != nil {
		t.Fatal(err)
	}
	write(t, f, "b")
	if err := f.Reopen(); err != nil {
		t.Fatal(err)
	}
	write(t, f, "c")
	if got, want := listing(t, dir), "log=c log.moved=ab"; got != want {
		t.Errorf("after Reopen %q, want %q", got, want)
	}
	if err := f.Clear(); err != nil {
		t.Fatal(err)
	}
	write(t, f, "d")
	if got, want := listing(t, dir), "log=d log.moved=ab"; got != want {
		t.Errorf("after Clear %q, want %q", got, want)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := f.Clear(); err != nil {
		t.Errorf("Clear of a missing file: %v", err)
	}
	write(t, f, "e")
	if got, want := listing(t, dir), "log=e log.moved=ab"; got != want {
		t.Errorf("after the second Clear %q, want %q", got, want)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{"Reopen": f.Reopen(), "Clear": f.Clear()} {
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s after Close: %v, want ErrClosed", name, err)
		}
	}
	if _, err := f.Write([]byte("late")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Write after Close: %v, want ErrClosed", err)
	}
	if got, want := contents(t, path), "e"; got != want {
		t.Errorf("after Close %q, want %q", got, want)
	}
}

func TestOpenFailureHasTheErrno(t *testing.T) {
	_, err := Open(filepath.Join(t.TempDir(), "none", "log"), 0, 0, nil)
	if !errors.Is(err, syscall.ENOENT) || !strings.HasPrefix(err.Error(), "cannot open log file: ") {
		t.Errorf("error %v", err)
	}
}

func TestReportsOncePerRowOfFailures(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	var reports []error
	f, err := Open(path, 1, 1, func(err error) { reports = append(reports, err) })
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	// A directory with content in the backup's place cannot be renamed over.
	if err := os.MkdirAll(path+".1/x", 0o700); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := f.Write([]byte("ab")); err != nil && len(reports) == 0 {
			t.Errorf("unreported: %v", err)
		}
	}
	if len(reports) == 0 || len(reports) > 2 {
		t.Errorf("reports %v", reports)
	}
	if got, want := contents(t, path), "ababab"; got != want {
		t.Errorf("file %q, want %q: what cannot be rotated goes on", got, want)
	}
	if err := os.RemoveAll(path + ".1"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := f.Write([]byte("ab")); err != nil {
			t.Errorf("Write: %v", err)
		}
	}
	if _, err := os.Stat(path + ".1"); err != nil {
		t.Errorf("rotation does not come back: %v", err)
	}
}

// A backup chain is not shifted again and again when the file itself cannot be
// moved.
func TestFailedRotationIsNotTriedWithEachWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	f, err := Open(path, 10, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.MkdirAll(path+".1/x", 0o700); err != nil {
		t.Fatal(err)
	}
	failures := 0
	for range 20 {
		if _, err := f.Write([]byte("a")); err != nil {
			failures++
		}
	}
	if failures != 2 {
		t.Errorf("%d attempts in twice the size, want 2", failures)
	}
}

// Descriptors, pipes and devices are written to and never renamed or removed.
func TestSpecialFiles(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	fifoEnd, err := os.OpenFile(fifo, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer fifoEnd.Close()
	file := filepath.Join(t.TempDir(), "file")
	regular, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer regular.Close()
	var fd uintptr
	if err := withFD(regular, func(n uintptr) error { fd = n; return nil }); err != nil {
		t.Fatal(err)
	}
	var pipeFD uintptr
	if err := withFD(w, func(n uintptr) error { pipeFD = n; return nil }); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{fmt.Sprintf("/proc/self/fd/%d", pipeFD), fifo, fmt.Sprintf("/dev/fd/%d", fd), "/dev/null"} {
		f := openFile(t, path, 1, 3)
		write(t, f, "one ")
		if err := f.Clear(); err != nil {
			t.Errorf("Clear of %s: %v", path, err)
		}
		write(t, f, "two")
		if _, err := os.Lstat(path); err != nil {
			t.Errorf("%s is gone: %v", path, err)
		}
	}
	if got, want := contents(t, file), "one two"; got != want {
		t.Errorf("file behind a descriptor %q, want %q", got, want)
	}
	b := make([]byte, 20)
	for _, end := range []*os.File{r, fifoEnd} {
		if n, err := end.Read(b); string(b[:n]) != "one two" {
			t.Errorf("pipe %q, %v; want %q", b[:n], err, "one two")
		}
	}
}

// Whoever looks for the log while it is rotated or cleared finds one.
func TestThereIsAlwaysAFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	f := openFile(t, path, 1, 2)
	over := make(chan struct{})
	missing := make(chan int)
	go func() {
		n := 0
		for {
			select {
			case <-over:
				missing <- n
				return
			default:
				if _, err := os.Stat(path); err != nil {
					n++
				}
			}
		}
	}()
	for range 1000 {
		write(t, f, "x")
		if err := f.Clear(); err != nil {
			t.Error(err)
		}
	}
	close(over)
	if n := <-missing; n > 0 {
		t.Errorf("there was none %d times", n)
	}
	names, _ := filepath.Glob(filepath.Join(dir, "*"))
	hidden, _ := filepath.Glob(filepath.Join(dir, ".*"))
	if len(names) != 3 || len(hidden) != 0 {
		t.Errorf("files %q and %q are left", names, hidden)
	}
}

// A file in memory is a file like any other, though it lies below /dev.
func TestFileInSharedMemory(t *testing.T) {
	dir, err := os.MkdirTemp("/dev/shm", "logfile")
	if err != nil {
		t.Skip("no shared memory: ", err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "log")
	f := openFile(t, path, 4, 1)
	write(t, f, "full")
	write(t, f, "new")
	if got, backup := contents(t, path), contents(t, path+".1"); got != "new" || backup != "full" {
		t.Errorf("log %q, backup %q", got, backup)
	}
}

func TestEmpty(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := Empty(path); err != nil {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file was made: %v", err)
	}
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Empty(path); err != nil {
		t.Error(err)
	}
	if got := contents(t, path); got != "" {
		t.Errorf("file %q, want nothing", got)
	}
	if err := Empty("/dev/null"); err != nil {
		t.Errorf("a device: %v", err)
	}
	if err := Empty(path + "/x"); err == nil {
		t.Error("a path through a file has no error")
	}
}
