package sandbox

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// FaultKind is a way to misbehave.
type FaultKind string

// The ways to misbehave.
const (
	Slow         FaultKind = "slow"         // answers as usual, after Delay
	Status       FaultKind = "status"       // answers Status with Body and RetryAfter
	Hang         FaultKind = "hang"         // never answers; ends when the client goes, the sandbox closes, or after Delay if there is one
	Cut          FaultKind = "cut"          // closes the connection without an answer
	Redirect     FaultKind = "redirect"     // answers 302 to the same address
	HTML         FaultKind = "html"         // answers a page of HTML, with Status or 200
	Short        FaultKind = "short"        // does it, and closes the connection halfway through the answer
	Unauthorised FaultKind = "unauthorised" // answers 401, as for a token that was taken back
	Gzip         FaultKind = "gzip"         // answers as usual, packed
)

// FaultKinds lists the ways to misbehave, in the order the page of faults offers them.
func FaultKinds() []FaultKind {
	return []FaultKind{Slow, Status, Hang, Cut, Redirect, HTML, Short, Unauthorised, Gzip}
}

// Fault spoils the next calls that match it. A call refused for its token or the limit is not one of them.
type Fault struct {
	Kind   FaultKind // may be left out beside a Status
	Stored bool      // the call is carried out before it is spoiled; without it nothing is (Slow, Short and Gzip always carry it out)
	Method string    // only calls of this method; empty: any
	Path   string    // only calls of this path below /v1, such as /order; a * at its end stands for any rest; empty: any
	Part   int       // with Stored, of an import: only so many of its orders are stored, those that stand first; 0: all
	Times  int       // how many calls it spoils; 0: one, negative: all until Reset

	Delay      time.Duration // of Slow and Hang
	Status     int           // of Status and HTML
	Body       string        // of Status; JSON when it begins with {
	RetryAfter string        // of Status and HTML: the header as it stands
}

// Inject has the next matching calls misbehave. Several faults take calls in the order they were injected. The page does the same
// by POST /faults with the form fields kind, stored (on), method, path, times, delay (such as 2s), status, body, retry_after, part.
func (s *Sandbox) Inject(f Fault) error {
	if f.Kind == "" && f.Status != 0 {
		f.Kind = Status
	}
	switch {
	case !slices.Contains(FaultKinds(), f.Kind):
		return fmt.Errorf("sandbox: there is no fault %q", f.Kind)
	case f.Kind == Status && (f.Status < 200 || f.Status > 599):
		return errors.New("sandbox: the fault status needs a status from 200 to 599")
	case f.Part < 0:
		return errors.New("sandbox: part counts orders")
	case f.Kind == HTML && f.Status == 0:
		f.Status = http.StatusOK
	case f.Kind == HTML && (f.Status < 200 || f.Status > 599):
		return errors.New("sandbox: the fault html takes a status from 200 to 599")
	}
	if f.Times == 0 {
		f.Times = 1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
	return nil
}

// takeFault gives the fault that waits for such a call, or nil. The caller holds the lock.
func (s *Sandbox) takeFault(method, path string) *Fault {
	for i, f := range s.faults {
		if f.Method != "" && f.Method != method || !f.meets(path) {
			continue
		}
		taken := *f
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				s.faults = slices.Delete(s.faults, i, i+1)
			}
		}
		return &taken
	}
	return nil
}

// meets tells whether the fault is for calls of that path.
func (f *Fault) meets(path string) bool {
	if begin, open := strings.CutSuffix(f.Path, "*"); open {
		return strings.HasPrefix(path, begin)
	}
	return f.Path == "" || f.Path == path
}

// spoil answers as the fault says and returns the status that was sent, 0 for none.
func (s *Sandbox) spoil(w http.ResponseWriter, r *http.Request, f Fault) int {
	if f.Kind == Slow {
		s.wait(r, f.Delay)
	}
	var a answer
	if f.Stored || f.Kind == Slow || f.Kind == Short || f.Kind == Gzip {
		a = s.run(part(r, f.Part))
	}
	// What was stored stays stored: only the answer is spoiled, which is the case that tempts a client to send again.
	switch f.Kind {
	case Status:
		return f.answer("application/json").write(w)
	case HTML:
		f.Body = "<!doctype html><title>Maintenance</title><h1>We will be back soon</h1>"
		return f.answer("text/html; charset=utf-8").write(w)
	case Redirect:
		a := answer{status: http.StatusFound, header: http.Header{"Location": {r.URL.RequestURI()}}}
		return a.write(w)
	case Unauthorised:
		return unauthenticated().write(w)
	case Hang:
		s.wait(r, f.Delay)
		return hangUp(w)
	case Cut:
		return hangUp(w)
	case Short:
		return half(w, a)
	case Gzip:
		return pack(a).write(w)
	default:
		return a.write(w)
	}
}

// part leaves in an import's body the first n orders; with 0 it leaves the call as it is, and so where the body is none of an import.
func part(r *http.Request, n int) *http.Request {
	if n <= 0 {
		return r
	}
	raw, _ := readObject(r)
	var posted struct {
		Orders []json.RawMessage `json:"orders"`
	}
	if json.Unmarshal(raw, &posted) == nil && len(posted.Orders) > n {
		posted.Orders = posted.Orders[:n]
		raw, _ = json.Marshal(posted) // what was read as JSON can be written as JSON
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(raw))
	return r
}

// answer is what Status and HTML send.
func (f Fault) answer(contentType string) answer {
	if len(f.Body) > 0 && f.Body[0] != '{' {
		contentType = "text/html; charset=utf-8"
	}
	a := answer{status: f.Status, header: http.Header{"Content-Type": {contentType}}, body: []byte(f.Body)}
	if f.RetryAfter != "" {
		a.header.Set("Retry-After", f.RetryAfter)
	}
	return a
}

// wait returns after d, or when the client or the sandbox goes; with no d, only then.
func (s *Sandbox) wait(r *http.Request, d time.Duration) {
	var after <-chan time.Time
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		after = timer.C
	}
	select {
	case <-after:
	case <-r.Context().Done():
	case <-s.done:
	}
}

// hangUp closes the connection without an answer.
func hangUp(w http.ResponseWriter) int {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "This connection cannot be cut.", http.StatusInternalServerError)
		return http.StatusInternalServerError
	}
	_ = conn.Close() // it is being broken on purpose
	return 0
}

// half promises the whole answer and sends half of it; net/http then closes the connection.
func half(w http.ResponseWriter, a answer) int {
	maps.Copy(w.Header(), a.header)
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)+1))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body[:len(a.body)/2]) // a client that has gone needs no answer
	return a.status
}

// pack compresses the answer.
func pack(a answer) answer {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(a.body) // a buffer takes everything
	_ = z.Close()
	a.body = b.Bytes()
	a.header.Set("Content-Encoding", "gzip")
	return a
}
