package httpd

import (
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"
)

// Allow is the methods that routes have a handler for at the request's address, as an Allow header lists them; "" when there is nothing
// at that address at all. It is for a MethodNotAllowed handler: the list that chi makes never reaches one that was set, and for a method
// that chi does not know it makes none. The request's route pattern and parameters are set to those of the address, so that the access
// log names it and a handler can tell what would have been there.
func Allow(routes chi.Routes, r *http.Request) string {
	path := r.URL.RawPath // as chi itself reads an address
	if path == "" {
		path = r.URL.Path
	}
	var allowed []string
	for _, method := range []string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
	} {
		found := chi.NewRouteContext()
		if !routes.Match(found, method, path) {
			continue
		}
		allowed = append(allowed, method)
		if own := chi.RouteContext(r.Context()); own != nil {
			own.URLParams, own.RoutePatterns = found.URLParams, found.RoutePatterns
		}
	}
	return strings.Join(allowed, ", ")
}
