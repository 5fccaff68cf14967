package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"formrelay/internal/pace"
	"formrelay/internal/submission"
)

// The three parts of what Figures counts. Each repeats the condition of its partial index word for word and reads nothing else: what
// waits comes from submissions_due, the few rows that couriers have from submissions_leased, all others from submissions_figures.
const (
	countDue = `SELECT profile, account, state, COUNT(*), MIN(received_at) FROM submissions
		WHERE owner = '' AND state IN ('queued', 'uncertain') GROUP BY profile, account, state`
	countClaimed = `SELECT profile, account, state, 1, received_at FROM submissions WHERE owner <> '' AND state IN ('queued', 'uncertain')`
	countOthers  = `SELECT profile, account, state, COUNT(*), 0 FROM submissions
		WHERE state <> 'queued' AND state <> 'uncertain' GROUP BY profile, account, state`
	countFiles = `SELECT profile, state, COUNT(*) FROM files GROUP BY profile, state ORDER BY profile, state` // by files_figures
	countAll   = countDue + ` UNION ALL ` + countClaimed + ` UNION ALL ` + countOthers
)

// Figures counts the submissions and their files. It takes about 0.2 s for each million of them, and 0.3 s for every hundred thousand that wait, so
// whoever asks often keeps the answer for a while. It keeps nobody else waiting.
func (s *Store) Figures(ctx context.Context) (submission.Figures, error) {
	type part struct {
		submission.Count
		oldest time.Time
	}
	parts, err := list(ctx, s.read, countAll, nil, func(r row) (p part, err error) {
		return p, r.Scan(&p.Profile, &p.Account, &p.State, &p.N, at{&p.oldest})
	})
	if err != nil {
		return submission.Figures{}, s.explained(err)
	}
	f := submission.Figures{Oldest: map[string]time.Time{}}
	sums := map[submission.Count]int64{} // by what is counted, N being 0
	for _, p := range parts {
		n := p.N
		p.N = 0
		sums[p.Count] += n
		if p.State != submission.Queued || p.oldest.IsZero() {
			continue
		}
		if oldest, known := f.Oldest[p.Account]; !known || p.oldest.Before(oldest) {
			f.Oldest[p.Account] = p.oldest
		}
	}
	for c, n := range sums {
		c.N = n
		f.Counts = append(f.Counts, c)
	}
	slices.SortFunc(f.Counts, func(a, b submission.Count) int {
		return cmp.Or(cmp.Compare(a.Profile, b.Profile), cmp.Compare(a.Account, b.Account), cmp.Compare(a.State, b.State))
	})
	f.Files, err = list(ctx, s.read, countFiles, nil, func(r row) (c submission.FileCount, err error) {
		return c, r.Scan(&c.Profile, &c.State, &c.N)
	})
	return f, s.explained(err)
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

// anyAnswered repeats the condition of submissions_figures, as countOthers does.
const anyAnswered = `SELECT 1 FROM revisions p WHERE EXISTS (SELECT 1 FROM submissions s
	WHERE s.profile = p.profile AND s.account = ? AND (s.state = 'delivered' OR s.state = 'rejected')
		AND s.state <> 'queued' AND s.state <> 'uncertain') LIMIT 1`

// Answered tells whether KeyCRM ever took or refused a submission of the account: with a wrong token it does neither. It is asked along the
// index of figures, profile by profile.
func (s *Store) Answered(ctx context.Context, account string) (bool, error) {
	var one int
	err := s.read.QueryRowContext(ctx, s.d.bind(anyAnswered), account).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, s.explained(err)
}
