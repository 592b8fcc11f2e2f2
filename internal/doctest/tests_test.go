package doctest

import (
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var function = regexp.MustCompile(`^(Test|Fuzz)[A-Z0-9]\w*$`)

// TestTestsExist: each test that the page names is one that go test runs, and a
// file is one that mentions what the row is about.
func TestTestsExist(t *testing.T) {
	functions := map[string]map[string]bool{}
	for _, r := range rows(t) {
		tests := spans(r.tests)
		if len(tests) == 0 && r.tests != "–" {
			t.Errorf("%s %v: no test, and no – for it", r.heading, r.names)
		}
		for _, test := range tests {
			dir, name, _ := strings.Cut(test, " ")
			if functions[dir] == nil {
				functions[dir] = testFunctions(t, dir)
			}
			if function.MatchString(name) {
				if !functions[dir][name] {
					t.Errorf("%s %v: %s is not there", r.heading, r.names, test)
				}
				continue
			}
			data, err := os.ReadFile(filepath.Join(root, dir, "testdata", name))
			if err != nil {
				t.Errorf("%s %v: %s is no function and no file", r.heading, r.names, test)
				continue
			}
			if !slices.ContainsFunc(r.names, func(n string) bool { return strings.Contains(string(data), n) }) {
				t.Errorf("%s %v: %s does not mention it", r.heading, r.names, test)
			}
		}
	}
}

// testFunctions lists the tests of a package that are built on this system.
func testFunctions(t *testing.T, dir string) map[string]bool {
	t.Helper()
	p, err := build.ImportDir(filepath.Join(root, dir), 0)
	if err != nil {
		t.Errorf("cannot read the package %s: %v", dir, err)
		return nil
	}
	out := map[string]bool{}
	for _, name := range append(p.TestGoFiles, p.XTestGoFiles...) {
		for _, d := range parse(t, dir, name).Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && function.MatchString(f.Name.Name) {
				out[f.Name.Name] = true
			}
		}
	}
	return out
}

func parse(t *testing.T, dir, name string) *ast.File {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, dir, name), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
