package browsertest

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// otherSite is another site: a page with a link and a form, and with more, that each
// try to stop the programs of the daemon at target.
func otherSite(t *testing.T, target, more string) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.88.88.88:0")
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<title>other</title>
<a id="link" href="%[1]s/index.html?action=stopall">link</a>
<form method="post" action="%[1]s/index.html"><input type="hidden" name="action" value="stopall"><button id="form">form</button></form>%[2]s`, target, more)
	}))
	s.Listener.Close()
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	return s.URL
}

// TestOtherSites: pages of other sites cause no action, whether the browser tells by
// Sec-Fetch-Site or, on plain HTTP, by Origin alone.
func TestOtherSites(t *testing.T) {
	d := startAt(t, elsewhereAddress, "", programs, "sleeper", "web:*")
	_, port, err := net.SplitHostPort(d.addr)
	if err != nil {
		t.Fatal(err)
	}
	named := "http://" + net.JoinHostPort(elsewhere, port)
	b := newTab(t)
	refused := func() {
		t.Helper()
		b.wait("document.body.textContent.includes('refused to pages of other origins')")
		d.wantStates("sleeper RUNNING", "web:w_00 RUNNING")
	}
	const post = `fetch(%q, {method: 'POST', mode: 'no-cors', body: new URLSearchParams({action: 'stopall'})}).then(() => window.postDone = 1)`

	other := otherSite(t, d.url("", ""), `<img src="`+d.url("", "/index.html?action=stopall")+`" onerror="window.imageDone = 1">`)
	b.open(other)
	b.wait("window.imageDone")
	eval[any](b, fmt.Sprintf(post, d.url("", "/index.html"))+", 0")
	b.wait("window.postDone")
	d.wantStates("sleeper RUNNING", "web:w_00 RUNNING")
	b.click("#link")
	refused()
	b.open(other)
	b.click("#form")
	refused()

	// By name the browser sends no Sec-Fetch-Site. A link then cannot be told from an
	// address that somebody typed, which web_get_actions is for; forms and scripts are
	// known by their origin.
	other = otherSite(t, named, "")
	b.open(other)
	b.click("#form")
	refused()
	b.open(other)
	eval[any](b, fmt.Sprintf(post, named+"/index.html")+", 0")
	b.wait("window.postDone")
	d.wantStates("sleeper RUNNING", "web:w_00 RUNNING")

	// The daemon's own page acts, under that name too.
	b.live(named + "/")
	b.click(action("off", "start"))
	b.waitText("#message", "Process off started")
	d.wantStates("off RUNNING")
}

// TestLogin: everything that a page does is done with the login, also where the
// address carries it.
func TestLogin(t *testing.T) {
	d := start(t, "username=jo\npassword=pa:ss", logPrograms)
	d.rpc = d.client("jo:pa%3Ass@")
	d.start("echo")
	b := newTab(t)
	b.live(d.url("jo:pa%3Ass@", "/"))
	b.click(action("echo", "stop"))
	b.waitText("#message", "Process echo stopped")
	d.wantStates("echo STOPPED")
	b.click(action("echo", "start"))
	b.waitText(row("echo", ".state"), "running")
	b.click(row("echo", ".stdout"))
	b.waitText("#live", "Live")
	d.write("echo.log", "seen\n")
	b.waitText("#log", "seen")
}

// TestRequests: a page asks nobody but its own server.
func TestRequests(t *testing.T) {
	d := start(t, "", logPrograms, "echo")
	b := newTab(t)
	b.live(d.url("", "/"))
	b.open(d.url("", "/tail.html?processname=echo"))
	b.waitText("#live", "Live")
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.hosts) != 1 || !b.hosts[d.addr] {
		t.Errorf("requests to %v, want %s alone", b.hosts, d.addr)
	}
}
