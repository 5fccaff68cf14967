package scaffold

import (
	"math"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"formrelay/internal/form"
	"formrelay/internal/mapping/value"
)

// rule is what the HTML states of a field, as a profile says it.
type rule struct {
	field *field
	name  string // in form.fields: products[][sku] for every item's
	typ   string
	tags  []string
	said  []string // what the page states and no rule says, each a comment
	off   bool
	wide  bool // its label alone is left
}

// rules are those of the fields that people fill in, one for each name.
func (f *Form) rules() []*rule {
	var all []*rule
	for _, c := range f.fields {
		if c.kind == "hidden" || c.role == roleMachine || c.role == roleTrap || c.role == roleSecret || !safe(c.name, maxName) {
			continue
		}
		r := f.rule(c)
		if slices.ContainsFunc(all, func(o *rule) bool { return o.name == r.name }) {
			continue
		}
		if r.typ != "" || len(r.tags) > 0 || len(r.said) > 0 || c.forPeople() != "" {
			all = append(all, r)
		}
	}
	return all
}

// itemName is a name with the numbers of its items taken out.
var itemName = regexp.MustCompile(`\[\d+\]\[`)

func (f *Form) rule(c *field) *rule {
	r := &rule{field: c, name: itemName.ReplaceAllString(c.name, "[]["), typ: c.typ()}
	switch {
	case !c.required || c.kind == "checkbox" && c.boxes > 1:
	case c.single() && strings.TrimSpace(c.value) == "":
		r.said = append(r.said, `the page's required is not repeated: ticked or not, the box posts nothing; give it value="1"`)
	default:
		r.tags = append(r.tags, "required")
	}
	switch c.kind {
	case "select", "radio", "checkbox":
		r.choices()
	case "number", "range":
		r.bounds()
	case "date", "datetime-local", "month", "week", "time":
		r.dates()
	case "url":
		r.tags = append(r.tags, "url")
		r.lengths()
	case "color":
		r.tags = append(r.tags, "hexcolor")
	case "file":
	default:
		r.lengths()
		r.pattern()
	}
	return r
}

// typ is the type that the input's own says. A box beside which people may write a nickname takes every text.
func (c *field) typ() string {
	switch c.kind {
	case "email":
		if !c.multiple {
			return "email"
		}
	case "tel":
		words := folded(c.label + " " + c.placeholder)
		for _, other := range []string{"telegram", "телеграм", "instagram", "інстаграм", "nick", "нік", "ник"} {
			if strings.Contains(words, other) {
				return ""
			}
		}
		return "phone"
	case "number", "range":
		return c.numeric()
	case "date", "datetime-local":
		return "date"
	case "checkbox":
		if ticked, err := value.TypeBool.Convert(c.value, value.Env{}); err == nil && ticked == true && c.single() && !strings.HasSuffix(c.name, "[]") {
			return "bool" // so that it is a box again where a visitor is to correct it
		}
	}
	return ""
}

// single tells a box that is ticked or not from those of which some may be.
func (c *field) single() bool { return c.kind == "checkbox" && c.boxes < 2 }

// numeric tells whole numbers from others as a browser does: by step, which counts from min.
func (c *field) numeric() string {
	for _, text := range []string{c.step, c.min} {
		if n, ok := decimal(text); text != "" && (!ok || n != math.Trunc(n)) {
			return "number"
		}
	}
	return "int"
}

// decimal reads a number of the page's, as far as a rule can say it.
func decimal(text string) (float64, bool) {
	n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	return n, err == nil && math.Abs(n) < 1e15
}

// bounds are min and max.
func (r *rule) bounds() {
	c := r.field
	least, low := decimal(c.min)
	most, high := decimal(c.max)
	if low && high && least > most {
		r.said = append(r.said, "the page's min is more than its max: neither is repeated")
		return
	}
	for _, bound := range []struct {
		tag   string
		n     float64
		given bool
	}{{"min", least, low}, {"max", most, high}} {
		switch {
		case !bound.given:
		case r.typ == "int" && bound.n != math.Trunc(bound.n):
			r.tags = append(r.tags, bound.tag+"="+strconv.FormatFloat(math.Floor(bound.n), 'f', -1, 64))
		default:
			r.tags = append(r.tags, bound.tag+"="+strconv.FormatFloat(bound.n, 'f', -1, 64))
		}
	}
}

// dates have bounds that no rule says.
func (r *rule) dates() {
	for _, bound := range []struct{ key, text string }{{"min", r.field.min}, {"max", r.field.max}} {
		if text := clean(bound.text); text != "" {
			r.said = append(r.said, "the page's "+bound.key+"="+text+" is not repeated: no rule compares dates with a day")
		}
	}
}

// lengths are those of a text, 0 for none, where a rule can say them.
func (c *field) lengths() (shortest, longest int) {
	if c.longest > 0 && c.shortest > c.longest {
		return 0, 0
	}
	return c.shortest, c.longest
}

// lengths are minlength and maxlength. A phone is judged by its number, and not by how it is written; in a text of several lines a
// browser counts the end of a line as one character and posts two.
func (r *rule) lengths() {
	c := r.field
	shortest, longest := c.lengths()
	switch {
	case r.typ == "phone" || shortest == 0 && longest == 0:
		return
	case c.kind == "textarea" && longest > 0:
		r.said = append(r.said, "the page's maxlength="+itoa(longest)+" is not repeated: a browser counts the end of a line once and posts two characters")
		longest = 0
	}
	if shortest > 0 {
		r.tags = append(r.tags, "min="+itoa(shortest))
	}
	if longest > 0 {
		r.tags = append(r.tags, "max="+itoa(longest))
	}
}

// lengthOnly is a pattern that speaks of the length alone, and digitsOnly one of digits.
var (
	lengthOnly = regexp.MustCompile(`^\.\{(\d{1,4})(,?)(\d{0,4})\}$`)
	digitsOnly = regexp.MustCompile(`^(?:\[0-9\]|\\d)(?:\+|\*|\{(\d{1,3})(,?)(\d{0,3})\})$`)
)

// bare is a pattern without the anchors that a browser adds anyway.
func bare(pattern string) string {
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(pattern), "^"), "$")
}

// pattern says the page's pattern where a rule is equal to it.
func (r *rule) pattern() {
	p := bare(r.field.pattern)
	if p == "" {
		return
	}
	if r.typ == "" {
		switch p {
		case "[A-Za-z]+", "[a-zA-Z]+":
			r.tags = append(r.tags, "alpha")
			return
		case "[A-Za-z0-9]+", "[a-zA-Z0-9]+", "[0-9a-zA-Z]+", "[0-9A-Za-z]+":
			r.tags = append(r.tags, "alphanum")
			return
		}
		if m := digitsOnly.FindStringSubmatch(p); m != nil {
			r.tags = append(r.tags, "number")
			r.count(m[1:])
			return
		}
		if m := lengthOnly.FindStringSubmatch(p); m != nil {
			r.count(m[1:])
			return
		}
	}
	r.said = append(r.said, "the page's pattern is not repeated, since no rule is equal to it: "+clean(r.field.pattern))
}

// count says how often a pattern repeats: {5}, {2,} or {2,5}. What the page's lengths say already is not said again.
func (r *rule) count(m []string) {
	add := func(tag, n string) {
		if plain, err := strconv.Atoi(n); err == nil && !slices.ContainsFunc(r.tags, func(t string) bool { return strings.HasPrefix(t, tag+"=") }) {
			r.tags = append(r.tags, tag+"="+itoa(plain))
		}
	}
	if m[1] == "" {
		add("len", m[0])
		return
	}
	add("min", m[0])
	add("max", m[2])
}

// choices are the values that a list offers, where they can be written as a rule. A list with one of them is filled in by a script.
func (r *rule) choices() {
	c := r.field
	var values []string
	for _, o := range c.options {
		if o.value = strings.TrimSpace(o.value); o.value != "" && !slices.Contains(values, o.value) {
			values = append(values, o.value)
		}
	}
	switch {
	case c.single() && (r.typ != "" || !slices.Contains(r.tags, "required")), !c.single() && len(values) < 2 && c.kind != "radio", len(values) == 0:
		return
	case len(c.options) > maxOptions:
		r.said = append(r.said, "the page's list is too long to be repeated: any value is taken")
		return
	}
	words := make([]string, len(values))
	for i, value := range values {
		word, ok := listed(value)
		if !ok {
			r.said = append(r.said, "the page's choices are not repeated: one of them holds a sign that a rule cannot")
			return
		}
		words[i] = word
	}
	tag := "oneof=" + strings.Join(words, " ")
	if len(tag) > maxRule {
		r.said = append(r.said, "the page's list is too long to be repeated: any value is taken")
		return
	}
	r.tags = append(r.tags, tag)
}

// listed is a value as oneof takes it.
func listed(value string) (string, bool) {
	if !safe(value, maxValue) || strings.Contains(value, "0x") || strings.ContainsAny(value, `\"`) || strings.Contains(value, "\u00a0") {
		return "", false
	}
	quoted := strings.Contains(value, " ")
	if strings.Contains(value, "'") {
		return "", false
	}
	value = strings.NewReplacer(",", "0x2C", "|", "0x7C").Replace(value)
	if quoted {
		value = "'" + value + "'"
	}
	return value, true
}

// fileTypes are the media types that the page's files may have, nil where the relay's own are right.
func (f *Form) fileTypes() []string {
	var types []string
	for _, c := range f.fields {
		if c.kind != "file" {
			continue
		}
		for word := range strings.SplitSeq(strings.ToLower(c.accept), ",") {
			found := mediaTypes(strings.TrimSpace(word))
			if found == nil {
				return nil
			}
			for _, t := range found {
				if !slices.Contains(types, t) {
					types = append(types, t)
				}
			}
		}
	}
	return types
}

// mediaTypes are those of one word of accept, nil for one that is not known.
func mediaTypes(word string) []string {
	usual := map[string]string{
		".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".gif": "image/gif", ".webp": "image/webp", ".heic": "image/heic",
		".pdf": "application/pdf", ".txt": "text/plain", ".csv": "text/csv", ".zip": "application/zip", ".mp4": "video/mp4", ".mp3": "audio/mpeg",
		".doc": "application/msword", ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
		".xls": "application/vnd.ms-excel", ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	}
	if t := usual[path.Clean(word)]; t != "" {
		return []string{t}
	}
	if form.FileTypeKnown(word) {
		return []string{word}
	}
	return nil
}
