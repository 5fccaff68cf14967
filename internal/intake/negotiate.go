package intake

import (
	"net/http"
	"strconv"
	"strings"

	"formrelay/internal/profile"
)

// wantsJSON tells who gets JSON: whoever sent JSON, whoever prefers it by Accept, and whoever is a script: X-Requested-With, or the
// browser's own word that a fetch is behind the request (Sec-Fetch-Dest: empty; a form's post has "document" or "iframe"), so that
// a bare fetch with a FormData body needs no header at all.
func wantsJSON(r *http.Request) bool {
	h := r.Header
	return isJSON(h.Get("Content-Type")) || h.Get("X-Requested-With") != "" || h.Get("Sec-Fetch-Dest") == "empty" ||
		readAccept(h).prefersJSON()
}

// isMachine tells of a sender to a profile for page builders that it is one. Some of them follow no redirect and take it for a failure,
// and none of them asks for a page by name, as every browser does.
func isMachine(r *http.Request, p *profile.Profile) bool {
	return p.HoldInvalid && !readAccept(r.Header).namesHTML()
}

// isJSON tells whether a media type, with its parameters or without, is JSON.
func isJSON(mediaType string) bool {
	mediaType, _, _ = strings.Cut(mediaType, ";")
	mediaType = strings.ToLower(strings.TrimSpace(mediaType))
	return mediaType == "application/json" || mediaType == "text/json" ||
		strings.HasPrefix(mediaType, "application/") && strings.HasSuffix(mediaType, "+json")
}

// wish is how much one kind of answer is wanted.
type wish struct {
	q     float64
	exact int // 3: named, 2: its type is (text/*), 1: */*, 0: not at all
	place int // the position in the list of what named it
}

// accepted is what an Accept header wishes of the two kinds of answer there are.
type accepted struct{ json, html wish }

// prefersJSON tells whether JSON is wished for more than HTML: by a higher q; at the same q by being named where HTML is merely
// covered by a wildcard (what axios sends); both named, by standing first. */* alone, or no Accept at all, prefers nothing.
func (a accepted) prefersJSON() bool {
	j, h := a.json, a.html
	switch {
	case j.q == 0 || j.q < h.q:
		return false
	case j.q > h.q:
		return true
	case j.exact != h.exact:
		return j.exact > h.exact
	default:
		return j.exact == 3 && j.place < h.place
	}
}

// namesHTML tells whether HTML is asked for by name.
func (a accepted) namesHTML() bool { return a.html.exact == 3 && a.html.q > 0 }

// maxAccept bounds how much of an Accept header is read: what a browser sends has some 150 bytes.
const maxAccept = 2000

// readAccept reads the Accept header. The most specific range that covers a kind decides its q, as RFC 9110 says (section 12.5.1).
func readAccept(h http.Header) accepted {
	var a accepted
	list := strings.Join(h.Values("Accept"), ",")
	if len(list) > maxAccept {
		list = list[:maxAccept]
	}
	for place := 0; list != ""; place++ {
		var item string
		item, list, _ = strings.Cut(list, ",")
		mediaRange, params, _ := strings.Cut(item, ";")
		mediaRange = strings.ToLower(strings.TrimSpace(mediaRange))
		w := wish{q: quality(params), place: place}
		a.json.better(w, exactness(mediaRange, "application/*", isJSON))
		a.html.better(w, exactness(mediaRange, "text/*", isHTML))
	}
	return a
}

// isHTML tells whether a media type is a page's.
func isHTML(mediaType string) bool {
	return mediaType == "text/html" || mediaType == "application/xhtml+xml"
}

// exactness is how precisely a range covers a kind.
func exactness(mediaRange, family string, named func(string) bool) int {
	switch {
	case named(mediaRange):
		return 3
	case mediaRange == family:
		return 2
	case mediaRange == "*/*":
		return 1
	default:
		return 0
	}
}

// better takes over a range that is more precise than what decided so far or, at the same precision, wanted more.
func (w *wish) better(other wish, exact int) {
	if exact == 0 || exact < w.exact || exact == w.exact && other.q <= w.q {
		return
	}
	*w = wish{q: other.q, exact: exact, place: other.place}
}

// quality is the q of a range's parameters: 1 when there is none, 0 when it cannot be read.
func quality(params string) float64 {
	for params != "" {
		var param string
		param, params, _ = strings.Cut(params, ";")
		name, text, _ := strings.Cut(strings.TrimSpace(param), "=")
		if !strings.EqualFold(name, "q") {
			continue
		}
		q, err := strconv.ParseFloat(text, 64)
		if err != nil || !(q >= 0 && q <= 1) {
			return 0
		}
		return q
	}
	return 1
}
