package sandbox

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"formrelay/internal/keycrm"
)

// record is a buyer or a company: what stands beside orders and cards, and can be made by itself.
type record struct {
	id          int64
	at, updated time.Time
	body        map[string]any // what was sent, changed by later calls
}

// row is the record as answers show it, with what was sent under these names and null where it was not.
func (b *record) row(names []string) listed {
	row := listed{"id": b.id, "created_at": b.at.UTC().Format(isoLayout), "updated_at": b.updated.UTC().Format(isoLayout)}
	for _, name := range names {
		row[name] = b.body[name]
	}
	return row
}

// book is one kind of record: its routes differ only in what they are told here.
type book struct {
	path     string
	records  func(*data) *[]*record
	fields   []*keycrm.Type // what may be posted
	shown    []string       // of it, what every answer shows
	includes []string       // of it, what is shown when asked for; KeyCRM's other associations are null here
	filters  []filter[*record]
	changed  int // the status of a change
}

// field describes one field of a record.
func field(name string, word keycrm.Word, children ...*keycrm.Type) *keycrm.Type {
	return &keycrm.Type{Name: name, Word: word, Children: children}
}

// required is a field that must be there, of a change too: the vendor's file says so of both.
func required(t *keycrm.Type) *keycrm.Type {
	t.Required = true
	return t
}

// common are the fields that a buyer and a company share.
func common() []*keycrm.Type {
	return []*keycrm.Type{
		field("manager_id", keycrm.WordInteger),
		field("custom_fields", keycrm.WordList, field("uuid", keycrm.WordText), field("value", keycrm.WordTexts)),
	}
}

// shelfmarks are the filters by id and by the two times.
func shelfmarks(id string) []filter[*record] {
	return []filter[*record]{
		{id, func(b *record, v string) bool { return oneOf(b.id, v) }},
		{"created_between", func(b *record, v string) bool { return between(b.at, v) }},
		{"updated_between", func(b *record, v string) bool { return between(b.updated, v) }},
	}
}

// buyers are made by orders too. Each order makes one here: KeyCRM would merge those whose name and phone are the same.
func buyers() book {
	anyOf := func(name string) func(b *record, v string) bool {
		return func(b *record, v string) bool {
			list, _ := b.body[name].([]any)
			return slices.ContainsFunc(list, func(one any) bool { return oneOf(one, v) })
		}
	}
	address := []*keycrm.Type{}
	for _, name := range []string{
		"address", "additional_address", "city", "region", "zip_code", "country", "recipient_full_name", "recipient_phone", "warehouse_ref", "shipping_service",
	} {
		address = append(address, field(name, keycrm.WordText))
	}
	return book{
		path: "/buyer", records: func(d *data) *[]*record { return &d.buyers }, changed: http.StatusAccepted,
		fields: append(common(), required(field("full_name", keycrm.WordText)), field("birthday", keycrm.WordDay), field("email", keycrm.WordTexts),
			field("phone", keycrm.WordTexts), field("note", keycrm.WordText), field("discount", keycrm.WordNumber), field("company_id", keycrm.WordInteger),
			field("shipping", keycrm.WordList, address...)),
		shown:    []string{"full_name", "birthday", "email", "phone", "note"},
		includes: []string{"manager", "shipping", "company", "loyalty", "custom_fields"},
		filters:  append(shelfmarks("buyer_id"), filter[*record]{"buyer_phone", anyOf("phone")}, filter[*record]{"buyer_email", anyOf("email")}),
	}
}

// companies answer a change with 200, where everything else is a 202: so the vendor's file has it.
func companies() book {
	return book{
		path: "/companies", records: func(d *data) *[]*record { return &d.companies }, changed: http.StatusOK,
		fields: append(common(), required(field("name", keycrm.WordText)), field("title", keycrm.WordText), field("bank_account", keycrm.WordText),
			field("notes", keycrm.WordText)),
		shown:    []string{"name", "title", "notes", "bank_account", "manager_id"},
		includes: []string{"manager", "buyer", "custom_fields"},
		filters:  shelfmarks("company_id"),
	}
}

// recordRoutes are the routes of buyers and companies.
func (s *Sandbox) recordRoutes(r chi.Router) {
	for _, b := range []book{buyers(), companies()} {
		r.Method(http.MethodGet, b.path, handler(func(r *http.Request) answer { return s.listRecords(r, b) }))
		r.Method(http.MethodPost, b.path, handler(func(r *http.Request) answer { return s.createRecord(r, b) }))
		r.Method(http.MethodGet, b.path+"/{id:[0-9]+}", handler(func(r *http.Request) answer { return s.showRecord(r, b) }))
		r.Method(http.MethodPut, b.path+"/{id:[0-9]+}", handler(func(r *http.Request) answer { return s.changeRecord(r, b) }))
	}
}

// query is what the list allows. The vendor's file gives it no sort.
func (b book) query() query[*record] { return query[*record]{filters: b.filters, includes: b.includes} }

// row is a record with the parts that were asked for.
func (b book) row(one *record, r *http.Request) listed {
	return one.row(append(slices.Clone(b.shown), split(r.URL.Query().Get("include"))...))
}

// read reads what was posted, or says what is wrong with it. The two lists of a buyer are lists even of one, unlike an order's.
func (b book) read(r *http.Request) (map[string]any, complaints) {
	_, body := readObject(r)
	var c complaints
	checkFields(b.fields, body, "", true, &c)
	for _, name := range []string{"email", "phone"} {
		if _, one := body[name].(string); one {
			c.add(name, "The %s must be an array.", name)
		}
	}
	kept := map[string]any{}
	for _, f := range b.fields {
		if v, ok := body[f.Name]; ok {
			kept[f.Name] = v
		}
	}
	return kept, c
}

// listRecords answers a list, newest first.
func (s *Sandbox) listRecords(r *http.Request, b book) answer {
	values := r.URL.Query()
	q := b.query()
	if a, refused := q.refuse(values); refused {
		return a
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	rows := []listed{}
	for _, one := range slices.Backward(*b.records(&s.data)) {
		if q.passes(one, values) {
			rows = append(rows, b.row(one, r))
		}
	}
	return paginate(r, rows)
}

// createRecord makes a record. Nothing is a repeat: KeyCRM makes two buyers of one phone when their names differ.
func (s *Sandbox) createRecord(r *http.Request, b book) answer {
	body, c := b.read(r)
	if c.count > 0 {
		return c.answer()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now, all := s.o.Now(), b.records(&s.data)
	one := &record{id: s.data.nextID(), at: now, updated: now, body: body}
	*all = append(*all, one)
	return respond(http.StatusCreated, one.row(b.shown))
}

// showRecord answers one record, not wrapped in data.
func (s *Sandbox) showRecord(r *http.Request, b book) answer {
	if a, refused := b.query().refuse(r.URL.Query()); refused {
		return a
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.data.record(b, chi.URLParam(r, "id"))
	if one == nil {
		return notFound()
	}
	return respond(http.StatusOK, b.row(one, r))
}

// changeRecord changes what was sent and leaves the rest as it was.
func (s *Sandbox) changeRecord(r *http.Request, b book) answer {
	body, c := b.read(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.data.record(b, chi.URLParam(r, "id"))
	switch {
	case one == nil:
		return notFound()
	case c.count > 0:
		return c.answer()
	}
	maps.Copy(one.body, body)
	one.updated = s.o.Now()
	return respond(b.changed, one.row(b.shown))
}

// record gives the record with that id, or nil.
func (d *data) record(b book, id string) *record {
	for _, one := range *b.records(d) {
		if strconv.FormatInt(one.id, 10) == id {
			return one
		}
	}
	return nil
}

// keepBuyer makes the buyer that an order brings, under the id that the order's answer gives for it. The caller holds the lock.
func (s *Sandbox) keepBuyer(e *entity) {
	posted := object(e.body["buyer"])
	body := map[string]any{"full_name": posted["full_name"], "email": []any{}, "phone": []any{}}
	for _, name := range []string{"email", "phone"} {
		if !blank(posted[name]) {
			body[name] = []any{posted[name]}
		}
	}
	s.data.buyers = append(s.data.buyers, &record{id: e.ID, at: e.At, updated: e.At, body: body})
}

// changeOrder changes what the vendor's file lets be changed: not the buyer, the source, the manager or the marketing, which are
// dropped without a word. Lines are only ever changed, never added, the opposite of a card's.
func (s *Sandbox) changeOrder(r *http.Request, e *entity) answer {
	_, body := readObject(r)
	var c complaints
	checkFields(keycrm.Schema(keycrm.KindOrder).Children, body, "", false, &c)
	sent, there := object(body["shipping"]), object(e.body["shipping"])
	if !blank(sent["tracking_code"]) && !blank(there["tracking_code"]) {
		c.add("shipping.tracking_code", "The order has a tracking code already.")
	}
	if c.count > 0 {
		return c.answer()
	}
	for _, name := range []string{"buyer_comment", "manager_comment", "discount_percent", "discount_amount", "custom_fields"} {
		if v, ok := body[name]; ok {
			e.body[name] = v
		}
	}
	if len(sent) > 0 {
		e.body["shipping"] = merged(there, sent)
	}
	e.changeLines(objects(body["products"]))
	if n, ok := body["status_id"].(json.Number); ok && isWhole(n) {
		e.statusID, _ = n.Int64() // isWhole has seen that it reads
	}
	e.updated = s.o.Now()
	return respond(http.StatusAccepted, e.row())
}

// changeLines changes the lines that the sent ones name by sku, the only name of a line that an answer here shows.
func (e *entity) changeLines(sent []map[string]any) {
	lines, _ := e.body["products"].([]any)
	changed := slices.Clone(lines)
	for i, line := range changed {
		for _, s := range sent {
			if sku := object(line)["sku"]; !blank(sku) && fmt.Sprint(sku) == fmt.Sprint(s["sku"]) {
				changed[i] = merged(object(line), s)
			}
		}
	}
	if len(changed) > 0 {
		e.body["products"] = changed
	}
}

// merged is a new object: what was there, and over it what was sent.
func merged(there, sent map[string]any) map[string]any {
	all := make(map[string]any, len(there)+len(sent))
	for _, part := range []map[string]any{there, sent} {
		maps.Copy(all, part)
	}
	return all
}
