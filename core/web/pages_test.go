package web_test

import (
	"crypto/tls"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/plugvisor/plugvisor/core"
	. "github.com/plugvisor/plugvisor/core/supervisor/supervisortest"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// links lists what the links of a page lead to, those that a pattern matches.
func links(page, pattern string) (out []string) {
	for _, m := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		href, err := url.PathUnescape(html.UnescapeString(m[1]))
		if err == nil && regexp.MustCompile(pattern).MatchString(href) {
			out = append(out, href)
		}
	}
	slices.Sort(out)
	return out
}

// TestStatusPage: the links of the reference's page, each process by its state.
func TestStatusPage(t *testing.T) {
	run(t, func(h *harness) {
		h.get("/?processname=gone&action=start")
		for _, path := range []string{"/", "/index.html", "//index.html", "/status.html"} {
			w := h.get(path)
			if header := w.Header(); w.Code != 200 || header.Get("Content-Type") != "text/html;charset=utf-8" || header.Get("Cache-Control") != "no-cache" ||
				header.Get("Pragma") != "no-cache" || header.Get("Expires") != "Thu, 01 Jan 1970 00:00:00 GMT" {
				t.Errorf("%s: %d %v", path, w.Code, header)
			}
		}
		page := h.get("/?message=hello+%3Cb%3E").Body.String()
		if got := strings.Join(links(page, `^index\.html\?action=`), " "); got != "index.html?action=refresh index.html?action=restartall index.html?action=stopall" {
			t.Errorf("actions %s", got)
		}
		for name, actions := range map[string]string{
			"p": "clearlog restart stop", "g:b": "clearlog restart stop", "off": "clearlog start", "gone": "clearlog start",
		} {
			var want []string
			for action := range strings.FieldsSeq(actions) {
				want = append(want, "index.html?processname="+name+"&action="+action)
			}
			if got := links(page, `^index\.html\?processname=`+name+`&`); !slices.Equal(got, want) {
				t.Errorf("%s: %q", name, got)
			}
			if got := links(page, "^(logtail/"+name+`(/|$)|tail\.html\?processname=`+name+"$)"); !slices.Equal(got, []string{
				"logtail/" + name, "logtail/" + name + "/stderr", "tail.html?processname=" + name,
			}) {
				t.Errorf("%s: %q", name, got)
			}
		}
		if !strings.Contains(page, "hello &lt;b&gt;") || strings.Contains(page, "hello <b>") {
			t.Error("the message is not shown as text")
		}
		if policy := h.get("/").Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none';") || strings.Contains(policy, "unsafe") {
			t.Errorf("policy %q", policy)
		}
		if regexp.MustCompile(`(?i)\son\w+=|style=|<style|<script(>| [^s]*>[^<])|https?:`).MatchString(page) {
			t.Error("the page has what its policy forbids, or names another host")
		}
	})
}

func TestEmptyPage(t *testing.T) {
	run(t, func(h *harness) {
		const text = "No programs to manage"
		if strings.Contains(h.get("/").Body.String(), text) {
			t.Error("it is said that there are none")
		}
		h.post("/", "action=stopall")
		for _, name := range []string{"p", "off", "gone", "noexec", "quick", "g"} {
			if err := h.Sup.RemoveGroup(h.t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
		if !strings.Contains(h.get("/").Body.String(), text) {
			t.Error("it is not said that there are none")
		}
		if err := h.Sup.AddGroup(h.t.Context(), rpcinterface.GroupInfo{Name: "empty"}, false); err != nil {
			t.Fatal(err)
		}
		page := h.get("/").Body.String()
		if !strings.Contains(page, text) || !strings.Contains(page, "0 of 0 running") {
			t.Error("the empty group is not shown")
		}
	})
}

// TestEscaping: names, logs and messages add no element to a page.
func TestEscaping(t *testing.T) {
	const evil = `<script>"'</pre>&amp;%41+#?;\u2028é`
	run(t, func(h *harness) {
		bare := h.get("/").Body.String()
		for _, group := range []string{"g", "p"} {
			if err := h.Sup.AddProcesses(h.t.Context(), group, []*core.ProcessSpec{Program(evil, func(p *core.ProcessSpec) {
				p.Stdout.File = core.LogFile{Kind: core.LogPath, Path: filepath.Join(h.dir, "out")}
			})}, nil); err != nil {
				t.Fatal(err)
			}
		}
		h.write("out", evil+"\xff\x00\x1b[1m")
		page := h.get("/?message=" + url.QueryEscape(evil)).Body.String()
		if n, m := strings.Count(page, "<script"), strings.Count(bare, "<script"); n != m {
			t.Errorf("%d scripts in place of %d", n, m)
		}
		if got := links(page, `^tail\.html\?processname=g:<`); !slices.Equal(got, []string{"tail.html?processname=g:" + evil}) {
			t.Errorf("links %q", got)
		}
		// As the path is unescaped twice, a name needs it where it has escapes.
		if got := links(page, `^logtail/g:%`); len(got) != 2 {
			t.Errorf("links %q", got)
		} else if name, err := url.PathUnescape(got[0]); err != nil || name != "logtail/g:"+evil {
			t.Errorf("a link leads to %q", name)
		}
		tail := h.get("/tail.html?processname=" + url.QueryEscape("g:"+evil)).Body.String()
		text := regexp.MustCompile(`(?s)<pre[^>]*>(.*)</pre>`).FindStringSubmatch(tail)
		if strings.Count(tail, "<script") != 1 || text == nil || html.UnescapeString(text[1]) != evil+"\uFFFD\uFFFD\x1b[1m" {
			t.Errorf("the log is shown as %q", text)
		}
	})
}

func TestTailPage(t *testing.T) {
	run(t, func(h *harness) {
		h.write("out", strings.Repeat("o", 3000)+"\n")
		h.write("err", "e\n")
		h.write("main.log", "main\n")
		for query, want := range map[string]struct{ title, text, refresh string }{
			"tail.html":                                          {"Supervisor tail of process None", "No process name found", ""},
			"tail.html?processname=":                             {"Supervisor tail of process None", "No process name found", ""},
			"tail.html?processname=zz":                           {"Supervisor tail of process zz", "ERROR: unexpected rpc fault [10] BAD_NAME: zz", "tail.html?processname=zz&limit=1024"},
			"tail.html?processname=g:*":                          {"Supervisor tail of process g:*", "ERROR: unexpected rpc fault [10] BAD_NAME: g:*", "tail.html?processname=g:*&limit=1024"},
			"tail.html?processname=off":                          {"Supervisor tail of process off", "No file for off", "tail.html?processname=off&limit=1024"},
			"tail.html?processname=p":                            {"Supervisor tail of process p", "1024", "tail.html?processname=p&limit=1024"},
			"tail.html?processname=p&limit=100":                  {"Supervisor tail of process p", "1024", "tail.html?processname=p&limit=1024"},
			"tail.html?processname=p&limit=-5":                   {"Supervisor tail of process p", "1024", "tail.html?processname=p&limit=1024"},
			"tail.html?processname=p&limit=x":                    {"Supervisor tail of process p", "1024", "tail.html?processname=p&limit=1024"},
			"tail.html?processname=p&limit=2048":                 {"Supervisor tail of process p", "2048", "tail.html?processname=p&limit=2048"},
			"tail.html?processname=p&limit=9999999":              {"Supervisor tail of process p", "3001", "tail.html?processname=p&limit=4194304"},
			"tail.html?processname=p&limit=99999999999999999999": {"Supervisor tail of process p", "3001", "tail.html?processname=p&limit=4194304"},
			"tail.html?processname=p&channel=stderr":             {"Supervisor tail of process p", "e\n", "tail.html?processname=p&limit=1024&channel=stderr"},
			"maintail.html":                                      {"Supervisor main log", "main\n", "maintail.html?limit=1024"},
		} {
			w := h.get("/" + query)
			page := w.Body.String()
			title := regexp.MustCompile(`<title>(.*)</title>`).FindStringSubmatch(page)
			text := regexp.MustCompile(`(?s)<pre[^>]*>(.*)</pre>`).FindStringSubmatch(page)
			if w.Code != 200 || title == nil || text == nil {
				t.Errorf("%s: %d %s", query, w.Code, page)
				continue
			}
			shown := html.UnescapeString(text[1])
			if len(shown) > 1000 {
				shown = fmt.Sprint(len(shown))
			}
			if title[1] != want.title || shown != want.text {
				t.Errorf("%s: %q, %q", query, title[1], shown)
			}
			if got := strings.Join(links(page, `^(main)?tail\.html`), " "); got != want.refresh {
				t.Errorf("%s: refresh %q, want %q", query, got, want.refresh)
			}
		}
		if got := h.post("/tail.html", "processname=p"); !strings.Contains(got.Body.String(), "tail of process p<") {
			t.Error("a form is not read")
		}
	})
}

// TestPaths: which methods answer where, as in the reference; the rest is left to
// others.
func TestPaths(t *testing.T) {
	const get, post, head, other = http.MethodGet, http.MethodPost, http.MethodHead, http.StatusTeapot
	run(t, func(h *harness) {
		for request_, status := range map[string]int{
			get + " /ok.html": 200, post + " /ok.html": 200, head + " /ok.html": other,
			head + " /": other, head + " /index.html": other, head + " /tail.html": 200, head + " /status.html": 200,
			"PUT /": other, "get /": other, post + " /status.html": other,
			get + " /stylesheets/supervisor.css": 200, head + " /stylesheets/supervisor.css": 200, post + " /stylesheets/supervisor.css": other,
			get + " /images/icon.png": 200, get + " /scripts/status.js": 200,
			get + " /stylesheets": 301, get + " /stylesheets/": other, get + " /nosuch": other, get + " /nosuch.html": other,
			get + " /../pages.go": other, get + " /scripts/../../pages.go": other, get + " /templates/status.html": other,
			get + " /images/../index.html": other, get + " /favicon.ico": other, post + " /updates": other, head + " /updates": other,
		} {
			method, path, _ := strings.Cut(request_, " ")
			if w := serve(h, request(method, path, "")); w.Code != status {
				t.Errorf("%s: %d, want %d", request_, w.Code, status)
			}
		}
		if got := h.get("/ok.html"); got.Body.String() != "OK" || got.Header().Get("Content-Type") != "text/plain" {
			t.Errorf("%v %q", got.Header(), got.Body)
		}
		for path, contentType := range map[string]string{
			"/stylesheets/supervisor.css": "text/css", "/scripts/log.js": "text/javascript", "/images/icon.png": "image/png",
		} {
			w := h.get(path)
			if got := w.Header().Get("Content-Type"); got != contentType || w.Body.Len() == 0 {
				t.Errorf("%s: %q, %d bytes", path, got, w.Body.Len())
			}
			again := h.get(path, "If-None-Match", w.Header().Get("ETag"))
			if again.Code != http.StatusNotModified || again.Body.Len() > 0 {
				t.Errorf("%s: asked again %d", path, again.Code)
			}
		}
	})
}

// TestRedirectsToTheHost: the host is the request's, without the standard port.
func TestRedirectsToTheHost(t *testing.T) {
	run(t, func(h *harness) {
		for host, want := range map[string]string{
			"example.com": "http://example.com/", "example.com:8080": "http://example.com:8080/", "example.com:80": "http://example.com/",
			"example.com:": "http://example.com/", "[::1]:80": "http://[::1]/", "": "http://localhost/",
		} {
			r := request(http.MethodGet, "/?action=refresh", "")
			r.Host = host
			if got, _, _ := strings.Cut(serve(h, r).Header().Get("Location"), "?"); got != want {
				t.Errorf("%q: %q, want %q", host, got, want)
			}
		}
		r := request(http.MethodGet, "/?action=refresh", "")
		r.Host, r.TLS = "example.com:443", &tls.ConnectionState{}
		if got, _, _ := strings.Cut(serve(h, r).Header().Get("Location"), "?"); got != "https://example.com/" {
			t.Errorf("over TLS: %q", got)
		}
		const message = "No such process named a b/c:é+&"
		location := h.get("/?action=stop&processname=" + url.QueryEscape("a b/c:é+&")).Header().Get("Location")
		if want := "http://host:9001/?message=No%20such%20process%20named%20a%20b/c%3A%C3%A9%2B%26"; location != want {
			t.Errorf("%q leads to %q", message, location)
		}
	})
}

// BenchmarkStatusPage is the page of a thousand processes.
func BenchmarkStatusPage(b *testing.B) {
	h := newHarness(b)
	group := Group("g", 999)
	for i := range 1000 {
		group.Processes = append(group.Processes, Program(fmt.Sprintf("p_%04d", i)))
	}
	h.begin(group)
	defer h.End()
	b.ReportAllocs()
	size := 0
	for b.Loop() {
		size = h.get("/").Body.Len()
	}
	b.ReportMetric(float64(size), "B/page")
}
