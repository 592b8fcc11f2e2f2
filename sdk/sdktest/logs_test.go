package sdktest_test

import (
	"testing"

	"github.com/plugvisor/plugvisor/sdk"
	"github.com/plugvisor/plugvisor/sdk/sdktest"
)

func TestLogs(t *testing.T) {
	host, ctx := sdktest.NewHost(), t.Context()
	host.SetProcess(sdk.ProcessInfo{Group: "g", Name: "p", State: sdk.ProcessRunning})
	host.SetProcess(sdk.ProcessInfo{Group: "own", Name: "own", State: sdk.ProcessRunning})
	host.SetLog("g:p", "stdout", "0123456789")
	host.SetLog("", "", "main")
	host.SetLog("own:own", "stderr", "wrong")

	fault := func(code int, detail ...string) string { return sdk.NewFault(code, detail...).Message }
	for _, test := range []struct {
		name, channel  string
		offset, length int64
		want           string // or a fault
	}{
		{"g:p", "stdout", 0, 0, "0123456789"}, {"g:p", "stdout", 3, 0, "3456789"}, {"g:p", "stdout", 3, 2, "34"},
		{"g:p", "stdout", 8, 5, "89"}, {"g:p", "stdout", 20, 5, ""}, {"g:p", "stdout", -3, 0, "789"}, {"g:p", "stdout", -30, 0, "0123456789"},
		{"g:p", "stdout", -3, 2, fault(sdk.CodeBadArguments)}, {"g:p", "stdout", 0, -1, fault(sdk.CodeBadArguments)},
		{"g:p", "stderr", 0, 0, fault(sdk.CodeNoFile)}, {"g:q", "stdout", 0, 0, fault(sdk.CodeBadName, "g:q")},
		{"", "", 0, 0, "main"}, {"own", "stderr", 0, 0, "wrong"},
	} {
		got, err := host.ReadLog(ctx, test.name, test.channel, test.offset, test.length)
		text := string(got)
		if err != nil {
			text = sdk.AsFault(err).Message
		}
		if text != test.want {
			t.Errorf("%+v: %q", test, text)
		}
	}
	for _, test := range []struct {
		name           string
		offset, length int64
		want           string
		next           int64
		overflow       bool
	}{
		{"g:p", 0, 10, "0123456789", 10, false}, {"g:p", 0, 4, "6789", 10, true}, {"g:p", 5, 100, "0123456789", 10, false},
		{"g:p", 10, 4, "", 10, false}, {"g:p", 8, 4, "6789", 10, false}, {"g:p", 0, 0, "", 10, true}, {"own", 0, 10, "", 0, false},
	} {
		got, next, overflow, err := host.TailLog(ctx, test.name, "stdout", test.offset, test.length)
		if string(got) != test.want || next != test.next || overflow != test.overflow || err != nil {
			t.Errorf("%+v: %q %d %v %v", test, got, next, overflow, err)
		}
	}
}

func TestStdin(t *testing.T) {
	host, ctx := sdktest.NewHost(), t.Context()
	host.SetProcess(sdk.ProcessInfo{Group: "own", Name: "own", State: sdk.ProcessRunning})
	for _, name := range []string{"own", "own:own"} {
		if err := host.WriteStdin(ctx, name, []byte(name+"\n")); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"own", "own:own"} {
		if got := host.Stdin(name); got != "own\nown:own\n" {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := host.Stdin("other"); got != "" {
		t.Errorf("other: %q", got)
	}
}
