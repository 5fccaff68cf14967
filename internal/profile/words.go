package profile

import (
	"regexp"
	"strings"

	"formrelay/internal/mapping"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// wording says one of the YAML reader's complaints in words for somebody who knows a shop and
// not YAML. The reader's own text is only what it is recognised by: a text that is no longer
// there after an update of the reader leads to the general sentence.
type wording struct {
	raw    string // part of the reader's text
	what   string
	do     string
	quotes bool // quotes around the value may mend it: the line is shown so, when that can be read
}

// wordings are searched from the top: what is more particular stands first. They are the
// reader's complaints of version 1.19.2, each brought about by a file in
// testdata/syntax.txtar.
func wordings() []wording {
	return []wording{
		{raw: "end token '}' not found", what: "the { opened here is never closed", do: "close it with }, and put a value that holds a brace in quotes"},
		{raw: "mapping end token '}'", what: "the { opened here is never closed", do: "close it with }, and put a value that holds a brace in quotes"},
		{raw: "end token ']' not found", what: "the [ opened here is never closed", do: "close it with ], and put a value that holds a bracket in quotes"},
		{raw: "'}' must be specified", what: "inside { } a comma or the closing } is missing before this", do: "part entries with commas, and put a value that holds { } [ ] or a comma in quotes"},
		{raw: "']' must be specified", what: "inside [ ] a comma or the closing ] is missing before this", do: "part entries with commas, and put a value that holds { } [ ] or a comma in quotes"},
		{raw: "character corresponding to", what: "this closes a bracket that was never opened", do: "take it away"},
		{raw: "flow map content", what: "there is a comma too many here", do: "take it away"},
		{raw: "unexpected scalar value type", what: "no value can begin here", do: "look for a comma or a sign too many"},
		{raw: "but found ','", what: "there is a comma too many here", do: "take it away"},
		{raw: "end character of double-quoted", what: `the quote " opened here is never closed`, do: `close it with "`},
		{raw: "end character of single-quoted", what: "the quote ' opened here is never closed", do: "close it with ', and write an apostrophe inside it twice: ''"},
		{raw: "escape", what: `a \ in double quotes begins a special character, and this is none`, do: "put the value in single quotes, where a \\ is a \\", quotes: true},
		{raw: "tab character", what: "a tab stands where YAML needs spaces", do: "put spaces"},
		{raw: "is a reserved character", what: "a value cannot begin with this sign", do: "put it in quotes", quotes: true},
		{raw: "directive", what: "a value cannot begin with %", do: "put it in quotes", quotes: true},
		{raw: "anchor", what: "a value cannot begin with &", do: "put it in quotes", quotes: true},
		{raw: "alias", what: "a value cannot begin with *", do: "put it in quotes", quotes: true},
		{raw: "header option", what: "after | or > the text begins on the next line", do: "put a value that begins with | or > in quotes", quotes: true},
		{raw: "block sequence entries", what: "a list cannot begin behind its key", do: "begin it on the next line, further in, or write it in [ ]"},
		{raw: "invalid key for this map", what: "a key that holds [ ] or { } needs quotes here", do: `write it like "products[][quantity]": …`},
	}
}

// explain says what stopped the YAML reader at pos, and what to do. The reader has one text
// for several slips ("value is not allowed in this context" is wrong indentation, a missing
// blank, a stray word); which one it was, the line itself tells.
func explain(raw string, t *token.Token, pos mapping.Pos, lines []string) (what, do string) {
	line := ""
	if pos.Line <= len(lines) {
		line = lines[pos.Line-1]
	}
	switch {
	case strings.Contains(raw, "mapping value is not allowed"):
		return twoMeanings(line, pos)
	case strings.Contains(raw, "not allowed in this context"), strings.Contains(raw, "non-map value"), strings.Contains(raw, "unexpected key name"):
		if !strings.Contains(raw, "block sequence") {
			return misplaced(line, t, pos)
		}
	}
	if strings.Contains(raw, "must be specified") && strings.HasSuffix(textBefore(line, pos), "'") {
		return "text stands after the quote that ends the value", "put the value in double quotes, or write the apostrophe in it twice: ''"
	}
	for _, w := range wordings() {
		if strings.Contains(raw, w.raw) {
			if w.quotes {
				return w.what, showQuoted(line, w.do)
			}
			return w.what, w.do
		}
	}
	return "this cannot be read as YAML (" + cut(raw, maxQuote) + ")", showQuoted(line, "compare the line and the one above with an example profile")
}

// twoMeanings explains a value that reads as a key: it holds a colon and a blank, or keys
// stand indented under it.
func twoMeanings(line string, pos mapping.Pos) (what, do string) {
	runes := []rune(line)
	if from := pos.Column - 1; from < len(runes) && strings.Contains(string(runes[from:]), ": ") {
		return `this value holds ": ", which YAML reads as the end of a key`, showQuoted(line, "put the value in quotes")
	}
	return "this key has a value, and on the next line keys of its own", "take the value away, or indent the next line like this one"
}

// noBlank finds a key whose colon no blank follows.
var noBlank = regexp.MustCompile(`^\s*(?:- +)*([^\s:#"'{}\[\]]+):([^\s].*)$`)

// misplaced explains a line or a part of one that fits nowhere. The order of the cases is from
// what can be seen for certain to what remains.
func misplaced(line string, t *token.Token, pos mapping.Pos) (what, do string) {
	before := textBefore(line, pos)
	m := noBlank.FindStringSubmatch(line)
	switch {
	case strings.ContainsAny(before, `"'`):
		return "text stands after the quote that ends the value", showQuoted(line, "put the whole value in quotes of the other kind")
	case strings.Trim(before, " -") != "":
		return "this stands after the end of the value", "take it away, or put the whole value in quotes"
	case strings.HasPrefix(strings.TrimSpace(line), "}"), strings.HasPrefix(strings.TrimSpace(line), "]"):
		return "this closes a bracket that was never opened", "take it away"
	case m != nil:
		return "the blank after " + quote(m[1]+":") + " is missing", "write " + cut(m[1]+": "+strings.TrimLeft(m[2], "\u00a0"), maxSource)
	case t.Type == token.SequenceEntryType:
		return "a list item stands among keys", "indent it under the key it belongs to, or take the - away"
	case !strings.Contains(line, ":"):
		return quote(strings.TrimSpace(line)) + " is no key with a value", "write it as key: value"
	default:
		return "this line is indented like none of the lines above it", "begin it right under the first letter of the keys it belongs to"
	}
}

// textBefore is what stands on the line before pos.
func textBefore(line string, pos mapping.Pos) string {
	runes := []rune(line)
	return string(runes[:min(max(0, pos.Column-1), len(runes))])
}

// keyBefore is what stands before a line's value.
var keyBefore = regexp.MustCompile(`^(\s*(?:- +)*(?:[^\s:#"'{}\[\]][^:#"'{}]*:\s+)?)(\S.*)$`)

// showQuoted adds to advice the line with its value in quotes, when that can be read: a line
// shown as right must be right. The value's own outer quotes are replaced, not doubled.
func showQuoted(line, advice string) string {
	m := keyBefore.FindStringSubmatch(line)
	if m == nil || strings.Trim(m[1], " -\t") == "" {
		return advice
	}
	value := strings.TrimSpace(m[2])
	if value == "" || strings.IndexByte("[{", value[0]) >= 0 {
		return advice // there is nothing to quote, or in quotes it would be a text and no list or object
	}
	if n := len(value); n > 1 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
		value = value[1 : n-1]
	}
	shown := strings.TrimSpace(m[1]) + " " + requote(value)
	if len(shown) > maxSource || !readable(shown) {
		return advice
	}
	return advice + ": " + shown
}

// readable tells whether a line is YAML by itself, an object or a list of one thing. It is
// asked about one short line only.
func readable(line string) bool {
	f, err := parser.ParseBytes([]byte(line), 0)
	if err != nil || len(f.Docs) != 1 || f.Docs[0].Body == nil {
		return false
	}
	switch f.Docs[0].Body.Type() {
	case ast.MappingType, ast.MappingValueType, ast.SequenceType:
		return true
	default:
		return false
	}
}
