package extension

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

const twiddlerHandler = "supervisor_twiddler.resulthandler:stdin_write_handler"

// listeners are sections that name the handlers.
func listeners(handlers ...string) []Handler {
	list := make([]Handler, len(handlers))
	for i, h := range handlers {
		list[i] = Handler{Section: fmt.Sprintf("eventlistener:l%d", i), Name: h}
	}
	return list
}

// bundledSection is a section of the plugin that has the legacy handler.
func bundledSection(name string) core.ExtensionSpec {
	spec := section(name, "")
	spec.Factory = "twiddler"
	return spec
}

var aboutP = rpcinterface.Event{Name: "PROCESS_LOG_STDOUT", Payload: []byte("payload"), Process: "p", Group: "g"}

func (r *rig) wantVerdict(t *testing.T, handler, result string, want bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if got, err := r.HandleResult(ctx, handler, aboutP, []byte(result)); err != nil || got != want {
		t.Errorf("%s of %q: %v, %v", handler, result, got, err)
	}
}

// Who judges tells its name in what it accepts.
func TestHandleResult(t *testing.T) {
	disabled := bundledSection("tw")
	disabled.Enabled = false
	const ofStandIn = "stdin_write_handler twiddler (result handlers) PROCESS_LOG_STDOUT p payload"
	for _, c := range []struct {
		name            string
		specs           []core.ExtensionSpec
		handler, accept string
		extensions      string
	}{
		{"an extension's", []core.ExtensionSpec{section("x", "ok")}, "x:judge", "judge x PROCESS_LOG_STDOUT p payload", "x"},
		{"with blanks", []core.ExtensionSpec{section("x", "ok")}, "x : judge [extras]", "judge x PROCESS_LOG_STDOUT p payload", "x"},
		{"a section runs it", []core.ExtensionSpec{bundledSection("tw")}, twiddlerHandler, "stdin_write_handler tw PROCESS_LOG_STDOUT p payload", "tw"},
		{"no section runs it", []core.ExtensionSpec{section("x", "ok")}, twiddlerHandler, ofStandIn, "x, twiddler (result handlers)"},
		{"a disabled section", []core.ExtensionSpec{disabled}, twiddlerHandler, ofStandIn, "tw, twiddler (result handlers)"},
		{"the default", nil, core.DefaultResultHandler, "OK", ""},
		{"the default with blanks", nil, "supervisor.dispatchers : default_handler", "OK", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, Config{Specs: c.specs, Bundled: []string{"twiddler"}, Handlers: listeners(c.handler, c.handler)}).start(t)
			r.wantVerdict(t, c.handler, c.accept, true)
			r.wantVerdict(t, c.handler, "FAIL", false)
			var names []string
			for _, info := range r.List() {
				names = append(names, info.Name)
			}
			if got := strings.Join(names, ", "); got != c.extensions {
				t.Errorf("extensions %s, want %s", got, c.extensions)
			}
			if got := len(r.registry.Entries()); got != len(c.specs)+1 { // and extension
				t.Errorf("%d namespaces", got)
			}
		})
	}
}

// Without a server nothing is loaded but what listeners need, and the mistakes are
// told all the same.
func TestHandlersOnly(t *testing.T) {
	broken := section("broken", "exit")
	r := newRig(t, Config{
		HandlersOnly: true,
		Specs:        []core.ExtensionSpec{section("x", "ok"), broken, bundledSection("tw")},
		Bundled:      []string{"twiddler"},
		Handlers:     listeners("x:judge", twiddlerHandler),
	}).start(t)
	r.wantVerdict(t, "x:judge", "judge x PROCESS_LOG_STDOUT p payload", true)
	r.wantVerdict(t, twiddlerHandler, "stdin_write_handler twiddler (result handlers) PROCESS_LOG_STDOUT p payload", true)
	if list := r.List(); len(list) != 2 {
		t.Errorf("loaded %+v", list)
	}
	if got := r.registry.Entries(); len(got) > 0 {
		t.Errorf("namespaces %v", got)
	}

	unknown := section("y", "")
	unknown.Factory = "/no/such/plugin"
	r = newRig(t, Config{HandlersOnly: true, Specs: []core.ExtensionSpec{unknown}})
	if err := r.Resolve(); err == nil || !strings.Contains(err.Error(), "cannot be resolved within [rpcinterface:y]") {
		t.Errorf("got %v", err)
	}
}

// A listener that is added later has its stand-in started by its first result.
func TestLaterListener(t *testing.T) {
	r := newRig(t, Config{Bundled: []string{"twiddler"}}).start(t)
	if err := r.CheckHandlers(listeners(twiddlerHandler)); err != nil {
		t.Error(err)
	}
	if list := r.List(); len(list) > 0 {
		t.Errorf("loaded %+v", list)
	}
	for range 2 {
		r.wantVerdict(t, twiddlerHandler, "stdin_write_handler twiddler (result handlers) PROCESS_LOG_STDOUT p payload", true)
	}
	pids := r.List()
	if len(pids) != 1 || len(r.registry.Entries()) != 1 {
		t.Errorf("loaded %+v, namespaces %v", pids, r.registry.Entries())
	}
	r.Stop(t.Context())
	if !gone(pids[0].PID) {
		t.Error("it still runs")
	}
	if _, err := r.HandleResult(t.Context(), twiddlerHandler, aboutP, nil); err == nil {
		t.Error("judged after the end")
	}
	never := newRig(t, Config{Bundled: []string{"twiddler"}}).start(t)
	never.Stop(t.Context())
	if _, err := never.HandleResult(t.Context(), twiddlerHandler, aboutP, nil); err == nil || len(never.List()) > 0 {
		t.Errorf("started after the end: %v", err)
	}
}

func TestUnknownHandlers(t *testing.T) {
	builtin := core.ExtensionSpec{Name: "supervisor", Section: "rpcinterface:supervisor", Factory: "main", Required: true, Enabled: true}
	down := section("down", "exit")
	down.Required = false
	cfg := Config{
		Specs:    []core.ExtensionSpec{builtin, section("x", "ok"), down},
		Builtins: map[string]rpcinterface.Namespace{"main": namespaceFunc(nil)},
		Bundled:  []string{"twiddler"},
	}
	later := newRig(t, cfg).start(t)
	for handler, want := range map[string]string{
		"x:judge":       "",
		"down:judge":    "", // it may have one
		twiddlerHandler: "",
		"nosuch.module:thing": "no extension nosuch.module is loaded, and handlers written in Python cannot be; " +
			"name an extension's, NAMESPACE:HANDLER",
		"y:judge":                "no extension y is loaded, and handlers written in Python cannot be; name an extension's, NAMESPACE:HANDLER",
		"x:nosuch":               "extension 'x' has no result handler nosuch; it has judge, stdin_write_handler",
		"supervisor:x":           "the namespace supervisor is built in and has no result handlers",
		"supervisor.dispatchers": "it names no handler; write NAMESPACE:HANDLER",
	} {
		if want != "" {
			want = handler + " cannot be resolved within [eventlistener:l1]: " + want
		}
		t.Run(handler, func(t *testing.T) {
			// As in the file that is read again, so in the first.
			if err := later.CheckHandlers(listeners(core.DefaultResultHandler, handler)); errText(err) != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
			first := cfg
			first.Handlers = listeners(core.DefaultResultHandler, handler)
			r := newRig(t, first)
			err := r.Resolve()
			if err == nil {
				err = r.Start(t.Context())
			}
			r.Stop(t.Context())
			if errText(err) != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
	// Nobody judges, for now: the event waits, and is not sent again and again.
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := later.HandleResult(ctx, "y:judge", aboutP, nil); err == nil {
		t.Error("judged by nobody")
	}
	if ctx.Err() == nil {
		t.Error("did not wait")
	}

	r := newRig(t, Config{Handlers: listeners(twiddlerHandler)})
	want := twiddlerHandler + " cannot be resolved within [eventlistener:l0]: there is no plugin twiddler; name one of: the path of an executable"
	if err := r.Resolve(); errText(err) != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// A stand-in that cannot be started ends the start in the listener's name.
func TestStandInFails(t *testing.T) {
	r := newRig(t, Config{Bundled: []string{"twiddler"}, Handlers: listeners(twiddlerHandler), StartTimeout: time.Nanosecond})
	if err := r.Resolve(); err != nil {
		t.Fatal(err)
	}
	want := twiddlerHandler + " cannot be resolved within [eventlistener:l0]: bundled plugin twiddler: it was not ready after 1ns"
	if err := r.Start(t.Context()); errText(err) != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// A plugin that dies while it judges, or does not answer, gives no verdict.
func TestNoVerdict(t *testing.T) {
	slow := section("slow", "ok")
	slow.CallTimeout = 300 * time.Millisecond
	r := newRig(t, Config{Specs: []core.ExtensionSpec{section("x", "ok"), slow}}).start(t)
	for _, c := range []struct{ handler, result, want string }{
		{"x:judge", "error", "FAILED: cannot say"},
		{"x:judge", "exit", "FAILED: extension 'x' exited with status 7 during the call; the outcome is unknown"},
		{"slow:judge", "hang", "FAILED: extension 'slow' did not answer within 300ms (plugin.call_timeout); the outcome is unknown"},
	} {
		accepted, err := r.HandleResult(t.Context(), c.handler, aboutP, []byte(c.result))
		if accepted || errText(err) != c.want {
			t.Errorf("%s: %v, %v", c.result, accepted, err)
		}
	}
}

// A result waits for a plugin that is down, for as long as a call may take, lest the
// listener be sent the event again and again meanwhile.
func TestResultWaits(t *testing.T) {
	const accepted = "judge x PROCESS_LOG_STDOUT p payload"
	cfg := func(timeout time.Duration, p RestartPolicy) Config {
		spec := section("x", "ok")
		spec.CallTimeout = timeout
		return Config{Specs: []core.ExtensionSpec{spec}, Restart: p}
	}
	crash := func(t *testing.T, r *rig, line string) {
		t.Helper()
		kill(t, rpcinterface.Int(r.List()[0].PID), syscall.SIGKILL)
		r.log.await(t, line)
	}
	again := RestartPolicy{Healthy: time.Hour, First: 200 * time.Millisecond, Max: 200 * time.Millisecond, Limit: 100}

	t.Run("while it starts and in backoff", func(t *testing.T) {
		r := newRig(t, cfg(patience, again)).start(t)
		crash(t, r, "starting it again")
		r.wantVerdict(t, "x:judge", accepted, true)
		crash(t, r, "next attempt in")
		r.wantVerdict(t, "x:judge", accepted, true)
	})
	t.Run("until it is time", func(t *testing.T) {
		again := again
		again.First, again.Max = time.Hour, time.Hour
		r := newRig(t, cfg(300*time.Millisecond, again)).start(t)
		crash(t, r, "starting it again")
		await(t, "it runs", func() bool { return r.List()[0].State == Running })
		crash(t, r, "next attempt in")
		began := time.Now()
		_, err := r.HandleResult(t.Context(), "x:judge", aboutP, nil)
		wantFault(t, err, rpcinterface.CodeFailed, "extension 'x' is in BACKOFF", "it was killed by SIGKILL")
		if took := time.Since(began); took < 300*time.Millisecond {
			t.Errorf("rejected after %v", took)
		}
	})
	t.Run("until the end", func(t *testing.T) {
		r := newRig(t, cfg(patience, RestartPolicy{Limit: 1, Healthy: time.Hour})).start(t)
		crash(t, r, "starting it again")
		await(t, "it runs", func() bool { return r.List()[0].State == Running })
		crash(t, r, "given up")
		answer := make(chan error, 1)
		go func() {
			_, err := r.HandleResult(t.Context(), "x:judge", aboutP, nil)
			answer <- err
		}()
		r.Stop(t.Context())
		if err := <-answer; err == nil { // in the words of the one end or the other
			t.Error("judged after the end")
		}
	})
}
