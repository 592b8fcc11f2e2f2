package logfile

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// following runs Follow and collects what it writes.
type following struct {
	t      *testing.T
	mu     sync.Mutex
	text   strings.Builder
	wrote  chan struct{}
	ended  chan error
	cancel context.CancelFunc
}

func follow(t *testing.T, path string, head int64) *following {
	t.Helper()
	return followWith(t, new(Watcher), path, head)
}

func followWith(t *testing.T, watcher *Watcher, path string, head int64) *following {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	f := &following{t: t, wrote: make(chan struct{}, 1), ended: make(chan error, 1), cancel: cancel}
	go func() {
		f.ended <- watcher.Follow(ctx, path, head, func(p []byte) error {
			f.mu.Lock()
			f.text.Write(p)
			f.mu.Unlock()
			select {
			case f.wrote <- struct{}{}:
			default:
			}
			return nil
		})
	}()
	t.Cleanup(cancel)
	return f
}

func (f *following) so() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.text.String()
}

// until waits for exactly this text.
func (f *following) until(want string) {
	f.t.Helper()
	timeout := time.After(deadline)
	for f.so() != want {
		select {
		case <-f.wrote:
		case err := <-f.ended:
			f.t.Fatalf("ended with %v after %q, want %q", err, f.so(), want)
		case <-timeout:
			f.t.Fatalf("followed %q, want %q", f.so(), want)
		}
	}
}

func (f *following) end() {
	f.t.Helper()
	f.cancel()
	if err := receive(f.t, f.ended); !errors.Is(err, context.Canceled) {
		f.t.Errorf("ended with %v, want Canceled", err)
	}
}

func TestFollowHead(t *testing.T) {
	path, text := sample(t)
	for head, want := range map[int64]string{10: text[27:], 37: text, 1000: text} {
		f := follow(t, path, head)
		f.until(want)
		f.end()
	}
}

func TestFollowThroughItsFilesLife(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	log := openFile(t, path, 10, 2)
	write(t, log, "one ")
	f := follow(t, path, 3)
	f.until("ne ")
	write(t, log, "two ")
	f.until("ne two ")
	write(t, log, "three ") // fills the file: it is rotated
	write(t, log, "four ")
	f.until("ne two three four ")
	if err := log.Clear(); err != nil {
		t.Fatal(err)
	}
	write(t, log, "five ")
	f.until("ne two three four five ")
	// Moved away by another program, written to, then reopened.
	if err := os.Rename(path, path+".moved"); err != nil {
		t.Fatal(err)
	}
	write(t, log, "six ")
	f.until("ne two three four five six ")
	if err := log.Reopen(); err != nil {
		t.Fatal(err)
	}
	write(t, log, "seven ")
	f.until("ne two three four five six seven ")
	f.end()
}

func TestFollowTruncation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	log := openFile(t, path, 0, 0)
	write(t, log, "long text ")
	f := follow(t, path, 100)
	f.until("long text ")
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	f.until("long text " + truncated)
	write(t, log, "new")
	f.until("long text " + truncated + "new")
	f.end()
}

// The rotation of a file that the path is a link to is followed as well.
func TestFollowThroughALink(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	path, link := filepath.Join(dir, "log"), filepath.Join(other, "link")
	log := openFile(t, path, 5, 1)
	write(t, log, "0")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	f := follow(t, link, 100)
	f.until("0")
	write(t, log, "1234")
	write(t, log, "5")
	f.until("012345")
	f.end()
}

func TestManyFollowersOfOneFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	log := openFile(t, path, 0, 0)
	write(t, log, "head ")
	before := openDescriptors(t)
	followers := make([]*following, 300) // twice what a user has of inotify instances
	watcher := new(Watcher)
	for i := range followers {
		followers[i] = followWith(t, watcher, path, 100)
		followers[i].until("head ")
	}
	write(t, log, "more")
	for _, f := range followers {
		f.until("head more")
		f.end()
	}
	if after := openDescriptors(t); after > before {
		t.Errorf("%d descriptors are open, were %d", after, before)
	}
}

func TestFollowLargeFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	text := strings.Repeat("0123456789abcde\n", 20000)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f := follow(t, path, int64(len(text)))
	f.until(text)
	f.end()
}

func TestFollowErrors(t *testing.T) {
	before := openDescriptors(t)
	never := func([]byte) error { t.Error("written"); return nil }
	watcher := new(Watcher)
	if err := watcher.Follow(t.Context(), filepath.Join(t.TempDir(), "none"), 10, never); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v, want ErrNotExist", err)
	}
	path, _ := sample(t)
	broken := errors.New("broken")
	if err := watcher.Follow(t.Context(), path, 10, func([]byte) error { return broken }); err != broken {
		t.Errorf("a failing write: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := watcher.Follow(ctx, path, 10, never); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: %v", err)
	}
	if after := openDescriptors(t); after > before {
		t.Errorf("%d descriptors are open, were %d", after, before)
	}
}
