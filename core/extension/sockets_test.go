package extension

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSockets(t *testing.T) {
	runDir := shortTempDir(t)
	live, err := claimSockets(runDir)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(live.dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	// A dead daemon's directory is one that nobody has locked.
	dead := filepath.Join(runDir, "pv-abc234", "plugin-dir1")
	if err := os.MkdirAll(dead, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dead, "plugin1"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// What is not ours to remove.
	for _, name := range []string{"pv-abcdefg", "other"} {
		if err := os.Mkdir(filepath.Join(runDir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(runDir, "pv-file12"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	second, err := claimSockets(runDir)
	if err != nil {
		t.Fatal(err)
	}
	names := func() map[string]bool {
		entries, err := os.ReadDir(runDir)
		if err != nil {
			t.Fatal(err)
		}
		set := map[string]bool{}
		for _, e := range entries {
			set[e.Name()] = true
		}
		return set
	}
	got := names()
	if got["pv-abc234"] {
		t.Error("the dead daemon's directory is still there")
	}
	for _, name := range []string{filepath.Base(live.dir), filepath.Base(second.dir), "pv-abcdefg", "other", "pv-file12"} {
		if !got[name] {
			t.Errorf("%s was removed", name)
		}
	}
	live.release()
	second.release()
	if got := names(); len(got) != 3 {
		t.Errorf("left: %v", got)
	}
}

func TestLongRunDir(t *testing.T) {
	_, err := claimSockets("/" + strings.Repeat("x", 70))
	if err == nil || !strings.Contains(err.Error(), "the path is longer than 59 bytes; choose another run directory") {
		t.Errorf("got %v", err)
	}
}
