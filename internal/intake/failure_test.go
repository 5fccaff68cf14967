package intake

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"formrelay/internal/form"
	"formrelay/internal/httpd"
)

const closed = lamp + "enabled: false\n"

// small is a profile with bounds that a short post exceeds.
const small = lamp + "guard: {max_body: 2KB, max_pairs: 5, max_name: 20, max_value: 1KB, max_depth: 3, files: {max: 1, size: 1KB}}\n"

// withFile is a multipart body with a file in it, and its content type.
func withFile(t *testing.T, content string) (body, contentType string) {
	t.Helper()
	return withFiles(t, content)
}

// jpeg is how a photograph begins.
const jpeg = "\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"

// withFiles is withFile with one content for each file, all of the input photo.
func withFiles(t *testing.T, contents ...string) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	if err := m.WriteField("name", marker); err != nil {
		t.Fatal(err)
	}
	for _, content := range contents {
		part, err := m.CreateFormFile("photo", marker+".jpg")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(part, content)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), m.FormDataContentType()
}

// failureCase is one way to fail; it is posted by a browser and by a script.
type failureCase struct {
	name, path, body, contentType string
	status                        int
	code, limit                   string
	title                         string // of the page, in English
	retry                         string
	turned                        string // the name under which it is counted
}

func failureCases(t *testing.T) []failureCase {
	t.Helper()
	const urlencoded = "application/x-www-form-urlencoded"
	fileBody, fileType := withFile(t, "content")
	bigBody, bigType := withFile(t, jpeg+strings.Repeat("x", 1024))
	twoBody, twoType := withFiles(t, jpeg, jpeg)
	long := strings.Repeat("x", 900)
	return []failureCase{
		{"no such profile", "/forms/none", "a=b", urlencoded, 404, "FORM_NOT_FOUND", "", "There is no such page", "", nobody},
		{"a name that is none", "/forms/%3Cscript%3E", "a=b", urlencoded, 404, "FORM_NOT_FOUND", "", "There is no such page", "", nobody},
		{"a broken profile", "/forms/broken", "a=b", urlencoded, 503, "UNAVAILABLE", "", "We cannot accept your form right now", "60", "broken"},
		{"a closed form", "/forms/closed", "a=b", urlencoded, 410, "INACTIVE", "", "This form is closed", "", "closed"},
		{"no JSON", "/forms/lamp", `{"name":`, "application/json", 400, "MALFORMED", "", "The form could not be read", "", "lamp"},
		{"a wrong boundary", "/forms/lamp", fileBody, "multipart/form-data; boundary=other", 400, "MALFORMED", "", "The form could not be read", "", "lamp"},
		{"a type nobody knows", "/forms/lamp", "<a/>", "application/xml", 415, "UNSUPPORTED_TYPE", "", "The form could not be read", "", "lamp"},
		{"a file", "/forms/nofiles", fileBody, fileType, 413, "NO_FILE_UPLOADS", "files", "The file cannot be accepted", "", "nofiles"},
		{"too large a file", "/forms/small", bigBody, bigType, 413, "FILES_TOO_BIG", "files", "The file cannot be accepted", "", "small"},
		{"too many files", "/forms/small", twoBody, twoType, 413, "TOO_MANY_FILES", "files", "The file cannot be accepted", "", "small"},
		{"too many bytes", "/forms/small", "a=" + long + "&b=" + long + "&c=" + long, urlencoded, 413, "TOO_LARGE_BODY", "max_body", "The form is too large", "", "small"},
		{"too many fields", "/forms/small", "a=1&b=1&c=1&d=1&e=1&f=1", urlencoded, 413, "TOO_LARGE_PAIRS", "max_pairs", "The form is too large", "", "small"},
		{"too long a name", "/forms/small", strings.Repeat("n", 30) + "=1", urlencoded, 413, "TOO_LARGE_NAME", "max_name", "The form is too large", "", "small"},
		{"too long a value", "/forms/small", "a=" + long + long, urlencoded, 413, "TOO_LARGE_VALUE", "max_value", "The form is too large", "", "small"},
		{"too deep", "/forms/small", "a[b][c][d][e]=1", urlencoded, 413, "TOO_LARGE_DEPTH", "max_depth", "The form is too large", "", "small"},
		{"nothing there", "/elsewhere/" + marker, "a=b", urlencoded, 404, "NOT_FOUND", "", "There is no such page", "", ""},
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for _, tt := range failureCases(t) {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, "closed", closed, "small", small, "nofiles", lamp+"guard: {files: {max: 0}}\n")
			page := b.post(tt.path, tt.body, "Content-Type", tt.contentType, "Accept-Language", "en")
			if isJSON(tt.contentType) {
				page = b.post(tt.path, tt.body, "Content-Type", "text/xml", "Accept-Language", "en") // a JSON body gets JSON
				tt.title = "The form could not be read"
			} else if page.Code != tt.status {
				t.Errorf("HTML: status %d, want %d", page.Code, tt.status)
			}
			checkPage(t, page, tt.title, tt.limit)
			script := b.fetch(tt.path, tt.body, "Content-Type", tt.contentType, "Accept-Language", "en")
			if script.Code != tt.status || script.Header().Get("Retry-After") != tt.retry {
				t.Errorf("JSON: status %d, want %d; Retry-After %q", script.Code, tt.status, script.Header().Get("Retry-After"))
			}
			checkFailure(t, script, tt.code, tt.limit)
			if b.store.stored() != 0 {
				t.Error("a row was stored")
			}
			if got := b.intake.turned.take()[tt.turned][tt.status]; tt.turned != "" && got == 0 {
				t.Errorf("it was not counted under %q", tt.turned)
			}
		})
	}
}

// checkPage looks at what every problem's page must have.
func checkPage(t *testing.T, w *httptest.ResponseRecorder, title, limit string) {
	t.Helper()
	page := w.Body.String()
	if !strings.Contains(page, "<h1>"+title+"</h1>") || !strings.Contains(page, "<title>"+title+"</title>") || !strings.Contains(page, limit) {
		t.Errorf("the page is not %q %q:\n%s", title, limit, page)
	}
	for k, v := range map[string]string{
		"Cache-Control": "no-store", "Content-Type": "text/html; charset=utf-8", "X-Content-Type-Options": "nosniff",
		"Referrer-Policy":         "no-referrer",
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	} {
		if got := w.Header().Get(k); got != v {
			t.Errorf("%s: %q, want %q", k, got, v)
		}
	}
	if strings.Contains(page, "<script") || strings.Contains(page, marker) {
		t.Errorf("the page repeats what was sent:\n%s", page)
	}
}

// checkFailure looks at what every failure's JSON must have.
func checkFailure(t *testing.T, w *httptest.ResponseRecorder, code, limit string) {
	t.Helper()
	m := decoded(t, w.Body)
	text, ok := m["error"].(string)
	if !ok || text == "" || m["message"] != text || m["ok"] != false || m["success"] != false || m["id"] != nil || m["request_id"] == nil {
		t.Errorf("the body is %v", m)
	}
	first, _ := m["errors"].([]any)[0].(map[string]any)
	if first["code"] != code || first["message"] != text || (first["field"] != nil) != (limit == "files") {
		t.Errorf("errors %v, want code %s", m["errors"], code)
	}
	if m["detail"] == nil && (w.Code == 400 || w.Code == 413 || w.Code == 415) {
		t.Errorf("nothing tells the developer what is wrong: %v", m)
	}
	if got, _ := m["limit"].(string); got != limit {
		t.Errorf("limit %q, want %q", got, limit)
	}
}

func TestEachBoundHasItsSentence(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	b := setup(t, "small", small, "nofiles", lamp+"guard: {files: {max: 0}}\n")
	for _, tt := range failureCases(t) {
		if tt.limit == "" {
			continue
		}
		text, _ := decoded(t, b.fetch(tt.path, tt.body, "Content-Type", tt.contentType).Body)["message"].(string)
		if other := seen[text]; other != "" && other != tt.limit || text == "" {
			t.Errorf("%s and %s are told alike: %q", tt.limit, other, text)
		}
		seen[text] = tt.limit
	}
}

// A file is refused as a file, and at its first byte: also one that is larger than the whole form may be, and the largest of them.
func TestFileIsRefusedAsAFile(t *testing.T) {
	t.Parallel()
	head, contentType := withFile(t, "content")
	head, _, _ = strings.Cut(head, "content")
	for _, size := range []int64{1, 5 << 20, 16 << 20, 10 << 30} {
		b := setup(t, "nofiles", lamp+"guard: {files: {max: 0}}\n")
		photo := &endless{}
		r := httptest.NewRequest(http.MethodPost, "/forms/nofiles", io.LimitReader(io.MultiReader(strings.NewReader(head), photo), int64(len(head))+size))
		r.ContentLength = int64(len(head)) + size
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("Accept-Language", "en")
		w := httptest.NewRecorder()
		b.server.ServeHTTP(w, r)
		page := w.Body.String()
		if w.Code != http.StatusRequestEntityTooLarge || !strings.Contains(page, "This form takes no files.") || b.store.stored() != 0 {
			t.Errorf("%d bytes: %d\n%s", size, w.Code, page)
		}
		// What was sent is read to its end, so that the page is seen; what is too much for that is not begun.
		if size <= 16<<20 && (photo.read < size || w.Header().Get("Connection") == "close") || size > drainMost && photo.read > 1<<20 {
			t.Errorf("%d bytes: %d were read, Connection %q", size, photo.read, w.Header().Get("Connection"))
		}
	}
}

// A browser that still sends must see the page, whatever the post is turned away for.
func TestWhatIsTurnedAwayIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	b := setup(t, "closed", closed)
	for path, status := range map[string]int{"/forms/none": 404, "/forms/closed": 410, "/forms/broken": 503, "/forms/lamp": 413} {
		body := strings.NewReader("a=" + strings.Repeat("x", 8<<20))
		r := httptest.NewRequest(http.MethodPost, path, body)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		b.server.ServeHTTP(w, r)
		if w.Code != status || body.Len() != 0 || w.Header().Get("Connection") != "" {
			t.Errorf("%s: %d, %d bytes were left unread, Connection %q", path, w.Code, body.Len(), w.Header().Get("Connection"))
		}
	}
}

// A file that the visitor's device could not read comes as a name without content: no reason to lose the lead.
func TestNamedEmptyFileIsKeptAsAName(t *testing.T) {
	t.Parallel()
	b := setup(t)
	body, contentType := withFile(t, "")
	if w := b.post("/forms/lamp", body, "Content-Type", contentType); w.Code != http.StatusSeeOther {
		t.Fatalf("status %d", w.Code)
	}
	if diff := cmp.Diff([]form.Pair{{Name: "name", Value: marker}, {Name: "photo", Value: marker + ".jpg"}}, b.store.last.Pairs); diff != "" {
		t.Error(diff)
	}
}

func TestCompressedBodyIsA415(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for coding, status := range map[string]int{"gzip": 415, "br": 415, "identity, gzip": 415, "identity": 303, "Identity": 303, " ": 303} {
		w := b.post("/forms/lamp", "name=Olena&phone=0501112233", "Content-Encoding", coding, "Accept-Language", "en")
		if w.Code != status {
			t.Errorf("%q: %d", coding, w.Code)
		}
		if status == http.StatusUnsupportedMediaType {
			checkPage(t, w, "The form could not be read", "")
		}
	}
	m := decoded(t, b.fetch("/forms/lamp", "name="+marker, "Content-Encoding", "gzip").Body)
	if detail, _ := m["detail"].(string); !strings.Contains(detail, "Content-Encoding") {
		t.Errorf("%v", m)
	}
}

func TestDetailIsForPrograms(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.post("/forms/lamp", "<a/>", "Content-Type", "application/xml", "Accept-Language", "uk")
	if page := w.Body.String(); w.Code != http.StatusUnsupportedMediaType || strings.Contains(page, "application/x-www-form-urlencoded") {
		t.Errorf("%d\n%s", w.Code, page)
	}
}

func TestEmptyFileIsNone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	body, contentType := withFile(t, "")
	body = strings.ReplaceAll(body, marker+".jpg", "")
	if w := b.post("/forms/lamp", body, "Content-Type", contentType); w.Code != http.StatusSeeOther {
		t.Errorf("status %d: an input left empty is sent by every browser", w.Code)
	}
}

func TestAnnouncedGiantIsNotRead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, contentType := range []string{"application/x-www-form-urlencoded", "text/plain", "application/json"} {
		r := httptest.NewRequest(http.MethodPost, "/forms/lamp", nil)
		r.Body, r.ContentLength = io.NopCloser(unreadable{t}), 10<<30
		r.Header.Set("Content-Type", contentType)
		w := httptest.NewRecorder()
		b.server.ServeHTTP(w, r)
		if w.Code != http.StatusRequestEntityTooLarge || w.Header().Get("Connection") != "close" {
			t.Errorf("%s: %d, Connection %q", contentType, w.Code, w.Header().Get("Connection"))
		}
	}
}

// unreadable is a body that nobody may read.
type unreadable struct{ t *testing.T }

func (u unreadable) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

func TestUnannouncedGiantIsReadToTheBound(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, contentType := range []string{"application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json", "text/plain"} {
		total := b.shelf.good["lamp"].Limits.Total()
		body := &endless{}
		r := httptest.NewRequest(http.MethodPost, "/forms/lamp", body)
		r.ContentLength = -1
		r.Header.Set("Content-Type", contentType)
		w := httptest.NewRecorder()
		b.server.ServeHTTP(w, r)
		want := http.StatusRequestEntityTooLarge
		if strings.HasPrefix(contentType, "multipart/") {
			want = http.StatusBadRequest // so much, and the boundary never stands in it
		}
		if w.Code != want || body.read > total+drainMost+64<<10 {
			t.Errorf("%s: %d after %d bytes, the bounds are %d and %d", contentType, w.Code, body.read, total, drainMost)
		}
	}
}

// endless is a body without end.
type endless struct{ read int64 }

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, "a")
	for ; n > 0 && n < len(p); n *= 2 { // by doubling: the race detector looks at each single write
		copy(p[n:], p[:n])
	}
	e.read += int64(len(p))
	return len(p), nil
}

func TestRefusedBodyIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	b := setup(t, "small", small)
	body := strings.NewReader(strings.Repeat("n", 30) + "=1&" + strings.Repeat("a=1&", 20_000))
	r := httptest.NewRequest(http.MethodPost, "/forms/small", body)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	b.server.ServeHTTP(w, r)
	if w.Code != http.StatusRequestEntityTooLarge || body.Len() != 0 {
		t.Errorf("%d, %d bytes were left unread", w.Code, body.Len())
	}
}

// raw sends bytes over a connection to a real server and returns the answer.
func raw(t *testing.T, h http.Handler, request string) *http.Response {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	c, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

func TestSlowBodyIsA408(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.configure(Config{BodyRate: httpd.BodyRate{PerSecond: 1000, Grace: 30 * time.Millisecond}})
	resp := raw(t, b.server, "POST /forms/lamp HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"+
		"Accept: application/json\r\nContent-Length: 100\r\n\r\nname="+marker)
	m := decoded(t, resp.Body)
	if code := m["errors"].([]any)[0].(map[string]any)["code"]; resp.StatusCode != http.StatusRequestTimeout || code != "TIMEOUT" || !resp.Close {
		t.Errorf("%d %v, close: %v", resp.StatusCode, m, resp.Close)
	}
	if b.intake.turned.take()["lamp"][http.StatusRequestTimeout] != 1 || b.store.stored() != 0 {
		t.Error("it was not counted, or stored")
	}
}

func TestBrokenOffBodyIsA400(t *testing.T) {
	t.Parallel()
	b := setup(t)
	resp := raw(t, b.server, "POST /forms/lamp HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"+
		"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n")
	if resp.StatusCode != http.StatusBadRequest || !resp.Close {
		t.Errorf("%d, close: %v", resp.StatusCode, resp.Close)
	}
}

func TestPanicInAProfileIsNoStackForTheVisitor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.shelf.good["gone"] = nil // stands for a fault that nobody foresaw
	w := b.post("/forms/gone", "name="+marker)
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "goroutine") || !strings.Contains(w.Body.String(), "<h1>") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if !strings.Contains(w.Body.String(), w.Header().Get("X-Request-Id")) {
		t.Error("the page does not name the request")
	}
}

func TestEveryStatusHasAPageInEveryLanguage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, status := range []int{400, 403, 404, 405, 408, 410, 413, 415, 422, 429, 500, 503, 418} {
		for _, lang := range []string{"uk", "ru", "en", "pl"} {
			w := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodPost, "/forms/lamp", nil)
			b.intake.render(w, r, &httpd.Problem{Status: status, Code: "X", Lang: lang, Allow: "POST, OPTIONS"})
			text := b.intake.texts[lang]
			want := text[strconv.Itoa(status)+".title"]
			if status == 418 {
				want = text["other.title"]
			}
			if w.Code != status || want == "" || !strings.Contains(w.Body.String(), fmt.Sprintf("<html lang=%q>", lang)) ||
				!strings.Contains(w.Body.String(), "<h1>"+want+"</h1>") {
				t.Errorf("%d %s:\n%s", status, lang, w.Body)
			}
		}
	}
}
