package sdk_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/plugvisor/plugvisor/sdk"
	"github.com/plugvisor/plugvisor/sdk/sdktest"
)

func TestMain(m *testing.M) {
	if os.Getenv("SDK_TEST_SERVE") != "" {
		sdk.Serve(newSample(new(bool), nil))
	}
	os.Exit(m.Run())
}

func startSample(t *testing.T) (*sdktest.Host, *sdktest.Namespace) {
	host := sdktest.NewHost()
	return host, sdktest.Start(t, newSample(new(bool), nil), host, nil)
}

func incorrect(detail string) *sdk.Fault {
	return sdk.NewFault(sdk.CodeIncorrectParameters, detail)
}

func failed(text string) *sdk.Fault { return sdk.NewFault(sdk.CodeFailed, text) }

func TestMethodNames(t *testing.T) {
	_, ns := startSample(t)
	var names []string
	for _, m := range ns.Describe().Methods {
		names = append(names, m.Name)
	}
	for _, name := range []string{"add", "hTTPGet", "nothing"} {
		if !slices.Contains(names, name) {
			t.Errorf("%s is missing in %v", name, names)
		}
	}
	for _, name := range []string{"beforeCall", "close", "Add"} {
		if slices.Contains(names, name) {
			t.Errorf("%s is a method", name)
		}
	}
	ns.WantFault("close", sdk.NewFault(sdk.CodeUnknownMethod))
	ns.WantFault("Add", sdk.NewFault(sdk.CodeUnknownMethod), 1, 2)
}

func TestArgumentsAndResults(t *testing.T) {
	_, ns := startSample(t)
	clock := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

	ns.Want("add", 7, 3, 4)
	ns.WantFault("add", sdk.NewFault(sdk.CodeIncorrectParameters), 3)
	ns.WantFault("add", sdk.NewFault(sdk.CodeIncorrectParameters), 3, 4, 5)
	ns.WantFault("add", incorrect("1: int wanted, not string"), "3", 4)
	ns.WantFault("add", incorrect("2: 128 is out of range"), 3, 128)
	ns.WantFault("add", incorrect("1: int wanted, not double"), 3.0, 4)
	ns.WantFault("add", incorrect("1: int wanted, not nil"), nil, 4)

	ns.Want("nothing", true)
	ns.Want("only", true)
	ns.Want("hTTPGet", "got")
	for _, v := range []any{nil, 1, true, "x", 2.5, []byte("\xff"), clock, []any{1, nil}, map[string]int{"a": 1}} {
		ns.Want("echo", v, v)
	}
	ns.Want("bytes", []byte("ab"), []byte("ab"))
	ns.Want("bytes", []byte("ab"), "ab")
	ns.WantFault("bytes", incorrect("1: base64 wanted, not int"), 1)
	ns.Want("time", clock, clock)
	ns.WantFault("time", incorrect("1: dateTime.iso8601 wanted, not int"), 1)
	ns.Want("list", []string{"a", "b"}, []string{"a", "b"})
	ns.Want("list", []string{}, []string{})
	ns.WantFault("list", incorrect("1: element 1: string wanted, not int"), []any{"a", 1})
	ns.WantFault("list", incorrect("1: array wanted, not string"), "a")
	ns.Want("map", map[string]int{"a": 1, "b": 2}, map[string]int{"a": 1, "b": 2})
	ns.WantFault("map", incorrect("1: a: -1 is out of range"), map[string]int{"a": -1})
	ns.WantFault("map", incorrect("1: a: int wanted, not string"), map[string]string{"a": ""})
	ns.WantFault("map", incorrect("1: struct wanted, not array"), []int{})
	ns.Want("struct", map[string]int{"a": 1}, map[string]int{"a": 1})
	ns.WantFault("struct", incorrect("1: struct wanted, not int"), 1)
	ns.Want("float", 2.5, 2.5)
	ns.Want("float", 2.0, 2)
	ns.WantFault("float", incorrect("1: double wanted, not string"), "2")
	ns.Want("flag", false, false)
	ns.WantFault("flag", incorrect("1: boolean wanted, not int"), 1)
	ns.Want("dynamic", sdk.Struct{
		{Name: "a", Value: sdk.Array{}},
		{Name: "b", Value: sdk.Array{sdk.Nil{}}},
	})
	ns.WantFault("large", failed("cannot pass the result: 9223372036854775808 is out of range"))
}

func TestStructs(t *testing.T) {
	_, ns := startSample(t)
	note := "n"
	ns.Want("point", point{X: 1, Y: 2.5, Note: &note}, map[string]any{"x": 1, "y": 2.5, "note": "n"})
	without := sdk.Struct{{Name: "x", Value: sdk.Int(1)}, {Name: "y", Value: sdk.Double(2)}}
	ns.Want("point", without, map[string]any{"x": 1, "y": 2})
	ns.Want("point", without, map[string]any{"x": 1, "y": 2, "note": nil})
	ns.WantFault("point", incorrect("1: member y is missing"), map[string]any{"x": 1})
	ns.WantFault("point", incorrect("1: unknown member not"), map[string]any{"x": 1, "y": 2, "not": 3})
	ns.WantFault("point", incorrect("1: note: string wanted, not int"), map[string]any{"x": 1, "y": 2, "note": 3})
	family := tree{Name: "a", Sons: []tree{{Name: "b", Sons: []tree{}}}}
	ns.Want("tree", family, family)
}

func TestOptional(t *testing.T) {
	_, ns := startSample(t)
	ns.Want("optional", "x-1 false", "x")
	ns.Want("optional", "x5 false", "x", 5)
	ns.Want("optional", "x5 true", "x", 5, nil)
	ns.WantFault("optional", sdk.NewFault(sdk.CodeIncorrectParameters))
	ns.WantFault("optional", sdk.NewFault(sdk.CodeIncorrectParameters), "x", 5, 6, 7)
	ns.WantFault("optional", incorrect("2: int wanted, not nil"), "x", nil)
}

func TestErrors(t *testing.T) {
	_, ns := startSample(t)
	ns.WantFault("bare", failed("boom"), "boom")
	ns.WantFault("wrapped", &sdk.Fault{Code: 777, Message: "MINE"})
	ns.WantFault("panics", failed("panic in panics: oops"))
	ns.Want("nothing", true)
}

func TestGate(t *testing.T) {
	ns := sdktest.Start(t, newSample(new(bool), errors.New("shut")), sdktest.NewHost(), nil)
	ns.WantFault("add", failed("shut"), 1, 2)
	ns.WantFault("add", failed("shut"), "wrong", "types")
	ns.WantFault("add", sdk.NewFault(sdk.CodeIncorrectParameters), 1)
	ns.WantFault("nope", sdk.NewFault(sdk.CodeUnknownMethod))
}

func TestContext(t *testing.T) {
	host, ns := startSample(t)
	ns.Caller = sdk.Caller{User: "ann", Peer: "127.0.0.1:9", Server: "inet_http_server"}
	ns.Token = "the call's"
	host.SetState(sdk.SupervisorRestarting)
	ns.Want("caller", "ann 127.0.0.1:9 inet_http_server RESTARTING")
	ns.Want("outside", "{  } RUNNING")

	host.Answer(func(method string, params []sdk.Value) (sdk.Value, error) { return sdk.Array(params), nil })
	ns.Want("relay", []int{1}, "", "supervisor.getPID")
	ns.Want("relay", []int{1}, "own", "supervisor.getPID")
	tokens := []any{host.Asked("Call")[0].Args[0], host.Asked("Call")[1].Args[0]}
	if !reflect.DeepEqual(tokens, []any{"the call's", "own"}) {
		t.Errorf("tokens %v", tokens)
	}
}

func TestClose(t *testing.T) {
	closed := false
	t.Run("plugin", func(t *testing.T) {
		sdktest.Start(t, newSample(&closed, nil), sdktest.NewHost(), nil)
		if closed {
			t.Error("closed while it runs")
		}
	})
	if !closed {
		t.Error("not closed")
	}
}

func TestCalledUnconfigured(t *testing.T) {
	p := newSample(new(bool), nil)
	p.Factory = sdk.FactoryOf(func(sdk.Host, sdk.Config) (*sample, error) { return nil, errors.New("not today") })
	if _, err := sdktest.Configure(t, p, sdktest.NewHost(), nil); err == nil || err.Error() != "FAILED: not today" {
		t.Errorf("got %v", err)
	}
	p.Factory = sdk.FactoryOf(func(sdk.Host, sdk.Config) (*sample, error) { panic("ouch") })
	if _, err := sdktest.Configure(t, p, sdktest.NewHost(), nil); err == nil || err.Error() != "FAILED: panic in factory: ouch" {
		t.Errorf("got %v", err)
	}
}

func TestResultHandlers(t *testing.T) {
	host := sdktest.NewHost()
	p := newSample(new(bool), nil)
	p.ResultHandlers = map[string]sdk.ResultHandler{
		"m:f": func(ctx context.Context, host sdk.Host, e sdk.Event, result []byte) (bool, error) {
			return string(result) == e.Name, host.Log(ctx, sdk.LevelInfo, string(e.Payload))
		},
		"m:panic": func(context.Context, sdk.Host, sdk.Event, []byte) (bool, error) { panic("oops") },
	}
	ns := sdktest.Start(t, p, host, nil)
	event := sdk.Event{Name: "TICK_5", Payload: []byte("when:1")}
	for result, want := range map[string]bool{"TICK_5": true, "x": false} {
		if got, err := ns.HandleResult("m:f", event, result); got != want || err != nil {
			t.Errorf("%s: %v, %v", result, got, err)
		}
	}
	if _, err := ns.HandleResult("m:g", event, ""); err == nil || err.Error() != "FAILED: there is no result handler m:g" {
		t.Errorf("got %v", err)
	}
	if ok, err := ns.HandleResult("m:panic", event, ""); ok || err == nil {
		t.Errorf("got %v, %v", ok, err)
	}
	if got := ns.Describe().ResultHandlers; !reflect.DeepEqual(got, []string{"m:f", "m:panic"}) {
		t.Errorf("described %v", got)
	}
}

type settings struct {
	name, word string
	list       []string
	number     int
	flag, off  bool
}

func TestConfig(t *testing.T) {
	var got settings
	plugin := sdk.Plugin{Factory: sdk.FactoryOf(func(_ sdk.Host, cfg sdk.Config) (struct{}, error) {
		got = settings{
			name: cfg.Name, word: cfg.String("word", "none"), list: cfg.Strings("list"),
			number: cfg.Int("number", -1), flag: cfg.Bool("flag", true), off: cfg.Bool("off", true),
		}
		return struct{}{}, nil
	})}
	tests := []struct {
		options sdktest.Options
		want    settings
		err     string
	}{
		{nil, settings{"test", "none", nil, -1, true, true}, ""},
		{
			sdktest.Options{"word": " w ", "list": "a, b ,,", "number": " 7 ", "flag": "Yes", "off": "0"},
			settings{"test", " w ", []string{"a", "b", "", ""}, 7, true, false}, "",
		},
		{sdktest.Options{"list": ""}, settings{"test", "none", nil, -1, true, true}, ""},
		{sdktest.Options{"number": "7s"}, settings{}, `FAILED: number: "7s" is no integer`},
		{sdktest.Options{"flag": "maybe"}, settings{}, `FAILED: flag: "maybe" is no boolean`},
		{sdktest.Options{"Word": "x", "zzz": ""}, settings{}, `FAILED: unknown option Word; unknown option zzz`},
	}
	for _, test := range tests {
		_, err := sdktest.Configure(t, plugin, sdktest.NewHost(), test.options)
		if test.err != "" {
			if err == nil || err.Error() != test.err {
				t.Errorf("%v: %v, want %s", test.options, err, test.err)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%v: %+v, %v, want %+v", test.options, got, err, test.want)
		}
	}
}

func TestConfigAll(t *testing.T) {
	var got []sdk.Option
	plugin := sdk.Plugin{Factory: sdk.FactoryOf(func(_ sdk.Host, cfg sdk.Config) (struct{}, error) {
		got = cfg.All()
		return struct{}{}, nil
	})}
	sdktest.Start(t, plugin, sdktest.NewHost(), sdktest.Options{"b": "2", "a": "1"})
	if want := []sdk.Option{{Name: "a", Value: "1"}, {Name: "b", Value: "2"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
}

type (
	channels   struct{}
	variadic   struct{}
	keys       struct{}
	results    struct{}
	order      struct{}
	documented struct{}
	closing    struct{}
)

func (channels) M(chan int)            {}
func (variadic) M(...string)           {}
func (keys) M(map[int]string)          {}
func (results) M() (int, int, error)   { return 0, 0, nil }
func (order) M(sdk.Optional[int], int) {}

// M has fewer parameters than it documents.
func (documented) M(int)                      {}
func (closing) Close(context.Context) error   { return nil }
func (closing) BeforeCall(method string) bool { return method != "" }

func factory[T any]() sdk.Factory {
	return sdk.FactoryOf(func(sdk.Host, sdk.Config) (t T, err error) { return t, nil })
}

func TestUnsupported(t *testing.T) {
	sources := fstest.MapFS{"d.go": {Data: []byte("package p\n// M does.\n//\n// @param int a\n// @param int b\nfunc (documented) M(int) {}\n")}}
	tests := map[string]struct {
		plugin sdk.Plugin
		want   string
	}{
		"no factory":  {sdk.Plugin{}, "use sdk.FactoryOf"},
		"interface":   {sdk.Plugin{Factory: factory[any]()}, "must name the type"},
		"channel":     {sdk.Plugin{Factory: factory[channels]()}, "method M: parameter 1: values of type chan int cannot be passed"},
		"variadic":    {sdk.Plugin{Factory: factory[variadic]()}, "method M: variadic"},
		"keys":        {sdk.Plugin{Factory: factory[keys]()}, "keys that are not strings"},
		"results":     {sdk.Plugin{Factory: factory[results]()}, "more than one result"},
		"order":       {sdk.Plugin{Factory: factory[order]()}, "not Optional follows"},
		"tags":        {sdk.Plugin{Factory: factory[documented](), Sources: sources}, "2 parameters are documented, but there are 1"},
		"bad tag":     {sdk.Plugin{Factory: factory[*documented](), Sources: fstest.MapFS{"d.go": {Data: []byte("package p\n// @param int\nfunc (d *documented) M(int) {}\n")}}}, "lacks a type or a name"},
		"bad sources": {sdk.Plugin{Factory: factory[documented](), Sources: fstest.MapFS{"d.go": {Data: []byte("func")}}}, "cannot read the methods' comments"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := sdktest.Configure(t, test.plugin, sdktest.NewHost(), nil)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestNotReserved(t *testing.T) {
	ns := sdktest.Start(t, sdk.Plugin{Factory: factory[closing]()}, sdktest.NewHost(), nil)
	ns.Want("close", true)
	ns.Want("beforeCall", true, "x")
}

func TestDocumentation(t *testing.T) {
	source := `package p

type sample struct{}

// Add adds.
//
// @param int a       One number
// @param int8 b      Another
// @return int        Their sum
func (s *sample) Add(a int, b int8) (int, error) { return 0, nil }

// Only is alone.
func (s sample) Only() error { return nil }

// Add is another's.
func (s *other) Add() {}

// Add is nobody's.
func Add() {}
`
	p := newSample(new(bool), nil)
	p.Sources = fstest.MapFS{
		"dir/sample.go": {Data: []byte(source)},
		"x_test.go":     {Data: []byte("not go")},
		"README":        {Data: []byte("not go")},
	}
	ns := sdktest.Start(t, p, sdktest.NewHost(), nil)
	for _, m := range ns.Describe().Methods {
		var want sdk.Method
		switch m.Name {
		case "add":
			want = sdk.Method{
				Help:      "add adds.\n\n@param int a       One number\n@param int8 b      Another\n@return int        Their sum",
				Signature: []string{"int", "int", "int8"},
			}
		case "only":
			want = sdk.Method{Help: "only is alone."}
		}
		if want.Signature == nil {
			want.Signature = m.Signature // that of the types
		}
		if m.Help != want.Help || !slices.Equal(m.Signature, want.Signature) {
			t.Errorf("%s is described as %+v", m.Name, m)
		}
	}
	ns.WantFault("add", incorrect("a: int wanted, not string"), "x", 1)
}

func TestText(t *testing.T) {
	tests := []struct {
		value sdk.Value
		want  string
	}{
		{sdk.String("x"), "x"}, {sdk.Bytes("b"), "b"}, {sdk.Int(-7), "-7"},
		{sdk.Bool(true), "True"}, {sdk.Bool(false), "False"}, {sdk.Nil{}, "None"}, {nil, "None"},
		{sdk.Time(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)), "2026-01-02 03:04:05"},
		{sdk.Double(0), "0.0"}, {sdk.Double(1), "1.0"}, {sdk.Double(-2.5), "-2.5"}, {sdk.Double(1e15), "1000000000000000.0"},
		{sdk.Double(1e16), "1e+16"}, {sdk.Double(1.5e-5), "1.5e-05"}, {sdk.Double(0.0001), "0.0001"}, {sdk.Double(1e300), "1e+300"},
	}
	for _, test := range tests {
		if got, ok := sdk.Text(test.value); !ok || got != test.want {
			t.Errorf("%v: %q, %v", test.value, got, ok)
		}
	}
	for _, v := range []sdk.Value{sdk.Array{}, sdk.Struct{}} {
		if got, ok := sdk.Text(v); ok {
			t.Errorf("%v: %q", v, got)
		}
	}
}

// TestRunByHand starts this test's executable as a plugin, without a host.
func TestRunByHand(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "SDK_TEST_SERVE=1")
	out, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 {
		t.Errorf("ended with %v", err)
	}
	for _, want := range []string{"plugin of supervisord, version 2", "add, ", "supervisor.rpcinterface_factory = " + exe} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is missing in:\n%s", want, out)
		}
	}
}

// TestLifeline starts a plugin and lets go of its standard input.
func TestLifeline(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, exe)
	cmd.Env = append(os.Environ(), "SDK_TEST_SERVE=1", "PLUGVISOR_PLUGIN=rpcinterface", "PLUGVISOR_LIFELINE=1",
		"PLUGIN_UNIX_SOCKET_DIR="+t.TempDir())
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 4)
	if _, err := stdout.Read(line); err != nil || string(line) != "1|1|" {
		t.Errorf("the handshake begins with %q, %v", line, err)
	}
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("ended with %v", err)
	}
}
