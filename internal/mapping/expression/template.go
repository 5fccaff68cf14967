package expression

import (
	"fmt"
	"strings"
)

// Part is a piece of a template: literal text, or the source of one expression.
type Part struct {
	Text   string // the literal, or what stands between `${` and `}`
	Expr   bool
	Offset int // characters (runes) before Text in the template
}

// Split cuts a template at its `${…}`. `$${` is a literal `${`. Braces and quotes inside an expression
// are balanced, so `${ {"a": "}"}.a }` is one expression. Empty literals are left out.
func Split(text string) ([]Part, []Fault) {
	var parts []Part
	var literal strings.Builder
	start, at := 0, 0 // runes before the literal, and before the rest of the text
	flush := func() {
		if literal.Len() > 0 {
			parts = append(parts, Part{Text: literal.String(), Offset: start})
			literal.Reset()
		}
	}
	for text != "" {
		i := strings.Index(text, "${")
		if i < 0 {
			literal.WriteString(text)
			break
		}
		if i > 0 && text[i-1] == '$' {
			literal.WriteString(text[:i-1] + "${")
			at, text = at+runes(text[:i+2]), text[i+2:]
			continue
		}
		literal.WriteString(text[:i])
		flush()
		at, text = at+runes(text[:i+2]), text[i+2:]
		end := closing(text)
		if end < 0 {
			return nil, []Fault{unclosed(text, at-2)}
		}
		parts = append(parts, Part{Text: text[:end], Expr: true, Offset: at})
		at, text = at+runes(text[:end+1]), text[end+1:]
		start = at
	}
	flush()
	return parts, nil
}

// unclosed tells why an expression has no end. Mostly that is a quote which is none: the apostrophe of
// Ukrainian field names such as Ім'я.
func unclosed(text string, offset int) Fault {
	name, _, closed := strings.Cut(text, "}")
	name = strings.TrimSpace(name)
	if !closed || !openQuote(text) {
		return Fault{Offset: offset, What: "`${` has no closing `}`", Do: "close it with `}`, or write `$${` for a literal `${`"}
	}
	do := "close the quote"
	if !strings.ContainsAny(name, " \"`()[]") {
		do = fmt.Sprintf("write form[%s] for a form field of that name, or close the quote", quote(name))
	}
	return Fault{Offset: offset, What: "a quote between `${` and `}` has no end", Do: do}
}

// openQuote tells whether a quoted text in s has no end.
func openQuote(s string) bool {
	for i := 0; i < len(s); i++ {
		if strings.IndexByte("'\"`", s[i]) < 0 {
			continue
		}
		end := quoted(s[i:])
		if end == len(s)-i {
			return true
		}
		i += end
	}
	return false
}

// closing finds the `}` that ends an expression, passing over quoted texts and balanced braces; -1 when
// there is none.
func closing(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"', '\'', '`':
			i += quoted(s[i:])
		case '{':
			depth++
		case '}':
			if depth == 0 {
				return i
			}
			depth--
		}
	}
	return -1
}

// quoted is the offset of the closing quote of the text that s begins with, or of its end when it is
// not closed.
func quoted(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if s[0] != '`' {
				i++
			}
		case s[0]:
			return i
		}
	}
	return len(s)
}

// runes counts characters, which is what columns count.
func runes(s string) int {
	n := 0
	for range s {
		n++
	}
	return n
}
