package expression

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"

	"formrelay/internal/mapping/value"
)

// own are the relay's names. A form field of such a name is read as form["item"].
func own() []string { return append(unposted(), "form", "item") }

// unposted are those of the relay's names under which nothing lies that the form posted.
func unposted() []string { return []string{"tables", "index", "now", "visitor"} }

// visitorNames are the members of visitor.
func visitorNames() []string { return []string{"ip", "user_agent", "referrer", "page", "language"} }

// check walks a tree as it was written and gathers every fault that expr itself would not find or would
// tell in its own words.
type check struct {
	l       *Language
	in      Scope
	source  []rune
	lets    map[string]bool
	depth   int          // predicates around
	dashes  map[int]bool // the dashed names already told, by where they begin
	lenient bool         // to the left of `??`
	faults  []Fault
}

// fault notes a fault at a node. Checking goes on, so that one expression tells all that is wrong with
// it.
func (c *check) fault(n ast.Node, what, do string) {
	c.faults = append(c.faults, Fault{Offset: n.Location().From, What: what, Do: do})
}

// walk checks a node and what is below it. Cases that return have seen to their children themselves,
// with another scope or not at all.
func (c *check) walk(n ast.Node) {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		c.name(n)
	case *ast.MemberNode:
		c.member(n)
		return
	case *ast.CallNode:
		c.called(n)
		return
	case *ast.BuiltinNode:
		c.predicate(n)
		return
	case *ast.BinaryNode:
		if c.operator(n) {
			return
		}
		if n.Operator == "??" {
			c.fallback(n)
			return
		}
	case *ast.VariableDeclaratorNode:
		c.let(n)
		return
	}
	children(n, func(child *ast.Node) { c.walk(*child) })
}

// let checks a binding. The name must be new, so that nobody has to think about which of two is meant.
func (c *check) let(n *ast.VariableDeclaratorNode) {
	c.walk(n.Value)
	if slices.Contains(own(), n.Name) || c.lets[n.Name] {
		c.fault(n, fmt.Sprintf("`let %s` names what there is already", n.Name), "choose another name")
		return
	}
	c.lets[n.Name] = true
	c.walk(n.Expr)
	delete(c.lets, n.Name)
}

// name checks a bare name. Almost every one is a form field, whose names nobody knows when the profile
// is loaded, so only the relay's own can be wrong.
func (c *check) name(n *ast.IdentifierNode) {
	switch name := n.Value; {
	case c.lets[name]:
	case (name == "item" || name == "index") && !c.in.Each:
		c.fault(n, fmt.Sprintf("`%s` means something only below an `each`", name),
			fmt.Sprintf(`write form["%s"] for a form field of that name, or put `+"`each`"+` above`, name))
	case name == "tables":
		c.fault(n, "`tables` stands alone", "name a table and a key: tables.price[sku]")
	case strings.HasPrefix(name, "$"):
		c.fault(n, fmt.Sprintf("`%s` is no name of the mapping language", name), fmt.Sprintf("write form[%s] for a form field of that name", quote(name)))
	}
}

// member checks what hangs on tables and visitor, whose members are known.
func (c *check) member(n *ast.MemberNode) {
	base, isName := n.Node.(*ast.IdentifierNode)
	if isName && slices.Contains(superglobals(), base.Value) {
		c.php(n, base.Value)
		return
	}
	if !isName || c.lets[base.Value] {
		if c.row(n) {
			return
		}
		children(n, func(child *ast.Node) { c.walk(*child) })
		return
	}
	switch base.Value {
	case "tables":
		c.table(n)
	case "visitor":
		if p, ok := n.Property.(*ast.StringNode); !ok || !slices.Contains(visitorNames(), p.Value) {
			c.fault(n, "visitor has no such member", "write visitor.ip, visitor.user_agent, visitor.referrer, visitor.page or visitor.language")
		}
	default:
		children(n, func(child *ast.Node) { c.walk(*child) })
	}
}

// superglobals are PHP's names for what a form posts.
func superglobals() []string { return []string{"$_POST", "$_GET", "$_REQUEST"} }

// php tells a field that is read as in PHP, $_POST['comment'], with what it is called here.
func (c *check) php(n *ast.MemberNode, base string) {
	do := "write the name of the form's field alone"
	if p, ok := n.Property.(*ast.StringNode); ok {
		do = "write " + Field(p.Value)
	}
	c.fault(n.Node, fmt.Sprintf("`%s` is PHP and no name of the mapping language", base), do)
}

// Field is how an expression reads the form's field of a name: bare, unless it is no identifier or means something else in an
// expression.
func Field(name string) string {
	if !identifier.MatchString(name) || slices.Contains(own(), name) || slices.Contains(reserved(), name) || slices.Contains(constants(), name) {
		return fmt.Sprintf("form[%s]", quote(name))
	}
	return name
}

// constants are the words that expr reads as values.
func constants() []string { return []string{"true", "false", "nil"} }

// table finds the table that `tables.name` means. Its name must be written out: then it is checked now,
// and no visitor can choose another table.
func (c *check) table(n *ast.MemberNode) *Table {
	p, ok := n.Property.(*ast.StringNode)
	if !ok {
		c.fault(n, "the table is named by an expression", `name it: tables.price or tables["price"]`)
		return nil
	}
	t := c.l.tables[p.Value]
	if t == nil {
		names := make([]string, 0, len(c.l.tables))
		for name := range c.l.tables {
			names = append(names, name)
		}
		slices.Sort(names)
		c.fault(n.Property, fmt.Sprintf("there is no table %q", p.Value), suggest(p.Value, names, "add it under `tables`"))
	}
	return t
}

// row checks a key that is written out against its table, since what is missing then is missing in
// every post. It is done with n when it says so.
func (c *check) row(n *ast.MemberNode) bool {
	base, ok := n.Node.(*ast.MemberNode)
	if !ok {
		return false
	}
	id, ok := base.Node.(*ast.IdentifierNode)
	if !ok || id.Value != "tables" || c.lets["tables"] {
		return false
	}
	t := c.table(base)
	p, isText := n.Property.(*ast.StringNode)
	if !isText {
		c.walk(n.Property)
		return true
	}
	if t == nil || c.lenient {
		return true
	}
	if _, ok := t.Rows[p.Value]; !ok {
		c.fault(n.Property, fmt.Sprintf("the table %s has no key %q", t.Name, p.Value),
			suggest(p.Value, sortedKeys(t.Rows), fmt.Sprintf("add it, or write tables.%s[%s] for the field of that name", t.Name, p.Value)))
	}
	return true
}

// called checks a call: the function must be the language's, and be given what it takes.
func (c *check) called(n *ast.CallNode) {
	for _, arg := range n.Arguments {
		c.walk(arg)
	}
	id, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		c.fault(n.Callee, "a value cannot be called", "call a function with the value in brackets: upper(name)")
		return
	}
	f, known := c.l.functions[id.Value]
	if slices.Contains(own(), id.Value) {
		c.fault(id, fmt.Sprintf("`%s` is a value", id.Value), "leave the brackets out")
		return
	}
	if !known {
		c.fault(id, fmt.Sprintf("there is no function `%s`", id.Value), c.l.suggestFunction(id.Value))
		return
	}
	if len(n.Arguments) < f.least || f.most >= 0 && len(n.Arguments) > f.most {
		c.fault(id, fmt.Sprintf("`%s` takes %s, not %d", id.Value, arity(f), len(n.Arguments)), "mend what stands in the brackets")
	}
}

// arity says how many values a function takes.
func arity(f function) string {
	switch {
	case f.most < 0:
		return fmt.Sprintf("%d values or more", f.least)
	case f.most == f.least && f.least == 1:
		return "1 value"
	case f.most == f.least:
		return fmt.Sprintf("%d values", f.least)
	default:
		return fmt.Sprintf("%d to %d values", f.least, f.most)
	}
}

// names are all functions, sorted.
func (l *Language) names() []string {
	names := make([]string, 0, len(l.functions)+len(l.predicates))
	for name := range l.functions {
		names = append(names, name)
	}
	for name := range l.predicates {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// maxSuggested bounds how many equally near functions are named: beyond that the slip says too little.
const maxSuggested = 3

// suggestFunction is what to do about an unknown function: take the nearest one. Of several that are equally near, all are named, the
// relay's own first, since those are what a profile is most often about.
func (l *Language) suggestFunction(word string) string {
	names := l.names()
	near := value.AllNearest(word, append(ownFunctions(), names...))
	if len(near) == 0 {
		return "`formrelay help profile` lists them all"
	}
	var distinct []string
	for _, name := range near {
		if !slices.Contains(distinct, name) {
			distinct = append(distinct, name)
		}
	}
	return "write " + strings.Join(distinct[:min(len(distinct), maxSuggested)], " or ")
}

// predicate checks a function with a formula for each item. Nesting multiplies the work, by the length
// of what was posted each time, so it is bounded.
func (c *check) predicate(n *ast.BuiltinNode) {
	if _, known := c.l.predicates[n.Name]; !known {
		c.fault(n, fmt.Sprintf("there is no function `%s`", n.Name), c.l.suggestFunction(n.Name))
		return
	}
	if c.depth == maxNesting {
		c.fault(n, fmt.Sprintf("`%s` stands inside more than %d others of its kind", n.Name, maxNesting-1), "look the value up in a table instead")
		return
	}
	for i, arg := range n.Arguments {
		if i == 1 {
			c.depth++ // the list itself is made once, so that what makes it may be chained: filter, sortBy, map
		}
		c.walk(arg)
	}
	if len(n.Arguments) > 1 {
		c.depth--
	}
}

// fallback walks `a ?? b`, where a key that a table lacks is no fault in a.
func (c *check) fallback(n *ast.BinaryNode) {
	before := c.lenient
	c.lenient = true
	c.walk(n.Left)
	c.lenient = before
	c.walk(n.Right)
}

// operator checks what expr allows and the mapping language does not: ranges, whose ends a visitor
// could choose, patterns that come from the form, and `or` taken for a fallback. It is done with n when it says so.
func (c *check) operator(n *ast.BinaryNode) (done bool) {
	switch n.Operator {
	case "-":
		return c.dash(n)
	case "..":
		c.fault(n, "`..` is not part of the mapping language", "write the values out: [1, 2, 3]")
	case "matches":
		if _, ok := n.Right.(*ast.StringNode); !ok {
			c.fault(n, "`matches` needs its pattern written out", `write it in quotes: name matches "^A"`)
		}
	case "||", "or", "&&", "and":
		for _, side := range []ast.Node{n.Left, n.Right} {
			if _, ok := side.(*ast.StringNode); ok {
				c.fault(side, fmt.Sprintf("`%s` asks yes or no and a text is neither", n.Operator), `write name ?? "…" for what to take when a field is empty`)
			}
		}
	}
	return false
}

// dash finds names that a minus tears apart: `your-name` is a form field far more often than a
// subtraction of two. It is done with n where that is a table's key, which would only be told again as one that is not there.
func (c *check) dash(n *ast.BinaryNode) (done bool) {
	at := n.Location().From
	start, end := at, at+1
	for start > 0 && (inName(c.source[start-1]) || c.source[start-1] == '-') {
		start--
	}
	for end < len(c.source) && (inName(c.source[end]) || c.source[end] == '-') {
		end++
	}
	name := string(c.source[start:end])
	if start == at || end == at+1 || !letter(c.source[start]) || c.dashes[start] {
		return false
	}
	base := c.base(start)
	table := strings.TrimPrefix(base, "tables.")
	called := end < len(c.source) && c.source[end] == '('
	if table != base && !called && c.lacks(table, name) {
		c.faults = append(c.faults, Fault{
			Offset: start, What: fmt.Sprintf("`%s` would subtract", name), Do: fmt.Sprintf("write %s[%s]%s", base, quote(name), c.rows(table, name)),
		})
		return true
	}
	if c.arithmetic(n, end) {
		return false
	}
	if c.dashes == nil {
		c.dashes = map[int]bool{}
	}
	c.dashes[start] = true
	do := fmt.Sprintf("write %s or form[%s]", strings.ReplaceAll(name, "-", "_"), quote(name))
	if base != "" {
		do = fmt.Sprintf("write %s[%s]", base, quote(name))
	}
	c.faults = append(c.faults, Fault{
		Offset: start, What: fmt.Sprintf("`%s` would subtract", name), Do: do + "; for a subtraction put blanks around the minus",
	})
	return false
}

// base is what a name that begins at start is a member of, "" when it stands alone.
func (c *check) base(start int) string {
	if start < 2 || c.source[start-1] != '.' {
		return ""
	}
	from := start - 1
	for from > 0 && (inName(c.source[from-1]) || c.source[from-1] == '.') {
		from--
	}
	return string(c.source[from : start-1])
}

// lacks tells that a table has no row of what stands before a name's first dash, so that nothing could be subtracted from it.
func (c *check) lacks(table, name string) bool {
	t := c.l.tables[table]
	if t == nil {
		return false
	}
	key, _, _ := strings.Cut(name, "-")
	_, there := t.Rows[key]
	return !there
}

// maxRows bounds how many rows of a table a fault names.
const maxRows = 10

// rows names the rows of a table that lacks a key; "" when the table has it.
func (c *check) rows(table, key string) string {
	rows := sortedKeys(c.l.tables[table].Rows)
	if slices.Contains(rows, key) || len(rows) == 0 {
		return ""
	}
	shown := strings.Join(rows[:min(len(rows), maxRows)], ", ")
	if len(rows) > maxRows {
		shown += ", …"
	}
	return fmt.Sprintf("; it has no such row: those of %s are %s", table, shown)
}

// arithmetic tells a subtraction that was meant: of what a call gives, of a let, of the relay's own
// names, or of a number from a field that is one.
func (c *check) arithmetic(n *ast.BinaryNode, end int) bool {
	if end < len(c.source) && c.source[end] == '(' {
		return true
	}
	left, isName := n.Left.(*ast.IdentifierNode)
	if isName && (c.lets[left.Value] || slices.Contains(own(), left.Value)) {
		return true
	}
	if right, ok := n.Right.(*ast.IdentifierNode); ok && c.lets[right.Value] {
		return true
	}
	_, number := n.Right.(*ast.IntegerNode)
	_, float := n.Right.(*ast.FloatNode)
	return (number || float) && (!isName || c.l.numeric[left.Value])
}

// inName tells whether a character can stand inside a name.
func inName(r rune) bool { return letter(r) || unicode.IsDigit(r) }

// letter tells whether a name can begin with a character, as expr's lexer sees it.
func letter(r rune) bool { return r == '_' || r == '$' || unicode.IsLetter(r) }

// suggest is what to do about an unknown word: take the nearest right one, if any is near.
func suggest(word string, among []string, otherwise string) string {
	if near := value.Nearest(word, among); near != "" {
		return "write " + near
	}
	return otherwise
}

// reserved are the words that expr reads as its own syntax, so that a form field of that name cannot
// stand bare.
func reserved() []string {
	return []string{"in", "not", "and", "or", "if", "else", "let", "matches", "contains", "startsWith", "endsWith"}
}

// syntaxFault tells an error of expr's parser or checker, with a hint where the slip is a common one.
func syntaxFault(source string, err error) Fault {
	f := Fault{What: "the expression cannot be read", Do: "mend it at this place"}
	var fe *file.Error
	if errors.As(err, &fe) {
		f.Offset = min(fe.From, runes(source))
		if posted, ok := emptyBrackets(source, f.Offset); ok {
			return posted
		}
		f.What += ": " + tidy(fe.Message)
		f.Do = slip(source, f.Offset)
	} else {
		f.What += ": " + err.Error()
	}
	if word := strings.TrimSpace(source); slices.Contains(reserved(), word) {
		f.Offset = 0
		f.What = fmt.Sprintf("`%s` is a word of the expression language", word)
		f.Do = fmt.Sprintf("write form[%s] for the form field of that name", quote(word))
	}
	return f
}

// spaced is a name with blanks in it, as a form's label has them.
var spaced = regexp.MustCompile(`^[\pL_][\pL\pN_-]*(?: +[\pL\pN_-]+)+$`)

// slip is what to do where expr gave up: it knows a field's name with blanks in it, and one sign of equality for two.
func slip(source string, offset int) string {
	name := strings.TrimSpace(source)
	words := func(word string) bool { return slices.Contains(reserved(), word) }
	if spaced.MatchString(name) && !slices.ContainsFunc(strings.Fields(name), words) {
		return fmt.Sprintf("a field name with a blank is written ${form[%s]}", quote(name))
	}
	if text := []rune(source); offset < len(text) && text[offset] == '=' {
		return "to compare, write =="
	}
	return "mend it at this place"
}

// tidy says expr's names of tokens in plain words: `unexpected token Operator("-")` is `unexpected -`.
func tidy(message string) string {
	message = strings.NewReplacer(
		"unexpected token EOF", "unexpected end", "unexpected token ", "unexpected ",
		"Operator(\"", "`", "Bracket(\"", "`", "Identifier(\"", "`", "Number(\"", "`", "String(\"", "`", "\")", "`",
	).Replace(message)
	return message
}
