package httpd

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/go-chi/chi/v5/middleware"
)

func TestClientIP(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	tests := []struct {
		name, peer, forwarded string
		trusted               []netip.Prefix
		want                  string
	}{
		{"nobody is trusted", "203.0.113.9:1", "198.51.100.1", nil, "203.0.113.9"},
		{"a stranger forwards", "203.0.113.9:1", "198.51.100.1", proxies, "203.0.113.9"},
		{"a proxy forwards", "10.1.2.3:1", "198.51.100.1", proxies, "198.51.100.1"},
		{"two proxies", "10.1.2.3:1", "198.51.100.1, 10.9.9.9", proxies, "198.51.100.1"},
		{"an invented hop before", "10.1.2.3:1", "1.1.1.1, 198.51.100.1", proxies, "198.51.100.1"},
		{"IPv6", "[::1]:1", "2001:db8::5", proxies, "2001:db8::5"},
		{"IPv4 in IPv6", "[::ffff:10.0.0.1]:1", "198.51.100.1", proxies, "198.51.100.1"},
		{"a port", "10.1.2.3:1", "198.51.100.1:52431", proxies, "198.51.100.1"},
		{"ports in a list", "10.1.2.3:1", "1.1.1.1, [2001:db8::5]:443,10.9.9.9:80", proxies, "2001:db8::5"},
		{"a stranger's port", "203.0.113.9:1", "198.51.100.1:80", proxies, "203.0.113.9"},
		{"garbage", "10.1.2.3:1", "; DROP", proxies, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got string
			h := ClientIP(tt.trusted)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				got = middleware.GetClientIP(r.Context())
			}))
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = tt.peer
			r.Header.Set("X-Forwarded-For", tt.forwarded)
			h.ServeHTTP(httptest.NewRecorder(), r)
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestBaseURL(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	tests := []struct {
		name, peer, proto, host string
		tls                     bool
		want                    string
	}{
		{name: "plain", peer: "203.0.113.9:1", want: "http://relay.example"},
		{name: "TLS", peer: "203.0.113.9:1", tls: true, want: "https://relay.example"},
		{name: "a stranger's word", peer: "203.0.113.9:1", proto: "https", host: "evil.example", want: "http://relay.example"},
		{name: "a proxy's word", peer: "10.0.0.1:1", proto: "https", host: "forms.shop.example", want: "https://forms.shop.example"},
		{name: "a list", peer: "10.0.0.1:1", proto: "http, HTTPS", host: "a.example, b.example:8443", want: "https://b.example:8443"},
		{name: "no host", peer: "10.0.0.1:1", proto: "https", host: "evil.example/x?", want: "https://relay.example"},
		{name: "a peer without port", peer: "10.0.0.1", proto: "https", want: "https://relay.example"},
		{name: "a peer that is none", peer: "@", proto: "https", want: "http://relay.example"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodGet, "http://relay.example/", nil)
			r.RemoteAddr = tt.peer
			r.Header.Set("X-Forwarded-Proto", tt.proto)
			r.Header.Set("X-Forwarded-Host", tt.host)
			if tt.tls {
				r.TLS = &tls.ConnectionState{}
			}
			if got := BaseURL(r, proxies); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	r := httptest.NewRequest(http.MethodGet, "http://relay.example/", nil)
	if got := BaseURL(r, nil); got != "http://relay.example" {
		t.Errorf("nobody trusted: %q", got)
	}
	r.Host = "" // HTTP/1.0
	if got := BaseURL(r, nil); got != "" {
		t.Errorf("no host: %q", got)
	}
}
