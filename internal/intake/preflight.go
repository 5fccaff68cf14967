package intake

import (
	"net/http"
	"strings"
)

// maxAskedHeaders bounds the list of headers that a preflight may ask for and have repeated to it.
const maxAskedHeaders = 1000

// preflight answers OPTIONS: 204, never a redirect (browsers refuse one here), with every header allowed that was asked for.
// Formspree's own library sends some, so that a fixed list would break it at its next version.
func preflight(w http.ResponseWriter, r *http.Request, allow string) {
	h := w.Header()
	h.Set("Allow", allow)
	h.Set("Access-Control-Allow-Methods", allow)
	if asked := r.Header.Get("Access-Control-Request-Headers"); isTokenList(asked) {
		h.Set("Access-Control-Allow-Headers", asked)
	}
	h.Set("Access-Control-Max-Age", "7200") // the most that Chromium keeps
	h.Add("Vary", "Access-Control-Request-Headers")
	w.WriteHeader(http.StatusNoContent)
}

// isTokenList tells whether a text is a comma-separated list of header names, short enough to be repeated.
func isTokenList(s string) bool {
	if s == "" || len(s) > maxAskedHeaders {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && strings.IndexByte("!#$%&'*+-.^_`|~, ", c) < 0 {
			return false
		}
	}
	return true
}
