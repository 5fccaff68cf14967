package form

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// json reads one JSON object as pairs: each leaf is a pair under PHP's name for its place,
// `a[b][0]`. Numbers stay as they are written, true and false are these words, null and an empty
// object or array are an empty value. A key given twice is two pairs. The text is UTF-8, a byte
// order mark is skipped.
//
// A key of the outermost object is a form's name as it stands, brackets included, because that is
// what scripts send (`JSON.stringify(Object.fromEntries(new FormData(form)))` writes
// {"products[0][sku]":"A-1"}); one that ends in [] and holds a list or an object loses these two
// characters, the list's own indexes take their place. What a bracketed name cannot say is
// percent-encoded: see innerKey and rootKey.
func (d *decoder) json(body []byte) error {
	text := withoutMark(body)
	if nesting(text)-1 > d.Limits.Depth { // an empty object may lie one deeper than the deepest leaf
		return tooDeep(d.Limits)
	}
	// From here on the text is known to be right, and what walks through it looks for no fault.
	if err := checkJSON(text, len(body)-len(text)); err != nil {
		return err
	}
	w := &walker{decoder: d, rest: text}
	if w.peek() != '{' {
		return malformed(`the JSON body is not an object: send {"name": "value"}, with a key for each field`)
	}
	if err := w.object(); err != nil {
		return err
	}
	d.fields.Charset = utf8Name
	if w.lost {
		d.fields.Raw = body
	}
	return nil
}

// nesting is how many objects and arrays are open at once, counted without recursion: it guards all
// that recurses.
func nesting(text []byte) int {
	var open, most int
	var quoted bool
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			open++
			most = max(most, open)
		case c == '}' || c == ']':
			open--
		}
	}
	return most
}

// skipped makes encoding/json check a text without building anything of it.
type skipped struct{}

func (*skipped) UnmarshalJSON([]byte) error { return nil }

// checkJSON tells what is wrong with text, and at which byte of the body, of which skip bytes stand
// before text.
func checkJSON(text []byte, skip int) error {
	if json.Valid(text) {
		return nil
	}
	err := json.Unmarshal(text, new(skipped))
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return malformed("the JSON body breaks off or is wrong at byte %d (%v): send one complete object", syntax.Offset+int64(skip), syntax)
	}
	return malformed("the JSON body cannot be read (%v): send one complete object", err)
}

// walker goes through a text that checkJSON has passed, so that it need not look for faults.
type walker struct {
	*decoder
	rest []byte
	name []byte // the PHP name of the place where it stands
	lost bool   // a byte or an escape that is no letter became U+FFFD
}

// peek skips blanks and punctuation and returns the byte that the next value, key or closing
// bracket begins with.
func (w *walker) peek() byte {
	w.rest = bytes.TrimLeft(w.rest, " \t\r\n,:")
	return w.rest[0]
}

// skip steps over the one byte that peek returned.
func (w *walker) skip() { w.rest = w.rest[1:] }

// object adds the pairs of an object, each key's below the name that stands when it is called.
func (w *walker) object() error {
	outer := len(w.name)
	w.skip()
	for w.peek() != '}' {
		w.enter(w.text())
		if err := w.value(); err != nil {
			return err
		}
		w.name = w.name[:outer]
	}
	w.skip()
	return nil
}

// enter puts the name of key's place. At the outermost level, where there is no name yet, a leaf's
// key is its name.
func (w *walker) enter(key string) {
	c := w.peek()
	switch {
	case len(w.name) > 0:
		w.name = append(append(append(w.name, '['), innerKey(key)...), ']')
	case c == '{' || c == '[':
		w.name = append(w.name, rootKey(key)...)
	default:
		w.name = append(w.name, key...)
	}
}

// array adds the pairs of an array under its indexes. They are written out, as [0] and [1], since
// under [] the keys of two objects in a row would become four.
func (w *walker) array() error {
	outer := len(w.name)
	w.skip()
	for i := 0; w.peek() != ']'; i++ {
		w.name = append(strconv.AppendInt(append(w.name, '['), int64(i), 10), ']')
		if err := w.value(); err != nil {
			return err
		}
		w.name = w.name[:outer]
	}
	w.skip()
	return nil
}

// value adds the pairs of the next value. A name that is too long is refused before anything is
// made of it.
func (w *walker) value() error {
	if len(w.name) > w.Limits.Name {
		return nameTooLong(w.Limits, len(w.fields.Pairs)+1)
	}
	switch c := w.peek(); {
	case c == '{' && !w.empty():
		return w.object()
	case c == '[' && !w.empty():
		return w.array()
	case c == '{' || c == '[':
		w.skip()
		w.peek() // the closing bracket
		w.skip()
		return w.add(string(w.name), "")
	case c == '"':
		return w.add(string(w.name), w.text())
	}
	word := w.word()
	if word == "null" {
		word = ""
	}
	return w.add(string(w.name), word)
}

// empty tells whether the object or array that begins here holds nothing.
func (w *walker) empty() bool {
	inside := bytes.TrimLeft(w.rest[1:], " \t\r\n")
	return inside[0] == '}' || inside[0] == ']'
}

// word takes a number, true, false or null as it is written.
func (w *walker) word() string {
	end := bytes.IndexAny(w.rest, " \t\r\n,]}")
	word := string(w.rest[:end])
	w.rest = w.rest[end:]
	return word
}

// text takes a quoted string, which is where the next key or value begins. Most hold no escape, and
// are copied as they are.
func (w *walker) text() string {
	w.peek()
	end, escaped := 1, false
	for ; w.rest[end] != '"'; end++ {
		if w.rest[end] == '\\' {
			escaped = true
			end++
		}
	}
	quoted := w.rest[:end+1]
	w.rest = w.rest[end+1:]
	if !escaped {
		w.lost = w.lost || !utf8.Valid(quoted)
		return repaired(quoted[1:end])
	}
	return w.unescaped(quoted)
}

// unescaped resolves escapes. Half a surrogate pair is no letter: it becomes U+FFFD as bad UTF-8
// does, and counts as lost.
func (w *walker) unescaped(quoted []byte) string {
	// encoding/json replaces bad UTF-8 as well, but byte by byte, not as the standard does.
	well := quoted
	if !utf8.Valid(quoted) {
		well, w.lost = []byte(repaired(quoted)), true
	}
	var s string
	if err := json.Unmarshal(well, &s); err != nil {
		return string(well) // cannot be: checkJSON has passed it
	}
	if strings.Contains(s, replacement) && !bytes.Contains(well, []byte(replacement)) && !bytes.Contains(bytes.ToLower(well), []byte(`\ufffd`)) {
		w.lost = true
	}
	return s
}

// innerKey writes a key so that `[key]` means it and no other. PHP cannot say a closing bracket,
// nothing at all, or a lone blank (it reads `[ ]` as `[]`): these become %5D, % and %20. So that no
// two keys become one, % itself is written %25 in a key that could be taken for such a one. Any
// other key stands as it is.
func innerKey(key string) string {
	blank := len(key) == 1 && isSpace(key[0])
	switch {
	case key == "":
		return "%"
	case blank:
		return fmt.Sprintf("%%%02X", key[0])
	case key == "%", strings.ContainsAny(key, "]"), strings.Contains(key, "%5D"), strings.Contains(key, "%25"), strings.HasPrefix(key, "%20"), strings.HasPrefix(key, "%0"):
		return strings.NewReplacer("%", "%25", "]", "%5D").Replace(key)
	}
	return key
}

// rootKey does the same for an outermost key that other keys follow. One that nests by itself stays
// (`a[b]` before `[c]`); where a bracket would break the nesting it becomes %5B, and a name of
// nothing or of blanks begins with % or %20.
func rootKey(key string) string {
	key = strings.TrimSuffix(key, "[]")
	switch {
	case key == "":
		return "%"
	case strings.Trim(key, " ") == "":
		return "%20" + key[1:]
	case key == "%", !nests(key), strings.Contains(key, "%5B"), strings.Contains(key, "%25"), strings.HasPrefix(key, "%20"):
		return strings.NewReplacer("%", "%25", "[", "%5B").Replace(key)
	}
	return key
}
