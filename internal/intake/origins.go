package intake

import (
	"net/http"
	"sync"
	"time"

	"formrelay/internal/httpd"
	"formrelay/internal/profile"
	"formrelay/internal/submission"
)

// maxStrange is how many posts from sites that a profile does not list are kept within strangeWithin, each profile for itself: enough
// to see what was forgotten in the list, and to rescue it; not enough to fill the disk from somebody else's page. What is beyond it is
// counted and answered alike.
const (
	maxStrange    = 100
	strangeWithin = time.Hour
)

// isStrange tells whether a page of a site that the profile does not list sent the post. Whoever names no site is no browser's page of
// another one: every browser names it on a post. The relay's own pages, such as the one with the fields to correct, are never strange.
func (i *Intake) isStrange(r *http.Request, p *profile.Profile) bool {
	header := r.Header.Get("Origin")
	if len(p.Origins) == 0 || header == "" || header == "null" {
		return false
	}
	origin := profile.OriginOf(header)
	return origin == "" || !p.Origins.Allow(origin) && origin != profile.OriginOf(httpd.BaseURL(r, i.TrustedProxies))
}

// hold keeps a post from a strange site for ops, whatever else is to be said of it.
func hold(s *submission.Submission, origin string) {
	if origin = profile.OriginOf(origin); origin == "" {
		origin = "a site that cannot be read"
	}
	suspect(s, submission.Signal{
		Reason: submission.ReasonOrigin, Text: "a page of " + bounded(origin) + " sent it, which form.origins does not list",
	})
	s.Captcha = submission.Captcha{} // nothing is sent, so there is nothing to verify
}

// strange is the answer to a post from a strange site; id is what was stored, "" when it is only counted.
func strange(id, lang string) *httpd.Problem {
	return &httpd.Problem{
		Status: http.StatusForbidden, Code: "ORIGIN_NOT_ALLOWED", ID: id, Lang: lang,
		Detail: "the profile's form.origins does not list the site that this page belongs to, as the request's Origin names it",
	}
}

// strangers remembers when posts from strange sites were kept. It holds at most maxStrange times a profile.
type strangers struct {
	mu   sync.Mutex
	kept map[string][]time.Time // by profile; the oldest first
}

// full tells whether no more may be kept for now.
func (s *strangers) full(profile string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.recent(profile, now) >= maxStrange
}

// take notes that one more is kept, if it may be.
func (s *strangers) take(profile string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.recent(profile, now) >= maxStrange {
		return false
	}
	if s.kept == nil {
		s.kept = make(map[string][]time.Time)
	}
	s.kept[profile] = append(s.kept[profile], now)
	return true
}

// recent forgets what is long ago, and counts the rest. A time in the future is a clock that was set back; it is forgotten as well.
func (s *strangers) recent(profile string, now time.Time) int {
	times := s.kept[profile]
	for len(times) > 0 && (now.Sub(times[0]) >= strangeWithin || times[0].After(now)) {
		times = times[1:]
	}
	if s.kept != nil {
		s.kept[profile] = times
	}
	return len(times)
}
