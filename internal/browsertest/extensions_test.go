package browsertest

import (
	"fmt"
	"syscall"
	"testing"
)

// extensions are sections beside twiddler's: one that is off, one that cannot be
// started, and one whose name has to be shown as text.
const extensions = `
[rpcinterface:spare]
supervisor.rpcinterface_factory = twiddler
plugin.enabled = false
[rpcinterface:broken]
supervisor.rpcinterface_factory = /bin/false
plugin.required = false
[rpcinterface:<b>&"'%?#é]
supervisor.rpcinterface_factory = twiddler
plugin.grants = processes:read
`

const strange = `<b>&"'%?#é`

// entry selects something in the entry of an extension.
func entry(name, rest string) string {
	return fmt.Sprintf(`.extension[data-name=%q] %s`, name, rest)
}

func extensionAction(name, action string) string {
	return entry(name, `[data-action="`+action+`extension"]`)
}

func factOf(name, key string) string { return entry(name, `[data-fact="`+key+`"] dd`) }

// liveExtensions opens the page of extensions and waits until it gets updates.
func (b *tab) liveExtensions(address string) {
	b.t.Helper()
	b.open(address)
	b.wait(`document.querySelector('#live').textContent === 'Live' && document.querySelector('.actions').dataset.actions`)
}

// extensionInfo is what the daemon says of an extension.
type extensionInfo struct {
	State    string `xmlrpc:"statename"`
	PID      int    `xmlrpc:"pid"`
	Calls    int    `xmlrpc:"calls"`
	Restarts int    `xmlrpc:"restarts"`
}

func (d *daemon) extension(name string) (i extensionInfo) {
	d.t.Helper()
	if err := d.rpc.Call("extension.getExtensionInfo", name, &i); err != nil {
		d.t.Fatalf("getExtensionInfo(%s): %v", name, err)
	}
	return i
}

func (d *daemon) wantExtension(name, state string) {
	d.t.Helper()
	if got := d.extension(name).State; got != state {
		d.t.Errorf("%s is %s in the daemon, want %s", name, got, state)
	}
}

// TestExtensionActions: each action is done in the daemon and shown in the page, which
// is never loaded anew.
func TestExtensionActions(t *testing.T) {
	d := start(t, "", programs+extensions)
	b := newTab(t)
	b.live(d.url("", "/"))
	b.click(`header a[href="extensions.html"]`)
	b.waitText("h1 small", "browsertest: Extensions")
	b.liveExtensions(d.url("", "/extensions.html"))
	eval[bool](b, "window.same = true")
	b.waitText(entry("twiddler", ".state"), "running")
	b.waitText(entry("spare", ".state"), "disabled")
	b.waitText(entry(strange, "h2"), strange)
	b.wait(fmt.Sprintf("['backoff', 'starting', 'fatal'].includes(document.querySelector(%q).textContent)", entry("broken", ".state")))
	b.shot("extensions-light")

	before := d.extension("twiddler").PID
	b.waitText(factOf("twiddler", "pid"), fmt.Sprint(before))
	b.click(extensionAction("twiddler", "restart"))
	b.waitText("#message", "Extension twiddler restarted")
	after := d.extension("twiddler")
	if after.PID == before || after.PID == 0 || after.Restarts != 1 {
		t.Errorf("pid %d, then %d with %d restarts", before, after.PID, after.Restarts)
	}
	b.waitText(factOf("twiddler", "pid"), fmt.Sprint(after.PID))
	b.waitText(factOf("twiddler", "restarts"), "1")
	b.wait(fmt.Sprintf("document.querySelector(%q).textContent.startsWith('pid %d, uptime 0:00:')", entry("twiddler", ".description"), after.PID))

	b.click(extensionAction("twiddler", "disable"))
	b.confirm("Disable the extension twiddler? Calls of its methods fail until it is enabled.")
	b.waitText("#message", "Extension twiddler disabled")
	b.waitText(entry("twiddler", ".state"), "disabled")
	d.wantExtension("twiddler", "DISABLED")
	b.wait("!document.querySelector('" + extensionAction("twiddler", "restart") + "')")

	b.click(extensionAction("twiddler", "enable"))
	b.waitText("#message", "Extension twiddler enabled")
	b.waitText(entry("twiddler", ".state"), "running")
	d.wantExtension("twiddler", "RUNNING")
	b.click(extensionAction("spare", "enable"))
	b.waitText("#message", "Extension spare enabled")
	d.wantExtension("spare", "RUNNING")

	b.click(extensionAction(strange, "restart"))
	b.waitText("#message", "Extension "+strange+" restarted")
	if n := d.extension(strange).Restarts; n != 1 {
		t.Errorf("%d restarts", n)
	}
	b.click(extensionAction("broken", "restart"))
	b.wait("document.querySelector('#message').textContent.startsWith('ERROR: Extension broken: ')")
	b.wait("document.querySelector('#message').classList.contains('failed')")
	b.press("\x1b")
	b.click(extensionAction("broken", "disable"))
	b.confirm("Disable the extension broken? Calls of its methods fail until it is enabled.")
	b.waitText(entry("broken", ".state"), "disabled")
	d.wantExtension("broken", "DISABLED")
	if !eval[bool](b, "window.same === true") {
		t.Error("the page was loaded anew")
	}

	b.media("prefers-color-scheme", "dark")
	b.shot("extensions-dark")
	b.phone()
	b.shot("extensions-dark-phone")
	if wide := eval[int](b, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
		t.Errorf("the page is %d pixels wider than a phone", wide)
	}
}

// TestExtensionUpdates: what others do, and what happens by itself, is shown without a
// reload.
func TestExtensionUpdates(t *testing.T) {
	d := start(t, "", programs+extensions)
	b := newTab(t)
	b.liveExtensions(d.url("", "/extensions.html"))
	eval[bool](b, "window.same = true")
	d.call("extension.disableExtension", "twiddler")
	b.waitText(entry("twiddler", ".state"), "disabled")
	d.call("extension.enableExtension", "twiddler")
	b.waitText(entry("twiddler", ".state"), "running")

	// Numbers come soon.
	d.call("twiddler.getGroupNames")
	d.call("twiddler.getGroupNames")
	b.waitText(factOf("twiddler", "calls"), "2")

	// A crash.
	pid := d.extension("twiddler").PID
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	b.wait(fmt.Sprintf("document.querySelector(%q).textContent !== '%d'", factOf("twiddler", "pid"), pid))
	b.waitText(entry("twiddler", ".state"), "running")
	b.waitText(factOf("twiddler", "pid"), fmt.Sprint(d.extension("twiddler").PID))
	b.wait(fmt.Sprintf("document.querySelector(%q).textContent.endsWith('SIGKILL')", factOf("twiddler", "lasterror")))
	b.shot("extensions-crashed")

	d.call("supervisor.shutdown")
	b.waitText("#live", "Disconnected")
	if !eval[bool](b, "window.same === true") {
		t.Error("the page was loaded anew")
	}
}

// TestExtensionsWithoutScripts: the page works with plain forms.
func TestExtensionsWithoutScripts(t *testing.T) {
	d := start(t, "web_get_actions=false", programs+extensions)
	b := newTab(t)
	b.noScripts()
	b.open(d.url("", "/"))
	b.click(`header a[href="extensions.html"]`)
	b.waitText("h1 small", "browsertest: Extensions")
	b.shot("extensions-noscript")
	b.click(extensionAction("spare", "enable"))
	b.waitText("#message", "Extension spare enabled")
	b.waitText(entry("spare", ".state"), "running")
	d.wantExtension("spare", "RUNNING")
	b.click(extensionAction(strange, "disable"))
	b.waitText("#message", "Extension "+strange+" disabled")
	d.wantExtension(strange, "DISABLED")
	pid := d.extension("twiddler").PID
	b.click(extensionAction("twiddler", "restart"))
	b.waitText("#message", "Extension twiddler restarted")
	if again := d.extension("twiddler").PID; again == pid {
		t.Errorf("pid %d again", again)
	}
}
