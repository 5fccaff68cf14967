package intake

import (
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5/middleware"

	"formrelay/internal/submission"
)

// maxVisitor bounds each text that is kept of a visitor's headers, in bytes.
const maxVisitor = 1000

// What a script on the page may add to a form, so that it is known where the visitor came from. relay.js posts them:
//
//	_page       the address of the page that the form stands on
//	_referrer   the page of another site from which the visitor came, the last time; not there when there was none
//	_landing    the page of this site on which the visitor arrived, the last time
//
//	utm_source, utm_medium, utm_campaign, utm_term, utm_content, gclid, fbclid
//	            the last touch: what stood in the address on which the visitor arrived. Not added where the form has such a field
//
//	_first_referrer, _first_landing, _first_utm_source … _first_fbclid, _first_at
//	            the same of the first touch, and when that was (RFC 3339); they are there whenever it is known, also when it is the last
//
// All are fields like any other: kept in posted order, and read by a mapping as ${utm_source} or ${_first_utm_source}. [visitor] looks
// at the first two alone.

// visitor is what is known of who posts. Page and referrer are what a script on the page told, because a browser cuts both to their
// origins on the way to another site; without such a script they are what the request's head has, and then the referrer is the page
// that the form stands on. Language is the one that the answer is given in.
func visitor(r *http.Request, c controls, lang string) submission.Visitor {
	origin, referrer := r.Header.Get("Origin"), r.Header.Get("Referer")
	from := page(origin, referrer)
	if c.told {
		referrer = ""
		if isWeb(c.referrer) {
			referrer = c.referrer
		}
		if isWeb(c.page) && (!isWeb(origin) || onSite(origin, c.page)) {
			from = c.page
		}
	}
	return submission.Visitor{
		IP:        middleware.GetClientIP(r.Context()),
		UserAgent: bounded(r.UserAgent()),
		Referrer:  bounded(referrer),
		Page:      bounded(from),
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
	if onSite(origin, referrer) {
		return referrer
	}
	return origin
}

// onSite tells whether an address is one of the origin's.
func onSite(origin, address string) bool {
	rest, begins := strings.CutPrefix(address, origin)
	return begins && (rest == "" || strings.IndexByte("/?#", rest[0]) >= 0)
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
