package form

import (
	"net/url"
	"strings"
	"testing"
)

// TestURLEncodedStandard is the table of the web platform tests for URLSearchParams (web-platform-tests/wpt,
// url/resources/urlencoded-parser-data.json), retyped. The charset is declared, since URLSearchParams knows none but UTF-8.
func TestURLEncodedStandard(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][]Pair{
		"test":                             pairs("test", ""),
		"\uFEFFtest=\uFEFF":                pairs("\uFEFFtest", "\uFEFF"),
		"%EF%BB%BFtest=%EF%BB%BF":          pairs("\uFEFFtest", "\uFEFF"),
		"%EF%BF%BF=%EF%BF%BF":              pairs("\uFFFF", "\uFFFF"),
		"%FE%FF":                           pairs("\uFFFD\uFFFD", ""),
		"%FF%FE":                           pairs("\uFFFD\uFFFD", ""),
		"†&†=x":                            pairs("†", "", "†", "x"),
		"%C2":                              pairs("\uFFFD", ""),
		"%C2x":                             pairs("\uFFFDx", ""),
		"_charset_=windows-1252&test=%C2x": pairs("_charset_", "windows-1252", "test", "\uFFFDx"),
		"":                                 pairs(),
		"a":                                pairs("a", ""),
		"a=b":                              pairs("a", "b"),
		"a=":                               pairs("a", ""),
		"=b":                               pairs("", "b"),
		"&":                                pairs(),
		"&a":                               pairs("a", ""),
		"a&":                               pairs("a", ""),
		"a&a":                              pairs("a", "", "a", ""),
		"a&b&c":                            pairs("a", "", "b", "", "c", ""),
		"a=b&c=d":                          pairs("a", "b", "c", "d"),
		"a=b&c=d&":                         pairs("a", "b", "c", "d"),
		"&&&a=b&&&&c=d&":                   pairs("a", "b", "c", "d"),
		"a=a&a=b&a=c":                      pairs("a", "a", "a", "b", "a", "c"),
		"a==a":                             pairs("a", "=a"),
		"a=a+b+c+d":                        pairs("a", "a b c d"),
		"%=a":                              pairs("%", "a"),
		"%a=a":                             pairs("%a", "a"),
		"%a_=a":                            pairs("%a_", "a"),
		"%61=a":                            pairs("a", "a"),
		"%61+%4d%4D=":                      pairs("a MM", ""),
		"id=0&value=%":                     pairs("id", "0", "value", "%"),
		"b=%2sf%2a":                        pairs("b", "%2sf*"),
		"b=%2%2af%2a":                      pairs("b", "%2*f*"),
		"b=%%2a":                           pairs("b", "%*"),
		// Beyond that table.
		"discount=100%&a;b=1": pairs("discount", "100%", "a;b", "1"),
		"=&=":                 pairs("", "", "", ""),
		"a=%00":               pairs("a", "\x00"),
		"a=b\r\n":             pairs("a", "b\r\n"),
		"a=%2B+%26%3D":        pairs("a", "+ &="),
		"a=%f0%9f%92":         pairs("a", "\uFFFD"),
	} {
		wantPairs(t, mustDecode(t, urlencodedType+"; charset=utf-8", body), want)
	}
}

// FuzzURLEncodedKeepsPairs encodes pairs as net/url does, with stray characters between that a browser would keep, and wants them back.
func FuzzURLEncodedKeepsPairs(f *testing.F) {
	f.Add("name", "Олена", "a[b]", "100%")
	f.Add("", "", "=", "&;+ %41")
	f.Fuzz(func(t *testing.T, n1, v1, n2, v2 string) {
		for _, s := range []*string{&n1, &v1, &n2, &v2} {
			*s = strings.ToValidUTF8(*s, "?")
		}
		body := url.QueryEscape(n1) + "=" + url.QueryEscape(v1) + "&&" + url.QueryEscape(n2) + "=" + url.QueryEscape(v2)
		got, err := Decode(urlencodedType+";charset=utf-8", strings.NewReader(body), Options{Limits: roomy()})
		if err != nil {
			t.Fatal(err)
		}
		wantPairs(t, got, pairs(n1, v1, n2, v2))
	})
}

// roomy is so wide that no fuzzed input is refused for its size.
func roomy() Limits {
	return Limits{Body: 1 << 30, Pairs: 1 << 20, Name: 1 << 29, Value: 1 << 29, Depth: 1 << 29, Files: 100, FileSize: 1 << 29}
}
