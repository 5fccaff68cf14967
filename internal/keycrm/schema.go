package keycrm

import (
	"reflect"
	"strings"
)

// Word is what KeyCRM reads a field as.
type Word string

// The words of a field's type.
const (
	WordObject  Word = "object"  // Children are its fields
	WordList    Word = "list"    // of objects; Children are the fields of one
	WordText    Word = "text"    // any text
	WordTexts   Word = "texts"   // a text, or a list of texts at the path element Type.List
	WordInteger Word = "integer" // an id: a whole number from 1 up
	WordNumber  Word = "number"  // a decimal number that is no money: a quantity, a percentage
	WordAmount  Word = "amount"  // money
	WordBoolean Word = "boolean" // true or false
	WordTime    Word = "time"    // "YYYY-MM-DD HH:MM:SS" in UTC
	WordDay     Word = "day"     // "YYYY-MM-DD", a calendar date
	WordPhone   Word = "phone"   // a telephone number, best as +380501112233
	WordEmail   Word = "email"   // an email address
)

// Type describes a field of an entity, or the entity itself. It is made from the struct that is sent, so it cannot differ from it.
type Type struct {
	Name     string   // KeyCRM's name, one element of a path; empty for the entity
	Word     Word     // what KeyCRM reads it as
	Doc      string   // KeyCRM's meaning, in one or two sentences
	Required bool     // it must be there whenever the object around it is
	Enum     []string // the only values it takes; nil: any
	List     string   // with WordTexts: the path element that takes a list ("values", beside Name "value")
	Children []*Type  // of an object, or of one item of a list, in KeyCRM's order
}

// Schema returns the fields that an entity of this kind may have, or nil for a kind that is none. Each call makes a new tree, which
// is the caller's to keep.
func Schema(kind Kind) *Type {
	switch kind {
	case KindOrder:
		return &Type{Word: WordObject, Doc: "An order: POST /order.", Children: fieldsOf(reflect.TypeFor[Order]())}
	case KindCard:
		return &Type{Word: WordObject, Doc: "A card of a pipeline: POST /pipelines/cards.", Children: fieldsOf(reflect.TypeFor[Card]())}
	default:
		return nil
	}
}

// Child returns the field of that name, or nil.
func (t *Type) Child(name string) *Type {
	for _, c := range t.Children {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// fieldsOf describes a struct's fields in their order. A field marked crm:"-" is another's second form, not a field of its own.
func fieldsOf(t reflect.Type) []*Type {
	var fields []*Type
	for f := range t.Fields() {
		if f.Tag.Get("crm") != "-" {
			fields = append(fields, typeOf(f))
		}
	}
	return fields
}

// typeOf reads one field's tags. The words a field takes stand in its validate tag alone, so that check and reference cannot part.
func typeOf(f reflect.StructField) *Type {
	word, option, _ := strings.Cut(f.Tag.Get("crm"), ",")
	t := &Type{Name: f.Tag.Get("schema"), Word: Word(word), Doc: f.Tag.Get("doc"), Required: option == "required"}
	for rule := range strings.SplitSeq(f.Tag.Get("validate"), ",") {
		if words, ok := strings.CutPrefix(rule, "oneof="); ok {
			t.Enum = strings.Fields(words)
		}
		t.Required = t.Required || rule == "required"
	}
	switch {
	case t.Word == WordTexts:
		t.List = t.Name + "s"
	case t.Word != "":
	case f.Type.Kind() == reflect.Struct:
		t.Word, t.Children = WordObject, fieldsOf(f.Type)
	case f.Type.Kind() == reflect.Pointer:
		t.Word, t.Children = WordObject, fieldsOf(f.Type.Elem())
	case f.Type.Kind() == reflect.Slice:
		t.Word, t.Children = WordList, fieldsOf(f.Type.Elem())
	case f.Type == reflect.TypeFor[ID]():
		t.Word = WordInteger
	case f.Type == reflect.TypeFor[Bool]():
		t.Word = WordBoolean
	default:
		t.Word = WordText
	}
	return t
}
