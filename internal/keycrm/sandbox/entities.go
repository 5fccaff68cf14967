package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"formrelay/internal/keycrm"
)

// maxImport is how many orders one import takes.
const maxImport = 50

// orderRoutes are the routes below /order but for its reference lists.
func (s *Sandbox) orderRoutes(r chi.Router) {
	r.Method(http.MethodPost, "/order", handler(s.createOrder))
	r.Method(http.MethodGet, "/order", s.listEntities(keycrm.KindOrder, orderQuery()))
	r.Method(http.MethodPost, "/order/import", handler(s.importOrders))
	r.Method(http.MethodGet, "/order/{id:[0-9]+}", s.withEntity(keycrm.KindOrder, s.showEntity))
	r.Method(http.MethodPut, "/order/{id:[0-9]+}", s.withEntity(keycrm.KindOrder, s.changeOrder))
	r.Method(http.MethodPost, "/order/{id:[0-9]+}/payment", s.withEntity(keycrm.KindOrder, s.addPayment))
	r.Method(http.MethodPost, "/order/{id:[0-9]+}/tag/{tag:[0-9]+}", s.withEntity(keycrm.KindOrder, s.addTag))
	r.Method(http.MethodDelete, "/order/{id:[0-9]+}/tag/{tag:[0-9]+}", s.withEntity(keycrm.KindOrder, s.removeTag))
}

// cardRoutes are the routes of cards; cards have no tags and no import.
func (s *Sandbox) cardRoutes(r chi.Router) {
	r = r.With(s.needsLeads)
	r.Method(http.MethodPost, "/pipelines/cards", handler(s.createCard))
	r.Method(http.MethodGet, "/pipelines/cards", s.listEntities(keycrm.KindCard, cardQuery()))
	r.Method(http.MethodGet, "/pipelines/cards/{id:[0-9]+}", s.withEntity(keycrm.KindCard, s.showEntity))
	r.Method(http.MethodPut, "/pipelines/cards/{id:[0-9]+}", s.withEntity(keycrm.KindCard, s.changeCard))
	r.Method(http.MethodPost, "/pipelines/cards/{id:[0-9]+}/payment", s.withEntity(keycrm.KindCard, s.addPayment))
}

// needsLeads refuses every route of pipelines in an account without them.
func (s *Sandbox) needsLeads(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.o.NoLeads {
			message(http.StatusBadRequest, "Leads are not enabled").write(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// withEntity finds the entity of the path and runs the route under the lock.
func (s *Sandbox) withEntity(kind keycrm.Kind, route func(r *http.Request, e *entity) answer) handler {
	return func(r *http.Request) answer {
		id, err := strconv.ParseInt(chi.URLParam(r, "id"), 10, 64)
		if err != nil {
			return notFound()
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		e := s.data.find(kind, id)
		if e == nil {
			return notFound()
		}
		return route(r, e)
	}
}

// createOrder makes an order, or says all that is wrong with it at once. Looking for a repeat and keeping the order happen under one
// lock, so that two posts of one number at once cannot both be first.
func (s *Sandbox) createOrder(r *http.Request) answer {
	raw, body := readObject(r)
	var c complaints
	checkEntity(keycrm.KindOrder, body, "", &c)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checkRepeat(body, "", &c)
	if c.count > 0 {
		return c.answer()
	}
	return respond(http.StatusCreated, s.create(keycrm.KindOrder, raw, body).row())
}

// checkRepeat complains about a source_uuid that is there already, where the options say so.
func (s *Sandbox) checkRepeat(body map[string]any, path string, c *complaints) {
	if !s.o.UniqueSourceUUID || blank(body["source_uuid"]) {
		return
	}
	for _, e := range s.data.entities {
		if e.Kind == keycrm.KindOrder && e.body["source_uuid"] == body["source_uuid"] && e.body["source_id"] == body["source_id"] {
			c.add(path+"source_uuid", "The source uuid has already been taken.")
			return
		}
	}
}

// createCard makes a card. It has no number of its source, so nothing can be a repeat.
func (s *Sandbox) createCard(r *http.Request) answer {
	raw, body := readObject(r)
	var c complaints
	checkEntity(keycrm.KindCard, body, "", &c)
	if c.count > 0 {
		return c.answer()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return respond(http.StatusCreated, s.create(keycrm.KindCard, raw, body).row())
}

// importOrders takes up to 50 orders, all or none unless the options say otherwise. KeyCRM documents no body of the answer, so there is
// none.
func (s *Sandbox) importOrders(r *http.Request) answer {
	raw, _ := readObject(r)
	var posted struct{ Orders []json.RawMessage }
	var c complaints
	if err := json.Unmarshal(raw, &posted); err != nil || len(posted.Orders) == 0 {
		c.add("orders", "The orders field is required.")
	}
	if len(posted.Orders) > maxImport {
		c.add("orders", "The orders may not have more than %d items.", maxImport)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	bodies, sound := make([]map[string]any, len(posted.Orders)), 0
	// Every fault of every order is told, at "orders.7.…": a client must be able to put the one at fault aside and send the others.
	for i, raw := range posted.Orders {
		bodies[i] = parseObject(raw)
		checkEntity(keycrm.KindOrder, bodies[i], fmt.Sprintf("orders.%d.", i), &c)
		s.checkRepeat(bodies[i], fmt.Sprintf("orders.%d.", i), &c)
		if c.count == 0 {
			sound++
		}
	}
	if c.count > 0 && !s.o.PartialImport {
		return c.answer()
	}
	for i, raw := range posted.Orders[:sound] {
		s.createAt(s.o.Now().Add(s.o.ImportDelay), keycrm.KindOrder, raw, bodies[i])
	}
	if c.count > 0 {
		return c.answer()
	}
	return respond(http.StatusCreated, nil)
}

// listEntities answers a list, newest first unless it is asked for by id.
func (s *Sandbox) listEntities(kind keycrm.Kind, q query[*entity]) handler {
	return func(r *http.Request) answer {
		values := r.URL.Query()
		if a, refused := q.refuse(values); refused {
			return a
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		rows := []listedEntity{}
		include := split(values.Get("include"))
		shown := s.o.Now().Add(-s.o.ListDelay)
		for _, e := range s.data.entities {
			if e.Kind == kind && !e.At.After(shown) && q.passes(e, values) {
				rows = append(rows, listedEntity{e, include})
			}
		}
		// Newest first is what a client must withstand: what arrives between two pages moves every row down by one.
		if values.Get("sort") != "id" {
			slices.Reverse(rows)
		}
		return paginate(r, rows)
	}
}

// listedEntity is a row that is made only where it is shown: a list may be thousands of times as long as its page.
type listedEntity struct {
	e       *entity
	include []string
}

// MarshalJSON writes the row. The list is written under the sandbox's lock.
func (l listedEntity) MarshalJSON() ([]byte, error) { return json.Marshal(l.e.including(l.include)) }

// showEntity answers one entity, not wrapped in data: the file says otherwise of cards, live accounts do so.
func (s *Sandbox) showEntity(r *http.Request, e *entity) answer {
	q := orderQuery()
	if e.Kind == keycrm.KindCard {
		q = cardQuery()
	}
	if a, refused := q.refuse(r.URL.Query()); refused {
		return a
	}
	return respond(http.StatusOK, e.including(split(r.URL.Query().Get("include"))))
}

// including is the entity's row with the parts that were asked for.
func (e *entity) including(names []string) map[string]any {
	row := e.row()
	for _, name := range names {
		name, _, _ = strings.Cut(name, ".")
		switch name {
		case "custom_fields", "customFields":
			row["custom_fields"] = e.customFields()
		case "payments":
			row["payments"] = e.payments
		case "tags":
			row["tags"] = slices.DeleteFunc(tags(), func(t map[string]any) bool { return !slices.Contains(e.tags, t["id"].(int64)) })
		case "buyer", "contact", "products", "marketing", "shipping":
			row[name] = e.body[name]
		}
	}
	return row
}

// customFields are those of the sent ones that the account has; the rest were dropped without a word.
func (e *entity) customFields() []map[string]any {
	known := customFields()
	rows := []map[string]any{}
	for _, sent := range objects(e.body["custom_fields"]) {
		for _, f := range known {
			if f["uuid"] == sent["uuid"] {
				rows = append(rows, map[string]any{"id": f["id"], "uuid": f["uuid"], "name": f["name"], "type": f["type"], "value": sent["value"]})
			}
		}
	}
	return rows
}

// addPayment adds a payment to what is there; on this route one without a status is paid.
func (s *Sandbox) addPayment(r *http.Request, e *entity) answer {
	_, body := readObject(r)
	var c complaints
	checkFields(keycrm.Schema(keycrm.KindOrder).Child("payments").Children, body, "", true, &c)
	checkPayment(body, "", &c)
	if c.count > 0 {
		return c.answer()
	}
	p := s.payment(body, "paid")
	e.payments = append(e.payments, p)
	e.updated = s.o.Now()
	return respond(http.StatusCreated, p)
}

// addTag puts a tag on an order; a second time changes nothing.
func (s *Sandbox) addTag(r *http.Request, e *entity) answer {
	id, err := strconv.ParseInt(chi.URLParam(r, "tag"), 10, 64)
	if err != nil || !slices.ContainsFunc(tags(), func(t map[string]any) bool { return t["id"] == id }) {
		return notFound()
	}
	if !slices.Contains(e.tags, id) {
		e.tags = append(e.tags, id)
	}
	return done()
}

// removeTag takes a tag off; one that is not on it is no error.
func (s *Sandbox) removeTag(r *http.Request, e *entity) answer {
	e.tags = slices.DeleteFunc(e.tags, func(id int64) bool { return strconv.FormatInt(id, 10) == chi.URLParam(r, "tag") })
	return respond(http.StatusNoContent, nil)
}

// changeCard changes what KeyCRM lets be changed. A new manager_comment is dropped without a word, and products are only ever
// added.
func (s *Sandbox) changeCard(r *http.Request, e *entity) answer {
	_, body := readObject(r)
	var c complaints
	checkFields(keycrm.Schema(keycrm.KindCard).Children, body, "", false, &c)
	if c.count > 0 {
		return c.answer()
	}
	for _, name := range []string{"title", "note", "source_id", "client_id", "manager_id", "communicate_at", "custom_fields"} {
		if v, ok := body[name]; ok {
			e.body[name] = v
		}
	}
	if added, ok := body["products"].([]any); ok {
		lines, _ := e.body["products"].([]any)
		e.body["products"] = append(slices.Clone(lines), added...)
	}
	if n, ok := body["status_id"].(json.Number); ok && isWhole(n) {
		e.statusID, _ = n.Int64() // isWhole has seen that it reads
	}
	e.updated = s.o.Now()
	return done()
}

// orderQuery is what GET /order allows. source_uuid matches in part: the library KeyCRM is built on does so by default.
func orderQuery() query[*entity] {
	field := func(name string) func(e *entity, value string) bool {
		return func(e *entity, value string) bool { return oneOf(e.body[name], value) }
	}
	inner := func(part, name string) func(e *entity, value string) bool {
		return func(e *entity, value string) bool { return oneOf(object(e.body[part])[name], value) }
	}
	return query[*entity]{
		filters: []filter[*entity]{
			{"status_id", func(e *entity, v string) bool { return oneOf(e.statusID, v) }},
			{"source_id", field("source_id")},
			{"buyer_email", inner("buyer", "email")},
			{"buyer_phone", inner("buyer", "phone")},
			{"has_tracking_code", func(e *entity, v string) bool {
				return blank(object(e.body["shipping"])["tracking_code"]) != (v == "true" || v == "1")
			}},
			{"created_between", func(e *entity, v string) bool { return between(e.orderedAt(), v) }},
			{"updated_between", func(e *entity, v string) bool { return between(e.updated, v) }},
			{"payment_status", func(e *entity, v string) bool { return oneOf(e.paymentStatus(), v) }},
			{"source_uuid", func(e *entity, v string) bool {
				uuid, _ := e.body["source_uuid"].(string)
				return slices.ContainsFunc(split(v), func(part string) bool { return strings.Contains(uuid, part) })
			}},
			{"shipping_between", func(e *entity, v string) bool {
				day, err := parseEnd(fmt.Sprint(object(e.body["shipping"])["shipping_date"]), 0)
				return err == nil && between(day, v)
			}},
		},
		includes: []string{
			"attachments", "attachments.file", "tags", "buyer", "products", "products.offer", "manager", "status", "payments", "expenses",
			"marketing", "shipping", "shipping.lastHistory", "shipping.deliveryService", "customFields", "custom_fields", "assigned",
		},
		sorts: []string{"id"},
	}
}

// cardQuery is what GET /pipelines/cards allows; there is no way to ask for a contact.
func cardQuery() query[*entity] {
	return query[*entity]{
		filters: []filter[*entity]{
			{"pipeline_id", func(e *entity, v string) bool { return oneOf(e.pipeline(), v) }},
			{"status_id", func(e *entity, v string) bool { return oneOf(e.statusID, v) }},
			{"source_id", func(e *entity, v string) bool { return oneOf(e.body["source_id"], v) }},
			{"created_between", func(e *entity, v string) bool { return between(e.At, v) }},
			{"updated_between", func(e *entity, v string) bool { return between(e.updated, v) }},
		},
		includes: []string{"contact", "contact.client", "products", "products.offer", "manager", "status", "payments", "custom_fields"},
	}
}

// pipeline is the one the card is in: the first where it says nothing.
func (e *entity) pipeline() any {
	if id := e.body["pipeline_id"]; id != nil {
		return id
	}
	return 1
}
