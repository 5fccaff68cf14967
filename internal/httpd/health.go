package httpd

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/singleflight"
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
//
// An answer comes within three seconds even when ready does not heed its context; while one call of ready is under way, whoever asks
// waits for that one, so that a question which hangs is asked no second time.
func Health(ready func(context.Context) error, details bool) http.Handler {
	mux := http.NewServeMux()
	asking := &singleflight.Group{}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeHealth(w, http.StatusOK, health{Status: "ok"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		err := ask(r.Context(), asking, ready)
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

// ask is ready's answer, or an error when none comes in time. Whoever asked first may hang up without taking the answer from the others.
func ask(ctx context.Context, asking *singleflight.Group, ready func(context.Context) error) error {
	answer := asking.DoChan("ready", func() (_ any, err error) {
		shared, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyWithin)
		defer cancel()
		defer func() {
			if v := recover(); v != nil { // on a goroutine of its own, where nobody else would catch it
				err = fmt.Errorf("the check failed: %s", describe(v))
			}
		}()
		return nil, ready(shared)
	})
	patience, stop := context.WithTimeout(ctx, readyWithin)
	defer stop()
	select {
	case a := <-answer:
		return a.Err
	case <-patience.Done():
		return fmt.Errorf("the check has not answered within %s", readyWithin)
	}
}

// writeHealth writes one answer; whoever asked may be gone.
func writeHealth(w http.ResponseWriter, status int, h health) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(h)
}
