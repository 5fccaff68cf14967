package pace_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"formrelay/internal/pace"
)

func TestAfter(t *testing.T) {
	t.Parallel()
	now := at(100_000)
	probing := pace.Account{Name: "main", Broken: 2, ProbeAt: at(99_000), ProbePause: time.Second}
	paused := pace.Account{Name: "main", Paused: "KeyCRM refused the token", ProbeAt: at(99_000), ProbePause: 4 * time.Second}
	broke := pace.Event{Kind: pace.Broke, Started: at(99_500)}
	tests := map[string]struct {
		before pace.Account
		event  pace.Event
		want   pace.Account
	}{
		"an answer that works changes nothing": {},
		"one broken call is counted":           {event: broke, want: pace.Account{Broken: 1}},
		"an answer between two breaks":         {before: pace.Account{Broken: 1}, event: pace.Event{Kind: pace.Worked}},
		"two broken calls in a row begin an outage": {
			before: pace.Account{Broken: 1}, event: broke,
			want: pace.Account{Broken: 2, ProbeAt: at(101_000), ProbePause: time.Second},
		},
		"a probe that breaks doubles the pause": {
			before: probing, event: broke,
			want: pace.Account{Name: "main", Broken: 3, ProbeAt: at(102_000), ProbePause: 2 * time.Second},
		},
		"a call that was under way when the outage began does not": {
			before: probing, event: pace.Event{Kind: pace.Broke, Started: at(90_000)},
			want: pace.Account{Name: "main", Broken: 3, ProbeAt: at(99_000), ProbePause: time.Second},
		},
		"the pause ends at a minute": {
			before: pace.Account{Broken: 9, ProbeAt: at(99_000), ProbePause: 40 * time.Second}, event: broke,
			want: pace.Account{Broken: 10, ProbeAt: at(160_000), ProbePause: time.Minute},
		},
		"the first answer ends an outage": {before: probing, event: pace.Event{Kind: pace.Worked}, want: pace.Account{Name: "main"}},
		"a 429 ends it too": {
			before: probing, event: pace.Event{Kind: pace.Limited, Wait: 7 * time.Second},
			want: pace.Account{Name: "main", LimitedUntil: at(107_000)},
		},
		"a 429 never shortens another": {
			before: pace.Account{LimitedUntil: at(500_000)}, event: pace.Event{Kind: pace.Limited, Wait: time.Second},
			want: pace.Account{LimitedUntil: at(500_000)},
		},
		"a broken call that asks to be left alone": {
			event: pace.Event{Kind: pace.Broke, Wait: 30 * time.Second}, want: pace.Account{Broken: 1, LimitedUntil: at(130_000)},
		},
		"a 401 pauses and is an answer": {
			before: pace.Account{Broken: 1}, event: pace.Event{Kind: pace.Stopped, Reason: "KeyCRM refused the token"},
			want: pace.Account{Paused: "KeyCRM refused the token", ProbeAt: at(101_000), ProbePause: time.Second},
		},
		"a pause always has a reason": {
			event: pace.Event{Kind: pace.Stopped},
			want:  pace.Account{Paused: "KeyCRM cannot be used with these settings", ProbeAt: at(101_000), ProbePause: time.Second},
		},
		"a probe that finds nothing better doubles the pause": {
			before: paused, event: pace.Event{Kind: pace.Stopped, Reason: "no token", Started: at(99_500)},
			want: pace.Account{Name: "main", Paused: "no token", ProbeAt: at(108_000), ProbePause: 8 * time.Second},
		},
		"a 429 does not resume": {
			before: paused, event: pace.Event{Kind: pace.Limited, Wait: time.Second, Started: at(90_000)},
			want: pace.Account{
				Name: "main", Paused: paused.Paused, LimitedUntil: at(101_000), ProbeAt: at(99_000), ProbePause: 4 * time.Second,
			},
		},
		"a paused account that breaks stays paused": {
			before: paused, event: broke,
			want: pace.Account{Name: "main", Paused: paused.Paused, Broken: 1, ProbeAt: at(108_000), ProbePause: 8 * time.Second},
		},
		"a call that ends well does not resume what ops paused": {
			before: pace.Account{Paused: "stocktaking", ByOps: true}, event: pace.Event{Kind: pace.Worked, Started: at(99_500)},
			want: pace.Account{Paused: "stocktaking", ByOps: true},
		},
		"a call that meets a 401 does not change what ops said": {
			before: pace.Account{Paused: "stocktaking", ByOps: true}, event: pace.Event{Kind: pace.Stopped, Reason: "no token", Started: at(99_500)},
			want: pace.Account{Paused: "stocktaking", ByOps: true},
		},
		"nor does an outage begin probes in it": {
			before: pace.Account{Paused: "stocktaking", ByOps: true, Broken: 1}, event: pace.Event{Kind: pace.Broke, Create: true, Started: at(99_500)},
			want: pace.Account{Paused: "stocktaking", ByOps: true, Broken: 2, CreateBroke: true},
		},
		"a create that broke": {
			before: pace.Account{Broken: 1}, event: pace.Event{Kind: pace.Broke, Create: true, Started: at(99_500)},
			want: pace.Account{Broken: 2, CreateBroke: true, ProbeAt: at(101_000), ProbePause: time.Second},
		},
		"a look-up that works does not mend creates": {
			before: pace.Account{Broken: 1, CreateBroke: true}, event: pace.Event{Kind: pace.Worked, LookUp: true},
			want: pace.Account{Broken: 1, CreateBroke: true},
		},
		"it goes on with the pauses": {
			before: creates(pace.LookAgain), event: pace.Event{Kind: pace.Worked, LookUp: true, Started: at(99_500)},
			want: pace.Account{Broken: 2, CreateBroke: true, ProbeAt: at(108_000), ProbePause: 8 * time.Second},
		},
		"one that settles its submission makes them short": {
			before: creates(pace.LookAgain), event: pace.Event{Kind: pace.Worked, LookUp: true, Progress: true, Started: at(99_500)},
			want: pace.Account{Broken: 2, CreateBroke: true, ProbeAt: at(101_000), ProbePause: time.Second},
		},
		"a look-up that has more pages goes on at once": {
			before: creates(pace.LookAgain), event: pace.Event{Kind: pace.Worked, LookUp: true, Page: true, Started: at(99_500)},
			want: pace.Account{Broken: 2, CreateBroke: true, ProbeAt: now, ProbePause: time.Second},
		},
		"a create that was answered ends it":    {before: creates(pace.LookNext), event: pace.Event{Kind: pace.Worked, Create: true}},
		"a create that met a 429 ends it":       {before: creates(pace.CreateNext), event: pace.Event{Kind: pace.Limited, Create: true}},
		"look-ups alone are ended by the check": {before: pace.Account{Broken: 3, Step: pace.CheckNext}, event: pace.Event{Kind: pace.Limited, Check: true}},
		"a look-up that breaks is tried again": {
			before: creates(pace.LookNext), event: pace.Event{Kind: pace.Broke, LookUp: true, Started: at(99_500)},
			want: pace.Account{Broken: 3, CreateBroke: true, Step: pace.LookAgain, ProbeAt: at(108_000), ProbePause: 8 * time.Second},
		},
		"then comes the check, also after a refusal": {
			before: creates(pace.LookAgain), event: pace.Event{Kind: pace.Refused, LookUp: true, Started: at(99_500)},
			want: pace.Account{Broken: 2, CreateBroke: true, Step: pace.CheckNext, ProbeAt: at(108_000), ProbePause: 8 * time.Second},
		},
		"the check is answered: a create at once": {
			before: creates(pace.CheckNext), event: pace.Event{Kind: pace.Worked, Check: true, Started: at(99_500)},
			want: pace.Account{Broken: 2, CreateBroke: true, Step: pace.CreateNext, ProbeAt: now, ProbePause: 4 * time.Second},
		},
		"the check is not: look-ups again": {
			before: creates(pace.CheckNext), event: pace.Event{Kind: pace.Broke, Check: true, Started: at(99_500)},
			want: pace.Account{Broken: 3, CreateBroke: true, ProbeAt: at(108_000), ProbePause: 8 * time.Second},
		},
		"nothing was queued for the create's turn": {
			before: creates(pace.CreateNext), event: pace.Event{Kind: pace.Broke, LookUp: true, Started: at(99_500)},
			want: pace.Account{Broken: 3, CreateBroke: true, Step: pace.LookAgain, ProbeAt: at(108_000), ProbePause: 8 * time.Second},
		},
		"a Retry-After beyond reason is bounded": {
			event: pace.Event{Kind: pace.Limited, Wait: 100 * time.Hour}, want: pace.Account{LimitedUntil: now.Add(pace.MaxLimited)},
		},
		"the first answer that works resumes": {before: paused, event: pace.Event{Kind: pace.Worked}, want: pace.Account{Name: "main"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, tt.before.After(tt.event, now)); diff != "" {
				t.Errorf("After (-want +got):\n%s", diff)
			}
		})
	}
}

// creates is an account in an outage in which a create broke, at that step.
func creates(step pace.Step) pace.Account {
	return pace.Account{Broken: 2, CreateBroke: true, Step: step, ProbeAt: at(99_000), ProbePause: 4 * time.Second}
}

// TestHealthHoldsTogether checks what must be true of an account after anything that can happen to it.
func TestHealthHoldsTogether(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var a pace.Account
		now := epoch
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			now = now.Add(time.Duration(rapid.IntRange(0, 90_000).Draw(t, "pause")) * time.Millisecond)
			e := pace.Event{
				Kind:    rapid.SampledFrom([]pace.EventKind{pace.Worked, pace.Refused, pace.Limited, pace.Broke, pace.Broke, pace.Broke, pace.Stopped}).Draw(t, "kind"),
				Started: now.Add(-time.Duration(rapid.IntRange(0, 15_000).Draw(t, "length")) * time.Millisecond),
				Wait:    time.Duration(rapid.IntRange(0, 100).Draw(t, "wait")) * time.Second,
			}
			call := rapid.IntRange(0, 2).Draw(t, "call")
			e.Create, e.LookUp, e.Check = call == 0, call == 1, call == 2
			before := a
			switch rapid.IntRange(0, 11).Draw(t, "ops") {
			case 0:
				a = a.PausedByOps("stocktaking")
			case 1:
				a = a.ResumedByOps()
				if a.Paused != "" || a.Probing() || !a.LimitedUntil.Equal(before.LimitedUntil) {
					t.Fatalf("resumed as %+v", a)
				}
			default:
				a = a.After(e, now)
				holdsTogether(t, before, a, e, now)
			}
			if wait := (pace.Limit{Calls: 1, Window: time.Second}).Decide(now, a, nil, pace.ForProbe, 0); a.ByOps && wait == nil {
				t.Fatalf("a call goes although ops paused the account")
			}
		}
	})
}

// holdsTogether is what must be true of an account after an event.
func holdsTogether(t *rapid.T, before, a pace.Account, e pace.Event, now time.Time) {
	waits := !a.ByOps && (a.Paused != "" || a.Probing())
	switch {
	case waits && (a.ProbePause < pace.MinProbePause || a.ProbePause > pace.MaxProbePause):
		t.Fatalf("a pause of %s", a.ProbePause)
	case waits && a.ProbeAt.After(now.Add(pace.MaxProbePause)):
		t.Fatalf("the next probe is more than a minute away")
	case !waits && (!a.ProbeAt.IsZero() || a.ProbePause != 0):
		t.Fatalf("an account that needs no probe still waits for one")
	case a.LimitedUntil.Before(before.LimitedUntil):
		t.Fatalf("a limit was shortened")
	case before.CreateBroke && !a.CreateBroke && !e.Create:
		t.Fatalf("what a create began was ended by something else")
	case !a.Probing() && a.Step != pace.LookNext:
		t.Fatalf("step %d of an outage that is none", a.Step)
	case e.Kind == pace.Worked && e.Create && waits:
		t.Fatalf("an answer that works did not end the trouble")
	case before.Paused != "" && a.Paused == "" && e.Kind != pace.Worked && e.Kind != pace.Refused:
		t.Fatalf("resumed without a proof")
	case before.ByOps && (!a.ByOps || a.Paused != before.Paused):
		t.Fatalf("what ops paused was changed by an event: %+v", a)
	}
}

func TestParseLimit(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text   string
		calls  int
		window time.Duration
		fault  string // part of the error; empty: none
	}{
		{text: "60/1m", calls: 60, window: time.Minute},
		{text: "60/10s", calls: 60, window: 10 * time.Second},
		{text: " 55 / 1m30s ", calls: 55, window: 90 * time.Second},
		{text: "1/100ms", calls: 1, window: 100 * time.Millisecond},
		{text: "10000/1h", calls: 10_000, window: time.Hour},
		{text: "", fault: "no slash"},
		{text: "60", fault: "no slash"},
		{text: "/1m", fault: "whole number"},
		{text: "6e1/1m", fault: "whole number"},
		{text: "99999999999999999999/1m", fault: "whole number"},
		{text: "60/1", fault: "unit"},
		{text: "60/minute", fault: "unit"},
		{text: "60/1m/2", fault: "unit"},
		{text: "0/1m", fault: "allows 0 calls"},
		{text: "-1/1m", fault: "allows -1 calls"},
		{text: "10001/1m", fault: "allows 10001 calls"},
		{text: "60/0s", fault: "counts over 0s"},
		{text: "60/-1m", fault: "counts over -1m0s"},
		{text: "60/2h", fault: "counts over 2h0m0s"},
		{text: "60/NaNs", fault: "unit"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			t.Parallel()
			calls, window, err := pace.ParseLimit(tt.text)
			if tt.fault == "" {
				if err != nil || calls != tt.calls || window != tt.window {
					t.Errorf("ParseLimit(%q) = %d, %s, %v", tt.text, calls, window, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.fault) {
				t.Errorf("ParseLimit(%q): error %v, want one that says %q", tt.text, err, tt.fault)
			}
		})
	}
}

func FuzzParseLimit(f *testing.F) {
	for _, seed := range []string{"60/1m", "60/10s", "/", "1/1ns", "-1/1h"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		calls, window, err := pace.ParseLimit(text)
		if err == nil && (calls < 1 || calls > pace.MaxCalls || window < pace.MinWindow || window > pace.MaxWindow) {
			t.Errorf("ParseLimit(%q) = %d, %s: out of bounds", text, calls, window)
		}
	})
}
