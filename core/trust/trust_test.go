package trust

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// What is executed is what was hashed, whatever becomes of the file in between.
func TestFileExchangedBetweenCheckAndStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plugin")
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, self, 0o755); err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256(self)
	sum := hex.EncodeToString(hash[:])
	image, err := SealedCopy(path, sum)
	if err != nil {
		t.Fatal(err)
	}
	defer image.Close()
	if err := os.WriteFile(path+".new", []byte("#!/bin/false\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/self/fd/%d", image.Fd()))
	if hash := sha256.Sum256(text); err != nil || hex.EncodeToString(hash[:]) != sum {
		t.Errorf("the copy changed with the file: %v", err)
	}
	if _, err := image.WriteAt([]byte("x"), 0); !errors.Is(err, unix.EPERM) {
		t.Errorf("writing to the copy: %v, want EPERM", err)
	}
	for _, size := range []int64{0, 1 << 30} {
		if err := image.Truncate(size); !errors.Is(err, unix.EPERM) {
			t.Errorf("setting the copy's size: %v, want EPERM", err)
		}
	}
	if _, err := unix.FcntlInt(image.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_FUTURE_WRITE); !errors.Is(err, unix.EPERM) {
		t.Errorf("sealing once more: %v, want EPERM", err)
	}
}

func TestCheckPath(t *testing.T) {
	top := t.TempDir()
	mk := func(name string, mode os.FileMode) string {
		t.Helper()
		path := filepath.Join(top, name)
		if err := os.MkdirAll(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file := func(path string, mode os.FileMode) string {
		t.Helper()
		if err := os.WriteFile(path, nil, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	link := func(target, path string) string {
		t.Helper()
		if err := os.Symlink(target, path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := mk("good", 0o755)
	plugin := file(filepath.Join(good, "p"), 0o755)
	group, world := mk("group", 0o775), mk("world", 0o757)
	sticky := mk("sticky", 0o777|os.ModeSticky)
	within := mk("sticky/own", 0o755)
	mk("world/below", 0o755)
	tests := []struct {
		name, path string
		want       []string // nil: trusted
	}{
		{"plain", plugin, nil},
		{"below a sticky directory", file(filepath.Join(within, "p"), 0o755), nil},
		{"a link to it", link(plugin, filepath.Join(good, "l")), nil},
		{"a relative link", link("../good/l", filepath.Join(good, "r")), nil},
		{"dots", good + "/../good/./p", nil},
		{"group writes the file", file(filepath.Join(good, "g"), 0o775), []string{"chmod go-w " + good + "/g"}},
		{"others write the file", file(filepath.Join(good, "with blank"), 0o757), []string{"chmod go-w '" + good + "/with blank'"}},
		{"group writes the directory", file(filepath.Join(group, "p"), 0o755), []string{"others can write to " + group + "; chmod go-w " + group}},
		{"all of it", file(filepath.Join(world, "below", "p"), 0o777), []string{"chmod go-w " + world + " " + world + "/below/p"}},
		{"in a sticky directory", file(filepath.Join(sticky, "p"), 0o755), []string{"everybody can make files in " + sticky, "a directory of its own"}},
		{"a link in a sticky directory", link(plugin, filepath.Join(sticky, "l")), []string{"everybody can make files in " + sticky}},
		{"a link from an open directory", link(plugin, filepath.Join(world, "l")), []string{"chmod go-w " + world}},
		{"a link into an open directory", link(filepath.Join(group, "p"), filepath.Join(good, "o")), []string{"chmod go-w " + group}},
		{"a link in a circle", link("circle", filepath.Join(good, "circle")), []string{"too many levels of symbolic links"}},
		{"nothing", filepath.Join(good, "none"), []string{"cannot look at " + good + "/none"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := CheckPath(test.path, os.Geteuid())
			if test.want == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil {
				t.Fatal("it is trusted")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v: lacks %q", err, want)
				}
			}
		})
	}
	t.Run("of another user", func(t *testing.T) {
		if os.Geteuid() != 0 {
			t.Skip("only root gives files away")
		}
		foreign := mk("foreign", 0o755)
		path := file(filepath.Join(foreign, "p"), 0o755)
		for _, p := range []string{foreign, path} {
			if err := os.Chown(p, 4711, -1); err != nil {
				t.Fatal(err)
			}
		}
		err := CheckPath(path, 0)
		if err == nil || !strings.Contains(err.Error(), foreign+" belongs to uid 4711, and "+path+" belongs to uid 4711; chown root "+foreign+" "+path) {
			t.Error(err)
		}
		if err := CheckPath(path, 4711); err != nil {
			t.Errorf("for that user: %v", err)
		}
	})
}
