package profile

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"formrelay/internal/form"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// guarded is the guard of a profile whose key `guard` is text.
func guarded(t *testing.T, text string, o Options) Guard {
	t.Helper()
	p, faults := Parse("order", "order.yaml", []byte(least+"guard: {"+text+"}\n"), o)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return p.Guard
}

func TestGuard(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		text string
		want Guard
	}{
		{"", Guard{Honeypot: "_gotcha"}},
		{"honeypot: website", Guard{Honeypot: "website"}},
		{"rate: 30/1m", Guard{Honeypot: "_gotcha", Rate: 30, Flood: 600, Window: time.Minute}},
		{"rate: 30 / 1m, flood: 30/60s", Guard{Honeypot: "_gotcha", Rate: 30, Flood: 30, Window: time.Minute}},
		{"rate: 1/1s", Guard{Honeypot: "_gotcha", Rate: 1, Flood: 20, Window: time.Second}},
		{"rate: 100000/24h", Guard{Honeypot: "_gotcha", Rate: 100_000, Flood: 2_000_000, Window: 24 * time.Hour}},
		{"min_time: 100ms", Guard{Honeypot: "_gotcha", MinTime: 100 * time.Millisecond}},
		{"min_time: 1h", Guard{Honeypot: "_gotcha", MinTime: time.Hour}},
		{"captcha: shop, secret: google", Guard{Honeypot: "_gotcha", Captcha: "shop", Secret: "google"}},
		{"idempotency_key: lead_id", Guard{Honeypot: "_gotcha", IdempotencyKey: "lead_id"}},
		{"idempotency_key: payload.data.id", Guard{Honeypot: "_gotcha", IdempotencyKey: "payload[data][id]"}},
		{"idempotency_key: 'payload[id]'", Guard{Honeypot: "_gotcha", IdempotencyKey: "payload[id]"}},
		{"idempotency_key: 'payload[a.b]'", Guard{Honeypot: "_gotcha", IdempotencyKey: "payload[a.b]"}},
		{"block: {words: [], addresses: ~}", Guard{Honeypot: "_gotcha"}},
	} {
		got := guarded(t, tc.text, Options{})
		if diff := cmp.Diff(tc.want, got, cmpopts.IgnoreFields(Guard{}, "Block")); diff != "" || got.Block != nil {
			t.Errorf("%s: -want +got:\n%s", tc.text, diff)
		}
	}
}

// A name under secrets is checked by what it is for, as soon as the server's configuration is known.
func TestGuardSecrets(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		text string
		o    Options
		want string
	}{
		{"captcha: shop, secret: google", Options{Captchas: []string{"shop"}, Keys: []string{"google"}}, ""},
		{"captcha: google", Options{Captchas: []string{"shop"}, Keys: []string{"google"}}, `guard.captcha: the server knows no captcha "google"; write one of: shop; or name it under secrets in the file of --config, with its provider`},
		{"captcha: shp", Options{Captchas: []string{"shop"}}, `guard.captcha: the server knows no captcha "shp"; did you mean shop?`},
		{"secret: google", Options{Keys: []string{}}, `guard.secret: the server knows no key "google"; name it under secrets in the file of --config, with its field`},
	} {
		_, faults := Parse("order", "order.yaml", []byte(least+"guard: {"+tc.text+"}\n"), tc.o)
		if got := fmt.Sprint(faults); tc.want == "" && len(faults) > 0 || !strings.Contains(got, tc.want) {
			t.Errorf("%s: %s\nwant %s", tc.text, got, tc.want)
		}
	}
}

func TestBlockedWords(t *testing.T) {
	t.Parallel()
	b := guarded(t, `block: {words: [казино, "швидкі гроші", bit.ly, "м'ята", CRYPTO], addresses: [Spam@Shop.Example, "@bad.example"]}`, Options{}).Block
	for value, want := range map[string]string{
		"Найкраще КАЗИНО!":         "казино",
		"казиношний":               "",
		"в казино.":                "казино",
		"ка\u200bзи\u00adно":       "казино",
		"швидкі, ГРОШІ":            "швидкі гроші",
		"швидкі кредити і гроші":   "",
		"гроші швидкі":             "",
		"https://bit.ly/2Xy":       "bit.ly",
		"bit by ly":                "",
		"чай: М’ЯТА":               "м'ята",
		"мята":                     "",
		"ｃｒｙｐｔｏ":                   "CRYPTO",
		"cryptography":             "",
		" SPAM@shop.example ":      "spam@shop.example",
		"ham@shop.example":         "",
		"any@BAD.example":          "@bad.example",
		"any@mail.bad.example":     "@bad.example",
		"any@notbad.example":       "",
		"write any@bad.example":    "@bad.example",
		"":                         "",
		"Інна Казино\u0301":        "", // another word
		"йод":                      "",
		strings.Repeat("а ", 9999): "",
	} {
		if got := b.Pair(form.Pair{Name: "text", Value: value}); got != want {
			t.Errorf("%.40q: %q, want %q", value, got, want)
		}
	}
	if got := b.Pair(form.Pair{Name: "_page", Value: "https://shop.example/казино"}); got != "" {
		t.Errorf("the page's own address is blocked for %q", got)
	}
	if got := (*Blocklist)(nil).Pair(form.Pair{Name: "a", Value: "казино"}); got != "" {
		t.Errorf("no list blocks %q", got)
	}
}

func TestBlockedAddresses(t *testing.T) {
	t.Parallel()
	b := guarded(t, `block: {addresses: [203.0.113.7, 198.51.100.9/24, "2001:db8::/32"]}`, Options{}).Block
	for ip, want := range map[string]string{
		"203.0.113.7": "203.0.113.7/32", "203.0.113.8": "", "::ffff:203.0.113.7": "203.0.113.7/32",
		"198.51.100.255": "198.51.100.0/24", "2001:db8:1::5": "2001:db8::/32", "2001:db9::": "", "fe80::1%eth0": "",
	} {
		if got := b.Address(netip.MustParseAddr(ip)); got != want {
			t.Errorf("%s: %q, want %q", ip, got, want)
		}
	}
	if b.Address(netip.Addr{}) != "" || (*Blocklist)(nil).Address(netip.MustParseAddr("203.0.113.7")) != "" {
		t.Error("nobody's address is blocked")
	}
}

// The lists are bounded.
func TestBlockBounds(t *testing.T) {
	t.Parallel()
	many := func(n int) string { return "words: [" + strings.TrimSuffix(strings.Repeat("a,", n), ",") + "]" }
	guarded(t, "block: {"+many(maxBlocked)+"}", Options{})
	guarded(t, "block: {words: ["+strings.Repeat("a", maxWord)+"]}", Options{})
	for text, want := range map[string]string{
		many(maxBlocked + 1):                              "guard.block.words lists 1001, and 1000 is the most",
		"words: [" + strings.Repeat("a", maxWord+1) + "]": "guard.block.words cannot hold",
	} {
		_, faults := Parse("order", "order.yaml", []byte(least+"guard: {block: {"+text+"}}\n"), Options{})
		if !strings.Contains(fmt.Sprint(faults), want) {
			t.Errorf("%.40s: %v", text, faults)
		}
	}
}

// A blocked word that stands by itself is found whatever is around it, and no text is too odd to be looked through.
func FuzzBlockedWords(f *testing.F) {
	p, faults := Parse("order", "order.yaml", []byte(least+"guard: {block: {words: [казино, bit.ly], addresses: ['@bad.example']}}\n"), Options{})
	if len(faults) > 0 {
		f.Fatal(faults)
	}
	for _, seed := range []string{"", "казино", "bit.ly", "a@bad.example", "\xff\u200b'’", "ﬀ", "İ", "@"} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		got := p.Guard.Block.Pair(form.Pair{Name: "text", Value: before + " ; КАЗИНО ; " + after})
		if got == "" {
			t.Errorf("%q %q", before, after)
		}
	})
}
