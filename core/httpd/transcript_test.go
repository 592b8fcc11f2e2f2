package httpd_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// testdata/clients has what clients in use send, byte for byte, recorded from them:
// a call without parameters and one with values of every type that the client knows,
// most of them with a login (us, pw). The answers beside them are what Supervisor's
// own decoder makes of the parameters, written by Python's encoder; 400 where it
// cannot read them.
func TestTranscripts(t *testing.T) {
	open, closed := startTCP(t, "", ""), startTCP(t, "us", "pw")
	files, err := filepath.Glob("testdata/clients/*.http")
	if err != nil || len(files) < 15 {
		t.Fatalf("%d transcripts, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".http")
		t.Run(name, func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(strings.TrimSuffix(file, ".http") + ".answers")
			if err != nil {
				t.Fatal(err)
			}
			servers := []*server{open}
			if bytes.Contains(raw, []byte("Authorization: ")) {
				servers = append(servers, closed)
			}
			for _, s := range servers {
				if got := replay(t, s, raw); got != string(want) {
					t.Errorf("answers\n%s\nwant\n%s", got, want)
				}
			}
		})
	}
}

// replay sends requests one after the other, on one connection where the client keeps
// it, and gives status and body of the answers.
func replay(t *testing.T, s *server, raw []byte) string {
	t.Helper()
	var out strings.Builder
	var c *client
	for len(raw) > 0 {
		request, end := cutRequest(t, raw)
		if c == nil {
			c = s.dial(t)
		}
		c.send(string(raw[:end]))
		raw = raw[end:]
		response, body := c.receive("POST")
		if response.StatusCode == http.StatusContinue {
			response, body = c.receive("POST")
		}
		fmt.Fprintln(&out, response.StatusCode)
		if response.StatusCode == http.StatusOK {
			out.WriteString(body)
		}
		if lost := request.Close != response.Close && response.StatusCode == http.StatusOK; lost {
			t.Errorf("the client wants to close: %t, the server: %t", request.Close, response.Close)
		}
		if response.Close {
			if !c.closed() {
				t.Error("the connection was left open")
			}
			c = nil
		}
	}
	return out.String()
}

// cutRequest finds where the first request ends.
func cutRequest(t *testing.T, raw []byte) (r *http.Request, end int) {
	t.Helper()
	all := bytes.NewReader(raw)
	in := bufio.NewReader(all)
	r, err := http.ReadRequest(in)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		t.Fatal(err)
	}
	return r, len(raw) - all.Len() - in.Buffered()
}
