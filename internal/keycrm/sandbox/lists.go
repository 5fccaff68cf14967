package sandbox

import (
	"net/http"
	"slices"

	"github.com/go-chi/chi/v5"
)

// listed is a row of a reference list.
type listed = map[string]any

// listRoutes are the reference lists: what a profile's ids are looked up in.
func (s *Sandbox) listRoutes(r chi.Router) {
	list := func(path string, rows func() []listed, filters ...string) {
		r.Method(http.MethodGet, path, referenceList(rows, filters))
	}
	list("/order/source", sources, "driver")
	list("/order/payment-method", paymentMethods)
	list("/order/delivery-service", deliveryServices)
	list("/order/status", orderStatuses)
	list("/order/tag", tags)
	list("/users", users, "id", "full_name", "role_id", "status", "email", "phone")
	list("/offers", offers, "id", "product_id", "sku", "is_archived")
	r.Method(http.MethodGet, "/custom-fields", handler(listCustomFields))
	leads := r.With(s.needsLeads)
	leads.Method(http.MethodGet, "/pipelines", referenceList(pipelines, nil))
	leads.Method(http.MethodGet, "/pipelines/{id:[0-9]+}/statuses", handler(listPipelineStatuses))
}

// referenceList answers pages of rows, filtered by equality.
func referenceList(rows func() []listed, filters []string) handler {
	q := query[listed]{includes: []string{"product"}, sorts: []string{"id"}}
	for _, name := range filters {
		q.filters = append(q.filters, filter[listed]{name, func(row listed, value string) bool { return oneOf(row[name], value) }})
	}
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

// listCustomFields answers the bare array that KeyCRM does, with options only when they are asked for.
func listCustomFields(r *http.Request) answer {
	q := query[listed]{
		filters:  []filter[listed]{{"model", func(row listed, value string) bool { return oneOf(row["model"], value) }}},
		includes: []string{"options"}, sorts: []string{"position"},
	}
	values := r.URL.Query()
	if a, refused := q.refuse(values); refused {
		return a
	}
	rows := slices.DeleteFunc(customFields(), func(row listed) bool { return !q.passes(row, values) })
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
// fields 1021 and 1022.

func sources() []listed {
	return []listed{
		{"id": int64(1), "name": "Website", "alias": "website", "driver": "other", "currency_code": "UAH"},
		{"id": int64(7), "name": "Instagram", "alias": "instagram", "driver": "other", "currency_code": "UAH"},
		{"id": int64(22), "name": "Landing", "alias": "landing", "driver": "other", "currency_code": "UAH"},
	}
}

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

func orderStatuses() []listed {
	status := func(id int64, name string, group int, closing bool) listed {
		return listed{"id": id, "name": name, "alias": name, "is_active": true, "group_id": group, "is_closing_order": closing, "is_reserved": true}
	}
	return []listed{
		status(1, "new", 1, false), status(2, "in_work", 2, false), status(3, "production", 3, false),
		status(4, "in_transit", 4, false), status(5, "completed", 5, true), status(6, "canceled", 6, true),
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

// pipelines answer "title", where the vendor's file says "name": live accounts were seen to.
func pipelines() []listed {
	return []listed{
		{"id": int64(1), "title": "Заявки", "use_payments": true, "lead_type": "lead"},
		{"id": int64(2), "title": "Зворотний дзвінок", "use_payments": false, "lead_type": "lead"},
	}
}

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
