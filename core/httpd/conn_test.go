package httpd

import (
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// script is a connection that hands out its bytes in pieces of a size.
type script struct {
	net.Conn
	data  []byte
	piece int
}

func (s *script) Read(p []byte) (int, error) {
	if len(s.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), s.piece)], s.data)
	s.data = s.data[n:]
	return n, nil
}

// mended reads a connection to its end, in reads of a size.
func mended(t testing.TB, data string, piece, read int) string {
	c := &conn{Conn: &script{data: []byte(data), piece: piece}}
	var out bytes.Buffer
	p := make([]byte, read)
	for {
		n, err := c.Read(p)
		out.Write(p[:n])
		if errors.Is(err, io.EOF) {
			return out.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			t.Fatal("a read of nothing")
		}
	}
}

func TestConnMendsRequests(t *testing.T) {
	const whole = "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
	long := strings.Repeat("x", 100<<10)
	for _, tt := range []struct {
		name, in, want string
	}{
		{"whole", whole, whole},
		{"several", whole + whole + "GET / HTTP/1.1\r\nHOST:\r\n\r\n", whole + whole + "GET / HTTP/1.1\r\nHOST:\r\n\r\n"},
		{"no host", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost:\r\n\r\n"},
		{"no host, second", whole + "GET / HTTP/1.1\r\nX: y\r\n\r\n", whole + "GET / HTTP/1.1\r\nHost:\r\nX: y\r\n\r\n"},
		{"host in the body", "PUT / HTTP/1.1\r\nContent-Length: 6\r\n\r\nHost:\n", "PUT / HTTP/1.1\r\nHost:\r\nContent-Length: 6\r\n\r\nHost:\n"},
		{"other names with host", "GET / HTTP/1.1\r\nX-Host: a\r\nHosts: b\r\n\r\n", "GET / HTTP/1.1\r\nHost:\r\nX-Host: a\r\nHosts: b\r\n\r\n"},
		{"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"},
		{"newlines", "GET / HTTP/1.1\n\n", "GET / HTTP/1.1\nHost:\r\n\n"},
		{"blank lines between", "\r\n\n" + whole + "\r\n\r\n" + whole + "\r\n", whole + whole},
		{"blank lines within the body", "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n\r\n\r\n", "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n\r\n\r\n"},
		{"no end", whole + "GET / HTTP/1.1\r\nHost: x\r\n", whole},
		{"chunked", "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n", "PUT / HTTP/1.1\r\nHost:\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n"},
		{"bad length", "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: -4\r\n\r\nGET / HTTP/1.1\r\n\r\n", "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: -4\r\n\r\nGET / HTTP/1.1\r\n\r\n"},
		{"endless head", "GET /" + long, "GET /" + long},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, piece := range []int{1, 7, 4096, 1 << 20} {
				if got := mended(t, tt.in, piece, 4096); got != tt.want {
					t.Errorf("in pieces of %d: %.200q, want %.200q", piece, got, tt.want)
				}
			}
		})
	}
}

// How the bytes come does not matter.
func FuzzConn(f *testing.F) {
	f.Add("GET / HTTP/1.1\r\n\r\n\r\nPOST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nabcGET / HTTP/1.0\n\n", 3)
	f.Add("PUT / HTTP/1.1\r\nTransfer-Encoding: x\r\n\r\n\r\n\r\n", 1)
	f.Add("\r\n\r\nHost:\r\nContent-Length: 99999999999\r\n\r\n", 2)
	f.Fuzz(func(t *testing.T, data string, piece int) {
		piece = max(1, piece&0xFFF)
		whole := mended(t, data, len(data)+1, 4096)
		if got := mended(t, data, piece, 4096); got != whole {
			t.Errorf("in pieces of %d: %q, whole: %q", piece, got, whole)
		}
		if got := mended(t, data, piece, 2+piece%5); got != whole {
			t.Errorf("in short reads: %q, whole: %q", got, whole)
		}
	})
}

// told is a connection that keeps the deadlines it is told.
type told struct {
	net.Conn
	read, write []time.Time
}

func (c *told) SetReadDeadline(t time.Time) error  { c.read = append(c.read, t); return nil }
func (c *told) SetWriteDeadline(t time.Time) error { c.write = append(c.write, t); return nil }

// Lifting a deadline that is not there does not reach the socket; every other change does.
func TestConnDeadlines(t *testing.T) {
	socket := &told{}
	c := &conn{Conn: socket}
	var none time.Time
	first, second := time.Unix(1, 0), time.Unix(2, 0)
	for _, at := range []time.Time{none, none, first, second, second, none, none, first} {
		if err := errors.Join(c.SetReadDeadline(at), c.SetWriteDeadline(at)); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.SetDeadline(none); err != nil {
		t.Fatal(err)
	}
	want := []time.Time{first, second, second, none, first, none}
	if !slices.Equal(socket.read, want) || !slices.Equal(socket.write, want) {
		t.Errorf("read %v, write %v, want %v", socket.read, socket.write, want)
	}
}
