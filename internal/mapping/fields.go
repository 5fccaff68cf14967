package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"formrelay/internal/form"
	"formrelay/internal/mapping/expression"
	"formrelay/internal/mapping/value"
)

// fieldRule is one entry of form.fields, compiled.
type fieldRule struct {
	name     string
	pos      Pos
	path     []string // the name's steps; the root is the raw one, "" stands for every item
	typ      value.Type
	rule     *value.Rule
	fallback any // what fills an absent or blank field, converted; nil: nothing
	label    map[string]string
	spelled  []string // what the root answers to, itself first
}

// fields compiles form.fields.
func (c *compiler) fields() []fieldRule {
	rules := make([]fieldRule, 0, len(c.spec.Fields))
	for _, s := range c.spec.Fields {
		r := fieldRule{name: s.Name, pos: s.Pos, typ: value.TypeText, label: s.Label}
		r.path = form.Path(s.Name)
		if strings.TrimSpace(s.Name) == "" || len(r.path) == 0 {
			c.fault(s.Pos, "a field has no name", "write the name that the form posts")
			continue
		}
		r.path[0] = root(s.Name)
		r.spelled = aliases(r.path[0])
		c.fieldType(&r, s)
		rules = append(rules, r)
	}
	return rules
}

// fieldType finds the type, and with it compiles rule and default, which both depend on it.
func (c *compiler) fieldType(r *fieldRule, s FieldSpec) {
	if s.Type != "" {
		t, ok := value.ParseType(s.Type)
		if !ok {
			names := make([]string, 0, len(value.Types()))
			for _, t := range value.Types() {
				names = append(names, string(t))
			}
			do := "write one of " + strings.Join(names, ", ")
			if near := value.Nearest(s.Type, names); near != "" {
				do = "write " + near
			}
			c.fault(s.TypePos, fmt.Sprintf("there is no type %q", s.Type), do)
			return
		}
		r.typ = t
	}
	c.fieldRule(r, s)
	c.fieldDefault(r, s)
}

// fieldRule compiles the rule. It is tried out by value.CompileRule, so that a tag which would panic in
// the validator is a fault here.
func (c *compiler) fieldRule(r *fieldRule, s FieldSpec) {
	if s.Validate == "" {
		return
	}
	rule, err := value.CompileRule(s.Validate, r.typ)
	var wrong *value.RuleError
	switch {
	case errors.As(err, &wrong):
		c.fault(s.ValidatePos, wrong.What, wrong.Do)
	case err != nil:
		c.fault(s.ValidatePos, err.Error(), "mend the rule")
	default:
		r.rule = rule
	}
}

// fieldDefault converts a default as if it had been posted.
func (c *compiler) fieldDefault(r *fieldRule, s FieldSpec) {
	n := s.Default
	if n == nil || n.Kind == Null {
		return
	}
	if n.Kind == Map {
		c.fault(n.Pos, fmt.Sprintf("the default of %s is %s", s.Name, n.Kind), "write one value, or a list of values")
		return
	}
	if n.Kind == Scalar {
		r.fallback = c.fallback(r, n)
		return
	}
	items := make([]any, 0, len(n.Items))
	for _, item := range n.Items {
		if v := c.fallback(r, item); v != nil {
			items = append(items, v)
		}
	}
	r.fallback = items
}

// fallback converts one value of a default. A default that the field itself would refuse could only
// ever turn visitors away.
func (c *compiler) fallback(r *fieldRule, n *Node) any {
	if n.Kind != Scalar {
		c.fault(n.Pos, fmt.Sprintf("the default of %s is %s", r.name, n.Kind), "write one value, or a list of values")
		return nil
	}
	text := strings.TrimSpace(n.Text)
	if text == "" {
		return nil
	}
	v, err := r.typ.Convert(text, value.Env{Region: c.spec.Region, Location: c.spec.Location})
	if err != nil {
		c.fault(n.Pos, fmt.Sprintf("the default of %s, %q, is no %s", r.name, text, r.typ), "write one that is, or mend the type")
		return nil
	}
	if r.rule != nil && r.typ != value.TypeDate { // a date's rules may speak of the present
		if tag, _, ok := r.rule.Check(v, time.Time{}); !ok {
			c.fault(n.Pos, fmt.Sprintf("the default of %s, %q, breaks its own rule %s", r.name, text, tag), "mend the default or the rule")
		}
	}
	return v
}

// numericFields are the plain fields that arrive as numbers.
func numericFields(rules []fieldRule) map[string]bool {
	numeric := map[string]bool{}
	for _, r := range rules {
		if len(r.path) == 1 && (r.typ == value.TypeInt || r.typ == value.TypeNumber) {
			for _, name := range r.spelled {
				numeric[name] = true
			}
		}
	}
	return numeric
}

// applyFields converts the form's values, fills in defaults and checks the rules, in the order of
// form.fields.
func (r *run) applyFields() {
	for i := range r.m.fields {
		rule := &r.m.fields[i]
		if len(rule.path) == 1 {
			r.plainField(rule)
			continue
		}
		r.nestedField(rule)
	}
}

// nestedField treats a name with brackets. It leads into a tree that may stand in the form under several
// spellings of its root: each is converted, but told only once.
func (r *run) nestedField(rule *fieldRule) {
	keys, posted := r.spellings(rule), 0
	for _, key := range keys {
		if v, there := r.values[key]; there {
			w := fieldWalk{run: r, rule: rule, quiet: posted > 0}
			w.below(v, rule.path[1:], []expression.Step{{Key: key}})
			posted++
		}
	}
	if posted > 0 {
		return
	}
	w := fieldWalk{run: r, rule: rule}
	if out := w.missing(rule.path[1:], []expression.Step{{Key: keys[0]}}); out != nil {
		for _, key := range keys {
			r.values[key] = out
		}
	}
}

// plainField treats a field without brackets, under all names that it answers to.
func (r *run) plainField(rule *fieldRule) {
	keys := r.spellings(rule)
	v, there := r.values[keys[0]]
	w := fieldWalk{run: r, rule: rule}
	out := w.judge(v, there, []expression.Step{{Key: keys[0]}})
	if out == nil && !there {
		return
	}
	for _, key := range keys {
		r.values[key] = out
	}
}

// spellings are the keys of the form's values that are one field: what the profile calls it first, when
// it was posted so.
func (r *run) spellings(rule *fieldRule) []string {
	if len(rule.spelled) == 1 && r.plain(rule.path[0]) {
		return rule.spelled // nearly every field of nearly every form, and the index below is dear
	}
	name := rule.path[0]
	keys := []string{name}
	add := func(names []string) {
		for _, key := range names {
			if !slices.Contains(keys, key) && !r.posted().raw[key] {
				keys = append(keys, key)
			}
		}
	}
	add(rule.spelled)
	for _, i := range r.posted().roots[name] {
		raw := root(r.in.Fields.Pairs[i].Name)
		if raw == replyTo && name != replyTo {
			continue
		}
		if raw != name && !slices.Contains(keys, raw) {
			keys = append(keys, raw)
		}
		add(aliases(raw))
	}
	return keys
}

// plain tells that a name is no other spelling of what was posted.
func (r *run) plain(name string) bool {
	if !r.looked {
		r.looked = true
		for i := range r.in.Fields.Pairs {
			if posted := root(r.in.Fields.Pairs[i].Name); !form.IsIdentifier(posted) {
				r.others = append(r.others, aliases(posted)[1:]...)
			}
		}
	}
	return !slices.Contains(r.others, name)
}

// fieldWalk follows a rule's name into the form's tree.
type fieldWalk struct {
	run   *run
	rule  *fieldRule
	quiet bool // another spelling has told the faults already
}

// single tells a name that means one field whatever is posted: one without empty brackets, or with a
// last pair of them for the choices of a list.
func (w *fieldWalk) single() bool {
	return !slices.Contains(w.rule.path[1:len(w.rule.path)-1], "")
}

// missing treats a field of which the form posted nothing, not even the objects around it. It returns
// the default, nested as path says, nil when there is none.
func (w *fieldWalk) missing(path []string, at []expression.Step) any {
	if !w.single() {
		return nil
	}
	for _, key := range path {
		at = append(at[:len(at):len(at)], expression.Step{Key: key})
	}
	out := w.judge(nil, false, at)
	for _, key := range slices.Backward(path) {
		_, many := out.([]any)
		switch {
		case out == nil || key == "" && many:
		case key == "":
			out = []any{out}
		default:
			out = map[string]any{key: out}
		}
	}
	return out
}

// below treats what lies below a value that was posted. Where that has no room for the field, the field
// is missing, but a default does not replace what was typed.
func (w *fieldWalk) below(v any, path []string, at []expression.Step) {
	switch v := v.(type) {
	case map[string]any:
		if path[0] != "" {
			w.member(v, path, at)
			return
		}
		for _, key := range w.run.order(at) {
			w.member(v, append([]string{key}, path[1:]...), at)
		}
	case []any:
		keys := w.run.order(at)
		if path[0] != "" && !slices.Contains(keys, path[0]) {
			w.missing(path, at)
		}
		for i := range v {
			if i >= len(keys) || path[0] != "" && path[0] != keys[i] {
				continue
			}
			below := append(at[:len(at):len(at)], expression.Step{Key: keys[i]})
			if len(path) == 1 {
				v[i] = w.judge(v[i], true, below)
			} else {
				w.below(v[i], path[1:], below)
			}
		}
	default:
		w.missing(path, at)
	}
}

// member treats one key of an object. A default does not bring a line to life that was left wholly
// blank.
func (w *fieldWalk) member(m map[string]any, path []string, at []expression.Step) {
	v, there := m[path[0]]
	below := append(at[:len(at):len(at)], expression.Step{Key: path[0]})
	if len(path) > 1 {
		if there {
			w.below(v, path[1:], below)
		} else if out := w.missing(path[1:], below); out != nil {
			m[path[0]] = out
		}
		return
	}
	rule := w.rule
	if v == nil && rule.fallback != nil && !w.single() && blank(m) {
		without := *rule
		without.fallback = nil
		w = &fieldWalk{run: w.run, rule: &without, quiet: w.quiet}
	}
	if v = w.judge(v, there, below); v != nil || there {
		m[path[0]] = v
	}
}

// judge converts one value and checks its rule. It returns what expressions are to read; a value that
// is wrong stays as it was typed, since the visitor will be told.
func (w *fieldWalk) judge(v any, there bool, at []expression.Step) any {
	if v == nil && w.rule.fallback != nil {
		return w.rule.fallback
	}
	switch v := v.(type) {
	case string:
		return w.text(v, at)
	case []any:
		if len(v) > 0 {
			for i := range v {
				v[i] = w.judge(v[i], true, at)
			}
			return v
		}
	case nil:
	default:
		return v // an object, or what another rule has converted
	}
	w.check(nil, there, at)
	return v
}

// text converts what was typed and checks the rule on the converted value. A number whose comma could
// be read in two ways is a number all the same; it is remembered, because an amount of money must not
// be guessed.
func (w *fieldWalk) text(text string, at []expression.Step) any {
	m := w.run.m
	v, err := w.rule.typ.Convert(text, value.Env{Region: m.region, Location: m.location})
	if err != nil {
		w.correct(at, typeCode(w.rule.typ), "", "")
		return text
	}
	if w.rule.typ == value.TypePhone && !w.quiet {
		// The converted value is the number alone; what else was typed beside it must not be lost.
		if rest := value.Phone(text, m.region).Rest; rest != "" {
			w.run.phoneRests = append(w.run.phoneRests, phoneRest{text: rest, pair: w.run.posted().typed(at, text)})
		}
	}
	if w.rule.typ == value.TypeNumber {
		if _, err := value.Amount(text); errors.Is(err, value.ErrAmbiguous) {
			w.run.ambiguous = append(w.run.ambiguous, w.name(at))
		}
	}
	w.check(v, true, at)
	return v
}

// check asks the rule. What is absent and what is blank have different codes: a form that never sends a
// field is broken, a visitor who left it empty is not.
func (w *fieldWalk) check(v any, there bool, at []expression.Step) {
	if w.rule.rule == nil {
		return
	}
	tag, param, ok := w.rule.rule.Check(v, w.run.in.Now)
	if ok {
		return
	}
	switch {
	case v == nil && there:
		w.correct(at, CodeEmpty, tag, param)
	case v == nil:
		w.correct(at, CodeMissing, tag, param)
	default:
		w.correct(at, ruleCode(tag), tag, param)
	}
}

// correct tells the visitor, with the field's own posted name.
func (w *fieldWalk) correct(at []expression.Step, code, tag, param string) {
	if !w.quiet {
		c := Correction{Field: w.name(at), Code: code, Tag: tag, Param: param, Type: string(w.rule.typ), Label: w.rule.label}
		if w.rule.rule != nil {
			c.Choices = w.rule.rule.Choices()
		}
		w.run.correct(c)
	}
}

// name is the field's name as it was posted, else as the form would post it.
func (w *fieldWalk) name(at []expression.Step) string {
	if name, ok := w.run.posted().name(at); ok {
		return name
	}
	if len(at) == 1 {
		return w.rule.name
	}
	return spelled(at)
}

// typeCode is the code of a value that does not convert to its type.
func typeCode(t value.Type) string {
	switch t {
	case value.TypeInt, value.TypeNumber:
		return CodeNumeric
	case value.TypeDate:
		return CodeDate
	case value.TypePhone:
		return CodePhone
	case value.TypeEmail:
		return CodeEmail
	case value.TypeBool:
		return CodeBool
	default:
		return CodeText
	}
}

// ruleCode is the code of a rule that fails: a rule that only repeats a type has the type's.
func ruleCode(tag string) string {
	switch tag {
	case "email":
		return CodeEmail
	case "numeric", "number":
		return CodeNumeric
	case "e164":
		return CodePhone
	case "datetime":
		return CodeDate
	case "boolean":
		return CodeBool
	default:
		return CodeRule
	}
}
