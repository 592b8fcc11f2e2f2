package child

import (
	"os"
	"testing"
)

// limited runs a mode below limits and gives what it prints.
func limited(t *testing.T, c *Children, mode, limits string) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	spec := sh(limits + ` && exec "$0"`)
	spec.Argv = append(spec.Argv, exe)
	spec.Env = append(os.Environ(), modeVariable+"="+mode, "GORACE=atexit_sleep_ms=0")
	got := run(t, c, spec)
	if got.stderr != "" {
		t.Errorf("%s: stderr %q", limits, got.stderr)
	}
	return got.stdout
}

// Go's raised limit is seen through, and stays for the process alone.
func TestDescriptorLimit(t *testing.T) {
	c := newChildren(t)
	for limits, want := range map[string]string{
		"ulimit -Sn 123 && ulimit -Hn 345": "started with 123 <nil>\nown 344 child 123\n",
		"ulimit -Sn 345 && ulimit -Hn 345": "started with 345 <nil>\nown 345 child 345\n",
		"ulimit -Sn 344 && ulimit -Hn 345": "started with 344 <nil>\nown 344 child 344\n",
	} {
		if got := limited(t, c, "ask", limits); got != want {
			t.Errorf("%s: %q, want %q", limits, got, want)
		}
	}
}

// What syscall keeps to itself comes out, for the process and its children.
func TestRestoreLimit(t *testing.T) {
	c := newChildren(t)
	for limits, want := range map[string]string{
		"ulimit -Sn 123":                   "own 123 child 123\n",
		"ulimit -Sn 345 && ulimit -Hn 345": "own 345 child 345\n",
		"ulimit -Sn 344 && ulimit -Hn 345": "own 344 child 344\n",
	} {
		if got := limited(t, c, "restore", limits); got != want {
			t.Errorf("%s: %q, want %q", limits, got, want)
		}
	}
}

func TestNoShellToAsk(t *testing.T) {
	for _, path := range []string{"/none", "/bin/true", "/bin/false"} {
		if n, err := askShell(path); err == nil {
			t.Errorf("%s says %d", path, n)
		}
	}
}
