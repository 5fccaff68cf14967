package sandbox

import (
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jba/templatecheck"
)

func TestTemplatesFitTheirViews(t *testing.T) {
	t.Parallel()
	for name, view := range map[string]any{"list.html": listView{}, "faults.html": faultsView{}} {
		if err := templatecheck.CheckHTMLStrict(pages().Lookup(name), view); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

const rich = `{"source_id":22,"source_uuid":"01JABC","buyer_comment":"Call after six","manager_comment":"[formrelay 01JABC]\n<script>alert(1)</script>",
	"buyer":{"full_name":"Олена Дуже-Довгопрізвищенко","phone":"+380501112233","email":"o@e.test"},
	"products":[{"sku":"A-1","name":"Лампа \"Зоря\"","price":450.5,"quantity":2},{"name":"Gift"}],
	"payments":[{"amount":901,"payment_method_id":2,"status":"not_paid"}],
	"shipping":{"shipping_address_city":"Львів","shipping_receive_point":"Відділення №5","shipping_date":"2026-03-06",
		"recipient_full_name":"Петро","recipient_phone":"+380672223344"},
	"marketing":{"utm_source":"google","utm_campaign":"весна"},
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
	r.api(http.MethodPost, "/pipelines/cards", `{"contact":{"full_name":"Card person"},"source_id":99,"utm_source":"meta","title":"Call me <b>","pipeline_id":2}`)
	r.api(http.MethodPost, "/pipelines/cards", `{"contact":{"full_name":"Nobody's pipeline"}}`)
	if err := r.Inject(Fault{Kind: Cut, Stored: true, Method: http.MethodPost, Path: "/order"}); err != nil {
		t.Fatal(err)
	}
	_, _, page := r.send(http.MethodGet, "/?refresh=off", "")
	for _, want := range []string{
		"Олена Дуже-Довгопрізвищенко", "&#43;380501112233", "o@e.test", "Лампа &#34;Зоря&#34; (A-1), 2 × 450.5 = 901.00", "<p>Gift</p>", "<dd>901.00</dd>",
		"901, not_paid, Card online", "OR_1022: Blue, White", "Landing (22)", "<dd>99</dd>", "01JABC", `<dd class="text">Call after six</dd>`, " UTC</time>", "&lt;script&gt;", "Card person",
		"<dt>Marketing</dt><dd><p>utm_source: google</p><p>utm_campaign: весна</p></dd>", "<dt>Marketing</dt><dd><p>utm_source: meta</p></dd>",
		"<dt>Title</dt><dd>Call me &lt;b&gt;</dd>", "<dt>Pipeline</dt><dd>Зворотний дзвінок (2)</dd>", "<dt>Pipeline</dt><dd>Заявки (1), the first: none was named</dd>",
		"<dt>Number at the site</dt><dd>01JABC</dd>", "<p>Львів, Відділення №5, 2026-03-06</p><p>for Петро, &#43;380672223344</p>",
		"limit 5 in 1m<", "Next POST call to /order: breaks the connection, after storing it", "looks for the entity for a while", "<b>3</b> calls",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "<script") || strings.Contains(page, "style=") || strings.Contains(page, "http-equiv") {
		t.Error("the page holds a script, an inline style, or refreshes although it was switched off")
	}
	if strings.Contains(page, "source_uuid</dt>") {
		t.Error("the number at the site goes by its field's name")
	}
	if strings.Index(page, "Card person") > strings.Index(page, "Довгопрізвищенко") {
		t.Error("the newest is not first")
	}
}

// TestRefreshSpoilsNothing: what a person fills in or has opened stands on a page that does not refresh itself.
func TestRefreshSpoilsNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	_, order := r.api(http.MethodPost, "/order", least)
	_, _, list := r.send(http.MethodGet, "/", "")
	for _, held := range []string{"<input", "<select", "<details"} {
		if strings.Contains(list, held) {
			t.Errorf("the list refreshes itself and holds %s", held)
		}
	}
	open := fmt.Sprintf("/?refresh=off&amp;open=%.0f#%[1]v", order["id"])
	if !strings.Contains(list, open) || !strings.Contains(list, `href="/faults"`) {
		t.Errorf("the list leads to no JSON at %s or not to the faults", open)
	}
	_, _, still := r.send(http.MethodGet, html.UnescapeString(strings.Split(open, "#")[0]), "")
	if strings.Contains(still, "http-equiv") || strings.Count(still, "<details open>") != 1 {
		t.Error("the JSON that was asked for is not open, or the page refreshes")
	}
	_, header, faults := r.send(http.MethodGet, "/faults", "")
	if strings.Contains(faults, "http-equiv") || !strings.Contains(faults, `action="/faults"`) || header.Get("Refresh") != "" {
		t.Error("the page of faults refreshes itself, or has no form")
	}
}

func TestFaultsPage(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	for _, f := range []Fault{{Status: 503, Method: http.MethodPost}, {Kind: Gzip}} {
		if err := r.Inject(f); err != nil {
			t.Fatal(err)
		}
	}
	_, header, page := r.send(http.MethodGet, "/faults", "")
	for _, want := range []string{
		"Next POST call: answers 503<", "Next call: answers as usual, packed with gzip<", "The first that fits", `value="cut">cut: the connection breaks<`,
		"looks for it for a while before it sends again",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, ": </option>") || strings.Contains(header.Get("Content-Security-Policy"), "unsafe") {
		t.Error("a way to misbehave has no words, or the policy is loose")
	}
}

func TestFaultInWords(t *testing.T) {
	t.Parallel()
	const post = http.MethodPost
	for want, f := range map[string]Fault{
		"Next call: answers as usual, after 2s":                                             {Kind: Slow, Stored: true, Delay: 2 * time.Second},
		"Next POST call: keeps the caller waiting for ever":                                 {Kind: Slow, Method: post},
		"Next POST call: answers 503":                                                       {Kind: Status, Status: 503, Method: post, Times: 1},
		"Each of the next 2 POST calls: answers 429, Retry-After 30":                        {Kind: Status, Status: 429, Method: post, Times: 2, RetryAfter: "30"},
		"Every GET call to /order: never answers":                                           {Kind: Hang, Method: http.MethodGet, Path: "/order", Times: -1},
		"Next POST call: gives no answer, and breaks the connection after 1m":               {Kind: Hang, Method: post, Delay: time.Minute},
		"Next POST call: breaks the connection, after storing it":                           {Kind: Cut, Method: post, Stored: true},
		"Next POST call: answers 302, to the same address":                                  {Kind: Redirect, Method: post},
		"Next POST call: answers 502 with a page of HTML":                                   {Kind: HTML, Status: 502, Method: post},
		"Next POST call: stores it, and breaks off halfway through the answer":              {Kind: Short, Method: post, Stored: true},
		"Next POST call: answers 401, as for a token that was taken back, after storing it": {Kind: Unauthorised, Method: post, Stored: true},
		"Next POST call: answers as usual, packed with gzip":                                {Kind: Gzip, Method: post},
	} {
		if got := f.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestCounts: one of something is said as one, and a call that broke brings the word about looking for it, a good one does not.
func TestCounts(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	r.api(http.MethodPost, "/order", least)
	if _, _, page := r.send(http.MethodGet, "/", ""); !strings.Contains(page, "<b>1</b> call<") || strings.Contains(page, "for a while") {
		t.Errorf("one good call: %s", page)
	}
	if err := r.Inject(Fault{Status: 503}); err != nil {
		t.Fatal(err)
	}
	r.api(http.MethodPost, "/order", least)
	if _, _, page := r.send(http.MethodGet, "/", ""); !strings.Contains(page, "<b>2</b> calls<") || !strings.Contains(page, "for a while") {
		t.Errorf("after a broken one: %s", page)
	}
	if got := count(1, "older one is", "older ones are"); got != "1 older one is" {
		t.Error(got)
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

// TestStyle: every class the pages use is styled, and the style asks no other host for anything.
func TestStyle(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	status, header, css := r.send(http.MethodGet, "/sandbox.css", "")
	if status != http.StatusOK || !strings.HasPrefix(header.Get("Content-Type"), "text/css") || strings.Contains(css, "url(") {
		t.Errorf("%d %s", status, header.Get("Content-Type"))
	}
	for _, name := range []string{"list.html", "faults.html", "waiting.html"} {
		page, err := assets.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, class := range regexp.MustCompile(`class="(\w+)`).FindAllStringSubmatch(string(page), -1) {
			if !strings.Contains(css, "."+class[1]) {
				t.Errorf("%s: the class %q has no style", name, class[1])
			}
		}
	}
}
