package httpd

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/rs/zerolog"
)

// run serves h until the returned stop is called, which returns what Serve did.
func run(t *testing.T, h http.Handler, o Options) (addr string, stop func() error) {
	t.Helper()
	s, err := Listen(t.Context(), "127.0.0.1:0", h, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	return s.Addr().String(), func() error {
		cancel()
		return <-done
	}
}

func TestListenTellsAPortInUse(t *testing.T) {
	t.Parallel()
	addr, stop := run(t, http.NotFoundHandler(), Options{})
	_, err := Listen(t.Context(), addr, http.NotFoundHandler(), Options{})
	if err == nil || !strings.Contains(err.Error(), "cannot listen on "+addr) {
		t.Errorf("error %v", err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestServeWaitsForRequestsUnderWay(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	addr, stop := run(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-release
		if err := r.Context().Err(); err != nil {
			t.Errorf("the request was cancelled by the stop: %v", err)
		}
		w.WriteHeader(http.StatusAccepted)
	}), Options{})
	c := dial(t, addr)
	say(t, c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-entered
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	close(release)
	if got := status(t, bufio.NewReader(c)); got != http.StatusAccepted {
		t.Errorf("status %d", got)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestServeCutsOffAfterTheDrain(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{})
	var over atomic.Bool
	var log bytes.Buffer
	addr, stop := run(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()                // ends when the connection is closed
		<-time.After(20 * time.Millisecond) // what is left to do then
		over.Store(true)
	}), Options{Drain: 20 * time.Millisecond, Log: zerolog.New(&log)})
	c := dial(t, addr)
	say(t, c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-entered
	if err := stop(); err != nil {
		t.Errorf("a stop that was asked for is an error: %v", err)
	}
	if !over.Load() {
		t.Error("Serve returned while a handler ran")
	}
	if !strings.Contains(log.String(), `"level":"warn"`) || !strings.Contains(log.String(), "cut off") {
		t.Errorf("log: %s", &log)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the request was answered")
	}
}

func TestServeWaitsForNoHandlerThatHangs(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	var log bytes.Buffer
	addr, stop := run(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(entered)
		<-release
	}), Options{Drain: 20 * time.Millisecond, Log: zerolog.New(&log)})
	say(t, dial(t, addr), "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-entered
	start := time.Now()
	err := stop()
	if took := time.Since(start); err != nil || took > endWithin+time.Second || !strings.Contains(log.String(), "still being worked on") {
		t.Errorf("%v after %s: %s", err, took, &log)
	}
	close(release)
}

// A browser opens connections in advance; net/http waits five seconds for each of them.
func TestServeWaitsForNoSilentConnection(t *testing.T) {
	t.Parallel()
	addr, stop := run(t, http.HandlerFunc(readAll), Options{})
	silent, used := dial(t, addr), dial(t, addr)
	say(t, used, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") // when it is answered, the silent one before it has been accepted too
	if got := status(t, bufio.NewReader(used)); got != http.StatusOK {
		t.Errorf("status %d", got)
	}
	start := time.Now()
	if err := stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("the stop took %s", took)
	}
	if all, err := io.ReadAll(silent); err != nil || len(all) > 0 {
		t.Errorf("the silent connection was told %q, %v", all, err)
	}
}

func TestServeReturnsWhatEndedIt(t *testing.T) {
	t.Parallel()
	s, err := Listen(t.Context(), "127.0.0.1:0", http.NotFoundHandler(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	_ = s.listener.Close()
	if err := s.Serve(t.Context()); err == nil || !strings.Contains(err.Error(), "serving on") {
		t.Errorf("error %v", err)
	}
}

func TestSlowHead(t *testing.T) {
	t.Parallel()
	addr, stop := run(t, http.HandlerFunc(readAll), Options{ReadHeaderTimeout: 40 * time.Millisecond})
	tests := map[string]struct{ sent, want string }{
		"half a head is told once": {"POST / HTTP/1.1\r\nHost: x\r\n", headTimeout},
		"half a line is told once": {"POST /", headTimeout},
		"silence is not":           {"", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := dial(t, addr)
			say(t, c, "%s", tt.sent)
			all, err := io.ReadAll(c)
			if err != nil {
				t.Fatal(err)
			}
			if string(all) != tt.want {
				t.Errorf("answer %q", all)
			}
		})
	}
	t.Run("the second head on the line is told once", func(t *testing.T) {
		c := dial(t, addr)
		say(t, c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		r := bufio.NewReader(c)
		if got := status(t, r); got != http.StatusOK {
			t.Errorf("status %d", got)
		}
		say(t, c, "POST / HTTP/1.1\r\n")
		if all, err := io.ReadAll(r); err != nil || string(all) != headTimeout {
			t.Errorf("%v, answer %q", err, all)
		}
	})
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestHeadTimeoutIsAWholeAnswer(t *testing.T) {
	t.Parallel()
	resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(headTimeout)), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || !strings.HasSuffix(string(body), "again\n") || !strings.HasSuffix(headTimeout, string(body)) {
		t.Errorf("%v: %q", err, body)
	}
}

func TestClientThatNeverReadsIsCutOff(t *testing.T) {
	t.Parallel()
	failed := make(chan error, 1)
	addr, stop := run(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		page := make([]byte, 1<<20)
		for {
			if _, err := w.Write(page); err != nil {
				failed <- err
				return
			}
		}
	}), Options{WriteTimeout: 50 * time.Millisecond})
	c := dial(t, addr)
	say(t, c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if err := <-failed; err == nil {
		t.Error("no error")
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestLongHeadIsRefused(t *testing.T) {
	t.Parallel()
	addr, stop := run(t, http.NotFoundHandler(), Options{MaxHeaderBytes: 1 << 10})
	c := dial(t, addr)
	say(t, c, "GET / HTTP/1.1\r\nHost: x\r\nX-Long: %s\r\n\r\n", strings.Repeat("a", 16<<10))
	if got := status(t, bufio.NewReader(c)); got != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d", got)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// What net/http answers by itself can be read by a page on another site, as everything else.
func TestRefusedHeadCarriesWhatEveryAnswerDoes(t *testing.T) {
	t.Parallel()
	addr, stop := run(t, http.NotFoundHandler(), Options{MaxHeaderBytes: 1 << 10})
	for head, want := range map[string]int{
		"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + strings.Repeat("a", 16<<10) + "\r\n\r\n": http.StatusRequestHeaderFieldsTooLarge,
		"GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n":                                    http.StatusBadRequest,
		"GET / HTTP/1.1\r\n\r\n": http.StatusBadRequest,
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n": http.StatusNotImplemented,
	} {
		c := dial(t, addr)
		say(t, c, "%s", head)
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if h := resp.Header; resp.StatusCode != want || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Cache-Control") != "no-store" ||
			h.Get("X-Content-Type-Options") != "nosniff" || !resp.Close {
			t.Errorf("%d %v", resp.StatusCode, h)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	broken := func(context.Context) error { return errors.New("database is locked") }
	fine := func(context.Context) error { return nil }
	tests := []struct {
		name, method, path string
		ready              func(context.Context) error
		details            bool
		status             int
		body               string
	}{
		{"alive", "GET", "/healthz", broken, true, 200, `{"status":"ok"}`},
		{"ready", "GET", "/readyz", fine, true, 200, `{"status":"ok"}`},
		{"not ready", "GET", "/readyz", broken, false, 503, `{"status":"unavailable"}`},
		{"not ready, for ops", "GET", "/readyz", broken, true, 503, `{"status":"unavailable","reason":"database is locked"}`},
		{"HEAD", "HEAD", "/readyz", fine, false, 200, `{"status":"ok"}`},
		{"nothing else", "GET", "/other", fine, false, 404, "404 page not found"},
		{"a check that fails in itself", "GET", "/readyz", func(context.Context) error { panic("oh") }, true, 503, `{"status":"unavailable","reason":"the check failed: string"}`},
		{"nothing changes by it", "POST", "/healthz", fine, false, 405, "Method Not Allowed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			Health(tt.ready, tt.details).ServeHTTP(w, httptest.NewRequest(tt.method, tt.path, nil))
			if got := strings.TrimSpace(w.Body.String()); w.Code != tt.status || got != tt.body {
				t.Errorf("got %d %s, want %d %s", w.Code, got, tt.status, tt.body)
			}
		})
	}
}

func TestReadinessIsAnsweredInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked, release := 0, make(chan struct{})
		h := Health(func(context.Context) error { asked++; <-release; return nil }, true)
		for range 3 {
			start := time.Now()
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
			if took := time.Since(start); w.Code != http.StatusServiceUnavailable || took != readyWithin || !strings.Contains(w.Body.String(), "within 3s") {
				t.Errorf("%d %s after %s", w.Code, w.Body, took)
			}
		}
		close(release)
		synctest.Wait()
		if asked != 1 {
			t.Errorf("a check that hangs was asked %d times", asked)
		}
	})
}

func TestAllow(t *testing.T) {
	t.Parallel()
	nothing := func(http.ResponseWriter, *http.Request) {}
	r := chi.NewRouter()
	r.Post("/forms/{name}", nothing)
	r.Options("/forms/{name}", nothing)
	r.Get("/forms/{name}/{id}", nothing)
	r.Handle("/any", http.HandlerFunc(nothing))
	r.MethodNotAllowed(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Allow", Allow(r, q))
		w.Header().Set("X-Route", chi.RouteContext(q.Context()).RoutePattern())
		w.Header().Set("X-Name", chi.URLParam(q, "name"))
	})
	for _, tt := range []struct{ method, path, allow, route, name string }{
		{"GET", "/forms/lamp", "POST, OPTIONS", "/forms/{name}", "lamp"},
		{"FOO", "/forms/lamp", "POST, OPTIONS", "/forms/{name}", "lamp"},
		{"POST", "/forms/lamp/7", "GET", "/forms/{name}/{id}", "lamp"},
		{"FOO", "/forms/%2Flamp", "POST, OPTIONS", "/forms/{name}", "%2Flamp"},
		{"FOO", "/any", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS", "/any", ""},
		{"FOO", "/none", "", "", ""},
	} {
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest(tt.method, tt.path, nil))
		if h := w.Header(); h.Get("Allow") != tt.allow || h.Get("X-Route") != tt.route || h.Get("X-Name") != tt.name {
			t.Errorf("%s %s: %v", tt.method, tt.path, h)
		}
	}
}
