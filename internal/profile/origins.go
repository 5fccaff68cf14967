package profile

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	"formrelay/internal/mapping"
)

// Bounds of `form.origins`: how many a profile may list, and how long one may be. A host has 253 bytes at most.
const (
	maxOrigins = 100
	maxOrigin  = 300
)

// Origins are the sites whose pages may post, and to which a visitor may be sent on: origins as browsers write them
// ("https://shop.example", "http://localhost:3000"), or with * for one or more names before a dot ("https://*.shop.example", which is
// not shop.example itself). Empty: any page may post.
type Origins []string

// Allow tells whether an origin is listed. It must be one that [OriginOf] wrote; "" is in no list.
func (o Origins) Allow(origin string) bool {
	if origin == "" {
		return false
	}
	return slices.ContainsFunc(o, func(listed string) bool {
		before, after, below := strings.Cut(listed, "*")
		if !below {
			return listed == origin
		}
		return len(origin) > len(before)+len(after) && strings.HasPrefix(origin, before) && strings.HasSuffix(origin, after)
	})
}

// OriginOf is the origin of a whole address as browsers write and compare it: scheme and host in small letters, the host in ASCII, no
// port where it is the scheme's own. It is "" for whatever is no address of a web page, and for what browsers and this program could
// read in two ways: blanks, control characters, a \, a user name, a host that no name server could know.
func OriginOf(address string) string {
	if strings.ContainsFunc(address, ambiguous) {
		return ""
	}
	if scheme, rest, whole := strings.Cut(address, "://"); whole { // what follows the host may be escaped in any way
		if end := strings.IndexAny(rest, "/?#"); end >= 0 {
			address = scheme + "://" + rest[:end]
		}
	}
	u, err := url.Parse(address)
	if err != nil || u.User != nil {
		return ""
	}
	origin, _ := originOf(u)
	return origin
}

// ambiguous holds for the characters that browsers take out of an address, or take for others.
func ambiguous(c rune) bool {
	return c == '\\' || unicode.IsSpace(c) || unicode.IsControl(c) || unicode.Is(unicode.Cf, c)
}

// originOf is the origin of an address that was taken apart, or why it has none.
func originOf(u *url.URL) (string, error) {
	if u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return "", errNoWeb
	}
	host, err := canonicalHost(u.Hostname())
	if err != nil {
		return "", err
	}
	origin := u.Scheme + "://" + host
	if u.Port() == "" {
		return origin, nil
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	switch {
	case err != nil || port == 0:
		return "", fmt.Errorf("the port %s cannot be", quote(u.Port()))
	case u.Scheme == "https" && port == 443, u.Scheme == "http" && port == 80:
		return origin, nil
	}
	return origin + ":" + strconv.FormatUint(port, 10), nil
}

// errNoWeb is about an address that is no web page's.
var errNoWeb = errors.New("an address begins with https:// or http:// and a host")

// canonicalHost is a host as browsers write it. A name that ends in a dot is another origin to a browser, so that it is none here.
func canonicalHost(host string) (string, error) {
	if strings.Contains(host, ":") {
		ip, err := netip.ParseAddr(host)
		if err != nil || ip.Zone() != "" {
			return "", fmt.Errorf("%s is no IP address", quote(host))
		}
		return "[" + ip.String() + "]", nil
	}
	host = strings.ToLower(host)
	if strings.ContainsFunc(host, func(c rune) bool { return c > unicode.MaxASCII }) || strings.Contains(host, "xn--") {
		ascii, err := idna.Lookup.ToASCII(host)
		if err != nil {
			return "", fmt.Errorf("%s is no host", quote(host))
		}
		host = ascii
	}
	if !plainHost(host) {
		return "", fmt.Errorf("%s is no host", quote(host))
	}
	return host, nil
}

// plainHost tells whether a host in ASCII is names with a dot between each two. An underscore is no letter of a host's name by the
// book, and in many a site's address all the same.
func plainHost(host string) bool {
	if host == "" || len(host) > 253 {
		return false
	}
	for name := range strings.SplitSeq(host, ".") {
		if name == "" || len(name) > 63 {
			return false
		}
		for i := range len(name) {
			if c := name[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}

// origins reads `form.origins`.
func (r *reader) origins(list scalars) Origins {
	if len(list) > maxOrigins {
		r.add(list[maxOrigins].pos, fmt.Sprintf("form.origins lists %d sites, and %d is the most", len(list), maxOrigins), "take some out")
		list = list[:maxOrigins]
	}
	var all Origins
	for _, s := range list {
		if origin := r.origin(s); origin != "" && !slices.Contains(all, origin) {
			all = append(all, origin)
		}
	}
	return all
}

// origin reads one of them, and says of each usual slip what to write. It is "" after a fault.
func (r *reader) origin(s scalar) string {
	const example = "write it as browsers do, such as https://shop.example, or https://*.shop.example for every site below it"
	fault := func(what, do string) string {
		r.add(s.pos, s.path+" "+what, do)
		return ""
	}
	text := s.text
	switch {
	case len(text) > maxOrigin:
		return fault("holds a site that is longer than any can be", example)
	case text == "*":
		return fault("holds *, which would be no list at all", "leave "+s.path+" out: then any page may post")
	case text == "null":
		return fault("holds null, which is always allowed: a page without a site of its own sends it", "take it out")
	case strings.ContainsFunc(text, ambiguous):
		return fault("holds a blank or a \\ in "+quote(text), example)
	case !strings.Contains(text, "://"):
		return fault("holds "+quote(text)+", which does not begin with https:// or http://", r.spelt("https://"+text, example))
	}
	return r.wholeOrigin(s, text, fault, example)
}

// wholeOrigin reads a site that has a scheme.
func (r *reader) wholeOrigin(s scalar, text string, fault func(what, do string) string, example string) string {
	scheme, below, wild := strings.Cut(text, "://*.")
	if wild {
		text = scheme + "://" + below
	}
	u, err := url.Parse(text)
	if err != nil || strings.Contains(text, "*") {
		return fault("holds "+quote(s.text)+", which is no site", example)
	}
	origin, err := originOf(u)
	switch {
	case err != nil:
		return fault("holds "+quote(s.text)+", and "+err.Error(), example)
	case u.User != nil:
		return fault("holds a user name or password", example)
	case u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.ForceQuery || strings.HasSuffix(text, "#"):
		if wild {
			origin = strings.Replace(origin, "://", "://*.", 1)
		}
		return fault("holds "+quote(s.text)+", and a site ends after its host: whole sites are allowed, not pages", "write "+origin)
	case wild && everybodys(u.Hostname()):
		return fault("holds "+quote(s.text)+", under which anybody can have a site", "name your own: "+u.Scheme+"://*.shop."+u.Hostname())
	case wild:
		return strings.Replace(origin, "://", "://*.", 1)
	}
	return origin
}

// spelt proposes a text when it is a site, else shows an example.
func (r *reader) spelt(text, example string) string {
	if origin := OriginOf(text); origin != "" {
		return "write " + origin
	}
	return example
}

// everybodys tells whether anybody may register a name below a host: com, co.uk, github.io. What a machine calls itself is its
// owner's.
func everybodys(host string) bool {
	host, err := canonicalHost(host)
	if err != nil || strings.HasPrefix(host, "[") || host == "localhost" {
		return err != nil
	}
	suffix, _ := publicsuffix.PublicSuffix(host)
	return suffix == host
}

// scalars is a list of single values, each with its place.
type scalars []scalar

func (l *scalars) read(r *reader, path string, e mapping.Entry) {
	items := []*mapping.Node{e.Value}
	if e.Value.Kind == mapping.List {
		items = e.Value.Items
	}
	for _, item := range items {
		var s scalar
		if s.read(r, path, mapping.Entry{Pos: e.Pos, Value: item}); s.set {
			*l = append(*l, s)
		}
	}
}
