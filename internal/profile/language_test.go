package profile

import (
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strings"
	"testing"
)

// TestLanguageDocumented: the comments of the language's structs are its reference, so each key has one that begins with
// its name, and a key has one meaning.
func TestLanguageDocumented(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "language.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	keys := 0
	ast.Inspect(file, func(n ast.Node) bool {
		s, ok := n.(*ast.StructType)
		if !ok {
			return true
		}
		for _, f := range s.Fields.List {
			if f.Tag == nil {
				continue
			}
			keys++
			key := reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("yaml")
			if doc := f.Doc.Text(); !strings.HasPrefix(doc, key+" ") {
				t.Errorf("%s: comment %q", key, doc)
			}
		}
		return true
	})
	if keys < 30 {
		t.Errorf("only %d keys were found", keys)
	}
}

// TestHomes: a key in the wrong place is told its place.
func TestHomes(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"region": "form", "success": "answer", "max_body": "guard", "buyer": "map", "contact": "map", "utm_source": "map", "honeypot": "guard", "origins": "form", "wait": "answer", "": "", "none": "",
	} {
		if got := homeOf(key); got != want {
			t.Errorf("homeOf(%q) = %q, want %q", key, got, want)
		}
	}
}
