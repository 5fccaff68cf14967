package delivery

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"formrelay/internal/keycrm"
	"formrelay/internal/pace"
	"formrelay/internal/submission"
)

var errKilled = errors.New("the process is gone")

// mortal is a store as one process sees it: when that is killed nothing of it is written any more, and what it had claimed stays claimed.
type mortal struct {
	*fakeStore
	killed atomic.Bool
}

func (m *mortal) err() error {
	if m.killed.Load() {
		return errKilled
	}
	return nil
}

func (m *mortal) Claim(ctx context.Context, account, owner string, n int, lease time.Duration) ([]submission.Claim, error) {
	if err := m.err(); err != nil {
		return nil, err
	}
	return m.fakeStore.Claim(ctx, account, owner, n, lease)
}

func (m *mortal) Renew(ctx context.Context, account, owner string, lease time.Duration) error {
	if err := m.err(); err != nil {
		return err
	}
	return m.fakeStore.Renew(ctx, account, owner, lease)
}

func (m *mortal) Release(ctx context.Context, account, owner string) error {
	if err := m.err(); err != nil {
		return err
	}
	return m.fakeStore.Release(ctx, account, owner)
}

func (m *mortal) Expire(ctx context.Context, account string) (int, error) {
	if err := m.err(); err != nil {
		return 0, err
	}
	return m.fakeStore.Expire(ctx, account)
}

func (m *mortal) Begin(ctx context.Context, cl submission.Claim, kind submission.AttemptKind, limit pace.Limit, lease time.Duration) (submission.Call, error) {
	if err := m.err(); err != nil {
		return submission.Call{}, err
	}
	return m.fakeStore.Begin(ctx, cl, kind, limit, lease)
}

func (m *mortal) BeginProbe(ctx context.Context, account, owner string, limit pace.Limit) (submission.Call, error) {
	if err := m.err(); err != nil {
		return submission.Call{}, err
	}
	return m.fakeStore.BeginProbe(ctx, account, owner, limit)
}

func (m *mortal) Settle(ctx context.Context, c submission.Call, st submission.Settlement) error {
	if err := m.err(); err != nil {
		return err
	}
	return m.fakeStore.Settle(ctx, c, st)
}

// process starts a courier beside r's that can be killed. Its goroutines end with the test.
func (r *rig) process(t *testing.T, limit pace.Limit) (kill func()) {
	t.Helper()
	m := &mortal{fakeStore: r.store}
	c := New(Options{Account: "main", Limit: limit, Queue: m, Ledger: m, Client: r.crm})
	(&rig{c: c, done: make(chan error, 1)}).start(t)
	return func() { m.killed.Store(true) }
}

// Three replicas, one of which is killed every four seconds, in an outage of eight seconds: what the dead had claimed holds up the others
// for the length of a claim and not for that of a create, and nothing is sent twice.
func TestKilledCouriersDoNotProlongAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limit := pace.Limit{Calls: 100, Window: time.Second, Timeout: 5 * time.Second}
		r := newRig(limit, 5*time.Millisecond)
		began := time.Now()
		r.crm.script(func(_ int, kind submission.AttemptKind, _ string) *fate {
			if time.Since(began) > 8*time.Second {
				return nil
			}
			if kind == submission.Create {
				return &fate{store: true, after: 5 * time.Second, answer: keycrm.Answer{Outcome: keycrm.Uncertain}}
			}
			return &fate{after: time.Second, answer: keycrm.Answer{Outcome: keycrm.Uncertain}}
		})
		var kills [3]func()
		for i := range kills {
			kills[i] = r.process(t, limit)
		}
		for i := range 44 { // a claim's length more than it mostly takes, and less than a create's lease after the outage
			r.store.accept(submission.Submission{})
			r.store.accept(submission.Submission{})
			pass(time.Second)
			if i%4 == 3 {
				kills[i/4%3]()
				kills[i/4%3] = r.process(t, limit)
			}
		}
		if acc, _ := r.store.Account(t.Context(), "main"); acc.Probing() {
			t.Errorf("the outage of 8 s is not over after %s", time.Since(began))
		}
		r.all(t, 5*time.Minute, submission.Delivered)
		for body, n := range countedBodies(r.crm) {
			if n > 1 { // KeyCRM stored it before it hung
				t.Errorf("%s was sent %d times", body, n)
			}
		}
	})
}

// Look-ups of many pages in such an outage: a page that is answered is followed by the next at once, so that the look-up ends before its
// courier is killed, and the outage with it.
func TestKilledCouriersFinishLongLookUps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limit := pace.Limit{Calls: 100, Window: time.Second, Timeout: 5 * time.Second}
		r := newRig(limit, 5*time.Millisecond)
		r.crm.pages = 12
		began := time.Now()
		r.crm.script(func(_ int, kind submission.AttemptKind, _ string) *fate {
			if kind != submission.Create || time.Since(began) > 2*time.Second {
				return nil
			}
			return &fate{store: true, answer: keycrm.Answer{Outcome: keycrm.Uncertain}}
		})
		var kills [3]func()
		for i := range kills {
			kills[i] = r.process(t, limit)
		}
		for i := range 40 {
			r.store.accept(submission.Submission{Kind: keycrm.KindCard, Mark: "yes"})
			pass(time.Second)
			if i%4 == 3 {
				kills[i/4%3]()
				kills[i/4%3] = r.process(t, limit)
			}
		}
		if acc, _ := r.store.Account(t.Context(), "main"); acc.Probing() {
			t.Errorf("the outage of 2 s is not over after %s", time.Since(began))
		}
		r.all(t, 5*time.Minute, submission.Delivered)
	})
}

func countedBodies(k *fakeCRM) map[string]int {
	k.mu.Lock()
	defer k.mu.Unlock()
	times := map[string]int{}
	for _, body := range k.creates {
		times[body]++
	}
	return times
}
