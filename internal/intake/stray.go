package intake

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"formrelay/internal/httpd"
	"formrelay/internal/mapping/value"
	"formrelay/internal/profile"
)

// Bounds of what is said of posts to profiles that are not there: how many addresses a minute, and how long a name and a host may be.
// A name with more digits than a year and a month could be a phone that a broken page put there.
const (
	maxStrays     = 10
	maxStrayName  = 64  // as long as a profile's can be
	maxHost       = 253 // as long as a host's can be
	maxNameDigits = 6
)

// strays remembers which addresses were told within a minute.
type strays struct {
	mu    sync.Mutex
	began time.Time
	told  map[string]bool
}

// take tells whether one more may be told: a new one, and not one of too many.
func (s *strays) take(address string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if passed := now.Sub(s.began); passed < 0 || passed >= reportEvery || s.told == nil {
		s.began, s.told = now, map[string]bool{}
	}
	if s.told[address] || len(s.told) >= maxStrays {
		return false
	}
	s.told[address] = true
	return true
}

// stray tells ops of a form that posts to a profile that is not there: its visitors are turned away, and nobody else would say which
// form it is. Of the request only what can be no visitor's word is told.
func (i *Intake) stray(r *http.Request) {
	asked, site := strayName(chi.URLParam(r, "profile")), strayHost(r.Header)
	if !i.strays.take(asked+" "+site, i.Now()) {
		return
	}
	line := i.Log.Warn().Str("request_id", httpd.ID(r.Context()))
	if asked != "" {
		line = line.Str("asked", asked)
	}
	if near := value.Nearest(asked, i.Profiles.Names()); near != "" {
		line = line.Str("did_you_mean", near)
	}
	if site != "" {
		line = line.Str("site", site)
	}
	line.Msg("a form posts to a profile that is not there: mend the form's address, or add the profile")
}

// strayName is the name that was asked for, "" when it is none that a profile could have, or holds too many digits.
func strayName(name string) string {
	if name = name[:min(len(name), maxStrayName)]; !profile.ValidName(name) {
		return ""
	}
	digits := 0
	for _, c := range name {
		if c >= '0' && c <= '9' {
			digits++
		}
	}
	if digits > maxNameDigits {
		return ""
	}
	return name
}

// strayHost is the host of the page that posts, by the Origin or, for want of one, the Referer; "" when neither names a sound one.
func strayHost(h http.Header) string {
	origin := profile.OriginOf(h.Get("Origin"))
	if origin == "" {
		origin = profile.OriginOf(h.Get("Referer"))
	}
	u, err := url.Parse(origin)
	if err != nil {
		return ""
	}
	host := u.Hostname()
	if len(host) > maxHost || strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789.-:") != "" {
		return ""
	}
	return host
}
