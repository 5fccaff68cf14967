package keycrm

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// MaxImport is the most orders that one import takes (the vendor's file).
const MaxImport = 50

// importLacks are the fields of a new order that an order of an import does not have. What KeyCRM does with one that is there all the
// same is not known, so an order that needs one goes by itself.
func importLacks() map[string][]string {
	return map[string][]string{
		"":         {"manager_id", "gift_message", "is_gift", "gift_wrap"},
		"shipping": {"shipping_service"},
	}
}

// Importable tells whether an order's JSON may be part of an import: it is one object, and it has no field that imports lack.
func Importable(order []byte) bool {
	var top, shipping row
	if json.Unmarshal(order, &top) != nil || top == nil {
		return false
	}
	if raw, has := top["shipping"]; has && json.Unmarshal(raw, &shipping) != nil {
		return false
	}
	for path, names := range importLacks() {
		fields := top
		if path != "" {
			fields = shipping
		}
		for _, name := range names {
			if _, has := fields[name]; has {
				return false
			}
		}
	}
	return true
}

// Import makes orders from their JSON in one call, MaxImport at most. KeyCRM documents that it answers 201 and nothing else: no ids, no
// word about a single order, not whether it takes all or none. So Done says only that KeyCRM has taken the list; which orders it made,
// after any answer, a look-up must tell (FindOrders). A refusal's messages name an order by its place, see Answer.OfOrder. notAfter is as
// in Create.
func (c *Client) Import(ctx context.Context, orders []json.RawMessage, notAfter time.Time) Answer {
	if len(orders) == 0 || len(orders) > MaxImport {
		now := c.now()
		return Answer{Outcome: Rejected, Text: fmt.Sprintf("An import has 1 to %d orders, not %d.", MaxImport, len(orders)), Started: now, Ended: now}
	}
	// The orders' own bytes are sent, as a single create sends them.
	var body bytes.Buffer
	body.WriteString(`{"orders":[`)
	for i, order := range orders {
		if i > 0 {
			body.WriteByte(',')
		}
		body.Write(order)
	}
	body.WriteString(`]}`)
	return c.call(ctx, request{method: http.MethodPost, target: "/order/import", body: body.Bytes(), notAfter: notAfter}, func(r reply) Answer {
		return readImported(r, len(orders))
	})
}

// readImported says what the reply to an import of n orders means. Any whole 2xx is taken for a yes, since nothing rests on it: each
// order is looked up. An address without imports is a refusal and no wrong address, because it says nothing about the other routes.
func readImported(r reply, n int) Answer {
	if r.status < 200 || r.status > 299 {
		a := readRefusal(r)
		if a.Outcome == WrongAddress {
			a.Outcome, a.Text = Rejected, fmt.Sprintf("KeyCRM has no import of orders at this address (%d).", r.status)
		}
		return a
	}
	a := Answer{Outcome: Uncertain, Status: r.status}
	switch {
	case r.page:
		a.Text = pageText(r.status) + " KeyCRM may have the orders."
	case !r.whole:
		a.Text = "KeyCRM's answer broke off before it was whole; it may have the orders."
	default:
		a.Outcome, a.Text = Done, fmt.Sprintf("KeyCRM took a list of %d orders.", n)
	}
	return a
}

// OfOrder is the answer to an import as it concerns one of its orders, by its place from 0: of the messages only those about this order,
// with paths as in a create of its own.
func (a Answer) OfOrder(place int) Answer {
	prefix := fmt.Sprintf("orders.%d.", place)
	var own []Message
	for _, m := range a.Messages {
		if path, about := strings.CutPrefix(m.Path, prefix); about {
			own = append(own, Message{Path: path, Text: strings.ReplaceAll(m.Text, prefix, "")})
		}
	}
	a.Messages = own
	return a
}

// Orders is one page of a source's newest orders, as far as it was searched for some of them.
type Orders struct {
	Answer
	Found map[string]int64 // source_uuid -> id, of those that were asked for
	More  bool             // there is a next page
}

// FindOrders looks for orders by their source_uuids on one page of their source's orders, the newest first, pages counting from 1. Right
// after an import those it made are on the first page, or on the second where others come in beside it. An order is found when its
// source_uuid and source_id are equal; so only orders whose source_uuid is a random id of the relay's own should be asked for.
//
// What is found is proved. What is not found proves nothing, however many pages were read: that takes a look-up of its own (Find).
func (c *Client) FindOrders(ctx context.Context, sourceID int64, uuids []string, page int, notAfter time.Time) Orders {
	wanted := make(map[string]Query, len(uuids))
	for _, uuid := range uuids {
		wanted[uuid] = Query{Kind: KindOrder, SourceID: sourceID, SourceUUID: uuid, Own: true}
	}
	found, more := map[string]int64{}, false
	target := paged(fmt.Sprintf("/order?filter[source_id]=%d&sort=-id", sourceID), page)
	a := c.call(ctx, request{method: http.MethodGet, target: target, notAfter: notAfter}, func(r reply) Answer {
		l, a := readRows(r, func(raw json.RawMessage) bool {
			var one row
			if json.Unmarshal(raw, &one) != nil {
				return false
			}
			uuid := text(one["source_uuid"])
			if q, asked := wanted[uuid]; asked && uuid != "" && q.matches(one) && one.id() != 0 {
				found[uuid] = one.id()
			}
			return true
		})
		more = l.more
		return a
	})
	if a.Outcome != Done {
		return Orders{Answer: a}
	}
	return Orders{Answer: a, Found: found, More: more}
}
