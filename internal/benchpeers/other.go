package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// otherModule is the other supervisor in Go, called O in the table.
const otherModule = "github.com/ochinchina/supervisord"

// buildOther builds O into a directory, from a source directory or, without one,
// from the module proxy, and gives how to start it and which version it is.
func buildOther(dir, source string) (c command, version string, err error) {
	if source == "" {
		if source, err = downloadOther(); err != nil {
			return command{}, "", err
		}
	}
	file := filepath.Join(dir, "other-supervisord")
	build := exec.Command("go", "build", "-o", file, ".")
	build.Dir = source
	if out, err := build.CombinedOutput(); err != nil {
		return command{}, "", fmt.Errorf("cannot build %s: %w: %s", otherModule, err, lastLine(out))
	}
	out, err := exec.Command(file, "version").Output()
	if err != nil {
		return command{}, "", fmt.Errorf("cannot ask %s for its version: %w", otherModule, err)
	}
	version, _, _ = strings.Cut(string(out), "\n")
	version = strings.TrimSpace(strings.TrimPrefix(version, "Version:"))
	// With a size of 0 it rotates after each write, and NONE is a file's name.
	return command{
		argv:    []string{file},
		dialect: dialect{discard: "/dev/null", unlimited: "1000GB", bare: true, runs: "success to start program"},
	}, version, nil
}

// downloadOther gives the directory of O's source in the module cache.
func downloadOther() (string, error) {
	download := exec.Command("go", "mod", "download", "-json", otherModule+"@latest")
	download.Dir = "/" // outside any module
	out, err := download.Output()
	var module struct{ Dir, Error string } // as go help mod download has them
	if jsonErr := json.Unmarshal(out, &module); jsonErr == nil && module.Error != "" {
		err = errors.New(lastLine([]byte(module.Error)))
	}
	if err != nil {
		return "", fmt.Errorf("cannot download %s: %w", otherModule, err)
	}
	return module.Dir, nil
}

func lastLine(text []byte) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
