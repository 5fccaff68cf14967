package phpscript

import (
	"maps"
	"slices"
	"strings"

	"github.com/alecthomas/participle/v2/lexer"
)

// runner follows the script's statements and keeps how each variable comes about.
type runner struct {
	code     *code
	grammar  *grammar
	patterns *patterns
	notes    *notebook

	vars      map[string]*value
	constants map[string]*value
	functions map[string]*statement
	called    map[string]bool
	classes   map[string]*statement
	declared  map[string]int // how often a name is declared: methods of several classes may share one
	extracted bool           // extract($_POST): every unknown variable is a field
	loops     int            // around the statement
	guards    []*value
	inlined   int
	steps     int
	deferred  []*statement // bodies that were not reached by following the script

	arrays    []*value // that may be the entity, as they stood when they were seen
	all       []*statement
	ran       map[int]bool   // by offset: the statements that were followed
	why       map[int]string // by offset: what those that were followed did not do
	leftovers []leftover

	secrets   []string
	redirects []string
	timezone  string
}

func newRunner(c *code, g *grammar, p *patterns, notes *notebook) *runner {
	r := &runner{
		code: c, grammar: g, patterns: p, notes: notes,
		vars: map[string]*value{}, constants: map[string]*value{}, functions: map[string]*statement{}, called: map[string]bool{}, declared: map[string]int{}, classes: map[string]*statement{},
		ran: map[int]bool{}, why: map[int]string{},
	}
	for _, t := range c.tokens {
		if t.Type != typeText {
			continue
		}
		for _, m := range p.bearer.FindAllStringSubmatch(t.Value, -1) {
			r.hide(m[1], t.Pos.Line)
		}
	}
	for _, comment := range c.comments {
		for _, m := range p.bearer.FindAllStringSubmatch(comment.text, -1) {
			r.hide(m[1], comment.line)
		}
	}
	r.track()
	slices.SortStableFunc(r.secrets, func(a, b string) int { return len(b) - len(a) })
	return r
}

// minSecret is the least a token has: shorter texts are words that may stand anywhere.
const minSecret = 6

// hide keeps a token out of everything that is written, and tells its owner what to do with it.
func (r *runner) hide(token string, line int) {
	if len(token) >= minSecret {
		r.secrets = append(r.secrets, token)
	}
	r.notes.add(line, "the API token of the script is left out; put it into the environment (KEYCRM_TOKEN), never into a profile, and have KeyCRM make a new one: this one lay in a script")
}

// clean takes the script's tokens out of a text, and what looks like one.
func (r *runner) clean(s string) string {
	for _, secret := range r.secrets {
		s = strings.ReplaceAll(s, secret, "…")
	}
	return s
}

// withoutTokens takes out what looks like a token: a long run of letters and digits mixed, which no word is.
func (p *patterns) withoutTokens(s string) string {
	return p.random.ReplaceAllStringFunc(s, func(run string) string {
		if strings.ContainsAny(run, "0123456789") {
			return "…"
		}
		return run
	})
}

// maxLines bounds the lines that one note names.
const maxLines = 20

// told are the notes, without tokens. The same words about several lines are one.
func (r *runner) told() []Note {
	var out []Note
	at, more := map[string]int{}, map[int][]string{}
	for _, n := range r.notes.sorted() {
		n.Text = r.patterns.withoutTokens(r.clean(n.Text))
		i, again := at[n.Text]
		if !again {
			at[n.Text] = len(out)
			out = append(out, n)
			continue
		}
		more[i] = append(more[i], itoa(n.Line))
	}
	for i, lines := range more {
		word := " (also on line "
		if len(lines) > 1 {
			word = " (also on lines "
		}
		out[i].Text += word + strings.Join(lines[:min(len(lines), maxLines)], ", ") + ")"
	}
	return out
}

// script follows all statements. Functions that nobody called are followed afterwards, with parameters that nobody knows: the array may
// stand in one that another file calls.
func (r *runner) script(all []*statement) {
	r.all = all
	r.declare(all)
	r.run(all)
	r.note()
	for _, name := range slices.Sorted(maps.Keys(r.functions)) {
		if !r.called[name] {
			r.deferred = append(r.deferred, r.functions[name])
		}
	}
	for _, f := range r.deferred {
		r.vars = properties(r.vars)
		r.run(f.body)
		r.note()
	}
}

// properties are the variables that belong to an object.
func properties(vars map[string]*value) map[string]*value {
	out := map[string]*value{}
	for name, v := range vars {
		if strings.HasPrefix(name, "$this->") {
			out[name] = v
		}
	}
	return out
}

// declare notes the functions, which may be called before the place where they stand.
func (r *runner) declare(all []*statement) {
	for _, st := range all {
		if st.kind == function {
			r.functions[strings.ToLower(st.name)] = st
			r.declared[strings.ToLower(st.name)]++
		}
		if st.kind == class && st.name != "" {
			r.classes[st.name] = st
		}
		r.declare(st.inner)
		r.declare(st.body)
		r.declare(st.other)
	}
}

// note keeps the arrays that the variables hold.
func (r *runner) note() {
	for _, name := range slices.Sorted(maps.Keys(r.vars)) {
		r.seen(r.vars[name])
	}
}

// seen keeps an array that may be the entity.
func (r *runner) seen(v *value) {
	if v != nil && v.kind == list && len(r.arrays) < maxSteps {
		r.arrays = append(r.arrays, v)
	}
}

// run follows statements. It tells whether the script ends in them, or the turn of its loop does.
func (r *runner) run(all []*statement) (ended bool) {
	for _, st := range all {
		if r.steps++; r.steps > maxSteps {
			r.notes.add(st.line, "the script is too long: it was not followed from here on")
			return true
		}
		switch st.kind {
		case simple:
			ended = r.simple(st)
		case branch:
			ended = r.branch(st)
		case loop:
			r.loop(st)
		case block:
			ended = r.run(st.body)
		case unclear:
			ended = r.maybe(st)
		case class:
			r.class(st)
		case function, label:
		}
		if ended {
			return true
		}
	}
	return false
}

// class gives the properties of an object what the class says that they begin with.
func (r *runner) class(st *statement) {
	outer := r.vars
	r.vars = properties(outer)
	r.run(st.body)
	for name, v := range r.vars {
		if !strings.HasPrefix(name, "$this->") {
			name = "$this->" + strings.TrimPrefix(name, "$")
		}
		outer[name] = v
	}
	r.vars = outer
}

// simple follows a statement without others in it.
func (r *runner) simple(st *statement) (ended bool) {
	switch strings.ToLower(st.word) {
	case "exit", "die", "break", "continue":
		return true
	case "return":
		ended = true
	}
	r.ran[st.offset] = true
	tree := r.grammar.parse(st.tokens)
	if tree == nil {
		r.lose(st.tokens, st.line)
		r.passed(st, notRead)
		return ended
	}
	for _, a := range tree.List {
		v := r.assign(a, st)
		r.seen(v)
	}
	return ended
}

// lose makes the variables that tokens assign to unknown.
func (r *runner) lose(tokens []lexer.Token, line int) {
	for i, t := range tokens {
		if t.Type != typeVar || strings.HasPrefix(t.Value, "$_") || i > 0 && tokens[i-1].Type != typeSign {
			continue
		}
		for j := i + 1; j < len(tokens) && j < i+12; j++ {
			if v := tokens[j].Value; v == "=" || v == ".=" || v == "+=" {
				if old := r.vars[t.Value]; old == nil || old.kind != list {
					r.vars[t.Value] = unturned("it is given its value in a way that could not be followed", line)
				}
				break
			} else if v == ";" || v == "," {
				break
			}
		}
	}
}

// source is a part of the script on one line.
func (r *runner) source(from, to int) string {
	if from < 0 || from >= to || to > len(r.code.source) {
		return ""
	}
	return oneLine(r.code.source[from:min(to, from+maxSource)])
}

// maxSource bounds what is cut out of the script to be shown.
const maxSource = 2000

// branch follows an `if`: both ways, and what they give is merged.
func (r *runner) branch(st *statement) (ended bool) {
	condition := r.condition(st)
	switch {
	case condition.kind == truth && condition.text == "true":
		return r.run(st.body)
	case condition.kind == truth:
		return r.run(st.other)
	case r.sends(st.body):
		if condition.kind != truth {
			r.notes.add(st.line, "the script sends under a condition: "+shorten(r.source(st.offset, r.header(st)))+
				"; the profile takes every post: ask for what must be there under form.fields (validate: required)")
		}
		return r.run(st.body)
	}
	before := maps.Clone(r.vars)
	ends := r.run(st.body)
	then := r.vars
	r.vars = maps.Clone(before)
	otherEnds := r.run(st.other)
	switch {
	case ends && otherEnds:
		return true
	case ends:
		r.refused(st, condition)
	case otherEnds:
		r.vars = then
		r.guard(condition)
	default:
		r.merge(condition, then, st.line)
	}
	return false
}

// header is where the brackets behind the word of a statement end.
func (r *runner) header(st *statement) int {
	if len(st.tokens) == 0 {
		return st.end
	}
	last := st.tokens[len(st.tokens)-1]
	return last.Pos.Offset + len(last.Value) + 1
}

// condition is what an `if` asks.
func (r *runner) condition(st *statement) *value {
	tree := r.grammar.parse(st.tokens)
	if tree == nil || len(tree.List) != 1 {
		return unturned("its condition could not be read", st.line)
	}
	return truthOf(r.assign(tree.List[0], st))
}

// refused notes what the script did with posts that it did not send: inside a loop it leaves an item out, elsewhere the visitor was
// told something.
func (r *runner) refused(st *statement, condition *value) {
	if r.loops > 0 {
		r.guard(negated(condition))
		return
	}
	if len(st.body) > 0 && condition.kind != truth {
		r.notes.add(st.line, "the script stops here: "+shorten(r.source(st.offset, r.header(st)))+
			"; the profile goes on: ask for what must be there under form.fields (validate: required)")
	}
}

// guard keeps a condition for the items that the rest of a loop's turn adds.
func (r *runner) guard(condition *value) {
	if r.loops > 0 {
		r.guards = append(r.guards, condition)
	}
}

// merge makes of each variable what it is behind an `if`.
func (r *runner) merge(condition *value, then map[string]*value, line int) {
	names := slices.Collect(maps.Keys(then))
	for name := range r.vars {
		if _, ok := then[name]; !ok {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if a, b := then[name], r.vars[name]; a != b {
			r.vars[name] = merged(condition, a, b, line)
		}
	}
}

// sends tells whether statements call KeyCRM or make the array for it: then what stands around them asks whether to send, not what.
func (r *runner) sends(all []*statement) bool {
	return slices.ContainsFunc(all, func(st *statement) bool {
		for i, t := range st.tokens {
			if entity := strings.Trim(t.Value, `'"`); (entity == "buyer" || entity == "contact") && i+1 < len(st.tokens) && st.tokens[i+1].Value == "=>" {
				return true // the whole array is made here
			}
			switch t.Value {
			case "curl_exec", "curl_init", "json_encode", "CURLOPT_POSTFIELDS", "wp_remote_post":
				return true
			}
			if t.Type == typeText && strings.Contains(t.Value, "keycrm.app") {
				return true
			}
		}
		return st.kind != function && (r.sends(st.body) || r.sends(st.other))
	})
}

// maybe follows a switch as the conditions that it is, and what may run or not.
func (r *runner) maybe(st *statement) (ended bool) {
	if st.word == "switch" {
		if same := asBranches(st); same != nil {
			return r.run([]*statement{same})
		}
	}
	r.unclear(st)
	return false
}

// unclear follows what may run or not, or more than once. What it gives a value has none that is known, and what it adds to a list is
// left as a comment.
func (r *runner) unclear(st *statement) {
	if st.word == "catch" {
		return
	}
	before := maps.Clone(r.vars)
	r.run(st.body)
	var grown []string
	why := "it stands inside `" + shorten(st.word) + "`, which may run or not, or more than once"
	for name, v := range r.vars {
		switch old := before[name]; {
		case v == old:
		case v.kind == list && old != nil && old.kind == list:
			r.vars[name] = old
			grown = append(grown, name)
		case v.kind == list:
			r.vars[name] = unturned("it is put together inside `"+shorten(st.word)+"`, which is not followed here", st.line)
		default:
			r.vars[name] = unturned("it is given its value inside `"+shorten(st.word)+"`, which is not followed here", st.line)
		}
	}
	r.passedIn(st.body, grown, why)
}

// passedIn notes why the statements that give something to some variables have not done so.
func (r *runner) passedIn(all []*statement, names []string, why string) {
	for _, st := range all {
		if st.kind == simple && slices.Contains(names, targetOf(st.tokens)) {
			r.passed(st, why)
		}
		r.passedIn(st.body, names, why)
		r.passedIn(st.other, names, why)
	}
}

// loop follows a foreach or a for.
func (r *runner) loop(st *statement) {
	over, key, as, ok := r.foreach(st)
	if !ok && r.turns(st) {
		return
	}
	if !ok {
		over, key, ok = r.count(st)
	}
	if !ok {
		r.unclear(st)
		return
	}
	switch {
	case over.kind == list:
		r.unroll(st, over, key, as)
	case over.kind == posted && len(over.args) == 0:
		r.everything(st, key, as)
	default:
		r.repeat(st, over, key, as)
	}
}

// foreach reads `list as $key => $value`.
func (r *runner) foreach(st *statement) (over *value, key, as string, ok bool) {
	if st.word != "foreach" {
		return nil, "", "", false
	}
	at := slices.IndexFunc(st.tokens, func(t lexer.Token) bool { return t.Value == "as" && t.Type == typeName })
	if at < 0 {
		return nil, "", "", false
	}
	tree := r.grammar.parse(st.tokens[:at])
	if tree == nil || len(tree.List) != 1 {
		return nil, "", "", false
	}
	var names []string
	for _, t := range st.tokens[at+1:] {
		if t.Type == typeVar {
			names = append(names, t.Value)
		}
	}
	switch over = r.assign(tree.List[0], st); len(names) {
	case 1:
		return over, "", names[0], true
	case 2:
		return over, names[0], names[1], true
	}
	return nil, "", "", false
}

// count reads `$i = 0; $i < count(list); $i++`: the same as going over the list.
func (r *runner) count(st *statement) (over *value, key string, ok bool) {
	var parts [][]lexer.Token
	from := 0
	for i, t := range st.tokens {
		if t.Value == ";" {
			parts = append(parts, st.tokens[from:i])
			from = i + 1
		}
	}
	if st.word != "for" || len(parts) != 2 || len(parts[0]) < 3 || parts[0][0].Type != typeVar || parts[0][2].Value != "0" {
		return nil, "", false
	}
	test := r.grammar.parse(parts[1])
	key = parts[0][0].Value
	if test == nil || len(parts[1]) < 3 || parts[1][0].Value != key || parts[1][1].Value != "<" {
		return nil, "", false
	}
	limit := r.grammar.parse(parts[1][2:])
	if limit == nil || len(limit.List) != 1 {
		return nil, "", false
	}
	v := r.assign(limit.List[0], st)
	if v.kind != call || v.text != "len" {
		return nil, "", false
	}
	return v.args[0], key, true
}

// unroll follows a loop over a list that is written out, turn by turn.
func (r *runner) unroll(st *statement, over *value, key, as string) {
	if len(over.entries) > maxUnroll || slices.ContainsFunc(over.entries, func(e entryValue) bool { return e.each != nil }) {
		r.set(as, unturned("it is read in a loop over a list that the script makes", st.line))
		r.set(key, unturned("it is read in a loop over a list that the script makes", st.line))
		r.unclear(st)
		return
	}
	over, name := r.byReference(st, over)
	for i, e := range over.entries {
		if name != "" && i > 0 {
			e.value = over.entries[i].value
		}
		if r.set(as, e.value); key != "" {
			name := e.key
			if !e.keyed {
				name = itoa(i)
			}
			r.set(key, literal(name, e.line))
		}
		if r.run(st.body) && r.steps > maxSteps {
			return
		}
		if name != "" {
			over.entries[i].value = r.vars[as]
			r.set(name, newValue(*over))
		}
	}
}

// byReference is the list of a loop that changes its items, and the variable that holds it; the variable is "" for any other loop.
func (r *runner) byReference(st *statement, over *value) (changing *value, name string) {
	if len(st.tokens) < 4 || st.tokens[0].Type != typeVar || !slices.ContainsFunc(st.tokens, func(t lexer.Token) bool { return t.Value == "&" }) {
		return over, ""
	}
	c := *over
	c.entries = slices.Clone(over.entries)
	if st.tokens[1].Value != "as" { // a part of a variable
		r.passedIn(st.body, variablesOf(st.tokens), "it changes an item by reference, which is not followed")
		return over, ""
	}
	return &c, st.tokens[0].Value
}

// turns follows `for ($i = 1; $i <= 3; $i++)` with numbers that are written out, turn by turn. It tells whether it was one.
func (r *runner) turns(st *statement) bool {
	t := st.tokens
	if st.word != "for" || len(t) < 9 || t[0].Type != typeVar || t[1].Value != "=" || t[3].Value != ";" || t[4].Value != t[0].Value || t[7].Value != ";" ||
		t[5].Value != "<" && t[5].Value != "<=" {
		return false
	}
	from, ok := integer(&value{text: t[2].Value})
	to, also := integer(&value{text: t[6].Value})
	rest := t[8:]
	step := len(rest) == 2 && (rest[0].Value == t[0].Value && rest[1].Value == "++" || rest[0].Value == "++" && rest[1].Value == t[0].Value)
	if t[5].Value == "<=" {
		to++
	}
	if !ok || !also || !step || to-from > maxUnroll {
		return false
	}
	for i := from; i < to; i++ {
		r.set(t[0].Value, newValue(value{kind: number, text: itoa(i), line: st.line}))
		if r.run(st.body) && r.steps > maxSteps {
			break
		}
	}
	return true
}

// set gives a variable a value.
func (r *runner) set(name string, v *value) {
	if name != "" {
		r.vars[name] = v
	}
}

// everything is a loop over all that was posted, which scripts write into a comment. The relay has a key of its own for that.
func (r *runner) everything(st *statement, key, as string) {
	before := maps.Clone(r.vars)
	r.set(key, unturned("it is any field of the form", st.line))
	r.set(as, unturned("it is any field of the form", st.line))
	if variables(st.body, key) {
		r.extracted = true
		return
	}
	r.run(st.body)
	changed := false
	for name, v := range r.vars {
		if v != before[name] && name != key && name != as && v.kind != list {
			r.vars[name] = unturned("it is put together from every field that was posted; write rest: manager_comment at the profile's top level for that", st.line)
			changed = true
		}
	}
	if !changed {
		r.notes.add(st.line, "this loop goes over every field that was posted, which a profile cannot; rest: manager_comment takes what nothing else used")
	}
}

// variables tells whether a loop over all that was posted makes variables of the fields: $$key = $value.
func variables(body []*statement, key string) bool {
	return slices.ContainsFunc(body, func(st *statement) bool {
		return len(st.tokens) > 3 && st.tokens[0].Value == "$" && st.tokens[1].Value == key && st.tokens[2].Value == "="
	})
}

// repeat follows a loop over what was posted: what its turn adds to a list becomes an item with `each`.
func (r *runner) repeat(st *statement, over *value, key, as string) {
	r.loops++
	level, guards := r.loops, r.guards
	r.guards = nil
	before := maps.Clone(r.vars)
	r.set(as, newValue(value{kind: item, level: level, line: st.line}))
	r.set(key, newValue(value{kind: index, level: level, line: st.line}))
	r.run(st.body)
	for name, v := range r.vars {
		if v != before[name] {
			r.vars[name] = r.looped(before[name], v, over, level, st.line)
		}
	}
	r.loops--
	r.guards = guards
}

// looped is a variable behind a loop.
func (r *runner) looped(before, after, over *value, level, line int) *value {
	if after.kind != list {
		if reads(after, level) || before != nil && before.kind != list && after.size > before.size {
			return unturned("it is put together turn by turn in a loop; an expression such as sum(…) or join(…) over the list does that", line)
		}
		return after
	}
	had := 0
	if before != nil && before.kind == list {
		had = commonItems(before, after)
	}
	out := *after
	out.entries = slices.Clone(after.entries)
	n := 0
	for i, e := range out.entries {
		if !e.keyed {
			if n++; n > had && e.each == nil {
				e.each, e.level = eachOf(over, line), level
				for _, g := range r.guards {
					e.when = both(e.when, g)
				}
				out.entries[i] = e
			}
			continue
		}
		var old *value
		if before != nil && before.kind == list {
			for _, o := range before.entries {
				if o.keyed && o.key == e.key {
					old = o.value
				}
			}
		}
		if old != e.value {
			out.entries[i].value = r.looped(old, e.value, over, level, line)
		}
	}
	return newValue(out)
}

// eachOf is the list that an item is repeated for.
func eachOf(over *value, line int) *value {
	if over.kind == first && len(over.args) > 1 { // $_POST['products'] ?? []
		var there []*value
		for _, a := range over.args {
			if (a.kind != list || len(a.entries) != 0) && !blankValue(a) {
				there = append(there, a)
			}
		}
		if len(there) == 1 {
			return there[0]
		}
		return combine(first, "", line, there...)
	}
	return over
}
