package extension

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// file is a configuration that a test changes.
type file struct {
	specs []core.ExtensionSpec
	err   error
}

func (f *file) read() ([]core.ExtensionSpec, error) { return f.specs, f.err }

// applied makes the changes of the file, and gives them in a line each.
func (r *rig) applied(t *testing.T, names ...string) string {
	t.Helper()
	list, err := r.Apply(t.Context(), names)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, a := range list {
		line := a.Action + " " + a.Name
		if a.Err != nil {
			line += ": " + a.Err.Error()
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func (r *rig) differs(t *testing.T) string {
	t.Helper()
	d, err := r.Compare()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(d.Added, d.Changed, d.Removed)
}

func (r *rig) names() string {
	var names []string
	for _, e := range r.registry.Entries() {
		names = append(names, e.Name)
	}
	return strings.Join(names, " ")
}

func wantText(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestApply(t *testing.T) {
	f := &file{specs: []core.ExtensionSpec{section("a", "ok"), section("b", "ok"), section("c", "ok")}}
	r := newRig(t, Config{Specs: f.specs, Reload: f.read}).start(t)
	a, b := r.mustCall(t, "a.pid"), r.mustCall(t, "b.pid")
	wantText(t, r.differs(t), "[] [] []")
	wantText(t, r.applied(t), "")

	changed := section("b", "ok")
	changed.Options = []rpcinterface.Option{{Name: "greeting", Value: "hi"}}
	moved := section("a", "ok")
	moved.File = "/etc/supervisor/a.conf" // says the same elsewhere
	f.specs = []core.ExtensionSpec{moved, changed, section("d", "ok")}
	wantText(t, r.differs(t), "[d] [b] [c]")
	if r.mustCall(t, "b.pid") != b || r.registry.Has("d.pid") {
		t.Error("the comparison did something")
	}
	wantText(t, r.applied(t), "removed c\nchanged b\nadded d")
	wantText(t, r.differs(t), "[] [] []")
	wantText(t, r.names(), "a b d extension")
	if r.mustCall(t, "a.pid") != a {
		t.Error("an extension that did not change was touched")
	}
	if got := r.mustCall(t, "b.greet"); got != rpcinterface.Value(rpcinterface.String("b: hi")) {
		t.Errorf("b greets %v", got)
	}
	r.mustCall(t, "d.pid")
	_, err := r.call(t, "c.pid")
	wantFault(t, err, rpcinterface.CodeUnknownMethod)
	r.log.await(t, "INFO RPC interface 'c' was removed")
	r.log.await(t, "INFO RPC interface 'd' initialized")

	// Only those that are named.
	f.specs = []core.ExtensionSpec{section("b", "ok"), section("e", "ok")}
	wantText(t, r.applied(t, "e", "a"), "removed a\nadded e")
	wantText(t, r.differs(t), "[] [b] [d]")
	_, err = r.Apply(t.Context(), []string{"e", "nosuch", "b"})
	wantFault(t, err, rpcinterface.CodeBadName, "BAD_NAME: nosuch")
	wantText(t, r.differs(t), "[] [b] [d]")

	f.err = errors.New("the file is broken")
	_, err = r.Apply(t.Context(), nil)
	wantFault(t, err, rpcinterface.CodeCantReread, "CANT_REREAD: the file is broken")
}

// What cannot be started is not added, and what cannot be changed stays as it was.
func TestApplyThatFails(t *testing.T) {
	for _, behaviour := range []string{"ok", "exclusive"} {
		t.Run(behaviour, func(t *testing.T) {
			f := &file{specs: []core.ExtensionSpec{section("a", behaviour)}}
			r := newRig(t, Config{Specs: f.specs, Reload: f.read}).start(t)
			bad := section("a", behaviour)
			bad.Options = []rpcinterface.Option{{Name: "nosuch", Value: "1"}}
			missing := section("n", "")
			missing.Factory = "/no/such/file"
			f.specs = []core.ExtensionSpec{bad, section("x", "exit"), missing}
			got := r.applied(t)
			for _, want := range []string{
				"changed a: FAILED: extension 'a' cannot be started: unknown option 'nosuch'",
				"added x: Could not make x rpc interface: ", "it exited with status 3 before it was ready",
				"added n: /no/such/file cannot be resolved within [rpcinterface:n]",
			} {
				if !strings.Contains(got, want) {
					t.Errorf("%q lacks %q", got, want)
				}
			}
			wantText(t, r.names(), "a extension")
			wantText(t, r.differs(t), "[x n] [a] []")
			r.mustCall(t, "a.pid") // waits where it had to be started again
			r.wantState(t, "a", Running)
		})
	}
}

func TestApplyNotRequired(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	f := &file{}
	r := newRig(t, Config{Reload: f.read,
		Restart: RestartPolicy{Healthy: time.Hour, First: patience, Max: patience, Limit: 2}}).start(t)
	spec := section("x", "while:"+path)
	spec.Required = false
	f.specs = []core.ExtensionSpec{spec}
	wantText(t, r.applied(t), "added x")
	r.wantState(t, "x", Backoff)
	wantText(t, r.differs(t), "[] [] []")
}

// plugin.enabled in the file, and what an operator did meanwhile.
func TestApplyEnabled(t *testing.T) {
	on, off := section("x", "ok"), section("x", "ok")
	off.Enabled = false
	otherOn, otherOff := on, off
	otherOn.CallTimeout, otherOff.CallTimeout = time.Hour, time.Hour
	disable := func(t *testing.T, r *rig) error { return r.Disable(t.Context(), "x", true) }
	enable := func(t *testing.T, r *rig) error { return r.Enable(t.Context(), "x", true) }
	for _, c := range []struct {
		name     string
		from, to core.ExtensionSpec
		between  func(*testing.T, *rig) error
		want     State
	}{
		{"switched off", on, off, nil, Disabled},
		{"switched on", off, on, nil, Running},
		{"disabled by hand", on, otherOn, disable, Disabled},
		{"enabled by hand", off, otherOff, enable, Running},
		{"off, and disabled by hand", on, off, disable, Disabled},
		{"on, and enabled by hand", off, on, enable, Running},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &file{specs: []core.ExtensionSpec{c.from}}
			r := newRig(t, Config{Specs: f.specs, Reload: f.read}).start(t)
			if c.between != nil {
				if err := c.between(t, r); err != nil {
					t.Fatal(err)
				}
			}
			f.specs = []core.ExtensionSpec{c.to}
			wantText(t, r.applied(t), "changed x")
			r.wantState(t, "x", c.want)
			wantText(t, r.differs(t), "[] [] []")
		})
	}
}

// A built-in namespace comes and goes like an extension.
func TestApplyBuiltin(t *testing.T) {
	main := core.ExtensionSpec{Name: "main", Section: "rpcinterface:main", Required: true, Enabled: true, Factory: "built:in"}
	f := &file{}
	r := newRig(t, Config{Reload: f.read, Builtins: map[string]rpcinterface.Namespace{main.Factory: namespaceFunc(nil)}}).start(t)
	f.specs = []core.ExtensionSpec{main}
	wantText(t, r.applied(t), "added main")
	wantText(t, r.names(), "main extension")
	f.specs = []core.ExtensionSpec{section("main", "ok")}
	wantText(t, r.applied(t), "changed main")
	r.mustCall(t, "main.pid")
	withOption := main
	withOption.Options = []rpcinterface.Option{{Name: "x"}}
	f.specs = []core.ExtensionSpec{withOption}
	if got := r.applied(t); !strings.Contains(got, "it has no option 'x'") {
		t.Error(got)
	}
	r.mustCall(t, "main.pid")
	f.specs = []core.ExtensionSpec{main}
	wantText(t, r.applied(t), "changed main")
	f.specs = nil
	wantText(t, r.applied(t), "removed main")
	wantText(t, r.names(), "extension")
}

// The stand-in of a plugin makes way for a section, and comes back without it.
func TestStandInMakesWay(t *testing.T) {
	f := &file{}
	r := newRig(t, Config{Reload: f.read, Bundled: []string{"twiddler"},
		Handlers: []Handler{{Section: "eventlistener:l", Name: twiddlerHandler}}}).start(t)
	r.wantVerdict(t, twiddlerHandler, "stdin_write_handler twiddler (result handlers) PROCESS_LOG_STDOUT p payload", true)
	pid := r.List()[0].PID
	spec := section("tw", "")
	spec.Factory = "twiddler"
	f.specs = []core.ExtensionSpec{spec}
	wantText(t, r.applied(t), "added tw")
	if !gone(pid) {
		t.Error("the stand-in still runs")
	}
	r.wantVerdict(t, twiddlerHandler, "stdin_write_handler tw PROCESS_LOG_STDOUT p payload", true)
	f.specs = nil
	wantText(t, r.applied(t), "removed tw")
	r.wantVerdict(t, twiddlerHandler, "stdin_write_handler twiddler (result handlers) PROCESS_LOG_STDOUT p payload", true)
}

// The executable is another file after a restart.
func TestReplacedExecutable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plugin")
	copyOfSelf := func() {
		t.Helper()
		data, err := os.ReadFile("/proc/self/exe")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path+".new", data, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	copyOfSelf()
	spec := section("x", "")
	spec.Factory = path + " test-plugin ok"
	r := newRig(t, Config{Specs: []core.ExtensionSpec{spec}}).start(t)
	exe := func() string {
		t.Helper()
		name, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", r.mustCall(t, "x.pid")))
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
	copyOfSelf()
	wantText(t, exe(), path+" (deleted)")
	if err := r.Restart(t.Context(), "x", true); err != nil {
		t.Fatal(err)
	}
	wantText(t, exe(), path)
}

func TestChanged(t *testing.T) {
	r := newRig(t, Config{Specs: []core.ExtensionSpec{section("x", "ok")}}).start(t)
	changed := r.Changed()
	if err := r.Disable(t.Context(), "x", true); err != nil {
		t.Fatal(err)
	}
	<-changed
	select {
	case <-r.Changed():
		t.Error("told of a change that there was not")
	default:
	}
}

// The namespace over XML-RPC's values.
func TestExtensionNamespace(t *testing.T) {
	spec := section("x", "commands")
	spec.CallTimeout = 90500 * time.Millisecond
	spec.Limits = core.PluginLimits{CPU: 600 * time.Second, Files: 128}
	f := &file{specs: []core.ExtensionSpec{spec}}
	r := newRig(t, Config{Specs: f.specs, Reload: f.read, Version: "9.8.7"}).start(t)
	call := func(method string, params ...rpcinterface.Value) (rpcinterface.Value, error) {
		return r.registry.Call(t.Context(), "extension."+method, params, testCaller)
	}
	must := func(method string, params ...rpcinterface.Value) rpcinterface.Value {
		t.Helper()
		v, err := call(method, params...)
		if err != nil {
			t.Fatalf("%s: %v", method, err)
		}
		return v
	}
	name := rpcinterface.String("x")
	if v := must("getVersion"); v != rpcinterface.Value(rpcinterface.String("9.8.7")) {
		t.Errorf("version %v", v)
	}
	all := must("getAllExtensionInfo").(rpcinterface.Array)
	one := must("getExtensionInfo", name).(rpcinterface.Struct)
	if len(all) != 1 || len(all[0].(rpcinterface.Struct)) != len(one) {
		t.Errorf("%v\n%v", all, one)
	}
	for member, want := range map[string]rpcinterface.Value{
		"name": name, "state": rpcinterface.Int(20), "statename": rpcinterface.String("RUNNING"),
		"version": rpcinterface.String("test-1"), "enabled": rpcinterface.Bool(true),
		"calltimeout": rpcinterface.Double(90.5), "maxmemory": rpcinterface.Int(0), "maxcpu": rpcinterface.Int(600), "maxfiles": rpcinterface.Int(128),
	} {
		if got, _ := one.Get(member); got != want {
			t.Errorf("%s is %v, want %v", member, got, want)
		}
	}
	commands := must("getCommands", name).(rpcinterface.Array)
	if len(commands) != 1 {
		t.Fatal(commands)
	}
	if got, _ := commands[0].(rpcinterface.Struct).Get("template"); got != rpcinterface.Value(rpcinterface.String("{}")) {
		t.Errorf("template %v", got)
	}
	must("disableExtension", name, rpcinterface.Int(1))
	r.wantState(t, "x", Disabled)
	must("enableExtension", name, rpcinterface.Bool(true))
	must("restartExtension", name)
	r.wantState(t, "x", Running)

	f.specs = nil
	diff := must("reloadConfig").(rpcinterface.Array)[0].(rpcinterface.Array)
	if removed := diff[2].(rpcinterface.Array); !slices.Equal(removed, rpcinterface.Array{name}) {
		t.Errorf("removed %v", removed)
	}
	result := must("applyConfig", rpcinterface.Array{name}).(rpcinterface.Array)
	if status, _ := result[0].(rpcinterface.Struct).Get("status"); status != rpcinterface.Value(rpcinterface.Int(80)) {
		t.Errorf("%v", result)
	}
	for _, method := range []string{"getExtensionInfo", "getCommands", "enableExtension"} {
		_, err := call(method, name)
		wantFault(t, err, rpcinterface.CodeBadName, "BAD_NAME: x")
		_, err = call(method, rpcinterface.Int(3))
		wantFault(t, err, rpcinterface.CodeIncorrectParameters)
	}
	_, err := call("applyConfig", rpcinterface.String("x"))
	wantFault(t, err, rpcinterface.CodeIncorrectParameters)
	_, err = call("enableExtension", name, rpcinterface.String("no"))
	wantFault(t, err, rpcinterface.CodeIncorrectParameters)
}

// A listener's answer waits for the extension that is to judge it.
func TestHandlerOfAnExtensionToCome(t *testing.T) {
	f := &file{}
	r := newRig(t, Config{Reload: f.read}).start(t)
	verdict := make(chan error, 1)
	go func() {
		ok, err := r.HandleResult(t.Context(), "x:judge", aboutP, []byte("judge x PROCESS_LOG_STDOUT p payload"))
		if !ok && err == nil {
			err = errors.New("rejected")
		}
		verdict <- err
	}()
	f.specs = []core.ExtensionSpec{section("x", "ok")}
	wantText(t, r.applied(t), "added x")
	if err := <-verdict; err != nil {
		t.Error(err)
	}
}
