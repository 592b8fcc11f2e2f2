package browsertest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// tab is a tab of the browser.
type tab struct {
	t     *testing.T
	ctx   context.Context
	still bool // no script of a page runs

	mu       sync.Mutex
	hosts    map[string]bool // that requests went to
	problems []string        // exceptions, and what the browser complains of
}

// newTab opens a tab. Scripts that throw, and whatever breaks the pages' security
// policy, fail the test.
func newTab(t *testing.T) *tab {
	t.Helper()
	parent, err := browser()
	if errors.Is(err, errNoBrowser) && os.Getenv("PLUGVISOR_REQUIRE") != "all" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, stopTab := chromedp.NewContext(parent)
	t.Cleanup(stopTab)
	ctx, cancel := context.WithTimeout(ctx, 3*patience)
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx, hosts: map[string]bool{}}
	b.do(chromedp.EmulateViewport(1200, 800))
	if err := chromedp.Listen(ctx, b.note); err != nil {
		t.Fatal(err)
	}
	for _, enable := range []error{
		ignore(chromedp.Call(ctx, network.Enable, network.EnableParams{})),
		ignore(chromedp.Call(ctx, log.Enable, cdp.Empty{})),
	} {
		if enable != nil {
			t.Fatal(enable)
		}
	}
	t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, problem := range b.problems {
			t.Error(problem)
		}
	})
	return b
}

func ignore[T any](_ T, err error) error { return err }

func (b *tab) note(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.problems = append(b.problems, fmt.Sprintf("exception in the page: %s %v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception))
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError && !strings.Contains(e.Entry.Text, "Failed to load resource") {
			b.problems = append(b.problems, "the browser complains: "+e.Entry.Text)
		}
	case *network.EventRequestWillBeSent:
		if u, err := url.Parse(e.Request.URL); err == nil {
			b.hosts[u.Host] = true
		}
	}
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// open loads a page, with its scripts.
func (b *tab) open(address string) {
	b.t.Helper()
	b.do(chromedp.Navigate(address))
}

// live opens the status page and waits until it gets updates.
func (b *tab) live(address string) {
	b.t.Helper()
	b.open(address)
	b.wait(`document.querySelector('#live').textContent === 'Live' && [...document.querySelectorAll('.process')].every((row) => row.querySelector('button'))`)
}

// eval runs a script in the page.
func eval[T any](b *tab, script string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script))
	if err != nil {
		b.t.Fatalf("%s: %v", script, err)
	}
	return v
}

// wait waits until an expression is true, also across a change of page. It asks from
// outside, for pages without scripts have no timers.
func (b *tab) wait(expression string) {
	b.t.Helper()
	script := fmt.Sprintf("(() => { try { return Boolean(%s); } catch { return false; } })()", expression)
	deadline := time.After(patience)
	for {
		// An error is a page that is just being replaced.
		if ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](script)); ok && err == nil {
			return
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-deadline:
			b.shot("failed-" + strings.ReplaceAll(b.t.Name(), "/", "-"))
			body, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string]("document.body.innerText"))
			b.t.Fatalf("never came true: %s\n%.2000s", expression, body)
		}
	}
}

// text gives the text of the first element that a selector finds.
func (b *tab) text(selector string) string {
	b.t.Helper()
	return eval[string](b, fmt.Sprintf("document.querySelector(%q).textContent.trim()", selector))
}

// click clicks with the mouse, once what is to be clicked lies under it: what comes into
// view is laid out with the next frame, and what changes above it moves it away again.
// Where that comes between the look and the click, what lies there now is not told of the
// click, and it is done again; so it is where what was pressed is gone before the button
// comes up, of which a browser makes no click at all.
func (b *tab) click(selector string) {
	b.t.Helper()
	for range 10 {
		b.wait(fmt.Sprintf(`((element) => {
			const box = element.getBoundingClientRect();
			if (!element.contains(document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2))) {
				element.scrollIntoView({block: 'center', behavior: 'instant'});
				return false;
			}
			document.removeEventListener('click', window.guard, true);
			window.missed = %t;
			window.guard = (event) => {
				document.removeEventListener('click', window.guard, true);
				window.missed = !element.contains(event.target);
				if (!window.missed) return;
				event.stopImmediatePropagation();
				event.preventDefault();
			};
			document.addEventListener('click', window.guard, true);
			return true;
		})(document.querySelector(%q))`, !b.still, selector))
		b.do(chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
		// An error is a page that is just being replaced.
		if missed, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("window.missed === true")); !missed || err != nil {
			return
		}
	}
	b.t.Fatalf("cannot click %s: it moves", selector)
}

// press types into whatever has the focus. A character is one event with its text, as
// from a keyboard: what the page does with the key decides whether it is typed.
func (b *tab) press(keys string) {
	b.t.Helper()
	for _, key := range keys {
		if key < ' ' || key > '~' {
			b.do(chromedp.KeyEvent(string(key)))
			continue
		}
		for _, typ := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeKeyDown, input.DispatchKeyEventTypeKeyUp} {
			params := input.DispatchKeyEventParams{Type: typ, Key: string(key)}
			if typ == input.DispatchKeyEventTypeKeyDown {
				params.Text = string(key)
			}
			if _, err := chromedp.Call(b.ctx, input.DispatchKeyEvent, params); err != nil {
				b.t.Fatal(err)
			}
		}
	}
}

// waitText waits until an element has a text.
func (b *tab) waitText(selector, text string) {
	b.t.Helper()
	b.wait(fmt.Sprintf("document.querySelector(%q).textContent.trim() === %q", selector, text))
}

// media sets what the user prefers, such as "prefers-color-scheme" "dark".
func (b *tab) media(name, value string) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: name, Value: value}},
	}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *tab) noScripts() {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		b.t.Fatal(err)
	}
	b.still = true
}

// phone makes the window a phone's.
func (b *tab) phone() {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulateScale(2)))
}

// shot takes a picture of what the window shows.
func (b *tab) shot(name string) {
	b.t.Helper()
	picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(screenshots, name+".png"), picture, 0o644)
	}
	if err != nil {
		b.t.Errorf("cannot take the picture %s: %v", name, err)
	}
}
