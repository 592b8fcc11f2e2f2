package httpd_test

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	"github.com/plugvisor/plugvisor/core"
)

func TestLogin(t *testing.T) {
	digest := sha1.Sum([]byte("pa:ss"))
	plain, hashed := "pa:ss", "{SHA}"+hex.EncodeToString(digest[:])
	basic := func(s string) string { return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, tt := range []struct {
		name, password, field string
		want                  int
	}{
		{"nothing", plain, "X: y", 401},
		{"good", plain, basic("us:pa:ss"), 200},
		{"scheme in lower case", plain, "authorization: basic dXM6cGE6c3M=", 200},
		{"wrong password", plain, basic("us:nope"), 401},
		{"wrong user", plain, basic("zz:pa:ss"), 401},
		{"empty password", plain, basic("us:"), 401},
		{"beginning of the password", plain, basic("us:pa:s"), 401},
		{"no colon", plain, basic("us"), 400},
		{"bad base64", plain, "Authorization: Basic a", 400},
		{"no base64", plain, "Authorization: Basic !!!!", 400},
		{"not UTF-8", plain, basic("us:\xff"), 400},
		{"other scheme", plain, "Authorization: Bearer xyz", 401},
		{"no credentials", plain, "Authorization: Basic", 401},
		{"hashed", hashed, basic("us:pa:ss"), 200},
		{"hashed, the hash itself", hashed, basic("us:" + hashed), 401},
		{"hashed, the bare hash", hashed, basic("us:" + hashed[len("{SHA}"):]), 401},
		{"hashed, wrong", hashed, basic("us:x"), 401},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := startTCP(t, "us", tt.password)
			for path, open := range map[string]int{"POST /RPC2": 200, "GET /nosuch": 404, "GET /logtail/unknown": 404, "GET /mainlogtail": 404} {
				want, body := tt.want, ""
				if want == 200 {
					want = open
				}
				if path == "POST /RPC2" {
					body = getVersion
				}
				if r, _ := s.ask(t, request(path+" HTTP/1.1", body, tt.field)); r.StatusCode != want {
					t.Errorf("%s: %s, want %d", path, r.Status, want)
				}
			}
		})
	}
}

func TestNoLoginIsAskedForWithoutAUserName(t *testing.T) {
	s := startTCP(t, "", "secret")
	for _, field := range []string{"X: y", "Authorization: Basic Og==", "Authorization: Basic !", "Authorization: Bearer x"} {
		if r, _ := s.ask(t, post(getVersion, field)); r.StatusCode != 200 {
			t.Errorf("%s: %s", field, r.Status)
		}
	}
}

// Nothing but what the configuration opens is there without a login, on either kind
// of socket, whatever the method and however the path is written.
func TestLoginOnEveryPath(t *testing.T) {
	const good = "Authorization: Basic dXM6cHc="
	for _, unix := range []bool{false, true} {
		s := start(t, core.ServerSpec{Section: "s", Unix: unix, Username: "us", Password: "pw"}, says("a page"))
		writeLog(t, s, "p.stdout", "out")
		writeLog(t, s, "main.log", "main")
		for _, line := range []string{
			"POST /RPC2", "GET /RPC2", "POST /RPC2xyz", "POST /%52PC2", "POST /other", "POST /",
			"GET /logtail/p", "HEAD /logtail/p", "GET /logtail/p/stderr", "GET /logtail/unknown", "GET /mainlogtail",
			"GET /metrics", "GET /healthz", "HEAD /healthz", "GET /", "GET /index.html?action=stopall", "GET /tail.html?processname=p",
			"GET /updates", "GET /ok.html", "GET /stylesheets/supervisor.css", "GET /nosuch", "GET //metrics", "GET /../healthz",
			"OPTIONS *", "PUT /x", "FOO /", "GET http://x/healthz",
		} {
			body := ""
			if strings.HasPrefix(line, "POST ") {
				body = getVersion
			}
			fields := []string{"Content-Type: text/xml", "Connection: close"}
			for _, login := range []string{"", "Authorization: Basic dXM6cHg=", "Authorization: Bearer dXM6cHc=", "Authorization: Basic", "Cookie: us=pw"} {
				with := fields
				if login != "" {
					with = append(with[:len(with):len(with)], login)
				}
				if r, answer := s.ask(t, request(line+" HTTP/1.1", body, with...)); r.StatusCode != 401 ||
					!strings.HasPrefix(line, "HEAD ") && !strings.Contains(answer, "Unauthorized") {
					t.Errorf("unix: %t, %s with %q: %s %s", unix, line, login, r.Status, answer)
				}
			}
			c := s.dial(t)
			c.send(request(line+" HTTP/1.1", body, append(fields[:len(fields):len(fields)], good)...))
			if r, err := http.ReadResponse(c.in, nil); err != nil || r.StatusCode == 401 {
				t.Errorf("unix: %t, %s with a login: %v, %v", unix, line, r, err)
			}
			c.Close()
		}
	}
}
