package httpd

import (
	"bytes"
	"container/list"
	"errors"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"
)

// conn is a connection whose requests are mended on their way to net/http, which
// is stricter than the reference: blank lines before a request are dropped, and a
// HTTP/1.1 request without a Host, which clients written by hand send, gets an
// empty one. To find the requests it follows their lengths; after a request
// whose body has no plain length it hands everything through as it is.
//
// While a request is served, net/http reads a single byte ahead to notice that the
// client has gone. Such a read ends here only with the connection, so that stray
// bytes after a request (the reference's tail sends a blank line) do not hide it.
type conn struct {
	net.Conn
	socket   net.Conn // what Conn speaks TLS on, or Conn itself
	active   bool     // for Listener.track
	known    bool     // admit was called
	crowd    *crowd
	stranger *list.Element // crowd's
	gone     bool          // crowd's

	pending []byte // read from the connection and not handed out yet
	room    []byte // where pending lies
	left    int64  // how much more may be handed out before the next request begins
	plain   bool   // requests are no longer followed

	reading, writing deadline
}

// deadline is one that a connection has or has not. net/http lifts both kinds several
// times a request, whether there is one or not, and each time costs a look at timers.
type deadline struct {
	mu  sync.Mutex
	has bool
}

func (d *deadline) set(t time.Time, set func(time.Time) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t.IsZero() && !d.has {
		return nil
	}
	d.has = !t.IsZero()
	return set(t)
}

const (
	firstRoom = 2 << 10
	maxHead   = 64 << 10
)

// Read is net.Conn's.
func (c *conn) Read(p []byte) (int, error) {
	if c.left == 0 && !c.plain {
		if err := c.awaitHead(len(p) == 1); err != nil {
			return 0, err
		}
	}
	if !c.plain && int64(len(p)) > c.left {
		p = p[:c.left]
	}
	var n int
	var err error
	if len(c.pending) > 0 {
		n = copy(p, c.pending)
		c.pending = c.pending[n:]
	} else {
		n, err = c.Conn.Read(p)
	}
	if !c.plain {
		c.left -= int64(n)
	}
	return n, err
}

// handedOut says that a request has been read to its end. It is for the time in which
// nobody reads.
func (c *conn) handedOut() bool { return c.left == 0 && !c.plain }

// SetReadDeadline is net.Conn's.
func (c *conn) SetReadDeadline(t time.Time) error { return c.reading.set(t, c.Conn.SetReadDeadline) }

// SetWriteDeadline is net.Conn's.
func (c *conn) SetWriteDeadline(t time.Time) error { return c.writing.set(t, c.Conn.SetWriteDeadline) }

// SetDeadline is net.Conn's.
func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// Close is net.Conn's.
func (c *conn) Close() error {
	c.crowd.leave(c)
	return c.Conn.Close()
}

// admit is told that a request has passed the login. Requests of a connection come
// one after the other.
func (c *conn) admit() {
	if !c.known {
		c.known = true
		c.crowd.admit(c)
	}
}

// CloseWrite lets net/http end an answer before it closes the connection.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// awaitHead reads until the head of a request is there as a whole, and mends it.
// A mere watch goes on until the connection fails or too much has come.
func (c *conn) awaitHead(watch bool) error {
	for {
		c.pending = bytes.TrimLeft(c.pending, "\r\n")
		if end := headEnd(c.pending); end > 0 && !watch {
			c.mend(end)
			return nil
		}
		if len(c.pending) >= maxHead {
			c.plain = true
			return nil
		}
		if len(c.pending) == 0 {
			if c.room == nil {
				c.room = make([]byte, 0, firstRoom)
			}
			c.pending = c.room[:0]
		}
		if len(c.pending) == cap(c.pending) {
			c.pending = slices.Grow(c.pending, len(c.pending))
		}
		n, err := c.Conn.Read(c.pending[len(c.pending):cap(c.pending)])
		c.pending = c.pending[:len(c.pending)+n]
		if err != nil {
			return err
		}
	}
}

// headEnd finds the end of the blank line that ends a head, 0 when there is none.
func headEnd(b []byte) int {
	for i := 0; ; {
		n := bytes.IndexByte(b[i:], '\n')
		if n < 0 {
			return 0
		}
		i += n + 1
		switch {
		case bytes.HasPrefix(b[i:], []byte("\r\n")):
			return i + 2
		case bytes.HasPrefix(b[i:], []byte("\n")):
			return i + 1
		}
	}
}

// mend looks at the head that pending begins with, for where its request ends and
// whether it names its host.
func (c *conn) mend(end int) {
	request, fields, _ := bytes.Cut(c.pending[:end], []byte("\n"))
	first := len(request) + 1
	body := int64(0)
	host := !bytes.HasSuffix(bytes.TrimRight(request, "\r"), []byte(" HTTP/1.1"))
	for line := range bytes.Lines(fields) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case isField(name, "host"):
			host = true
		case isField(name, "transfer-encoding"):
			c.plain = true
		case isField(name, "content-length"):
			n, err := strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 32)
			if err != nil || n < 0 {
				c.plain = true
			}
			body = n
		}
	}
	if !host {
		const field = "Host:\r\n"
		c.pending = slices.Insert(c.pending, first, []byte(field)...)
		end += len(field)
	}
	c.left = int64(end) + body
}

func isField(name []byte, field string) bool {
	return len(name) == len(field) && bytes.EqualFold(name, []byte(field))
}
