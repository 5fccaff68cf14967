package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/pprof" // what it adds to the default mux is never served: only opsRoutes names its handlers
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"formrelay/internal/pace"
)

// askWithin bounds what an answer about readiness asks of the store.
const askWithin = 3 * time.Second

// opsRoutes is everything on the operators' listener: health with details, figures, and the profiler of Go, which never belong on the
// public one.
func opsRoutes(report readiness, scrape http.Handler) chi.Router {
	ops := chi.NewRouter()
	ops.NotFound(opsIndex(http.StatusNotFound))
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		ops.MethodFunc(method, "/", opsIndex(http.StatusOK))
		ops.MethodFunc(method, "/healthz", func(w http.ResponseWriter, r *http.Request) {
			answer(w, r, http.StatusOK, state{Status: "ok"})
		})
		ops.Method(method, "/readyz", report)
	}
	ops.Method(http.MethodGet, "/metrics", scrape)
	ops.HandleFunc("/debug/pprof/*", pprof.Index)
	ops.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	ops.HandleFunc("/debug/pprof/profile", pprof.Profile)
	ops.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	ops.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return ops
}

// readiness answers whether the relay can store, and with that how its accounts and profiles are: those do not make it unready, because
// forms are taken all the same.
type readiness struct {
	ready    func(context.Context) error
	account  func(ctx context.Context, name string) (pace.Account, error)
	answered func(ctx context.Context, account string) (bool, error) // whether KeyCRM ever answered a call of it: then its token is right
	accounts []string
	broken   func() []string // profiles
	serves   func(profile string) bool
}

// state is the whole answer.
type state struct {
	Status   string         `json:"status"`           // "ok" or "unavailable"
	Reason   string         `json:"reason,omitempty"` // why it cannot store
	Accounts []accountState `json:"accounts,omitempty"`
	Broken   []string       `json:"broken_profiles,omitempty"`
	Unserved []string       `json:"unserved_profiles,omitempty"` // those of the broken that answer 503: no earlier revision serves on
}

// accountState is how one account is. State is the one word that says most; the fields beside it tell whatever else is true.
type accountState struct {
	Name         string     `json:"name"`
	State        string     `json:"state"`                   // "delivering", "nothing sent yet", "paused", "limited", "probing" or "unknown"
	Paused       string     `json:"paused,omitempty"`        // why nothing is sent
	ByOps        bool       `json:"by_ops,omitempty"`        // with Paused: a person said so, and only a person ends it
	LimitedUntil *time.Time `json:"limited_until,omitempty"` // KeyCRM's 429: nothing goes before
	ProbeAt      *time.Time `json:"probe_at,omitempty"`      // while paused or probing: the next call goes not before; none while ops have it paused
	Broken       int        `json:"broken_calls,omitempty"`  // calls without a usable answer, in a row
}

// ServeHTTP answers 200 while the relay can store, else 503.
func (o readiness) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), askWithin)
	defer cancel()
	status, s := http.StatusOK, state{Status: "ok", Broken: o.broken()}
	for _, name := range s.Broken {
		if !o.serves(name) {
			s.Unserved = append(s.Unserved, name)
		}
	}
	if err := o.ready(ctx); err != nil {
		status, s.Status, s.Reason = http.StatusServiceUnavailable, "unavailable", err.Error()
	}
	for _, name := range o.accounts {
		s.Accounts = append(s.Accounts, o.stateOf(ctx, name))
	}
	answer(w, r, status, s)
}

// stateOf asks how an account is. Of several states the one counts that lasts until a person acts, then the one with a time.
func (o readiness) stateOf(ctx context.Context, name string) accountState {
	health, err := o.account(ctx, name)
	if err != nil {
		return accountState{Name: name, State: "unknown"}
	}
	s := accountState{Name: name, State: "delivering", Paused: health.Paused, ByOps: health.ByOps, Broken: health.Broken}
	if answered, err := o.answered(ctx, name); err == nil && !answered {
		s.State = unproven
	}
	if health.Probing() {
		s.State = "probing"
	}
	if health.Paused != "" || health.Probing() {
		s.ProbeAt = given(health.ProbeAt)
	}
	if health.Limited() {
		s.State, s.LimitedUntil = "limited", &health.LimitedUntil
	}
	if health.Paused != "" {
		s.State = "paused"
	}
	return s
}

// answer writes JSON for whoever asks for it, else text for people.
func answer(w http.ResponseWriter, r *http.Request, status int, s state) {
	body, kind := []byte(s.String()), "text/plain; charset=utf-8"
	if strings.Contains(r.Header.Get("Accept"), "json") {
		body, _ = json.Marshal(s) // texts, times and numbers
		body, kind = append(body, '\n'), "application/json"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // whoever asked may be gone
}

// String is the answer for people.
func (s state) String() string {
	var b strings.Builder
	fmt.Fprintln(&b, s.Status)
	if s.Reason != "" {
		fmt.Fprintln(&b, "store:", s.Reason)
	}
	for _, a := range s.Accounts {
		fmt.Fprintln(&b, a)
	}
	if len(s.Broken) > 0 {
		fmt.Fprintln(&b, "broken profiles:", strings.Join(s.brokenWords(), "; "), "(formrelay check says why)")
	}
	return b.String()
}

// brokenWords says of each broken profile what visitors meet.
func (s state) brokenWords() []string {
	words := make([]string, len(s.Broken))
	for i, name := range s.Broken {
		if words[i] = name + ": an earlier revision serves on"; slices.Contains(s.Unserved, name) {
			words[i] = name + ": answers 503"
		}
	}
	return words
}

// String is one account's line.
func (a accountState) String() string {
	text := "account " + a.Name + ": "
	switch {
	case a.Paused != "":
		text += pausedWords(a.Paused)
	case a.State == unproven:
		text += a.State + " (formrelay check --online tells whether its token works)"
	default:
		text += a.State
	}
	if a.ByOps {
		text += "; until: formrelay account resume " + a.Name
	}
	if a.LimitedUntil != nil {
		text += "; KeyCRM asked for a pause until " + a.LimitedUntil.UTC().Format(time.RFC3339)
	}
	if a.ProbeAt != nil {
		text += "; asked again at " + a.ProbeAt.UTC().Format(time.RFC3339)
	}
	return text
}
