package httpd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/plugvisor/plugvisor/core"
)

// maxSocketPath is the longest path that a unix socket can have, in bytes.
const maxSocketPath = 107

// listenUnix opens a unix socket. It is made under a name of its own and linked to
// its path once it has its mode, so that the path never shows a half-made socket,
// and two daemons that start at once cannot both have it.
func listenUnix(spec core.ServerSpec) (net.Listener, *socketFile, error) {
	temporary := fmt.Sprintf("%s.%d", spec.File, os.Getpid())
	if len(temporary) > maxSocketPath {
		return nil, nil, newListenError(errors.New("AF_UNIX path too long"))
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	socket := os.NewFile(uintptr(fd), spec.File)
	defer socket.Close() // net.FileListener makes a copy

	os.Remove(temporary) // left behind by a dead daemon
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: temporary}); err != nil {
		return nil, nil, err
	}
	defer os.Remove(temporary)
	if err := os.Chmod(temporary, spec.Mode); err != nil {
		return nil, nil, err
	}
	if err := claim(temporary, spec.File); err != nil {
		return nil, nil, err
	}
	file := &socketFile{path: spec.File}
	if file.info, err = os.Lstat(spec.File); err != nil {
		return nil, nil, err
	}
	listener, err := open(fd, socket, spec)
	if err != nil {
		file.remove()
		return nil, nil, err
	}
	return listener, file, nil
}

// open gives the socket its owner and makes it accept connections.
func open(fd int, socket *os.File, spec core.ServerSpec) (net.Listener, error) {
	if spec.ChownUID != -1 || spec.ChownGID != -1 {
		if err := os.Chown(spec.File, spec.ChownUID, spec.ChownGID); err != nil {
			return nil, chownError(spec, err)
		}
	}
	if err := unix.Listen(fd, unix.SOMAXCONN); err != nil {
		return nil, err
	}
	return net.FileListener(socket)
}

// claim links a socket to its path. A path that is taken by a live server is an
// error; anything else that stands there is taken away first.
func claim(temporary, path string) error {
	err := os.Link(temporary, path)
	if !errors.Is(err, os.ErrExist) {
		return err
	}
	if inUse(path) {
		return unix.EADDRINUSE
	}
	fmt.Fprintf(os.Stderr, "Unlinking stale socket %s\n", path)
	if err := unix.Unlink(path); err != nil {
		return err
	}
	return os.Link(temporary, path)
}

// inUse says whether a server has the socket. One that cannot be asked counts as
// live. There is no time limit, which a busy machine could pass: a unix socket
// connects at once, or not at all where too many wait for its server.
func inUse(path string) bool {
	conn, err := net.Dial("unix", path)
	if err == nil {
		conn.Close()
		return true
	}
	return !errors.Is(err, unix.ECONNREFUSED) && !errors.Is(err, unix.ENOENT)
}

func chownError(spec core.ServerSpec, err error) error {
	if !errors.Is(err, unix.EPERM) {
		return err
	}
	name := strconv.Itoa(os.Geteuid())
	if u, err := user.LookupId(name); err == nil {
		name = u.Username
	}
	return &ListenError{fmt.Sprintf("Not permitted to chown %s to uid/gid (%d, %d); adjust \"sockchown\" value in config file or "+
		"on command line to values that the current user (%s) can successfully chown", spec.File, spec.ChownUID, spec.ChownGID, name), err}
}

// socketFile is the file of a unix socket that is ours.
type socketFile struct {
	path string
	info os.FileInfo
}

// remove deletes the file, unless another daemon has put its own there.
func (f *socketFile) remove() {
	if now, err := os.Lstat(f.path); err == nil && os.SameFile(f.info, now) {
		os.Remove(f.path)
	}
}
