// Package web holds what a visitor's browser gets from the relay itself: the pages' templates, their one style sheet, the script for
// the shop's own pages, and every sentence in every language. It parses what it embeds and knows nothing of forms: which sentence is
// told when is decided elsewhere.
package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"

	"github.com/goccy/go-yaml"
)

//go:embed templates/*.html messages/*.yaml relay.css relay.js
var files embed.FS

// Languages lists the languages that every sentence is there in. The first is the one spoken to a visitor of whom nothing is known.
func Languages() []string { return []string{"uk", "ru", "en", "pl"} }

// Messages holds the sentences by language and key. It is never changed after it was read.
type Messages map[string]map[string]string

// LoadMessages reads the sentences of every language and makes sure that all have the same keys.
func LoadMessages() (Messages, error) {
	all := make(Messages)
	for _, lang := range Languages() {
		text, err := files.ReadFile("messages/" + lang + ".yaml")
		if err != nil {
			return nil, fmt.Errorf("reading the sentences in %s: %w", lang, err)
		}
		sentences := make(map[string]string)
		if err := yaml.UnmarshalWithOptions(text, &sentences, yaml.Strict()); err != nil {
			return nil, fmt.Errorf("reading the sentences in %s: %w", lang, err)
		}
		all[lang] = sentences
	}
	return all, all.complete()
}

// complete finds a key that one language has and another lacks.
func (m Messages) complete() error {
	for lang, sentences := range m {
		for _, other := range Languages() {
			for key := range sentences {
				if m[other][key] == "" {
					return fmt.Errorf("the sentence %q is there in %s but not in %s", key, lang, other)
				}
			}
		}
	}
	return nil
}

// Page is what every page has.
type Page struct {
	Lang  string // the language of its text: uk, ru, en or pl
	Title string
	Style string // the style sheet's address
}

// Thanks is the page after a form: what a visitor reads once it was taken (or, when Good is false, was not).
type Thanks struct {
	Page
	Good        bool
	Text        string
	NumberLabel string
	Number      string // the submission's id
	Close       string // what to do now; "": the link says it
	Back        string // the address of the page that the visitor came from; "": unknown
	BackText    string // the link's text
}

// Problem is the page of whatever went wrong.
type Problem struct {
	Page
	Text         string
	Back         string // how to get back to the form; empty: Text says it
	Link         string // the page that the visitor came from; empty: not known
	LinkText     string
	Limit        string // with a 413: the bound's name in the profile
	RequestLabel string
	Request      string // the request's id, for whoever looks it up in the log
}

// Correct is the page on which a form is corrected: it is that form, and posts to the address that it was served from.
type Correct struct {
	Page
	Text         string
	Summary      []Link // what is wrong, when it is more than one thing
	Multipart    bool   // there is a file to be chosen
	Inputs       []Input
	Kept         string // that everything else need not be typed again
	Send         string
	RequestLabel string
	Request      string
}

// Link is one entry of the summary.
type Link struct {
	To      string // the input's id
	Label   string
	Message string
}

// InputKind is what an input looks like.
type InputKind string

// The kinds of input.
const (
	HiddenInput InputKind = "hidden"
	TextInput   InputKind = "text"
	AreaInput   InputKind = "area"   // several lines
	ChoiceInput InputKind = "choice" // Options
	BoxInput    InputKind = "box"    // to be ticked
	FileInput   InputKind = "file"
)

// Input is one input of [Correct].
type Input struct {
	Kind      InputKind
	Type      string // of a TextInput: text, email, tel or password
	ID        string
	Name      string
	Value     string
	Label     string
	Hint      string // may be empty
	Message   string // what is wrong; empty: nothing is
	MessageID string
	Told      bool   // the message stands at the input before
	Refers    string // the ids of hint and message
	Mode      string // inputmode; may be empty
	Complete  string // autocomplete; may be empty
	Options   []Option
	Multiple  bool // several files
	Faulty    bool
	Focus     bool
}

// Option is one entry of a ChoiceInput.
type Option struct {
	Value    string
	Text     string
	Selected bool
}

// Hint is the page that a developer sees who opens a form's address in the browser.
type Hint struct {
	Page
	Text      string // for a visitor who came here by accident
	Developer string // the heading of what follows
	How       string
	Action    string // the form's address
	Name      string // labels of the example's inputs
	Phone     string
	Send      string
	Script    string
}

// Pages are the parsed templates. Each is executed with its own struct: [Thanks], [Problem], [Correct], [Hint].
type Pages struct {
	Thanks  *template.Template
	Problem *template.Template
	Correct *template.Template
	Hint    *template.Template
}

// ParsePages parses the templates.
func ParsePages() (*Pages, error) {
	layout, err := template.New("layout.html").Option("missingkey=error").ParseFS(files, "templates/layout.html")
	if err != nil {
		return nil, fmt.Errorf("reading the pages' layout: %w", err)
	}
	var p Pages
	for name, page := range map[string]**template.Template{
		"thanks.html": &p.Thanks, "problem.html": &p.Problem, "correct.html": &p.Correct, "hint.html": &p.Hint,
	} {
		if *page, err = parsePage(layout, name); err != nil {
			return nil, fmt.Errorf("reading the page %s: %w", name, err)
		}
	}
	return &p, nil
}

// parsePage puts one page into a copy of the layout.
func parsePage(layout *template.Template, name string) (*template.Template, error) {
	t, err := layout.Clone()
	if err != nil {
		return nil, err
	}
	return t.ParseFS(files, "templates/"+name)
}

// Style is the style sheet of all pages and a checksum that changes with it, for its address.
func Style() (css []byte, checksum string) { return read("relay.css") }

// Script is relay.js, the helper that a shop's page loads, and a checksum that changes with it.
func Script() (js []byte, checksum string) { return read("relay.js") }

// read is one of the files and its checksum.
func read(name string) (text []byte, checksum string) {
	text, err := files.ReadFile(name)
	if err != nil {
		return nil, "" // cannot be: the file is part of the program
	}
	sum := sha256.Sum256(text)
	return text, hex.EncodeToString(sum[:6])
}
