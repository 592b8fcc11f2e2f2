package twiddler_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/plugvisor/plugvisor/plugins/twiddler"
	"github.com/plugvisor/plugvisor/sdk"
	"github.com/plugvisor/plugvisor/sdk/sdktest"
)

var (
	incorrect = sdk.NewFault(sdk.CodeIncorrectParameters)
	noGroup   = sdk.NewFault(sdk.CodeBadName, "group: zz")
	program   = sdk.Struct{{Name: "command", Value: sdk.String("/bin/cat")}, {Name: "startsecs", Value: sdk.Int(2)}}
)

func start(t *testing.T, options sdktest.Options, groups ...string) (*sdktest.Host, *sdktest.Namespace) {
	host := sdktest.NewHost(groups...)
	return host, sdktest.Start(t, twiddler.Plugin(), host, options)
}

func badName(name string) *sdk.Fault { return sdk.NewFault(sdk.CodeBadName, name) }

func TestDescribe(t *testing.T) {
	_, ns := start(t, nil)
	d := ns.Describe()
	signatures := map[string][]string{}
	for _, m := range d.Methods {
		signatures[m.Name] = m.Signature
		if !strings.Contains(m.Help, "@return") {
			t.Errorf("%s has the help text %q", m.Name, m.Help)
		}
	}
	want := map[string][]string{
		"addGroup":               {"boolean", "string", "struct"},
		"addProgram":             {"boolean", "string", "struct"},
		"addProgramToGroup":      {"boolean", "string", "string", "struct"},
		"addPrograms":            {"boolean", "array"},
		"getAPIVersion":          {"int"},
		"getChanges":             {"array"},
		"getExtensionVersion":    {"string"},
		"getGroupNames":          {"array"},
		"getProgramOptions":      {"struct", "string", "string"},
		"log":                    {"boolean", "string", "string|int"},
		"removeGroup":            {"boolean", "string"},
		"removeProcessFromGroup": {"boolean", "string", "string"},
		"removeProgram":          {"boolean", "string", "string", "boolean"},
		"setNumProcs":            {"struct", "string", "string", "int"},
		"updateProgram":          {"array", "string", "string", "struct", "string", "boolean"},
	}
	if !reflect.DeepEqual(signatures, want) {
		t.Errorf("signatures %v", signatures)
	}
	if want := []string{"stdin_write_handler"}; !reflect.DeepEqual(d.ResultHandlers, want) {
		t.Errorf("result handlers %v", d.ResultHandlers)
	}
}

func TestReads(t *testing.T) {
	host, ns := start(t, nil, "web", "app", "batch")
	ns.Want("getAPIVersion", "1.0")
	ns.WantFault("getAPIVersion", incorrect, 1)
	ns.Want("getGroupNames", []string{"web", "app", "batch"})
	ns.WantFault("getGroupNames", incorrect, "x")
	ns.WantFault("nope", sdk.NewFault(sdk.CodeUnknownMethod))
	host.Refuse("Groups", errors.New("gone"))
	ns.WantFault("getGroupNames", &sdk.Fault{Code: sdk.CodeFailed, Message: "FAILED: gone"})
	_, empty := start(t, nil)
	empty.Want("getGroupNames", []string{})
}

func TestLog(t *testing.T) {
	host, ns := start(t, nil)
	ns.Want("log", true, "default")
	names := map[string]sdk.LogLevel{
		"CRIT": sdk.LevelCrit, "erro": sdk.LevelErro, "Warn": sdk.LevelWarn, "INFO": sdk.LevelInfo,
		"dEbG": sdk.LevelDebg, "trac": sdk.LevelTrac, "blat": sdk.LevelBlat,
	}
	want := []sdktest.Ask{{Verb: "Log", Args: []any{sdk.LevelInfo, "default"}}}
	for name, level := range names {
		for _, l := range []any{name, []byte(name), int(level), float64(level)} {
			ns.Want("log", true, "m", l)
			want = append(want, sdktest.Ask{Verb: "Log", Args: []any{level, "m"}})
		}
	}
	if got := host.Asked(); !reflect.DeepEqual(got, want) {
		t.Errorf("asked %v\nwant %v", got, want)
	}
	for _, level := range []any{
		"error", "critical", "debug", "warning", "bogus", "", "20", 0, 25, 9999, -1, 5.5, 1e300, nil, true,
		[]int{}, map[string]int{}, "__module__", time.Unix(0, 0),
	} {
		ns.WantFault("log", incorrect, "m", level)
	}
	ns.WantFault("log", incorrect)
	ns.WantFault("log", incorrect, "a", "info", "x")
}

func TestLogOfWhatIsNoText(t *testing.T) {
	host, ns := start(t, nil)
	for _, message := range []any{5, nil, true, 2.5, []string{"x"}, map[string]int{}, time.Unix(0, 0)} {
		ns.Want("log", true, message)
		ns.WantFault("log", incorrect, message, "loud")
	}
	if got := host.Asked(); len(got) != 0 {
		t.Errorf("asked %v", got)
	}
	for _, message := range []any{"", "one\ntwo", "100%s", "é€", []byte("bytes")} {
		ns.Want("log", true, message)
	}
	if got := host.Asked("Log"); len(got) != 5 || got[2].Args[1] != "100%s" || got[4].Args[1] != "bytes" {
		t.Errorf("asked %v", got)
	}
}

func TestAddProgramToGroup(t *testing.T) {
	host, ns := start(t, nil, "g", "5")
	ns.Want("addProgramToGroup", true, "g", "x", program)
	want := []sdktest.Ask{{Verb: "AddProgram", Args: []any{"g", "x", program}}}
	if got := host.Asked(); !reflect.DeepEqual(got, want) {
		t.Errorf("asked %v\nwant %v", got, want)
	}
	ns.WantFault("addProgramToGroup", badName("x"), "g", "x", program)
	ns.WantFault("addProgramToGroup", noGroup, "zz", "x", program)

	refused := sdk.NewFault(sdk.CodeIncorrectParameters, "program section program:y does not specify a command")
	host.Refuse("AddProgram", refused)
	ns.WantFault("addProgramToGroup", refused, "g", "y", sdk.Struct{})
	ns.WantFault("addProgramToGroup", noGroup, "zz", "y", sdk.Struct{})

	for _, n := range []int{0, 1, 2, 4} {
		ns.WantFault("addProgramToGroup", incorrect, []any{"g", "x", program, 1}[:n]...)
	}
}

func TestAddProgramNames(t *testing.T) {
	host, ns := start(t, nil, "g", "5")
	for text, group := range map[string]any{"5": 5, "None": nil, "True": true, "2.5": 2.5, "": ""} {
		ns.WantFault("addProgramToGroup", badName("group: "+text), group, "x", program)
	}
	ns.WantFault("addProgramToGroup", incorrect, []int{}, "x", program)
	ns.WantFault("addProgramToGroup", incorrect, map[string]int{}, "x", program)

	for text, name := range map[string]any{"77": 77, "None": nil, "True": true, "2.5": 2.5, "bin": []byte("bin"), "": ""} {
		ns.Want("addProgramToGroup", true, "g", name, program)
		if got := host.Asked("AddProgram"); got[len(got)-1].Args[1] != text {
			t.Errorf("%v became %v", name, got[len(got)-1])
		}
	}
	ns.WantFault("addProgramToGroup", incorrect, "g", []int{}, program)
	ns.WantFault("addProgramToGroup", noGroup, "zz", []int{}, 5)
	ns.Want("addProgramToGroup", true, []byte("g"), "y", program)
}

func TestAddProgramOptions(t *testing.T) {
	host, ns := start(t, nil, "g")
	type pairs = []any
	tests := []struct {
		options any
		want    sdk.Struct // nil: refused
	}{
		{sdk.Struct{}, sdk.Struct{}},
		{pairs{pairs{"command", "x"}, pairs{"umask", 22}}, sdk.Struct{{Name: "command", Value: sdk.String("x")}, {Name: "umask", Value: sdk.Int(22)}}},
		{pairs{pairs{"a", 1}, pairs{"b", nil}, pairs{"a", true}}, sdk.Struct{{Name: "a", Value: sdk.Bool(true)}, {Name: "b", Value: sdk.Nil{}}}},
		{pairs{"ab", "éd"}, sdk.Struct{{Name: "a", Value: sdk.String("b")}, {Name: "é", Value: sdk.String("d")}}},
		{pairs{map[string]int{"a": 1, "command": 2}}, sdk.Struct{{Name: "a", Value: sdk.String("command")}}},
		{pairs{}, sdk.Struct{}},
		{"", sdk.Struct{}},
		{"command", nil},
		{42, nil},
		{nil, nil},
		{true, nil},
		{2.5, nil},
		{pairs{5}, nil},
		{pairs{pairs{"a"}}, nil},
		{pairs{pairs{"a", "b", "c"}}, nil},
		{pairs{pairs{5, "x"}}, nil},
		{pairs{pairs{pairs{"a"}, "x"}}, nil},
	}
	for i, test := range tests {
		name := string(rune('a' + i))
		if test.want == nil {
			ns.WantFault("addProgramToGroup", incorrect, "g", name, test.options)
			ns.WantFault("addProgramToGroup", noGroup, "zz", name, test.options)
			continue
		}
		ns.Want("addProgramToGroup", true, "g", name, test.options)
		asked := host.Asked("AddProgram")
		if got := asked[len(asked)-1].Args[2]; !reflect.DeepEqual(got, test.want) {
			t.Errorf("%v became %v, want %v", test.options, got, test.want)
		}
	}
}

func TestRemoveProcessFromGroup(t *testing.T) {
	host, ns := start(t, nil, "g")
	for state, removed := range map[sdk.ProcessState]bool{
		sdk.ProcessStopped: true, sdk.ProcessExited: true, sdk.ProcessFatal: true,
		sdk.ProcessStarting: false, sdk.ProcessRunning: false, sdk.ProcessBackoff: false, sdk.ProcessStopping: false,
	} {
		name := state.String()
		host.SetProcess(sdk.ProcessInfo{Group: "g", Name: name, State: state})
		if removed {
			ns.Want("removeProcessFromGroup", true, "g", name)
			ns.WantFault("removeProcessFromGroup", badName(name), "g", name)
		} else {
			ns.WantFault("removeProcessFromGroup", sdk.NewFault(sdk.CodeStillRunning, name), "g", name)
		}
	}
	ns.WantFault("removeProcessFromGroup", noGroup, "zz", "a")
	ns.WantFault("removeProcessFromGroup", incorrect)
	ns.WantFault("removeProcessFromGroup", incorrect, "g")
	ns.WantFault("removeProcessFromGroup", incorrect, "g", "a", "b")
}

func TestRemoveProcessNames(t *testing.T) {
	host, ns := start(t, nil, "g")
	host.SetProcess(sdk.ProcessInfo{Group: "g", Name: "5", State: sdk.ProcessStopped})
	ns.WantFault("removeProcessFromGroup", badName("group: 5"), 5, "a")
	ns.WantFault("removeProcessFromGroup", incorrect, []int{}, "a")
	ns.WantFault("removeProcessFromGroup", badName("5"), "g", 5)
	ns.WantFault("removeProcessFromGroup", badName("True"), "g", true)
	ns.WantFault("removeProcessFromGroup", sdk.NewFault(sdk.CodeBadName), "g", nil)
	ns.WantFault("removeProcessFromGroup", incorrect, "g", []int{})
	ns.WantFault("removeProcessFromGroup", noGroup, "zz", []int{})
	host.Refuse("Groups", errors.New("gone"))
	ns.WantFault("removeProcessFromGroup", &sdk.Fault{Code: sdk.CodeFailed, Message: "FAILED: gone"}, "g", 5)
}

func TestWhitelist(t *testing.T) {
	host, ns := start(t, sdktest.Options{"whitelist": " getAPIVersion , log,"}, "g")
	unknown := func(method string) *sdk.Fault { return &sdk.Fault{Code: 230, Message: "UNKNOWN: " + method} }
	ns.Want("getAPIVersion", "1.0")
	ns.Want("log", true, "m")
	ns.WantFault("getGroupNames", unknown("getGroupNames"))
	ns.WantFault("getGroupNames", incorrect, "argument count comes first")
	ns.WantFault("addProgramToGroup", unknown("addProgramToGroup"), []int{}, 1, 2)
	if got := len(ns.Describe().Methods); got != 15 {
		t.Errorf("%d methods are listed", got)
	}
	host.SetState(sdk.SupervisorShutdown)
	ns.WantFault("getGroupNames", sdk.NewFault(sdk.CodeShutdownState))

	for list, allowed := range map[string]bool{
		"": true, "getgroupnames": false, "twiddler.getGroupNames": false, ",": false, "log\ngetGroupNames": false, "log,\n getGroupNames": true,
	} {
		_, ns := start(t, sdktest.Options{"whitelist": list}, "g")
		if allowed {
			ns.Want("getGroupNames", []string{"g"})
		} else {
			ns.WantFault("getGroupNames", unknown("getGroupNames"))
		}
	}
}

func TestStates(t *testing.T) {
	host, ns := start(t, nil, "g")
	host.SetState(sdk.SupervisorRestarting)
	ns.Want("getGroupNames", []string{"g"})
	host.SetState(sdk.SupervisorShutdown)
	ns.WantFault("getAPIVersion", sdk.NewFault(sdk.CodeShutdownState))
	ns.WantFault("getAPIVersion", incorrect, 1)
}

func TestUnknownOption(t *testing.T) {
	_, err := sdktest.Configure(t, twiddler.Plugin(), sdktest.NewHost(), sdktest.Options{"whitelist": "log", "blacklist": "log"})
	if err == nil || !strings.Contains(err.Error(), "unknown option blacklist") {
		t.Errorf("got %v", err)
	}
}

func TestResultHandler(t *testing.T) {
	host, ns := start(t, nil)
	host.SetProcess(sdk.ProcessInfo{Group: "g", Name: "p", State: sdk.ProcessRunning})
	host.SetProcess(sdk.ProcessInfo{Group: "solo", Name: "solo", State: sdk.ProcessExited})
	judge := func(group, process, result string) (bool, error) {
		t.Helper()
		return ns.HandleResult("stdin_write_handler",
			sdk.Event{Name: "PROCESS_COMMUNICATION_STDOUT", Group: group, Process: process}, result)
	}
	for result, accepted := range map[string]bool{
		"OK": true, "FAIL": false, "OK\n": false, "ok": false, "": false, "stdin:x": false,
		"STDIN:": true, "STDIN:hello\n": true, "STDIN:\xff\x00": true,
	} {
		if got, err := judge("g", "p", result); err != nil || got != accepted {
			t.Errorf("%q: %v, %v", result, got, err)
		}
	}
	written := map[string]bool{}
	for _, a := range host.Asked("WriteStdin") {
		written[a.Args[0].(string)+" "+a.Args[1].(string)] = true
	}
	if want := map[string]bool{"g:p ": true, "g:p hello\n": true, "g:p \xff\x00": true}; !reflect.DeepEqual(written, want) {
		t.Errorf("written %v", written)
	}

	if ok, err := judge("solo", "solo", "STDIN:x"); !ok || err != nil {
		t.Errorf("a process that has ended: %v, %v", ok, err)
	}
	if ok, err := judge("", "", "STDIN:x"); ok || err == nil {
		t.Errorf("an event about no process: %v, %v", ok, err)
	}
	host.Refuse("WriteStdin", sdk.NewFault(sdk.CodeFailed, "stdin:write is not granted"))
	if ok, err := judge("g", "p", "STDIN:x"); ok || err == nil {
		t.Errorf("without the grant: %v, %v", ok, err)
	}
}
