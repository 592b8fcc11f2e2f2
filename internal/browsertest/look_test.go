package browsertest

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// troubled has a process in each state that lasts.
const troubled = `
[program:fatal]
command=/bin/false
startretries=0
[program:backoff]
command=/bin/false
startretries=1000000
[program:starting]
command=/bin/sleep 100000
startsecs=100000
[program:exited]
command=/bin/true
startsecs=0
autorestart=false
[program:stopped]
command=/nonexistent/program
autostart=false
[program:running]
command=/bin/sleep 100000
startsecs=0
[group:a-group-with-a-rather-long-name-that-has-to-go-somewhere]
programs=a-program-with-a-rather-long-name
[program:a-program-with-a-rather-long-name]
command=/bin/sleep 100000
startsecs=0
`

// TestStates: each state is told apart, counted and found, and has its actions.
func TestStates(t *testing.T) {
	d := start(t, "", troubled)
	b := newTab(t)
	b.live(d.url("", "/"))
	for name, want := range map[string]string{
		"fatal": "fatal start clearlog", "backoff": "backoff stop clearlog", "starting": "starting stop clearlog",
		"exited": "exited start clearlog", "stopped": "stopped start clearlog", "running": "running restart stop clearlog",
	} {
		b.wait(`document.querySelector('[data-name="` + name + `"] .state').textContent + ' ' +
			[...document.querySelectorAll('[data-name="` + name + `"] button')].map((button) => button.dataset.action).join(' ') === '` + want + `'`)
	}
	b.waitText(row("fatal", ".description"), "Exited too quickly (process log may have details)")
	for show, n := range map[string]string{"all": "7", "up": "2", "busy": "1", "failing": "2", "down": "2"} {
		b.waitText(`[data-show="`+show+`"] b`, n)
	}
	b.click(`[data-show="failing"]`)
	b.wait(`[...document.querySelectorAll('.process:not([hidden])')].map((row) => row.dataset.name).join() === 'backoff,fatal'`)
	b.click(`[data-show="all"]`)
	b.click(action("stopped", "start"))
	b.waitText("#message", "ERROR: Process stopped: no such file")
	b.shot("states-light")
	b.media("prefers-color-scheme", "dark")
	b.shot("states-dark")
	b.do(chromedp.EmulateViewport(800, 600))
	b.shot("states-dark-tablet")
	b.phone()
	b.shot("states-dark-phone")
	if wide := eval[int](b, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
		t.Errorf("the page is %d pixels wider than a phone", wide)
	}
	b.click(`[data-action="stopall"]`)
	b.waitText("dialog[open] #question", "Stop all processes?")
	b.shot("question-dark-phone")
	b.press(kb.Escape)
	b.click("#filter")
	b.press("no such thing")
	b.waitText("#nothing", "No process matches")
	b.shot("nothing-dark-phone")
	b.press(kb.Escape)

	// BACKOFF can be ended here.
	b.click(action("backoff", "stop"))
	b.waitText("#message", "Process backoff stopped")
	d.wantStates("backoff STOPPED")

	b.open(d.url("", "/tail.html?processname=nosuch"))
	b.wait("document.querySelector('#log').textContent.includes('BAD_NAME')")
	b.shot("log-of-nothing-dark-phone")

	b.live(d.url("", "/"))
	d.stop()
	b.waitText("#live", "Disconnected")
	b.click(action("stopped", "start"))
	b.wait("document.querySelector('#message').textContent === 'The server cannot be reached.' && document.querySelector('#message').classList.contains('failed')")
	b.shot("disconnected-dark-phone")
}

// faint lists the texts of a page whose contrast with what lies behind them is less
// than 4.5 (WCAG 2, level AA).
const faint = `(() => {
	const parse = (color) => {
		const n = color.match(/[\d.]+(?:e-?\d+)?/g).map(Number);
		const [r, g, b] = color.startsWith('color(') ? n.slice(0, 3) : n.slice(0, 3).map((c) => c / 255);
		return [r, g, b, n[3] ?? 1];
	};
	const over = (top, below) => top.slice(0, 3).map((c, i) => c * top[3] + below[i] * (1 - top[3]));
	const behind = (element) => {
		if (!element) return [1, 1, 1];
		const color = parse(getComputedStyle(element).backgroundColor);
		return color[3] === 1 ? color.slice(0, 3) : over(color, behind(element.parentElement));
	};
	const luminance = (color) => {
		const [r, g, b] = color.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const contrast = (color, below) => {
		const [a, b] = [luminance(over(parse(color), below)), luminance(below)].sort((a, b) => b - a);
		return (a + 0.05) / (b + 0.05);
	};
	let seen = 0;
	const found = [];
	const check = (what, color, below) => {
		seen++;
		const ratio = contrast(color, below);
		if (!(ratio >= 4.5)) found.push(what + ': ' + ratio.toFixed(2));
	};
	for (const element of document.querySelectorAll('body *')) {
		if (!element.checkVisibility()) continue;
		if ([...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim())) {
			check(element.tagName + ' ' + element.textContent.trim().slice(0, 30), getComputedStyle(element).color, behind(element));
		}
		if (element.placeholder) check('placeholder', getComputedStyle(element, '::placeholder').color, behind(element));
	}
	return seen < 5 ? 'only ' + seen + ' texts' : found.join('\n');
})()`

// TestContrast: everything can be read, in both colour schemes.
func TestContrast(t *testing.T) {
	d := start(t, "", troubled+extensions)
	b := newTab(t)
	for _, scheme := range []string{"light", "dark"} {
		b.media("prefers-color-scheme", scheme)
		readable := func(what string) {
			t.Helper()
			if got := eval[string](b, faint); got != "" {
				t.Errorf("%s, %s:\n%s", scheme, what, got)
			}
		}
		b.live(d.url("", "/"))
		b.waitText(row("fatal", ".state"), "fatal")
		readable("status")
		b.click(action("stopped", "start"))
		b.wait("document.querySelector('#message').classList.contains('failed')")
		readable("failure")
		b.click(`[data-action="stopall"]`)
		b.wait("document.querySelector('dialog').open")
		readable("question")
		b.press(kb.Escape)
		for _, page := range []string{"/tail.html?processname=running", "/tail.html?processname=fatal", "/extensions.html", "/maintail.html"} {
			b.open(d.url("", page))
			b.wait("!document.querySelector('#live').hidden")
			readable(page)
		}
	}
	// The check itself finds what cannot be read.
	eval[any](b, "document.querySelector('h1 small').style.color = getComputedStyle(document.body).backgroundColor, 0")
	if got := eval[string](b, faint); !strings.HasPrefix(got, "SMALL Main log: 1.0") {
		t.Errorf("text in the colour of the page is found as %q", got)
	}
}

// TestTouch: what can be used is large enough for a finger (WCAG 2.2, level AA).
func TestTouch(t *testing.T) {
	d := start(t, "", troubled+extensions)
	b := newTab(t)
	b.phone()
	for _, page := range []string{"/", "/tail.html?processname=running", "/maintail.html", "/extensions.html"} {
		b.open(d.url("", page))
		b.waitText("#live", "Live")
		if small := eval[string](b, `(() => {
			const usable = [...document.querySelectorAll('a:not(.skip), button, input, summary')].filter((element) => element.checkVisibility());
			const small = usable.filter((element) => {
				const box = element.getBoundingClientRect();
				return Math.min(box.width, box.height) < 24;
			});
			return usable.length ? small.map((element) => element.textContent.trim() + ' ' + element.getBoundingClientRect().height).join('\n') : 'nothing';
		})()`); small != "" {
			t.Errorf("%s:\n%s", page, small)
		}
	}
}
