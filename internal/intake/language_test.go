package intake

import (
	"strconv"
	"strings"
	"testing"
)

func TestLanguage(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, asked, header, profile, want string }{
		{"nothing known", "", "", "", "uk"},
		{"the profile's", "", "", "pl", "pl"},
		{"the browser's", "", "pl-PL,pl;q=0.9,en-US;q=0.8", "ru", "pl"},
		{"the browser's best of ours", "", "fr;q=0.9,ru;q=0.3,en;q=0.7", "", "en"},
		{"the browser speaks none of ours", "", "fr,de", "ru", "ru"},
		{"the form's", "en", "pl", "ru", "en"},
		{"a region", "uk-UA", "", "", "uk"},
		{"an underscore", "pl_PL", "", "", "pl"},
		{"the country for the language", "UA", "en", "", "uk"},
		{"the form asks for none of ours", "fr", "pl", "", "pl"},
		{"the form asks for nonsense", "uk\r\nSet-Cookie: x", "en", "", "en"},
		{"a header that is none", "", ";;;q=", "en", "en"},
		{"a star", "", "*", "ru", "ru"},
		{"no quality", "", "en;q=0", "ru", "ru"},
	}
	l := newLanguages()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for range 2 { // the second time from memory
				if got := l.choose(tt.asked, tt.header, tt.profile); got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
			}
		})
	}
}

func TestLanguageHeadersAreBounded(t *testing.T) {
	t.Parallel()
	l := newLanguages()
	for n := range 2 * maxLanguageHeaders {
		l.byHeader("pl;q=0." + strconv.Itoa(n+1))
	}
	if len(l.seen) > maxLanguageHeaders {
		t.Errorf("%d headers are remembered", len(l.seen))
	}
	if got := l.byHeader("pl," + strings.Repeat("de;q=0.1,", 10_000)); got != "pl" {
		t.Errorf("a long header: %q", got)
	}
	if got := l.byHeader(strings.Repeat("a-", 100_000)); got != "" {
		t.Errorf("a long word: %q", got)
	}
}

func FuzzLanguage(f *testing.F) {
	f.Add("uk-UA", "uk-UA,uk;q=0.9,ru;q=0.8", "pl")
	f.Add("", "*,x-klingon;q=9", "")
	l := newLanguages()
	f.Fuzz(func(t *testing.T, asked, header, profile string) {
		if got := l.choose(asked, header, profile); !strings.Contains("uk ru en pl", got) || len(got) != 2 {
			t.Errorf("%q", got)
		}
	})
}
