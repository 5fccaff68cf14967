package form

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
)

const (
	utf8Name    = "utf-8"
	cyrillic    = "windows-1251"
	japanese    = "iso-2022-jp" // the one encoding of the standard in which ASCII bytes may mean something else
	replacement = "\uFFFD"
)

// charset is an encoding of the WHATWG Encoding Standard together with its name there.
type charset struct {
	encoding.Encoding
	name string
}

// CharsetKnown tells whether label names an encoding that a form can be sent in: a label of the
// WHATWG Encoding Standard, in any case, but for UTF-16 and "replacement", which browsers never
// submit a form in.
func CharsetKnown(label string) bool {
	_, ok := lookUp(label)
	return ok
}

// lookUp finds the encoding for a label, in any case and with blanks around it.
func lookUp(label string) (charset, bool) {
	switch label = strings.TrimSpace(label); {
	case label == "":
		return charset{}, false
	case strings.EqualFold(label, utf8Name): // the common one, without a search
		return charset{unicode.UTF8, utf8Name}, true
	}
	// "replacement" is how the standard disables encodings that hide markup; it decodes everything
	// to one U+FFFD.
	e, err := htmlindex.Get(label)
	if err != nil {
		return charset{}, false
	}
	name, err := htmlindex.Name(e)
	if err != nil || name == "replacement" || strings.HasPrefix(name, "utf-16") {
		return charset{}, false
	}
	return charset{e, name}, true
}

// settle finds the charset of what was read and turns all of it to UTF-8. The first of these that
// names a known encoding counts: the content type's label, the `_charset_` field, Options.Charset.
// Where none does, the body is UTF-8 when all of it is. Where it is not, it is windows-1251 as a
// whole: that is what old pages of this region send, and their browsers do not say so. One
// exception, since such a guess must not garble a text that is plainly UTF-8 with a scratch (a
// value cut in the middle of a letter): see scratched.
//
// A byte that its encoding has no letter for becomes U+FFFD, and then Raw keeps the body.
func (d *decoder) settle(label string, raw []byte) {
	f := &d.fields
	if f.Charset != "" {
		return // JSON is UTF-8, whatever is declared
	}
	set, declared := d.declared(label)
	if !declared || set.name == utf8Name {
		f.Charset = utf8Name
		if f.valid() {
			return
		}
		set = charset{unicode.UTF8, utf8Name}
	}
	if !declared && !f.scratched() {
		set = charset{charmap.Windows1251, cyrillic}
	}
	f.Charset = set.name
	if f.convert(set) {
		f.Raw = raw
	}
}

// declared is the first charset that anybody named and that is known. A label that nobody knows
// says nothing: browsers ignore it too.
func (d *decoder) declared(label string) (charset, bool) {
	if set, ok := lookUp(label); ok {
		return set, true
	}
	for _, p := range d.fields.Pairs {
		// HTML compares this name without regard to case.
		if len(p.Name) != len("_charset_") || !strings.EqualFold(p.Name, "_charset_") {
			continue
		}
		if set, ok := lookUp(p.Value); ok {
			return set, true
		}
	}
	return lookUp(d.Charset)
}

// texts calls do with every text of the post that has a charset.
func (f *Fields) texts(do func(*string)) {
	for i := range f.Pairs {
		do(&f.Pairs[i].Name)
		do(&f.Pairs[i].Value)
	}
	for i := range f.Files {
		do(&f.Files[i].Field)
		do(&f.Files[i].Name)
		do(&f.Files[i].ContentType)
	}
}

// valid tells whether all of the post is UTF-8.
func (f *Fields) valid() bool {
	ok := true
	f.texts(func(s *string) { ok = ok && utf8.ValidString(*s) })
	return ok
}

// scratched tells UTF-8 with a damage from another encoding: eight good letters beyond ASCII for
// each bad byte. A text in windows-1251 hardly ever holds two bytes that make a good one.
func (f *Fields) scratched() bool {
	var good, bad int
	// A U+FFFD that was sent is a letter; one that range puts in place of a byte is not.
	f.texts(func(s *string) {
		for i, r := range *s {
			switch {
			case r < utf8.RuneSelf:
			case r == utf8.RuneError && !strings.HasPrefix((*s)[i:], replacement):
				bad++
			default:
				good++
			}
		}
	})
	return good >= 8*bad
}

// convert decodes every text and reports whether a byte of one was lost. In every encoding but one
// an ASCII text is itself, so that most names need no work.
func (f *Fields) convert(set charset) (lost bool) {
	decoder := set.NewDecoder()
	f.texts(func(s *string) {
		if set.name != japanese && isASCII(*s) || set.name == utf8Name && utf8.ValidString(*s) {
			return
		}
		text, err := decoder.String(*s)
		if err != nil {
			text = strings.ToValidUTF8(*s, replacement)
		}
		lost = lost || err != nil || strings.Contains(text, replacement)
		*s = text
	})
	return lost
}

// isASCII tells a text that is the same in every encoding of the standard but ISO-2022-JP.
func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// repaired is s as UTF-8, each ill-formed piece as one U+FFFD (the standard's "UTF-8 decode without
// BOM").
func repaired(s []byte) string {
	if utf8.Valid(s) {
		return string(s)
	}
	text, err := unicode.UTF8.NewDecoder().Bytes(s)
	if err != nil {
		text = bytes.ToValidUTF8(s, []byte(replacement))
	}
	return string(text)
}
