package profile

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// success reads `answer.success`: its host is fixed by ops and only the submission's ids are filled in, so that no post can send
// anybody to a host of its choice.
func (r *reader) success(s *scalar) string {
	return r.address(s, "https://shop.example/thanks?order={id}", "{id}", "{crm_id}")
}

// failure reads `answer.failure`.
func (r *reader) failure(s *scalar) string { return r.address(s, "https://shop.example/contact") }

// IsPath tells of a Profile's Success or Failure that it is a path on the site that the form stands on, and no whole address.
func IsPath(target string) bool {
	return strings.HasPrefix(target, "/") && !strings.HasPrefix(target, "//")
}

// address reads the address of a page: a whole one, or a path on the site that the form stands on. One that browsers and this program
// could read in two ways (blanks, \, user@host) is refused. What comes back is the address as it goes into a header: all ASCII, but for
// the placeholders, each of which may stand anywhere behind the host.
func (r *reader) address(s *scalar, example string, placeholders ...string) string {
	do := `write the whole address, such as "` + example + `"`
	fault := func(what, do string) string {
		r.add(s.pos, s.path+" "+what, do)
		return ""
	}
	filled := "nothing is filled in"
	if len(placeholders) > 0 {
		filled = "only " + strings.Join(placeholders, " and ") + " are filled in"
	}
	bare, tried := s.text, s.text
	for _, p := range placeholders {
		bare, tried = strings.ReplaceAll(bare, p, ""), strings.ReplaceAll(tried, p, "0")
	}
	switch {
	case !s.set:
		return ""
	case strings.Contains(s.text, "${"):
		return fault("is an address and holds no ${…}: nobody who posts may choose where to go", filled)
	case strings.ContainsAny(bare, "{}"):
		return fault("holds a { or } that is none of the relay's", filled)
	case strings.ContainsFunc(s.text, ambiguous):
		return fault("holds a blank or a \\", do)
	}
	u, err := url.Parse(tried)
	switch {
	case err != nil:
		return fault("is no address: "+quote(s.text), do)
	case IsPath(s.text):
		return Encoded(s.text)
	}
	return r.wholeAddress(s, u, do, fault)
}

// wholeAddress reads an address that has to begin with a scheme. Placeholders were filled in before it was taken apart.
func (r *reader) wholeAddress(s *scalar, u *url.URL, do string, fault func(what, do string) string) string {
	switch {
	case u.Scheme == "" && u.Host == "":
		return fault("is neither a whole address nor a path on your site", do+`, or a path that begins with one /, such as "/thanks"`)
	case u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		return fault("must begin with https:// or http:// and a host", do)
	case u.User != nil:
		return fault("holds a user name or password", do)
	case !strings.Contains(strings.ToLower(s.text), "://"+strings.ToLower(u.Host)):
		return fault("has {id} in its host", `put {id} behind the host: "https://shop.example/thanks?order={id}"`)
	case !validPort(u.Port()):
		return fault("has the port "+quote(u.Port())+", which cannot be", "write a port from 1 to 65535, or leave it out")
	}
	address, err := asciiAddress(s.text, u)
	if err != nil {
		return fault("has a host that cannot be: "+quote(u.Hostname()), do)
	}
	return address
}

// reachable finds a path that could never be taken: without a list of sites no site is known to be the form's.
func (r *reader) reachable(d *document, p *Profile) {
	for _, s := range []*scalar{&d.Answer.Success, &d.Answer.Failure} {
		if s.set && IsPath(s.text) && len(p.Origins) == 0 && len(d.Form.Origins) == 0 && (s == &d.Answer.Success || p.Success == "" || IsPath(p.Success)) {
			r.add(s.pos, s.path+" is a path, and form.origins does not say on which site", "list your site, such as origins: [https://shop.example], or write the whole address")
		}
	}
}

// validPort tells whether a port can be connected to; none is fine.
func validPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil && n > 0
}

// asciiAddress writes the address u, whose text is given, as a header takes it: a host in another alphabet by its punycode, the rest
// [Encoded]. What is ASCII already stays as it was written.
func asciiAddress(text string, u *url.URL) (string, error) {
	from := strings.Index(text, "://") + len("://")
	authority, rest := text[from:from+len(u.Host)], text[from+len(u.Host):]
	if host := u.Hostname(); !isASCII(host) {
		ascii, err := idna.Lookup.ToASCII(host)
		if err != nil {
			return "", err
		}
		authority = strings.Replace(u.Host, host, ascii, 1)
	}
	return text[:from] + authority + Encoded(rest), nil
}

// isASCII tells whether a text needs no encoding for its letters.
func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] > '\x7f' {
			return false
		}
	}
	return true
}

// Encoded is an address behind its host with every sign that no URL holds percent-encoded, as a browser would.
func Encoded(rest string) string {
	var b strings.Builder
	for i := range len(rest) {
		if c := rest[i]; c > '\x7f' || strings.IndexByte("\"<>^`|", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
