// Package sandbox is a stand-in for KeyCRM that behaves: it speaks the routes the relay and its users need over real HTTP, refuses
// what KeyCRM refuses in the same shapes, counts calls against a fixed window, misbehaves on demand, and shows on one page what it
// received. The demo, the tests and a shop's first trials run against it.
//
//	box := sandbox.New(sandbox.Options{Token: "secret", Limit: 60, Window: time.Minute})
//	defer box.Close()
//	server := httptest.NewServer(box)             // the API is at server.URL + "/v1", the page at server.URL
//	box.Inject(sandbox.Fault{Kind: sandbox.Hang, Stored: true, Method: "POST"})
//
// Where KeyCRM's behaviour is not known, the sandbox takes the side that a careful client must withstand: a repeated source_uuid
// makes a second order, the source_uuid filter matches in part, an unknown custom field is dropped without a word.
//
// Everything is kept in memory until Reset, without a bound: it is a tool for trials, not a server to leave open to others.
package sandbox

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"
)

// maxBody bounds a request: KeyCRM's limit of a file and what a multipart body adds.
const maxBody = maxFile + 1<<20

// Options is how a sandbox behaves. The zero value is a KeyCRM with the token "sandbox" and 60 calls a minute.
type Options struct {
	Token  string        // the only token it takes; empty: "sandbox"
	Limit  int           // calls per window, over all routes; 0: 60, negative: no limit
	Window time.Duration // the length of a window, which begins with its first call; 0: a minute

	// ListDelay is how long a new entity is missing from lists, as behind a replica that lags.
	ListDelay time.Duration
	// UniqueSourceUUID answers a repeated source_uuid with a 422 that names it, which KeyCRM may or may not do.
	UniqueSourceUUID bool
	// PartialImport has an import keep the orders that stand before its first faulty one, and answer 422 all the same. Without it an import
	// takes all or none. Which of the two KeyCRM does is not known.
	PartialImport bool
	// ImportDelay is how long after its 201 an import's orders come into being, as where a job makes them.
	ImportDelay time.Duration
	// NoLeads answers every route of pipelines with 400, as an account without them does.
	NoLeads bool

	// Now is KeyCRM's clock, which every answer's Date tells too; nil: time.Now. One that is hours off shows what a wrong clock does.
	Now func() time.Time
}

// Call is one request to the API, as tests and the page look at it.
type Call struct {
	At     time.Time // when it arrived
	Method string
	Path   string // below /v1
	Query  string // as sent
	Status int    // what was answered; 0 while it is under way, or when it was cut
}

// Sandbox is the stand-in, an http.Handler. It is safe for concurrent use.
type Sandbox struct {
	o      Options
	routes http.Handler // what is below /v1
	pages  http.Handler // everything else
	done   chan struct{}
	close  func()

	mu     sync.Mutex
	begun  time.Time // when the present window began
	used   int       // calls counted in it
	calls  []Call
	faults []*Fault
	data   data
	lists  map[string][]listed // by path: the rows of a list in place of the sandbox's own
}

// New returns a sandbox. Close ends what hangs in it.
func New(o Options) *Sandbox {
	if o.Token == "" {
		o.Token = "sandbox"
	}
	if o.Limit == 0 {
		o.Limit = 60
	}
	if o.Window <= 0 {
		o.Window = time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Sandbox{o: o, done: make(chan struct{})}
	s.close = sync.OnceFunc(func() { close(s.done) })
	s.data.reset()
	s.routes = s.apiRoutes()
	s.pages = s.pageRoutes()
	return s
}

// Close ends every call that hangs or is being slow. The sandbox answers on, but a hang then ends at once.
func (s *Sandbox) Close() { s.close() }

// Reset forgets what was received, the calls, the window, the faults and the lists of SetList. Ids go on counting, so that no two entities share one.
func (s *Sandbox) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data.reset()
	s.calls, s.faults, s.lists, s.used, s.begun = nil, nil, nil, 0, time.Time{}
}

// Calls returns the calls so far, oldest first.
func (s *Sandbox) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Busiest returns the most calls that arrived within any span of that length, refused ones too.
func (s *Sandbox) Busiest(span time.Duration) int {
	calls, most, first := s.Calls(), 0, 0
	for last := range calls {
		for calls[last].At.Sub(calls[first].At) >= span {
			first++
		}
		most = max(most, last-first+1)
	}
	return most
}

// ServeHTTP answers the API below /v1 and the sandbox's own page elsewhere.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// One clock for everything: the times of its rows, its windows and, as clients learn it, its Date.
	w.Header().Set("Date", s.o.Now().UTC().Format(http.TimeFormat))
	path, api := strings.CutPrefix(r.URL.Path, "/v1")
	if !api || path != "" && path[0] != '/' {
		s.pages.ServeHTTP(w, r)
		return
	}
	// The body is read before anything else happens, so that a call either arrived whole or not at all, whatever a fault does to it.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		// Nothing of a call that broke off counts, as KeyCRM's front server never passes it on.
		message(http.StatusRequestEntityTooLarge, "The request's body broke off or is too large.").write(w)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	s.serveAPI(w, r, path)
}

// serveAPI counts the call, then lets it through, refuses it, or has a fault spoil it.
func (s *Sandbox) serveAPI(w http.ResponseWriter, r *http.Request, path string) {
	index, wait, fault := s.enter(r, path)
	var status int
	switch {
	case !s.authorised(r):
		status = unauthenticated().write(w)
	case wait > 0:
		a := message(http.StatusTooManyRequests, "Too Many Attempts.")
		a.header.Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
		status = a.write(w)
	case fault != nil:
		status = s.spoil(w, r, *fault)
	default:
		status = s.run(r).write(w)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if index < len(s.calls) { // else a Reset came in between
		s.calls[index].Status = status
	}
}

// enter notes the call, counts it when its token is right, and takes the fault that waits for it. wait is how long the window
// still lasts when it is full. A fault waits for a call that would have gone through.
func (s *Sandbox) enter(r *http.Request, path string) (index int, wait time.Duration, fault *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.o.Now()
	s.calls = append(s.calls, Call{At: now, Method: r.Method, Path: path, Query: r.URL.RawQuery})
	index = len(s.calls) - 1
	if !s.authorised(r) {
		return index, 0, nil
	}
	// The framework that KeyCRM is built on counts so: a window begins with its first call, and nothing in it comes free before its end.
	if now.Sub(s.begun) >= s.o.Window {
		s.begun, s.used = now, 0
	}
	if s.o.Limit > 0 && s.used >= s.o.Limit {
		return index, s.begun.Add(s.o.Window).Sub(now), nil
	}
	s.used++
	return index, 0, s.takeFault(r.Method, path)
}

// authorised compares the whole header. It is no secret worth a constant-time comparison: it guards nothing.
func (s *Sandbox) authorised(r *http.Request) bool {
	return r.Header.Get("Authorization") == "Bearer "+s.o.Token
}

// run has the route answer into memory, so that a fault can come after it.
func (s *Sandbox) run(r *http.Request) answer {
	rec := recorder{answer{status: http.StatusOK, header: http.Header{}}}
	s.routes.ServeHTTP(&rec, r)
	return rec.answer
}

// apiRoutes are the routes of KeyCRM that a form's way into it can touch.
func (s *Sandbox) apiRoutes() http.Handler {
	r := chi.NewRouter()
	r.NotFound(func(w http.ResponseWriter, r *http.Request) {
		message(http.StatusNotFound, fmt.Sprintf("The route %s could not be found.", strings.TrimPrefix(r.URL.Path, "/"))).write(w)
	})
	r.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		message(http.StatusMethodNotAllowed, fmt.Sprintf("The %s method is not supported for this route.", r.Method)).write(w)
	})
	r.Route("/v1", func(r chi.Router) {
		s.orderRoutes(r)
		s.cardRoutes(r)
		s.listRoutes(r)
		s.fileRoutes(r)
		s.recordRoutes(r)
	})
	return r
}
