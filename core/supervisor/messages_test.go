package supervisor

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/event"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

type quiet struct{}

func (quiet) Log(rpcinterface.LogLevel, string) {}

func (quiet) Enabled(rpcinterface.LogLevel) bool { return false }

// Adding is one message to the loop, be it one program or many, the first or the
// 10,000th.
func TestMessagesPerAddition(t *testing.T) {
	const programs = 10_000
	s := New(Config{Groups: []*core.GroupSpec{{Name: "g"}}, Logger: quiet{}, Serials: &event.Serials{}})
	var messages atomic.Int64
	end := make(chan struct{})
	go func() {
		for {
			select {
			case <-end:
				return
			case <-s.inbox.wake:
			}
			for _, m := range s.inbox.take() {
				messages.Add(1)
				m()
			}
		}
	}()
	defer close(end)
	none := core.LogSpec{File: core.LogFile{Kind: core.LogNone}}
	addition := func(i int) ProgramAddition {
		source := &core.ProgramSource{Dynamic: true, Persisted: true}
		a := ProgramAddition{Program: fmt.Sprintf("p%d", i), Source: source}
		if i%2 == 0 {
			a.Group = "g"
		}
		a.Specs = []*core.ProcessSpec{{Name: a.Program, Program: a.Program, Source: source, Stdout: none, Stderr: none}}
		return a
	}
	for i := range programs {
		before := messages.Load()
		if err := s.AddPrograms(context.Background(), []ProgramAddition{addition(i)}); err != nil {
			t.Fatal(err)
		}
		if n := messages.Load() - before; n != 1 {
			t.Fatalf("program %d took %d messages", i, n)
		}
	}
	var many []ProgramAddition
	for i := range programs {
		many = append(many, addition(programs+i))
	}
	before := messages.Load()
	if err := s.AddPrograms(context.Background(), many); err != nil {
		t.Fatal(err)
	}
	if n := messages.Load() - before; n != 1 {
		t.Errorf("%d programs at once took %d messages", programs, n)
	}
	if n := len(s.Processes()); n != 2*programs {
		t.Errorf("there are %d processes", n)
	}
}
