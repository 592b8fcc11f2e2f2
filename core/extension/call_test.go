package extension

import (
	"strings"
	"testing"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// BenchmarkCall measures what this package adds to a bare unary call of go-plugin
// with AutoMTLS: both send the same 100 bytes to the same process.
func BenchmarkCall(b *testing.B) {
	r := newRig(b, Config{Specs: []core.ExtensionSpec{section("x", "ok")}}).start(b)
	plugin := r.members[0].ext.current.Load().session.plugin
	params := []rpcinterface.Value{rpcinterface.String(strings.Repeat("x", 100))}
	bare := func(b *testing.B) {
		if _, err := plugin.Call(b.Context(), &rpcinterface.Call{Method: "echo", Params: params}); err != nil {
			b.Error(err)
		}
	}
	whole := func(b *testing.B) {
		if _, err := r.registry.Call(b.Context(), "x.echo", params, testCaller); err != nil {
			b.Error(err)
		}
	}
	for name, call := range map[string]func(*testing.B){"bare": bare, "whole": whole} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				call(b)
			}
		})
		b.Run(name+"/parallel", func(b *testing.B) {
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					call(b)
				}
			})
		})
	}
}

// BenchmarkStart measures the way from nothing to a configured plugin, and back.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		r := newRig(b, Config{Specs: []core.ExtensionSpec{section("x", "ok")}})
		if err := r.Resolve(); err != nil {
			b.Fatal(err)
		}
		if err := r.Start(b.Context()); err != nil {
			b.Fatal(err)
		}
		r.Stop(b.Context())
	}
}
