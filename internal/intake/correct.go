package intake

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"formrelay/internal/form"
	"formrelay/internal/httpd"
	"formrelay/internal/mapping"
	"formrelay/internal/submission"
	"formrelay/web"
)

// longValue is from how many characters on a value gets an input of several lines.
const longValue = 80

// typed is what a refused post held: what its page needs to be that form again. It rides on the Problem and is shown to nobody but the
// visitor who typed it, in the very answer to the post.
type typed struct {
	pairs       []form.Pair
	files       []form.File
	visitor     submission.Visitor
	to          destination
	corrections []mapping.Correction // one for each of the Problem's Fields, in its order
}

// correct is the page on which a refused form can be corrected: faulty fields as inputs, everything else as hidden ones in posted order,
// so that sending it is the same post again. Nothing of it is kept anywhere but in the page.
func correct(page web.Page, text map[string]string, p *httpd.Problem, t *typed) web.Correct {
	f := filling{text: text, typed: t, at: make(map[string]int), ids: make(map[string]string)}
	for n, field := range p.Fields {
		if _, told := f.at[field.Name]; !told {
			f.at[field.Name] = n
		}
	}
	f.own()
	f.posted(p.Fields)
	f.missing(p.Fields)
	f.chosen(p.Fields)
	c := web.Correct{Page: page, Text: text["422.text"], Kept: text["422.kept"], Send: text["422.send"], Inputs: f.inputs}
	c.Multipart = slices.ContainsFunc(f.inputs, func(in web.Input) bool { return in.Kind == web.FileInput })
	if first := slices.IndexFunc(c.Inputs, func(in web.Input) bool { return in.Faulty }); first >= 0 {
		c.Inputs[first].Focus = true
	}
	if entries := joined(p.Fields); len(entries) > 1 {
		for _, e := range entries {
			c.Summary = append(c.Summary, web.Link{To: f.ids[e.Name], Label: e.Label, Message: e.Message})
		}
	}
	return c
}

// filling makes the page's inputs.
type filling struct {
	*typed
	text   map[string]string
	at     map[string]int    // the first fault of each field, by its name
	ids    map[string]string // of the inputs that are seen: the first of each name
	told   string            // the id of the sentence that there is no contact at all
	inputs []web.Input
}

// own adds what the relay itself has to know of the post that follows: its encoding, which is no longer the page's, and what only the
// first one's head could tell.
func (f *filling) own() {
	f.hide("_charset_", "utf-8")
	if f.to.carried {
		f.hide("_next", f.to.address)
	}
	has := func(name string) bool {
		return slices.ContainsFunc(f.pairs, func(p form.Pair) bool { return p.Name == name })
	}
	if !has("_page") && !has("_referrer") && f.visitor.Page != "" {
		f.hide("_page", f.visitor.Page)
		if f.visitor.Referrer != f.visitor.Page { // else the head's, which is the page itself
			f.hide("_referrer", f.visitor.Referrer)
		}
	}
}

// posted adds every pair, in order: to be corrected, to be typed again, or hidden.
func (f *filling) posted(fields []httpd.Field) {
	last := make(map[string]int, len(f.pairs))
	for n, pair := range f.pairs {
		last[pair.Name] = n
	}
	for n, pair := range f.pairs {
		fault, faulty := f.at[pair.Name]
		switch {
		case pair.Name == "" || strings.EqualFold(pair.Name, "_charset_") || pair.Name == "_next" || pair.Name == "_redirect":
			// A browser sends no field without a name; the others have their own inputs.
		case faulty && (n == last[pair.Name] || strings.HasSuffix(pair.Name, "[]")): // of a plain name that was repeated the last counts
			f.ask(fields[fault], f.corrections[fault], pair.Value)
		case mapping.IsPassword(pair.Name):
			f.show(web.Input{
				Kind: web.TextInput, Type: "password", Name: pair.Name, Label: cmp.Or(commonLabel(f.text, pair.Name), pair.Name),
				Hint: f.text["422.password"], Complete: "off",
			})
		default:
			f.hide(pair.Name, pair.Value)
		}
	}
}

// missing adds the faulty fields that were not posted at all.
func (f *filling) missing(fields []httpd.Field) {
	for n, field := range fields {
		isFile := slices.ContainsFunc(f.files, func(file form.File) bool { return file.Field == field.Name })
		if _, shown := f.ids[field.Name]; !shown && !isFile {
			f.ask(field, f.corrections[n], "")
		}
	}
}

// chosen adds an input for each that files came from: a page cannot choose them for the visitor.
func (f *filling) chosen(fields []httpd.Field) {
	names := make(map[string][]string)
	for _, file := range f.files {
		names[file.Field] = append(names[file.Field], file.Name)
	}
	for _, file := range f.files {
		if _, shown := f.ids[file.Field]; shown || file.Field == "" {
			continue
		}
		in := web.Input{
			Kind: web.FileInput, Name: file.Field, Label: file.Field, Multiple: len(names[file.Field]) > 1,
			Hint: strings.ReplaceAll(f.text["422.file"], "{param}", strings.Join(names[file.Field], ", ")),
		}
		if n, faulty := f.at[file.Field]; faulty {
			in.Label, in.Message, in.Faulty = fields[n].Label, fields[n].Message, true
		}
		f.show(in)
	}
}

// ask adds the input of a faulty field.
func (f *filling) ask(field httpd.Field, c mapping.Correction, value string) {
	in := inputFor(c, value, f.text)
	in.Name, in.Label, in.Message, in.Faulty = field.Name, field.Label, field.Message, true
	if mapping.IsPassword(in.Name) {
		in = web.Input{Kind: web.TextInput, Type: "password", Name: in.Name, Label: in.Label, Message: in.Message, Faulty: true, Complete: "off"}
	}
	f.show(in)
}

// show adds an input that is seen, and gives it an id. That there is no contact at all is said once, at the first of its fields, which
// the others refer to.
func (f *filling) show(in web.Input) {
	in.ID = "f" + strconv.Itoa(len(f.inputs))
	if _, shown := f.ids[in.Name]; !shown {
		f.ids[in.Name] = in.ID
	}
	var refers []string
	if in.Hint != "" {
		refers = append(refers, in.ID+"-hint")
	}
	if in.Message != "" {
		in.MessageID = in.ID + "-error"
		if in.Message == f.text["field."+mapping.CodeNoContact] {
			in.Told = f.told != ""
			f.told = cmp.Or(f.told, in.MessageID)
			in.MessageID = f.told
		}
		refers = append(refers, in.MessageID)
	}
	in.Refers = strings.Join(refers, " ")
	f.inputs = append(f.inputs, in)
}

// hide adds an input that is not seen.
func (f *filling) hide(name, value string) {
	f.inputs = append(f.inputs, web.Input{Kind: web.HiddenInput, Name: name, Value: value})
}

// inputFor is the kind of input that suits what is asked for. It never is one that would refuse, or wipe, what was typed: a browser
// empties an input of type number or date that holds a word.
func inputFor(c mapping.Correction, value string, text map[string]string) web.Input {
	missing := c.Code == mapping.CodeMissing || c.Code == mapping.CodeEmpty
	switch {
	case len(c.Choices) == 1 && missing: // a box that was not ticked, whose value is a sentence
		return web.Input{Kind: web.BoxInput, Value: c.Choices[0]}
	case len(c.Choices) > 0:
		return choice(value, c.Choices, c.Choices)
	case c.Type == "bool" && missing: // a box whose value only says yes
		return web.Input{Kind: web.BoxInput, Value: "on"}
	case c.Type == "bool" || c.Code == mapping.CodeBool:
		return choice(value, []string{"yes", "no"}, []string{text["422.yes"], text["422.no"]})
	case strings.ContainsAny(value, "\r\n") || utf8.RuneCountInString(value) > longValue:
		return web.Input{Kind: web.AreaInput, Value: value}
	}
	in := web.Input{Kind: web.TextInput, Type: "text", Value: value}
	name := strings.ToLower(c.Field)
	switch {
	case c.Type == "email" || c.Code == mapping.CodeEmail || c.Code == mapping.CodeNoContact && strings.HasSuffix(c.Path, ".email"):
		in.Type, in.Complete = "email", "email"
	case c.Type == "phone" || c.Code == mapping.CodePhone || c.Code == mapping.CodeNoContact && strings.HasSuffix(c.Path, ".phone"):
		in.Type, in.Complete = "tel", "tel"
	case c.Type == "int":
		in.Mode = "numeric"
	case c.Type == "number" || c.Code == mapping.CodeNumeric:
		in.Mode = "decimal"
	case ruleKey(c.Tag) == "url":
		in.Type, in.Mode = "text", "url"
	case name == "name" || strings.HasSuffix(c.Path, ".full_name"):
		in.Complete = "name"
	}
	return in
}

// choice is a list to choose from. A value that is none of the words is not chosen for the visitor.
func choice(value string, words, texts []string) web.Input {
	in := web.Input{Kind: web.ChoiceInput}
	if !slices.Contains(words, value) {
		in.Options = append(in.Options, web.Option{Selected: true})
	}
	for n, word := range words {
		in.Options = append(in.Options, web.Option{Value: word, Text: texts[n], Selected: word == value})
	}
	return in
}
