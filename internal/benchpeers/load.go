package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// endpoint is where a server listens.
type endpoint struct{ network, address string }

// request makes the bytes of one XML-RPC call. Params is the XML within
// <params>.
func request(method, params string) []byte {
	body := "<?xml version='1.0'?>\n<methodCall>\n<methodName>" + method + "</methodName>\n<params>\n" + params + "</params>\n</methodCall>\n"
	return []byte("POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: " +
		strconv.Itoa(len(body)) + "\r\n\r\n" + body)
}

// stringParam, intParam and structParam write parameters for request.
func stringParam(s string) string {
	return "<param><value><string>" + s + "</string></value></param>\n"
}

func intParam(n int) string { return fmt.Sprintf("<param><value><int>%d</int></value></param>\n", n) }

func structParam(members ...[2]string) string {
	var b strings.Builder
	b.WriteString("<param><value><struct>")
	for _, m := range members {
		b.WriteString("<member><name>" + m[0] + "</name><value><string>" + m[1] + "</string></value></member>")
	}
	b.WriteString("</struct></value></param>\n")
	return b.String()
}

// connection is one keep-alive connection.
type connection struct {
	net.Conn
	r    *bufio.Reader
	body []byte
}

// callTimeout ends a call that hangs, and with it the bench.
const callTimeout = 5 * time.Minute

func dial(e endpoint) (*connection, error) {
	c, err := net.DialTimeout(e.network, e.address, 5*time.Second)
	if err != nil {
		return nil, err
	}
	return &connection{Conn: c, r: bufio.NewReaderSize(c, 64<<10)}, nil
}

// dialAlone is dial for a connection that is the only one in use. Its system calls
// block, so that the client's own poller and scheduler are no part of what is measured.
func dialAlone(e endpoint) (*connection, error) {
	c, err := dial(e)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	f, err := c.Conn.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		return nil, err
	}
	fd := int(f.Fd()) // it blocks from now on
	limit := unix.NsecToTimeval(callTimeout.Nanoseconds())
	err = errors.Join(unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit))
	if err != nil {
		f.Close()
		return nil, err
	}
	socket := &blockingSocket{f, uintptr(fd)}
	return &connection{Conn: socket, r: bufio.NewReaderSize(socket, 64<<10)}, nil
}

// blockingSocket reads and writes without a word to Go's scheduler. Nothing else runs
// meanwhile.
type blockingSocket struct {
	*os.File
	fd uintptr
}

func (s *blockingSocket) Read(p []byte) (int, error) {
	n, err := s.raw(syscall.SYS_READ, p)
	if n == 0 && err == nil && len(p) > 0 {
		err = io.EOF
	}
	return n, err
}

func (s *blockingSocket) Write(p []byte) (done int, err error) {
	for done < len(p) && err == nil {
		var n int
		n, err = s.raw(syscall.SYS_WRITE, p[done:])
		done += n
	}
	return done, err
}

func (s *blockingSocket) raw(call uintptr, p []byte) (int, error) {
	for {
		n, _, errno := syscall.RawSyscall(call, s.fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		switch errno {
		case 0:
			return int(n), nil
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}

// LocalAddr and RemoteAddr are not asked for, and SetDeadline is in the socket.
func (s *blockingSocket) LocalAddr() net.Addr         { return nil }
func (s *blockingSocket) RemoteAddr() net.Addr        { return nil }
func (s *blockingSocket) SetDeadline(time.Time) error { return nil }

// call sends a request and reads its answer; the body is valid until the next
// call. A fault is an error.
func (c *connection) call(req []byte) ([]byte, error) {
	if err := c.SetDeadline(time.Now().Add(callTimeout)); err != nil {
		return nil, err
	}
	if _, err := c.Write(req); err != nil {
		return nil, err
	}
	length, err := c.readHeader()
	if err != nil {
		return nil, err
	}
	if length < 0 {
		err = c.readChunks()
	} else {
		c.body = slices.Grow(c.body[:0], length)[:length]
		_, err = io.ReadFull(c.r, c.body)
	}
	if err != nil {
		return nil, err
	}
	if bytes.Contains(c.body, []byte("<fault>")) {
		return nil, fmt.Errorf("fault: %s", c.body)
	}
	return c.body, nil
}

// readHeader gives the length of the body, -1 for one in chunks.
func (c *connection) readHeader() (int, error) {
	status, err := c.r.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if !bytes.HasPrefix(status, []byte("HTTP/1.1 200")) {
		return 0, fmt.Errorf("answer %q", status)
	}
	length, found := 0, false
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		name, value, _ := strings.Cut(strings.TrimSpace(string(line)), ":")
		switch {
		case name == "" && !found:
			return 0, errors.New("answer without length")
		case name == "":
			return length, nil
		case strings.EqualFold(name, "Content-Length"):
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
				return 0, err
			}
			found = true
		case strings.EqualFold(name, "Transfer-Encoding"):
			length, found = -1, true
		}
	}
}

func (c *connection) readChunks() error {
	c.body = c.body[:0]
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return err
		}
		n, err := strconv.ParseUint(string(bytes.TrimSpace(line)), 16, 31)
		if err != nil {
			return err
		}
		start := len(c.body)
		c.body = slices.Grow(c.body, int(n)+2)[:start+int(n)+2]
		if _, err := io.ReadFull(c.r, c.body[start:]); err != nil {
			return err
		}
		c.body = c.body[:start+int(n)]
		if n == 0 {
			return nil
		}
	}
}

// load is what one measurement gave; each kind of work has its own part of it.
type load struct {
	rate   float64 // calls, bytes or wake-ups a second
	median float64 // of one call or start, in seconds
	cpu    float64 // seconds of processor time, for a GiB or in a second
	memory float64 // bytes
}

// burst repeats a request on some connections at once for a time.
func burst(e endpoint, req []byte, connections int, span time.Duration) (load, error) {
	conns := make([]*connection, connections)
	open := dial
	if connections == 1 {
		open = dialAlone
	}
	for i := range conns {
		c, err := open(e)
		if err != nil {
			return load{}, fmt.Errorf("cannot connect to %s: %w", e.address, err)
		}
		defer c.Close()
		conns[i] = c
		if _, err := c.call(req); err != nil { // the first call is no part of it
			return load{}, fmt.Errorf("cannot call %s: %w", e.address, err)
		}
	}
	times := make([][]float64, connections)
	errs := make([]error, connections)
	var wg sync.WaitGroup
	begin := time.Now()
	end := begin.Add(span)
	for i, c := range conns {
		wg.Go(func() {
			// Once at least: where the machine is busy the span may be over already.
			for at := time.Now(); len(times[i]) == 0 || at.Before(end); {
				if _, errs[i] = c.call(req); errs[i] != nil {
					return
				}
				now := time.Now()
				times[i] = append(times[i], now.Sub(at).Seconds())
				at = now
			}
		})
	}
	wg.Wait()
	took := time.Since(begin).Seconds()
	if err := errors.Join(errs...); err != nil {
		return load{}, fmt.Errorf("cannot call %s: %w", e.address, err)
	}
	all := slices.Concat(times...)
	return load{rate: float64(len(all)) / took, median: median(all)}, nil
}
