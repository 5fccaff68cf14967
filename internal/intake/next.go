package intake

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"formrelay/internal/httpd"
	"formrelay/internal/profile"
)

// maxNext bounds what _next may hold, in bytes: longer addresses are cut off or refused by one program or another on the way.
const maxNext = 2000

// destination is where a browser goes after its post was taken.
type destination struct {
	// address is a whole address, {id} and {crm_id} still in it; "" is the relay's own thank-you page.
	address string
	// carried: the post itself says so, by _next or by the page that it came from. The page with the fields to correct has to carry it
	// on, for a post of its own would not say the same.
	carried bool
}

// destined finds where a browser goes: to what the form asks for, else to the profile's page, else nowhere in particular. The host is
// always one that ops have written down.
func destined(r *http.Request, p *profile.Profile, next string) destination {
	if next = askedFor(r, p, next); next != "" {
		return destination{address: next, carried: true}
	}
	if !profile.IsPath(p.Success) {
		return destination{address: p.Success}
	}
	if site := siteOf(r, p); site != "" {
		return destination{address: site + p.Success, carried: true}
	}
	return destination{}
}

// askedFor is the address that a form's _next names: a whole one on a site that ops know, or a path on the site that the form stands
// on; "" when it is neither. It is written anew from its parts, so that a browser reads the very host that was compared.
func askedFor(r *http.Request, p *profile.Profile, next string) string {
	next = strings.TrimFunc(next, unicode.IsSpace)
	if next == "" || len(next) > maxNext {
		return ""
	}
	next = strings.ReplaceAll(next, " ", "%20") // inside an address a browser does the same; inside a host it is no address
	if profile.IsPath(next) {
		site := siteOf(r, p)
		if site == "" || profile.OriginOf(site+next) != site {
			return ""
		}
		return site + profile.Encoded(next)
	}
	origin := profile.OriginOf(next)
	if !mayLead(p, origin) {
		return ""
	}
	_, rest, _ := strings.Cut(next, "://")
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		return origin + profile.Encoded(rest[end:])
	}
	return origin
}

// siteOf is the origin of the page that the form stands on, when that is one to which a visitor may be sent: the post's Origin or, for
// want of one, its Referer. A path never means the relay's own host, where no page of the shop's is.
func siteOf(r *http.Request, p *profile.Profile) string {
	address := r.Header.Get("Origin")
	if address == "" || address == "null" {
		address = r.Header.Get("Referer")
	}
	if origin := profile.OriginOf(address); mayLead(p, origin) {
		return origin
	}
	return ""
}

// mayLead tells whether a visitor may be sent to a site: ops list it, or their own success page is there.
func mayLead(p *profile.Profile, origin string) bool {
	return origin != "" && (p.Origins.Allow(origin) || origin == profile.OriginOf(p.Success))
}

// filled is a destination's address for one submission. Without KeyCRM's id its place is left empty.
func filled(address, id string, crmID int64) string {
	crm := ""
	if crmID != 0 {
		crm = strconv.FormatInt(crmID, 10)
	}
	return strings.NewReplacer("{id}", id, "{crm_id}", crm).Replace(address)
}

// failurePage is the address to which ops send a browser in place of a page of the relay's, with the code; "" when they do not.
func failurePage(r *http.Request, p *profile.Profile, status int, code string) string {
	switch status {
	case http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests:
	default:
		return ""
	}
	address := p.Failure
	if profile.IsPath(address) {
		site := siteOf(r, p)
		if site == "" {
			return ""
		}
		address = site + address
	}
	if address == "" {
		return ""
	}
	return withError(address, code)
}

// withError adds error=<code> to an address's query, behind what is in it and before a fragment.
func withError(address, code string) string {
	address, fragment, hasFragment := strings.Cut(address, "#")
	switch {
	case !strings.Contains(address, "?"):
		address += "?"
	case !strings.HasSuffix(address, "?") && !strings.HasSuffix(address, "&"):
		address += "&"
	}
	address += "error=" + code
	if hasFragment {
		address += "#" + fragment
	}
	return address
}

// backTo is the page from which a visitor came, for a link on a page of the relay's: without query and fragment, which may hold what
// is nobody else's business; "" when it is not known. Only a site that ops know is linked to or, where they list none, the one from
// which this very browser says that it comes: an address that gets about shows nobody a stranger's link.
func (i *Intake) backTo(r *http.Request, p *profile.Profile, page string) string {
	if p == nil {
		return ""
	}
	origin := profile.OriginOf(page)
	if !mayLead(p, origin) {
		if page = r.Referer(); len(p.Origins) > 0 || len(page) > maxNext {
			return ""
		}
		if origin = profile.OriginOf(page); origin == "" || origin == profile.OriginOf(httpd.BaseURL(r, i.TrustedProxies)) {
			return ""
		}
	}
	u, err := url.Parse(page)
	if err != nil { // a path that is not escaped as the standard wants it
		return origin
	}
	return origin + u.EscapedPath()
}
