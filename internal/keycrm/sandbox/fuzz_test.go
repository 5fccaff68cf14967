package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// ask makes one request without a listener.
func ask(s *Sandbox, method, target, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer sandbox")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// FuzzBodies: whatever is posted is an order or a complaint in Laravel's shape, and what is kept can be listed and shown.
func FuzzBodies(f *testing.F) {
	for _, s := range []string{
		least, rich, `{}`, `null`, `[]`, `{"source_id":1,"buyer":{"email":"a@b.c"},"products":[{"price":1e5}]}`,
		`{"source_id":9,"buyer":{"phone":"1"},"source_uuid":["x"],"tags":{"a":1}}`, `{"orders":[{"source_id":1,"buyer":{"phone":"1"}}]}`,
		`{"contact":{"phone":"1"},"custom_fields":[{"uuid":"LD_1022","value":["a"]}],"payments":[{"amount":-0.0,"payment_method":"x"}]}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		s := New(Options{Limit: -1, UniqueSourceUUID: true})
		for _, path := range []string{"/v1/order", "/v1/order", "/v1/pipelines/cards", "/v1/order/import", "/v1/buyer", "/v1/companies"} {
			w := ask(s, http.MethodPost, path, body)
			var complaint struct {
				Message string
				Errors  map[string][]string
			}
			switch w.Code {
			case http.StatusCreated:
			case http.StatusUnprocessableEntity:
				if json.Unmarshal(w.Body.Bytes(), &complaint) != nil || complaint.Message == "" || len(complaint.Errors) == 0 {
					t.Errorf("%s %q: %s", path, body, w.Body)
				}
			default:
				t.Errorf("%s %q: %d", path, body, w.Code)
			}
		}
		for _, e := range s.Orders() {
			if w := ask(s, http.MethodPut, fmt.Sprintf("/v1/order/%d", e.ID), body); w.Code != http.StatusAccepted && w.Code != http.StatusUnprocessableEntity {
				t.Errorf("changed by %q: %d", body, w.Code)
			}
		}
		for _, target := range []string{"/", "/received", "/v1/buyer?include=shipping&filter[buyer_phone]=1", "/v1/companies", "/v1/order?include=buyer,products,payments,tags,custom_fields,shipping", "/v1/pipelines/cards?include=contact,custom_fields"} {
			if w := ask(s, http.MethodGet, target, ""); w.Code != http.StatusOK {
				t.Errorf("%s after %q: %d %s", target, body, w.Code, w.Body)
			}
		}
	})
}

// FuzzQueries: no query makes a list panic or answer anything but a page or KeyCRM's 400.
func FuzzQueries(f *testing.F) {
	for _, s := range []string{"limit=2&page=9", "filter[source_uuid]=,", "filter[created_between]=2026-01-01,x", "filter[=1", "filter[]=", "sort=--id", "include=,", "limit=-1&page=99999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		s := New(Options{Limit: -1})
		ask(s, http.MethodPost, "/v1/order", rich)
		for _, path := range []string{"/v1/order", "/v1/pipelines/cards", "/v1/order/source", "/v1/custom-fields", "/v1/buyer", "/v1/calls", "/v1/offers/stocks"} {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			r.URL.RawQuery = query
			r.Header.Set("Authorization", "Bearer sandbox")
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if w.Code != http.StatusOK && w.Code != http.StatusBadRequest {
				t.Errorf("%s?%s: %d", path, query, w.Code)
			}
		}
	})
}

// TestTogether: calls, looks at the page, faults and resets may come all at once. The race detector is the judge; here only the
// count must be right.
func TestTogether(t *testing.T) {
	t.Parallel()
	s := New(Options{Limit: 40, Window: time.Hour})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				ask(s, http.MethodPost, "/v1/order", least)
				ask(s, http.MethodGet, "/", "")
				_, _ = s.Calls(), s.Orders()
			}
		})
	}
	wg.Wait()
	if got := len(s.Orders()); got != 40 {
		t.Errorf("%d orders passed a limit of 40", got)
	}
	if got := s.Busiest(time.Hour); got != 80 {
		t.Errorf("%d calls noted, want 80", got)
	}
	wg.Go(s.Reset)
	wg.Go(func() { ask(s, http.MethodPost, "/v1/order", least) })
	wg.Wait()
}
