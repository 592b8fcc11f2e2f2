package docrun

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

func TestBlocks(t *testing.T) {
	got, err := Blocks("prose\n```sh\na\n\nb\n```\n```python dir/x.py\n#!x\n```\n```\nfor people\n```\n")
	want := []Block{{2, "sh", "", "a\n\nb\n"}, {7, "python", "dir/x.py", "#!x\n"}, {10, "", "", "for people\n"}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := Blocks("```sh\na\n"); err == nil {
		t.Error("a block without an end is read")
	}
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		want, got string
		ok        bool
	}{
		{"a\n", "a\n", true},
		{"a\n", "a  \n\n", true},
		{"a\n", "b\n", false},
		{"a\n", "a\nb\n", false},
		{"a\n...\n", "a\nb\nc\n", true},
		{"...\nc\n", "a\nb\nc\n", true},
		{"...\nc\n", "a\nb\n", false},
		{"pid ..., up\n", "pid 7, up\n", true},
		{"pid ..., up\n", "pid 7\n, up\n", false},
		{"a+b\n", "aab\n", false},
	} {
		if got := Matches(c.want, c.got); got != c.ok {
			t.Errorf("%q, %q: %v", c.want, c.got, got)
		}
	}
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	document := filepath.Join(t.TempDir(), "x.md")
	text := "```sh script.sh\n#!/bin/sh\necho \"$WORD\"\n```\n```sh\n./script.sh\necho 2 >&2\nsleep 600 & echo $! >pid\n```\n```text\nword\n2\n```\n" +
		"```sh\nkill \"$(cat pid)\"\n```\n"
	if err := os.WriteFile(document, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	Run(t, document, Setting{Dir: dir, Env: []string{"WORD=word"}})
	if out, err := (Setting{Dir: dir}).run("false; echo not reached"); err == nil || out != "" {
		t.Errorf("got %q, %v", out, err)
	}
	if err := (Setting{Dir: dir}).write(Block{File: "../x"}); err == nil {
		t.Error("a file is written outside of the directory")
	}
}

// TestAuthorsPython follows docs/authors-python.md, with Debian's Python and a clone's
// executables.
func TestAuthorsPython(t *testing.T) {
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import grpc, google.protobuf, cryptography").Run(); err != nil {
		if os.Getenv("PLUGVISOR_REQUIRE") == "all" {
			t.Fatalf("%s with its modules is required: %v", python, err)
		}
		t.Skipf("%s has not all modules", python)
	}
	follow(t, filepath.Join(root(t), "docs", "authors-python.md"), "PLUGVISOR="+root(t))
}

func TestAuthors(t *testing.T) {
	follow(t, filepath.Join(root(t), "docs", "authors.md"), "PLUGVISOR="+root(t))
}

func TestOperating(t *testing.T) {
	hello := filepath.Join(t.TempDir(), "hello")
	cmd := exec.Command("go", "build", "-o", hello, "./examples/extensions/hello")
	cmd.Dir = root(t)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cannot build the example: %v\n%s", err, out)
	}
	follow(t, filepath.Join(root(t), "docs", "operating.md"), "HELLO="+hello)
}

// root is the directory of the module.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// follow runs a document in an empty directory with a short path, as sockets must
// have one. The daemon that is left when a block fails is ended.
func follow(t *testing.T, document string, env ...string) {
	t.Helper()
	bin := executables(t)
	dir, err := os.MkdirTemp("/tmp", "doc")
	if err != nil {
		t.Fatal(err)
	}
	tmp := filepath.Join(dir, "tmp") // go ignores a go.mod in the directory itself
	if err := os.Mkdir(tmp, 0o700); err != nil {
		t.Fatal(err)
	}
	env = append(env, "TMPDIR="+tmp, fmt.Sprintf("PATH=%s:%s", bin, os.Getenv("PATH")))
	s := Setting{Dir: dir, Env: env}
	t.Cleanup(func() {
		if _, err := os.Stat(filepath.Join(dir, "supervisord.pid")); err == nil {
			log, _ := os.ReadFile(filepath.Join(dir, "supervisord.log"))
			t.Logf("supervisord.log:\n%s", log)
			s.run("kill $(cat supervisord.pid); while [ -e supervisord.pid ]; do sleep 0.1; done")
			t.Error("the document leaves a daemon behind")
		}
		os.RemoveAll(dir)
	})
	Run(t, document, s)
}

// executables gives the directory of supervisord and supervisorctl.
func executables(t *testing.T) string {
	t.Helper()
	if given := os.Getenv("PLUGVISOR_BIN"); given != "" {
		return given
	}
	dir := t.TempDir()
	cmd := exec.Command("go", "build", "-o", filepath.Join(dir, "supervisord"), "./cmd/supervisord")
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cannot build supervisord: %v\n%s", err, out)
	}
	if err := os.Symlink("supervisord", filepath.Join(dir, "supervisorctl")); err != nil {
		t.Fatal(err)
	}
	return dir
}
