package form

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// FuzzDecode gives any body under any content type: nothing panics, the same body always comes out the same however it arrives, what
// comes out is UTF-8 and within the bounds, and the nested view holds every pair.
func FuzzDecode(f *testing.F) {
	for contentType, body := range bodies {
		f.Add(contentType, body(pairs("name", "Olena", "p[0][sku]", "A-1", "First Name", "x")))
	}
	f.Add("", "a[=1&a[]=2&a=3&=&%")
	f.Add("; charset=shift_jis", "a=%83%5C&_charset_=iso-2022-jp&b=%1B")
	f.Add(multipartType, part(`name="a"; filename="b"`, "\r\n--X")+part(`name="a\"`, "\xff")+"--XX")
	f.Add(`text/plain;charset="koi8-u`, "\xef\xbb\xbfa=1\r\n\r\nb")
	limits := Limits{Body: 2000, Pairs: 20, Name: 200, Value: 1000, Depth: 6, Files: 2, FileSize: 500}
	f.Fuzz(func(t *testing.T, contentType, body string) {
		counted := &countingReader{Reader: strings.NewReader(body)}
		got, err := Decode(contentType, counted, Options{Limits: limits})
		slow, slowErr := Decode(contentType, iotest.OneByteReader(strings.NewReader(body)), Options{Limits: limits})
		if diff := cmp.Diff(got, slow, cmp.Comparer(sameRaw)); diff != "" || (err == nil) != (slowErr == nil) {
			t.Fatalf("byte by byte it differs: %v, %v\n%s", err, slowErr, diff)
		}
		if counted.n > limits.Total()+fileBlock {
			t.Errorf("%d bytes read, the bound is %d", counted.n, limits.Total())
		}
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok || got != nil || !utf8.ValidString(err.Error()) {
				t.Errorf("%v, %#v", got, err)
			}
			return
		}
		got.texts(func(s *string) {
			if !utf8.ValidString(*s) {
				t.Errorf("%q is no UTF-8", *s)
			}
		})
		if len(got.Pairs) > limits.Pairs {
			t.Errorf("%d pairs", len(got.Pairs))
		}
		checkReachable(t, got)
		checkSpellings(t, got)
	})
}

// countingReader counts what is taken from a reader that ends.
type countingReader struct {
	*strings.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}

// checkSpellings wants every field under its raw root, PHP's name and the identifier, and every value in All of its own name.
func checkSpellings(t *testing.T, f *Fields) {
	t.Helper()
	values := f.Tree().Values()
	for _, p := range f.Pairs {
		raw, path := split(p.Name, nil)
		spellings := []string{raw, path[0]}
		if path[0] != "" {
			spellings = append(spellings, Identifier(path[0]))
		}
		for _, key := range spellings {
			if _, ok := values[key]; !ok {
				t.Errorf("%q is not under %q", p.Name, key)
			}
		}
		if v := trimmed(p.Value); v != "" && len(path) == 1 && !strings.Contains(strings.Join(f.Tree().All(p.Name), "\n"), v) {
			t.Errorf("%q is not in All(%q)", v, p.Name)
		}
	}
}

// FuzzNames nests two pairs of any name.
func FuzzNames(f *testing.F) {
	f.Add("a[b]", "a", "a b[", "a_b")
	f.Add("a[9223372036854775807]", "a[]", " [", "")
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		fields := &Fields{}
		for _, name := range []string{a, b, c, d} {
			if len(name) > DefaultLimits().Name {
				t.Skip("no such name passes Decode")
			}
			fields.Pairs = append(fields.Pairs, Pair{strings.ToValidUTF8(name, ""), "v" + name})
		}
		checkReachable(t, fields)
		checkSpellings(t, fields)
		_ = fields.Tree().Order([]string{a, b})
	})
}
