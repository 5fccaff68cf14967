package httpd

import (
	"errors"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// headTimeout answers a request whose head did not come in time. net/http closes such a connection without a word.
const headTimeout = "HTTP/1.1 408 Request Timeout\r\n" +
	"Content-Type: text/plain; charset=utf-8\r\nAccess-Control-Allow-Origin: *\r\nConnection: close\r\nContent-Length: 51\r\n\r\n" +
	"The request's head took too long. Please try again\n"

// listener hands out connections that bound every write and answer a slow head.
type listener struct {
	net.Listener
	write time.Duration // how long one write may wait for the client to read
}

// Accept is the listener's.
func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, write: l.write}, nil
}

// conn is one connection. Between two requests (net/http's states new and idle) it notes whether a head has begun to come.
type conn struct {
	net.Conn
	write  time.Duration
	active atomic.Bool // a whole head has been read and its request is being worked on
	begun  atomic.Bool // bytes of a head have come
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
		_, _ = c.Write([]byte(headTimeout)) // the connection ends anyway
	}
	return n, err
}

// Write bounds each write on its own. A server-wide write timeout would begin with the head and so cut off the answer to a long
// upload; without any, a client that never reads would hold its connection for ever.
func (c *conn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.write)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// follow is http.Server's ConnState hook. net/http calls a connection active once it has read a whole head, and idle again when the
// answer is out, so that what is read in between belongs to no head.
func follow(nc net.Conn, state http.ConnState) {
	c, ok := nc.(*conn)
	if !ok {
		return
	}
	c.begun.Store(false)
	c.active.Store(state == http.StateActive)
}
