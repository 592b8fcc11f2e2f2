package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	// What the executable is made of: when that changes, go test must not answer
	// from its cache.
	_ "github.com/plugvisor/plugvisor/core/daemon"
	_ "github.com/plugvisor/plugvisor/internal/ctl"
	_ "github.com/plugvisor/plugvisor/plugins/twiddler"
)

// The test binary is a plugin, or a FastCGI application, when its arguments say so.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == fcgiArg {
		serveFastCGI()
	}
	if len(os.Args) == 3 && os.Args[1] == pluginArg {
		servePlugin(os.Args[2])
		return
	}
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "plugvisor-bin")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	executables = sync.OnceValues(func() (string, error) { return build(dir) })
	return m.Run()
}

// executables gives the directory of supervisord and supervisorctl. They are built
// when the first test asks.
var executables func() (string, error)

// build makes the executable with its link, as the Makefile does.
func build(dir string) (string, error) {
	if given := os.Getenv("PLUGVISOR_BIN"); given != "" {
		return filepath.Abs(given)
	}
	if err := os.Chmod(dir, 0o755); err != nil { // a daemon of another user runs it too
		return "", err
	}
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(dir, "supervisord"), "./cmd/supervisord")
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build supervisord: %w\n%s", err, out)
	}
	return dir, os.Symlink("supervisord", filepath.Join(dir, "supervisorctl"))
}

// self is the path of the test binary.
func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}
