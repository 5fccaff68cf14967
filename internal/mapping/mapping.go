// Package mapping is the heart of the relay: the language in which a profile says how a form's fields
// become a KeyCRM entity.
//
// [Compile] checks a profile's `map`, `tables`, `form.fields`, `rest` and `mark` against KeyCRM's own
// schema and tells every fault at once, with its place. [Mapping.Apply] turns one post into the
// entity's JSON, or says what the visitor may correct and what only ops can mend. It does no I/O and
// reads no clock: the same input gives the same bytes.
package mapping

import (
	"time"

	"formrelay/internal/form"
	"formrelay/internal/keycrm"
	"formrelay/internal/mapping/value"
)

// FieldSpec is one entry of the profile's `form.fields`: what a visitor is asked for. Type, Validate,
// Label and Default may be empty.
type FieldSpec struct {
	Name        string // as the profile spells it; empty brackets stand for every item: products[][quantity]
	Pos         Pos
	Type        string // text, int, number, date, phone, email or bool
	TypePos     Pos
	Validate    string // validator/v10 tags, run on the converted value
	ValidatePos Pos
	Label       map[string]string // by language: uk, ru, en, pl
	Default     *Node             // fills an absent or blank field; a scalar or a list of scalars
}

// Table is one of the profile's `tables`: rows by key, both as written.
type Table struct {
	Name string
	Pos  Pos
	Rows []Entry // a row's value may be nested
}

// Spec is what a profile says about its mapping.
type Spec struct {
	Kind       keycrm.Kind
	SourceID   int64 // 0: none (a card may be without)
	Map        *Node
	MapPos     Pos // of the key `map`, for faults about the whole
	Fields     []FieldSpec
	Tables     []Table
	Rest       string // KeyCRM's text field that takes what no expression used; "": nothing is appended
	RestPos    Pos
	RestExcept []string // form fields that rest leaves out
	Mark       string   // cards: "" (first line of manager_comment), "none", or a custom field's uuid LD_…
	MarkPos    Pos
	Region     string         // how local phone numbers are read, "UA"; "" reads only international ones
	Location   *time.Location // the form's time zone; nil is UTC
	Lang       string         // the profile's language, for the labels in rest; "" is uk
	Posted     []string       // the names of the fields that the profile's own tests post: the form has them, whether the map reads them or not
}

// Fault is one thing wrong with a mapping. Do says what to do about it, as a clause that can follow ";
// ".
type Fault struct {
	Pos  Pos
	What string
	Do   string
}

// Visitor is where a post came from, as far as it can be known: what expressions read as `visitor`.
type Visitor struct{ IP, UserAgent, Referrer, Page, Language string }

// Input is one post to be mapped.
type Input struct {
	ID      string       // the submission's id: source_uuid of an order, the mark of a card
	Now     time.Time    // when it was received
	Fields  *form.Fields // a file is its name: ${photo} gives that of the last file posted as photo, list(photo) all of them
	Visitor Visitor
	Explain bool // fill Result.Routes
}

// Result is what became of one post.
type Result struct {
	Entity          []byte // the JSON for KeyCRM; nil unless there are no Corrections and no Problems
	SourceUUID      string // orders
	Mark, MarkField string // cards: the mark and the custom field that holds it ("" is manager_comment); Mark is "" with `mark: none`
	Corrections     []Correction
	Problems        []Problem
	Routes          []Route // with Input.Explain
}

// The codes of a Correction.
const (
	CodeMissing   = "REQUIRED_FIELD_MISSING" // a required field was not posted
	CodeEmpty     = "REQUIRED_FIELD_EMPTY"   // it was posted blank
	CodeEmail     = "TYPE_EMAIL"
	CodeNumeric   = "TYPE_NUMERIC"
	CodeText      = "TYPE_TEXT"
	CodePhone     = "TYPE_PHONE"
	CodeDate      = "TYPE_DATE"
	CodeBool      = "TYPE_BOOL"
	CodeRule      = "RULE"       // Tag and Param say which
	CodeNoContact = "NO_CONTACT" // no name, email or phone at all
	CodeFile      = "TYPE_FILE"  // a file's content is of a type that the form does not take; not found here, but told in the same way
)

// Correction is one thing the visitor may be told to correct.
type Correction struct {
	Field      string // the form's own posted name, or the name the profile asks for when nothing was posted
	Path       string // KeyCRM's path, when the fault was found there
	Code       string
	Tag, Param string
	Type       string            // with CodeRule: the type form.fields gives the field ("text" when it gives none): min=3 means characters or an amount
	Choices    []string          // the values that the field's rule allows, when it lists them
	Label      map[string]string // the field's label by language, when the profile gives one
}

// Words takes the parameter of a oneof apart: the values that it lists.
func Words(param string) []string { return value.Words(param) }

// Problem is one fault that is ops' business: the submission is held.
type Problem struct {
	Path       string // KeyCRM's path: "payments.0.status"
	Pos        Pos    // of the mapping's line
	Expression string // as written in the profile
	Field      string // the form's field it came from, when there is one
	Text       string // one English sentence, with no more of the visitor's value than it takes to recognise it
}

// Route is how one value of the entity came about.
type Route struct {
	Path       string
	Pos        Pos
	Expression string   // as written in the profile; "" for what the relay adds by itself
	Fields     []string // the form's own names of the fields it read
	From, To   string   // the value before and after it was normalised; To is "" when it was left out
}
