package intake

import (
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

func TestBounded(t *testing.T) {
	t.Parallel()
	if got := bounded(strings.Repeat("є", maxVisitor)); len(got) > maxVisitor || !utf8.ValidString(got) {
		t.Errorf("%d bytes, valid: %v", len(got), utf8.ValidString(got))
	}
	if got := bounded("a\xffb"); got != "ab" {
		t.Errorf("%q", got)
	}
}
