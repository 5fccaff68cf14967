package form

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

const (
	urlencodedType = "application/x-www-form-urlencoded"
	multipartType  = "multipart/form-data; boundary=XX"
	jsonType       = "application/json"
	plainType      = "text/plain;charset=UTF-8"
)

// mustDecode decodes body twice, once byte by byte: how the body arrives must never matter.
func mustDecode(t testing.TB, contentType, body string) *Fields {
	t.Helper()
	return mustDecodeWith(t, contentType, body, Options{})
}

func mustDecodeWith(t testing.TB, contentType, body string, o Options) *Fields {
	t.Helper()
	f, err := Decode(contentType, strings.NewReader(body), o)
	if err != nil {
		t.Fatalf("Decode(%q, %q): %v", contentType, body, err)
	}
	slow, err := Decode(contentType, iotest.OneByteReader(strings.NewReader(body)), o)
	if err != nil {
		t.Fatalf("Decode(%q, %q) byte by byte: %v", contentType, body, err)
	}
	if diff := cmp.Diff(f, slow, cmp.Comparer(sameRaw)); diff != "" {
		t.Fatalf("Decode(%q, %q) byte by byte differs:\n%s", contentType, body, diff)
	}
	return f
}

// sent is a file with the content that the sink got.
type sent struct {
	Field, Name, ContentType, Content string
}

// contents is a sink that keeps everything.
type contents struct {
	all    []*bytes.Buffer
	closed int
}

func (c *contents) open() (io.WriteCloser, error) {
	c.all = append(c.all, new(bytes.Buffer))
	return c, nil
}

func (c *contents) Write(block []byte) (int, error) { return c.all[len(c.all)-1].Write(block) }

func (c *contents) Close() error { c.closed++; return nil }

// mustFiles decodes body and gives its files with their contents, each of which must have been closed.
func mustFiles(t testing.TB, contentType, body string, limits Limits) (*Fields, []sent) {
	t.Helper()
	var sink contents
	f, err := Decode(contentType, strings.NewReader(body), Options{Limits: limits, Files: sink.open})
	if err != nil {
		t.Fatal(err)
	}
	if len(sink.all) != len(f.Files) || sink.closed != len(f.Files) {
		t.Fatalf("%d contents, %d closed, of %d files", len(sink.all), sink.closed, len(f.Files))
	}
	var all []sent
	for i, file := range f.Files {
		if int64(sink.all[i].Len()) != file.Size {
			t.Errorf("file %d: %d bytes, its size is %d", i, sink.all[i].Len(), file.Size)
		}
		all = append(all, sent{file.Field, file.Name, file.ContentType, sink.all[i].String()})
	}
	return f, all
}

// sameRaw compares bodies but for an epilogue, of which a reader may have brought some or nothing.
func sameRaw(a, b []byte) bool {
	return strings.HasPrefix(string(a), string(b)) || strings.HasPrefix(string(b), string(a))
}

// wantError decodes and wants an *Error; its limit may be "".
func wantError(t testing.TB, contentType, body string, o Options, kind Kind, limit string) *Error {
	t.Helper()
	f, err := Decode(contentType, strings.NewReader(body), o)
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("Decode(%q, %.200q) = %v, %v; want an *Error", contentType, body, f, err)
	}
	if f != nil {
		t.Errorf("Decode(%q) returned fields with its error", contentType)
	}
	if e.Kind != kind || e.Limit != limit {
		t.Fatalf("Decode(%q, %.200q): kind %d limit %q (%v), want %d %q", contentType, body, e.Kind, e.Limit, e, kind, limit)
	}
	if len(e.Text) < 20 || strings.HasSuffix(e.Text, ".") {
		t.Errorf("no sentence: %q", e.Text)
	}
	return e
}

func pairs(nameValue ...string) []Pair {
	var all []Pair
	for i := 0; i < len(nameValue); i += 2 {
		all = append(all, Pair{nameValue[i], nameValue[i+1]})
	}
	return all
}

func wantPairs(t testing.TB, f *Fields, want []Pair) {
	t.Helper()
	if len(f.Pairs) == 0 && len(want) == 0 {
		return
	}
	if diff := cmp.Diff(want, f.Pairs); diff != "" {
		t.Errorf("pairs (-want +got):\n%s", diff)
	}
}
