package child

import (
	"os"
	"testing"
)

// What syscall keeps to itself comes out, for the process and its children.
func TestRestoreLimit(t *testing.T) {
	c := newChildren(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for limits, want := range map[string]string{
		"ulimit -Sn 123":                   "own 123 child 123\n",
		"ulimit -Sn 345 && ulimit -Hn 345": "own 345 child 345\n",
		"ulimit -Sn 344 && ulimit -Hn 345": "own 344 child 344\n",
	} {
		spec := sh(limits + ` && exec "$0"`)
		spec.Argv = append(spec.Argv, exe)
		spec.Env = append(os.Environ(), modeVariable+"=restore", "GORACE=atexit_sleep_ms=0")
		if got := run(t, c, spec); got.stdout != want {
			t.Errorf("%s: %q, want %q (stderr %q)", limits, got.stdout, want, got.stderr)
		}
	}
}
