package httpd

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
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
	addr, stop := run(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done() // ends when the connection is closed
	}), Options{Drain: 20 * time.Millisecond})
	c := dial(t, addr)
	say(t, c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-entered
	if err := stop(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the request was answered")
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
		"half a head is told":         {"POST / HTTP/1.1\r\nHost: x\r\n", "HTTP/1.1 408 Request Timeout"},
		"silence is not":              {"", ""},
		"the second head on the line": {"GET / HTTP/1.1\r\nHost: x\r\n\r\nPOST /", "HTTP/1.1 200 OK"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := dial(t, addr)
			say(t, c, "%s", tt.sent)
			all, err := io.ReadAll(c)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(string(all), tt.want) || tt.want == "" && len(all) > 0 {
				t.Errorf("answer %q", all)
			}
		})
	}
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
