package namespace_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plugvisor/plugvisor/core/namespace"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

type (
	value  = rpcinterface.Value
	array  = rpcinterface.Array
	str    = rpcinterface.String
	object = rpcinterface.Struct
)

// sample is a namespace whose methods show what they were called with.
func sample() rpcinterface.Namespace {
	return namespace.NewTable([]namespace.Def{
		{Name: "echo", Help: "Answers its arguments.\n@param string a\n@return array result", Min: 0, Max: 3,
			Func: func(_ context.Context, call *rpcinterface.Call) (value, error) { return array(call.Params), nil }},
		{Name: "state", Min: 0, Max: 0,
			Func: func(_ context.Context, call *rpcinterface.Call) (value, error) {
				return str(fmt.Sprintf("%v %v", call.State, call.Caller)), nil
			}},
		{Name: "fails", Help: "@return int", Min: 0, Max: 0,
			Func: func(context.Context, *rpcinterface.Call) (value, error) { return nil, errors.New("disk is gone") }},
		{Name: "refuses", Help: "@return int", Min: 0, Max: 0,
			Func: func(context.Context, *rpcinterface.Call) (value, error) {
				return nil, rpcinterface.NewFault(rpcinterface.CodeBadName, "x")
			}},
		{Name: "_hidden", Help: "@return int", Max: 9,
			Func: func(context.Context, *rpcinterface.Call) (value, error) { return rpcinterface.Int(1), nil }},
	})
}

func newRegistry() *namespace.Registry {
	r := namespace.New(func() rpcinterface.SupervisorState { return rpcinterface.SupervisorRunning })
	r.Set("b", sample())
	r.Set("a", sample())
	return r
}

// outcome calls a method and puts value or fault in one comparable form.
func outcome(r *namespace.Registry, method string, params ...value) value {
	got, err := r.Call(context.Background(), method, params, rpcinterface.Caller{User: "u"})
	if err != nil {
		f := rpcinterface.AsFault(err)
		return fault(f.Code, f.Message)
	}
	return got
}

func fault(code int, text string) value {
	return object{{Name: "faultCode", Value: rpcinterface.Int(code)}, {Name: "faultString", Value: str(text)}}
}

func TestCall(t *testing.T) {
	unknown := fault(1, "UNKNOWN_METHOD")
	incorrect := fault(2, "INCORRECT_PARAMETERS")
	for _, tt := range []struct {
		method string
		params array
		want   value
	}{
		{"a.echo", array{str("x")}, array{str("x")}},
		{"a.state", nil, str("RUNNING {u  }")},
		{"a.state", array{str("x")}, incorrect},
		{"a.echo", array{str("1"), str("2"), str("3"), str("4")}, incorrect},
		{"a.fails", nil, fault(30, "FAILED: disk is gone")},
		{"a.refuses", nil, fault(10, "BAD_NAME: x")},
		{"a.nope", nil, unknown},
		{"nope.echo", nil, unknown},
		{"echo", nil, unknown},
		{"", nil, unknown},
		{".", nil, unknown},
		{"a.", nil, unknown},
		{".echo", nil, unknown},
		{"a.echo.x", nil, unknown},
		{"a._hidden", nil, unknown},
		{"A.echo", nil, unknown},
		{" a.echo", nil, unknown},
		{"system.registry", nil, unknown},
		{"system.listMethods", array{str("x")}, incorrect},
		{"system.methodHelp", nil, incorrect},
		{"system.methodHelp", array{str("a.refuses")}, str("@return int")},
		{"system.methodHelp", array{str("a.nope")}, fault(4, "SIGNATURE_UNSUPPORTED")},
		{"system.methodHelp", array{str("")}, fault(4, "SIGNATURE_UNSUPPORTED")},
		{"system.methodHelp", array{str("a._hidden")}, fault(4, "SIGNATURE_UNSUPPORTED")},
		{"system.methodHelp", array{rpcinterface.Int(5)}, fault(4, "SIGNATURE_UNSUPPORTED")},
		{"system.methodSignature", array{str("a.echo")}, array{str("array"), str("string")}},
		{"system.methodSignature", array{str("system.multicall")}, array{str("array"), str("array")}},
		{"system.methodSignature", array{str("a.state")}, fault(4, "SIGNATURE_UNSUPPORTED")},
		{"system.methodSignature", array{array{str("a.echo")}}, fault(4, "SIGNATURE_UNSUPPORTED")},
		{"system.methodSignature", array{str("a"), str("b")}, incorrect},
	} {
		t.Run(tt.method, func(t *testing.T) {
			if got := outcome(newRegistry(), tt.method, tt.params...); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%s%v = %v, want %v", tt.method, tt.params, got, tt.want)
			}
		})
	}
}

func TestListMethodsIsSortedAndFollowsTheTable(t *testing.T) {
	r := newRegistry()
	list := func() string {
		var names []string
		for _, v := range outcome(r, "system.listMethods").(array) {
			names = append(names, string(v.(str)))
		}
		return strings.Join(names, " ")
	}
	const system = " system.listMethods system.methodHelp system.methodSignature system.multicall"
	const a, b = "a.echo a.fails a.refuses a.state", "b.echo b.fails b.refuses b.state"
	if got, want := list(), a+" "+b+system; got != want {
		t.Errorf("listMethods = %s, want %s", got, want)
	}
	r.Remove("a")
	if got, want := list(), b+system; got != want {
		t.Errorf("after removal listMethods = %s, want %s", got, want)
	}
	r.Set("system", sample())
	if got, want := list(), b+system; got != want {
		t.Errorf("with a namespace called system listMethods = %s, want %s", got, want)
	}
}

func TestEntriesKeepTheirOrder(t *testing.T) {
	r := newRegistry()
	names := func() string {
		var out []string
		for _, e := range r.Entries() {
			out = append(out, e.Name)
		}
		return strings.Join(out, " ")
	}
	if got := names(); got != "b a" {
		t.Errorf("Entries = %s, want b a", got)
	}
	replacement := sample()
	r.Set("b", replacement)
	if got := r.Entries()[0]; got.Name != "b" || got.Namespace != replacement {
		t.Errorf("a replaced entry stands at %v", got)
	}
	r.Remove("nope")
	r.Replace([]namespace.Entry{{"z", sample()}, {"y", sample()}, {"z", replacement}})
	if got := names(); got != "z y" || r.Entries()[0].Namespace != replacement {
		t.Errorf("after Replace: %s", got)
	}
	if got := outcome(r, "b.state"); !reflect.DeepEqual(got, fault(1, "UNKNOWN_METHOD")) {
		t.Errorf("a replaced table still answers %v", got)
	}
	entries := r.Entries()
	entries[0].Name = "changed"
	if got := names(); got != "z y" {
		t.Errorf("changing a copy of the entries changed the table: %s", got)
	}
}

// What the reference answers was recorded from it.
func TestMulticall(t *testing.T) {
	incorrect := fault(2, "INCORRECT_PARAMETERS")
	call := func(name value, params ...value) value {
		s := object{{Name: "methodName", Value: name}}
		if len(params) > 0 {
			s = append(s, rpcinterface.Member{Name: "params", Value: params[0]})
		}
		return s
	}
	for _, tt := range []struct {
		name string
		in   value
		want value
	}{
		{"nothing", array{}, array{}},
		{"an empty string", str(""), array{}},
		{"a string", str("x"), incorrect},
		{"an int", rpcinterface.Int(5), incorrect},
		{"a struct", object{}, incorrect},
		{"nil", rpcinterface.Nil{}, incorrect},
		{"values and faults in order", array{call(str("a.echo"), array{str("x")}), call(str("a.refuses")), call(str("a.fails"), array{})},
			array{array{str("x")}, fault(10, "BAD_NAME: x"), fault(30, "FAILED: disk is gone")}},
		{"no struct", array{rpcinterface.Int(7), str("a"), call(str("a.echo"))}, array{incorrect, incorrect, array{}}},
		{"no name", array{object{}, call(rpcinterface.Nil{})},
			array{fault(2, "INCORRECT_PARAMETERS: No methodName"), fault(2, "INCORRECT_PARAMETERS: No methodName")}},
		{"recursion", array{call(str("system.multicall"), array{array{}})}, array{fault(2, "INCORRECT_PARAMETERS: Recursive system.multicall forbidden")}},
		{"another method of system", array{call(str("system.methodHelp"), array{str("a.refuses")})}, array{str("@return int")}},
		{"names of wrong types", array{call(rpcinterface.Int(1)), call(rpcinterface.Bool(false)), call(rpcinterface.Double(1)), call(array{}), call(object{}), call(rpcinterface.Time{})}, array{
			fault(30, "FAILED: <class 'AttributeError'>:'int' object has no attribute 'split'"),
			fault(30, "FAILED: <class 'AttributeError'>:'bool' object has no attribute 'split'"),
			fault(30, "FAILED: <class 'AttributeError'>:'float' object has no attribute 'split'"),
			fault(30, "FAILED: <class 'AttributeError'>:'list' object has no attribute 'split'"),
			fault(30, "FAILED: <class 'AttributeError'>:'dict' object has no attribute 'split'"),
			fault(30, "FAILED: <class 'AttributeError'>:'datetime.datetime' object has no attribute 'split'")}},
		{"empty name", array{call(str(""))}, array{fault(1, "UNKNOWN_METHOD")}},
		{"a string as params", array{call(str("a.echo"), str("aé€"))}, array{array{str("a"), str("é"), str("€")}}},
		{"an empty string as params", array{call(str("a.echo"), str(""))}, array{array{}}},
		{"a struct as params", array{call(str("a.echo"), object{{Name: "k", Value: str("v")}, {Name: "j", Value: str("w")}})}, array{array{str("k"), str("j")}}},
		{"params that cannot be spread", array{call(str("a.echo"), rpcinterface.Int(5)), call(str("a.echo"), rpcinterface.Nil{}), call(str("a.nope"), rpcinterface.Int(5)), call(str("a._hidden"), rpcinterface.Nil{})},
			array{incorrect, incorrect, fault(1, "UNKNOWN_METHOD"), fault(1, "UNKNOWN_METHOD")}},
		{"wrong number of arguments", array{call(str("a.state"), array{str("x")})}, array{incorrect}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := outcome(newRegistry(), "system.multicall", tt.in); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("multicall(%v) = %v, want %v", tt.in, got, tt.want)
			}
		})
	}
}

func TestMulticallEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	r := newRegistry()
	calls := 0
	r.Set("c", namespace.NewTable([]namespace.Def{{Name: "cancel", Func: func(context.Context, *rpcinterface.Call) (value, error) {
		calls++
		cancel()
		return rpcinterface.Bool(true), nil
	}}}))
	spec := object{{Name: "methodName", Value: str("c.cancel")}}
	_, err := r.Call(ctx, "system.multicall", array{array{spec, spec}}, rpcinterface.Caller{})
	if !errors.Is(err, context.Canceled) || calls != 1 {
		t.Errorf("multicall: %v after %d calls, want context.Canceled after 1", err, calls)
	}
}

func TestSwapsWhileCallsRun(t *testing.T) {
	r := newRegistry()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 200 {
				name := fmt.Sprintf("n%d", i)
				r.Set(name, sample())
				if got := outcome(r, name+".echo", str("x")); !reflect.DeepEqual(got, array{str("x")}) {
					t.Errorf("%s.echo = %v", name, got)
				}
				if !slices.Contains(outcome(r, "system.listMethods").(array), value(str("a.echo"))) {
					t.Error("a.echo is not listed")
				}
				r.Remove(name)
			}
		})
	}
	wg.Wait()
	if n := len(r.Entries()); n != 2 {
		t.Errorf("%d entries are left, want 2", n)
	}
}

func BenchmarkCall(b *testing.B) {
	r := newRegistry()
	params := array{}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Call(context.Background(), "a.echo", params, rpcinterface.Caller{}); err != nil {
			b.Fatal(err)
		}
	}
}

// Every call is observed when it ends, the calls within a multicall too.
func TestObserve(t *testing.T) {
	r := newRegistry()
	var seen []string
	r.Observe(func(method string, took time.Duration, err error) {
		if took < 0 {
			t.Errorf("%s took %v", method, took)
		}
		seen = append(seen, fmt.Sprintf("%s known=%t failed=%t", method, r.Has(method), err != nil))
	})
	call := func(name string) value { return object{{Name: "methodName", Value: str(name)}} }
	outcome(r, "a.echo")
	outcome(r, "a.refuses")
	outcome(r, "a._hidden")
	outcome(r, "what")
	outcome(r, "system.multicall", array{call("b.echo"), call("b.nope")})
	want := []string{
		"a.echo known=true failed=false", "a.refuses known=true failed=true",
		"a._hidden known=false failed=true", "what known=false failed=true",
		"b.echo known=true failed=false", "b.nope known=false failed=true", "system.multicall known=true failed=false",
	}
	if !slices.Equal(seen, want) {
		t.Errorf("observed %q\nwant %q", seen, want)
	}
}
