package sandbox

import (
	"fmt"
	"html/template"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jba/templatecheck"
)

func TestTemplateFitsItsView(t *testing.T) {
	t.Parallel()
	page := template.Must(template.ParseFS(assets, "page.html"))
	if err := templatecheck.CheckHTMLStrict(page, view{}); err != nil {
		t.Error(err)
	}
}

const rich = `{"source_id":22,"source_uuid":"01JABC","manager_comment":"[formrelay 01JABC]\n<script>alert(1)</script>",
	"buyer":{"full_name":"Олена Дуже-Довгопрізвищенко","phone":"+380501112233","email":"o@e.test"},
	"products":[{"sku":"A-1","name":"Лампа \"Зоря\"","price":450.5,"quantity":2},{"name":"Gift"}],
	"payments":[{"amount":901,"payment_method_id":2,"status":"not_paid"}],
	"custom_fields":[{"uuid":"OR_1022","value":["Blue","White"]}]}`

func TestPage(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Limit: 5, Window: time.Minute})
	status, header, empty := r.send(http.MethodGet, "/", "")
	if status != http.StatusOK || !strings.Contains(empty, "Nothing has arrived yet") || !strings.Contains(empty, `http-equiv="refresh"`) {
		t.Errorf("empty: %d %s", status, empty)
	}
	if csp := header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("CSP %q", csp)
	}
	r.api(http.MethodPost, "/order", rich)
	r.pass(time.Second)
	r.api(http.MethodPost, "/pipelines/cards", `{"contact":{"full_name":"Card person"},"source_id":99,"utm_source":"meta"}`)
	if err := r.Inject(Fault{Kind: Cut, Stored: true, Method: http.MethodPost, Path: "/order"}); err != nil {
		t.Fatal(err)
	}
	_, _, page := r.send(http.MethodGet, "/?refresh=off", "")
	for _, want := range []string{
		"Олена Дуже-Довгопрізвищенко", "&#43;380501112233", "o@e.test", "Лампа &#34;Зоря&#34; (A-1), 2 × 450.5 = 901.00", "<p>Gift</p>", "<dd>901.00</dd>",
		"901, not_paid, Card online", "OR_1022: Blue, White", "Landing (22)", "<dd>99</dd>", "01JABC", "&lt;script&gt;", "Card person", "utm_source",
		"limit 5 in 1m<", "cut for one call, after storing POST /order", "<b>2</b> calls",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "<script") || strings.Contains(page, "style=") || strings.Contains(page, "http-equiv") {
		t.Error("the page holds a script, an inline style, or refreshes although it was switched off")
	}
	if strings.Index(page, "Card person") > strings.Index(page, "Довгопрізвищенко") {
		t.Error("the newest is not first")
	}
}

func TestPageIsBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Limit: -1})
	for range maxShown + 3 {
		r.api(http.MethodPost, "/order", least)
	}
	_, _, page := r.send(http.MethodGet, "/", "")
	if got := strings.Count(page, "<article"); got != maxShown || !strings.Contains(page, "3 older ones are not shown") {
		t.Errorf("%d shown", got)
	}
}

func TestReceivedAsJSON(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	if _, _, text := r.send(http.MethodGet, "/received", ""); text != "[]" {
		t.Errorf("nothing: %s", text)
	}
	r.api(http.MethodPost, "/order", least)
	r.api(http.MethodPost, "/pipelines/cards", `{"contact":{"phone":"1"}}`)
	want := fmt.Sprintf(`[{"kind":"order","id":%d,"at":"2026-03-04T09:15:00Z","body":%s}]`, r.Orders()[0].ID, least)
	if _, _, text := r.send(http.MethodGet, "/received?kind=order", ""); text != want {
		t.Errorf("%s, want %s", text, want)
	}
}

// TestStyle: every class the page uses is styled, and the style asks no other host for anything.
func TestStyle(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	status, header, css := r.send(http.MethodGet, "/sandbox.css", "")
	if status != http.StatusOK || !strings.HasPrefix(header.Get("Content-Type"), "text/css") || strings.Contains(css, "url(") {
		t.Errorf("%d %s", status, header.Get("Content-Type"))
	}
	html, err := assets.ReadFile("page.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, class := range regexp.MustCompile(`class="(\w+)`).FindAllStringSubmatch(string(html), -1) {
		if !strings.Contains(css, "."+class[1]) {
			t.Errorf("the class %q has no style", class[1])
		}
	}
}
