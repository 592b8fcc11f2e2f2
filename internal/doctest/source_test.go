package doctest

import (
	"context"
	"go/ast"
	"go/build"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/plugvisor/plugvisor/core/namespace"
	"github.com/plugvisor/plugvisor/core/supervisorns"
	"github.com/plugvisor/plugvisor/plugins/cache"
	"github.com/plugvisor/plugvisor/plugins/twiddler"
	"github.com/plugvisor/plugvisor/rpcinterface"
	"github.com/plugvisor/plugvisor/sdk"
	"github.com/plugvisor/plugvisor/sdk/sdktest"
)

func TestMethods(t *testing.T) {
	registry := namespace.New(func() rpcinterface.SupervisorState { return rpcinterface.SupervisorRunning })
	registry.Set("supervisor", supervisorns.New(supervisorns.Config{}))
	list, err := registry.Call(context.Background(), "system.listMethods", nil, rpcinterface.Caller{})
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, name := range list.(rpcinterface.Array) {
		want = append(want, string(name.(rpcinterface.String)))
	}
	for name, plugin := range map[string]sdk.Plugin{"twiddler": twiddler.Plugin(), "cache": cache.Plugin()} {
		for _, m := range sdktest.Start(t, plugin, sdktest.NewHost(), nil).Describe().Methods {
			want = append(want, name+"."+m.Name)
		}
	}
	compare(t, "Methods", append(want, extensionMethods(t)...))
}

// extensionMethods reads the table of the namespace extension out of its source: what
// answers it is a whole manager.
func extensionMethods(t *testing.T) (out []string) {
	ast.Inspect(parse(t, "core/extension", "namespace.go"), func(n ast.Node) bool {
		lit, ok := n.(*ast.CompositeLit)
		if !ok {
			return true
		}
		if array, ok := lit.Type.(*ast.ArrayType); ok {
			if def, ok := array.Elt.(*ast.SelectorExpr); ok && def.Sel.Name == "Def" {
				for _, e := range lit.Elts {
					out = append(out, "extension."+texts(e.(*ast.CompositeLit).Elts[0])[0])
				}
			}
		}
		return true
	})
	return out
}

// TestOptions reads the lists of keys out of core/config's source: they are not
// exported.
func TestOptions(t *testing.T) {
	unknown := newKeyLists(parse(t, "core/config", "unknown.go"))
	program := unknown.variable("programKeys")
	beyond := func(keys []string) []string {
		return slices.DeleteFunc(keys, func(k string) bool { return slices.Contains(program, k) })
	}
	for heading, want := range map[string][]string{
		"[supervisord]":      unknown.variable("supervisordKeys"),
		"[program:x]":        program,
		"[eventlistener:x]":  beyond(unknown.variable("listenerKeys")),
		"[fcgi-program:x]":   beyond(unknown.variable("fastCGIKeys")),
		"[include]":          unknown.section("include"),
		"[group:x]":          unknown.section("group:"),
		"[inet_http_server]": unknown.section("inet_http_server"),
		"[unix_http_server]": unknown.section("unix_http_server"),
		"[supervisorctl]":    arguments(parse(t, "core/config", "client.go"), "read", 0),
		"[ctlplugin:x]":      newKeyLists(parse(t, "core/config", "client.go")).variable("ctlFactoryKey"),
		"[rpcinterface:x]":   extensionKeys(t),
	} {
		compare(t, heading, want)
	}
}

// extensionKeys are the keys of an extension's section: the factory, those of the
// host, and those that twiddler asks its configuration for.
func extensionKeys(t *testing.T) []string {
	file := parse(t, "core/config", "extension.go")
	keys := newKeyLists(file).variable("factoryKey")
	ast.Inspect(file, func(n ast.Node) bool {
		if c, ok := n.(*ast.CaseClause); ok {
			for _, e := range c.List {
				keys = append(keys, texts(e)...)
			}
		}
		return true
	})
	return append(keys, arguments(parse(t, "plugins/twiddler", "twiddler.go"), "Strings", 0)...)
}

// TestCommands: each command that internal/ctl makes, and --json where it takes that.
func TestCommands(t *testing.T) {
	want := []string{"help", "?", "!"} // the shell's own
	p, err := build.ImportDir(filepath.Join(root, "internal/ctl"), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range p.GoFiles {
		ast.Inspect(parse(t, "internal/ctl", name), func(n ast.Node) bool {
			lit, ok := n.(*ast.CompositeLit)
			if ok && lit.Type != nil {
				want = append(want, subcommands(lit)...)
			}
			if !ok || !isNamed(lit.Type, "command") {
				return true
			}
			fields := map[string]ast.Expr{}
			for _, e := range lit.Elts {
				kv := e.(*ast.KeyValueExpr)
				fields[kv.Key.(*ast.Ident).Name] = kv.Value
			}
			for _, command := range texts(fields["name"]) {
				want = append(want, command)
				if isNamed(fields["json"], "true") {
					want = append(want, command+" --json")
				}
			}
			return true
		})
	}
	compare(t, "supervisorctl: commands", want)
}

// subcommands are the words behind "extension" that a list of them has.
func subcommands(lit *ast.CompositeLit) (out []string) {
	if array, ok := lit.Type.(*ast.ArrayType); !ok || !isNamed(array.Elt, "subcommand") {
		return nil
	}
	for _, e := range lit.Elts {
		for _, f := range e.(*ast.CompositeLit).Elts {
			if kv := f.(*ast.KeyValueExpr); isNamed(kv.Key, "name") {
				out = append(out, "extension "+texts(kv.Value)[0])
			}
		}
	}
	return out
}

func TestFlags(t *testing.T) {
	compare(t, "supervisord", daemonFlags(t))

	options := newKeyLists(parse(t, "internal/ctl", "options.go"))
	var want []string
	for _, letter := range strings.ReplaceAll(options.variable("shortOptions")[0], ":", "") {
		want = append(want, "-"+string(letter))
	}
	for _, long := range options.function("longOptions") {
		want = append(want, "--"+strings.TrimSuffix(long, "="))
	}
	compare(t, "supervisorctl: flags", want)
}

// daemonFlags reads the table of core/daemon, whose elements begin with the short
// and the long name.
func daemonFlags(t *testing.T) (out []string) {
	ast.Inspect(parse(t, "core/daemon", "flags.go"), func(n ast.Node) bool {
		lit, ok := n.(*ast.CompositeLit)
		if !ok || lit.Type != nil || len(lit.Elts) != 4 {
			return true
		}
		for i, hyphens := range []string{"-", "--"} {
			if name := texts(lit.Elts[i]); name[0] != "" {
				out = append(out, hyphens+name[0])
			}
		}
		return true
	})
	return out
}

// keyLists are the declarations of a file of which lists of strings are made.
type keyLists struct {
	values map[string]ast.Expr
	file   *ast.File
}

func newKeyLists(file *ast.File) keyLists {
	k := keyLists{map[string]ast.Expr{}, file}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Values) == len(spec.Names) {
			for i, name := range spec.Names {
				k.values[name.Name] = spec.Values[i]
			}
		}
		return true
	})
	return k
}

// variable gives the strings of a variable or constant.
func (k keyLists) variable(name string) []string { return k.list(k.values[name]) }

// section gives the strings of the case that has the name of a section.
func (k keyLists) section(name string) (out []string) {
	ast.Inspect(k.file, func(n ast.Node) bool {
		c, ok := n.(*ast.CaseClause)
		if ok && len(c.List) == 1 && slices.Contains(texts(c.List[0]), name) {
			out = k.list(c.Body[0].(*ast.ReturnStmt).Results[0])
		}
		return true
	})
	return out
}

// function gives the strings that a function mentions.
func (k keyLists) function(name string) (out []string) {
	for _, d := range k.file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == name {
			out = append(out, texts(f.Body)...)
		}
	}
	return out
}

// list gives the strings that an expression mentions, those of variables included.
func (k keyLists) list(e ast.Expr) (out []string) {
	if e == nil {
		return nil
	}
	ast.Inspect(e, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			out = append(out, k.variable(id.Name)...)
		}
		out = append(out, text(n)...)
		return true
	})
	return out
}

// texts gives the string literals below a node.
func texts(n ast.Node) (out []string) {
	if n == nil {
		return nil
	}
	ast.Inspect(n, func(n ast.Node) bool {
		out = append(out, text(n)...)
		return true
	})
	return out
}

func text(n ast.Node) []string {
	lit, ok := n.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return nil
	}
	s, err := strconv.Unquote(lit.Value)
	if err != nil {
		return nil
	}
	return []string{s}
}

// arguments gives the literals that stand as one argument of calls of a function.
func arguments(file *ast.File, function string, i int) (out []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) <= i {
			return true
		}
		sel, _ := call.Fun.(*ast.SelectorExpr)
		if isNamed(call.Fun, function) || sel != nil && sel.Sel.Name == function {
			out = append(out, text(call.Args[i])...)
		}
		return true
	})
	return out
}

func isNamed(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}
