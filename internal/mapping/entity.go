package mapping

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/gorilla/schema"

	"formrelay/internal/keycrm"
)

// entity is the pairs that are decoded, KeyCRM's paths and their texts, kept apart by the object that they lie in. The memory of one
// serves again after reset.
type entity struct {
	objects []pairs        // in the order in which they were first written to; those beyond are left from former posts
	numbers map[string]int // of objects, by path
	last    int            // of objects: where the last pair went, as the next one mostly does

	typed map[string][]string // of the object that is being decoded, what is no text
}

// pairs are the texts of one object. They are no map: an object has some dozen fields at most, and mostly three.
type pairs struct {
	path   string // "products.0"; "" for the entity itself
	fields []pair
}

// pair is the texts of one field.
type pair struct {
	name  string
	texts []string
}

// find is where a field stands, -1 when nothing was set there.
func (p *pairs) find(name string) int {
	for i := range p.fields {
		if p.fields[i].name == name {
			return i
		}
	}
	return -1
}

// reset takes everything out.
func (e *entity) reset() {
	for i := range e.objects {
		clear(e.objects[i].fields)
		e.objects[i].fields = e.objects[i].fields[:0]
	}
	e.objects, e.last = e.objects[:0], 0
	clear(e.numbers)
	clear(e.typed)
}

// split cuts a path into the object's and the name of a field in it.
func split(path string) (object, name string) {
	dot := strings.LastIndexByte(path, '.')
	if dot < 0 {
		return "", path
	}
	return path[:dot], path[dot+1:]
}

// at is the pairs of an object, nil when nothing was set there.
func (e *entity) at(path string) *pairs {
	if e.last < len(e.objects) && e.objects[e.last].path == path {
		return &e.objects[e.last]
	}
	n, ok := e.numbers[path]
	if !ok {
		return nil
	}
	e.last = n
	return &e.objects[n]
}

// all are the texts at a path, nil when there are none.
func (e *entity) all(path string) []string {
	object, name := split(path)
	if p := e.at(object); p != nil {
		if i := p.find(name); i >= 0 {
			return p.fields[i].texts
		}
	}
	return nil
}

// get is the first text at a path, "" when there is none.
func (e *entity) get(path string) string {
	if texts := e.all(path); len(texts) > 0 {
		return texts[0]
	}
	return ""
}

// set puts texts at a path, in the place of what was there.
func (e *entity) set(path string, texts []string) {
	object, name := split(path)
	p := e.at(object)
	if p == nil {
		p = e.add(object)
	}
	if i := p.find(name); i >= 0 {
		p.fields[i].texts = texts
		return
	}
	p.fields = append(p.fields, pair{name, texts})
}

// add makes room for an object, out of what a former post left when there is some.
func (e *entity) add(path string) *pairs {
	n := len(e.objects)
	if n < cap(e.objects) {
		e.objects = e.objects[:n+1]
	} else {
		e.objects = append(e.objects, pairs{})
	}
	p := &e.objects[n]
	p.path = path
	if e.numbers == nil {
		e.numbers = make(map[string]int)
	}
	e.numbers[path], e.last = n, n
	return p
}

// remove takes a path out.
func (e *entity) remove(path string) {
	object, name := split(path)
	if p := e.at(object); p != nil {
		if i := p.find(name); i >= 0 {
			p.fields = slices.Delete(p.fields, i, i+1)
		}
	}
}

// decoder decodes an entity into KeyCRM's struct by gorilla/schema, one object at a time and each with paths of one step.
//
// The result is that of one call with the whole paths, which costs half as much again (an order of 31 fields: 49 us against 34): for
// each path schema would split and resolve it anew from the top, ask every field around each step whether it is an embedded pointer,
// grow a list by one item, and at the end walk the whole tree for defaults that there are none of.
//
// What is a text in KeyCRM's struct needs no conversion and is set as it stands: it is most of what forms post, and by schema a text
// costs as much as a number. A literal of the profile is decoded once, when the profile is loaded.
type decoder struct {
	schema   *schema.Decoder
	structs  map[reflect.Type]structFields
	literals map[literal]decoded
}

// literal is a text that the profile gives a field, whatever is posted.
type literal struct {
	in         reflect.Type // the struct
	name, text string
}

// decoded is what a literal comes to in the field of that number. It is shared by all posts: an entity is only read.
type decoded struct {
	field int
	value reflect.Value
}

// structFields are the numbers of a struct's fields by their names: of those that lead to other structs, and of those that are texts.
type structFields struct{ below, texts map[string]int }

// newDecoder makes the decoder of the two entities. It is safe for concurrent use.
func newDecoder() *decoder {
	d := &decoder{schema: schema.NewDecoder(), structs: map[reflect.Type]structFields{}, literals: map[literal]decoded{}}
	d.schema.MaxSize(maxLines)
	d.learn(reflect.TypeFor[keycrm.Order]())
	d.learn(reflect.TypeFor[keycrm.Card]())
	return d
}

// learn notes which of a struct's fields hold structs, and which are texts.
func (d *decoder) learn(t reflect.Type) {
	s := structFields{below: map[string]int{}, texts: map[string]int{}}
	d.structs[t] = s
	for i := range t.NumField() {
		f := t.Field(i)
		inner := f.Type
		if inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		switch name := f.Tag.Get("schema"); {
		case inner.Kind() == reflect.Struct:
			s.below[name] = i
			d.learn(inner)
		case f.Type == reflect.TypeFor[string](): // and none of keycrm's own types: those check what they are given
			s.texts[name] = i
		}
	}
}

// keep decodes o's literals, which go into a struct of type t. What does not decode is left to each post, whose fault says where.
func (d *decoder) keep(o *object, t reflect.Type) {
	for _, f := range o.fields {
		switch {
		case f.leaf != nil && f.leaf.constant != "":
			d.keepLiteral(literal{t, f.name, f.leaf.constant})
		case f.object != nil:
			d.keep(f.object, d.inside(t, f.name))
		case f.list != nil:
			for _, item := range f.list.items {
				d.keep(item.body, d.inside(t, f.name))
			}
		}
	}
}

// inside is the struct that a field of t leads to.
func (d *decoder) inside(t reflect.Type, name string) reflect.Type {
	inner := t.Field(d.structs[t].below[name]).Type
	if inner.Kind() != reflect.Struct {
		inner = inner.Elem()
	}
	return inner
}

func (d *decoder) keepLiteral(l literal) {
	field := slices.IndexFunc(reflect.VisibleFields(l.in), func(f reflect.StructField) bool { return f.Tag.Get("schema") == l.name })
	body := reflect.New(l.in)
	if field >= 0 && d.schema.Decode(body.Interface(), map[string][]string{l.name: {l.text}}) == nil {
		d.literals[l] = decoded{field, body.Elem().Field(field)}
	}
}

// decode fills body, a pointer to an entity's struct. What could not be decoded is told by whole paths, as if schema had got those.
func (d *decoder) decode(body any, e *entity) schema.MultiError {
	var faults schema.MultiError
	v := reflect.ValueOf(body).Elem()
	// The entity itself comes first: while what it points to is not there yet, schema need not walk it.
	if top := e.at(""); top != nil {
		faults = d.object(v, e, top, faults)
	}
	for i := range e.objects {
		if p := &e.objects[i]; p.path != "" && len(p.fields) > 0 {
			faults = d.object(v, e, p, faults)
		}
	}
	return faults
}

// object decodes the pairs of one object of body. It adds to faults, which it makes when it is nil: hardly any post has one.
func (d *decoder) object(body reflect.Value, e *entity, p *pairs, faults schema.MultiError) schema.MultiError {
	v, err := d.find(body, p.path)
	if err == nil {
		err = d.fields(v, e, p)
	}
	if err == nil {
		return faults
	}
	if faults == nil {
		faults = schema.MultiError{}
	}
	found, each := errors.AsType[schema.MultiError](err)
	if !each {
		found = make(schema.MultiError, len(p.fields))
		for _, f := range p.fields {
			found[f.name] = err
		}
	}
	for name, cause := range found {
		faults[p.whole(name)] = p.placed(name, cause)
	}
	return faults
}

// fields sets those of v that are texts, and has schema decode the others. Of several texts the last counts, as in schema.
func (d *decoder) fields(v reflect.Value, e *entity, p *pairs) error {
	in := v.Type()
	texts := d.structs[in].texts
	clear(e.typed)
	for _, f := range p.fields {
		if i, ok := texts[f.name]; ok && len(f.texts) > 0 {
			v.Field(i).SetString(f.texts[len(f.texts)-1])
			continue
		}
		if known, ok := d.literal(in, f); ok {
			v.Field(known.field).Set(known.value)
			continue
		}
		if e.typed == nil {
			e.typed = make(map[string][]string)
		}
		e.typed[f.name] = f.texts
	}
	if len(e.typed) == 0 {
		return nil
	}
	return d.schema.Decode(v.Addr().Interface(), e.typed)
}

// literal is what f comes to where it is a literal of the profile.
func (d *decoder) literal(in reflect.Type, f pair) (decoded, bool) {
	if len(f.texts) != 1 {
		return decoded{}, false
	}
	known, ok := d.literals[literal{in, f.name, f.texts[0]}]
	return known, ok
}

// whole is the path of a field of the object.
func (p *pairs) whole(name string) string {
	if p.path == "" {
		return name
	}
	return p.path + "." + name
}

// placed is an error of schema's with the whole path in it.
func (p *pairs) placed(name string, cause error) error {
	switch fault := cause.(type) { //nolint:errorlint // schema does not wrap these
	case schema.ConversionError:
		fault.Key = p.whole(name)
		return fault
	case schema.UnknownKeyError:
		fault.Key = p.whole(name)
		return fault
	default:
		return cause
	}
}

// find is the struct inside v that a path leads to. What is missing on the way is made, as schema makes it.
func (d *decoder) find(v reflect.Value, path string) (reflect.Value, error) {
	for path != "" {
		var name string
		name, path, _ = strings.Cut(path, ".")
		i, ok := d.structs[v.Type()].below[name]
		if !ok {
			return v, schema.UnknownKeyError{}
		}
		v = v.Field(i)
		switch v.Kind() {
		case reflect.Pointer:
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		case reflect.Slice:
			var err error
			name, path, _ = strings.Cut(path, ".")
			if v, err = element(v, name); err != nil {
				return v, err
			}
		}
	}
	return v, nil
}

// element is the item of a list that a number stands for. The list grows up to it, within the bound that schema would hold it to.
func element(list reflect.Value, number string) (reflect.Value, error) {
	n, err := strconv.Atoi(number)
	switch {
	case err != nil || n < 0:
		return list, schema.UnknownKeyError{}
	case n > maxLines:
		return list, fmt.Errorf("number %d is beyond the %d items that a list may have", n, maxLines)
	case n >= list.Len():
		list.Grow(n + 1 - list.Len())
		list.SetLen(n + 1)
	}
	return list.Index(n), nil
}
