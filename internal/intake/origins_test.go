package intake

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"formrelay/internal/submission"
)

// A post from a page of a site that is not listed is answered 403, and kept.
func TestStrangeSite(t *testing.T) {
	t.Parallel()
	for origin, ok := range map[string]bool{
		"":                             true, // no browser's page of another site
		"null":                         true,
		"https://shop.example":         true,
		"HTTPS://SHOP.example:443":     true,
		"https://de.shop.example":      true,
		"http://localhost:3000":        true,
		"http://example.com":           true, // the relay's own
		"https://example.com":          false,
		"http://example.com:8080":      false,
		"http://shop.example":          false,
		"https://shop.example:8443":    false,
		"https://evilshop.example":     false,
		"https://shop.example.evil":    false,
		"https://shop.example.":        false,
		"https://user@shop.example":    false,
		"https://evil.example":         false,
		"chrome-extension://shop":      false,
		"file://":                      false,
		"https://shop.example, null":   false,
		"https://shop.example\x00evil": false,
		marker:                         false,
	} {
		b := setup(t, "p", shops())
		var head []string
		if origin != "" {
			head = []string{"Origin", origin}
		}
		w := b.post("/forms/p", "name="+marker+"&phone=0501112233", head...)
		want, state, reason := http.StatusSeeOther, submission.Queued, submission.Reason("")
		if !ok {
			want, state, reason = http.StatusForbidden, submission.Held, submission.ReasonOrigin
		}
		s := b.store.last
		if w.Code != want || s.State != state || s.Reason != reason || len(s.Entity) == 0 {
			t.Errorf("%q: %d, stored as %s %s %q", origin, w.Code, s.State, s.Reason, s.Error)
		}
		if ok {
			continue
		}
		checkPage(t, w, "Форму не прийнято", "")
		m := decoded(t, b.fetch("/forms/p", "name="+marker, head...).Body)
		if code := m["errors"].([]any)[0].(map[string]any)["code"]; code != "ORIGIN_NOT_ALLOWED" || m["id"] != b.store.last.ID || m["detail"] == nil {
			t.Errorf("%q: %v", origin, m)
		}
		if counts := b.intake.turned.take(); len(counts) > 0 {
			t.Errorf("%q: what was kept is counted as turned away: %v", origin, counts)
		}
	}
}

// Without a list anybody may post, whatever the page.
func TestNoSiteIsStrangeWithoutAList(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, origin := range []string{"https://evil.example", "nonsense", "null"} {
		if w := b.post("/forms/lamp", fine, "Origin", origin); w.Code != http.StatusSeeOther {
			t.Errorf("%s: %d", origin, w.Code)
		}
	}
}

// The relay's own origin is what its visitors see: behind a proxy the forwarded one, but only when the proxy is one to be trusted.
func TestOwnOriginBehindAProxy(t *testing.T) {
	t.Parallel()
	forwarded := []string{"X-Forwarded-Proto", "https", "X-Forwarded-Host", "forms.shop.test", "Origin", "https://forms.shop.test"}
	b := setup(t, "p", shops())
	if w := b.post("/forms/p", fine, forwarded...); w.Code != http.StatusForbidden {
		t.Errorf("anybody can claim to be the relay's own page: %d", w.Code)
	}
	b.configure(Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	if w := b.post("/forms/p", fine, forwarded...); w.Code != http.StatusSeeOther {
		t.Errorf("behind a trusted proxy: %d", w.Code)
	}
	if w := b.post("/forms/p", fine, "X-Forwarded-Host", "forms.shop.test:443, evil.example", "X-Forwarded-Proto", "https", "Origin", "https://forms.shop.test"); w.Code != http.StatusForbidden {
		t.Errorf("the nearest proxy's word counts: %d", w.Code)
	}
}

// A strange post is held for its site first, whatever else is to be said of it; what could be corrected is kept beside it.
func TestStrangeSiteBeforeEverythingElse(t *testing.T) {
	t.Parallel()
	b := setup(t, "p", shops())
	for body, faults := range map[string]int{
		"name=Olena&email=no": 1, "name=Olena&_test=1": 0, "name=Olena&amount=5&status=nonsense": 1,
	} {
		w := b.post("/forms/p", body, "Origin", "https://evil.example")
		s := b.store.last
		if w.Code != http.StatusForbidden || s.State != submission.Held || s.Reason != submission.ReasonOrigin || len(s.Faults) != faults || len(s.Signs.Data) != 0 ||
			!strings.Contains(s.Error, "https://evil.example") {
			t.Errorf("%s: %d %s %s %q %v", body, w.Code, s.State, s.Reason, s.Error, s.Faults)
		}
	}
	// What cannot be read is told as that, and a builder's probe has no page.
	if w := b.post("/forms/p", "<a/>", "Origin", "https://evil.example", "Content-Type", "text/xml"); w.Code != http.StatusUnsupportedMediaType {
		t.Errorf("%d", w.Code)
	}
}

// A hundred an hour are kept of each profile; the others are counted, and not even read.
func TestStrangePostsAreBounded(t *testing.T) {
	t.Parallel()
	b := setup(t, "p", shops(), "q", shops())
	now := received()
	b.intake.Now = func() time.Time { return now }
	post := func(profile string) int {
		return b.post("/forms/"+profile, fine, "Origin", "https://evil.example").Code
	}
	for n := range maxStrange + 3 {
		if code := post("p"); code != http.StatusForbidden {
			t.Fatalf("%d: %d", n, code)
		}
		now = now.Add(time.Second)
	}
	if n := b.store.stored(); n != maxStrange {
		t.Errorf("%d are kept", n)
	}
	if n := b.intake.turned.take()["p"][http.StatusForbidden]; n != 3 {
		t.Errorf("%d are counted", n)
	}
	// A page, and a post without one, go on; so does another profile.
	if code := b.post("/forms/p", fine, "Origin", home).Code; code != http.StatusSeeOther {
		t.Errorf("the shop's own page: %d", code)
	}
	post("q")
	if n := b.store.stored(); n != maxStrange+2 {
		t.Errorf("%d are kept", n)
	}
	// The first one's hour is over: its place is free, and only its.
	now = received().Add(strangeWithin)
	post("p")
	post("p")
	if n := b.store.stored(); n != maxStrange+3 {
		t.Errorf("%d are kept", n)
	}
}

// Two posts at once never take the same last place.
func TestStrangersAreSafe(t *testing.T) {
	t.Parallel()
	var s strangers
	taken := make(chan bool)
	for range 300 {
		go func() { taken <- s.take("p", received()) }()
	}
	n := 0
	for range 300 {
		if <-taken {
			n++
		}
	}
	if n != maxStrange || !s.full("p", received()) || s.full("q", received()) {
		t.Errorf("%d were taken", n)
	}
	if !s.take("p", received().Add(-time.Minute)) {
		t.Error("after a clock was set back none is taken")
	}
}

// The detail names no site: it is told to whoever asks.
func TestStrangeSiteIsToldToDevelopersOnly(t *testing.T) {
	t.Parallel()
	b := setup(t, "p", shops())
	page := b.post("/forms/p", fine, "Origin", "https://"+marker+".example").Body.String()
	if strings.Contains(page, "form.origins") || strings.Contains(strings.ToLower(page), strings.ToLower(marker)) || strings.Contains(page, home) {
		t.Error(page)
	}
}
