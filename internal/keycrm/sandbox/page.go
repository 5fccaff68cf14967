package sandbox

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"formrelay/internal/keycrm"
)

// maxShown is how many entities the list shows; the rest are counted.
const maxShown = 100

// The pages' templates and their style.
//
//go:embed list.html faults.html waiting.html sandbox.css
var assets embed.FS

// pages parses the templates. Each page has its own, and both hold waiting.html.
func pages() *template.Template { return template.Must(template.ParseFS(assets, "*.html")) }

// pageRoutes are the sandbox's own: the list, the page of faults, their style, what was received as JSON, the two forms, and the door for
// an account's own lists. A GET never changes anything, and the forms take no post from another site's page. Only the list refreshes
// itself: a form that did would be emptied while somebody fills it in, which is why the faults have a page of their own.
func (s *Sandbox) pageRoutes() http.Handler {
	all := pages()
	r := chi.NewRouter()
	r.Use(pageHeaders)
	r.Get("/", func(w http.ResponseWriter, r *http.Request) { show(w, all, "list.html", s.list(r)) })
	r.Get("/faults", func(w http.ResponseWriter, _ *http.Request) { show(w, all, "faults.html", s.faultPage()) })
	r.Get("/sandbox.css", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, assets, "sandbox.css")
	})
	r.Method(http.MethodGet, "/received", handler(s.showReceived))
	own := r.With(http.NewCrossOriginProtection().Handler)
	own.Post("/faults", s.postFault)
	own.Post("/lists", s.postList)
	own.Post("/reset", func(w http.ResponseWriter, r *http.Request) {
		s.Reset()
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	return r
}

// show writes one page, whole or not at all.
func show(w http.ResponseWriter, all *template.Template, name string, view any) {
	var b bytes.Buffer
	if err := all.ExecuteTemplate(&b, name, view); err != nil {
		http.Error(w, "The page could not be made.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(b.Bytes()) // a reader who has gone needs no page
}

// pageHeaders allow the page its own style and its own forms, and nothing else.
func pageHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// showReceived is GET /received: everything that arrived, oldest first, as [{"kind", "id", "at", "body"}]; ?kind=order or card
// narrows it.
func (s *Sandbox) showReceived(r *http.Request) answer {
	all := s.received(keycrm.Kind(r.URL.Query().Get("kind")))
	if all == nil {
		all = []Received{}
	}
	return respond(http.StatusOK, all)
}

// listView is the list of what was received.
type listView struct {
	Refresh  bool
	Open     string // the id of the entity whose JSON is shown
	Now      string
	Received []card
	Older    string // how many more there are; empty for none
	Calls    int
	Refused  int  // calls answered with 429
	Broken   bool // a post went unanswered, or was answered with an error of the server
	Limit    int
	Window   string
	Faults   []string
}

// card is one entity on the page.
type card struct {
	Kind, Title, Pipeline, Name, Phone, Email, Source, Comment, BuyerComment, Total, UUID, JSON string

	ID                                                  int64
	At                                                  time.Time
	Lines, Shipping, Payments, Marketing, Fields, Files []string
}

// list gathers the page under one lock, so that its counts and its list are of one moment.
func (s *Sandbox) list(r *http.Request) listView {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := listView{
		Refresh: r.URL.Query().Get("refresh") != "off", Open: r.URL.Query().Get("open"), Now: s.o.Now().UTC().Format(time.TimeOnly),
		Calls: len(s.calls), Limit: s.o.Limit, Window: span(s.o.Window), Faults: s.waiting(),
	}
	for _, c := range s.calls {
		if c.Status == http.StatusTooManyRequests {
			v.Refused++
		}
		v.Broken = v.Broken || c.Method == http.MethodPost && (c.Status == 0 || c.Status >= http.StatusInternalServerError)
	}
	if older := len(s.data.entities) - maxShown; older > 0 {
		v.Older = count(older, "older one is", "older ones are")
	}
	for _, e := range slices.Backward(s.data.entities) {
		if len(v.Received) == maxShown {
			break
		}
		one := e.card()
		for _, f := range s.data.attached(e) {
			one.Files = append(one.Files, f.name)
		}
		v.Received = append(v.Received, one)
	}
	return v
}

// count is a number with its word: 1 call, 2 calls.
func count(n int, one, many string) string {
	if n == 1 {
		many = one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// span writes a length of time as people do: 1m, not 1m0s.
func span(d time.Duration) string {
	text := d.String()
	if whole, ok := strings.CutSuffix(text, "m0s"); ok {
		return whole + "m"
	}
	return text
}

// card picks out of the entity what a person looks for first; the JSON has the rest.
func (e *entity) card() card {
	person := object(e.body["buyer"])
	c := card{
		Kind: "Order", ID: e.ID, At: e.At, Comment: say(e.body["manager_comment"]), BuyerComment: say(e.body["buyer_comment"]), UUID: say(e.body["source_uuid"]),
		Source: sourceName(e.body["source_id"]), Total: e.total().String(),
	}
	campaign := object(e.body["marketing"])
	if e.Kind == keycrm.KindCard {
		c.Kind, person, campaign = "Card", object(e.body["contact"]), e.body
		c.Title, c.Pipeline = say(e.body["title"]), e.pipelineName()
	}
	for _, key := range []string{"utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"} {
		if text := say(campaign[key]); text != "" {
			c.Marketing = append(c.Marketing, key+": "+text)
		}
	}
	c.Name, c.Phone, c.Email = say(person["full_name"]), say(person["phone"]), say(person["email"])
	for _, p := range objects(e.body["products"]) {
		c.Lines = append(c.Lines, productLine(p))
	}
	c.Shipping = shippingLines(object(e.body["shipping"]))
	for _, p := range e.payments {
		c.Payments = append(c.Payments, join(", ", say(p["amount"]), say(p["status"]), methodName(p), say(p["description"])))
	}
	for _, f := range objects(e.body["custom_fields"]) {
		c.Fields = append(c.Fields, say(f["uuid"])+": "+say(f["value"]))
	}
	var b bytes.Buffer
	if json.Indent(&b, e.Body, "", "  ") == nil {
		c.JSON = b.String()
	}
	return c
}

// productLine is "Lamp, 2 × 450 = 900.00".
func productLine(p map[string]any) string {
	name := join(" ", say(p["name"]), parenthesis(say(p["sku"])))
	if p["price"] == nil {
		return join(", ", name, say(p["quantity"]))
	}
	quantity := say(p["quantity"])
	if quantity == "" {
		quantity = "1"
	}
	return join(", ", name, fmt.Sprintf("%s × %s = %s", quantity, say(p["price"]), new(big.Rat).Set(lineSum(p)).FloatString(2)))
}

// shippingLines are where and when the order goes, and who receives it when that is not the buyer.
func shippingLines(shipping map[string]any) []string {
	where := join(", ", say(shipping["shipping_address_city"]), say(shipping["shipping_receive_point"]),
		say(shipping["shipping_secondary_line"]), say(shipping["shipping_date"]))
	who := join(", ", say(shipping["recipient_full_name"]), say(shipping["recipient_phone"]))
	if who != "" {
		who = "for " + who
	}
	return slices.DeleteFunc([]string{where, who}, func(line string) bool { return line == "" })
}

// parenthesis puts brackets around a text that is there.
func parenthesis(s string) string {
	if s == "" {
		return ""
	}
	return "(" + s + ")"
}

// sourceName is the source's name and id, or just the id of one that is not in the list.
func sourceName(id any) string {
	for _, s := range sources() {
		if oneOf(s["id"], say(id)) {
			return fmt.Sprintf("%s (%s)", s["name"], say(id))
		}
	}
	return say(id)
}

// pipelineName is the name and id of the pipeline that a card is in, or just the id of one that is not in the list.
func (e *entity) pipelineName() string {
	id := say(e.pipeline())
	for _, p := range pipelines() {
		if !oneOf(p["id"], id) {
			continue
		}
		name := fmt.Sprintf("%s (%s)", p["title"], id)
		if e.body["pipeline_id"] == nil {
			name += ", the first: none was named"
		}
		return name
	}
	return id
}

// methodName is the payment method's name from the list, else what was sent.
func methodName(p map[string]any) string {
	for _, m := range paymentMethods() {
		if oneOf(m["id"], say(p["payment_method_id"])) {
			return say(m["name"])
		}
	}
	return join(" ", say(p["payment_method"]), say(p["payment_method_id"]))
}

// say is a JSON value for people; null and absence are nothing.
func say(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case []any:
		parts := make([]string, len(v))
		for i, item := range v {
			parts[i] = say(item)
		}
		return strings.Join(parts, ", ")
	default:
		return fmt.Sprint(v)
	}
}

// join joins what is not empty.
func join(separator string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), separator)
}
