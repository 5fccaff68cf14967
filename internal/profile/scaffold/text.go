package scaffold

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// words is what an element says to people, without the fields in it.
func words(n *html.Node) string { return clean(gather(n, true)) }

// raw is an element's text as it is.
func raw(n *html.Node) string { return gather(n, false) }

// gather collects the text below an element, as much as a label or a value may have.
func gather(n *html.Node, skip bool) string {
	var b strings.Builder
	left := maxNodes
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		for c := n.FirstChild; c != nil && left > 0 && b.Len() <= 4*maxValue; c = c.NextSibling {
			left--
			switch {
			case c.Type == html.TextNode:
				b.WriteString(c.Data)
				if skip {
					b.WriteByte(' ')
				}
			case skip && (c.DataAtom == atom.Select || c.DataAtom == atom.Textarea || c.DataAtom == atom.Script || c.DataAtom == atom.Style || c.DataAtom == atom.Button):
			default:
				walk(c)
			}
		}
	}
	walk(n)
	return b.String()
}

// clean makes one short line of a stranger's text, without any sign that means something in a profile: brackets, and what nobody
// sees. It may stand in quotes, and behind a # as a comment.
func clean(text string) string {
	if len(text) > 8*maxValue {
		text = text[:8*maxValue]
	}
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == '[' || r == '{':
			return '('
		case r == ']' || r == '}':
			return ')'
		case r == utf8.RuneError || !unicode.IsPrint(r):
			return -1
		}
		return r
	}, text)
	text = strings.Trim(strings.Join(strings.Fields(text), " "), " *:：")
	if utf8.RuneCountInString(text) > maxLabel {
		text = strings.TrimSpace(string([]rune(text)[:maxLabel-1])) + "…"
	}
	return text
}

// safe tells a name or value that a profile may repeat as it is: a line that people can read, with no brackets that do not close and
// nothing that begins an expression. Every other is left to the form.
func safe(text string, most int) bool {
	if text == "" || len(text) > most || !utf8.ValidString(text) || strings.ContainsAny(text, "{}") {
		return false
	}
	open := 0
	for _, r := range text {
		switch {
		case r == '[':
			open++
		case r == ']':
			open--
		case r != '\u00a0' && !unicode.IsPrint(r):
			return false
		}
		if open < 0 || open > 1 {
			return false
		}
	}
	return open == 0
}

// quote puts a text into the quotes that leave it easiest to read.
func quote(text string) string {
	if !strings.ContainsAny(text, `"\`) {
		return `"` + text + `"`
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

// plainKey tells a key that needs no quotes.
var plainKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// key is a text as YAML's key.
func key(text string) string {
	switch strings.ToLower(text) {
	case "true", "false", "null", "yes", "no", "on", "off", "y", "n":
		return quote(text)
	}
	if plainKey.MatchString(text) {
		return text
	}
	return quote(text)
}

// folded is a text for comparing: small letters, words apart, without apostrophes. firstName and first-name are both "first name".
func folded(text string) string {
	var b strings.Builder
	var last rune
	for _, r := range text {
		switch {
		case strings.ContainsRune("'’ʼ`´", r):
			continue
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			r = ' '
		case unicode.IsUpper(r) && unicode.IsLower(last), unicode.IsDigit(r) != unicode.IsDigit(last) && unicode.IsLetter(last) != unicode.IsLetter(r) && last != ' ':
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
		last = r
	}
	return " " + strings.Join(strings.Fields(b.String()), " ") + " "
}

// language is the page's language: what it declares, unless its letters say otherwise. Many a Ukrainian page still declares the
// language of the template it was made from.
func language(declared, text string) string {
	count := func(letters string) int {
		n := 0
		for _, r := range strings.ToLower(text) {
			if strings.ContainsRune(letters, r) {
				n++
			}
		}
		return n
	}
	cyrillic := count("абвгдежзийклмнопрстуфхцчшщьюяіїєґыэъё")
	switch {
	case cyrillic > 2*count("abcdefghijklmnopqrstuvwxyz") || cyrillic > 200:
		russian, ukrainian := count("ыэъё"), count("іїєґ")
		if russian > ukrainian || ukrainian == 0 && (strings.HasPrefix(declared, "ru") || russianWords(text)) {
			return "ru"
		}
		return "uk"
	case strings.HasPrefix(declared, "pl") || count("ąęłśżźćń") > 3:
		return "pl"
	case strings.HasPrefix(declared, "uk") || strings.HasPrefix(declared, "ua"):
		return "uk"
	case strings.HasPrefix(declared, "ru"):
		return "ru"
	}
	return "en"
}

// russianWords tells a text too short to have a letter that only one of the two languages has.
func russianWords(text string) bool {
	in := folded(text)
	for _, word := range []string{"имя", "фамилия", "город", "почта", "отправить", "сообщение", "вопрос", "улица", "количество"} {
		if strings.Contains(in, " "+word+" ") {
			return true
		}
	}
	return false
}
