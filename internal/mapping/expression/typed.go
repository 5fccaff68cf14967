package expression

import (
	"slices"

	"github.com/expr-lang/expr/ast"
)

// typed finds out whether what an expression comes to was typed, or could have been edited, by who posts the form: it is a field's
// value, or is calculated from one. A row of a table is not, though a field chose it; nor is a branch of a condition that a field decided.
type typed struct {
	lets map[string]bool
}

// of looks at one node.
func (t *typed) of(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		return t.name(n.Value)
	case *ast.PointerNode:
		return true // an item of a list that the form posted, most likely
	case *ast.MemberNode:
		return t.of(n.Node)
	case *ast.ChainNode:
		return t.of(n.Node)
	case *ast.SliceNode:
		return t.of(n.Node)
	case *ast.UnaryNode:
		return n.Operator != "not" && n.Operator != "!" && t.of(n.Node)
	case *ast.BinaryNode:
		return t.calculation(n)
	case *ast.ConditionalNode:
		return t.of(n.Exp1) || t.of(n.Exp2)
	case *ast.VariableDeclaratorNode:
		t.lets[n.Name] = t.of(n.Value)
		return t.of(n.Expr)
	case *ast.SequenceNode:
		return len(n.Nodes) > 0 && t.of(n.Nodes[len(n.Nodes)-1])
	case *ast.CallNode:
		return slices.ContainsFunc(n.Arguments, t.of)
	case *ast.BuiltinNode:
		return t.predicate(n)
	case *ast.PredicateNode:
		return t.of(n.Node)
	case *ast.ArrayNode:
		return slices.ContainsFunc(n.Nodes, t.of)
	default:
		return false
	}
}

// name tells of a bare name.
func (t *typed) name(name string) bool {
	if bound, is := t.lets[name]; is {
		return bound
	}
	return !slices.Contains(unposted(), name)
}

// calculation is an operator's result: typed when one side is, unless the operator only compares. A row of a table times what was typed
// is the shop's price times a number of pieces, which is the visitor's to choose.
func (t *typed) calculation(n *ast.BinaryNode) bool {
	left, right := t.of(n.Left), t.of(n.Right)
	switch n.Operator {
	case "*":
		return left && right || left && !fromTable(n.Right) || right && !fromTable(n.Left)
	case "+", "-", "/", "%", "**", "^", "??":
		return left || right
	}
	return false
}

// fromTable tells whether a table has a part in a value.
func fromTable(n ast.Node) bool {
	if id, ok := n.(*ast.IdentifierNode); ok {
		return id.Value == "tables"
	}
	found := false
	children(n, func(c *ast.Node) { found = found || fromTable(*c) })
	return found
}

// predicate is a function over a list: what counts is the formula where there is one that makes the result, else the list.
func (t *typed) predicate(n *ast.BuiltinNode) bool {
	switch n.Name {
	case "sum", "map", "reduce":
		return len(n.Arguments) > 0 && t.of(n.Arguments[min(1, len(n.Arguments)-1)])
	case "filter", "find", "findLast", "sortBy":
		return len(n.Arguments) > 0 && t.of(n.Arguments[0])
	}
	return false
}
