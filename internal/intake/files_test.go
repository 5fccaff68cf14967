package intake

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"formrelay/internal/submission"
)

// The beginnings of other files, written by hand from their formats.
const (
	png = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00"
	pdf = "%PDF-1.7\n"
	exe = "MZ\x90\x00\x03\x00\x00\x00"
)

// sentFile is a file as a browser sends it.
type sentFile struct{ field, name, claims, content string }

// photos is a post with the name Olena and files.
func photos(t *testing.T, files ...sentFile) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	if err := m.WriteField("name", "Олена"); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		w, err := m.CreatePart(textproto.MIMEHeader{
			"Content-Disposition": {fmt.Sprintf(`form-data; name="%s"; filename="%s"`, f.field, f.name)}, "Content-Type": {f.claims},
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, f.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), m.FormDataContentType()
}

// studio takes photographs and shows their names in the order.
const studio = `creates: order
source_id: 22
form:
  fields:
    photo: {label: {uk: Фото, en: Photo}}
map:
  buyer: {full_name: "${name}"}
  buyer_comment: "${photo}"
  gift_message: "${join(' + ', list(form['scans[]']))}"
rest: manager_comment
`

func TestFilesAreStored(t *testing.T) {
	t.Parallel()
	b := setup(t, "studio", studio)
	large := jpeg + strings.Repeat("large", submission.FileChunk/2)
	body, contentType := photos(
		t,
		sentFile{"photo", `C:\fakepath\фото` + "\u202e" + `кухні.php`, "text/html", large},
		sentFile{"empty", "", "application/octet-stream", ""},
		sentFile{"scans[]", "рахунок.pdf", "image/png", pdf},
		sentFile{"scans[]", "unread.jpg", "image/jpeg", ""},
	)
	if w := b.fetch("/forms/studio", body, "Content-Type", contentType); w.Code != http.StatusAccepted {
		t.Fatal(w.Code, w.Body)
	}
	s := b.store.last
	want := []submission.File{
		{Number: 1, Field: "photo", Name: "фотокухні.php.jpg", Type: "image/jpeg", Size: int64(len(large)), SHA256: sum(large), State: submission.FileWaiting},
		{Number: 2, Field: "scans[]", Name: "рахунок.pdf", Type: "application/pdf", Size: int64(len(pdf)), SHA256: sum(pdf), State: submission.FileWaiting},
	}
	for n, content := range []string{large, pdf} {
		if got := b.store.content(s.Files[n]); got != content {
			t.Errorf("of file %d %d bytes are stored, want %d", n+1, len(got), len(content))
		}
		want[n].Upload = s.Files[n].Upload
	}
	if diff := cmp.Diff(want, s.Files); diff != "" {
		t.Error(diff)
	}
	// The mapping has the names; what is stored as posted has them not, but for the file without content.
	for _, part := range []string{`"buyer_comment":"фотокухні.php.jpg"`, `"gift_message":"unread.jpg + рахунок.pdf"`} {
		if !strings.Contains(string(s.Entity), part) {
			t.Errorf("the entity lacks %s: %s", part, s.Entity)
		}
	}
	if len(s.Pairs) != 2 || s.Pairs[1].Value != "unread.jpg" || s.State != submission.Queued {
		t.Errorf("%s: pairs %q", s.State, s.Pairs)
	}
}

func sum(content string) string {
	s := sha256.Sum256([]byte(content))
	return hex.EncodeToString(s[:])
}

// A file of a type that is not taken is told at its field; nothing of it is kept, and what can be kept is, for whoever rescues the form.
func TestFileOfAnotherType(t *testing.T) {
	t.Parallel()
	b := setup(t, "studio", studio, "webhook", studio+"answer: {invalid: hold}\n")
	for _, c := range []struct{ name, claims, content string }{
		{"photo.jpg", "image/jpeg", exe},
		{"photo.jpg", "image/jpeg", "<html><script>"},
		{"logo.svg", "image/svg+xml", `<svg xmlns="http://www.w3.org/2000/svg"/>`},
		{"photo.jpg", "image/jpeg", exe + strings.Repeat("\x00", submission.FileChunk)},
	} {
		body, contentType := photos(t, sentFile{"photo", c.name, c.claims, c.content}, sentFile{"scan", "a.png", "image/png", png})
		w := b.fetch("/forms/studio", body, "Content-Type", contentType, "Accept-Language", "uk")
		if w.Code != http.StatusUnprocessableEntity {
			t.Fatal(w.Code, w.Body)
		}
		first, _ := decoded(t, w.Body)["errors"].([]any)[0].(map[string]any)
		if first["field"] != "photo" || first["code"] != "TYPE_FILE" || !strings.Contains(fmt.Sprint(first["message"]), "Файли такого типу") {
			t.Errorf("%v", first)
		}
		s := b.store.last
		if s.State != submission.Refused || len(s.Files) != 1 || s.Files[0].Field != "scan" || len(b.store.chunks) != 1 {
			t.Errorf("%s with the files %+v, %d contents", s.State, s.Files, len(b.store.chunks))
		}
		clear(b.store.chunks)
	}
	body, contentType := photos(t, sentFile{"photo", "a.exe", "image/jpeg", exe})
	if w := b.fetch("/forms/webhook", body, "Content-Type", contentType); w.Code != http.StatusOK {
		t.Fatal(w.Code, w.Body)
	}
	if s := b.store.last; s.State != submission.Held || !strings.Contains(s.Error, "photo holds a file of a type that the profile does not take (application/vnd.microsoft.portable-executable)") {
		t.Errorf("%s: %s", s.State, s.Error)
	}
}

// Each bound on both of its sides.
func TestFileBounds(t *testing.T) {
	t.Parallel()
	b := setup(t, "tight", studio+"guard: {files: {max: 2, size: 300KB}}\n")
	fits := png + strings.Repeat("x", 300<<10-len(png))
	for _, c := range []struct {
		name          string
		files         []sentFile
		status        int
		code, message string
	}{
		{"two that just fit", []sentFile{{"a", "a.png", "", fits}, {"b", "b.png", "", fits}}, 202, "", ""},
		{"one byte more", []sentFile{{"a", "a.png", "", fits}, {"b", "b.png", "", fits + "x"}}, 413, "FILES_TOO_BIG", "files of up to 300 KB each"},
		{"one more", []sentFile{{"a", "a.png", "", png}, {"b", "b.png", "", png}, {"b", "b.png", "", png}}, 413, "TOO_MANY_FILES", "no more than 2"},
		{"empty ones do not count", []sentFile{{"a", "", "", ""}, {"b", "", "", ""}, {"c", "", "", ""}, {"a", "a.png", "", png}, {"b", "b.png", "", png}}, 202, "", ""},
	} {
		clear(b.store.chunks)
		body, contentType := photos(t, c.files...)
		w := b.fetch("/forms/tight", body, "Content-Type", contentType, "Accept-Language", "en")
		if w.Code != c.status {
			t.Errorf("%s: %d, want %d: %s", c.name, w.Code, c.status, w.Body)
			continue
		}
		if c.status == http.StatusAccepted {
			continue
		}
		if len(b.store.chunks) > 0 {
			t.Errorf("%s: %d contents stay", c.name, len(b.store.chunks))
		}
		m := decoded(t, w.Body)
		first, _ := m["errors"].([]any)[0].(map[string]any)
		if first["code"] != c.code || first["field"] != "b" || !strings.Contains(fmt.Sprint(first["message"]), c.message) || m["limit"] != "files" {
			t.Errorf("%s: %v", c.name, m)
		}
	}
}

// What the store cannot take is the relay's fault, and what was stored of it goes.
func TestFilesAndTheStore(t *testing.T) {
	t.Parallel()
	b := setup(t, "studio", studio)
	b.store.full = errors.New("the disk is full")
	body, contentType := photos(t, sentFile{"photo", "a.png", "image/png", png})
	w := b.fetch("/forms/studio", body, "Content-Type", contentType)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || b.store.stored() > 0 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// forever is a body without an end.
type forever struct {
	head io.Reader
	read int64
}

func (f *forever) Read(p []byte) (int, error) {
	n, err := f.head.Read(p)
	if errors.Is(err, io.EOF) {
		n, err = len(p), nil
	}
	f.read += int64(n)
	return n, err
}

func (f *forever) Close() error { return nil }

// A thousand files, and 10 GB of one, are refused as soon as that can be known, in bounded memory.
func TestHugePostsAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, "studio", studio)
	server := httptest.NewServer(b.server)
	t.Cleanup(server.Close)
	part := func(n int) string {
		return fmt.Sprintf("--XX\r\nContent-Disposition: form-data; name=\"photo%d\"; filename=\"a.jpg\"\r\n\r\n%s\r\n", n, jpeg)
	}
	var thousand strings.Builder
	for n := range 1000 {
		thousand.WriteString(part(n))
	}
	thousand.WriteString("--XX--\r\n")
	for _, c := range []struct {
		name, code string
		body       io.Reader
		size       int64
	}{
		{"a thousand files", "TOO_MANY_FILES", strings.NewReader(thousand.String()), int64(thousand.Len())},
		{"10 GB announced", "FILES_TOO_BIG", &forever{head: strings.NewReader(strings.TrimSuffix(part(1), "\r\n"))}, 10 << 30},
		{"without an end", "FILES_TOO_BIG", &forever{head: strings.NewReader(strings.TrimSuffix(part(1), "\r\n"))}, -1},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/forms/studio", c.body)
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = c.size
		r.Header.Set("Content-Type", "multipart/form-data; boundary=XX")
		r.Header.Set("Accept", "application/json")
		w, err := server.Client().Do(r)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		body, err := io.ReadAll(w.Body)
		if err != nil || w.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(string(body), c.code) {
			t.Errorf("%s: %d %s %v", c.name, w.StatusCode, body, err)
		}
		_ = w.Body.Close()
	}
}

// forgetful is a store that keeps no content, so that what is in memory is the relay's own.
type forgetful struct{ *memory }

func (forgetful) KeepChunk(context.Context, string, int, []byte) error { return nil }

// A post of twenty files of 10 MB needs no more memory than a chunk and what goes with it.
func TestFilesTakeLittleMemory(t *testing.T) {
	b := setup(t, "large", studio+"guard: {files: {max: 20, size: 10MB, types: '*/*'}}\n")
	var err error
	if b.intake, err = New(Config{Profiles: b.shelf, Store: forgetful{b.store}}); err != nil {
		t.Fatal(err)
	}
	const each = 10 << 20
	content := func(n int) io.Reader {
		head := fmt.Sprintf("--XX\r\nContent-Disposition: form-data; name=\"f%d\"; filename=\"a.bin\"\r\n\r\n", n)
		return io.MultiReader(strings.NewReader(head), io.LimitReader(&forever{head: strings.NewReader("")}, each), strings.NewReader("\r\n"))
	}
	parts := []io.Reader{}
	for n := range 20 {
		parts = append(parts, content(n))
	}
	body := io.MultiReader(append(parts, strings.NewReader("--XX\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nO\r\n--XX--\r\n"))...)
	r := httptest.NewRequest(http.MethodPost, "/forms/large", body)
	r.Header.Set("Content-Type", "multipart/form-data; boundary=XX")
	r.Header.Set("Accept", "application/json")
	w := httptest.NewRecorder()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	b.intake.Handler().ServeHTTP(w, r)
	runtime.ReadMemStats(&after)
	if w.Code != http.StatusAccepted || len(b.store.last.Files) != 20 || b.store.last.Files[19].Size != each {
		t.Fatal(w.Code, w.Body, len(b.store.last.Files))
	}
	// Everything that was ever allocated, freed or not: a chunk that grew to its size, and little else.
	if used, most := after.TotalAlloc-before.TotalAlloc, uint64(16*submission.FileChunk); used > most {
		t.Errorf("%d KB were allocated for 200 MB of files, want %d KB at most", used>>10, most>>10)
	} else {
		t.Logf("%d KB were allocated for 200 MB of files", used>>10)
	}
}
