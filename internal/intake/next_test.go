package intake

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"formrelay/internal/profile"
)

const (
	fine   = "name=Olena&phone=0501112233"
	home   = "https://shop.example"
	listed = lamp + "\nanswer: {success: \"https://thanks.example/ok?o={id}\"}\n"
)

// withOrigins is the lamp's profile with a list of sites.
func withOrigins(list string) string {
	return strings.Replace(lamp, "form:\n", "form:\n  origins: ["+list+"]\n", 1)
}

// shops lists a shop, all sites below it, and a developer's machine.
func shops() string {
	return withOrigins(`https://shop.example, "https://*.shop.example", "http://localhost:3000", "https://крамниця.example"`)
}

// Where a form may send its visitor: sites that ops have written down, and no other, however it is written.
func TestNext(t *testing.T) {
	t.Parallel()
	own := "/forms/p/ID?lang=en"
	tests := []struct{ next, want string }{
		{"", own},
		{" ", own},
		{home, home},
		{home + "/", home + "/"},
		{home + "/thanks?a=1&b={id}#c", home + "/thanks?a=1&b=ID#c"},
		{home + "?.evil.example", home + "?.evil.example"},
		{home + "#.evil.example", home + "#.evil.example"},
		{"  " + home + "/a\n", home + "/a"},
		{home + "/a b?c d", home + "/a%20b?c%20d"},
		{home + "/дякуємо", home + "/%D0%B4%D1%8F%D0%BA%D1%83%D1%94%D0%BC%D0%BE"},
		{home + "/100%", home + "/100%"},
		{home + "/<b>\"'`|", home + "/%3Cb%3E%22'%60%7C"},
		{"HTTPS://SHOP.EXAMPLE/A", home + "/A"},
		{home + ":443/a", home + "/a"},
		{home + ":00443/a", home + "/a"},
		{home + ":/a", home + "/a"},
		{"https://a.b.shop.example/", "https://a.b.shop.example/"},
		{"http://localhost:3000/a", "http://localhost:3000/a"},
		{"https://КРАМНИЦЯ.example/", "https://xn--80aqejfp0c4d.example/"},
		{"https://xn--80aqejfp0c4d.example/", "https://xn--80aqejfp0c4d.example/"},
		{"https://shop。example/", home + "/"}, // as a browser reads it
		{"/thanks", home + "/thanks"},
		{"/", home + "/"},
		{"/thanks?x={id}", home + "/thanks?x=ID"},
		{"/%2f%2fevil.example", home + "/%2f%2fevil.example"}, // behind a host of ours an escaped slash is a path's
		{"/%5cevil.example", home + "/%5cevil.example"},
		{"/..//evil.example", home + "/..//evil.example"},
		{"/@evil.example", home + "/@evil.example"},
		{"/:80", home + "/:80"},
		{"//evil.example", own},
		{"//shop.example", own},
		{"///evil.example", own},
		{`\\evil.example`, own},
		{`/\evil.example`, own},
		{`\/evil.example`, own},
		{`/a\b`, own},
		{home + `\@evil.example`, own},
		{home + `/\evil.example`, own},
		{"/\t/evil.example", own},
		{"/\n/evil.example", own},
		{"/\r\nSet-Cookie: a=b", own},
		{"/a\x00b", own},
		{"/a\x7fb", own},
		{"/a\u0085b", own},
		{"/a\u2028b", own},
		{"/\u200b/evil.example", own},
		{"/\u202egro.live", own},
		{"\x01//evil.example", own},
		{"ht\ntps://shop.example/", own},
		{"https:\t//shop.example/", own},
		{"java\tscript:alert(1)", own},
		{"javascript:alert(1)", own},
		{"JaVaScRiPt:alert(1)", own},
		{"javascript://shop.example/%0aalert(1)", own},
		{"data:text/html,<script>alert(1)</script>", own},
		{"vbscript:x", own},
		{"blob:https://shop.example/a", own},
		{"view-source:https://shop.example/", own},
		{"ftp://shop.example/", own},
		{"file:///etc/passwd", own},
		{"https:evil.example", own},
		{"https:shop.example", own},
		{"https:/evil.example", own},
		{"https:///evil.example", own},
		{"https://evil.example", own},
		{"http://shop.example/", own}, // another origin
		{"https://shop.example:8443/", own},
		{"http://localhost/", own},
		{"http://localhost:30001/", own},
		{"https://shop.example.evil.example/", own},
		{"https://evilshop.example/", own},
		{"https://shop.example@evil.example/", own},
		{"https://shop.example:pw@evil.example/", own},
		{"https://user@shop.example/", own},
		{"https://@shop.example/", own},
		{"https://shop.example%40evil.example/", own},
		{"https://shop.example%2eevil.example/", own},
		{"https://shop.example%00.evil.example/", own},
		{"https://shop.example%09.evil.example/", own},
		{"https://shop.example;evil.example/", own},
		{"https://shop.example,evil.example/", own},
		{"https://shop.example&.evil.example/", own},
		{"https://shop .example/", own},
		{"https://shop.example./", own},
		{"https://.shop.example/", own},
		{"https://evil.example#.shop.example/", own},
		{"https://evil.example?.shop.example/", own},
		{"https://evil.example/.shop.example", own},
		{"https://evil.example\uff0f.shop.example/", own},
		{"https://evil.example\uff03.shop.example/", own},
		{"https://evil.example\u2044.shop.example/", "https://evil.xn--example-7d7c.shop.example/"}, // that is the name of a site below the shop
		{"https://shоp.example/", own}, // with a Cyrillic о
		{"https://{id}.shop.example/", own},
		{"https://[::1]/", own},
		{"https://0x7f.1/", own},
		{"https://2130706433/", own},
		{"shop.example/thanks", own},
		{"thanks.html", own},
		{"?sent=1", own},
		{"#sent", own},
		{"./thanks", own},
		{"../thanks", own},
		{";//shop.example", own},
		{"http://", own},
		{"://shop.example", own},
		{home + "/" + strings.Repeat("a", maxNext-len(home)-1), home + "/" + strings.Repeat("a", maxNext-len(home)-1)},
		{home + "/" + strings.Repeat("a", maxNext-len(home)), own},
		{"/" + strings.Repeat("a", 200_000), own},
	}
	b := setup(t, "p", shops())
	for _, tt := range tests {
		body := fine + "&_next=" + url.QueryEscape(tt.next)
		w := b.post("/forms/p", body, "Origin", home, "Accept-Language", "en")
		id := b.store.last.ID
		if got, want := w.Header().Get("Location"), strings.ReplaceAll(tt.want, "ID", id); w.Code != http.StatusSeeOther || got != want {
			t.Errorf("%q: %d %q, want %q", tt.next, w.Code, got, want)
		}
		m := decoded(t, b.fetch("/f/p", body, "Origin", home, "Accept-Language", "en").Body)
		want := strings.ReplaceAll(tt.want, "ID", b.store.last.ID)
		switch {
		case tt.want == own && (m["next"] != "http://example.com"+want || m["redirect"] != nil):
			t.Errorf("%q: JSON %v", tt.next, m)
		case tt.want != own && (m["next"] != want || m["redirect"] != want):
			t.Errorf("%q: JSON %v", tt.next, m)
		}
	}
}

// A path belongs to the page that the post comes from, when ops know its site; it is never the relay's own.
func TestNextAsAPath(t *testing.T) {
	t.Parallel()
	const success = "https://thanks.example/ok?o=ID"
	own := "/forms/%s/ID?lang=en"
	tests := []struct{ name, profile, origin, referer, next, want string }{
		{"its origin is listed", "shops", home, "", "/a", home + "/a"},
		{"only a referrer", "shops", "", home + "/form?x=1", "/a", home + "/a"},
		{"an origin that is null", "shops", "null", home + "/form", "/a", home + "/a"},
		{"neither", "shops", "", "", "/a", own},
		{"a referrer elsewhere", "shops", "", "https://evil.example/" + home, "/a", own},
		{"the relay's own page", "shops", "http://example.com", "http://example.com/forms/shops", "/a", own},
		{"the success page's site", "listed", "https://thanks.example", "", "/a", "https://thanks.example/a"},
		{"whole, on the success page's site", "listed", "", "", "https://thanks.example/a", "https://thanks.example/a"},
		{"not the success page's site", "listed", home, "", "/a", success},
		{"whole, not the success page's site", "listed", home, "", home + "/a", success},
		{"nothing is listed", "lamp", home, home + "/", "/a", own},
		{"nothing is listed, whole", "lamp", home, home + "/", home + "/a", own},
		{"the profile's path", "paths", home, "", "", home + "/ok?o=ID&c="},
		{"the profile's path, no page known", "paths", "", "", "", own},
		{"_next before the profile's path", "paths", home, "", "/a", home + "/a"},
		{"an evil _next before the profile's path", "paths", home, "", "//evil.example", home + "/ok?o=ID&c="},
	}
	b := setup(t, "shops", shops(), "listed", listed, "paths", shops()+"answer: {success: \"/ok?o={id}&c={crm_id}\"}\n")
	for _, tt := range tests {
		head := []string{"Accept-Language", "en", "Referer", tt.referer}
		if tt.origin != "" {
			head = append(head, "Origin", tt.origin)
		}
		w := b.post("/forms/"+tt.profile, fine+"&_next="+url.QueryEscape(tt.next), head...)
		want := strings.ReplaceAll(strings.ReplaceAll(tt.want, "%s", tt.profile), "ID", b.store.last.ID)
		if got := w.Header().Get("Location"); w.Code != http.StatusSeeOther || got != want {
			t.Errorf("%s: %d %q, want %q", tt.name, w.Code, got, want)
		}
	}
	// _redirect is the same, after _next; of either the last counts.
	for body, want := range map[string]string{
		"_redirect=/r": "/r", "_redirect=/r&_next=/n": "/n", "_next=&_redirect=/r": "/r", "_next=/a&_next=/n": "/n", "_next=+&_redirect=+/r+": "/r",
	} {
		if got := b.post("/forms/shops", fine+"&"+body, "Origin", home).Header().Get("Location"); got != home+want {
			t.Errorf("%s: %q", body, got)
		}
	}
}

// answer.failure takes the place of the page for what a visitor can do better, and of no other.
func TestFailurePage(t *testing.T) {
	t.Parallel()
	small := strings.Replace(small, "guard:", "answer: {failure: \"https://shop.example/form?a=1#top\"}\nguard:", 1)
	b := setup(t, "small", small, "closed", strings.Replace(small, "creates", "enabled: false\ncreates", 1),
		"path", shops()+"answer: {failure: /form}\n")
	for _, tt := range []struct {
		name, path, body, origin string
		status                   int
		want                     string
	}{
		{"to correct", "/forms/small", "name=Olena&email=no", "", 303, "https://shop.example/form?a=1&error=INVALID#top"},
		{"too large", "/f/small", "name=" + strings.Repeat("x", 1500), "", 303, "https://shop.example/form?a=1&error=TOO_LARGE_VALUE#top"},
		{"cannot be read", "/forms/small", "<a/>", "", 415, ""},
		{"closed", "/forms/closed", "name=Olena&email=no", "", 410, ""},
		{"a path", "/forms/path", "name=Olena&email=no", home, 303, home + "/form?error=INVALID"},
		{"a path, no page known", "/forms/path", "name=Olena&email=no", "", 422, ""},
		{"a strange site", "/forms/path", "name=Olena&email=no", "https://evil.example", 403, ""},
	} {
		contentType := "application/x-www-form-urlencoded"
		if tt.status == http.StatusUnsupportedMediaType {
			contentType = "application/xml"
		}
		head := []string{"Content-Type", contentType}
		if tt.origin != "" {
			head = append(head, "Origin", tt.origin)
		}
		w := b.post(tt.path, tt.body, head...)
		if w.Code != tt.status || w.Header().Get("Location") != tt.want || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %q", tt.name, w.Code, w.Header().Get("Location"))
		}
		if script := b.fetch(tt.path, tt.body, head...); script.Code < 400 || script.Header().Get("Location") != "" {
			t.Errorf("%s: a script is sent elsewhere: %d", tt.name, script.Code)
		}
	}
	too := httptest.NewRequest(http.MethodPost, "/forms/small", nil)
	for status, want := range map[int]string{
		http.StatusTooManyRequests: "https://shop.example/form?a=1&error=X#top", http.StatusForbidden: "", http.StatusRequestTimeout: "",
		http.StatusServiceUnavailable: "", http.StatusInternalServerError: "", http.StatusGone: "", http.StatusBadRequest: "",
	} {
		if got := failurePage(too, b.shelf.good["small"], status, "X"); got != want {
			t.Errorf("%d: %q", status, got)
		}
	}
	if n := b.intake.turned.take()["small"][http.StatusRequestEntityTooLarge]; n != 2 {
		t.Errorf("%d were counted as too large", n)
	}
}

func TestWithError(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://a.example":             "https://a.example?error=X",
		"https://a.example/":            "https://a.example/?error=X",
		"https://a.example/?":           "https://a.example/?error=X",
		"https://a.example/?b=1":        "https://a.example/?b=1&error=X",
		"https://a.example/?b=1&":       "https://a.example/?b=1&error=X",
		"https://a.example/#c":          "https://a.example/?error=X#c",
		"https://a.example/#":           "https://a.example/?error=X#",
		"https://a.example/?b=%23#c?d":  "https://a.example/?b=%23&error=X#c?d",
		"https://a.example/#/route?b=1": "https://a.example/?error=X#/route?b=1",
	} {
		if got := withError(address, "X"); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}

// The thank-you page leads back to the shop: to a site that ops list, else to where this browser says that it comes from.
func TestThanksLeadsBack(t *testing.T) {
	t.Parallel()
	b := setup(t, "shops", shops(), "listed", listed)
	for _, tt := range []struct{ name, profile, origin, posted, asks, want string }{
		{"the page", "shops", home, home + "/lamp?email=x#y", "", home + "/lamp"},
		{"only the site", "shops", home, home + "/", "", home + "/"},
		{"another site's visitor looks", "shops", home, home + "/lamp", "https://evil.example/", home + "/lamp"},
		{"a page that nobody listed", "shops", "", "https://evil.example/", "https://evil.example/", ""},
		{"nothing is listed, nothing is said", "lamp", home, home + "/lamp", "", ""},
		{"nothing is listed, the browser says", "lamp", home, home + "/lamp", home + "/?email=x", home + "/"},
		{"nothing is listed, the relay itself", "lamp", home, home + "/lamp", "http://example.com/forms/lamp", ""},
		{"no page at all", "lamp", "", "", "about:blank", ""},
		{"a script's address", "lamp", "", "", "javascript:alert(1)", ""},
		{"a path of odd signs", "shops", home, home + "/%zz/\"><script>", "", home},
		{"the success page's site", "listed", "https://thanks.example", "https://thanks.example/form", "", "https://thanks.example/form"},
	} {
		head := []string{"Referer", tt.posted}
		if tt.origin != "" {
			head = append(head, "Origin", tt.origin)
		}
		b.post("/forms/"+tt.profile, fine, head...)
		page := b.send(http.MethodGet, "/forms/"+tt.profile+"/"+b.store.last.ID+"?lang=en", "", "Accept", browserAccept, "Referer", tt.asks).Body.String()
		want := `<a class="button" href="` + tt.want + `">Back to the site</a>`
		if has := strings.Contains(page, "<a "); has != (tt.want != "") || has && !strings.Contains(page, want) {
			t.Errorf("%s: lacks %s:\n%s", tt.name, want, page)
		}
	}
}

// A page that tells why a post was not taken leads back by the same rule, and its code is one that can be read out.
func TestProblemsLeadBack(t *testing.T) {
	t.Parallel()
	b := setup(t, "shops", shops(), "closed", closed)
	large := "name=" + strings.Repeat("x", 300_000)
	for _, tt := range []struct{ name, path, body, origin, referer, want string }{
		{"the page", "/forms/shops", large, home, home + "/lamp?email=x#y", home + "/lamp"},
		{"only the site", "/forms/shops", large, home, "", home},
		{"a site that is not listed", "/forms/shops", large, "https://evil.example", "https://evil.example/", ""},
		{"nothing is listed, the browser says", "/forms/lamp", large, home, home + "/?email=x", home + "/"},
		{"nothing is known", "/forms/lamp", large, "", "", ""},
		{"a script's address", "/forms/lamp", large, "", "javascript:alert(1)", ""},
		{"a closed form", "/forms/closed", "a=b", home, home + "/", home + "/"},
		{"no such form", "/forms/nobody", "a=b", home, home + "/", ""},
	} {
		head := []string{"Accept", browserAccept, "Accept-Language", "en"}
		for key, value := range map[string]string{"Origin": tt.origin, "Referer": tt.referer} {
			if value != "" {
				head = append(head, key, value)
			}
		}
		w := b.post(tt.path, tt.body, head...)
		page := w.Body.String()
		want := `<a class="button" href="` + tt.want + `">Back to the site</a>`
		if has := strings.Contains(page, "<a "); has != (tt.want != "") || has && !strings.Contains(page, want) {
			t.Errorf("%s: lacks %s:\n%s", tt.name, want, page)
		}
		if has := strings.Contains(page, "Back button"); has != (w.Code == http.StatusRequestEntityTooLarge) {
			t.Errorf("%s: %d, and the Back button is named: %t", tt.name, w.Code, has)
		}
		if !strings.Contains(page, "<dd><code>"+w.Header().Get("X-Request-Id")+"</code></dd>") {
			t.Errorf("%s: the code is not the request's alone:\n%s", tt.name, page)
		}
	}
	if !strings.Contains(b.log.String(), `"limit":"max_value"`) {
		t.Errorf("the code leads to no bound in the log:\n%s", b.log.String())
	}
}

// Whatever a form asks for, its visitor goes to a site that is listed or to the relay's own page.
func FuzzNext(f *testing.F) {
	for _, seed := range []string{home + "/a", "//evil.example", `/\evil`, "https:evil", "https://shop.example@evil", "/{id}", "/%0d%0a", "https://\u0430.shop.example"} {
		f.Add(seed)
	}
	p, faults := profile.Parse("p", "p.yaml", []byte(shops()), profile.Options{})
	if len(faults) > 0 {
		f.Fatal(faults)
	}
	f.Fuzz(func(t *testing.T, next string) {
		r, err := http.NewRequest(http.MethodPost, "/forms/p", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Origin", home)
		address := destined(r, p, next).address
		if address == "" {
			return
		}
		for i := range len(address) {
			if address[i] <= ' ' || address[i] >= 0x7f || address[i] == '\\' {
				t.Fatalf("%q leads to %q", next, address)
			}
		}
		rest, web := strings.CutPrefix(address, "https://")
		if !web {
			rest, web = strings.CutPrefix(address, "http://")
		}
		host := rest
		if end := strings.IndexAny(rest, "/?#"); end >= 0 {
			host = rest[:end]
		}
		if !web || host != "shop.example" && host != "localhost:3000" && host != "xn--80aqejfp0c4d.example" && !strings.HasSuffix(host, ".shop.example") {
			t.Fatalf("%q leads to %q", next, address)
		}
	})
}
