package mapping

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"formrelay/internal/mapping/expression"
	"formrelay/internal/mapping/value"
)

// This file leads a value of the entity back to the form's fields that it came from.

// place is where in the form a path of an expression points, ok when it is one certain place.
func (r *run) place(p expression.Path, f *frame) (steps []expression.Step, ok bool) {
	if p.Root == expression.Item {
		if f == nil || !f.known {
			return nil, false
		}
		steps = f.base
	}
	ok = true
	for _, s := range p.Steps {
		if s.Position {
			s = expression.Step{Key: keyAt(r.form, steps, s.Key)}
		}
		ok = ok && !s.Any
		steps = append(steps[:len(steps):len(steps)], s)
	}
	return steps, ok
}

// places are all places that an expression reads: what it hands on first, then what it only looks at. A
// line whose own place is not known came out of the each's expression, so that one's places are told.
func (r *run) places(x *expression.Expr, f *frame) [][]expression.Step {
	var places [][]expression.Step
	if x == nil {
		return nil
	}
	for _, paths := range [][]expression.Path{x.Passes, x.Reads} {
		for _, p := range paths {
			switch {
			case p.Root == expression.Form || f != nil && f.known:
				steps, _ := r.place(p, f)
				places = append(places, steps)
			case f != nil:
				places = append(places, r.places(f.each, f.outer)...)
			}
		}
	}
	return places
}

// find looks for a line among the lists that the each's expression hands on: filter(products, …) gives
// the form's own lines.
func (r *run) find(x *expression.Expr, item any) []expression.Step {
	m, ok := item.(map[string]any)
	if !ok {
		return nil
	}
	for _, p := range x.Passes {
		steps, ok := r.place(p, r.frame)
		if !ok {
			continue
		}
		items, isList := r.at(steps).([]any)
		if !isList {
			continue
		}
		keys := r.order(steps)
		for i, other := range items {
			if o, ok := other.(map[string]any); ok && i < len(keys) && same(o, m) {
				return append(steps[:len(steps):len(steps)], expression.Step{Key: keys[i]})
			}
		}
	}
	return nil
}

// same tells whether two maps are one.
func same(a, b map[string]any) bool {
	return reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer()
}

// at is the form's value at a place.
func (r *run) at(steps []expression.Step) any {
	var v any = r.values
	for i, s := range steps {
		switch from := v.(type) {
		case map[string]any:
			v = from[s.Key]
		case []any:
			v = nil
			for n, key := range r.order(steps[:i]) {
				if key == s.Key && n < len(from) {
					v = from[n]
				}
			}
		default:
			return nil
		}
	}
	return v
}

// fieldOf is the form's own name of the field that an expression's fault is told at: the first it reads
// that was filled in, else the first that was posted, else the first it asks for; "" when it reads none.
// A field that was left empty is passed over because its value is nobody's fault: of `mail ?? email` the
// one that was typed counts.
func (r *run) fieldOf(x *expression.Expr, f *frame) string {
	places := r.places(x, f)
	posted := ""
	for _, steps := range places {
		if len(steps) == 0 || steps[0].Any {
			continue // the form as a whole, or a name that the expression computes: any field would be a guess
		}
		name, ok := r.posted().name(steps)
		if ok && r.posted().filled(name) {
			return name
		}
		if ok && posted == "" {
			posted = name
		}
	}
	if posted != "" {
		return posted
	}
	for _, steps := range places {
		if name := spelled(steps); name != "" {
			return name
		}
	}
	return ""
}

// fieldsOf are the names of all fields that a template's expressions read, as posted, else as asked
// for.
func (r *run) fieldsOf(t *template, f *frame) []string {
	var names []string
	t.expressions(func(x *expression.Expr) {
		for _, steps := range r.places(x, f) {
			name, ok := r.posted().name(steps)
			if !ok {
				name = spelled(steps)
			}
			if name != "" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	})
	return names
}

// templateField is the field that a fault of a whole template is told at: of its expressions' fields the first that was filled in, else
// the first that was posted, else the first it asks for.
func (r *run) templateField(t *template, f *frame) string {
	posted, first := "", ""
	if t == nil {
		return ""
	}
	for _, p := range t.parts {
		if p.expr == nil {
			continue
		}
		name := r.fieldOf(p.expr, f)
		if name != "" && r.posted().filled(name) {
			return name
		}
		if _, ok := r.posted().roots[root(name)]; ok && name != "" && posted == "" {
			posted = name
		}
		first = cmp.Or(first, name)
	}
	return cmp.Or(posted, first)
}

// problem notes what only ops can mend. What reads a field that the visitor is told to correct is not
// told twice.
func (r *run) problem(p Problem) {
	if p.Field != "" && r.corrected[p.Field] {
		return
	}
	if p.Path != "" {
		r.fault(p.Path)
	}
	r.res.Problems = append(r.res.Problems, p)
}

// fault notes that a path of KeyCRM's has a Problem, so that what follows from it is not told besides.
func (r *run) fault(path string) {
	if r.faulty == nil {
		r.faulty = map[string]bool{}
	}
	r.faulty[path] = true
}

// correct notes what the visitor may correct, once a field.
func (r *run) correct(c Correction) {
	if r.corrected[c.Field] {
		return
	}
	if r.corrected == nil {
		r.corrected = map[string]bool{}
	}
	r.corrected[c.Field] = true
	r.res.Corrections = append(r.res.Corrections, c)
}

// failed notes an expression that ended in an error.
func (r *run) failed(path string, t *template, at *expression.Expr, err error) {
	p := Problem{Path: path, Text: "it has no value: " + err.Error()}
	if t != nil {
		p.Pos, p.Expression = t.pos, t.source
	}
	if errors.Is(err, expression.ErrWork) {
		r.exhaust(p)
		return
	}
	p.Field = r.fieldOf(at, r.frame)
	var missing *expression.MissingKey
	if errors.As(err, &missing) {
		p.Text += "; add it to `tables`, or write `?? …` behind for what to take instead"
	}
	r.problem(p)
}

// exhaust notes that the budget of work is used up: once, though every expression that follows fails too.
func (r *run) exhaust(p Problem) {
	if r.exhausted {
		r.fault(p.Path)
		return
	}
	r.exhausted = true
	r.problem(p)
}

var errAmbiguousField = value.ErrAmbiguous

// isAmbiguous tells whether a template reads a field whose text could be thousands or decimals: of a
// list any of its lines, since a sum hides which it was.
func (r *run) isAmbiguous(t *template) bool {
	if len(r.ambiguous) == 0 {
		return false
	}
	found := false
	t.expressions(func(x *expression.Expr) {
		for _, steps := range r.places(x, r.frame) {
			for _, i := range r.posted().pairs(steps) {
				found = found || slices.Contains(r.ambiguous, r.in.Fields.Pairs[i].Name)
			}
		}
	})
	return found
}

// unfit notes a value that KeyCRM's field does not take.
func (r *run) unfit(path string, l *leaf, v any, err error) {
	p := Problem{Path: path, Pos: l.pos, Text: fmt.Sprintf("%s cannot go into %s, %s in KeyCRM: %v", r.shown(v), path, wordName(l.typ.Word), err)}
	if l.template != nil {
		p.Expression, p.Field = l.template.source, r.templateField(l.template, r.frame)
	}
	r.problem(p)
}

// maxShown bounds how much of a visitor's value stands in a Problem, in characters.
const maxShown = 60

// shown is a value in a Problem's sentence.
func (r *run) shown(v any) string {
	text, ok := r.text(v)
	if !ok {
		return "an object"
	}
	if utf8.RuneCountInString(text) > maxShown {
		text = string([]rune(text)[:maxShown]) + "…"
	}
	return fmt.Sprintf("%q", strings.ToValidUTF8(text, "\uFFFD"))
}
