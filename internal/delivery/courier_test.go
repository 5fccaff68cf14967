package delivery

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"formrelay/internal/keycrm"
	"formrelay/internal/pace"
	"formrelay/internal/submission"
)

// minute is the pace that most accounts have.
func minute() pace.Limit {
	return pace.Limit{Calls: 60, Window: time.Minute, Timeout: 15 * time.Second}
}

// An accepted submission goes out at once: no time passes between Wake and the call.
func TestLoneSubmissionGoesAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(minute(), 500*time.Millisecond)
		r.start(t)
		pass(time.Hour + 300*time.Millisecond) // the bubble's hour: the courier idles, between two polls
		id := r.store.accept(submission.Submission{})
		accepted := time.Now()
		r.c.Wake()
		r.all(t, time.Minute, submission.Delivered)
		s := r.store.get(id)
		if late := s.SentAt.Sub(accepted); late != 0 {
			t.Errorf("the call began %s after the submission was accepted", late)
		}
		if s.CRMID == 0 || s.Attempt != 1 {
			t.Errorf("delivered with id %d after %d calls", s.CRMID, s.Attempt)
		}
		r.stop(t)
	})
}

// Without a wake (another replica accepted it) the poll finds it.
func TestPollFindsWhatNobodyTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(minute(), time.Millisecond)
		r.start(t)
		synctest.Wait()
		r.store.accept(submission.Submission{})
		r.all(t, 2*time.Second, submission.Delivered)
		r.stop(t)
	})
}

// A backlog uses the pace nearly whole, over hours, and never more than it.
func TestBacklogUsesThePaceAndKeepsIt(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		hours int
		took  func() time.Duration
		share float64
	}{
		{"Steady", 10, func() time.Duration { return 500 * time.Millisecond }, 0.95},
		{"Uneven", 2, func() time.Duration { return time.Duration(rand.Int64N(int64(3 * time.Second))) }, 0.95},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				hours := tc.hours
				if testing.Short() {
					hours = 1
				}
				r := newRig(minute(), 0)
				r.crm.script(func(int, submission.AttemptKind, string) *fate {
					return &fate{store: true, after: tc.took(), answer: keycrm.Answer{Outcome: keycrm.Done}}
				})
				r.start(t)
				for range hours * 60 { // a backlog that never ends
					for r.store.queued() < 120 {
						r.store.accept(submission.Submission{})
					}
					pass(time.Minute)
				}
				creates, _, _ := r.crm.counted()
				share := float64(creates) / float64(hours*3600)
				t.Logf("%d calls in %d hours at 60/1m: %.2f %% of the pace", creates, hours, 100*share)
				if share < tc.share {
					t.Errorf("a backlog used %.1f %% of the pace, want at least %.0f %%", 100*share, 100*tc.share)
				}
				if most := r.store.callsIn(time.Minute); most > 60 {
					t.Errorf("%d calls began within one minute", most)
				}
				r.stop(t)
			})
		})
	}
}

func TestOldestGoesFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(pace.Limit{Calls: 10, Window: time.Second, Timeout: 15 * time.Second}, 100*time.Millisecond)
		var want []string
		for range 100 {
			want = append(want, r.store.accept(submission.Submission{}))
			pass(time.Millisecond)
		}
		r.start(t)
		r.all(t, time.Minute, submission.Delivered)
		var got []string
		for _, c := range r.store.begun {
			got = append(got, c.ID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("order of the calls (-accepted +begun):\n%s", diff)
		}
		r.stop(t)
	})
}

// One submission that never connects holds nobody up, and those behind it go past it. Alone it is an outage, and its own probe.
func TestOneThatKeepsFailingBlocksNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(minute(), 100*time.Millisecond)
		bad := r.store.accept(submission.Submission{})
		r.crm.script(func(_ int, _ submission.AttemptKind, body string) *fate {
			if body == bad {
				return &fate{answer: keycrm.Answer{Outcome: keycrm.NotSent, Text: "connection refused"}}
			}
			return nil
		})
		for range 50 {
			r.store.accept(submission.Submission{})
		}
		r.start(t)
		r.settled(t, time.Minute, func() bool { return r.store.states()[submission.Delivered] == 50 })
		pass(12 * time.Hour)
		s := r.store.get(bad)
		if s.State != submission.Queued || s.Failures < 700 || s.Failures > 730 {
			t.Errorf("after 12 hours it is %s after %d failures, want queued and about one a minute", s.State, s.Failures)
		}
		r.crm.script(nil)
		r.all(t, pace.MaxProbePause+poll, submission.Delivered)
		r.stop(t)
	})
}

// An outage in which KeyCRM hangs: at most the calls in flight become uncertain, look-ups ask with a doubling pause, and when it is
// over everything arrives once.
func TestOutage(t *testing.T) {
	t.Parallel()
	for _, stores := range []bool{false, true} {
		t.Run(fmt.Sprintf("StoresBeforeHanging=%v", stores), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(minute(), 200*time.Millisecond)
				r.crm.script(func(int, submission.AttemptKind, string) *fate {
					return &fate{store: stores, after: time.Hour}
				})
				for range 200 {
					r.store.accept(submission.Submission{})
				}
				r.start(t)
				pass(20 * time.Minute)
				n := r.store.states()
				if n[submission.Uncertain] > pace.MaxInFlight || n[submission.Uncertain]+n[submission.Queued] != 200 {
					t.Errorf("in the outage the rows are %v, want at most %d uncertain", n, pace.MaxInFlight)
				}
				if creates, _, _ := r.crm.counted(); creates > pace.MaxInFlight {
					t.Errorf("%d creates went into the outage", creates)
				}
				checkProbes(t, append(slices.Clone(r.crm.finds), r.crm.checks...))
				r.crm.script(nil)
				r.all(t, 30*time.Minute, submission.Delivered)
				if _, _, stored := r.crm.counted(); stored != 200 {
					t.Errorf("KeyCRM has %d entities of 200", stored)
				}
				checkOnce(t, r.crm, stores)
				r.stop(t)
				for _, line := range []string{"does not answer", "answers again"} {
					if strings.Count(r.log.String(), line) != 1 {
						t.Errorf("%q is not logged exactly once:\n%.2000s", line, r.log)
					}
				}
			})
		})
	}
}

// checkProbes checks that the pauses between the probes of an outage double up to a minute. Each call lasts as long as its timeout.
func checkProbes(t *testing.T, finds []time.Time) {
	t.Helper()
	slices.SortFunc(finds, time.Time.Compare)
	want := pace.MinProbePause
	for i := 1; i < len(finds); i++ {
		want = min(2*want, pace.MaxProbePause)
		gap := finds[i].Sub(finds[i-1]) - 15*time.Second
		if gap < want || gap > want+2*time.Second {
			t.Errorf("pause %d between probes is %s, want about %s", i, gap, want)
		}
	}
	if len(finds) < 10 {
		t.Errorf("only %d probes in 20 minutes", len(finds))
	}
}

// checkOnce checks that nothing that KeyCRM stored was sent again.
func checkOnce(t *testing.T, k *fakeCRM, storesAtOnce bool) {
	t.Helper()
	times := map[string]int{}
	for _, body := range k.creates {
		times[body]++
	}
	for body, n := range times {
		if n > 2 || storesAtOnce && n > 1 {
			t.Errorf("%s was sent %d times", body, n)
		}
	}
}

// An outage in which nothing connects makes nothing uncertain, and tries one call at a time.
func TestOutageThatRefusesConnections(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(minute(), 100*time.Millisecond)
		r.crm.script(func(int, submission.AttemptKind, string) *fate {
			return &fate{after: time.Millisecond, answer: keycrm.Answer{Outcome: keycrm.NotSent}}
		})
		for range 100 {
			r.store.accept(submission.Submission{})
		}
		r.start(t)
		pass(10 * time.Minute)
		creates, finds, _ := r.crm.counted()
		if finds != 0 || creates > pace.MaxInFlight+16 {
			t.Errorf("%d creates and %d look-ups in ten minutes of outage", creates, finds)
		}
		if tried := distinct(r.crm.creates); tried < creates*3/4 {
			t.Errorf("the %d probes tried only %d submissions, want another each time", creates, tried)
		}
		r.crm.script(nil)
		r.all(t, 10*time.Minute, submission.Delivered)
		r.stop(t)
	})
}

func distinct(s []string) int {
	s = slices.Clone(s)
	slices.Sort(s)
	return len(slices.Compact(s))
}

// A 401 pauses the account; a cheap question asks with a doubling pause; when it is answered everything goes on by itself.
func TestPausedAccountResumesByItself(t *testing.T) {
	t.Parallel()
	for _, outcome := range []keycrm.Outcome{keycrm.Unauthorised, keycrm.WrongAddress} {
		t.Run(string(outcome), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(minute(), 1200*time.Millisecond) // longer than a poll
				r.crm.script(func(int, submission.AttemptKind, string) *fate {
					return &fate{answer: keycrm.Answer{Outcome: outcome, Text: "KeyCRM does not know the token"}}
				})
				id := r.store.accept(submission.Submission{})
				r.start(t)
				pass(time.Hour)
				creates, finds, _ := r.crm.counted()
				if creates != 1 || finds != 0 || len(r.crm.checks) < 55 || len(r.crm.checks) > 66 {
					t.Errorf("%d creates, %d look-ups and %d probes in a paused hour", creates, finds, len(r.crm.checks))
				}
				if s := r.store.get(id); s.State != submission.Queued || s.Failures != 0 {
					t.Errorf("the row is %s with %d failures", s.State, s.Failures)
				}
				r.crm.script(nil)
				r.all(t, 2*pace.MaxProbePause, submission.Delivered)
				r.stop(t)
				if log := r.log.String(); strings.Count(log, "account paused") != 1 || strings.Count(log, "account resumed") != 1 {
					t.Errorf("pause and resume are not logged once each:\n%s", log)
				}
			})
		})
	}
}

// A 429 holds back every call for as long as it asks, and counts as no failure.
func TestLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(minute(), 10*time.Millisecond)
		r.crm.script(func(n int, _ submission.AttemptKind, _ string) *fate {
			if n == 1 {
				return &fate{answer: keycrm.Answer{Outcome: keycrm.Limited, Status: 429, RetryAfter: 47 * time.Second}}
			}
			return nil
		})
		id := r.store.accept(submission.Submission{})
		r.start(t)
		synctest.Wait()
		limited := time.Now()
		for range 5 {
			r.store.accept(submission.Submission{})
			r.c.Wake()
		}
		r.all(t, time.Minute, submission.Delivered)
		if first := r.store.begun[1].StartedAt.Sub(limited); first < 47*time.Second || first > 48*time.Second {
			t.Errorf("the next call began %s after the 429, want 47s", first)
		}
		if s := r.store.get(id); s.Failures != 0 {
			t.Errorf("a 429 counted as %d failures", s.Failures)
		}
		r.stop(t)
	})
}

// A look-up of several pages takes a slot a page and is not begun anew while it waits for the pace.
func TestLookUpOfSeveralPages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(pace.Limit{Calls: 1, Window: 20 * time.Second, Timeout: 15 * time.Second}, 10*time.Millisecond)
		r.crm.pages = 7
		r.crm.script(func(_ int, kind submission.AttemptKind, _ string) *fate {
			if kind == submission.Create {
				return &fate{store: true, answer: keycrm.Answer{Outcome: keycrm.Uncertain}}
			}
			return nil
		})
		r.store.accept(submission.Submission{Kind: keycrm.KindCard, Mark: "yes"})
		r.start(t)
		r.all(t, 10*time.Minute, submission.Delivered)
		if creates, finds, _ := r.crm.counted(); creates != 1 || finds != 7 {
			t.Errorf("%d creates and %d pages, want 1 and 7", creates, finds)
		}
		r.stop(t)
	})
}

// A row whose courier died in its call is looked up when its lease ends, and is not sent again when it is there.
func TestDeadCouriersRowsAreTakenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(minute(), 10*time.Millisecond)
		id := r.store.accept(submission.Submission{})
		claimed := r.store.accept(submission.Submission{})
		dead := r.courier(minute())
		ctx := t.Context()
		cl, _ := r.store.Claim(ctx, "main", dead.owner, 2, time.Minute)
		if _, err := r.store.Begin(ctx, cl[0], submission.Create, minute(), time.Minute); err != nil {
			t.Fatal(err)
		}
		r.crm.stored[id] = 77
		r.start(t)
		r.all(t, 2*time.Minute, submission.Delivered)
		if got := r.crm.creates; len(got) != 1 || got[0] != claimed {
			t.Errorf("sent: %v, want only the one that was merely claimed", got)
		}
		if s := r.store.get(id); s.CRMID != 77 {
			t.Errorf("found as %d, want 77", s.CRMID)
		}
		r.stop(t)
	})
}

// A card without a mark whose process died in its call is given to ops, and is never searched for.
func TestDeadCouriersUnmarkedCard(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(minute(), 10*time.Millisecond)
		id := r.store.accept(submission.Submission{Kind: keycrm.KindCard, State: submission.Uncertain})
		r.start(t)
		r.all(t, time.Minute, submission.Held)
		if creates, finds, _ := r.crm.counted(); creates+finds != 0 {
			t.Errorf("%d creates and %d look-ups", creates, finds)
		}
		if s := r.store.get(id); s.Reason != submission.ReasonUncertain || !strings.Contains(s.Error, "look in KeyCRM") {
			t.Errorf("held for %q: %s", s.Reason, s.Error)
		}
		r.stop(t)
	})
}

// Two couriers of one account keep the pace together and send nothing twice.
func TestTwoCouriersShareOneAccount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limit := pace.Limit{Calls: 20, Window: 10 * time.Second, Timeout: 15 * time.Second}
		r := newRig(limit, 300*time.Millisecond)
		for range 200 {
			r.store.accept(submission.Submission{})
		}
		other := &rig{store: r.store, crm: r.crm, c: r.courier(limit), log: r.log, done: make(chan error, 1)}
		r.start(t)
		other.start(t)
		r.all(t, 3*time.Minute, submission.Delivered)
		if creates, _, stored := r.crm.counted(); creates != 200 || stored != 200 {
			t.Errorf("%d creates made %d entities of 200", creates, stored)
		}
		if most := r.store.callsIn(10 * time.Second); most > 20 {
			t.Errorf("%d calls began within one window of 20", most)
		}
		r.stop(t)
		other.stop(t)
	})
}

// pastWaits is a store whose clock lags: every wait that it asks for is over already when it is read.
type pastWaits struct {
	*fakeStore
	asked int
	waits int // how many times it says wait
}

func (p *pastWaits) Begin(ctx context.Context, cl submission.Claim, kind submission.AttemptKind, limit pace.Limit, lease time.Duration) (submission.Call, error) {
	if p.asked++; p.asked <= p.waits {
		return submission.Call{}, &pace.Wait{Until: time.Now(), Why: "pace"}
	}
	return p.fakeStore.Begin(ctx, cl, kind, limit, lease)
}

// A wait that is over already costs a moment, not a poll; and one that is always over does not make the loop spin.
func TestWaitThatIsOver(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		waits int
		most  time.Duration
	}{{1, moment}, {3, 10 * moment}, {60, time.Minute}} {
		t.Run(strconv.Itoa(tc.waits), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(minute(), 0)
				r.c.o.Ledger = &pastWaits{fakeStore: r.store, waits: tc.waits}
				r.store.accept(submission.Submission{})
				began := time.Now()
				r.start(t)
				r.all(t, 2*time.Minute, submission.Delivered)
				if took := time.Since(began); took > tc.most || took < tc.most/2 {
					t.Errorf("%d waits took %s, want about %s", tc.waits, took, tc.most)
				}
				r.stop(t)
			})
		})
	}
}

func TestNewRaisesTheLease(t *testing.T) {
	t.Parallel()
	c := New(Options{Limit: minute(), Lease: time.Second})
	if c.o.Lease != time.Minute || c.o.Settle != DefaultSettle || c.o.Grace != DefaultGrace {
		t.Errorf("lease %s, settle %s, grace %s", c.o.Lease, c.o.Settle, c.o.Grace)
	}
}
