package sandbox

import (
	"encoding/json"
	"math/big"
	"slices"
	"time"

	"formrelay/internal/keycrm"
)

// isoLayout is how KeyCRM writes times in answers.
const isoLayout = "2006-01-02T15:04:05.000000Z"

// Received is an entity as it arrived.
type Received struct {
	Kind keycrm.Kind     `json:"kind"`
	ID   int64           `json:"id"`
	At   time.Time       `json:"at"`
	Body json.RawMessage `json:"body"` // the JSON as it was sent; of an import, this order's part of it
}

// data is what the sandbox was given. The sandbox's lock guards it.
type data struct {
	entities []*entity // oldest first
	lastID   int64
	stored   []*storedFile

	buyers, companies []*record // oldest first
}

// entity is an order or a card.
type entity struct {
	Received
	body     map[string]any // what was sent, changed by later calls
	updated  time.Time
	statusID int64
	tags     []int64
	files    []int64
	payments []map[string]any
}

// storedFile is an upload.
type storedFile struct {
	id        int64
	name      string
	mediaType string
	size      int
	hash      string
	at        time.Time
}

// reset forgets everything but the last id.
func (d *data) reset() {
	d.entities, d.stored, d.buyers, d.companies = nil, nil, nil, nil
	if d.lastID == 0 {
		d.lastID = 1000
	}
}

// nextID counts on over every kind of thing, so that no test passes because an order and a card share a number.
func (d *data) nextID() int64 {
	d.lastID++
	return d.lastID
}

// find gives the entity with that id, or nil.
func (d *data) find(kind keycrm.Kind, id int64) *entity {
	for _, e := range d.entities {
		if e.Kind == kind && e.ID == id {
			return e
		}
	}
	return nil
}

// create keeps a new entity. The caller holds the sandbox's lock.
func (s *Sandbox) create(kind keycrm.Kind, raw json.RawMessage, body map[string]any) *entity {
	return s.createAt(s.o.Now(), kind, raw, body)
}

// createAt is create for an entity that comes into being then.
func (s *Sandbox) createAt(now time.Time, kind keycrm.Kind, raw json.RawMessage, body map[string]any) *entity {
	e := &entity{
		Received: Received{Kind: kind, ID: s.data.nextID(), At: now, Body: slices.Clone(raw)},
		body:     body, updated: now, statusID: 1, tags: whole(body["tags"]),
	}
	for _, p := range objects(body["payments"]) {
		e.payments = append(e.payments, s.payment(p, "not_paid"))
	}
	s.data.entities = append(s.data.entities, e)
	if kind == keycrm.KindOrder {
		s.keepBuyer(e)
	}
	return e
}

// payment makes a stored payment of a posted one. The default of its status is known for the route of its own, paid, and not
// for a new order.
func (s *Sandbox) payment(posted map[string]any, status string) map[string]any {
	p := map[string]any{"id": s.data.nextID(), "description": nil, "payment_date": s.o.Now().UTC().Format(time.DateTime), "status": status}
	for name, v := range posted {
		if v != nil {
			p[name] = v
		}
	}
	return p
}

// Orders returns the orders that arrived, oldest first.
func (s *Sandbox) Orders() []Received { return s.received(keycrm.KindOrder) }

// Cards returns the cards that arrived, oldest first.
func (s *Sandbox) Cards() []Received { return s.received(keycrm.KindCard) }

// received copies what arrived of one kind, or of both for an empty one.
func (s *Sandbox) received(kind keycrm.Kind) []Received {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Received
	for _, e := range s.data.entities {
		if kind == "" || e.Kind == kind {
			all = append(all, e.Received)
		}
	}
	return all
}

// row is the entity as KeyCRM's answers show it.
func (e *entity) row() map[string]any {
	if e.Kind == keycrm.KindCard {
		return e.with(map[string]any{
			"id": e.ID, "contact_id": e.ID, "status_id": e.statusID, "is_finished": nil, "status_changed_at": e.At.UTC().Format(isoLayout),
			"created_at": e.At.UTC().Format(isoLayout), "updated_at": e.updated.UTC().Format(isoLayout),
		}, "source_id", "manager_id", "pipeline_id", "title", "manager_comment", "communicate_at",
			"utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
	}
	row := e.with(map[string]any{
		"id": e.ID, "parent_id": nil, "status_id": e.statusID, "status_group_id": 1, "grand_total": e.total(), "total_discount": 0,
		"expenses_sum": 0, "payment_status": e.paymentStatus(), "last_synced_at": nil, "closed_at": nil,
		"created_at": e.At.UTC().Format(isoLayout), "updated_at": e.updated.UTC().Format(isoLayout),
		"ordered_at": e.orderedAt().UTC().Format(isoLayout),
	}, "source_id", "source_uuid", "manager_id", "promocode", "shipping_price", "wrap_price", "taxes",
		"manager_comment", "buyer_comment", "gift_message", "is_gift")
	if buyer := object(e.body["buyer"]); buyer != nil {
		row["buyer"] = map[string]any{"id": e.ID, "full_name": buyer["full_name"]}
	}
	return row
}

// with adds what was sent under these names, null where it was not.
func (e *entity) with(row map[string]any, names ...string) map[string]any {
	for _, name := range names {
		row[name] = e.body[name]
	}
	return row
}

// orderedAt is what created_between searches orders by: the order's own time, else its arrival.
func (e *entity) orderedAt() time.Time {
	if text, ok := e.body["ordered_at"].(string); ok {
		if at, err := time.Parse(time.DateTime, text); err == nil {
			return at
		}
	}
	return e.At
}

// total is the sum of the lines and charges less the discounts.
func (e *entity) total() json.Number {
	sum := new(big.Rat)
	for _, p := range objects(e.body["products"]) {
		line := lineSum(p)
		sum.Add(sum, line.Sub(line, number(p["discount_amount"])))
	}
	for _, name := range []string{"shipping_price", "wrap_price", "taxes"} {
		sum.Add(sum, number(e.body[name]))
	}
	sum.Sub(sum, number(e.body["discount_amount"]))
	return json.Number(sum.FloatString(2))
}

// lineSum is a line's price by its quantity, which is one where it says nothing.
func lineSum(product map[string]any) *big.Rat {
	quantity := number(product["quantity"])
	if product["quantity"] == nil {
		quantity.SetInt64(1)
	}
	return quantity.Mul(quantity, number(product["price"]))
}

// paymentStatus is computed from the payments that are paid, never sent.
func (e *entity) paymentStatus() string {
	paid, total := new(big.Rat), number(e.total())
	for _, p := range e.payments {
		if p["status"] == "paid" {
			paid.Add(paid, number(p["amount"]))
		}
	}
	switch {
	case paid.Sign() == 0:
		return "not_paid"
	case paid.Cmp(total) < 0:
		return "part_paid"
	case paid.Cmp(total) > 0:
		return "overpaid"
	}
	return "paid"
}

// number reads a JSON number that the rules let through; anything else is 0.
func number(v any) *big.Rat {
	r := new(big.Rat)
	if n, ok := v.(json.Number); ok {
		if _, ok := r.SetString(n.String()); !ok {
			r.SetInt64(0)
		}
	}
	return r
}

// whole reads a list of whole numbers, leaving out what is none.
func whole(v any) []int64 {
	var all []int64
	list, _ := v.([]any)
	for _, item := range list {
		if n, ok := item.(json.Number); ok {
			if id, err := n.Int64(); err == nil {
				all = append(all, id)
			}
		}
	}
	return all
}

// object reads an object; anything else is an empty one.
func object(v any) map[string]any {
	o, _ := v.(map[string]any)
	return o
}

// objects reads a list of objects, leaving out what is none.
func objects(v any) []map[string]any {
	var all []map[string]any
	list, _ := v.([]any)
	for _, item := range list {
		if o := object(item); o != nil {
			all = append(all, o)
		}
	}
	return all
}
