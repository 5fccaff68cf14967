package intake

import (
	"net/http"
	"strconv"

	"formrelay/web"
)

// stylePath is where the pages' style sheet is. Its address carries the checksum as ?v=, so that a new release is seen at once and an
// old page beside a new replica still finds a style sheet.
const stylePath = "/static/relay.css"

// stylesheet is the style sheet as it is served.
type stylesheet struct {
	css      []byte
	checksum string
	address  string
}

func newStylesheet() stylesheet {
	css, checksum := web.Style()
	return stylesheet{css: css, checksum: checksum, address: stylePath + "?v=" + checksum}
}

// serve answers GET. Only the address with the present checksum may be kept for ever.
func (s stylesheet) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-cache")
	if r.URL.Query().Get("v") == s.checksum {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.Set("Content-Type", "text/css; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(s.css)))
	_, _ = w.Write(s.css) // the visitor may be gone: nobody is left to tell
}
