package httpd

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// headTimeout answers a request whose head did not come in time. net/http closes such a connection without a word.
const headTimeout = "HTTP/1.1 408 Request Timeout\r\n" +
	"Content-Type: text/plain; charset=utf-8\r\n" + everyAnswer + "Connection: close\r\nContent-Length: 51\r\n\r\n" +
	"The request's head took too long. Please try again\n"

// everyAnswer is what an answer carries that no handler has made: a page on another site may read it, and nobody keeps it.
const everyAnswer = "Access-Control-Allow-Origin: *\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"

// ownHeaders is all that net/http writes between the status line and the body where it refuses a head by itself (400, 431, 501).
const ownHeaders = "Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"

// silence is how long a connection that has not said anything yet may still begin to once the server stops: enough for bytes that are
// on their way.
const silence = 200 * time.Millisecond

// listener hands out connections that bound every write and answer a slow head.
type listener struct {
	net.Listener
	patience time.Duration // how long one write may wait for the client to read
}

// Accept is the listener's.
func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, patience: l.patience}, nil
}

// conn is one connection. Between two requests (net/http's states new and idle) it notes whether a head has begun to come.
type conn struct {
	net.Conn
	patience time.Duration // see listener
	active   atomic.Bool   // a whole head has been read and its request is being worked on
	begun    atomic.Bool   // bytes of a head have come
	told     atomic.Bool   // the client was told that its head took too long
}

// Read is the connection's. When the deadline passes amid a head, the client is told before net/http hangs up.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.active.Load() { // a body, or net/http's look-ahead during the handler: both are told elsewhere
		return n, err
	}
	if n > 0 {
		c.begun.Store(true)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && c.begun.Load() {
		c.tell()
	}
	return n, err
}

// tell answers a slow head, once: net/http may read again after a read that failed.
func (c *conn) tell() {
	if c.told.CompareAndSwap(false, true) {
		_, _ = c.write([]byte(headTimeout)) // the connection ends anyway
	}
}

// Write bounds each write on its own. A server-wide write timeout would begin with the head and so cut off the answer to a long
// upload; without any, a client that never reads would hold its connection for ever.
func (c *conn) Write(p []byte) (int, error) {
	if c.told.Load() {
		return len(p), nil // net/http takes half a line for a whole one, and answers that it is malformed
	}
	if line, rest, ok := refusal(p); ok {
		if _, err := c.write(slices.Concat(line, []byte("\r\n"+everyAnswer), rest)); err != nil {
			return 0, err
		}
		return len(p), nil
	}
	return c.write(p)
}

// refusal takes an answer apart that net/http makes by itself to a head that it does not take.
func refusal(p []byte) (line, rest []byte, ok bool) {
	if !bytes.HasPrefix(p, []byte("HTTP/1.1 4")) && !bytes.HasPrefix(p, []byte("HTTP/1.1 5")) {
		return nil, nil, false
	}
	line, rest, _ = bytes.Cut(p, []byte("\r\n"))
	return line, rest, bytes.HasPrefix(rest, []byte(ownHeaders))
}

// write writes within the bound.
func (c *conn) write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.patience)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// conns are a server's open connections. It is safe for concurrent use.
type conns struct {
	mu   sync.Mutex
	open map[*conn]bool // the value: no request has come on it yet
	gone chan struct{}  // closed when the last one is; nil while nobody waits
}

// follow is http.Server's ConnState hook. net/http calls a connection active once it has read a whole head, and idle again when the
// answer is out, so that what is read in between belongs to no head. It calls one closed when its handler has returned, also when the
// connection was cut long before.
func (s *conns) follow(nc net.Conn, state http.ConnState) {
	c, ok := nc.(*conn)
	if !ok {
		return
	}
	c.begun.Store(false)
	c.active.Store(state == http.StateActive)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew, http.StateActive:
		s.open[c] = state == http.StateNew
	case http.StateClosed, http.StateHijacked:
		delete(s.open, c)
		if len(s.open) == 0 && s.gone != nil {
			close(s.gone)
			s.gone = nil
		}
	case http.StateIdle: // still open
	}
}

// hush ends the connections on which nothing has come, such as those that a browser opens in advance: waiting for one of them would
// make every stop last the five seconds that net/http gives a new connection. Bytes already on their way are still read, and a request
// that they make is answered.
func (s *conns) hush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c, silent := range s.open {
		if silent && !c.begun.Load() {
			_ = c.SetReadDeadline(time.Now().Add(silence)) // one that is closed already needs none
		}
	}
}

// wait returns when no connection is open, so that no handler runs, and tells whether that came about in time.
func (s *conns) wait(within time.Duration) bool {
	s.mu.Lock()
	if len(s.open) == 0 {
		s.mu.Unlock()
		return true
	}
	gone := make(chan struct{})
	s.gone = gone
	s.mu.Unlock()
	late := time.NewTimer(within)
	defer late.Stop()
	select {
	case <-gone:
		return true
	case <-late.C:
		return false
	}
}
