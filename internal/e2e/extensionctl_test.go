package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plugvisor/plugvisor/sdk"
)

// greeterArg makes the test binary the plugin of these tests, one with commands.
const greeterArg = "greeter"

func serveGreeter() {
	sdk.Serve(sdk.Plugin{
		Version: "1.5",
		Factory: sdk.FactoryOf(func(_ sdk.Host, cfg sdk.Config) (*greeter, error) {
			word := cfg.String("greeting", "Hello")
			if word == "none" {
				return nil, errors.New("nobody greets like that")
			}
			return &greeter{word}, nil
		}),
		Grants: []sdk.Grant{sdk.GrantLogWrite, sdk.GrantEventsSubscribe},
		Commands: []sdk.Command{
			{
				Name: "greet", Help: "Greets somebody.\n\nAs often as is wanted.", Method: "greet", Template: "{}",
				Arguments: []sdk.Argument{{Name: "name", Type: sdk.ArgumentString}, {Name: "times", Type: sdk.ArgumentInt, Optional: true}},
			},
			{
				Name: "echo", Method: "echo",
				Arguments: []sdk.Argument{{Name: "numbers", Type: sdk.ArgumentJSON}, {Name: "members", Type: sdk.ArgumentStruct, Optional: true}},
			},
			{Name: "guests", Help: "Lists the guests", Method: "guests", Template: "{name:8}{age}"},
			{Name: "escape", Method: "escape", Template: "{}"},
			{Name: "fail", Method: "fail", Template: "{}"},
		},
	})
}

type greeter struct{ word string }

func (g *greeter) Greet(name string, times sdk.Optional[int]) []string {
	n := 1
	if t, ok := times.Get(); ok {
		n = t
	}
	out := []string{}
	for range n {
		out = append(out, g.word+", "+name)
	}
	return out
}

// echoed is what Echo was given.
type echoed struct {
	Numbers []int             `rpc:"numbers"`
	Members map[string]string `rpc:"members"`
}

func (g *greeter) Echo(numbers []int, members sdk.Optional[map[string]string]) echoed {
	m, _ := members.Get()
	return echoed{numbers, m}
}

type guest struct {
	Name string `rpc:"name"`
	Age  int    `rpc:"age"`
}

func (g *greeter) Guests() []guest { return []guest{{"Ada", 36}, {"Grace", 85}} }

func (g *greeter) Escape() string { return "a\u009b2Jb\u007f" }

func (g *greeter) Fail(context.Context) error { return &sdk.Fault{Code: 77, Message: "no\u009bluck"} }

// greeterSection is a section of that plugin.
func greeterSection(t *testing.T, name, more string) string {
	t.Helper()
	return fmt.Sprintf("\n[rpcinterface:%s]\nsupervisor.rpcinterface_factory = %s %s %s\n%s\n", name, self(t), pluginArg, greeterArg, more)
}

func (d *daemon) ctlStep(command string, code int, want string) {
	d.t.Helper()
	out, got := d.run(d.supervisorctl(), append([]string{"-c", d.conf}, strings.Fields(command)...)...)
	if got != code || !matches(normal(want), normal(out)) {
		d.t.Errorf("supervisorctl %s: exit code %d, want %d; output:\n%s\nwant:\n%s", command, got, code, out, want)
	}
}

// TestExtensionCommand: what an operator does with supervisorctl extension.
func TestExtensionCommand(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, twiddler+greeterSection(t, "hello", "plugin.grants = log:write\nplugin.call_timeout = 7.5\n"+
		"plugin.max_memory = 2GB\nplugin.max_cpu = 600\nplugin.max_files = 128")+greeterSection(t, "off", "plugin.enabled = false"))
	expect(d.site, "1.0", "extension.getAPIVersion")
	d.ctlStep("extension list", 0, "twiddler RUNNING pid ..., uptime 0:00:...\nhello RUNNING pid ..., uptime 0:00:...\noff DISABLED plugin.enabled is false")
	expect(d.site, "[Hello, Jo]", "hello.greet", "Jo")
	expect(d.site, "77 no\u009bluck", "hello.fail")
	d.ctlStep("extension info hello", 0, `hello
state RUNNING since ...
pid ..., uptime 0:00:...
version 1.5
protocol 1
pid ...
memory ... MiB
restarts 0
calls 2, of which 1 answered a fault and 0 failed
grants log:write
lacking events:subscribe
methods ...
commands greet, echo, guests, escape, fail
section [rpcinterface:hello] in `+d.conf+`
factory ... `+pluginArg+" "+greeterArg+`
executable ...
timeout 7.5s for a call
limits 2048.0 MiB of memory, 600s of processor time, 128 descriptors
configured required, enabled`)

	pid := answer[map[string]any](d.site, "extension.getExtensionInfo", "hello")["pid"]
	d.ctlStep("extension restart hello", 0, "hello: restarted")
	if again := answer[map[string]any](d.site, "extension.getExtensionInfo", "hello"); again["pid"] == pid || again["restarts"] != int64(1) {
		t.Errorf("pid %v, then %v with %v restarts", pid, again["pid"], again["restarts"])
	}
	d.ctlStep("extension enable hello", 0, "hello: ERROR (already enabled)")
	d.ctlStep("extension disable hello", 0, "hello: disabled")
	d.ctlStep("extension disable hello", 0, "hello: ERROR (already disabled)")
	d.ctlStep("extension restart hello", 7, "hello: ERROR (disabled)")
	d.ctlStep("extension enable zz", 1, "zz: ERROR (no such extension)")
	d.ctlStep("hello greet Jo", 1, "fault 30: FAILED: extension 'hello' is DISABLED: ...")
	d.ctlStep("extension enable hello off", 0, "hello: enabled\noff: enabled")
	d.ctlStep("extension disable all", 0, "twiddler: disabled\nhello: disabled\noff: disabled")
	d.ctlStep("extension enable all", 0, "twiddler: enabled\nhello: enabled\noff: enabled")
	d.ctlStep("extension restart all", 0, "twiddler: restarted\nhello: restarted\noff: restarted")

	out, code := d.run(d.supervisorctl(), "-c", d.conf, "extension", "info", "--json", "off")
	var infos []map[string]any
	if err := json.Unmarshal([]byte(out), &infos); err != nil || code != 0 || len(infos) != 1 || infos[0]["statename"] != "RUNNING" || infos[0]["enabled"] != false {
		t.Errorf("%v, %d, %s", err, code, out)
	}
	d.ctlStep("completion words -- -c "+d.conf+" extension restart h", 0, "hello")
	d.ctlStep("completion words -- -c "+d.conf+" hello g", 0, "greet\nguests")
}

// TestNamespaceCommands: what an extension adds to supervisorctl, over both sorts of
// socket.
func TestNamespaceCommands(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, twiddler+greeterSection(t, "hello", "")+greeterSection(t, "status", "greeting = Never")+greeterSection(t, "my-ext", "greeting = Hi"))
	for _, url := range []string{"unix://" + d.sock, "http://" + d.addr} {
		for _, step := range []struct {
			words []string
			code  int
			want  string
		}{
			{[]string{"hello"}, 0, "hello greet <name> [<times>]  Greets somebody.\nhello echo <numbers> [<key>=<value> ...]\nhello guests                  Lists the guests\nhello escape\nhello fail\n"},
			{[]string{"help", "hello", "guests"}, 0, "hello guests\n\nLists the guests\n"},
			{[]string{"hello", "greet", "Jo and co", "2"}, 0, "Hello, Jo and co\nHello, Jo and co\n"},
			{[]string{"my-ext", "greet", "Jo"}, 0, "Hi, Jo\n"},
			{[]string{"hello", "echo", "[1, 2]", "k=v w"}, 0, `{"members": {"k": "v w"}, "numbers": [1, 2]}` + "\n"},
			{[]string{"hello", "guests"}, 0, "Ada     36\nGrace   85\n"},
			{[]string{"hello", "escape"}, 0, `a\u009b2Jb\u007f` + "\n"},
			{[]string{"hello", "fail"}, 1, `fault 77: no\u009bluck` + "\n"},
			{[]string{"hello", "greet"}, 2, "Error: the argument name is missing\nUsage: hello greet <name> [<times>]\n"},
			{[]string{"hello", "zz"}, 2, "Error: hello has no command zz; \"help hello\" lists them\n"},
			{[]string{"twiddler", "list"}, 2, "Error: twiddler has no command list; \"help twiddler\" lists them\n"},
			{[]string{"supervisor", "list"}, 1, "*** Unknown syntax: supervisor list\n"},
			{[]string{"zz", "greet", "Jo"}, 1, "*** Unknown syntax: zz greet Jo\n"},
			{[]string{"status"}, 0, ""}, // our own command
		} {
			out, code := d.run(d.supervisorctl(), append([]string{"-s", url}, step.words...)...)
			if code != step.code || out != step.want {
				t.Errorf("%s %q: exit code %d, want %d; output:\n%s\nwant:\n%s", url, step.words, code, step.code, out, step.want)
			}
		}
	}
}

// TestUpdateOfExtensions: reread and update see sections that come, change and go, and
// leave the others alone.
func TestUpdateOfExtensions(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	base := s.read("supervisord.conf")
	greeting := func(word string) string { return "greeting = " + word }
	s.write(base + greeterSection(t, "same", "") + greeterSection(t, "other", "") + greeterSection(t, "gone", "") + program("p", "/bin/cat"))
	d := s.start()
	same := answer[map[string]any](d.site, "extension.getExtensionInfo", "same")["pid"]
	d.ctlStep("reread", 0, "No config updates to processes")
	d.ctlStep("update", 0, "")

	s.write(base + greeterSection(t, "same", "") + greeterSection(t, "other", greeting("Hi")) + greeterSection(t, "new", greeting("Hey")) +
		program("p", "/bin/cat") + program("q", "/bin/cat"))
	d.ctlStep("reread", 0, "q: available\nextension new: available\nextension other: changed\nextension gone: disappeared")
	expect(d.site, "[Hello, Jo]", "other.greet", "Jo")
	d.ctlStep("update q", 0, "q: added process group")
	d.ctlStep("update new", 1, "ERROR: no such group: new")
	d.ctlStep(`call extension.applyConfig ["new"]`, 0, `[{"action": "added", "description": "OK", "name": "new", "status": 80}]`)
	d.ctlStep("update", 0, "extension other: updated\nextension gone: removed")
	expect(d.site, "[Hi, Jo]", "other.greet", "Jo")
	expect(d.site, "[Hey, Jo]", "new.greet", "Jo")
	expect(d.site, "1 UNKNOWN_METHOD", "gone.greet", "Jo")
	d.ctlStep("update all", 0, "")

	// One that cannot be started with its section goes on with the old one.
	s.write(base + greeterSection(t, "same", "") + greeterSection(t, "other", greeting("none")) + greeterSection(t, "new", greeting("Hey")) +
		program("p", "/bin/cat"))
	d.ctlStep("update", 1, "extension other: ERROR (extension 'other' ... nobody greets like that...)\nq: stopped\nq: removed process group")
	expect(d.site, "[Hi, Jo]", "other.greet", "Jo")

	if pid := answer[map[string]any](d.site, "extension.getExtensionInfo", "same")["pid"]; pid != same {
		t.Errorf("the extension that did not change has pid %v, had %v", pid, same)
	}
}

// TestExtensionMetrics: what /metrics tells of extensions.
func TestExtensionMetrics(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, greeterSection(t, "hello", "")+greeterSection(t, "off", "plugin.enabled = false"))
	expect(d.site, "[Hello, Jo]", "hello.greet", "Jo")
	expect(d.site, "77 no\u009bluck", "hello.fail")
	expect(d.site, "true", "extension.restartExtension", "hello")
	_, page, err := get(t.Context(), "http://"+d.addr+"/metrics", "")
	if err != nil {
		t.Fatal(err)
	}
	withLines(t, page,
		`plugvisor_extension_state{extension="hello",state="RUNNING"} 1`,
		`plugvisor_extension_state{extension="hello",state="DISABLED"} 0`,
		`plugvisor_extension_state{extension="off",state="DISABLED"} 1`,
		`plugvisor_extension_up{extension="hello"} 1`,
		`plugvisor_extension_up{extension="off"} 0`,
		`plugvisor_extension_restarts_total{extension="hello"} 1`,
		`plugvisor_extension_calls_total{extension="hello"} 2`,
		`plugvisor_extension_errors_total{extension="hello"} 0`,
		`plugvisor_extension_memory_bytes{extension="hello"} [1-9].*`,
		`plugvisor_extension_memory_bytes{extension="off"} 0`,
		`plugvisor_extension_start_time_seconds{extension="hello"} [1-9].*`,
		`supervisord_rpc_calls_total{method="extension.restartExtension",outcome="ok"} 1`,
	)
}

// TestExtensionCheckOf: extension check of what is bundled, and with the file of -c.
func TestExtensionCheckOf(t *testing.T) {
	t.Parallel()
	s := newSite(t, twiddler+greeterSection(t, "never", "greeting = none"))
	as := "--as-root"
	if os.Getuid() != 0 {
		as = "--call-methods"
	}
	for _, step := range []struct {
		words string
		code  int
		want  string
	}{
		{"twiddler", 0, "...twiddler, bundled with " + s.supervisord() + "\n...methods ...addProgramToGroup...It would load.\n"},
		{"--section twiddler twiddler", 0, "...It would load.\n"},
		{"cache", 0, "...It would load.\n"},
		{"nothing", 1, "...this executable holds no plugin called nothing...It would not load.\n"},
		{"--section never " + self(t) + " " + pluginArg + " " + greeterArg, 1, "...nobody greets like that...It would not load.\n"},
	} {
		words := append([]string{"-c", s.conf, "extension", "check", as}, strings.Fields(step.words)...)
		out, code := s.run(filepath.Join(s.bin, "supervisorctl"), words...)
		if code != step.code || !matches(strings.ReplaceAll(step.want, "\n", " "), strings.ReplaceAll(out, "\n", " ")) {
			t.Errorf("%s: exit code %d, want %d; output:\n%s", step.words, code, step.code, out)
		}
	}
}

// A section's limits hold for its user, also where root has not every capability, as in
// a container.
func TestExtensionCheckLimits(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can become another user")
	}
	const section = "[rpcinterface:%s]\nsupervisor.rpcinterface_factory = cache\nplugin.user = nobody\n" +
		"plugin.max_files = 64\nplugin.max_cpu = 60\nplugin.max_memory = %s\n\n"
	s := newSite(t, fmt.Sprintf(section, "enough", "1GB")+fmt.Sprintf(section, "little", "32MB"))
	for _, c := range []struct {
		name string
		code int
		want string
	}{{"enough", 0, "...It would load.\n"}, {"little", 1, "error: it did not connect:...It would not load.\n"}} {
		out, code := s.run(filepath.Join(s.bin, "supervisorctl"), "-c", s.conf, "extension", "check", "--section", c.name, "cache")
		if code != c.code || !matches(strings.ReplaceAll(c.want, "\n", " "), strings.ReplaceAll(out, "\n", " ")) {
			t.Errorf("%s: exit code %d, want %d; output:\n%s", c.name, code, c.code, out)
		}
	}
}
