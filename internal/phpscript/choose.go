package phpscript

import (
	"strings"

	"formrelay/internal/keycrm"
)

// entity is the array that becomes the profile's map.
type entity struct {
	value *value
	kind  keycrm.Kind
}

// weight is how much a key at the top of an array says that the array is an entity of a kind.
func weight(key string, schema *keycrm.Type) int {
	card := schema.Child("contact") != nil
	switch key {
	case "buyer":
		return map[bool]int{false: 10, true: 5}[card] // also in the wrong entity: somebody took one for the other
	case "contact":
		return map[bool]int{false: 5, true: 10}[card]
	case "pipeline_id":
		return map[bool]int{false: 0, true: 6}[card]
	case "source_id":
		return 6
	case "products", "payments", "custom_fields":
		return 4
	case "shipping", "marketing":
		return map[bool]int{false: 4, true: 2}[card]
	}
	if schema.Child(key) != nil {
		return 1
	}
	return 0
}

// leastScore is what an array must have to be taken for an entity: the five utm_ fields alone are none.
const leastScore = 6

// score is how much an array looks like an entity of a kind.
func score(v *value, schema *keycrm.Type) int {
	n := 0
	for _, e := range v.entries {
		if e.keyed {
			n += weight(e.key, schema)
		}
	}
	return n
}

// candidate is an array with what it looks like.
type candidate struct {
	value       *value
	order, card int
}

func (c candidate) best() int { return max(c.order, c.card) }

// candidates are the arrays that look like entities, of each the fullest form it was seen in, in the script's order.
func (r *runner) candidates() []candidate {
	var all []candidate
	at := map[int]int{}
	looks, order, card := 0, keycrm.Schema(keycrm.KindOrder), keycrm.Schema(keycrm.KindCard)
	var look func(v *value)
	look = func(v *value) {
		if looks++; v == nil || v.kind != list || looks > maxSteps*4 {
			return
		}
		c := candidate{value: v, order: score(v, order), card: score(v, card)}
		if c.best() < leastScore {
			for _, e := range v.entries {
				look(e.value)
			}
			return
		}
		if i, again := at[v.offset]; !again {
			at[v.offset] = len(all)
			all = append(all, c)
		} else if c.value.cut > all[i].value.cut || c.value.cut == all[i].value.cut && c.best() >= all[i].best() {
			all[i] = c
		}
	}
	for _, v := range r.arrays {
		look(v)
	}
	return all
}

// choose finds the entity: the array that begins on a line, or the one that looks most like one. The others are told.
func (r *runner) choose(line int) (*entity, bool) {
	all := r.candidates()
	best := -1
	for i, c := range all {
		if line > 0 && c.value.line != line {
			continue
		}
		if best < 0 || c.best() > all[best].best() {
			best = i
		}
	}
	if best < 0 {
		for _, c := range all {
			r.notes.add(c.value.line, "an array of an order or a card begins on line "+itoa(c.value.line))
		}
		return nil, false
	}
	for i, c := range all {
		if i != best && line == 0 {
			r.notes.add(c.value.line, "this array looks like an order or a card too; formrelay import --line "+itoa(c.value.line)+" takes this one")
		}
	}
	return &entity{value: all[best].value, kind: r.kind(all[best])}, true
}

// kind is order or card: by the address that the script calls, else by the shape of the array.
func (r *runner) kind(c candidate) keycrm.Kind {
	shape := keycrm.KindOrder
	if c.card > c.order {
		shape = keycrm.KindCard
	}
	orders, cards := r.endpoints()
	switch {
	case orders > 0 && cards > 0:
		return shape
	case cards > 0:
		if c.order > c.card {
			r.notes.add(cards, "the script calls pipelines/cards with an array that looks like an order; the address counts")
		}
		return keycrm.KindCard
	case orders > 0:
		if c.card > c.order {
			r.notes.add(orders, "the script calls order with an array that looks like a card; the address counts")
		}
		return keycrm.KindOrder
	}
	r.notes.add(c.value.line, "no address of KeyCRM is in the script; by the array's keys this is "+map[keycrm.Kind]string{keycrm.KindOrder: "an order", keycrm.KindCard: "a card"}[shape]+": look at creates")
	return shape
}

// endpoints are the lines on which the addresses of the two creating calls stand, 0 without.
func (r *runner) endpoints() (orders, cards int) {
	for _, t := range r.code.tokens {
		if t.Type != typeText || len(t.Value) > 300 {
			continue
		}
		switch {
		case strings.Contains(t.Value, "pipelines/cards"):
			cards = t.Pos.Line
		case r.patterns.order.MatchString(t.Value):
			orders = t.Pos.Line
		}
	}
	return orders, cards
}
