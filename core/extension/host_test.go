package extension

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// granted is a section that holds the grants, whatever the plugin asks for.
func granted(name string, grants ...rpcinterface.Grant) core.ExtensionSpec {
	spec := section(name, "ok")
	spec.Grants = (*rpcinterface.Grants)(&grants)
	return spec
}

func TestHostIsCalledDuringCall(t *testing.T) {
	r := newRig(t, Config{Specs: []core.ExtensionSpec{granted("x", rpcinterface.GrantProgramsWrite, rpcinterface.GrantLogWrite)}}).start(t)
	want := rpcinterface.Array{rpcinterface.String("web"), rpcinterface.String("db")}
	if got := r.mustCall(t, "x.groups"); !reflect.DeepEqual(got, rpcinterface.Value(want)) {
		t.Errorf("groups = %v", got)
	}
	r.mustCall(t, "x.add", "web", "prog")
	if !slices.Equal(r.engine.added, []string{"prog"}) {
		t.Errorf("added %q", r.engine.added)
	}
	_, err := r.call(t, "x.add", "nosuch", "prog")
	wantFault(t, err, rpcinterface.CodeBadName, "BAD_NAME: group: nosuch")
	r.mustCall(t, "x.log", "as it is")
	r.log.await(t, "WARN as it is")
}

func TestGrants(t *testing.T) {
	outside := section("outside", "ok")
	r := newRig(t, Config{Specs: []core.ExtensionSpec{outside, granted("none")}}).start(t)
	r.log.await(t, "WARN extension 'outside' asks for grants that it lacks: programs:write rpc:call=a.* (plugin.grants of [rpcinterface:outside])")
	r.mustCall(t, "outside.processes")
	r.mustCall(t, "outside.groups")
	_, err := r.call(t, "outside.add", "web", "prog")
	wantFault(t, err, rpcinterface.CodeFailed, "FAILED: extension 'outside' lacks the grant programs:write (plugin.grants of [rpcinterface:outside])")
	_, err = r.call(t, "none.processes")
	wantFault(t, err, rpcinterface.CodeFailed, "lacks the grant processes:read")
	_, err = r.call(t, "none.log", "x")
	wantFault(t, err, rpcinterface.CodeFailed, "lacks the grant log:write")
	_, err = r.call(t, "none.call", "outside.pid")
	wantFault(t, err, rpcinterface.CodeFailed, "lacks the grant rpc:call=outside.pid")
	if len(r.engine.added) > 0 {
		t.Errorf("added %q", r.engine.added)
	}
}

// Every verb but those that need none is refused without its grant.
func TestVerbsNeedGrants(t *testing.T) {
	ctx := context.Background()
	h := &host{name: "x", section: "rpcinterface:x", calls: newCalls(), log: newJournal()}
	for verb, try := range map[string]func() error{
		"programs:write AddGroup":         func() error { return h.AddGroup(ctx, rpcinterface.GroupInfo{}) },
		"programs:write RemoveGroup":      func() error { return h.RemoveGroup(ctx, "g") },
		"programs:write AddProgram":       func() error { return h.AddProgram(ctx, "g", "p", nil) },
		"programs:write RemoveProcess":    func() error { return h.RemoveProcess(ctx, "g", "p") },
		"processes:read Processes":        func() error { _, err := h.Processes(ctx); return err },
		"processes:read Process":          func() error { _, err := h.Process(ctx, "p"); return err },
		"processes:control StartProcess":  func() error { return h.StartProcess(ctx, "p", true) },
		"processes:control StopProcess":   func() error { return h.StopProcess(ctx, "p", true) },
		"processes:control SignalProcess": func() error { return h.SignalProcess(ctx, "p", "HUP") },
		"logs:read ReadLog":               func() error { _, err := h.ReadLog(ctx, "p", "stdout", 0, 0); return err },
		"logs:read TailLog":               func() error { _, _, _, err := h.TailLog(ctx, "p", "stdout", 0, 0); return err },
		"stdin:write WriteStdin":          func() error { return h.WriteStdin(ctx, "p", nil) },
		"log:write Log":                   func() error { return h.Log(ctx, rpcinterface.LevelInfo, "m") },
		"events:subscribe Subscribe": func() error {
			_, err := h.Subscribe(ctx, []string{"EVENT"}, 0)
			return err
		},
		"events:publish Publish": func() error { return h.Publish(ctx, "t", "d") },
		"rpc:call=a.b Call":      func() error { _, err := h.Call(ctx, "", "a.b", nil); return err },
	} {
		grant, _, _ := strings.Cut(verb, " ")
		t.Run(verb, func(t *testing.T) {
			wantFault(t, try(), rpcinterface.CodeFailed, "lacks the grant "+grant+" ")
		})
	}
	h.grants = rpcinterface.Grants{rpcinterface.GrantLogWrite, "rpc:call=*.*"}
	wantFault(t, h.Log(ctx, 7, "m"), rpcinterface.CodeIncorrectParameters, "no log level 7")
	_, err := h.Call(ctx, "", "system.multicall", nil)
	wantFault(t, err, rpcinterface.CodeFailed, "cannot call system.multicall")
}

func TestCallsOfOtherNamespaces(t *testing.T) {
	r := newRig(t, Config{Specs: []core.ExtensionSpec{granted("a", "rpc:call=*.*"), section("b", "ok")}}).start(t)

	// With the token of a call, the caller is who made that call.
	if got := r.mustCall(t, "a.call", "b.caller"); got != rpcinterface.Value(rpcinterface.String("u p inet_http_server RUNNING")) {
		t.Errorf("on the caller's behalf: %v", got)
	}
	if got := r.mustCall(t, "a.own", "b.caller"); got != rpcinterface.Value(rpcinterface.String("  plugin:a RUNNING")) {
		t.Errorf("of its own accord: %v", got)
	}
	_, err := r.call(t, "a.expired", "b.pid")
	wantFault(t, err, rpcinterface.CodeFailed, "not that of a call that is running")
	_, err = r.call(t, "a.call", "b.nosuch")
	wantFault(t, err, rpcinterface.CodeUnknownMethod)
	_, err = r.call(t, "a.deep")
	wantFault(t, err, rpcinterface.CodeFailed, "nested deeper than 8")
}

// A call is cancelled when the client has left, also one that another extension makes
// on the client's behalf. Other calls go on.
func TestClientLeaves(t *testing.T) {
	for name, method := range map[string][]string{"its own": {"x.wait"}, "through another": {"a.callwith", "x.wait"}} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, Config{Specs: []core.ExtensionSpec{section("x", "ok"), granted("a", "rpc:call=*.*")}, LeaveGrace: time.Millisecond}).start(t)
			file := filepath.Join(t.TempDir(), "cancelled")
			var params []rpcinterface.Value
			for _, p := range append(method[1:], file) {
				params = append(params, rpcinterface.String(p))
			}
			client, leave := context.WithCancel(t.Context())
			ctx := core.WithClient(t.Context(), client)
			failed := make(chan error, 1)
			go func() {
				_, err := r.registry.Call(ctx, method[0], params, testCaller)
				failed <- err
			}()
			await(t, "the call", func() bool { return r.info(t, "x").Calls == 1 })
			leave()
			wantFault(t, <-failed, rpcinterface.CodeFailed, "had not answered when the caller left; the outcome is unknown")
			await(t, "the plugin to be told", func() bool {
				text, _ := os.ReadFile(file)
				return string(text) == context.Canceled.Error()
			})
			r.mustCall(t, "x.pid")
		})
	}
}

// Who closes only its half of the connection is answered what takes no longer than the
// grace.
func TestClientLeavesWithGrace(t *testing.T) {
	r := newRig(t, Config{Specs: []core.ExtensionSpec{section("x", "ok")}, LeaveGrace: patience}).start(t)
	client, leave := context.WithCancel(t.Context())
	leave()
	if _, err := r.registry.Call(core.WithClient(t.Context(), client), "x.pid", nil, testCaller); err != nil {
		t.Error(err)
	}
}

// A message that is too large, either way, is the fault of a call to an extension that
// is named.
func TestTooLarge(t *testing.T) {
	r := newRig(t, Config{Specs: []core.ExtensionSpec{section("x", "ok"), granted("a", "rpc:call=*.*")}}).start(t)
	want := fmt.Sprintf("message larger than %d bytes", rpcinterface.MaxMessage)
	_, err := r.call(t, "x.large")
	wantFault(t, err, rpcinterface.CodeFailed, "FAILED: extension 'x' failed to answer x.large: ")
	wantFault(t, err, rpcinterface.CodeFailed, want)
	r.log.await(t, "extension 'x' failed to answer x.large: ")
	_, err = r.call(t, "x.echo", strings.Repeat("x", rpcinterface.MaxMessage))
	wantFault(t, err, rpcinterface.CodeFailed, "FAILED: extension 'x' failed to answer x.echo: ")
	wantFault(t, err, rpcinterface.CodeFailed, want)
	// Through another one, it is still the one that failed that is named.
	_, err = r.call(t, "a.call", "x.large")
	wantFault(t, err, rpcinterface.CodeFailed, "FAILED: extension 'x' failed to answer x.large: ")
	r.mustCall(t, "x.pid")
}

// lastingEngine says how it was asked to remove.
type lastingEngine struct {
	Engine
	restore error
	asked   []bool
}

func (e *lastingEngine) RestorePrograms(context.Context, string, string, string) error {
	return e.restore
}

func (e *lastingEngine) RemoveGroup(_ context.Context, _ string, lasting bool) error {
	e.asked = append(e.asked, lasting)
	return nil
}

func (e *lastingEngine) RemoveProcess(_ context.Context, _, _ string, lasting bool) error {
	e.asked = append(e.asked, lasting)
	return nil
}

// A plugin that keeps what is added in a file removes to last; another does not.
func TestRemovalsLast(t *testing.T) {
	ctx := context.Background()
	engine := &lastingEngine{restore: rpcinterface.NewFault(rpcinterface.CodeFailed)}
	h := &host{name: "x", engine: engine, grants: rpcinterface.Grants{rpcinterface.GrantProgramsWrite}}
	for _, want := range []bool{false, false, true} {
		engine.asked = nil
		if err := errors.Join(h.RemoveGroup(ctx, "g"), h.RemoveProcess(ctx, "g", "p")); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(engine.asked, []bool{want, want}) {
			t.Errorf("asked with lasting %v, want %v", engine.asked, want)
		}
		if err := h.RestorePrograms(ctx, "/f", ""); (err == nil) != (engine.restore == nil) {
			t.Error(err)
		}
		engine.restore = nil
	}
}

func TestOwnCallsAreBounded(t *testing.T) {
	h := &host{name: "x", calls: newCalls(), own: make(chan struct{}, maxOwnCalls), grants: rpcinterface.Grants{"rpc:call=a.*"}}
	for range maxOwnCalls {
		h.own <- struct{}{}
	}
	_, err := h.Call(context.Background(), "", "a.b", nil)
	wantFault(t, err, rpcinterface.CodeFailed, "64 calls of its own under way")
}

func TestGrantsOf(t *testing.T) {
	asked := []rpcinterface.Grant{"programs:write", "rpc:call=a.b", "rpc:call=c.*"}
	section := core.ExtensionSpec{}
	if got := grantsOf(section, bundled, asked); !slices.Equal(got, asked) {
		t.Errorf("bundled: %v", got)
	}
	if got := grantsOf(section, external, asked); joinGrants(got) != "processes:read log:write" {
		t.Errorf("external: %v", got)
	}
	section.Grants = &rpcinterface.Grants{"rpc:call=a.*", "rpc:call=c.*"}
	got := grantsOf(section, bundled, asked)
	if joinGrants(got) != "rpc:call=a.* rpc:call=c.*" {
		t.Errorf("by the section: %v", got)
	}
	if lacking := missing(asked, got); joinGrants(lacking) != "programs:write" {
		t.Errorf("missing %v", lacking)
	}
}
