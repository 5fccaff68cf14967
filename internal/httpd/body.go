package httpd

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// ErrSlowBody is what reading a body comes back with when it arrived more slowly than its [BodyRate] allows. It is a 408.
var ErrSlowBody = errors.New("the body arrives too slowly")

// BodyRate is the least rate at which a request's body must arrive: at every moment PerSecond × (time since the handler began − Grace)
// bytes must have come. A whole-request timeout would cut off an honest upload over a poor line and still let a hostile one hold a
// connection for as long; a rate does neither.
type BodyRate struct {
	PerSecond int64         // bytes; 0 asks for nothing
	Grace     time.Duration // how long the line may be silent before the rate counts
}

// DefaultBodyRate is 1 KB/s after ten seconds of grace: a phone that passes under a bridge is not cut off.
func DefaultBodyRate() BodyRate { return BodyRate{PerSecond: 1024, Grace: 10 * time.Second} }

// Enforce is the middleware that holds every body to the rate. Where the connection has no deadlines (a recorder in a test) it
// enforces nothing.
func (b BodyRate) Enforce(next http.Handler) http.Handler {
	if b.PerSecond <= 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != nil && r.Body != http.NoBody {
			// The first deadline is set before anything is read: it also bounds what net/http itself reads of a body that the handler
			// left alone.
			body := &pacedBody{ReadCloser: r.Body, rate: b, conn: http.NewResponseController(w), start: time.Now()}
			body.extend()
			r.Body = body
		}
		next.ServeHTTP(w, r)
	})
}

// pacedBody moves the connection's read deadline with what has arrived.
type pacedBody struct {
	io.ReadCloser
	rate  BodyRate
	conn  *http.ResponseController
	start time.Time
	read  int64
	over  bool // the body's end was read
}

// Read is the body's, with a deadline's end told as [ErrSlowBody].
func (b *pacedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	switch {
	case err == nil:
		b.extend()
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = fmt.Errorf("%w: %d bytes in %s", ErrSlowBody, b.read, time.Since(b.start).Round(time.Millisecond))
	case errors.Is(err, io.EOF) && !b.over: // each deadline costs the poller's lock, and who reads to the end may ask twice
		b.over = true
		// From here on net/http reads ahead on the connection to notice a visitor who leaves; a deadline left standing would look
		// like one.
		_ = b.conn.SetReadDeadline(time.Time{})
	}
	return n, err
}

// extend sets the deadline at which the bytes so far would fall below the rate. A connection that knows no deadline has none.
func (b *pacedBody) extend() {
	earned := time.Duration(float64(b.read) / float64(b.rate.PerSecond) * float64(time.Second))
	_ = b.conn.SetReadDeadline(b.start.Add(b.rate.Grace + earned))
}
