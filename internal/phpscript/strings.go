package phpscript

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/alecthomas/participle/v2/lexer"
)

func itoa(n int) string { return strconv.Itoa(n) }

// piece is a part of a string: text, or the source of an expression in it.
type piece struct {
	text   string
	code   bool
	offset int // of code, in the string as it is written
}

// pieces takes a string as it is written apart, escapes resolved.
func pieces(s string) []piece {
	switch {
	case strings.HasPrefix(s, "<<<"):
		return document(s)
	case s == "":
		return nil
	case s[0] == '\'':
		inside := strings.TrimSuffix(s[1:], "'")
		return []piece{{text: strings.NewReplacer(`\\`, `\`, `\'`, `'`).Replace(inside)}}
	case s[0] == '`':
		return []piece{{text: s, code: true}}
	}
	inside := s[1:]
	if closes(s) {
		inside = s[1 : len(s)-1]
	}
	return interpolated(inside, 1)
}

// document takes a heredoc apart: the blanks before its closing word are taken off each line.
func document(s string) []piece {
	head, body, _ := strings.Cut(s, "\n")
	raw := strings.Contains(head, "'")
	last := strings.LastIndexByte(body, '\n')
	closing := body[last+1:]
	if last < 0 {
		return nil
	}
	body = body[:last]
	if indent := len(closing) - len(strings.TrimLeft(closing, " \t")); indent > 0 {
		lines := strings.Split(body, "\n")
		for i, line := range lines {
			n := min(indent, len(line)-len(strings.TrimLeft(line, " \t")))
			lines[i] = line[n:]
		}
		body = strings.Join(lines, "\n")
	}
	if raw {
		return []piece{{text: body}}
	}
	return interpolated(body, 0)
}

// interpolated finds the variables in a text: $name, $name[key], $name->member, {$expression} and ${name}.
func interpolated(s string, base int) []piece {
	var out []piece
	var b strings.Builder
	flush := func() {
		if b.Len() > 0 {
			out = append(out, piece{text: b.String()})
			b.Reset()
		}
	}
	for i := 0; i < len(s); {
		switch rest := s[i:]; {
		case rest[0] == '\\' && len(rest) > 1:
			r, n := escape(rest)
			b.WriteString(r)
			i += n
		case strings.HasPrefix(rest, "{$"):
			n := braced(rest)
			flush()
			out = append(out, piece{text: rest[1 : n-1], code: true, offset: base + i + 1})
			i += n
		case strings.HasPrefix(rest, "${"):
			end := strings.IndexByte(rest, '}')
			if end < 0 {
				end = len(rest) - 1
			}
			flush()
			out = append(out, piece{text: "$" + rest[2:max(2, end)], code: true, offset: base + i})
			i += end + 1
		case rest[0] == '$' && len(rest) > 1 && isNameStart(rest[1]):
			source, n := variable(rest)
			flush()
			out = append(out, piece{text: source, code: true, offset: base + i})
			i += n
		default:
			b.WriteByte(rest[0])
			i++
		}
	}
	flush()
	return out
}

// braced is the length of an expression in braces.
func braced(s string) int {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

// variable reads a variable without braces, and gives its source as it would stand outside of a string: a key needs its quotes there.
func variable(s string) (source string, n int) {
	n = 1 + nameLength(s[1:], false)
	name := s[:n]
	if strings.HasPrefix(s[n:], "[") {
		if end := strings.IndexByte(s[n:], ']'); end > 0 {
			key := strings.Trim(s[n+1:n+end], `'" `)
			if strings.HasPrefix(key, "$") {
				return name + "[" + key + "]", n + end + 1
			}
			return name + "['" + strings.ReplaceAll(key, "'", "") + "']", n + end + 1
		}
	}
	if strings.HasPrefix(s[n:], "->") && len(s) > n+2 && isNameStart(s[n+2]) {
		end := n + 2 + nameLength(s[n+2:], false)
		return s[:end], end
	}
	return name, n
}

// escape resolves an escape of double quotes, and says how long it is.
func escape(s string) (string, int) {
	switch c := s[1]; c {
	case 'n':
		return "\n", 2
	case 't':
		return "\t", 2
	case 'r', 'v', 'e', 'f':
		return " ", 2
	case '\\', '$', '"':
		return string(c), 2
	case 'u':
		if end := strings.IndexByte(s, '}'); strings.HasPrefix(s, `\u{`) && end > 3 {
			if r, err := strconv.ParseInt(s[3:end], 16, 32); err == nil && utf8.ValidRune(rune(r)) {
				return string(rune(r)), end + 1
			}
		}
	}
	return s[:2], 2
}

// tokensOf scans an expression inside a string, placed where the string stands.
func tokensOf(source string, at lexer.Position, p *patterns) []lexer.Token {
	c := scan("<?php "+source, &notebook{}, p)
	for i := range c.tokens {
		c.tokens[i].Pos = lexer.Position{Offset: at.Offset, Line: at.Line}
	}
	return c.tokens
}
