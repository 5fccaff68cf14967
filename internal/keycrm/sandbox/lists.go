package sandbox

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
)

// listed is a row of a reference list.
type listed = map[string]any

// listRoutes are the reference lists: what a profile's ids are looked up in, and what else an account can be asked for. What no form
// makes, calls and the transactions of payment services, has a row or two, so that a client sees their shape.
func (s *Sandbox) listRoutes(r chi.Router) {
	list := func(path string, rows func() []listed, includes []string, filters ...filter[listed]) {
		r.Method(http.MethodGet, path, referenceList(s.rowsOf(path, rows), query[listed]{filters: filters, includes: includes, sorts: []string{"id"}}))
	}
	list("/order/source", sources, nil, by("driver"))
	list("/order/payment-method", paymentMethods, nil)
	list("/order/delivery-service", deliveryServices, nil)
	list("/order/status", orderStatuses, nil)
	list("/order/product-status", productStatuses, nil)
	list("/order/expense-type", expenseTypes, nil)
	list("/order/tag", tags, nil)
	list("/users", users, nil, by("id"), by("full_name"), by("role_id"), by("status"), by("email"), by("phone"))
	list("/products", products, []string{"custom_fields"}, column("product_id", "id"), by("category_id"), by("is_archived"))
	list("/offers", offers, []string{"product"}, by("id"), by("product_id"), by("sku"), by("is_archived"))
	r.Method(http.MethodGet, "/offers/stocks", handler(listStocks))
	list("/calls", calls, []string{"manager", "service", "lead", "client"}, by("reference_id"), by("client_id"), column("manager_id", "user_id"),
		by("lead_id"), by("type"), column("client_phone", "external_number"), within("created_between", "created_at"))
	list("/payments/external-transactions", transactions, nil, by("id"), column("transaction_uuid", "uuid"), by("gateway_id"),
		by("is_attached"), within("created_between", "created_at"))
	r.Method(http.MethodGet, "/custom-fields", handler(s.listCustomFields))
	leads := r.With(s.needsLeads)
	leads.Method(http.MethodGet, "/pipelines", referenceList(s.rowsOf("/pipelines", pipelines), query[listed]{sorts: []string{"id"}}))
	leads.Method(http.MethodGet, "/pipelines/{id:[0-9]+}/statuses", handler(listPipelineStatuses))
}

// SetList has the list at a path, such as /custom-fields, answer these rows in place of the sandbox's own until Reset: the account of a
// shop that a profile is to be tried with. A path that has no such list is an error.
func (s *Sandbox) SetList(path string, rows []map[string]any) error {
	if !slices.Contains(replaceable(), path) {
		return fmt.Errorf("%q is no list that can be replaced; there are %s", path, strings.Join(replaceable(), ", "))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lists == nil {
		s.lists = map[string][]listed{}
	}
	s.lists[path] = rows
	return nil
}

// replaceable are the lists that a profile's ids are looked up in.
func replaceable() []string {
	return []string{
		"/custom-fields", "/offers", "/order/delivery-service", "/order/payment-method", "/order/source", "/pipelines", "/users",
	}
}

// rowsOf gives the rows of the list at a path: those that SetList put there, else the sandbox's own. Each call makes new rows.
func (s *Sandbox) rowsOf(path string, own func() []listed) func() []listed {
	return func() []listed {
		s.mu.Lock()
		defer s.mu.Unlock()
		rows, replaced := s.lists[path]
		if !replaced {
			return own()
		}
		fresh := make([]listed, len(rows))
		for i, row := range rows {
			fresh[i] = maps.Clone(row)
		}
		return fresh
	}
}

// postList is POST /lists: SetList with a form's fields path and rows, a JSON list of objects.
func (s *Sandbox) postList(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	var rows []listed
	d := json.NewDecoder(strings.NewReader(r.PostFormValue("rows")))
	d.UseNumber() // ids stay as they are written
	err := d.Decode(&rows)
	if err == nil {
		err = s.SetList(r.PostFormValue("path"), rows)
	}
	if err != nil {
		http.Error(w, "This list cannot be set: "+err.Error(), http.StatusBadRequest)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// by filters by the column of the filter's own name.
func by(name string) filter[listed] { return column(name, name) }

// column filters by equality with one of a comma list.
func column(name, column string) filter[listed] {
	return filter[listed]{name, func(row listed, value string) bool { return oneOf(row[column], value) }}
}

// within filters by a range of times.
func within(name, column string) filter[listed] {
	return filter[listed]{name, func(row listed, value string) bool {
		at, err := time.Parse(isoLayout, fmt.Sprint(row[column]))
		return err == nil && between(at, value)
	}}
}

// referenceList answers pages of rows. The associations it knows are let pass and not shown: no row here has any.
func referenceList(rows func() []listed, q query[listed]) handler {
	return func(r *http.Request) answer {
		values := r.URL.Query()
		if a, refused := q.refuse(values); refused {
			return a
		}
		passed := slices.DeleteFunc(rows(), func(row listed) bool { return !q.passes(row, values) })
		if values.Get("sort") == "-id" {
			slices.Reverse(passed)
		}
		return paginate(r, passed)
	}
}

// listStocks lists what is in stock of each offer, by warehouse when filter[details] says so: to KeyCRM that is a filter too.
func listStocks(r *http.Request) answer {
	rows := func() []listed {
		stocks := []listed{}
		for _, o := range offers() {
			row := listed{"id": o["id"], "sku": o["sku"], "price": o["price"], "purchased_price": 0, "quantity": o["quantity"], "reserve": o["in_reserve"]}
			if d := r.URL.Query().Get("filter[details]"); d == "true" || d == "1" {
				row["warehouse"] = []listed{{"id": int64(1), "name": "Основний", "quantity": o["quantity"], "reserve": o["in_reserve"]}}
			}
			stocks = append(stocks, row)
		}
		return stocks
	}
	details := filter[listed]{"details", func(listed, string) bool { return true }}
	return referenceList(rows, query[listed]{filters: []filter[listed]{column("offers_id", "id"), column("offers_sku", "sku"), details}})(r)
}

// listCustomFields answers the bare array that KeyCRM does, with options only when they are asked for.
func (s *Sandbox) listCustomFields(r *http.Request) answer {
	q := query[listed]{
		filters:  []filter[listed]{{"model", func(row listed, value string) bool { return oneOf(row["model"], value) }}},
		includes: []string{"options"}, sorts: []string{"position"},
	}
	values := r.URL.Query()
	if a, refused := q.refuse(values); refused {
		return a
	}
	rows := slices.DeleteFunc(s.rowsOf("/custom-fields", customFields)(), func(row listed) bool { return !q.passes(row, values) })
	if values.Get("include") == "" {
		for _, row := range rows {
			delete(row, "options")
		}
	}
	return respond(http.StatusOK, rows)
}

// listPipelineStatuses lists the stages of one pipeline.
func listPipelineStatuses(r *http.Request) answer {
	rows := slices.DeleteFunc(pipelineStatuses(), func(row listed) bool { return !oneOf(row["pipeline_id"], chi.URLParam(r, "id")) })
	if len(rows) == 0 {
		return notFound()
	}
	return paginate(r, rows)
}

// The lists of a small shop, made by hand. Ids that the scripts KeyCRM hands out name are there: the sources 1 and 22, the
// fields 1021 and 1022. Each call makes new rows, so that a route may change what it was given.

// sources are what orders and cards are filed under. An order may name one that is not here: whether KeyCRM refuses that is not known,
// and a trial with a shop's own ids should not end at a list made by hand.
func sources() []listed {
	return []listed{
		{"id": int64(1), "name": "Website", "alias": "website", "driver": "other", "currency_code": "UAH"},
		{"id": int64(7), "name": "Instagram", "alias": "instagram", "driver": "other", "currency_code": "UAH"},
		{"id": int64(22), "name": "Landing", "alias": "landing", "driver": "other", "currency_code": "UAH"},
	}
}

// paymentMethods include one that is switched off, which a list still shows and a client has to leave out by itself.
func paymentMethods() []listed {
	return []listed{
		{"id": int64(1), "name": "Cash", "alias": "cash", "is_active": true},
		{"id": int64(2), "name": "Card online", "alias": "card", "is_active": true},
		{"id": int64(3), "name": "Cash on delivery", "alias": "cod", "is_active": true},
		{"id": int64(4), "name": "Bank transfer", "alias": "bank", "is_active": false},
	}
}

// deliveryServices: Nova Poshta is found by its source_name, since every account has another id for it.
func deliveryServices() []listed {
	return []listed{
		{"id": int64(1), "name": "Нова Пошта", "source_name": "novaposhta", "alias": "novaposhta"},
		{"id": int64(2), "name": "Укрпошта", "source_name": "ukrposhta", "alias": "ukrposhta"},
		{"id": int64(3), "name": "Courier", "source_name": "other", "alias": "courier"},
	}
}

// orderStatuses bear the system's names, as an account's do until somebody saves their own: their groups, 1 to 6, are what a client can
// rely on.
func orderStatuses() []listed {
	status := func(id int64, name string, group int, closing bool) listed {
		return listed{"id": id, "name": name, "alias": name, "is_active": true, "group_id": group, "is_closing_order": closing, "is_reserved": true}
	}
	return []listed{
		status(1, "new", 1, false), status(2, "in_work", 2, false), status(3, "production", 3, false),
		status(4, "in_transit", 4, false), status(5, "completed", 5, true), status(6, "canceled", 6, true),
	}
}

// productStatuses are of an order's lines, not of the order.
func productStatuses() []listed {
	return []listed{
		{"id": int64(1), "name": "Нова", "alias": "new", "position": 1, "is_active": true, "is_reserved": true},
		{"id": int64(2), "name": "Немає в наявності", "alias": "not_available", "position": 2, "is_active": true, "is_reserved": false},
	}
}

// expenseTypes are what an order can cost the shop.
func expenseTypes() []listed {
	return []listed{
		{"id": int64(1), "name": "Доставка", "alias": "delivery", "is_active": true, "is_reserved": true, "by_order": true},
		{"id": int64(2), "name": "Пакування", "alias": "packing", "is_active": true, "is_reserved": false, "by_order": true},
	}
}

// tags are the ids an order may name; any other fails the whole order.
func tags() []listed {
	return []listed{
		{"id": int64(1), "name": "VIP", "alias": "vip", "color": "#d97706"},
		{"id": int64(2), "name": "Landing", "alias": "landing", "color": "#2563eb"},
	}
}

// users include one who has left, whose id is the kind that old scripts still name.
func users() []listed {
	return []listed{
		{"id": int64(1), "full_name": "Олена Менеджер", "email": "olena@shop.example", "role_id": 1, "status": "active"},
		{"id": int64(3), "full_name": "Тарас Менеджер", "email": "taras@shop.example", "role_id": 2, "status": "active"},
		{"id": int64(4), "full_name": "Ірина Колишня", "email": "iryna@shop.example", "role_id": 2, "status": "blocked"},
	}
}

// offers have the articles of the demo's shop page.
func offers() []listed {
	return []listed{
		{"id": int64(1), "product_id": int64(1), "sku": "A-1", "price": 450, "quantity": 20, "in_reserve": 0, "is_archived": false},
		{"id": int64(2), "product_id": int64(2), "sku": "B-7", "price": 1200, "quantity": 5, "in_reserve": 1, "is_archived": false},
	}
}

// products are what the offers are variants of, one each.
func products() []listed {
	product := func(id int64, name, sku string, price, quantity int) listed {
		return listed{
			"id": id, "name": name, "sku": sku, "price": price, "min_price": price, "max_price": price, "quantity": quantity, "unit_type": "шт",
			"currency_code": "UAH", "has_offers": false, "is_archived": false, "category_id": int64(1), "description": nil, "thumbnail_url": nil,
		}
	}
	return []listed{product(1, "Лампа", "A-1", 450, 20), product(2, "Крісло", "B-7", 1200, 5)}
}

// calls have one that nobody has tied to a buyer or a card yet, so that both are null in it.
func calls() []listed {
	return []listed{{
		"id": int64(1), "internal_number": "101", "external_number": "+380501112233", "reference_id": "call-1", "type": "incoming", "state": "answered",
		"user_id": int64(1), "duration": 42, "client_id": nil, "lead_id": nil, "comment": nil, "created_at": "2026-03-02T11:33:32.000000Z",
	}}
}

// transactions are what a payment service reports; nobody has tied the one here to an order.
func transactions() []listed {
	return []listed{{
		"id": int64(1), "uuid": "tx-1", "gateway_id": int64(1), "payments_data": []listed{}, "amount": 450, "description": nil, "currency": "UAH",
		"is_attached": false, "transaction_date": "2026-03-02T11:30:00.000000Z", "created_at": "2026-03-02T11:33:32.000000Z",
	}}
}

// pipelines answer "title", where the vendor's file says "name": live accounts were seen to.
func pipelines() []listed {
	return []listed{
		{"id": int64(1), "title": "Заявки", "use_payments": true, "lead_type": "lead"},
		{"id": int64(2), "title": "Зворотний дзвінок", "use_payments": false, "lead_type": "lead"},
	}
}

// pipelineStatuses are of both pipelines; the route shows those of one.
func pipelineStatuses() []listed {
	return []listed{
		{"id": int64(1), "pipeline_id": int64(1), "title": "Нова", "alias": "new", "is_final": false},
		{"id": int64(2), "pipeline_id": int64(1), "title": "У роботі", "alias": "in_work", "is_final": false},
		{"id": int64(3), "pipeline_id": int64(1), "title": "Успішна", "alias": "won", "is_final": true},
		{"id": int64(4), "pipeline_id": int64(2), "title": "Нова", "alias": "new", "is_final": false},
	}
}

// customFields have a text, a list of one and a list of several for each of the two entities, and a field of buyers that is neither's.
func customFields() []listed {
	position := 0
	field := func(id int64, uuid, model, kind, name string, multiple bool, options ...string) listed {
		position++
		rows := []listed{}
		for i, value := range options {
			rows = append(rows, listed{"id": id*10 + int64(i), "field_id": id, "value": value})
		}
		return listed{
			"id": id, "uuid": uuid, "model": model, "type": kind, "name": name,
			"required": false, "position": position, "is_multiple": multiple, "options": rows,
		}
	}
	return []listed{
		field(1021, "OR_1021", "order", "text", "Побажання", false),
		field(1022, "OR_1022", "order", "select", "Кольори", true, "White", "Black", "Blue", "Space Gray"),
		field(1023, "OR_1023", "order", "select", "Розмір", false, "S", "M", "L"),
		field(2021, "LD_1021", "lead", "text", "Сторінка", false),
		field(2022, "LD_1022", "lead", "select", "Цікавить", true, "Delivery", "Price", "Sizes"),
		field(2023, "LD_1023", "lead", "text", "Номер заявки", false),
		field(3001, "CT_1001", "client", "date", "День народження", false),
	}
}
