package value

import (
	"fmt"
	"strings"
	"time"

	"github.com/go-playground/validator/v10"
)

// maxRuleText bounds a rule's text in bytes. It is a person's line in a profile.
const maxRuleText = 2000

// Rule is the compiled `validate` of one field: a list of validator/v10's tags, of which a value must keep all. It is safe for concurrent
// use and shares nothing with other rules: each has a validator of its own (some 15 KB), which goes when the profile goes.
type Rule struct {
	of       Type
	required bool
	steps    []step
	tester   *validator.Validate // nil when no step asks it
}

// step is one entry of the list: a tag, or alternatives with | between them.
type step struct {
	text  string // as validator takes it
	tag   string // what Check names: the tag, or the alternatives as they were written
	param string
}

// Required tells whether an absent value breaks the rule.
func (r *Rule) Required() bool { return r.required }

// RuleError is a fault in a rule's text, found when the profile is loaded.
type RuleError struct {
	What string // what is wrong: "mix is no rule"
	Do   string // what to do, as a clause that can follow "; ": "write max"
}

// Error joins the two.
func (e *RuleError) Error() string { return e.What + "; " + e.Do }

// CompileRule compiles a list of validator/v10's tags, separated by commas, for values of the type; alternatives have | between them, and
// inside a parameter 0x2C stands for a comma and 0x7C for a |. Blanks around a tag do not matter. An empty text is no rule: it is kept by
// every value. The error is a [*RuleError].
//
// Only tags that judge one posted value can be used: those of [Tags], and omitempty, omitnil and omitzero, which change nothing because
// an absent value is never judged anyway. Each is tried here on values of the type, so that a rule that compiles works.
func CompileRule(tag string, t Type) (*Rule, error) {
	if _, known := ParseType(string(t)); !known {
		t = TypeText
	}
	r := &Rule{of: t}
	if tag = trim(tag); tag == "" {
		return r, nil
	}
	if len(tag) > maxRuleText {
		return nil, &RuleError{What: "the rule is too long", Do: fmt.Sprintf("write at most %d bytes", maxRuleText)}
	}
	for entry := range strings.SplitSeq(tag, ",") {
		if err := r.add(entry); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// add compiles one entry of the list.
func (r *Rule) add(entry string) error {
	var s step
	for i, written := range strings.Split(entry, "|") {
		u := parseUsed(written)
		if err := r.suits(u, strings.Contains(entry, "|")); err != nil {
			return err
		}
		switch {
		case u.use == useRequired:
			r.required = true
			return nil
		case u.use == useOmit:
			return nil
		case i == 0:
			s = step{text: u.text(), tag: u.name, param: unescape(u.param)}
		default:
			s = step{text: s.text + "|" + u.text(), tag: s.tag + "|" + u.name, param: s.param + "|" + unescape(u.param)}
		}
	}
	if strings.Trim(s.param, "|") == "" && strings.Contains(s.tag, "|") {
		s.param = "" // none of the alternatives has one
	}
	return r.step(s)
}

// step tries a step and keeps it.
func (r *Rule) step(s step) error {
	if r.of != TypeDate { // dates are judged here, with a clock that the caller gives
		if r.tester == nil {
			r.tester = validator.New()
		}
		if !r.tryOut(s.text) {
			return &RuleError{
				What: fmt.Sprintf("%s cannot judge a field of type %s", s.text, r.of),
				Do:   "see validator's documentation for how this rule is written",
			}
		}
	}
	r.steps = append(r.steps, s)
	return nil
}

// tryOut tells whether validator takes the tag for values of the type: for what it does not take, it panics.
func (r *Rule) tryOut(text string) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	for _, sample := range r.of.samples() {
		_ = r.tester.Var(sample, text)
	}
	return true
}

// samples are values of the Go type that Convert makes: the zero value and another.
func (t Type) samples() []any {
	switch t {
	case TypeInt:
		return []any{int64(0), int64(7)}
	case TypeNumber:
		return []any{0.0, 7.5}
	case TypeBool:
		return []any{false, true}
	default:
		return []any{"", "text", "+380501112233"}
	}
}

// Check judges a value that [Type.Convert] made; nil, and a text that is empty, are an absent one. It names the first tag that the value
// does not keep, with its parameter; of alternatives it names all as they were written ("email|e164"), and their parameters likewise where
// any has one ("3|5" of len=3|len=5). An absent value fails only "required", and a value that was posted never does, be it 0 or false.
//
// now is what dates are compared with, so that the same post always fares the same. gt, gte, lt and lte mean after now, not before it,
// before it, not after it; for a day without a time they compare days, so gte holds for today.
//
// A value of another Go type than the rule was compiled for fails the rule's first tag.
func (r *Rule) Check(v any, now time.Time) (tag, param string, ok bool) {
	if v == nil || v == "" {
		if r.required {
			return "required", "", false
		}
		return "", "", true
	}
	for i := range r.steps {
		s := &r.steps[i]
		if !r.keeps(v, s, now) {
			return s.tag, s.param, false
		}
	}
	return "", "", true
}

// keeps judges a value by one step. Whatever a step does with a value it was not tried on, a post must not end in a panic.
func (r *Rule) keeps(v any, s *step, now time.Time) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	if r.of == TypeDate {
		m, isMoment := v.(Moment)
		return isMoment && m.keeps(s.text, now)
	}
	return r.of.holds(v) && r.tester.Var(v, s.text) == nil
}

// holds tells whether v has the Go type of the type's values.
func (t Type) holds(v any) bool {
	switch v.(type) {
	case int64:
		return t == TypeInt
	case float64:
		return t == TypeNumber
	case bool:
		return t == TypeBool
	case string:
		return t == TypeText || t == TypePhone || t == TypeEmail
	}
	return false
}

// keeps judges a moment by the tags that dates have, with | between alternatives.
func (m Moment) keeps(text string, now time.Time) bool {
	order := m.Time.Compare(now)
	if m.DateOnly {
		order = strings.Compare(m.Day(), now.In(m.Time.Location()).Format(time.DateOnly))
	}
	for tag := range strings.SplitSeq(text, "|") {
		switch {
		case tag == "gt" && order > 0, tag == "gte" && order >= 0, tag == "lt" && order < 0, tag == "lte" && order <= 0:
			return true
		}
	}
	return false
}

// unescape gives a parameter as it is meant.
func unescape(param string) string {
	return strings.ReplaceAll(strings.ReplaceAll(param, "0x2C", ","), "0x7C", "|")
}

// Choices lists the values that the rule allows, when it says so by oneof or oneofci; nil when any other may be right.
func (r *Rule) Choices() []string {
	for _, s := range r.steps {
		if s.tag == "oneof" || s.tag == "oneofci" {
			return Words(s.param)
		}
	}
	return nil
}

// Words takes a oneof's parameter apart, which has blanks between its words and ' around one that holds a blank.
func Words(param string) []string {
	var words []string
	for param = strings.TrimSpace(param); param != ""; param = strings.TrimSpace(param) {
		end := " "
		if param[0] == '\'' {
			param, end = param[1:], "'"
		}
		var word string
		word, param, _ = strings.Cut(param, end)
		words = append(words, word)
	}
	return words
}
