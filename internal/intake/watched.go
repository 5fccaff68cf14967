package intake

import (
	"errors"
	"net/http"

	"formrelay/internal/httpd"
)

// watched is a ResponseWriter that remembers the answer's status.
type watched struct {
	http.ResponseWriter
	status int // 0: nothing written yet
}

// WriteHeader notes the status.
func (w *watched) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write notes that a body without a status of its own is a 200.
func (w *watched) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// answered is the status that the handler wrote, or that its error will become. Neither means that it panicked: that is a 500.
func (w *watched) answered(err error) int {
	if p, ok := errors.AsType[*httpd.Problem](err); ok && w.status == 0 {
		return p.Status
	}
	if w.status == 0 {
		return http.StatusInternalServerError
	}
	return w.status
}
