package httpd_test

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// Clients that do nothing, or next to nothing, cost little and hold nobody up.
func TestCrowd(t *testing.T) {
	s := startTCP(t, "", "")
	s.ask(t, post(getVersion))
	before := heap()
	const each = 170
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
