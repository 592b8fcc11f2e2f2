package httpd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/plugvisor/plugvisor/core"
)

// closeGrace is how long Close waits for answers that are being written.
const closeGrace = time.Second

// ListenError says why a server cannot be opened, in the reference's words
// (supervisor.options, openhttpservers).
type ListenError struct {
	text  string
	cause error
}

// Error is the text that the reference prints.
func (e *ListenError) Error() string { return e.text }

// Unwrap gives the system's error.
func (e *ListenError) Unwrap() error { return e.cause }

// newListenError puts an error of the system into the reference's words. Failed
// look-ups have the numbers that getaddrinfo(3) has for them.
func newListenError(err error) *ListenError {
	const opening = "Cannot open an HTTP server: socket.error reported "
	var (
		errno   syscall.Errno
		lookup  *net.DNSError
		address *net.AddrError
	)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return &ListenError{"Another program is already listening on a port that one of our HTTP servers is configured to use.  " +
			"Shut this program down first before starting supervisord.", err}
	case errors.As(err, &errno):
		return &ListenError{fmt.Sprintf("%serrno.%s (%d)", opening, unix.ErrnoName(errno), int(errno)), err}
	case errors.As(err, &lookup) && lookup.IsTemporary:
		return &ListenError{opening + "-3", err}
	case errors.As(err, &lookup):
		return &ListenError{opening + "-2", err}
	case errors.As(err, &address):
		return &ListenError{opening + "-9", err}
	}
	return &ListenError{opening + err.Error(), err}
}

// Listener is an open socket, and the server on it once Serve was called.
type Listener struct {
	spec   core.ServerSpec
	socket net.Listener
	file   *socketFile // of a unix socket
	tls    *tls.Config // nil for plain HTTP
	crowd  *crowd

	ctx     context.Context // of all calls and tails
	cancel  context.CancelFunc
	active  atomic.Int64  // connections with a request under way
	drained chan struct{} // told when active falls to 0
	grace   time.Duration // closeGrace

	mu     sync.Mutex
	server *running
	closed bool
}

// Listen opens a server's socket. Connections wait in it until Serve is called.
// Its error is a *ListenError. A server's certificate is read here. TCP means IPv4, as in the reference; port 0 picks a
// free one. Taking over a stale unix socket is told on standard error.
func Listen(spec core.ServerSpec) (*Listener, error) {
	l := &Listener{spec: spec, crowd: newCrowd(spec.Section), drained: make(chan struct{}, 1), grace: closeGrace}
	var err error
	if l.tls, err = loadCertificate(spec); err != nil {
		return nil, err
	}
	if spec.Unix {
		l.socket, l.file, err = listenUnix(spec)
	} else {
		l.socket, err = net.Listen("tcp4", net.JoinHostPort(spec.Host, strconv.Itoa(spec.Port)))
	}
	if err != nil {
		var known *ListenError
		if !errors.As(err, &known) {
			known = newListenError(err)
		}
		return nil, known
	}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l, nil
}

// Addr is the address that clients find the listener at.
func (l *Listener) Addr() net.Addr {
	if l.spec.Unix {
		return &net.UnixAddr{Name: l.spec.File, Net: "unix"}
	}
	return l.socket.Addr()
}

// Serve starts answering requests and returns at once. It is called once.
func (l *Listener) Serve(b *Backend) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.server = l.run(b)
	}
}

// Close ends the server and returns when it has ended. No new connection is
// taken, calls and tails that wait are cancelled, answers are written out for up
// to a second, and what is still open then is cut off. Calling it again does
// nothing.
func (l *Listener) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.closed = true
	if l.file != nil {
		l.file.remove()
	}
	l.socket.Close()
	l.cancel()
	if l.server == nil {
		return
	}
	l.server.http.SetKeepAlivesEnabled(false)
	timeout := time.NewTimer(l.grace)
	defer timeout.Stop()
	for waiting := true; waiting && l.active.Load() > 0; {
		select {
		case <-l.drained:
		case <-timeout.C:
			waiting = false
		}
	}
	l.server.http.Close()
	<-l.server.done
}
