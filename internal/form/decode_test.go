package form

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestUnsupported(t *testing.T) {
	t.Parallel()
	for _, contentType := range []string{"image/png", "application/xml", "multipart/mixed; boundary=XX", "text/html", "x", "application/jsonp", strings.Repeat("é", 100)} {
		e := wantError(t, contentType, "a=1", Options{}, Unsupported, "")
		for _, taken := range []string{"application/x-www-form-urlencoded", "multipart/form-data", "application/json", "text/plain"} {
			if !strings.Contains(e.Text, taken) {
				t.Errorf("%q does not name %s", e.Text, taken)
			}
		}
	}
}

func TestSloppyContentTypes(t *testing.T) {
	t.Parallel()
	for _, contentType := range []string{
		"application/x-www-form-urlencoded", "APPLICATION/X-WWW-FORM-URLENCODED;", "application/x-www-form-urlencoded charset=utf-8",
		"application/x-www-form-urlencoded,text/plain", " application/x-www-form-urlencoded;;charset", "application/x-www-form-urlencoded; charset=\"utf-8",
	} {
		wantPairs(t, mustDecode(t, contentType, "a=1&b=%26"), pairs("a", "1", "b", "&"))
	}
}

// TestReadErrors come back as they are, wrapped, whatever was read before.
func TestReadErrors(t *testing.T) {
	t.Parallel()
	for _, contentType := range []string{urlencodedType, multipartType, jsonType, plainType} {
		body := io.MultiReader(strings.NewReader(part(`name="a"`, "1")), iotest.ErrReader(context.DeadlineExceeded))
		f, err := Decode(contentType, body, Options{})
		if f != nil || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v, %v", contentType, f, err)
		}
		if _, ok := errors.AsType[*Error](err); ok {
			t.Errorf("%s: the reader's error looks like the body's fault", contentType)
		}
	}
	if _, err := Decode(urlencodedType, idle{}, Options{}); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a reader that never brings anything: %v", err)
	}
	// Bytes that come together with the end count.
	f, err := Decode(urlencodedType, iotest.DataErrReader(strings.NewReader("a=1")), Options{})
	if err != nil {
		t.Fatal(err)
	}
	wantPairs(t, f, pairs("a", "1"))
}

type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

// bodies makes the same pairs as each kind of body.
var bodies = map[string]func([]Pair) string{
	urlencodedType: func(all []Pair) string {
		var b strings.Builder
		for _, p := range all {
			fmt.Fprintf(&b, "%s=%s&", p.Name, p.Value)
		}
		return b.String()
	},
	multipartType: func(all []Pair) string {
		var b strings.Builder
		for _, p := range all {
			b.WriteString(part(`name="`+p.Name+`"`, p.Value))
		}
		return b.String() + "--XX--\r\n"
	},
	jsonType: func(all []Pair) string {
		var b strings.Builder
		for i, p := range all {
			fmt.Fprintf(&b, "%s%q:%q", map[bool]string{true: ",", false: "{"}[i > 0], p.Name, p.Value)
		}
		return b.String() + "}"
	},
	plainType: func(all []Pair) string {
		var b strings.Builder
		for _, p := range all {
			fmt.Fprintf(&b, "%s=%s\r\n", p.Name, p.Value)
		}
		return b.String()
	},
}

// TestBounds stands on both sides of each bound, in each kind of body: what is exactly as large is taken.
func TestBounds(t *testing.T) {
	t.Parallel()
	many := func(n int) (all []Pair) {
		for i := range n {
			all = append(all, Pair{fmt.Sprint("f", i), "v"})
		}
		return all
	}
	own := func(n int) (all []Pair) {
		for i := range n {
			all = append(all, Pair{fmt.Sprint("_f", i), "v"})
		}
		return all
	}
	wide := Limits{Body: 1000, Pairs: 10, Name: 100, Value: 500, Depth: 5}
	for _, c := range []struct {
		limit string
		fits  []Pair
		over  []Pair
	}{
		{"max_body", pairs("ab", strings.Repeat("v", 498), "cd", strings.Repeat("v", 498)), pairs("ab", strings.Repeat("v", 498), "cd", strings.Repeat("v", 499))},
		{"max_pairs", many(10), many(11)},
		{"max_pairs", append(own(ownPairs), many(10)...), append(many(10), own(ownPairs+1)...)}, // what is for the relay
		{"max_name", pairs(strings.Repeat("n", 100), "v"), pairs(strings.Repeat("n", 101), "v")},
		{"max_value", pairs("n", strings.Repeat("v", 500)), pairs("n", strings.Repeat("v", 501))},
		{"max_depth", pairs("a[b][c][d][e]", "v"), pairs("a[b][c][d][e][f]", "v")},
		{"max_depth", pairs("a[[[[[[b", "v"), pairs("a[][][][][]", "v")},
	} {
		for contentType, body := range bodies {
			f := mustDecodeWith(t, contentType, body(c.fits), Options{Limits: wide})
			wantPairs(t, f, c.fits)
			e := wantError(t, contentType, body(c.over), Options{Limits: wide}, TooLarge, c.limit)
			if !strings.Contains(e.Text, c.limit) {
				t.Errorf("%q does not name %s", e.Text, c.limit)
			}
		}
	}
}

func TestFileBounds(t *testing.T) {
	t.Parallel()
	o := Options{Limits: Limits{Body: 100, Pairs: 3, Name: 100, Value: 100, Depth: 5, Files: 2, FileSize: 100000}}
	file := func(n int) string { return part(`name="f"; filename="x"`, strings.Repeat("c", n)) }
	empty := part(`name="e"; filename=""`, "")
	for _, body := range []string{file(100000) + file(100000), strings.Repeat(empty, 20) + file(1) + file(1), file(0) + file(0) + file(0) + file(1) + file(1)} {
		mustDecodeWith(t, multipartType, body+"--XX--", o)
	}
	for _, body := range []string{file(100001), file(1) + file(100001), file(1) + file(1) + file(1)} {
		wantError(t, multipartType, body+"--XX--", o, TooLarge, "files")
	}
	wantError(t, multipartType, file(0)+file(0)+file(0)+file(0), o, TooLarge, "max_pairs")
	wantError(t, multipartType, file(0)+file(0)+file(0)+part(`name="a"`, "1"), o, TooLarge, "max_pairs")
	o.Limits.Files = 0
	e := wantError(t, multipartType, file(1), o, TooLarge, "files")
	if !strings.Contains(e.Text, "not taken here") {
		t.Error(e.Text)
	}
	mustDecodeWith(t, multipartType, empty+part(`name="a"`, "1"), o)
	wantError(t, multipartType, "--XX\r\nX: "+strings.Repeat("x", 20000)+"\r\n\r\n", Options{}, TooLarge, "max_name")
}

// counter is an endless body; it counts what is taken from it.
type counter struct {
	head string
	fill byte
	n    int64
}

func (c *counter) Read(p []byte) (int, error) {
	n := copy(p, c.head)
	c.head = c.head[n:]
	for i := n; i < len(p); i++ {
		p[i] = c.fill
	}
	c.n += int64(len(p))
	return len(p), nil
}

// TestBoundsStopReading sends bodies without an end: each must be refused, and soon.
func TestBoundsStopReading(t *testing.T) {
	t.Parallel()
	field := "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n"
	file := "--XX\r\nContent-Disposition: form-data; name=\"a\"; filename=\"b\"\r\n\r\n"
	for _, c := range []struct {
		name, contentType, head string
		fill                    byte
		kind                    Kind
		limit                   string
		most                    int64
	}{
		{"urlencoded", urlencodedType, "a=", 'x', TooLarge, "max_body", 4 << 20},
		{"separators", urlencodedType, "", '&', TooLarge, "max_body", 4 << 20},
		{"json", jsonType, `{"a":"`, 'x', TooLarge, "max_body", 4 << 20},
		{"plain", plainType, "a=", '\n', TooLarge, "max_body", 4 << 20},
		{"preamble", multipartType, "", 'x', Malformed, "", 4 << 20},
		{"value", multipartType, field, 'x', TooLarge, "max_value", 600 << 10},
		{"headers", multipartType, "--XX\r\n", 'x', TooLarge, "max_name", 20 << 10},
		{"header lines", multipartType, "--XX\r\nX: y\r\n", ' ', TooLarge, "max_name", 20 << 10},
		{"file", multipartType, file, 'x', TooLarge, "files", 5<<20 + 128<<10},
		{"third file", multipartType, part(`name="a"; filename="b"`, "1") + part(`name="a"; filename="b"`, "1") + part(`name="a"; filename="b"`, "1") + file, 'x', TooLarge, "files", 64 << 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			body := &counter{head: c.head, fill: c.fill}
			_, err := Decode(c.contentType, body, Options{})
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Kind != c.kind || e.Limit != c.limit {
				t.Errorf("%v, want kind %d limit %q", err, c.kind, c.limit)
			}
			if body.n > c.most || body.n > DefaultLimits().Total()+fileBlock {
				t.Errorf("%d bytes were read, at most %d should be", body.n, c.most)
			}
		})
	}
}

// TestTotal takes the largest body that fits its bounds, percent-encoded throughout, and one that is only framing.
func TestTotal(t *testing.T) {
	t.Parallel()
	l := Limits{Body: 6000, Pairs: 100, Name: 30, Value: 30, Depth: 1, Files: 1, FileSize: 10}
	pair := strings.Repeat("%D0", 30) + "=" + strings.Repeat("%96", 30) + "&"
	body := strings.Repeat(pair, 100)
	if int64(len(body)) > l.Total() {
		t.Fatalf("a body of %d bytes fits, and Total is %d", len(body), l.Total())
	}
	if f := mustDecodeWith(t, urlencodedType, body, Options{Limits: l}); len(f.Pairs) != 100 {
		t.Errorf("%d pairs", len(f.Pairs))
	}
	huge := Limits{Body: math.MaxInt64, Pairs: math.MaxInt, Files: math.MaxInt, FileSize: math.MaxInt64}
	if huge.Total() != math.MaxInt64 {
		t.Errorf("Total of endless limits = %d", huge.Total())
	}
	if (Limits{Body: -1, Pairs: -1, Files: -1, FileSize: -1}).Total() != bodySlack {
		t.Error("negative limits count as none")
	}
	f, err := Decode(urlencodedType, strings.NewReader("a=1"), Options{Limits: Limits{Body: math.MaxInt64, Pairs: math.MaxInt, Name: math.MaxInt, Value: math.MaxInt, Depth: math.MaxInt, Files: 1}})
	if err != nil {
		t.Fatal(err)
	}
	wantPairs(t, f, pairs("a", "1"))
}

// TestErrorsNameFields by name only where it is a name for certain.
func TestErrorsNameFields(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("v", 300<<10)
	for name, want := range map[string]string{"comment": `field "comment"`, "a[0][b-c]": `field "a[0][b-c]"`, "+380501112233": "field number 2", "Олена": "field number 2", "": "field number 2", "a@b.c": "field number 2"} {
		e := wantError(t, urlencodedType, "x=1&"+name+"="+long, Options{}, TooLarge, "max_value")
		if !strings.Contains(e.Text, want) || !strings.Contains(e.Text, "256 KB") {
			t.Errorf("%q does not say %q", e.Text, want)
		}
	}
}

func TestPairJSON(t *testing.T) {
	t.Parallel()
	in := pairs("a", "", "Ім'я", "<b>&\u2028\x00", "a", "2")
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(text), `[["a",""],["Ім'я",`) {
		t.Errorf("%s", text)
	}
	var out []Pair
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(in, out); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{`[]`, `["a"]`, `["a","b","c"]`, `["a",null]`, `["a",1]`, `{"a":"b"}`, `"a"`, `null`} {
		if err := json.Unmarshal([]byte(bad), new(Pair)); err == nil {
			t.Errorf("%s was taken for a pair", bad)
		}
	}
}
