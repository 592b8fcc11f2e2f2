package extension

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

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// copySelf makes an executable copy of the test binary.
func copySelf(t *testing.T, path string) (sum string) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256(text)
	return hex.EncodeToString(hash[:])
}

func hashed(path, sum string) core.ExtensionSpec {
	spec := section("x", "plain")
	spec.Factory = path + " test-plugin plain"
	spec.SHA256 = sum
	return spec
}

func TestHash(t *testing.T) {
	dir := shortTempDir(t)
	path := filepath.Join(dir, "plugin")
	sum := copySelf(t, path)
	r := newRig(t, Config{Specs: []core.ExtensionSpec{hashed(path, sum)}}).start(t)
	pid := int(r.mustCall(t, "x.pid").(rpcinterface.Int))
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil || exe != "/memfd:plugin:plugin (deleted)" {
		t.Errorf("it runs %q, %v", exe, err)
	}
	argv, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || !strings.HasPrefix(string(argv), path+"\x00test-plugin\x00") {
		t.Errorf("its arguments are %q, %v", argv, err)
	}
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(fds) < 3 {
		t.Fatal(fds, err)
	}
	for _, fd := range fds {
		if target, _ := os.Readlink(fd); strings.Contains(target, "memfd") {
			t.Errorf("it has inherited %s: %s", fd, target)
		}
	}
	if own, _ := filepath.Glob("/proc/self/fd/*"); true {
		for _, fd := range own {
			if target, _ := os.Readlink(fd); strings.Contains(target, "memfd:plugin") {
				t.Errorf("the daemon has kept %s: %s", fd, target)
			}
		}
	}
}

// A file that is exchanged counts at the next start, with its own hash only.
func TestHashOfAnotherFile(t *testing.T) {
	dir := shortTempDir(t)
	path := filepath.Join(dir, "plugin")
	sum := copySelf(t, path)
	r := newRig(t, Config{Specs: []core.ExtensionSpec{hashed(path, sum)}}).start(t)
	pid := r.mustCall(t, "x.pid")
	text := []byte("\x7fELF, but another")
	if err := os.WriteFile(path+".new", text, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	other := sha256.Sum256(text)
	err := r.Restart(t.Context(), "x", true)
	if err == nil {
		t.Fatal("another file was started")
	}
	for _, want := range []string{sum, hex.EncodeToString(other[:]), path, "plugin.sha256"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v: lacks %q", err, want)
		}
	}
	if now := r.mustCall(t, "x.pid"); now != pid {
		t.Errorf("pid %v, was %v: the one that served does not go on", now, pid)
	}
}

// What is executed is what was hashed, whatever becomes of the file in between.
func TestFileExchangedBetweenCheckAndStart(t *testing.T) {
	path := filepath.Join(shortTempDir(t), "plugin")
	sum := copySelf(t, path)
	image, err := sealedCopy(path, sum)
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

func TestHashRefused(t *testing.T) {
	dir := shortTempDir(t)
	for text, want := range map[string]string{
		"#!/bin/sh\nexit 0\n": "is a script, and plugin.sha256 cannot vouch for one",
		"MZ\x00\x00":          "is not an ELF binary",
		"":                    "is not an ELF binary",
	} {
		path := filepath.Join(dir, "plugin")
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		hash := sha256.Sum256([]byte(text))
		r := newRig(t, Config{Specs: []core.ExtensionSpec{hashed(path, hex.EncodeToString(hash[:]))}})
		if err := r.Resolve(); err != nil {
			t.Fatal(err)
		}
		if err := r.Start(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	spec := section("x", "")
	spec.Factory, spec.SHA256 = "bundle", strings.Repeat("0", 64)
	r := newRig(t, Config{Specs: []core.ExtensionSpec{spec}, Bundled: []string{"bundle"}})
	if err := r.Resolve(); err == nil || !strings.Contains(err.Error(), "the bundled plugin bundle has no file of its own") {
		t.Errorf("bundled: %v", err)
	}
	spec.SHA256, spec.User = "", "root"
	r = newRig(t, Config{Specs: []core.ExtensionSpec{spec}, Builtins: map[string]rpcinterface.Namespace{"bundle": nil}})
	if err := r.Resolve(); err == nil || !strings.Contains(err.Error(), "it is built in") {
		t.Errorf("built in: %v", err)
	}
}

func TestCheckTrusted(t *testing.T) {
	top := shortTempDir(t)
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
			err := checkTrusted(test.path, os.Geteuid())
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
		err := checkTrusted(path, 0)
		if err == nil || !strings.Contains(err.Error(), foreign+" belongs to uid 4711, and "+path+" belongs to uid 4711; chown root "+foreign+" "+path) {
			t.Error(err)
		}
		if err := checkTrusted(path, 4711); err != nil {
			t.Errorf("for that user: %v", err)
		}
	})
}

// An executable that others can write to is refused before anything starts, and at
// each start.
func TestOpenExecutableIsRefused(t *testing.T) {
	path := filepath.Join(shortTempDir(t), "plugin")
	copySelf(t, path)
	r := newRig(t, Config{Specs: []core.ExtensionSpec{hashed(path, "")}}).start(t)
	r.mustCall(t, "x.pid")
	if err := os.Chmod(path, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := r.Restart(t.Context(), "x", true); err == nil || !strings.Contains(err.Error(), "chmod go-w "+path) {
		t.Errorf("restart: %v", err)
	}
	again := newRig(t, Config{Specs: []core.ExtensionSpec{hashed(path, "")}})
	if err := again.Resolve(); err == nil || !strings.Contains(err.Error(), "cannot be resolved within [rpcinterface:x]") || !strings.Contains(err.Error(), "chmod go-w "+path) {
		t.Errorf("resolve: %v", err)
	}
}
