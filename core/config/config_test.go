package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/ini.v1"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

const minimal = "[supervisord]\n"

func load(t *testing.T, text string) (*Config, error) {
	t.Helper()
	return Load("/d/s.conf", testEnvironment(memFiles{"/d/s.conf": text}))
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestLoadNoFile(t *testing.T) {
	for file, want := range map[string]string{
		"/d/none.conf": "could not find config file /d/none.conf",
		"/d":           "could not read config file /d",
	} {
		if _, err := Load(file, testEnvironment(memFiles{"/d/s.conf": ""})); errText(err) != want {
			t.Errorf("Load(%s): %v, want %s", file, err, want)
		}
	}
}

func TestLoadRelative(t *testing.T) {
	env := testEnvironment(memFiles{"s.conf": minimal + "identifier=%(here)s\n[program:x]\n", "/w/s.conf": ""})
	env.WorkingDir = "/w"
	_, err := Load("s.conf", env)
	if want := "program section program:x does not specify a command in section 'program:x' (file: 's.conf')"; errText(err) != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestExtensionKeys(t *testing.T) {
	const factory = "[rpcinterface:t]\nsupervisor.rpcinterface_factory=f\n"
	c, err := load(t, minimal+factory+"Plugin.Required=no\nplugin.enabled=off\nplugin.call_timeout= 1.5 \nplugin.grants=log:write rpc:call=a.*\nb=2\na=1\n[rpcinterface:u]\nsupervisor.rpcinterface_factory=g\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []core.ExtensionSpec{
		{
			Name: "t", Section: "rpcinterface:t", File: "/d/s.conf", Factory: "f",
			Options:     []rpcinterface.Option{{Name: "b", Value: "2"}, {Name: "a", Value: "1"}},
			Grants:      &rpcinterface.Grants{"log:write", "rpc:call=a.*"},
			CallTimeout: 1500 * time.Millisecond,
		},
		{Name: "u", Section: "rpcinterface:u", File: "/d/s.conf", Factory: "g", Required: true, Enabled: true, CallTimeout: rpcinterface.DefaultCallTimeout},
	}
	if !reflect.DeepEqual(c.Extensions, want) {
		t.Errorf("got  %+v\nwant %+v", c.Extensions, want)
	}

	const place = " in section 'rpcinterface:t' (file: '/d/s.conf')"
	for line, want := range map[string]string{
		"plugin.call_timeout=0":    "plugin.call_timeout: '0' is not a number of seconds above 0" + place,
		"plugin.call_timeout=-1":   "plugin.call_timeout: '-1' is not a number of seconds above 0" + place,
		"plugin.call_timeout=inf":  "plugin.call_timeout: 'inf' is not a number of seconds above 0" + place,
		"plugin.call_timeout=nan":  "plugin.call_timeout: 'nan' is not a number of seconds above 0" + place,
		"plugin.call_timeout=1e99": "plugin.call_timeout: '1e99' is not a number of seconds above 0" + place,
		"plugin.enabled=maybe":     "plugin.enabled: not a valid boolean value: 'maybe'" + place,
		"plugin.grants=fly":        `plugin.grants: unknown grant "fly"` + place,
		"plugin.sha=1": "plugin.sha: unknown key (there are plugin.required, plugin.enabled, plugin.call_timeout, plugin.grants, plugin.sha256, " +
			"plugin.user, plugin.environment, plugin.max_memory, plugin.max_cpu, plugin.max_files)" + place,
	} {
		if _, err := load(t, minimal+factory+line+"\n"); errText(err) != want {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}

// Values of an extension's keys are expanded as the reference does it: ENV_ variables,
// and here only where there is an [include]. The names of keys never are.
func TestExtensionKeysAreExpanded(t *testing.T) {
	const factory = "[rpcinterface:t]\nsupervisor.rpcinterface_factory=f\n"
	for name, c := range map[string]struct {
		lines string
		want  []rpcinterface.Option
		err   string
	}{
		"environment": {lines: "b=<%(ENV_EXV)s>\nd=%%(here)s\nk%(ENV_EXV)s=1\n",
			want: []rpcinterface.Option{{Name: "b", Value: "<ex-val>"}, {Name: "d", Value: "%(here)s"}, {Name: "k%(env_exv)s", Value: "1"}}},
		"here with an include": {lines: "a=%(here)s/x\nc=%(here)s/%(ENV_EXN)s\n[include]\nfiles=none.d/*\n",
			want: []rpcinterface.Option{{Name: "a", Value: "/d/x"}, {Name: "c", Value: "/d/7"}}},
		"here": {lines: "a=%(here)s/x\n", err: "Format string '%(here)s/x' for 'rpcinterface:t.a' contains names ('here') which cannot be expanded. " +
			"Available names: ENV_EMPTY, ENV_EXN, ENV_EXV, ENV_HOME, ENV_PATH, ENV_PCT"},
	} {
		t.Run(name, func(t *testing.T) {
			loaded, err := load(t, minimal+factory+c.lines)
			if errText(err) != c.err {
				t.Fatalf("%v, want %s", err, c.err)
			}
			if err == nil && !reflect.DeepEqual(loaded.Extensions[0].Options, c.want) {
				t.Errorf("got %+v, want %+v", loaded.Extensions[0].Options, c.want)
			}
		})
	}
}

func TestTrustKeys(t *testing.T) {
	const factory = "[rpcinterface:t]\nsupervisor.rpcinterface_factory=f\n"
	sum := strings.Repeat("0123456789abcdef", 4)
	c, err := load(t, minimal+factory+"plugin.sha256= "+strings.ToUpper(sum)+"\nplugin.user=root\nplugin.environment=A=\"1,2\",B=%(ENV_HOME)s,A='3'\n"+
		"plugin.max_memory=64 mb\nplugin.max_cpu=30\nplugin.max_files=0100\n")
	if err != nil {
		t.Fatal(err)
	}
	want := core.ExtensionSpec{
		Name: "t", Section: "rpcinterface:t", File: "/d/s.conf", Factory: "f", Required: true, Enabled: true,
		CallTimeout: rpcinterface.DefaultCallTimeout,
		SHA256:      sum, User: "root",
		Environment: []core.EnvVar{{Name: "A", Value: "3"}, {Name: "B", Value: "/home/u"}},
		Limits:      core.PluginLimits{Memory: 64 << 20, CPU: 30 * time.Second, Files: 100},
	}
	if !reflect.DeepEqual(c.Extensions, []core.ExtensionSpec{want}) {
		t.Errorf("got  %+v\nwant %+v", c.Extensions, want)
	}
	for line, want := range map[string]string{
		"plugin.sha256=12":            "plugin.sha256: '12' is not a SHA-256 in 64 hexadecimal digits",
		"plugin.sha256=" + sum + "00": "plugin.sha256: '" + sum + "00' is not a SHA-256 in 64 hexadecimal digits",
		"plugin.sha256=x" + sum[1:]:   "plugin.sha256: 'x" + sum[1:] + "' is not a SHA-256 in 64 hexadecimal digits",
		"plugin.user=nosuch":          "plugin.user: Invalid user name nosuch",
		"plugin.user=":                "plugin.user: Invalid user name ",
		"plugin.user=123456":          "plugin.user: Invalid user id 123456",
		"plugin.environment=A":        "plugin.environment: Unexpected end of key/value pairs in value 'A'",
		"plugin.max_memory=33554431":  "plugin.max_memory: '33554431' is too little for a plugin to start: the least is 32MB",
		"plugin.max_memory=1K":        "plugin.max_memory: invalid literal for int() with base 10: '1k'",
		"plugin.max_memory=-1":        "plugin.max_memory: '-1' is too little for a plugin to start: the least is 32MB",
		"plugin.max_cpu=0":            "plugin.max_cpu: '0' is too little for a plugin to start: the least is 1 second",
		"plugin.max_cpu=1.5":          "plugin.max_cpu: invalid literal for int() with base 10: '1.5'",
		"plugin.max_files=31":         "plugin.max_files: '31' is too little for a plugin to start: the least is 32",
	} {
		want += " in section 'rpcinterface:t' (file: '/d/s.conf')"
		if _, err := load(t, minimal+factory+line+"\n"); errText(err) != want {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
	if _, err := load(t, minimal+factory+"plugin.environment=A=%(nix)s\n"); !strings.HasPrefix(errText(err), "Format string 'A=%(nix)s' for 'rpcinterface:t.plugin.environment'") {
		t.Errorf("an unknown name: %v", err)
	}
}

func TestRefusedSections(t *testing.T) {
	for section, want := range map[string]string{
		"rpcinterface:system":    "the namespace system is built in and cannot be configured",
		"rpcinterface:extension": "the namespace extension is built in and cannot be configured",
	} {
		want += " in section '" + section + "' (file: '/d/s.conf')"
		if _, err := load(t, minimal+"["+section+"]\n"); errText(err) != want {
			t.Errorf("[%s]: %v, want %s", section, err, want)
		}
	}
	if _, err := load(t, minimal+"[ctlplugin:x]\nfoo=1\n[eventlistenerx]\n"); err != nil {
		t.Errorf("sections that are not the daemon's: %v", err)
	}
}

func TestResultHandlers(t *testing.T) {
	const listener = minimal + "[rpcinterface:my-ns]\nsupervisor.rpcinterface_factory=f\n[eventlistener:l]\ncommand=c\nevents=TICK\n"
	for line, want := range map[string]string{
		"":                                      core.DefaultResultHandler,
		"result_handler=superlance.x:handler\n": "superlance.x:handler",
		"result_handler=twiddler:stdin_write ; c\n": "twiddler:stdin_write",
		"result_handler=%(here)s\n":                 "",
		"result_handler=\n":                         "",
		"result_handler=:x\n":                       "",
		"result_handler=a:\n":                       "",
		"result_handler=a b:c\n":                    "",
		"result_handler=my-ns:handler\n":            "my-ns:handler",
		"result_handler=other-ns:handler\n":         "",
	} {
		cfg, err := load(t, listener+line)
		switch {
		case want != "":
			if err != nil || cfg.Groups[0].Listener.ResultHandler != want {
				t.Errorf("%s: %v, want %s", line, err, want)
			}
		case !strings.Contains(errText(err), " cannot be resolved within [eventlistener:l]: "):
			t.Errorf("%s: %v, want an error", line, err)
		}
	}
}

// TestSocketOwner: a socket of processes that run as the supervisor's user is
// left to whoever makes it.
func TestSocketOwner(t *testing.T) {
	for uid, want := range map[int]int{0: 2, 2: -1} {
		env := testEnvironment(memFiles{"/d/s.conf": minimal + "[fcgi-program:f]\ncommand=c\nsocket=unix:///tmp/s\nuser=bin\n"})
		env.UID = uid
		cfg, err := Load("/d/s.conf", env)
		if err != nil {
			t.Fatal(err)
		}
		if s := cfg.Groups[0].FastCGI; s.OwnerUID != want || s.OwnerGID != want {
			t.Errorf("as %d: owner %d:%d, want %d", uid, s.OwnerUID, s.OwnerGID, want)
		}
	}
}

func TestUnknownOptions(t *testing.T) {
	files := memFiles{
		"/d/s.conf": "[DEFAULT]\nshared=1\n[supervisord]\nnodaemons=true\n[include]\nfiles=i.conf\nfoo=1\n[program:x]\ncommand=c\nStart=1\n[group:g]\nprogram=x\n[foo]\nbar=1\n[supervisorctl]\nbar=1\n[inet_http_server]\nport=1\nuser=2\n",
		"/d/i.conf": "[program:x]\nstop=1\nstart=2\n[unix_http_server]\nfile=/x\nfiles=/y\n",
	}
	c, err := Load("/d/s.conf", testEnvironment(files))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`Unknown option "nodaemons" in section [supervisord] of /d/s.conf, ignored`,
		`Unknown option "foo" in section [include] of /d/s.conf, ignored`,
		`Unknown option "start" in section [program:x] of /d/i.conf, ignored`,
		`Unknown option "stop" in section [program:x] of /d/i.conf, ignored`,
		`Unknown option "program" in section [group:g] of /d/s.conf, ignored`,
		`Unknown option "user" in section [inet_http_server] of /d/s.conf, ignored`,
		`Unknown option "files" in section [unix_http_server] of /d/i.conf, ignored`,
	}
	if !slices.Equal(c.Warnings, want) {
		t.Errorf("got  %s\nwant %s", strings.Join(c.Warnings, "\n"), strings.Join(want, "\n"))
	}
}

// TestKnownKeysAreRead: what is not warned of is what is read.
func TestKnownKeysAreRead(t *testing.T) {
	for _, section := range []string{
		"supervisord", "program:x", "eventlistener:x", "fcgi-program:x", "group:g", "inet_http_server", "unix_http_server", "include",
	} {
		known, ok := knownKeys(section)
		if !ok {
			t.Errorf("keys of [%s] are not known", section)
		}
		for _, key := range known {
			text := map[string]string{
				"supervisord":      "[supervisord]\n",
				"program:x":        "[supervisord]\n[program:x]\ncommand=c\n",
				"eventlistener:x":  "[supervisord]\n[eventlistener:x]\ncommand=c\nevents=TICK\n",
				"fcgi-program:x":   "[supervisord]\n[fcgi-program:x]\ncommand=c\nsocket=tcp://h:1\n",
				"group:g":          "[supervisord]\n[group:g]\n",
				"inet_http_server": "[supervisord]\n[inet_http_server]\nport=1\nusername=u\npassword=p\n",
				"unix_http_server": "[supervisord]\n[unix_http_server]\nfile=/x\nusername=u\npassword=p\n",
				"include":          "[supervisord]\n[include]\n",
			}[section]
			if key == "process_name" { // expanded under its own name
				continue
			}
			if _, err := load(t, text+key+"=%(nope)s\n"); err == nil {
				t.Errorf("[%s] %s is not read", section, key)
			}
		}
	}
}

// TestLoadAgain: variables of [supervisord] environment= stay in the expansions of
// the same Environment.
func TestLoadAgain(t *testing.T) {
	files := memFiles{"/d/s.conf": "[supervisord]\nenvironment=ADDED=\"1\",EXV=\"new\"\n[program:x]\ncommand=%(nope)s\n"}
	env := testEnvironment(files)
	if _, err := Load("/d/s.conf", env); err == nil {
		t.Fatal("no error")
	}
	files["/d/s.conf"] = "[supervisord]\nidentifier=%(ENV_ADDED)s %(ENV_EXV)s\n"
	c, err := Load("/d/s.conf", env)
	if err != nil || c.Supervisord.Identifier != "1 new" {
		t.Errorf("identifier %+v, %v", c, err)
	}
	if _, err := Load("/d/s.conf", testEnvironment(files)); err == nil {
		t.Error("a new Environment knows the variable")
	}
}

// TestDocumentKeepsValuesRaw: ini.v1 changes nothing of what it is given.
func TestDocumentKeepsValuesRaw(t *testing.T) {
	d := newDocument()
	text := "[a.b]\nk=parent\n[a.b.c:d e]\nv=\"q\" 'r' `s` \\\n  %(k)s %% $HOME\n  é = : tail\n[a]\n-=dash\n[a:b]\ninclude=<x>\n"
	if err := d.merge("f", []byte(text), false); err != nil {
		t.Fatal(err)
	}
	section := d.section("a.b.c:d e")
	if got, _ := d.get(section, "v"); got != "\"q\" 'r' `s` \\\n%(k)s %% $HOME\né = : tail" {
		t.Errorf("value %q", got)
	}
	if got, ok := d.get(section, "k"); ok {
		t.Errorf("a child section has its parent's key: %q", got)
	}
	if got, _ := d.get(d.section("a"), "-"); got != "dash" {
		t.Errorf("key -: %q", got)
	}
	var names []string
	for _, s := range d.sections() {
		names = append(names, s.Name())
	}
	if want := []string{"a.b", "a.b.c:d e", "a", "a:b"}; !slices.Equal(names, want) {
		t.Errorf("sections %q, want %q", names, want)
	}
	if d.has(ini.DefaultSection) || d.has("b") {
		t.Error("sections that do not exist")
	}
}

func TestParseProgramErrors(t *testing.T) {
	env := testEnvironment(nil)
	ctx := ProgramContext{Here: "/d", File: "it's.conf"}
	_, err := ParseProgram(env, ctx, "g", "x", []Option{{"command", rpcinterface.String("c")}, {"numprocs", rpcinterface.Int(1 << 40)}, {"process_name", rpcinterface.String("%(process_num)d")}})
	if want := `1099511627776 is above upper bound (1048576) of numprocs in section 'program:x' (file: "it's.conf")`; errText(err) != want {
		t.Errorf("%v, want %s", err, want)
	}
	_, err = ParseProgram(env, ctx, "g", "x", []Option{{"startsecs", nil}})
	var fault *rpcinterface.Fault
	if !errors.As(err, &fault) || *fault != (rpcinterface.Fault{Code: rpcinterface.CodeIncorrectParameters, Message: "INCORRECT_PARAMETERS"}) {
		t.Errorf("a type error is %v", err)
	}
	specs, err := ParseProgram(env, ctx, "g", "x", []Option{{"COMMAND", rpcinterface.String("a")}, {"command", rpcinterface.String("b")}})
	if err != nil || len(specs) != 1 || specs[0].Command != "b" || specs[0].Program != "x" {
		t.Errorf("%+v, %v", specs, err)
	}
}

func TestDiff(t *testing.T) {
	group := func(name string, priority int64) *core.GroupSpec {
		return &core.GroupSpec{Name: name, Priority: priority}
	}
	live := []*core.GroupSpec{group("z", 1), group("same", 1), group("gone", 1), group("moved", 1), group("also gone", 1)}
	added, changed, removed := Diff(live, []*core.GroupSpec{group("new", 1), group("same", 1), group("moved", 2), group("z", 2), group("another", 3)})
	if !slices.Equal(added, []string{"new", "another"}) || !slices.Equal(changed, []string{"moved", "z"}) || !slices.Equal(removed, []string{"gone", "also gone"}) {
		t.Errorf("%q %q %q", added, changed, removed)
	}
}

func TestLoadClient(t *testing.T) {
	def := *DefaultClient()
	with := func(change func(*Client)) *Client {
		c := def
		change(&c)
		return &c
	}
	for _, tc := range []struct {
		text string
		want *Client
		err  string
	}{
		{"[supervisorctl]\n", &def, ""},
		{"[ctlplugin:x]\nsupervisor.ctl_factory=m:%(ENV_EXV)s\n[supervisorctl]\n", nil, "m:ex-val cannot be resolved within [ctlplugin:x]: " +
			"Python plugins of supervisorctl cannot be loaded; remove the section: " +
			`"supervisorctl call NAMESPACE.METHOD" reaches every method of every extension`},
		{"[ctlplugin:x]\n[supervisorctl]\n", nil, "section [ctlplugin:x] does not specify a supervisor.ctl_factory"},
		{"[ctlplugin:x]\n[supervisorctl]\nprompt=%(x\n", nil, "Format string '%(x' for 'supervisorctl.prompt' is badly formatted: incomplete format key"},
		{"", nil, ".ini file does not include supervisorctl section"},
		{"garbage", nil, "File contains no section headers.\nfile: '/d/c.conf', line: 1\n'garbage'"},
		{"[supervisorctl]\nprompt=100%\n", nil, "Format string '100%' for 'supervisorctl.prompt' is badly formatted: incomplete format"},
		{"[supervisorctl]\nusername=%(here)s\n", nil, "Format string '%(here)s' for 'supervisorctl.username' contains names ('here') which cannot be expanded. " +
			"Available names: ENV_EMPTY, ENV_EXN, ENV_EXV, ENV_HOME, ENV_PATH, ENV_PCT"},
		{"[supervisorctl]\nserverurl=unix://%(here)s/../s\nprompt=p%(ENV_EXV)s\nusername=u\npassword=\nhistory_file=~/.h\n", &Client{
			ServerURL: "unix:///s", Prompt: "pex-val", Username: "u", HasUsername: true, HasPassword: true, HistoryFile: "/home/u/.h"}, ""},
		{"[supervisorctl]\nserverurl=http://h:1 ; c\n", with(func(c *Client) { c.ServerURL = "http://h:1" }), ""},
		{"[supervisorctl]\nserverurl=\nprompt=\nhistory_file=\n", with(func(c *Client) { c.ServerURL, c.Prompt = "", "" }), ""},
		{"[include]\nfiles=%(nope)s\n[supervisorctl]\nserverurl=unix:///x\n", with(func(c *Client) { c.ServerURL = "unix:///x" }), ""},
	} {
		c, err := LoadClient("/d/c.conf", testEnvironment(memFiles{"/d/c.conf": tc.text}))
		if errText(err) != tc.err || !reflect.DeepEqual(c, tc.want) {
			t.Errorf("%q: %+v, %v; want %+v, %q", tc.text, c, err, tc.want, tc.err)
		}
	}
}

func TestSearchPaths(t *testing.T) {
	rest := []string{"supervisord.conf", "etc/supervisord.conf", "/etc/supervisord.conf", "/etc/supervisor/supervisord.conf"}
	for argv0, first := range map[string][]string{
		"supervisord":          {"etc/supervisord.conf", "supervisord.conf"},
		"/usr/bin/supervisord": {"/usr/etc/supervisord.conf", "/usr/supervisord.conf"},
		"./supervisord":        {"etc/supervisord.conf", "supervisord.conf"},
		"/supervisord":         {"/etc/supervisord.conf", "/supervisord.conf"},
		"a/b/c":                {"a/etc/supervisord.conf", "a/supervisord.conf"},
	} {
		if got, want := SearchPaths(argv0), append(first, rest...); !slices.Equal(got, want) {
			t.Errorf("SearchPaths(%s) = %q, want %q", argv0, got, want)
		}
	}
}

func TestParseSignal(t *testing.T) {
	for _, tc := range []struct {
		in   rpcinterface.Value
		want int
		err  string
	}{
		{rpcinterface.String(" hup "), 1, ""},
		{rpcinterface.String("usr1"), 10, ""},
		{rpcinterface.String("SIGHUP"), 1, ""},
		{rpcinterface.String("1"), 1, ""},
		{rpcinterface.Int(1), 1, ""},
		{rpcinterface.Bool(true), 1, ""},
		{rpcinterface.Double(1), 1, ""},
		{rpcinterface.Int(0), 0, ""},
		{rpcinterface.String("RTMIN"), 34, ""},
		{rpcinterface.String("SIG_DFL"), 0, ""},
		{rpcinterface.String("NOPE"), 0, "value 'NOPE' is not a valid signal name"},
		{rpcinterface.Int(33), 0, "value 33 is not a valid signal number"},
		{nil, 0, "value 'None' is not a valid signal name"},
	} {
		if got, err := ParseSignal(tc.in); got != tc.want || errText(err) != tc.err {
			t.Errorf("ParseSignal(%v) = %d, %v; want %d, %q", tc.in, got, err, tc.want, tc.err)
		}
	}
}

func TestFlagTypes(t *testing.T) {
	env := testEnvironment(memFiles{})
	try := func(v any, err error) string {
		if err != nil {
			return err.Error()
		}
		return fmt.Sprint(v)
	}
	for _, tc := range []struct{ name, got, want string }{
		{"bytes", try(ParseByteSize("2kB")), "2048"},
		{"bytes", try(ParseByteSize("2K")), "invalid literal for int() with base 10: '2k'"},
		{"octal", try(ParseOctal("022")), "18"},
		{"octal", try(ParseOctal("9")), "9 can not be converted to an octal type"},
		{"boolean", try(ParseBoolean("ON")), "true"},
		{"level", try(ParseLogLevel("Debug")), "DEBG"},
		{"level", try(ParseLogLevel("debg")), "bad logging level name 'debg'"},
		{"directory", try(ParseExistingDirectory(env, "~root")), "/root"},
		{"directory", try(ParseExistingDirectory(env, "~")), "~ is not an existing directory"},
		{"path", try(ParseExistingDirpath(env, "x")), "x"},
		{"path", try(ParseExistingDirpath(env, "/no/x")), "The directory named as part of the path /no/x does not exist"},
		{"user", try(ParseUser(env, "nobody")), "{65534 65534 /nonexistent}"},
		{"user", try(ParseUser(env, "54321")), "Invalid user id 54321"},
		{"user", try(ParseUser(env, "x")), "Invalid user name x"},
		{"normalize", NormalizePath(env, "~/../x/./y"), "/home/x/y"},
		{"normalize", NormalizePath(env, "a//b"), "/a/b"},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, tc.got, tc.want)
		}
	}
	env.Environ = nil
	if got := NormalizePath(env, "~/x"); got != "/root/x" {
		t.Errorf("without HOME: %s", got)
	}
}

func TestSystemEnvironment(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("CONFIG_TEST", "v")
	file := filepath.Join(dir, "s.conf")
	if err := os.WriteFile(file, []byte("[supervisord]\nidentifier=%(ENV_CONFIG_TEST)s\nenvironment=H=\"%(host_node_name)s\"\nuser=root\n[include]\nfiles=*.inc\n[unix_http_server]\nfile=s\nchown=0:0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.inc"), []byte("[program:x]\ncommand=c\nuser=0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := Load(file, SystemEnvironment())
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if c.Supervisord.Identifier != "v" || c.Supervisord.Environment[0].Value != host || c.Supervisord.ChildLogDir != dir || c.Here != dir {
		t.Errorf("%+v", c)
	}
	if len(c.Groups) != 1 || *c.Groups[0].Processes[0].UID != 0 || c.Servers[0].ChownGID != 0 || c.Servers[0].File != wd+"/s" {
		t.Errorf("%+v %+v", c.Groups, c.Servers)
	}
	left, err := filepath.Glob(dir + "/*")
	if err != nil || len(left) != 2 {
		t.Errorf("files left: %q, %v", left, err)
	}
}

func BenchmarkParseProgram(b *testing.B) {
	env := testEnvironment(nil)
	for i := range 100 {
		env.Environ = append(env.Environ, fmt.Sprintf("VAR%d=x", i))
	}
	options := []Option{{"command", rpcinterface.String("/bin/cat %(program_name)s")}, {"autostart", rpcinterface.String("false")}}
	for b.Loop() {
		if _, err := ParseProgram(env, ProgramContext{Here: "/d", File: "/d/s"}, "g", "x", options); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	var text strings.Builder
	text.WriteString(minimal)
	for i := range 10000 {
		fmt.Fprintf(&text, "[program:p%d]\ncommand=/bin/cat %%(process_num)d\nautostart=false\n", i)
	}
	files := memFiles{"/d/s.conf": text.String()}
	for b.Loop() {
		if _, err := Load("/d/s.conf", testEnvironment(files)); err != nil {
			b.Fatal(err)
		}
	}
}

// A FastCGI program keeps its socket only in a group of its own; as a member of a
// [group:x] it is a plain program, as in the reference.
func TestProgramKinds(t *testing.T) {
	cfg, err := load(t, `[supervisord]
[eventlistener:el]
command=x
events=TICK_5
[fcgi-program:f]
command=x
socket=tcp://localhost:9000
[fcgi-program:member]
command=x
socket=tcp://localhost:9001
[group:g]
programs=member
`)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]core.ProgramKind{}
	for _, g := range cfg.Groups {
		for _, p := range g.Processes {
			got[p.Name] = p.Kind
		}
	}
	want := map[string]core.ProgramKind{"el": core.EventListener, "f": core.FastCGIProgram, "member": core.PlainProgram}
	if !maps.Equal(got, want) {
		t.Errorf("kinds are %v, want %v", got, want)
	}
}
