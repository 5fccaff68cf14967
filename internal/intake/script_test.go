package intake

import (
	"strconv"
	"strings"
	"testing"

	"formrelay/web"
)

// Any page on any site may load the script, and asks for it again only to hear that there is no other.
func TestScript(t *testing.T) {
	t.Parallel()
	b := setup(t)
	js, _ := web.Script()
	got := b.send("GET", "/relay.js", "")
	if got.Code != 200 || got.Body.String() != string(js) {
		t.Fatalf("%d, %d bytes; want %d", got.Code, got.Body.Len(), len(js))
	}
	for name, want := range map[string]string{
		"Content-Type": "text/javascript; charset=utf-8", "Cache-Control": "public, max-age=3600, stale-while-revalidate=86400",
		"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin", "X-Content-Type-Options": "nosniff",
	} {
		if value := got.Header().Get(name); value != want {
			t.Errorf("%s: %q, want %q", name, value, want)
		}
	}
	if again := b.send("GET", "/relay.js", "", "If-None-Match", got.Header().Get("ETag")); again.Code != 304 || again.Body.Len() != 0 {
		t.Errorf("asked again: %d with %d bytes", again.Code, again.Body.Len())
	}
	if other := b.send("GET", "/relay.js", "", "If-None-Match", `"another"`); other.Code != 200 {
		t.Errorf("after a new release: %d", other.Code)
	}
	if head := b.send("HEAD", "/relay.js", ""); head.Code != 200 || head.Header().Get("Content-Length") != strconv.Itoa(len(js)) {
		t.Errorf("HEAD: %d %v", head.Code, head.Header())
	}
	if options := b.send("OPTIONS", "/relay.js", ""); options.Code != 204 || !strings.Contains(options.Header().Get("Allow"), "GET, HEAD") {
		t.Errorf("OPTIONS: %d %v", options.Code, options.Header())
	}
	if wrong := b.send("POST", "/relay.js", "name=Olena"); wrong.Code != 405 {
		t.Errorf("POST: %d", wrong.Code)
	}
}
