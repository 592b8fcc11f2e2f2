package python

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// python is Debian's: its packages install their modules for that one.
const python = "/usr/bin/python3"

// run runs Python with more in its environment and gives what it wrote.
func run(t *testing.T, dir string, env []string, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1"), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", args, err, out)
	}
	return out
}

// needModules skips the test without Python and the modules.
func needModules(t *testing.T, modules string) {
	t.Helper()
	if err := exec.Command(python, "-c", "import "+modules).Run(); err != nil {
		if os.Getenv("PLUGVISOR_REQUIRE") == "all" {
			t.Fatalf("%s with %s is required: %v", python, modules, err)
		}
		t.Skipf("%s has not all of %s", python, modules)
	}
}

const modules = "grpc, google.protobuf, cryptography"

func TestUnits(t *testing.T) {
	needModules(t, modules)
	out := run(t, ".", []string{"PYTHONPATH=."}, python, "-W", "error::DeprecationWarning", "-m", "unittest", "discover", "-s", "tests")
	if !bytes.Contains(out, []byte("\nOK\n")) {
		t.Errorf("no test was run:\n%s", out)
	}
}

// TestInstall installs a copy of the package, without a network, and uses it from
// elsewhere.
func TestInstall(t *testing.T) {
	needModules(t, "setuptools, wheel, venv, pip, "+modules)
	dir := t.TempDir()
	source, venv := filepath.Join(dir, "source"), filepath.Join(dir, "venv")
	if err := os.CopyFS(source, os.DirFS(".")); err != nil {
		t.Fatal(err)
	}
	run(t, dir, nil, python, "-m", "venv", "--system-site-packages", "--without-pip", venv)
	installed := filepath.Join(venv, "bin", "python3")
	run(t, dir, []string{"PIP_NO_INDEX=1", "PIP_DISABLE_PIP_VERSION_CHECK=1", "PIP_ROOT_USER_ACTION=ignore"},
		installed, "-m", "pip", "install", "--no-build-isolation", "--no-deps", source)
	out := run(t, dir, nil, installed, "-c", "import plugvisor; print(plugvisor.__file__, plugvisor.Fault.named(10, 'x'))")
	want := filepath.Join(venv, "lib")
	if !bytes.HasPrefix(out, []byte(want)) || !bytes.HasSuffix(out, []byte(" BAD_NAME: x\n")) {
		t.Errorf("got %s", out)
	}
}
