package e2e

import (
	"fmt"
	"math"
	"testing"

	"github.com/plugvisor/plugvisor/sdk"
)

// typesArg makes the test binary the plugin of these tests, and untypableArg one whose
// methods have types that cannot be passed.
const (
	typesArg     = "types"
	untypableArg = "untypable"
)

func serveTypes() {
	sdk.Serve(sdk.Plugin{Factory: sdk.FactoryOf(func(sdk.Host, sdk.Config) (types, error) { return types{}, nil })})
}

func serveUntypable() {
	sdk.Serve(sdk.Plugin{Factory: sdk.FactoryOf(func(sdk.Host, sdk.Config) (untypable, error) { return untypable{}, nil })})
}

type types struct{}

func (types) Power(n int) int64       { return 1 << n }
func (types) Negative(n int) int64    { return -1 << n }
func (types) Large() map[string][]int { return map[string][]int{"a": {1, math.MaxInt32 + 1}} }
func (types) Small(n int8) int8       { return n }
func (types) NaN() float64            { return math.NaN() }
func (types) Infinite() []float64     { return []float64{math.Inf(1), math.Inf(-1)} }

type untypable struct{}

func (untypable) Fine(int) int           { return 0 }
func (untypable) Listen(ch chan int)     {}
func (untypable) Several(...string)      {}
func (untypable) Pair() (int, string)    { return 0, "" }
func (untypable) Any(map[string]any)     {}
func (untypable) Later() (func(), error) { return nil, nil }

// TestTypesTowardsClients: what a Go method answers that XML-RPC has no room for.
func TestTypesTowardsClients(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, fmt.Sprintf("[rpcinterface:t]\nsupervisor.rpcinterface_factory = %s %s %s\n", self(t), pluginArg, typesArg))
	expect(d.site, "1073741824", "t.power", 30)
	expect(d.site, "-2147483648", "t.negative", 31)
	expect(d.site, "30 FAILED: value does not fit into 32 bits", "t.power", 31)
	expect(d.site, "30 FAILED: value does not fit into 32 bits", "t.negative", 32)
	expect(d.site, `30 FAILED: value of "a" does not fit into 32 bits`, "t.large")
	expect(d.site, "127", "t.small", 127)
	expect(d.site, "2 INCORRECT_PARAMETERS: 1: 128 is out of range", "t.small", 128)
	expect(d.site, "NaN", "t.naN")
	expect(d.site, "[+Inf -Inf]", "t.infinite")
}

// TestUntypable: a plugin with methods that cannot be called is not loaded, and the
// daemon says which they are and why.
func TestUntypable(t *testing.T) {
	t.Parallel()
	s := newSite(t, fmt.Sprintf("[rpcinterface:t]\nsupervisor.rpcinterface_factory = %s %s %s\n", self(t), pluginArg, untypableArg))
	s.failsToStart("Could not make t rpc interface: ..."+
		"method Any: parameter 1: values of type interface {} cannot be passed: use sdk.Value..."+
		"method Later: result: values of type func() cannot be passed..."+
		"method Listen: parameter 1: values of type chan int cannot be passed..."+
		"method Pair: more than one result..."+
		"method Several: variadic parameters cannot be passed...", "-c", s.conf)
}
