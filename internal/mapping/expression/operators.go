package expression

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/expr-lang/expr/vm/runtime"
)

// maxText bounds, in bytes, a text that an expression makes, so that no expression can turn a small
// form into a large entity. It is well above the largest post.
const maxText = 2 << 20

var (
	errTooLong  = errors.New("the text grows too long")
	errTooLarge = errors.New("the result is too large a number")
	errInfinite = errors.New("the calculation has no finite result: what it divides by is zero, perhaps")
)

// calculate is an arithmetic operator. Nothing plus something is that something; any other arithmetic
// with nothing is nothing, because a field that was left empty must not hold an order back. Text is
// never taken for a number silently.
func calculate(op string, a, b any) (any, error) {
	if a == nil || b == nil {
		return withNothing(op, a, b), nil // as it is: a day stays a day, and does not become its midnight
	}
	a, b = plain(a), plain(b)
	s, first := a.(string)
	t, second := b.(string)
	switch {
	case first && second && op == "+":
		if len(s)+len(t) > maxText {
			return nil, errTooLong
		}
		return s + t, nil
	case first || second:
		text := s
		if !first {
			text = t
		}
		return nil, fmt.Errorf("`%s` cannot take the text %q for a number: put num(…) around the field", op, shorten(text))
	}
	return bounded(op, a, b, arithmetic(op, a, b))
}

// bounded refuses what no person means by a number: a division by zero, which a text would show as +Inf,
// and whole numbers so large that they would come round again from below.
func bounded(op string, a, b, result any) (any, error) {
	switch v := result.(type) {
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, errInfinite
		}
	case int:
		if op == "%" {
			break
		}
		x, _, _ := toFloat(a)
		y, _, _ := toFloat(b)
		if f, ok := arithmetic(op, x, y).(float64); ok && math.Abs(f) >= 1<<63 {
			return nil, errTooLarge
		}
	}
	return result, nil
}

// withNothing is arithmetic of which one side is nothing at least.
func withNothing(op string, a, b any) any {
	switch {
	case op == "+" && a == nil:
		if _, span := b.(time.Duration); span {
			return nil // a date that was left empty, and some hours later
		}
		return b
	case (op == "+" || op == "-") && b == nil:
		return a
	default:
		return nil
	}
}

// arithmetic panics on operands that the operator has no meaning for, as expr's own opcodes do; the
// machine turns that into an error.
func arithmetic(op string, a, b any) any {
	switch op {
	case "+":
		return runtime.Add(a, b)
	case "-":
		return runtime.Subtract(a, b)
	case "*":
		return runtime.Multiply(a, b)
	case "/":
		return runtime.Divide(a, b)
	case "%":
		return runtime.Modulo(a, b)
	default: // ** and ^
		return runtime.Exponent(a, b)
	}
}

// compare is an ordering operator. Nothing is neither less nor more than anything.
func compare(op string, a, b any) (any, error) {
	a, b = plain(a), plain(b)
	if a == nil || b == nil {
		return false, nil
	}
	_, first := a.(string)
	_, second := b.(string)
	if first != second {
		return nil, fmt.Errorf("`%s` cannot compare a %s with a %s: put num(…) or date(…) around the text", op, kindName(a), kindName(b))
	}
	switch op {
	case "<":
		return runtime.Less(a, b), nil
	case "<=":
		return runtime.LessOrEqual(a, b), nil
	case ">":
		return runtime.More(a, b), nil
	default:
		return runtime.MoreOrEqual(a, b), nil
	}
}

// equal compares a table's number with a text by its text: keys and ids are texts, prices are numbers.
func equal(a, b any) bool {
	d, first := a.(Decimal)
	e, second := b.(Decimal)
	if s, ok := b.(string); ok && first {
		return string(d) == s
	}
	if s, ok := a.(string); ok && second {
		return s == string(e)
	}
	return runtime.Equal(plain(a), plain(b))
}

// within is the operator `in`: an item of a list, or a key of an object or a table, by its text.
func (l *Language) within(e *Env, needle, list any) (any, error) {
	switch list := list.(type) {
	case nil:
		return false, nil
	case map[string]any:
		return l.hasKey(list, needle), nil
	case *Table:
		return l.hasKey(list.Rows, needle), nil
	case string:
		return nil, errors.New("`in` looks in a list, not in a text: write `contains`")
	}
	items := itemsOf(list)
	for i, item := range items {
		if equal(item, needle) {
			return true, e.Spend(i + 1)
		}
	}
	return false, e.Spend(len(items))
}

// add is the operator `+`. What it makes of texts is paid for: in a loop they grow with each round.
func add(e *Env, a, b any) (any, error) {
	v, err := calculate("+", a, b)
	if text, ok := v.(string); ok && err == nil {
		err = e.Spend(len(text) / textStep)
	}
	return v, err
}

// hasKey looks a key up by its text, as member access does.
func (l *Language) hasKey(m map[string]any, key any) bool {
	if key == nil {
		return false
	}
	name, ok := l.Text(key)
	_, found := m[name]
	return ok && found
}

// slice cuts a list by items and a text by characters, never through the middle of one.
func slice(v, from, to any) (any, error) {
	switch v := plain(v).(type) {
	case nil:
		return nil, nil
	case string:
		chars := []rune(v)
		a, b, err := bounds(len(chars), from, to)
		if err != nil {
			return nil, err
		}
		return string(chars[a:b]), nil
	case []any:
		a, b, err := bounds(len(v), from, to)
		if err != nil {
			return nil, err
		}
		return v[a:b:b], nil
	default:
		return nil, fmt.Errorf("a %s cannot be cut with [:]", kindName(v))
	}
}

// bounds are the ends of a cut, from the end when negative, never outside.
func bounds(n int, from, to any) (a, b int, err error) {
	a, b = 0, n
	if from != nil {
		if a, err = bound(n, from); err != nil {
			return 0, 0, err
		}
	}
	if to != nil {
		if b, err = bound(n, to); err != nil {
			return 0, 0, err
		}
	}
	return min(a, b), b, nil
}

// bound is one end of a cut.
func bound(n int, v any) (int, error) {
	i, ok := position(v)
	if !ok {
		return 0, errors.New("a cut needs whole numbers: [0:10]")
	}
	if i < 0 {
		i += n
	}
	return min(max(i, 0), n), nil
}
