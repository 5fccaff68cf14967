package phpscript

import (
	"slices"
	"strings"

	"formrelay/internal/keycrm"
	"formrelay/internal/mapping"
)

// maxExpression bounds the text of one expression; a profile takes no longer ones.
const maxExpression = 3500

// speech writes values as expressions of the mapping's language, inside a loop or not. The first thing that it has no words for is kept.
type speech struct {
	*patterns
	level int    // of the loop around
	each  *value // what that loop goes over
	why   string // what cannot be said
	line  int    // where that stands
	used  int
}

// fail keeps the first reason.
func (s *speech) fail(why string, line int) string {
	if s.why == "" {
		s.why, s.line = why, line
	}
	return "nil"
}

// of is a value as an expression.
func (s *speech) of(v *value) string {
	out := s.write(v)
	if s.used += len(out); len(out) > maxExpression || s.used > 20*maxExpression {
		return s.fail("the expression would grow too long", v.line)
	}
	return out
}

func (s *speech) write(v *value) string {
	if s.why != "" {
		return "nil"
	}
	switch v.kind {
	case nothing:
		return "nil"
	case text:
		return quoted(v.text)
	case number:
		if !s.decimal.MatchString(v.text) {
			return quoted(v.text)
		}
		return v.text
	case truth:
		return v.text
	case posted:
		return s.posted(v)
	case item, index:
		return s.item(v)
	case joined:
		return `join("", ` + s.list(v.args) + ")"
	case first:
		return s.row(v.args, " ?? ")
	case chosen:
		return s.condition(v.args[0]) + " ? " + s.operand(v.args[1]) + " : " + s.operand(v.args[2])
	case binary:
		return s.binary(v)
	case unary, there, filled:
		return s.yesOrNo(v)
	case call:
		return s.call(v)
	case list:
		return s.written(v)
	case local:
		if v.text == "body" || v.text == "$_SERVER" || strings.HasPrefix(v.text, "$") {
			return s.fail("a profile reads the fields of the post, not what is around them", v.line)
		}
		return v.text
	default:
		return s.fail(v.text, v.line)
	}
}

// posted is a field of the form. list[$i] inside a loop over that list is its item.
func (s *speech) posted(v *value) string {
	if len(v.args) == 0 {
		return s.fail("it is the whole post; name its fields", v.line)
	}
	for i, key := range v.args {
		if key.kind == index && key.level == s.level && s.each != nil && s.each.kind == posted && len(s.each.args) == i && sameKeys(s.each.args, v.args[:i]) {
			return "item" + s.members(v.args[i+1:])
		}
	}
	if v.args[0].kind != text && v.args[0].kind != number {
		return s.fail("the name of the field is made by the script", v.line)
	}
	return mapping.Field(v.args[0].text) + s.members(v.args[1:])
}

func sameKeys(a, b []*value) bool {
	return slices.EqualFunc(a, b, same)
}

// item is what the loop is at, or its key.
func (s *speech) item(v *value) string {
	if v.level != s.level || s.each == nil {
		return s.fail("it is read of a loop around this one, of which a profile knows the innermost alone", v.line)
	}
	if v.kind == index {
		return "index"
	}
	return "item" + s.members(v.args)
}

// members are the keys below a field or an item.
func (s *speech) members(keys []*value) string {
	var b strings.Builder
	for _, key := range keys {
		switch {
		case key.kind == index && key.level == s.level && s.each != nil:
			b.WriteString("[index]")
		case key.kind == number || key.kind == text && allDigits(key.text):
			b.WriteString("[" + key.text + "]")
		case key.kind == text && plainName(key.text):
			b.WriteString("." + key.text)
		case key.kind == text:
			b.WriteString("[" + quoted(key.text) + "]")
		default:
			return s.fail("the name of the field is made by the script", key.line)
		}
	}
	return b.String()
}

// plainName tells a key that may stand behind a dot.
func plainName(name string) bool {
	for i := range len(name) {
		c := name[i]
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != "" && !slices.Contains([]string{"in", "not", "and", "or", "if", "else", "let", "matches", "contains", "startsWith", "endsWith", "true", "false", "nil"}, name)
}

// quoted is a text in an expression.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\t':
			b.WriteString(`\t`)
		case c >= ' ' && c != 0x7f && c != '\ufeff':
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// list are values with commas between.
func (s *speech) list(args []*value) string {
	out := make([]string, len(args))
	for i, a := range args {
		out[i] = s.of(a)
	}
	return strings.Join(out, ", ")
}

// row are values with an operator between.
func (s *speech) row(args []*value, op string) string {
	out := make([]string, len(args))
	for i, a := range args {
		out[i] = s.operand(a)
	}
	return strings.Join(out, op)
}

// operand is a value in brackets, unless it needs none.
func (s *speech) operand(v *value) string {
	out := s.of(v)
	switch v.kind {
	case first, chosen, binary, unary, there, filled:
		return "(" + out + ")"
	case call:
		if v.text == "contains" || v.text == "isList" {
			return "(" + out + ")"
		}
	}
	return out
}

// condition is a value that decides, in brackets where it is more than one comparison.
func (s *speech) condition(v *value) string {
	out := s.of(v)
	if v.kind == binary && (v.text == "&&" || v.text == "||") || v.kind == first || v.kind == chosen {
		return "(" + out + ")"
	}
	return out
}

// written is an array as a list of values.
func (s *speech) written(v *value) string {
	parts := make([]*value, 0, len(v.entries))
	for _, e := range v.entries {
		if e.keyed && !allDigits(e.key) || e.each != nil || e.when != nil {
			return s.fail("an array with keys of its own stands where one value belongs", v.line)
		}
		parts = append(parts, e.value)
	}
	return "[" + s.list(parts) + "]"
}

// numeric tells what is a number already.
func numeric(v *value) bool {
	switch v.kind {
	case number:
		return true
	case call:
		return slices.Contains([]string{"num", "int", "round", "abs", "ceil", "floor", "len", "min", "max", "sum"}, v.text)
	case binary:
		return slices.Contains([]string{"+", "-", "*", "/", "%", "**"}, v.text)
	case unary:
		return v.text == "-"
	case index:
		return true
	}
	return false
}

// amount is a value as a number: what was posted is text.
func (s *speech) amount(v *value) string {
	switch {
	case numeric(v):
		return s.operand(v)
	case v.kind == text && s.decimal.MatchString(v.text):
		return v.text
	case v.kind == chosen && numeric(v.args[1]) && numeric(v.args[2]):
		return s.operand(v)
	case v.kind == first:
		parts := make([]string, len(v.args))
		for i, a := range v.args {
			parts[i] = s.amount(a)
		}
		return "(" + strings.Join(parts, " ?? ") + ")"
	}
	return "num(" + s.of(v) + ")"
}

func (s *speech) binary(v *value) string {
	a, b := v.args[0], v.args[1]
	switch v.text {
	case "&&", "||":
		return s.operand(a) + " " + v.text + " " + s.operand(b)
	case "==", "!=":
		if numeric(a) {
			return s.amount(a) + " " + v.text + " " + s.amount(b)
		}
		if b.kind == number {
			return s.operand(a) + " " + v.text + " " + quoted(b.text)
		}
		return s.operand(a) + " " + v.text + " " + s.operand(b)
	case "in":
		return s.operand(a) + " in " + s.operand(b)
	default:
		return s.amount(a) + " " + v.text + " " + s.amount(b)
	}
}

// yesOrNo is a condition about one value. PHP takes "" and "0" for not filled in; a blank field is nil here.
func (s *speech) yesOrNo(v *value) string {
	a := v.args[0]
	switch v.kind {
	case there:
		return s.operand(a) + " != nil"
	case filled:
		return s.filled(a, "!=")
	case unary:
		switch {
		case v.text == "-":
			return "-" + s.amount(a)
		case a.kind == there:
			return s.operand(a.args[0]) + " == nil"
		case a.kind == filled:
			return s.filled(a.args[0], "==")
		}
	}
	return "!(" + s.of(a) + ")"
}

func (s *speech) filled(v *value, op string) string {
	if numeric(v) {
		return "(" + s.of(v) + " ?? 0) " + op + " 0"
	}
	return "(" + s.operand(v) + ` ?? "0") ` + op + ` "0"`
}

func (s *speech) call(v *value) string {
	switch {
	case strings.HasPrefix(v.text, "["):
		return s.operand(v.args[0]) + v.text
	case v.text == "contains":
		return s.operand(v.args[0]) + " contains " + s.operand(v.args[1])
	case v.text == "isList":
		return s.operand(v.args[0]) + " != nil"
	case v.text == "sum":
		return "sum(" + s.of(v.args[0]) + ", num(#))"
	case v.text == "join" && len(v.args) == 2 && v.args[1].kind == posted && len(v.args[1].args) == 1:
		return "join(" + s.of(v.args[0]) + ", list(" + s.of(v.args[1]) + "))"
	case v.text == "num" && numeric(v.args[0]):
		return s.of(v.args[0])
	}
	return v.text + "(" + s.list(v.args) + ")"
}

// template is a value as the right side of a line.
func (s *speech) template(v *value, word keycrm.Word) string {
	switch v.kind {
	case nothing:
		return ""
	case text:
		return strings.ReplaceAll(v.text, "${", "$${")
	case number, truth:
		return v.text
	case joined:
		var b strings.Builder
		for _, part := range v.args {
			if part.kind == text || part.kind == number {
				b.WriteString(strings.ReplaceAll(part.text, "${", "$${"))
			} else {
				b.WriteString("${" + s.of(part) + "}")
			}
		}
		return b.String()
	case call:
		if v.text == "num" && isNumber(word) {
			return s.template(v.args[0], word)
		}
	case list:
		if word != keycrm.WordTexts {
			return s.fail("an array stands where KeyCRM takes one value", v.line)
		}
	}
	return "${" + s.of(v) + "}"
}
