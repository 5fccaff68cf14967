package form

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// part is one part of a body with the boundary XX.
func part(disposition, content string) string {
	return "--XX\r\nContent-Disposition: form-data; " + disposition + "\r\n\r\n" + content + "\r\n"
}

// TestMultipartNode is what Node 20.20 wrote for `new Response(formData)`: recorded, the boundary shortened.
func TestMultipartNode(t *testing.T) {
	t.Parallel()
	body := "--XX\r\nContent-Disposition: form-data; name=\"a%22b\"\r\n\r\nv\n1\r\n" +
		"--XX\r\nContent-Disposition: form-data; name=\"a\\b\"\r\n\r\nv\r\n" +
		"--XX\r\nContent-Disposition: form-data; name=\"a\\\"\r\n\r\nv\r\n" +
		"--XX\r\nContent-Disposition: form-data; name=\"a%0D%0Ab\"\r\n\r\nv\r\n" +
		"--XX\r\nContent-Disposition: form-data; name=\"Ім'я\"\r\n\r\nv\r\n" +
		"--XX\r\nContent-Disposition: form-data; name=\"x; y=%22z%22\"\r\n\r\nv\r\n" +
		"--XX\r\nContent-Disposition: form-data; name=\"a\\%22b\"\r\n\r\nv\r\n" +
		"--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"n%22a\\me.txt\"\r\nContent-Type: application/octet-stream\r\n\r\nx\r\n" +
		"--XX\r\nContent-Disposition: form-data; name=\"g\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n--XX--\r\n"
	f, files := mustFiles(t, multipartType, body, Limits{})
	wantPairs(t, f, pairs(`a"b`, "v\n1", `a\b`, "v", `a\`, "v", "a\r\nb", "v", "Ім'я", "v", `x; y="z"`, "v", `a\"b`, "v", "g", ""))
	want := []sent{{"f", `n"a\me.txt`, "application/octet-stream", "x"}}
	if diff := cmp.Diff(want, files); diff != "" {
		t.Errorf("files:\n%s", diff)
	}
}

// TestCurl is what curl 7.88.1 sent for -F and for --data-urlencode with -d: recorded.
func TestCurl(t *testing.T) {
	t.Parallel()
	const boundary = "------------------------3313be0de3ccb8db"
	body := "--" + boundary + "\r\nContent-Disposition: form-data; name=\"a%22b\"\r\n\r\n1\r\n" +
		"--" + boundary + "\r\nContent-Disposition: form-data; name=\"c\\d\"\r\n\r\n2\r\n" +
		"--" + boundary + "\r\nContent-Disposition: form-data; name=\"Ім'я\"\r\n\r\nОлена\r\n" +
		"--" + boundary + "\r\nContent-Disposition: form-data; name=\"f\"; filename=\"q%22u\\o.txt\"\r\nContent-Type: text/plain\r\n\r\nfile\r\n" +
		"--" + boundary + "--\r\n"
	f, files := mustFiles(t, "multipart/form-data; boundary="+boundary, body, Limits{})
	wantPairs(t, f, pairs(`a"b`, "1", `c\d`, "2", "Ім'я", "Олена"))
	want := []sent{{"f", `q"u\o.txt`, "text/plain", "file"}}
	if diff := cmp.Diff(want, files); diff != "" {
		t.Errorf("files:\n%s", diff)
	}
	f = mustDecode(t, urlencodedType, `a"b=100%25+%26+%3B&discount=100%`)
	wantPairs(t, f, pairs(`a"b`, "100% & ;", "discount", "100%"))
}

// TestMultipartChrome is an order form as the HTML standard has a browser write it, with an empty file input: made by hand from its
// section on multipart/form-data and Chrome's kind of boundary.
func TestMultipartChrome(t *testing.T) {
	t.Parallel()
	const boundary = "----WebKitFormBoundary7MA4YWxkTrZu0gW0"
	var body strings.Builder
	fields := pairs("First Name", "Олена", "comment", "line one\r\nline two", "products[0][sku]", "A-1", "products[0][quantity]", "2", "empty", "")
	for _, p := range fields {
		body.WriteString("--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + p.Name + "\"\r\n\r\n" + p.Value + "\r\n")
	}
	body.WriteString("--" + boundary + "\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n--" + boundary + "--\r\n")
	f := mustDecode(t, "multipart/form-data; boundary="+boundary, body.String())
	wantPairs(t, f, fields)
	want := map[string]any{
		"First Name": "Олена", "First_Name": "Олена", "comment": "line one\r\nline two", "empty": nil,
		"products": []any{map[string]any{"sku": "A-1", "quantity": "2"}},
	}
	if diff := cmp.Diff(want, f.Tree().Values()); diff != "" || f.Files != nil {
		t.Errorf("values:\n%s\nfiles: %+v", diff, f.Files)
	}
}

func TestMultipartNames(t *testing.T) {
	t.Parallel()
	for disposition, want := range map[string]string{
		`name="a"`:                 "a",
		`name=a`:                   "a",
		`name=a b`:                 "a b",
		`name='a b'`:               "a b",
		`name='a`:                  "'a",
		`NAME="a"`:                 "a",
		`name = "a"`:               "a",
		`name="a`:                  "a",
		`name="a"; name="b"`:       "a",
		`name="say \"hi\""`:        `say "hi"`, // curl --form-escape, old Firefox
		`name="a\\\"b"`:            `a\"b`,
		`name="a\\b"`:              `a\\b`, // browsers write a backslash as it is
		`name="a\"`:                `a\`,
		`name="a\\"`:               `a\\`,
		`name="a%41%22%0a"`:        "a%41\"\n",
		`x=1; name="a;b"`:          "a;b",
		`name*=utf-8''%D1%96+%22`:  "і+\"", // older urllib3
		`name="a"; name*=utf-8''b`: "a",
		`name=""`:                  "",
		`other`:                    "",
		`name="Прізвище, ім'я (повністю)"`: "Прізвище, ім'я (повністю)",
	} {
		f := mustDecode(t, multipartType, part(disposition, "v")+"--XX--\r\n")
		if len(f.Pairs) != 1 || f.Pairs[0] != (Pair{want, "v"}) {
			t.Errorf("%s: %q, want the name %q", disposition, f.Pairs, want)
		}
	}
	f := mustDecode(t, multipartType, part(`name="a\"; filename="b"`, "v")+"--XX--\r\n")
	if len(f.Files) != 1 || f.Files[0].Field != `a\` || f.Files[0].Name != "b" {
		t.Errorf("a name that ends in a backslash: %+v", f)
	}
}

// TestMultipartLenient holds bodies that senders make and mime/multipart refuses or misreads. Where PHP 8.2 was asked, it gives the same.
func TestMultipartLenient(t *testing.T) {
	t.Parallel()
	a, b := part(`name="a"`, "1"), part(`name="b"`, "2")
	ab := pairs("a", "1", "b", "2")
	for _, c := range []struct {
		name, body string
		want       []Pair
	}{
		{"plain", a + b + "--XX--\r\n", ab},
		{"no line break at the end", a + b + "--XX--", ab},
		{"preamble and epilogue", "hello\r\n" + a + b + "--XX--\r\nbye\r\n" + a, ab},
		{"LF only", strings.ReplaceAll(a+b+"--XX--\r\n", "\r\n", "\n"), ab},
		{"blanks after the delimiter", strings.ReplaceAll(a+b+"--XX--\r\n", "--XX\r\n", "--XX \t\r\n"), ab},
		{"no last delimiter", a + b, ab},
		{"no last delimiter and no break", strings.TrimSuffix(a+b, "\r\n"), ab},
		{"cut in the last delimiter", a + b + "--X", ab},
		{"cut after the last delimiter's text", a + b + "--XX", ab},
		{"cut in its dashes", a + b + "--XX-", ab},
		{"cut in a value", a + strings.TrimSuffix(part(`name="b"`, "222"), "\r\n"), pairs("a", "1", "b", "222")},
		{"cut in headers", a + "--XX\r\nContent-Disposition: form-data; name=\"b\"\r\n", pairs("a", "1", "b", "")},
		{"cut after a delimiter", a + "--XX\r\n", pairs("a", "1")},
		{"no empty line", a + "--XX\r\nContent-Disposition: form-data; name=\"b\"\r\n--XX--\r\n", pairs("a", "1", "b", "")},
		{"no line break in an empty value", "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n--XX\r\n" + b[6:] + "--XX--", pairs("a", "", "b", "2")},
		{"a text that begins like the delimiter", part(`name="a"`, "1\r\n--XXY\r\n-- XX") + b + "--XX--\r\n", pairs("a", "1\r\n--XXY\r\n-- XX", "b", "2")},
		{"a delimiter inside a line", part(`name="a"`, "x--XX") + "--XX--\r\n", pairs("a", "x--XX")},
		{"line breaks in values", part(`name="a"`, "\r\n1\r\n\r\n") + "--XX--\r\n", pairs("a", "\r\n1\r\n\r\n")},
		{"a header in small letters", "--XX\r\ncontent-disposition:form-data;name=\"a\"\r\n\r\n1\r\n--XX--", pairs("a", "1")},
		{"a folded header", "--XX\r\nContent-Disposition: form-data;\r\n\tname=\"a\"\r\n\r\n1\r\n--XX--", pairs("a", "1")},
		{"other headers", "--XX\r\nX-A: 1\r\n folded\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Type: text/plain; charset=koi8-r\r\n\r\n1\r\n--XX--", pairs("a", "1")},
		{"transfer encoding is not undone", "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=3Db=20\r\n--XX--\r\n", pairs("a", "a=3Db=20")},
		{"no name", part("", "1") + b + "--XX--\r\n", pairs("", "1", "b", "2")},
		{"no disposition", "--XX\r\nContent-Type: text/plain\r\n\r\n1\r\n" + b + "--XX--\r\n", pairs("", "1", "b", "2")},
		{"a form without fields", "--XX--\r\n", nil},
		{"nothing", "", nil},
		{"_charset_", part(`name="_charset_"`, "windows-1251") + part(`name="a"`, "\xcf") + "--XX--", pairs("_charset_", "windows-1251", "a", "П")},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := mustDecode(t, multipartType, c.body)
			wantPairs(t, f, c.want)
			if len(f.Files) > 0 {
				t.Errorf("files = %+v", f.Files)
			}
		})
	}
}

func TestMultipartContentTypes(t *testing.T) {
	t.Parallel()
	for _, contentType := range []string{
		`multipart/form-data; boundary="XX"`, `multipart/form-data;boundary=XX; charset=utf-8`, `Multipart/Form-Data; Boundary=XX`,
		`multipart/form-data boundary=XX`, `multipart/form-data, boundary=XX`, `multipart/form-data; boundary=XX,foo`,
		`multipart/form-data; boundary =XX`, ` multipart/form-data ; charset="utf-8;" ; boundary= "XX"`, `multipart/form-data; x; boundary=XX;`,
	} {
		wantPairs(t, mustDecode(t, contentType, part(`name="a"`, "1")+"--XX--\r\n"), pairs("a", "1"))
	}
	f := mustDecode(t, `multipart/form-data; boundary="=_X'()+,./:=? Y"`, strings.ReplaceAll(part(`name="a"`, "1"), "XX", "=_X'()+,./:=? Y"))
	wantPairs(t, f, pairs("a", "1"))
}

func TestMultipartMalformed(t *testing.T) {
	t.Parallel()
	wrong := strings.ReplaceAll(part(`name="a"`, "1")+"--XX--\r\n", "XX", "YY")
	for _, c := range []struct{ name, contentType, body, says string }{
		{"wrong boundary", multipartType, wrong, `is "XX", but the body's is "YY"`},
		{"wrong boundary, long body", multipartType, wrong + strings.Repeat("x", 8<<20), `is "XX", but the body's is "YY"`},
		{"no part", multipartType, "a=1&b=2", `no part of the body begins with "--XX"`},
		{"a delimiter and no more", multipartType, "--XX\r\n", `"--XX"`},
		{"no boundary", "multipart/form-data", wrong, "names no boundary"},
		{"empty boundary", "multipart/form-data; boundary=", wrong, "names no boundary"},
		{"no boundary and no body", "multipart/form-data", "", "names no boundary"},
		{"endless boundary", "multipart/form-data; boundary=" + strings.Repeat("x", 257), wrong, "longer than 256"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := wantError(t, c.contentType, c.body, Options{}, Malformed, "")
			if !strings.Contains(e.Text, c.says) {
				t.Errorf("%q does not say %q", e.Text, c.says)
			}
		})
	}
	e := wantError(t, multipartType, "name=Olena secret\r\nmore", Options{}, Malformed, "")
	if strings.Contains(e.Text, "Olena") {
		t.Errorf("a visitor's text in the error: %q", e.Text)
	}
}

func TestMultipartFiles(t *testing.T) {
	t.Parallel()
	big := bytes.Repeat([]byte("0123456789\r\n--X\r\n"), 20000)
	body := part(`name="a"`, "1") +
		part(`name="empty"; filename=""`+"\r\nContent-Type: application/octet-stream", "") +
		part(`name="big[]"; filename="C:\фото.png"`+"\r\nContent-Type: image/png", string(big)) +
		part(`name="unnamed"; filename=""`, "content") +
		part(`name="named"; filename="empty.txt"`, "") +
		part(`name="ext"; filename*=UTF-8''%D1%96.txt`, "x") +
		part(`name="b"`, "2") + "--XX--\r\n"
	mustDecode(t, multipartType, body)
	f, files := mustFiles(t, multipartType, body, Limits{})
	wantPairs(t, f, pairs("a", "1", "b", "2", "named", "empty.txt"))
	want := []sent{
		{"big[]", `C:\фото.png`, "image/png", string(big)},
		{"unnamed", "", "", "content"},
		{"ext", "і.txt", "", "x"},
	}
	if diff := cmp.Diff(want, files); diff != "" {
		t.Errorf("files:\n%s", diff)
	}
}

// TestMultipartRaw keeps the body without the contents of files, which are kept beside it.
func TestMultipartRaw(t *testing.T) {
	t.Parallel()
	content := strings.Repeat("\x00file\xff", 20000)
	head, tail := part(`name="f"; filename="x"`, content), part(`name="a"`, "\x98")+"--XX--\r\n"
	f, files := mustFiles(t, multipartType, head+tail, Limits{})
	if want := strings.Replace(head, content, "", 1) + tail; string(f.Raw) != want {
		t.Errorf("raw = %q, want %q", f.Raw, want)
	}
	if files[0].Content != content {
		t.Error("the file's content changed")
	}
}

// TestMultipartCutFile keeps what came of a file: whether that is all of it, only the reader can tell.
func TestMultipartCutFile(t *testing.T) {
	t.Parallel()
	_, files := mustFiles(t, multipartType, "--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\ncont", Limits{})
	if len(files) != 1 || files[0].Content != "cont" {
		t.Errorf("files = %+v", files)
	}
	f := mustDecode(t, multipartType, "--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n")
	wantPairs(t, f, pairs("f", "x"))
}

// FuzzMultipartKeepsPairs writes parts with mime/multipart, as browsers name them, and wants them back.
func FuzzMultipartKeepsPairs(f *testing.F) {
	f.Add("name", "Олена", "photo", "x.png", []byte("\r\n--"))
	f.Add(`a"b\`, "\r\n--formrelay-test", "f", `\"; filename="y`, []byte{0, 255})
	f.Fuzz(func(t *testing.T, name, value, field, file string, content []byte) {
		const boundary = "formrelay-test-boundary"
		if strings.Contains(value, boundary) || bytes.Contains(content, []byte(boundary)) {
			t.Skip("a sender would choose another boundary")
		}
		for _, s := range []*string{&name, &value, &field, &file} {
			*s = strings.ToValidUTF8(*s, "?")
			// %22 and its like cannot be told from what they stand for, nor \" from an old escape: the format has no way to.
			if s != &value && strings.ContainsAny(*s, "%\x00\\") {
				t.Skip("ambiguous in the format itself")
			}
		}
		var body bytes.Buffer
		w := multipart.NewWriter(&body)
		if err := w.SetBoundary(boundary); err != nil {
			t.Fatal(err)
		}
		quote := strings.NewReplacer(`"`, "%22", "\r", "%0D", "\n", "%0A").Replace
		for _, p := range [][2]string{{`form-data; name="` + quote(name) + `"`, value}, {`form-data; name="` + quote(field) + `"; filename="` + quote(file) + `"`, string(content)}} {
			out, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {p[0]}})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := out.Write([]byte(p[1])); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		got, files := mustFiles(t, w.FormDataContentType()+";charset=utf-8", body.String(), roomy())
		want, wantFiles := pairs(name, value), []sent(nil)
		switch {
		case len(content) > 0:
			wantFiles = []sent{{field, file, "", string(content)}}
		case file != "":
			want = append(want, Pair{field, file})
		}
		wantPairs(t, got, want)
		if diff := cmp.Diff(wantFiles, files); diff != "" {
			t.Error(diff)
		}
	})
}

// TestMultipartAsPHP holds the pairs against what PHP itself made of the same bodies (testdata/multipart.php).
func TestMultipartAsPHP(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/multipart.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Posts []struct {
			Name, Body  string
			Post, Files any
		}
	}
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Posts) < 20 {
		t.Fatalf("only %d posts in the golden file", len(golden.Posts))
	}
	for _, post := range golden.Posts {
		switch post.Name {
		case "longer delimiter": // PHP loses the rest of the value; see TestMultipartLenient
			continue
		case "wrong boundary": // PHP makes an empty form of it; see TestMultipartMalformed
			continue
		}
		f, sent := mustFiles(t, multipartType, post.Body, Limits{})
		got := map[string]string{}
		for i, path := range f.Tree().Paths() {
			got[strings.Join(path, "/")] = f.Pairs[i].Value
		}
		want := map[string]string{}
		flatten(post.Post, "", want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-PHP +got):\n%s", post.Name, diff)
		}
		files, want := map[string]string{}, map[string]string{}
		for _, file := range sent {
			files[file.Field+"/0"], files[file.Field+"/1"] = file.Name, file.Content
		}
		if post.Name != "empty file input" { // PHP has an entry with an error for it, here it is no file
			flatten(post.Files, "", want)
		}
		if diff := cmp.Diff(want, files); diff != "" {
			t.Errorf("%s: files (-PHP +got):\n%s", post.Name, diff)
		}
	}
}

// flatten puts the texts of a JSON value into all, by their paths.
func flatten(v any, path string, all map[string]string) {
	switch v := v.(type) {
	case string:
		all[strings.TrimPrefix(path, "/")] = v
	case []any:
		for i, item := range v {
			flatten(item, path+"/"+strconv.Itoa(i), all)
		}
	case map[string]any:
		for key, item := range v {
			flatten(item, path+"/"+key, all)
		}
	}
}

// TestNoFilesTaken: where a form takes no files, one byte of a file refuses the post at once; a named file without content does not, and
// its name is kept as a pair.
func TestNoFilesTaken(t *testing.T) {
	t.Parallel()
	limits := DefaultLimits()
	limits.Files, limits.Depth = 0, 3
	options := Options{Limits: limits}
	empty := part(`name="photo"; filename="лампа.jpg"`, "") + part(`name="other"; filename=""`, "") + part(`name="a"`, "1") + "--XX--\r\n"
	f, err := Decode(multipartType, strings.NewReader(empty), options)
	if err != nil {
		t.Fatal(err)
	}
	wantPairs(t, f, pairs("a", "1", "photo", "лампа.jpg"))
	if len(f.Files) > 0 {
		t.Errorf("files = %+v", f.Files)
	}
	body := strings.NewReader(part(`name="a"`, "1") + part(`name="photo"; filename="x.jpg"`, strings.Repeat("x", 8<<20)) + "--XX--\r\n")
	wantLimit(t, "files", body, options)
	if read := body.Size() - int64(body.Len()); read > 100<<10 {
		t.Errorf("%d bytes of a file that is not taken were read", read)
	}
	wantLimit(t, "max_depth", strings.NewReader(part(`name="a[b][c][d]"; filename="x.jpg"`, "")+"--XX--\r\n"), options)
}

// wantLimit decodes a body that is beyond a bound.
func wantLimit(t *testing.T, limit string, body *strings.Reader, o Options) {
	t.Helper()
	_, err := Decode(multipartType, body, o)
	if e, ok := errors.AsType[*Error](err); !ok || e.Limit != limit {
		t.Errorf("error %v, want one of %s", err, limit)
	}
}

// TestSinkFails: what the sink says comes back, and nothing more is read.
func TestSinkFails(t *testing.T) {
	t.Parallel()
	full := errors.New("the disk is full")
	for name, sink := range map[string]func() (io.WriteCloser, error){
		"open":  func() (io.WriteCloser, error) { return nil, full },
		"write": func() (io.WriteCloser, error) { return failing{write: full}, nil },
		"close": func() (io.WriteCloser, error) { return failing{close: full}, nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := part(`name="f"; filename="x"`, "content") + "--XX--\r\n"
			_, err := Decode(multipartType, strings.NewReader(body), Options{Files: sink})
			if _, ok := errors.AsType[*SinkError](err); !ok || !errors.Is(err, full) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// failing is a sink that fails.
type failing struct{ write, close error }

func (f failing) Write(p []byte) (int, error) { return len(p), f.write }
func (f failing) Close() error                { return f.close }
