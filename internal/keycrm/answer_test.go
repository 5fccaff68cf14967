package keycrm

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// now is an hour after the date that the Retry-After tests give as an answer's own.
var now = time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	tests := []struct {
		header, date string
		want         time.Duration
	}{
		{"30", "", 30 * time.Second},
		{" 7 ", "", 7 * time.Second},
		{"0", "", 0},
		{"", "", 0},
		{"-5", "", 0},
		{"+5", "", 0},
		{"1.5", "", 0},
		{"soon", "", 0},
		{"NaN", "", 0},
		{"86401", "", 24*time.Hour + time.Second},
		{"604800", "", 7 * 24 * time.Hour},
		{"604801", "", MaxRetryAfter},
		{strings.Repeat("9", 4000), "", MaxRetryAfter},
		{"Wed, 04 Mar 2026 10:01:30 GMT", "", 90 * time.Second},
		{"Wed, 04 Mar 2026 09:59:00 GMT", "", 0},
		{"Wed, 04 Mar 2026 09:01:30 GMT", "Wed, 04 Mar 2026 09:00:00 GMT", 90 * time.Second},
		{"Wed, 04 Mar 2026 10:01:30 GMT", "yesterday", 90 * time.Second},
		{"Fri, 06 Mar 2026 10:00:00 GMT", "", 48 * time.Hour},
		{"Fri, 31 Dec 9999 23:59:59 GMT", "", MaxRetryAfter},
	}
	for _, tt := range tests {
		if got := retryAfter(tt.header, tt.date, now); got != tt.want {
			t.Errorf("Retry-After %.40q, Date %q: %v, want %v", tt.header, tt.date, got, tt.want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"30", "-1", "Wed, 04 Mar 2026 10:01:30 GMT", "99999999999999999999", "1e9"} {
		f.Add(s, "")
		f.Add("5", s)
	}
	f.Fuzz(func(t *testing.T, header, date string) {
		if got := retryAfter(header, date, now); got < 0 || got > MaxRetryAfter {
			t.Errorf("%q, %q: %v is out of bounds", header, date, got)
		}
	})
}

func TestReadCreated(t *testing.T) {
	t.Parallel()
	const refused = `{"message":"The email is wrong.","errors":{"buyer.email":["must be <b>valid</b>"],"products.0.price":"must be a\nnumber"}}`
	tests := []struct {
		name     string
		status   int
		body     string
		outcome  Outcome
		id       int64
		messages []Message
	}{
		{"an order", 201, `{"id":4711,"source_uuid":"x"}`, Done, 4711, nil},
		{"wrapped in data", 201, `{"data":{"id":9}}`, Done, 9, nil},
		{"an id in quotes", 201, `{"id":"12"}`, Done, 12, nil},
		{"id 0", 201, `{"id":0}`, Uncertain, 0, nil},
		{"a negative id", 201, `{"id":-3}`, Uncertain, 0, nil},
		{"a fraction", 201, `{"id":1.5}`, Uncertain, 0, nil},
		{"an id beyond all", 201, `{"id":99999999999999999999}`, Uncertain, 0, nil},
		{"no id", 201, `{"status":true}`, Uncertain, 0, nil},
		{"nothing", 201, ``, Uncertain, 0, nil},
		{"a list", 201, `[{"id":1}]`, Uncertain, 0, nil},
		{"two documents", 201, `{"id":1}{"id":2}`, Uncertain, 0, nil},
		{"a page", 201, `<html>1</html>`, Uncertain, 0, nil},
		{"200 with an id", 200, `{"id":1}`, Uncertain, 0, nil},
		{"202", 202, `{"id":1}`, Uncertain, 0, nil},
		{"204", 204, ``, Uncertain, 0, nil},
		{"a redirect", 302, ``, Uncertain, 0, nil},
		{"304", 304, ``, Uncertain, 0, nil},
		{"101", 101, ``, Uncertain, 0, nil},
		{"408", 408, `{"message":"x"}`, Uncertain, 0, nil},
		{"429", 429, `{"message":"Too Many Attempts."}`, Limited, 0, nil},
		{"401", 401, `{"message":"Unauthenticated."}`, Unauthorised, 0, nil},
		{"400", 400, `{"message":"Leads are not enabled"}`, Rejected, 0, []Message{{Text: "Leads are not enabled"}}},
		{"403", 403, `{"message":"no"}`, Rejected, 0, []Message{{Text: "no"}}},
		{"403 as HTML", 403, `<h1>Forbidden</h1>`, Rejected, 0, nil},
		{"404 of KeyCRM", 404, `{"message":"no such order"}`, Rejected, 0, []Message{{Text: "no such order"}}},
		{"404 of another server", 404, `<h1>Not Found</h1>`, WrongAddress, 0, nil},
		{"404 as other JSON", 404, `{"error":"Not Found"}`, WrongAddress, 0, nil},
		{"405 of another server", 405, ``, WrongAddress, 0, nil},
		{"405 of KeyCRM's router", 405, `{"message":"The POST method is not supported for route v1/order. Supported methods: GET, HEAD."}`, WrongAddress, 0, nil},
		{"405 in another version's words", 405, `{"message":"The POST method is not supported"}`, WrongAddress, 0, nil},
		{"404 of KeyCRM's router", 404, `{"message":"The route v1/order could not be found."}`, WrongAddress, 0, nil},
		{"404 of an older router", 404, `{"message":"","exception":"NotFoundHttpException"}`, WrongAddress, 0, nil},
		{"404 of a gateway", 404, `{"message":"no Route matched with those values"}`, WrongAddress, 0, nil},
		{"404 of a record", 404, `{"message":"No query results for model [App\\Models\\Buyer] 5"}`, Rejected, 0, []Message{{Text: `No query results for model [App\Models\Buyer] 5`}}},
		{"422", 422, refused, Rejected, 0, []Message{{"buyer.email", "must be ‹b›valid‹/b›"}, {"products.0.price", "must be a number"}}},
		{"422 with nothing to read", 422, `<p>no</p>`, Rejected, 0, nil},
		{"422 with errors of another shape", 422, `{"message":"no","errors":[1,2]}`, Rejected, 0, []Message{{Text: "no"}}},
		{"422 naming source_uuid by key", 422, `{"message":"taken","errors":{"source_uuid":["taken"]}}`, Duplicate, 0, []Message{{"source_uuid", "taken"}}},
		{"422 naming it in words", 422, `{"message":"The source uuid has already been taken."}`, Duplicate, 0, []Message{{Text: "The source uuid has already been taken."}}},
		{"500", 500, `<h1>Oops</h1>`, Uncertain, 0, nil},
		{"502", 502, ``, Uncertain, 0, nil},
		{"599", 599, ``, Uncertain, 0, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := readCreated(reply{status: tt.status, body: []byte(tt.body), whole: true}, KindOrder)
			if got.Text == "" || strings.ContainsAny(got.Text, "<>\n") {
				t.Errorf("Text is %q", got.Text)
			}
			want := Answer{Outcome: tt.outcome, ID: tt.id, Status: tt.status, Messages: tt.messages, Text: got.Text}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestCutAnswers: what a status alone proves stands, everything that needs the body does not.
func TestCutAnswers(t *testing.T) {
	t.Parallel()
	want := map[int]Outcome{
		201: Uncertain, 400: Uncertain, 401: Unauthorised, 403: Uncertain, 404: Uncertain, 405: Uncertain, 422: Uncertain, 429: Limited, 500: Uncertain,
	}
	for status, outcome := range want {
		if got := readCreated(reply{status: status, body: []byte(`{"id":1,"message":"x"}`)}, KindCard); got.Outcome != outcome || got.ID != 0 {
			t.Errorf("%d: %+v, want %s", status, got, outcome)
		}
	}
}

func TestRetryAfterIsKept(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]time.Duration{429: time.Minute, 503: time.Minute, 422: 0, 401: 0} {
		if got := readRefusal(reply{status: status, retryAfter: time.Minute, whole: true}); got.RetryAfter != want {
			t.Errorf("%d: RetryAfter %v, want %v", status, got.RetryAfter, want)
		}
	}
}

func TestMessagesAreBounded(t *testing.T) {
	t.Parallel()
	body := `{"message":"m","errors":{"a":[` + strings.Repeat(`"`+strings.Repeat("ж", 2000)+`",`, 99) + `"end"]}}`
	got := readCreated(reply{status: http.StatusUnprocessableEntity, body: []byte(body), whole: true}, KindOrder)
	if len(got.Messages) != maxMessages {
		t.Fatalf("%d messages, want %d", len(got.Messages), maxMessages)
	}
	for _, m := range got.Messages {
		if n := len([]rune(m.Text)); n > maxMessageText {
			t.Fatalf("a message of %d characters", n)
		}
	}
}

// FuzzReadCreated: no bytes make it panic, a Done always has an id and a 201, and no text of ours carries theirs.
func FuzzReadCreated(f *testing.F) {
	for _, s := range []string{`{"id":1}`, `{"data":{"id":2}}`, `{"message":"x","errors":{"a.0":["b"]}}`, `[`, `{"id":1e3}`, `<html>`, `{"data":[{"id":1}]}`} {
		for _, status := range []int{200, 201, 401, 404, 422, 429, 500} {
			f.Add(status, []byte(s), true)
		}
	}
	f.Fuzz(func(t *testing.T, status int, body []byte, whole bool) {
		r := reply{status: status, body: body, whole: whole}
		a := readCreated(r, KindOrder)
		if (a.Outcome == Done) != (a.ID > 0) || a.Outcome == Done && (status != 201 || !whole) {
			t.Errorf("%d %q: %+v", status, body, a)
		}
		if a.Text == "" || a.Outcome == "" {
			t.Errorf("%d %q: nothing said", status, body)
		}
		for _, m := range a.Messages {
			if strings.ContainsAny(m.Text+m.Path, "<>\n") {
				t.Errorf("%d %q: message %+v", status, body, m)
			}
		}
		if status == http.StatusOK {
			r.list = bytes.NewReader(body)
		}
		taken := 0
		l, a := readRows(r, func(json.RawMessage) bool { taken++; return true })
		if a.Outcome != Done && (l.rows != 0 || l.more) || a.Outcome == Done && (l.rows != taken || !json.Valid(body)) {
			t.Errorf("%d %q: %+v of %d rows: %+v", status, body, l, taken, a)
		}
	})
}
