package intake

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"formrelay/internal/httpd"
	"formrelay/internal/submission"
)

func TestReceipt(t *testing.T) {
	t.Parallel()
	b := setup(t, "other", lamp)
	b.post("/forms/lamp", "name="+marker+"&phone=0501112233")
	id := b.store.last.ID
	b.post("/forms/lamp", "name="+marker+"&email=no")
	refused := b.store.last.ID
	tests := []struct {
		name, path, accept string
		status             int
		want               []string
	}{
		{"a browser", "/forms/lamp/" + id + "?lang=pl", browserAccept, 200, []string{`<html lang="pl">`, "<h1>Dziękujemy!</h1>", id}},
		{"a browser without lang", "/forms/lamp/" + id, browserAccept, 200, []string{`<html lang="uk">`, "<h1>Дякуємо!</h1>"}},
		{"a lang that is none", "/forms/lamp/" + id + "?lang=%22%3E%3Cscript%3E", browserAccept, 200, []string{`<html lang="uk">`}},
		{"a program", "/forms/lamp/" + id, "*/*", 200, []string{`{"id":"` + id + `","status":"received"}`}},
		{"nothing said", "/forms/lamp/" + id, "", 200, []string{`{"id":"` + id + `","status":"received"}`}},
		{"JSON by name", "/forms/lamp/" + id, "application/json, text/html", 200, []string{`"status":"received"`}},
		{"refused, a program", "/forms/lamp/" + refused, "", 200, []string{`"status":"refused"`}},
		{"refused, a browser", "/forms/lamp/" + refused + "?lang=en", browserAccept, 200, []string{"The form was not accepted", "correct the form"}},
		{"an unknown id", "/forms/lamp/" + submission.NewID(), browserAccept, 404, []string{"Заявки з таким номером немає."}},
		{"another profile's", "/forms/other/" + id, "", 404, []string{`"SUBMISSION_NOT_FOUND"`}},
		{"an unknown profile", "/forms/none/" + id, "", 404, []string{`"SUBMISSION_NOT_FOUND"`}},
		{"no id", "/forms/lamp/" + marker, "", 404, []string{`"SUBMISSION_NOT_FOUND"`}},
		{"lower case", "/forms/lamp/" + strings.ToLower(id), "", 404, []string{`"SUBMISSION_NOT_FOUND"`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := b.send(http.MethodGet, tt.path, "", "Accept", tt.accept)
			if w.Code != tt.status || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%d, Cache-Control %q", w.Code, w.Header().Get("Cache-Control"))
			}
			for _, want := range tt.want {
				if !strings.Contains(w.Body.String(), want) {
					t.Errorf("lacks %q:\n%s", want, w.Body)
				}
			}
			if body := w.Body.String(); strings.Contains(body, marker) || strings.Contains(body, "<script") {
				t.Errorf("personal data or markup:\n%s", body)
			}
		})
	}
}

func TestReceiptOfEveryState(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, state := range submission.States() {
		id := submission.NewID()
		b.store.rows = map[string]submission.Submission{id: {ID: id, Profile: "lamp", State: state}}
		if got := decoded(t, b.send(http.MethodGet, "/forms/lamp/"+id, "").Body)["status"]; got != state.Public() {
			t.Errorf("%s: %v", state, got)
		}
	}
}

func TestReceiptOfARemovedProfile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.post("/forms/lamp", "name=Olena&phone=0501112233")
	delete(b.shelf.good, "lamp")
	if w := b.send(http.MethodGet, "/forms/lamp/"+b.store.last.ID, "", "Accept", browserAccept); w.Code != http.StatusOK {
		t.Errorf("status %d", w.Code)
	}
}

func TestReceiptWhileTheStoreIsDown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.store.err = errors.New("disk full")
	w := b.send(http.MethodGet, "/forms/lamp/"+submission.NewID(), "")
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("status %d", w.Code)
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	b := setup(t, "closed", closed)
	b.post("/forms/lamp", "name=Olena&phone=0501112233")
	id := b.store.last.ID
	tests := []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/forms/lamp", 405, "POST, OPTIONS"},
		{"HEAD", "/f/lamp", 405, "POST, OPTIONS"},
		{"PUT", "/forms/lamp", 405, "POST, OPTIONS"},
		{"DELETE", "/forms/lamp", 405, "POST, OPTIONS"},
		{"OPTIONS", "/forms/lamp", 204, "POST, OPTIONS"},
		{"OPTIONS", "/forms/none", 204, "POST, OPTIONS"}, // a preflight that fails tells the page nothing; the post's 404 does
		{"GET", "/forms/none", 404, ""},
		{"GET", "/forms/closed", 410, ""},
		{"OPTIONS", "/forms/lamp/" + id, 204, "GET, HEAD, OPTIONS"},
		{"POST", "/forms/lamp/" + id, 405, "GET, HEAD, OPTIONS"},
		{"HEAD", "/forms/lamp/" + id, 200, ""},
		{"PURGE", "/forms/lamp", 405, "POST, OPTIONS"},
		{"FOO", "/f/lamp/", 405, "POST, OPTIONS"},
		{"FOO", "/forms/none", 404, ""},
		{"FOO", "/forms/lamp/" + id, 405, "GET, HEAD, OPTIONS"},
		{"DELETE", "/forms/lamp/" + id, 405, "GET, HEAD, OPTIONS"},
		{"FOO", "/nowhere", 404, ""},
		{"HEAD", "/static/relay.css", 200, ""},
		{"POST", "/static/relay.css", 405, "GET, HEAD"},
		{"FOO", "/static/relay.css", 405, "GET, HEAD"},
	}
	for _, tt := range tests {
		w := b.send(tt.method, tt.path, "", "Accept", browserAccept)
		if w.Code != tt.status || w.Header().Get("Allow") != tt.allow {
			t.Errorf("%s %s: %d, Allow %q", tt.method, tt.path, w.Code, w.Header().Get("Allow"))
		}
	}
	if n := b.store.stored(); n != 1 {
		t.Errorf("%d rows", n)
	}
}

// What is mounted beside the forms, such as the health checks, answers a wrong method through the same handler.
func TestMethodsOfWhatIsMountedBeside(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := chi.NewRouter()
	b.intake.Routes(r)
	health := httpd.Health(func(context.Context) error { return nil }, false)
	r.Method(http.MethodGet, "/healthz", health)
	r.Method(http.MethodHead, "/healthz", health)
	b.server = r
	for _, method := range []string{"POST", "FOO"} {
		if w := b.send(method, "/healthz", ""); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d, Allow %q", method, w.Code, w.Header().Get("Allow"))
		}
	}
}

func TestOnlyAFormsAddressSaysThatFormsAreSentThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.post("/forms/lamp", "name=Olena&phone=0501112233")
	const title = "Forms are sent to this address"
	for path, want := range map[string]bool{"/forms/lamp": true, "/forms/lamp/" + b.store.last.ID: false, stylePath: false} {
		for _, accept := range []string{browserAccept, "application/json"} {
			w := b.send(http.MethodPut, path, "", "Accept", accept, "Accept-Language", "en")
			text := w.Body.String()
			if accept == browserAccept && strings.Contains(text, title) != want || !want && strings.Contains(text, "send its form") {
				t.Errorf("PUT %s: %d\n%s", path, w.Code, text)
			}
		}
	}
}

func TestHintForADeveloper(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.send(http.MethodGet, "http://forms.shop.example/f/lamp", "", "Accept", browserAccept, "Accept-Language", "en")
	for _, want := range []string{
		"Forms are sent to this address", "For the developer", "&lt;form method=\"post\"", "http://forms.shop.example/forms/lamp",
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("lacks %q:\n%s", want, w.Body)
		}
	}
	evil := b.send(http.MethodGet, "/forms/lamp", "", "Accept", browserAccept, "Host", `x"><script>alert(1)</script>`)
	if strings.Contains(evil.Body.String(), "<script") {
		t.Errorf("unescaped:\n%s", evil.Body)
	}
	if m := decoded(t, b.send(http.MethodGet, "/forms/lamp", "", "Accept", "application/json").Body); m["ok"] != false {
		t.Errorf("a program reads %v", m)
	}
}

func TestPreflight(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tests := []struct{ name, asked, allowed string }{
		{"none", "", ""},
		{"Formspree's library", "accept,formspree-client,formspree-session-data", "accept,formspree-client,formspree-session-data"},
		{"a list with blanks", "Content-Type, X-Requested-With", "Content-Type, X-Requested-With"},
		{"an injection", "x\r\nSet-Cookie: a=b", ""},
		{"no tokens", "a;b", ""},
		{"a flood", strings.Repeat("a,", 1000), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := b.send(http.MethodOptions, "/forms/lamp", "", "Origin", "https://shop.example", "Access-Control-Request-Method", "POST",
				"Access-Control-Request-Headers", tt.asked)
			h := w.Header()
			if w.Code != http.StatusNoContent || h.Get("Access-Control-Allow-Headers") != tt.allowed || h.Get("Access-Control-Allow-Methods") != "POST, OPTIONS" {
				t.Errorf("%d %v", w.Code, h)
			}
			if w.Body.Len() != 0 || h.Get("Set-Cookie") != "" {
				t.Errorf("%q %v", w.Body, h)
			}
		})
	}
}

func TestStylesheet(t *testing.T) {
	t.Parallel()
	b := setup(t)
	page := b.send(http.MethodGet, "/nowhere", "", "Accept", browserAccept).Body.String()
	if !strings.Contains(page, b.intake.style.address) {
		t.Errorf("the page does not name %s", b.intake.style.address)
	}
	for path, cache := range map[string]string{
		b.intake.style.address: "public, max-age=31536000, immutable",
		stylePath:              "no-cache",
		stylePath + "?v=older": "no-cache",
	} {
		w := b.send(http.MethodGet, path, "")
		if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != cache || w.Header().Get("Content-Type") != "text/css; charset=utf-8" || w.Body.Len() == 0 {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
	}
}

func TestHeadersCannotBeInjected(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.post("/forms/lamp", "name=Olena&phone=0501112233&_lang=uk%0D%0ASet-Cookie:%20a=b", "Accept-Language", "pl")
	if loc := w.Header().Get("Location"); !strings.HasSuffix(loc, "?lang=pl") || w.Header().Get("Set-Cookie") != "" {
		t.Errorf("%v", w.Header())
	}
}
