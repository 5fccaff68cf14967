// Package httpd is the mechanism under the relay's HTTP: one place where what went wrong becomes an answer, the request's id, the
// access log, the client's address, the bounds in time, serve and drain, health.
//
// It holds no word of the relay's domain and imports nothing internal. A handler returns an error; [Responder.Handle] finds the
// [Problem] in it and gives it to the one [Renderer] of the surface (the form pages have one, the ops listener may have another).
// What is no Problem is a 500 with a fixed text and the request's id; its cause is logged and never sent.
//
// Nothing here logs a query, a header or a body: the access log holds the route's pattern, so that a visitor's value in an address
// cannot get into it either.
package httpd
