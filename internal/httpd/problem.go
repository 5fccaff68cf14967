package httpd

import (
	"fmt"
	"net/http"
	"time"
)

// Problem is what is told when a request is not done as asked. It is an error, so that a handler returns it; only what stands in
// its exported texts leaves the process, never Cause.
type Problem struct {
	Status     int           // HTTP's status, 400 to 599
	Code       string        // a stable word for programs: "TYPE_EMAIL", "NOT_FOUND"
	Message    string        // one sentence for a person, in Lang; empty: the renderer has one for Status
	Lang       string        // the language of Message and Fields; empty: the renderer chooses
	Limit      string        // which bound was exceeded, with a 413
	Detail     string        // an English sentence for whoever built the form or page: what is wrong with the request, and what to do
	Fields     []Field       // which fields are at fault, with a 422
	ID         string        // the id of what was stored in spite of the problem; empty: nothing was
	RetryAfter time.Duration // when to try again, rounded up to whole seconds; 0 names no time
	Allow      string        // the methods that the resource knows, with a 405
	Close      bool          // the connection ends with this answer: the rest of the body is not worth reading
	Data       any           // what else the surface's own renderer needs to show it; nobody else reads it, and it is never logged
	Cause      error         // for the log, never sent; may be nil
}

// Field is one field at fault.
type Field struct {
	Name    string // as the form calls it; empty: the fault is about the whole
	Label   string // as its reader calls it
	Code    string
	Message string
}

// Error is the problem in one line for the log: it names no field and no value.
func (p *Problem) Error() string {
	if p.Cause != nil {
		return fmt.Sprintf("%d %s: %v", p.Status, p.Code, p.Cause)
	}
	return fmt.Sprintf("%d %s", p.Status, p.Code)
}

// Unwrap is the cause.
func (p *Problem) Unwrap() error { return p.Cause }

// Handler is a handler that returns what went wrong in place of answering it itself. After an error it must not have written.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Renderer writes a problem's status and body in a surface's own shape. The headers that follow from the problem (Retry-After, Allow,
// Connection, Cache-Control: no-store) are set already.
type Renderer func(w http.ResponseWriter, r *http.Request, p *Problem)
