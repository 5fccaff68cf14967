package httpd

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/rs/zerolog"
)

// Responder gives every request an id and a line in the access log, and turns what handlers return, and what they panic with, into
// answers. It is safe for concurrent use.
type Responder struct {
	log    zerolog.Logger
	render Renderer
	prefix string        // random per process
	count  atomic.Uint64 // requests seen
}

// NewResponder makes a Responder that logs to log and answers problems by render. A nil render answers a problem as plain text.
func NewResponder(log zerolog.Logger, render Renderer) *Responder {
	if render == nil {
		render = plainText
	}
	return &Responder{log: log, render: render, prefix: rand.Text()[:10]}
}

// request is what the Responder knows of one request under way. It is the ResponseWriter too, which saves an allocation.
type request struct {
	http.ResponseWriter
	id     string
	status int // 0: nothing written yet
	bytes  int64
	notes  []note
	room   [2]note // what notes grows in
}

// note is one more thing that the access log says about a request.
type note struct{ key, value string }

// requestKey is the context's key of *request.
type requestKey struct{}

// WriteHeader notes the status.
func (q *request) WriteHeader(status int) {
	if q.status == 0 && status >= 200 {
		q.status = status
	}
	q.ResponseWriter.WriteHeader(status)
}

// Write counts the bytes.
func (q *request) Write(b []byte) (int, error) {
	if q.status == 0 {
		q.status = http.StatusOK
	}
	n, err := q.ResponseWriter.Write(b)
	q.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (q *request) Unwrap() http.ResponseWriter { return q.ResponseWriter }

// ID is the request's id, or "" outside [Responder.Observe]. It is always the server's own: one that a client sends means nothing,
// for it would let anybody write into the log.
func ID(ctx context.Context) string {
	if q, ok := ctx.Value(requestKey{}).(*request); ok {
		return q.id
	}
	return ""
}

// Annotate adds a key and a value to the request's line in the access log. The value must be one of the server's own words (a
// profile's name, a submission's id), never one that a visitor typed.
func Annotate(ctx context.Context, key, value string) {
	q, ok := ctx.Value(requestKey{}).(*request)
	if !ok {
		return
	}
	if q.notes == nil {
		q.notes = q.room[:0]
	}
	q.notes = append(q.notes, note{key, value})
}

// Observe is the outermost middleware: it gives the request its id (the answer's X-Request-Id), writes one line when it is over, and
// answers a panic that nothing else caught.
func (s *Responder) Observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		q := &request{ResponseWriter: w, id: s.nextID()}
		r = r.WithContext(context.WithValue(r.Context(), requestKey{}, q))
		w.Header().Set("X-Request-Id", q.id)
		defer s.done(q, r, start)
		defer s.rescue(q, r)
		next.ServeHTTP(q, r)
	})
}

// nextID is unique within the process and, by its random prefix, among processes. It tells nothing but how many requests came
// before; it is no secret and opens nothing.
func (s *Responder) nextID() string {
	return s.prefix + "-" + strconv.FormatUint(s.count.Add(1), 36)
}

// done writes the access log's line.
func (s *Responder) done(q *request, r *http.Request, start time.Time) {
	e := s.log.Info()
	if e == nil {
		return
	}
	e = e.Str("method", method(r.Method)).Str("route", chi.RouteContext(r.Context()).RoutePattern()).
		Int("status", q.status).Int64("bytes", q.bytes).Dur("took", time.Since(start)).Str("request_id", q.id)
	for _, n := range q.notes {
		e = e.Str(n.key, n.value)
	}
	e.Msg("request")
}

// method is the request's method when it is a known one: any token can stand there, so that it could carry a value into the log.
func method(m string) string {
	switch m {
	case http.MethodPost, http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodConnect, http.MethodTrace:
		return m
	default:
		return "other"
	}
}

// Handle adapts h: its error, or its panic, becomes the one answer.
func (s *Responder) Handle(h Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		defer s.rescue(w, r)
		if err := h(w, r); err != nil {
			s.fail(w, r, err)
		}
	}
}

// rescue must be deferred: it turns a panic into a 500.
func (s *Responder) rescue(w http.ResponseWriter, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	//nolint:errorlint // net/http compares the value itself
	if v == http.ErrAbortHandler {
		panic(v)
	}
	// The stack is taken here, inside the deferred call, where it still shows what panicked.
	s.fail(w, r, &panicked{what: describe(v), stack: debug.Stack()})
}

// panicked is a panic as an error.
type panicked struct {
	what  string
	stack []byte
}

func (p *panicked) Error() string { return "panic: " + p.what }

// describe names a panic without its value where that could hold what a visitor typed: the runtime's own errors (an index, a nil
// pointer) are safe to print, anything else is told by its type.
func describe(v any) string {
	if err, ok := v.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", v)
}

// fail logs what must be logged, and answers. An error that is no Problem is a fault of ours, whatever it is: it must never reach a
// sender as one of theirs, or they would not try again.
func (s *Responder) fail(w http.ResponseWriter, r *http.Request, err error) {
	p, ok := errors.AsType[*Problem](err)
	if !ok {
		p = &Problem{Status: http.StatusInternalServerError, Code: "INTERNAL", Cause: err}
	}
	if p.Status >= http.StatusInternalServerError {
		s.logFailure(r, p)
	}
	if q, ok := r.Context().Value(requestKey{}).(*request); ok && q.status != 0 {
		// Half an answer is out. Cutting the connection is the only way left to say that it is no whole one.
		panic(http.ErrAbortHandler)
	}
	setHeaders(w.Header(), p)
	s.render(w, r, p)
}

// logFailure writes the cause of a failure of ours. A client's fault is not logged: its cause may quote what was sent.
func (s *Responder) logFailure(r *http.Request, p *Problem) {
	e := s.log.Error().Str("request_id", ID(r.Context())).Int("status", p.Status).Str("code", p.Code).Err(p.Cause)
	if crash, ok := errors.AsType[*panicked](p.Cause); ok {
		e = e.Bytes("stack", crash.stack)
	}
	e.Msg("request failed")
}

// setHeaders sets what follows from the problem whatever its body looks like.
func setHeaders(h http.Header, p *Problem) {
	h.Set("Cache-Control", "no-store")
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((p.RetryAfter+time.Second-1)/time.Second), 10))
	}
	if p.Allow != "" {
		h.Set("Allow", p.Allow)
	}
	if p.Close {
		h.Set("Connection", "close")
	}
}

// plainText is the renderer of a surface that has none of its own.
func plainText(w http.ResponseWriter, r *http.Request, p *Problem) {
	text := p.Message
	if text == "" {
		text = http.StatusText(p.Status)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(p.Status)
	_, _ = fmt.Fprintf(w, "%s (request %s)\n", text, ID(r.Context())) // the visitor may be gone: nobody is left to tell
}
