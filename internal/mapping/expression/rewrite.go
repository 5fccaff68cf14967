package expression

import (
	"errors"
	"math"
	"slices"

	"github.com/expr-lang/expr/ast"

	"formrelay/internal/mapping/value"
)

// The names of what rewriting puts into a tree. No expression can name them: check refuses a name that
// begins with a dollar.
const (
	fnGet       = "$get"  // a member
	fnPeek      = "$peek" // a member to the left of `??`: a key that a table lacks is nil
	fnAdd       = "$add"
	fnCalculate = "$calculate" // - * / % **
	fnNegate    = "$negate"
	fnCompare   = "$compare" // < <= > >=
	fnEqual     = "$equal"
	fnIn        = "$in"
	fnTruth     = "$truth"  // a condition
	fnText      = "$text"   // an operand of contains, startsWith, endsWith, matches
	fnItems     = "$items"  // the list of a predicate
	fnAddend    = "$addend" // an item of a sum
	fnPlain     = "$plain"  // what sortBy compares
	fnSlice     = "$slice"
	fnAll       = "$all"   // list(name) of a plain field
	fnMoney     = "$money" // num(…) in an amount
	fnWhole     = "$whole" // int(…) in an amount
	varEnv      = "$run"   // the *Env
	prefixLet   = "$let_"  // before a name that let binds
)

// hidden are the functions behind those names.
func (l *Language) hidden() map[string]func(...any) (any, error) {
	return map[string]func(...any) (any, error){
		fnGet:       func(a ...any) (any, error) { return l.fetch(a[0], a[1]) },
		fnPeek:      func(a ...any) (any, error) { return l.peek(a[0], a[1]) },
		fnAdd:       func(a ...any) (any, error) { return add(a[0].(*Env), a[1], a[2]) },
		fnCalculate: func(a ...any) (any, error) { return calculate(a[0].(string), a[1], a[2]) },
		fnNegate:    func(a ...any) (any, error) { return calculate("*", -1, a[0]) },
		fnCompare:   func(a ...any) (any, error) { return compare(a[0].(string), a[1], a[2]) },
		fnEqual:     func(a ...any) (any, error) { return equal(a[0], a[1]), nil },
		fnIn:        func(a ...any) (any, error) { return l.within(a[0].(*Env), a[1], a[2]) },
		fnTruth:     func(a ...any) (any, error) { return truth(a[0]), nil },
		fnText:      func(a ...any) (any, error) { return l.operand(a[0].(*Env), a[1], a[2].(int)) },
		fnItems:     func(a ...any) (any, error) { return looped(a[0].(*Env), a[1], a[2].(int)) },
		fnAddend:    func(a ...any) (any, error) { return addend(a[0]) },
		fnPlain:     func(a ...any) (any, error) { return plain(a[0]), nil },
		fnSlice:     func(a ...any) (any, error) { return cut(a[0].(*Env), a[1], a[2], a[3]) },
		fnAll:       func(a ...any) (any, error) { return all(a[0].(*Env), a[1].(string), a[2]) },
		fnMoney:     func(a ...any) (any, error) { return readNumber(value.Amount)(l, a) },
		fnWhole:     func(a ...any) (any, error) { return toInt(value.Amount)(l, a) },
	}
}

// peek is fetch to the left of `??`: only there may a table lack a key.
func (l *Language) peek(from, key any) (any, error) {
	v, err := l.fetch(from, key)
	var missing *MissingKey
	if errors.As(err, &missing) {
		return nil, nil
	}
	return v, err
}

// operand makes the text that contains and its like compare, of which a step looks at so many bytes. They take nothing for no match.
func (l *Language) operand(e *Env, v any, step int) (any, error) {
	if v == nil {
		return nil, nil
	}
	s, ok := l.Text(v)
	if !ok {
		return nil, errNoText
	}
	return s, e.Spend(1 + len(s)/step)
}

// looped are the items that a predicate goes over, paid for before it begins: each takes steps for the formula.
func looped(e *Env, v any, steps int) (any, error) {
	items := itemsOf(v)
	return items, e.Spend(1 + len(items)*steps)
}

// cut is slice, of a text paid for by its length.
func cut(e *Env, v, from, to any) (any, error) {
	if text, ok := v.(string); ok {
		if err := e.Spend(1 + len(text)/textStep); err != nil {
			return nil, err
		}
	}
	return slice(v, from, to)
}

// addend is an item of a sum: nothing adds nothing.
func addend(v any) (any, error) {
	x, ok, err := toFloat(v)
	if err != nil {
		return nil, err
	}
	if _, whole := plain(v).(int); (whole || !ok) && math.Abs(x) < 1<<53 { // a thousand of those still fit
		return int(x), nil
	}
	return x, nil
}

// all is list(name): a list that was posted as one is itself, a plain name gives every value posted
// under it, and a default that filled an absent field is what there is.
func all(e *Env, name string, v any) (any, error) {
	if _, plain := v.(string); (v == nil || plain) && e.all != nil {
		if items, err := e.posted(name); len(items) > 0 || err != nil {
			return items, err
		}
	}
	items := present(itemsOf(v))
	return items, e.Spend(1 + len(items))
}

// rewriter turns a checked tree into one that follows the relay's rules.
type rewriter struct {
	l    *Language
	in   Scope
	lets map[string]bool
}

// rewrite rewrites a node and everything below it. lenient says that the node stands to the left of
// `??`.
func (w *rewriter) rewrite(n *ast.Node, lenient bool) {
	switch node := (*n).(type) {
	case *ast.IdentifierNode:
		w.name(n, node)
	case *ast.MemberNode:
		w.member(n, node, lenient)
	case *ast.ChainNode:
		w.rewrite(&node.Node, lenient)
		*n = node.Node
	case *ast.BinaryNode:
		w.binary(n, node, lenient)
	case *ast.UnaryNode:
		w.unary(n, node)
	case *ast.ConditionalNode:
		w.rewrite(&node.Cond, false)
		w.rewrite(&node.Exp1, lenient)
		w.rewrite(&node.Exp2, lenient)
		wrap(&node.Cond, fnTruth)
	case *ast.CallNode:
		w.call(node)
	case *ast.BuiltinNode:
		w.predicate(node)
	case *ast.SliceNode:
		w.slice(n, node)
	case *ast.VariableDeclaratorNode:
		w.let(node, lenient)
	default:
		children(node, func(c *ast.Node) { w.rewrite(c, false) })
	}
}

// let renames what is bound, since expr refuses a variable with the name of a function.
func (w *rewriter) let(node *ast.VariableDeclaratorNode, lenient bool) {
	name := node.Name
	w.rewrite(&node.Value, lenient)
	node.Name = prefixLet + name
	w.lets[name] = true
	w.rewrite(&node.Expr, lenient)
	delete(w.lets, name)
}

// name makes a bare name a field of the form, whatever expr knows by that name.
func (w *rewriter) name(n *ast.Node, node *ast.IdentifierNode) {
	if w.lets[node.Value] {
		node.Value = prefixLet + node.Value
		return
	}
	if slices.Contains(own(), node.Value) {
		return
	}
	patch(n, fnGet, &ast.IdentifierNode{Value: "form"}, &ast.StringNode{Value: node.Value})
}

// member makes member access the relay's own. A table is put into the tree as the constant it is.
func (w *rewriter) member(n *ast.Node, node *ast.MemberNode, lenient bool) {
	if id, ok := node.Node.(*ast.IdentifierNode); ok && id.Value == "tables" && !w.lets["tables"] {
		name := node.Property.(*ast.StringNode) // check has seen to it
		ast.Patch(n, &ast.ConstantNode{Value: w.l.tables[name.Value]})
		return
	}
	w.rewrite(&node.Node, lenient)
	w.rewrite(&node.Property, false)
	name := fnGet
	if lenient {
		name = fnPeek
	}
	patch(n, name, node.Node, node.Property)
}

// binary makes the operators the relay's own, and gives conditions a yes or no. What stands to the left
// of `??` is lenient as a whole: its members, its branches, its own fallbacks.
func (w *rewriter) binary(n *ast.Node, node *ast.BinaryNode, lenient bool) {
	w.rewrite(&node.Left, lenient || node.Operator == "??")
	w.rewrite(&node.Right, lenient && node.Operator == "??")
	switch op := node.Operator; op {
	case "+":
		ast.Patch(n, invoke(fnAdd, run(), node.Left, node.Right))
	case "-", "*", "/", "%", "**", "^":
		ast.Patch(n, invoke(fnCalculate, &ast.StringNode{Value: op}, node.Left, node.Right))
	case "<", "<=", ">", ">=":
		ast.Patch(n, invoke(fnCompare, &ast.StringNode{Value: op}, node.Left, node.Right))
	case "==":
		patch(n, fnEqual, node.Left, node.Right)
	case "!=":
		ast.Patch(n, &ast.UnaryNode{Operator: "!", Node: invoke(fnEqual, node.Left, node.Right)})
	case "in":
		ast.Patch(n, invoke(fnIn, run(), node.Left, node.Right))
	case "&&", "and", "||", "or":
		wrap(&node.Left, fnTruth)
		wrap(&node.Right, fnTruth)
	case "contains", "startsWith", "endsWith":
		asText(&node.Left, textStep)
		asText(&node.Right, textStep)
	case "matches":
		asText(&node.Left, matchStep)
	}
}

// unary does the same for not and the signs.
func (w *rewriter) unary(n *ast.Node, node *ast.UnaryNode) {
	w.rewrite(&node.Node, false)
	switch node.Operator {
	case "!", "not":
		wrap(&node.Node, fnTruth)
	case "-":
		ast.Patch(n, invoke(fnNegate, node.Node))
	case "+":
		*n = node.Node
	}
}

// call marks list(name) of a plain field, which gives every value posted under the name, and num(…) and
// int(…) where their value is money.
func (w *rewriter) call(node *ast.CallNode) {
	id := node.Callee.(*ast.IdentifierNode) // check has seen to it
	field, isField := "", false
	if id.Value == "list" {
		field, isField = w.field(node.Arguments[0])
	}
	for i := range node.Arguments {
		w.rewrite(&node.Arguments[i], false)
	}
	switch {
	case isField:
		id.Value = fnAll
		node.Arguments = []ast.Node{run(), &ast.StringNode{Value: field}, node.Arguments[0]}
	case id.Value == "num" && w.in.Money:
		id.Value = fnMoney
	case id.Value == "int" && w.in.Money:
		id.Value = fnWhole
	default:
		node.Arguments = append([]ast.Node{run()}, node.Arguments...)
	}
}

// field is the name of the form's field that a node is: name, form.name or form["name"].
func (w *rewriter) field(n ast.Node) (string, bool) {
	r := reader{l: w.l, lets: map[string]*Path{}}
	for name := range w.lets {
		r.lets[name] = nil
	}
	p := r.path(n)
	if p == nil || p.Root != Form || len(p.Steps) != 1 || p.Steps[0].Any {
		return "", false
	}
	return p.Steps[0].Key, true
}

// predicate gives expr's loop a list and its condition a yes or no, whatever the form posted.
func (w *rewriter) predicate(node *ast.BuiltinNode) {
	steps := 1
	for _, arg := range node.Arguments[1:] {
		steps += nodes(arg) / bodyStep
	}
	formula := formulaOf(node.Name)
	outer := w.in.Money
	for i := range node.Arguments {
		if i == 1 && w.in.Lines && (formula == fnTruth || formula == fnPlain) {
			w.in.Money = false // it chooses or orders lines, and is in none of them
		}
		w.rewrite(&node.Arguments[i], false)
	}
	w.in.Money = outer
	node.Arguments[0] = invoke(fnItems, run(), node.Arguments[0], &ast.IntegerNode{Value: steps})
	if formula == "" {
		return
	}
	if len(node.Arguments) == 1 {
		body := ast.Node(&ast.PointerNode{})
		node.Arguments = append(node.Arguments, &ast.PredicateNode{Node: body})
	}
	if p, ok := node.Arguments[1].(*ast.PredicateNode); ok {
		wrap(&p.Node, formula)
	}
}

// formulaOf is the function that a predicate's formula is put into, "" when its values are handed on.
func formulaOf(name string) string {
	switch name {
	case "sum":
		return fnAddend
	case "sortBy":
		return fnPlain
	case "all", "any", "none", "one", "count", "filter", "find", "findIndex", "findLast", "findLastIndex":
		return fnTruth
	default:
		return ""
	}
}

// nodes counts a tree.
func nodes(n ast.Node) int {
	count := 1
	children(n, func(c *ast.Node) { count += nodes(*c) })
	return count
}

// slice makes cutting safe: by characters, and of nothing nothing.
func (w *rewriter) slice(n *ast.Node, node *ast.SliceNode) {
	w.rewrite(&node.Node, false)
	for _, end := range []*ast.Node{&node.From, &node.To} {
		if *end == nil {
			*end = &ast.NilNode{}
		} else {
			w.rewrite(end, false)
		}
	}
	ast.Patch(n, invoke(fnSlice, run(), node.Node, node.From, node.To))
}

// asText puts fnText around a node, unless it is a constant that is no text.
func asText(n *ast.Node, step int) {
	if _, isBool := (*n).(*ast.BoolNode); !isBool {
		ast.Patch(n, invoke(fnText, run(), *n, &ast.IntegerNode{Value: step}))
	}
}

// run is the *Env, as an argument.
func run() ast.Node { return &ast.IdentifierNode{Value: varEnv} }

// invoke is a call of a function that no expression can name.
func invoke(name string, args ...ast.Node) *ast.CallNode {
	return &ast.CallNode{Callee: &ast.IdentifierNode{Value: name}, Arguments: args}
}

// patch puts a call of two arguments in a node's place.
func patch(n *ast.Node, name string, a, b ast.Node) { ast.Patch(n, invoke(name, a, b)) }

// wrap puts a call around a node, unless it is a constant that needs none.
func wrap(n *ast.Node, name string) {
	if _, isBool := (*n).(*ast.BoolNode); isBool {
		return
	}
	ast.Patch(n, invoke(name, *n))
}
