package e2e

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
)

// failsToStart runs supervisord, which must say why it cannot start in the
// reference's two lines, and exit with 2: first in the foreground, then as a
// daemon. In want "..." is any text.
func (s *site) failsToStart(want string, args ...string) {
	s.t.Helper()
	for _, mode := range []string{"-n", ""} {
		cmd := s.command(s.supervisord(), slices.DeleteFunc(append([]string{mode}, args...), func(a string) bool { return a == "" })...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		cmd.WaitDelay = patience
		err := cmd.Run()
		if code := cmd.ProcessState.ExitCode(); code != 2 {
			s.t.Errorf("supervisord %s: exit code %d (%v), want 2", mode, code, err)
		}
		full := fmt.Sprintf("Error: %s\nFor help, use %s -h\n", want, s.supervisord())
		if !matches(full, stderr.String()) {
			s.t.Errorf("supervisord %s: standard error has\n%swant\n%s", mode, stderr.String(), full)
		}
	}
}

func TestRefusedConfigurations(t *testing.T) {
	t.Parallel()
	const offers = "twiddler, cache (bundled), a file in .../plugins or ..., the path of an executable"
	for _, c := range []struct{ name, body, want string }{
		{"unknown factory", "[rpcinterface:x]\nsupervisor.rpcinterface_factory = nope\n",
			"nope cannot be resolved within [rpcinterface:x] (file: 'CONF'): there is no plugin nope; name one of: " + offers},
		{"no such executable", "[rpcinterface:x]\nsupervisor.rpcinterface_factory = /no/such/plugin\n",
			"/no/such/plugin cannot be resolved within [rpcinterface:x] (file: 'CONF'): there is no file /no/such/plugin; " +
				"give the path of a plugin's executable"},
		{"Python extension", "[rpcinterface:x]\nsupervisor.rpcinterface_factory = superlance.rpc:make_x\n",
			"superlance.rpc:make_x cannot be resolved within [rpcinterface:x] (file: 'CONF'): it is of the Python module superlance.rpc, " +
				"and Python extensions cannot be loaded; remove the section, or name a plugin: " + offers},
		{"no factory", "[rpcinterface:x]\nwhitelist=a\n",
			"section [rpcinterface:x] does not specify a supervisor.rpcinterface_factory"},
		{"unknown option of a plugin", twiddler + "whitelits = log\n",
			"Could not make twiddler rpc interface: [rpcinterface:twiddler] (file: 'CONF', factory: bundled plugin twiddler): " +
				"unknown option whitelits; correct the section, or set plugin.required=false to start without it"},
		{"unknown key of the host", twiddler + "plugin.tset = 1\n",
			"plugin.tset: unknown key (there are ...) in section 'rpcinterface:twiddler' (file: 'CONF')"},
		{"plugin that crashes", probeSection(t, "crash", ""),
			"Could not make probe rpc interface: [rpcinterface:probe] (file: 'CONF', factory: SELF): it exited with status 3 before it was " +
				"ready, after writing: probe: no luck today; correct the section, or set plugin.required=false to start without it"},
		{"plugin that refuses its configuration", probeSection(t, "refuse", ""),
			"Could not make probe rpc interface: [rpcinterface:probe] (file: 'CONF', factory: SELF): the moon is in the wrong phase; " +
				"correct the section, or set plugin.required=false to start without it"},
		{"no plugin at all", "[rpcinterface:x]\nsupervisor.rpcinterface_factory = /bin/echo hello\n",
			"Could not make x rpc interface: [rpcinterface:x] (file: 'CONF', factory: /bin/echo): it ...; " +
				"correct the section, or set plugin.required=false to start without it"},
		{"one of two plugins", twiddler + probeSection(t, "crash", ""),
			"Could not make probe rpc interface: ..."},
		{"wrong value", "[program:x]\ncommand=/bin/cat\nstartsecs=soon\n",
			"invalid literal for int() with base 10: 'soon' in section 'program:x' (file: 'CONF')"},
		{"no command", "[program:x]\nautostart=true\n",
			"program section program:x does not specify a command in section 'program:x' (file: 'CONF')"},
		{"line that is none", "[program:x]\nfoo\n",
			"Source contains parsing errors: 'CONF'\n\t[line ...]: 'foo\\n'"},
		{"directory that is not there", "[supervisord]\nlogfile=/no/such/directory/x.log\n",
			"The directory named as part of the path /no/such/directory/x.log does not exist"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, c.body)
			s.failsToStart(strings.NewReplacer("CONF", s.conf, "SELF", self(t)).Replace(c.want), "-c", s.conf)
		})
	}
}

func TestRefusedCommandLines(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	for _, c := range []struct {
		want string
		args []string
	}{
		{"could not find config file " + s.path("nope.conf"), []string{"-c", s.path("nope.conf")}},
		{"conflicting command line option '-e'", []string{"-c", s.conf, "-e", "info", "-e", "debug"}},
		{"invalid value for -e 'loud': bad logging level name 'loud'", []string{"-c", s.conf, "-e", "loud"}},
		{"option --nope not recognized", []string{"--nope"}},
		{"positional arguments are not supported: ['extra']", []string{"-c", s.conf, "extra"}},
		{"Invalid user name nobody-at-all", []string{"-c", s.conf, "-u", "nobody-at-all"}},
	} {
		s.failsToStart(c.want, c.args...)
	}
	if exists(s.path("supervisord.log")) {
		t.Error("there is a log of something that was never to start")
	}
}

const inUse = "Another program is already listening on a port that one of our HTTP servers is configured to use.  " +
	"Shut this program down first before starting supervisord."

func TestPortInUse(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	l, err := net.Listen("tcp4", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s.failsToStart(inUse, "-c", s.conf)
}

// TestSecondDaemon starts a daemon on the socket of one that lives, which must not
// notice.
func TestSecondDaemon(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, twoPrograms)
	d.wait("success: b entered RUNNING state")
	before := d.pids()
	second := newBareSite(t)
	second.write(fmt.Sprintf("[supervisord]\nlogfile=%%(here)s/supervisord.log\npidfile=%%(here)s/supervisord.pid\n[unix_http_server]\nfile=%s\n", d.sock))
	second.failsToStart(inUse, "-c", second.conf)
	if after := d.pids(); len(after) != 2 || fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("programs of the first had the pids %v, have %v", before, after)
	}
}

func TestPluginsNotRequired(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, probeSection(t, "crash", "plugin.required = false")+twiddler+
		"[rpcinterface:absent]\nsupervisor.rpcinterface_factory = /no/such/plugin\nplugin.required = false\n"+
		"[rpcinterface:off]\nsupervisor.rpcinterface_factory = twiddler\nplugin.enabled = false\n"+
		"[group:g]\n")
	d.wait("cannot start extension 'probe': it exited with status 3 before it was ready, after writing: probe: no luck today; next attempt in 1s")
	d.wait("cannot start extension 'absent': ")
	d.wait("RPC interface 'off' is disabled")
	for method, want := range map[string]string{
		"absent.anything":        "30 FAILED: extension 'absent' is in BACKOFF, to be started again in ...: ... there is no file /no/such/plugin; ...",
		"off.getAPIVersion":      "30 FAILED: extension 'off' is DISABLED: plugin.enabled is false",
		"twiddler.getGroupNames": "[g]",
	} {
		if got := outcome(d.site, method); !matches(want, got) {
			t.Errorf("%s: %q, want %q", method, got, want)
		}
	}
}
