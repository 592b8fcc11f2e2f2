package sdktest

import (
	"os/exec"
	"testing"

	"github.com/plugvisor/plugvisor/sdk/check"
)

// Conformance examines the executable of a plugin, in whatever language it is
// written: the command is its path, or a name on PATH, with arguments. Errors and
// warnings fail the test, notes are logged. Options are the keys of its section. Its
// methods that have a signature are called with far too many arguments, which they have
// to refuse.
func Conformance(t testing.TB, options Options, command ...string) {
	t.Helper()
	path, err := exec.LookPath(command[0])
	if err != nil {
		t.Fatalf("cannot find the plugin: %v", err)
	}
	r := check.Run(t.Context(), &check.Local{Path: path, Args: command[1:]}, check.Options{Config: section("test", options), EndTimeout: patience, CallMethods: true})
	for _, f := range r.Findings {
		if f.Severity > check.Note {
			t.Error(f)
		} else {
			t.Log(f)
		}
	}
}
