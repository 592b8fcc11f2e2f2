package browsertest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

const programs = `
[program:sleeper]
command=/bin/sleep 100000
startsecs=0
autostart=false
[program:off]
command=/bin/sleep 100000
startsecs=0
autostart=false
[program:gone]
command=/nonexistent/program
autostart=false
[program:echo]
command=/bin/cat
startsecs=0
autostart=false
stdout_logfile=%(here)s/echo.log
[group:web]
programs=worker
[program:worker]
command=/bin/sleep 100000
process_name=w_%(process_num)02d
numprocs=3
startsecs=0
autostart=false
`

// running are those of the programs that run when a test begins.
var running = []string{"sleeper", "echo", "web:*"}

// row selects something in the row of a process.
func row(name, rest string) string { return fmt.Sprintf(`[data-name="%s"] %s`, name, rest) }

// action selects the button of an action on a process.
func action(name, action string) string { return row(name, `[data-action="`+action+`"]`) }

// confirm answers the question that stands before what cannot be taken back.
func (b *tab) confirm(question string) {
	b.t.Helper()
	b.waitText("dialog[open] #question", question)
	b.click("#yes")
}

// TestActions: each action is done in the daemon and shown in the page, which is
// never loaded anew.
func TestActions(t *testing.T) {
	d := start(t, "", programs, running...)
	b := newTab(t)
	b.live(d.url("", "/"))
	eval[bool](b, "window.same = true")
	b.shot("status-light")

	b.click(action("off", "start"))
	b.waitText("#message", "Process off started")
	b.waitText(row("off", ".state"), "running")
	d.wantStates("off RUNNING")

	before := d.info("off").PID
	b.click(action("off", "restart"))
	b.waitText("#message", "Process off restarted")
	after := d.info("off").PID
	if after == before || after == 0 {
		t.Errorf("pid %d, then %d", before, after)
	}
	b.wait(fmt.Sprintf("document.querySelector(%q).textContent.startsWith('pid %d, ')", row("off", ".description"), after))

	b.click(action("off", "stop"))
	b.waitText("#message", "Process off stopped")
	b.waitText(row("off", ".state"), "stopped")
	d.wantStates("off STOPPED")

	b.click(action("gone", "start"))
	b.waitText("#message", "ERROR: Process gone: no such file")
	b.wait("document.querySelector('#message').classList.contains('failed')")

	d.write("echo.log", "hello\n")
	b.click(row("echo", ".stdout"))
	b.waitText("#log", "hello")
	b.live(d.url("", "/"))
	b.click(action("echo", "clearlog"))
	b.confirm("Delete what echo has written to its logs?")
	b.waitText("#message", "Log for echo cleared")
	if got := d.read("echo.log"); got != "" {
		t.Errorf("the log has %q", got)
	}

	eval[bool](b, "window.same = true")
	b.click(`[data-group="web"] [data-action="stopgroup"]`)
	b.confirm("Stop all processes of the group web?")
	b.waitText("#message", "Group web stopped")
	b.waitText(`[data-group="web"] .count`, "0 of 3 running")
	d.wantStates("web:w_00 STOPPED", "web:w_01 STOPPED", "web:w_02 STOPPED", "sleeper RUNNING")

	b.click(`[data-group="web"] [data-action="startgroup"]`)
	b.waitText("#message", "Group web started")
	b.waitText(`[data-group="web"] .count`, "3 of 3 running")
	d.wantStates("web:w_00 RUNNING", "web:w_01 RUNNING", "web:w_02 RUNNING")

	before = d.info("web:w_01").PID
	b.click(`[data-group="web"] [data-action="restartgroup"]`)
	b.confirm("Restart all processes of the group web?")
	b.waitText("#message", "Group web restarted")
	if after := d.info("web:w_01").PID; after == before || after == 0 {
		t.Errorf("pid %d, then %d", before, after)
	}

	b.click(`[data-action="stopall"]`)
	b.waitText("dialog[open] #question", "Stop all processes?")
	b.shot("question-light")
	b.press(kb.Escape)
	b.wait("!document.querySelector('dialog').open")
	d.wantStates("sleeper RUNNING")
	b.click(`[data-action="stopall"]`)
	b.confirm("Stop all processes?")
	b.wait("document.querySelector('#message').textContent.startsWith('All stopped at ')")
	b.wait("[...document.querySelectorAll('.state')].every((state) => state.textContent === 'stopped')")
	d.wantStates("sleeper STOPPED", "echo STOPPED", "web:w_02 STOPPED")

	// gone cannot be started, and that is told.
	b.click(`[data-action="startall"]`)
	b.waitText("#message", "ERROR: Process gone: no such file")
	d.wantStates("sleeper RUNNING", "off RUNNING", "echo RUNNING", "web:w_02 RUNNING", "gone STOPPED")

	before = d.info("sleeper").PID
	b.wait(fmt.Sprintf("document.querySelector(%q).textContent.startsWith('pid %d, ')", row("sleeper", ".description"), before))
	b.click(`[data-action="restartall"]`)
	b.confirm("Restart all processes?")
	b.wait(fmt.Sprintf("!document.querySelector(%q).textContent.startsWith('pid %d, ')", row("sleeper", ".description"), before))
	b.waitText("#message", "ERROR: Process gone: no such file")
	if after := d.info("sleeper").PID; after == before || after == 0 {
		t.Errorf("pid %d, then %d", before, after)
	}

	b.click(`[data-action="refresh"]`)
	b.wait("document.querySelector('#message').textContent.startsWith('Page refreshed at ')")
	if !eval[bool](b, "window.same === true") {
		t.Error("the page was loaded anew")
	}

	b.media("prefers-color-scheme", "dark")
	b.shot("status-dark")
	b.phone()
	b.shot("status-dark-phone")
	b.media("prefers-color-scheme", "light")
	b.shot("status-light-phone")
	if wide := eval[int](b, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
		t.Errorf("the page is %d pixels wider than a phone", wide)
	}
}

// TestUpdates: what others do is shown without a reload.
func TestUpdates(t *testing.T) {
	d := start(t, "", programs, running...)
	b := newTab(t)
	b.live(d.url("", "/"))
	eval[bool](b, "window.same = true")

	d.call("supervisor.stopProcess", "sleeper")
	b.waitText(row("sleeper", ".state"), "stopped")
	b.wait("!document.querySelector('" + action("sleeper", "stop") + "')")
	d.call("supervisor.startProcess", "sleeper")
	b.waitText(row("sleeper", ".state"), "running")

	// What has no event: a program that does not start by itself, and its removal.
	d.call("twiddler.addProgramToGroup", "web", "extra", map[string]any{"command": "/bin/sleep 100000", "autostart": "false"})
	b.waitText(row("web:extra", ".state"), "stopped")
	b.waitText(`[data-group="web"] .count`, "3 of 4 running")
	b.click(action("web:extra", "start"))
	b.waitText(row("web:extra", ".state"), "running")
	d.wantStates("web:extra RUNNING")
	if order := eval[string](b, `[...document.querySelectorAll('[data-group="web"] .process')].map((row) => row.dataset.name).join()`); order != "web:extra,web:w_00,web:w_01,web:w_02" {
		t.Errorf("rows %s", order)
	}
	d.call("supervisor.stopProcess", "web:extra")
	d.call("twiddler.removeProcessFromGroup", "web", "extra")
	b.wait(`!document.querySelector('[data-name="web:extra"]')`)

	// Groups come and go. The last program leaves an empty page.
	d.call("supervisor.stopAllProcesses")
	d.call("supervisor.removeProcessGroup", "web")
	b.wait(`!document.querySelector('section[data-group="web"]')`)
	d.call("supervisor.addProcessGroup", "web")
	b.waitText(`section[data-group="web"] .count`, "0 of 3 running")
	for _, group := range []string{"web", "sleeper", "off", "gone", "echo"} {
		d.call("supervisor.removeProcessGroup", group)
	}
	b.waitText("#nothing", "No programs to manage")
	b.shot("status-empty")
	d.call("supervisor.addProcessGroup", "sleeper")
	b.waitText(row("sleeper", ".state"), "stopped")
	b.waitText("#nothing", "")

	d.call("supervisor.shutdown")
	b.waitText("#live", "Disconnected")
	if !eval[bool](b, "window.same === true") {
		t.Error("the page was loaded anew")
	}
}

// TestFilter: by text and by state, kept in the address, with the keyboard alone.
func TestFilter(t *testing.T) {
	d := start(t, "", programs, running...)
	b := newTab(t)
	b.live(d.url("", "/"))
	shown := func() string {
		return eval[string](b, `[...document.querySelectorAll('.process')].filter((row) => row.checkVisibility()).map((row) => row.dataset.name).join()`)
	}
	want := func(rows string) {
		t.Helper()
		if got := shown(); got != rows {
			t.Errorf("rows %s, want %s", got, rows)
		}
	}
	const all = "echo,gone,off,sleeper,web:w_00,web:w_01,web:w_02"
	want(all)
	for show, n := range map[string]string{"all": "7", "up": "5", "busy": "0", "failing": "0", "down": "2"} {
		if got := b.text(`[data-show="` + show + `"] b`); got != n {
			t.Errorf("%s: %s, want %s", show, got, n)
		}
	}

	b.press("/")
	b.press("WEB _0") // pids are found too
	want("web:w_00,web:w_01,web:w_02")
	b.press("2")
	want("web:w_02")
	if eval[bool](b, "document.querySelector('.solo').checkVisibility()") {
		t.Error("a list without rows is shown")
	}
	b.press(kb.ArrowDown)
	b.wait("document.activeElement.textContent === 'web:w_02'")
	b.press("/x")
	b.waitText("#nothing", "No process matches")
	want("")
	b.press(kb.Escape)
	want(all)
	for _, name := range []string{"echo", "gone", "off"} {
		b.press(kb.ArrowDown)
		b.wait("document.activeElement.textContent === '" + name + "'")
	}
	b.press(kb.ArrowUp)
	b.wait("document.activeElement.textContent === 'gone'")

	b.click(`[data-show="down"]`)
	want("gone,off")
	if got := eval[string](b, "location.hash"); got != "#show=down" {
		t.Errorf("the address has %q", got)
	}
	// A process that changes its state leaves what is shown, and comes.
	d.call("supervisor.startProcess", "off")
	b.wait(`document.querySelector('[data-name="off"]').hidden`)
	d.call("supervisor.stopProcess", "web:w_01")
	b.wait(`!document.querySelector('[data-name="web:w_01"]').hidden`)
	want("gone,web:w_01")
	b.open(d.url("", "/ok.html"))
	b.live(d.url("", "/#show=down"))
	want("gone,web:w_01")
	b.click(`[data-show="all"]`)
	want(all)

	// Groups are closed and stay so; a filter opens them for as long as it is there.
	b.click(`section[data-group="web"] summary`)
	b.wait(`!document.querySelector('section[data-group="web"] details').open`)
	want("echo,gone,off,sleeper")
	// The page is told of it later than the document shows it.
	b.wait(`JSON.parse(localStorage.getItem('collapsed')).includes('web')`)
	b.open(d.url("", "/ok.html"))
	b.live(d.url("", "/"))
	want("echo,gone,off,sleeper")
	b.press("/")
	b.press("web")
	want("web:w_00,web:w_01,web:w_02")
	b.press(kb.Escape)
	b.wait(`!document.querySelector('section[data-group="web"] details').open`)
}

// TestWithoutScripts: the page works as the reference's does, by links that GET, and
// by buttons where those are refused.
func TestWithoutScripts(t *testing.T) {
	for name, tt := range map[string]struct{ server, element string }{
		"links":   {"", "a"},
		"buttons": {"web_get_actions=false", "button"},
	} {
		t.Run(name, func(t *testing.T) {
			d := start(t, tt.server, programs, running...)
			b := newTab(t)
			b.noScripts()
			b.open(d.url("", "/"))
			b.shot("noscript-" + name)
			b.click(row("off", tt.element+`[data-action="start"]`))
			b.waitText("#message", "Process off started")
			b.waitText(row("off", ".state"), "running")
			d.wantStates("off RUNNING")
			b.click(tt.element + `[data-action="stopall"]`)
			b.wait("document.querySelector('#message').textContent.startsWith('All stopped at ')")
			d.wantStates("off STOPPED", "sleeper STOPPED", "web:w_01 STOPPED")
			b.click(`[data-group="web"] [data-action="startgroup"]`)
			b.waitText("#message", "Group web started")
			b.waitText(`[data-group="web"] .count`, "3 of 3 running")
			d.wantStates("web:w_00 RUNNING", "sleeper STOPPED")
			b.click(`[data-name="echo"] .name`)
			b.waitText("h1 small", "echo")
			b.click(".actions " + tt.element + `[data-action="start"]`)
			b.waitText("#message", "Process echo started")
			d.wantStates("echo RUNNING")
		})
	}
}

// TestNames: names are text, whatever is in them.
func TestNames(t *testing.T) {
	const evil = `"><script>window.hurt=1<script>&amp;'#?%25é`
	d := start(t, "", "[program:"+evil+"]\ncommand=/bin/sleep 100000\nautostart=false\nstartsecs=0\n"+
		"[group:<b>]\nprograms=m\n[program:m]\ncommand=/bin/sleep 100000\nautostart=false\nstartsecs=0\nprocess_name="+strings.ReplaceAll(evil, "%", "%%")+"\n", evil, "<b>:"+evil)
	b := newTab(t)
	check := func() {
		t.Helper()
		for selector, want := range map[string]string{
			".solo .name": evil, "section[data-group] .name": "<b>:" + evil, "h2": "<b>",
		} {
			if got := b.text(selector); got != want {
				t.Errorf("%s has %q, want %q", selector, got, want)
			}
		}
	}
	b.noScripts()
	b.open(d.url("", "/"))
	check()
	b = newTab(t)
	b.live(d.url("", "/"))
	check()
	b.click(`.solo [data-action="stop"]`)
	b.waitText("#message", "Process "+evil+" stopped")
	d.wantStates(evil + " STOPPED")
	b.click(`section[data-group] .process [data-action="stop"]`)
	b.waitText("#message", "Process <b>:"+evil+" stopped")
	b.click(`[data-action="startgroup"]`)
	b.waitText("#message", "Group <b> started")
	b.click(".solo .name")
	b.waitText("h1 small", evil)
	b.waitText("#live", "Live")
	b.open(d.url("", "/?message=%3Cscript%3Ewindow.hurt%3D1%3C/script%3E"))
	b.waitText("#message", "<script>window.hurt=1</script>")
	b.wait("location.search === ''")
	if eval[bool](b, "'hurt' in window") {
		t.Error("a script ran")
	}
}
