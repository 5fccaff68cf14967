package delivery

import (
	"testing"
	"testing/synctest"
	"time"

	"formrelay/internal/keycrm"
	"formrelay/internal/pace"
	"formrelay/internal/submission"
)

// Creates hang while lists work: no more than what was in flight is ever in doubt, however often it is looked up, and when creates work
// again everything arrives once.
func TestOutageOfCreatesAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(minute(), 200*time.Millisecond)
		r.crm.script(func(_ int, kind submission.AttemptKind, _ string) *fate {
			if kind == submission.Create {
				return &fate{after: time.Hour}
			}
			return nil
		})
		for range 100 {
			r.store.accept(submission.Submission{})
		}
		r.start(t)
		for range 2 * 60 {
			pass(time.Minute)
			if n := r.store.states()[submission.Uncertain]; n > pace.MaxInFlight {
				t.Fatalf("%d are uncertain", n)
			}
		}
		if creates, _, _ := r.crm.counted(); creates > 2*60+pace.MaxInFlight { // one for each settle time
			t.Errorf("%d creates went into two hours of outage", creates)
		}
		r.crm.script(nil)
		r.settled(t, 3*pace.MaxProbePause, func() bool { return r.store.states()[submission.Delivered] > 0 })
		r.all(t, 10*time.Minute, submission.Delivered)
		if _, _, stored := r.crm.counted(); stored != 100 {
			t.Errorf("KeyCRM has %d entities of 100", stored)
		}
		r.stop(t)
	})
}

// One submission whose look-up never works does not keep the others from going out.
func TestBrokenLookUpHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	for _, outcome := range []keycrm.Outcome{keycrm.Uncertain, keycrm.NotSent, keycrm.Rejected} {
		t.Run(string(outcome), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(minute(), 200*time.Millisecond)
				r.crm.script(func(n int, kind submission.AttemptKind, _ string) *fate {
					switch {
					case kind == submission.LookUp:
						return &fate{after: 10 * time.Second, answer: keycrm.Answer{Outcome: outcome}}
					case kind == submission.Create && n <= 2:
						return &fate{store: true, after: time.Hour}
					}
					return nil
				})
				for range 2 {
					r.store.accept(submission.Submission{})
				}
				r.start(t)
				pass(time.Minute)
				for range 60 {
					id := r.store.accept(submission.Submission{})
					r.c.Wake()
					r.settled(t, 5*time.Minute, func() bool { return r.store.get(id).State == submission.Delivered })
				}
				if n := r.store.states()[submission.Uncertain]; n != 2 {
					t.Errorf("%d are uncertain", n)
				}
				r.crm.script(nil)
				r.all(t, 10*time.Minute, submission.Delivered)
				r.stop(t)
			})
		})
	}
}

// When connections come about again, what waited out a long pause goes at once.
func TestBackOffsEndWithTheOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(minute(), 100*time.Millisecond)
		r.crm.script(func(int, submission.AttemptKind, string) *fate {
			return &fate{after: time.Millisecond, answer: keycrm.Answer{Outcome: keycrm.NotSent}}
		})
		for range 3 {
			r.store.accept(submission.Submission{})
		}
		r.start(t)
		pass(5 * time.Hour)
		r.crm.script(nil)
		r.all(t, pace.MaxProbePause+5*time.Second, submission.Delivered)
		r.stop(t)
	})
}

// KeyCRM answers nothing but 503 for two minutes, with a thousand queued: ten are in doubt at the most, and then the backlog goes out at the
// full pace.
func TestBacklogAfterTwoMinutesOf503(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(minute(), 200*time.Millisecond)
		for range 1000 {
			r.store.accept(submission.Submission{})
		}
		r.start(t)
		pass(10 * time.Second) // the outage meets a courier at work
		r.crm.script(func(int, submission.AttemptKind, string) *fate {
			return &fate{after: 100 * time.Millisecond, answer: keycrm.Answer{Outcome: keycrm.Uncertain, Status: 503}}
		})
		worst := 0
		for range 120 {
			pass(time.Second)
			worst = max(worst, r.store.states()[submission.Uncertain])
		}
		r.crm.script(nil)
		over := time.Now()
		r.settled(t, 3*time.Minute, func() bool { return r.store.states()[submission.Uncertain] == 0 })
		t.Logf("%d were uncertain; none was any more %s after the outage", worst, time.Since(over).Round(time.Second))
		if worst == 0 || worst > 10 {
			t.Errorf("%d were uncertain", worst)
		}
		before := r.store.states()[submission.Delivered]
		pass(10 * time.Minute)
		if n := r.store.states()[submission.Delivered] - before; n < 588 { // 98 %
			t.Errorf("%d were delivered in ten minutes at 60 a minute", n)
		} else {
			t.Logf("%d were delivered in the ten minutes after that", n)
		}
		r.stop(t)
	})
}
