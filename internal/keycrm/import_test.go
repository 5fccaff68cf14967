package keycrm

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

func TestImportable(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{
		`{"source_id":1,"buyer":{"phone":"1"}}`:             true,
		`{"source_id":1,"shipping":{"warehouse_ref":"x"}}`:  true,
		`{"manager_id":3}`:                                  false,
		`{"gift_message":"x"}`:                              false,
		`{"is_gift":false}`:                                 false,
		`{"gift_wrap":true}`:                                false,
		`{"shipping":{"shipping_service":"Nova Poshta"}}`:   false,
		`{"shipping":"by hand"}`:                            false,
		`{"buyer_comment":"manager_id","custom_fields":[]}`: true,
		`[]`: false, `null`: false, ``: false, `{"a":1`: false,
	} {
		if got := Importable([]byte(body)); got != want {
			t.Errorf("%s: %v", body, got)
		}
	}
}

// What an order may have and an order of an import may not is exactly what the vendor's file says.
func TestImportLacksIsTheVendors(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../shared/keycrm/open-api.yml")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the vendor's file is not here, so the fields that imports lack were not held against it")
	}
	if err != nil {
		t.Fatal(err)
	}
	type object struct {
		Properties map[string]struct {
			Properties map[string]any
			Items      struct {
				Properties map[string]struct{ Properties map[string]any }
			}
		}
	}
	var file struct {
		Paths map[string]struct {
			Post struct {
				RequestBody struct {
					Content map[string]struct{ Schema object }
				} `yaml:"requestBody"`
			}
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	schema := func(path string) object {
		return file.Paths[path].Post.RequestBody.Content["application/json"].Schema
	}
	one, many := schema("/order").Properties, schema("/order/import").Properties["orders"].Items.Properties
	if len(one) == 0 || len(many) == 0 {
		t.Fatal("the file has no such bodies")
	}
	var lacks, shipping []string
	for name := range one {
		if _, has := many[name]; !has {
			lacks = append(lacks, name)
		}
	}
	for name := range one["shipping"].Properties {
		if _, has := many["shipping"].Properties[name]; !has {
			shipping = append(shipping, name)
		}
	}
	slices.Sort(lacks)
	want := importLacks()
	slices.Sort(want[""])
	if diff := cmp.Diff(want, map[string][]string{"": lacks, "shipping": shipping}); diff != "" {
		t.Errorf("what an import lacks (-ours +the vendor's):\n%s", diff)
	}
}

// importClient makes a client of a handler.
func importClient(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c, err := NewClient(Options{BaseURL: server.URL + "/v1", UserAgent: "test", Token: func() (string, error) { return "t", nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestImportAnswers(t *testing.T) {
	t.Parallel()
	orders := []json.RawMessage{json.RawMessage(`{"source_id":1}`), json.RawMessage(`{"source_id":2, "x":"я"}`)}
	for name, tc := range map[string]struct {
		status int
		body   string
		want   Outcome
	}{
		"Created":      {201, "", Done},
		"CreatedJSON":  {201, `{"status":true}`, Done},
		"OK":           {200, `{"status":true}`, Done},
		"Accepted":     {202, "", Done},
		"Page":         {201, "<html>", Uncertain},
		"Redirect":     {302, "", Uncertain},
		"Refused":      {422, `{"message":"x","errors":{"orders.1.buyer.email":["The orders.1.buyer.email is no email."],"orders":["Too many."]}}`, Rejected},
		"Duplicate":    {422, `{"message":"x","errors":{"orders.1.source_uuid":["taken"]}}`, Duplicate},
		"NoRoute":      {404, "<html>", Rejected},
		"NotAllowed":   {405, "", Rejected},
		"Limited":      {429, "", Limited},
		"Unauthorised": {401, "", Unauthorised},
		"Broken":       {500, "", Uncertain},
		"TimedOut":     {408, "", Uncertain},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := importClient(t, func(w http.ResponseWriter, r *http.Request) {
				var sent struct{ Orders []json.RawMessage }
				if err := json.NewDecoder(r.Body).Decode(&sent); err != nil || r.URL.Path != "/v1/order/import" || r.Method != http.MethodPost {
					t.Errorf("%s %s: %v", r.Method, r.URL, err)
				}
				if diff := cmp.Diff(orders, sent.Orders); diff != "" {
					t.Errorf("sent (-want +got):\n%s", diff)
				}
				w.WriteHeader(tc.status)
				_, _ = w.Write([]byte(tc.body))
			})
			a := c.Import(t.Context(), orders, time.Now().Add(time.Minute))
			if a.Outcome != tc.want || a.ID != 0 || a.Status != tc.status || a.Text == "" {
				t.Errorf("answer %+v", a)
			}
			if name == "Refused" {
				if diff := cmp.Diff([]Message{{Path: "buyer.email", Text: "The buyer.email is no email."}}, a.OfOrder(1).Messages); diff != "" {
					t.Errorf("of order 1 (-want +got):\n%s", diff)
				}
				if len(a.OfOrder(0).Messages) != 0 || len(a.Messages) != 2 {
					t.Errorf("of order 0 %+v, in all %+v", a.OfOrder(0).Messages, a.Messages)
				}
			}
		})
	}
}

// No list of none or of more than KeyCRM takes goes out, and none when its time is up.
func TestImportIsBounded(t *testing.T) {
	t.Parallel()
	c := importClient(t, func(http.ResponseWriter, *http.Request) { t.Error("a call was made") })
	for _, n := range []int{0, MaxImport + 1} {
		if a := c.Import(t.Context(), make([]json.RawMessage, n), time.Time{}); a.Outcome != Rejected {
			t.Errorf("%d orders: %+v", n, a)
		}
	}
	if a := c.Import(t.Context(), []json.RawMessage{json.RawMessage(`{}`)}, time.Now().Add(-time.Second)); a.Outcome != NotSent {
		t.Errorf("too late: %+v", a)
	}
}

func TestFindOrders(t *testing.T) {
	t.Parallel()
	c := importClient(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.URL.RawQuery; got != "filter[source_id]=22&sort=-id&limit=50&page=2" {
			t.Errorf("asked %s", got)
		}
		_, _ = w.Write([]byte(`{"current_page":2,"last_page":3,"data":[
			{"id":9,"source_id":22,"source_uuid":"A"},{"id":8,"source_id":7,"source_uuid":"B"},{"id":7,"source_id":22,"source_uuid":"AB"},
			{"id":"x","source_id":22,"source_uuid":"C"},{"id":5,"source_id":22,"source_uuid":null},{"id":4,"source_uuid":"D"}]}`))
	})
	p := c.FindOrders(t.Context(), 22, []string{"A", "B", "C", "D", ""}, 2, time.Time{})
	if diff := cmp.Diff(map[string]int64{"A": 9, "D": 4}, p.Found); diff != "" || p.Outcome != Done || !p.More {
		t.Errorf("%+v (-want +got):\n%s", p, diff)
	}
	short := importClient(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"data":[{"id":9,"source_id":22,"source_uuid":"A"}`))
	})
	if p := short.FindOrders(t.Context(), 22, []string{"A"}, 1, time.Time{}); p.Outcome != Uncertain || len(p.Found) != 0 || strings.TrimSpace(p.Text) == "" {
		t.Errorf("half a list proves %+v", p)
	}
}
