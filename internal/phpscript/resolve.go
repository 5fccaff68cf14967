package phpscript

import (
	"slices"
	"sort"
	"strings"

	"github.com/alecthomas/participle/v2/lexer"
)

// assign is what an assignment or any other expression gives.
func (r *runner) assign(a *assign, st *statement) *value {
	if a == nil {
		return newValue(value{})
	}
	if a.Right == nil {
		return r.choice(a.Left, st)
	}
	v := r.assign(a.Right, st)
	target := single(a.Left)
	if target != nil && target.Array != nil && a.Sign == "=" {
		r.apart(target.Array, v, a, st)
		return v
	}
	if target != nil && target.Base != nil {
		target = property(target)
	}
	if target == nil || target.Base == nil || target.Base.Var == "" {
		if target != nil && target.Base != nil && target.Base.Name != "" && len(target.Trail) == 0 { // const NAME = …
			r.constant(target.Base.Name, v, a.Pos.Line)
		} else {
			r.passed(st, "it gives a value to what is no variable here")
		}
		return v
	}
	if a.Ref {
		r.passed(st, "it is a reference, and what is given through one of its names is not followed for the other")
	}
	head, tail := r.beside(st)
	e := entryValue{value: v, line: a.Pos.Line, source: r.source(a.Right.Pos.Offset, r.code.ends(a.Right.EndPos)), head: head, tail: tail}
	r.give(target, a.Sign, e, st)
	return v
}

// single is the one term that a side of an assignment is, nil when it is more.
func single(c *choice) *term {
	if c == nil || len(c.Branches) > 0 || len(c.Test.Parts) != 1 || len(c.Test.Parts[0].Rest) > 0 {
		return nil
	}
	return c.Test.Parts[0].First
}

// property is a term with a property of the object at hand as a variable of its own.
func property(t *term) *term {
	static := t.Base.Name != "" && len(t.Trail) > 0 && strings.HasPrefix(t.Trail[0].Member, "$")
	if !static && (t.Base.Var != "$this" || len(t.Trail) == 0 || t.Trail[0].Member == "") {
		return t
	}
	shorter := *t
	shorter.Base = &base{Var: "$this->" + strings.TrimPrefix(t.Trail[0].Member, "$")}
	shorter.Trail = t.Trail[1:]
	return &shorter
}

// apart gives each variable of [$a, $b] = … or list(…) = … its part.
func (r *runner) apart(into *array, v *value, a *assign, st *statement) {
	for i, e := range into.Entries {
		key, to := literal(itoa(i), a.Pos.Line), e.First
		if e.Second != nil {
			key, to = r.assign(e.First, st), e.Second
		}
		target := single(to.Left)
		if target == nil || target.Base == nil || target.Base.Var == "" || to.Right != nil {
			r.passed(st, "it is taken apart in a way that is not followed")
			continue
		}
		part := entryValue{value: member(v, key, a.Pos.Line), line: a.Pos.Line, source: r.source(a.Right.Pos.Offset, r.code.ends(a.Right.EndPos))}
		r.give(property(target), "=", part, st)
	}
}

// beside are the comments above a statement and behind it.
func (r *runner) beside(st *statement) (head, tail []string) {
	line := r.code.line(st.offset)
	last := r.code.line(max(st.offset, st.end-1))
	all := r.code.comments
	for i := range all {
		if c := all[i]; c.line == last && !c.own && c.offset >= st.end {
			tail = append(tail, c.text)
		}
	}
	for i := len(all) - 1; i >= 0; i-- {
		if c := all[i]; c.own && c.offset < st.offset && c.line >= line-1-len(head) && r.code.line(c.offset) < line {
			head = append(head, c.text)
		}
	}
	slices.Reverse(head)
	return head, tail
}

// give gives a variable, or what stands under keys of it, a value.
func (r *runner) give(target *term, sign string, e entryValue, st *statement) {
	name := target.Base.Var
	if len(target.Trail) == 0 {
		v := r.signed(sign, r.vars[name], e.value, e.line)
		if r.patterns.secret.MatchString(name) && v.kind == text {
			r.hide(v.text, e.line)
			v = unturned("it is the API token", e.line)
			v.unsafe = true
		}
		if v.kind != list && len(e.head)+len(e.tail) > 0 {
			c := *v
			c.comment = append(append([]string{}, e.head...), e.tail...)
			v = &c
		} else if v.kind == list && len(v.comment) == 0 && v.offset >= st.offset && v.offset < st.end { // it is written out here
			c := *v
			c.comment = e.head
			v = &c
		}
		if v.kind == list {
			v = placed(v, st.offset)
		}
		r.vars[name] = v
		return
	}
	root := r.vars[name]
	if root == nil || root.kind != list {
		if root == nil && (name == "$_POST" || name == "$_REQUEST" || name == "$_GET") {
			root = r.variable(name, e.line)
		}
		if root != nil && root.kind == posted && len(root.args) == 0 && len(target.Trail) == 1 {
			r.vars[name] = r.under(root, target.Trail, sign, e, st)
			return
		}
		if root != nil && root.kind != nothing {
			r.passed(st, "it gives a part to what is no array here")
			return
		}
		root = newValue(value{kind: list, line: e.line, offset: st.offset})
	}
	r.vars[name] = r.under(root, target.Trail, sign, e, st)
}

// placed is a list that is known by a place, where it is not known by one already.
func placed(v *value, offset int) *value {
	if v.offset > 0 {
		return v
	}
	c := *v
	c.offset = offset
	return &c
}

// under is a list in which what stands under keys has a new value.
func (r *runner) under(root *value, trail []*trail, sign string, e entryValue, st *statement) *value {
	step := trail[0]
	key, keyed, ok := r.key(step, st)
	if !ok {
		r.passed(st, "its key is no plain text")
		return root
	}
	if keyed {
		named := e
		named.key = key
		r.concealed(&named)
		e.value, e.source = named.value, named.source
	}
	var old *value
	if keyed {
		for _, o := range root.entries {
			if o.keyed && o.key == key {
				old = o.value
			}
		}
		if old == nil && root.kind == posted {
			old = member(root, literal(key, e.line), e.line)
		}
	}
	if len(trail) > 1 {
		inner := old
		if inner == nil || inner.kind != list {
			inner = newValue(value{kind: list, line: e.line, offset: st.offset})
		}
		return with(root, entryValue{key: key, keyed: keyed, value: r.under(inner, trail[1:], sign, e, st), line: e.line})
	}
	e.key, e.keyed = key, keyed
	e.value = r.signed(sign, old, e.value, e.line)
	return with(root, e)
}

// key is one step below a variable: [key], [] or ->key.
func (r *runner) key(t *trail, st *statement) (key string, keyed, ok bool) {
	switch {
	case t.Member != "" && !strings.HasPrefix(t.Member, "$"):
		return t.Member, true, true
	case t.Bracket && len(t.Keys) == 0:
		return "", false, true
	case t.Bracket && len(t.Keys) == 1:
		v := r.assign(t.Keys[0], st)
		return v.text, true, v.kind == text || v.kind == number
	}
	return "", false, false
}

// signed is what =, .= and their like give.
func (r *runner) signed(sign string, old, v *value, line int) *value {
	if old == nil {
		old = newValue(value{line: line})
	}
	switch sign {
	case "=":
		return v
	case ".=":
		return combine(joined, "", line, old, v)
	case "??=":
		return coalesce(line, old, v)
	case "+=":
		if old.kind == list && v.kind == list {
			return added(old, v, line)
		}
	}
	if old.kind == nothing && (sign == "+=") {
		return v
	}
	return combine(binary, strings.TrimSuffix(sign, "="), line, old, v)
}

// constant keeps a constant, unless it is the token.
func (r *runner) constant(name string, v *value, line int) {
	if r.patterns.secret.MatchString(name) && v.kind == text {
		r.hide(v.text, line)
		v = unturned("it is the API token", line)
		v.unsafe = true
	}
	r.constants[name] = v
}

// choice is a ? b : c, any number of them.
func (r *runner) choice(c *choice, st *statement) *value {
	v := r.fallback(c.Test, st)
	for _, b := range c.Branches {
		other := r.fallback(b.Else, st)
		line := v.line
		if b.Then == nil {
			v = decided(combine(filled, "", line, v), v, other, line)
			continue
		}
		v = decided(truthOf(v), r.assign(b.Then, st), other, line)
	}
	return v
}

// decided is condition ? then : otherwise, in the shortest way that means the same.
func decided(condition, then, otherwise *value, line int) *value {
	switch {
	case condition.kind == truth && condition.text == "true":
		return then
	case condition.kind == truth:
		return otherwise
	case condition.kind == unary && condition.text == "!":
		return decided(condition.args[0], otherwise, then, line)
	case condition.kind == there && same(condition.args[0], plain(then)):
		return coalesce(line, then, otherwise)
	case condition.kind == call && condition.text == "isList":
		return then
	}
	return combine(chosen, "", line, condition, then, otherwise)
}

// plain is a value without what was taken off around it.
func plain(v *value) *value {
	for v.kind == call && (v.text == "int" || v.text == "num") && len(v.args) == 1 {
		v = v.args[0]
	}
	return v
}

// coalesce is a ?? b: parts that come out as nothing add nothing.
func coalesce(line int, args ...*value) *value {
	var parts []*value
	for _, a := range args {
		if a.kind == first {
			for _, b := range a.args {
				parts = appendPart(parts, b)
			}
			continue
		}
		parts = appendPart(parts, a)
	}
	switch len(parts) {
	case 0:
		return newValue(value{line: line})
	case 1:
		return parts[0]
	}
	return combine(first, "", line, parts...)
}

// appendPart adds a part of ??. Behind what is always there nothing counts.
func appendPart(parts []*value, v *value) []*value {
	if n := len(parts); n > 0 && (parts[n-1].kind == list || parts[n-1].kind == number || parts[n-1].kind == text) {
		return parts
	}
	if blankValue(v) || len(parts) > 0 && same(parts[len(parts)-1], v) {
		return parts
	}
	return append(parts, v)
}

// fallback is a ?? b ?? c.
func (r *runner) fallback(f *fallback, st *statement) *value {
	if len(f.Parts) == 1 {
		return r.chain(f.Parts[0], st)
	}
	parts := make([]*value, len(f.Parts))
	for i, p := range f.Parts {
		parts[i] = r.chain(p, st)
	}
	return coalesce(parts[0].line, parts...)
}

// strength is how close an operator binds; the higher, the closer.
func strength(op string) int {
	switch op {
	case "or":
		return 1
	case "xor":
		return 2
	case "and":
		return 3
	case "||":
		return 4
	case "&&":
		return 5
	case "|":
		return 6
	case "^":
		return 7
	case "&":
		return 8
	case "==", "!=", "===", "!==", "<>", "<=>":
		return 9
	case "<", ">", "<=", ">=":
		return 10
	case ".":
		return 11
	case "<<", ">>":
		return 12
	case "+", "-":
		return 13
	case "*", "/", "%":
		return 14
	default:
		return 15
	}
}

// chain makes a tree of a flat row of operators.
func (r *runner) chain(c *chain, st *statement) *value {
	values := []*value{r.term(c.First, st)}
	var ops []string
	reduce := func() {
		n := len(values)
		op := ops[len(ops)-1]
		values, ops = append(values[:n-2], r.operate(op, values[n-2], values[n-1])), ops[:len(ops)-1]
	}
	for _, l := range c.Rest {
		for len(ops) > 0 && strength(ops[len(ops)-1]) >= strength(l.Op) {
			reduce()
		}
		ops = append(ops, l.Op)
		values = append(values, r.term(l.Term, st))
	}
	for len(ops) > 0 {
		reduce()
	}
	return values[0]
}

// operate is one operator on two values.
func (r *runner) operate(op string, a, b *value) *value {
	line := a.line
	switch op {
	case ".":
		return concatenate(a, b)
	case "&&", "and", "||", "or":
		return logic(op, truthOf(a), truthOf(b), line)
	case "==", "===", "!=", "!==", "<>":
		return equality(op[0] != '!' && op != "<>", a, b, line)
	case "<", ">", "<=", ">=", "-", "*", "/", "%", "**":
		return combine(binary, op, line, a, b)
	case "+":
		if a.kind == list && b.kind == list {
			return added(a, b, line)
		}
		return combine(binary, op, line, a, b)
	default:
		return unturned("a profile has no operator "+op, line)
	}
}

// concatenate is a . b, flat.
func concatenate(a, b *value) *value {
	var parts []*value
	for _, v := range []*value{a, b} {
		if v.kind == joined && len(v.said) == 0 {
			parts = append(parts, v.args...)
		} else if v.kind != text || v.text != "" {
			parts = append(parts, v)
		}
	}
	all := true
	var written strings.Builder
	for _, p := range parts {
		all = all && (p.kind == text || p.kind == number)
		written.WriteString(p.text)
	}
	if all {
		return literal(written.String(), a.line)
	}
	return combine(joined, "", a.line, parts...)
}

// logic is and and or.
func logic(op string, a, b *value, line int) *value {
	and := op == "&&" || op == "and"
	for i, v := range []*value{a, b} {
		if and && v.kind == call && v.text == "isList" { // whatever is there is taken for a list
			return []*value{b, a}[i]
		}
		if v.kind == truth {
			if other := []*value{b, a}[i]; (v.text == "true") == and {
				return other
			}
			return v
		}
	}
	if and {
		return combine(binary, "&&", line, a, b)
	}
	return combine(binary, "||", line, a, b)
}

// equality is == and !=. A field that was posted blank is nothing here, so it is compared with nothing.
func equality(equal bool, a, b *value, line int) *value {
	if a.kind == text || a.kind == number || a.kind == nothing {
		a, b = b, a
	}
	not := func(v *value) *value {
		if equal {
			return v
		}
		return negated(v)
	}
	if a.kind == b.kind && (a.kind == text || a.kind == number) {
		return not(newValue(value{kind: truth, text: boolText(a.text == b.text), line: line}))
	}
	switch {
	case blankValue(b):
		return not(negated(combine(there, "", line, a)))
	case b.kind == truth:
		if (b.text == "true") == equal {
			return truthOf(a)
		}
		return negated(truthOf(a))
	}
	op := "!="
	if equal {
		op = "=="
	}
	return combine(binary, op, line, a, b)
}

func boolText(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

// negated is what PHP's ! gives.
func negated(v *value) *value {
	switch {
	case v.kind == truth:
		return newValue(value{kind: truth, text: boolText(v.text != "true"), line: v.line})
	case v.kind == unary && v.text == "!":
		return v.args[0]
	}
	return combine(unary, "!", v.line, truthOf(v))
}

// truthOf is a value as a condition.
func truthOf(v *value) *value {
	switch v.kind {
	case truth, there, filled, opaque:
		return v
	case nothing:
		return newValue(value{kind: truth, text: "false", line: v.line})
	case text, number:
		return newValue(value{kind: truth, text: boolText(v.text != "" && v.text != "0"), line: v.line})
	case list:
		return newValue(value{kind: truth, text: boolText(len(v.entries) > 0), line: v.line})
	case unary:
		if v.text == "!" {
			return v
		}
	case binary:
		if slices.Contains([]string{"&&", "||", "==", "!=", "<", ">", "<=", ">=", "in"}, v.text) {
			return v
		}
	case posted:
		if len(v.args) == 0 { // if ($_POST): there always is a post
			return newValue(value{kind: truth, text: "true", line: v.line})
		}
	case call:
		if v.text == "isList" || v.text == "hasPrefix" || v.text == "contains" {
			return v
		}
	}
	return combine(filled, "", v.line, v)
}

// term is one value with the signs before and behind it.
func (r *runner) term(t *term, st *statement) *value {
	var v *value
	switch {
	case t.Array != nil:
		v = r.array(t.Array, st)
		r.seen(v)
	default:
		v = r.trail(t, st)
	}
	if v.kind == list {
		v = placed(v, t.Pos.Offset)
	}
	for i := len(t.Prefix) - 1; i >= 0; i-- {
		v = r.prefixed(t.Prefix[i], v, t.Pos.Line)
	}
	return v
}

// prefixed is what a sign or a cast before a value makes of it.
func (r *runner) prefixed(sign string, v *value, line int) *value {
	switch sign {
	case "!":
		return negated(truthOf(v))
	case "-":
		if v.kind == number {
			return newValue(value{kind: number, text: "-" + strings.TrimPrefix(v.text, "-"), line: line})
		}
		return combine(unary, "-", line, v)
	case "int", "integer":
		return whole(v, line)
	case "float", "double":
		return decimal(v, line)
	case "bool", "boolean":
		return truthOf(v)
	case "~", "&", "...":
		if sign == "~" {
			return unturned("a profile has no operator ~", line)
		}
	}
	return v // @, casts to what it is anyway, words such as return and new
}

// whole is (int).
func whole(v *value, line int) *value {
	if v.kind == number && !strings.ContainsAny(v.text, ".eE") {
		return v
	}
	if v.kind == text && allDigits(v.text) {
		return newValue(value{kind: number, text: v.text, line: line})
	}
	if v.kind == call && v.text == "int" {
		return v
	}
	return noted(combine(call, "int", line, v), line, "a whole number is made of it by int(…); where PHP makes 0 of a field that is empty, nothing is sent")
}

// decimal is (float): the relay reads numbers better than PHP does, so it is left out where KeyCRM wants a number.
func decimal(v *value, line int) *value {
	switch v.kind {
	case number:
		return v
	case call:
		if v.text == "num" {
			return v
		}
	}
	return combine(call, "num", line, v)
}

func allDigits(s string) bool {
	return s != "" && len(s) < 18 && strings.Trim(s, "0123456789") == ""
}

// trail is a value with what hangs on it.
func (r *runner) trail(t *term, st *statement) *value {
	line := t.Pos.Line
	rest := t.Trail
	var v *value
	switch b := t.Base; {
	case b.Var == "$this" && len(rest) > 0 && rest[0].Member != "" && (len(rest) < 2 || !rest[1].Call):
		v = r.variable("$this->"+rest[0].Member, line)
		rest = rest[1:]
	case b.Var != "":
		v = r.variable(b.Var, line)
	case b.Name != "":
		return r.named(t, st)
	default:
		v = r.base(t, st)
	}
	for i := 0; i < len(rest); i++ {
		step := rest[i]
		switch {
		case step.Bracket:
			v = r.indexed(v, step, t, st)
		case step.Step != "":
			r.step(t, step.Step, i, v, st)
		case step.Call && v.fn != nil:
			args := r.arguments(step.Args, st)
			v = r.inline(v.fn, args, step.Args, line)
		case step.Member != "" && i+1 < len(rest) && rest[i+1].Call && r.ownMethod(step.Member) != nil:
			v = r.inline(r.ownMethod(step.Member), r.arguments(rest[i+1].Args, st), rest[i+1].Args, line)
			i++
		case step.Member != "" && i+1 < len(rest) && rest[i+1].Call, step.Call:
			return r.method(rest[i:], t, st)
		case step.Member != "":
			v = member(v, literal(step.Member, line), line)
		}
	}
	return v
}

// step is $x++ and its like.
func (r *runner) step(t *term, sign string, at int, old *value, st *statement) {
	shorter := *t
	shorter.Trail = t.Trail[:len(t.Trail)-1]
	if t.Base.Var == "" || at != len(t.Trail)-1 && t.Base.Var != "$this" {
		return
	}
	one := newValue(value{kind: number, text: "1", line: t.Pos.Line})
	r.give(property(&shorter), "=", entryValue{value: r.counted(sign[:1], old, one, t.Pos.Line), line: t.Pos.Line, source: r.source(st.offset, st.end)}, st)
}

// counted is a number that is one more or less; of numbers that are written out the sum itself.
func (r *runner) counted(op string, a, b *value, line int) *value {
	if n, ok := integer(a); ok && a.kind == number && op == "+" {
		return newValue(value{kind: number, text: itoa(n + 1), line: line})
	}
	if a.kind == opaque {
		return a
	}
	return combine(binary, op, line, a, b)
}

// arguments are what a call hands over.
func (r *runner) arguments(args []*arg, st *statement) []*value {
	out := make([]*value, len(args))
	for i, a := range args {
		out[i] = r.assign(a.Value, st)
		if a.Named != nil {
			out[i] = r.assign(a.Named, st)
		}
		r.seen(out[i])
	}
	return out
}

// ownMethod is the script's own method of a name, nil when there is none or more than one.
func (r *runner) ownMethod(name string) *statement {
	if name = strings.ToLower(name); r.declared[name] == 1 {
		return r.functions[name]
	}
	return nil
}

// method is a call of an object's: its arguments are followed for arrays, and its result is nobody's but the object's.
func (r *runner) method(rest []*trail, t *term, st *statement) *value {
	for _, step := range rest {
		for _, a := range step.Args {
			r.seen(r.assign(a.Value, st))
		}
	}
	return unturned("what "+shorten(r.source(t.Pos.Offset, r.code.ends(t.EndPos)))+" gives is not in the form", t.Pos.Line)
}

// base is what stands at the beginning of a term and is neither variable nor name.
func (r *runner) base(t *term, st *statement) *value {
	line := t.Pos.Line
	switch b := t.Base; {
	case b.Text != "":
		return r.text(b.Text, t.Pos, st)
	case b.Number != "":
		return newValue(value{kind: number, text: strings.TrimSuffix(strings.ReplaceAll(b.Number, "_", ""), "."), line: line})
	case b.Group != nil:
		return r.assign(b.Group, st)
	case b.Match != nil:
		return r.match(b.Match, line, st)
	case b.Broken != "":
		return unturned("this is no PHP that could be read", line)
	case b.Short != nil:
		return r.arrow(t, line)
	default:
		return unturned("a function in a value is not followed", line)
	}
}

// arrow is fn (…) => …, as a function that returns something.
func (r *runner) arrow(t *term, line int) *value {
	from, to := r.code.at(t.Pos.Offset), r.code.at(t.EndPos.Offset)
	tokens := r.code.tokens[from:max(from, to)]
	arrow := slices.IndexFunc(tokens, func(t lexer.Token) bool { return t.Value == "=>" })
	v := unturned("a function in a value is not followed", line)
	if closing := slices.IndexFunc(tokens, func(t lexer.Token) bool { return t.Value == ")" }); closing > 1 && arrow > closing {
		body := append([]lexer.Token{{Type: typeName, Value: "return", Pos: t.Pos}}, tokens[arrow+1:]...)
		v.fn = &statement{kind: function, name: "fn", tokens: tokens[2:closing], line: line, offset: t.Pos.Offset, open: true, body: []*statement{
			{kind: simple, word: "return", tokens: body, line: line, offset: t.Pos.Offset, end: t.EndPos.Offset},
		}}
	}
	return v
}

// at is the number of the first token from a place on.
func (c *code) at(offset int) int {
	return sort.Search(len(c.tokens), func(i int) bool { return c.tokens[i].Pos.Offset >= offset })
}

// match is match (…) {…}: a row of choices.
func (r *runner) match(m *matchArm, line int, st *statement) *value {
	subject := r.assign(m.Subject, st)
	v := newValue(value{line: line})
	for i := len(m.Arms) - 1; i >= 0; i-- {
		gives := r.assign(m.Arms[i].Gives, st)
		var condition *value
		for _, test := range m.Arms[i].Tests {
			if t := single(test.Left); t != nil && t.Base != nil && t.Base.Name == "default" {
				v, condition = gives, nil
				break
			}
			one := equality(true, subject, r.assign(test, st), line)
			if subject.kind == truth {
				one = truthOf(r.assign(test, st))
			}
			if condition == nil {
				condition = one
			} else {
				condition = logic("||", condition, one, line)
			}
		}
		if condition != nil {
			v = decided(condition, gives, v, line)
		}
	}
	return v
}

// maxPieces bounds the variables in one string.
const maxPieces = 200

// text is a string with the variables in it.
func (r *runner) text(raw string, pos lexer.Position, st *statement) *value {
	line := pos.Line
	parts := pieces(raw)
	if len(parts) > maxPieces {
		return unturned("the text holds too many variables", line)
	}
	values := []*value{literal("", line)}
	for _, p := range parts {
		if !p.code {
			values = append(values, literal(p.text, line))
			continue
		}
		v := unturned("`"+shorten(p.text)+"` in a text could not be read", line)
		if !strings.HasPrefix(p.text, "`") && r.inlined < maxInline {
			r.inlined++
			if tree := r.grammar.parse(tokensOf(p.text, pos, r.patterns)); tree != nil && len(tree.List) == 1 {
				v = r.assign(tree.List[0], st)
			}
			r.inlined--
		}
		values = append(values, v)
	}
	out := values[0]
	for _, v := range values[1:] {
		out = concatenate(out, v)
	}
	return out
}

// variable is what a variable holds.
func (r *runner) variable(name string, line int) *value {
	if v, ok := r.vars[name]; ok && v != nil {
		return v
	}
	switch name {
	case "$_POST", "$_GET", "$_REQUEST":
		return newValue(value{kind: posted, line: line})
	case "$_FILES":
		return unturned("files are no fields: the relay attaches what is posted by itself, as guard.files allows", line)
	case "$_COOKIE":
		return unturned("it is a cookie, which the relay does not read; put it into a hidden field of the form", line)
	case "$_SESSION":
		return unturned("it is kept in a session, which the relay does not have; put it into a hidden field of the form", line)
	case "$_SERVER", "$_ENV", "$GLOBALS":
		return newValue(value{kind: local, text: name, line: line})
	}
	if r.extracted {
		return newValue(value{kind: posted, line: line, args: []*value{literal(strings.TrimPrefix(name, "$"), line)}})
	}
	return unturned("nothing in the script gives "+name+" a value", line)
}

// indexed is value[key].
func (r *runner) indexed(v *value, step *trail, t *term, st *statement) *value {
	line := t.Pos.Line
	keys := make([]*value, len(step.Keys))
	for i, k := range step.Keys {
		keys[i] = r.assign(k, st)
	}
	switch {
	case len(keys) == 0:
		return unturned("[] has no meaning where a value is read", line)
	case len(keys) > 1 && v.kind == posted:
		return r.several(v, keys, line)
	case v.kind == local:
		return server(keys[0].text, line)
	case v.kind == posted && len(v.args) == 0 && keys[0].kind == text:
		return r.field(v, keys[0], line)
	case v.kind == posted || v.kind == item:
		if keys[0].kind != text && keys[0].kind != number && keys[0].kind != index {
			return unturned("the name of the field is made by the script", line)
		}
	}
	return member(v, keys[0], line)
}

// several is $_POST['a', 'b', 'c'], which is no PHP: the fields as one list were meant.
func (r *runner) several(v *value, keys []*value, line int) *value {
	out := value{kind: list, line: line}
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = "'" + k.text + "'"
		out.entries = append(out.entries, entryValue{value: r.field(v, k, line), line: line})
	}
	return noted(newValue(out), line, "several names in one pair of brackets are no PHP ("+shorten(strings.Join(names, ", "))+"): read as one list of these fields")
}

// field is $_POST['name']. A quote or a blank that slipped into the name is read both ways.
func (r *runner) field(v, key *value, line int) *value {
	raw := member(v, key, line)
	trimmed := strings.Trim(key.text, "\"'` \t")
	if trimmed == "" || trimmed == key.text {
		if strings.ContainsAny(key.text, " .") && raw.kind == posted {
			raw = noted(raw, line, "PHP never finds a field named '"+shorten(key.text)+"': it has _ in place of blanks and dots; the profile finds it")
		}
		return raw
	}
	clean := member(v, literal(trimmed, line), line)
	return noted(combine(first, "", line, clean, raw), line,
		"a stray quote or blank stands in the field's name "+shorten(key.text)+"; read as "+trimmed+", and by the name as it stands where the form has that")
}

// server is what PHP knows of the visitor.
func server(name string, line int) *value {
	switch name {
	case "HTTP_REFERER":
		return newValue(value{kind: local, text: "visitor.referrer", line: line})
	case "REMOTE_ADDR", "HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_CLIENT_IP", "HTTP_CF_CONNECTING_IP":
		return newValue(value{kind: local, text: "visitor.ip", line: line})
	case "HTTP_USER_AGENT":
		return newValue(value{kind: local, text: "visitor.user_agent", line: line})
	case "REQUEST_METHOD":
		return literal("POST", line)
	}
	return unturned("a profile does not know $_SERVER['"+shorten(name)+"']", line)
}

// array is a list that is written out, with the comments at their places.
func (r *runner) array(a *array, st *statement) *value {
	v := value{kind: list, line: a.Pos.Line, offset: a.Pos.Offset}
	for i, e := range a.Entries {
		out := entryValue{line: e.Pos.Line}
		valued := e.First
		if e.Second != nil {
			key := r.assign(e.First, st)
			valued = e.Second
			if key.kind != text && key.kind != number {
				out.key, out.keyed = "", true
				out.value = unturned("its key is made by the script", e.Pos.Line)
				out.source = r.source(e.Pos.Offset, r.code.ends(e.EndPos))
				v.entries = append(v.entries, out)
				continue
			}
			out.key, out.keyed = key.text, true
		}
		out.value = r.assign(valued, st)
		out.source = r.source(valued.Pos.Offset, r.code.ends(valued.EndPos))
		if out.keyed {
			r.concealed(&out)
		}
		if i+1 < len(a.Entries) && len(e.Commas) == 0 {
			r.notes.add(r.code.line(max(0, r.code.ends(e.EndPos)-1)), "a comma is missing behind this entry; read as if it were there")
		}
		v.entries = append(v.entries, out)
	}
	r.place(a, &v)
	v.entries = r.twice(v.entries)
	return newValue(v)
}

// concealed keeps the value of a key that names a token out of everything.
func (r *runner) concealed(e *entryValue) {
	if !r.patterns.secret.MatchString(e.key) {
		return
	}
	e.source = ""
	if e.value.kind == text {
		r.hide(e.value.text, e.line)
		v := *unturned("it is the API token", e.line)
		v.unsafe = true
		e.value = &v
	}
}

// ends is where the token before a place ends: the parser knows where the next one begins, and comments may stand between.
func (c *code) ends(behind lexer.Position) int {
	i := sort.Search(len(c.tokens), func(i int) bool { return c.tokens[i].Pos.Offset >= behind.Offset })
	if i == 0 {
		return behind.Offset
	}
	return c.tokens[i-1].Pos.Offset + len(c.tokens[i-1].Value)
}

// twice joins entries of the same key: PHP keeps the place of the first and the value of the last.
func (r *runner) twice(entries []entryValue) []entryValue {
	var out []entryValue
	at := map[string]int{}
	for _, e := range entries {
		i, again := at[e.key]
		if !e.keyed || !again {
			if e.keyed {
				at[e.key] = len(out)
			}
			out = append(out, e)
			continue
		}
		old := out[i]
		if e.value.kind == list || old.value.kind == list {
			e.dead = append(append([]string{}, old.dead...), "line "+itoa(old.line)+" gives "+e.key+" too, which PHP does not use: "+shorten(old.source))
			e.head = append(append([]string{}, old.head...), e.head...)
			e.value = noted(e.value, e.line, e.key+" is given twice (lines "+itoa(old.line)+" and "+itoa(e.line)+"); PHP keeps the last, and so does the profile")
			out[i] = e
			continue
		}
		e.value = noted(coalesce(e.line, e.value, old.value), e.line,
			e.key+" is given twice (lines "+itoa(old.line)+" and "+itoa(e.line)+"); PHP keeps the last: it wins where it is filled in, the earlier one stands behind ??")
		e.head = append(append([]string{}, old.head...), e.head...)
		if len(old.tail) > 0 {
			e.head = append(e.head, old.tail...)
		}
		out[i] = e
	}
	return out
}

// place puts the comments inside an array's brackets, but not inside those of an inner one, to its entries.
func (r *runner) place(a *array, v *value) {
	if len(v.entries) != len(a.Entries) {
		return
	}
	at := 0
	for _, c := range r.code.within(a.Pos.Offset, r.code.ends(a.EndPos)) {
		for at < len(a.Entries) && r.code.ends(a.Entries[at].EndPos) <= c.offset {
			at++
		}
		inside := at < len(a.Entries) && a.Entries[at].Pos.Offset < c.offset
		if inside && r.inInner(a.Entries[at], c) {
			continue
		}
		switch {
		case inside:
			v.entries[at].tail = append(v.entries[at].tail, c.text)
		case !c.own && at > 0:
			v.entries[at-1].tail = append(v.entries[at-1].tail, c.text)
		case !c.own:
			v.beside = append(v.beside, c.text)
		case at < len(a.Entries):
			v.entries[at].head = append(v.entries[at].head, c.text)
		case at > 0:
			v.entries[at-1].foot = append(v.entries[at-1].foot, c.text)
		default:
			v.comment = append(v.comment, c.text)
		}
	}
}

// within are the comments between two places.
func (c *code) within(from, to int) []comment {
	a, _ := slices.BinarySearchFunc(c.comments, from, func(c comment, at int) int { return c.offset - at })
	b, _ := slices.BinarySearchFunc(c.comments, to, func(c comment, at int) int { return c.offset - at })
	return c.comments[a:max(a, b)]
}

// inInner tells whether a comment stands inside the brackets of an array that is an entry's whole value: it is placed there.
func (r *runner) inInner(e *entry, c comment) bool {
	valued := e.First
	if e.Second != nil {
		valued = e.Second
	}
	if valued.Right != nil {
		return false
	}
	t := single(valued.Left)
	return t != nil && t.Array != nil && c.offset > t.Array.Pos.Offset && c.offset < r.code.ends(t.Array.EndPos)
}

// added is a + b of arrays: what a has stays. Items without keys have their positions for keys, so that those of one list alone are known.
func added(a, b *value, line int) *value {
	plain := func(e entryValue) bool { return !e.keyed }
	switch {
	case len(a.entries) == 0:
		return b
	case slices.ContainsFunc(a.entries, plain) && slices.ContainsFunc(b.entries, plain):
		return unturned("two lists are added by +, which keeps of each position the first; write the items that are meant", line)
	}
	out := *a
	out.entries = slices.Clone(a.entries)
	for _, e := range b.entries {
		if !e.keyed || !slices.ContainsFunc(a.entries, func(o entryValue) bool { return o.keyed && o.key == e.key }) {
			out.entries = append(out.entries, e)
		}
	}
	return newValue(out)
}

// union is array_merge(a, b): what b has replaces what a has.
func union(a, b *value) *value {
	out := a
	for _, e := range b.entries {
		if out.kind != list {
			return out
		}
		out = with(out, e)
	}
	return out
}
