package twiddler

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/plugvisor/plugvisor/sdk"
)

// persistKey is the key that names the file.
const persistKey = "persist"

// room is how much longer a file may become by one change than it is, in bytes; what
// is longer may fail to be written after the change.
const room = 64 << 10

// store keeps what was added at run time in a file, which it replaces whole: a reader
// sees all of a change or nothing, whenever the plugin or the machine stops. What the
// supervisor has is the truth; the file follows, and is looked at only when the
// supervisor has just started.
type store struct {
	host sdk.Host
	path string
	mu   sync.Mutex // held during a change: the file has one writer
}

// unsaved is a change that was made and could not be written.
type unsaved struct{ *sdk.Fault }

func (e unsaved) Unwrap() error { return e.Fault }

func isUnsaved(err error) bool {
	_, ok := errors.AsType[unsaved](err)
	return ok
}

// load has the supervisor take in what the file has. A damaged file is set aside.
func (s *store) load(ctx context.Context) error {
	if !filepath.IsAbs(s.path) {
		return fmt.Errorf("%s: %s is not an absolute path", persistKey, s.path)
	}
	text, err := os.ReadFile(s.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: cannot read what is persisted: %w", persistKey, err)
	}
	if err == nil {
		err := s.host.RestorePrograms(ctx, s.path, string(text))
		fault, _ := errors.AsType[*sdk.Fault](err)
		switch {
		case fault != nil && fault.Code == sdk.CodeCantReread:
			if err := s.setAside(ctx, fault); err != nil {
				return err
			}
			text = nil
			if err := s.host.RestorePrograms(ctx, s.path, ""); err != nil {
				return err
			}
		case err != nil:
			return fmt.Errorf("%s: cannot take in %s: %w", persistKey, s.path, err)
		}
	} else if err := s.host.RestorePrograms(ctx, s.path, ""); err != nil {
		// Nothing to take in, but the path may be one that must not be written.
		return fmt.Errorf("%s: cannot use %s: %w", persistKey, s.path, err)
	}
	// A change that was made and not written, since the plugin was killed, is now.
	now, err := s.host.PersistedPrograms(ctx)
	if err != nil {
		return err
	}
	if now == string(text) {
		os.Remove(s.temporary()) // what a write that was cut off has left
		return nil
	}
	if err := s.write(now); err != nil {
		return fmt.Errorf("%s: %w", persistKey, err)
	}
	return nil
}

// setAside renames a file that cannot be read.
func (s *store) setAside(ctx context.Context, why *sdk.Fault) error {
	aside := s.path + ".damaged-" + time.Now().Format("20060102-150405.000000")
	if err := os.Rename(s.path, aside); err != nil {
		return fmt.Errorf("%s: cannot set a damaged file aside: %w", persistKey, err)
	}
	return s.host.Log(ctx, sdk.LevelErro, fmt.Sprintf(
		"%s is damaged and was set aside as %s; nothing of it was taken in: %s", s.path, aside, why.Message))
}

// around makes a change and writes what came of it. Where the file cannot be written
// the change is not made.
func (s *store) around(ctx context.Context, change func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.probe(); err != nil {
		return sdk.NewFault(sdk.CodeFailed, fmt.Sprintf("nothing was changed: %v", err))
	}
	if err := change(); err != nil {
		os.Remove(s.temporary())
		return err
	}
	text, err := s.host.PersistedPrograms(context.WithoutCancel(ctx))
	if err == nil {
		err = s.write(text)
	}
	if err != nil {
		return unsaved{sdk.NewFault(sdk.CodeFailed, fmt.Sprintf(
			"it was changed, and lasts until supervisord ends: %v; the next change writes it too", err))}
	}
	return nil
}

func (s *store) temporary() string { return s.path + ".new" }

// probe sees whether the file can be written with a change more.
func (s *store) probe() error {
	size := int64(room)
	if info, err := os.Stat(s.path); err == nil {
		size += info.Size()
	}
	f, err := s.create()
	if err != nil {
		return err
	}
	defer f.Close()
	if err := allocate(f, size); err != nil {
		os.Remove(s.temporary())
		return fmt.Errorf("cannot write %s: %w", s.path, err)
	}
	return nil
}

func (s *store) create() (*os.File, error) {
	// It may hold passwords, in environment=.
	f, err := os.OpenFile(s.temporary(), os.O_WRONLY|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot write %s: %w", s.path, err)
	}
	return f, nil
}

// write replaces the file.
func (s *store) write(text string) error {
	f, err := s.create()
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Truncate(int64(len(text))))
	err = errors.Join(err, f.Sync())
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(s.temporary(), s.path)
	}
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", s.path, err)
	}
	return syncDir(filepath.Dir(s.path))
}

// syncDir makes a rename last (fsync(2)).
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", dir, err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("cannot write %s: %w", dir, err)
	}
	return nil
}
