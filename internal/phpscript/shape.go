package phpscript

import (
	"fmt"
	"slices"
	"strings"

	"formrelay/internal/keycrm"
)

// node is one key or one item of the profile's map.
type node struct {
	key      string // "" for an item
	text     string // of a leaf, as a template
	plain    bool   // the script wrote a number, true or false
	children []*node
	inner    bool     // it has children, even when none is left
	items    bool     // the children are items
	head     []string // comments above it
	tail     []string // beside it
	foot     []string // behind it
	dead     bool     // it stands as a comment
	why      string   // with dead
	source   string   // with dead: what the script says there
	added    bool     // the relay needs it, and the script did not have it
	line     int      // of the script
}

// shaper holds the array against KeyCRM's schema and makes the map's nodes.
type shaper struct {
	*runner
	kind   keycrm.Kind
	used   map[string][]string // by field: the keys it is given to
	tables bool                // nova_poshta is needed
	level  int
	each   *value

	decided bool // the item that is made has a condition of the script's own
}

// shape makes the nodes of an object.
func (s *shaper) shape(v *value, typ *keycrm.Type) []*node {
	var out []*node
	for _, e := range s.mend(v, typ) {
		if e.key == "source_id" && typ.Name == "" {
			continue
		}
		for _, dead := range e.dead {
			out = append(out, &node{key: e.key, dead: true, source: dead, line: e.line})
		}
		out = append(out, s.entry(e, typ.Child(e.key)))
	}
	return out
}

// entry makes the node of one key.
func (s *shaper) entry(e entryValue, typ *keycrm.Type) *node {
	n := &node{key: e.key, head: e.head, tail: e.tail, foot: e.foot, line: e.line, source: e.source}
	s.tell(e.value)
	v := settled(e.value)
	switch {
	case typ == nil && v.kind == list && e.key != "":
		n.inner, n.children = true, s.unknown(v)
	case typ == nil:
		s.leaf(n, v, &keycrm.Type{Name: e.key, Word: keycrm.WordText})
		if e.key == "" {
			s.kill(n, "an entry without a plain key", e.line)
		}
	case typ.Word == keycrm.WordObject:
		s.object(n, v, typ, e)
	case typ.Word == keycrm.WordList:
		n.inner, n.items = true, true
		n.head, n.tail = append(n.head, v.comment...), append(n.tail, v.beside...)
		n.children = s.items(n, v, typ)
	default:
		s.leaf(n, v, typ)
	}
	return n
}

// unknown keeps the shape of what KeyCRM does not have; the profile's reader says what is wrong with it.
func (s *shaper) unknown(v *value) []*node {
	var out []*node
	for _, e := range v.entries {
		if e.keyed {
			out = append(out, s.entry(e, nil))
		}
	}
	return out
}

// settled is a value as one list, where it is one under conditions.
func settled(v *value) *value {
	switch v.kind {
	case first:
		var lists, others int
		for _, a := range v.args {
			if a.kind == list {
				lists++
			} else if !blankValue(a) {
				others++
			}
		}
		if lists == 1 && others == 0 || lists > 0 && others == 1 {
			for _, a := range v.args {
				if a.kind != list && !blankValue(a) || others == 0 && a.kind == list {
					return a
				}
			}
		}
	case chosen:
		then, otherwise := v.args[1], v.args[2]
		if then.kind == list && (blankValue(otherwise) || otherwise.kind == list && len(otherwise.entries) == 0) {
			return onlyWhen(v.args[0], then)
		}
		if otherwise.kind == list && (blankValue(then) || then.kind == list && len(then.entries) == 0) {
			return onlyWhen(negated(v.args[0]), otherwise)
		}
	}
	return v
}

// tell tells what is to be said about a value and its parts.
func (s *shaper) tell(v *value) {
	for _, note := range v.said {
		s.notes.add(note.Line, note.Text)
	}
	for _, a := range v.args {
		s.tell(a)
	}
	if v.kind != list {
		return
	}
	for _, e := range v.entries {
		if !e.keyed && e.value.kind != list {
			s.tell(e.value)
		}
	}
}

// kill makes a comment of a node, and tells it.
func (s *shaper) kill(n *node, why string, line int) {
	if n.dead {
		return
	}
	n.dead, n.why = true, why
	words := fmt.Sprintf("%s is not turned: %s", orNothing(n.key, "an item"), why)
	if n.source != "" {
		words += " (" + shorten(n.source) + ")"
	}
	s.notes.add(orLine(line, n.line), words+"; it stands in the profile as a comment")
}

func orNothing(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func orLine(a, b int) int {
	if a == 0 {
		return b
	}
	return a
}

// object makes an object's node. What is posted as a whole is taken apart into KeyCRM's fields.
func (s *shaper) object(n *node, v *value, typ *keycrm.Type, e entryValue) {
	n.inner = true
	switch v.kind {
	case list:
		n.head, n.tail = append(n.head, v.comment...), append(n.tail, v.beside...)
		if e.when != nil {
			n.children = append(n.children, s.when(e.when, e.line))
		}
		n.children = append(n.children, s.shape(v, typ)...)
	case posted, item:
		s.notes.add(e.line, n.key+" takes all that was posted under one name: KeyCRM's fields are written out, take away what the form does not have")
		n.children = s.parts(v, typ)
	case nothing:
		n.inner = false
	default:
		why := "KeyCRM takes an object here"
		if v.kind == opaque {
			why = v.text
		}
		n.inner = false
		s.kill(n, why, orLine(v.line, e.line))
	}
}

// parts are KeyCRM's plain fields of an object, each read of the member of that name.
func (s *shaper) parts(v *value, typ *keycrm.Type) []*node {
	var out []*node
	for _, child := range typ.Children {
		if child.Word == keycrm.WordObject || child.Word == keycrm.WordList {
			continue
		}
		n := &node{key: child.Name, line: v.line}
		s.leaf(n, member(v, literal(child.Name, v.line), v.line), child)
		out = append(out, n)
	}
	return out
}

// items makes the nodes of a list's items.
func (s *shaper) items(n *node, v *value, typ *keycrm.Type) []*node {
	switch v.kind {
	case list:
	case posted, item:
		s.notes.add(orLine(v.line, n.line), n.key+" takes a whole list as it was posted: KeyCRM's fields are written out, take away what the form does not have")
		return []*node{s.repeated(v, typ, n.line)}
	case nothing:
		return nil
	default:
		why := "KeyCRM takes a list here"
		if v.kind == opaque {
			why = v.text
		}
		n.inner, n.items = false, false
		s.kill(n, why, orLine(v.line, n.line))
		return nil
	}
	if len(v.entries) > 0 && !slices.ContainsFunc(v.entries, func(e entryValue) bool { return !e.keyed || allDigits(e.key) }) {
		s.notes.add(n.line, n.key+" is a list in KeyCRM, and the script gives it one object: read as a list of one")
		c := *v
		c.comment = nil
		return []*node{s.oneItem(entryValue{value: &c, line: n.line}, typ)}
	}
	var out []*node
	for _, e := range v.entries {
		out = append(out, s.oneItem(e, typ))
	}
	return out
}

// repeated is an item for each of what was posted as one list.
func (s *shaper) repeated(v *value, typ *keycrm.Type, line int) *node {
	n := &node{inner: true, line: line}
	n.children = append(n.children, s.eachNode(v, line))
	s.level++
	outer := s.each
	s.each = v
	n.children = append(n.children, s.parts(newValue(value{kind: item, level: s.level, line: line}), typ)...)
	s.each = outer
	s.level--
	return n
}

// eachNode is the line that repeats an item.
func (s *shaper) eachNode(v *value, line int) *node {
	n := &node{key: "each", line: line, added: true}
	s.tell(v)
	sp := &speech{patterns: s.patterns, level: s.level, each: s.each}
	if s.holdsSecret(v) {
		v = unturned("it holds the API token", line)
	}
	n.text = "${" + sp.of(v) + "}"
	if sp.why != "" {
		s.kill(n, sp.why, orLine(sp.line, line))
	}
	return n
}

// oneItem makes the node of one item.
func (s *shaper) oneItem(e entryValue, typ *keycrm.Type) *node {
	n := &node{inner: true, head: e.head, tail: e.tail, foot: e.foot, line: e.line, source: e.source}
	for _, dead := range e.dead {
		n.children = append(n.children, &node{dead: true, source: dead, line: e.line})
	}
	v := settled(e.value)
	if e.each != nil {
		n.children = append(n.children, s.eachNode(e.each, e.line))
		outer, level := s.each, s.level
		s.each, s.level = e.each, e.level
		defer func() { s.each, s.level = outer, level }()
	}
	s.decided = false
	if e.when != nil {
		own := s.when(e.when, e.line)
		n.children = append(n.children, own)
		s.decided = !own.dead
	}
	switch v.kind {
	case list:
		n.head, n.tail = append(n.head, v.comment...), append(n.tail, v.beside...)
		if typ.Name == "products" && e.when == nil && e.each == nil {
			v = s.onlyPosted(v)
		}
		n.children = append(n.children, s.shape(v, typ)...)
	case posted, item:
		n.children = append(n.children, s.parts(v, typ)...)
	default:
		why := "KeyCRM takes an object as an item here"
		if v.kind == opaque {
			why = v.text
		}
		s.kill(n, why, orLine(v.line, e.line))
	}
	return n
}

// when is the line that leaves an object or an item out.
func (s *shaper) when(v *value, line int) *node {
	n := &node{key: "when", line: line, added: true}
	sp := &speech{patterns: s.patterns, level: s.level, each: s.each}
	s.tell(v)
	if s.holdsSecret(v) {
		v = unturned("it holds the API token", line)
	}
	n.text = "${" + sp.of(v) + "}"
	if sp.why != "" {
		s.kill(n, "the condition cannot be said, and it is always there: "+sp.why, orLine(sp.line, line))
	}
	return n
}

// leaf makes the node of one value.
func (s *shaper) leaf(n *node, v *value, typ *keycrm.Type) {
	if len(v.comment) > 0 && len(n.tail) == 0 {
		n.tail = v.comment
	}
	sp := &speech{patterns: s.patterns, level: s.level, each: s.each}
	if v.kind == chosen && v.args[0].kind == filled && same(v.args[0].args[0], v.args[1]) && blankValue(v.args[2]) && !isNumber(typ.Word) {
		// A field that is empty is not sent anyway. PHP takes a text 0 for empty too; it is sent here, because a visitor who typed it meant
		// it. In numbers PHP's 0 is a matter, and the condition stays.
		v = v.args[1]
		s.typedZero(n)
	}
	if s.holdsSecret(v) {
		v = unturned("it holds the API token", n.line)
		v.unsafe = true
	}
	n.text = sp.template(v, typ.Word)
	n.plain = v.kind == number && s.patterns.decimal.MatchString(v.text) || v.kind == truth
	if v.unsafe {
		n.source = ""
	}
	if sp.why != "" {
		n.text = ""
		s.kill(n, sp.why, orLine(sp.line, n.line))
		return
	}
	s.misspelt(n, v)
}

// typedZero says what becomes of a 0 that PHP takes for nothing.
func (s *shaper) typedZero(n *node) {
	if strings.HasSuffix(n.key, "email") || strings.HasSuffix(n.key, "phone") {
		return // nobody types a 0 alone there
	}
	s.notes.add(n.line, "PHP takes a 0 that is typed here for nothing; the profile sends it")
}

// isNumber tells what KeyCRM reads as a number.
func isNumber(w keycrm.Word) bool {
	return w == keycrm.WordAmount || w == keycrm.WordNumber || w == keycrm.WordInteger
}

// fieldName is the form's field that a value is, "" when it is more or less than one.
func fieldName(v *value) string {
	if v.kind == posted && len(v.args) == 1 && v.args[0].kind == text {
		return v.args[0].text
	}
	if v.kind == item && len(v.args) == 1 && v.args[0].kind == text {
		return v.args[0].text
	}
	return ""
}

// misspelt tells of a field's name that is one letter away from the key it is given to. It is kept: the form may spell it so too.
func (s *shaper) misspelt(n *node, v *value) {
	names := []*value{v}
	if v.kind == first {
		names = v.args
	}
	for _, one := range names {
		name := fieldName(one)
		if !plainName(name) {
			continue
		}
		for tail := n.key; len(tail) >= 5 && len(name) >= 4; {
			if oneAway(name, tail) {
				s.notes.add(orLine(one.line, n.line), "the form's field "+name+" looks misspelt ("+tail+"?); kept as it is, because the form must spell it the same: look at the form")
				break
			}
			_, rest, ok := strings.Cut(tail, "_")
			if !ok {
				break
			}
			tail = rest
		}
	}
}

// oneAway tells whether two words differ by one letter that was left out, added or changed. Digits and a plural's s are no slips.
func oneAway(a, b string) bool {
	if a == b || len(a) > len(b)+1 || len(b) > len(a)+1 {
		return false
	}
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	j := 0
	for j < len(a)-i && j < len(b)-i && a[len(a)-1-j] == b[len(b)-1-j] {
		j++
	}
	x, y := a[i:len(a)-j], b[i:len(b)-j]
	return len(x) <= 1 && len(y) <= 1 && !strings.ContainsAny(x+y, "0123456789_-") && x != "s" && y != "s"
}

// mend sees to the slips that the scripts going around have, of one object. Each is told.
func (s *shaper) mend(v *value, typ *keycrm.Type) []entryValue {
	entries := slices.Clone(v.entries)
	at := func(key string) *entryValue {
		for i := range entries {
			if entries[i].keyed && entries[i].key == key {
				return &entries[i]
			}
		}
		return nil
	}
	switch typ.Name {
	case "payments":
		entries = s.payment(entries, at)
	case "products":
		if at("sku") == nil {
			s.notes.add(v.line, "the product has no sku: KeyCRM joins a line to the catalogue by it; add sku: with the form's field or the article")
		}
	case "shipping":
		if ref := at("warehouse_ref"); ref != nil && at("delivery_service_id") == nil {
			s.tables = true
			s.notes.add(ref.line, "warehouse_ref counts only together with delivery_service_id, which the script does not send: added; put the id of Nova Poshta in your account into tables.ids.nova_poshta")
			entries = append(entries, entryValue{key: "delivery_service_id", keyed: true, line: ref.line, value: newValue(value{
				kind: local, line: ref.line, text: s.service(ref.value),
			}), tail: []string{"added: it belongs to warehouse_ref"}})
		}
	case "custom_fields":
		s.customField(at("uuid"))
	}
	return entries
}

// service is the expression of the delivery service beside a warehouse.
func (s *shaper) service(ref *value) string {
	sp := &speech{patterns: s.patterns, level: s.level, each: s.each}
	return "delivery_service_id ?? (" + sp.operand(ref) + " != nil ? tables.ids.nova_poshta : nil)"
}

// customField gives a uuid of the other entity's fields, and one that is none of any field's, the beginning of this one's.
func (s *shaper) customField(uuid *entryValue) {
	own, other := "OR_", "LD_"
	if s.kind == keycrm.KindCard {
		own, other = other, own
	}
	if uuid == nil || uuid.value.kind != text || strings.HasPrefix(uuid.value.text, own) || strings.HasPrefix(uuid.value.text, "CT_") {
		return
	}
	was := uuid.value.text
	wrong := was + " is no uuid of a field (one begins with " + own + ")"
	if strings.HasPrefix(was, other) {
		wrong = was + " is a field of the other entity (" + other + ")"
	}
	uuid.value = literal(own+strings.TrimPrefix(was, other), uuid.line)
	uuid.head = append(slices.Clone(uuid.head), "the script says "+was+"; put in the field's own id from KeyCRM's settings")
	s.notes.add(uuid.line, wrong+", and KeyCRM passes over it: written as "+uuid.value.text+"; put in the field's own id from KeyCRM's settings")
}

// payment sees to the slips of a payment.
func (s *shaper) payment(entries []entryValue, at func(string) *entryValue) []entryValue {
	if method := at("payment_method"); method != nil {
		if name := fieldName(method.value); name != "" && name != "payment_method" && (s.patterns.picture.MatchString(name) || len(s.used[name]) > 1) {
			s.notes.add(method.line, "payment_method is taken from the form's field "+name+", which is something else; read from a field payment_method instead: name the form's own if it is another")
			method.head = append(slices.Clone(method.head), "the script reads "+name+" here, a slip")
			method.value = newValue(value{kind: posted, line: method.line, args: []*value{literal("payment_method", method.line)}})
		}
		if id := at("payment_method_id"); id != nil {
			s.notes.add(id.line, "payment_method_id and payment_method are both given; KeyCRM needs one of them: keep the one that the form fills in")
		}
	}
	if status := at("status"); status != nil {
		name := fieldName(status.value)
		switch {
		case name != "" && name != "status" && len(s.used[name]) > 1:
			s.notes.add(status.line, "status is taken from the form's field "+name+", which is something else; fixed to not_paid (KeyCRM knows paid, not_paid, canceled, refund)")
			status.head = append(slices.Clone(status.head), "the script reads "+name+" here, a slip")
			status.value = literal("not_paid", status.line)
		case status.value.kind != text:
			s.notes.add(status.line, "the payment's status is read from the form: whoever posts may say that it is paid; write status: not_paid")
		}
	}
	if s.decided {
		return entries
	}
	amount := at("amount")
	fixed := slices.ContainsFunc(entries, func(e entryValue) bool { return e.value.kind == text || e.value.kind == number })
	if amount == nil || amount.value.kind == text || amount.value.kind == number || amount.value.kind == opaque || !fixed && at("status") != nil && at("status").value.kind != text {
		return entries
	}
	sp := &speech{patterns: s.patterns, level: s.level, each: s.each}
	if condition := sp.of(amount.value); sp.why == "" {
		when := entryValue{key: "when", keyed: true, line: amount.line, value: newValue(value{kind: local, text: condition, line: amount.line}), tail: []string{"added: no payment without an amount"}}
		return append([]entryValue{when}, entries...)
	}
	return entries
}

// onlyPosted leaves a product line out where the post names no product: a quantity or a property that the script writes out would make a
// line of its own, without a name and a price. A line that the script itself names or prices is there always.
func (s *shaper) onlyPosted(v *value) *value {
	var says []string
	fixed := false
	sp := &speech{patterns: s.patterns, level: s.level, each: s.each}
	for _, e := range v.entries {
		switch {
		case !e.keyed || blankValue(e.value):
		case e.key == "name" || e.key == "sku" || e.key == "price":
			if writtenOut(e.value) || e.value.kind == opaque || e.when != nil {
				return v
			}
			says = append(says, sp.operand(e.value)+" != nil")
		default:
			fixed = fixed || writtenOut(e.value)
		}
	}
	if !fixed || len(says) == 0 || sp.why != "" {
		return v
	}
	when := entryValue{
		key: "when", keyed: true, line: v.line, tail: []string{"added: no line without a product"},
		value: newValue(value{kind: local, text: strings.Join(says, " or "), line: v.line}),
	}
	c := *v
	c.entries = append([]entryValue{when}, v.entries...)
	return newValue(c)
}

// writtenOut tells what is there whatever is posted: a text or number of the script's own, by itself, behind ?? or in a list. The name of
// a property alone says nothing.
func writtenOut(v *value) bool {
	switch v.kind {
	case text:
		return !blankValue(v)
	case number, truth:
		return true
	case first, chosen:
		return slices.ContainsFunc(v.args, writtenOut)
	case list:
		return slices.ContainsFunc(v.entries, func(e entryValue) bool { return e.key != "name" && writtenOut(e.value) })
	}
	return false
}

// uses notes to which keys each of the form's fields is given.
func uses(v *value, into map[string][]string) {
	for _, e := range v.entries {
		if name := fieldName(e.value); name != "" && !slices.Contains(into[name], e.key) {
			into[name] = append(into[name], e.key)
		}
		if e.value.kind == list {
			uses(e.value, into)
		}
	}
}
