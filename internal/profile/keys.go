package profile

import (
	_ "embed"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strings"
)

// languageSource is the text of language.go, whose comments are the reference of the language: they are written once, and what is
// shown to people is read from there.
//
//go:embed language.go
var languageSource string

// KeyKind says what stands behind a key.
type KeyKind string

// The kinds of a key.
const (
	KeyBlock  KeyKind = "block"  // more keys: Keys
	KeyValue  KeyKind = "value"  // one value: one of Words when there are any, read as Reads says
	KeyList   KeyKind = "list"   // a list of texts, or a single one
	KeyLabels KeyKind = "labels" // a text for each of the languages in Words
	KeyFields KeyKind = "fields" // a block of Keys for each of the form's fields, by its name
	KeyTests  KeyKind = "tests"  // a list of blocks of Keys
	KeyTables KeyKind = "tables" // rows of values for each table, by its name
	KeyMap    KeyKind = "map"    // the shape of KeyCRM's own body
	KeyAny    KeyKind = "any"    // a value or a list of values
)

// Reads says how a single value is read.
type Reads string

// How a value is read; the empty one is any text.
const (
	ReadsText   Reads = ""
	ReadsNumber Reads = "number" // digits alone
	ReadsTruth  Reads = "truth"  // true or false
	ReadsSize   Reads = "size"   // 1MB, 256KB, or bytes

	ReadsDuration Reads = "duration" // 10s, 1m, 24h
)

// Key is one key of the language with its reference.
type Key struct {
	Name  string   // as a profile writes it; empty for the profile itself
	Path  string   // the name with those of the blocks around it: form.region
	Doc   string   // what it means, its default and its bounds, in sentences; the first begins with Name
	Kind  KeyKind  // what stands behind it
	Reads Reads    // of a single value
	Words []string // the only values it takes; nil: any
	Keys  []Key    // of a block, in the order of the reference
}

// Language returns the language: the profile with all its keys. Each call makes a new tree, which is the caller's to keep.
func Language() Key {
	comments := readComments()
	return Key{Kind: KeyBlock, Doc: comments["document"], Keys: keysOf(reflect.TypeFor[document](), "", comments)}
}

// keysOf describes the fields of one of the structs in language.go.
func keysOf(block reflect.Type, path string, comments map[string]string) []Key {
	var keys []Key
	for field := range block.Fields() {
		name := field.Tag.Get("yaml")
		k := Key{
			Name: name, Path: strings.TrimPrefix(path+"."+name, "."), Kind: kindOf(field), Reads: Reads(field.Tag.Get("reads")),
			Doc: comments[block.Name()+"."+field.Name],
		}
		if words := field.Tag.Get("words"); words != "" {
			k.Words = strings.Fields(words)
		}
		switch k.Kind {
		case KeyBlock:
			k.Keys = keysOf(field.Type, k.Path, comments)
		case KeyFields:
			k.Keys = keysOf(reflect.TypeFor[fieldRule](), k.Path+".NAME", comments)
		case KeyTests:
			k.Keys = keysOf(reflect.TypeFor[testBlock](), k.Path+"[]", comments)
		case KeyLabels:
			k.Words = languages()
		case KeyValue, KeyList, KeyTables, KeyMap, KeyAny:
		}
		keys = append(keys, k)
	}
	return keys
}

// kindOf tells a key's kind by the type that reads it.
func kindOf(field reflect.StructField) KeyKind {
	switch field.Type {
	case reflect.TypeFor[scalar]():
		return KeyValue
	case reflect.TypeFor[words](), reflect.TypeFor[scalars]():
		return KeyList
	case reflect.TypeFor[labels]():
		return KeyLabels
	case reflect.TypeFor[fieldRules]():
		return KeyFields
	case reflect.TypeFor[testBlocks]():
		return KeyTests
	case reflect.TypeFor[tables]():
		return KeyTables
	case reflect.TypeFor[tree]():
		if field.Tag.Get("yaml") == "map" {
			return KeyMap
		}
		return KeyAny
	}
	if !reflect.PointerTo(field.Type).Implements(reflect.TypeFor[part]()) {
		return KeyBlock
	}
	return KeyAny
}

// readComments finds the comment of each struct and each field in language.go, by "struct" and "struct.Field". A source that was
// compiled can be parsed.
func readComments() map[string]string {
	comments := make(map[string]string)
	file, err := parser.ParseFile(token.NewFileSet(), "language.go", languageSource, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return comments
	}
	for _, decl := range file.Decls {
		general, ok := decl.(*ast.GenDecl)
		if !ok || general.Tok != token.TYPE {
			continue
		}
		for _, spec := range general.Specs {
			if named, ok := spec.(*ast.TypeSpec); ok {
				comments[named.Name.Name] = flat(general.Doc)
				fieldComments(named, comments)
			}
		}
	}
	return comments
}

// fieldComments adds the comments of a struct's fields.
func fieldComments(named *ast.TypeSpec, comments map[string]string) {
	block, ok := named.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, field := range block.Fields.List {
		for _, name := range field.Names {
			comments[named.Name.Name+"."+name.Name] = flat(field.Doc)
		}
	}
}

// flat is a comment as one paragraph.
func flat(doc *ast.CommentGroup) string {
	return strings.Join(strings.Fields(doc.Text()), " ")
}
