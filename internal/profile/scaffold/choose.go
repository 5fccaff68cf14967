package scaffold

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

func itoa(n int) string { return strconv.Itoa(n) }

// Choose finds the form that is meant: by its number from 1, its id or its name, or, where which is "", the one that asks a visitor for
// a name, a phone or an email. Forms that are alike, as in a popup and at a page's end, are one. The error lists the forms.
func (p *Page) Choose(which string) (*Form, error) {
	if which != "" {
		return p.named(which)
	}
	if len(p.Forms) == 1 {
		return p.Forms[0], nil
	}
	var asking []*Form
	for _, f := range p.Forms {
		if f.asks() && !f.search && !f.logs() && !slices.ContainsFunc(asking, f.like) {
			asking = append(asking, f)
		}
	}
	if len(asking) == 1 {
		return asking[0], nil
	}
	return nil, fmt.Errorf("the page has %d forms: say which with --form N\n%s", len(p.Forms), p.list())
}

func (p *Page) named(which string) (*Form, error) {
	if n, err := strconv.Atoi(which); err == nil && n >= 1 && n <= len(p.Forms) {
		return p.Forms[n-1], nil
	}
	for _, f := range p.Forms {
		if f.ID != "" && f.ID == strings.TrimPrefix(which, "#") {
			return f, nil
		}
	}
	return nil, fmt.Errorf("the page has no form %q: say which with --form N\n%s", clean(which), p.list())
}

// list is one line for each form.
func (p *Page) list() string {
	lines := make([]string, len(p.Forms))
	for i, f := range p.Forms {
		lines[i] = "  " + f.String()
	}
	return strings.Join(lines, "\n")
}

// shownFields bounds how many fields a form's line names.
const shownFields = 6

// String names the form for people: its number, id, what its button says, and its fields.
func (f *Form) String() string {
	var names []string
	for _, c := range f.fields {
		if c.kind == "hidden" || c.role == roleMachine || c.role == roleTrap {
			continue
		}
		if len(names) == shownFields {
			names = append(names, "…")
			break
		}
		names = append(names, orElse(clean(c.name), "a field"))
	}
	text := f.title()
	if f.search {
		text += ", a search"
	}
	return text + ": " + orElse(strings.Join(names, ", "), "hidden fields only")
}

// title is the form's number, its id, and what its button says.
func (f *Form) title() string {
	text := "form " + itoa(f.Number)
	if f.ID != "" {
		text += " (#" + f.ID + ")"
	}
	if f.submit != "" {
		text += " " + quote(f.submit)
	}
	return text
}

// logs tells a form by which people log in.
func (f *Form) logs() bool {
	return slices.ContainsFunc(f.fields, func(c *field) bool { return c.kind == "password" })
}

// like tells two forms that ask for the same.
func (f *Form) like(o *Form) bool {
	return slices.EqualFunc(f.fields, o.fields, func(a, b *field) bool { return a.name == b.name && a.kind == b.kind })
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
