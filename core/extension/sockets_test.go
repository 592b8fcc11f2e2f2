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

// TestRunDirOfOthers has somebody else make the run directory first.
func TestRunDirOfOthers(t *testing.T) {
	dir := shortTempDir(t)
	open, link := filepath.Join(dir, "open"), filepath.Join(dir, "link")
	if err := os.Mkdir(open, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	refused := []string{open, link}
	if os.Geteuid() == 0 {
		foreign := filepath.Join(dir, "foreign")
		if err := os.Mkdir(foreign, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(foreign, 65534, -1); err != nil {
			t.Fatal(err)
		}
		refused = append(refused, foreign)
	}
	for _, dir := range refused {
		if s, err := claimSockets(dir); err == nil {
			s.release()
			t.Errorf("%s was taken", filepath.Base(dir))
		} else if !strings.Contains(err.Error(), "remove it, or set TMPDIR") {
			t.Errorf("%s: %v", filepath.Base(dir), err)
		}
	}
}
