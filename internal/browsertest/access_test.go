package browsertest

import (
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/chromedp"
)

// TestAccessibleNames: whatever can be used has a name, and no two buttons of a page
// have the same.
func TestAccessibleNames(t *testing.T) {
	d := start(t, "", programs+extensions, running...)
	for name, path := range map[string]string{"status": "/", "extensions": "/extensions.html", "log": "/tail.html?processname=echo", "main log": "/maintail.html"} {
		t.Run(name, func(t *testing.T) {
			b := newTab(t)
			b.open(d.url("", path))
			b.waitText("#live", "Live")
			b.wait("!document.querySelector('a.action')")
			tree, err := chromedp.Call(b.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
			if err != nil {
				t.Fatal(err)
			}
			seen := map[string]int{}
			for _, node := range tree.Nodes {
				if node.Ignored || node.Role == nil {
					continue
				}
				role := string(node.Role.Value)
				switch role {
				case `"button"`, `"link"`, `"searchbox"`, `"heading"`, `"DisclosureTriangle"`:
					if node.Name == nil || len(node.Name.Value) <= len(`""`) {
						t.Errorf("a %s has no name", role)
						continue
					}
					seen[role+" "+string(node.Name.Value)]++
				}
			}
			if len(seen) == 0 {
				t.Error("nothing can be used")
			}
			for what, n := range seen {
				if n > 1 {
					t.Errorf("%d times %s", n, what)
				}
			}
		})
	}
}

// TestKeyboard: an action without a mouse, and the focus is not lost when the button
// that had it is gone.
func TestKeyboard(t *testing.T) {
	d := start(t, "", programs, running...)
	b := newTab(t)
	b.live(d.url("", "/"))
	b.press("\t")
	b.wait("document.activeElement.className === 'skip'")
	b.press("\r")
	b.press("\t\t") // the first process's name, and its first action
	b.wait("document.activeElement.getAttribute('aria-label') === 'Restart echo'")
	b.press("\t")
	b.press(" ")
	b.waitText("#message", "Process echo stopped")
	d.wantStates("echo STOPPED")
	b.wait("document.activeElement.getAttribute('aria-label') === 'Start echo'")
	b.press("\r")
	b.waitText("#message", "Process echo started")
	d.wantStates("echo RUNNING")
}

// TestFocus: who stops with the keyboard can start again, also
// where stopping takes its time.
func TestFocus(t *testing.T) {
	// It does not end before SIGKILL, which comes when all of the page has been seen.
	d := start(t, "", "[program:slow]\ncommand=/bin/sleep 100000\nstopsignal=CONT\nstopwaitsecs=100000\nstartsecs=0\nautostart=false\n", "slow")
	b := newTab(t)
	b.live(d.url("", "/"))
	eval[any](b, fmt.Sprintf("document.querySelector(%q).focus(), 0", action("slow", "stop")))
	b.press(" ")
	b.waitText(row("slow", ".state"), "stopping")
	b.wait("document.activeElement.getAttribute('aria-label') === 'Clear log slow'")
	d.call("supervisor.signalProcess", "slow", "KILL")
	b.waitText(row("slow", ".state"), "stopped")
	b.wait("document.activeElement.getAttribute('aria-label') === 'Start slow'")
	// What somebody chose is kept.
	b.press("\t")
	d.start("slow")
	b.waitText(row("slow", ".state"), "running")
	b.wait("document.activeElement.getAttribute('aria-label') === 'Clear log slow'")
}
