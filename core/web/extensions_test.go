package web_test

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// extensions are made up: what is done to them is done at once.
type extensions struct {
	mu      sync.Mutex
	list    []core.ExtensionInfo
	changed chan struct{}
	slow    time.Duration
}

func (x *extensions) List() []core.ExtensionInfo {
	x.mu.Lock()
	defer x.mu.Unlock()
	list := append([]core.ExtensionInfo{}, x.list...)
	for i := range list {
		list[i].Section = "rpcinterface:" + strings.TrimSuffix(list[i].Name, " (result handlers)")
		if list[i].State == core.ExtensionRunning {
			list[i].Description = "uptime at " + time.Now().String()
		}
	}
	return list
}

func (x *extensions) Changed() <-chan struct{} {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.changed
}

// change changes the first extension, with or without a word.
func (x *extensions) change(told bool, f func(*core.ExtensionInfo)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	f(&x.list[0])
	if told {
		close(x.changed)
		x.changed = make(chan struct{})
	}
}

func (x *extensions) set(ctx context.Context, name string, state core.ExtensionState) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	time.Sleep(x.slow)
	switch {
	case name == "broken":
		return rpcinterface.NewFault(rpcinterface.CodeFailed, "it ended, exit status 3")
	case name != "hello":
		return rpcinterface.NewFault(rpcinterface.CodeBadName, name)
	}
	var err error
	x.change(true, func(info *core.ExtensionInfo) {
		if info.State == state {
			code := rpcinterface.CodeAlreadyStarted
			if state == core.ExtensionDisabled {
				code = rpcinterface.CodeNotRunning
			}
			err = rpcinterface.NewFault(code, name)
		}
		info.State = state
	})
	return err
}

func (x *extensions) Enable(ctx context.Context, name string, _ bool) error {
	return x.set(ctx, name, core.ExtensionRunning)
}

func (x *extensions) Disable(ctx context.Context, name string, _ bool) error {
	return x.set(ctx, name, core.ExtensionDisabled)
}

func (x *extensions) Restart(ctx context.Context, name string, _ bool) error {
	if name == "hello" {
		x.change(true, func(info *core.ExtensionInfo) { info.State = core.ExtensionStarting })
	}
	return x.set(ctx, name, core.ExtensionRunning)
}

// runWithExtensions is run with hello, broken and off.
func runWithExtensions(t *testing.T, f func(h *harness, x *extensions)) {
	t.Helper()
	run(t, func(h *harness) {
		x := &extensions{changed: make(chan struct{}), list: []core.ExtensionInfo{
			{
				Name: "hello", Factory: "hello --loud", Resolved: "/usr/lib/hello", State: core.ExtensionRunning,
				Start: time.Now().Unix() - 9, PID: 7, Version: "1.0", Protocol: 1, Memory: 12595,
				Restarts: 2, Calls: 12, Errors: 1, Faults: 3, LastError: "<b>late</b>", LastErrorTime: time.Now().Unix(),
				Grants: []string{"processes:read", "log:write"}, Lacking: []string{"stdin:write"}, Methods: []string{"greet"},
			},
			{Name: "broken", Factory: "/b", Resolved: "/b", State: core.ExtensionFatal, Description: "it ended, exit status 3"},
			{Name: "off", Factory: "/o", State: core.ExtensionDisabled, Description: "disabled: plugin.enabled is false"},
			{Name: "judge (result handlers)", Factory: "judge", State: core.ExtensionRunning, Start: time.Now().Unix(), PID: 8},
		}}
		h.pages.Extensions = x
		f(h, x)
	})
}

func TestExtensionsPage(t *testing.T) {
	runWithExtensions(t, func(h *harness, _ *extensions) {
		w := h.get("/extensions.html?message=hello+%3Cb%3E")
		if w.Code != 200 || w.Header().Get("Content-Type") != "text/html;charset=utf-8" || w.Header().Get("Cache-Control") != "no-cache" {
			t.Errorf("%d %v", w.Code, w.Header())
		}
		page := w.Body.String()
		for name, want := range map[string][]string{
			"hello": {
				`data-state="RUNNING"`, ">running<", "uptime at", "<dd>1.0</dd>", "<dt>Memory</dt><dd>12.3 MiB</dd>",
				"<dt>Restarts</dt><dd>2</dd>", "<dt>Calls</dt><dd>12</dd>", "<dt>Errors</dt><dd>1</dd>", "&lt;b&gt;late&lt;/b&gt;",
				"<dd>processes:read, log:write</dd>", "<dt>Lacking</dt><dd>stdin:write</dd>", "<dd>hello --loud</dd>", "<dd>/usr/lib/hello</dd>",
				`formaction="index.html?action=restartextension&amp;extension=hello"`, `formaction="index.html?action=disableextension&amp;extension=hello"`,
			},
			"broken":                  {`data-state="FATAL"`, "it ended, exit status 3", "<dt>Grants</dt><dd>none</dd>", "action=restartextension&amp;extension=broken"},
			"judge (result handlers)": {`data-state="RUNNING"`, `<span class="actions"></span>`}, // nobody's to operate
			"off":                     {`data-state="DISABLED"`, "disabled: plugin.enabled is false", `aria-label="Enable off"`, "action=enableextension&amp;extension=off"},
		} {
			entry := regexp.MustCompile(`(?s)<section class="extension" data-name="` + regexp.QuoteMeta(name) + `".*?</section>`).FindString(page)
			for _, text := range want {
				if !strings.Contains(entry, text) {
					t.Errorf("%s: no %s in\n%s", name, text, entry)
				}
			}
		}
		if got := strings.Count(page, "<button class=\"action\""); got != 5 {
			t.Errorf("%d buttons", got)
		}
		if !strings.Contains(page, "hello &lt;b&gt;") || strings.Contains(page, "<b>") {
			t.Error("a text is not shown as text")
		}
		if regexp.MustCompile(`(?i)\son\w+=|style=|<style|<script(>| [^s]*>[^<])|https?:`).MatchString(page) {
			t.Error("the page has what its policy forbids, or names another host")
		}
		if got := links(h.get("/").Body.String(), "^extensions"); len(got) != 1 {
			t.Errorf("the status page has links %q", got)
		}
	})
}

// TestNoExtensions: without any there is no link, and nothing to act on.
func TestNoExtensions(t *testing.T) {
	run(t, func(h *harness) {
		for _, x := range []*extensions{nil, {changed: make(chan struct{})}} {
			if x != nil {
				h.pages.Extensions = x
			}
			if got := links(h.get("/").Body.String(), "^extensions"); len(got) != 0 {
				t.Errorf("the status page has links %q", got)
			}
			if w := h.get("/extensions.html"); w.Code != 200 || !strings.Contains(w.Body.String(), ">No extensions<") {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			want := http.StatusNotFound
			if x != nil {
				want = http.StatusMovedPermanently
			}
			if w := h.post("/", "action=enableextension&extension=zz"); w.Code != want {
				t.Errorf("%d, want %d", w.Code, want)
			}
		}
	})
}

func TestExtensionActions(t *testing.T) {
	for _, tt := range []struct {
		body, message string
		ok            bool
		state         core.ExtensionState // of hello
	}{
		{"action=disableextension&extension=hello", "Extension hello disabled", true, core.ExtensionDisabled},
		{"action=restartextension&extension=hello", "Extension hello restarted", true, core.ExtensionRunning},
		{"action=enableextension&extension=hello", "ERROR: Extension hello: already enabled", false, core.ExtensionRunning},
		{"action=restartextension&extension=broken", "ERROR: Extension broken: it ended, exit status 3", false, core.ExtensionRunning},
		{"action=enableextension&extension=zz", "No such extension named zz", false, core.ExtensionRunning},
	} {
		t.Run(tt.body, func(t *testing.T) {
			runWithExtensions(t, func(h *harness, x *extensions) {
				w := h.post("/index.html", tt.body, "Accept", "application/json", "Sec-Fetch-Site", "same-origin")
				var got struct {
					OK      bool
					Message string
				}
				if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.OK != tt.ok || got.Message != tt.message {
					t.Errorf("%d %s", w.Code, w.Body)
				}
				if state := x.List()[0].State; state != tt.state {
					t.Errorf("hello is %v", state)
				}
			})
		})
	}
	runWithExtensions(t, func(h *harness, x *extensions) {
		w := h.post("/index.html?action=disableextension&extension=hello", "")
		if got := w.Header().Get("Location"); w.Code != 301 || got != "http://host:9001/extensions.html?message=Extension%20hello%20disabled" {
			t.Errorf("%d to %q", w.Code, got)
		}
		// It is done though the client leaves.
		x.slow = time.Second
		r := request(http.MethodPost, "/?action=enableextension&extension=hello", "")
		ctx, leave := context.WithCancel(r.Context())
		leave()
		serve(h, r.WithContext(ctx))
		if state := x.List()[0].State; state != core.ExtensionRunning {
			t.Errorf("hello is %v", state)
		}
	})
}

// TestExtensionActionsRefused: by GET, from other origins, and without a name.
func TestExtensionActionsRefused(t *testing.T) {
	runWithExtensions(t, func(h *harness, x *extensions) {
		const query = "/?action=disableextension&extension=hello"
		for _, tt := range []struct {
			request *http.Request
			status  int
		}{
			{request(http.MethodGet, query, ""), 405},
			{request(http.MethodGet, query, "", "Sec-Fetch-Site", "same-origin"), 405},
			{request(http.MethodPost, query, "", "Sec-Fetch-Site", "cross-site"), 403},
			{request(http.MethodPost, query, "", "Origin", "http://other:9001"), 403},
			{request(http.MethodPost, "/?action=disableextension", ""), 400},
			{request(http.MethodPost, "/?action=disableextension&processname=p", ""), 400},
			{request(http.MethodPost, "/extensions.html?action=disableextension&extension=hello", ""), http.StatusTeapot},
		} {
			if w := serve(h, tt.request); w.Code != tt.status {
				t.Errorf("%s %s %v: %d, want %d", tt.request.Method, tt.request.URL, tt.request.Header, w.Code, tt.status)
			}
		}
		if state := x.List()[0].State; state != core.ExtensionRunning {
			t.Errorf("hello is %v", state)
		}
	})
}

// extensionStream is a client of the updates of the page of extensions.
type extensionStream struct {
	t *testing.T
	http.ResponseWriter
	mu    sync.Mutex
	count int
	last  string
}

func (s *extensionStream) Header() http.Header              { return http.Header{} }
func (s *extensionStream) SetWriteDeadline(time.Time) error { return nil }
func (s *extensionStream) FlushError() error                { return nil }

func (s *extensionStream) Write(data []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	s.last = string(data)
	return len(data), nil
}

// want says what the last update has when all is quiet, and how many have come.
func (s *extensionStream) want(count int, texts ...string) {
	s.t.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count != count {
		s.t.Errorf("%d updates, want %d", s.count, count)
	}
	for _, text := range texts {
		if !strings.Contains(s.last, text) {
			s.t.Errorf("no %s in %s", text, s.last)
		}
	}
	s.count = 0
}

// TestExtensionUpdates: changes are told at once, numbers soon, and nothing else.
func TestExtensionUpdates(t *testing.T) {
	runWithExtensions(t, func(h *harness, x *extensions) {
		s := &extensionStream{t: t}
		ended := make(chan struct{})
		ctx, leave := context.WithCancel(context.Background())
		go func() {
			defer close(ended)
			h.ServeHTTP(s, request(http.MethodGet, "/updates?show=extensions", "").WithContext(ctx))
		}()
		s.want(1, `"state":"running"`, `"name":"hello","state":"RUNNING"`, `"pid":7`, `{"key":"calls","name":"Calls","text":"12"}`, `"name":"off","state":"DISABLED"`)
		time.Sleep(time.Second)
		x.change(true, func(info *core.ExtensionInfo) { info.State = core.ExtensionBackoff })
		s.want(1, `"name":"hello","state":"BACKOFF"`)
		time.Sleep(time.Second)
		x.change(true, func(*core.ExtensionInfo) {}) // a change that shows nothing
		s.want(0)
		x.change(false, func(info *core.ExtensionInfo) { info.Calls = 13 })
		s.want(0)
		time.Sleep(3 * time.Second)
		s.want(1, `{"key":"calls","name":"Calls","text":"13"}`)
		time.Sleep(time.Hour)
		s.want(0)

		// Quick changes come together.
		for range 100 {
			x.change(true, func(info *core.ExtensionInfo) { info.Restarts++ })
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		s.mu.Lock()
		if s.count > 3 {
			t.Errorf("%d updates of 100 quick changes", s.count)
		}
		s.count = 0
		s.mu.Unlock()
		s.want(0, `{"key":"restarts","name":"Restarts","text":"102"}`)

		h.Immune["p"] = true
		h.Sup.Shutdown()
		s.want(1, `"state":"shutdown"`)
		leave()
		<-ended
	})
}
