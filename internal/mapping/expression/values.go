package expression

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"formrelay/internal/mapping/value"
)

// Decimal is a number of a profile's table, exactly as it was written: 450.10 keeps its zero.
// Arithmetic takes it as a number.
type Decimal string

var plainDecimal = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?$`)

// Written is a scalar as a profile means it: a plain decimal number written without quotes is a
// [Decimal], true and false are booleans, everything else, 0501 too, is text.
func Written(text string, quoted bool) any {
	switch {
	case quoted:
		return text
	case plainDecimal.MatchString(text):
		return Decimal(text)
	case text == "true":
		return true
	case text == "false":
		return false
	default:
		return text
	}
}

// Table is an object of a profile's tables. Its keys are texts as written.
type Table struct {
	Name string // "price", and of a nested object "price.kyiv"
	Rows map[string]any
}

// MissingKey is the error of looking up a key that a table does not have.
type MissingKey struct{ Table, Key string }

// Error names the key and the table.
func (e *MissingKey) Error() string {
	return fmt.Sprintf("the table %s has no key %q", e.Table, shorten(e.Key))
}

// maxShown bounds how much of a visitor's value stands in an error.
const maxShown = 60

// shorten bounds a visitor's value in an error and cuts no character in two.
func shorten(s string) string {
	if len(s) <= maxShown {
		return s
	}
	return strings.ToValidUTF8(s[:maxShown], "") + "…"
}

// floatDigits is how many significant digits of a binary float are certain in decimal. Rounding to them
// turns what arithmetic makes of 12.99 × 3 (38.970000000000006) back into what a person would write.
const floatDigits = 15

// decimalText writes a float as a plain decimal without an exponent. NaN and infinities are written as such,
// which no number of KeyCRM's is.
func decimalText(f float64) string {
	if f == math.Trunc(f) && math.Abs(f) < 1e15 {
		return strconv.FormatInt(int64(f), 10)
	}
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', floatDigits, 64), 64)
	if err != nil {
		rounded = f
	}
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}

// Text writes a value into a text, a date in the form's own time zone. ok is false for what has no
// text: a list or an object.
func (l *Language) Text(v any) (text string, ok bool) {
	switch v := v.(type) {
	case nil:
		return "", true
	case string:
		return v, true
	case Decimal:
		return string(v), true
	case bool:
		return strconv.FormatBool(v), true
	case int:
		return strconv.Itoa(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		return decimalText(v), true
	case value.Moment:
		if v.DateOnly {
			return v.Day(), true
		}
		return v.Time.In(l.location).Format(time.DateTime), true
	case time.Time:
		return v.In(l.location).Format(time.DateTime), true
	case time.Duration:
		return v.String(), true
	default:
		return "", false
	}
}

// itemsOf is a value as a list: nil is an empty one, a list is itself, an object is its values (by key,
// sorted), anything else is a list of one.
func itemsOf(v any) []any {
	switch v := v.(type) {
	case nil:
		return []any{}
	case []any:
		return v
	case []string:
		items := make([]any, len(v))
		for i := range v {
			items[i] = v[i]
		}
		return items
	case map[string]any:
		items := make([]any, 0, len(v))
		for _, key := range sortedKeys(v) {
			items = append(items, v[key])
		}
		return items
	case *Table:
		return itemsOf(v.Rows)
	default:
		return []any{v}
	}
}

// sortedKeys gives a map an order that is the same in every run.
func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// plain turns what only the relay knows into what expr's operators know: a Decimal into a number, a
// Moment into a time.
func plain(v any) any {
	switch v := v.(type) {
	case Decimal:
		if n, err := strconv.Atoi(string(v)); err == nil {
			return n
		}
		f, err := strconv.ParseFloat(string(v), 64)
		if err != nil {
			return string(v)
		}
		return f
	case value.Moment:
		return v.Time
	default:
		return v
	}
}

// truth is the rule of `when`, which holds wherever an expression asks yes or no: nil, blank, false, 0,
// off and no are no, and so is an empty list.
func truth(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case Decimal:
		return value.Truthy(string(v))
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	case *Table:
		return len(v.Rows) > 0
	default:
		return value.Truthy(v)
	}
}

// Truthy tells whether a `when` with this value lets its object in.
func Truthy(v any) bool { return truth(v) }

// fetch reads one member. Nothing has no members, so a member of nil is nil; so is one that an object
// or a list does not have. A member of a plain value is an error: the mapping takes the form for
// another one. A key that a table does not have is a *MissingKey.
func (l *Language) fetch(from, key any) (any, error) {
	switch from := from.(type) {
	case nil:
		return nil, nil
	case map[string]any:
		name, ok := l.Text(key)
		if !ok {
			return nil, errors.New("a list or an object is no key")
		}
		return from[name], nil
	case *Table:
		return l.row(from, key)
	case []any:
		return element(from, key)
	case string:
		return nil, fmt.Errorf("%q is a text and has no %v", shorten(from), keyName(l, key))
	default:
		return nil, fmt.Errorf("a %s has no %v", kindName(from), keyName(l, key))
	}
}

// row looks a key up as text, so that a number that was converted finds the key that was written. A
// blank key looks nothing up.
func (l *Language) row(t *Table, key any) (any, error) {
	if key == nil {
		return nil, nil
	}
	name, ok := l.Text(key)
	if !ok {
		return nil, fmt.Errorf("a list or an object is no key of the table %s", t.Name)
	}
	v, ok := t.Rows[name]
	if !ok {
		return nil, &MissingKey{Table: t.Name, Key: name}
	}
	return v, nil
}

// element is the item of a list at a position from 0 (from the end when negative), nil when the list
// ends before it.
func element(list []any, key any) (any, error) {
	i, ok := position(key)
	if !ok {
		return nil, errors.New("a list has items by position only: write [0] for the first, or use `each`")
	}
	if i < 0 {
		i += len(list)
	}
	if i < 0 || i >= len(list) {
		return nil, nil
	}
	return list[i], nil
}

// position reads a list's position. A text of digits is one too: positions arrive in hidden fields.
func position(key any) (int, bool) {
	switch key := key.(type) {
	case int:
		return key, true
	case int64:
		return int(key), true
	case float64:
		return int(key), key == math.Trunc(key) && math.Abs(key) < 1e9
	case Decimal:
		i, err := strconv.Atoi(string(key))
		return i, err == nil
	case string:
		i, err := strconv.Atoi(key)
		return i, err == nil
	default:
		return 0, false
	}
}

// keyName is a key in an error.
func keyName(l *Language, key any) string {
	name, _ := l.Text(key)
	return strconv.Quote(shorten(name))
}

// kindName is a value's kind in an error's sentence.
func kindName(v any) string {
	switch v.(type) {
	case nil:
		return "nothing"
	case string:
		return "text"
	case bool:
		return "yes or no"
	case int, int64, float64, Decimal:
		return "number"
	case value.Moment, time.Time:
		return "date"
	case []any, []string:
		return "list"
	default:
		return "object"
	}
}
