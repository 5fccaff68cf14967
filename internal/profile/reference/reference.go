// Package reference shows the language of profiles to the people who write them: on the terminal, as a page in Markdown, and as a JSON
// Schema with which an editor completes and checks.
//
// Nothing is described here that is described elsewhere: a key's meaning is the comment of the field that reads it, KeyCRM's fields
// have theirs in the struct that is sent, a function's stands beside the functions. What is written here is what belongs to none of them.
package reference

import (
	"fmt"
	"strings"

	"formrelay/internal/keycrm"
	"formrelay/internal/mapping/expression"
	"formrelay/internal/mapping/value"
	"formrelay/internal/profile"
)

// section is one part of the reference, in the order in which it is read.
type section struct {
	title   string
	prose   []string // paragraphs
	code    string   // an example that stands for itself, after the prose
	entries []entry
}

// entry is one thing that has a name.
type entry struct {
	name    string
	usage   string // how it is written, or what it takes; may be empty
	meaning string
	example string // may be empty
	result  string // of the example
}

// Example is a whole profile that shows the language; it is checked like any other.
const Example = `creates: order                         # order or card
source_id: 22                          # a number, so that no visitor can change it
form:
  region: UA                           # 050 111 22 33 is read as +380501112233
  timezone: Europe/Kyiv                # times of the form are local, KeyCRM gets UTC
  fields:                              # what a visitor is told to correct
    name: {validate: "required,max=120", label: {uk: Ім'я, en: Name}}
    email: {type: email}
    products[][quantity]: {type: int, validate: "min=1,max=99", default: 1}
map:                                   # left KeyCRM's name, right where it comes from
  buyer: {full_name: "${name}", email: "${email}", phone: "${phone}"}
  products:
    - each: ${products}                # one line for each that was posted
      sku: ${item.sku}
      price: ${tables.price[item.sku]} # from the server, not from a hidden field
      quantity: ${item.quantity}
  payments:
    - when: ${products}                # left out when there is none
      payment_method_id: 2
      amount: ${sum(products, tables.price[.sku] * .quantity)}
      status: not_paid
  custom_fields:
    - {uuid: OR_1022, value: "${list(colors)}"}
tables:
  price: {A-1: 450, B-7: 1200}
rest: manager_comment                  # what nothing above used is added here
answer: {success: "https://shop.example/thanks?order={id}", lang: uk}
`

// sections is the whole reference.
func sections() []section {
	all := []section{
		{title: "A whole profile", prose: []string{
			"A profile is one form: profiles/NAME.yaml answers at /forms/NAME. Left stands what KeyCRM calls it, right where it comes from: a value as it is, or ${…} with a form field's name or an expression. A text may hold several ${…} with words between.",
		}, code: Example},
		keySection(),
		{title: "What needs no word", prose: unasked()},
	}
	for _, chapter := range expression.Reference() {
		all = append(all, chapterSection(chapter))
	}
	return append(all,
		section{title: "Rules for validate", prose: rules()},
		entitySection("KeyCRM's fields of an order", keycrm.KindOrder),
		entitySection("KeyCRM's fields of a card", keycrm.KindCard),
	)
}

// keySection lists the keys, each by its whole path.
func keySection() section {
	s := section{title: "Keys", prose: []string{
		"A key that is left out, or has nothing behind its colon, has its default. A key that the language does not have is a fault, with the nearest one named.",
	}}
	var add func(k profile.Key)
	add = func(k profile.Key) {
		if k.Path != "" {
			s.entries = append(s.entries, entry{name: k.Path, usage: takes(k), meaning: k.Doc})
		}
		for _, child := range k.Keys {
			add(child)
		}
	}
	add(profile.Language())
	return s
}

// takes says in some words what stands behind a key.
func takes(k profile.Key) string {
	if k.Words != nil && k.Kind == profile.KeyValue {
		return strings.Join(k.Words, " | ")
	}
	switch k.Kind {
	case profile.KeyBlock:
		return "keys"
	case profile.KeyFields:
		return "keys by field name"
	case profile.KeyList:
		return "a list"
	case profile.KeyLabels:
		return "a text by language"
	case profile.KeyTests:
		return "a list of tests"
	case profile.KeyTables:
		return "tables by name"
	case profile.KeyMap:
		return "KeyCRM's fields"
	case profile.KeyAny:
		return "a value, or a list"
	case profile.KeyValue:
	}
	switch k.Reads {
	case profile.ReadsNumber:
		return "a number"
	case profile.ReadsTruth:
		return "true | false"
	case profile.ReadsSize:
		return "a size: 1MB, 256KB"
	case profile.ReadsDuration:
		return "a time: 10s, 1m, 24h"
	case profile.ReadsText:
	}
	return "a text"
}

// unasked is what the mapping does by itself.
func unasked() []string {
	return []string{
		"Blanks around a posted value are cut off, and what is left blank is nothing: it is not sent.",
		"Where KeyCRM has a number, 1 299,00 грн and 1,299.00 become 1299.00; where it has a time, 21.11.2026 18:30 in the form's time zone becomes UTC; where it has a phone, 050… becomes +38050…, and one that is none goes as it was typed. An amount such as 1,299, which could be either, holds the submission.",
		"An order gets source_uuid (the submission's id) and ordered_at; a payment without a status is not_paid, a paid one without a date gets the time of the post; a recipient equal to the buyer is left out. A card carries [formrelay ID] as the first line of its manager_comment, unless mark says otherwise.",
		"Names follow PHP: a[b], a[], a[0][name] nest. A name that was posted twice is its last value; list(name) has all of them. Names that begin with _ are for the relay.",
	}
}

// chapterSection is one chapter about expressions.
func chapterSection(c expression.Chapter) section {
	s := section{title: "Expressions: " + strings.ToLower(c.Title[:1]) + c.Title[1:]}
	for _, d := range c.Docs {
		s.entries = append(s.entries, entry{name: d.Name, usage: d.Usage, meaning: d.Meaning, example: d.Example, result: d.Result})
	}
	return s
}

// rules tells of the rules of validate.
func rules() []string {
	return []string{
		"They are the tags of go-playground/validator, parted by commas, and run on the value after type has converted it: required; min=2 and max=120 (characters of a text, the size of a number); len, gt, gte, lt, lte, eq, ne; oneof=red blue; numeric, alphaunicode, url, uuid, e164, startswith=+380, contains=@. Alternatives are parted by |.",
		"All of them: " + strings.Join(value.Tags(), ", ") + ".",
	}
}

// entitySection lists KeyCRM's fields.
func entitySection(title string, kind keycrm.Kind) section {
	s := section{title: title, prose: []string{
		"In an object or an item of a list, when: ${…} leaves it out unless that holds; in an item, each: ${…} repeats it for every value of a list.",
	}}
	var add func(t *keycrm.Type, path string)
	add = func(t *keycrm.Type, path string) {
		for _, child := range t.Children {
			if path == "" && child.Name == "source_id" {
				continue // stands above the map, where no expression reaches it
			}
			at := strings.TrimPrefix(path+"."+child.Name, ".")
			if child.Word == keycrm.WordList {
				at += "[]"
			}
			s.entries = append(s.entries, entry{name: at, usage: wordOf(child), meaning: child.Doc})
			add(child, at)
		}
	}
	add(keycrm.Schema(kind), "")
	return s
}

// wordOf says what KeyCRM reads a field as.
func wordOf(t *keycrm.Type) string {
	if t.Enum != nil {
		return strings.Join(t.Enum, " | ")
	}
	words := map[keycrm.Word]string{
		keycrm.WordObject: "an object", keycrm.WordList: "a list of objects", keycrm.WordText: "a text", keycrm.WordTexts: "a text or a list of texts",
		keycrm.WordInteger: "an id", keycrm.WordNumber: "a number", keycrm.WordAmount: "an amount", keycrm.WordBoolean: "true | false",
		keycrm.WordTime: "a date with a time", keycrm.WordDay: "a date", keycrm.WordPhone: "a phone", keycrm.WordEmail: "an email",
	}
	if t.Required {
		return words[t.Word] + ", required"
	}
	return words[t.Word]
}

// sampleText is the sample form in one line.
func sampleText() string {
	var parts []string
	for _, pair := range expression.Sample() {
		parts = append(parts, fmt.Sprintf("%s=%s", pair[0], pair[1]))
	}
	return strings.Join(parts, ", ") + "."
}
