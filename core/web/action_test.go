package web_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plugvisor/plugvisor/core"
	. "github.com/plugvisor/plugvisor/core/supervisor/supervisortest"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// told gives the message that an answer leads to, with its time taken out.
func told(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	const page = "http://host:9001/?message="
	location := w.Header().Get("Location")
	if w.Code != http.StatusMovedPermanently || !strings.HasPrefix(location, page) || w.Header().Get("Cache-Control") != "no-cache" {
		t.Errorf("%d, %q, %v", w.Code, location, w.Header())
		return ""
	}
	message := httptest.NewRequest(http.MethodGet, location, nil).URL.Query().Get("message")
	return regexp.MustCompile(` at \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}$`).ReplaceAllString(message, " at TIME")
}

func TestActions(t *testing.T) {
	for _, tt := range []struct {
		query   string
		message string
		states  string // of off, p, g:a, as their first letters
	}{
		{"action=refresh", "Page refreshed at TIME", "SRR"},
		{"processname=off&action=start", "Process off started", "RRR"},
		{"processname=p&action=start", "ERROR: Process p: already started", "SRR"},
		{"processname=gone&action=start", "ERROR: Process gone: no such file", "SRR"},
		{"processname=noexec&action=start", "ERROR: Process noexec: file not executable", "SRR"},
		{"processname=quick&action=start", "ERROR: Process quick: spawn error", "SRR"},
		{"processname=p&action=stop", "Process p stopped", "SSR"},
		{"processname=off&action=stop", "unexpected rpc fault [70] NOT_RUNNING: off", "SRR"},
		{"processname=g:a&action=restart", "Process g:a restarted", "SRR"},
		{"processname=off&action=restart", "Process off restarted", "RRR"},
		{"processname=gone&action=restart", "ERROR: Process gone: no such file", "SRR"},
		{"processname=p&action=clearlog", "Log for p cleared", "SRR"},
		{"processname=zz&action=start", "No such process named zz", "SRR"},
		{"processname=zz&action=bogus", "No such process named zz", "SRR"},
		{"processname=a&action=stop", "No such process named a", "SRR"},
		{"processname=g:*&action=stop", "No such process named g:*", "SRR"},
		{"processname=z%C3%A9%26%3C&action=stop", "No such process named zé&<", "SRR"},
		{"action=stopall", "All stopped at TIME", "SSS"},
		{"action=restartall", "ERROR: Process gone: no such file; Process noexec: file not executable; Process quick: spawn error", "RRR"},
		{"POST action=startall", "ERROR: Process gone: no such file; Process noexec: file not executable; Process quick: spawn error", "RRR"},
		{"POST action=stopgroup&group=g", "Group g stopped", "SRS"},
		{"POST action=startgroup&group=g", "Group g started", "SRR"},
		{"POST action=restartgroup&group=g", "Group g restarted", "SRR"},
		{"POST action=startgroup&group=zz", "unexpected rpc fault [10] BAD_NAME: zz", "SRR"},
		{"POST action=startgroup&group=gone", "ERROR: Process gone: no such file", "SRR"},
	} {
		t.Run(tt.query, func(t *testing.T) {
			run(t, func(h *harness) {
				var w *httptest.ResponseRecorder
				if body, post := strings.CutPrefix(tt.query, "POST "); post {
					w = h.post("/", body)
				} else {
					w = h.get("/index.html?" + tt.query)
				}
				if got := told(t, w); got != tt.message {
					t.Errorf("message %q, want %q", got, tt.message)
				}
				states := ""
				for _, name := range []string{"off", "p", "g:a"} {
					states += h.State(name).String()[:1]
				}
				if states != tt.states {
					t.Errorf("states %s, want %s", states, tt.states)
				}
			})
		})
	}
}

// TestManyFailures: a message stays short.
func TestManyFailures(t *testing.T) {
	run(t, func(h *harness) {
		h.post("/", "action=stopall")
		for i := range 20 {
			name := string(rune('A' + i))
			h.Missing[name] = rpcinterface.NewFault(rpcinterface.CodeNoFile, name)
			if err := h.Sup.AddProcesses(h.t.Context(), "g", []*core.ProcessSpec{Program(name)}, nil); err != nil {
				t.Fatal(err)
			}
		}
		message := told(t, h.post("/", "action=startgroup&group=g"))
		if n := strings.Count(message, "no such file"); n != 10 || !strings.HasSuffix(message, "; and 10 more") {
			t.Errorf("message %q", message)
		}
	})
}

func TestRefusals(t *testing.T) {
	run(t, func(h *harness) {
		for request, status := range map[string]int{
			"GET action=bogus":                          404,
			"GET action=Refresh":                        404,
			"GET processname=p&action=bogus":            404,
			"GET action=start":                          400,
			"GET processname=&action=stop":              400,
			"GET action=startall":                       405,
			"GET action=stopgroup&group=g":              405,
			"POST action=stopgroup":                     400,
			"POST action=" + strings.Repeat("x", 1<<17): 413,
		} {
			method, query, _ := strings.Cut(request, " ")
			var w *httptest.ResponseRecorder
			if method == http.MethodPost {
				w = h.post("/index.html", query)
			} else {
				w = h.get("/?" + query)
			}
			if w.Code != status {
				t.Errorf("%.60s: %d, want %d", request, w.Code, status)
			}
			if allow := w.Header().Get("Allow"); (allow == "POST") != (status == 405) {
				t.Errorf("%.60s: Allow is %q", request, allow)
			}
		}
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			if w := serve(h, request(method, "/status.html?action=stopall", "")); w.Code != http.StatusOK {
				t.Errorf("%s /status.html: %d", method, w.Code)
			}
		}
		if h.State("p") != rpcinterface.ProcessRunning || h.State("g:a") != rpcinterface.ProcessRunning {
			t.Error("something was stopped")
		}
	})
}

// TestOrigins: who may act, by what browsers say of where a request comes from.
func TestOrigins(t *testing.T) {
	const get, post = http.MethodGet, http.MethodPost
	for _, tt := range []struct {
		method string
		fields []string
		act    bool
	}{
		{get, nil, true},
		{post, nil, true},
		{get, []string{"Sec-Fetch-Site", "same-origin"}, true},
		{get, []string{"Sec-Fetch-Site", "none"}, true},
		{get, []string{"Sec-Fetch-Site", "cross-site"}, false},
		{get, []string{"Sec-Fetch-Site", "same-site"}, false},
		{get, []string{"Origin", "http://host:9001"}, true},
		{get, []string{"Origin", "http://host"}, false},
		{get, []string{"Origin", "null"}, false},
		{post, []string{"Sec-Fetch-Site", "same-origin", "Origin", "http://host:9001"}, true},
		{post, []string{"Sec-Fetch-Site", "cross-site", "Origin", "http://host:9001"}, false},
		{post, []string{"Sec-Fetch-Site", "same-site"}, false},
		{post, []string{"Origin", "http://host:9001"}, true},
		{post, []string{"Origin", "http://other:9001"}, false},
		{post, []string{"Origin", "null"}, false},
	} {
		run(t, func(h *harness) {
			for _, accept := range []string{"text/html", "application/json"} {
				w := serve(h, request(tt.method, "/?processname=p&action=stop", "", append(tt.fields, "Accept", accept)...))
				if refused := w.Code == http.StatusForbidden; refused == tt.act {
					t.Errorf("%s %v: %d", tt.method, tt.fields, w.Code)
				}
			}
			if acted := h.State("p") == rpcinterface.ProcessStopped; acted != tt.act {
				t.Errorf("%s %v: acted %v", tt.method, tt.fields, acted)
			}
		})
	}
}

// TestGetActionsRefused: with web_get_actions=false no action comes by GET.
func TestGetActionsRefused(t *testing.T) {
	run(t, func(h *harness) {
		h.Handler = h.pages.Handler(false)
		for _, query := range []string{"action=refresh", "action=stopall", "processname=p&action=stop", "action=bogus"} {
			if w := h.get("/?" + query); w.Code != http.StatusForbidden {
				t.Errorf("%s: %d", query, w.Code)
			}
		}
		if w := h.get("/"); w.Code != http.StatusOK || strings.Contains(w.Body.String(), `href="index.html?`) {
			t.Errorf("%d, or the page has links that act", w.Code)
		}
		if got := told(t, h.post("/index.html?processname=p&action=stop", "")); got != "Process p stopped" {
			t.Errorf("message %q", got)
		}
	})
}

// TestJSON: scripts are told the outcome without the page.
func TestJSON(t *testing.T) {
	run(t, func(h *harness) {
		for body, want := range map[string]string{
			"action=stop&processname=p":     `{"ok":true,"message":"Process p stopped"}`,
			"action=start&processname=gone": `{"ok":false,"message":"ERROR: Process gone: no such file"}`,
		} {
			w := h.post("/index.html", body, "Accept", "application/json")
			if got := w.Body.String(); w.Code != 200 || got != want || w.Header().Get("Content-Type") != "application/json" || !json.Valid(w.Body.Bytes()) {
				t.Errorf("%s: %d %s", body, w.Code, got)
			}
		}
	})
}

// TestWaits: the answer to an action comes when it is done, and it is done though the
// client leaves.
func TestWaits(t *testing.T) {
	run(t, func(h *harness) {
		begun := time.Now()
		h.get("/?processname=off&action=start")
		if took := time.Since(begun); took != 2*time.Second {
			t.Errorf("the answer came after %v", took)
		}

		h.Immune["p"] = true // so that stopping takes its ten seconds
		r := request(http.MethodGet, "/?processname=p&action=restart", "")
		ctx, leave := context.WithCancel(r.Context())
		before, err := h.Sup.Process("p")
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Second, leave)
		serve(h, r.WithContext(ctx))
		synctest.Wait()
		after, err := h.Sup.Process("p")
		if err != nil || after.PID == before.PID || after.State != rpcinterface.ProcessRunning {
			t.Errorf("%+v, %v", after, err)
		}
	})
}

// TestWhileShuttingDown: the pages are there until the end, and say what goes on.
func TestWhileShuttingDown(t *testing.T) {
	run(t, func(h *harness) {
		h.Immune["p"] = true
		h.Sup.Shutdown()
		synctest.Wait()
		if got := told(t, h.get("/?processname=off&action=start")); got != "ERROR: Process off: unexpected rpc fault [6] SHUTDOWN_STATE" {
			t.Errorf("message %q", got)
		}
		if got := told(t, h.get("/?action=restartall")); got != "unexpected rpc fault [6] SHUTDOWN_STATE" {
			t.Errorf("message %q", got)
		}
		if w := h.get("/"); w.Code != 200 || !strings.Contains(w.Body.String(), ">shutdown</p>") {
			t.Errorf("%d, and the page does not say so", w.Code)
		}
	})
}
