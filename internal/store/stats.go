package store

import (
	"context"
	"time"

	"formrelay/internal/pace"
	"formrelay/internal/submission"
)

// countAll reads nothing but the index submissions_figures, from its one end to the other; oldestOf finds its place in it.
const (
	countAll = `SELECT profile, account, state, COUNT(*) FROM submissions GROUP BY profile, account, state ORDER BY profile, account, state`
	oldestOf = `SELECT received_at FROM submissions WHERE profile = ? AND account = ? AND state = 'queued' ORDER BY seq LIMIT 1`
)

// Figures counts the submissions. It takes about 0.2 s for each million of them, so whoever asks often keeps the answer for a while. It
// keeps nobody else waiting.
func (s *Store) Figures(ctx context.Context) (submission.Figures, error) {
	counts, err := list(ctx, s.read, s.d.bind(countAll), nil, func(r row) (c submission.Count, err error) {
		return c, r.Scan(&c.Profile, &c.Account, &c.State, &c.N)
	})
	if err != nil {
		return submission.Figures{}, s.explained(err)
	}
	f := submission.Figures{Counts: counts, Oldest: map[string]time.Time{}}
	for _, c := range counts {
		if c.State != submission.Queued {
			continue
		}
		received, ok, err := s.firstOf(ctx, oldestOf, c.Profile, c.Account)
		if err != nil {
			return submission.Figures{}, s.explained(err)
		}
		if oldest, known := f.Oldest[c.Account]; ok && (!known || received.Before(oldest)) {
			f.Oldest[c.Account] = received
		}
	}
	return f, nil
}

// countWaiting repeats the condition of the index submissions_due word for word.
const countWaiting = `SELECT account, COUNT(*) FROM submissions WHERE owner = '' AND state IN ('queued', 'uncertain') GROUP BY account`

// Waiting counts the submissions that wait for a courier, by account. Its cost grows with those that wait, not with those that are done.
func (s *Store) Waiting(ctx context.Context) (map[string]int64, error) {
	rows, err := s.read.QueryContext(ctx, s.d.bind(countWaiting))
	if err != nil {
		return nil, s.explained(err)
	}
	defer rows.Close()
	waiting := map[string]int64{}
	for rows.Next() {
		var account string
		var n int64
		if err := rows.Scan(&account, &n); err != nil {
			return nil, err
		}
		waiting[account] = n
	}
	return waiting, s.explained(rows.Err())
}

// PaceUsed is how many calls to account count against limit now, over all replicas; limit.Calls of them are all there may be.
func (s *Store) PaceUsed(ctx context.Context, account string, limit pace.Limit) (int, error) {
	now, err := s.d.now(ctx, s.read)
	if err != nil {
		return 0, s.explained(err)
	}
	slots, err := list(ctx, s.read, s.d.bind(`SELECT started_at, ended_at FROM slots WHERE account = ?`), []any{account},
		func(r row) (slot pace.Slot, err error) { return slot, r.Scan(at{&slot.Start}, at{&slot.End}) })
	if err != nil {
		return 0, s.explained(err)
	}
	used := 0
	for _, slot := range slots {
		if limit.Counts(now, slot) {
			used++
		}
	}
	return used, nil
}
