package intake

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"formrelay/internal/submission"
)

// Which of two posts is known for the other, by its key or by its sender.
func TestSigns(t *testing.T) {
	t.Parallel()
	const shop, body = "Origin: https://shop.example", "name=Olena&phone=0501112233"
	type post struct{ path, body, head string }
	plain := post{"/forms/lamp", body, ""}
	keyed := post{"/forms/lamp", body, "Idempotency-Key: k-1"}
	tests := []struct {
		name          string
		a, b          post
		keyed, sender bool
	}{
		{name: "the same", a: plain, b: plain, sender: true},
		{name: "the same with a key", a: keyed, b: keyed, keyed: true, sender: true},
		{name: "one with a key", a: keyed, b: plain, sender: true},
		{name: "the key in a field", a: keyed, b: post{"/forms/lamp", body + "&_idempotency_key=+k-1+", ""}, keyed: true, sender: true},
		{name: "Tilda's key", a: keyed, b: post{"/forms/lamp", body + "&tranid=k-1", ""}, keyed: true, sender: true},
		{name: "the sender's own number again", a: post{"/forms/builder", body + "&payload[id]=7", ""}, b: post{"/forms/builder", body + "&payload[id]=7", "User-Agent: other"}, keyed: true},
		{name: "another number of the sender's", a: post{"/forms/builder", body + "&payload[id]=7", ""}, b: post{"/forms/builder", body + "&payload[id]=8", ""}},
		{name: "the header goes before the sender's number", a: post{"/forms/builder", body + "&payload[id]=7", "Idempotency-Key: k-1"}, b: post{"/forms/builder", body + "&payload[id]=7&_idempotency_key=k-1", "Idempotency-Key: k-2"}, sender: true},
		{name: "the sender's number goes before others", a: post{"/forms/builder", body + "&payload[id]=7&_idempotency_key=k-1", ""}, b: post{"/forms/builder", body + "&payload[id]=7&_idempotency_key=k-2&tranid=3", ""}, keyed: true, sender: true},
		{name: "a sender without its number", a: post{"/forms/builder", body + "&_idempotency_key=k-1", ""}, b: post{"/forms/builder", body + "&_idempotency_key=k-1", "User-Agent: other"}, keyed: true},
		{name: "the field goes before Tilda's", a: keyed, b: post{"/forms/lamp", body + "&TRANID=other&_idempotency_key=k-1", ""}, keyed: true, sender: true},
		{name: "the header goes before the field", a: keyed, b: post{"/forms/lamp", body + "&_idempotency_key=other", "Idempotency-Key: k-1"}, keyed: true, sender: true},
		{name: "a blank key is none", a: plain, b: post{"/forms/lamp", body + "&_idempotency_key=+", "Idempotency-Key:  "}, sender: true},
		{name: "another key", a: keyed, b: post{"/forms/lamp", body, "Idempotency-Key: k-2"}, sender: true},
		{name: "a long key", a: post{"/forms/lamp", body, "Idempotency-Key: " + strings.Repeat("k", 5000)}, b: post{"/forms/lamp", body + "&_idempotency_key=" + strings.Repeat("k", 5000), ""}, keyed: true, sender: true},
		{name: "a long key's end counts", a: post{"/forms/lamp", body, "Idempotency-Key: " + strings.Repeat("k", 5000)}, b: post{"/forms/lamp", body, "Idempotency-Key: " + strings.Repeat("k", 5000) + "2"}, sender: true},
		{name: "another form", a: keyed, b: post{"/forms/second", body, "Idempotency-Key: k-1"}},
		{name: "another browser", a: keyed, b: post{"/forms/lamp", body, "Idempotency-Key: k-1\nUser-Agent: other"}, keyed: true},
		{name: "other data", a: keyed, b: post{"/forms/lamp", body + "&x=1", "Idempotency-Key: k-1"}},
		{name: "another order of fields", a: keyed, b: post{"/forms/lamp", "phone=0501112233&name=Olena", "Idempotency-Key: k-1"}},
		{name: "a blank more", a: keyed, b: post{"/forms/lamp", body + "+", "Idempotency-Key: k-1"}},
		{name: "a border moved", a: post{"/forms/lamp", "name=ab&phone=0501112233", ""}, b: post{"/forms/lamp", "namea=b&phone=0501112233", ""}},
		{name: "what is no data", a: plain, b: post{"/forms/lamp", "_page=x&" + body + "&g-recaptcha-response=abc&cf-turnstile-response=d&_lang=en", ""}, sender: true},
		{name: "an email under the relay's name for it", a: post{"/forms/lamp", body + "&_replyto=a@shop.example", ""}, b: post{"/forms/lamp", body + "&_replyto=b@shop.example", ""}},
		{name: "a test", a: plain, b: post{"/forms/lamp", body + "&_test=1", ""}},
		{name: "two tests", a: post{"/forms/lamp", body + "&_test=1", ""}, b: post{"/forms/lamp", body + "&_test=on", ""}, sender: true},
		{name: "bytes that were lost", a: post{"/forms/utf", "name=a%ff&phone=0501112233", ""}, b: post{"/forms/utf", "name=a%fe&phone=0501112233", ""}},
		{name: "without a window", a: post{"/forms/off", body, ""}, b: post{"/forms/off", body, ""}},
		{name: "without a window, with a key", a: post{"/forms/off", body, "Idempotency-Key: k-1"}, b: post{"/forms/off", body, "Idempotency-Key: k-1"}, keyed: true},
		{name: "turned away and then not", a: post{"/forms/shop", body, shop}, b: post{"/forms/shop", body, "Origin: https://evil.example"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, "second", lamp, "off", lamp+"guard: {dedupe: 0s}\n", "builder", lamp+"guard: {idempotency_key: payload.id}\n",
				"utf", strings.Replace(lamp, "form:\n", "form:\n  charset: utf-8\n", 1), "shop", strings.Replace(lamp, "form:\n", "form:\n  origins: [https://shop.example]\n", 1))
			sent := func(p post) submission.Signs {
				var head []string
				for line := range strings.Lines(p.head) {
					name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
					head = append(head, name, value)
				}
				b.post(p.path, p.body, head...)
				return b.store.last.Signs
			}
			one, two := sent(tt.a), sent(tt.b)
			same := bytes.Equal(one.Data, two.Data)
			if got := same && one.Keyed != 0 && one.Keyed == two.Keyed; got != tt.keyed {
				t.Errorf("known by the key: %v", got)
			}
			if got := same && one.Sender != 0 && one.Sender == two.Sender; got != tt.sender {
				t.Errorf("known by the sender: %v", got)
			}
		})
	}
}

// A repeat is answered as the first was, in status and shape, whatever this post by itself would have been.
func TestRepeatIsAnsweredAsTheFirst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const first = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
	b.store.then = func(s *submission.Submission) { s.ID, s.State = first, submission.Delivered }
	for _, body := range []string{"name=Olena&phone=0501112233", "name=" + strings.Repeat("x", 21) + "&phone=0501112233"} {
		w := b.fetch("/forms/lamp", body)
		if got := decoded(t, w.Body); w.Code != http.StatusAccepted || got["id"] != first || got["status"] != "received" || got["ok"] != true {
			t.Errorf("%d %v", w.Code, got)
		}
		if w := b.post("/forms/lamp", body); w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "/forms/lamp/"+first) {
			t.Errorf("%d %v", w.Code, w.Header())
		}
	}
}

// The sums are of fixed length, whatever is posted, and nothing of it can be read in them.
func TestSignsHoldNoValue(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.post("/forms/lamp", url.Values{"name": {marker}, "phone": {"0501112233"}}.Encode(), "Idempotency-Key", marker)
	s := b.store.last.Signs
	if len(s.Data) != 32 || bytes.Contains(s.Data, []byte(marker[:8])) || s.Key == 0 || s.Keyed == s.Sender {
		t.Errorf("%+v", s)
	}
}
