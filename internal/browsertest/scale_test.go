package browsertest

import (
	"fmt"
	"testing"
)

// TestManyProcesses: a thousand rows are there soon, and stay handy.
func TestManyProcesses(t *testing.T) {
	d := start(t, "", `
[program:many]
command=/bin/sleep 100000
process_name=p_%(process_num)04d
numprocs=1000
autostart=false
startsecs=0
[program:other]
command=/bin/cat
autostart=false
`)
	b := newTab(t)
	b.live(d.url("", "/"))
	if n := eval[int](b, "document.querySelectorAll('.process').length"); n != 1001 {
		t.Fatalf("%d rows", n)
	}
	const slowest = 10000 // ten times what a busy machine needs
	for name, script := range map[string]string{
		"to load":   "performance.getEntriesByType('navigation')[0].domComplete",
		"to filter": "(() => { const from = performance.now(); const input = document.querySelector('#filter'); input.value = 'p_09 stopped'; input.dispatchEvent(new Event('input')); document.body.offsetHeight; return performance.now() - from })()",
	} {
		took := eval[float64](b, script)
		t.Logf("%.0f ms %s", took, name)
		if took > slowest {
			t.Errorf("it takes %.0f ms %s", took, name)
		}
	}
	b.waitText(`[data-show="all"] b`, "1001")
	if n := eval[int](b, "document.querySelectorAll('.process:not([hidden])').length"); n != 100 {
		t.Errorf("%d rows match, want 100", n)
	}
	b.shot("many-filtered-light")

	b.click(action("many:p_0999", "start"))
	b.waitText("#message", "Process many:p_0999 started")
	d.wantStates("many:p_0999 RUNNING")
	b.waitText(`[data-group="many"] .count`, "1 of 1000 running")
	b.click("#filter")
	b.press("\x1b")
	eval[any](b, fmt.Sprintf("document.querySelector(%q).scrollIntoView({block: 'center'}), 0", row("many:p_0500", ".name")))
	b.shot("many-light")
	b.media("prefers-color-scheme", "dark")
	b.phone()
	eval[any](b, fmt.Sprintf("document.querySelector(%q).scrollIntoView({block: 'center'}), 0", row("many:p_0500", ".name")))
	b.shot("many-dark-phone")
}
