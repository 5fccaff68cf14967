package phpscript

import (
	"slices"
	"strings"
)

// named is a constant or a call of a function.
func (r *runner) named(t *term, st *statement) *value {
	name, line := t.Base.Name, t.Pos.Line
	rest := t.Trail
	if len(rest) == 0 {
		return r.constantValue(name, line)
	}
	if rest[0].Member != "" { // Class::CONSTANT, Class::method()
		if len(rest) > 1 && rest[1].Call {
			return r.method(rest, t, st)
		}
		return r.constantValue(rest[0].Member, line)
	}
	if !rest[0].Call {
		return unturned("`"+shorten(name)+"` is not known", line)
	}
	args := make([]*value, len(rest[0].Args))
	for i, a := range rest[0].Args {
		args[i] = r.assign(a.Value, st)
		if a.Named != nil {
			args[i] = r.assign(a.Named, st)
		}
		r.seen(args[i])
	}
	if r.changing(strings.ToLower(name), rest[0].Args, args, t, st) {
		return newValue(value{line: line})
	}
	v := r.call(strings.ToLower(name), args, t, st)
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
	return unturned("the constant "+shorten(name)+" is not given in this file", line)
}

// call is what a call of a function gives, in the mapping's language.
func (r *runner) call(name string, args []*value, t *term, st *statement) *value {
	line := t.Pos.Line
	if f, own := r.functions[name]; own {
		return r.inline(f, args, line)
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
	case "isset":
		return r.isset(args, line), true
	case "empty":
		return negated(truthOf(argument(0))), true
	default:
		return nil, false
	}
	return none, true
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
func (r *runner) inline(f *statement, args []*value, line int) *value {
	r.called[strings.ToLower(f.name)] = true
	if r.inlined >= maxInline {
		return unturned("the function "+f.name+"(…) calls itself too deep", line)
	}
	before, extracted := r.vars, r.extracted
	r.inlined++
	r.vars = r.parameters(f, args)
	v := r.returned(f.body, line)
	if v == nil {
		r.vars = r.parameters(f, args)
		r.run(f.body)
		r.note()
		v = unturned("what the script's own function "+f.name+"(…) gives could not be followed", line)
	}
	r.inlined--
	r.vars, r.extracted = before, extracted
	return v
}

// parameters are the variables that a function begins with.
func (r *runner) parameters(f *statement, args []*value) map[string]*value {
	vars := map[string]*value{}
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
	case "strval", "array_filter", "array_values", "iterator_to_array", "json_encode", "http_build_query", "var_export", "print_r", "array_map_keys":
		return "", 0, true
	case "array_map":
		return "its function is not applied to the list's items", 1, true
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
		if name == "number_format" && !(len(args) == 4 && args[3].text == "") {
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
