package phpscript

import (
	"maps"
	"slices"
	"strings"

	"github.com/alecthomas/participle/v2/lexer"
)

// leftover is a part of the script that would have changed the array and is not turned. It stands as a comment behind the map.
type leftover struct {
	line        int
	why, source string
}

// maxLeft bounds the leftovers that are written out; each is told in any case.
const maxLeft = 200

// passed notes why a statement that was followed has not done in the profile what it does in PHP.
func (r *runner) passed(st *statement, why string) {
	if r.why[st.offset] == "" {
		r.why[st.offset] = why
	}
}

// leave keeps a part of the script as a comment, and tells it.
func (r *runner) leave(line int, why, source string) {
	source = shorten(source)
	one := leftover{line: line, why: why, source: source}
	if slices.Contains(r.leftovers, one) {
		return
	}
	r.leftovers = append(r.leftovers, one)
	r.notes.add(line, "not turned: "+source+" ("+why+"); it stands behind the map as a comment")
}

// unreached leaves, as comments, the statements that give something to the entity and were not followed, or not wholly.
func (r *runner) unreached(found *entity) {
	feeding := r.feeding(found)
	var walk func(all []*statement, why string)
	walk = func(all []*statement, why string) {
		for _, st := range all {
			inner := why
			if st.kind == unclear {
				inner = "it stands inside `" + shorten(st.word) + "`, which is not followed"
			}
			if st.kind == simple {
				r.unreachedOne(st, why, feeding)
			}
			walk(st.inner, why)
			walk(st.body, inner)
			walk(st.other, inner)
		}
	}
	walk(r.all, "the script was not followed to this place")
}

func (r *runner) unreachedOne(st *statement, why string, feeding map[string]bool) {
	target := targetOf(st.tokens)
	special := r.why[st.offset]
	switch {
	case target != "" && feeding[target] && (special != "" || !r.ran[st.offset]):
		r.leave(st.line, orNothing(special, why), r.source(st.offset, st.end))
	case special == notRead && (target != "" || slices.ContainsFunc(st.tokens, func(t lexer.Token) bool { return strings.HasPrefix(t.Value, "$_") })):
		r.notes.add(st.line, "this statement could not be read and is left out: "+shorten(r.source(st.offset, st.end)))
	}
}

// notRead is why a statement that is no PHP is left out.
const notRead = "it could not be read"

// feeding are the variables that the entity is made of: those in the statement that it begins in, and in what gives them a value.
func (r *runner) feeding(found *entity) map[string]bool {
	type giving struct {
		target string
		vars   []string
		shared bool // by reference, so that either gives to the other
	}
	var all []giving
	set := map[string]bool{}
	var walk func(statements []*statement)
	walk = func(statements []*statement) {
		for _, st := range statements {
			g := giving{target: targetOf(st.tokens), vars: variablesOf(st.tokens)}
			for i, t := range st.tokens {
				g.shared = g.shared || t.Value == "&" && i > 0 && (st.tokens[i-1].Value == "=" || st.word == "foreach")
			}
			if st.kind == loop && st.word == "foreach" && len(g.vars) > 0 {
				g.target = g.vars[len(g.vars)-1]
			}
			if st.kind == simple && st.offset <= found.value.offset && found.value.offset < max(st.end, st.offset+1) {
				for _, name := range append(g.vars, g.target) {
					set[name] = true
				}
			}
			if st.kind == simple || st.kind == loop {
				all = append(all, g)
			}
			walk(st.inner)
			walk(st.body)
			walk(st.other)
		}
	}
	walk(r.all)
	for range maxRounds {
		before := len(set)
		for _, g := range all {
			if set[g.target] || g.shared && slices.ContainsFunc(g.vars, func(name string) bool { return set[name] }) {
				set[g.target] = true
				for _, name := range g.vars {
					set[name] = true
				}
			}
		}
		if len(set) == before {
			break
		}
	}
	delete(set, "")
	return set
}

// targetOf is the variable that a statement gives something, "" when it gives nothing to one that is written out: the first of an
// assignment, or what a function that changes its argument is given.
func targetOf(tokens []lexer.Token) string {
	if len(tokens) > 0 && slices.Contains([]string{"static", "return"}, tokens[0].Value) {
		tokens = tokens[1:]
	}
	names := variablesOf(tokens)
	if len(names) == 0 {
		return ""
	}
	if tokens[0].Type == typeName && len(tokens) > 2 && tokens[1].Value == "(" && len(changed(strings.ToLower(tokens[0].Value))) > 0 {
		return names[0]
	}
	depth := 0
	for _, t := range tokens {
		switch t.Value {
		case "(", "[", "{":
			depth++
		case ")", "]", "}":
			depth--
		case "=", ".=", "??=", "+=", "-=", "*=", "/=", "++", "--":
			if t.Type == typeSign && depth == 0 {
				return names[0]
			}
		}
	}
	return ""
}

// variablesOf are the variables in tokens, PHP's own left out; a property goes by its name.
func variablesOf(tokens []lexer.Token) []string {
	var names []string
	for i, t := range tokens {
		switch {
		case t.Type != typeVar || strings.HasPrefix(t.Value, "$_"):
		case t.Value == "$this" && i+2 < len(tokens):
			names = append(names, "$this->"+tokens[i+2].Value)
		default:
			names = append(names, t.Value)
		}
	}
	return names
}

// changed are the positions of the arguments that a function of PHP's changes.
func changed(name string) []int {
	switch name {
	case "sort", "rsort", "usort", "uasort", "uksort", "ksort", "krsort", "asort", "arsort", "natsort", "shuffle", "array_walk", "array_walk_recursive",
		"array_splice", "array_unshift", "array_push", "array_pop", "array_shift", "array_multisort", "settype", "unset":
		return []int{0}
	case "parse_str":
		return []int{1}
	case "preg_match", "preg_match_all":
		return []int{2}
	}
	return nil
}

// changing follows a call of a function that changes its arguments: what is added to the end of a list and what is taken away are
// turned, the rest is left as a comment. It tells whether it was one.
func (r *runner) changing(name string, args []*arg, values []*value, t *term, st *statement) bool {
	line := t.Pos.Line
	switch name {
	case "array_push":
		if target := argumentTerm(args, 0); target != nil {
			grown := *target
			grown.Trail = append(slices.Clone(target.Trail), &trail{Bracket: true})
			for _, v := range values[1:] {
				r.give(&grown, "=", entryValue{value: v, line: line, source: r.source(t.Pos.Offset, r.code.ends(t.EndPos))}, st)
			}
			return true
		}
	case "unset":
		for i := range args {
			if target := argumentTerm(args, i); target == nil || !r.takeAway(target, st) {
				r.passed(st, "what unset(…) takes away is not followed here")
			}
		}
		return true
	}
	for _, at := range changed(name) {
		target := argumentTerm(args, at)
		if target == nil {
			continue
		}
		r.passed(st, name+"(…) changes what it is given, which is not followed")
		if old := r.vars[target.Base.Var]; (old == nil || old.kind != list) && len(target.Trail) == 0 {
			r.vars[target.Base.Var] = unturned(name+"(…) gives it its value, which is not followed", line)
		}
	}
	return false
}

// argumentTerm is an argument that is a variable or a part of one; nil for any other.
func argumentTerm(args []*arg, at int) *term {
	if at >= len(args) || args[at].Value == nil || args[at].Value.Right != nil {
		return nil
	}
	t := single(args[at].Value.Left)
	if t == nil || t.Base == nil || t.Base.Var == "" {
		return nil
	}
	return property(t)
}

// takeAway takes what unset(…) names out of a variable. It is false where that stands inside of what is no array.
func (r *runner) takeAway(target *term, st *statement) bool {
	name := target.Base.Var
	if len(target.Trail) == 0 {
		delete(r.vars, name)
		return true
	}
	var without func(v *value, steps []*trail) (*value, bool)
	without = func(v *value, steps []*trail) (*value, bool) {
		if v == nil || v.kind != list {
			return v, v == nil || v.kind == nothing
		}
		key, keyed, ok := r.key(steps[0], st)
		if !ok || !keyed {
			return v, false
		}
		c := *v
		c.cut++
		at := slices.IndexFunc(v.entries, func(e entryValue) bool { return e.keyed && e.key == key })
		switch {
		case at < 0:
			return v, ordinal(v, key) == nil
		case len(steps) == 1:
			c.entries = slices.Delete(slices.Clone(v.entries), at, at+1)
			return newValue(c), true
		}
		inner, ok := without(v.entries[at].value, steps[1:])
		c.entries = slices.Clone(v.entries)
		c.entries[at].value = inner
		return newValue(c), ok
	}
	v, ok := without(r.vars[name], target.Trail)
	if ok && v != nil {
		r.vars[name] = v
	}
	return ok
}

// unread tells of the form's fields that the script reads and that get nowhere in the profile, unless something else is said about the
// place where it does.
func (r *runner) unread(found *entity) {
	used, noted := map[string]bool{}, map[int]bool{}
	fieldsOf(found.value, used)
	for _, n := range r.notes.notes {
		noted[n.Line] = true
	}
	lines := map[string][]int{}
	tokens := r.code.tokens
	for i := 0; i+3 < len(tokens); i++ {
		if tokens[i+2].Type == typeText && tokens[i+1].Value == "[" && tokens[i+3].Value == "]" && slices.Contains([]string{"$_POST", "$_GET", "$_REQUEST"}, tokens[i].Value) {
			name := strings.Trim(tokens[i+2].Value, `'"`)
			used[name] = used[name] || i+4 < len(tokens) && tokens[i+4].Value == "=" // the script gives it a value of its own
			if strings.Contains(name, "$") {
				continue // it is made by the script and told where it is used
			}
			lines[name] = append(lines[name], tokens[i].Pos.Line)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(lines)) {
		if !used[name] && !slices.ContainsFunc(lines[name], func(line int) bool { return noted[line] }) {
			r.notes.add(lines[name][0], "the form's field "+shorten(name)+" is read here and is nowhere in the profile; if KeyCRM is to get it, give it to one of its fields or let rest: manager_comment take it")
		}
	}
}

// fieldsOf notes the form's fields that a value is made of.
func fieldsOf(v *value, into map[string]bool) {
	if v == nil {
		return
	}
	if v.kind == posted && len(v.args) > 0 {
		into[v.args[0].text] = true
	}
	for _, a := range v.args {
		fieldsOf(a, into)
	}
	for _, e := range v.entries {
		fieldsOf(e.value, into)
		fieldsOf(e.when, into)
		fieldsOf(e.each, into)
	}
}
