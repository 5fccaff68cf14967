package form

import (
	"math"
	"strconv"
	"strings"
)

// Tree is PHP's nested array made of a post's pairs: see [Fields.Tree]. It does not change, so that
// it may be read by several goroutines.
//
// Nodes lie in one slice and point to each other by position, 0 standing for none: a form of any
// shape costs a handful of allocations.
type Tree struct {
	pairs []Pair
	names []name
	nodes []node           // nodes[0] is the array itself
	edges map[edge]int32   // the same as the nodes' links, for posts that are too large to search
	own   map[string]*Tree // by raw root: the pairs of one spelling, where PHP's name has several
}

// Most forms have no bracket at all and none of the rarer names; for them the tree is one level,
// separate and divert are not run, and no map is made but the one that Values returns.

// name is one pair's place.
type name struct {
	raw  string   // the root as it was posted
	root string   // PHP's name for it
	path []string // as Paths tells it
	weak bool     // another field has root for its raw name
}

// node is a leaf or a level. A level's children are a list by position, in the order in which their
// keys first came.
type node struct {
	key               string
	leaf              int32 // the pair whose value a leaf holds, counted from 1; 0 of a level
	first, last, next int32 // children in the order posted, and the next one of the same parent
	texts, integers   int32 // children by the kind of their key
	top               int64 // the highest integer key, when there is one
}

// edge is the way from a level to one of its keys.
type edge struct {
	parent int32
	key    string
}

// manyPairs is from how many pairs on looking up a key beats comparing with all.
const manyPairs = 64

// grow makes the tree of pairs, in order, as PHP does.
//
// Where a field's raw name is another's name in PHP ("First_Name" beside "First Name"), the first
// has the place: a pair of the second does not replace what stands there, and is found under its
// own raw name instead.
func grow(pairs []Pair) *Tree {
	t := &Tree{pairs: pairs, names: make([]name, len(pairs))}
	keys, odd := t.read(pairs)
	t.nodes = make([]node, 1, keys+1)
	if len(pairs) > manyPairs {
		t.edges = make(map[edge]int32, len(pairs))
	}
	if odd && t.contested() {
		t.separate(pairs)
	}
	for i := range pairs {
		if n := &t.names[i]; !n.weak || !t.taken(n.path) {
			t.put(n.path, int32(i+1))
		}
	}
	t.divert()
	return t
}

// read splits all names. It reports how many keys they have in all, which no tree of them has more
// nodes than, and whether any root is spelt otherwise than PHP would. All paths share one slice.
func (t *Tree) read(pairs []Pair) (keys int, odd bool) {
	for i := range pairs {
		keys += 1 + strings.Count(pairs[i].Name, "[")
	}
	paths := make([]string, 0, keys)
	for i := range pairs {
		n, start := &t.names[i], len(paths)
		n.raw, paths = split(pairs[i].Name, paths)
		n.path = paths[start:len(paths):len(paths)]
		n.root = n.path[0]
		odd = odd || n.raw != n.root
	}
	return len(paths), odd
}

// contested tells whether two spellings may come to one name in PHP. Most forms with an odd name
// ("value 1") have no other that comes to the same, and are spared what separate costs: more than
// the rest of the tree. Where comparing all with all would take long, it is not tried.
func (t *Tree) contested() bool {
	if len(t.names) > manyPairs {
		return true
	}
	for i := range t.names {
		odd := &t.names[i]
		if odd.raw == odd.root {
			continue
		}
		for j := range t.names {
			if n := &t.names[j]; n.root == odd.root && n.raw != odd.raw {
				return true
			}
		}
	}
	return false
}

// separate gives each spelling that differs from PHP's name a tree of its own, where that name has
// other spellings too.
func (t *Tree) separate(pairs []Pair) {
	first := make(map[string]string, len(pairs)) // PHP's name -> the spelling it came with first
	several, exact := make(map[string]bool), make(map[string]bool)
	for i := range t.names {
		n := &t.names[i]
		if raw, ok := first[n.root]; !ok {
			first[n.root] = n.raw
		} else if raw != n.raw {
			several[n.root] = true
		}
		exact[n.root] = exact[n.root] || n.raw == n.root
	}
	alike := make(map[string][]Pair)
	for i := range t.names {
		if n := &t.names[i]; n.raw != n.root && several[n.root] {
			alike[n.raw] = append(alike[n.raw], pairs[i])
			n.weak = exact[n.root]
		}
	}
	t.own = make(map[string]*Tree, len(alike))
	for raw, pairs := range alike {
		t.own[raw] = grow(pairs) // of one spelling, so that this ends here
	}
}

// divert gives the weak pairs that did not keep their place the path that they have in the tree of
// their spelling.
func (t *Tree) divert() {
	if len(t.own) == 0 {
		return
	}
	seen := make(map[string]int, len(t.own))
	for i := range t.names {
		n := &t.names[i]
		own := t.own[n.raw]
		if own == nil {
			continue
		}
		if n.weak && t.held(n.path) != int32(i+1) {
			n.path = own.names[seen[n.raw]].path
			n.path[0] = n.raw
		}
		seen[n.raw]++
	}
}

// held is the pair whose value stands at path, 0 for none.
func (t *Tree) held(path []string) int32 {
	at := int32(0)
	for _, key := range path {
		if at = t.find(at, key); at == 0 {
			return 0
		}
	}
	return t.nodes[at].leaf
}

// taken tells whether something stands at path, or a leaf before it: whether put would replace
// anything. An empty bracket is always new.
func (t *Tree) taken(path []string) bool {
	at := int32(0)
	for i, key := range path {
		if at != 0 && t.nodes[at].leaf != 0 {
			return true
		}
		if i > 0 && key == "" {
			return false
		}
		if at = t.find(at, key); at == 0 {
			return false
		}
	}
	return true
}

// put makes path the leaf of a pair, and replaces each empty bracket in path by the index it gets.
// A leaf in the way becomes a level, a level in the leaf's place is dropped; either keeps its place
// in the order, as an assignment in PHP does.
func (t *Tree) put(path []string, pair int32) {
	at := int32(0)
	for i, key := range path {
		if i > 0 && key == "" {
			key = t.nodes[at].nextIndex()
			path[i] = key
		}
		// The array itself is no leaf either, so the first round does no harm.
		t.nodes[at].leaf = 0
		child := t.find(at, key)
		if child == 0 {
			child = t.append(at, key)
		}
		at = child
	}
	t.clear(at)
	t.nodes[at].leaf = pair
}

// append adds a key to a level, as its last.
func (t *Tree) append(parent int32, key string) int32 {
	at := int32(len(t.nodes))
	t.nodes = append(t.nodes, node{key: key})
	p := &t.nodes[parent]
	if p.last == 0 {
		p.first = at
	} else {
		t.nodes[p.last].next = at
	}
	p.last = at
	p.count(key)
	if t.edges != nil {
		t.edges[edge{parent, key}] = at
	}
	return at
}

// clear takes all children from at. Their own children become unreachable with them, for no node's
// number is used twice.
func (t *Tree) clear(at int32) {
	n := &t.nodes[at]
	for i := n.first; i != 0 && t.edges != nil; i = t.nodes[i].next {
		delete(t.edges, edge{at, t.nodes[i].key})
	}
	n.first, n.last, n.texts, n.integers, n.top = 0, 0, 0, 0, 0
}

// find is the child of parent under key, 0 when there is none.
func (t *Tree) find(parent int32, key string) int32 {
	if t.edges != nil {
		return t.edges[edge{parent, key}]
	}
	for i := t.nodes[parent].first; i != 0; i = t.nodes[i].next {
		if t.nodes[i].key == key {
			return i
		}
	}
	return 0
}

// count notes the kind of a new child's key.
func (n *node) count(key string) {
	i, ok := index(key)
	if !ok {
		n.texts++
		return
	}
	if n.integers == 0 || i > n.top {
		n.top = i
	}
	n.integers++
}

// nextIndex is the key that an empty bracket gets: one more than the highest, 0 at first. PHP drops
// a pair that would come after the highest integer there is; here it gets the next number as a
// text.
func (n *node) nextIndex() string {
	switch {
	case n.integers == 0:
		return "0"
	case n.top == math.MaxInt64:
		return strconv.FormatUint(1<<63, 10)
	}
	return strconv.FormatInt(n.top+1, 10)
}

// value is what Values shows for a node. It recurses as deep as names nest, which Limits.Depth
// bounds for all that Decode took.
func (t *Tree) value(at int32) any {
	n := &t.nodes[at]
	if n.leaf != 0 {
		if text := trimmed(t.pairs[n.leaf-1].Value); text != "" {
			return text
		}
		return nil
	}
	if n.texts == 0 {
		list := make([]any, 0, n.integers)
		for i := n.first; i != 0; i = t.nodes[i].next {
			list = append(list, t.value(i))
		}
		return list
	}
	level := make(map[string]any, n.texts+n.integers)
	for i := n.first; i != 0; i = t.nodes[i].next {
		level[t.nodes[i].key] = t.value(i)
	}
	return level
}

// root finds a field by any spelling that Values has for it: PHP's name, the raw one, an
// identifier.
func (t *Tree) root(spelling string) (*Tree, int32) {
	if at := t.find(0, spelling); at != 0 {
		return t, at
	}
	if own := t.own[spelling]; own != nil {
		return own, own.nodes[0].first
	}
	for i := range t.names {
		if n := &t.names[i]; n.raw == spelling {
			return t, t.find(0, n.root)
		}
	}
	found := int32(0)
	for i := t.nodes[0].first; i != 0; i = t.nodes[i].next {
		if key := t.nodes[i].key; key != "" && Identifier(key) == spelling {
			found = i
		}
	}
	return t, found
}

// descend finds the node at path, 0 when there is none.
func (t *Tree) descend(path []string) (*Tree, int32) {
	t, at := t.root(path[0])
	for _, key := range path[1:] {
		if at == 0 {
			break
		}
		at = t.find(at, key)
	}
	return t, at
}
