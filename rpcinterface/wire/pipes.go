package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
)

// PipesKey names the environment variable by which a plugin knows that it has
// inherited Pipes. Its value is four times a descriptor, a colon and the number of its
// inode, with commas between: something on the way may have closed the descriptor, or
// used it for another file.
const PipesKey = "PLUGVISOR_PIPES"

// greeting is what a plugin that takes its pipes writes to the first of them.
const greeting = '1'

// Pipes are the connections of a host with a plugin process that it starts, one for the
// host's calls and one for the plugin's, each of two pipes. They carry what sockets
// otherwise do, TLS included, at less cost: who reads from a unix socket wakes the other
// side's poller, which watches for room to write; who reads from a pipe does that only
// where it was full (unix(7), pipe(7)). A plugin that does not know of them is spoken to
// over its sockets.
//
// The zero value is closed. The methods may be used by many goroutines at once.
type Pipes struct {
	mu          sync.Mutex
	calls, back *pipeConn // of the host's calls, and the plugin's
	served      bool      // back is
}

// Open makes the pipes. It gives the plugin's ends, files for its descriptors from first
// on, which the caller closes, and the value of PipesKey.
func (p *Pipes) Open(first int) (theirs []*os.File, value string, err error) {
	var ours [4]*os.File
	var names []string
	for i := range ours {
		r, w, err := os.Pipe()
		if err == nil {
			end := r // the plugin's: it reads, then writes, and so once more
			if ours[i] = w; i%2 == 1 {
				end, ours[i] = w, r
			}
			theirs = append(theirs, end)
			var inode uint64
			inode, err = pipeInode(int(end.Fd()))
			names = append(names, fmt.Sprintf("%d:%d", first+i, inode))
		}
		if err != nil {
			for _, f := range append(theirs, ours[:len(theirs)]...) {
				f.Close()
			}
			return nil, "", fmt.Errorf("cannot make pipe: %w", err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls, p.back = &pipeConn{ours[1], ours[0]}, &pipeConn{ours[3], ours[2]}
	return theirs, strings.Join(names, ","), nil
}

// pipeInode tells which pipe a descriptor is; an error where it is none.
func pipeInode(fd int) (uint64, error) {
	var st syscall.Stat_t
	if err := syscall.Fstat(fd, &st); err != nil {
		return 0, err
	}
	if st.Mode&syscall.S_IFMT != syscall.S_IFIFO {
		return 0, errors.New("is no pipe")
	}
	return st.Ino, nil
}

// Dial is called once, when the plugin serves. Where it has taken its ends, which it has
// done by then or never does, ok is true, and the option has go-plugin connect over them:
// one connection, with which the plugin is lost. Else the pipes are closed.
func (p *Pipes) Dial() (option grpc.DialOption, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.calls == nil || !p.calls.greeted() {
		p.close()
		return nil, false
	}
	return dialOnce(p.calls), true
}

// serveBack serves the plugin's calls, where the pipes are open and not served yet.
func (p *Pipes) serveBack(s *grpc.Server) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.back != nil && !p.served {
		p.served = true
		go s.Serve(newPipeListener(p.back))
	}
}

// Close closes the host's ends.
func (p *Pipes) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.close()
}

func (p *Pipes) close() {
	for _, c := range []*pipeConn{p.calls, p.back} {
		if c != nil {
			c.Close()
		}
	}
	p.calls, p.back = nil, nil
}

// inheritedPipes are the plugin's ends.
type inheritedPipes struct{ calls, back *pipeConn }

// inheritPipes takes the pipes that a host has left to this process, and tells it so;
// nil where there are none, or whatever started this process has not passed them on.
func inheritPipes() (*inheritedPipes, error) {
	value := os.Getenv(PipesKey)
	os.Unsetenv(PipesKey)
	names := strings.Split(value, ",")
	if len(names) != 4 {
		return nil, nil
	}
	var fds [4]int
	for i, name := range names {
		var inode uint64
		if _, err := fmt.Sscanf(name, "%d:%d", &fds[i], &inode); err != nil {
			return nil, nil
		}
		if is, err := pipeInode(fds[i]); err != nil || is != inode {
			return nil, nil
		}
	}
	var ends [4]*os.File
	for i, fd := range fds {
		syscall.CloseOnExec(fd)
		if err := syscall.SetNonblock(fd, true); err != nil {
			return nil, fmt.Errorf("cannot take the pipe %d: %w", fd, err)
		}
		ends[i] = os.NewFile(uintptr(fd), "|")
	}
	p := &inheritedPipes{&pipeConn{ends[0], ends[1]}, &pipeConn{ends[2], ends[3]}}
	if _, err := p.calls.Write([]byte{greeting}); err != nil {
		return nil, fmt.Errorf("cannot take the pipes of the supervisor: %w", err)
	}
	return p, nil
}

// pipeConn is a connection of two pipes, one for each direction.
type pipeConn struct{ r, w *os.File }

var _ net.Conn = (*pipeConn)(nil)

func (c *pipeConn) Read(p []byte) (int, error)  { return c.r.Read(p) }
func (c *pipeConn) Write(p []byte) (int, error) { return c.w.Write(p) }
func (c *pipeConn) Close() error                { return errors.Join(c.r.Close(), c.w.Close()) }

// LocalAddr and RemoteAddr are the same for all: pipes have no names.
func (c *pipeConn) LocalAddr() net.Addr  { return pipeAddr{} }
func (c *pipeConn) RemoteAddr() net.Addr { return pipeAddr{} }

func (c *pipeConn) SetReadDeadline(t time.Time) error  { return c.r.SetReadDeadline(t) }
func (c *pipeConn) SetWriteDeadline(t time.Time) error { return c.w.SetWriteDeadline(t) }
func (c *pipeConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// greeted looks, without waiting, for a greeting.
func (c *pipeConn) greeted() bool {
	conn, err := c.r.SyscallConn()
	if err != nil {
		return false
	}
	var b [1]byte
	n := 0
	err = conn.Read(func(fd uintptr) bool {
		n, _ = syscall.Read(int(fd), b[:])
		return true
	})
	return err == nil && n == 1 && b[0] == greeting
}

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

// dialOnce has gRPC take a connection that there is.
func dialOnce(c net.Conn) grpc.DialOption {
	conn := make(chan net.Conn, 1)
	conn <- c
	return grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
		select {
		case c := <-conn:
			return c, nil
		default:
			return nil, net.ErrClosed
		}
	})
}

// pipeListener accepts one connection, and then waits for its end.
type pipeListener struct {
	conn   chan net.Conn
	closed chan struct{}
	close  func()
}

func newPipeListener(c *pipeConn) *pipeListener {
	l := &pipeListener{conn: make(chan net.Conn, 1), closed: make(chan struct{})}
	l.conn <- c
	l.close = sync.OnceFunc(func() { close(l.closed) })
	return l
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conn:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.close()
	return nil
}

func (l *pipeListener) Addr() net.Addr { return pipeAddr{} }
