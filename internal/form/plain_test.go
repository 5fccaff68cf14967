package form

import (
	"strings"
	"testing"
)

func TestPlain(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][]Pair{
		"":                nil,
		`{"a":{"b":1}}`:   pairs("a[b]", "1"),
		" \uFEFF":         pairs(" \uFEFF", ""),
		"\uFEFF{\"a\":1}": pairs("a", "1"),
		"  {\"a\":1}\r\n": pairs("a", "1"),
		// One line is what sendBeacon(url, 'a=1&b=2') sends.
		"a=1&b=2":           pairs("a", "1", "b", "2"),
		"a=1&b=2\n":         pairs("a", "1", "b", "2"),
		"\uFEFFa=1":         pairs("a", "1"),
		"a=1%26&b=%D0%9F+x": pairs("a", "1&", "b", "П x"),
		"a":                 pairs("a", ""),
		`{"a":1`:            pairs(`{"a":1`, ""),
		`[1]`:               pairs("[1]", ""),
		// A line break ends each field of enctype=text/plain, also the only one.
		"a=1&b=2\r\n":           pairs("a", "1&b=2"),
		"a=1\r\nb=x=y%20+z\r\n": pairs("a", "1", "b", "x=y%20+z"),
		"a=1\nb=2\n":            pairs("a", "1", "b", "2"),
		"a=1\r\nb=2":            pairs("a", "1", "b", "2"),
		"a=\r\nb=\r\n":          pairs("a", "", "b", ""),
		"=x\r\n":                pairs("", "x"),
		"a=line one\r\nline two\r\n\r\nline four\r\nb=2\r\n": pairs("a", "line one\r\nline two\r\n\r\nline four", "b", "2"),
		"a=1\r\n\r\n":                     pairs("a", "1\r\n"),
		"\r\n\r\na=1\r\n":                 pairs("", "\r\n", "a", "1"),
		"no field at all\r\nbut text\r\n": pairs("", "no field at all\r\nbut text"),
		"\r\n":                            nil,
		"{\"a\":1\r\nb=2\r\n":             pairs("", "{\"a\":1", "b", "2"),
	} {
		for _, contentType := range []string{plainType, "", " ", "; charset=utf-8"} {
			wantPairs(t, mustDecode(t, contentType, body), want)
			if t.Failed() {
				t.Fatalf("%q as %q", body, contentType)
			}
		}
	}
}

func TestPlainCharset(t *testing.T) {
	t.Parallel()
	f := mustDecode(t, "text/plain", "n=\xce\xeb\xe5\xed\xe0\r\nm=1\r\n")
	wantPairs(t, f, pairs("n", "Олена", "m", "1"))
	f = mustDecode(t, "text/plain; charset=koi8-u", "n=\xef\xcc\xc5\xce\xc1\r\n")
	wantPairs(t, f, pairs("n", "Олена"))
}

// TestPlainJSONBounds does not read a JSON object that is too large as something else.
func TestPlainJSONBounds(t *testing.T) {
	t.Parallel()
	wantError(t, plainType, `{"a":"`+strings.Repeat("x", 257<<10)+`"}`, Options{}, TooLarge, "max_value")
	wantError(t, "", strings.Repeat(`{"a":`, 100), Options{}, TooLarge, "max_depth")
}
