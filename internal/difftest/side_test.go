package difftest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// The sides that a scenario is played by.
const (
	recorded  = ""      // Supervisor 4.4, from a checkout
	ours      = "ours"  // this repository's
	installed = "4.2.5" // Debian's package
)

// python runs the reference: Debian's own, which has its package.
const python = "/usr/bin/python3"

// program is a side's supervisord: the command line before its own arguments.
type program struct {
	side string
	path string
}

// bin is where programs are put for the tests; TestMain makes and removes it.
var bin string

// build builds our supervisord.
var build = sync.OnceValues(func() (program, error) {
	path := filepath.Join(bin, "supervisord")
	out, err := exec.Command("go", "build", "-o", path, "github.com/plugvisor/plugvisor/cmd/supervisord").CombinedOutput()
	if err != nil {
		return program{}, fmt.Errorf("cannot build supervisord: %w\n%s", err, out)
	}
	return program{ours, path}, nil
})

// wrap makes a program that runs the supervisord of the Python packages in dirs;
// with none, the installed one.
func wrap(side string, dirs ...string) (program, error) {
	path := filepath.Join(bin, "reference-"+side)
	var list []string
	for _, dir := range dirs {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return program{}, err
		}
		list = append(list, "'"+abs+"'")
	}
	text := "#!" + python + " -W ignore\nimport sys\nsys.dont_write_bytecode = True\nsys.path[:0] = [" + strings.Join(list, ", ") + "]\n" +
		"from supervisor.supervisord import main\nmain()\n"
	return program{side, path}, os.WriteFile(path, []byte(text), 0o755)
}

// wrapInstalled wraps Debian's Supervisor 4.2.5; with twiddler and cache where
// checkouts are given. Where it is not installed the test is skipped, unless
// PLUGVISOR_REQUIRE=all.
func wrapInstalled(t *testing.T) program {
	t.Helper()
	out, err := exec.Command(python, "-W", "ignore", "/usr/bin/supervisord", "--version").Output()
	version := strings.TrimSpace(string(out))
	if err == nil && version != installed {
		err = fmt.Errorf("it is version %s, the scenarios know %s", version, installed)
	}
	if err == nil {
		var dirs []string
		for _, dir := range []string{*twiddler, *cache} {
			if dir != "" {
				dirs = append(dirs, dir)
			}
		}
		var p program
		if p, err = wrap(installed, dirs...); err == nil {
			return p
		}
	}
	if os.Getenv("PLUGVISOR_REQUIRE") == "all" {
		t.Fatalf("cannot use the installed Supervisor: %v", err)
	}
	t.Skipf("cannot use the installed Supervisor: %v", err)
	return program{}
}

// killTree kills a process of ours and what it has started.
func killTree(pid int) {
	tree := descendants(pid)
	for _, pid := range append([]int{pid}, tree...) {
		if p, err := os.FindProcess(pid); err == nil {
			_ = p.Kill() // it may be gone
		}
	}
}

func descendants(pid int) (pids []int) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return nil
	}
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		for _, field := range strings.Fields(string(text)) {
			var child int
			if _, err := fmt.Sscan(field, &child); err == nil {
				pids = append(pids, child)
				pids = append(pids, descendants(child)...)
			}
		}
	}
	return pids
}
