package mapping

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"formrelay/internal/form"
	"formrelay/internal/keycrm"
	"formrelay/internal/mapping/expression"
)

// managerComment is the field that takes what the relay itself has to say.
const managerComment = "manager_comment"

// maxComment bounds the comment that the relay writes, in characters. KeyCRM names no bound; this is
// the least that anybody is known to keep to.
const maxComment = 5000

// rest is where what no expression used goes.
type rest struct {
	path   string
	except map[string]bool
	labels []fieldRule // the fields that have one
	lang   string
}

// rest compiles `rest` and `rest_except`.
func (c *compiler) rest(m *Mapping) *rest {
	s := &rest{path: c.spec.Rest, except: map[string]bool{}, lang: c.spec.Lang}
	for _, name := range c.spec.RestExcept {
		s.except[name] = true
	}
	for _, f := range m.fields {
		if len(f.label) > 0 {
			s.labels = append(s.labels, f)
		}
	}
	if s.path == "" {
		return s
	}
	t := c.schema
	for name := range strings.SplitSeq(s.path, ".") {
		if t != nil && t.Word == keycrm.WordObject {
			t = t.Child(name)
		} else {
			t = nil
		}
	}
	if t == nil || t.Word != keycrm.WordText || t.Enum != nil || s.path == "source_uuid" {
		c.fault(c.spec.RestPos, fmt.Sprintf("rest cannot go into %q", s.path), "write "+strings.Join(c.comments(), " or "))
	}
	return s
}

// comments are the fields that are made for free text.
func (c *compiler) comments() []string {
	var names []string
	for _, t := range c.schema.Children {
		if t.Word == keycrm.WordText && strings.HasSuffix(t.Name, "_comment") {
			names = append(names, t.Name)
		}
	}
	return names
}

// used tells of each pair of the post whether an expression used it.
func (r *run) used() []bool {
	p := r.posted()
	used := make([]bool, len(p.paths))
	for _, read := range r.read {
		r.use(used, read)
	}
	return used
}

// unused are the lines of what was posted and no expression used, in posted order.
func (r *run) unused(used []bool) []string {
	var lines []string
	for i, pair := range r.in.Fields.Pairs {
		text := strings.TrimFunc(pair.Value, unicode.IsSpace)
		if used[i] || text == "" || r.m.rest.leavesOut(pair.Name) {
			continue
		}
		lines = append(lines, r.m.rest.label(pair.Name, r.posted().paths[i])+": "+text)
	}
	return lines
}

// phoneLines are what was typed after phone numbers. What stands among the unused pairs as it was typed is not told twice.
func (r *run) phoneLines(used []bool) []string {
	var lines []string
	for _, p := range r.phoneRests {
		if used == nil || p.pair < 0 || used[p.pair] || r.m.rest.leavesOut(r.in.Fields.Pairs[p.pair].Name) {
			lines = append(lines, p.text)
		}
	}
	return lines
}

// use marks the pairs that an evaluated expression used. A name or position that the expression computes
// is not known here, nor is what a look at the whole form is after: neither marks anything, since what
// stands twice is a lesser evil than what is lost.
func (r *run) use(used []bool, read reading) {
	mark := func(paths []expression.Path) {
		for _, path := range paths {
			if path.Root == expression.Item && (read.frame == nil || !read.frame.known) {
				continue // the each's own expression is marked for it
			}
			if path.Root == expression.Form && len(path.Steps) == 0 || slices.ContainsFunc(path.Steps, func(s expression.Step) bool { return s.One }) {
				continue
			}
			steps, _ := r.place(path, read.frame)
			r.index.mark(used, steps, path.Part || read.part, path.All)
		}
	}
	mark(read.expr.Reads)
	if !read.each {
		mark(read.expr.Passes)
	}
}

// leavesOut tells the pairs that never go into a comment: what is for the relay or its guards, what
// page builders add, secrets.
func (s *rest) leavesOut(name string) bool {
	if strings.HasPrefix(name, "_") || s.excepted(name) {
		return true
	}
	lower := strings.ToLower(root(name))
	switch lower {
	case "tranid", "cookies":
		return true
	}
	return form.IsCaptcha(name) || secret(strings.ToLower(name))
}

// excepted tells whether rest_except names a pair: by its whole name, by a name with empty brackets, or
// by its root in any spelling.
func (s *rest) excepted(name string) bool {
	if len(s.except) == 0 {
		return false
	}
	if s.except[name] || s.except[everyItem(name)] {
		return true
	}
	for _, alias := range aliases(root(name)) {
		if s.except[alias] {
			return true
		}
	}
	return false
}

// everyItem is a name with the numbers in its brackets taken out: products[0][sku] is products[][sku].
func everyItem(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		b.WriteByte(name[i])
		if name[i] != '[' {
			continue
		}
		end := i + 1
		for end < len(name) && '0' <= name[end] && name[end] <= '9' {
			end++
		}
		if end < len(name) && name[end] == ']' {
			i = end - 1
		}
	}
	return b.String()
}

// secret tells the name, in lower case, of what a comment must not hold: a password and its like, or a form's own guard against forgery.
func secret(lower string) bool {
	for _, part := range []string{"csrf", "xsrf", "authenticity_token"} {
		if strings.Contains(lower, part) {
			return true
		}
	}
	return IsPassword(lower)
}

// IsPassword tells a form field's name of a password, or of a payment card's number and codes: what no page repeats and no comment holds.
// A passport is none, nor is a card that a shop gives out.
func IsPassword(name string) bool {
	lower := strings.ToLower(name)
	for _, part := range []string{"password", "passwd", "passphrase", "парол", "hasło", "haslo"} {
		if strings.Contains(lower, part) {
			return true
		}
	}
	words := strings.FieldsFunc(lower, func(r rune) bool { return !unicode.IsLetter(r) })
	for _, word := range words {
		switch word {
		case "pass", "pwd", "cvv", "cvc":
			return true
		}
	}
	letters := strings.Join(words, "")
	if strings.HasSuffix(letters, "securitycode") {
		return true
	}
	return paymentCard(letters) && !shopsCard(letters)
}

// paymentCard tells the name of a payment card's number, of which only the letters are given.
func paymentCard(letters string) bool {
	for _, part := range []string{"cardnumber", "cardnum", "ccnumber", "ccnum", "creditcard", "номеркарт", "numerkarty"} {
		if strings.Contains(letters, part) {
			return true
		}
	}
	return false
}

// shopsCard tells the name of a card that a shop gives to its customers.
func shopsCard(letters string) bool {
	for _, part := range []string{"gift", "loyal", "bonus", "discount", "club", "member", "лояльн", "бонус", "знижк", "скидк", "подар"} {
		if strings.Contains(letters, part) {
			return true
		}
	}
	return false
}

// label is what a pair is called in a comment: the field's label in the profile's language, else the
// name as posted.
func (s *rest) label(name string, path []string) string {
	for i := range s.labels {
		f := &s.labels[i]
		if f.covers(name, path) {
			return pick(f.label, s.lang)
		}
	}
	return name
}

// covers tells whether a posted pair is the field, or an item of it.
func (f *fieldRule) covers(name string, path []string) bool {
	if len(f.path) > len(path) || !slices.Contains(aliases(root(name)), f.path[0]) {
		return false
	}
	for i, key := range f.path[1:] {
		if key != "" && key != path[i+1] {
			return false
		}
	}
	return true
}

// languages are tried in this order where a label is missing in the profile's own.
func languages() []string { return []string{"uk", "en", "ru", "pl"} }

// pick chooses a label: the wanted language, else the first of the usual ones, else the first by name,
// so that the choice is always the same.
func pick(label map[string]string, lang string) string {
	if text := label[lang]; text != "" {
		return text
	}
	for _, lang := range languages() {
		if text := label[lang]; text != "" {
			return text
		}
	}
	for _, key := range sortedKeys(label) {
		return label[key]
	}
	return ""
}

// Label chooses a field's label by language, as pick does; "" when there is none.
func Label(label map[string]string, lang string) string { return pick(label, lang) }

// cut bounds a comment and says so in its last line.
func cut(text, lang string) string {
	if len(text) <= maxComment || utf8.RuneCountInString(text) <= maxComment {
		return text
	}
	last := "\n" + cutLine(lang)
	keep := maxComment - utf8.RuneCountInString(last)
	return strings.TrimRightFunc(string([]rune(text)[:keep]), unicode.IsSpace) + last
}

// cutLine is the last line of a comment that was cut. Managers read it in KeyCRM, so it is in the
// profile's language.
func cutLine(lang string) string {
	switch lang {
	case "en":
		return "[shortened by formrelay: the submission holds the whole]"
	case "ru":
		return "[сокращено formrelay: полностью — в самой заявке]"
	case "pl":
		return "[skrócone przez formrelay: całość jest w zgłoszeniu]"
	default:
		return "[скорочено formrelay: повністю — у самій заявці]"
	}
}
