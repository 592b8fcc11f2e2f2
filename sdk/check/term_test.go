package check_test

import (
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/plugvisor/plugvisor/sdk/check"
)

func ignoreTerm() { signal.Ignore(syscall.SIGTERM) }

// short runs a plugin that lets limits pass.
func short(t *testing.T, name string, start time.Duration) *check.Report {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return check.Run(t.Context(), &check.Local{Path: exe, Env: append(os.Environ(), mode+"="+name)},
		check.Options{StartTimeout: start, CallTimeout: 20 * time.Second, EndTimeout: time.Second})
}

func TestDoesNotEnd(t *testing.T) {
	t.Parallel()
	r := short(t, "stays", 20*time.Second)
	for id, text := range map[string]string{"shutdown": "Shutdown fails", "lifeline": "input ends", "sigterm": "SIGTERM"} {
		if f := find(t, r, id); !strings.Contains(f.Text, text) {
			t.Errorf("%v", f)
		}
	}
}

func TestSilent(t *testing.T) {
	t.Parallel()
	if f := find(t, short(t, "silent", 5*time.Second), "handshake"); !strings.Contains(f.Text, "did not write a line within 5s") {
		t.Errorf("%v", f)
	}
}

func TestCannotStart(t *testing.T) {
	r := check.Run(t.Context(), &check.Local{Path: "/nonexistent/plugin"}, check.Options{})
	if f := find(t, r, "start"); r.Loads || !strings.Contains(f.Text, "no such file") {
		t.Errorf("%v", f)
	}
}
