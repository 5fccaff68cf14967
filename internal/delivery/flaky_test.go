package delivery

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"formrelay/internal/keycrm"
	"formrelay/internal/pace"
	"formrelay/internal/submission"
)

// flaky is a store one of whose methods fails some times before it works. It counts the tries.
type flaky struct {
	*fakeStore
	method string
	err    error
	left   int
	tried  atomic.Int64
}

// fails says whether this call of the method is one that fails. Only the loop calls these methods, so there is no lock.
func (f *flaky) fails(method string) bool {
	if f.method != method {
		return false
	}
	f.tried.Add(1)
	f.left--
	return f.left >= 0
}

func (f *flaky) Claim(ctx context.Context, account, owner string, n int, lease time.Duration) ([]submission.Claim, error) {
	if f.fails("Claim") {
		return nil, f.err
	}
	return f.fakeStore.Claim(ctx, account, owner, n, lease)
}

func (f *flaky) Release(ctx context.Context, account, owner string) error {
	if f.fails("Release") {
		return f.err
	}
	return f.fakeStore.Release(ctx, account, owner)
}

func (f *flaky) Renew(ctx context.Context, account, owner string, lease time.Duration) error {
	if f.fails("Renew") {
		return f.err
	}
	return f.fakeStore.Renew(ctx, account, owner, lease)
}

func (f *flaky) Expire(ctx context.Context, account string) (int, error) {
	if f.fails("Expire") {
		return 0, f.err
	}
	return f.fakeStore.Expire(ctx, account)
}

func (f *flaky) NextDue(ctx context.Context, account string) (time.Time, bool, error) {
	if f.fails("NextDue") {
		return time.Time{}, false, f.err
	}
	return f.fakeStore.NextDue(ctx, account)
}

func (f *flaky) Begin(ctx context.Context, cl submission.Claim, kind submission.AttemptKind, limit pace.Limit, lease time.Duration) (submission.Call, error) {
	if f.fails("Begin") {
		return submission.Call{}, f.err
	}
	return f.fakeStore.Begin(ctx, cl, kind, limit, lease)
}

func (f *flaky) BeginProbe(ctx context.Context, account, owner string, limit pace.Limit) (submission.Call, error) {
	if f.fails("BeginProbe") {
		return submission.Call{}, f.err
	}
	return f.fakeStore.BeginProbe(ctx, account, owner, limit)
}

func (f *flaky) Account(ctx context.Context, name string) (pace.Account, error) {
	if f.fails("Account") {
		return pace.Account{}, f.err
	}
	return f.fakeStore.Account(ctx, name)
}

// trouble is a script that takes a courier through everything: two creates break (an outage), one meets a 401 (a pause), the rest
// goes well.
func trouble(n int, kind submission.AttemptKind, _ string) *fate {
	if kind != submission.Create {
		return nil
	}
	switch n {
	case 1, 2:
		return &fate{store: n == 1, after: time.Second, answer: keycrm.Answer{Outcome: keycrm.Uncertain}}
	case 3:
		return &fate{answer: keycrm.Answer{Outcome: keycrm.Unauthorised, Text: "KeyCRM does not take the token"}}
	}
	return nil
}

// Whichever of the store's methods fails, and whenever, everything arrives once.
func TestEveryMethodOfTheStoreMayFail(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"Claim", "Renew", "Release", "Expire", "NextDue", "Begin", "BeginProbe", "Account"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				// Two calls at a time, so that what was claimed beside them waits in hand when the outage begins.
				r := newRig(pace.Limit{Calls: 2, Window: 5 * time.Second, Timeout: 15 * time.Second}, 100*time.Millisecond)
				f := &flaky{fakeStore: r.store, method: method, err: errDatabase, left: 2}
				r.c.o.Queue, r.c.o.Ledger = f, f
				r.crm.script(trouble)
				for range 8 {
					r.store.accept(submission.Submission{})
				}
				r.start(t)
				r.all(t, 10*time.Minute, submission.Delivered)
				pass(time.Minute) // one that has nothing to do asks on
				if _, _, stored := r.crm.counted(); stored != 8 {
					t.Errorf("KeyCRM has %d entities of 8", stored)
				}
				if creates, _, _ := r.crm.counted(); creates != 10 { // one was lost and one met the 401
					t.Errorf("%d creates, want 10", creates)
				}
				r.stop(t)
				if f.tried.Load() <= 2 {
					t.Errorf("%s was tried only %d times", method, f.tried.Load())
				}
				if !strings.Contains(r.log.String(), "the store fails") || !strings.Contains(r.log.String(), "the store works again") {
					t.Errorf("failure or recovery is not logged:\n%s", r.log)
				}
			})
		})
	}
}

// A claim that is no longer good is dropped and claimed again; a store that fences everything is not asked without a pause.
func TestFencedClaims(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		fenced int
		most   time.Duration
	}{{"Some", 3, 3 * time.Minute}, {"Hundreds", 500, 2 * time.Hour}} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(minute(), time.Millisecond)
				f := &flaky{fakeStore: r.store, method: "Begin", err: submission.ErrFenced, left: tc.fenced}
				r.c.o.Queue, r.c.o.Ledger = f, f
				for range 5 {
					r.store.accept(submission.Submission{})
				}
				r.start(t)
				r.all(t, tc.most, submission.Delivered)
				if creates, _, _ := r.crm.counted(); creates != 5 {
					t.Errorf("%d creates", creates)
				}
				r.stop(t)
			})
		})
	}
}

// What was accepted while nothing can be sent does not keep the loop busy: a thousand wakes in a second cost a few statements.
func TestWakesDuringAWaitCostNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(pace.Limit{Calls: 1, Window: time.Minute, Timeout: 15 * time.Second}, time.Millisecond)
		f := &flaky{fakeStore: r.store, method: "Begin", err: errDatabase}
		r.c.o.Queue, r.c.o.Ledger = f, f
		r.store.accept(submission.Submission{})
		r.store.accept(submission.Submission{})
		r.start(t)
		pass(time.Second)
		synctest.Wait()
		before := f.tried.Load()
		for range 1000 {
			r.c.Wake()
			pass(time.Millisecond)
		}
		synctest.Wait()
		if asked := f.tried.Load() - before; asked > 3 {
			t.Errorf("the pace was asked %d times in a second of waiting", asked)
		}
		r.stop(t)
	})
}
