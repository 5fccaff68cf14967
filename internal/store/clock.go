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

// timekeeper remembers what is needed to see that the clock was set back, and what leases may reach at most.
type timekeeper struct {
	newest atomic.Int64 // microseconds
	lease  atomic.Int64 // the longest lease that was ever asked for
}

// setBack notes now and tells whether the clock was set back since it was last asked.
func (k *timekeeper) setBack(now time.Time) bool {
	us := micros(now)
	return k.newest.Swap(us)-us > backwards.Microseconds()
}

// leased notes how long a lease may be.
func (s *Store) leased(d time.Duration) {
	for {
		longest := s.clock.lease.Load()
		if int64(d) <= longest || s.clock.lease.CompareAndSwap(longest, int64(d)) {
			return
		}
	}
}

// mendMoments brings every moment that a clock set back has left in the future down to the latest that it could be, for all accounts:
// otherwise nothing would be sent until the clock has made up for the whole jump. What is due later than now because of a call that
// seems to lie in the future is due now. A break in the future is moved to now, so that its look-up is believed late rather than early.
func (t *tx) mendMoments(ctx context.Context, lease time.Duration) error {
	now := micros(t.now)
	for _, mend := range []struct {
		query string
		to    time.Time
	}{
		{`UPDATE slots SET started_at = ? WHERE started_at > ?`, t.now},
		{`UPDATE slots SET ended_at = ? WHERE ended_at > ?`, t.now},
		{`UPDATE accounts SET limited_until = ? WHERE limited_until > ?`, t.now.Add(pace.MaxLimited)},
		{`UPDATE accounts SET probe_at = ? WHERE probe_at > ?`, t.now.Add(pace.MaxProbePause)},
		{`UPDATE submissions SET lease_until = ? WHERE owner <> '' AND lease_until > ?`, t.now.Add(lease)},
		{`UPDATE submissions SET due_at = ? WHERE ` + open + ` AND due_at > ?`, t.now.Add(submission.MaxBackoff)},
		{`UPDATE submissions SET broke_at = ? WHERE ` + open + ` AND broke_at > ?`, t.now},
		{`UPDATE submissions SET sent_at = ? WHERE ` + open + ` AND sent_at > ?`, t.now},
		{`UPDATE submissions SET first_sent = ? WHERE ` + open + ` AND first_sent > ?`, t.now},
	} {
		if _, err := t.exec(ctx, mend.query, micros(mend.to), micros(mend.to)); err != nil {
			return err
		}
	}
	_, err := t.exec(ctx, `UPDATE submissions SET due_at = ? WHERE `+open+` AND due_at > ? AND (received_at > ? OR tried_at > ?)`,
		now, now, now, now)
	return err
}

// open are the submissions about which something is still to be done.
const open = `state IN ('queued', 'sending', 'uncertain')`
