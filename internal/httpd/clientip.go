package httpd

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/go-chi/chi/v5/middleware"
)

// ClientIP is the middleware that finds out who the client is; read it with chi's middleware.GetClientIP. X-Forwarded-For is believed
// only when the peer is one of trusted, and then only up to the first hop that is not: whoever connects directly cannot choose an
// address. Without trusted proxies the peer is the client.
func ClientIP(trusted []netip.Prefix) func(http.Handler) http.Handler {
	if len(trusted) == 0 {
		return middleware.ClientIPFromRemoteAddr
	}
	texts := make([]string, len(trusted))
	for i, p := range trusted {
		texts[i] = p.String()
	}
	find := middleware.ClientIPFromXFF(texts...)
	return func(next http.Handler) http.Handler {
		next = find(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for n, hops := range r.Header["X-Forwarded-For"] {
				r.Header["X-Forwarded-For"][n] = withoutPorts(hops)
			}
			next.ServeHTTP(w, r)
		})
	}
}

// withoutPorts takes the ports off a list of addresses: some proxies write "198.51.100.1:52431", which is no address to anybody else, and
// a visitor without one could be neither counted nor blocked.
func withoutPorts(hops string) string {
	if !strings.Contains(hops, ":") {
		return hops
	}
	all := strings.Split(hops, ",")
	for n, hop := range all {
		if a, err := netip.ParseAddrPort(strings.TrimSpace(hop)); err == nil {
			all[n] = a.Addr().String()
		}
	}
	return strings.Join(all, ",")
}

// BaseURL is scheme and host of the request as its sender wrote them: "https://forms.shop.example". X-Forwarded-Proto and
// X-Forwarded-Host are believed only from trusted. It is "" when nobody named a host, as HTTP/1.0 allows: a path after it is then still
// a path.
func BaseURL(r *http.Request, trusted []netip.Prefix) string {
	scheme, host := "http", r.Host
	if r.TLS != nil {
		scheme = "https"
	}
	if fromTrusted(r.RemoteAddr, trusted) {
		if strings.EqualFold(lastOf(r.Header.Get("X-Forwarded-Proto")), "https") {
			scheme = "https"
		}
		if h := lastOf(r.Header.Get("X-Forwarded-Host")); plausibleHost(h) {
			host = h
		}
	}
	if host == "" {
		return ""
	}
	return scheme + "://" + host
}

// fromTrusted tells whether the peer is a trusted proxy.
func fromTrusted(remote string, trusted []netip.Prefix) bool {
	if len(trusted) == 0 {
		return false
	}
	_, is := Peer(remote, trusted)
	return is
}

// Peer is the address of whoever is at the other end of the connection, given a request's RemoteAddr, and whether it is one of trusted.
// It is the zero Addr when it cannot be read.
func Peer(remote string, trusted []netip.Prefix) (peer netip.Addr, isTrusted bool) {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	peer, err = netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}, false
	}
	peer = peer.Unmap().WithZone("")
	for _, p := range trusted {
		if p.Contains(peer) {
			return peer, true
		}
	}
	return peer, false
}

// lastOf is the last of a comma-separated list: what the nearest proxy wrote.
func lastOf(list string) string {
	if i := strings.LastIndexByte(list, ','); i >= 0 {
		list = list[i+1:]
	}
	return strings.TrimSpace(list)
}

// plausibleHost tells whether a text can stand as host and port in an address: nothing that could begin a path, a query or another
// authority.
func plausibleHost(s string) bool {
	if s == "" || len(s) > 255 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && !strings.ContainsRune(".-_:[]", rune(c)) {
			return false
		}
	}
	return true
}
