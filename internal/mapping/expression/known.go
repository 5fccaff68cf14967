package expression

import (
	"slices"
	"strconv"

	"github.com/expr-lang/expr/ast"
)

// Known is a value that an expression may come to and that is known before anything is posted: one that is written in it, or a row of a
// table.
type Known struct {
	Offset int      // characters of the source before where it is named
	Text   string   // the value as it is written, where Table is nil
	Table  []string // the table's name and the keys down to the row
	Any    bool     // with Table: a row below that path, whichever the post chooses
}

// Lookup is a table whose row an expression chooses by a key that is worked out.
type Lookup struct {
	Table []string // the table's name and the keys down to where the row is chosen
	Key   string   // the key's expression, in the one spelling that [Expr.Canonical] has too
}

// foreseen is what can be said of an expression's value before anything is posted.
type foreseen struct {
	known []Known
	open  bool // it may come to something that is not known
	many  bool // it is certain to be a list
}

// forecast looks at a tree as it was written.
type forecast struct {
	lets map[string]bool
}

// foresee notes what is known of the expression's value. It comes before the tree is rewritten.
func (x *Expr) foresee(tree ast.Node) {
	f := forecast{lets: map[string]bool{}}
	value := f.of(tree)
	x.Known, x.Open, x.Many = value.known, value.open, value.many
	x.Lookups, x.Canonical = f.lookups(tree), tree.String()
}

// of looks at one node. What cannot be followed is open, never guessed.
func (f *forecast) of(n ast.Node) foreseen {
	switch n := n.(type) {
	case *ast.IntegerNode:
		return written(n, strconv.Itoa(n.Value))
	case *ast.StringNode:
		return written(n, n.Value)
	case *ast.BoolNode, *ast.NilNode:
		return foreseen{}
	case *ast.ChainNode:
		return f.of(n.Node)
	case *ast.MemberNode:
		return f.member(n)
	case *ast.ConditionalNode:
		return either(f.of(n.Exp1), f.of(n.Exp2))
	case *ast.BinaryNode:
		if n.Operator == "??" {
			return either(f.of(n.Left), f.of(n.Right))
		}
	case *ast.SequenceNode:
		if len(n.Nodes) > 0 {
			return f.of(n.Nodes[len(n.Nodes)-1])
		}
	case *ast.VariableDeclaratorNode:
		f.lets[n.Name] = true
		defer delete(f.lets, n.Name)
		return f.of(n.Expr)
	case *ast.ArrayNode:
		return f.array(n)
	case *ast.CallNode:
		return f.call(n)
	case *ast.BuiltinNode:
		return foreseen{open: true, many: slices.Contains([]string{"map", "filter", "sortBy"}, n.Name)}
	}
	return foreseen{open: true}
}

// written is a value that stands in the expression.
func written(n ast.Node, text string) foreseen {
	return foreseen{known: []Known{{Offset: n.Location().From, Text: text}}}
}

// either is one value or the other.
func either(a, b foreseen) foreseen {
	return foreseen{known: slices.Concat(a.known, b.known), open: a.open || b.open, many: a.many && b.many}
}

// array is a list that is written out.
func (f *forecast) array(n *ast.ArrayNode) foreseen {
	all := foreseen{many: true}
	for _, item := range n.Nodes {
		one := f.of(item)
		all.known, all.open = append(all.known, one.known...), all.open || one.open
	}
	return all
}

// call knows what some functions leave of a value, and which give lists.
func (f *forecast) call(n *ast.CallNode) foreseen {
	id, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		return foreseen{open: true}
	}
	switch id.Value {
	case "list", "string":
		out := f.of(n.Arguments[0])
		out.many = id.Value == "list"
		return out
	case "split", "take", "reverse", "uniq", "concat", "flatten", "sort":
		return foreseen{open: true, many: true}
	}
	return foreseen{open: true}
}

// member is a row of a table: one that is named, or one that the post chooses.
func (f *forecast) member(n *ast.MemberNode) foreseen {
	if path, ok := f.row(n); ok {
		return foreseen{known: []Known{{Offset: n.Location().From, Table: path}}}
	}
	if path, ok := f.row(n.Node); ok && !constant(n.Property) {
		return foreseen{known: []Known{{Offset: n.Location().From, Table: path, Any: true}}}
	}
	return foreseen{open: true}
}

// row is the path of tables.name.key where every step is written out.
func (f *forecast) row(n ast.Node) (path []string, ok bool) {
	if chain, is := n.(*ast.ChainNode); is {
		n = chain.Node
	}
	m, is := n.(*ast.MemberNode)
	if !is {
		return nil, false
	}
	var key string
	switch p := m.Property.(type) {
	case *ast.StringNode:
		key = p.Value
	case *ast.IntegerNode:
		key = strconv.Itoa(p.Value)
	default:
		return nil, false
	}
	if id, is := m.Node.(*ast.IdentifierNode); is {
		return []string{key}, id.Value == "tables" && !f.lets["tables"]
	}
	above, ok := f.row(m.Node)
	return append(above, key), ok
}

// lookups finds the tables below a node whose rows are chosen by a key that is worked out.
func (f *forecast) lookups(n ast.Node) []Lookup {
	var found []Lookup
	if m, ok := n.(*ast.MemberNode); ok && !constant(m.Property) {
		if path, ok := f.row(m.Node); ok {
			found = append(found, Lookup{Table: path, Key: m.Property.String()})
		}
	}
	children(n, func(c *ast.Node) { found = append(found, f.lookups(*c)...) })
	return found
}
