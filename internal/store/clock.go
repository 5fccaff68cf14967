package store

import (
	"context"
	"sync/atomic"
	"time"

	"formrelay/internal/pace"
	"formrelay/internal/submission"
)

// backwards is how far the clock may fall behind the newest moment that was seen before it counts as set back.
const backwards = time.Second

// othersLease is the longest lease that another process may have: of a process that has claimed nothing yet no other is known. No
// courier asks for more, whatever its settings.
const othersLease = 5 * time.Minute

// timekeeper remembers what is needed to see that the clock was set back, and what leases may reach at most.
type timekeeper struct {
	newest atomic.Int64 // microseconds
	lease  atomic.Int64 // the longest lease that was ever asked for
}

// atLeast makes v no less than n.
func atLeast(v *atomic.Int64, n int64) {
	for {
		is := v.Load()
		if n <= is || v.CompareAndSwap(is, n) {
			return
		}
	}
}

// leased notes how long a lease may be.
func (s *Store) leased(d time.Duration) { atLeast(&s.clock.lease, int64(d)) }

// longestLease is what leases may reach at most, as far as this process knows.
func (k *timekeeper) longestLease() time.Duration {
	if d := time.Duration(k.lease.Load()); d > 0 {
		return d
	}
	return othersLease
}

// readClock gives t its time, and tells whether the clock was set back since it was last read. It goes on saying so until reset: the
// transaction that mends what that leaves behind may fail.
func (s *Store) readClock(ctx context.Context, t *tx) (setBack bool, err error) {
	newest := s.clock.newest.Load()
	// Another transaction of this process may have read the clock later and come here first. What is read the second time is later
	// than newest, unless the clock was really set back.
	for range 2 {
		now, err := s.d.now(ctx, t)
		if err != nil {
			return false, err
		}
		t.now = now.UTC().Truncate(time.Microsecond)
		if newest-micros(t.now) <= backwards.Microseconds() {
			atLeast(&s.clock.newest, micros(t.now))
			return false, nil
		}
	}
	return true, nil
}

// reset takes now for the newest moment although it is not.
func (k *timekeeper) reset(now time.Time) { k.newest.Store(micros(now)) }

// mendMoments brings every moment that a clock set back has left in the future down to the latest that it could be, for all accounts:
// otherwise nothing would be sent until the clock has made up for the whole jump. What is due later than now because of a call that
// seems to lie in the future is due now. A break in the future is moved to now, so that its look-up is believed late rather than early.
//
// What lies less than backwards beyond that stays: another process may just have written it. Rows are locked in the order in which
// calls begin and end: account, slot, submission.
func (t *tx) mendMoments(ctx context.Context, lease time.Duration) error {
	for _, mend := range []struct {
		query string
		to    time.Time
	}{
		{`UPDATE accounts SET limited_until = ? WHERE limited_until > ?`, t.now.Add(pace.MaxLimited)},
		{`UPDATE accounts SET probe_at = ? WHERE probe_at > ?`, t.now.Add(pace.MaxProbePause)},
		{`UPDATE accounts SET batch_until = ? WHERE batch_until > ?`, t.now.Add(lease)},
		{`UPDATE accounts SET batch_at = ? WHERE batch_at > ?`, t.now.Add(pace.MaxBatchRest)},
		{`UPDATE slots SET started_at = ? WHERE started_at > ?`, t.now},
		{`UPDATE slots SET ended_at = ? WHERE ended_at > ?`, t.now},
		{`UPDATE files SET due_at = ? WHERE account <> '' AND state IN ('waiting', 'uploaded') AND due_at > ?`, t.now.Add(submission.MaxBackoff)},
		{`UPDATE files SET broke_at = ? WHERE account <> '' AND state IN ('waiting', 'uploaded') AND broke_at > ?`, t.now.Add(lease)},
		{`UPDATE submissions SET lease_until = ? WHERE owner <> '' AND lease_until > ?`, t.now.Add(lease)},
		{`UPDATE submissions SET due_at = ? WHERE ` + open + ` AND due_at > ?`, t.now.Add(submission.MaxBackoff)},
		{`UPDATE submissions SET broke_at = ? WHERE ` + open + ` AND broke_at > ?`, t.now},
		{`UPDATE submissions SET sent_at = ? WHERE ` + open + ` AND sent_at > ?`, t.now},
		{`UPDATE submissions SET first_sent = ? WHERE ` + open + ` AND first_sent > ?`, t.now},
	} {
		if _, err := t.exec(ctx, mend.query, micros(mend.to), micros(mend.to.Add(backwards))); err != nil {
			return err
		}
	}
	now, beyond := micros(t.now), micros(t.now.Add(backwards))
	_, err := t.exec(ctx, `UPDATE submissions SET due_at = ? WHERE `+open+` AND due_at > ? AND (received_at > ? OR tried_at > ?)`,
		now, now, beyond, beyond)
	return err
}

// open are the submissions about which something is still to be done. It says so in the words of two indexes, so that those that are
// done cost nothing: what waits has no owner, and what is being sent has one.
const open = `seq IN (SELECT seq FROM submissions WHERE owner = '' AND state IN ('queued', 'uncertain')
	UNION ALL SELECT seq FROM submissions WHERE owner <> '')`
