package archtest

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// pkg is what go list tells of a package.
type pkg struct {
	ImportPath string
	Dir        string
	Doc        string
	Standard   bool
	GoFiles    []string
	CgoFiles   []string
	Imports    []string
	Deps       []string
	Module     *struct{ Path string }
}

// load lists all packages of the module and what they depend on, by path.
var load = sync.OnceValues(func() (map[string]*pkg, error) {
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Dir,Doc,Standard,GoFiles,CgoFiles,Imports,Deps,Module", "./...")
	cmd.Dir = filepath.Join("..", "..")
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil, errors.New(string(exit.Stderr))
	}
	if err != nil {
		return nil, err
	}
	all := map[string]*pkg{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		p := new(pkg)
		if err := d.Decode(p); err == io.EOF {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all[p.ImportPath] = p
	}
})

func loadAll(t *testing.T) map[string]*pkg {
	t.Helper()
	all, err := load()
	if err != nil {
		t.Fatalf("cannot list packages: %v", err)
	}
	return all
}

// own gives the path of a package below this module.
func own(path string) (string, bool) { return strings.CutPrefix(path, module+"/") }

// eachRoom runs f for the row of each package of the module that exists.
func eachRoom(t *testing.T, f func(t *testing.T, p *pkg, r room)) {
	all := loadAll(t)
	seen := 0
	for _, r := range rooms {
		if p := all[module+"/"+r.path]; p != nil {
			seen++
			t.Run(r.path, func(t *testing.T) { f(t, p, r) })
		}
	}
	if seen == 0 {
		t.Fatal("no row has a package: the module's path is wrong")
	}
}

func TestEveryPackageHasARow(t *testing.T) {
	for path := range loadAll(t) {
		name, ok := own(path)
		if ok && !slices.ContainsFunc(rooms, func(r room) bool { return r.path == name }) {
			t.Errorf("%s has no row in the table: say what it may import", name)
		}
	}
}

func TestImportsOfOurs(t *testing.T) {
	eachRoom(t, func(t *testing.T, p *pkg, r room) {
		for _, path := range p.Imports {
			if name, ok := own(path); ok && !slices.Contains(r.ours, name) {
				t.Errorf("imports %s, which its row does not have", name)
			}
		}
	})
}

func TestThirdParties(t *testing.T) {
	all := loadAll(t)
	eachRoom(t, func(t *testing.T, p *pkg, r room) {
		for _, path := range p.Deps {
			d := all[path]
			if d.Standard || d.Module == nil || d.Module.Path == module || slices.Contains(r.third, d.Module.Path) {
				continue
			}
			t.Errorf("reaches %s (%s), which its row does not have", path, strings.Join(route(all, p.ImportPath, path), " -> "))
		}
	})
}

func TestStandardLibrary(t *testing.T) {
	eachRoom(t, func(t *testing.T, p *pkg, r room) {
		for _, path := range p.Imports {
			for _, no := range r.std.packages {
				if below(path, no) {
					t.Errorf("imports %s: %s", path, r.std.why)
				}
			}
		}
		if r.std.code {
			checkPure(t, p, r.std.why)
		}
	})
}

func TestWalls(t *testing.T) {
	all := loadAll(t)
	for _, w := range walls {
		for path, p := range all {
			name, ok := own(path)
			if !ok || !matches(name, w.from) {
				continue
			}
			for _, dep := range p.Deps {
				target := dep
				if name, ok := own(dep); ok {
					target = name
				}
				if matches(target, w.to) {
					t.Errorf("%s reaches %s (%s): %s", name, target, strings.Join(route(all, path, dep), " -> "), w.why)
				}
			}
		}
	}
}

func TestPackageComments(t *testing.T) {
	eachRoom(t, func(t *testing.T, p *pkg, r room) {
		if p.Doc == "" && !generated(t, p) {
			t.Error("has no package comment")
		}
	})
}

// TestNoExec: whatever the daemon links of ours may at most name exec.Cmd.
func TestNoExec(t *testing.T) {
	all := loadAll(t)
	daemon := all[module+"/cmd/supervisord"]
	if daemon == nil {
		t.Fatal("cmd/supervisord is not there")
	}
	for _, path := range append(daemon.Deps, daemon.ImportPath) {
		p := all[path]
		if _, ok := own(path); !ok || !slices.Contains(p.Imports, "os/exec") {
			continue
		}
		eachFile(t, p, func(fset *token.FileSet, f *ast.File) {
			name := importedAs(f, "os/exec")
			ast.Inspect(f, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok && name != "" && isIdent(s.X, name) && s.Sel.Name != "Cmd" {
					t.Errorf("%s: exec.%s: %s", fset.Position(n.Pos()), s.Sel.Name, noExec.why)
				}
				return true
			})
		})
	}
}

// checkPure reports go statements and readings of the clock.
func checkPure(t *testing.T, p *pkg, why string) {
	eachFile(t, p, func(fset *token.FileSet, f *ast.File) {
		clock := importedAs(f, "time")
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s: go statement: %s", fset.Position(n.Pos()), why)
			case *ast.SelectorExpr:
				if clock != "" && isIdent(n.X, clock) &&
					slices.Contains(words("Now Since Until Sleep After AfterFunc Tick NewTimer NewTicker"), n.Sel.Name) {
					t.Errorf("%s: time.%s: %s", fset.Position(n.Pos()), n.Sel.Name, why)
				}
			}
			return true
		})
	})
}

func eachFile(t *testing.T, p *pkg, f func(*token.FileSet, *ast.File)) {
	fset := token.NewFileSet()
	for _, name := range append(p.GoFiles, p.CgoFiles...) {
		file, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments)
		if err != nil {
			t.Errorf("cannot parse %s: %v", name, err)
			continue
		}
		f(fset, file)
	}
}

func generated(t *testing.T, p *pkg) bool {
	all := true
	eachFile(t, p, func(_ *token.FileSet, f *ast.File) { all = all && ast.IsGenerated(f) })
	return all
}

// importedAs gives the name by which a file knows a package, "" when it does not
// import it.
func importedAs(f *ast.File, path string) string {
	for _, s := range f.Imports {
		if got, _ := strconv.Unquote(s.Path.Value); got == path {
			if s.Name != nil {
				return s.Name.Name
			}
			return path[strings.LastIndex(path, "/")+1:]
		}
	}
	return ""
}

func isIdent(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

// route gives a shortest chain of imports between two packages.
func route(all map[string]*pkg, from, to string) []string {
	before := map[string]string{from: ""}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		if queue[0] == to {
			break
		}
		for _, next := range all[queue[0]].Imports {
			if _, ok := before[next]; !ok && all[next] != nil {
				before[next] = queue[0]
				queue = append(queue, next)
			}
		}
	}
	var chain []string
	for at := to; at != ""; at = before[at] {
		chain = append(chain, strings.TrimPrefix(at, module+"/"))
	}
	slices.Reverse(chain)
	return chain
}

// below says whether path is the package called root or one under it.
func below(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }

// matches compares a path with a wall's pattern.
func matches(path, pattern string) bool {
	if root, ok := strings.CutSuffix(pattern, "/..."); ok {
		return below(path, root)
	}
	return path == pattern
}

func words(s string) []string { return strings.Fields(s) }

func join(lists ...[]string) []string { return slices.Concat(lists...) }
