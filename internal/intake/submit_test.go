package intake

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"formrelay/internal/form"
	"formrelay/internal/keycrm"
	"formrelay/internal/submission"
)

func TestAcceptedFormIsStoredWhole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.post("/forms/lamp", "name="+marker+"&phone=050+111+22+33&extra=%20a%20",
		"User-Agent", "Mozilla/5.0", "Referer", "https://shop.example/lamp?x=1", "Origin", "https://shop.example", "Accept-Language", "en")
	got := b.store.last
	want := submission.Submission{
		ID: got.ID, Profile: "lamp", Account: "main", Revision: b.shelf.good["lamp"].Hash,
		ReceivedAt: time.Date(2026, 3, 4, 5, 6, 7, 891_000_000, time.UTC),
		Pairs:      []form.Pair{{Name: "name", Value: marker}, {Name: "phone", Value: "050 111 22 33"}, {Name: "extra", Value: " a "}},
		Visitor: submission.Visitor{
			IP: "192.0.2.1", UserAgent: "Mozilla/5.0", Referrer: "https://shop.example/lamp?x=1", Page: "https://shop.example/lamp?x=1", Language: "en",
		},
		Kind: keycrm.KindOrder, SourceID: 22, SourceUUID: got.ID, State: submission.Queued,
		DueAt: time.Date(2026, 3, 4, 5, 6, 7, 891_000_000, time.UTC),
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(submission.Submission{}, "Entity", "Charset", "Signs")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var entity struct {
		SourceID int `json:"source_id"`
		Buyer    struct{ Phone string }
	}
	if err := json.Unmarshal(got.Entity, &entity); err != nil || entity.SourceID != 22 || entity.Buyer.Phone != "+380501112233" {
		t.Errorf("%v: %s", err, got.Entity)
	}
	if !submission.ValidID(got.ID) || b.store.rev.Hash != got.Revision || string(b.store.rev.Text) != lamp || b.store.rev.Profile != "lamp" {
		t.Errorf("id %q, revision %+v", got.ID, b.store.rev)
	}
	if log := b.log.String(); !strings.Contains(log, got.ID) || !strings.Contains(log, `"profile":"lamp"`) || !strings.Contains(log, `"route":"/forms/{profile}"`) {
		t.Errorf("the access log does not name the submission: %s", log)
	}
}

func TestSuccess(t *testing.T) {
	t.Parallel()
	const body = "name=Olena&phone=0501112233"
	withSuccess := lamp + "answer: {success: \"https://shop.example/thanks?order={id}\"}\n"
	t.Run("a page of the relay's", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for _, path := range []string{"/forms/lamp", "/f/lamp", "/forms/lamp/", "/f/lamp/"} {
			w := b.post(path, body, "Accept-Language", "pl")
			if want := "/forms/lamp/" + b.store.last.ID + "?lang=pl"; w.Code != http.StatusSeeOther || w.Header().Get("Location") != want {
				t.Errorf("%s: %d %q, want 303 %q", path, w.Code, w.Header().Get("Location"), want)
			}
		}
	})
	t.Run("the profile's page", func(t *testing.T) {
		t.Parallel()
		b := setup(t, "own", withSuccess)
		w := b.post("/forms/own", body)
		if want := "https://shop.example/thanks?order=" + b.store.last.ID; w.Code != http.StatusSeeOther || w.Header().Get("Location") != want {
			t.Errorf("%d %q, want 303 %q", w.Code, w.Header().Get("Location"), want)
		}
	})
	t.Run("JSON", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		w := b.fetch("/forms/lamp", body, "Accept-Language", "en")
		id := b.store.last.ID
		want := `{"ok":true,"success":true,"id":"` + id + `","status":"received","message":"Thank you! We have received your request.",` +
			`"next":"http://example.com/forms/lamp/` + id + `?lang=en","redirect":null}` + "\n"
		if w.Code != http.StatusAccepted || w.Body.String() != want {
			t.Errorf("%d %s\nwant %s", w.Code, w.Body, want)
		}
	})
	t.Run("JSON with the profile's page", func(t *testing.T) {
		t.Parallel()
		b := setup(t, "own", withSuccess)
		m := decoded(t, b.fetch("/forms/own", body).Body)
		if want := "https://shop.example/thanks?order=" + b.store.last.ID; m["next"] != want || m["redirect"] != want {
			t.Errorf("%v, want %q", m, want)
		}
	})
	t.Run("behind a proxy", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.configure(Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
		m := decoded(t, b.fetch("/forms/lamp", body, "X-Forwarded-Proto", "https", "X-Forwarded-For", "198.51.100.7").Body)
		if next, ok := m["next"].(string); !ok || !strings.HasPrefix(next, "https://example.com/forms/lamp/") {
			t.Errorf("next %v", m["next"])
		}
		if ip := b.store.last.Visitor.IP; ip != "198.51.100.7" {
			t.Errorf("IP %q", ip)
		}
	})
	t.Run("the form's own language", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		w := b.post("/forms/lamp", body+"&_lang=ru", "Accept-Language", "pl")
		if !strings.HasSuffix(w.Header().Get("Location"), "?lang=ru") || b.store.last.Visitor.Language != "ru" {
			t.Errorf("%q", w.Header().Get("Location"))
		}
	})
}

func TestWhatOnlyOpsCanMendIsSuccess(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		reason     submission.Reason
	}{
		{"a status that KeyCRM has not", "name=Olena&phone=0501112233&amount=100&status=bezahlt", submission.ReasonMapping},
		{"_test=1", "name=Olena&phone=0501112233&_test=1", submission.ReasonTest},
		{"_test=true", "name=Olena&phone=0501112233&_test=true", submission.ReasonTest},
		{"Google's test lead", "name=Olena&phone=0501112233&is_test=true", submission.ReasonTest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			if w := b.post("/forms/lamp", tt.body); w.Code != http.StatusSeeOther {
				t.Errorf("HTML: %d", w.Code)
			}
			if w := b.fetch("/forms/lamp", tt.body); w.Code != http.StatusAccepted || decoded(t, w.Body)["status"] != "received" {
				t.Errorf("JSON: %d", w.Code)
			}
			if s := b.store.last; s.State != submission.Held || s.Reason != tt.reason || s.Error == "" {
				t.Errorf("stored as %s %s %q", s.State, s.Reason, s.Error)
			}
		})
	}
}

func TestTestPostIsValidatedAsUsual(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if w := b.post("/forms/lamp", "name=Olena&email=no&_test=1"); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("status %d", w.Code)
	}
	if b.post("/forms/lamp", "name=Olena&phone=0501112233&_test=0"); b.store.last.State != submission.Queued {
		t.Errorf("_test=0 is %s", b.store.last.State)
	}
}

func TestRefusedFormIsToldAndStored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	body := "name=" + strings.Repeat("a", 21) + "&email=" + marker + "&count=12"
	w := b.fetch("/forms/lamp", body, "Accept-Language", "en")
	got := decoded(t, w.Body)
	delete(got, "request_id")
	want := map[string]any{
		"ok": false, "success": false, "id": b.store.last.ID,
		"errors": []any{
			map[string]any{"field": "name", "code": "RULE", "message": "This is too long. Maximum number of characters: 20."},
			map[string]any{"field": "email", "code": "TYPE_EMAIL", "message": "Please enter an email address such as name@example.com."},
			map[string]any{"field": "count", "code": "RULE", "message": "This must be 9 or less."},
		},
		"message": "Please check the form. Name: This is too long. Maximum number of characters: 20. " +
			"Пошта: Please enter an email address such as name@example.com. count: This must be 9 or less.",
	}
	want["error"] = want["message"]
	if diff := cmp.Diff(want, got); diff != "" || w.Code != http.StatusUnprocessableEntity {
		t.Errorf("%d (-want +got):\n%s", w.Code, diff)
	}
	if s := b.store.last; s.State != submission.Refused || len(s.Faults) != 3 || s.Entity != nil || len(s.Pairs) != 3 {
		t.Errorf("stored as %+v", s)
	}
}

func TestRefusedFormAsPage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.post("/forms/lamp", "name=&email=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&count=12", "Accept-Language", "uk")
	page := w.Body.String()
	if w.Code != http.StatusUnprocessableEntity || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	for _, want := range []string{
		`<html lang="uk">`, "Перевірте форму", ">Пошта</a>: Введіть адресу електронної пошти", `<label for="f3">count</label>`,
		`value="&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	if strings.Contains(page, "<script") {
		t.Errorf("the page is made to say what was typed:\n%s", page)
	}
}

func TestNoContactIsToldOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.post("/forms/lamp", "count=2", "Accept-Language", "en")
	page := w.Body.String()
	if w.Code != http.StatusUnprocessableEntity || strings.Count(page, "at least one of these") != 1 || !strings.Contains(page, `autocomplete="name" aria-invalid="true" aria-describedby="f2-error" autofocus`) {
		t.Errorf("%d\n%s", w.Code, page)
	}
	fields := map[any]bool{}
	for _, e := range decoded(t, b.fetch("/forms/lamp", "count=2").Body)["errors"].([]any) {
		if e := e.(map[string]any); e["code"] == "NO_CONTACT" {
			fields[e["field"]] = true
		}
	}
	if len(fields) != 3 || !fields["name"] || !fields["email"] || !fields["phone"] {
		t.Errorf("told at %v", fields)
	}
}

// A field that no profile labels has a name which only a program uses; what everybody has is called what everybody calls it.
func TestMissingContactIsToldInPeoplesWords(t *testing.T) {
	t.Parallel()
	const bare = "creates: order\nsource_id: 22\nmap: {buyer: {full_name: \"${name}\", phone: \"${phone}\"}}\n"
	b := setup(t, "bare", bare, "odd", strings.ReplaceAll(bare, "${phone}", "${client_tel}"),
		"own", bare+"answer: {lang: pl}\nform: {fields: {name: {label: {ru: Как вас зовут, pl: Jak się nazywasz}}, phone: {label: {ru: Номер}}}}\n")
	tests := []struct{ path, lang, label string }{
		{"/forms/bare", "uk", "Ім’я|Телефон"},
		{"/forms/bare", "pl", "Imię|Telefon"},
		{"/forms/own", "ru", "Как вас зовут|Номер"},
		{"/forms/own", "en", "Jak się nazywasz|Номер"}, // the profile's language, else any
		{"/forms/odd", "uk", "Ім’я|Телефон"},
	}
	for _, tt := range tests {
		page := b.post(tt.path, "other=1", "Accept-Language", tt.lang).Body.String()
		for label := range strings.SplitSeq(tt.label, "|") {
			if !strings.Contains(page, `">`+label+"</label>") {
				t.Errorf("%s in %s lacks %q:\n%s", tt.path, tt.lang, label, page)
			}
		}
	}
	reply := setup(t, "reply", "creates: order\nsource_id: 22\nmap: {buyer: {full_name: \"${name}\", email: \"${email}\"}}\n")
	if page := reply.post("/forms/reply", "name=Olena&_replyto=x", "Accept-Language", "en").Body.String(); !strings.Contains(page, `">Email</label>`) {
		t.Errorf("_replyto is shown as it is called:\n%s", page)
	}
	m := decoded(t, b.fetch("/forms/odd", "other=1", "Accept-Language", "en").Body)
	if want := "Please check the form. Name, Phone: Please leave at least one of these: name, phone or email."; m["message"] != want {
		t.Errorf("message %q, want %q", m["message"], want)
	}
}

func TestWhatSaysThatAPostIsATest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for field, test := range map[string]bool{
		"_test=1": true, "_test=on": true, "_test=yes": true, "_test=True": true, "_test=x": true,
		"_test=": false, "_test=%20": false, "_test=0": false, "_test=False": false, "_test=no": false, "_test=OFF": false,
		"_test=0&_test=on": true, "is_test=1": true, "is_test=TRUE": true, "is_test=on": false, "is_test=driving": false,
	} {
		b.post("/forms/lamp", "name=Olena&phone=0501112233&"+field)
		if s := b.store.last; (s.Reason == submission.ReasonTest) != test {
			t.Errorf("%s: %s %s", field, s.State, s.Reason)
		}
	}
}

// HTTP/1.0 needs no Host: an address made without one would be none.
func TestNextWithoutAHostIsAPath(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := httptest.NewRequest(http.MethodPost, "/forms/lamp", strings.NewReader("name=Olena&phone=0501112233"))
	r.Host = ""
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	w := httptest.NewRecorder()
	b.server.ServeHTTP(w, r)
	if next, _ := decoded(t, w.Body)["next"].(string); !strings.HasPrefix(next, "/forms/lamp/") {
		t.Errorf("next %q", next)
	}
}

func TestInvalidIsHeldWhereTheProfileSaysSo(t *testing.T) {
	t.Parallel()
	b := setup(t, "hold", lamp+"answer: {invalid: hold}\n")
	if w := b.post("/forms/hold", "name=Olena&email=no"); w.Code != http.StatusSeeOther {
		t.Errorf("status %d", w.Code)
	}
	if s := b.store.last; s.State != submission.Held || s.Reason != submission.ReasonInvalid || len(s.Faults) == 0 {
		t.Errorf("stored as %s %s", s.State, s.Reason)
	}
}

// Page builders follow no redirect, and some take only 200 for success; a browser is sent on as everywhere.
func TestBuildersAreAnswered200(t *testing.T) {
	t.Parallel()
	b := setup(t, "hold", lamp+"answer: {invalid: hold}\n")
	const form, lead = "application/x-www-form-urlencoded", "name=Olena&phone=0501112233"
	for _, tc := range []struct {
		path, media, accept, body string
		status                    int
	}{
		{"/forms/hold", form, "*/*", lead, http.StatusOK},
		{"/forms/hold", form, "", lead, http.StatusOK},
		{"/forms/hold", form, "application/json, text/plain, */*", lead, http.StatusOK},
		{"/forms/hold", form, "*/*", "email=no", http.StatusOK},
		{"/forms/hold", "application/json", "*/*", `{"name":"Olena"}`, http.StatusOK},
		{"/forms/hold", form, browserAccept, lead, http.StatusSeeOther},
		{"/forms/lamp", form, "*/*", lead, http.StatusSeeOther},
		{"/forms/lamp", "application/json", "*/*", `{"name":"Olena"}`, http.StatusAccepted},
	} {
		w := b.send(http.MethodPost, tc.path, tc.body, "Content-Type", tc.media, "Accept", tc.accept)
		if w.Code != tc.status {
			t.Errorf("%+v: %d", tc, w.Code)
		}
		if tc.status != http.StatusSeeOther && decoded(t, w.Body)["ok"] != true {
			t.Errorf("%+v: %s", tc, w.Body)
		}
	}
}

func TestDuplicateThatTheStoreHoldsIsSuccess(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.store.then = func(s *submission.Submission) { s.State, s.Reason = submission.Held, submission.ReasonDuplicate }
	if w := b.post("/forms/lamp", "name=Olena&phone=0501112233"); w.Code != http.StatusSeeOther {
		t.Errorf("status %d", w.Code)
	}
}

func TestProbeOfAPageBuilder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.post("/forms/lamp", "test=test")
	if w.Code != http.StatusOK || w.Body.String() != "ok" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%d %q %v", w.Code, w.Body, w.Header())
	}
	if n := b.store.stored(); n != 0 {
		t.Errorf("%d rows", n)
	}
	if w := b.post("/forms/lamp", "test=test&name=Olena&phone=0501112233"); w.Code != http.StatusSeeOther || b.store.stored() != 1 {
		t.Errorf("a form with a field of that name: %d", w.Code)
	}
}

func TestStoreDownIsNeverTheVisitorsFault(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.store.err = errors.New("disk full")
	for name, send := range map[string]func(string, string, ...string) int{
		"HTML": func(p, f string, h ...string) int {
			w := b.post(p, f, h...)
			return checkDown(t, w.Code, w.Header(), w.Body.String())
		},
		"JSON": func(p, f string, h ...string) int {
			w := b.fetch(p, f, h...)
			return checkDown(t, w.Code, w.Header(), w.Body.String())
		},
	} {
		if got := send("/forms/lamp", "name="+marker+"&phone=0501112233"); got != http.StatusServiceUnavailable {
			t.Errorf("%s: %d", name, got)
		}
		if got := send("/forms/lamp", "email="+marker); got != http.StatusServiceUnavailable { // also what would have been refused
			t.Errorf("%s, refused: %d", name, got)
		}
	}
	if log := b.log.String(); !strings.Contains(log, "disk full") || !strings.Contains(log, `"level":"error"`) {
		t.Errorf("the failure was not logged: %s", log)
	}
}

// checkDown looks at an answer while the store is down.
func checkDown(t *testing.T, status int, h http.Header, body string) int {
	t.Helper()
	if h.Get("Retry-After") != "10" || strings.Contains(body, "disk") {
		t.Errorf("Retry-After %q, body %s", h.Get("Retry-After"), body)
	}
	return status
}

func TestJSONBody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.send(http.MethodPost, "/forms/lamp", `{"name":"Olena","phone":"0501112233","a":{"b":[1.50]}}`, "Content-Type", "application/json")
	if w.Code != http.StatusAccepted {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if diff := cmp.Diff(form.Pair{Name: "a[b][0]", Value: "1.50"}, b.store.last.Pairs[2]); diff != "" {
		t.Error(diff)
	}
}

func TestVisitorWhoHangsUpTakesNothingBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/forms/lamp", strings.NewReader("name=Olena&phone=0501112233"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	b.server.ServeHTTP(httptest.NewRecorder(), r)
	if b.store.stored() != 1 {
		t.Error("a form that had come whole was not stored")
	}
}

func TestStoreThatHangsIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.store.hang = true
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		w := b.post("/forms/lamp", "name=Olena&phone=0501112233")
		if took := time.Since(start); w.Code != http.StatusServiceUnavailable || took != storeWithin {
			t.Errorf("%d after %s", w.Code, took)
		}
	})
}
