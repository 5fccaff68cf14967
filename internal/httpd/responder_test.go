package httpd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
)

const marker = "Olena-4711"

// serve runs one request through a router that has h under /things/{name}, and returns the answer and the log.
func serve(t *testing.T, h http.Handler, log *bytes.Buffer, s *Responder, req *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	r := chi.NewRouter()
	r.Use(s.Observe)
	r.Handle("/things/{name}", h)
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	if strings.Contains(log.String(), marker) {
		t.Errorf("the log holds a value: %s", log)
	}
	return w
}

func TestHandleTurnsErrorsIntoOneAnswer(t *testing.T) {
	t.Parallel()
	cause := errors.New("disk full")
	tests := []struct {
		name       string
		err        error
		status     int
		headers    map[string]string
		body       string
		wantLogged string // "" : nothing but the access log
	}{
		{name: "none", status: http.StatusOK},
		{
			name: "a problem", err: &Problem{Status: 404, Code: "NOT_FOUND", Message: "nothing here"}, status: 404, body: "nothing here",
			headers: map[string]string{"Cache-Control": "no-store"},
		},
		{
			name: "a wrapped problem", err: fmt.Errorf("outer: %w", &Problem{Status: 415, Code: "UNSUPPORTED", Cause: errors.New(marker)}),
			status: 415, body: "Unsupported Media Type",
		},
		{
			name: "a passing failure", err: &Problem{Status: 503, Code: "UNAVAILABLE", RetryAfter: 1500 * time.Millisecond, Cause: cause},
			status: 503, body: "Service Unavailable", headers: map[string]string{"Retry-After": "2"}, wantLogged: "disk full",
		},
		{
			name: "a method", err: &Problem{Status: 405, Code: "METHOD", Allow: "POST, OPTIONS", Close: true}, status: 405,
			body: "Method Not Allowed", headers: map[string]string{"Allow": "POST, OPTIONS", "Connection": "close"},
		},
		{name: "an unknown error", err: cause, status: 500, body: "Internal Server Error", wantLogged: "disk full"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			s := NewResponder(zerolog.New(&log), nil)
			w := serve(t, s.Handle(func(http.ResponseWriter, *http.Request) error { return tt.err }), &log, s,
				httptest.NewRequest(http.MethodPost, "/things/"+marker+"?q="+marker, nil))
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.body) {
				t.Errorf("got %d %q, want %d %q", w.Code, w.Body, tt.status, tt.body)
			}
			if strings.Contains(w.Body.String(), "disk") {
				t.Errorf("the cause was sent: %q", w.Body)
			}
			for k, v := range tt.headers {
				if got := w.Header().Get(k); got != v {
					t.Errorf("%s: %q, want %q", k, got, v)
				}
			}
			if logged := strings.Contains(log.String(), `"level":"error"`); logged != (tt.wantLogged != "") {
				t.Errorf("logged as an error: %v\n%s", logged, &log)
			}
			if !strings.Contains(log.String(), tt.wantLogged) {
				t.Errorf("the log lacks %q: %s", tt.wantLogged, &log)
			}
		})
	}
}

func TestPanicIsA500WithoutStackAndWithoutItsValue(t *testing.T) {
	t.Parallel()
	var index []int
	tests := map[string]struct {
		panics func()
		logged string
	}{
		"a value":         {func() { panic(marker) }, "panic: string"},
		"an error":        {func() { panic(errors.New(marker)) }, "panic: *errors.errorString"},
		"a runtime error": {func() { _ = index[len(index)] }, "index out of range"},
	}
	for name, tt := range tests {
		for kind, wrap := range map[string]func(*Responder, http.HandlerFunc) http.Handler{
			"Handle": func(s *Responder, h http.HandlerFunc) http.Handler {
				return s.Handle(func(w http.ResponseWriter, r *http.Request) error { h(w, r); return nil })
			},
			"Observe": func(_ *Responder, h http.HandlerFunc) http.Handler { return h },
		} {
			t.Run(name+" in "+kind, func(t *testing.T) {
				t.Parallel()
				var log bytes.Buffer
				s := NewResponder(zerolog.New(&log), nil)
				w := serve(t, wrap(s, func(http.ResponseWriter, *http.Request) { tt.panics() }), &log, s,
					httptest.NewRequest(http.MethodGet, "/things/x", nil))
				if w.Code != http.StatusInternalServerError {
					t.Errorf("status %d", w.Code)
				}
				if strings.Contains(w.Body.String(), "goroutine") || strings.Contains(w.Body.String(), marker) {
					t.Errorf("the visitor reads %q", w.Body)
				}
				if !strings.Contains(log.String(), tt.logged) || !strings.Contains(log.String(), "goroutine") {
					t.Errorf("the log lacks %q or the stack: %s", tt.logged, &log)
				}
				if strings.Count(log.String(), "request failed") != 1 {
					t.Errorf("logged more than once: %s", &log)
				}
			})
		}
	}
}

func TestHalfAnAnswerIsCutOff(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := NewResponder(zerolog.New(&log), nil)
	srv := httptest.NewServer(s.Observe(s.Handle(func(w http.ResponseWriter, _ *http.Request) error {
		_, _ = w.Write([]byte("half"))
		return errors.New("and no more")
	})))
	defer srv.Close()
	resp, err := srv.Client().Get(srv.URL)
	if err == nil {
		_, err = new(bytes.Buffer).ReadFrom(resp.Body)
		_ = resp.Body.Close()
	}
	if err == nil {
		t.Error("half an answer was taken for a whole one")
	}
}

func TestAccessLogAndRequestID(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := NewResponder(zerolog.New(&log), nil)
	var id string
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id = ID(r.Context())
		for _, k := range []string{"profile", "submission", "more"} {
			Annotate(r.Context(), k, k+"-value")
		}
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write([]byte("12345"))
	})
	req := httptest.NewRequest("Olena-4711", "/things/"+marker+"?phone="+marker, nil)
	req.Method = http.MethodPost
	req.Header.Set("X-Request-Id", marker)
	w := serve(t, h, &log, s, req)
	if got := w.Header().Get("X-Request-Id"); got != id || id == "" {
		t.Errorf("X-Request-Id %q, in the context %q", got, id)
	}
	var line map[string]any
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatalf("%v: %s", err, &log)
	}
	delete(line, "took")
	want := map[string]any{
		"level": "info", "message": "request", "method": "POST", "route": "/things/{name}", "status": 202.0, "bytes": 5.0,
		"request_id": id, "profile": "profile-value", "submission": "submission-value", "more": "more-value",
	}
	if diff := cmp.Diff(want, line); diff != "" {
		t.Errorf("access log (-want +got):\n%s", diff)
	}
}

func TestUnknownMethodIsNotLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := NewResponder(zerolog.New(&log), nil)
	serve(t, http.NotFoundHandler(), &log, s, httptest.NewRequest(marker, "/things/x", nil))
	if !strings.Contains(log.String(), `"method":"other"`) {
		t.Errorf("log: %s", &log)
	}
}

func TestRequestIDsDiffer(t *testing.T) {
	t.Parallel()
	s := NewResponder(zerolog.Nop(), nil)
	if a, b := s.nextID(), s.nextID(); a == b {
		t.Errorf("%q twice", a)
	}
	if a, b := s.nextID(), NewResponder(zerolog.Nop(), nil).nextID(); a[:10] == b[:10] {
		t.Errorf("two processes share the prefix of %q", a)
	}
}

func TestOutsideOfObserveThereIsNoRequest(t *testing.T) {
	t.Parallel()
	Annotate(context.Background(), "key", "value") // must not panic
	if id := ID(context.Background()); id != "" {
		t.Errorf("an id without a request: %q", id)
	}
}

func TestProblemAsError(t *testing.T) {
	t.Parallel()
	cause := errors.New("why")
	p := &Problem{Status: 503, Code: "UNAVAILABLE", Message: marker, Cause: cause}
	if got := p.Error(); got != "503 UNAVAILABLE: why" {
		t.Error(got)
	}
	if !errors.Is(p, cause) {
		t.Error("the cause is not unwrapped")
	}
	if got := (&Problem{Status: 404, Code: "X"}).Error(); got != "404 X" {
		t.Error(got)
	}
}
