package extension

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/plugvisor/plugvisor/core/trust"
)

// maxSocketPath is the longest path that a unix socket can have, in bytes.
const maxSocketPath = len(unix.RawSockaddrUnix{}.Path) - 1

// longestSocket is the longest path that go-plugin makes below the directory that
// it is given: one directory for each plugin, and the sockets in it.
const longestSocket = "/plugin-dir4294967295/plugin4294967295"

// sockets is the directory of one daemon's plugin sockets. The daemon holds a lock
// on it, which the kernel takes away with the process: a directory that can be
// locked belongs to nobody.
type sockets struct {
	dir  string
	lock *os.File
}

// claimSockets makes a directory of our own below runDir, readable by nobody else,
// and removes those that dead daemons left there.
func claimSockets(runDir string) (*sockets, error) {
	runDir, err := filepath.Abs(runDir)
	if err != nil {
		return nil, fmt.Errorf("cannot find the run directory: %w", err)
	}
	own := len("/" + socketsPrefix + strings.Repeat("x", socketsSuffix))
	if room := maxSocketPath - len(longestSocket) - own; len(runDir) > room {
		return nil, fmt.Errorf("cannot make sockets for plugins in %s: the path is longer than %d bytes; choose another run directory",
			runDir, room)
	}
	if err := os.MkdirAll(runDir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the run directory: %w", err)
	}
	if err := checkOurs(runDir); err != nil {
		return nil, err
	}
	sweepSockets(runDir)
	for {
		dir := filepath.Join(runDir, socketsPrefix+strings.ToLower(rand.Text())[:socketsSuffix])
		if err := os.Mkdir(dir, 0o700); errors.Is(err, fs.ErrExist) {
			continue
		} else if err != nil {
			return nil, fmt.Errorf("cannot make the directory of plugin sockets: %w", err)
		}
		lock, err := lockDir(dir, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue // another daemon's sweep was faster than the lock
		}
		if err != nil {
			return nil, fmt.Errorf("cannot lock %s: %w", dir, err)
		}
		return &sockets{dir: dir, lock: lock}, nil
	}
}

// checkOurs refuses a directory in which others could put sockets in the place of
// ours: in /tmp anybody may have made it first.
func checkOurs(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("cannot look at the run directory: %w", err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || int(st.Uid) != os.Geteuid() || info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("cannot make sockets for plugins in %s: it is not a directory that only we can write to; "+
			"remove it, or set TMPDIR to another place", dir)
	}
	return nil
}

const (
	socketsPrefix = "pv-"
	socketsSuffix = 6
)

// sweepSockets removes the socket directories below runDir whose daemons are dead.
// What it cannot remove it leaves.
func sweepSockets(runDir string) {
	entries, err := os.ReadDir(runDir)
	if err != nil {
		return
	}
	ours := regexp.MustCompile(fmt.Sprintf(`^%s[a-z0-9]{%d}$`, socketsPrefix, socketsSuffix))
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !ours.MatchString(e.Name()) || info.Mode()&^enter != fs.ModeDir|0o700 {
			continue
		}
		if st, ok := info.Sys().(*syscall.Stat_t); !ok || int(st.Uid) != os.Geteuid() {
			continue
		}
		dir := filepath.Join(runDir, e.Name())
		lock, err := lockDir(dir, unix.LOCK_NB)
		if err != nil {
			continue
		}
		os.RemoveAll(dir)
		lock.Close()
	}
}

// lockDir takes the lock of a directory. The error is fs.ErrNotExist when the
// directory went away before it was locked.
func lockDir(dir string, flags int) (*os.File, error) {
	f, err := os.OpenFile(dir, unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|flags)
		if err != unix.EINTR {
			break
		}
	}
	if err == nil {
		err = sameFile(f, dir)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func sameFile(f *os.File, path string) error {
	opened, err := f.Stat()
	if err != nil {
		return err
	}
	found, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !os.SameFile(opened, found) {
		return fs.ErrNotExist
	}
	return nil
}

// enter lets everybody through a directory to what they know the name of.
const enter = fs.FileMode(0o011)

// giveSocketDir gives the directory that go-plugin has made for one plugin's sockets
// to the plugin's user, and lets it through those above that are ours.
func giveSocketDir(dir string, cred *syscall.Credential) error {
	own := filepath.Dir(dir)
	for _, above := range []string{own, filepath.Dir(own)} {
		info, err := os.Stat(above)
		if err == nil && info.Mode()&enter != enter {
			err = os.Chmod(above, info.Mode().Perm()|enter)
		}
		if err != nil {
			return fmt.Errorf("cannot let uid %d to its sockets: %w", cred.Uid, err)
		}
	}
	if closed, ok := trust.Reachable(own, cred); !ok {
		return fmt.Errorf("uid %d, which plugin.user names, cannot get to its sockets in %s: %s is closed to it; "+
			"open it, or set TMPDIR to another place", cred.Uid, own, closed)
	}
	if err := os.Lchown(dir, int(cred.Uid), int(cred.Gid)); err != nil {
		return fmt.Errorf("cannot give the directory of sockets to uid %d: %w", cred.Uid, err)
	}
	return nil
}

// giveSocket gives a socket that the daemon has made to a plugin's user. The
// directory that it is in may be that user's, who could have put another thing in
// its place: only a socket of the daemon's that has no other name is given away.
func giveSocket(path string, cred *syscall.Credential) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("cannot open the socket %s: %w", path, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("cannot look at the socket %s: %w", path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFSOCK || int(st.Uid) != os.Geteuid() || st.Nlink != 1 {
		return fmt.Errorf("cannot give %s to uid %d: it is not the socket that was made there", path, cred.Uid)
	}
	if err := unix.Fchownat(fd, "", int(cred.Uid), int(cred.Gid), unix.AT_EMPTY_PATH); err != nil {
		return fmt.Errorf("cannot give the socket %s to uid %d: %w", path, cred.Uid, err)
	}
	return nil
}

// gone says whether somebody has removed the directory.
func (s *sockets) gone() bool { return errors.Is(sameFile(s.lock, s.dir), fs.ErrNotExist) }

// release removes the directory.
func (s *sockets) release() {
	os.RemoveAll(s.dir)
	s.lock.Close()
}
