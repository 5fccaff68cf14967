package form

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Path is PHP's reading of one name: the root and the keys below it, "" for an empty bracket.
// `a[b][]` is a, b, "".
//
// The rules are those that PHP 8 registers a form variable by: leading spaces are dropped; in the
// root, spaces and dots become underscores; text between a closing bracket and anything but an
// opening one ends the name; a bracket that nothing closes ends it too, but directly after the root
// it becomes an underscore like the dots, spaces and brackets after it (`a[b.c` is a_b_c). A
// bracket around one blank is an empty one. There is always a root; PHP drops a pair whose root is
// empty, here its root is "". A NUL byte, which no browser sends in a name, is a character like any
// other.
func Path(name string) []string {
	_, path := split(name, nil)
	return path
}

// split appends Path(name) to path, and returns beside it the root as it was posted.
func split(name string, path []string) (raw string, full []string) {
	open := strings.IndexByte(name, '[')
	if open < 0 {
		return name, append(path, mangled(name))
	}
	key, rest, ok := cutKey(name[open:])
	if !ok {
		return name, append(path, strings.ReplaceAll(mangled(name), "[", "_"))
	}
	path = append(path, mangled(name[:open]))
	for ok {
		path = append(path, key)
		key, rest, ok = cutKey(rest)
	}
	return name[:open], path
}

// cutKey takes one `[key]` off the front of s.
func cutKey(s string) (key, rest string, ok bool) {
	if s == "" || s[0] != '[' {
		return "", s, false
	}
	from := 1
	if len(s) > 1 && isSpace(s[1]) {
		from = 2
	}
	end := strings.IndexByte(s[from:], ']')
	switch {
	case end < 0:
		return "", s, false
	case end == 0:
		return "", s[from+1:], true
	}
	return s[1 : from+end], s[from+end+1:], true
}

// nests tells whether a key appended to name in brackets lies exactly below name.
func nests(name string) bool {
	open := strings.IndexByte(name, '[')
	if open < 0 {
		return true
	}
	if strings.Trim(name[:open], " ") == "" {
		return false
	}
	rest := name[open:]
	for rest != "" {
		var ok bool
		if _, rest, ok = cutKey(rest); !ok {
			return false
		}
	}
	return true
}

// mangled is a root as PHP registers it. Most have nothing to change and are not copied.
func mangled(root string) string {
	root = strings.TrimLeft(root, " ")
	if strings.IndexByte(root, ' ') < 0 && strings.IndexByte(root, '.') < 0 {
		return root
	}
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '.' {
			return '_'
		}
		return r
	}, root)
}

// isSpace is C's isspace, which PHP asks.
func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

// Identifier is name with every character that no identifier of an expression can hold as "_", and
// "_" before a digit that it would begin with. Letters and digits of every script are kept:
// your-name is your_name, "Ім'я" is Ім_я. An empty name is "_".
func Identifier(name string) string {
	if IsIdentifier(name) {
		return name
	}
	var b strings.Builder
	for i, r := range name {
		switch {
		case r == '_' || unicode.IsLetter(r) && r != utf8.RuneError:
			b.WriteRune(r)
		case unicode.IsDigit(r):
			if i == 0 {
				b.WriteByte('_')
			}
			b.WriteRune(r)
		default:
			b.WriteByte('_')
		}
	}
	if b.Len() == 0 {
		return "_"
	}
	return b.String()
}

// IsIdentifier tells the common case, in which a name is the same for a form, for PHP and in an expression: ASCII letters, digits and
// underscores.
func IsIdentifier(name string) bool {
	for i := range len(name) {
		c := name[i]
		if !isLetter(c) && c != '_' && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

// index reads a key as PHP's arrays do: a plain decimal integer that fits 64 bits is a number,
// everything else a text (05, +1, -0).
func index(key string) (int64, bool) {
	if key == "" || key[0] != '-' && (key[0] < '0' || key[0] > '9') {
		return 0, false
	}
	n, err := strconv.ParseInt(key, 10, 64)
	if err != nil || len(key) > 1 && strconv.FormatInt(n, 10) != key {
		return 0, false
	}
	return n, true
}

// trimmed cuts blanks off both ends: Unicode's, and the marks that take no room but come along when
// text is copied (zero-width spaces and joiners, direction marks, a byte order mark). What is left
// of a value of blanks only is "".
func trimmed(s string) string {
	if s == "" || isVisible(s[0]) && isVisible(s[len(s)-1]) {
		return s
	}
	return strings.TrimFunc(s, isBlank)
}

// isVisible tells the ASCII bytes that are no blank: the common case, decided without decoding a
// rune.
func isVisible(c byte) bool { return ' ' < c && c < 0x7F }

// isBlank tells what trimmed cuts. Joiners and marks inside a text are left alone; they have a
// meaning there.
func isBlank(r rune) bool {
	return unicode.IsSpace(r) || '\u200B' <= r && r <= '\u200F' || r == '\u2060' || r == '\uFEFF' || r == '\u180E'
}
