package extension

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

func TestStartCallStop(t *testing.T) {
	a, b := section("a", "ok"), section("b", "ok")
	a.Options = []rpcinterface.Option{{Name: "greeting", Value: "hi"}}
	r := newRig(t, Config{Specs: []core.ExtensionSpec{a, b}}).start(t)

	if got := r.mustCall(t, "a.greet"); got != rpcinterface.Value(rpcinterface.String("a: hi")) {
		t.Errorf("a.greet = %v", got)
	}
	if got := r.mustCall(t, "b.greet"); got != rpcinterface.Value(rpcinterface.String("b: ")) {
		t.Errorf("b.greet = %v", got)
	}
	if r.mustCall(t, "a.pid") == r.mustCall(t, "b.pid") {
		t.Error("two sections with one factory share a process")
	}
	if got := r.mustCall(t, "a.caller"); got != rpcinterface.Value(rpcinterface.String("u p inet_http_server RUNNING")) {
		t.Errorf("a.caller = %v", got)
	}
	want := rpcinterface.Array{rpcinterface.String("x"), rpcinterface.String("")}
	if got := r.mustCall(t, "a.echo", "x", ""); !reflect.DeepEqual(got, rpcinterface.Value(want)) {
		t.Errorf("a.echo = %v", got)
	}
	_, err := r.call(t, "a.refuse")
	wantFault(t, err, 230, "UNKNOWN: refuse")
	_, err = r.call(t, "a.nosuch")
	wantFault(t, err, rpcinterface.CodeUnknownMethod)

	var initialized []string
	for _, line := range r.log.all() {
		if strings.Contains(line, "initialized") {
			initialized = append(initialized, line)
		}
	}
	if want := []string{"INFO RPC interface 'a' initialized", "INFO RPC interface 'b' initialized"}; !slices.Equal(initialized, want) {
		t.Errorf("logged %q", initialized)
	}
	infos := r.List()
	if len(infos) != 2 || infos[0].State != Running || infos[0].Version != "test-1" || infos[0].PID == 0 {
		t.Errorf("List: %+v", infos)
	}

	r.Stop(t.Context())
	for _, info := range infos {
		if !gone(info.PID) {
			t.Errorf("%s still runs", info.Name)
		}
	}
	if left, _ := os.ReadDir(r.runDir); len(left) > 0 {
		t.Errorf("left in the run directory: %v", left)
	}
	_, err = r.call(t, "a.pid")
	wantFault(t, err, rpcinterface.CodeShutdownState, "SHUTDOWN_STATE")
}

func TestBundledPlugin(t *testing.T) {
	spec := section("b", "")
	spec.Factory = "ok"
	r := newRig(t, Config{Specs: []core.ExtensionSpec{spec}, Bundled: []string{"ok"}}).start(t)
	pid := r.mustCall(t, "b.pid")
	argv, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		t.Fatal(err)
	}
	if string(argv) != BundledArg+"\x00ok\x00" {
		t.Errorf("ps shows %q", argv)
	}
	// What it asks for it has.
	r.mustCall(t, "b.add", "web", "prog")
	if lacking := r.List()[0].Lacking; len(lacking) > 0 {
		t.Errorf("lacks %v", lacking)
	}
}

func TestStartErrors(t *testing.T) {
	notExecutable := filepath.Join(t.TempDir(), "plugin")
	if err := os.WriteFile(notExecutable, []byte("no program"), 0o755); err != nil {
		t.Fatal(err)
	}
	unknown := section("x", "ok")
	unknown.Options = []rpcinterface.Option{{Name: "whitelst", Value: "log"}}
	noFormat := section("x", "")
	noFormat.Factory = notExecutable
	stranger := section("x", "")
	stranger.Factory = "/bin/true"
	for _, c := range []struct {
		name  string
		spec  core.ExtensionSpec
		words string
	}{
		{"exits", section("x", "exit"), "it exited with status 3 before it was ready, after writing: no such luck"},
		{"exits in Describe", section("x", "describe-exit"), "it exited with status 4 before it was ready, after writing: gone while describing"},
		{"error of Describe", section("x", "describe-error"), "nothing to say"},
		{"hangs in Describe", section("x", "describe-hang"), "it was not ready after 2s"},
		{"unknown option", unknown, "unknown option 'whitelst'"},
		{"version", section("x", "version"), "incompatible API version with plugin. Plugin version: 7, Client versions: [1]"},
		{"garbage", section("x", "garbage"), "it is no plugin, or writes before it serves; its first line is: hello, I am no plugin;"},
		{"flood", section("x", "flood"), "its first line is: xxxxx"},
		{"silent", section("x", "silent"), "it was not ready after 2s"},
		{"no plugin", stranger, "it exited with status 0 before it was ready"},
		{"no program", noFormat, "exec format error"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, Config{Specs: []core.ExtensionSpec{section("fine", "ok"), c.spec}, StartTimeout: 2 * time.Second})
			if strings.Contains(c.name, "hang") || c.name == "silent" {
				r = newRig(t, Config{Specs: []core.ExtensionSpec{c.spec}, StartTimeout: 2 * time.Second})
			} else {
				r.startTimeout = patience
			}
			if err := r.Resolve(); err != nil {
				t.Fatal(err)
			}
			err := r.Start(t.Context())
			if err == nil {
				r.Stop(t.Context())
				t.Fatal("started")
			}
			text := err.Error()
			t.Log(text)
			if !strings.HasPrefix(text, "Could not make x rpc interface: [rpcinterface:x] (file: '/etc/supervisord.conf', factory: ") ||
				!strings.Contains(text, c.words) || strings.Contains(text, "\n") {
				t.Errorf("got %q, want %q in it", text, c.words)
			}
			if left, _ := os.ReadDir(r.runDir); len(left) > 0 {
				t.Errorf("left in the run directory: %v", left)
			}
			for _, x := range r.members {
				if s := x.ext.latest.Load(); s.proc.pid != 0 && !gone(s.proc.pid) {
					t.Errorf("%s still runs", x.spec.Name)
				}
			}
		})
	}
}

func TestFirstErrorInOrder(t *testing.T) {
	r := newRig(t, Config{Specs: []core.ExtensionSpec{section("slow", "garbage"), section("fast", "exit")}})
	if err := r.Resolve(); err != nil {
		t.Fatal(err)
	}
	if err := r.Start(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "Could not make slow rpc interface: ") {
		t.Errorf("got %v", err)
	}
}

func TestStartIsCancelled(t *testing.T) {
	r := newRig(t, Config{Specs: []core.ExtensionSpec{section("x", "silent")}})
	if err := r.Resolve(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for s := r.members[0].ext.latest.Load(); s == nil || !s.proc.launched(); s = r.members[0].ext.latest.Load() {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	if err := r.Start(ctx); err != context.Canceled {
		t.Errorf("got %v", err)
	}
	if !gone(r.members[0].ext.latest.Load().proc.pid) {
		t.Error("the plugin still runs")
	}
}

func TestNotRequired(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	spec, missing := section("x", "while:"+file), section("y", "")
	spec.Required, missing.Required = false, false
	missing.Factory = "/no/such/plugin"
	r := newRig(t, Config{
		Specs:   []core.ExtensionSpec{spec, missing},
		Restart: RestartPolicy{Healthy: time.Hour, First: patience, Max: patience, Limit: 2},
	}).start(t)
	_, err := r.call(t, "x.pid")
	wantFault(t, err, rpcinterface.CodeFailed, "extension 'x' is in BACKOFF", "the file is not there")
	_, err = r.call(t, "y.pid")
	wantFault(t, err, rpcinterface.CodeFailed, "extension 'y' is in BACKOFF", "there is no file /no/such/plugin")
	if info := r.List()[0]; info.State != Backoff || info.Reason != "the file is not there" {
		t.Errorf("%+v", info)
	}
}

func TestRecovers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	spec := section("x", "while:"+file)
	spec.Required = false
	r := newRig(t, Config{
		Specs:   []core.ExtensionSpec{spec},
		Restart: RestartPolicy{Healthy: time.Hour, First: 50 * time.Millisecond, Max: 50 * time.Millisecond, Limit: 1000},
	}).start(t)
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	x := r.members[0].ext
	for v := x.current.Load(); v.life.state != Running; v = x.current.Load() {
		<-v.changed
	}
	r.mustCall(t, "x.pid")
}

func TestGivesUp(t *testing.T) {
	spec := section("x", "exit")
	spec.Required = false
	r := newRig(t, Config{Specs: []core.ExtensionSpec{spec}, Restart: RestartPolicy{Limit: 1}}).start(t)
	r.log.await(t, "ERRO cannot start extension 'x': it exited with status 3 before it was ready, after writing: no such luck; given up after 1 failures")
	_, err := r.call(t, "x.pid")
	wantFault(t, err, rpcinterface.CodeFailed, "extension 'x' is FATAL: it exited with status 3")
}

func TestDisabled(t *testing.T) {
	spec := section("x", "exit")
	spec.Enabled = false
	r := newRig(t, Config{Specs: []core.ExtensionSpec{spec}}).start(t)
	_, err := r.call(t, "x.pid")
	wantFault(t, err, rpcinterface.CodeFailed, "extension 'x' is DISABLED: plugin.enabled is false")
	if left, _ := os.ReadDir(r.runDir); len(left) > 0 {
		t.Errorf("made in the run directory: %v", left)
	}
}

func TestBuiltin(t *testing.T) {
	main := core.ExtensionSpec{Name: "supervisor", Section: "rpcinterface:supervisor", Required: true, Enabled: true,
		Factory: "supervisor.rpcinterface:make_main_rpcinterface"}
	ns := namespaceFunc(func(context.Context, *rpcinterface.Call) (rpcinterface.Value, error) {
		return rpcinterface.Int(1), nil
	})
	cfg := Config{Specs: []core.ExtensionSpec{main}, Builtins: map[string]rpcinterface.Namespace{main.Factory: ns}}
	r := newRig(t, cfg).start(t)
	if got := r.mustCall(t, "supervisor.getPID"); got != rpcinterface.Value(rpcinterface.Int(1)) {
		t.Errorf("got %v", got)
	}
	r.log.await(t, "INFO RPC interface 'supervisor' initialized")

	cfg.Specs = slices.Clone(cfg.Specs)
	cfg.Specs[0].Options = []rpcinterface.Option{{Name: "x", Value: "1"}}
	r = newRig(t, cfg)
	if err := r.Resolve(); err != nil {
		t.Fatal(err)
	}
	want := "Could not make supervisor rpc interface: [rpcinterface:supervisor] (factory: built-in): it has no option 'x'; correct the section"
	if err := r.Start(t.Context()); err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

type namespaceFunc func(context.Context, *rpcinterface.Call) (rpcinterface.Value, error)

func (f namespaceFunc) Methods() []rpcinterface.Method { return nil }

func (f namespaceFunc) Call(ctx context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
	return f(ctx, call)
}

// go-plugin says in lines of its own what is no news, or is told by the manager.
func TestGoPluginIsQuiet(t *testing.T) {
	var out bytes.Buffer
	log := quiet{hclog.New(&hclog.LoggerOptions{Output: &out, Level: hclog.Info, DisableTime: true})}.Named("stdio")
	log.Info("plugin started")
	log.Warn("stdio service not available")
	log.Error("cannot")
	if got, want := out.String(), "[ERROR] stdio: cannot\n"; got != want {
		t.Errorf("logged %q, want %q", got, want)
	}
}
