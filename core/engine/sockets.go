package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// sockets are those that FastCGI programs share, by group (supervisor.socket_manager).
// One is made when the first process of its group is started, and closed when the
// last has ended; a unix socket's file stays.
type sockets struct {
	log func(string)

	mu   sync.Mutex
	open map[string]*sharedSocket
}

type sharedSocket struct {
	file  *os.File
	url   string
	users int
}

func newSockets(logger core.Logger) *sockets {
	return &sockets{
		log:  func(line string) { logger.Log(rpcinterface.LevelInfo, line) },
		open: map[string]*sharedSocket{},
	}
}

// acquire gives the group's socket, which is made if need be. The file is the
// registry's; release must follow.
func (s *sockets) acquire(group string, spec *core.SocketSpec) (*os.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	shared := s.open[group]
	if shared == nil {
		s.log("Creating socket " + spec.URL)
		file, err := listen(spec)
		if err != nil {
			return nil, fmt.Errorf("Could not create FastCGI socket %s: %w", spec.URL, err)
		}
		shared = &sharedSocket{file: file, url: spec.URL}
		s.open[group] = shared
	}
	shared.users++
	return shared.file, nil
}

func (s *sockets) release(group string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	shared := s.open[group]
	if shared.users--; shared.users > 0 {
		return
	}
	s.log("Closing socket " + shared.url)
	shared.file.Close()
	delete(s.open, group)
}

// CheckSocket makes a socket that nobody has and closes it again, to find mistakes
// early as the reference does.
func (e *Engine) CheckSocket(spec *core.SocketSpec) error {
	probe := newSockets(e.Logger)
	if _, err := probe.acquire("", spec); err != nil {
		return err
	}
	probe.release("")
	return nil
}

// listen makes a blocking socket, as the child wants it for its standard input.
func listen(spec *core.SocketSpec) (file *os.File, err error) {
	domain, address, err := addressOf(spec)
	if err != nil {
		return nil, err
	}
	fd, err := unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot make socket: %w", err)
	}
	defer func() {
		if err != nil {
			unix.Close(fd)
		}
	}()
	if spec.Path != "" {
		if err := os.Remove(spec.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("cannot replace socket: %w", err)
		}
	} else if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return nil, fmt.Errorf("cannot set SO_REUSEADDR: %w", err)
	}
	if err := unix.Bind(fd, address); err != nil {
		return nil, fmt.Errorf("cannot bind: %w", err)
	}
	if err := access(spec); err != nil {
		os.Remove(spec.Path)
		return nil, err
	}
	backlog := int(spec.Backlog)
	if backlog == 0 {
		backlog = unix.SOMAXCONN
	}
	if err := unix.Listen(fd, backlog); err != nil {
		return nil, fmt.Errorf("cannot listen: %w", err)
	}
	return os.NewFile(uintptr(fd), spec.URL), nil
}

func addressOf(spec *core.SocketSpec) (domain int, address unix.Sockaddr, err error) {
	if spec.Path != "" {
		return unix.AF_UNIX, &unix.SockaddrUnix{Name: spec.Path}, nil
	}
	tcp, err := net.ResolveTCPAddr("tcp4", net.JoinHostPort(spec.Host, strconv.Itoa(spec.Port)))
	if err != nil {
		return 0, nil, fmt.Errorf("cannot resolve %s: %w", spec.Host, err)
	}
	in := &unix.SockaddrInet4{Port: tcp.Port}
	copy(in.Addr[:], tcp.IP.To4())
	return unix.AF_INET, in, nil
}

// access sets a unix socket's owner and mode.
func access(spec *core.SocketSpec) error {
	if spec.Path == "" {
		return nil
	}
	if spec.OwnerUID >= 0 || spec.OwnerGID >= 0 {
		if err := os.Chown(spec.Path, spec.OwnerUID, spec.OwnerGID); err != nil {
			return fmt.Errorf("Could not change ownership of socket file: %w", err)
		}
	}
	if err := os.Chmod(spec.Path, spec.Mode); err != nil {
		return fmt.Errorf("Could not change permissions of socket file: %w", err)
	}
	return nil
}
