package sdktest_test

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/plugvisor/plugvisor/sdk"
	"github.com/plugvisor/plugvisor/sdk/sdktest"
)

func wantFault(t *testing.T, err error, code int, detail ...string) {
	t.Helper()
	if want := sdk.NewFault(code, detail...); err == nil || *sdk.AsFault(err) != *want {
		t.Errorf("got %v, want %v", err, want)
	}
}

func wantNone(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func TestGroups(t *testing.T) {
	ctx, h := t.Context(), sdktest.NewHost("b", "a")
	wantNone(t, h.AddGroup(ctx, sdk.GroupInfo{Name: "c", Priority: 1}))
	wantFault(t, h.AddGroup(ctx, sdk.GroupInfo{Name: "c"}), sdk.CodeAlreadyAdded, "c")
	h.SetProcess(sdk.ProcessInfo{Group: "d", Name: "p", State: sdk.ProcessRunning})
	wantFault(t, h.RemoveGroup(ctx, "d"), sdk.CodeStillRunning, "d")
	wantFault(t, h.RemoveGroup(ctx, "x"), sdk.CodeBadName, "x")
	wantNone(t, h.RemoveGroup(ctx, "b"))
	groups, err := h.Groups(ctx)
	want := []sdk.GroupInfo{{Name: "a", Priority: 999}, {Name: "c", Priority: 1}, {Name: "d", Priority: 999}}
	if err != nil || !reflect.DeepEqual(groups, want) {
		t.Errorf("groups %v, %v", groups, err)
	}
	wantNone(t, h.StopProcess(ctx, "d:p", true))
	wantNone(t, h.RemoveGroup(ctx, "d"))
	if list, err := h.Processes(ctx); err != nil || len(list) != 0 {
		t.Errorf("processes %v, %v", list, err)
	}
}

func TestProcesses(t *testing.T) {
	ctx, h := t.Context(), sdktest.NewHost("g")
	wantNone(t, h.AddProgram(ctx, "g", "z", nil))
	wantNone(t, h.AddProgram(ctx, "g", "a", nil))
	wantFault(t, h.AddProgram(ctx, "g", "a", nil), sdk.CodeBadName, "a")
	wantFault(t, h.AddProgram(ctx, "x", "a", nil), sdk.CodeBadName, "group: x")
	h.SetProcess(sdk.ProcessInfo{Group: "solo", Name: "solo", State: sdk.ProcessFatal})

	list, err := h.Processes(ctx)
	var names []string
	for _, p := range list {
		names = append(names, p.Namespec())
	}
	if err != nil || !reflect.DeepEqual(names, []string{"g:a", "g:z", "solo"}) {
		t.Errorf("processes %v, %v", names, err)
	}

	for _, name := range []string{"g:a", "solo"} {
		wantFault(t, h.SignalProcess(ctx, name, "HUP"), sdk.CodeNotRunning, name)
		wantFault(t, h.WriteStdin(ctx, name, nil), sdk.CodeNotRunning, name)
		wantNone(t, h.StartProcess(ctx, name, true))
		wantFault(t, h.StartProcess(ctx, name, true), sdk.CodeAlreadyStarted, name)
		wantNone(t, h.SignalProcess(ctx, name, "HUP"))
		wantNone(t, h.WriteStdin(ctx, name, []byte("x")))
		if p, err := h.Process(ctx, name); err != nil || p.State != sdk.ProcessRunning {
			t.Errorf("%s is %v, %v", name, p, err)
		}
		wantNone(t, h.StopProcess(ctx, name, true))
		wantFault(t, h.StopProcess(ctx, name, true), sdk.CodeNotRunning, name)
		_, err := h.ReadLog(ctx, name, "stdout", 0, 0)
		wantFault(t, err, sdk.CodeNoFile)
		_, _, _, err = h.TailLog(ctx, name, "stdout", 0, 0)
		wantNone(t, err)
	}
	_, err = h.Process(ctx, "a")
	wantFault(t, err, sdk.CodeBadName, "a")

	h.SetProcess(sdk.ProcessInfo{Group: "g", Name: "a", State: sdk.ProcessBackoff})
	wantFault(t, h.RemoveProcess(ctx, "g", "a"), sdk.CodeStillRunning, "a")
	wantFault(t, h.RemoveProcess(ctx, "g", "b"), sdk.CodeBadName, "b")
	wantFault(t, h.RemoveProcess(ctx, "x", "b"), sdk.CodeBadName, "group: x")
	wantNone(t, h.RemoveProcess(ctx, "g", "z"))
}

// TestRefuse refuses every verb that answers an error alone or with a value.
func TestRefuse(t *testing.T) {
	ctx, h, no := context.Background(), sdktest.NewHost("g"), errors.New("no")
	h.SetProcess(sdk.ProcessInfo{Group: "g", Name: "p"})
	verbs := map[string]func() error{
		"State":          func() error { _, err := h.State(ctx); return err },
		"Identification": func() error { _, err := h.Identification(ctx); return err },
		"Groups":         func() error { _, err := h.Groups(ctx); return err },
		"AddGroup":       func() error { return h.AddGroup(ctx, sdk.GroupInfo{Name: "n"}) },
		"RemoveGroup":    func() error { return h.RemoveGroup(ctx, "n") },
		"AddProgram":     func() error { return h.AddProgram(ctx, "g", "q", nil) },
		"RemoveProcess":  func() error { return h.RemoveProcess(ctx, "g", "q") },
		"Processes":      func() error { _, err := h.Processes(ctx); return err },
		"Process":        func() error { _, err := h.Process(ctx, "g:p"); return err },
		"StartProcess":   func() error { return h.StartProcess(ctx, "g:p", true) },
		"SignalProcess":  func() error { return h.SignalProcess(ctx, "g:p", "HUP") },
		"WriteStdin":     func() error { return h.WriteStdin(ctx, "g:p", nil) },
		"StopProcess":    func() error { return h.StopProcess(ctx, "g:p", true) },
		"TailLog":        func() error { _, _, _, err := h.TailLog(ctx, "g:p", "stdout", 0, 0); return err },
		"Log":            func() error { return h.Log(ctx, sdk.LevelInfo, "m") },
		"Subscribe":      func() error { _, err := h.Subscribe(ctx, []string{"EVENT"}, 0); return err },
		"Publish":        func() error { return h.Publish(ctx, "t", "d") },
	}
	order := []string{
		"State", "Identification", "Groups", "AddGroup", "RemoveGroup", "AddProgram", "RemoveProcess", "Processes",
		"Process", "StartProcess", "SignalProcess", "WriteStdin", "StopProcess", "TailLog", "Log", "Subscribe", "Publish",
	}
	for _, verb := range order {
		h.Refuse(verb, no)
		if err := verbs[verb](); err != no {
			t.Errorf("%s: %v", verb, err)
		}
		h.Refuse(verb, nil)
		if err := verbs[verb](); err != nil {
			t.Errorf("%s is still refused: %v", verb, err)
		}
		if got := h.Asked(verb); len(got) != 2 {
			t.Errorf("asked %v", got)
		}
	}
	if got := len(h.Asked()); got != 2*len(order) {
		t.Errorf("asked for %d verbs", got)
	}
}

func TestCall(t *testing.T) {
	ctx, h := t.Context(), sdktest.NewHost()
	_, err := h.Call(ctx, "", "supervisor.getPID", nil)
	wantFault(t, err, sdk.CodeUnknownMethod)
	h.Answer(func(method string, params []sdk.Value) (sdk.Value, error) { return sdk.String(method), nil })
	if v, err := h.Call(ctx, "", "a.b", nil); err != nil || v != sdk.String("a.b") {
		t.Errorf("got %v, %v", v, err)
	}
	h.SetState(sdk.SupervisorShutdown)
	if state, err := h.State(ctx); err != nil || state != sdk.SupervisorShutdown {
		t.Errorf("state %v, %v", state, err)
	}
}
