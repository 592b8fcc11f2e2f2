package supervisor_test

import (
	"testing"
	"testing/synctest"

	"github.com/plugvisor/plugvisor/core"
	. "github.com/plugvisor/plugvisor/core/supervisor/supervisortest"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// TestMembersChanged: whoever is told sees the change, and nothing else tells.
func TestMembersChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(t).Run(Group("x", 999, Program("x")))
		defer w.End()
		w.Sup.Begin()
		synctest.Wait()
		for _, step := range []struct {
			name    string
			do      func() error
			changes bool
		}{
			{"add a process", func() error {
				return w.Sup.AddProcesses(t.Context(), "x", []*core.ProcessSpec{Program("y")}, nil)
			}, true},
			{"add it again", func() error {
				_ = w.Sup.AddProcesses(t.Context(), "x", []*core.ProcessSpec{Program("y")}, nil)
				return nil
			}, false},
			{"start it", func() error { return w.Sup.Start(t.Context(), "x:y", true) }, false},
			{"stop it", func() error { return w.Sup.Stop(t.Context(), "x:y", true) }, false},
			{"remove it", func() error { return w.Sup.RemoveProcess(t.Context(), "x", "y", false) }, true},
			{"add a group", func() error { return w.Sup.AddGroup(t.Context(), rpcinterface.GroupInfo{Name: "g"}, false) }, true},
			{"remove it", func() error { return w.Sup.RemoveGroup(t.Context(), "g") }, true},
		} {
			changed, again := w.Sup.MembersChanged(), w.Sup.MembersChanged()
			if err := step.do(); err != nil {
				t.Fatalf("%s: %v", step.name, err)
			}
			synctest.Wait()
			if isClosed(changed) != step.changes || isClosed(again) != step.changes {
				t.Errorf("%s: told %v, want %v", step.name, isClosed(changed), step.changes)
			}
		}
	})
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
