package expression

import (
	"slices"
	"strconv"

	"github.com/expr-lang/expr/ast"
)

// Root is where a path begins.
type Root int

// The roots of a path: the form as a whole, or the line that `each` is at.
const (
	Form Root = iota
	Item
)

// Step is one step of a path.
type Step struct {
	Key      string
	Position bool // the key is a number: a position where the value is a list, else a key
	Any      bool // any key: it is known only when the expression runs
	One      bool // with Any: one of the keys, and not each in turn as in a predicate
}

// Path says which field an expression reads, or which part of the form. A path stands for everything
// below it.
type Path struct {
	Root  Root
	Steps []Step
	Part  bool // of what lies below it nothing is certain to be used: it is counted, searched, chosen from
	All   bool // it stands for every value posted under its name, and not only for the one that counts
}

// reader finds the paths that an expression reads.
type reader struct {
	l      *Language
	lets   map[string]*Path // let-bound names; nil is a value that is no path
	lists  []*Path          // the lists that the predicates around are at; nil is one that is no path
	reads  []Path
	passes []Path
}

// fate is what becomes of a value that a node gives.
type fate struct {
	flows bool // it is, or becomes part of, the whole expression's value
	part  bool // not all that lies in it is certain to be used
}

// looked is the fate of a value that is only looked at.
func looked() fate { return fate{part: true} }

// walk collects what is read below a node, whose value has the fate to.
func (r *reader) walk(n ast.Node, to fate) {
	if p := r.path(n); p != nil {
		r.record(*p, to)
		r.properties(n)
		return
	}
	switch n := n.(type) {
	case *ast.IdentifierNode:
		// A let whose value is no path: what it read was recorded where it was bound.
	case *ast.ConditionalNode:
		r.walk(n.Cond, looked())
		r.walk(n.Exp1, to)
		r.walk(n.Exp2, to)
	case *ast.BinaryNode:
		if n.Operator != "??" {
			to = looked()
		}
		r.walk(n.Left, to)
		r.walk(n.Right, to)
	case *ast.BuiltinNode:
		r.predicate(n, to)
	case *ast.CallNode:
		r.call(n, to)
	case *ast.VariableDeclaratorNode:
		r.let(n, to)
	case *ast.SequenceNode:
		for i, node := range n.Nodes {
			if i == len(n.Nodes)-1 {
				r.walk(node, to)
			} else {
				r.walk(node, looked())
			}
		}
	case *ast.PredicateNode:
		r.walk(n.Node, to)
	case *ast.ChainNode:
		r.walk(n.Node, to)
	case *ast.ArrayNode, *ast.MapNode, *ast.PairNode:
		children(n, func(c *ast.Node) { r.walk(*c, fate{part: to.part}) })
	default:
		children(n, func(c *ast.Node) { r.walk(*c, looked()) })
	}
}

// record files a path under what becomes of its value.
func (r *reader) record(p Path, to fate) {
	p.Part = to.part
	if to.flows {
		r.passes = append(r.passes, p)
	} else {
		r.reads = append(r.reads, p)
	}
}

// properties walks what stands in the brackets of a path: form[name] reads name too.
func (r *reader) properties(n ast.Node) {
	switch n := n.(type) {
	case *ast.ChainNode:
		r.properties(n.Node)
	case *ast.MemberNode:
		r.properties(n.Node)
		if !constant(n.Property) {
			r.walk(n.Property, looked())
		}
	}
}

// call walks the arguments of a call. What a function keeps goes on flowing; what it only computes with
// does not.
func (r *reader) call(n *ast.CallNode, to fate) {
	name := ""
	if id, ok := n.Callee.(*ast.IdentifierNode); ok {
		name = id.Value
	}
	f := r.l.functions[name]
	if f.keeps {
		to.part = to.part || f.part
	} else {
		to = fate{part: !f.whole}
	}
	for _, arg := range n.Arguments {
		if p := r.path(arg); p != nil && name == "list" && p.plain() {
			p.All = true
			r.record(*p, to)
			r.properties(arg)
			continue
		}
		r.walk(arg, to)
	}
}

// plain tells a field of the form by a name that is written out, which is what list(…) gives every value of.
func (p *Path) plain() bool { return p.Root == Form && len(p.Steps) == 1 && !p.Steps[0].Any }

// predicate reads of a list only what its formula reads of each item, but the whole items where they
// come out.
func (r *reader) predicate(n *ast.BuiltinNode, to fate) {
	if len(n.Arguments) == 0 {
		return
	}
	list := r.path(n.Arguments[0])
	comesOut := r.l.predicates[n.Name]
	if list == nil || comesOut || len(n.Arguments) == 1 {
		r.walk(n.Arguments[0], fate{flows: to.flows && comesOut, part: !takesAll(n, to)})
	} else {
		r.properties(n.Arguments[0])
	}
	r.lists = append(r.lists, list)
	for i, arg := range n.Arguments[1:] {
		if n.Name == "map" && i == 0 {
			r.walk(arg, to)
		} else {
			r.walk(arg, looked())
		}
	}
	r.lists = r.lists[:len(r.lists)-1]
}

// takesAll tells whether a predicate leaves nothing of its list aside: a sum of the items themselves, or the list in another order.
func takesAll(n *ast.BuiltinNode, to fate) bool {
	return n.Name == "sum" && len(n.Arguments) == 1 || n.Name == "sortBy" && !to.part
}

// let follows a binding. A name for a path is that path wherever it is used; a name for anything else
// read what it read here, and how much of it is used in the end is not followed.
func (r *reader) let(n *ast.VariableDeclaratorNode, to fate) {
	p := r.path(n.Value)
	if p == nil {
		r.walk(n.Value, fate{flows: to.flows, part: true})
	} else {
		r.properties(n.Value)
	}
	r.lets[n.Name] = p
	r.walk(n.Expr, to)
	delete(r.lets, n.Name)
}

// path is the path that a node is, nil when it is more than members of the form or of the item.
func (r *reader) path(n ast.Node) *Path {
	switch n := n.(type) {
	case *ast.ChainNode:
		return r.path(n.Node)
	case *ast.IdentifierNode:
		return r.named(n.Value)
	case *ast.PointerNode:
		return r.pointed(n.Name)
	case *ast.MemberNode:
		base := r.path(n.Node)
		if base == nil {
			return nil
		}
		return &Path{Root: base.Root, Steps: append(slices.Clone(base.Steps), step(n.Property))}
	default:
		return nil
	}
}

// named is the path of a bare name.
func (r *reader) named(name string) *Path {
	if p, bound := r.lets[name]; bound {
		return p
	}
	switch {
	case name == "form":
		return &Path{Root: Form}
	case name == "item":
		return &Path{Root: Item}
	case slices.Contains(unposted(), name):
		return nil
	default:
		return &Path{Root: Form, Steps: []Step{{Key: name}}}
	}
}

// pointed is the path of `#` and of `.name` in a predicate: any item of the list around.
func (r *reader) pointed(name string) *Path {
	if name != "" || len(r.lists) == 0 {
		return nil
	}
	list := r.lists[len(r.lists)-1]
	if list == nil {
		return nil
	}
	return &Path{Root: list.Root, Steps: append(slices.Clone(list.Steps), Step{Any: true})}
}

// step is one member access as a step.
func step(property ast.Node) Step {
	switch p := property.(type) {
	case *ast.StringNode:
		return Step{Key: p.Value}
	case *ast.IntegerNode:
		return Step{Key: strconv.Itoa(p.Value), Position: true}
	default:
		return Step{Any: true, One: true}
	}
}

// constant tells the properties that are known before the expression runs.
func constant(n ast.Node) bool {
	switch n.(type) {
	case *ast.StringNode, *ast.IntegerNode:
		return true
	default:
		return false
	}
}

// children calls f for each child of a node, in the order written.
func children(n ast.Node, f func(*ast.Node)) {
	all := func(nodes []ast.Node) {
		for i := range nodes {
			f(&nodes[i])
		}
	}
	some := func(nodes ...*ast.Node) {
		for _, c := range nodes {
			if *c != nil {
				f(c)
			}
		}
	}
	switch n := n.(type) {
	case *ast.UnaryNode:
		some(&n.Node)
	case *ast.BinaryNode:
		some(&n.Left, &n.Right)
	case *ast.ChainNode:
		some(&n.Node)
	case *ast.MemberNode:
		some(&n.Node, &n.Property)
	case *ast.SliceNode:
		some(&n.Node, &n.From, &n.To)
	case *ast.CallNode:
		all(n.Arguments)
	case *ast.BuiltinNode:
		all(n.Arguments)
	case *ast.PredicateNode:
		some(&n.Node)
	case *ast.ConditionalNode:
		some(&n.Cond, &n.Exp1, &n.Exp2)
	case *ast.VariableDeclaratorNode:
		some(&n.Value, &n.Expr)
	case *ast.SequenceNode:
		all(n.Nodes)
	case *ast.ArrayNode:
		all(n.Nodes)
	case *ast.MapNode:
		all(n.Pairs)
	case *ast.PairNode:
		some(&n.Key, &n.Value)
	}
}
