package mapping

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"formrelay/internal/keycrm"
)

// markNone is `mark: none`: the card carries no mark.
const markNone = "none"

// mark is how a card is told apart from others like it.
type mark struct {
	none  bool
	field string // the custom field that holds it; "": the first line of manager_comment
}

// mark compiles `mark`.
func (c *compiler) mark(root *object) mark {
	s := c.spec.Mark
	switch {
	case s == "":
		return mark{none: c.spec.Kind == keycrm.KindOrder}
	case c.spec.Kind == keycrm.KindOrder:
		c.fault(c.spec.MarkPos, "an order has no `mark`", "leave it out: an order is found again by its source_uuid")
	case s == markNone:
		return mark{none: true}
	case !strings.HasPrefix(s, "LD_"):
		c.fault(c.spec.MarkPos, fmt.Sprintf("`mark` cannot be %q", s), "write the uuid of a custom field of cards, LD_ and its number, or none")
	case mapped(root, s):
		c.fault(c.spec.MarkPos, s+" is mapped already", "choose a custom field that nothing else goes into")
	default:
		return mark{field: s}
	}
	return mark{}
}

// mapped tells whether a custom field of that uuid is written in the map.
func mapped(root *object, uuid string) bool {
	if root == nil {
		return false
	}
	for _, f := range root.fields {
		if f.name != "custom_fields" || f.list == nil {
			continue
		}
		for _, it := range f.list.items {
			if l := it.body.leaf("uuid"); l != nil && l.constant == uuid {
				return true
			}
		}
	}
	return false
}

// add sets what the relay adds by itself, and shows it where routes are asked for.
func (r *run) add(e *entity, path, text string) {
	e.set(path, []string{text})
	if r.in.Explain {
		r.res.Routes = append(r.res.Routes, Route{Path: path, To: text})
	}
}

// fill adds what the relay knows when the mapping says nothing.
func (r *run) fill(e *entity) {
	now := r.in.Now.UTC().Format(time.DateTime)
	if r.m.sourceID > 0 {
		r.add(e, "source_id", strconv.FormatInt(r.m.sourceID, 10))
	}
	if r.m.kind == keycrm.KindOrder {
		if e.all("source_uuid") == nil && !r.faulty["source_uuid"] {
			r.add(e, "source_uuid", r.in.ID)
		}
		if e.all("ordered_at") == nil {
			r.add(e, "ordered_at", now)
		}
		r.res.SourceUUID = e.get("source_uuid")
		r.sameRecipient(e, "shipping.recipient_full_name", "buyer.full_name")
		r.sameRecipient(e, "shipping.recipient_phone", "buyer.phone")
	}
	for _, l := range r.lines {
		if strings.HasPrefix(l.prefix, "payments.") {
			r.payment(e, l.prefix, now)
		}
	}
	r.addMark(e)
	r.comment(e)
}

// payment gives a payment the status that KeyCRM would not assume, and a paid one its date.
func (r *run) payment(e *entity, prefix, now string) {
	status, date := prefix+".status", prefix+".payment_date"
	if e.all(status) == nil && !r.faulty[status] {
		r.add(e, status, "not_paid")
	}
	if e.get(status) == "paid" && e.all(date) == nil && !r.faulty[date] {
		r.add(e, date, now)
	}
}

// sameRecipient leaves a recipient out who is the buyer.
func (r *run) sameRecipient(e *entity, path, buyers string) {
	if e.all(path) == nil || e.get(path) != e.get(buyers) {
		return
	}
	e.remove(path)
	for i := range r.out {
		if n := r.out[i].route; n >= 0 && r.out[i].path == path {
			r.res.Routes[n].To = ""
		}
	}
}

// addMark puts the mark into its custom field. The one in the comment is the comment's business.
func (r *run) addMark(e *entity) {
	if r.m.mark.none {
		return
	}
	r.res.Mark, r.res.MarkField = "[formrelay "+r.in.ID+"]", r.m.mark.field
	if r.m.mark.field == "" {
		return
	}
	n := 0
	for _, l := range r.lines {
		if strings.HasPrefix(l.prefix, "custom_fields.") {
			n++
		}
	}
	prefix := "custom_fields." + strconv.Itoa(n)
	r.add(e, prefix+".uuid", r.m.mark.field)
	r.add(e, prefix+".value", r.res.Mark)
}

// comment writes the comment: the mark, what the mapping says, what was typed after phone numbers, and
// the rest of the form.
func (r *run) comment(e *entity) {
	var lines []string
	if !r.m.mark.none && r.m.mark.field == "" {
		lines = append(lines, r.res.Mark)
	}
	lines = append(lines, e.all(managerComment)...)
	to := r.m.rest.path
	var used []bool
	if to != "" {
		used = r.used()
	}
	lines = append(lines, r.phoneLines(used)...)
	if to != "" {
		unused := r.unused(used)
		if to == managerComment {
			lines = append(lines, unused...)
		} else {
			r.write(e, to, append(slices.Clip(e.all(to)), unused...))
		}
	}
	r.write(e, managerComment, lines)
}

// write sets a comment, bounded, when there is something in it that the mapping alone did not put
// there.
func (r *run) write(e *entity, path string, lines []string) {
	if len(lines) == 0 {
		return
	}
	text := cut(strings.Join(lines, "\n"), r.m.rest.lang)
	if e.get(path) != text {
		r.add(e, path, text)
	}
}
