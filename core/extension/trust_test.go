package extension

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
