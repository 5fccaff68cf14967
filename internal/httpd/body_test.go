package httpd

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// start serves h with the rate and returns its address.
func start(t *testing.T, rate BodyRate, h http.HandlerFunc) string {
	t.Helper()
	srv := httptest.NewServer(rate.Enforce(h))
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}

// dial opens a connection that gives up after ten seconds, so that a server that never answers fails the test.
func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

// say writes to a connection.
func say(t *testing.T, c net.Conn, format string, args ...any) {
	t.Helper()
	if _, err := fmt.Fprintf(c, format, args...); err != nil {
		t.Fatal(err)
	}
}

// status reads one answer and returns its status.
func status(t *testing.T, r *bufio.Reader) int {
	t.Helper()
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp.StatusCode
}

// readAll answers 200 after the whole body, 408 when it was too slow.
func readAll(w http.ResponseWriter, r *http.Request) {
	_, err := io.Copy(io.Discard, r.Body)
	switch {
	case errors.Is(err, ErrSlowBody):
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusRequestTimeout)
	case err != nil:
		w.WriteHeader(http.StatusBadRequest)
	}
}

func TestSlowBodyIsTold(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"nothing comes":         "Content-Length: 100\r\n\r\n",
		"some comes":            "Content-Length: 100\r\n\r\nname=Olena",
		"a chunk comes":         "Transfer-Encoding: chunked\r\n\r\n5\r\nname=\r\n",
		"less than is promised": "Content-Length: 5\r\n\r\nname",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := dial(t, start(t, BodyRate{PerSecond: 1000, Grace: 30 * time.Millisecond}, readAll))
			say(t, c, "POST / HTTP/1.1\r\nHost: x\r\n%s", body)
			if got := status(t, bufio.NewReader(c)); got != http.StatusRequestTimeout {
				t.Errorf("status %d", got)
			}
		})
	}
}

func TestWhatHasComeEarnsTime(t *testing.T) {
	t.Parallel()
	// 200 bytes at 1 byte/s earn more than three minutes: the pause that would end a silent body's grace does not end this one.
	paused := make(chan struct{})
	addr := start(t, BodyRate{PerSecond: 1, Grace: 20 * time.Millisecond}, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadFull(r.Body, make([]byte, 200))
		close(paused)
		readAll(w, r)
	})
	c := dial(t, addr)
	say(t, c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 201\r\n\r\n%s", strings.Repeat("a", 200))
	<-paused
	<-time.After(60 * time.Millisecond) // longer than the grace
	say(t, c, "b")
	if got := status(t, bufio.NewReader(c)); got != http.StatusOK {
		t.Errorf("status %d", got)
	}
}

func TestDeadlineEndsWithTheBody(t *testing.T) {
	t.Parallel()
	addr := start(t, BodyRate{PerSecond: 1000, Grace: 30 * time.Millisecond}, func(w http.ResponseWriter, r *http.Request) {
		readAll(w, r)
		select { // a deadline left standing would make net/http believe that the client left
		case <-r.Context().Done():
			w.WriteHeader(http.StatusTeapot)
		case <-time.After(100 * time.Millisecond):
		}
	})
	c := dial(t, addr)
	r := bufio.NewReader(c)
	for range 2 { // the connection serves on
		say(t, c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nname")
		if got := status(t, r); got != http.StatusOK {
			t.Errorf("status %d", got)
		}
	}
}

func TestUnreadBodyHoldsNobody(t *testing.T) {
	t.Parallel()
	addr := start(t, BodyRate{PerSecond: 1000, Grace: 30 * time.Millisecond}, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
	})
	c := dial(t, addr)
	say(t, c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
	r := bufio.NewReader(c)
	if got := status(t, r); got != http.StatusNotFound {
		t.Errorf("status %d", got)
	}
	if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("the connection was not closed: %v", err)
	}
}

func TestNoRateAsksForNothing(t *testing.T) {
	t.Parallel()
	called := false
	h := BodyRate{}.Enforce(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, called = r.Body.(*pacedBody)
	}))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", strings.NewReader("a=b")))
	if called {
		t.Error("the body is held to a rate")
	}
	if DefaultBodyRate().PerSecond != 1024 {
		t.Error("the promised rate is 1 KB/s")
	}
}

func TestRecorderHasNoDeadline(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	DefaultBodyRate().Enforce(http.HandlerFunc(readAll)).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", strings.NewReader("a=b")))
	if w.Code != http.StatusOK {
		t.Errorf("status %d", w.Code)
	}
}
