package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"formrelay/internal/keycrm"
	"formrelay/internal/keycrm/sandbox"
	"formrelay/internal/submission"
)

// repairs is a form with photographs.
const repairs = `creates: order
source_id: 22
form:
  fields:
    photo: {label: {uk: Фото, en: Photo}}
map:
  buyer: {full_name: "${name}", phone: "${phone}"}
  buyer_comment: "${photo}"
rest: manager_comment
`

// picture is a real PNG of so many noisy pixels a side.
func picture(t *testing.T, side int) []byte {
	t.Helper()
	noise := rand.New(rand.NewPCG(uint64(side), 1))
	img := image.NewRGBA(image.Rect(0, 0, side, side))
	for n := range side * side {
		v := noise.Uint32()
		img.Set(n%side, n/side, color.RGBA{uint8(v), uint8(v >> 8), uint8(v >> 16), 255})
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// submitFiles posts a form with files of the input photo[] as a browser without script would write it, and gives the submission's id.
func (s *site) submitFiles(profile string, files ...[]byte) string {
	s.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	fields := map[string]string{"name": "Олена", "phone": "050 111 22 33", "_idempotency_key": submission.NewID()}
	for name, value := range fields {
		if err := form.WriteField(name, value); err != nil {
			s.t.Fatal(err)
		}
	}
	for n, content := range files {
		part, err := form.CreateFormFile("photo[]", fmt.Sprintf("кухня %d.png", n+1))
		if err != nil {
			s.t.Fatal(err)
		}
		if _, err := part.Write(content); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := form.Close(); err != nil {
		s.t.Fatal(err)
	}
	response, text := post(s.t, s.address+"/forms/"+profile, body.String(), "Accept", "application/json", "Content-Type", form.FormDataContentType())
	var answer struct{ ID string }
	if err := json.Unmarshal([]byte(text), &answer); err != nil || response.StatusCode != http.StatusAccepted {
		s.t.Fatalf("%s: %s", response.Status, text)
	}
	return answer.ID
}

// files are a submission's, as `submissions show --json` has them.
func (s *site) files(id string) []shownFile {
	s.t.Helper()
	out, problems, code := formrelay(s.t, "submissions", "show", id, "--json", "--database", s.database)
	var got struct{ Files []shownFile }
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != 0 {
		s.t.Fatalf("show %s: %s %v", id, problems, err)
	}
	return got.Files
}

// settledFiles waits until nothing is to be done about any of them.
func (s *site) settledFiles(id string) (files []shownFile) {
	s.t.Helper()
	eventually(s.t, "the files of "+id+" are settled", func() bool {
		files = s.files(id)
		for _, f := range files {
			if f.State.Open() {
				return false
			}
		}
		return len(files) > 0
	})
	return files
}

// A photograph goes the whole way, and ops can see, save, export and preview it.
func TestPhotographArrives(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{}, map[string]string{"repairs": repairs})
	large, small := picture(t, 400), picture(t, 8)
	id := s.submitFiles("repairs", large, small)
	got := s.settled(id, "delivered")
	for n, f := range s.settledFiles(id) {
		if f.State != submission.FileAttached || f.CRMFile == nil || f.Error != nil || f.Name != fmt.Sprintf("кухня %d.png", n+1) || f.Type != "image/png" {
			t.Errorf("%+v", f)
		}
	}
	if attached := s.crm.Attachments(keycrm.KindOrder, *got.CRMID); len(attached) != 2 || attached[0].Size != len(large) || attached[0].Name != "кухня 1.png" {
		t.Errorf("attached %+v", attached)
	}
	if !strings.Contains(string(got.Entity), `кухня 2.png`) {
		t.Errorf("the order does not name the photograph: %s", got.Entity)
	}

	folder := filepath.Join(t.TempDir(), "not", "there yet")
	out, problems, code := formrelay(t, "submissions", "show", id, "--files", folder, "--database", s.database)
	if code != 0 || !strings.Contains(out, "кухня 1.png") || !strings.Contains(out, "attached (2 calls)") {
		t.Errorf("show: %d %s\n%s", code, problems, out)
	}
	saved, err := os.ReadFile(filepath.Join(folder, id+"-1-кухня 1.png"))
	if err != nil || !bytes.Equal(saved, large) {
		t.Errorf("%d bytes saved, want %d: %v", len(saved), len(large), err)
	}
	if _, problems, code := formrelay(t, "submissions", "show", id, "--files", folder, "--database", s.database); code != 1 || !strings.Contains(problems, "file exists") {
		t.Errorf("a file was written over: %d %s", code, problems)
	}
	if _, problems, code := formrelay(t, "submissions", "show", id, "--files", filepath.Join(folder, id+"-1-кухня 1.png"), "--database", s.database); code != 1 ||
		!strings.Contains(problems, "--files: the folder ") || !strings.Contains(problems, "cannot be made") {
		t.Errorf("a file for a folder: %d %s", code, problems)
	}
	for format, want := range map[string]string{"csv": "\"кухня 1.png\nкухня 2.png\"", "jsonl": `"name":"кухня 2.png"`} {
		if out, _, code := formrelay(t, "submissions", "export", "--format", format, "--database", s.database); code != 0 || !strings.Contains(out, want) {
			t.Errorf("export %s: %s", format, out)
		}
	}
	_, problems, code = formrelay(t, "preview", filepath.Join(s.profiles(), "repairs.yaml"), "--submission", id, "--database", s.database)
	if code != 0 || !strings.Contains(problems, "a file would be sent: photo[]: кухня 2.png (image/png, ") {
		t.Errorf("preview: %d %s", code, problems)
	}
	if _, problems, code = formrelay(t, "submissions", "replay", id, "--files", "--database", s.database); code != 1 || !strings.Contains(problems, "has no file that KeyCRM refused") {
		t.Errorf("replay --files: %d %s", code, problems)
	}
	_, problems, code = formrelay(t, "submissions", "erase", id, "--yes=1", "--database", s.database)
	if code != 0 || len(s.files(id)) != 0 {
		t.Errorf("erase: %d %s, files %v", code, problems, s.files(id))
	}
}

// profiles is the folder of the site's profiles.
func (s *site) profiles() string { return s.args[1] }

// A file that KeyCRM refuses does not hold up its order, is told, and can be offered again.
func TestRefusedPhotograph(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{}, map[string]string{"repairs": repairs})
	if err := s.crm.Inject(sandbox.Fault{Kind: sandbox.Status, Status: 413, Body: "<html>", Path: "/storage/upload"}); err != nil {
		t.Fatal(err)
	}
	id := s.submitFiles("repairs", picture(t, 8))
	got := s.settled(id, "delivered")
	if f := s.settledFiles(id)[0]; f.State != submission.FileRefused || f.Error == nil || *f.Error != "KeyCRM takes no file of more than 10 MB (413)." {
		t.Errorf("%+v", f)
	}
	if log := s.log.String(); !strings.Contains(log, "file refused") || strings.Contains(log, "кухня") {
		t.Errorf("the log:\n%s", log)
	}
	if out, problems, code := formrelay(t, "submissions", "list", "--files", "refused", "--database", s.database); code != 0 || !strings.Contains(out, id) {
		t.Errorf("list --files refused: %d %s %s", code, out, problems)
	}
	out, problems, code := formrelay(t, "submissions", "replay", id, "--files", "--database", s.database)
	if code != 0 || !strings.Contains(out, "1 file of submission "+id+" offered to KeyCRM again") {
		t.Errorf("replay --files: %d %s %s", code, out, problems)
	}
	s.settledFiles(id)
	if n := len(s.crm.Attachments(keycrm.KindOrder, *got.CRMID)); n != 1 || len(s.crm.Orders()) != 1 {
		t.Errorf("%d files, %d orders", n, len(s.crm.Orders()))
	}
}

// A process that dies between the steps of a file repeats none that is known: the content is in KeyCRM once and attached once.
func TestKilledBetweenUploadAndAttach(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{}, map[string]string{"repairs": repairs}, "--keycrm-timeout", "1s")
	hang := sandbox.Fault{Kind: sandbox.Hang, Stored: true, Method: "POST", Path: "/order/*", Times: 1}
	if err := s.crm.Inject(hang); err != nil {
		t.Fatal(err)
	}
	id := s.submitFiles("repairs", picture(t, 64))
	eventually(t, "the file is being attached", func() bool {
		return slices.ContainsFunc(s.crm.Calls(), func(c sandbox.Call) bool { return strings.HasPrefix(c.Path, "/order/") })
	})
	s.kill()
	s.restart()
	s.settledFiles(id)
	got := s.show(id)
	if n := len(s.crm.Attachments(keycrm.KindOrder, *got.CRMID)); n != 1 || s.crm.Uploads() != 1 || s.files(id)[0].State != submission.FileAttached {
		t.Errorf("attached %d times, %d uploads, %+v", n, s.crm.Uploads(), s.files(id))
	}
}

// slowly sends a body byte by byte until the server has had enough.
type slowly struct {
	head io.Reader
	wait <-chan struct{}
}

func (s slowly) Read(p []byte) (int, error) {
	if n, err := s.head.Read(p); !errors.Is(err, io.EOF) {
		return n, err
	}
	<-s.wait
	return 0, io.EOF
}

// A body that stops coming in the middle of a photograph is a 408, keeps nothing, and others are served meanwhile.
func TestPhotographThatStops(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{}, map[string]string{"repairs": repairs})
	head := "--XX\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a.png\"\r\n\r\n" + string(picture(t, 8))
	wait := make(chan struct{})
	defer close(wait)
	status := make(chan int, 1)
	go func() {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.address+"/forms/repairs", slowly{strings.NewReader(head), wait})
		if err != nil {
			status <- 0
			return
		}
		r.ContentLength = 1 << 20
		r.Header.Set("Content-Type", "multipart/form-data; boundary=XX")
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		w, err := client.Do(r)
		if err != nil {
			status <- 0
			return
		}
		status <- w.StatusCode
		_ = w.Body.Close()
	}()
	for range 3 {
		s.settledFiles(s.submitFiles("repairs", picture(t, 32)))
	}
	if got := <-status; got != http.StatusRequestTimeout {
		t.Errorf("status %d", got)
	}
}
