package main

import (
	"io"
	"net/http"
)

// opsAddresses is what the operators' listener says of itself.
const opsAddresses = `This is formrelay's listener for operators. It answers at:

/healthz        whether it lives
/readyz         whether it can store, how each account is, which profiles are broken (JSON with Accept: application/json)
/metrics        figures for Prometheus
/debug/pprof/   Go's profiler

Forms are posted to the other listener, --listen.
`

// opsIndex lists the listener's addresses, with that status.
func opsIndex(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, opsAddresses) // whoever asked may be gone
	}
}
