package web_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/plugvisor/plugvisor/core"
	. "github.com/plugvisor/plugvisor/core/supervisor/supervisortest"
	"github.com/plugvisor/plugvisor/core/supervisorns"
	"github.com/plugvisor/plugvisor/core/web"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// harness is the pages over a supervisor whose machine is made up.
type harness struct {
	*World
	t     testing.TB
	dir   string
	pages *web.Pages
	http.Handler
}

func newHarness(t testing.TB) *harness { return &harness{World: New(t), t: t, dir: t.TempDir()} }

// begin starts the supervisor and makes the pages.
func (h *harness) begin(groups ...*core.GroupSpec) {
	h.Run(groups...)
	h.pages = web.New(web.Config{
		Supervisor: h.Sup,
		Methods:    supervisorns.New(supervisorns.Config{Supervisor: h.Sup, MainLog: mainLog(filepath.Join(h.dir, "main.log"))}),
		Subscribe: func(kinds []core.EventKind) web.Subscription {
			return h.Sup.Subscribe(kinds, 0)
		},
		Answer: func(w http.ResponseWriter, status int, contentType string, body []byte) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			_, _ = w.Write(body)
		},
		Other: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }),
	})
	h.Handler = h.pages.Handler(true)
	h.Sup.Begin()
}

// run runs a test in virtual time, with these programs:
//
//	p, which runs and logs to out and err in the directory
//	off, with startsecs 2; gone and noexec, which cannot be started; quick, which exits
//	g:a and g:b, which run
func run(t *testing.T, f func(h *harness)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		h.Life["quick"] = 1
		h.Missing["gone"] = rpcinterface.NewFault(rpcinterface.CodeNoFile, "gone")
		h.Missing["noexec"] = rpcinterface.NewFault(rpcinterface.CodeNotExecutable, "noexec")
		h.begin(
			Group("p", 999, Program("p", Autostart, NoStartSecs, func(p *core.ProcessSpec) {
				p.Stdout.File = core.LogFile{Kind: core.LogPath, Path: filepath.Join(h.dir, "out")}
				p.Stderr.File = core.LogFile{Kind: core.LogPath, Path: filepath.Join(h.dir, "err")}
			})),
			Group("off", 999, Program("off", func(p *core.ProcessSpec) { p.StartSecs = 2 })),
			Group("gone", 999, Program("gone")),
			Group("noexec", 999, Program("noexec")),
			Group("quick", 999, Program("quick", func(p *core.ProcessSpec) { p.StartRetries = 0 })),
			Group("g", 999, Program("a", Autostart, NoStartSecs), Program("b", Autostart, NoStartSecs)))
		defer h.End()
		synctest.Wait()
		f(h)
	})
}

// mainLog is the path of the daemon's log.
type mainLog string

func (m mainLog) Path() string { return string(m) }
func (m mainLog) Clear() error { return nil }

func (h *harness) write(name, text string) {
	h.t.Helper()
	if err := os.WriteFile(filepath.Join(h.dir, name), []byte(text), 0o666); err != nil {
		h.t.Fatal(err)
	}
}

// request is a request to http://host:9001; fields are pairs of name and value.
func request(method, target, body string, fields ...string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = "host:9001"
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	return r
}

func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func (h *harness) get(target string, fields ...string) *httptest.ResponseRecorder {
	return serve(h, request(http.MethodGet, target, "", fields...))
}

func (h *harness) post(target, body string, fields ...string) *httptest.ResponseRecorder {
	return serve(h, request(http.MethodPost, target, body, fields...))
}
