package sdk_test

import (
	"context"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plugvisor/plugvisor/sdk"
	"github.com/plugvisor/plugvisor/sdk/sdktest"
)

type (
	// Base is embedded.
	Base struct {
		ID   int
		Name string `rpc:"called"`
	}
	inner struct{ Depth int8 }
	outer struct {
		Base
		inner
		At     time.Time
		hidden int
		Tagged Base `rpc:"base"`
	}
	nested struct {
		Lists [][]int
		Maps  map[string]map[string]*Base
		Next  *nested
	}
	raw   []byte
	level string
	names map[level]uint8
)

// types answers each value as Go has it.
type types struct{}

func (types) Int8(v int8) int8                       { return v }
func (types) Int32(v int32) int32                    { return v }
func (types) Int64(v int64) int64                    { return v }
func (types) Uint8(v uint8) uint8                    { return v }
func (types) Uint32(v uint32) uint32                 { return v }
func (types) Uint64(v uint64) uint64                 { return v }
func (types) Float32(v float32) float32              { return v }
func (types) Float64(v float64) float64              { return v }
func (types) Pointer(v *int) *int                    { return v }
func (types) Outer(v outer) outer                    { v.hidden = 1; return v }
func (types) OuterPointer(v *outer) (*outer, error)  { return v, nil }
func (types) Nested(v nested) nested                 { return v }
func (types) Raw(v raw) raw                          { return v }
func (types) Level(v level) level                    { return v }
func (types) Names(v names) names                    { return v }
func (types) Duration(v time.Duration) time.Duration { return v }
func (types) Time(v time.Time) time.Time             { return v }
func (types) Zoned() time.Time {
	return time.Date(2026, 1, 2, 3, 4, 5, 678, time.FixedZone("", 7*3600))
}
func (types) Strings(v []string) []string       { return v }
func (types) Array(v sdk.Array) sdk.Array       { return v }
func (types) Binary() string                    { return "a\xffb" }
func (types) NilSlice() []int                   { return nil }
func (types) NilMap() map[string]int            { return nil }
func (types) NilBytes() []byte                  { return nil }
func (types) NilValue() sdk.Value               { return nil }
func (types) Optional(v sdk.Optional[*int]) int { p, given := v.Get(); return given2(p, given) }

func given2(p *int, given bool) int {
	switch {
	case !given:
		return -1
	case p == nil:
		return -2
	}
	return *p
}

// Circle is what points to itself.
func (types) Circle() *nested {
	n := &nested{}
	n.Next = n
	return n
}

func TestTypes(t *testing.T) {
	ns := sdktest.Start(t, sdk.Plugin{Factory: factory[types]()}, sdktest.NewHost(), nil)
	clock := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	base := sdk.Struct{{Name: "iD", Value: sdk.Int(1)}, {Name: "called", Value: sdk.String("n")}}
	whole := append(base[:2:2], sdk.Member{Name: "depth", Value: sdk.Int(3)}, sdk.Member{Name: "at", Value: sdk.Time(clock)},
		sdk.Member{Name: "base", Value: base})
	deep := sdk.Struct{
		{Name: "lists", Value: sdk.Array{sdk.Array{sdk.Int(1), sdk.Int(2)}, sdk.Array{}}},
		{Name: "maps", Value: sdk.Struct{{Name: "a", Value: sdk.Struct{{Name: "b", Value: base}, {Name: "c", Value: sdk.Nil{}}}}}},
		{Name: "next", Value: sdk.Struct{{Name: "lists", Value: sdk.Array{}}, {Name: "maps", Value: sdk.Struct{}}}},
	}
	const big = math.MaxInt32 + 1
	tests := []struct {
		method     string
		give, want any // a string that begins with "!" is the detail of a fault
	}{
		{"int8", -128, -128}, {"int8", 127, 127}, {"int8", 128, "!128 is out of range"}, {"int8", -129, "!-129 is out of range"},
		{"int32", big - 1, big - 1}, {"int32", big, "!2147483648 is out of range"},
		{"int64", math.MaxInt64, math.MaxInt64}, {"int64", math.MinInt64, math.MinInt64},
		{"int64", 3.0, "!int wanted, not double"}, {"int64", true, "!int wanted, not boolean"}, {"int64", nil, "!int wanted, not nil"},
		{"uint8", 255, 255}, {"uint8", 256, "!256 is out of range"}, {"uint8", -1, "!-1 is out of range"},
		{"uint32", math.MaxUint32, math.MaxUint32}, {"uint32", math.MaxUint32 + 1, "!4294967296 is out of range"},
		{"uint64", math.MaxInt64, math.MaxInt64}, {"uint64", -1, "!-1 is out of range"},
		{"float32", 1.5, 1.5}, {"float32", math.Inf(-1), math.Inf(-1)}, {"float32", 1e300, "!1e+300 is out of range"},
		{"float64", math.Inf(1), math.Inf(1)}, {"float64", 1e300, 1e300}, {"float64", math.SmallestNonzeroFloat64, math.SmallestNonzeroFloat64},
		{"float64", 7, 7.0}, {"float64", "7", "!double wanted, not string"},
		{"pointer", 7, 7}, {"pointer", nil, nil}, {"pointer", "7", "!int wanted, not string"},
		{"outer", whole, whole}, {"outerPointer", whole, whole}, {"outerPointer", nil, nil},
		{"outer", append(whole[:5:5], sdk.Member{Name: "hidden", Value: sdk.Int(1)}), "!unknown member hidden"},
		{"outer", append(whole[:5:5], sdk.Member{Name: "inner", Value: sdk.Struct{}}), "!unknown member inner"},
		{"outer", whole[1:], "!member iD is missing"},
		{"nested", deep, deep},
		{"nested", sdk.Struct{{Name: "lists", Value: sdk.Array{sdk.Int(1)}}, {Name: "maps", Value: sdk.Struct{}}}, "!lists: element 0: array wanted, not int"},
		{"nested", sdk.Struct{{Name: "lists", Value: sdk.Nil{}}}, "!lists: array wanted, not nil"},
		{"raw", []byte{0, 255}, []byte{0, 255}}, {"raw", "é", []byte("é")}, {"raw", []int{1}, "!base64 wanted, not array"},
		{"level", "x", "x"}, {"duration", 5, 5},
		{"names", map[string]int{"a": 1}, map[string]int{"a": 1}}, {"names", map[string]int{"a": 256}, "!a: 256 is out of range"},
		{"time", clock, clock}, {"time", clock.Add(time.Second / 2), clock}, {"time", "2026", "!dateTime.iso8601 wanted, not string"},
		{"strings", []string{"a", ""}, []string{"a", ""}}, {"strings", nil, "!array wanted, not nil"},
		{"array", []any{1, nil, "x"}, []any{1, nil, "x"}}, {"array", "x", "!array wanted, not string"},
		{"optional", 7, 7}, {"optional", nil, -2},
	}
	for _, test := range tests {
		if text, ok := test.want.(string); ok && strings.HasPrefix(text, "!") {
			ns.WantFault(test.method, incorrect("1: "+text[1:]), test.give)
		} else {
			ns.Want(test.method, test.want, test.give)
		}
	}
	if got, err := ns.Call("float64", math.NaN()); err != nil || !math.IsNaN(float64(got.(sdk.Double))) {
		t.Errorf("NaN comes back as %v, %v", got, err)
	}
	ns.Want("zoned", sdk.Time(clock)) // what the clock shows, in whatever zone, to the second
	ns.Want("binary", "a\uFFFDb")
	ns.Want("optional", -1)
	ns.Want("nilSlice", sdk.Array{})
	ns.Want("nilMap", sdk.Struct{})
	ns.Want("nilBytes", sdk.Bytes{})
	ns.Want("nilValue", sdk.Nil{})
	ns.WantFault("circle", failed("cannot pass the result: "+strings.Repeat("next: ", 31)+"lists: a value is nested deeper than 32"))
}

// lock is what a plugin has that others must not reach.
type lock struct {
	sync.RWMutex
}

func (*lock) Greet() string { return "" }

type (
	embedsPointer struct{ *Base }
	embedsTime    struct{ time.Time }
	embedsOther   struct{ time.Duration }
	embedsTagged  struct {
		inner `rpc:"in"`
	}
	twice struct {
		Base
		Other string `rpc:"called"`
	}
	private struct{ hidden int }
)

func (private) Hidden() int { return private{}.hidden }

// TestUnsupportedTypes has a plugin with one method of each such type. What is wrong
// with all of them is told at once, when the plugin starts.
func TestUnsupportedTypes(t *testing.T) {
	ns := func(p sdk.Plugin) string {
		t.Helper()
		_, err := sdktest.Configure(t, p, sdktest.NewHost(), nil)
		if err == nil {
			t.Error("it starts")
			return ""
		}
		return err.Error()
	}
	got := ns(sdk.Plugin{Factory: factory[unsupported]()})
	for _, want := range []string{
		"method Chan: parameter 1: values of type chan int cannot be passed",
		"method Func: parameter 1: values of type func() cannot be passed",
		"method Any: parameter 2: values of type interface {} cannot be passed: use sdk.Value",
		"method Context: parameter 2: values of type context.Context cannot be passed",
		"method Variadic: variadic parameters cannot be passed: use sdk.Optional",
		"method Two: more than one result: it may return a value, an error, or a value and an error",
		"method Turned: more than one result",
		"method Errors: result: values of type error cannot be passed",
		"method Keys: parameter 1: map[int]string has keys that are not strings",
		"method Array: parameter 1: values of type [2]int cannot be passed: use a slice",
		"method Complex: parameter 1: values of type complex128 cannot be passed",
		"method Uintptr: parameter 1: values of type uintptr cannot be passed",
		"method PointerToPointer: parameter 1: values of type **int cannot be passed",
		"method Deep: result: member Lists of struct { Lists [][]map[string]chan int }: values of type chan int cannot be passed",
		"method EmbedsPointer: parameter 1: sdk_test.embedsPointer embeds *sdk_test.Base",
		"method EmbedsTime: parameter 1: sdk_test.embedsTime embeds time.Time",
		"method EmbedsOther: parameter 1: sdk_test.embedsOther embeds time.Duration",
		"method EmbedsTagged: parameter 1: sdk_test.embedsTagged embeds sdk_test.inner",
		"method Twice: parameter 1: sdk_test.twice has two members called called",
		"method Private: parameter 1: values of type sdk_test.private cannot be passed: it has no exported fields",
		"method OptionalFunc: parameter 1: values of type func() cannot be passed",
		"method InSlice: parameter 1: values of type sdk.Optional[int] cannot be passed",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in:\n%s", want, got)
		}
	}
	if strings.Contains(got, "Fine") {
		t.Errorf("a method is named that is right:\n%s", got)
	}
	got = ns(sdk.Plugin{Factory: factory[*lock]()})
	for _, name := range []string{"Lock", "RUnlock", "TryLock"} {
		if !strings.Contains(got, "method "+name+" would be for clients: it comes from the embedded sync.RWMutex") {
			t.Errorf("%s is missing in:\n%s", name, got)
		}
	}
}

type unsupported struct{}

func (unsupported) Fine(sdk.Optional[[]map[string]*Base]) {}
func (unsupported) Chan(chan int)                         {}
func (unsupported) Func(func())                           {}
func (unsupported) Any(int, any)                          {}
func (unsupported) Context(int, context.Context)          {}
func (unsupported) Variadic(...string)                    {}
func (unsupported) Two() (int, string)                    { return 0, "" }

//lint:ignore ST1008 it is wrong on purpose
func (unsupported) Turned() (error, int) { return nil, 0 }

func (unsupported) Errors() (error, error)                              { return nil, nil }
func (unsupported) Keys(map[int]string)                                 {}
func (unsupported) Array([2]int)                                        {}
func (unsupported) Complex(complex128)                                  {}
func (unsupported) Uintptr(uintptr)                                     {}
func (unsupported) PointerToPointer(**int)                              {}
func (unsupported) EmbedsPointer(embedsPointer)                         {}
func (unsupported) EmbedsTime(embedsTime)                               {}
func (unsupported) EmbedsOther(embedsOther)                             {}
func (unsupported) EmbedsTagged(embedsTagged)                           {}
func (unsupported) Twice(twice)                                         {}
func (unsupported) Private(private)                                     {}
func (unsupported) OptionalFunc(sdk.Optional[func()])                   {}
func (unsupported) InSlice([]sdk.Optional[int])                         {}
func (unsupported) Deep() (out struct{ Lists [][]map[string]chan int }) { return out }
