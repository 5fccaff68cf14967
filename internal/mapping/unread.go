package mapping

import (
	"fmt"
	"slices"
	"strings"

	"formrelay/internal/mapping/expression"
	"formrelay/internal/mapping/value"
)

// templates calls f for every template of an object and of what lies in it.
func (o *object) templates(f func(*template)) {
	f(o.when)
	for i := range o.fields {
		switch at := &o.fields[i]; {
		case at.leaf != nil:
			f(at.leaf.template)
			for _, t := range at.leaf.list {
				f(t)
			}
		case at.object != nil:
			at.object.templates(f)
		case at.list != nil:
			for _, it := range at.list.items {
				f(it.each)
				it.body.templates(f)
			}
		}
	}
}

// fieldsRead are the names of the form's fields that the map reads, sorted. all is true when it reads what is known only with a post:
// the whole form, or a field whose name is worked out.
func (o *object) fieldsRead() (names []string, all bool) {
	o.templates(func(t *template) {
		t.expressions(func(x *expression.Expr) {
			for _, p := range slices.Concat(x.Reads, x.Passes) {
				switch {
				case p.Root != expression.Form:
				case len(p.Steps) == 0 || p.Steps[0].Any:
					all = true
				default:
					names = append(names, p.Steps[0].Key)
				}
			}
		})
	})
	slices.Sort(names)
	return slices.Compact(names), all
}

// Knows tells whether a field of that name means something: it was posted, or the profile reads it, gives it a rule, or posts it in a
// test of its own, or `rest` writes it into the comment and no other name is near. For one that does not, near is the name that was probably
// meant, "" when none is near.
func (m *Mapping) Knows(name string, posted []string) (known bool, near string) {
	read, all := m.root.fieldsRead()
	for i := range m.fields {
		read = append(read, m.fields[i].spelled...)
	}
	for _, name := range slices.Concat(posted, m.posted) {
		read = append(read, aliases(root(name))...)
	}
	if all || name == replyTo || slices.ContainsFunc(aliases(root(name)), func(alias string) bool { return slices.Contains(read, alias) }) {
		return true, ""
	}
	near = value.Nearest(root(name), read)
	return near == "" && m.rest.path != "" && root(name) != "" && !m.rest.leavesOut(name), near
}

// surely tells that the field is there, and not blank, in every post that is mapped: it is required, or has a default.
func (f *fieldRule) surely() bool {
	return f.fallback != nil || f.rule != nil && f.rule.Required()
}

// unread finds what form.fields names and nothing reads: most often a name with a slip in it, and where that is required every visitor is
// refused. What a test of the profile posts is a field that the form has; so is, with `rest`, whatever no name that is read comes near.
func (w *warner) unread(m *Mapping) {
	read, all := m.root.fieldsRead()
	if all {
		return
	}
	known := slices.Clone(read)
	for _, name := range m.posted {
		known = append(known, aliases(root(name))...)
	}
	undeclared := slices.DeleteFunc(slices.Clone(read), func(name string) bool {
		return slices.ContainsFunc(m.fields, func(f fieldRule) bool { return slices.Contains(f.spelled, name) })
	})
	for i := range m.fields {
		f := &m.fields[i]
		if strings.HasPrefix(f.path[0], "_") || slices.ContainsFunc(f.spelled, func(name string) bool { return slices.Contains(known, name) }) {
			continue
		}
		near := value.Nearest(f.path[0], undeclared)
		refuses := f.fallback == nil && f.surely() && (len(f.path) == 1 || !slices.Contains(f.path[1:len(f.path)-1], ""))
		if do := misnamed(near, refuses, m.rest.path != ""); do != "" {
			w.add(f.pos, fmt.Sprintf("form.fields names %q, which nothing under map reads", f.name), do)
		}
	}
}

// misnamed is what to do about a field that nothing reads: near is the name that was meant, refuses whether a post without the field is
// refused, rest whether what nothing reads is kept all the same. "" is nothing.
func misnamed(near string, refuses, rest bool) string {
	const refused = "form without that field is refused for every visitor"
	switch {
	case near != "" && refuses:
		return "did you mean " + near + "? A " + refused
	case near != "" && !rest:
		return "did you mean " + near + "?"
	case refuses && !rest:
		return "take it out unless the form posts it: a " + refused + "; a test that posts it says that the form has it"
	default:
		return ""
	}
}

// nameless finds a product that may be sent with neither a name nor an article: both come from the form, and a value that is written out
// makes a line all the same.
func (w *warner) nameless(it *item) {
	if it.each != nil || it.body.when != nil {
		return
	}
	named, certain := false, false
	for _, f := range it.body.fields {
		switch {
		case f.leaf == nil:
		case f.name != "name" && f.name != "sku":
			certain = certain || !w.maybeBlank(f.leaf)
		case !w.maybeBlank(f.leaf):
			return
		default:
			named = true
		}
	}
	if named && certain {
		w.add(it.pos, "a post without a product makes a line without a name", "add when: ${…} with the form's field, such as when: ${sku}")
	}
}

// maybeBlank tells whether a value may come to nothing. Where that cannot be told it says no: it comes from a required field, has
// something to fall back on, or reads no field.
func (w *warner) maybeBlank(l *leaf) bool {
	if l.template == nil || l.template.exprs == 0 {
		return false
	}
	blank := true
	l.template.expressions(func(x *expression.Expr) {
		reads := slices.Concat(x.Reads, x.Passes)
		blank = blank && len(reads) > 0 &&
			!slices.ContainsFunc(x.Known, func(k expression.Known) bool { return k.Table == nil && k.Text != "" || k.Table != nil && !k.Any }) &&
			!slices.ContainsFunc(reads, func(p expression.Path) bool {
				return p.Root != expression.Form || len(p.Steps) == 0 || w.sure[p.Steps[0].Key]
			})
	})
	return blank
}
