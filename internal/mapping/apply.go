package mapping

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-playground/validator/v10"

	"formrelay/internal/form"
	"formrelay/internal/keycrm"
	"formrelay/internal/mapping/expression"
)

// maxLines bounds the items of one list of the entity. It is far above any order, and keeps a post of a
// thousand lines from becoming a thousand items in each of several lists without anybody noticing.
const maxLines = 500

// lineWork is what a line of an `each` takes from the post's budget of work, besides its expressions: lines inside lines multiply, and
// each is memory too.
const lineWork = 8

// Mapping is a compiled profile's map. It is safe for concurrent use and does not change.
type Mapping struct {
	kind     keycrm.Kind
	sourceID int64
	region   string
	location *time.Location
	lang     *expression.Language
	root     *object
	person   string // the object with name, email and phone: buyer or contact
	fields   []fieldRule
	rest     *rest
	mark     mark
	tables   []Table  // as written, for Leaves
	mapPos   Pos      // of the key `map`, for Warnings
	posted   []string // Spec.Posted, for Warnings

	decoder  *decoder
	validate *validator.Validate
	runs     sync.Pool // of *run
}

// prepare makes what every Apply shares.
func (m *Mapping) prepare() {
	m.decoder = newDecoder()
	body := reflect.TypeOf(m.body()).Elem()
	m.decoder.keep(m.root, body)
	m.decoder.keepLiteral(literal{body, "source_id", strconv.FormatInt(m.sourceID, 10)})
	m.validate = keycrm.NewValidator()
}

// emission is one value of the entity on its way: KeyCRM's path and the texts that go there.
type emission struct {
	path   string // "products.0.price"; of a list field the element that takes lists
	text   string
	list   []string // instead of text, of a field that takes a list
	leaf   *leaf    // nil: the relay added it
	frame  *frame
	route  int  // of Result.Routes, -1 without
	filler bool // it says nothing by itself: a custom field's uuid, a property's name
}

// frame is the line that an `each` is at. The frames form a stack, the form itself being nil.
type frame struct {
	outer *frame
	each  *expression.Expr
	base  []expression.Step // where in the form the line stands; with located
	known bool              // base is known: what the item's expressions read is told by it
}

// line is one item of the entity, for faults about what it lacks.
type line struct {
	prefix string // "payments.0"
	item   *item
	frame  *frame
}

// reading is an expression that was evaluated.
type reading struct {
	expr  *expression.Expr
	frame *frame
	each  bool // of an `each`: what it hands on is read by the item's expressions, not by it
	part  bool // of a `when`: it asks whether there is anything, and uses nothing of what lies in it
}

// run is one Apply.
type run struct {
	m      *Mapping
	in     Input
	form   *form.Tree
	values map[string]any
	env    *expression.Env
	index  *posted  // made when first asked for
	others []string // what posted roots answer to besides their own name; once looked
	looked bool
	frame  *frame
	res    Result
	out    []emission
	lines  []line
	read   []reading
	texts  []string // what entity's texts lie in
	entity entity

	phoneRests []phoneRest
	ambiguous  []string // fields whose text could be thousands or decimals
	corrected  map[string]bool
	faulty     map[string]bool // KeyCRM's paths that have a Problem already
	exhausted  bool            // that the budget of work is used up was told
}

// phoneRest is what was typed after a phone number.
type phoneRest struct {
	text string
	pair int // of the post, that it was typed in; -1: an expression made the text
}

// Apply maps one post. It is total: whatever was posted, the Result says what became of it.
func (m *Mapping) Apply(in Input) (res Result) {
	r := m.start(in)
	defer func() {
		// The last resort: a fault of the relay's own must hold one submission, not end the process that accepts them.
		if p := recover(); p != nil {
			r.res.Entity = nil
			// What failed is told by its type alone: its value may hold what the visitor typed.
			r.problem(Problem{Text: fmt.Sprintf("the relay itself failed while mapping this post (%T); please report it", p)})
			res = r.res
			return // such a run is not used again
		}
		m.runs.Put(r)
	}()
	r.begin()
	r.applyFields()
	r.object(m.root, "")
	r.finish()
	return r.res
}

// start takes a run that is done with, whose memory serves again, or makes one. Nothing of the former
// post is left in it.
func (m *Mapping) start(in Input) *run {
	r, ok := m.runs.Get().(*run)
	if !ok {
		return &run{m: m, in: in, env: expression.NewEnv(m.lang)}
	}
	clear(r.out)
	clear(r.lines)
	clear(r.read)
	clear(r.texts)
	r.entity.reset()
	*r = run{m: m, in: in, env: r.env, entity: r.entity, out: r.out[:0], lines: r.lines[:0], read: r.read[:0], texts: r.texts[:0]}
	return r
}

// begin reads the post's values and makes them the environment of its expressions. Values makes new maps
// and lists at every call, so converting fields in place changes nothing for anybody else.
func (r *run) begin() {
	r.in.Fields = namingFiles(r.in.Fields)
	r.form = r.in.Fields.Tree()
	r.values = r.form.Values()
	if _, there := r.values["email"]; !there {
		if v, there := r.values[replyTo]; there {
			r.values["email"] = v
		}
	}
	r.env.Reset(r.values, r.all, r.in.Now, expression.Visitor(r.in.Visitor))
}

// all gives every value posted under a plain name.
func (r *run) all(name string) []any {
	texts := r.form.All(name)
	items := make([]any, len(texts))
	for i := range texts {
		items[i] = texts[i]
	}
	return items
}

// posted is the index from expressions back to pairs. Most posts never need it, so it is made on
// demand.
func (r *run) posted() *posted {
	if r.index == nil {
		r.index = newPosted(r.in.Fields, r.form)
	}
	return r.index
}

// order is the keys below a place of the form, in posted order.
func (r *run) order(at []expression.Step) []string {
	path := make([]string, len(at))
	for i, s := range at {
		path[i] = s.Key
	}
	return r.form.Order(path)
}

// text writes a value into a text.
func (r *run) text(v any) (string, bool) {
	if items, ok := v.([]any); ok {
		var texts []string
		for _, item := range items {
			text, ok := r.m.lang.Text(item)
			if !ok {
				return "", false
			}
			if text != "" {
				texts = append(texts, text)
			}
		}
		return strings.Join(texts, listSeparator), true
	}
	return r.m.lang.Text(v)
}

// eval evaluates an expression and notes that it was read.
func (r *run) eval(x *expression.Expr) (any, error) {
	r.read = append(r.read, reading{expr: x, frame: r.frame})
	return x.Eval(r.env)
}

// object evaluates an object. path is its path with a dot behind, "" for the entity.
func (r *run) object(o *object, path string) {
	if o.when != nil && !r.when(o.when, path) {
		return
	}
	for i := range o.fields {
		switch f := &o.fields[i]; {
		case f.leaf != nil:
			r.leaf(f, path, filler(o.typ, f.name))
		case f.object != nil:
			r.object(f.object, f.at(path)+".")
		case f.list != nil:
			r.list(f.list, f.at(path))
		}
	}
}

// at is KeyCRM's path of a field in the object whose path, with a dot behind, is given. Below a list it is put together anew for
// every line, so it is asked for only where there is a value or a fault: most fields of most lines are empty.
func (f *field) at(object string) string {
	if f.path != "" {
		return f.path
	}
	return object + f.name
}

// filler tells the fields that say nothing by themselves: an item with only such is empty.
func filler(t *keycrm.Type, name string) bool {
	return t.Name == "custom_fields" && name == "uuid" || t.Name == "properties" && name == "name"
}

// when evaluates a condition. One that fails is a Problem, and leaves the object out.
func (r *run) when(t *template, path string) bool {
	own := len(r.read)
	v, at, err := t.value(r)
	for i := own; i < len(r.read); i++ {
		r.read[i].part = true
	}
	if err != nil {
		r.failed(strings.TrimSuffix(path, "."), t, at, err)
		return false
	}
	return expression.Truthy(v)
}

// list evaluates a list's items and numbers those that have something in them.
func (r *run) list(l *list, path string) {
	next := 0
	for _, it := range l.items {
		if it.each == nil {
			next = r.item(it, path, next)
			continue
		}
		next = r.each(it, path, next)
	}
}

// each repeats an item for the values of a list, in posted order.
func (r *run) each(it *item, path string, next int) int {
	own := len(r.read)
	v, at, err := it.each.value(r)
	if err != nil {
		r.failed(path, it.each, at, err)
		return next
	}
	lines := r.linesOf(at, v)
	r.read[own].each = !slices.ContainsFunc(lines, func(l eachLine) bool { return l.base == nil })
	if len(lines) > maxLines {
		r.problem(Problem{
			Path: path, Pos: it.each.pos, Expression: it.each.source, Field: r.fieldOf(at, r.frame),
			Text: fmt.Sprintf("there would be %d items; %d are allowed", len(lines), maxLines),
		})
		return next
	}
	outer := r.frame
	item, index := r.env.Item()
	for _, l := range lines {
		if blank(l.value) {
			continue
		}
		if err := r.env.Spend(lineWork); err != nil {
			r.failed(path, it.each, at, err)
			break
		}
		r.frame = &frame{outer: outer, each: at, base: l.base, known: l.base != nil}
		r.env.At(l.value, l.index)
		next = r.item(it, path, next)
	}
	r.frame = outer
	r.env.At(item, index)
	return next
}

// blank tells a value in which nothing was filled in, however deep it nests: a form's spare row of inputs is no line, even when the
// item has parts that do not come from the form.
func blank(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return strings.TrimSpace(v) == ""
	case []any:
		return !slices.ContainsFunc(v, func(item any) bool { return !blank(item) })
	case map[string]any:
		for _, member := range v {
			if !blank(member) {
				return false
			}
		}
		return true
	default:
		return false
	}
}

// eachLine is one value that `each` is at.
type eachLine struct {
	value, index any
	base         []expression.Step // where it stands in the form, nil when that is not known
}

// linesOf are the values of what `each` gave: of a list or an object each one, and anything else is one
// line.
func (r *run) linesOf(x *expression.Expr, v any) []eachLine {
	var base []expression.Step
	path, whole := x.Path()
	if whole {
		base, whole = r.place(path, r.frame)
	}
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return r.listLines(x, v, base, whole)
	case map[string]any:
		return r.mapLines(v, base, whole)
	case *expression.Table:
		return r.mapLines(v.Rows, nil, false)
	default:
		l := eachLine{value: v, index: 0}
		if whole {
			l.base = base
		}
		return []eachLine{l}
	}
}

// listLines are the items of a list with their places: by their number where the list is the form's
// own, by identity where an expression made a new list of the form's items.
func (r *run) listLines(x *expression.Expr, items []any, base []expression.Step, whole bool) []eachLine {
	lines := make([]eachLine, len(items))
	var keys []string
	if whole {
		keys = r.order(base)
	}
	for i, item := range items {
		lines[i] = eachLine{value: item, index: i}
		switch {
		case whole && i < len(keys):
			lines[i].base = append(base[:len(base):len(base)], expression.Step{Key: keys[i]})
		case !whole:
			lines[i].base = r.find(x, item)
		}
	}
	return lines
}

// mapLines are the members of an object. Go gives no order to a map's keys, so the posted order is
// asked for, and what no post has an order for is sorted: the same post must give the same bytes.
func (r *run) mapLines(m map[string]any, base []expression.Step, whole bool) []eachLine {
	keys := make([]string, 0, len(m))
	if whole {
		for _, key := range r.order(base) {
			if _, ok := m[key]; ok {
				keys = append(keys, key)
			}
		}
	}
	posted := len(keys)
	for key := range m { // what no post has an order for: an object of a JSON text, a default
		if !slices.Contains(keys[:posted], key) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys[posted:])
	lines := make([]eachLine, len(keys))
	for i, key := range keys {
		lines[i] = eachLine{value: m[key], index: key}
		if whole {
			lines[i].base = append(base[:len(base):len(base)], expression.Step{Key: key})
		}
	}
	return lines
}

// item evaluates one item as number next and returns the number of the one after it: the same, when
// there was nothing in it.
func (r *run) item(it *item, path string, next int) int {
	before := len(r.out)
	prefix := path + "." + strconv.Itoa(next) + "."
	r.object(it.body, prefix)
	if !saysSomething(r.out[before:]) {
		r.drop(before)
		return next
	}
	if next >= maxLines { // of several templates together; each for itself has been asked before
		r.drop(before)
		if !r.faulty[path] {
			r.problem(Problem{Path: path, Pos: it.pos, Text: fmt.Sprintf("there are more than %d items; %d are allowed", maxLines, maxLines)})
		}
		return next
	}
	if it.body.typ.Name == "properties" {
		r.named(it, prefix+"name", r.out[before:])
	}
	r.lines = append(r.lines, line{prefix: prefix[:len(prefix)-1], item: it, frame: r.frame})
	return next + 1
}

// named notes a property that has a value and no name: KeyCRM takes the order and leaves the property out without a word.
func (r *run) named(it *item, path string, out []emission) {
	if r.faulty[path] || slices.ContainsFunc(out, func(e emission) bool { return e.path == path }) {
		return
	}
	p := Problem{Path: path, Pos: it.pos, Text: "it is needed and has no value: KeyCRM ignores a property without a name"}
	if l := it.body.leaf("name"); l != nil && l.template != nil {
		p.Pos, p.Expression, p.Field = l.pos, l.template.source, r.templateField(l.template, r.frame)
	}
	r.problem(p)
}

// saysSomething tells whether an item holds more than the names of what it lacks.
func saysSomething(out []emission) bool {
	for i := range out {
		if !out[i].filler {
			return true
		}
	}
	return false
}

// drop takes back what an empty item emitted.
func (r *run) drop(from int) {
	for i := from; i < len(r.out); i++ {
		if n := r.out[i].route; n >= 0 {
			r.res.Routes[n].To = ""
		}
	}
	clear(r.out[from:])
	r.out = r.out[:from]
}

// leaf evaluates one value of the object at a path.
func (r *run) leaf(f *field, object string, filler bool) {
	l := f.leaf
	if l.constant != "" {
		r.emit(emission{path: f.at(object), text: l.constant, leaf: l, frame: r.frame, filler: filler}, l.constant)
		return
	}
	v, t, at, err := r.evaluate(l)
	if err != nil {
		r.failed(f.at(object), t, at, err)
		return
	}
	if v == nil && !r.in.Explain && len(r.ambiguous) == 0 {
		return // nothing, and nobody asks why
	}
	e := emission{path: f.at(object), leaf: l, frame: r.frame, filler: filler}
	k := normaliser{region: r.m.region, location: r.m.location}
	e.text, e.list, err = k.values(r.m.lang, l.typ, v)
	if err == nil && l.typ.Word == keycrm.WordAmount && r.isAmbiguous(t) {
		err = errAmbiguousField
	}
	if err != nil {
		r.unfit(e.path, l, v, err)
		return
	}
	if k.leftover != "" && !slices.ContainsFunc(r.phoneRests, func(p phoneRest) bool { return p.text == k.leftover }) { // one field may be mapped twice
		r.phoneRests = append(r.phoneRests, phoneRest{text: k.leftover, pair: -1})
	}
	if e.list != nil {
		e.path = e.path[:len(e.path)-len(l.typ.Name)] + l.typ.List
	}
	r.emit(e, v)
}

// evaluate gives a leaf's value: of a list that is written out, the list.
func (r *run) evaluate(l *leaf) (v any, t *template, at *expression.Expr, err error) {
	if l.list == nil {
		v, at, err = l.template.value(r)
		return v, l.template, at, err
	}
	items := make([]any, 0, len(l.list))
	for _, t := range l.list {
		v, at, err := t.value(r)
		if err != nil {
			return nil, t, at, err
		}
		if many, ok := v.([]any); ok {
			items = append(items, many...)
		} else {
			items = append(items, v)
		}
	}
	return items, nil, nil, nil
}

// emit notes a value, unless there is none.
func (r *run) emit(e emission, from any) {
	e.route = -1
	if r.in.Explain {
		e.route = r.explain(e, from)
	}
	if e.text != "" || e.list != nil {
		r.out = append(r.out, e)
	}
}
