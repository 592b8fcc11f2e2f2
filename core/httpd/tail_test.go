package httpd_test

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// begin asks for a tail and reads the head of the answer and its first n bytes.
func (c *client) begin(raw string, n int) (*http.Response, string) {
	c.t.Helper()
	c.send(raw)
	r, err := http.ReadResponse(c.in, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	data := make([]byte, n)
	if _, err := io.ReadFull(r.Body, data); err != nil {
		c.t.Fatalf("cannot read the tail: %v", err)
	}
	return r, string(data)
}

func writeLog(t *testing.T, s *server, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestTails(t *testing.T) {
	s := startUnix(t)
	writeLog(t, s, "p.stdout", "out")
	writeLog(t, s, "p.stderr", "err")
	writeLog(t, s, "g:a b.stdout", "member")
	writeLog(t, s, "big.stdout", strings.Repeat("x", 5000)+strings.Repeat("y", 1024))
	writeLog(t, s, "main.log", "main")
	for _, tt := range []struct {
		path, want string
		process    bool
	}{
		{"/logtail/p", "out", true},
		{"/logtail/p/stdout", "out", true},
		{"/logtail/p/stderr", "err", true},
		{"/logtail/g:a%20b", "member", true},
		{"/logtail/g%3Aa%2520b/stdout?x=y", "member", true},
		{"/logtailx/p;x=y", "out", true},
		{"/logtail/big", strings.Repeat("y", 1024), true},
		{"/logtail/big?limit=1025", "x" + strings.Repeat("y", 1024), true},
		{"/logtail/big?limit=999999999", strings.Repeat("x", 5000) + strings.Repeat("y", 1024), true},
		{"/logtail/big?limit=-1", strings.Repeat("y", 1024), true},
		{"/mainlogtail", "main", false},
		{"/mainlogtail?limit=2", "in", false},
		{"/mainlogtailx/y", "main", false},
	} {
		t.Run(tt.path, func(t *testing.T) {
			c := s.dial(t)
			r, got := c.begin(request("GET "+tt.path+" HTTP/1.1", ""), len(tt.want))
			if r.StatusCode != 200 || got != tt.want {
				t.Errorf("%s %q, want %q", r.Status, got, tt.want)
			}
			buffering := ""
			if tt.process {
				buffering = "no"
			}
			if r.Header.Get("X-Accel-Buffering") != buffering || r.Header.Get("Content-Type") != "text/plain;charset=utf-8" ||
				r.Header.Get("Last-Modified") == "" || len(r.TransferEncoding) != 1 || r.TransferEncoding[0] != "chunked" {
				t.Errorf("header %v %v", r.Header, r.TransferEncoding)
			}
			expect(t, s.tails, "begun")
			c.Close()
			expect(t, s.tails, "ended")
		})
	}
}

func TestTailOverHTTP10(t *testing.T) {
	s := startUnix(t)
	writeLog(t, s, "p.stdout", "out")
	c := s.dial(t)
	r, got := c.begin("GET /logtail/p HTTP/1.0\r\n\r\n", 3)
	if r.StatusCode != 200 || got != "out" || r.ContentLength >= 0 || len(r.TransferEncoding) > 0 {
		t.Errorf("%s %q %v", r.Status, got, r.Header)
	}
}

// A client that has left frees what its tail holds, whatever it sent before.
func TestTailEndsWhenTheClientLeaves(t *testing.T) {
	for name, stray := range map[string]string{
		"nothing":       "",
		"a blank line":  "\r\n",
		"half a head":   "GET / HT",
		"other bytes":   "\x00\xff junk\r\n junk",
		"a request":     request("GET /nosuch HTTP/1.1", ""),
		"many requests": strings.Repeat(request("GET /nosuch HTTP/1.1", ""), 100),
	} {
		t.Run(name, func(t *testing.T) {
			s := startUnix(t)
			writeLog(t, s, "p.stdout", "out")
			c := s.dial(t)
			c.begin(request("GET /logtail/p HTTP/1.1", "")+stray, 3)
			expect(t, s.tails, "begun")
			c.send(stray)
			c.Close()
			expect(t, s.tails, "ended")
		})
	}
}

func TestCloseEndsTails(t *testing.T) {
	s := startUnix(t)
	s.SetGrace(patience)
	writeLog(t, s, "p.stdout", "out")
	c := s.dial(t)
	r, _ := c.begin(request("GET /logtail/p HTTP/1.1", ""), 3)
	expect(t, s.tails, "begun")
	s.Close()
	expect(t, s.tails, "ended")
	if rest, err := io.ReadAll(r.Body); err != nil || len(rest) > 0 {
		t.Errorf("the tail ended with %q, %v", rest, err)
	}
}

func TestTailOfWhatCannotBeReadIsCutOff(t *testing.T) {
	s := startUnix(t)
	if err := os.Mkdir(filepath.Join(s.dir, "p.stdout"), 0o777); err != nil {
		t.Fatal(err)
	}
	c := s.dial(t)
	c.send(request("GET /logtail/p HTTP/1.1", ""))
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r.Body); err == nil {
		t.Error("the answer ends as if it were whole")
	}
}
