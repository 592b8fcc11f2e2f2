package twiddler_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/plugvisor/plugvisor/plugins/twiddler"
	"github.com/plugvisor/plugvisor/sdk"
	"github.com/plugvisor/plugvisor/sdk/sdktest"
)

func fault(code int, detail ...string) *sdk.Fault { return sdk.NewFault(code, detail...) }

// wantAsked compares the verbs that the host was asked for since the last look.
func wantAsked(t *testing.T, host *sdktest.Host, from *int, want ...sdktest.Ask) {
	t.Helper()
	all := host.Asked()
	got := all[*from:]
	*from = len(all)
	if len(got) != len(want) {
		t.Errorf("asked %v, want %v", got, want)
		return
	}
	for i := range want {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("asked %v, want %v", got[i], want[i])
		}
	}
}

func ask(verb string, args ...any) sdktest.Ask { return sdktest.Ask{Verb: verb, Args: args} }

func published(action, group, program string, detail ...string) sdktest.Ask {
	text := "action:" + action + " group:" + group + " program:" + program
	return ask("Publish", "twiddler", strings.Join(append([]string{text}, detail...), "\n"))
}

// wantIncorrect calls a method with parameters of types that it does not take.
func wantIncorrect(t *testing.T, ns *sdktest.Namespace, method string, params ...any) {
	t.Helper()
	if v, err := ns.Call(method, params...); err == nil || sdk.AsFault(err).Code != sdk.CodeIncorrectParameters {
		t.Errorf("%s%v: %v, %v", method, params, v, err)
	}
}

// updated is an update's result for one process.
type updated struct {
	Name    string
	Changed []string
	How     string
	Reason  string
}

func TestExtensionVersion(t *testing.T) {
	_, ns := start(t, nil)
	ns.Want("getExtensionVersion", "2.0")
	ns.Want("getAPIVersion", "1.0")
}

func TestGroups(t *testing.T) {
	host, ns := start(t, nil, "g")
	from := 0
	ns.Want("addGroup", true, "batch")
	wantAsked(t, host, &from, ask("AddGroup", sdk.GroupInfo{Name: "batch", Priority: 999}), published("addGroup", "batch", ""))
	for i, priority := range []any{5, "5", " 5 "} {
		name := fmt.Sprint("p", i)
		if priority == " 5 " {
			ns.WantFault("addGroup", fault(sdk.CodeIncorrectParameters, "priority is no number:  5 "), name, map[string]any{"priority": priority})
			continue
		}
		ns.Want("addGroup", true, name, map[string]any{"Priority": priority})
		asked := host.Asked("AddGroup")
		if got := asked[len(asked)-1].Args[0]; got != (sdk.GroupInfo{Name: name, Priority: 5}) {
			t.Errorf("asked for %v", got)
		}
	}
	ns.WantFault("addGroup", fault(sdk.CodeIncorrectParameters, "a group has no option programs"), "x", map[string]any{"programs": "a"})
	for _, name := range []string{"", "a b", "a:b", "a/b", "[a]", "a\nb", " a", "a;b", "a#b"} {
		ns.WantFault("addGroup", badName(name), name)
		ns.WantFault("addProgram", badName(name), name, program)
	}
	ns.WantFault("addGroup", fault(sdk.CodeAlreadyAdded, "g"), "g")
	ns.WantFault("addGroup", incorrect)
	wantIncorrect(t, ns, "addGroup", "x", "y")

	ns.Want("removeGroup", true, "batch")
	ns.WantFault("removeGroup", badName("batch"), "batch")
	host.SetProcess(sdk.ProcessInfo{Group: "g", Name: "p", State: sdk.ProcessRunning})
	ns.WantFault("removeGroup", fault(sdk.CodeStillRunning, "g"), "g")
}

func TestPrograms(t *testing.T) {
	host, ns := start(t, nil, "g")
	from := 0
	ns.Want("addProgram", true, "a", program)
	wantAsked(t, host, &from, ask("AddPrograms", []sdk.NewProgram{{Program: "a", Options: program}}), published("addProgram", "a", "a"))
	ns.WantFault("addProgram", fault(sdk.CodeAlreadyAdded, "a"), "a", program)
	ns.WantFault("addProgram", incorrect, "b")
	wantIncorrect(t, ns, "addProgram", "b", "no struct")
	ns.Want("getProgramOptions", map[string]string{"command": "/bin/cat", "startsecs": "2"}, "a", "a")
	ns.WantFault("getProgramOptions", noGroup, "zz", "a")
	ns.WantFault("getProgramOptions", badName("b"), "a", "b")

	from = len(host.Asked())
	list := []any{
		map[string]any{"name": "c", "options": program},
		map[string]any{"group": "g", "name": "d", "options": program},
	}
	ns.Want("addPrograms", true, list)
	wantAsked(t, host, &from,
		ask("AddPrograms", []sdk.NewProgram{{Program: "c", Options: program}, {Group: "g", Program: "d", Options: program}}),
		published("addPrograms", "", "", "c g:d"))
	ns.Want("addPrograms", true, []any{})
	ns.WantFault("addPrograms", badName("e f"), []any{map[string]any{"name": "ok", "options": program}, map[string]any{"name": "e f", "options": program}})
	ns.WantFault("addPrograms", noGroup, []any{map[string]any{"name": "ok", "options": program}, map[string]any{"group": "zz", "name": "x", "options": program}})
	ns.WantFault("getProgramOptions", fault(sdk.CodeBadName, "group: ok"), "ok", "ok")
	for _, wrong := range []any{"x", 5, []any{"x"}, []any{map[string]any{"options": program}}, []any{map[string]any{"name": "x", "options": 5}},
		[]any{map[string]any{"name": "x", "options": program, "colour": 1}}} {
		wantIncorrect(t, ns, "addPrograms", wrong)
	}

	host.SetProcess(sdk.ProcessInfo{Group: "a", Name: "a", State: sdk.ProcessRunning})
	ns.WantFault("removeProgram", fault(sdk.CodeStillRunning, "a"), "a", "a")
	ns.WantFault("removeProgram", noGroup, "zz", "a")
	ns.WantFault("removeProgram", badName("b"), "a", "b")
	from = len(host.Asked())
	ns.Want("removeProgram", true, "a", "a", true)
	wantAsked(t, host, &from, ask("Program", "a", "a"), ask("StopProcess", "a", true), ask("RemoveProgram", "a", "a"),
		published("removeProgram", "a", "a"))
	ns.Want("removeProgram", true, "g", "d", true) // it does not run
	host.Refuse("StopProcess", fault(sdk.CodeFailed, "no"))
	ns.WantFault("removeProgram", &sdk.Fault{Code: sdk.CodeFailed, Message: "FAILED: no"}, "c", "c", true)
	ns.Want("getProgramOptions", map[string]string{"command": "/bin/cat", "startsecs": "2"}, "c", "c")
}

func TestUpdate(t *testing.T) {
	host, ns := start(t, nil, "g")
	ns.Want("addProgram", true, "a", program)
	from := len(host.Asked())
	set := map[string]any{"stopsignal": "KILL"}
	live := []updated{{"a", []string{"stopsignal"}, "live", ""}}
	ns.Want("updateProgram", live, "a", "a", set, "rolling", true)
	wantAsked(t, host, &from, ask("UpdateProgram", "a", "a", sdk.Struct{{Name: "stopsignal", Value: sdk.String("KILL")}}, sdk.UpdateRolling, true))
	ns.Want("updateProgram", live, "a", "a", set)
	wantAsked(t, host, &from, ask("UpdateProgram", "a", "a", sdk.Struct{{Name: "stopsignal", Value: sdk.String("KILL")}}, sdk.UpdateNow, false),
		published("updateProgram", "a", "a", "stopsignal a=live"))
	ns.Want("updateProgram", []updated{{"a", []string{}, "none", ""}}, "a", "a", set, "next")
	ns.Want("getProgramOptions", map[string]string{"command": "/bin/cat", "startsecs": "2", "stopsignal": "KILL"}, "a", "a")
	ns.WantFault("updateProgram", noGroup, "zz", "a", set)
	ns.WantFault("updateProgram", badName("b"), "a", "b", set)
	ns.WantFault("updateProgram", incorrect, "a", "a")
	refused := fault(sdk.CodeBadArguments, "strategy later: there are now, rolling and next")
	host.Refuse("UpdateProgram", refused)
	ns.WantFault("updateProgram", refused, "a", "a", set, "later")
}

func TestNumProcs(t *testing.T) {
	host, ns := start(t, nil, "g")
	ns.Want("addProgram", true, "a", program)
	from := len(host.Asked())
	ns.Want("setNumProcs", map[string]any{"added": []string{"a_1", "a_2"}, "removed": []string{}}, "a", "a", 3)
	wantAsked(t, host, &from, ask("SetNumProcs", "a", "a", 3), published("setNumProcs", "a", "a", "3"))
	ns.Want("setNumProcs", map[string]any{"added": []string{}, "removed": []string{"a_2", "a_1"}}, "a", "a", 1)
	ns.WantFault("setNumProcs", noGroup, "zz", "a", 1)
	ns.WantFault("setNumProcs", badName("b"), "a", "b", 1)
	wantIncorrect(t, ns, "setNumProcs", "a", "a", "3")
}

func TestChanges(t *testing.T) {
	host, ns := start(t, nil, "g")
	ns.Want("getChanges", []any{})
	ns.Caller.User = "anna"
	before := time.Now().Unix()
	ns.Want("addProgramToGroup", true, "g", "x", program)
	ns.Want("addProgram", true, "y", program)
	ns.WantFault("addProgram", fault(sdk.CodeAlreadyAdded, "y"), "y", program)
	ns.Want("updateProgram", []updated{{"y", []string{"environment"}, "live", ""}},
		"y", "y", map[string]any{"environment": `PASSWORD="secret"`})
	ns.Caller.User = ""
	ns.Want("removeProcessFromGroup", true, "g", "x")
	v, err := ns.Call("getChanges")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range v.(sdk.Array) {
		c := c.(sdk.Struct)
		at, _ := c.Get("time")
		if n := int64(at.(sdk.Int)); n < before || n > time.Now().Unix() {
			t.Errorf("a change of %v", n)
		}
		var words []string
		for _, name := range []string{"user", "action", "group", "program", "detail"} {
			text, _ := c.Get(name)
			words = append(words, string(text.(sdk.String)))
		}
		got = append(got, strings.Join(words, "|"))
	}
	want := []string{"anna|addProgramToGroup|g|x|", "anna|addProgram|y|y|", "anna|updateProgram|y|y|environment y=live", "|removeProcessFromGroup|g|x|"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("changes %q, want %q", got, want)
	}
	// Listeners hear of the new methods; those of the original are silent, as ever.
	if n := len(host.Asked("Publish")); n != 2 {
		t.Errorf("%d changes were published", n)
	}
}

// The last thousand changes are kept, the oldest first.
func TestChangesAreBounded(t *testing.T) {
	_, ns := start(t, nil)
	for i := range 1003 {
		ns.Want("addGroup", true, fmt.Sprint("g", i))
	}
	v, err := ns.Call("getChanges")
	if err != nil {
		t.Fatal(err)
	}
	list := v.(sdk.Array)
	if len(list) != 1000 {
		t.Fatalf("%d changes are kept", len(list))
	}
	for i, c := range list {
		if group, _ := c.(sdk.Struct).Get("group"); group != sdk.String(fmt.Sprint("g", i+3)) {
			t.Fatalf("change %d is of %v", i, group)
		}
	}
}

func TestWhitelistOfNewMethods(t *testing.T) {
	_, ns := start(t, sdktest.Options{"whitelist": "getChanges"}, "g")
	ns.Want("getChanges", []any{})
	for method, params := range map[string][]any{
		"addGroup": {"x"}, "removeGroup": {"g"}, "addProgram": {"x", program}, "addPrograms": {[]any{}}, "getProgramOptions": {"g", "p"},
		"updateProgram": {"g", "p", program}, "setNumProcs": {"g", "p", 2}, "removeProgram": {"g", "p"}, "getExtensionVersion": {},
	} {
		ns.WantFault(method, &sdk.Fault{Code: 230, Message: "UNKNOWN: " + method}, params...)
	}
}

// Each command calls a method that there is, with no more arguments than it takes.
func TestCommands(t *testing.T) {
	_, ns := start(t, nil)
	d := ns.Describe()
	methods := map[string][]string{}
	for _, m := range d.Methods {
		methods[m.Name] = m.Signature
	}
	if len(d.Commands) != 10 {
		t.Errorf("%d commands", len(d.Commands))
	}
	for _, c := range d.Commands {
		signature := methods[c.Method]
		if signature == nil || len(c.Arguments) >= len(signature) {
			t.Errorf("%s calls %s, which is %v, with %d arguments", c.Name, c.Method, signature, len(c.Arguments))
		}
	}
}

const (
	oldText = "; old\n"
	newText = "; new\n"
)

// persist starts the plugin with a file, which has the text unless that is "".
func persist(t *testing.T, text string) (*sdktest.Host, *sdktest.Namespace, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dynamic.conf")
	if text != "" {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	host := sdktest.NewHost("g")
	return host, sdktest.Start(t, twiddler.Plugin(), host, sdktest.Options{"persist": path}), path
}

// wantFiles says what the directory of the file has.
func wantFiles(t *testing.T, path string, want map[string]string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(filepath.Dir(path), e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		name := e.Name()
		if i := strings.Index(name, ".damaged-"); i >= 0 {
			name = name[:i] + ".damaged"
		}
		got[name] = string(data)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("there are %q, want %q", got, want)
	}
}

// Each change asks the host for what is to be written, and replaces the file with it.
func TestPersist(t *testing.T) {
	host, ns, path := persist(t, oldText)
	if got := host.Asked("RestorePrograms"); !reflect.DeepEqual(got, []sdktest.Ask{ask("RestorePrograms", path, oldText)}) {
		t.Errorf("asked %v", got)
	}
	wantFiles(t, path, map[string]string{"dynamic.conf": oldText})
	steps := 0
	change := func(method string, params ...any) {
		t.Helper()
		steps++
		text := fmt.Sprintf("; %s %d\n", method, steps)
		host.SetPersisted(text)
		if _, err := ns.Call(method, params...); err != nil {
			t.Errorf("%s: %v", method, err)
		}
		wantFiles(t, path, map[string]string{"dynamic.conf": text})
	}
	change("addGroup", "batch")
	change("addProgram", "a", program)
	change("addProgramToGroup", "g", "b", program)
	change("addPrograms", []any{map[string]any{"name": "c", "options": program}})
	for _, a := range host.Asked("AddPrograms") {
		for _, p := range a.Args[0].([]sdk.NewProgram) {
			if !p.Persisted {
				t.Errorf("%s is not persisted", p.Program)
			}
		}
	}
	if got := host.Asked("AddPersistedGroup"); len(got) != 1 || len(host.Asked("AddGroup", "AddProgram")) != 0 {
		t.Errorf("asked %v", host.Asked())
	}
	change("setNumProcs", "a", "a", 3)
	change("updateProgram", "a", "a", map[string]any{"priority": 3})
	change("removeProgram", "g", "b")
	change("removeProcessFromGroup", "c", "c")
	change("removeGroup", "batch")
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("the file has mode %v, %v: it may hold passwords", info.Mode(), err)
	}

	// What changes nothing writes nothing.
	host.SetPersisted("; never\n")
	ns.WantFault("addProgram", fault(sdk.CodeAlreadyAdded, "a"), "a", program)
	if _, err := ns.Call("updateProgram", "a", "a", program, "now", true); err != nil {
		t.Error(err)
	}
	wantFiles(t, path, map[string]string{"dynamic.conf": fmt.Sprintf("; removeGroup %d\n", steps)})

	// A program of the file's can't be changed so that it would last.
	host.SetPersisted(newText)
	other := sdktest.NewHost("g")
	dir := t.TempDir()
	ns = sdktest.Start(t, twiddler.Plugin(), other, sdktest.Options{"persist": dir + "/f"})
	if err := other.AddPrograms(t.Context(), []sdk.NewProgram{{Group: "g", Program: "p", Options: program}}); err != nil {
		t.Fatal(err)
	}
	want := &sdk.Fault{Code: sdk.CodeFailed, Message: "FAILED: program p of group g does not stand in " + dir + "/f, so the change would not last: make it in the configuration file"}
	ns.WantFault("updateProgram", want, "g", "p", program)
	ns.WantFault("setNumProcs", want, "g", "p", 2)
	ns.WantFault("removeProgram", want, "g", "p")
}

func TestPersistRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o700); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"relative.conf": "persist: relative.conf is not an absolute path",
		dir + "/d":      "persist: cannot read what is persisted: ",
	} {
		_, err := sdktest.Configure(t, twiddler.Plugin(), sdktest.NewHost(), sdktest.Options{"persist": path})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	host := sdktest.NewHost()
	host.Refuse("RestorePrograms", fault(sdk.CodeBadArguments, "it is included"))
	_, err := sdktest.Configure(t, twiddler.Plugin(), host, sdktest.Options{"persist": dir + "/f"})
	if err == nil || !strings.Contains(err.Error(), "BAD_ARGUMENTS: it is included") {
		t.Errorf("included: %v", err)
	}
	wantFiles(t, filepath.Join(dir, "d", "x"), map[string]string{})
}

// Where the file cannot be written nothing is changed; where that shows only after
// the change, the fault says so, and the next change writes both.
func TestPersistCannotWrite(t *testing.T) {
	host, ns, path := persist(t, oldText)
	// Not a matter of modes, which do not bind root: a directory stands where the
	// new file is to be made.
	inTheWay := path + ".new"
	if err := os.Mkdir(inTheWay, 0o700); err != nil {
		t.Fatal(err)
	}
	host.SetPersisted(newText)
	_, err := ns.Call("addProgram", "a", program)
	if f := sdk.AsFault(err); f == nil || f.Code != sdk.CodeFailed || !strings.HasPrefix(f.Message, "FAILED: nothing was changed: cannot write "+path) {
		t.Errorf("error is %v", err)
	}
	if got := host.Asked("AddPrograms", "Publish"); len(got) != 0 {
		t.Errorf("asked %v", got)
	}
	ns.Want("getChanges", []any{})
	if err := os.Remove(inTheWay); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, path, map[string]string{"dynamic.conf": oldText})

	// A link that leads elsewhere is not written through.
	elsewhere := filepath.Join(t.TempDir(), "precious")
	if err := errors.Join(os.WriteFile(elsewhere, []byte("precious"), 0o600), os.Symlink(elsewhere, inTheWay)); err != nil {
		t.Fatal(err)
	}
	if _, err := ns.Call("addProgram", "a", program); err == nil {
		t.Error("a link was written through")
	}
	if data, err := os.ReadFile(elsewhere); err != nil || string(data) != "precious" {
		t.Errorf("the link's end has %q, %v", data, err)
	}
	if err := os.Remove(inTheWay); err != nil {
		t.Fatal(err)
	}

	host.Refuse("PersistedPrograms", fault(sdk.CodeFailed, "gone"))
	_, err = ns.Call("addProgram", "a", program)
	if f := sdk.AsFault(err); f == nil || f.Code != sdk.CodeFailed || !strings.HasPrefix(f.Message, "FAILED: it was changed, and lasts until supervisord ends: ") {
		t.Errorf("error is %v", err)
	}
	host.Refuse("PersistedPrograms", nil)
	if v, err := ns.Call("getChanges"); err != nil || len(v.(sdk.Array)) != 1 {
		t.Errorf("changes %v, %v", v, err)
	}
	ns.Want("addProgram", true, "b", program)
	wantFiles(t, path, map[string]string{"dynamic.conf": newText})
}

// What is left of a write that was cut off does no harm and goes.
func TestPersistLeftover(t *testing.T) {
	for name, text := range map[string]string{"no file yet": "", "a file": oldText} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "dynamic.conf")
			want := map[string]string{}
			if text != "" {
				want["dynamic.conf"] = text
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(path+".new", []byte("half of a chan"), 0o600); err != nil {
				t.Fatal(err)
			}
			host := sdktest.NewHost()
			ns := sdktest.Start(t, twiddler.Plugin(), host, sdktest.Options{"persist": path})
			wantFiles(t, path, want)
			if err := os.WriteFile(path+".new", []byte(strings.Repeat("longer than what is to be written", 100)), 0o600); err != nil {
				t.Fatal(err)
			}
			host.SetPersisted(newText)
			ns.Want("addProgram", true, "a", program)
			wantFiles(t, path, map[string]string{"dynamic.conf": newText})
		})
	}
}

// A damaged file is set aside as it is, the log says so, and a new one is begun.
func TestPersistDamaged(t *testing.T) {
	host, ns, path := persist(t, "damaged\n")
	wantFiles(t, path, map[string]string{"dynamic.conf.damaged": "damaged\n"})
	logged := host.Asked("Log")
	if len(logged) != 1 || logged[0].Args[0] != sdk.LevelErro {
		t.Fatalf("logged %v", logged)
	}
	line := logged[0].Args[1].(string)
	if !strings.HasPrefix(line, path+" is damaged and was set aside as "+path+".damaged-") || !strings.Contains(line, "nothing of it was taken in: CANT_REREAD") {
		t.Errorf("logged %q", line)
	}
	host.SetPersisted(newText)
	ns.Want("addProgram", true, "a", program)
	wantFiles(t, path, map[string]string{"dynamic.conf.damaged": "damaged\n", "dynamic.conf": newText})
}
