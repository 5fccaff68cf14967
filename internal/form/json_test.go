package form

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestJSON(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][]Pair{
		`{}`:                                 nil,
		" {\r\n\t} ":                         nil,
		`{"a":"x","b":"y"}`:                  pairs("a", "x", "b", "y"),
		"\uFEFF{\"a\":\"x\"}":                pairs("a", "x"),
		`{"a":{"b":{"c":1}}}`:                pairs("a[b][c]", "1"),
		`{"a":[1,[2,{"k":3}]]}`:              pairs("a[0]", "1", "a[1][0]", "2", "a[1][1][k]", "3"),
		`{"n":12345678901234567890.10}`:      pairs("n", "12345678901234567890.10"),
		`{"n":-1.50e+3 , "m":0}`:             pairs("n", "-1.50e+3", "m", "0"),
		`{"t":true,"f":false,"z":null}`:      pairs("t", "true", "f", "false", "z", ""),
		`{"o":{},"l":[ ],"d":{"x":[]}}`:      pairs("o", "", "l", "", "d[x]", ""),
		`{"a":1,"a":2,"b":{"c":1,"c":2}}`:    pairs("a", "1", "a", "2", "b[c]", "1", "b[c]", "2"),
		`{"":"x"}`:                           pairs("", "x"),
		`{"a":"\"\\\/\n\u0416\ud83d\ude00"}`: pairs("a", "\"\\/\nЖ😀"),
		`{"a":"{[]},:\"","b":1}`:             pairs("a", `{[]},:"`, "b", "1"),
		// Scripts send a form's names as keys; they mean what they mean in a form.
		`{"products[0][sku]":"A-1"}`: pairs("products[0][sku]", "A-1"),
		`{"tags[]":"x"}`:             pairs("tags[]", "x"),
		`{"tags[]":["x","y"]}`:       pairs("tags[0]", "x", "tags[1]", "y"),
		`{"a[b]":{"c":1}}`:           pairs("a[b][c]", "1"),
		`{"a[b":1,"a[b]c":2}`:        pairs("a[b", "1", "a[b]c", "2"),
		`{"First Name":{"x":1}}`:     pairs("First Name[x]", "1"),
	} {
		f := mustDecode(t, jsonType, body)
		wantPairs(t, f, want)
		if f.Charset != "utf-8" || f.Raw != nil {
			t.Errorf("%s: charset %q raw %q", body, f.Charset, f.Raw)
		}
	}
}

// TestJSONKeys holds keys that PHP's names cannot say: none may become another, nor change its place.
func TestJSONKeys(t *testing.T) {
	t.Parallel()
	inner := []string{"", "%", "%25", "%5D", "]", "a]", "a%5D", "[", "a[b]", " ", "%20", "\t", "%09", "  ", " a", "100%", "%0A", "\n", "0", "a.b"}
	outer := []string{"", "%", "%25", "[", "[a]", "a[b", "a%5Bb", "a[b]c", "a[b]", " ", "%20", "  ", "%20 ", "a]b", "100%", "a.b", "0"}
	seen := map[string]string{}
	for _, o := range outer {
		for _, i := range inner {
			body, err := json.Marshal(map[string]map[string]string{o: {i: "v"}})
			if err != nil {
				t.Fatal(err)
			}
			f := mustDecode(t, jsonType, string(body))
			if len(f.Pairs) != 1 {
				t.Fatalf("%s: %q", body, f.Pairs)
			}
			name := f.Pairs[0].Name
			if other, ok := seen[name]; ok {
				t.Errorf("%s and %s are both %q", body, other, name)
			}
			seen[name] = string(body)
			want := 2
			if o == "a[b]" {
				want = 3
			}
			if path := Path(name); len(path) != want || path[0] == "" || path[len(path)-1] == "" {
				t.Errorf("%s: %q nests as %q, want %d levels", body, name, path, want)
			}
		}
	}
}

func TestJSONLost(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]struct {
		value string
		raw   bool
	}{
		"{\"a\":\"x\xff\"}":        {"x\uFFFD", true},
		"{\"a\":\"\xf0\x9f\x92\"}": {"\uFFFD", true},
		"{\"a\":\"\\n\xe2\x82\"}":  {"\n\uFFFD", true},
		`{"a":"\ud83d"}`:           {"\uFFFD", true},
		`{"a":"\uFFFD"}`:           {"\uFFFD", false},
		"{\"a\":\"\uFFFD\\n\"}":    {"\uFFFD\n", false},
		"{\"a\xce\":\"x\"}":        {"x", true},
	} {
		f := mustDecode(t, jsonType+"; charset=windows-1251", body)
		if f.Pairs[0].Value != want.value || (f.Raw != nil) != want.raw || f.Charset != "utf-8" {
			t.Errorf("%q: value %q raw %q charset %q", body, f.Pairs[0].Value, f.Raw, f.Charset)
		}
	}
}

func TestJSONTypes(t *testing.T) {
	t.Parallel()
	for _, contentType := range []string{"application/json", "Application/JSON; charset=utf-8", "text/json", "application/ld+json", "application/vnd.api+json;x=y"} {
		wantPairs(t, mustDecode(t, contentType, `{"a":1}`), pairs("a", "1"))
	}
}

func TestJSONMalformed(t *testing.T) {
	t.Parallel()
	for body, says := range map[string]string{
		"":                  "at byte 0",
		"\uFEFF":            "at byte 3",
		`{"a":1} x`:         "at byte 9",
		`{"a":1}{"b":2}`:    "at byte 8",
		"\uFEFF{\"a\":1} x": "at byte 12",
		`{"a":`:             "at byte 5",
		`{"a":1,}`:          "at byte 8",
		`{a:1}`:             "at byte 2",
		`a=1&b=2`:           "at byte 1",
		`[1,2]`:             "not an object",
		`"a"`:               "not an object",
		`42`:                "not an object",
		`null`:              "not an object",
	} {
		if e := wantError(t, jsonType, body, Options{}, Malformed, ""); !strings.Contains(e.Text, says) {
			t.Errorf("%q: %q does not say %q", body, e.Text, says)
		}
	}
}

// TestJSONDepth is refused before anything recurses: a million brackets cost nothing.
func TestJSONDepth(t *testing.T) {
	t.Parallel()
	o := Options{Limits: Limits{Body: 8 << 20, Pairs: 10, Name: 1000, Value: 1000, Depth: 3}}
	for _, body := range []string{`{"a":{"b":{"c":1}}}`, `{"a":{"b":{"c":[]}}}`, `{"a[b][c]":1}`, `{"a[b]":{"c":1}}`} {
		if f := mustDecodeWith(t, jsonType, body, o); len(Path(f.Pairs[0].Name)) != 3 {
			t.Errorf("%s: %q", body, f.Pairs)
		}
	}
	for _, body := range []string{
		`{"a":{"b":{"c":[1]}}}`, `{"a":{"b":{"c":{"d":[]}}}}`, `{"a[b]":{"c":{"d":1}}}`, `{"a[b][c][d]":1}`,
		`{"a":` + strings.Repeat("[", 1<<20), `{"a":` + strings.Repeat(`{"a":`, 1<<20) + "1" + strings.Repeat("}", 1<<20) + "}",
	} {
		wantError(t, jsonType, body, o, TooLarge, "max_depth")
	}
	mustDecodeWith(t, jsonType, `{"a":"[[[[[[[\"[[[["}`, o)
}

// FuzzJSONKeepsLeaves counts the leaves of what encoding/json reads and wants a pair for each, in order.
func FuzzJSONKeepsLeaves(f *testing.F) {
	for _, seed := range []string{`{"a":{"b]":[1,2.0,null,{}]},"a":"x"}`, `{"":{"":[]}," ":[[[]]]}`, `{"a\ud800":"\u0000"}`, `[1]`, "\uFEFF{}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		limits := roomy()
		limits.Depth = 100
		got, err := Decode(jsonType, strings.NewReader(body), Options{Limits: limits})
		want, ok := jsonLeaves(body)
		if e, tooLarge := errors.AsType[*Error](err); tooLarge && e.Kind == TooLarge {
			return
		}
		if ok != (err == nil) {
			t.Fatalf("Decode: %v; encoding/json takes it: %v", err, ok)
		}
		if !ok {
			return
		}
		var values []string
		for _, p := range got.Pairs {
			values = append(values, p.Value)
		}
		if strings.Join(values, "\x00") != strings.Join(want, "\x00") || len(values) != len(want) {
			t.Errorf("%q: values %q, want %q", body, values, want)
		}
	})
}

// jsonLeaves reads an object by encoding/json's tokens: its leaves as texts, an empty object or array as "".
func jsonLeaves(body string) (leaves []string, ok bool) {
	body = strings.TrimPrefix(body, "\uFEFF")
	if !json.Valid([]byte(body)) || strings.TrimLeft(body, " \t\r\n")[0] != '{' {
		return nil, false
	}
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	var read func(top bool)
	read = func(top bool) {
		switch token, _ := d.Token(); token := token.(type) {
		case json.Delim:
			if !top && !d.More() {
				leaves = append(leaves, "")
			}
			for d.More() {
				if token == '{' {
					_, _ = d.Token()
				}
				read(false)
			}
			_, _ = d.Token()
		case json.Number:
			leaves = append(leaves, token.String())
		case string:
			leaves = append(leaves, token)
		case bool:
			leaves = append(leaves, map[bool]string{true: "true", false: "false"}[token])
		default:
			leaves = append(leaves, "")
		}
	}
	read(true)
	return leaves, true
}
