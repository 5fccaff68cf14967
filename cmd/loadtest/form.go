package main

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"

	"formrelay/internal/keycrm/sandbox"
)

// The profiles that the visitors post to, of the two that come with the program.
const (
	profileOrder = "order"
	profileCard  = "lead"
)

// place stands in a form's text where each post puts its number.
const place = "PLACE"

// visitorForm is a form as a browser sends it, the same each time but for one number in the name. By that number the entity is known
// in KeyCRM even when the visitor never got an answer.
type visitorForm struct {
	profile    string
	head, tail string
}

func newForm(profile string, values url.Values) visitorForm {
	values.Set("name", "Олена Іваненко "+place)
	head, tail, _ := strings.Cut(values.Encode(), place)
	return visitorForm{profile: profile, head: head, tail: tail}
}

// body is the text of post number seq.
func (f visitorForm) body(seq int) string { return f.head + strconv.Itoa(seq) + f.tail }

// forms gives the forms that are posted in turn.
func forms(body string) []visitorForm {
	callback, order := newForm(profileCard, callbackForm()), newForm(profileOrder, orderForm())
	switch body {
	case "callback":
		return []visitorForm{callback}
	case "order":
		return []visitorForm{order}
	default:
		return []visitorForm{order, callback}
	}
}

// callbackForm asks to be called back: five fields.
func callbackForm() url.Values {
	return url.Values{
		"title": {"Дзвінок зі сторінки лампи"}, "phone": {"050 111 22 33"},
		"manager_comment": {"Чи є лампа в зеленому кольорі?"}, "utm_source": {"instagram"},
	}
}

// orderForm is the order form with every field filled.
func orderForm() url.Values {
	return url.Values{
		"email": {"olena@shop.example"}, "phone": {"050 111 22 33"},
		"address_city": {"Львів"}, "address_street": {"вул. Зелена, 12"}, "address_country": {"Україна"}, "address_region": {"Львівська"},
		"address_zip": {"79000"}, "secondary_line": {"під'їзд 2"}, "receive_poin": {"Відділення №5"},
		"recipient_full_name": {"Петро Іваненко"}, "receive_phone": {"067 222 33 44"},
		"warehouse_ref": {"1ec09d88-e1c2-11e3-8c4a-0050568002cf"}, "delivery_service_id": {"1"}, "date": {"06.03.2026"},
		"utm_source": {"google"}, "utm_medium": {"cpc"}, "utm_campaign": {"spring"}, "utm_term": {"лампа"}, "utm_content": {"banner-2"},
		"product_price": {"1 299,00 грн"}, "product_name": {"Лампа «Світанок»"}, "product_url": {"https://shop.example/img/lamp.jpg"},
		"payment_method_id": {"2"}, "payment_method": {"Картка"}, "amount": {"1 299,00"}, "description": {"Передплата"}, "payment_date": {"04.03.2026 11:15"},
		"value": {"Із сайту"}, "value 1": {"червоний"}, "value2": {"синій"}, "value 3": {"зелений"},
	}
}

// entity is what the verdict needs of something that arrived in KeyCRM.
type entity struct {
	seq int    // the number of its post; -1 when it holds none
	id  string // the submission's id, "" when it holds none
}

// read takes post number and submission id out of an order or a card: the order's source_uuid, the mark in the card's comment.
func read(r sandbox.Received) entity {
	var body struct {
		SourceUUID string `json:"source_uuid"`
		Comment    string `json:"manager_comment"`
		Buyer      person `json:"buyer"`
		Contact    person `json:"contact"`
	}
	if json.Unmarshal(r.Body, &body) != nil {
		return entity{seq: -1}
	}
	e := entity{seq: number(body.Buyer.FullName + body.Contact.FullName), id: body.SourceUUID}
	if mark, found := strings.CutPrefix(body.Comment, "[formrelay "); found {
		e.id, _, _ = strings.Cut(mark, "]")
	}
	return e
}

type person struct {
	FullName string `json:"full_name"`
}

// number reads the number at a name's end.
func number(name string) int {
	n, err := strconv.Atoi(name[strings.LastIndexByte(name, ' ')+1:])
	if err != nil || n < 0 {
		return -1
	}
	return n
}
