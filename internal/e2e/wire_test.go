package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// dial connects to the inet server, for a test that writes its requests itself.
func (s *site) dial() (net.Conn, *bufio.Reader) {
	s.t.Helper()
	conn, err := net.Dial("tcp4", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return conn, bufio.NewReader(conn)
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, "")
	for _, c := range []struct {
		name, head, body string
		status           int
	}{
		{"no XML", "", "hello", 400},
		{"no method name", "", "<methodCall></methodCall>", 400},
		{"bytes that are no UTF-8", "", "<methodCall>\xff", 400},
		{"empty body", "", "", 400},
		{"no length", "none", "", 411},
	} {
		conn, r := d.dial()
		head := fmt.Sprintf("Content-Length: %d\r\n", len(c.body))
		if c.head == "none" {
			head = ""
		}
		fmt.Fprintf(conn, "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\n%s\r\n%s", head, c.body)
		answer, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		io.Copy(io.Discard, answer.Body)
		if answer.StatusCode != c.status {
			t.Errorf("%s: status %d, want %d", c.name, answer.StatusCode, c.status)
		}
	}
	expect(d.site, fmt.Sprint(d.pid), "supervisor.getPID")
}

// TestLargeBody announces a body and never sends it: the refusal comes all the
// same.
func TestLargeBody(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, "")
	conn, r := d.dial()
	fmt.Fprintf(conn, "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", 8<<20+1)
	answer, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("announced: status %d, want 413", answer.StatusCode)
	}
	conn.Close()

	// One in chunks has no end; it is read up to the limit.
	conn, r = d.dial()
	fmt.Fprintf(conn, "POST /RPC2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
	wrote := make(chan int64, 1)
	go func() {
		var n int64
		chunk := "10000\r\n" + strings.Repeat(" ", 0x10000) + "\r\n"
		for {
			if _, err := io.WriteString(conn, chunk); err != nil {
				wrote <- n
				return
			}
			n += 0x10000
		}
	}()
	if answer, err = http.ReadResponse(r, nil); err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("in chunks: status %d, want 413", answer.StatusCode)
	}
	// What is on the way, in buffers of the system, was not read.
	if n := <-wrote; n > 64<<20 {
		t.Errorf("%d bytes were taken", n)
	}
	expect(d.site, fmt.Sprint(d.pid), "supervisor.getPID")
}
