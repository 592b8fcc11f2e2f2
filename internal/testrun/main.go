package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

func main() {
	race := flag.String("race", "", "comma-separated patterns of packages to run under the race detector")
	flag.Parse()
	patterns := flag.Args()
	if len(patterns) == 0 {
		patterns = []string{"./..."}
	}
	ok, err := run(os.Stdout, patterns, *race, os.Getenv("PLUGVISOR_REQUIRE") == "all")
	if err != nil {
		fmt.Fprintln(os.Stderr, "testrun:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

// run tests the packages and writes the report. It gives whether all is well.
func run(w io.Writer, patterns []string, race string, requireAll bool) (bool, error) {
	plain, err := list(patterns)
	if err != nil {
		return false, err
	}
	var raced []string
	raceMissing := false
	if race != "" {
		if raced, err = list(strings.Split(race, ",")); err != nil {
			return false, err
		}
		if raceMissing, err = cgoMissing(); err != nil {
			return false, err
		}
	}
	if raceMissing {
		fmt.Fprintln(w, "race detector not used: cgo needs a C compiler")
	} else {
		raced = slices.DeleteFunc(raced, func(p string) bool { return !slices.Contains(plain, p) })
		plain = slices.DeleteFunc(plain, func(p string) bool { return slices.Contains(raced, p) })
	}

	r := newReport(w)
	if err := test(r, plain); err != nil {
		return false, err
	}
	if !raceMissing {
		if err := test(r, raced, "-race"); err != nil {
			return false, err
		}
	}
	r.finish()
	ok := r.failed == 0 && !(requireAll && (r.skipped() > 0 || raceMissing))
	return ok, nil
}

// test runs go test on packages. That tests fail is no error.
func test(r *report, packages []string, flags ...string) error {
	if len(packages) == 0 {
		return nil
	}
	args := append([]string{"test", "-json"}, flags...)
	cmd := exec.Command("go", append(args, packages...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("cannot run go test: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("cannot run go test: %w", err)
	}
	readErr := r.read(out)
	err = cmd.Wait()
	if readErr != nil {
		return readErr
	}
	if _, exited := err.(*exec.ExitError); err != nil && !(exited && r.failed > 0) {
		return fmt.Errorf("cannot run go test: %w", err)
	}
	return nil
}

func list(patterns []string) ([]string, error) {
	cmd := exec.Command("go", append([]string{"list"}, patterns...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("cannot list %s: %w", strings.Join(patterns, " "), err)
	}
	return strings.Fields(string(out)), nil
}

// cgoMissing says whether cgo, which the race detector needs, is off. The go
// command turns it off by itself where there is no C compiler.
func cgoMissing() (bool, error) {
	out, err := exec.Command("go", "env", "CGO_ENABLED").Output()
	if err != nil {
		return false, fmt.Errorf("cannot read CGO_ENABLED: %w", err)
	}
	return strings.TrimSpace(string(out)) != "1", nil
}
