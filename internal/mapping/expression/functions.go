package expression

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/vm/runtime"

	"formrelay/internal/mapping/value"
)

// maxItems bounds the lists that a function makes out of one text. Together with maxNesting it bounds
// the work of an expression.
const maxItems = 1000

var (
	errManyItems = fmt.Errorf("the text makes a list of more than %d items", maxItems)
	errNoText    = errors.New("a list or an object is no text: take one of its members, or join(…)")
)

// function is one function of the language. All of them take nothing for an answer: a first argument of
// nil gives nil, or for a list's function an empty list, because a field that was left empty must not
// hold a submission back.
type function struct {
	least, most int  // arguments; most below 0 is any number
	keeps       bool // what comes out is, or holds, what went in (for telling which fields a value came from)
	part        bool // with keeps: perhaps not all of it
	whole       bool // without keeps: it takes all that lies in what it is given, not only its length
	light       bool // its work does not grow with the lists that it is given
	call        func(l *Language, args []any) (any, error)
}

// predicates are expr's own functions over a list with a condition or a formula for each item, as
// `filter(products, .quantity > 1)`. The value says whether items of the list themselves come out.
func predicates() map[string]bool {
	return map[string]bool{
		"all": false, "any": false, "none": false, "one": false, "count": false, "sum": false, "map": false, "findIndex": false,
		"findLastIndex": false, "filter": true, "find": true, "findLast": true, "sortBy": true, "reduce": true,
	}
}

// ownFunctions are those that expr does not have.
func ownFunctions() []string { return []string{"list", "num", "date", "join", "e164"} }

// functions are all functions of the language but the predicates. What expr has beyond them is left out
// for a reason: now, timezone and the like make a result depend on more than the post; keys, values,
// toPairs and groupBy follow no certain order; repeat, ranges and get have no use here that is worth
// their bounds.
func functions() map[string]function {
	return map[string]function{
		// The relay's own.
		"list": {least: 1, most: 1, keeps: true, call: list},
		"num":  {least: 1, most: 1, call: readNumber(value.Number)},
		"date": {least: 1, most: 1, call: date},
		"e164": {least: 1, most: 1, call: text(func(l *Language, s string) string { return value.Phone(s, l.region).Text })},
		"join": {least: 2, most: -1, whole: true, call: join},

		// Texts.
		"string":     {least: 1, most: 1, call: text(func(_ *Language, s string) string { return s })},
		"trim":       {least: 1, most: 2, call: trim},
		"upper":      {least: 1, most: 1, call: text(func(_ *Language, s string) string { return strings.ToUpper(s) })},
		"lower":      {least: 1, most: 1, call: text(func(_ *Language, s string) string { return strings.ToLower(s) })},
		"trimPrefix": {least: 2, most: 2, call: texts(func(s, t string) (any, error) { return strings.TrimPrefix(s, t), nil })},
		"trimSuffix": {least: 2, most: 2, call: texts(func(s, t string) (any, error) { return strings.TrimSuffix(s, t), nil })},
		"hasPrefix":  {least: 2, most: 2, call: texts(func(s, t string) (any, error) { return strings.HasPrefix(s, t), nil })},
		"hasSuffix":  {least: 2, most: 2, call: texts(func(s, t string) (any, error) { return strings.HasSuffix(s, t), nil })},
		"replace":    {least: 3, most: 3, call: replace},
		"split":      {least: 2, most: 2, call: split},
		"fromJSON":   {least: 1, most: 1, keeps: true, call: fromJSON},

		// Numbers.
		"int":      {least: 1, most: 1, call: toInt(value.Number)},
		"abs":      {least: 1, most: 1, call: number(math.Abs)},
		"ceil":     {least: 1, most: 1, call: number(math.Ceil)},
		"floor":    {least: 1, most: 1, call: number(math.Floor)},
		"round":    {least: 1, most: 2, call: round},
		"min":      {least: 1, most: -1, whole: true, call: library("min")},
		"max":      {least: 1, most: -1, whole: true, call: library("max")},
		"mean":     {least: 1, most: -1, whole: true, call: library("mean")},
		"median":   {least: 1, most: -1, whole: true, call: library("median")},
		"duration": {least: 1, most: 1, call: duration},

		// Lists.
		"len":     {least: 1, most: 1, light: true, call: length},
		"first":   {least: 1, most: 1, keeps: true, part: true, light: true, call: func(_ *Language, args []any) (any, error) { return element(itemsOf(args[0]), 0) }},
		"last":    {least: 1, most: 1, keeps: true, part: true, light: true, call: func(_ *Language, args []any) (any, error) { return element(itemsOf(args[0]), -1) }},
		"take":    {least: 2, most: 2, keeps: true, part: true, light: true, call: func(_ *Language, args []any) (any, error) { return slice(itemsOf(args[0]), 0, args[1]) }},
		"reverse": {least: 1, most: 1, keeps: true, call: reverse},
		"uniq":    {least: 1, most: 1, keeps: true, call: uniq},
		"concat":  {least: 1, most: -1, keeps: true, call: concat},
		"flatten": {least: 1, most: 1, keeps: true, call: flatten},
		"sort":    {least: 1, most: 2, keeps: true, call: sorted},
	}
}

// work is what a call costs before it is made.
func (f function) work(args []any) int {
	steps := 1
	for _, arg := range args {
		switch arg := arg.(type) {
		case string:
			steps += len(arg) / textStep
		case []any:
			if f.light {
				continue
			}
			steps += len(arg)
			for _, item := range arg {
				if text, ok := item.(string); ok {
					steps += len(text) / textStep
				}
			}
		case map[string]any:
			steps += len(arg)
		case *Table:
			steps += len(arg.Rows)
		}
	}
	return steps
}

// text is a function of one text.
func text(f func(*Language, string) string) func(*Language, []any) (any, error) {
	return func(l *Language, args []any) (any, error) {
		if args[0] == nil {
			return nil, nil
		}
		s, ok := l.Text(args[0])
		if !ok {
			return nil, errNoText
		}
		return f(l, s), nil
	}
}

// texts is a function of two texts; nothing as the second is a blank text.
func texts(f func(s, t string) (any, error)) func(*Language, []any) (any, error) {
	return func(l *Language, args []any) (any, error) {
		if args[0] == nil {
			return nil, nil
		}
		s, ok := l.Text(args[0])
		t, also := l.Text(args[1])
		if !ok || !also {
			return nil, errNoText
		}
		return f(s, t)
	}
}

// trim takes blanks off both ends, or the characters of its second argument.
func trim(l *Language, args []any) (any, error) {
	if len(args) == 1 {
		return text(func(_ *Language, s string) string { return strings.TrimSpace(s) })(l, args)
	}
	return texts(func(s, t string) (any, error) { return strings.Trim(s, t), nil })(l, args)
}

// replace is strings.ReplaceAll with its result bounded before it is made: 256 KB of blanks, each
// replaced by 256 KB, would be 64 GB.
func replace(l *Language, args []any) (any, error) {
	return texts(func(s, old string) (any, error) {
		with, ok := l.Text(args[2])
		switch {
		case !ok:
			return nil, errNoText
		case old == "":
			return s, nil
		case len(s)+strings.Count(s, old)*len(with) > maxText:
			return nil, errTooLong
		}
		return strings.ReplaceAll(s, old, with), nil
	})(l, args)
}

// split cuts a text into a list. Its length is bounded because loops over the list, and over it again,
// depend on it.
func split(l *Language, args []any) (any, error) {
	v, err := texts(func(s, sep string) (any, error) {
		parts := strings.SplitN(s, sep, maxItems+1)
		if len(parts) > maxItems {
			return nil, errManyItems
		}
		return itemsOf(parts), nil
	})(l, args)
	if v == nil && err == nil {
		return []any{}, nil
	}
	return v, err
}

// number is a function of one number.
func number(f func(float64) float64) func(*Language, []any) (any, error) {
	return func(_ *Language, args []any) (any, error) {
		x, ok, err := toFloat(args[0])
		if !ok {
			return nil, err
		}
		return f(x), nil
	}
}

// toFloat reads a number; ok is false for nothing and with an error.
func toFloat(v any) (x float64, ok bool, err error) {
	switch v := plain(v).(type) {
	case nil:
		return 0, false, nil
	case int:
		return float64(v), true, nil
	case int64:
		return float64(v), true, nil
	case float64:
		return v, true, nil
	case string:
		return 0, false, fmt.Errorf("the text %q is not taken for a number: put num(…) around it", shorten(v))
	default:
		return 0, false, fmt.Errorf("a %s is no number", kindName(v))
	}
}

// maxPlaces is how many decimal places round keeps at most.
const maxPlaces = 9

// round rounds half away from zero, to whole numbers or to the places named by the second argument.
func round(_ *Language, args []any) (any, error) {
	x, ok, err := toFloat(args[0])
	if !ok {
		return nil, err
	}
	places := 0
	if len(args) == 2 {
		if places, ok = position(args[1]); !ok || places < 0 || places > maxPlaces {
			return nil, fmt.Errorf("round takes 0 to %d places", maxPlaces)
		}
	}
	scale := math.Pow10(places)
	// The product is rounded to certain digits first: 1.005 × 100 is 100.49999999999999 in binary.
	scaled, err := strconv.ParseFloat(strconv.FormatFloat(x*scale, 'g', floatDigits, 64), 64)
	if err != nil {
		return nil, err
	}
	return math.Round(scaled) / scale, nil
}

// readNumber is num: a text as a number, by the rules for what people type.
func readNumber(read func(string) (string, error)) func(*Language, []any) (any, error) {
	return func(_ *Language, args []any) (any, error) {
		s, isText := args[0].(string)
		if !isText {
			x, ok, err := toFloat(args[0])
			if !ok {
				return nil, err
			}
			return x, nil
		}
		if strings.TrimSpace(s) == "" {
			return nil, nil
		}
		digits, err := read(s)
		if err != nil {
			return nil, fmt.Errorf("%q %w", shorten(s), err)
		}
		return strconv.ParseFloat(digits, 64)
	}
}

// toInt is int: a number cut to its whole part, which a list's position or an id needs.
func toInt(read func(string) (string, error)) func(*Language, []any) (any, error) {
	return func(l *Language, args []any) (any, error) {
		v, err := readNumber(read)(l, args)
		x, ok := v.(float64)
		if !ok || err != nil {
			return nil, err
		}
		if math.Abs(x) > math.MaxInt32*1e6 || math.IsNaN(x) {
			return nil, errors.New("the number is too large")
		}
		return int(x), nil
	}
}

// date is a text as a date, read in the form's time zone.
func date(l *Language, args []any) (any, error) {
	switch v := args[0].(type) {
	case nil:
		return nil, nil
	case value.Moment:
		return v, nil
	case time.Time:
		return value.Moment{Time: v}, nil
	case string:
		if strings.TrimSpace(v) == "" {
			return nil, nil
		}
		m, err := value.Date(v, l.location)
		if err != nil {
			return nil, fmt.Errorf("%q %w", shorten(v), err)
		}
		return m, nil
	default:
		return nil, fmt.Errorf("a %s is no date", kindName(v))
	}
}

// duration reads Go's durations, for arithmetic with now: now + duration("24h").
func duration(_ *Language, args []any) (any, error) {
	s, ok := args[0].(string)
	if !ok {
		return nil, errors.New(`duration takes a text such as "24h"`)
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return nil, fmt.Errorf("%q is no duration such as \"24h\"", shorten(s))
	}
	return d, nil
}

// list is always a list: of the items that are there.
func list(_ *Language, args []any) (any, error) { return present(itemsOf(args[0])), nil }

// present are the items that are there, never nil.
func present(items []any) []any {
	there := make([]any, 0, min(len(items), 4))
	for _, item := range items {
		if item != nil {
			there = append(there, item)
		}
	}
	return there
}

// join writes what is there of its arguments, and of the lists among them, with the first argument
// between.
func join(l *Language, args []any) (any, error) {
	sep, ok := l.Text(args[0])
	if !ok {
		return nil, errors.New("join takes the separator first: join(\", \", list)")
	}
	var b strings.Builder
	for _, arg := range args[1:] {
		for _, item := range itemsOf(arg) {
			s, ok := l.Text(item)
			if !ok {
				return nil, errNoText
			}
			if s == "" {
				continue
			}
			if b.Len() > 0 {
				b.WriteString(sep)
			}
			b.WriteString(s)
			if b.Len() > maxText {
				return nil, errTooLong
			}
		}
	}
	if b.Len() == 0 {
		return nil, nil
	}
	return b.String(), nil
}

// length is len: characters of a text, items of anything else; nothing has none.
func length(_ *Language, args []any) (any, error) {
	if s, ok := args[0].(string); ok {
		return runes(s), nil
	}
	return len(itemsOf(args[0])), nil
}

// reverse turns a copy: the list may be the form's own.
func reverse(_ *Language, args []any) (any, error) {
	items := slices.Clone(itemsOf(args[0]))
	slices.Reverse(items)
	return items, nil
}

// uniq keeps the first of what is equal by its text. Lists and objects are kept all: they are never
// compared.
func uniq(l *Language, args []any) (any, error) {
	seen := map[string]bool{}
	items := []any{}
	for _, item := range itemsOf(args[0]) {
		key, ok := l.Text(item)
		if ok && seen[key] {
			continue
		}
		seen[key] = ok
		items = append(items, item)
	}
	return items, nil
}

// concat joins lists; what is no list is one item.
func concat(_ *Language, args []any) (any, error) {
	items := []any{}
	for _, arg := range args {
		items = append(items, itemsOf(arg)...)
	}
	return items, nil
}

// fromJSON reads a field that holds JSON, as a cart's hidden input does. Numbers stay as written.
func fromJSON(_ *Language, args []any) (any, error) {
	s, ok := args[0].(string)
	if args[0] == nil {
		return nil, nil
	}
	if !ok {
		return nil, errNoText
	}
	d := json.NewDecoder(bytes.NewReader([]byte(s)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, errors.New("the text is no JSON")
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("the text is no JSON: something follows it")
	}
	left := maxItems
	return exact(v, &left)
}

// exact makes JSON's numbers Decimals and counts what there is against a bound.
func exact(v any, left *int) (any, error) {
	if *left--; *left < 0 {
		return nil, errManyItems
	}
	var err error
	switch v := v.(type) {
	case json.Number:
		return Written(v.String(), false), nil
	case string:
		if v = strings.TrimSpace(v); v == "" {
			return nil, nil
		}
		return v, nil
	case []any:
		for i := range v {
			if v[i], err = exact(v[i], left); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for key := range v {
			if v[key], err = exact(v[key], left); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// library is one of expr's own functions over lists or numbers, given what it understands: a list of
// plain values without nils.
func library(name string) func(*Language, []any) (any, error) {
	f := builtin.Builtins[builtin.Index[name]]
	return func(_ *Language, args []any) (any, error) {
		given := make([]any, 0, len(args))
		for i, arg := range args {
			switch arg := arg.(type) {
			case nil:
				if i == 0 && len(args) == 1 {
					given = append(given, []any{})
				}
			case []any, []string, map[string]any, *Table:
				given = append(given, plainItems(itemsOf(arg)))
			default:
				given = append(given, plain(arg))
			}
		}
		return callLibrary(f, given)
	}
}

// flatten takes the lists inside a list apart. What lies in them stays as it is: a day must not become
// its midnight.
func flatten(_ *Language, args []any) (any, error) {
	return flat(nil, itemsOf(args[0])), nil
}

// flat appends the items that are there to out. Lists nest as deep as names and JSON do, which is
// bounded where they are read.
func flat(out, items []any) []any {
	if out == nil {
		out = make([]any, 0, len(items))
	}
	for _, item := range items {
		switch item := item.(type) {
		case nil:
		case []any:
			out = flat(out, item)
		case []string:
			out = flat(out, itemsOf(item))
		default:
			out = append(out, item)
		}
	}
	return out
}

// sorted is sort: the items that are there, in their own order or with "desc" in its reverse. They are
// compared as expr does, which panics on what has no order (the machine catches it), and stay what they
// are.
func sorted(_ *Language, args []any) (any, error) {
	items := slices.DeleteFunc(slices.Clone(itemsOf(args[0])), func(item any) bool { return item == nil })
	desc := false
	if len(args) > 1 && args[1] != nil {
		order, _ := args[1].(string)
		if order != "asc" && order != "desc" {
			return nil, errors.New(`sort takes "asc" or "desc"`)
		}
		desc = order == "desc"
	}
	slices.SortStableFunc(items, func(a, b any) int {
		a, b = plain(a), plain(b)
		if desc {
			a, b = b, a
		}
		switch {
		case runtime.Less(a, b):
			return -1
		case runtime.Less(b, a):
			return 1
		default:
			return 0
		}
	})
	return items, nil
}

// callLibrary calls one of expr's functions through whichever of its entries it has. A panic in it is
// the machine's to catch.
func callLibrary(f *builtin.Function, args []any) (any, error) {
	switch {
	case len(args) == 0:
		return nil, nil
	case f.Safe != nil:
		v, _, err := f.Safe(args...)
		return v, err
	default:
		return f.Func(args...)
	}
}

// plainItems are the items that are there, as expr knows them.
func plainItems(items []any) []any {
	out := make([]any, 0, len(items))
	for _, item := range items {
		if item != nil {
			out = append(out, plain(item))
		}
	}
	return out
}
