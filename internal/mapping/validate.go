package mapping

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-playground/validator/v10"
	"github.com/gorilla/schema"

	"formrelay/internal/keycrm"
)

// finish makes the entity of what the map gave, has it judged, and writes its JSON when there is
// nothing wrong.
func (r *run) finish() {
	if r.exhausted { // it is held, and what there is of it is no whole
		r.sort()
		return
	}
	e := &r.entity
	for i := range r.out {
		if o := &r.out[i]; o.list != nil {
			e.set(o.path, o.list)
		} else {
			r.texts = append(r.texts, o.text)
			e.set(o.path, r.texts[len(r.texts)-1:])
		}
	}
	r.fill(e)
	body, err := r.judge(e)
	r.sort()
	if len(r.res.Corrections) > 0 || len(r.res.Problems) > 0 {
		return
	}
	if err == nil {
		r.res.Entity, err = encode(body)
	}
	if err != nil {
		r.problem(Problem{Text: "the entity cannot be written as JSON: " + err.Error()})
	}
}

// judge decodes the pairs into KeyCRM's struct and validates it.
func (r *run) judge(e *entity) (body any, err error) {
	body = r.m.body()
	r.undecoded(r.m.decoder.decode(body, e))
	err = r.m.validate.Struct(body)
	if faults, ok := errors.AsType[validator.ValidationErrors](err); ok {
		for _, f := range faults {
			r.invalid(f)
		}
		return body, nil
	}
	return body, err
}

// body is an empty entity of the mapping's kind: a pointer to KeyCRM's struct.
func (m *Mapping) body() any {
	if m.kind == keycrm.KindCard {
		return new(keycrm.Card)
	}
	return new(keycrm.Order)
}

// undecoded tells what gorilla/schema could not put into the struct.
func (r *run) undecoded(faults schema.MultiError) {
	for _, path := range sortedKeys(faults) {
		cause := faults[path]
		if conversion, ok := errors.AsType[schema.ConversionError](cause); ok && conversion.Err != nil {
			cause = conversion.Err
		}
		p := r.problemAt(path)
		p.Text = fmt.Sprintf("KeyCRM's field does not take its value: %v", cause)
		r.problem(p)
	}
}

// invalid tells one fault of the entity: to the visitor when it is an email or no contact at all, else
// to ops.
func (r *run) invalid(fe validator.FieldError) {
	path := keycrm.PathOf(fe)
	if r.faulty[path] {
		return
	}
	p := r.problemAt(path)
	switch {
	case strings.HasPrefix(path, r.m.person+".") && fe.Tag() == "required_without_all":
		r.noContact()
		return
	case fe.Tag() == "email" && p.Field != "":
		r.correct(Correction{Field: p.Field, Path: path, Code: CodeEmail, Tag: "email", Label: r.labelOf(p.Field)})
		return
	}
	p.Text = "it " + sentence(fe)
	if strings.HasPrefix(path, "payments.") && fe.Tag() == "required_without" {
		p.Text = "the payment needs payment_method_id or payment_method, and both came out blank: let the form post one, or write a fixed number"
	}
	r.problem(p)
}

// problemAt is a Problem that knows where its value came from.
func (r *run) problemAt(path string) Problem {
	p := Problem{Path: path}
	l, f := r.origin(path)
	if l == nil {
		return p
	}
	p.Pos = l.pos
	if l.template != nil {
		p.Expression = l.template.source
		p.Field = r.templateField(l.template, f)
	}
	return p
}

// origin is the leaf of the map that a path's value came from, or would have come from had there been
// one.
func (r *run) origin(path string) (*leaf, *frame) {
	for i := range r.out {
		if r.out[i].path == path {
			return r.out[i].leaf, r.out[i].frame
		}
	}
	dot := strings.LastIndexByte(path, '.')
	for _, l := range r.lines {
		if dot > 0 && l.prefix == path[:dot] {
			return l.item.body.leaf(path[dot+1:]), l.frame
		}
	}
	o := r.m.root
	for o != nil {
		name, below, deeper := strings.Cut(path, ".")
		if !deeper {
			return o.leaf(name), nil
		}
		o, path = o.child(name), below
	}
	return nil, nil
}

// child finds the object of a field's name.
func (o *object) child(name string) *object {
	for i := range o.fields {
		if o.fields[i].name == name {
			return o.fields[i].object
		}
	}
	return nil
}

// noContact tells that there is no name, email or phone, at each field that they come from. Where one
// of them failed, that is ops' business and told already; where none comes from a field, the visitor
// could not mend it.
func (r *run) noContact() {
	for path := range r.faulty {
		if strings.HasPrefix(path, r.m.person+".") {
			return
		}
	}
	asked := false
	who := r.m.root.child(r.m.person)
	for _, name := range []string{"full_name", "email", "phone"} {
		var l *leaf
		if who != nil {
			l = who.leaf(name)
		}
		if l == nil {
			continue
		}
		for _, field := range r.fieldsOf(l.template, nil) {
			asked = true
			r.correct(Correction{Field: field, Path: r.m.person + "." + name, Code: CodeNoContact, Label: r.labelOf(field)})
		}
	}
	if asked {
		return
	}
	if who != nil && who.leaf("client_id") != nil {
		p := r.problemAt(r.m.person + ".client_id")
		p.Text = "it is empty, and nothing else says who the " + r.m.person + " is: let the form post it, or map full_name, email or phone beside it"
		r.problem(p)
		return
	}
	r.problem(Problem{Path: r.m.person, Text: "it has no name, email or phone, and its mapping reads no field"})
}

// labelOf is the label of a field that was posted, or asked for, by that name.
func (r *run) labelOf(name string) map[string]string {
	for i := range r.m.rest.labels {
		f := &r.m.rest.labels[i]
		if f.name == name || everyItem(name) == f.name || len(f.path) == 1 && slices.Contains(aliases(root(name)), f.name) {
			return f.label
		}
	}
	return nil
}

// sentence says what a rule wants, for ops.
func sentence(fe validator.FieldError) string {
	param := fe.Param()
	switch fe.Tag() {
	case "required":
		return "is needed and has no value"
	case "required_without", "required_without_all":
		return "is needed: there is nothing that could stand for it"
	case "required_with":
		return "is needed beside what is there"
	case "oneof":
		return fmt.Sprintf("is %q and must be one of %s", clip(fe.Value()), strings.Join(strings.Fields(param), ", "))
	case "gt":
		return "must be more than " + param
	case "gte", "min":
		return "must be " + param + " or more"
	case "lte", "max":
		return "must be " + param + " or less"
	case "email":
		return "is no email address"
	case "excludes":
		return "holds a character that KeyCRM takes for a separator"
	case "datetime":
		return "is no date that KeyCRM takes"
	default:
		return strings.TrimSpace(fmt.Sprintf("breaks KeyCRM's rule %s %s", fe.Tag(), param))
	}
}

// clip shortens a value for a sentence.
func clip(v any) string {
	runes := []rune(fmt.Sprint(v))
	if len(runes) > maxShown {
		return string(runes[:maxShown]) + "…"
	}
	return string(runes)
}

// sort puts Problems into the mapping's order; what has no place comes last.
func (r *run) sort() {
	slices.SortStableFunc(r.res.Problems, func(a, b Problem) int {
		nowhere := func(p Problem) int {
			if p.Pos == (Pos{}) {
				return 1
			}
			return 0
		}
		return cmp.Or(cmp.Compare(nowhere(a), nowhere(b)), a.Pos.compare(b.Pos), cmp.Compare(a.Path, b.Path))
	})
}

// encode writes the entity. Nothing is escaped for HTML: KeyCRM reads JSON, and people read it in
// previews.
func encode(body any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
