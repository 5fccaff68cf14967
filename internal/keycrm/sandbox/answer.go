package sandbox

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
)

// answer is a response before it is written.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// handler is a route of the API.
type handler func(r *http.Request) answer

// ServeHTTP writes what the handler answers.
func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h(r).write(w) }

// write sends the answer and returns its status, for the list of calls.
func (a answer) write(w http.ResponseWriter) int {
	maps.Copy(w.Header(), a.header)
	if a.status != http.StatusNoContent {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // a client that has gone needs no answer
	return a.status
}

// respond answers with v as JSON; a nil v is an empty body.
func respond(status int, v any) answer {
	a := answer{status: status, header: http.Header{}}
	if v == nil {
		return a
	}
	a.header.Set("Content-Type", "application/json")
	body, err := json.Marshal(v)
	if err != nil {
		return answer{status: http.StatusInternalServerError, header: http.Header{}}
	}
	a.body = body
	return a
}

// message answers with KeyCRM's plain shape of an error.
func message(status int, text string) answer {
	return respond(status, map[string]any{"message": text})
}

// unauthenticated is KeyCRM's answer to a missing or wrong token, word for word as live accounts give it.
func unauthenticated() answer { return message(http.StatusUnauthorized, "Unauthenticated.") }

// notFound is the 404 of a record, in JSON: that is how a client tells it from an address that is not KeyCRM.
func notFound() answer { return message(http.StatusNotFound, "There is no such record.") }

// done is what KeyCRM answers where there is nothing to show.
func done() answer { return respond(http.StatusAccepted, map[string]any{"status": true}) }

// complaints are the faults of a body in Laravel's shape: the first sentence on top, all of them by path.
type complaints struct {
	first string
	count int
	paths map[string][]string
}

// add notes a sentence about the field at path. The same sentence about the same field is said once, whoever finds it.
func (c *complaints) add(path, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if c.paths == nil {
		c.paths, c.first = map[string][]string{}, text
	}
	if !slices.Contains(c.paths[path], text) {
		c.paths[path] = append(c.paths[path], text)
		c.count++
	}
}

// answer is the 422. "message" is the first sentence and how many more there are, as Laravel puts it.
func (c *complaints) answer() answer {
	text := c.first
	switch {
	case c.count == 2:
		text += " (and 1 more error)"
	case c.count > 2:
		text += fmt.Sprintf(" (and %d more errors)", c.count-1)
	}
	return respond(http.StatusUnprocessableEntity, map[string]any{"message": text, "errors": c.paths})
}

// recorder is a ResponseWriter that keeps the answer.
type recorder struct{ answer }

// Header gives the header to fill in.
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader keeps the status.
func (r *recorder) WriteHeader(status int) { r.status = status }

// Write keeps the body.
func (r *recorder) Write(p []byte) (int, error) {
	r.body = append(r.body, p...)
	return len(p), nil
}
