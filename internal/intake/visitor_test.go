package intake

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPage(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, origin, referrer, want string }{
		{"both", "https://shop.example", "https://shop.example/lamps?id=1", "https://shop.example/lamps?id=1"},
		{"cut to the origin", "https://shop.example", "https://shop.example/", "https://shop.example/"},
		{"only an origin", "https://shop.example", "", "https://shop.example"},
		{"only a page", "", "https://shop.example/lamps", "https://shop.example/lamps"},
		{"a page of another site", "https://shop.example", "https://evil.example/shop.example/", "https://shop.example"},
		{"a site that begins alike", "https://shop.example", "https://shop.example.evil.example/", "https://shop.example"},
		{"a file", "null", "", ""},
		{"neither", "", "", ""},
		{"no web page", "", "javascript:alert(1)", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := page(tt.origin, tt.referrer); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// What a script on the page tells goes before what the browser cut to an origin, but never over the browser's own word whose page it is.
func TestVisitorIsWhatTheScriptTells(t *testing.T) {
	t.Parallel()
	const fields, origin = "name=Olena&phone=0501112233", "https://shop.example"
	page := "&_page=" + url.QueryEscape(origin+"/lamps?utm_source=ads&id=1")
	tests := []struct{ name, body, origin, referer, wantPage, wantReferrer string }{
		{"both", fields + page + "&_referrer=https%3A%2F%2Fgoogle.example%2F", origin, origin + "/", origin + "/lamps?utm_source=ads&id=1", "https://google.example/"},
		{"came by itself", fields + page, origin, origin + "/", origin + "/lamps?utm_source=ads&id=1", ""},
		{"no script", fields, origin, origin + "/lamps", origin + "/lamps", origin + "/lamps"},
		{"another site's page", fields + "&_page=https://evil.example/", origin, origin + "/", origin + "/", ""},
		{"a page that begins alike", fields + "&_page=https://shop.example.evil.example/", origin, "", origin, ""},
		{"no origin", fields + page, "", "", origin + "/lamps?utm_source=ads&id=1", ""},
		{"no addresses", fields + "&_page=javascript:1&_referrer=data:x", origin, origin + "/a", origin + "/a", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			var head []string
			for name, value := range map[string]string{"Origin": tt.origin, "Referer": tt.referer} {
				if value != "" {
					head = append(head, name, value)
				}
			}
			b.post("/forms/lamp", tt.body, head...)
			if v := b.store.last.Visitor; v.Page != tt.wantPage || v.Referrer != tt.wantReferrer {
				t.Errorf("page %q, referrer %q", v.Page, v.Referrer)
			}
		})
	}
}

// A mapping reads all that is known, the touches as the fields that they are.
func TestProvenanceReachesTheMapping(t *testing.T) {
	t.Parallel()
	b := setup(t, "told", lamp+`  marketing: {utm_source: "${utm_source}"}
  buyer_comment: "${join(' ', visitor.language, visitor.page, visitor.referrer, visitor.ip, visitor.user_agent, _first_utm_source, _first_landing)}"
`)
	b.post("/forms/told", url.Values{
		"phone": {"0501112233"}, "utm_source": {"ads"}, "_first_utm_source": {"letter"}, "_first_landing": {"https://shop.example/a"},
		"_page": {"https://shop.example/b"}, "_referrer": {"https://search.example/"}, "_lang": {"pl"},
	}.Encode(), "User-Agent", "agent")
	var entity struct {
		Comment   string            `json:"buyer_comment"`
		Marketing map[string]string `json:"marketing"`
	}
	if err := json.Unmarshal(b.store.last.Entity, &entity); err != nil {
		t.Fatal(err)
	}
	const want = "pl https://shop.example/b https://search.example/ 192.0.2.1 agent letter https://shop.example/a"
	if entity.Comment != want || entity.Marketing["utm_source"] != "ads" {
		t.Errorf("%+v", entity)
	}
}

func TestBounded(t *testing.T) {
	t.Parallel()
	if got := bounded(strings.Repeat("є", maxVisitor)); len(got) > maxVisitor || !utf8.ValidString(got) {
		t.Errorf("%d bytes, valid: %v", len(got), utf8.ValidString(got))
	}
	if got := bounded("a\xffb"); got != "ab" {
		t.Errorf("%q", got)
	}
}
