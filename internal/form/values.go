package form

import "slices"

// Tree nests the pairs as PHP would. It is the pairs of the moment: one tree serves for everything
// that is asked of a post.
func (f *Fields) Tree() *Tree { return grow(f.Pairs) }

// Values is what PHP's $_POST would hold: names nested by Path, of a name that is repeated the last
// value, of two names that contradict each other (`a=1&a[b]=2`) the later.
//
// A leaf is its value without the blanks around it, or nil when nothing is left. A level whose keys
// are all integers is a []any in the order posted, every other a map[string]any; Order tells both
// their keys.
//
// A field stands at the top under its raw root ("First Name"), under PHP's name for it (First_Name)
// and under the Identifier of that, three spellings of one value, which is shared: it is to be
// read, not written. Where a spelling is another field's raw name, that field has it; where two
// fields share an alias, the later has it.
func (t *Tree) Values() map[string]any {
	values := make(map[string]any, len(t.pairs)+len(t.pairs)/4)
	for i := t.nodes[0].first; i != 0; i = t.nodes[i].next {
		values[t.nodes[i].key] = t.value(i)
	}
	for i := range t.names {
		n := &t.names[i]
		if _, done := values[n.raw]; done || n.raw == n.root {
			continue
		}
		if own := t.own[n.raw]; own != nil {
			values[n.raw] = own.value(own.nodes[0].first)
		} else {
			values[n.raw] = values[n.root]
		}
	}
	for i := t.nodes[0].first; i != 0; i = t.nodes[i].next {
		key := t.nodes[i].key
		if alias := Identifier(key); alias != key && key != "" && t.find(0, alias) == 0 {
			values[alias] = values[key]
		}
	}
	return values
}

// Paths tells for each pair where Values shows it: Path with every empty bracket replaced by the
// index that PHP gives it. The root is PHP's name, or the raw one where another field has PHP's
// name. A pair that a later one replaced has the path where it stood.
//
// Keys of a level that Values shows as a list are PHP's indexes, not positions: the n-th item of
// the list has the n-th key of Order.
func (t *Tree) Paths() [][]string {
	paths := make([][]string, len(t.names))
	for i := range t.names {
		paths[i] = t.names[i].path
	}
	return paths
}

// Order is the keys below path in the order posted, for a level that Values shows as a map or a
// list; nil for a leaf or nothing. Without a path it is PHP's names of all fields. The path's root
// may be any spelling that Values has.
func (t *Tree) Order(path []string) []string {
	at := int32(0)
	if len(path) > 0 {
		if t, at = t.descend(path); at == 0 {
			return nil
		}
	}
	var keys []string
	for i := t.nodes[at].first; i != 0; i = t.nodes[i].next {
		keys = append(keys, t.nodes[i].key)
	}
	return keys
}

// All is every value posted under name that is not blank, without the blanks around it, in the
// order posted: also those that a repeated name hides from Values. The name is a field's raw name,
// PHP's or an identifier for it, and may go on in brackets; an empty bracket stands for any index,
// so that `products[][sku]` is every product's. A name gives its list's items too: `a` those of a[]
// and a[0].
func (t *Tree) All(name string) []string {
	raw, keys := split(name, nil)
	if n := len(keys); n > 1 && keys[n-1] == "" {
		keys = keys[:n-1]
	}
	var all []string
	same := t.spelling(raw)
	for i := range t.names {
		if n := &t.names[i]; same(n) && covers(keys[1:], n.path[1:]) {
			if v := trimmed(t.pairs[i].Value); v != "" {
				all = append(all, v)
			}
		}
	}
	return all
}

// covers tells whether path is keys, where an empty key stands for any index, or an item of the
// list that stands there.
func covers(keys, path []string) bool {
	if len(path) == len(keys)+1 {
		if _, ok := index(path[len(keys)]); !ok {
			return false
		}
		path = path[:len(keys)]
	}
	return slices.EqualFunc(keys, path, func(key, at string) bool {
		_, ok := index(at)
		return key == at || key == "" && ok
	})
}

// spelling finds which names a root as somebody writes it means: PHP's names and raw ones before
// identifiers.
func (t *Tree) spelling(root string) func(*name) bool {
	exact := func(n *name) bool { return n.raw == root || n.root == root }
	if slices.ContainsFunc(t.names, func(n name) bool { return exact(&n) }) {
		return exact
	}
	return func(n *name) bool { return Identifier(n.root) == root }
}
