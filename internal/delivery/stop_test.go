package delivery

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"formrelay/internal/keycrm"
	"formrelay/internal/pace"
	"formrelay/internal/submission"
)

// At a stop no new call begins, the calls in flight have their grace, what they came to is written, and what was only claimed is free.
func TestStop(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		fate  fate
		takes time.Duration
		state submission.State
	}{
		{"InFlightFinishes", fate{store: true, after: 3 * time.Second, answer: keycrm.Answer{Outcome: keycrm.Done}}, 3 * time.Second, submission.Delivered},
		{"InFlightIsCut", fate{after: time.Hour}, DefaultGrace, submission.Uncertain},
		{"ClientIgnoresTheCut", fate{after: 13 * time.Second, deaf: true, answer: keycrm.Answer{Outcome: keycrm.Uncertain}}, DefaultGrace + lastWrites, submission.Sending},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(pace.Limit{Calls: 5, Window: time.Minute, Timeout: 30 * time.Second}, 0)
				r.crm.script(func(int, submission.AttemptKind, string) *fate { f := tc.fate; return &f })
				for range 20 {
					r.store.accept(submission.Submission{})
				}
				r.start(t)
				synctest.Wait() // five are in flight, the sixth waits for the pace
				began := time.Now()
				r.stop(t)
				if took := time.Since(began); took != tc.takes {
					t.Errorf("the stop took %s, want %s", took, tc.takes)
				}
				if n := r.store.states(); n[tc.state] != 5 || n[submission.Queued] != 15 {
					t.Errorf("the rows are %v, want 5 %s and 15 queued", n, tc.state)
				}
				if n := r.store.owned(); n != r.store.states()[submission.Sending] {
					t.Errorf("%d rows still have an owner", n)
				}
				pass(5 * time.Second) // lets the deaf client's goroutine end
				if creates, _, _ := r.crm.counted(); creates != 5 {
					t.Errorf("%d creates, want none after the stop", creates)
				}
			})
		})
	}
}

func TestStopWhileIdleIsImmediate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(minute(), 0)
		r.start(t)
		synctest.Wait()
		began := time.Now()
		r.stop(t)
		if took := time.Since(began); took != 0 {
			t.Errorf("the stop took %s", took)
		}
	})
}

// A look-up whose next page waits when the stop comes is handed back like any other claim.
func TestStopBetweenTwoPages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(minute(), 3*time.Second)
		r.crm.pages = 5
		r.store.accept(submission.Submission{State: submission.Uncertain, SentAt: time.Now(), BrokeAt: time.Now()})
		r.start(t)
		synctest.Wait()
		r.stop(t)
		if _, finds, _ := r.crm.counted(); finds != 1 {
			t.Errorf("%d pages were asked for, want none after the stop", finds)
		}
		if claims, err := r.store.Claim(t.Context(), "main", "next", 1, time.Minute); err != nil || len(claims) != 1 {
			t.Errorf("the row is not free after the stop: %v, %v", claims, err)
		}
	})
}

// While the database is away an answer is kept and written when it is back: nothing is sent twice, and it is logged once.
func TestStoreFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(minute(), time.Second)
		for range 20 {
			r.store.accept(submission.Submission{})
		}
		r.start(t)
		synctest.Wait() // eight are in flight
		r.store.fail(errDatabase)
		pass(20 * time.Second)
		if creates, _, _ := r.crm.counted(); creates != pace.MaxInFlight {
			t.Errorf("%d calls began although the store fails", creates-pace.MaxInFlight)
		}
		r.store.fail(nil)
		r.all(t, time.Minute, submission.Delivered)
		if creates, finds, stored := r.crm.counted(); creates != 20 || finds != 0 || stored != 20 {
			t.Errorf("%d creates, %d look-ups, %d entities", creates, finds, stored)
		}
		r.stop(t)
		if n := strings.Count(r.log.String(), "the store fails"); n != 1 {
			t.Errorf("the failure is logged %d times:\n%s", n, r.log)
		}
		if n := strings.Count(r.log.String(), "the store works again"); n != 1 {
			t.Errorf("the recovery is logged %d times:\n%s", n, r.log)
		}
	})
}

// A store that fails for good does not keep the process from ending, and its rows are not lost: their leases end.
func TestStopWhileTheStoreFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(minute(), time.Second)
		id := r.store.accept(submission.Submission{})
		r.start(t)
		synctest.Wait()
		r.store.fail(errDatabase)
		began := time.Now()
		r.stop(t)
		if took := time.Since(began); took > DefaultGrace+lastWrites {
			t.Errorf("the stop took %s", took)
		}
		r.store.fail(nil)
		pass(2 * time.Minute)
		if n, err := r.store.Expire(t.Context(), "main"); n != 1 || err != nil || r.store.get(id).State != submission.Uncertain {
			t.Errorf("after its lease the row is %s (%d, %v), want uncertain", r.store.get(id).State, n, err)
		}
	})
}

// A call that ends after its lease settles nothing.
func TestLateEndSettlesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(minute(), 0)
		r.crm.script(func(n int, kind submission.AttemptKind, _ string) *fate {
			if kind == submission.Create && n == 1 { // a client that is stuck far beyond its deadline
				return &fate{store: true, after: 5 * time.Minute, deaf: true, answer: keycrm.Answer{Outcome: keycrm.Rejected}}
			}
			return nil
		})
		id := r.store.accept(submission.Submission{})
		r.start(t)
		pass(10 * time.Minute)
		if s := r.store.get(id); s.State != submission.Delivered {
			t.Errorf("it is %s, want delivered by the look-up", s.State)
		}
		r.stop(t)
		if !strings.Contains(r.log.String(), "settles nothing") {
			t.Errorf("the late end is not logged:\n%s", r.log)
		}
	})
}

// What somebody typed, and what KeyCRM quotes of it, is in no log line; ids and outcomes are.
func TestLogHoldsNoValues(t *testing.T) {
	t.Parallel()
	const typed = "olena@secret.example"
	synctest.Test(t, func(t *testing.T) {
		r := newRig(minute(), 0)
		r.crm.script(func(n int, kind submission.AttemptKind, _ string) *fate {
			a := keycrm.Answer{Outcome: keycrm.Rejected, Status: 422, Text: typed, Messages: []keycrm.Message{{Path: "buyer.email", Text: typed}}}
			if n == 2 {
				a.Outcome = keycrm.Uncertain
			}
			if n > 2 || kind == submission.LookUp {
				return nil
			}
			return &fate{store: true, answer: a}
		})
		ids := []string{}
		for range 3 {
			ids = append(ids, r.store.accept(submission.Submission{Profile: "landing", Error: typed}))
		}
		r.start(t)
		r.settled(t, time.Hour, func() bool {
			n := r.store.states()
			return n[submission.Delivered] == 2 && n[submission.Rejected] == 1
		})
		r.stop(t)
		log := r.log.String()
		if strings.Contains(log, typed) {
			t.Errorf("a value is in the log:\n%s", log)
		}
		for _, id := range ids {
			if !strings.Contains(log, id) {
				t.Errorf("%s is not in the log:\n%s", id, log)
			}
		}
		var line struct {
			Level, Account, Submission, Profile, Call, Outcome string
			Status                                             int
		}
		if err := json.Unmarshal([]byte(strings.SplitN(log, "\n", 2)[0]), &line); err != nil || line.Account != "main" || line.Profile != "landing" {
			t.Errorf("a line reads %+v (%v)", line, err)
		}
	})
}
