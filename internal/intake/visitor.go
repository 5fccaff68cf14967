package intake

import (
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5/middleware"

	"formrelay/internal/submission"
)

// maxVisitor bounds each text that is kept of a visitor's headers, in bytes.
const maxVisitor = 1000

// visitor is what the request's head tells of who posts. Language is the one that the answer is given in.
func visitor(r *http.Request, lang string) submission.Visitor {
	referrer := r.Header.Get("Referer")
	return submission.Visitor{
		IP:        middleware.GetClientIP(r.Context()),
		UserAgent: bounded(r.UserAgent()),
		Referrer:  bounded(referrer),
		Page:      bounded(page(r.Header.Get("Origin"), referrer)),
		Language:  lang,
	}
}

// page is where the form stands: the Referer, provided it is a page of the site that the browser names as the Origin; else that
// origin. A Referer may be cut to its origin, or be missing, by the site's Referrer-Policy; without both the page is unknown.
func page(origin, referrer string) string {
	if !isWeb(origin) {
		if isWeb(referrer) {
			return referrer
		}
		return ""
	}
	if referrer == origin || strings.HasPrefix(referrer, origin+"/") {
		return referrer
	}
	return origin
}

// isWeb tells whether a text begins like the address of a web page ("null", which a browser sends for a file, does not).
func isWeb(s string) bool { return strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://") }

// bounded cuts a header to maxVisitor bytes of valid UTF-8.
func bounded(s string) string {
	if len(s) > maxVisitor {
		s = s[:maxVisitor]
	}
	return strings.ToValidUTF8(s, "")
}
