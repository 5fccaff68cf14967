package mapping

import (
	"slices"
	"strings"

	"formrelay/internal/keycrm"
	"formrelay/internal/mapping/value"
)

// Warnings are what is no fault of the mapping and yet goes wrong in a shop sooner or later, in the order of the file.
func (m *Mapping) Warnings() []Fault {
	w := &warner{kind: m.kind, sure: map[string]bool{}}
	for i := range m.fields {
		if f := &m.fields[i]; len(f.path) == 1 && f.surely() {
			for _, name := range f.spelled {
				w.sure[name] = true
			}
		}
	}
	if m.kind == keycrm.KindCard && m.root.leaf("pipeline_id") == nil {
		w.add(m.mapPos, "the card has no pipeline_id: KeyCRM puts it into the first pipeline of its list, and the list can be put in another order",
			"add the pipeline's number: pipeline_id: 1")
	}
	w.object(m.root)
	w.unread(m)
	slices.SortStableFunc(w.found, func(a, b Fault) int { return a.Pos.compare(b.Pos) })
	return w.found
}

// warner looks over a compiled map.
type warner struct {
	kind  keycrm.Kind
	sure  map[string]bool // the form's fields that no post is mapped without
	found []Fault
}

func (w *warner) add(pos Pos, what, do string) {
	w.found = append(w.found, Fault{Pos: pos, What: what, Do: do})
}

// object looks at the fields of an object, and at what it lacks.
func (w *warner) object(o *object) {
	w.when(o.when)
	for _, f := range o.fields {
		switch {
		case f.leaf != nil:
			w.leaf(o, f.name, f.leaf)
		case f.object != nil:
			w.object(f.object)
		case f.list != nil:
			for _, it := range f.list.items {
				if f.name == "products" {
					w.product(it)
				}
				w.object(it.body)
			}
		}
	}
	if ref := o.leaf("warehouse_ref"); ref != nil && o.leaf("shipping_receive_point") == nil && o.leaf("shipping_address_city") == nil {
		w.add(ref.pos, "warehouse_ref stands without the address as text, and nobody can read a branch's UUID",
			"add shipping_address_city and shipping_receive_point beside it")
	}
}

// product looks at what a line of the order is known by.
func (w *warner) product(it *item) {
	if it.body.leaf("sku") == nil {
		w.add(it.pos, "this product has no sku: KeyCRM cannot tell which product of your catalogue it is, and takes nothing off your stock",
			"add the article's number: sku: ${sku}")
	}
	w.nameless(it)
}

// when looks at a condition. A word that is written out is the name of a field whose ${} was forgotten, unless it is a yes or a no.
func (w *warner) when(t *template) {
	if t == nil || t.exprs > 0 {
		return
	}
	text := strings.TrimSpace(t.literal())
	if _, err := value.TypeBool.Convert(text, value.Env{}); text == "" || err == nil {
		return
	}
	w.add(t.pos, "`when: "+text+"` is a fixed word and always holds", "write when: ${"+text+"}")
}

// leaf looks at one value.
func (w *warner) leaf(o *object, name string, l *leaf) {
	switch typed := l.typed(); {
	case l.typ.Word == keycrm.WordPhone && l.constant != "":
		w.add(l.pos, "every "+string(w.kind)+" gets this same phone", "write the form's field: "+name+": ${phone}")
	case name == "status" && l.constant == "refund":
		w.add(l.pos, "the status refund stands in KeyCRM's sample scripts but not in the list of its own file: it may be refused",
			"try it with one order first; sure are paid, not_paid and canceled")
	case !typed:
	case l.typ.Word == keycrm.WordAmount, strings.Contains(name, "discount"):
		w.add(l.pos, name+" comes from the form, where a visitor can edit it, hidden fields too", advice(o, name))
	case name == "status" && o.typ.Name == "payments":
		w.add(l.pos, "the payment's status comes from the form: whoever posts it can say that it is paid", "write status: not_paid")
	case name == "manager_id" || name == "pipeline_id":
		w.add(l.pos, name+" comes from the form: whoever posts it can choose", "write the number, or take it from a table by a field: "+name+": ${tables.ids[topic]}")
	}
}

// advice is what to do about a sum of money that the form sends.
func advice(o *object, name string) string {
	if o.typ.Name == "products" {
		return "take it from a table on the server: " + name + ": ${tables." + name + "[sku]}"
	}
	return "work it out from a table on the server, or look at it before you ship"
}

// typed tells whether a value is chosen by whoever posts the form.
func (l *leaf) typed() bool {
	if l.template == nil {
		return false
	}
	return slices.ContainsFunc(l.template.parts, func(p part) bool { return p.expr != nil && p.expr.Typed })
}
