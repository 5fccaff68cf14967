package phpscript

import (
	"slices"
	"strings"
)

// kind is what a value is.
type kind int

const (
	nothing kind = iota // null
	text
	number // as it is written
	truth  // text is true or false
	posted // a field of the form; args are its keys, none for the whole form
	item   // what the loop of a level is at; args are keys in it
	index  // its key
	joined // texts joined; args
	first  // args: the first that is there
	chosen // args: condition, then, otherwise
	binary // text is the operator
	unary  // text is ! or -
	there  // whether args[0] was posted: isset
	filled // whether args[0] is what PHP takes for filled in: neither "", "0" nor nothing
	call   // text is a function of the mapping language
	list   // a PHP array: entries
	local  // text is an expression of the mapping language as it stands: visitor.ip, now
	opaque // text says why it cannot be turned
)

// value is how a value of the script comes about. It never changes once it is made; its parts may be shared.
type value struct {
	kind    kind
	text    string
	args    []*value
	entries []entryValue
	level   int // of item and index: how many loops are around it
	line    int
	offset  int // of a list: where it begins, which is what it is known by
	size    int // parts in it, those that are shared counted each time: whatever walks a value is bounded by it
	said    []Note
	beside  []string   // of a list: comments behind its opening bracket
	comment []string   // beside it where it was given to a variable
	fn      *statement // with opaque: the function that it is
	cut     int        // of a list: how often something was taken away from it
	unsafe  bool       // its source is not to be shown
}

// entryValue is one entry of a list.
type entryValue struct {
	key    string
	keyed  bool
	value  *value
	when   *value // nil: always
	each   *value // the list that it is repeated for; nil: once
	level  int    // with each
	line   int
	source string   // as it is written, for a comment where it cannot be turned
	head   []string // comments above it
	tail   []string // comments beside it
	foot   []string // comments behind it, before the closing bracket
	dead   []string // what PHP itself does not use: an earlier entry of the same key
}

// make counts a value's size. One that grows too large is none any more.
func newValue(v value) *value {
	v.size = 1
	for _, a := range v.args {
		v.size += a.size
	}
	for _, e := range v.entries {
		v.size += 1 + e.value.size
		if e.when != nil {
			v.size += e.when.size
		}
		if e.each != nil {
			v.size += e.each.size
		}
	}
	if v.size > maxSize {
		return &value{kind: opaque, text: "it grows too large", size: 1, line: v.line}
	}
	return &v
}

func literal(s string, line int) *value { return newValue(value{kind: text, text: s, line: line}) }

func unturned(why string, line int) *value {
	return newValue(value{kind: opaque, text: why, line: line})
}

func combine(k kind, op string, line int, args ...*value) *value {
	return newValue(value{kind: k, text: op, args: args, line: line})
}

// noted is a value beside which something is to be told, if it gets into the profile.
func noted(v *value, line int, words string) *value {
	c := *v
	c.said = append(slices.Clone(v.said), Note{Line: line, Text: words})
	return &c
}

// blankValue tells what comes out as nothing at all.
func blankValue(v *value) bool {
	return v == nil || v.kind == nothing || v.kind == text && strings.TrimSpace(v.text) == ""
}

// same tells whether two values come about in the same way.
func same(a, b *value) bool {
	switch {
	case a == b:
		return true
	case a == nil || b == nil:
		return false
	case a.kind != b.kind || a.text != b.text || a.level != b.level || a.size != b.size || len(a.args) != len(b.args) || a.kind == list || a.kind == opaque:
		return false
	}
	for i := range a.args {
		if !same(a.args[i], b.args[i]) {
			return false
		}
	}
	return true
}

// member is what stands under a key of a value.
func member(v *value, key *value, line int) *value {
	switch v.kind {
	case posted, item:
		if len(v.args) == 0 { // the script may have given the field a value of its own
			for _, e := range v.entries {
				if e.key == key.text && key.kind == text {
					return e.value
				}
			}
		}
		c := *v
		c.entries = nil
		c.args = append(slices.Clone(v.args), key)
		c.line = line
		return newValue(c)
	case nothing:
		return v
	case list:
		if key.kind != text && key.kind != number {
			return unturned("an array's entry is chosen by a value", line)
		}
		for i := len(v.entries) - 1; i >= 0; i-- {
			if v.entries[i].keyed && v.entries[i].key == key.text {
				return v.entries[i].value
			}
		}
		if position := ordinal(v, key.text); position != nil {
			return position
		}
		return newValue(value{kind: nothing, line: line})
	case first:
		parts := make([]*value, len(v.args))
		for i, a := range v.args {
			parts[i] = member(a, key, line)
		}
		return combine(first, "", line, parts...)
	case opaque:
		return v
	default:
		return unturned("a part is taken of what is no array", line)
	}
}

// ordinal is the entry without a key at a position that is written out.
func ordinal(v *value, position string) *value {
	n := 0
	for _, e := range v.entries {
		if e.keyed {
			continue
		}
		if itoa(n) == position {
			return e.value
		}
		n++
	}
	return nil
}

// reads tells whether a value reads an item or an index of a loop from a level on.
func reads(v *value, level int) bool {
	if v == nil {
		return false
	}
	if (v.kind == item || v.kind == index) && v.level >= level {
		return true
	}
	if slices.ContainsFunc(v.args, func(a *value) bool { return reads(a, level) }) {
		return true
	}
	return slices.ContainsFunc(v.entries, func(e entryValue) bool { return reads(e.value, level) || reads(e.when, level) || reads(e.each, level) })
}

// with is a list with one entry set, added or appended.
func with(v *value, e entryValue) *value {
	c := *v
	c.entries = slices.Clone(v.entries)
	at := -1
	if e.keyed {
		at = slices.IndexFunc(c.entries, func(o entryValue) bool { return o.keyed && o.key == e.key })
	}
	if at < 0 {
		c.entries = append(c.entries, e)
		return newValue(c)
	}
	old := c.entries[at]
	if len(e.head)+len(e.tail) == 0 {
		e.head, e.tail = old.head, old.tail
	}
	e.foot = append(slices.Clone(old.foot), e.foot...)
	e.dead = append(slices.Clone(old.dead), e.dead...)
	c.entries[at] = e
	return newValue(c)
}

// merged is what a variable is behind an `if`.
func merged(condition, then, otherwise *value, line int) *value {
	switch {
	case then == otherwise || same(then, otherwise):
		return otherwise
	case then == nil:
		then = newValue(value{kind: nothing, line: line})
	case otherwise == nil:
		otherwise = newValue(value{kind: nothing, line: line})
	}
	if then.kind == list && otherwise.kind == list {
		return mergedLists(condition, then, otherwise, line)
	}
	if then.kind == list && otherwise.kind == nothing {
		return onlyWhen(condition, then)
	}
	if otherwise.kind == list && then.kind == nothing {
		return onlyWhen(negated(condition), otherwise)
	}
	out := combine(chosen, "", line, condition, then, otherwise)
	out.comment = append(slices.Clone(then.comment), otherwise.comment...)
	return out
}

// onlyWhen is a list whose every entry is there under a condition only.
func onlyWhen(condition, v *value) *value {
	c := *v
	c.entries = slices.Clone(v.entries)
	for i := range c.entries {
		c.entries[i] = conditional(c.entries[i], condition)
	}
	return newValue(c)
}

// conditional is an entry that is there under a condition only: an object or an item by its `when`, a single value by the value.
func conditional(e entryValue, condition *value) entryValue {
	if e.keyed && e.value.kind != list {
		e.value = merged(condition, e.value, nil, e.line)
		return e
	}
	if e.keyed && !onlyItems(e.value) {
		e.when = both(e.when, condition)
		return e
	}
	if e.keyed {
		e.value = onlyWhen(condition, e.value)
		return e
	}
	e.when = both(e.when, condition)
	return e
}

// onlyItems tells a list of items from one of fields.
func onlyItems(v *value) bool {
	return len(v.entries) > 0 && !slices.ContainsFunc(v.entries, func(e entryValue) bool { return e.keyed })
}

// both is one condition of two.
func both(a, b *value) *value {
	if a == nil || same(a, b) {
		return b
	}
	return combine(binary, "&&", b.line, a, b)
}

// mergedLists merges two lists key by key; items that only one of them has are there under the condition only.
func mergedLists(condition, then, otherwise *value, line int) *value {
	out := *otherwise
	out.cut = max(then.cut, otherwise.cut)
	out.entries = nil
	opposite := negated(condition)
	common := commonItems(then, otherwise)
	n := 0
	for i, e := range otherwise.entries {
		switch {
		case !e.keyed && n < common:
			n++
		case !e.keyed:
			e = conditional(e, opposite)
		default:
			if at := placeOf(then, e.key, i); at >= 0 {
				e = mergedEntry(condition, then.entries[at], e, line)
			} else {
				e = conditional(e, opposite)
			}
		}
		out.entries = append(out.entries, e)
	}
	n = 0
	for i, e := range then.entries {
		if !e.keyed {
			if n++; n <= common {
				continue
			}
		} else if placeOf(otherwise, e.key, i) >= 0 {
			continue
		}
		out.entries = append(out.entries, conditional(e, condition))
	}
	return newValue(out)
}

// placeOf is where a list has a key, -1 without. It is looked for first at the place where the other branch has it, where it almost always
// is: otherwise a long list under many conditions would take time that grows with its square.
func placeOf(v *value, key string, near int) int {
	if near < len(v.entries) && v.entries[near].keyed && v.entries[near].key == key {
		return near
	}
	return slices.IndexFunc(v.entries, func(o entryValue) bool { return o.keyed && o.key == key })
}

// mergedEntry merges what two branches have under one key.
func mergedEntry(condition *value, then, otherwise entryValue, line int) entryValue {
	if then.value == otherwise.value {
		return otherwise
	}
	e := otherwise
	e.value = merged(condition, then.value, otherwise.value, line)
	e.line = then.line
	e.source = then.source
	if len(e.head)+len(e.tail) == 0 {
		e.head, e.tail = then.head, then.tail
	} else if !slices.Equal(e.tail, then.tail) {
		e.head = append(append(slices.Clone(e.head), then.head...), then.tail...)
	}
	return e
}

// commonItems is how many items two lists begin with in common.
func commonItems(a, b *value) int {
	items := func(v *value) (out []*value) {
		for _, e := range v.entries {
			if !e.keyed {
				out = append(out, e.value)
			}
		}
		return out
	}
	x, y := items(a), items(b)
	n := 0
	for n < len(x) && n < len(y) && x[n] == y[n] {
		n++
	}
	return n
}
