package policy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
)

// allowedImports is all that the package may import: nothing that opens a file,
// a connection or a database, starts a process or writes a log.
// BurntSushi/toml imports os for its DecodeFile, which is not called here.
func allowedImports() map[string]bool {
	return map[string]bool{
		"cmp": true, "crypto/sha256": true, "encoding/base64": true, "encoding/hex": true, "errors": true, "fmt": true, "math/bits": true,
		"path": true, "regexp": true, "regexp/syntax": true, "slices": true, "strconv": true, "strings": true, "time": true,
		"unicode": true, "unicode/utf8": true,
		"github.com/BurntSushi/toml":                 true,
		"github.com/pathgate/pathgate/internal/text": true,
		// The zone database is part of the program.
		"embed": true, "encoding/binary": true,
		"github.com/pathgate/pathgate/policy/internal/zone": true,
	}
}

// allowedTime is all of package time that computes on what it is given. Now and
// what waits ask the clock; LoadLocation and Local read the machine's files, and
// so would Parse for a layout with a zone.
func allowedTime() map[string]bool {
	return map[string]bool{
		"Time": true, "Duration": true, "Weekday": true, "Location": true, "Date": true, "UTC": true,
		"Hour": true, "Minute": true, "Second": true, "ParseDuration": true, "Parse": true, "LoadLocationFromTZData": true,
	}
}

// TestPurity holds the package, and internal/text that it uses, to what the
// package comment says.
func TestPurity(t *testing.T) {
	for _, folder := range []string{".", "../internal/text", "internal/zone"} {
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		checked := 0
		for _, entry := range entries {
			if name := entry.Name(); strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
				checkPure(t, folder+"/"+name)
				checked++
			}
		}
		if checked == 0 {
			t.Errorf("%s: no files", folder)
		}
	}
}

func checkPure(t *testing.T, file string) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution|parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range f.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil || !allowedImports()[name] {
			t.Errorf("%s: imports %s", fset.Position(spec.Pos()), spec.Path.Value)
		}
		if spec.Name != nil && name != "embed" {
			t.Errorf("%s: import under another name", fset.Position(spec.Pos()))
		}
	}
	for _, decl := range f.Decls {
		if d, ok := decl.(*ast.GenDecl); ok && d.Tok == token.VAR && !embeds(d) {
			t.Errorf("%s: package variable", fset.Position(d.Pos()))
		}
		if d, ok := decl.(*ast.FuncDecl); ok && d.Recv == nil && d.Name.Name == "init" {
			t.Errorf("%s: init", fset.Position(d.Pos()))
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		pkg, ok := sel.X.(*ast.Ident)
		switch {
		case !ok:
		case pkg.Name == "time" && !allowedTime()[sel.Sel.Name]:
			t.Errorf("%s: time.%s", fset.Position(n.Pos()), sel.Sel.Name)
		case pkg.Name == "toml" && strings.HasPrefix(sel.Sel.Name, "DecodeF"):
			t.Errorf("%s: toml.%s opens a file", fset.Position(n.Pos()), sel.Sel.Name)
		case pkg.Name == "fmt" && strings.Contains(sel.Sel.Name, "rint") && !strings.HasPrefix(sel.Sel.Name, "S"):
			t.Errorf("%s: fmt.%s writes", fset.Position(n.Pos()), sel.Sel.Name)
		}
		return true
	})
}

// embeds reports whether a declaration is a string that the compiler fills.
func embeds(d *ast.GenDecl) bool {
	spec, ok := d.Specs[0].(*ast.ValueSpec)
	if !ok || len(d.Specs) != 1 || d.Doc == nil {
		return false
	}
	kind, ok := spec.Type.(*ast.Ident)
	return ok && kind.Name == "string" && len(spec.Values) == 0 &&
		strings.HasPrefix(d.Doc.List[len(d.Doc.List)-1].Text, "//go:embed ")
}
