package daemon

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/plugvisor/plugvisor/core/config"
	"github.com/plugvisor/plugvisor/core/supervisor/supervisortest"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// The 10,000th program costs what the first did, in allocations: parsing and adding,
// to one group, in groups of their own, and persisted.
func TestWorkPerProgramDoesNotGrow(t *testing.T) {
	const programs, sample, most = 10_000, 500, 160
	for name, kind := range map[string]rpcinterface.NewProgram{
		"one group":            {Group: "g"},
		"groups of their own":  {},
		"one group, persisted": {Group: "g", Persisted: true},
		"persisted":            {Persisted: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := supervisortest.New(t).Run(supervisortest.Group("g", 999))
			defer w.End()
			w.Sup.Begin()
			h := &host{Supervisor: w.Sup, env: config.SystemEnvironment(), context: config.ProgramContext{File: "c.conf", Here: "/"}}
			add := func(i int) {
				p := kind
				p.Program, p.Options = fmt.Sprintf("p%05d", i), idle()
				if err := h.AddPrograms(t.Context(), []rpcinterface.NewProgram{p}); err != nil {
					t.Fatal(err)
				}
			}
			measure := func(from int) float64 {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				for i := range sample {
					add(from + i)
				}
				runtime.ReadMemStats(&after)
				return float64(after.Mallocs-before.Mallocs) / sample
			}
			for i := range sample { // what is made once
				add(i)
			}
			first := measure(sample)
			for i := 2 * sample; i < programs-sample; i++ {
				add(i)
			}
			last := measure(programs - sample)
			t.Logf("%.1f allocations a program at first, %.1f in the end", first, last)
			if last > 1.2*first {
				t.Errorf("%.1f allocations a program at first, %.1f in the end", first, last)
			}
			if !kind.Persisted && last > most {
				t.Errorf("%.1f allocations a program, want %d at most", last, most)
			}
		})
	}
}
