package namespace_test

import (
	"context"
	"strings"
	"testing"

	"github.com/plugvisor/plugvisor/core/namespace"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// A small request cannot ask for answers without end.
func TestMulticallIsBounded(t *testing.T) {
	megabyte := rpcinterface.String(strings.Repeat("x", 1<<20))
	calls := 0
	registry := namespace.New(func() rpcinterface.SupervisorState { return rpcinterface.SupervisorRunning })
	registry.Set("big", namespace.NewTable([]namespace.Def{{
		Name: "get", Func: func(context.Context, *rpcinterface.Call) (rpcinterface.Value, error) {
			calls++
			return megabyte, nil
		},
	}}))
	list := make(rpcinterface.Array, 100)
	for i := range list {
		list[i] = rpcinterface.Struct{{Name: "methodName", Value: rpcinterface.String("big.get")}}
	}
	answer, err := registry.Call(t.Context(), "system.multicall", []rpcinterface.Value{list}, rpcinterface.Caller{})
	if err != nil {
		t.Fatal(err)
	}
	results := answer.(rpcinterface.Array)
	if calls != 64 || len(results) != 100 {
		t.Fatalf("%d calls, %d results", calls, len(results))
	}
	last, ok := results[99].(rpcinterface.Struct)
	if !ok {
		t.Fatalf("the last result is %.40v", results[99])
	}
	if text, _ := last.Get("faultString"); text != rpcinterface.String("FAILED: not called: the results before it take more than 64 MiB") {
		t.Errorf("the last result is %v", last)
	}
}
