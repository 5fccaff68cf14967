package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"formrelay/internal/pace"
)

// report is a readiness whose store fails with err.
func report(err error, now time.Time) readiness {
	healths := map[string]pace.Account{
		"busy":   {LimitedUntil: now.Add(time.Hour), Read: now},
		"ended":  pace.Account{}.PausedByOps("paused by root: stocktaking"),
		"fine":   {LimitedUntil: now.Add(-time.Hour), Broken: 1, Read: now},
		"out":    {Broken: pace.OutageAfter, ProbeAt: now},
		"paused": {Paused: "KeyCRM refused the token.", ProbeAt: now},
	}
	return readiness{
		ready: func(context.Context) error { return err },
		account: func(_ context.Context, name string) (pace.Account, error) {
			if name == "lost" {
				return pace.Account{}, errors.New("the database is away")
			}
			return healths[name], nil
		},
		answered: func(_ context.Context, name string) (bool, error) { return name == "fine", nil },
		accounts: []string{"busy", "ended", "fine", "fresh", "lost", "out", "paused"},
		broken:   func() []string { return []string{"lead", "order"} },
		serves:   func(profile string) bool { return profile == "lead" },
	}
}

func ask(t *testing.T, h http.Handler, path, accept string) *httptest.ResponseRecorder {
	t.Helper()
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, http.NoBody)
	r.Header.Set("Accept", accept)
	h.ServeHTTP(w, r)
	return w
}

func TestReadinessForPeople(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC().Truncate(time.Second)
	w := ask(t, opsRoutes(report(nil, now), http.NotFoundHandler()), "/readyz", "*/*")
	want := `ok
account busy: limited; KeyCRM asked for a pause until ` + now.Add(time.Hour).Format(time.RFC3339) + `
account ended: paused by root: stocktaking; until: formrelay account resume ended
account fine: delivering
account fresh: nothing sent yet (formrelay check --online tells whether its token works)
account lost: unknown
account out: probing; asked again at ` + now.Format(time.RFC3339) + `
account paused: paused: KeyCRM refused the token; asked again at ` + now.Format(time.RFC3339) + `
broken profiles: lead: an earlier revision serves on; order: answers 503 (formrelay check says why)
`
	if diff := cmp.Diff(want, w.Body.String()); diff != "" || w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%d %v (-want +got):\n%s", w.Code, w.Header(), diff)
	}
}

func TestReadinessForPrograms(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC().Truncate(time.Second)
	w := ask(t, opsRoutes(report(errors.New("the disk is full"), now), http.NotFoundHandler()), "/readyz", "application/json")
	if strings.Contains(w.Body.String(), "0001-01-01") {
		t.Errorf("a time that is none: %s", w.Body)
	}
	var got state
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusServiceUnavailable || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%d %v %v", w.Code, w.Header(), err)
	}
	hour := now.Add(time.Hour)
	want := state{
		Status: "unavailable", Reason: "the disk is full", Broken: []string{"lead", "order"}, Unserved: []string{"order"},
		Accounts: []accountState{
			{Name: "busy", State: "limited", LimitedUntil: &hour},
			{Name: "ended", State: "paused", Paused: "paused by root: stocktaking", ByOps: true},
			{Name: "fine", State: "delivering", Broken: 1},
			{Name: "fresh", State: "nothing sent yet"},
			{Name: "lost", State: "unknown"},
			{Name: "out", State: "probing", ProbeAt: &now, Broken: pace.OutageAfter},
			{Name: "paused", State: "paused", Paused: "KeyCRM refused the token.", ProbeAt: &now},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The relay lives whatever its store does.
func TestLiveness(t *testing.T) {
	t.Parallel()
	w := ask(t, opsRoutes(report(errors.New("the disk is full"), time.Now()), http.NotFoundHandler()), "/healthz", "*/*")
	if w.Code != http.StatusOK || strings.TrimSpace(w.Body.String()) != "ok" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
