package intake

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"formrelay/internal/form"
	"formrelay/internal/profile"
	"formrelay/internal/submission"
)

// person is a post that nothing speaks against.
const person = "name=Olena&phone=0501112233"

// guarded is the profile lamp with a guard.
func guarded(guard string) string { return lamp + "guard: {" + guard + "}\n" }

// reasons are those for which the last submission is held, in order; nil when it is not held.
func (b *bench) reasons() (all []submission.Reason) {
	b.t.Helper()
	s := b.store.last
	if s.State != submission.Held {
		return nil
	}
	for _, signal := range s.Signals {
		all = append(all, signal.Reason)
	}
	if len(all) == 0 {
		return []submission.Reason{s.Reason}
	}
	if all[0] != s.Reason || !strings.Contains(s.Error, s.Signals[0].Text) {
		b.t.Errorf("held for %s (%s), and the first signal is %+v", s.Reason, s.Error, s.Signals[0])
	}
	return all
}

// success makes sure that an answer is the one that a customer gets, whatever became of the post.
func (b *bench) success(body string, headers ...string) {
	b.t.Helper()
	w := b.fetch("/forms/g", body, headers...)
	m := decoded(b.t, w.Body)
	if w.Code != http.StatusAccepted || m["status"] != "received" || m["ok"] != true || len(m) != 7 {
		b.t.Errorf("%d %v", w.Code, m)
	}
	p := b.post("/forms/g", body, headers...)
	if p.Code != http.StatusSeeOther || !strings.HasPrefix(p.Header().Get("Location"), "/forms/g/"+b.store.last.ID) {
		b.t.Errorf("%d %q", p.Code, p.Header().Get("Location"))
	}
}

// Whatever the guard finds, and whatever else is wrong with the post, the sender reads success; ops read everything.
func TestGuardHoldsInSilence(t *testing.T) {
	t.Parallel()
	key := func() (string, error) { return "k3y", nil }
	secrets := map[string]Secret{
		"google": {Field: "google_key", Value: key},
		"tilda":  {Header: "X-Form-Key", Value: key},
		"lost":   {Field: "key", Value: func() (string, error) { return "", errors.New("there is no file") }},
		"shop":   {Field: "cf-turnstile-response"},
	}
	const spam, sec, cap, block = submission.ReasonSpam, submission.ReasonSecret, submission.ReasonCaptcha, submission.ReasonBlock
	for _, tc := range []struct {
		name, guard, body string
		headers           []string
		want              []submission.Reason
	}{
		{"nothing", "", "", nil, nil},
		{"trap", "", "&_gotcha=x", nil, []submission.Reason{spam}},
		{"trap blank", "", "&_gotcha=+%C2%A0+", nil, nil},
		{"trap that is a box without a tick", "honeypot: botcheck", "&botcheck=false", nil, nil},
		{"trap that is a box with one", "honeypot: botcheck", "&botcheck=true", nil, []submission.Reason{spam}},
		{"trap renamed", "honeypot: website", "&website=http://x", nil, []submission.Reason{spam}},
		{"trap renamed, the other name", "honeypot: website", "&_gotcha=x", nil, nil},
		{"trap and a fault of the form", "", "&_gotcha=x&email=nonsense", nil, []submission.Reason{spam, submission.ReasonInvalid}},
		{"trap and a fault of the mapping", "", "&_gotcha=x&amount=1&status=nonsense", nil, []submission.Reason{spam, submission.ReasonMapping}},
		{"trap and a test", "", "&_gotcha=x&_test=1", nil, []submission.Reason{spam, submission.ReasonTest}},
		{"a test whose mapping fails", "", "&_test=1&amount=1&status=nonsense", nil, []submission.Reason{submission.ReasonMapping, submission.ReasonTest}},
		{"key", "secret: google", "&google_key=k3y", nil, nil},
		{"key wrong", "secret: google", "&google_key=k3y2", nil, []submission.Reason{sec}},
		{"key missing", "secret: google", "", nil, []submission.Reason{sec}},
		{"key in a header", "secret: tilda", "", []string{"X-Form-Key", "k3y"}, nil},
		{"key in a header wrong", "secret: tilda", "&X-Form-Key=k3y", []string{"X-Form-Key", "K3Y"}, []submission.Reason{sec}},
		{"key that cannot be read", "secret: lost", "&key=", nil, []submission.Reason{sec}},
		{"key that nobody knows", "secret: other", "", nil, []submission.Reason{sec}},
		{"captcha", "captcha: shop", "&cf-turnstile-response=0.XXXX.DUMMY", nil, nil},
		{"captcha missing", "captcha: shop", "&g-recaptcha-response=XXXX", nil, []submission.Reason{cap}},
		{"captcha that is none", "captcha: shop", "&cf-turnstile-response=a+b", nil, []submission.Reason{cap}},
		{"captcha long", "captcha: shop", "&cf-turnstile-response=" + strings.Repeat("a", maxAnswer), nil, nil},
		{"captcha too long", "captcha: shop", "&cf-turnstile-response=" + strings.Repeat("a", maxAnswer+1), nil, []submission.Reason{cap}},
		{"word", "block: {words: [казино]}", "&text=Найкраще+КАЗИНО!", nil, []submission.Reason{block}},
		{"word inside another", "block: {words: [казино]}", "&text=казиношник", nil, nil},
		{"address", "block: {addresses: [192.0.2.0/24]}", "", nil, []submission.Reason{block}},
		{"email", "block: {addresses: ['@bad.example']}", "&email=a@bad.example", nil, []submission.Reason{block}},
		{"all", "captcha: shop, secret: google, block: {words: [казино]}", "&_gotcha=x&text=казино&email=-", nil, []submission.Reason{spam, sec, cap, block, submission.ReasonInvalid}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, "g", guarded(tc.guard))
			b.configure(Config{Secrets: secrets})
			b.success(person+tc.body, tc.headers...)
			if diff := cmp.Diff(tc.want, b.reasons()); diff != "" {
				t.Errorf("%s\n%+v", diff, b.store.last)
			}
			if s := b.store.last; s.State == submission.Queued && s.Captcha.Pending() != strings.HasPrefix(tc.guard, "captcha") || s.State != submission.Queued && s.Captcha.Pending() {
				t.Errorf("%s with %+v to verify", s.State, s.Captcha)
			}
		})
	}
}

// What opens doors is not stored: neither a key nor an answer, in no form of the body, nor sent on.
func TestSecretsAreNotStored(t *testing.T) {
	t.Parallel()
	b := setup(t, "g", guarded("secret: google")+"rest: manager_comment\n")
	b.configure(Config{Secrets: map[string]Secret{"google": {Field: "google_key", Value: func() (string, error) { return "k3y/+", nil }}}})
	const body = person + "&google_key=k3y%2F%2B&cf-turnstile-response=ANSWER1&h-captcha-response=ANSWER2&g-recaptcha-response=ANSWER3&note=%FF%FE%98&last=1"
	b.success(body)
	s := b.store.last
	if s.State != submission.Queued || len(s.Raw) == 0 {
		t.Fatalf("%s %q", s.State, s.Raw)
	}
	all := fmt.Sprintf("%q %s %s", s.Pairs, s.Raw, s.Entity)
	for _, secret := range []string{"k3y", "ANSWER", "google_key="} {
		if strings.Contains(strings.ReplaceAll(all, "google_key=*", ""), secret) {
			t.Errorf("%s is in %s", secret, all)
		}
	}
	want := []form.Pair{{Name: "name", Value: "Olena"}, {Name: "phone", Value: "0501112233"}, {Name: "note", Value: s.Pairs[2].Value}, {Name: "last", Value: "1"}}
	if diff := cmp.Diff(want, s.Pairs); diff != "" {
		t.Error(diff)
	}
}

// A key that cannot be read is said once, and not the key.
func TestUnreadableKeyIsSaidOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, "g", guarded("secret: google"))
	b.configure(Config{Secrets: map[string]Secret{"google": {Field: "google_key", Value: func() (string, error) { return "", errors.New("no such file") }}}})
	b.success(person + "&google_key=" + marker)
	if n := strings.Count(b.log.String(), "no such file"); n != 1 {
		t.Errorf("it was said %d times", n)
	}
}

// Every reason is counted, once a submission.
func TestHeldIsCounted(t *testing.T) {
	t.Parallel()
	b := setup(t, "g", guarded("block: {words: [казино]}"))
	var counted []string
	b.configure(Config{OnHeld: func(profile string, reason submission.Reason) { counted = append(counted, profile+" "+string(reason)) }})
	b.post("/forms/g", person+"&_gotcha=x&text=казино")
	b.post("/forms/g", person+"&_test=1")
	b.post("/forms/g", person)
	b.post("/forms/g", "email=nonsense")
	if diff := cmp.Diff([]string{"g spam", "g block", "g test"}, counted); diff != "" {
		t.Error(diff)
	}
}

// A page of a strange site that also fills the trap is told what it would be told otherwise, and ops both.
func TestStrangeAndTrapped(t *testing.T) {
	t.Parallel()
	b := setup(t, "g", strings.Replace(guarded("captcha: shop"), "form:\n", "form:\n  origins: [https://shop.example]\n", 1))
	b.configure(Config{Secrets: map[string]Secret{"shop": {Field: "cf-turnstile-response"}}})
	w := b.post("/forms/g", person+"&_gotcha=x&cf-turnstile-response=XXX", "Origin", "https://evil.example")
	if diff := cmp.Diff([]submission.Reason{submission.ReasonOrigin, submission.ReasonSpam}, b.reasons()); diff != "" || w.Code != http.StatusForbidden {
		t.Error(w.Code, diff)
	}
	b.post("/forms/g", person+"&cf-turnstile-response=XXX", "Origin", "https://evil.example")
	if s := b.store.last; s.State != submission.Held || s.Captcha.Pending() {
		t.Errorf("%s with %+v to verify", s.State, s.Captcha)
	}
}

// tokens is a bench whose clock a test moves.
func tokens(t *testing.T) (b *bench, advance func(time.Duration)) {
	t.Helper()
	b = setup(t, "g", guarded("min_time: 3s"), "off", lamp+"enabled: false\n")
	now := received()
	b.intake.Now = func() time.Time { return now }
	return b, func(d time.Duration) { now = now.Add(d) }
}

// token fetches a time token as a script on another site's page does.
func (b *bench) token(profile string) string {
	b.t.Helper()
	w := b.send(http.MethodGet, "/forms/"+profile+"/token", "", "Origin", "https://shop.example", "Accept", "*/*", "Sec-Fetch-Dest", "empty")
	m := decoded(b.t, w.Body)
	token, ok := m["token"].(string)
	if w.Code != http.StatusOK || !ok || m["field"] != "_token" || w.Header().Get("Cache-Control") != "no-store" || len(m) != 2 {
		b.t.Errorf("%d %v %v", w.Code, m, w.Header())
	}
	return token
}

func TestMinTime(t *testing.T) {
	t.Parallel()
	const second = time.Second
	for _, tc := range []struct {
		name   string
		after  time.Duration
		change func(string) string
		held   string // in the reason's sentence; "": it is not held
	}{
		{name: "at once", held: "posted 0s after the form was opened, and guard.min_time is 3s"},
		{name: "too soon", after: 3*second - time.Millisecond, held: "posted 2.999s after"},
		{name: "in time", after: 3 * second},
		{name: "next day", after: 26 * time.Hour},
		{name: "a week later", after: tokenLasts},
		{name: "expired", after: tokenLasts + time.Millisecond, held: "older than a week"},
		{name: "clocks that differ", after: -tokenAhead, held: "posted 0s after"},
		{name: "from the future", after: -tokenAhead - time.Millisecond, held: "not one that the relay made"},
		{name: "none", change: func(string) string { return "" }},
		{name: "blank", change: func(string) string { return "+" }},
		{name: "another's field", after: 9 * second, change: func(string) string { return "fhKDWUtRXYmHLxcuDtFNNzdb0ZWKcJQ0dSCpYhGl" }}, // Laravel's
		{name: "forged", after: 9 * second, change: func(s string) string { return s[:12] + strings.Repeat("A", 20) }, held: "not one that the relay made"},
		{name: "cut", after: 9 * second, change: func(s string) string { return s[:len(s)-1] }},
		{name: "longer", after: 9 * second, change: func(s string) string { return s + "AAAA" }},
		{name: "nonsense", after: 9 * second, change: func(string) string { return "%00" }},
		{name: "its end changed", after: 9 * second, change: func(s string) string {
			end := "A"
			if strings.HasSuffix(s, end) {
				end = "Q"
			}
			return s[:len(s)-1] + end
		}, held: "not one that the relay made"},
		{name: "its time changed", after: 9 * second, change: func(s string) string { return "B" + s[1:] }, held: "not one that the relay made"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b, advance := tokens(t)
			token := b.token("g")
			advance(tc.after)
			if tc.change != nil {
				token = tc.change(token)
			}
			b.success(person + "&_token=" + token)
			if tc.held == "" {
				if got := b.reasons(); got != nil {
					t.Errorf("held for %v: %s", got, b.store.last.Error)
				}
				return
			}
			if diff := cmp.Diff([]submission.Reason{submission.ReasonTime}, b.reasons()); diff != "" || !strings.Contains(b.store.last.Error, tc.held) {
				t.Errorf("%s %s", diff, b.store.last.Error)
			}
		})
	}
}

// A token is one form's and one relay's: those of another form, and of a relay with another key, are forged. Replicas share the key.
func TestTokenIsTheForms(t *testing.T) {
	t.Parallel()
	b, advance := tokens(t)
	other := b.token("lamp")
	own := b.token("g")
	advance(time.Minute)
	now := b.intake.Now
	b.success(person + "&_token=" + other)
	if diff := cmp.Diff([]submission.Reason{submission.ReasonTime}, b.reasons()); diff != "" {
		t.Error(diff)
	}
	key := b.intake.Key
	b.configure(Config{Key: key})
	b.intake.Now = now
	if b.success(person + "&_token=" + own); b.reasons() != nil {
		t.Error("another replica does not know the token")
	}
	b.configure(Config{})
	b.intake.Now = now
	if b.success(person + "&_token=" + own); b.reasons() == nil {
		t.Error("a key that nobody shares is shared")
	}
}

// The token's address is a form's: it says what is wrong with the form, and what may be asked of it.
func TestTokenAddress(t *testing.T) {
	t.Parallel()
	b, _ := tokens(t)
	for path, want := range map[string]int{"/forms/none/token": 404, "/forms/off/token": 410, "/forms/broken/token": 503} {
		if w := b.send(http.MethodGet, path, "", "Accept", "application/json"); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
	if w := b.send(http.MethodHead, "/forms/g/token", ""); w.Code != http.StatusOK {
		t.Error(w.Code)
	}
	if w := b.send(http.MethodOptions, "/forms/g/token", ""); w.Code != http.StatusNoContent || w.Header().Get("Allow") != "GET, HEAD, OPTIONS" {
		t.Error(w.Code, w.Header())
	}
	if w := b.send(http.MethodPost, "/forms/g/token", person); w.Code != http.StatusMethodNotAllowed {
		t.Error(w.Code)
	}
}

func FuzzTimeSince(f *testing.F) {
	key := []byte("key")
	now := received()
	f.Add(signTime(key, "g", now), "g")
	f.Add("", "g")
	f.Add("AAAA", "")
	f.Fuzz(func(t *testing.T, token, name string) {
		age, err := timeSince(key, name, token, now)
		if err != nil {
			return
		}
		if again := signTime(key, name, now.Add(-age)); age > 0 && again != token {
			t.Errorf("%q is taken for %q", token, again)
		}
	})
}

// proxies are those of most tests of the rate: the peer of every request is one.
func proxies() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} }

// Over the rate posts are held, over the flood they are turned away with the time to wait, and each address is counted for itself.
func TestRate(t *testing.T) {
	t.Parallel()
	b := setup(t, "g", guarded("rate: 3/1m, flood: 5/1m"))
	b.configure(Config{TrustedProxies: proxies()})
	now := received()
	b.intake.Now = func() time.Time { return now }
	post := func(ip string) int { return b.post("/forms/g", person, "X-Forwarded-For", ip).Code }
	for n := range 3 {
		if code := post("198.51.100.7"); code != 303 || b.reasons() != nil {
			t.Errorf("post %d: %d %v", n+1, code, b.reasons())
		}
	}
	for n := range 2 {
		if code := post("198.51.100.7"); code != 303 || !cmp.Equal(b.reasons(), []submission.Reason{submission.ReasonRate}) {
			t.Errorf("post %d: %d %v", n+4, code, b.reasons())
		}
	}
	stored := b.store.stored()
	now = now.Add(20 * time.Second)
	w := b.fetch("/forms/g", person, "X-Forwarded-For", "198.51.100.7")
	m := decoded(t, w.Body)
	if w.Code != 429 || w.Header().Get("Retry-After") != "61" || b.store.stored() != stored || m["errors"].([]any)[0].(map[string]any)["code"] != "TOO_MANY_REQUESTS" {
		t.Errorf("%d %v %v", w.Code, w.Header(), m)
	}
	if code := post("198.51.100.8"); code != 303 || b.reasons() != nil {
		t.Errorf("another address: %d %v", code, b.reasons())
	}
	if w := b.post("/forms/lamp", person, "X-Forwarded-For", "198.51.100.7"); w.Code != 303 || b.reasons() != nil {
		t.Errorf("another form: %d", w.Code)
	}
	// In the next window what is behind counts by the share of it that is not over yet: 6·(1-½)+1 = 4.
	now = received().Add(90 * time.Second)
	if code := post("198.51.100.7"); code != 303 || b.reasons() == nil {
		t.Errorf("half a window later: %d %v", code, b.reasons())
	}
	now = now.Add(2 * time.Minute)
	if code := post("198.51.100.7"); code != 303 || b.reasons() != nil {
		t.Errorf("two windows later: %d %v", code, b.reasons())
	}
	if log := b.log.String(); strings.Contains(log, "198.51.100") {
		t.Errorf("the log holds a visitor's address: %s", log)
	}
}

// Whoever waits as long as Retry-After says is not turned away again.
func TestRetryAfterIsEnough(t *testing.T) {
	t.Parallel()
	g := profile.Guard{Rate: 2, Flood: 4, Window: time.Minute}
	ip := netip.MustParseAddr("198.51.100.7")
	for _, first := range []int{5, 7, 40} {
		for passed := time.Duration(0); passed < 2*time.Minute; passed += 7 * time.Second {
			var r rates
			now := received()
			for range first {
				r.take("g", ip, g, now)
			}
			now = now.Add(passed)
			_, wait := r.take("g", ip, g, now)
			if wait == 0 {
				continue
			}
			if _, again := r.take("g", ip, g, now.Add(wait)); again != 0 {
				t.Errorf("%d posts, another after %s: told to wait %s, and then %s", first, passed, wait, again)
			}
			if wait > 2*time.Minute {
				t.Errorf("a wait of %s", wait)
			}
		}
	}
}

// An IPv6 address is one of many that its owner has; a mapped one is the IPv4 address that it is.
func TestCounted(t *testing.T) {
	t.Parallel()
	for ip, want := range map[string]string{
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::", "2001:db8:1:2::": "2001:db8:1:2::", "2001:db8:1:3::1": "2001:db8:1:3::",
		"198.51.100.7": "198.51.100.7", "::ffff:198.51.100.7": "198.51.100.7", "fe80::1%eth0": "fe80::",
	} {
		if got := counted(netip.MustParseAddr(ip)); got.String() != want {
			t.Errorf("%s: %s, want %s", ip, got, want)
		}
	}
}

// A peer that may be a proxy nobody has named is never counted, and ops are told once what to do.
func TestLocalPeersAreNotCounted(t *testing.T) {
	t.Parallel()
	for peer, local := range map[string]bool{
		"127.0.0.1:9": true, "10.1.2.3:9": true, "172.16.0.1:9": true, "192.168.1.1:9": true, "[::1]:9": true, "[fd00::1]:9": true, "[::ffff:10.0.0.1]:9": true,
		"198.51.100.7:9": false, "[2001:db8::1]:9": false,
	} {
		b := setup(t, "g", guarded("rate: 1/1m, flood: 2/1m"))
		codes := map[int]int{}
		for range 5 {
			r := request("/forms/g", person)
			r.RemoteAddr = peer
			r.Header.Set("X-Forwarded-For", "203.0.113.9")
			codes[serve(b, r)]++
		}
		if (codes[429] == 0) != local {
			t.Errorf("%s: %v", peer, codes)
		}
		if n := strings.Count(b.log.String(), "--trusted-proxies"); n != map[bool]int{true: 1, false: 0}[local] {
			t.Errorf("%s: said %d times", peer, n)
		}
	}
	b := setup(t, "g", guarded("rate: 1/1m"))
	r := request("/forms/g", person)
	r.RemoteAddr = "127.0.0.1:9"
	if serve(b, r); strings.Contains(b.log.String(), "--trusted-proxies") {
		t.Error("a local visitor is taken for a proxy")
	}
}

// The memory of addresses is bounded: whoever comes when it is full is not counted, and what is over makes room.
func TestTrackedAddressesAreBounded(t *testing.T) {
	t.Parallel()
	var r rates
	g := profile.Guard{Rate: 1, Flood: 20, Window: time.Minute}
	now := received()
	address := func(n int) netip.Addr { return netip.AddrFrom4([4]byte{198, byte(n >> 16), byte(n >> 8), byte(n)}) }
	for n := range maxTracked {
		r.take([]string{"a", "b"}[n%2], address(n), g, now)
	}
	late := netip.MustParseAddr("203.0.113.1")
	for range 3 {
		if held, _ := r.take("c", late, g, now); held {
			t.Error("an address beyond the bound is counted")
		}
	}
	if r.tracked != maxTracked || r.takeFull() != 3 || r.takeFull() != 0 {
		t.Errorf("%d are tracked", r.tracked)
	}
	if held, _ := r.take("a", address(0), g, now); !held {
		t.Error("one that is known is not counted any more")
	}
	now = now.Add(2 * time.Minute)
	r.take("c", late, g, now)
	if held, _ := r.take("c", late, g, now); !held || r.tracked > 2 || len(r.windows) != 1 {
		t.Errorf("held %v, %d tracked in %d windows", held, r.tracked, len(r.windows))
	}
	g.Window = time.Hour
	if held, _ := r.take("c", late, g, now); held || r.tracked != 1 {
		t.Errorf("a changed rate: held %v, %d tracked", held, r.tracked)
	}
	// A clock that is set back a little changes nothing; one that is set back far begins anew.
	if held, _ := r.take("c", late, g, now.Add(-time.Minute)); !held {
		t.Error("a clock that is set back forgets")
	}
	if held, _ := r.take("c", late, g, now.Add(-48*time.Hour)); held || r.tracked != 1 {
		t.Errorf("a clock that is set back far: held %v, %d tracked", held, r.tracked)
	}
}

// Whoever has a field to correct has solved the captcha already: its answer, and the time token, go along with the form that is shown
// again, and are verified when the form is taken.
func TestCorrectionKeepsTheAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t, "g", guarded("captcha: shop, min_time: 1s"))
	b.configure(Config{Secrets: map[string]Secret{"shop": {Field: "cf-turnstile-response"}}})
	w := b.post("/forms/g", person+"&email=nonsense&cf-turnstile-response=ANSWER&_gotcha=")
	page := w.Body.String()
	if w.Code != http.StatusUnprocessableEntity || !strings.Contains(page, `name="cf-turnstile-response" value="ANSWER"`) {
		t.Errorf("%d %s", w.Code, page)
	}
	if s := b.store.last; s.State != submission.Refused || s.Captcha.Pending() || strings.Contains(fmt.Sprint(s.Pairs), "ANSWER") {
		t.Errorf("%+v", s)
	}
	b.post("/forms/g", person+"&email=a@b.example&cf-turnstile-response=ANSWER")
	if s := b.store.last; s.State != submission.Queued || s.Captcha != (submission.Captcha{Secret: "shop", Answer: "ANSWER"}) {
		t.Errorf("%+v", s)
	}
}
