package config

import (
	"embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"path"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// testdata holds what Supervisor 4.4 (abc60468, Python 3.11) answered to the same
// input, with /d for its directory: loads.json for files, groups.json for files
// whose event listeners and FastCGI programs count, programs.json for programs
// added at run time, base.json the process of command=/bin/cat, of which
// the others give the differences.
//
//go:embed testdata/*.json
var testdata embed.FS

func golden(t *testing.T, name string, into any) {
	t.Helper()
	text, err := testdata.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

// memFiles are files in memory, by clean absolute path.
type memFiles map[string]string

func (m memFiles) IsDir(p string) bool {
	p = path.Clean(p)
	for _, dir := range []string{"/", "/d", "/tmp", "/dev", "/root"} {
		if p == dir {
			return true
		}
	}
	for name := range m {
		if strings.HasPrefix(name, p+"/") {
			return true
		}
	}
	return false
}

func (m memFiles) Exists(p string) bool {
	_, ok := m[path.Clean(p)]
	return ok || m.IsDir(p)
}

func (m memFiles) Read(p string) ([]byte, error) {
	text, ok := m[path.Clean(p)]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return []byte(text), nil
}

func (m memFiles) List(dir string) ([]string, error) {
	seen := map[string]bool{}
	for name := range m {
		if rest, ok := strings.CutPrefix(name, path.Clean(dir)+"/"); ok {
			name, _, _ := strings.Cut(rest, "/")
			seen[name] = true
		}
	}
	var out []string
	for name := range maps.Keys(seen) {
		out = append(out, name)
	}
	return out, nil
}

// memUsers are root and nobody.
type memUsers struct{}

func (memUsers) User(name string) (Account, bool) {
	switch name {
	case "root":
		return Account{UID: 0, GID: 0, Home: "/root"}, true
	case "daemon":
		return Account{UID: 1, GID: 1, Home: "/usr/sbin"}, true
	case "bin":
		return Account{UID: 2, GID: 2, Home: "/bin"}, true
	case "man":
		return Account{UID: 6, GID: 12, Home: "/var/cache/man"}, true
	case "nobody":
		return Account{UID: 65534, GID: 65534, Home: "/nonexistent"}, true
	}
	return Account{}, false
}

func (u memUsers) UserID(uid int) (Account, bool) {
	for _, name := range []string{"root", "daemon", "bin", "nobody"} {
		if a, _ := u.User(name); a.UID == uid {
			return a, true
		}
	}
	return Account{UID: uid}, uid == 9 || uid == 10
}

func (memUsers) Group(name string) (int, bool) {
	if name == "nogroup" {
		return 65534, true
	}
	return 0, name == "root"
}

func (memUsers) GroupID(gid int) bool { return gid == 0 || gid == 65534 }

func testEnvironment(files memFiles) *Environment {
	return &Environment{
		Environ:    []string{"HOME=/home/u", "PATH=/bin", "EXV=ex-val", "EXN=7", "PCT=50%", "EMPTY="},
		HostName:   "host.example",
		TempDir:    "/tmp",
		WorkingDir: "/",
		Users:      memUsers{},
		Files:      files,
	}
}

// plainJSON gives a value as it reads back from JSON, with exact numbers.
func plainJSON(t *testing.T, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	var out any
	if err := d.Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

func logJSON(l core.LogSpec) []any {
	file := l.File.Path
	switch l.File.Kind {
	case core.LogAuto:
		file = "AUTO"
	case core.LogNone:
		file = "NONE"
	}
	return []any{file, l.MaxBytes, l.Backups, l.CaptureMaxBytes, l.EventsEnabled, l.Syslog}
}

func envJSON(vars []core.EnvVar) [][]string {
	out := [][]string{}
	for _, v := range vars {
		out = append(out, []string{v.Name, v.Value})
	}
	return out
}

func processJSON(p *core.ProcessSpec) map[string]any {
	codes := p.ExitCodes
	if codes == nil {
		codes = []int{}
	}
	return map[string]any{
		"name": p.Name, "priority": p.Priority, "autostart": p.Autostart, "startsecs": p.StartSecs,
		"startretries": p.StartRetries, "stopsignal": p.StopSignal, "stopwaitsecs": p.StopWaitSecs,
		"stopasgroup": p.StopAsGroup, "killasgroup": p.KillAsGroup, "exitcodes": codes,
		"redirect_stderr": p.RedirectStderr, "uid": p.UID, "umask": p.Umask, "command": p.Command,
		"directory": p.Directory, "autorestart": []string{"never", "unexpected", "always"}[p.Autorestart],
		"stdout": logJSON(p.Stdout), "stderr": logJSON(p.Stderr), "environment": envJSON(p.Environment),
		"serverurl": p.ServerURL,
	}
}

// deltas gives what each process has different from base.
func deltas(t *testing.T, base map[string]any, processes []*core.ProcessSpec) []any {
	out := []any{}
	for _, p := range processes {
		full := plainJSON(t, processJSON(p)).(map[string]any)
		for k, v := range full {
			if reflect.DeepEqual(v, base[k]) {
				delete(full, k)
			}
		}
		out = append(out, full)
	}
	return out
}

func baseProcess(t *testing.T) map[string]any {
	var raw json.RawMessage
	golden(t, "base.json", &raw)
	return plainJSON(t, raw).(map[string]any)
}

func configJSON(t *testing.T, base map[string]any, c *Config) map[string]any {
	s := c.Supervisord
	servers, groups, extensions := []any{}, []any{}, []any{}
	for _, v := range c.Servers {
		if v.Unix {
			servers = append(servers, []any{v.Section, v.File, v.Mode, v.ChownUID, v.ChownGID, v.Username, v.Password})
		} else {
			servers = append(servers, []any{v.Section, v.Host, v.Port, v.Username, v.Password})
		}
	}
	for _, g := range c.Groups {
		groups = append(groups, groupJSON(t, base, g))
	}
	for _, e := range c.Extensions {
		options := [][]string{}
		for _, o := range e.Options {
			options = append(options, []string{o.Name, o.Value})
		}
		extensions = append(extensions, []any{e.Name, e.Factory, options})
	}
	return plainJSON(t, map[string]any{
		"supervisord": map[string]any{
			"minfds": s.MinFDs, "minprocs": s.MinProcs, "directory": s.Directory, "user": s.User, "umask": s.Umask,
			"logfile": s.Logfile, "logfile_maxbytes": s.LogfileMaxBytes, "logfile_backups": s.LogfileBackups,
			"loglevel": s.LogLevel, "pidfile": s.Pidfile, "identifier": s.Identifier, "nodaemon": s.NoDaemon,
			"silent": s.Silent, "childlogdir": s.ChildLogDir, "nocleanup": s.NoCleanup, "strip_ansi": s.StripANSI,
			"environment": envJSON(s.Environment),
		},
		"servers": servers, "groups": groups, "extensions": extensions,
		"warnings": append([]string{}, c.Warnings...), "infos": append([]string{}, c.Infos...),
	}).(map[string]any)
}

func groupJSON(t *testing.T, base map[string]any, g *core.GroupSpec) []any {
	row := []any{g.Name, g.Priority, deltas(t, base, g.Processes)}
	if l := g.Listener; l != nil {
		names := []string{}
		for _, e := range l.Events {
			names = append(names, e.String())
		}
		row = append(row, map[string]any{"buffer_size": l.BufferSize, "events": names})
	}
	if s := g.FastCGI; s != nil {
		var addr any = s.Path
		if s.Path == "" {
			addr = []any{s.Host, s.Port}
		}
		row = append(row, map[string]any{
			"url": s.URL, "addr": addr, "mode": s.Mode, "owner": []int{s.OwnerUID, s.OwnerGID}, "backlog": s.Backlog,
		})
	}
	return row
}

func TestLoadAsReference(t *testing.T) { compareLoads(t, "loads.json") }

func TestGroupsAsReference(t *testing.T) { compareLoads(t, "groups.json") }

// compareLoads loads files and compares what the recorded answers have.
func compareLoads(t *testing.T, recorded string) {
	base := baseProcess(t)
	var cases []struct {
		Name  string
		Files map[string]string
		Want  json.RawMessage
	}
	golden(t, recorded, &cases)
	for _, tc := range cases {
		t.Run(tc.Name, func(t *testing.T) {
			files := memFiles{}
			for name, text := range tc.Files {
				if code, ok := strings.CutPrefix(text, "base64:"); ok {
					raw, err := base64.StdEncoding.DecodeString(code)
					if err != nil {
						t.Fatal(err)
					}
					text = string(raw)
				}
				if strings.HasSuffix(name, "/") {
					name += "hidden/below" // so that there is the directory
				}
				files["/d/"+name] = strings.ReplaceAll(text, "@D@", "/d")
			}
			var got map[string]any
			cfg, err := Load("/d/supervisord.conf", testEnvironment(files))
			if err != nil {
				got = map[string]any{"error": err.Error()}
			} else {
				// The reference has no warnings of unknown options.
				var warnings []string
				for _, w := range cfg.Warnings {
					if !strings.HasPrefix(w, "Unknown option ") {
						warnings = append(warnings, w)
					}
				}
				cfg.Warnings = warnings
				got = configJSON(t, base, cfg)
			}
			want := plainJSON(t, tc.Want).(map[string]any)
			maps.DeleteFunc(got, func(key string, _ any) bool { return want[key] == nil && key != "error" })
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
		})
	}
}

// taggedValue is a value as programs.json has it.
type taggedValue struct {
	Nil    bool
	Bool   *bool
	Int    *int64
	Double *string
	String *string
	Array  *[]taggedValue
	Struct *[][2]json.RawMessage
	Time   *string
}

func (v taggedValue) value(t *testing.T) rpcinterface.Value {
	t.Helper()
	switch {
	case v.Bool != nil:
		return rpcinterface.Bool(*v.Bool)
	case v.Int != nil:
		return rpcinterface.Int(*v.Int)
	case v.String != nil:
		return rpcinterface.String(*v.String)
	case v.Double != nil:
		x, err := strconv.ParseFloat(*v.Double, 64)
		if err != nil {
			t.Fatal(err)
		}
		return rpcinterface.Double(x)
	case v.Time != nil:
		at, err := time.Parse("2006-01-02T15:04:05", *v.Time)
		if err != nil {
			t.Fatal(err)
		}
		return rpcinterface.Time(at)
	case v.Array != nil:
		out := rpcinterface.Array{}
		for _, e := range *v.Array {
			out = append(out, e.value(t))
		}
		return out
	case v.Struct != nil:
		out := rpcinterface.Struct{}
		for _, m := range *v.Struct {
			var name string
			var member taggedValue
			if err := errors.Join(json.Unmarshal(m[0], &name), json.Unmarshal(m[1], &member)); err != nil {
				t.Fatal(err)
			}
			out = append(out, rpcinterface.Member{Name: name, Value: member.value(t)})
		}
		return out
	}
	return rpcinterface.Nil{}
}

func TestParseProgramAsReference(t *testing.T) {
	base := baseProcess(t)
	var cases []struct {
		Name    string
		Options [][2]json.RawMessage
		Want    json.RawMessage
	}
	golden(t, "programs.json", &cases)
	env := testEnvironment(nil)
	env.extend([]core.EnvVar{{Name: "SUP", Value: "sup"}})
	parse := func(name string, options []Option) map[string]any {
		processes, err := ParseProgram(env, ProgramContext{Here: "/d", File: "/d/supervisord.conf"}, "g", name, options)
		var fault *rpcinterface.Fault
		switch {
		case errors.As(err, &fault):
			return map[string]any{"fault": fault.Message}
		case err != nil:
			return map[string]any{"error": err.Error()}
		}
		return map[string]any{"processes": deltas(t, base, processes)}
	}
	for _, tc := range cases {
		var options, texts []Option
		for _, o := range tc.Options {
			var name string
			var tagged taggedValue
			if err := errors.Join(json.Unmarshal(o[0], &name), json.Unmarshal(o[1], &tagged)); err != nil {
				t.Fatal(err)
			}
			v := tagged.value(t)
			options = append(options, Option{name, v})
			texts = append(texts, Option{name, rpcinterface.String(textOf(v))})
		}
		got := parse(tc.Name, options)
		want := plainJSON(t, tc.Want).(map[string]any)
		if _, broken := want["broken"]; broken {
			want = parse(tc.Name, texts)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s %s:\ngot  %v\nwant %v", tc.Name, tc.Options, got, want)
		}
	}
}
