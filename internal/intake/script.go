package intake

import (
	"bytes"
	"net/http"
	"time"

	"formrelay/web"
)

const (
	// scriptPath is where pages have relay.js from. It has no checksum: it stands in pages that nobody rewrites with a new release.
	scriptPath = "/relay.js"
	// scriptCache lets a browser use the script for an hour without a question, and for a day more while it asks in the background
	// whether there is another: a page never waits for it twice, and a new release is everywhere within a day.
	scriptCache = "public, max-age=3600, stale-while-revalidate=86400"
)

// script is relay.js as it is served.
type script struct {
	js   []byte
	etag string
}

func newScript() script {
	js, checksum := web.Script()
	return script{js: js, etag: `"` + checksum + `"`}
}

// serve answers GET and HEAD. Every page may have it, also one that isolates itself from other origins.
func (s script) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", scriptCache)
	h.Set("Content-Type", "text/javascript; charset=utf-8")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("ETag", s.etag)
	h.Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(s.js))
}
