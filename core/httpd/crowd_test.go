package httpd_test

import (
	"crypto/tls"
	"io"
	"math"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/httpd"
)

// Clients that do nothing, or next to nothing, cost little and hold nobody up.
func TestCrowd(t *testing.T) {
	s := startTCP(t, "", "")
	const each = 170
	s.SetRoom(4*each, 2*each)
	s.ask(t, post(getVersion))
	before := heap()
	slowHead := "POST /RPC2 HTTP/1.1\r\nX: " + strings.Repeat("y", 1<<10)
	slowBody := "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n\r\n<methodCall>"
	for range each {
		idle := s.dial(t)
		idle.send(post(getVersion))
		idle.receive("POST")
		s.dial(t).send(slowHead)
		s.dial(t).send(slowBody)
	}
	began := time.Now()
	for range 20 {
		if r, body := s.ask(t, post(getVersion)); r.StatusCode != 200 || body != version {
			t.Fatalf("%s %s", r.Status, body)
		}
	}
	if took := time.Since(began); took > patience/4 {
		t.Errorf("20 calls took %v", took)
	}
	const most = 32 << 10
	if cost := (heap() - before) / (3 * each); cost > most {
		t.Errorf("a connection costs %d bytes, want %d at most, this side included", cost, most)
	}
}

// heap is how many bytes are in use.
func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}

// Browsers tell where a request comes from; nobody else does.
func TestPagesOfOtherSitesMakeNoCalls(t *testing.T) {
	s := startTCP(t, "", "")
	for fields, want := range map[string]int{
		"Sec-Fetch-Site: cross-site":  403,
		"Sec-Fetch-Site: same-site":   403,
		"Sec-Fetch-Site: same-origin": 200,
		"Sec-Fetch-Site: none":        200,
		"Origin: http://evil.example": 403,
		"Origin: null":                403,
		"Origin: http://x":            200,
		"Origin: http://evil.example\r\nSec-Fetch-Site: same-origin": 200,
	} {
		if r, _ := s.ask(t, post(getVersion, fields)); r.StatusCode != want {
			t.Errorf("%s: %s, want %d", fields, r.Status, want)
		}
	}
}

// Clients without a login take their place from each other, never from those with one.
func TestStrangersMakeWay(t *testing.T) {
	const good = "Authorization: Basic dXM6cHc="
	s := start(t, core.ServerSpec{Section: "inet_http_server", Username: "us", Password: "pw", OpenHealthz: true}, nil)
	s.SetRoom(6, 3)
	works := func(c *client, when string) {
		t.Helper()
		c.send(post(getVersion, good))
		if r, body := c.receive("POST"); r.StatusCode != 200 || body != version {
			t.Fatalf("%s: %s %s", when, r.Status, body)
		}
	}
	known := s.dial(t)
	works(known, "at first")
	mute, open, slow := s.dial(t), s.dial(t), s.dial(t)
	open.send(request("GET /healthz HTTP/1.1", ""))
	if r, _ := open.receive("GET"); r.StatusCode != 200 {
		t.Fatalf("/healthz: %s", r.Status)
	}
	slow.send("POST /RPC2 HTTP/1.1\r\nX: ")

	works(s.dial(t), "with three strangers") // in place of the first
	if !mute.closed() {
		t.Error("the oldest stranger was kept")
	}
	later := s.dial(t)
	works(s.dial(t), "with three strangers again")
	if !open.closed() {
		t.Error("a client of an open path was not counted as a stranger")
	}
	// Three known ones, two strangers; with one more there is no room for any.
	works(s.dial(t), "with room for one")
	works(s.dial(t), "with a stranger in the last place")
	if !slow.closed() {
		t.Error("the server is full, and the oldest stranger was kept")
	}
	works(known, "at last")
	works(later, "a stranger that was left")
	if told := strings.Join(s.log.all(), "\n"); strings.Count(told, "WARN ") != 1 ||
		!strings.Contains(told, "WARN Server 'inet_http_server' has 4 connections, 3 of them without a login: the oldest of these are closed for new ones") {
		t.Errorf("log: %s", told)
	}
}

// Clients with a login are not cut off for others: who comes to a full server is.
func TestFullServer(t *testing.T) {
	s := startTCP(t, "", "")
	s.SetRoom(2, 1)
	connect := func() (*client, error) {
		c := s.dial(t)
		if _, err := io.WriteString(c, post(getVersion)); err != nil {
			return c, err
		}
		_, err := http.ReadResponse(c.in, nil)
		return c, err
	}
	first, err := connect()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := connect(); err != nil {
		t.Fatal(err)
	}
	if _, err := connect(); err == nil {
		t.Error("a third connection was taken")
	}
	if told := strings.Join(s.log.all(), "\n"); !strings.Contains(told, "WARN Server 'inet_http_server' has 2 connections, more are refused") {
		t.Errorf("log: %s", told)
	}
	first.Close()
	for end := time.Now().Add(patience); ; {
		c, err := connect()
		if err == nil {
			break
		}
		c.Close() // there may be many until the server sees the other one leave
		if time.Now().After(end) {
			t.Fatalf("a client has left, and there is no room for another: %v", err)
		}
	}
}

// Who does not even shake hands is a stranger, and cut off without good-bye.
func TestStrangersOfTLS(t *testing.T) {
	s, trust := startTLS(t, nil)
	s.SetRoom(9, 2)
	mute := []*client{s.dial(t), s.dial(t)}
	for i, raw := range mute {
		c := dialTLS(t, s, trust)
		c.send(post(getVersion))
		if r, body := c.receive("POST"); r.StatusCode != 200 || body != version {
			t.Errorf("%s %s", r.Status, body)
		}
		if i == 0 && !raw.closed() {
			t.Error("the oldest stranger was kept")
		}
	}
	trust.ServerName = "127.0.0.1"
	if err := tls.Client(mute[1].Conn, trust).Handshake(); err != nil {
		t.Errorf("a stranger was cut off that was in nobody's way: %v", err)
	}
}

func TestRoom(t *testing.T) {
	for descriptors, want := range map[uint64][2]int{
		0: {2, 1}, 64: {16, 8}, 1024: {256, 128}, 4096: {1024, 256}, 20000: {4096, 256}, math.MaxUint64: {4096, 256},
	} {
		if most, strangers := httpd.Room(descriptors); most != want[0] || strangers != want[1] {
			t.Errorf("%d descriptors: %d and %d, want %v", descriptors, most, strangers, want)
		}
	}
}
