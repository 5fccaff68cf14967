package scaffold

import (
	"bytes"
	"cmp"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding/charmap"
)

// Page is what matters of a page of HTML.
type Page struct {
	Forms   []*Form
	lang    string // uk, ru, en or pl
	title   string
	utf8    bool
	builder string // tilda, webflow, weblium or ""
	captcha string // the captcha's provider, as a profile's secrets call it; ""
}

// Form is one form of a page.
type Form struct {
	Number int    // from 1, in the page's order
	ID     string // its id, else its name, cleaned; may be ""

	page    *Page
	loose   bool // its fields stand outside of any form element
	action  string
	method  string
	enctype string
	scripts bool // it has a handler of its own
	success string
	submit  string // what its button says
	search  bool
	fields  []*field
	more    int // fields beyond maxFields
}

// field is one field of a form: everything that is posted under one name.
type field struct {
	name        string // as posted, or as it should be, where unnamed
	unnamed     bool
	kind        string // the input's type; textarea, select
	id          string
	label       string
	placeholder string
	complete    string // the last word of autocomplete
	builders    string // what the site builder calls its kind
	value       string
	required    bool
	multiple    bool
	boxes       int    // checkboxes of that name
	group       string // what the page calls all of them
	shortest    int    // minlength, 0: none
	longest     int    // maxlength, 0: none
	min, max    string
	step        string
	pattern     string
	accept      string
	options     []option
	hidden      bool // kept from people, though it is no hidden field
	aside       bool // left out of the keyboard's way

	role    role
	guessed string // what the role was guessed from; "": the name or type says it
}

// option is one choice of a list, or one radio button or checkbox.
type option struct {
	value  string
	label  string
	chosen bool
}

// Read finds the forms of a page, whatever its bytes are. The error is [ErrTooLarge], [ErrNested] or [ErrNoForm].
func Read(text []byte) (*Page, error) {
	if len(text) > MaxFile {
		return nil, ErrTooLarge
	}
	decoded, isUTF8 := decode(text)
	root, err := html.Parse(bytes.NewReader(decoded))
	if err != nil {
		return nil, ErrNested
	}
	r := &reader{page: &Page{utf8: isUTF8}, labels: map[string]string{}, ids: map[string]*Form{}, words: lexicon()}
	r.survey(root)
	r.walk(root, nil)
	r.page.lang = language(r.page.lang, r.sample.String())
	r.collect()
	if len(r.page.Forms) == 0 {
		return nil, ErrNoForm
	}
	return r.page, nil
}

// decode makes UTF-8 of a page as a browser would, but for one thing: where nothing is declared and it is no UTF-8, the old encoding
// of the region is likelier than that of western Europe.
func decode(text []byte) (decoded []byte, isUTF8 bool) {
	encoding, name, certain := charset.DetermineEncoding(text, "")
	switch {
	case name == "utf-8":
		return bytes.ToValidUTF8(bytes.TrimPrefix(text, []byte("\ufeff")), []byte("\ufffd")), true
	case !certain && utf8.Valid(text):
		return text, true
	case !certain:
		encoding = charmap.Windows1251
	}
	out, err := encoding.NewDecoder().Bytes(text)
	if err != nil {
		return bytes.ToValidUTF8(text, []byte("\ufffd")), false
	}
	return out, false
}

// reader walks over a page.
type reader struct {
	page   *Page
	labels map[string]string // of label for=, and of the elements that aria-labelledby may name, by id
	ids    map[string]*Form
	words  []entry

	loose  *Form   // for the fields outside of any form
	table  *Form   // a form that stands in a table where none may: what follows in the table is its own
	near   string  // the text before the next field
	above  string  // the same but for what stands in another field's label: what a group of boxes may be called by
	inside bool    // of a label that is some field's own
	legend string  // of the fieldset around
	owned  []owned // fields that name their form by its id, which may come later
	sample strings.Builder

	controls int // so far
}

// owned is a field that names its form.
type owned struct {
	node *html.Node
	form string
	near string
	over string // the text above
}

// survey gathers what is said elsewhere than at the fields: labels, the page's language and title, what built it.
func (r *reader) survey(n *html.Node) {
	if n.Type == html.ElementNode {
		r.surveyElement(n)
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		r.survey(c)
	}
}

func (r *reader) surveyElement(n *html.Node) {
	class := attr(n, "class")
	switch n.DataAtom {
	case atom.Html:
		r.page.lang = strings.ToLower(attr(n, "lang"))
		if has(n, "data-wf-page") {
			r.page.builder = "webflow"
		}
	case atom.Title:
		if r.page.title == "" {
			r.page.title = words(n)
		}
	case atom.Label:
		if id := attr(n, "for"); id != "" && r.labels[id] == "" && len(r.labels) < maxLabels {
			r.labels[id] = words(n)
		}
	}
	if id := attr(n, "id"); id != "" && n.DataAtom != atom.Form && r.labels["#"+id] == "" && textual(n) && len(r.labels) < maxLabels {
		r.labels["#"+id] = words(n)
	}
	switch {
	case strings.Contains(class, "js-form-proccess"), strings.Contains(attr(n, "action"), "forms.tildacdn."):
		r.page.builder = "tilda"
	case n.DataAtom == atom.Meta && strings.Contains(strings.ToLower(attr(n, "content")), "weblium"):
		r.page.builder = "weblium"
	case strings.Contains(class, "g-recaptcha"):
		r.page.captcha = "recaptcha"
	case strings.Contains(class, "h-captcha"):
		r.page.captcha = "hcaptcha"
	case strings.Contains(class, "cf-turnstile"):
		r.page.captcha = "turnstile"
	}
}

// textual tells the elements that aria-labelledby names.
func textual(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Span, atom.P, atom.Div, atom.Label, atom.Legend, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.B, atom.Strong:
		return true
	}
	return false
}

// walk gathers forms and fields in the page's order. in is the form around, nil outside of one.
func (r *reader) walk(n *html.Node, in *Form) {
	switch n.Type {
	case html.TextNode:
		if text := clean(n.Data); text != "" {
			r.text(n, text)
		}
		return
	case html.ElementNode:
		if r.element(n, &in) {
			return
		}
	}
	table, legend, inside := r.table, r.legend, r.inside
	r.inside = inside || n.DataAtom == atom.Label && owns(n)
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		r.walk(c, in)
	}
	r.inside = inside
	if n.DataAtom == atom.Table {
		r.table = table
	}
	if n.DataAtom == atom.Fieldset {
		r.legend = legend
	}
}

// text notes what stands before the next field.
func (r *reader) text(n *html.Node, text string) {
	r.near = text
	if n.Parent != nil && heading(n.Parent) {
		r.near = ""
	}
	if !r.inside {
		r.above = r.near
	}
	r.seen(text)
}

// owns tells a label that is some field's own from one that is no more than a line of text.
func owns(label *html.Node) bool {
	if has(label, "for") {
		return true
	}
	left := maxNodes
	for n := range label.Descendants() {
		if left--; left < 0 || n.DataAtom == atom.Input || n.DataAtom == atom.Select || n.DataAtom == atom.Textarea {
			return true
		}
	}
	return false
}

// seen keeps some of the page's text, by which its language is told.
func (r *reader) seen(text string) {
	if r.sample.Len() < maxSeen {
		r.sample.WriteString(text + " ")
	}
}

// heading tells the elements that speak of more than the next field.
func heading(n *html.Node) bool {
	switch n.DataAtom {
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		return true
	}
	return false
}

// element takes one element in, and tells whether what is inside it is done with.
func (r *reader) element(n *html.Node, in **Form) bool {
	switch n.DataAtom {
	case atom.Script, atom.Style, atom.Template, atom.Noscript, atom.Svg:
		return true
	case atom.Form:
		f := r.form(n)
		if f == nil {
			return true
		}
		*in, r.near, r.above = f, "", ""
		if n.FirstChild == nil && n.Parent != nil && inTable(n.Parent) {
			r.table = f
		}
	case atom.Legend:
		r.legend = words(n)
	case atom.Input, atom.Select, atom.Textarea, atom.Button:
		r.control(n, *in)
		return true
	}
	return false
}

// inTable tells the parts of a table that hold no form but in old pages: the parser closes it there at once.
func inTable(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Table, atom.Tbody, atom.Thead, atom.Tfoot, atom.Tr:
		return true
	}
	return false
}

// form takes a form element in.
func (r *reader) form(n *html.Node) *Form {
	if len(r.page.Forms) >= maxForms {
		return nil
	}
	f := &Form{
		page: r.page, action: strings.TrimSpace(attr(n, "action")), method: strings.ToLower(attr(n, "method")), enctype: strings.ToLower(attr(n, "enctype")),
		scripts: has(n, "onsubmit"), search: strings.EqualFold(attr(n, "role"), "search"),
	}
	f.ID = clean(attr(n, "id"))
	if f.ID == "" {
		f.ID = clean(attr(n, "name"))
	}
	for _, key := range []string{"data-success-url", "data-redirect", "redirect"} {
		if f.success == "" {
			f.success = strings.TrimSpace(attr(n, key))
		}
	}
	r.page.Forms = append(r.page.Forms, f)
	if id := attr(n, "id"); id != "" && r.ids[id] == nil {
		r.ids[id] = f
	}
	return f
}

// control gives a field to its form: the one it names, else the one around it, else the one the table's old way of writing meant.
func (r *reader) control(n *html.Node, in *Form) {
	near, above := r.near, r.above
	r.near, r.above = "", ""
	if r.controls++; r.controls > maxControls {
		return
	}
	if id := attr(n, "form"); id != "" {
		r.owned = append(r.owned, owned{node: n, form: id, near: near, over: above})
		return
	}
	if in == nil {
		in = r.table
	}
	if in == nil {
		if r.loose == nil {
			r.loose = &Form{page: r.page, loose: true}
		}
		in = r.loose
	}
	r.add(in, n, near, above)
}

// collect ends the reading: fields that named their form go there, empty forms go, and what is left is numbered and understood.
func (r *reader) collect() {
	for _, o := range r.owned {
		if f := r.ids[o.form]; f != nil {
			r.add(f, o.node, o.near, o.over)
		}
	}
	if len(r.page.Forms) == 0 && r.loose != nil && len(r.loose.fields) > 0 {
		r.page.Forms = append(r.page.Forms, r.loose)
	}
	kept := r.page.Forms[:0]
	for _, f := range r.page.Forms {
		if len(f.fields) > 0 {
			kept = append(kept, f)
		}
	}
	r.page.Forms = kept
	for i, f := range r.page.Forms {
		f.Number = i + 1
		r.understand(f)
	}
}

// add takes one input, list or text area into a form.
func (r *reader) add(f *Form, n *html.Node, near, above string) {
	kind := strings.ToLower(strings.TrimSpace(attr(n, "type")))
	switch {
	case n.DataAtom == atom.Button, kind == "submit", kind == "button", kind == "reset", kind == "image":
		r.button(f, n, kind)
		return
	case n.DataAtom == atom.Select:
		kind = "select"
	case n.DataAtom == atom.Textarea:
		kind = "textarea"
	case !inputType(kind):
		kind = "text"
	}
	if has(n, "disabled") {
		return // a browser does not post it
	}
	c := r.field(n, kind, near, above)
	if !f.merge(c) {
		f.append(c)
	}
}

// button keeps what the form's button says; one with a name posts it when it is pressed.
func (r *reader) button(f *Form, n *html.Node, kind string) {
	if kind == "button" || kind == "reset" {
		return
	}
	text := clean(attr(n, "value"))
	if n.DataAtom == atom.Button {
		text = words(n)
	}
	if f.submit == "" {
		f.submit = text
	}
	if name := attr(n, "name"); name != "" && kind != "image" {
		c := &field{name: name, kind: "submit", value: attr(n, "value"), role: roleMachine}
		if !f.merge(c) {
			f.append(c)
		}
	}
}

func (f *Form) append(c *field) {
	if len(f.fields) >= maxFields {
		f.more++
		return
	}
	f.fields = append(f.fields, c)
}

// inputType tells the input types that a field of a profile can be told by. Every other is a line of text, as in a browser.
func inputType(kind string) bool {
	switch kind {
	case "hidden", "text", "search", "tel", "url", "email", "password", "date", "month", "week", "time", "datetime-local", "number", "range",
		"color", "checkbox", "radio", "file":
		return true
	}
	return false
}

// field reads one element's attributes.
func (r *reader) field(n *html.Node, kind, near, above string) *field {
	c := &field{
		name: attr(n, "name"), kind: kind, id: attr(n, "id"), value: attr(n, "value"), placeholder: clean(attr(n, "placeholder")),
		required: has(n, "required") || attr(n, "aria-required") == "true" || attr(n, "data-tilda-req") == "1",
		multiple: has(n, "multiple"), min: attr(n, "min"), max: attr(n, "max"), step: attr(n, "step"), pattern: attr(n, "pattern"),
		accept: attr(n, "accept"), builders: strings.ToLower(attr(n, "data-tilda-rule")),
		shortest: length(attr(n, "minlength")), longest: length(attr(n, "maxlength")),
		aside: attr(n, "tabindex") == "-1", hidden: concealed(n) || n.Parent != nil && concealed(n.Parent),
	}
	if complete := strings.Fields(strings.ToLower(attr(n, "autocomplete"))); len(complete) > 0 {
		c.complete = complete[len(complete)-1]
	}
	c.unnamed = c.name == ""
	own := r.label(n, c)
	switch kind {
	case "textarea":
		c.value = strings.TrimPrefix(raw(n), "\n")
	case "select":
		c.value, c.options = "", choices(n)
	case "checkbox", "radio":
		if c.value == "" && !has(n, "value") {
			c.value = "on"
		}
		c.options = []option{{value: c.value, label: own, chosen: has(n, "checked")}}
		c.boxes, c.group = 1, cmp.Or(r.legend, above)
		if c.group == own {
			c.group = ""
		}
		if kind == "radio" {
			c.label = c.group
		} else if c.label == "" {
			c.label = cmp.Or(c.group, near)
		}
		return c
	}
	if c.label == "" && kind != "hidden" && !worded(c.placeholder) {
		c.label = near
	}
	r.seen(c.placeholder)
	return c
}

// worded tells a placeholder that says what belongs into the field from one that shows how it looks: +38 (0__) ___-__-__.
func worded(placeholder string) bool {
	return placeholder != "" && !strings.ContainsAny(placeholder, "0123456789@_")
}

// forPeople is what a field is called where the visitor reads of it, "" when the page has no words for it.
func (c *field) forPeople() string {
	if c.label == "" && worded(c.placeholder) {
		return c.placeholder
	}
	return c.label
}

// label finds what the page calls a field, by whatever says so first, and keeps it where it is a label for people.
func (r *reader) label(n *html.Node, c *field) string {
	found := r.labels[c.id]
	for p := n.Parent; found == "" && p != nil && p.DataAtom != atom.Form; p = p.Parent {
		if p.DataAtom == atom.Label {
			found = words(p)
			break
		}
	}
	for id := range strings.FieldsSeq(attr(n, "aria-labelledby")) {
		if found == "" {
			found = r.labels["#"+id]
		}
	}
	for _, key := range []string{"aria-label", "data-name", "title"} {
		if found == "" {
			found = clean(attr(n, key))
		}
	}
	c.label = found
	return found
}

// merge takes a field into one of the same name that is there, and tells whether there was one.
func (f *Form) merge(c *field) bool {
	if c.unnamed {
		return false
	}
	for i, old := range f.fields {
		if old.name != c.name {
			continue
		}
		choice := c.kind == "radio" || c.kind == "checkbox"
		switch {
		case old.kind == "hidden" && choice:
			f.fields[i] = c // the half of a checkbox that says no
		case choice && old.kind == c.kind && len(old.options) <= maxOptions:
			old.options = append(old.options, c.options...)
			old.boxes++
			old.label, old.id = old.group, "" // those of the first box speak of one choice
			old.required = old.required || c.required
		}
		return true
	}
	return false
}

// choices are the options of a list. What a browser would not let people choose is not among them.
func choices(n *html.Node) []option {
	var found []option
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		for c := n.FirstChild; c != nil && len(found) <= maxOptions; c = c.NextSibling {
			switch {
			case c.DataAtom == atom.Optgroup:
				walk(c)
			case c.DataAtom == atom.Option && !has(c, "disabled"):
				label := words(c)
				o := option{value: strings.Join(strings.Fields(raw(c)), " "), label: label, chosen: has(c, "selected")}
				if has(c, "value") {
					o.value = attr(c, "value")
				}
				found = append(found, o)
			}
		}
	}
	walk(n)
	return found
}

// concealed tells an element that a page keeps from people: what sits in a closed popup is not, that is around it.
func concealed(n *html.Node) bool {
	if n.Type != html.ElementNode || n.DataAtom == atom.Form || n.DataAtom == atom.Body {
		return false
	}
	style := strings.ReplaceAll(strings.ToLower(attr(n, "style")), " ", "")
	for _, s := range []string{"display:none", "visibility:hidden", "left:-", "opacity:0;", "top:-"} {
		if strings.Contains(style, s) {
			return true
		}
	}
	return has(n, "hidden") || attr(n, "aria-hidden") == "true"
}

// length reads minlength or maxlength, 0 when it is none or none that matters.
func length(text string) int {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n < 1 || n > 1<<20 {
		return 0
	}
	return n
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Namespace == "" && a.Key == key {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, key string) bool {
	for _, a := range n.Attr {
		if a.Namespace == "" && a.Key == key {
			return true
		}
	}
	return false
}
