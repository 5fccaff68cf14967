package profile

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"formrelay/internal/form"
	"formrelay/internal/mapping"

	"github.com/google/go-cmp/cmp"
)

// shipped loads the example profiles as a server would.
func shipped(t *testing.T, name string) *Profile {
	t.Helper()
	s, err := LoadDir("../../deploy/profiles", Options{Accounts: []string{"main"}})
	if err != nil {
		t.Fatal(err)
	}
	if faults := s.Faults(); len(faults) > 0 {
		t.Fatal(faults)
	}
	p, ok := s.Get(name)
	if !ok {
		t.Fatalf("no profile %s among %v", name, s.Names())
	}
	return p
}

// checkEntity maps a post of pairs and compares the whole entity.
func checkEntity(t *testing.T, p *Profile, pairs []form.Pair, want string) {
	t.Helper()
	got := p.Mapping.Apply(mapping.Input{
		ID: "0123456789ABCDEFGHJKMNPQRS", Now: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC), Fields: &form.Fields{Pairs: pairs},
	})
	if len(got.Corrections) > 0 || len(got.Problems) > 0 {
		t.Fatalf("corrections %+v\nproblems %+v", got.Corrections, got.Problems)
	}
	var have, expect any
	if err := json.Unmarshal(got.Entity, &have); err != nil {
		t.Fatalf("%s: %v", got.Entity, err)
	}
	if err := json.Unmarshal([]byte(want), &expect); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(expect, have); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// orderForm is every field that the user's script for orders reads, under the very names it reads, and the mended payment_method.
func orderForm() []form.Pair {
	return []form.Pair{
		{Name: "name", Value: "Олена Тестова"},
		{Name: "email", Value: " olena@example.com "},
		{Name: "phone", Value: "050 111 22 33"},
		{Name: "address_city", Value: "Львів"},
		{Name: "address_street", Value: "вул. Городоцька, 5"},
		{Name: "address_country", Value: "Україна"},
		{Name: "address_region", Value: "Львівська"},
		{Name: "address_zip", Value: "079000"},
		{Name: "secondary_line", Value: "кв. 7"},
		{Name: "receive_poin", Value: "Відділення № 5"},
		{Name: "recipient_full_name", Value: "Іван Тестовий"},
		{Name: "receive_phone", Value: "8 (067) 222-33-44"},
		{Name: "warehouse_ref", Value: "1ec09d88-e1c2-11e3-8c4a-0050568002cf"},
		{Name: "date", Value: "24.12.2026"},
		{Name: "utm_source", Value: "facebook"},
		{Name: "utm_medium", Value: "cpc"},
		{Name: "utm_campaign", Value: "lamps"},
		{Name: "utm_term", Value: "настільна лампа"},
		{Name: "utm_content", Value: "v2"},
		{Name: "product_price", Value: "1 299,50 грн"},
		{Name: "product_name", Value: "Лампа"},
		{Name: "product_url", Value: "https://shop.example/lamp.jpg"},
		{Name: "payment_method_id", Value: "2"},
		{Name: "payment_method", Value: "Готівка"},
		{Name: "amount", Value: "1,299.50"},
		{Name: "description", Value: "після дзвінка"},
		{Name: "payment_date", Value: "21.11.2026 10:30"},
		{Name: "value", Value: "біла"},
		{Name: "value 1", Value: "перше"},
		{Name: "value2", Value: "друге"},
		{Name: "value 3", Value: "третє"},
	}
}

func TestShippedOrderFull(t *testing.T) {
	t.Parallel()
	// source_id is nothing a form can say; status was the script's description, and must not be now.
	pairs := append(orderForm(), form.Pair{Name: "source_id", Value: "999"}, form.Pair{Name: "status", Value: "paid"}, form.Pair{Name: "quantity", Value: "5"})
	checkEntity(t, shipped(t, "order"), pairs, `{
		"source_id": 22,
		"source_uuid": "0123456789ABCDEFGHJKMNPQRS",
		"ordered_at": "2026-11-21 09:00:00",
		"buyer": {"full_name": "Олена Тестова", "email": "olena@example.com", "phone": "+380501112233"},
		"shipping": {
			"delivery_service_id": 1,
			"shipping_address_city": "Львів",
			"shipping_address_country": "Україна",
			"shipping_address_region": "Львівська",
			"shipping_address_zip": "079000",
			"shipping_secondary_line": "кв. 7",
			"shipping_receive_point": "Відділення № 5",
			"recipient_full_name": "Іван Тестовий",
			"recipient_phone": "+380672223344",
			"warehouse_ref": "1ec09d88-e1c2-11e3-8c4a-0050568002cf",
			"shipping_date": "2026-12-24"
		},
		"marketing": {"utm_source": "facebook", "utm_medium": "cpc", "utm_campaign": "lamps", "utm_term": "настільна лампа", "utm_content": "v2"},
		"products": [{
			"price": 1299.5,
			"quantity": 1,
			"name": "Лампа",
			"picture": "https://shop.example/lamp.jpg",
			"properties": [{"name": "Color", "value": "Space Gray"}]
		}],
		"payments": [{
			"payment_method_id": 2,
			"payment_method": "Готівка",
			"amount": 1299.5,
			"description": "після дзвінка",
			"payment_date": "2026-11-21 08:30:00",
			"status": "not_paid"
		}],
		"custom_fields": [
			{"uuid": "OR_1021", "value": "біла"},
			{"uuid": "OR_1022", "value": ["перше", "друге", "третє"]}
		]
	}`)
}

func TestShippedOrderLeast(t *testing.T) {
	t.Parallel()
	pairs := orderForm()
	for i := range pairs {
		if pairs[i].Name != "phone" {
			pairs[i].Value = " "
		}
	}
	checkEntity(t, shipped(t, "order"), pairs, `{
		"source_id": 22,
		"source_uuid": "0123456789ABCDEFGHJKMNPQRS",
		"ordered_at": "2026-11-21 09:00:00",
		"buyer": {"phone": "+380501112233"}
	}`)
}

// TestShippedOrderSome: what stands behind ??, a delivery service of the form's own, and a list of which one box was left empty.
func TestShippedOrderSome(t *testing.T) {
	t.Parallel()
	checkEntity(t, shipped(t, "order"), []form.Pair{
		{Name: "name", Value: "Олена"},
		{Name: "address_street", Value: "вул. Городоцька, 5"},
		{Name: "receive_poin", Value: ""},
		{Name: "delivery_service_id", Value: "7"},
		{Name: "recipient_full_name", Value: "Олена"},
		{Name: "product_url", Value: "https://shop.example/lamp.jpg"},
		{Name: "amount", Value: "0"},
		{Name: "payment_method", Value: "Готівка"},
		{Name: "value2", Value: "друге"},
	}, `{
		"source_id": 22,
		"source_uuid": "0123456789ABCDEFGHJKMNPQRS",
		"ordered_at": "2026-11-21 09:00:00",
		"buyer": {"full_name": "Олена"},
		"shipping": {"delivery_service_id": 7, "shipping_receive_point": "вул. Городоцька, 5"},
		"products": [{"quantity": 1, "picture": "https://shop.example/lamp.jpg", "properties": [{"name": "Color", "value": "Space Gray"}]}],
		"custom_fields": [{"uuid": "OR_1022", "value": ["друге"]}]
	}`)
}

// TestShippedOrderProductsNamedLikeNo: a product is there when any of its fields was filled in, whatever the words in it mean.
func TestShippedOrderProductsNamedLikeNo(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"no", "off", "false", "0"} {
		checkEntity(t, shipped(t, "order"), []form.Pair{{Name: "name", Value: "Олена"}, {Name: "product_name", Value: name}}, `{
			"source_id": 22,
			"source_uuid": "0123456789ABCDEFGHJKMNPQRS",
			"ordered_at": "2026-11-21 09:00:00",
			"buyer": {"full_name": "Олена"},
			"products": [{"quantity": 1, "name": "`+name+`", "properties": [{"name": "Color", "value": "Space Gray"}]}]
		}`)
	}
}

// TestShippedAsksInFourLanguages: whoever left no contact is asked for one under names that people use.
func TestShippedAsksInFourLanguages(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"order", "lead"} {
		got := shipped(t, name).Mapping.Apply(mapping.Input{ID: "0123456789ABCDEFGHJKMNPQRS", Fields: &form.Fields{}})
		if len(got.Corrections) != 3 {
			t.Errorf("%s: %+v", name, got.Corrections)
		}
		for _, c := range got.Corrections {
			for _, lang := range languages() {
				if c.Label[lang] == "" {
					t.Errorf("%s: %s has no label in %s", name, c.Field, lang)
				}
			}
		}
	}
}

// leadForm is every field that the user's script for cards reads, under the very names it reads, and the mended payment_method.
func leadForm() []form.Pair {
	return []form.Pair{
		{Name: "title", Value: "Зворотний дзвінок"},
		{Name: "manager_comment", Value: "після 18:00"},
		{Name: "pipeline_id", Value: "3"},
		{Name: "name", Value: "Олена Тестова"},
		{Name: "email", Value: "olena@example.com"},
		{Name: "phone", Value: "+38 (050) 111-22-33"},
		{Name: "utm_source", Value: "google"},
		{Name: "utm_medium", Value: "cpc"},
		{Name: "utm_campaign", Value: "callback"},
		{Name: "utm_term", Value: "лампа"},
		{Name: "utm_content", Value: "v1"},
		{Name: "product_name", Value: "Лампа"},
		{Name: "product_sku", Value: "0501"},
		{Name: "product_quantity", Value: "2"},
		{Name: "product_price", Value: "450"},
		{Name: "product_url", Value: "https://shop.example/lamp.jpg"},
		{Name: "payment_method_id", Value: "2"},
		{Name: "payment_method", Value: "Готівка"},
		{Name: "amount", Value: "900"},
		{Name: "description", Value: "після дзвінка"},
		{Name: "payment_date", Value: "2026-07-01T12:00"},
		{Name: "value", Value: "біла"},
		{Name: "value 1", Value: "перше"},
		{Name: "value2", Value: "друге"},
		{Name: "value 3", Value: "третє"},
	}
}

const wholeLead = `{
	"title": "Зворотний дзвінок",
	"source_id": 1,
	"manager_comment": "[formrelay 0123456789ABCDEFGHJKMNPQRS]\nпісля 18:00",
	"manager_id": 1,
	"pipeline_id": 3,
	"contact": {"full_name": "Олена Тестова", "email": "olena@example.com", "phone": "+380501112233"},
	"utm_source": "google",
	"utm_medium": "cpc",
	"utm_campaign": "callback",
	"utm_term": "лампа",
	"utm_content": "v1",
	"products": [{"sku": "0501", "price": 450, "quantity": 2, "name": "Лампа", "picture": "https://shop.example/lamp.jpg"}],
	"payments": [{
		"payment_method_id": 2,
		"payment_method": "Готівка",
		"amount": 900,
		"description": "після дзвінка",
		"payment_date": "2026-07-01 09:00:00",
		"status": "not_paid"
	}],
	"custom_fields": [
		{"uuid": "LD_1021", "value": "біла"},
		{"uuid": "LD_1022", "value": ["перше", "друге", "третє"]}
	]
}`

func TestShippedLeadFull(t *testing.T) {
	t.Parallel()
	checkEntity(t, shipped(t, "lead"), append(leadForm(), form.Pair{Name: "source_id", Value: "999"}, form.Pair{Name: "manager_id", Value: "9"}), wholeLead)
}

// TestShippedLeadStrayQuote: the script reads a field whose name begins with a quote; a form made to suit it is served too.
func TestShippedLeadStrayQuote(t *testing.T) {
	t.Parallel()
	pairs := leadForm()
	for i := range pairs {
		if pairs[i].Name == "utm_campaign" {
			pairs[i].Name = `"utm_campaign`
		}
	}
	checkEntity(t, shipped(t, "lead"), pairs, wholeLead)
}

func TestShippedLeadLeast(t *testing.T) {
	t.Parallel()
	checkEntity(t, shipped(t, "lead"), []form.Pair{{Name: "email", Value: "olena@example.com"}}, `{
		"source_id": 1,
		"manager_comment": "[formrelay 0123456789ABCDEFGHJKMNPQRS]",
		"manager_id": 1,
		"contact": {"email": "olena@example.com"}
	}`)
}

// TestShippedCommented: the profiles are read by people who begin with them, so no line goes without a comment on it or above it.
func TestShippedCommented(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"order", "lead"} {
		text, err := os.ReadFile("../../deploy/profiles/" + name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		checkCommented(t, name, string(text))
	}
}

func checkCommented(t *testing.T, name, text string) {
	t.Helper()
	lines, commented := 0, 0
	above := false
	for line := range strings.Lines(text) {
		code, comment, _ := strings.Cut(line, "#")
		switch code = strings.TrimSpace(code); {
		case code == "":
			above = strings.TrimSpace(comment) != ""
		case strings.HasSuffix(code, ":"): // a heading of what is under it
			above = above || comment != ""
		default:
			lines++
			if comment != "" || above {
				commented++
			} else {
				t.Logf("%s: no comment on %s", name, code)
			}
			above = above && comment == ""
		}
	}
	if commented < lines*9/10 {
		t.Errorf("%s: %d of %d lines are commented", name, commented, lines)
	}
}
