package intake

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"formrelay/internal/profile"
	"formrelay/internal/submission"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// marker is a value that a visitor types; it must never be logged.
const marker = "Olena-4711-marker"

// lamp is the profile that most tests post to.
const lamp = `creates: order
source_id: 22
form:
  region: UA
  timezone: Europe/Kyiv
  fields:
    name: {validate: "max=20", label: {uk: Ім’я, en: Name}}
    email: {type: email, label: {uk: Пошта}}
    count: {type: int, validate: "min=1,max=9"}
map:
  buyer: {full_name: "${name}", email: "${email}", phone: "${phone}"}
  manager_comment: "${count}"
  payments:
    - when: ${amount}
      payment_method_id: 2
      amount: ${amount}
      status: ${status}
`

// memory is a store in memory.
type memory struct {
	mu   sync.Mutex
	rows map[string]submission.Submission
	last submission.Submission
	rev  submission.Revision
	hang bool                         // Accept waits until its context ends
	err  error                        // what Accept and Submission return
	then func(*submission.Submission) // what Accept makes of the row
	full error                        // what KeepChunk returns

	chunks map[string][][]byte // by upload
}

func (m *memory) Accept(ctx context.Context, s *submission.Submission, r submission.Revision) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	if m.hang {
		<-ctx.Done()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if m.then != nil {
		m.then(s)
	}
	if m.rows == nil {
		m.rows = make(map[string]submission.Submission)
	}
	m.rows[s.ID], m.last, m.rev = *s, *s, r
	return nil
}

func (m *memory) Submission(_ context.Context, id string) (submission.Submission, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return submission.Submission{}, m.err
	}
	s, ok := m.rows[id]
	if !ok {
		return s, submission.ErrNotFound
	}
	return s, nil
}

func (m *memory) KeepChunk(ctx context.Context, upload string, number int, content []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.full != nil {
		return m.full
	}
	if m.chunks == nil {
		m.chunks = map[string][][]byte{}
	}
	if number != len(m.chunks[upload]) || len(content) == 0 || len(content) > submission.FileChunk {
		return fmt.Errorf("chunk %d of %d bytes after %d", number, len(content), len(m.chunks[upload]))
	}
	m.chunks[upload] = append(m.chunks[upload], bytes.Clone(content))
	return ctx.Err()
}

func (m *memory) DropUploads(_ context.Context, uploads []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, upload := range uploads {
		delete(m.chunks, upload)
	}
	return nil
}

// content is what is stored of a file.
func (m *memory) content(f submission.File) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return string(bytes.Join(m.chunks[f.Upload], nil))
}

// newest is the last row that was stored.
func (m *memory) newest() submission.Submission {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last
}

func (m *memory) stored() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.rows)
}

// shelf is a set of profiles.
type shelf struct {
	good   map[string]*profile.Profile
	broken map[string]bool
}

func (s shelf) Get(name string) (*profile.Profile, bool) { p, ok := s.good[name]; return p, ok }
func (s shelf) IsBroken(name string) bool                { return s.broken[name] }
func (s shelf) Names() []string                          { return slices.Sorted(maps.Keys(s.good)) }

// bench is an Intake with what is around it.
type bench struct {
	t      *testing.T
	store  *memory
	shelf  shelf
	log    *lockedBuffer
	intake *Intake
	server http.Handler
}

// lockedBuffer is a log that several goroutines write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// received is when every test's posts come.
func received() time.Time { return time.Date(2026, 3, 4, 5, 6, 7, 891_234_567, time.UTC) }

// setup makes an Intake with the profile "lamp" and those given as name and text, and at the end of the test looks for the marker in
// everything that was logged.
func setup(t *testing.T, profiles ...string) *bench {
	t.Helper()
	b := &bench{t: t, store: &memory{}, log: &lockedBuffer{}, shelf: shelf{map[string]*profile.Profile{}, map[string]bool{"broken": true}}}
	b.profile("lamp", lamp)
	for n := 0; n < len(profiles); n += 2 {
		b.profile(profiles[n], profiles[n+1])
	}
	b.configure(Config{})
	t.Cleanup(func() {
		if strings.Contains(b.log.String(), marker) {
			t.Errorf("the log holds a visitor's value:\n%s", b.log)
		}
	})
	return b
}

// configure makes the Intake anew.
func (b *bench) configure(c Config) {
	b.t.Helper()
	c.Profiles, c.Store, c.Log, c.Now = b.shelf, b.store, zerolog.New(b.log), received
	var err error
	if b.intake, err = New(c); err != nil {
		b.t.Fatal(err)
	}
	b.server = b.intake.Handler()
}

// profile adds a profile.
func (b *bench) profile(name, text string) *profile.Profile {
	b.t.Helper()
	p, faults := profile.Parse(name, name+".yaml", []byte(text), profile.Options{Accounts: []string{"main"}})
	if len(faults) > 0 {
		b.t.Fatal(faults)
	}
	b.shelf.good[name] = p
	return p
}

// send runs a request. Headers are names and values in turn.
func (b *bench) send(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body == "" {
		r = httptest.NewRequest(method, path, nil)
	}
	for n := 0; n < len(headers); n += 2 {
		r.Header.Set(headers[n], headers[n+1])
	}
	w := httptest.NewRecorder()
	b.server.ServeHTTP(w, r)
	if got := w.Header().Get("Access-Control-Allow-Origin"); got != "*" {
		b.t.Errorf("%s %s: Access-Control-Allow-Origin %q", method, path, got)
	}
	if got := w.Header().Get("Access-Control-Expose-Headers"); got != "Retry-After, X-Request-Id" {
		b.t.Errorf("%s %s: Access-Control-Expose-Headers %q", method, path, got)
	}
	return w
}

// post posts a form as a browser without script does.
func (b *bench) post(path, body string, headers ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	return b.send(http.MethodPost, path, body, append([]string{
		"Content-Type", "application/x-www-form-urlencoded", "Accept", browserAccept, "Sec-Fetch-Dest", "document",
	}, headers...)...)
}

// fetch posts a form as a script does.
func (b *bench) fetch(path, body string, headers ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	return b.send(http.MethodPost, path, body, append([]string{
		"Content-Type", "application/x-www-form-urlencoded", "Accept", "*/*", "Sec-Fetch-Dest", "empty",
	}, headers...)...)
}

// decoded reads a JSON answer.
func decoded(t *testing.T, body io.Reader) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.NewDecoder(body).Decode(&m); err != nil {
		t.Fatalf("the answer is no JSON: %v", err)
	}
	return m
}

// request is a form's post by a browser without script.
func request(path, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", browserAccept)
	return r
}

// serve runs a request and gives the answer's status.
func serve(b *bench, r *http.Request) int {
	w := httptest.NewRecorder()
	b.server.ServeHTTP(w, r)
	return w.Code
}
