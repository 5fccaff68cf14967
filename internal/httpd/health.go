package httpd

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// readyWithin bounds the question whether the process is ready: whoever asks wants a quick answer.
const readyWithin = 3 * time.Second

// health is the body of both answers.
type health struct {
	Status string `json:"status"`           // "ok" or "unavailable"
	Reason string `json:"reason,omitempty"` // with details: why it is not ready
}

// Health answers GET and HEAD of /healthz (the process lives: always 200) and /readyz (ready returns nil: 200, else 503). The reason
// is told only with details, which belong on a listener that the public does not reach.
func Health(ready func(context.Context) error, details bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeHealth(w, http.StatusOK, health{Status: "ok"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyWithin)
		defer cancel()
		err := ready(ctx)
		switch {
		case err == nil:
			writeHealth(w, http.StatusOK, health{Status: "ok"})
		case details:
			writeHealth(w, http.StatusServiceUnavailable, health{"unavailable", err.Error()})
		default:
			writeHealth(w, http.StatusServiceUnavailable, health{Status: "unavailable"})
		}
	})
	return mux
}

// writeHealth writes one answer; whoever asked may be gone.
func writeHealth(w http.ResponseWriter, status int, h health) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(h)
}
