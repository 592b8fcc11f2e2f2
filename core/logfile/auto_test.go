package logfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

func TestCreateAuto(t *testing.T) {
	dir := t.TempDir()
	shape := regexp.MustCompile(`^` + regexp.QuoteMeta(dir) + `/cat-stdout---supervisor-[a-z0-9_]{8}\.log$`)
	seen := make(map[string]bool)
	for range 20 {
		path, err := CreateAuto(dir, "cat", "stdout", "supervisor")
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if !shape.MatchString(path) || seen[path] || info.Mode() != 0o600 || info.Size() != 0 {
			t.Errorf("file %q: mode %v, size %d, seen before %v", path, info.Mode(), info.Size(), seen[path])
		}
		seen[path] = true
	}
	if _, err := CreateAuto(filepath.Join(dir, "none"), "cat", "stdout", "supervisor"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing directory: %v, want ErrNotExist", err)
	}
}

func TestCleanAuto(t *testing.T) {
	dir := t.TempDir()
	const identifier = "su.per+1"
	stale := []string{
		"cat-stdout---su.per+1-abcd_123.log", "cat-stderr---su.per+1-abcdefgh.log.1", "x---su.per+1-a.log.10", "x---su.per+1-a.logbook",
	}
	kept := []string{
		"cat-stdout---suXper+1-abcdefgh.log", "cat-stdout---su.per+12-abcdefgh.log", "---su.per+1-abcdefgh.log",
		"cat-stdout---su.per+1-ab cd.log", "cat.log",
	}
	for _, name := range append(slices.Clone(stale), kept...) {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stuck := filepath.Join(dir, "dir---su.per+1-abcdefgh.log")
	if err := os.Mkdir(stuck, 0o700); err != nil {
		t.Fatal(err)
	}
	failed, err := CleanAuto(dir, identifier)
	if err != nil || !slices.Equal(failed, []string{stuck}) {
		t.Errorf("failed %q, %v; want %q", failed, err, stuck)
	}
	var left []string
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		left = append(left, e.Name())
	}
	want := append(slices.Clone(kept), filepath.Base(stuck))
	slices.Sort(want)
	if !slices.Equal(left, want) {
		t.Errorf("left %q, want %q", left, want)
	}
	if _, err := CleanAuto(filepath.Join(dir, "none"), identifier); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing directory: %v, want ErrNotExist", err)
	}
}

// What CreateAuto makes, CleanAuto finds.
func TestAutoNamesAgree(t *testing.T) {
	dir := t.TempDir()
	if _, err := CreateAuto(dir, "a_00", "stderr", "(id)"); err != nil {
		t.Fatal(err)
	}
	if failed, err := CleanAuto(dir, "(id)"); len(failed) != 0 || err != nil {
		t.Fatalf("CleanAuto: %q, %v", failed, err)
	}
	if got := listing(t, dir); got != "" {
		t.Errorf("left %q", got)
	}
}
