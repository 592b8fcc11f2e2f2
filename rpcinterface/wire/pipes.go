package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
)

// PipesKey names the environment variable by which a plugin knows that it has
// inherited Pipes, and FirstPipe is the first of their descriptors.
const (
	PipesKey  = "PLUGVISOR_PIPES"
	FirstPipe = 3
)

// PipesValue is the value of PipesKey: the descriptors of Open, which are FirstPipe and
// those after it.
const PipesValue = "3,4,5,6"

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
}

// Open makes the pipes, and gives the plugin's ends: files for its descriptors from
// FirstPipe on, which the caller closes.
func (p *Pipes) Open() (theirs []*os.File, err error) {
	var ours [4]*os.File
	for i := range ours {
		r, w, err := os.Pipe()
		if err != nil {
			for _, f := range append(theirs, ours[:i]...) {
				f.Close()
			}
			return nil, fmt.Errorf("cannot make pipe: %w", err)
		}
		if i%2 == 0 { // the plugin reads
			theirs, ours[i] = append(theirs, r), w
		} else {
			theirs, ours[i] = append(theirs, w), r
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls, p.back = &pipeConn{ours[1], ours[0]}, &pipeConn{ours[3], ours[2]}
	return theirs, nil
}

// Taken says whether the plugin has taken its ends, which it has done before it serves,
// or never does. Pipes that are not taken are closed.
func (p *Pipes) Taken() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.calls != nil && p.calls.greeted() {
		return true
	}
	p.close()
	return false
}

// DialOption has go-plugin connect over the pipes, once they are taken. There is one
// connection: when it is lost, so is the plugin.
func (p *Pipes) DialOption() grpc.DialOption {
	p.mu.Lock()
	defer p.mu.Unlock()
	return dialOnce(p.calls)
}

// serveBack serves the plugin's calls, where the pipes are open.
func (p *Pipes) serveBack(s *grpc.Server) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.back != nil {
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
// nil where there are none.
func inheritPipes() (*inheritedPipes, error) {
	value := os.Getenv(PipesKey)
	if value == "" {
		return nil, nil
	}
	os.Unsetenv(PipesKey)
	var ends []*os.File
	for text := range strings.SplitSeq(value, ",") {
		fd, err := strconv.Atoi(text)
		var st syscall.Stat_t
		if err == nil {
			err = syscall.Fstat(fd, &st)
		}
		if err == nil && st.Mode&syscall.S_IFMT != syscall.S_IFIFO {
			err = errors.New("is no pipe")
		}
		if err == nil {
			err = syscall.SetNonblock(fd, true)
		}
		if err != nil {
			return nil, fmt.Errorf("cannot take %s=%s: descriptor %s: %w", PipesKey, value, text, err)
		}
		syscall.CloseOnExec(fd)
		ends = append(ends, os.NewFile(uintptr(fd), "|"+text))
	}
	if len(ends) != 4 {
		return nil, fmt.Errorf("cannot take %s=%s: not four descriptors", PipesKey, value)
	}
	p := &inheritedPipes{&pipeConn{ends[0], ends[1]}, &pipeConn{ends[2], ends[3]}}
	if _, err := p.calls.Write([]byte{greeting}); err != nil {
		return nil, fmt.Errorf("cannot take %s=%s: %w", PipesKey, value, err)
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
func dialOnce(c *pipeConn) grpc.DialOption {
	var once sync.Once
	return grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
		err := net.ErrClosed
		if c != nil {
			once.Do(func() { err = nil })
		}
		return c, err
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
