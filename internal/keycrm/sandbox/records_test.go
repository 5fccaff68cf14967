package sandbox

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestDate: the sandbox has one clock, and every answer tells it, the refused ones too.
func TestDate(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	for _, target := range []string{"/v1/order", "/v1/nothing", "/"} {
		if _, header, _ := r.send(http.MethodGet, target, ""); header.Get("Date") != "Wed, 04 Mar 2026 09:15:00 GMT" {
			t.Errorf("%s: %s", target, header.Get("Date"))
		}
	}
}

func TestBuyers(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	_, order := r.api(http.MethodPost, "/order", `{"source_id":22,"buyer":{"full_name":"Олена","phone":"+380501112233"}}`)
	r.pass(time.Hour)
	status, v := r.api(http.MethodPost, "/buyer", `{"full_name":"Тарас","email":["t@e.test","x@e.test"],"phone":["+380671112233"],"unknown":1,"shipping":[{"city":"Львів"}]}`)
	if status != http.StatusCreated || v["full_name"] != "Тарас" || v["shipping"] != nil {
		t.Fatalf("%d %v", status, v)
	}
	one := fmt.Sprintf("/buyer/%v", v["id"])
	for query, want := range map[string]any{
		"": 2.0, "filter[buyer_phone]=%2B380501112233": 1.0, "filter[buyer_email]=x@e.test,y@e.test": 1.0, "filter[buyer_id]=5": 0.0,
		"filter[created_between]=2026-03-04 10:00:00,2026-03-04 11:00:00": 1.0,
	} {
		if status, v := r.api(http.MethodGet, "/buyer?"+strings.ReplaceAll(query, " ", "%20"), ""); status != http.StatusOK || v["total"] != want {
			t.Errorf("%s: %d %v", query, status, v["total"])
		}
	}
	made := fmt.Sprintf("/buyer/%v", order["buyer"].(map[string]any)["id"])
	if status, v := r.api(http.MethodGet, made, ""); status != http.StatusOK || v["full_name"] != "Олена" {
		t.Errorf("the one an order made: %d %v", status, v)
	}
	if status, v := r.api(http.MethodPut, one, `{"full_name":"Тарас Б."}`); status != http.StatusAccepted || v["full_name"] != "Тарас Б." {
		t.Errorf("changed: %d %v", status, v)
	}
	if _, v := r.api(http.MethodGet, one+"?include=shipping", ""); len(v["email"].([]any)) != 2 || v["shipping"] == nil {
		t.Errorf("after the change: %v", v)
	}
	for body, path := range map[string]string{
		`{}`: "full_name", `{"full_name":"x","phone":"1"}`: "phone", `{"full_name":"x","birthday":"04.03.1990"}`: "birthday",
		`{"full_name":"x","shipping":{}}`: "shipping",
	} {
		for method, target := range map[string]string{http.MethodPost: "/buyer", http.MethodPut: one} {
			status, v := r.api(method, target, body)
			if errors, _ := v["errors"].(map[string]any); status != http.StatusUnprocessableEntity || errors[path] == nil {
				t.Errorf("%s %s: %d %v", method, body, status, v)
			}
		}
	}
	for _, method := range []string{http.MethodGet, http.MethodPut} {
		if status, _ := r.api(method, "/buyer/5", `{"full_name":"x"}`); status != http.StatusNotFound {
			t.Errorf("%s nobody: %d", method, status)
		}
	}
	r.Reset()
	if _, v := r.api(http.MethodGet, "/buyer", ""); v["total"] != 0.0 {
		t.Errorf("after a reset: %v", v["total"])
	}
}

func TestCompanies(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	status, v := r.api(http.MethodPost, "/companies", `{"name":"Lamps","manager_id":1}`)
	if status != http.StatusCreated || v["name"] != "Lamps" {
		t.Fatalf("%d %v", status, v)
	}
	one := fmt.Sprintf("/companies/%v", v["id"])
	if status, v := r.api(http.MethodPut, one, `{"name":"Lamps","title":"Lamps Ltd"}`); status != http.StatusOK || v["title"] != "Lamps Ltd" || v["manager_id"] != 1.0 {
		t.Errorf("changed: %d %v", status, v)
	}
	if status, _ := r.api(http.MethodPost, "/companies", `{"title":"x"}`); status != http.StatusUnprocessableEntity {
		t.Errorf("without a name: %d", status)
	}
	if _, v := r.api(http.MethodGet, "/companies?include=buyer", ""); v["total"] != 1.0 {
		t.Errorf("listed: %v", v)
	}
}

// TestChangeOrder: lines are changed and never added, what the file does not list is left alone, a tracking code is set once.
func TestChangeOrder(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	_, v := r.api(http.MethodPost, "/order", `{"source_id":22,"buyer":{"phone":"1"},"shipping":{"shipping_address_city":"Львів"},
		"products":[{"sku":"A-1","name":"Лампа","price":450,"quantity":1},{"name":"no sku","price":1}]}`)
	one := fmt.Sprintf("/order/%v", v["id"])
	r.pass(time.Minute)
	status, v := r.api(http.MethodPut, one, `{"manager_comment":"called","status_id":2,"source_id":1,"buyer":{"phone":"2"},
		"shipping":{"tracking_code":"2045"},"products":[{"sku":"A-1","quantity":3},{"sku":"B-7","price":1200},{"price":5}]}`)
	if status != http.StatusAccepted || v["manager_comment"] != "called" || v["status_id"] != 2.0 || v["source_id"] != 22.0 || v["grand_total"] != 1351.0 {
		t.Errorf("%d %v", status, v)
	}
	if v["updated_at"] == v["created_at"] {
		t.Errorf("updated at %v", v["updated_at"])
	}
	_, v = r.api(http.MethodGet, one+"?include=products,shipping,buyer", "")
	line := v["products"].([]any)[0].(map[string]any)
	if len(v["products"].([]any)) != 2 || line["name"] != "Лампа" || line["quantity"] != 3.0 {
		t.Errorf("the lines: %v", v["products"])
	}
	if s := v["shipping"].(map[string]any); s["tracking_code"] != "2045" || s["shipping_address_city"] != "Львів" || v["buyer"].(map[string]any)["phone"] != "1" {
		t.Errorf("%v", v)
	}
	for body, want := range map[string]int{
		`{"shipping":{"tracking_code":"2046"}}`: 422, `{"discount_amount":"5"}`: 422, `{}`: 202,
	} {
		if status, v := r.api(http.MethodPut, one, body); status != want {
			t.Errorf("%s: %d %v", body, status, v)
		}
	}
	if status, _ := r.api(http.MethodPut, "/order/5", `{}`); status != http.StatusNotFound {
		t.Errorf("no such order: %d", status)
	}
}
