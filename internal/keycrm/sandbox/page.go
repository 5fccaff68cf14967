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
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"formrelay/internal/keycrm"
)

// maxShown is how many entities the page lists; the rest are counted.
const maxShown = 100

// The page's template and its style.
//
//go:embed page.html sandbox.css
var assets embed.FS

// pageRoutes are the sandbox's own: the page, its style, what was received as JSON, and the two forms. A GET never changes
// anything, and the forms take no post from another site's page.
func (s *Sandbox) pageRoutes() http.Handler {
	page := template.Must(template.ParseFS(assets, "page.html"))
	r := chi.NewRouter()
	r.Use(pageHeaders)
	r.Get("/", func(w http.ResponseWriter, r *http.Request) {
		var b bytes.Buffer
		if err := page.Execute(&b, s.view(r)); err != nil {
			http.Error(w, "The page could not be made.", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(b.Bytes()) // a reader who has gone needs no page
	})
	r.Get("/sandbox.css", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, assets, "sandbox.css")
	})
	r.Method(http.MethodGet, "/received", handler(s.showReceived))
	own := r.With(http.NewCrossOriginProtection().Handler)
	own.Post("/faults", s.postFault)
	own.Post("/reset", func(w http.ResponseWriter, r *http.Request) {
		s.Reset()
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	return r
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

// postFault is POST /faults: one Fault from a form's fields. Fields left empty are the Fault's zero values.
func (s *Sandbox) postFault(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	f := Fault{
		Kind: FaultKind(r.PostFormValue("kind")), Stored: r.PostFormValue("stored") != "", Method: r.PostFormValue("method"),
		Path: r.PostFormValue("path"), Body: r.PostFormValue("body"), RetryAfter: r.PostFormValue("retry_after"),
	}
	var err error
	for _, n := range []struct {
		field string
		into  *int
	}{{"times", &f.Times}, {"status", &f.Status}} {
		if text := r.PostFormValue(n.field); text != "" && err == nil {
			*n.into, err = strconv.Atoi(text)
		}
	}
	if text := r.PostFormValue("delay"); text != "" && err == nil {
		f.Delay, err = time.ParseDuration(text)
	}
	if err == nil {
		err = s.Inject(f)
	}
	if err != nil {
		http.Error(w, "This fault cannot be set: "+err.Error(), http.StatusBadRequest)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// view is the page.
type view struct {
	Refresh    bool
	Now        string
	Received   []card
	Older      int // how many more there are
	Calls      int
	Refused    int // calls answered with 429
	Limit      int
	Window     string
	Faults     []string
	FaultKinds []FaultKind
}

// card is one entity on the page.
type card struct {
	Kind, Name, Phone, Email, Source, Comment, Total, UUID, JSON string
	ID                                                           int64
	At                                                           time.Time
	Lines, Payments, Fields                                      []string
}

// view gathers the page under one lock, so that its counts and its list are of one moment.
func (s *Sandbox) view(r *http.Request) view {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := view{
		Refresh: r.URL.Query().Get("refresh") != "off", Now: s.o.Now().Format(time.TimeOnly), Calls: len(s.calls),
		Limit: s.o.Limit, Window: span(s.o.Window), FaultKinds: FaultKinds(),
	}
	for _, c := range s.calls {
		if c.Status == http.StatusTooManyRequests {
			v.Refused++
		}
	}
	for _, f := range s.faults {
		v.Faults = append(v.Faults, f.String())
	}
	for _, e := range slices.Backward(s.data.entities) {
		if len(v.Received) == maxShown {
			v.Older = len(s.data.entities) - maxShown
			break
		}
		v.Received = append(v.Received, e.card())
	}
	return v
}

// span writes a length of time as people do: 1m, not 1m0s.
func span(d time.Duration) string {
	text := d.String()
	if whole, ok := strings.CutSuffix(text, "m0s"); ok {
		return whole + "m"
	}
	return text
}

// String says in words what the fault will do.
func (f Fault) String() string {
	text := fmt.Sprintf("%s for %d calls", f.Kind, f.Times)
	switch {
	case f.Times < 0:
		text = string(f.Kind) + " until reset"
	case f.Times == 1:
		text = string(f.Kind) + " for one call"
	}
	if f.Stored {
		text += ", after storing"
	}
	return strings.Join(strings.Fields(text+" "+f.Method+" "+f.Path), " ")
}

// card picks out of the entity what a person looks for first; the JSON has the rest.
func (e *entity) card() card {
	person := object(e.body["buyer"])
	c := card{
		Kind: "Order", ID: e.ID, At: e.At, Comment: say(e.body["manager_comment"]), UUID: say(e.body["source_uuid"]),
		Source: sourceName(e.body["source_id"]), Total: e.total().String(),
	}
	if e.Kind == keycrm.KindCard {
		c.Kind, person = "Card", object(e.body["contact"])
	}
	c.Name, c.Phone, c.Email = say(person["full_name"]), say(person["phone"]), say(person["email"])
	for _, p := range objects(e.body["products"]) {
		c.Lines = append(c.Lines, productLine(p))
	}
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
