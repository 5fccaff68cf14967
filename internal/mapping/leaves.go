package mapping

import (
	"slices"

	"formrelay/internal/mapping/expression"
)

// Leaf is one value of a mapping, with as much of it as is known before anything is posted. It is for those who hold a mapping against
// what a KeyCRM account has.
type Leaf struct {
	Path   string  // KeyCRM's, every item of a list as []: "payments[].payment_method_id"
	Item   int     // which item of a list it lies in: leaves of one item have the same number; 0 is outside of lists
	Pos    Pos     // where it is written
	Values []Value // what it may come to, or what its items may be where Many
	Keys   []Value // the keys of the tables in which the same item looks up other values by what this leaf is: prices by sku
	Open   bool    // it may come to something else than Values, which only a post tells
	Many   bool    // it is certain to be a list
}

// Value is one value that is known before anything is posted.
type Value struct {
	Text   string
	Pos    Pos    // where it is written, in the map or in a table
	Table  string // the table that it comes from, "tables.ids"; "" where it stands in the map
	Chosen bool   // it is one row of a table, and the post chooses which
}

// Leaves are the values of the mapping, in the order of the file. They are made anew by each call.
func (m *Mapping) Leaves() []Leaf {
	w := &leafWalk{tables: m.tables}
	w.object(m.root, "", 0)
	return w.leaves
}

// leafWalk gathers the leaves of a compiled map.
type leafWalk struct {
	tables []Table
	items  int
	leaves []Leaf
}

// object gathers the leaves of one object. Where it is an item of a list, what it looks up by a leaf of its own is noted with that leaf.
func (w *leafWalk) object(o *object, path string, item int) {
	first := len(w.leaves)
	own := map[int]*expression.Expr{}
	for _, f := range o.fields {
		at := join(path, f.name)
		switch {
		case f.leaf != nil:
			if f.leaf.template != nil {
				own[len(w.leaves)] = f.leaf.template.single()
			}
			w.leaves = append(w.leaves, w.leaf(f.leaf, at, item))
		case f.object != nil:
			w.object(f.object, at, item)
		case f.list != nil:
			for _, it := range f.list.items {
				w.items++
				w.object(it.body, at+"[]", w.items)
			}
		}
	}
	if item == 0 {
		return
	}
	lookups := o.lookups()
	for i := first; i < len(w.leaves); i++ {
		if x := own[i]; x != nil {
			w.leaves[i].Keys = w.keys(lookups, x.Canonical)
		}
	}
}

// lookups are the tables in which an object's own leaves are looked up by a key that is worked out.
func (o *object) lookups() []expression.Lookup {
	var all []expression.Lookup
	for _, f := range o.fields {
		if f.leaf == nil {
			continue
		}
		for _, t := range append([]*template{f.leaf.template}, f.leaf.list...) {
			t.expressions(func(x *expression.Expr) { all = append(all, x.Lookups...) })
		}
	}
	return all
}

// leaf is one value.
func (w *leafWalk) leaf(l *leaf, path string, item int) Leaf {
	out := Leaf{Path: path, Item: item, Pos: l.pos, Many: l.list != nil}
	switch {
	case l.constant != "":
		out.Values = []Value{{Text: l.constant, Pos: l.pos}}
	case l.template != nil:
		w.template(&out, l.template)
		if x := l.template.single(); x != nil {
			out.Many = x.Many
		}
	default:
		for _, t := range l.list {
			w.template(&out, t)
		}
	}
	return out
}

// template adds what a template may come to. Text around an expression makes of it what nobody knows.
func (w *leafWalk) template(out *Leaf, t *template) {
	x := t.single()
	switch {
	case t.exprs == 0:
		out.Values = append(out.Values, Value{Text: t.literal(), Pos: t.pos})
	case x == nil:
		out.Open = true
	default:
		out.Open = out.Open || x.Open
		for _, k := range x.Known {
			w.known(out, t, k)
		}
	}
}

// known adds one value of an expression: itself, or the rows of a table that it means.
func (w *leafWalk) known(out *Leaf, t *template, k expression.Known) {
	if k.Table == nil {
		n := &Node{Text: t.source, Quoted: t.quoted, Pos: t.pos}
		out.Values = append(out.Values, Value{Text: k.Text, Pos: within(n, t.parts[0].at+k.Offset)})
		return
	}
	row := w.row(k.Table)
	if !k.Any {
		out.Values = append(out.Values, scalars(row, tableName(k.Table[:len(k.Table)-1]), false)...)
		out.Open = out.Open || row == nil || row.Kind == Map
		return
	}
	if row == nil || row.Kind != Map {
		out.Open = true
		return
	}
	for _, e := range row.Entries {
		out.Values = append(out.Values, scalars(e.Value, tableName(k.Table), true)...)
	}
}

// scalars are the values that a row holds: itself, or the items of the list that it is.
func scalars(n *Node, table string, chosen bool) []Value {
	switch {
	case n == nil:
		return nil
	case n.Kind == Scalar && n.Text != "":
		return []Value{{Text: n.Text, Pos: n.Pos, Table: table, Chosen: chosen}}
	case n.Kind != List:
		return nil
	}
	var all []Value
	for _, item := range n.Items {
		all = append(all, scalars(item, table, chosen)...)
	}
	return all
}

// row is what lies in the tables at a path, nil when there is nothing.
func (w *leafWalk) row(path []string) *Node {
	i := slices.IndexFunc(w.tables, func(t Table) bool { return t.Name == path[0] })
	if i < 0 {
		return nil
	}
	n := &Node{Kind: Map, Entries: w.tables[i].Rows}
	for _, key := range path[1:] {
		next, ok := n.get(key)
		if !ok || next == nil {
			return nil
		}
		n = next
	}
	return n
}

// keys are the keys of the tables that are looked up by key, each once.
func (w *leafWalk) keys(lookups []expression.Lookup, key string) []Value {
	var all []Value
	seen := map[string]bool{}
	for _, l := range lookups {
		name := tableName(l.Table)
		if l.Key != key || seen[name] {
			continue
		}
		seen[name] = true
		if rows := w.row(l.Table); rows != nil && rows.Kind == Map {
			for _, e := range rows.Entries {
				all = append(all, Value{Text: e.Key, Pos: e.Pos, Table: name, Chosen: true})
			}
		}
	}
	return all
}

// tableName is how a profile names a table.
func tableName(path []string) string {
	name := "tables"
	for _, step := range path {
		name = join(name, step)
	}
	return name
}
