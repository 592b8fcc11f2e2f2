package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/config"
	"github.com/plugvisor/plugvisor/core/mainlog"
	"github.com/plugvisor/plugvisor/core/supervisor/supervisortest"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// runHost runs a test with a host over the group g, whose process p logs stdout to
// out in the directory, and whose q keeps no logs.
func runHost(t *testing.T, f func(t *testing.T, h *host, w *supervisortest.World, dir string)) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		log, err := mainlog.Open(mainlog.Config{Path: filepath.Join(dir, "main.log"), Clock: core.SystemClock{}})
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		logs := func(p *core.ProcessSpec) {
			p.Stdout.File = core.LogFile{Kind: core.LogPath, Path: filepath.Join(dir, "out")}
		}
		w := supervisortest.New(t).Run(supervisortest.Group("g", 999, supervisortest.Program("p", supervisortest.NoStartSecs, logs), supervisortest.Program("q", supervisortest.NoStartSecs)))
		defer w.End()
		f(t, &host{
			Supervisor: w.Sup, env: config.SystemEnvironment(),
			context: config.ProgramContext{File: "c.conf", Here: dir}, log: log,
		}, w, dir)
	})
}

// said is a fault's code and text, or "ok".
func said(err error) string {
	var f *rpcinterface.Fault
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &f):
		return fmt.Sprintf("%d %s", f.Code, f.Message)
	}
	return "no fault: " + err.Error()
}

// The group is looked at before the options, and these before the names.
func TestHostAddProgram(t *testing.T) {
	good := rpcinterface.Struct{{Name: "command", Value: rpcinterface.String("/bin/cat")}, {Name: "autostart", Value: rpcinterface.Bool(false)}}
	bad := rpcinterface.Struct{{Name: "autostart", Value: rpcinterface.String("perhaps")}}
	runHost(t, func(t *testing.T, h *host, _ *supervisortest.World, _ string) {
		for _, tc := range []struct {
			group, program string
			options        rpcinterface.Struct
			want           string
		}{
			{"zz", "x", bad, "10 BAD_NAME: group: zz"},
			{"g", "p", bad, "2 INCORRECT_PARAMETERS: not a valid boolean value: 'perhaps' in section 'program:p' (file: 'c.conf')"},
			{"g", "p", good, "10 BAD_NAME: p"},
			{"g", "x", good, "ok"},
			{"g", "x", good, "10 BAD_NAME: x"},
		} {
			if got := said(h.AddProgram(t.Context(), tc.group, tc.program, tc.options)); got != tc.want {
				t.Errorf("%s:%s: %s, want %s", tc.group, tc.program, got, tc.want)
			}
		}
		if _, err := h.Process("g:x"); err != nil {
			t.Errorf("the program that was added: %v", err)
		}
	})
}

func TestHostControl(t *testing.T) {
	runHost(t, func(t *testing.T, h *host, w *supervisortest.World, _ string) {
		ctx := t.Context()
		for _, tc := range []struct {
			what, want string
			err        error
		}{
			{"signal nobody", "10 BAD_NAME: g:zz", h.SignalProcess(ctx, "g:zz", "HUP")},
			{"signal what is no signal", "11 BAD_SIGNAL: nope", h.SignalProcess(ctx, "g:p", "nope")},
			{"signal a stopped one", "70 NOT_RUNNING: g:p", h.SignalProcess(ctx, "g:p", "HUP")},
			{"write to a stopped one", "70 NOT_RUNNING: g:p", h.WriteStdin(ctx, "g:p", []byte("x"))},
			{"start", "ok", h.StartProcess(ctx, "g:p", true)},
			{"start again", "60 ALREADY_STARTED: g:p", h.StartProcess(ctx, "g:p", true)},
			{"signal", "ok", h.SignalProcess(ctx, "g:p", "usr1")},
			{"write", "ok", h.WriteStdin(ctx, "g:p", []byte("x"))},
			{"stop", "ok", h.StopProcess(ctx, "g:p", true)},
			{"stop again", "70 NOT_RUNNING: g:p", h.StopProcess(ctx, "g:p", true)},
		} {
			if got := said(tc.err); got != tc.want {
				t.Errorf("%s: %s, want %s", tc.what, got, tc.want)
			}
		}
		if got, want := fmt.Sprint(w.Done()), "[signal p SIGUSR1 stdin p x signal p SIGTERM]"; got != want {
			t.Errorf("done %s, want %s", got, want)
		}
	})
}

func TestHostLogs(t *testing.T) {
	runHost(t, func(t *testing.T, h *host, _ *supervisortest.World, dir string) {
		ctx := t.Context()
		out := filepath.Join(dir, "out")
		if got, want := said(second(h.ReadLog(ctx, "g:p", "stdout", 0, 0))), "20 NO_FILE: "+out; got != want {
			t.Errorf("a log that is not there: %s, want %s", got, want)
		}
		if err := os.WriteFile(out, []byte("0123456789"), 0o600); err != nil {
			t.Fatal(err)
		}
		h.log.Log(rpcinterface.LevelInfo, "main")
		for _, tc := range []struct {
			name, channel  string
			offset, length int64
			want           string
		}{
			{"g:p", "stdout", 2, 3, "234"},
			{"g:p", "stdout", -2, 0, "89"},
			{"g:p", "stdout", 0, -1, "3 BAD_ARGUMENTS"},
			{"g:p", "stderr", 0, 0, "20 NO_FILE"},
			{"g:q", "stdout", 0, 0, "20 NO_FILE"},
			{"g:p", "both", 0, 0, "3 BAD_ARGUMENTS: channel both"},
			{"g:zz", "stdout", 0, 0, "10 BAD_NAME: g:zz"},
			{"", "", -5, 0, "main\n"},
		} {
			data, err := h.ReadLog(ctx, tc.name, tc.channel, tc.offset, tc.length)
			got := string(data)
			if err != nil {
				got = said(err)
			}
			if got != tc.want {
				t.Errorf("%q %s from %d, %d bytes: %q, want %q", tc.name, tc.channel, tc.offset, tc.length, got, tc.want)
			}
		}
		data, next, overflow, err := h.TailLog(ctx, "g:p", "stdout", 0, 4)
		if string(data) != "6789" || next != 10 || !overflow || err != nil {
			t.Errorf("tail: %q, %d, %v, %v", data, next, overflow, err)
		}
		if _, _, _, err := h.TailLog(ctx, "g:p", "stderr", 0, 4); said(err) != "20 NO_FILE" {
			t.Errorf("tail of no log: %v", err)
		}
	})
}

func second(_ []byte, err error) error { return err }
