package phpscript

import (
	"maps"
	"slices"
	"strings"

	"github.com/alecthomas/participle/v2/lexer"
)

// named is a constant or a call of a function.
func (r *runner) named(t *term, st *statement) *value {
	name, line := t.Base.Name, t.Pos.Line
	rest := t.Trail
	if len(rest) == 0 {
		return r.constantValue(name, line)
	}
	if made := r.classes[strings.ToLower(name)]; made != nil && slices.Contains(t.Prefix, "new") {
		if rest[0].Call {
			r.construct(made, rest[0].Args, line, st)
		}
		return r.object(rest[min(1, len(rest)):], t, st)
	}
	if rest[0].Member != "" { // Class::CONSTANT, Class::method()
		return r.ofClass(t, st)
	}
	if !rest[0].Call {
		return unturned("`"+shorten(name)+"` is not known", line)
	}
	args := r.arguments(rest[0].Args, st)
	if r.changing(strings.ToLower(name), rest[0].Args, args, t, st) {
		return newValue(value{line: line})
	}
	v := r.call(strings.ToLower(name), args, t)
	for _, step := range rest[1:] {
		switch {
		case step.Bracket:
			v = r.indexed(v, step, t, st)
		case step.Member != "" || step.Call:
			return r.method(rest[1:], t, st)
		}
	}
	return v
}

// construct follows a class's constructor; parameters that are promoted become properties.
func (r *runner) construct(made *statement, given []*arg, line int, st *statement) {
	at := slices.IndexFunc(made.body, func(f *statement) bool { return f.kind == function && strings.EqualFold(f.name, "__construct") })
	if at < 0 {
		return
	}
	f, args := made.body[at], r.arguments(given, st)
	n := 0
	for i, t := range f.tokens {
		if t.Type == typeVar && (i == 0 || f.tokens[i-1].Value != "=") {
			if i > 1 && n < len(args) && promoted(f.tokens[:i]) {
				r.set("$this->"+strings.TrimPrefix(t.Value, "$"), args[n])
			}
			n++
		}
	}
	r.inline(f, args, given, line)
}

// promoted tells whether the parameter behind some tokens is a property too.
func promoted(before []lexer.Token) bool {
	for i := len(before) - 1; i >= 0 && before[i].Value != ","; i-- {
		switch strings.ToLower(before[i].Value) {
		case "public", "private", "protected", "readonly":
			return true
		}
	}
	return false
}

// object is what hangs on an object of the script's own that was just made: its own methods one behind the other. The object itself is no
// value.
func (r *runner) object(rest []*trail, t *term, st *statement) *value {
	v := unturned("an object is no value that a profile has", t.Pos.Line)
	for i := 0; i < len(rest); i++ {
		if own := r.ownMethod(rest[i].Member); own != nil && i+1 < len(rest) && rest[i+1].Call {
			v = r.inline(own, r.arguments(rest[i+1].Args, st), rest[i+1].Args, t.Pos.Line)
			i++
			continue
		}
		return r.method(rest[i:], t, st)
	}
	return v
}

// ofClass is Class::method(…), Class::CONSTANT or Class::$property, and what hangs on it.
func (r *runner) ofClass(t *term, st *statement) *value {
	line, rest := t.Pos.Line, t.Trail
	var v *value
	switch own := r.ownMethod(rest[0].Member); {
	case len(rest) > 1 && rest[1].Call && own == nil:
		return r.method(rest, t, st)
	case len(rest) > 1 && rest[1].Call:
		v, rest = r.inline(own, r.arguments(rest[1].Args, st), rest[1].Args, line), rest[2:]
	case strings.HasPrefix(rest[0].Member, "$"):
		v, rest = r.variable("$this->"+rest[0].Member[1:], line), rest[1:]
	default:
		v, rest = r.constantValue(rest[0].Member, line), rest[1:]
	}
	for _, step := range rest {
		if !step.Bracket {
			return r.method(rest, t, st)
		}
		v = r.indexed(v, step, t, st)
	}
	return v
}

// constantValue is one of PHP's constants or of the script's.
func (r *runner) constantValue(name string, line int) *value {
	switch strings.ToLower(name) {
	case "true", "false":
		return newValue(value{kind: truth, text: strings.ToLower(name), line: line})
	case "null":
		return newValue(value{line: line})
	case "php_eol":
		return literal("\n", line)
	case "exit", "die", "stdclass":
		return newValue(value{kind: list, line: line})
	}
	if v, ok := r.constants[name]; ok {
		return v
	}
	if strings.HasPrefix(name, "function ") {
		v := unturned("a function in a value is not followed", line)
		v.fn = r.functions[name]
		return v
	}
	return unturned("the constant "+shorten(name)+" is not given in this file", line)
}

// call is what a call of a function gives, in the mapping's language.
func (r *runner) call(name string, args []*value, t *term) *value {
	line := t.Pos.Line
	if f, own := r.functions[name]; own {
		return r.inline(f, args, t.Trail[0].Args, line)
	}
	if v, ok := r.effect(name, args, line); ok {
		return v
	}
	if len(args) == 0 {
		return without(name, line)
	}
	if words, i, ok := needless(name); ok {
		if i >= len(args) {
			i = 0
		}
		if words == "" || args[i].kind == text || args[i].kind == list {
			return args[i]
		}
		return noted(args[i], line, name+"(…) is left out: "+words)
	}
	for _, f := range []func(string, []*value, int) *value{r.ofTexts, r.ofNumbers, r.ofLists, r.ofTimes} {
		if v := f(name, args, line); v != nil {
			return v
		}
	}
	return unturned("a profile has no function like "+name+"(…)", line)
}

// effect is a function that does something, or reads what is no argument.
func (r *runner) effect(name string, args []*value, line int) (*value, bool) {
	none := newValue(value{line: line})
	argument := func(i int) *value {
		if i < len(args) {
			return args[i]
		}
		return none
	}
	switch name {
	case "define":
		r.constant(argument(0).text, argument(1), line)
	case "extract":
		r.extracted = r.extracted || argument(0).kind == posted
	case "date_default_timezone_set":
		r.timezone = argument(0).text
	case "header":
		if kind, target, ok := strings.Cut(argument(0).text, ":"); ok && strings.EqualFold(strings.TrimSpace(kind), "location") {
			r.redirects = append(r.redirects, strings.TrimSpace(target))
		}
	case "filter_input":
		if argument(1).kind != text {
			return unturned("the name of the field is made by the script", line), true
		}
		return r.field(newValue(value{kind: posted, line: line}), argument(1), line), true
	case "compact":
		return r.compact(args, line), true
	case "isset":
		return r.isset(args, line), true
	case "empty":
		return negated(truthOf(argument(0))), true
	default:
		return nil, false
	}
	return none, true
}

// compact is an array of variables by their names.
func (r *runner) compact(args []*value, line int) *value {
	out := value{kind: list, line: line}
	for _, a := range args {
		names := []*value{a}
		if a.kind == list {
			names = nil
			for _, e := range a.entries {
				names = append(names, e.value)
			}
		}
		for _, name := range names {
			if name.kind != text {
				return unturned("compact(…) is followed with names that are written out", line)
			}
			v := r.variable("$"+name.text, line)
			out.entries = append(out.entries, entryValue{key: name.text, keyed: true, value: v, line: line, source: "$" + name.text})
		}
	}
	return newValue(out)
}

// isset asks whether all of its arguments were posted.
func (r *runner) isset(args []*value, line int) *value {
	v := newValue(value{kind: truth, text: "true", line: line})
	for _, a := range args {
		one := combine(there, "", line, a)
		switch {
		case a.kind == posted && len(a.args) == 0, a.kind == list, a.kind == text && a.text != "", a.kind == number, a.kind == truth:
			one = newValue(value{kind: truth, text: "true", line: line})
		case a.kind == nothing:
			one = newValue(value{kind: truth, text: "false", line: line})
		}
		v = logic("&&", v, one, line)
	}
	return v
}

// without is a function that takes nothing.
func without(name string, line int) *value {
	switch name {
	case "time", "microtime", "uniqid", "rand", "mt_rand":
		return unturned(name+"() gives another value each time; the relay makes ids and times by itself (source_uuid, ordered_at)", line)
	case "array", "stdclass", "arrayobject":
		return newValue(value{kind: list, line: line})
	}
	return unturned("a profile has no function like "+name+"()", line)
}

// inline is what a function of the script's own gives, when it only returns something.
func (r *runner) inline(f *statement, args []*value, given []*arg, line int) *value {
	r.called[strings.ToLower(f.name)] = true
	if r.inlined >= maxInline {
		return unturned("the function "+f.name+"(…) calls itself too deep", line)
	}
	before, extracted := r.vars, r.extracted
	r.inlined++
	r.vars = r.parameters(f, args)
	start := maps.Clone(r.vars)
	v := r.returned(f.body, line)
	if v == nil {
		r.vars = start
		r.run(f.body)
		r.note()
		v = unturned("what the script's own function "+f.name+"(…) gives could not be followed", line)
	}
	r.inlined--
	after := r.vars
	r.vars, r.extracted = before, extracted
	r.handBack(f, after, given)
	return v
}

// parameters are the variables that a function begins with.
func (r *runner) parameters(f *statement, args []*value) map[string]*value {
	vars := properties(r.vars)
	if f.open {
		vars = maps.Clone(r.vars)
	}
	for _, name := range globals(f.body) {
		if v := r.vars[name]; v != nil {
			vars[name] = v
		}
	}
	n := 0
	for i, t := range f.tokens {
		if t.Type != typeVar || i > 0 && f.tokens[i-1].Value == "=" {
			continue
		}
		if n < len(args) {
			vars[t.Value] = args[n]
		} else if i+2 < len(f.tokens) && f.tokens[i+1].Value == "=" {
			if tree := r.grammar.parse(f.tokens[i+2 : i+3]); tree != nil {
				vars[t.Value] = r.assign(tree.List[0], f)
			}
		}
		n++
	}
	return vars
}

// handBack gives the caller what a function did to the object at hand, to parameters by reference and to global variables.
func (r *runner) handBack(f *statement, after map[string]*value, given []*arg) {
	maps.Copy(r.vars, properties(after))
	n := 0
	for i, t := range f.tokens {
		if t.Type != typeVar || i > 0 && f.tokens[i-1].Value == "=" {
			continue
		}
		if i > 0 && f.tokens[i-1].Value == "&" {
			if target := argumentTerm(given, n); target != nil && len(target.Trail) == 0 {
				r.set(target.Base.Var, after[t.Value])
			}
		}
		n++
	}
	for _, name := range globals(f.body) {
		if v := after[name]; v != nil {
			r.set(name, v)
		}
	}
}

// globals are the variables that a function takes from outside.
func globals(body []*statement) (names []string) {
	for _, st := range body {
		if st.kind == simple && st.word == "global" {
			names = append(names, variablesOf(st.tokens)...)
		}
	}
	return names
}

// returned is what statements return, when each of them is an assignment or a return under conditions; nil otherwise.
func (r *runner) returned(body []*statement, line int) *value {
	for i, st := range body {
		if r.steps++; r.steps > maxSteps {
			return nil
		}
		switch {
		case st.kind == simple && strings.EqualFold(st.word, "return"):
			if tree := r.grammar.parse(st.tokens); tree != nil && len(tree.List) == 1 {
				return r.assign(tree.List[0], st)
			}
			return newValue(value{line: line})
		case st.kind == branch:
			condition := r.condition(st)
			then := r.returned(st.body, line)
			otherwise := r.returned(append(slices.Clone(st.other), body[i+1:]...), line)
			if then == nil || otherwise == nil {
				return nil
			}
			return decided(condition, then, otherwise, line)
		case st.kind == simple && len(st.tokens) > 1 && st.tokens[0].Type == typeVar && st.tokens[1].Value == "=":
			if r.sends([]*statement{st}) {
				return nil
			}
			r.simple(st)
		case st.kind == simple && (st.word == "global" || st.word == "static"):
		default:
			return nil
		}
	}
	return nil
}

// needless are functions that change nothing here: with the words to say so, none where nothing is lost, and the argument that matters.
func needless(name string) (words string, argument int, ok bool) {
	switch name {
	case "trim", "ltrim", "rtrim", "chop":
		return "values are trimmed already", 0, true
	case "htmlspecialchars", "htmlentities", "addslashes", "stripslashes", "html_entity_decode", "quotemeta", "mysql_real_escape_string",
		"mysql_escape_string", "esc_html", "esc_attr", "wp_unslash", "nl2br", "stripcslashes", "addcslashes", "htmlspecialchars_decode":
		return "KeyCRM gets what was typed, and JSON needs no escapes", 0, true
	case "mysqli_real_escape_string":
		return "KeyCRM gets what was typed, and JSON needs no escapes", 1, true
	case "strip_tags", "sanitize_text_field", "sanitize_email", "sanitize_textarea_field", "filter_var", "wp_kses_post", "clean", "test_input":
		return "KeyCRM gets what was typed; rules belong under form.fields", 0, true
	case "urldecode", "rawurldecode", "utf8_encode", "utf8_decode", "mb_convert_encoding":
		return "the relay has decoded what was posted", 0, true
	case "iconv":
		return "the relay has decoded what was posted", 2, true
	case "strval", "array_values", "iterator_to_array":
		return "", 0, true
	}
	return "", 0, false
}

// ofTexts are the functions of texts.
func (r *runner) ofTexts(name string, args []*value, line int) *value {
	a := args[0]
	switch name {
	case "strtolower", "mb_strtolower":
		return combine(call, "lower", line, a)
	case "strtoupper", "mb_strtoupper":
		return combine(call, "upper", line, a)
	case "strlen", "mb_strlen":
		return combine(call, "len", line, a)
	case "ucfirst", "ucwords", "lcfirst", "mb_convert_case":
		return noted(a, line, name+"(…) has no equal in a profile; the value goes as it was typed")
	case "str_starts_with":
		if len(args) == 2 {
			return combine(call, "hasPrefix", line, a, args[1])
		}
	case "str_contains":
		if len(args) == 2 {
			return combine(call, "contains", line, a, args[1])
		}
	case "explode":
		if len(args) == 2 {
			return combine(call, "split", line, args[1], a)
		}
	case "str_replace":
		return replaced(args, line)
	case "preg_replace":
		if len(args) == 3 && args[1].kind == text && args[1].text == "" {
			return noted(args[2], line, "preg_replace(…) is left out: phones and numbers are read as people type them; elsewhere the value goes as it was typed")
		}
	case "substr", "mb_substr":
		if len(args) == 3 && args[1].kind == number && args[2].kind == number && !strings.HasPrefix(args[1].text+args[2].text, "-") {
			from, _ := integer(args[1])
			length, ok := integer(args[2])
			if ok && length >= 0 {
				return combine(call, "["+itoa(from)+":"+itoa(from+length)+"]", line, a)
			}
		}
	case "sprintf":
		return formatted(args, line)
	}
	return nil
}

// integer is a whole number that is written out.
func integer(v *value) (int, bool) {
	n := 0
	if !allDigits(v.text) || len(v.text) > 6 {
		return 0, false
	}
	for _, c := range v.text {
		n = n*10 + int(c-'0')
	}
	return n, true
}

// replaced is str_replace with texts, or lists of them that are written out.
func replaced(args []*value, line int) *value {
	if len(args) != 3 {
		return nil
	}
	v := args[2]
	if args[0].kind != list {
		return combine(call, "replace", line, v, args[0], args[1])
	}
	for i, e := range args[0].entries {
		with := args[1]
		if with.kind == list {
			with = literal("", line)
			if i < len(args[1].entries) {
				with = args[1].entries[i].value
			}
		}
		v = combine(call, "replace", line, v, e.value, with)
	}
	return v
}

// formatted is sprintf with %s and %d alone.
func formatted(args []*value, line int) *value {
	if args[0].kind != text {
		return nil
	}
	out := literal("", line)
	next := 1
	for i, part := range strings.Split(args[0].text, "%") {
		if i > 0 {
			switch {
			case part == "":
				return unturned("sprintf(…) with %% is not followed", line)
			case part[0] != 's' && part[0] != 'd' || next >= len(args):
				return unturned("sprintf(…) is followed with %s and %d alone", line)
			}
			out = concatenate(out, args[next])
			next++
			part = part[1:]
		}
		out = concatenate(out, literal(part, line))
	}
	return out
}

// ofNumbers are the functions of numbers.
func (r *runner) ofNumbers(name string, args []*value, line int) *value {
	a := args[0]
	switch name {
	case "intval":
		return whole(a, line)
	case "floatval", "doubleval":
		return decimal(a, line)
	case "boolval":
		return truthOf(a)
	case "abs", "ceil", "floor":
		return combine(call, name, line, decimal(a, line))
	case "max", "min":
		nums := make([]*value, len(args))
		for i := range args {
			nums[i] = decimal(args[i], line)
		}
		return combine(call, name, line, nums...)
	case "round", "number_format":
		places := newValue(value{kind: number, text: "0", line: line})
		if len(args) > 1 {
			places = args[1]
		}
		v := combine(call, "round", line, decimal(a, line), places)
		if name == "number_format" && (len(args) != 4 || args[3].text != "") {
			v = noted(v, line, "number_format(…) is turned into round(…): in a text its separators are missing")
		}
		return v
	}
	return nil
}

// ofLists are the functions of lists.
func (r *runner) ofLists(name string, args []*value, line int) *value {
	a := args[0]
	switch name {
	case "implode", "join":
		return imploded(args, line)
	case "array_map":
		return r.eachMapped(args, line)
	case "array_filter":
		if len(args) > 1 {
			return noted(a, line, "array_filter(…) is left out with the function that it asks: every item is taken; write when: for the condition")
		}
		return a
	case "json_encode", "http_build_query", "var_export", "print_r", "serialize":
		if a.kind == list {
			return a
		}
		return unturned(name+"(…) writes out what is posted as one text, which a profile does not", line)
	case "count", "sizeof":
		return combine(call, "len", line, a)
	case "is_array":
		return combine(call, "isList", line, a)
	case "is_numeric", "is_string", "is_null", "checkdate":
		return unturned("a profile has no function like "+name+"(…); form.fields checks what was typed", line)
	case "array_merge", "array_replace":
		out := a
		for _, b := range args[1:] {
			if out.kind != list || b.kind != list {
				return unturned("array_merge(…) is followed for arrays that the script writes out", line)
			}
			out = union(out, b)
		}
		return out
	case "reset", "current", "array_shift":
		return combine(call, "first", line, a)
	case "end", "array_pop":
		return combine(call, "last", line, a)
	case "array_sum":
		return combine(call, "sum", line, a)
	case "array_unique":
		return combine(call, "uniq", line, a)
	case "array_reverse":
		return combine(call, "reverse", line, a)
	case "in_array":
		if len(args) >= 2 {
			return combine(binary, "in", line, a, args[1])
		}
	case "json_decode":
		if a.kind == local && a.text == "body" {
			return newValue(value{kind: posted, line: line})
		}
		return combine(call, "fromJSON", line, a)
	case "file_get_contents", "stream_get_contents":
		if a.kind == text && a.text == "php://input" {
			return newValue(value{kind: local, text: "body", line: line})
		}
	case "parse_str":
		return newValue(value{line: line})
	}
	return nil
}

// eachMapped is array_map(function, list): each item as the function gives it. A function of PHP's own, such as trim, is left out.
func (r *runner) eachMapped(args []*value, line int) *value {
	if len(args) != 2 {
		return unturned("array_map(…) is followed for one list", line)
	}
	over, f := args[1], args[0].fn
	if own := r.functions[strings.ToLower(args[0].text)]; f == nil && args[0].kind == text && own != nil {
		f = own
	}
	switch {
	case f == nil:
		return noted(over, line, "array_map(…) is left out: its function is not applied to the list's items")
	case over.kind == list:
		out := *over
		out.entries = slices.Clone(over.entries)
		for i, e := range out.entries {
			if e.each != nil {
				return unturned("array_map(…) over a list that is made in a loop is not followed", line)
			}
			out.entries[i].value = r.inline(f, []*value{e.value}, nil, line)
		}
		return newValue(out)
	}
	r.loops++
	one := r.inline(f, []*value{newValue(value{kind: item, level: r.loops, line: line})}, nil, line)
	out := newValue(value{kind: list, line: line, offset: f.offset, entries: []entryValue{{value: one, each: eachOf(over, line), level: r.loops, line: line}}})
	r.loops--
	return out
}

// imploded is implode(separator, list), whose arguments PHP took in any order once.
func imploded(args []*value, line int) *value {
	if len(args) == 1 {
		return combine(call, "join", line, literal("", line), args[0])
	}
	sep, items := args[0], args[1]
	if items.kind == text {
		sep, items = items, sep
	}
	if items.kind == list {
		parts := []*value{sep}
		for _, e := range items.entries {
			if e.each != nil {
				return unturned("the list is made in a loop", line)
			}
			parts = append(parts, e.value)
		}
		return combine(call, "join", line, parts...)
	}
	return combine(call, "join", line, sep, items)
}

// ofTimes are the functions of dates.
func (r *runner) ofTimes(name string, args []*value, line int) *value {
	switch name {
	case "date", "gmdate":
		if len(args) == 2 {
			if args[1].kind == call && args[1].text == "date" {
				return noted(args[1], line, name+"(…) is turned into date(…): the relay writes dates as KeyCRM wants them")
			}
			return nil
		}
		return noted(newValue(value{kind: local, text: "now", line: line}), line, name+"(…) is turned into now: the time of the post, written as KeyCRM wants it")
	case "strtotime":
		if args[0].kind == text {
			return unturned("strtotime(…) of a fixed text is not followed", line)
		}
		return combine(call, "date", line, args[0])
	case "uniqid":
		return without(name, line)
	case "md5", "sha1", "hash", "crc32", "rand", "mt_rand", "random_int", "microtime":
		return unturned(name+"(…) has no equal in a profile; the relay makes ids by itself (source_uuid)", line)
	}
	return nil
}
