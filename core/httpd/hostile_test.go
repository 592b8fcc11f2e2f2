package httpd_test

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// Documents that only an attacker sends are answered at once, with 400, at a cost
// that goes with their length; the connection and the server go on.
func TestHostileDocuments(t *testing.T) {
	const call, end = "<methodCall><methodName>test.echo</methodName><params><param><value>", "</value></param></params></methodCall>"
	laughs := `<!DOCTYPE a [<!ENTITY a0 "ha">`
	for i := range 30 {
		n := string(rune('A' + i))
		laughs += `<!ENTITY ` + n + ` "` + strings.Repeat("&a0;", 10) + `">`
	}
	docs := map[string]string{
		"deep nesting":           strings.Repeat("<a>", 1<<20),
		"deep arrays":            call + strings.Repeat("<array><data><value>", 1<<17) + strings.Repeat("</value></data></array>", 1<<17) + end,
		"deep structs":           call + strings.Repeat("<struct><member><name>k</name><value>", 1<<16),
		"nested entities":        laughs + `]><a><methodName>&A;</methodName></a>`,
		"a large entity, often":  `<!DOCTYPE a [<!ENTITY a "` + strings.Repeat("x", 1<<20) + `">]>` + call + strings.Repeat("&a;", 1<<20) + end,
		"an external entity":     `<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]>` + call + "&a;" + end,
		"an external DTD":        `<!DOCTYPE a SYSTEM "http://127.0.0.1:1/x.dtd" [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]>` + call + end,
		"an integer of a MiB":    call + "<int>" + strings.Repeat("9", 1<<20) + "</int>" + end,
		"a double of no number":  call + "<double>1e</double>" + end,
		"broken UTF-8":           call + "\xc3" + end,
		"a surrogate":            call + "\xed\xa0\x80" + end,
		"a NUL":                  call + "\x00" + end,
		"UTF-16":                 "\xff\xfe<\x00a\x00/\x00>\x00",
		"a name without an end":  "<" + strings.Repeat("a", 1<<20),
		"attributes, the same":   "<a " + strings.Repeat("b='' ", 1<<18) + "/>",
		"a reference of no code": call + "&#x110000;" + end,
		"bytes":                  strings.Repeat("\x00\xff", 1<<19),
	}
	whole := call + "<string>é</string>" + end
	for i := range len(whole) {
		docs["truncated at "+whole[:i]] = whole[:i]
	}
	s := startUnix(t)
	c := s.dial(t)
	var before, after runtime.MemStats
	for name, doc := range docs {
		var length []string // request gives one to a body that is not empty
		if doc == "" {
			length = []string{"Content-Length: 0"}
		}
		runtime.ReadMemStats(&before)
		began := time.Now()
		c.SetDeadline(began.Add(patience)) // for each document, not for all of them
		c.send(request("POST /RPC2 HTTP/1.1", doc, length...))
		r, body := c.receive("POST")
		if r.StatusCode != 400 || !strings.Contains(body, "Error code 400.") {
			t.Errorf("%.60q: %s %.200s", name, r.Status, body)
		}
		runtime.ReadMemStats(&after)
		if took := time.Since(began); took > patience/2 {
			t.Errorf("%.60q took %v", name, took)
		}
		// This side makes a request of it, and buffers that grow are made more than once.
		if cost := after.TotalAlloc - before.TotalAlloc; cost > uint64(16*len(doc)+1<<20) {
			t.Errorf("%.60q of %d bytes took %d", name, len(doc), cost)
		}
		if r.Close {
			c = s.dial(t)
		}
	}
	if r, body := s.ask(t, post(getVersion)); r.StatusCode != 200 || body != version {
		t.Errorf("afterwards: %s %s", r.Status, body)
	}
	for _, line := range s.log.all() {
		if len(line) > 20<<10 {
			t.Errorf("a line of %d bytes in the log: %.100s", len(line), line)
		}
	}
}
