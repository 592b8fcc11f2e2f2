package browsertest

import (
	"fmt"
	"strings"
	"testing"
)

const logPrograms = `
[program:echo]
command=/bin/cat
autostart=false
startsecs=0
stdout_logfile=%(here)s/echo.log
stderr_logfile=%(here)s/echo.err
[program:nolog]
command=/bin/cat
autostart=false
startsecs=0
stdout_logfile=NONE
`

// TestLogView: the page follows a log, from far enough back, and shows it as text.
func TestLogView(t *testing.T) {
	d := start(t, "", logPrograms, "echo", "nolog")
	b := newTab(t)
	var history strings.Builder
	for i := range 500 {
		fmt.Fprintf(&history, "line %03d of what was written before\n", i)
	}
	d.write("echo.log", history.String())
	b.open(d.url("", "/tail.html?processname=echo"))
	b.waitText("#live", "Live")
	b.wait("document.querySelector('#log').textContent.startsWith('line 000 ') && document.querySelector('#log').textContent.endsWith('line 499 of what was written before\\n')")

	d.write("echo.log", "and \x1b[31mred\x1b[0m <b>bold</b>\n")
	b.wait("document.querySelector('#log').textContent.endsWith('\\nand red <b>bold</b>\\n')")
	atEnd := "document.querySelector('#log').scrollHeight - document.querySelector('#log').scrollTop - document.querySelector('#log').clientHeight < 8"
	b.wait(atEnd)
	b.shot("log-light")

	// Whoever scrolls up is left there, until the button or the end is reached.
	b.wait("document.querySelector('#follow').getAttribute('aria-pressed') === 'true'")
	eval[int](b, "document.querySelector('#log').scrollTop = 100")
	b.wait("document.querySelector('#follow').getAttribute('aria-pressed') === 'false'")
	d.write("echo.log", "more\n")
	b.wait("document.querySelector('#log').textContent.endsWith('more\\n')")
	if top := eval[int](b, "document.querySelector('#log').scrollTop"); top != 100 {
		t.Errorf("moved to %d", top)
	}
	b.click("#follow")
	b.wait(atEnd)
	b.click("#wrap")
	b.wait("getComputedStyle(document.querySelector('#log')).whiteSpace === 'pre-wrap'")

	b.media("prefers-color-scheme", "dark")
	b.shot("log-dark")
	b.phone()
	b.wait(atEnd)
	b.shot("log-dark-phone")
	if wide := eval[int](b, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
		t.Errorf("the page is %d pixels wider than a phone", wide)
	}

	// The process is acted on here too.
	b.click(`[data-action="clearlog"]`)
	b.confirm("Delete what echo has written to its logs?")
	b.waitText("#message", "Log for echo cleared")
	d.write("echo.log", "anew\n")
	b.wait("/(^|\\n)anew\\n$/.test(document.querySelector('#log').textContent)")
	if eval[bool](b, "document.querySelector('#log').textContent.includes('line 4')") {
		t.Error("the page still shows what was cleared")
	}
	if got := d.read("echo.log"); got != "anew\n" {
		t.Errorf("the log has %q", got)
	}
	b.click(`[data-action="stop"]`)
	b.waitText("header .state", "stopped")
	d.wantStates("echo STOPPED")
	b.click(`[data-action="start"]`)
	b.waitText("header .state", "running")
	d.write("echo.log", "back\n")
	b.wait("document.querySelector('#log').textContent.endsWith('back\\n')")
}

func TestLogChannels(t *testing.T) {
	d := start(t, "", logPrograms, "echo", "nolog")
	b := newTab(t)
	d.write("echo.log", "out\n")
	d.write("echo.err", "err\n")
	b.open(d.url("", "/tail.html?processname=echo"))
	b.waitText("#log", "out")
	b.click(`nav a:nth-child(2)`)
	b.wait("location.search.endsWith('channel=stderr')")
	b.waitText("#log", "err")
	d.write("echo.err", "more\n")
	b.waitText("#log", "err\nmore")

	b.open(d.url("", "/tail.html?processname=nolog"))
	b.waitText("#live", "There is no log yet")
	b.waitText("#log", "No file for nolog")

	b.open(d.url("", "/"))
	b.click(`header a[href="maintail.html"]`)
	b.waitText("h1 small", "Main log")
	b.wait("document.querySelector('#log').textContent.includes('entered RUNNING state')")
	d.call("supervisor.stopProcess", "nolog")
	b.wait("document.querySelector('#log').textContent.includes('stopped: nolog')")
	b.shot("mainlog-light")
}

// TestLargeLog: of a log that is larger than a page may be, the page keeps the end.
func TestLargeLog(t *testing.T) {
	d := start(t, "", logPrograms, "echo", "nolog")
	line := strings.Repeat("0123456789", 8) + "\n"
	many := strings.Repeat(line, 16<<20/len(line))
	d.write("echo.log", many+"first end\n")
	b := newTab(t)
	b.open(d.url("", "/tail.html?processname=echo&limit=99999999999999999999"))
	b.wait("document.querySelector('#log').textContent.endsWith('first end\\n')")
	d.write("echo.log", many+"second end\n")
	b.wait("document.querySelector('#log').textContent.endsWith('second end\\n')")
	if kept := eval[int](b, "document.querySelector('#log').textContent.length"); kept > 3<<20 {
		t.Errorf("the page keeps %d characters", kept)
	}
	// One line that never ends is bounded too.
	d.write("echo.log", strings.Repeat("x", 4<<20)+"third end")
	b.wait("document.querySelector('#log').textContent.endsWith('third end')")
	if kept := eval[int](b, "document.querySelector('#log').textContent.length"); kept > 3<<20 {
		t.Errorf("the page keeps %d characters", kept)
	}
}
