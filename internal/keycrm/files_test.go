package keycrm_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"formrelay/internal/keycrm"
	"formrelay/internal/keycrm/sandbox"
)

func photo(content string) keycrm.File {
	return keycrm.File{Name: "фото кухні.jpg", Type: "image/jpeg", Size: int64(len(content)), Content: strings.NewReader(content)}
}

// TestFiles takes a file the whole way over real HTTP.
func TestFiles(t *testing.T) {
	t.Parallel()
	box, client := newSandbox(t, sandbox.Options{})
	ctx, never := within(t, 10*time.Second), time.Time{}
	content := "\xff\xd8\xff\xe0" + strings.Repeat("photo\r\n--", 100_000)
	for kind, body := range map[keycrm.Kind]string{keycrm.KindOrder: order, keycrm.KindCard: card} {
		entity := client.Create(ctx, kind, []byte(body), never)
		up := client.Upload(ctx, photo(content), never)
		if up.Outcome != keycrm.Done || up.ID == 0 {
			t.Fatalf("%+v", up)
		}
		if again := client.Upload(ctx, photo(content), never); again.Outcome != keycrm.Done || again.ID != up.ID {
			t.Errorf("the same again: %+v", again)
		}
		if there, a := client.Attached(ctx, kind, entity.ID, up.ID, never); there || a.Outcome != keycrm.Done {
			t.Errorf("attached %v before it was: %+v", there, a)
		}
		if a := client.Attach(ctx, kind, entity.ID, up.ID, never); a.Outcome != keycrm.Done {
			t.Errorf("%+v", a)
		}
		if there, a := client.Attached(ctx, kind, entity.ID, up.ID, never); !there || a.Outcome != keycrm.Done {
			t.Errorf("attached %v: %+v", there, a)
		}
		got := box.Attachments(kind, entity.ID)
		if len(got) != 1 || got[0].Name != "фото кухні.jpg" || got[0].Size != len(content) || got[0].Type != "image/jpeg" {
			t.Errorf("attached %+v", got)
		}
		if a := client.Attach(ctx, kind, entity.ID+999, up.ID, never); a.Outcome != keycrm.Rejected || a.Status != 404 {
			t.Errorf("to nothing: %+v", a)
		}
	}
	if box.Uploads() != 1 {
		t.Errorf("%d uploads", box.Uploads())
	}
	if a := client.Attach(ctx, "", 1, 1, never); a.Outcome != keycrm.Rejected {
		t.Errorf("%+v", a)
	}
	if _, a := client.Attached(ctx, "", 1, 1, never); a.Outcome != keycrm.Rejected {
		t.Errorf("%+v", a)
	}
}

// TestFileBound: exactly what KeyCRM takes goes, one byte more is refused in words.
func TestFileBound(t *testing.T) {
	t.Parallel()
	_, client := newSandbox(t, sandbox.Options{})
	zeros := func(n int64) keycrm.File {
		return keycrm.File{Name: "a.bin", Type: "application/octet-stream", Size: n, Content: io.LimitReader(zero{}, n)}
	}
	ctx := within(t, 30*time.Second)
	if a := client.Upload(ctx, zeros(keycrm.MaxFile), time.Time{}); a.Outcome != keycrm.Done {
		t.Errorf("%+v", a)
	}
	a := client.Upload(ctx, zeros(keycrm.MaxFile+1), time.Time{})
	if a.Outcome != keycrm.Rejected || a.Status != 413 || a.Text != "KeyCRM takes no file of more than 10 MB (413)." {
		t.Errorf("%+v", a)
	}
}

// zero is an endless content.
type zero struct{}

func (zero) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestFileAnswers: what each answer to the calls for files means.
func TestFileAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status         int
		body           string
		upload, attach keycrm.Outcome
	}{
		{201, `{"id":7}`, keycrm.Done, keycrm.Done},
		{200, `{"id":7}`, keycrm.Done, keycrm.Done},
		{202, `{"status":true}`, keycrm.Uncertain, keycrm.Done},
		{202, `{"status":false}`, keycrm.Uncertain, keycrm.Rejected},
		{200, `<html>hello</html>`, keycrm.Uncertain, keycrm.Uncertain},
		{201, ``, keycrm.Uncertain, keycrm.Uncertain},
		{201, `[]`, keycrm.Uncertain, keycrm.Uncertain},
		{413, `<html>413</html>`, keycrm.Rejected, keycrm.Rejected},
		{422, `{"message":"The file must be an image.","errors":{"file":["The file must be an image."]}}`, keycrm.Rejected, keycrm.Rejected},
		{404, `{"message":"There is no such record."}`, keycrm.Rejected, keycrm.Rejected},
		{404, `<html>404</html>`, keycrm.WrongAddress, keycrm.WrongAddress},
		{401, `{"message":"Unauthenticated."}`, keycrm.Unauthorised, keycrm.Unauthorised},
		{429, `{"message":"Too Many Attempts."}`, keycrm.Limited, keycrm.Limited},
		{302, ``, keycrm.Uncertain, keycrm.Uncertain},
		{503, `busy`, keycrm.Uncertain, keycrm.Uncertain},
	} {
		t.Run(fmt.Sprint(c.status, c.body), func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			t.Cleanup(server.Close)
			client := newClient(t, server.URL)
			if a := client.Upload(t.Context(), photo("x"), time.Time{}); a.Outcome != c.upload || a.Text == "" || a.Status != c.status {
				t.Errorf("upload: %+v, want %s", a, c.upload)
			}
			if a := client.Attach(t.Context(), keycrm.KindOrder, 1, 7, time.Time{}); a.Outcome != c.attach || a.Text == "" || a.Status != c.status {
				t.Errorf("attach: %+v, want %s", a, c.attach)
			}
		})
	}
}

// TestUploadOnTheWire: what is sent is what a browser would, with its length told and no second copy anywhere.
func TestUploadOnTheWire(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || kind != "multipart/form-data" || r.ContentLength <= 0 || r.URL.Path != "/storage/upload" || r.Header.Get("Authorization") != "Bearer "+marker {
			t.Errorf("%s %s %d %v", r.URL, kind, r.ContentLength, err)
		}
		part, err := multipart.NewReader(r.Body, parameters["boundary"]).NextRawPart()
		if err != nil {
			t.Error(err)
			return
		}
		got, err := io.ReadAll(part)
		if diff := cmp.Diff([]string{"file", "a%22b.jpg", "image/jpeg", "content"}, []string{part.FormName(), part.FileName(), part.Header.Get("Content-Type"), string(got)}); diff != "" || err != nil {
			t.Error(err, diff)
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"id":5}`)
	}))
	t.Cleanup(server.Close)
	file := photo("content")
	file.Name = `a"b.jpg`
	if a := newClient(t, server.URL).Upload(t.Context(), file, time.Time{}); a.ID != 5 {
		t.Errorf("%+v", a)
	}
}

// TestUploadThatIsNotSent: a content that cannot be read, or a call whose time is up, is no upload.
func TestUploadThatIsNotSent(t *testing.T) {
	t.Parallel()
	box, client := newSandbox(t, sandbox.Options{})
	if a := client.Upload(t.Context(), photo("x"), time.Now().Add(-time.Second)); a.Outcome != keycrm.NotSent {
		t.Errorf("%+v", a)
	}
	broken := photo(strings.Repeat("x", 1000))
	broken.Content = io.MultiReader(bytes.NewReader([]byte("some")), iotest.ErrReader(errors.New("the database is away")))
	if a := client.Upload(t.Context(), broken, time.Time{}); a.Outcome != keycrm.Uncertain {
		t.Errorf("%+v", a)
	}
	short := photo("x")
	short.Size = 1000
	if a := client.Upload(t.Context(), short, time.Time{}); a.Outcome != keycrm.Uncertain {
		t.Errorf("%+v", a)
	}
	if box.Uploads() > 0 {
		t.Error("half a file was stored")
	}
}

// TestFileRoutesAreTheVendors holds the three routes against the vendor's own file.
func TestFileRoutesAreTheVendors(t *testing.T) {
	t.Parallel()
	const file = "../../../shared/keycrm/open-api.yml"
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("the vendor's file %s is not here, so the routes of files were not held against it", file)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, route := range []string{
		"/storage/upload:", "'/storage/attachment/{entityType}/{entityId}':", "'/order/{orderId}/attachment/{fileId}':", "'/pipelines/cards/{cardId}/attachment/{fileId}':",
	} {
		if !strings.Contains(string(text), "\n  "+route+"\n") {
			t.Errorf("the vendor's file has no route %s", route)
		}
	}
}
