package extension

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/plugvisor/plugvisor/core"
)

func TestResolve(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	write := func(path string, mode os.FileMode) string {
		t.Helper()
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	hello := write(filepath.Join(second, "hello"), 0o755)
	write(filepath.Join(first, "plain"), 0o644)
	write(filepath.Join(first, "shadowed"), 0o755)
	write(filepath.Join(second, "shadowed"), 0o755)
	write(filepath.Join(first, "twiddler"), 0o755)
	spaced := write(filepath.Join(first, "my plugin"), 0o755)
	const main = "supervisor.rpcinterface:make_main_rpcinterface"
	src := sources{
		builtin: func(name string) bool { return name == main },
		bundled: []string{"twiddler"},
		dirs:    []string{first, second},
	}
	offers := "twiddler (bundled), a file in " + first + " or " + second + ", the path of an executable"
	for _, c := range []struct {
		factory string
		want    factory
		err     string // what follows "FACTORY cannot be resolved within [rpcinterface:x] (file: 'F'): "
	}{
		{factory: main, want: factory{kind: builtin, name: main}},
		{factory: "twiddler", want: factory{kind: bundled, name: "twiddler", path: selfExe, argv: []string{BundledArg, "twiddler"}}},
		{factory: " supervisor_twiddler.rpcinterface:make_twiddler_rpcinterface ",
			want: factory{kind: bundled, name: "twiddler", path: selfExe, argv: []string{BundledArg, "twiddler"}}},
		{factory: hello + " --verbose 'a b'", want: factory{kind: external, path: hello, argv: []string{hello, "--verbose", "a b"}}},
		{factory: "hello", want: factory{kind: external, path: hello, argv: []string{hello}}},
		{factory: "hello -v", want: factory{kind: external, path: hello, argv: []string{hello, "-v"}}},
		{factory: "shadowed", want: factory{kind: external, path: filepath.Join(first, "shadowed"), argv: []string{filepath.Join(first, "shadowed")}}},
		{factory: `"` + spaced + `"`, want: factory{kind: external, path: spaced, argv: []string{spaced}}},

		{factory: "supervisor_quick.quick:make_rpc", err: "it is of the Python module supervisor_quick.quick, " +
			"and Python extensions cannot be loaded; remove the section, or name a plugin: " + offers},
		{factory: "mr.laforge.rpcinterface:make_laforge_rpcinterface", err: "it is of the Python module mr.laforge.rpcinterface, " +
			"and Python extensions cannot be loaded; remove the section, or name a plugin: " + offers},
		{factory: "nosuch", err: "there is no plugin nosuch; name one of: " + offers},
		{factory: "plain", err: first + "/plain is not executable; make it an executable file"},
		{factory: "/no/such/file", err: "there is no file /no/such/file; give the path of a plugin's executable"},
		{factory: first + "/", err: first + " is not a file; give the path of a plugin's executable"},
		{factory: "twiddler -v", err: "the bundled plugin twiddler takes no arguments; write its options as keys of the section"},
		{factory: "", err: "it is empty; name a plugin: " + offers},
		{factory: "hello 'x", err: "a quotation is not closed; write a plugin's name, or a path with arguments as a shell takes them"},
	} {
		t.Run(c.factory, func(t *testing.T) {
			got, err := src.resolve(core.ExtensionSpec{Section: "rpcinterface:x", File: "F", Factory: c.factory})
			if c.err != "" {
				want := fmt.Sprintf("%s cannot be resolved within [rpcinterface:x] (file: 'F'): %s", c.factory, c.err)
				if err == nil || err.Error() != want {
					t.Errorf("got  %v\nwant %s", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.kind != c.want.kind || got.name != c.want.name || got.path != c.want.path || !slices.Equal(got.argv, c.want.argv) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// Relative paths are those of the moment: the daemon changes its directory later.
func TestResolveRelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("plugin", nil, 0o755); err != nil {
		t.Fatal(err)
	}
	got, err := sources{builtin: func(string) bool { return false }}.find("./plugin")
	if err != nil {
		t.Fatal(err)
	}
	if !filepath.IsAbs(got.path) || filepath.Base(got.path) != "plugin" {
		t.Errorf("got %q", got.path)
	}
}

func TestSplitWords(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string
		err  bool
	}{
		{"a b  c", []string{"a", "b", "c"}, false},
		{" a\tb\n", []string{"a", "b"}, false},
		{`'a b' "c d" e\ f`, []string{"a b", "c d", "e f"}, false},
		{`a'b'"c"`, []string{"abc"}, false},
		{`'' ""`, []string{"", ""}, false},
		{`"a\"b\\c\d" 'a\b'`, []string{`a"b\c\d`, `a\b`}, false},
		{"$HOME *.txt", []string{"$HOME", "*.txt"}, false},
		{"", nil, false},
		{"'a", nil, true},
		{`"a`, nil, true},
		{`a\`, nil, true},
	} {
		got, err := splitWords(c.in)
		if !slices.Equal(got, c.want) || (err != nil) != c.err {
			t.Errorf("%q: got %q, %v", c.in, got, err)
		}
	}
}

func FuzzSplitWords(f *testing.F) {
	for _, s := range []string{"a b", `'a b' "c\"d" e\ f`, `'`, `\`, "\xff\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		words, err := splitWords(s)
		if err != nil {
			return
		}
		// Quoting what came out gives the same words again.
		quoted := make([]string, len(words))
		for i, w := range words {
			quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		again, err := splitWords(strings.Join(quoted, " "))
		if err != nil || !slices.Equal(again, words) {
			t.Errorf("%q became %q, and that %q (%v)", s, words, again, err)
		}
	})
}

func TestBundledName(t *testing.T) {
	for _, c := range []struct {
		argv []string
		name string
		ok   bool
	}{
		{[]string{BundledArg, "twiddler"}, "twiddler", true},
		{[]string{BundledArg}, "", false},
		{[]string{"/usr/bin/supervisord", "twiddler"}, "", false},
		{nil, "", false},
	} {
		if name, ok := bundledName(c.argv); name != c.name || ok != c.ok {
			t.Errorf("%q: %q, %v", c.argv, name, ok)
		}
	}
}
