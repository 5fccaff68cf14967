package expression

import "strings"

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
			return nil, []Fault{{Offset: at - 2, What: "`${` has no closing `}`", Do: "close it with `}`, or write `$${` for a literal `${`"}}
		}
		parts = append(parts, Part{Text: text[:end], Expr: true, Offset: at})
		at, text = at+runes(text[:end+1]), text[end+1:]
		start = at
	}
	flush()
	return parts, nil
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
