package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"formrelay/internal/keycrm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a sandbox behind a real listener, with a clock that the test sets.
type rig struct {
	*Sandbox
	t      *testing.T
	server *httptest.Server

	mu  sync.Mutex
	now time.Time
}

func newRig(t *testing.T, o Options) *rig {
	t.Helper()
	r := &rig{t: t, now: time.Date(2026, 3, 4, 9, 15, 0, 0, time.UTC)}
	o.Now = func() time.Time {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.now
	}
	r.Sandbox = New(o)
	r.server = httptest.NewServer(r.Sandbox)
	t.Cleanup(r.server.Close)
	t.Cleanup(r.Sandbox.Close)
	return r
}

func (r *rig) pass(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

// send makes one request with the token and gives the status, the header and the body.
func (r *rig) send(method, target, body string, header ...string) (int, http.Header, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.server.URL+target, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer sandbox")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer r.server.Client().CloseIdleConnections()
	client.Transport = r.server.Client().Transport
	res, err := client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(text)
}

// api sends to /v1 and reads the JSON that comes back.
func (r *rig) api(method, target, body string) (int, map[string]any) {
	r.t.Helper()
	status, _, text := r.send(method, "/v1"+target, body)
	var v map[string]any
	if text != "" && text[0] == '{' {
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			r.t.Fatalf("%s %s: %v", method, target, err)
		}
	}
	return status, v
}

// ids are the ids of a list's answer, and how many there are in all.
func ids(v map[string]any) (all []int, total int) {
	rows, _ := v["data"].([]any)
	for _, row := range rows {
		all = append(all, int(row.(map[string]any)["id"].(float64)))
	}
	n, _ := v["total"].(float64)
	return all, int(n)
}

const least = `{"source_id":22,"buyer":{"phone":"+380501112233"}}`

func TestRefusesOrders(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		want       map[string]any // path: sentences; nil: taken
	}{
		{"the least", least, nil},
		{"null is absent", `{"source_id":22,"buyer":{"phone":"1","email":null},"products":null,"taxes":null}`, nil},
		{"unknown names are ignored", `{"source_id":22,"buyer":{"phone":"1"},"external_id":5}`, nil},
		{"an array for a custom field", `{"source_id":22,"buyer":{"phone":"1"},"custom_fields":[{"uuid":"OR_1022","value":["Blue"]}]}`, nil},
		{"refund", `{"source_id":22,"buyer":{"phone":"1"},"payments":[{"amount":1,"payment_method_id":2,"status":"refund"}]}`, nil},
		{"nothing", `{}`, map[string]any{"source_id": "The source_id field is required.", "buyer": "The buyer field is required."}},
		{"no JSON", `source_id=22`, map[string]any{"source_id": "The source_id field is required.", "buyer": "The buyer field is required."}},
		{"nobody", `{"source_id":22,"buyer":{"full_name":" "}}`, map[string]any{
			"buyer.full_name": "The buyer.full_name field is required when none of buyer.email / buyer.phone are present.",
		}},
		{"an email that is none", `{"source_id":22,"buyer":{"email":"Olena <o@e.test>"}}`, map[string]any{
			"buyer.email": "The buyer.email must be a valid email address.",
		}},
		{"types", `{"source_id":"22","buyer":{"phone":380},"is_gift":"yes","taxes":"1","products":[{"price":"450","properties":{}},7],"shipping":[]}`, map[string]any{
			"source_id": "The source_id must be an integer.", "buyer.phone": "The buyer.phone must be a string.",
			"is_gift": "The is_gift field must be true or false.", "taxes": "The taxes must be a number.",
			"products.0.price": "The products.0.price must be a number.", "products.0.properties": "The products.0.properties must be an array.",
			"products.1": "The products.1 must be an object.", "shipping": "The shipping must be an object.",
		}},
		{"numbers nobody can reckon with", `{"source_id":22,"buyer":{"phone":"1"},"taxes":1e999999999,"wrap_price":` + strings.Repeat("9", 50) + `}`, map[string]any{
			"taxes": "The taxes must be a number.", "wrap_price": "The wrap_price must be a number.",
		}},
		{"payments", `{"source_id":22,"buyer":{"phone":"1"},"payments":[{"status":"cancelled"}]}`, map[string]any{
			"payments.0.amount":            "The payments.0.amount field is required.",
			"payments.0.payment_method_id": "The payments.0.payment_method_id field is required when payments.0.payment_method is not present.",
			"payments.0.status":            "The selected payments.0.status is invalid.",
		}},
		{"times", `{"source_id":22,"buyer":{"phone":"1"},"ordered_at":"2026-03-04T09:15:00Z","shipping":{"shipping_date":"04.03.2026"}}`, map[string]any{
			"ordered_at":             "The ordered_at does not match the format Y-m-d H:i:s.",
			"shipping.shipping_date": "The shipping.shipping_date does not match the format Y-m-d.",
		}},
		{"custom fields", `{"source_id":22,"buyer":{"phone":"1"},"custom_fields":[{"value":1}]}`, map[string]any{
			"custom_fields.0.uuid":  "The custom_fields.0.uuid field is required.",
			"custom_fields.0.value": "The custom_fields.0.value must be a string or an array of strings.",
		}},
		{"a tag nobody has", `{"source_id":22,"buyer":{"phone":"1"},"tags":[1,99]}`, map[string]any{"tags.1": "The selected tags.1 is invalid."}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, Options{})
			status, v := r.api(http.MethodPost, "/order", tt.body)
			if tt.want == nil {
				if status != http.StatusCreated || v["id"] == nil || len(r.Orders()) != 1 || string(r.Orders()[0].Body) != tt.body {
					t.Errorf("%d %v, orders %v", status, v, r.Orders())
				}
				return
			}
			got := map[string]any{}
			errs, _ := v["errors"].(map[string]any)
			for path, texts := range errs {
				got[path] = texts.([]any)[0]
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || status != http.StatusUnprocessableEntity || len(r.Orders()) != 0 {
				t.Errorf("%d, %d orders\n%s", status, len(r.Orders()), diff)
			}
			if first, _ := v["message"].(string); first == "" || len(tt.want) > 1 && !strings.Contains(first, "more error") {
				t.Errorf("message %q", first)
			}
		})
	}
}

func TestOrderAnswer(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	_, v := r.api(http.MethodPost, "/order", `{"source_id":22,"source_uuid":"x","buyer":{"full_name":"Олена"},"shipping_price":80,"discount_amount":50,
		"products":[{"price":450.10,"quantity":2},{"price":10,"discount_amount":1}],"payments":[{"amount":1,"payment_method":"cash","status":"paid"}]}`)
	want := map[string]any{
		"grand_total": 939.2, "payment_status": "part_paid", "source_uuid": "x", "source_id": 22.0, "promocode": nil,
		"created_at": "2026-03-04T09:15:00.000000Z", "buyer": map[string]any{"id": v["id"], "full_name": "Олена"},
	}
	for name, value := range want {
		if diff := cmp.Diff(value, v[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestTokenAndRoutes(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	tests := []struct {
		method, target, token string
		status                int
		body                  string // a part of it
	}{
		{http.MethodGet, "/v1/order", "Bearer wrong", 401, `{"message":"Unauthenticated."}`},
		{http.MethodGet, "/v1/order", "", 401, `"message"`},
		{http.MethodGet, "/v1/order", "Bearer sandbox", 200, `"data":[]`},
		{http.MethodGet, "/v1/nothing", "Bearer sandbox", 404, `{"message":"The route v1/nothing could not be found."}`},
		{http.MethodPatch, "/v1/order", "Bearer sandbox", 405, `{"message":"The PATCH method`},
		{http.MethodGet, "/v1/order/5", "Bearer sandbox", 404, `"message"`},
		{http.MethodGet, "/v1/order/99999999999999999999", "Bearer sandbox", 404, `"message"`},
		{http.MethodGet, "/v1", "Bearer sandbox", 404, `"message"`},
		{http.MethodGet, "/order", "Bearer sandbox", 404, "not found"},
		{http.MethodGet, "/v1x/order", "Bearer sandbox", 404, "not found"},
		{http.MethodPost, "/", "Bearer sandbox", 405, ""},
	}
	for _, tt := range tests {
		status, header, body := r.send(tt.method, tt.target, "", "Authorization", tt.token)
		if status != tt.status || !strings.Contains(body, tt.body) {
			t.Errorf("%s %s: %d %s", tt.method, tt.target, status, body)
		}
		if isJSON := header.Get("Content-Type") == "application/json"; isJSON != strings.HasPrefix(tt.target, "/v1") && tt.target != "/v1x/order" {
			t.Errorf("%s %s: %s", tt.method, tt.target, header.Get("Content-Type"))
		}
	}
}

// TestWindow: the window begins with its first call and refuses the rest of it, whatever route they are for.
func TestWindow(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Limit: 3, Window: 10 * time.Second})
	get := func() (int, string) {
		status, header, _ := r.send(http.MethodGet, "/v1/order/source", "")
		return status, header.Get("Retry-After")
	}
	r.api(http.MethodPost, "/order", least)
	r.send(http.MethodGet, "/v1/order", "", "Authorization", "Bearer wrong") // counts for no one
	r.pass(4 * time.Second)
	r.api(http.MethodPost, "/order", `{}`)
	get()
	r.pass(3500 * time.Millisecond)
	if status, after := get(); status != http.StatusTooManyRequests || after != "3" {
		t.Errorf("the fourth: %d, Retry-After %q, want 429 and 3", status, after)
	}
	r.pass(2500 * time.Millisecond)
	if status, _ := get(); status != http.StatusOK {
		t.Errorf("the next window: %d", status)
	}
	if got := r.Busiest(10 * time.Second); got != 5 {
		t.Errorf("the busiest 10 s had %d calls, want 5", got)
	}
	if got := r.Busiest(time.Second); got != 2 {
		t.Errorf("the busiest second had %d calls, want 2", got)
	}
	if got := len(r.Calls()); got != 6 {
		t.Errorf("%d calls noted, want 6", got)
	}
}

func TestListsOfOrders(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Limit: -1})
	for i := range 55 {
		body := fmt.Sprintf(`{"source_id":%d,"source_uuid":"n-%d","buyer":{"phone":"+38050%d","email":"b%d@e.test"},"ordered_at":"2026-02-%02d 10:00:00",
			"custom_fields":[{"uuid":"OR_1021","value":"v"},{"uuid":"OR_9999","value":"lost"}]}`, 1+i%2, i, i, i, 1+i%28)
		if status, v := r.api(http.MethodPost, "/order", body); status != http.StatusCreated {
			t.Fatal(v)
		}
	}
	tests := []struct {
		query       string
		shown, here int // rows on the page, rows in all
	}{
		{"", 15, 55},
		{"?limit=50", 50, 55},
		{"?limit=50&page=2", 5, 55},
		{"?limit=500&page=2", 5, 55},
		{"?limit=x&page=99", 0, 55},
		{"?filter[source_id]=1&limit=50", 28, 28},
		{"?filter[source_id]=1,2&limit=50", 50, 55},
		{"?filter%5Bsource_id%5D=2&limit=50", 27, 27},
		{"?filter[source_uuid]=n-54", 1, 1},
		{"?filter[source_uuid]=n-5", 6, 6},
		{"?filter[source_uuid]=n-53,n-54", 2, 2},
		{"?filter[buyer_phone]=%2B380507", 1, 1},
		{"?filter[buyer_email]=b7@e.test", 1, 1},
		{"?filter[created_between]=2026-02-01,2026-02-01", 2, 2},
		{"?filter[created_between]=2026-02-01 00:00:00, 2026-02-02 09:59:59", 2, 2},
		{"?filter[created_between]=nonsense", 0, 0},
		{"?filter[updated_between]=2026-03-04,2026-03-05&limit=50", 50, 55},
		{"?filter[payment_status]=paid", 0, 0},
		{"?filter[status_id]=1&limit=1", 1, 55},
		{"?filter[has_tracking_code]=true", 0, 0},
		{"?filter[shipping_between]=2026-02-01,2026-02-02", 0, 0},
	}
	for _, tt := range tests {
		status, v := r.api(http.MethodGet, "/order"+strings.ReplaceAll(tt.query, " ", "%20"), "")
		if rows, total := ids(v); status != http.StatusOK || len(rows) != tt.shown || total != tt.here {
			t.Errorf("%s: %d, %d rows of %d", tt.query, status, len(rows), total)
		}
	}
	_, v := r.api(http.MethodGet, "/order?limit=50", "")
	if next, _ := v["next_page_url"].(string); !strings.Contains(next, "page=2") || v["last_page"] != 2.0 {
		t.Errorf("next page %q of %v", next, v["last_page"])
	}
	if _, v = r.api(http.MethodGet, "/order?limit=50&page=2", ""); v["next_page_url"] != nil {
		t.Errorf("after the last page: %v", v["next_page_url"])
	}
	_, v = r.api(http.MethodGet, "/order?sort=id&limit=1&include=custom_fields,buyer,payments,tags", "")
	row := v["data"].([]any)[0].(map[string]any)
	fields := row["custom_fields"].([]any)
	if len(fields) != 1 || fields[0].(map[string]any)["uuid"] != "OR_1021" || row["buyer"].(map[string]any)["phone"] != "+380500" {
		t.Errorf("with everything included: %v", row)
	}
}

func TestUnknownQueries(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	for query, want := range map[string]string{
		"/order?filter[phone]=1":                         "Requested filter(s) `phone` are not allowed. Allowed filter(s) are `status_id, source_id,",
		"/order?include=lines":                           "Requested include(s) `lines` are not allowed.",
		"/order?sort=-name":                              "Requested sort(s) `name` are not allowed.",
		"/pipelines/cards?filter[client_id]=1":           "Allowed filter(s) are `pipeline_id, status_id, source_id, created_between, updated_between`.",
		"/custom-fields?include=values":                  "Allowed include(s) are `options`.",
		"/order/source?filter[name]=1":                   "Allowed filter(s) are `driver`.",
		"/pipelines/cards?include=contact.whatever":      "Requested include(s) `contact.whatever`",
		"/buyer?filter[phone]=1":                         "Allowed filter(s) are `buyer_id, created_between, updated_between, buyer_phone, buyer_email`.",
		"/buyer?include=orders":                          "Allowed include(s) are `manager, shipping, company, loyalty, custom_fields`.",
		"/companies?filter[name]=1":                      "Requested filter(s) `name` are not allowed.",
		"/products?filter[sku]=1":                        "Allowed filter(s) are `product_id, category_id, is_archived`.",
		"/offers/stocks?filter[sku]=1":                   "Allowed filter(s) are `offers_id, offers_sku, details`.",
		"/calls?filter[phone]=1":                         "Requested filter(s) `phone` are not allowed.",
		"/payments/external-transactions?filter[uuid]=1": "Requested filter(s) `uuid` are not allowed.",
		"/order/product-status?filter[id]=1":             "Requested filter(s) `id` are not allowed.",
	} {
		status, v := r.api(http.MethodGet, query, "")
		if text, _ := v["message"].(string); status != http.StatusBadRequest || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s", query, status, text)
		}
	}
}

func TestListDelay(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{ListDelay: time.Minute})
	r.api(http.MethodPost, "/order", least)
	if _, v := r.api(http.MethodGet, "/order", ""); v["total"] != 0.0 {
		t.Errorf("at once: %v", v["total"])
	}
	r.pass(time.Minute)
	if _, v := r.api(http.MethodGet, "/order", ""); v["total"] != 1.0 {
		t.Errorf("a minute later: %v", v["total"])
	}
}

func TestRepeatedSourceUUID(t *testing.T) {
	t.Parallel()
	body := `{"source_id":22,"source_uuid":"x","buyer":{"phone":"1"}}`
	r := newRig(t, Options{})
	r.api(http.MethodPost, "/order", body)
	if status, _ := r.api(http.MethodPost, "/order", body); status != http.StatusCreated || len(r.Orders()) != 2 {
		t.Errorf("by default a repeat is a second order: %d, %d orders", status, len(r.Orders()))
	}
	unique := newRig(t, Options{UniqueSourceUUID: true})
	unique.api(http.MethodPost, "/order", body)
	status, v := unique.api(http.MethodPost, "/order", body)
	if errs, _ := v["errors"].(map[string]any); status != http.StatusUnprocessableEntity || errs["source_uuid"] == nil || len(unique.Orders()) != 1 {
		t.Errorf("with UniqueSourceUUID: %d %v", status, v)
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	many := func(n int) string {
		return `{"orders":[` + strings.TrimSuffix(strings.Repeat(least+",", n), ",") + `]}`
	}
	if status, _, body := r.send(http.MethodPost, "/v1/order/import", many(50)); status != http.StatusCreated || body != "" || len(r.Orders()) != 50 {
		t.Errorf("50: %d %q, %d orders", status, body, len(r.Orders()))
	}
	for _, body := range []string{many(51), many(0), `{}`, `[`, `{"orders":[` + least + `,{"source_id":22,"buyer":{}}]}`} {
		if status, v := r.api(http.MethodPost, "/order/import", body); status != http.StatusUnprocessableEntity || len(r.Orders()) != 50 {
			t.Errorf("%.60s: %d %v", body, status, v)
		}
	}
	_, v := r.api(http.MethodPost, "/order/import", `{"orders":[`+least+`,{"source_id":22,"buyer":{}}]}`)
	if errs, _ := v["errors"].(map[string]any); errs["orders.1.buyer.full_name"] == nil {
		t.Errorf("the second order's fault: %v", v)
	}
}

func TestCards(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	status, v := r.api(http.MethodPost, "/pipelines/cards", `{"contact":{"client_id":5},"title":"t","manager_comment":"mark","products":[{"sku":"A-1"}]}`)
	if status != http.StatusCreated || v["contact_id"] == nil || len(r.Cards()) != 1 {
		t.Fatalf("%d %v", status, v)
	}
	if status, v := r.api(http.MethodPost, "/pipelines/cards", `{"contact":{}}`); status != http.StatusUnprocessableEntity {
		t.Errorf("nobody: %d %v", status, v)
	}
	card := fmt.Sprintf("/pipelines/cards/%v", v["id"])
	if status, _ := r.api(http.MethodPut, card, `{"title":"new","manager_comment":"other","status_id":4,"products":[{"sku":"B-7"}]}`); status != http.StatusAccepted {
		t.Errorf("change: %d", status)
	}
	if status, _ := r.api(http.MethodPut, card, `{"title":5}`); status != http.StatusUnprocessableEntity {
		t.Errorf("a bad change: %d", status)
	}
	_, v = r.api(http.MethodGet, card+"?include=products", "")
	if v["title"] != "new" || v["manager_comment"] != "mark" || v["status_id"] != 4.0 || len(v["products"].([]any)) != 2 {
		t.Errorf("after the change: %v", v)
	}
	_, v = r.api(http.MethodGet, "/pipelines/cards?filter[pipeline_id]=1&filter[status_id]=4&filter[created_between]=2026-03-04,2026-03-04", "")
	if v["total"] != 1.0 {
		t.Errorf("listed: %v", v)
	}
	if status, _ := r.api(http.MethodPost, card+"/payment", `{"amount":5,"payment_method":"cash"}`); status != http.StatusCreated {
		t.Errorf("a payment: %d", status)
	}
}

func TestNoLeads(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{NoLeads: true})
	for _, c := range [][2]string{{http.MethodPost, "/pipelines/cards"}, {http.MethodGet, "/pipelines/cards"}, {http.MethodGet, "/pipelines"}} {
		if status, v := r.api(c[0], c[1], `{"contact":{"phone":"1"}}`); status != http.StatusBadRequest || v["message"] != "Leads are not enabled" {
			t.Errorf("%s %s: %d %v", c[0], c[1], status, v)
		}
	}
}

func TestPaymentsAndTags(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	_, v := r.api(http.MethodPost, "/order", `{"source_id":22,"buyer":{"phone":"1"},"products":[{"price":10}],"payments":[{"amount":10,"payment_method":"cash"}]}`)
	order := fmt.Sprintf("/order/%v", v["id"])
	if v["payment_status"] != "not_paid" {
		t.Errorf("a new order's payment: %v", v["payment_status"])
	}
	if status, p := r.api(http.MethodPost, order+"/payment", `{"amount":10,"payment_method_id":2}`); status != http.StatusCreated || p["status"] != "paid" {
		t.Errorf("a payment by its own route is paid: %d %v", status, p)
	}
	if status, _ := r.api(http.MethodPost, order+"/payment", `{"amount":"10"}`); status != http.StatusUnprocessableEntity {
		t.Errorf("a bad payment: %d", status)
	}
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{http.MethodPost, order + "/tag/1", 202},
		{http.MethodPost, order + "/tag/1", 202},
		{http.MethodPost, order + "/tag/2", 202},
		{http.MethodPost, order + "/tag/77", 404},
		{http.MethodDelete, order + "/tag/2", 204},
	} {
		if status, _ := r.api(c.method, c.path, ""); status != c.status {
			t.Errorf("%s %s: %d", c.method, c.path, status)
		}
	}
	_, v = r.api(http.MethodGet, order+"?include=tags,payments", "")
	if len(v["tags"].([]any)) != 1 || len(v["payments"].([]any)) != 2 || v["payment_status"] != "paid" {
		t.Errorf("the order: %v", v)
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	upload := func(field, content string) (int, map[string]any) {
		var b bytes.Buffer
		form := multipart.NewWriter(&b)
		part, err := form.CreateFormFile(field, "../photo.png")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(part, content)
		_ = form.Close()
		status, _, text := r.send(http.MethodPost, "/v1/storage/upload", b.String(), "Content-Type", form.FormDataContentType())
		var v map[string]any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		return status, v
	}
	status, v := upload("file", "content")
	if status != http.StatusCreated || v["original_file_name"] != "photo.png" {
		t.Fatalf("%d %v", status, v)
	}
	if status, again := upload("file", "content"); status != http.StatusOK || again["id"] != v["id"] {
		t.Errorf("the same file again: %d %v", status, again)
	}
	if status, _ := upload("other", "content"); status != http.StatusUnprocessableEntity {
		t.Errorf("under another name: %d", status)
	}
	if status, _ := upload("file", strings.Repeat("x", maxFile+1)); status != http.StatusRequestEntityTooLarge {
		t.Errorf("too large: %d", status)
	}
	_, order := r.api(http.MethodPost, "/order", least)
	attachment := fmt.Sprintf("/order/%v/attachment/%v", order["id"], v["id"])
	if status, _ := r.api(http.MethodPost, attachment, ""); status != http.StatusAccepted {
		t.Errorf("attach: %d", status)
	}
	if status, _ := r.api(http.MethodPost, fmt.Sprintf("/order/%v/attachment/5", order["id"]), ""); status != http.StatusNotFound {
		t.Errorf("attach nothing: %d", status)
	}
	listed := fmt.Sprintf("/storage/attachment/order/%v", order["id"])
	if _, _, text := r.send(http.MethodGet, "/v1"+listed, ""); !strings.HasPrefix(text, "[{") || strings.Count(text, `"original_file_name"`) != 1 {
		t.Errorf("attached: %s", text)
	}
	id := int64(order["id"].(float64))
	if all := r.Attachments(keycrm.KindOrder, id); len(all) != 1 || all[0].Size != len("content") || r.Uploads() != 1 {
		t.Errorf("attached: %+v", all)
	}
	if status, _ := r.api(http.MethodDelete, attachment, ""); status != http.StatusCreated {
		t.Errorf("detach: %d", status)
	}
	if _, _, text := r.send(http.MethodGet, "/v1"+listed, ""); text != "[]" {
		t.Errorf("after detaching: %s", text)
	}
	if _, v := r.api(http.MethodGet, "/storage", ""); v["total"] != 1.0 {
		t.Errorf("stored: %v", v)
	}
}

func TestReferenceLists(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	for path, total := range map[string]float64{
		"/order/source": 3, "/order/payment-method": 4, "/order/delivery-service": 3, "/order/status": 6, "/order/tag": 2, "/users": 3,
		"/users?filter[status]=active": 2, "/offers?filter[sku]=A-1,B-7": 2, "/offers?filter[sku]=Z": 0, "/pipelines": 2, "/pipelines/1/statuses": 3,
		"/order/product-status": 2, "/order/expense-type": 2, "/order/expense-type?sort=-id": 2, "/products": 2, "/products?filter[product_id]=2,9": 1,
		"/products?include=custom_fields&filter[is_archived]=true": 0, "/offers/stocks": 2, "/offers/stocks?filter[offers_sku]=B-7": 1,
		"/offers/stocks?filter[offers_id]=1&filter[details]=true": 1, "/buyer": 0, "/companies": 0, "/calls?include=manager": 1,
		"/calls?filter[type]=outgoing": 0, "/calls?filter[created_between]=2026-03-01,2026-03-02": 1, "/calls?filter[created_between]=2026-03-03,2026-03-04": 0,
		"/payments/external-transactions": 1, "/payments/external-transactions?filter[is_attached]=true": 0,
	} {
		if status, v := r.api(http.MethodGet, path, ""); status != http.StatusOK || v["total"] != total {
			t.Errorf("%s: %d %v", path, status, v["total"])
		}
	}
	if status, _ := r.api(http.MethodGet, "/pipelines/9/statuses", ""); status != http.StatusNotFound {
		t.Errorf("statuses of no pipeline: %d", status)
	}
	for query, options := range map[string]bool{"": false, "?include=options": true} {
		_, _, text := r.send(http.MethodGet, "/v1/custom-fields"+query, "")
		if text[0] != '[' || strings.Contains(text, `"options"`) != options {
			t.Errorf("custom fields%s: %.80s", query, text)
		}
	}
	if _, _, text := r.send(http.MethodGet, "/v1/custom-fields?filter[model]=client", ""); strings.Contains(text, "OR_") {
		t.Errorf("a buyer's fields: %s", text)
	}
}

func TestInjectRefuses(t *testing.T) {
	t.Parallel()
	s := New(Options{})
	for _, f := range []Fault{{}, {Kind: "explode"}, {Kind: Status}, {Kind: Status, Status: 99}, {Kind: HTML, Status: 1000}} {
		if err := s.Inject(f); err == nil {
			t.Errorf("%+v was taken", f)
		}
	}
}

// TestFaultsMatch: a fault takes the calls it is for, as many as it says, and none that the window refuses.
func TestFaultsMatch(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Limit: 8})
	for _, f := range []Fault{
		{Kind: Status, Status: 503, Method: http.MethodPost, Path: "/order", Times: 2},
		{Kind: Unauthorised, Path: "/users", Times: -1},
	} {
		if err := r.Inject(f); err != nil {
			t.Fatal(err)
		}
	}
	for i, c := range []struct {
		method, path, body string
		want               int
	}{
		{http.MethodGet, "/order", "", 200},
		{http.MethodPost, "/order", least, 503},
		{http.MethodPost, "/pipelines/cards", `{"contact":{"phone":"1"}}`, 201},
		{http.MethodPost, "/order", least, 503},
		{http.MethodPost, "/order", least, 201},
		{http.MethodGet, "/users", "", 401},
		{http.MethodGet, "/users", "", 401},
		{http.MethodGet, "/order/source", "", 200},
		{http.MethodGet, "/users", "", 429},
	} {
		if status, _ := r.api(c.method, c.path, c.body); status != c.want {
			t.Errorf("call %d: %d, want %d", i, status, c.want)
		}
	}
	r.Reset()
	if status, _ := r.api(http.MethodGet, "/users", ""); status != http.StatusOK {
		t.Errorf("after a reset: %d", status)
	}
	if len(r.Orders())+len(r.Cards()) != 0 || len(r.Calls()) != 1 {
		t.Error("a reset left something")
	}
}

// TestCloseEndsHangs: goleak in TestMain sees to the rest.
func TestCloseEndsHangs(t *testing.T) {
	t.Parallel()
	s := New(Options{})
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	if err := s.Inject(Fault{Kind: Hang}); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/v1/users", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer sandbox")
	s.Close()
	s.Close()
	res, err := server.Client().Do(req)
	if err == nil {
		res.Body.Close()
		t.Errorf("a call that hangs was answered with %d", res.StatusCode)
	}
}

func TestFaultForm(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	post := func(path string, form url.Values, header ...string) int {
		status, _, _ := r.send(http.MethodPost, path, form.Encode(), append(header, "Content-Type", "application/x-www-form-urlencoded")...)
		return status
	}
	good := url.Values{"kind": {"status"}, "status": {"502"}, "times": {"1"}, "delay": {"2s"}, "method": {"GET"}, "stored": {"on"}}
	if got := post("/faults", good); got != http.StatusSeeOther {
		t.Errorf("a fault: %d", got)
	}
	if status, _ := r.api(http.MethodGet, "/users", ""); status != http.StatusBadGateway {
		t.Errorf("the fault was not set: %d", status)
	}
	if got := post("/faults", good, "Sec-Fetch-Site", "cross-site"); got != http.StatusForbidden {
		t.Errorf("another site's page: %d", got)
	}
	for _, bad := range []url.Values{{}, {"kind": {"status"}, "status": {"x"}}, {"kind": {"slow"}, "delay": {"soon"}}, {"kind": {"slow"}, "times": {"many"}}} {
		if got := post("/faults", bad); got != http.StatusBadRequest {
			t.Errorf("%v: %d", bad, got)
		}
	}
	r.api(http.MethodPost, "/order", least)
	if status, _, _ := r.send(http.MethodGet, "/reset", ""); status != http.StatusMethodNotAllowed || len(r.Orders()) != 1 {
		t.Errorf("a GET of /reset: %d", status)
	}
	if got := post("/reset", nil); got != http.StatusSeeOther || len(r.Orders()) != 0 {
		t.Errorf("a reset: %d, %d orders", got, len(r.Orders()))
	}
}
