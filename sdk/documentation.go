package sdk

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strings"
)

// documentation is a method's comment, with what its "@param" lines call the
// parameters.
type documentation struct {
	help   string
	params []string
}

// readDocumentation finds the comments of a type's methods, by their names.
func readDocumentation(sources fs.FS, typeName string) (map[string]documentation, error) {
	out := map[string]documentation{}
	if sources == nil {
		return out, nil
	}
	err := fs.WalkDir(sources, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return err
		}
		text, err := fs.ReadFile(sources, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Recv == nil || f.Doc == nil || receiverName(f) != typeName {
				continue
			}
			// Go's comments begin with the name in Go, which no caller knows.
			comment := f.Doc.Text()
			if rest, ok := strings.CutPrefix(comment, f.Name.Name+" "); ok {
				comment = lowered(f.Name.Name) + " " + rest
			}
			doc, err := parseDocumentation(comment)
			if err != nil {
				return fmt.Errorf("%s: %w", f.Name.Name, err)
			}
			out[f.Name.Name] = doc
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot read the methods' comments: %w", err)
	}
	return out, nil
}

func receiverName(f *ast.FuncDecl) string {
	of := f.Recv.List[0].Type
	if star, ok := of.(*ast.StarExpr); ok {
		of = star.X
	}
	if name, ok := of.(*ast.Ident); ok {
		return name.Name
	}
	return ""
}

func parseDocumentation(text string) (documentation, error) {
	out := documentation{help: strings.TrimSpace(text)}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] != "@param" {
			continue
		}
		if len(words) < 3 {
			return out, fmt.Errorf("%q lacks a type or a name", strings.TrimSpace(line))
		}
		out.params = append(out.params, words[2])
	}
	return out, nil
}
