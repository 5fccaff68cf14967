package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"formrelay/internal/submission"
)

// expiring repeats the condition of the index submissions_expiring word for word.
const expiring = `emptied_at = 0 AND (state = 'delivered' OR state = 'discarded' OR state = 'refused')`

// Empty takes what visitors sent out of up to n submissions that came into the state more than age ago, those that came first first, and
// says how many there were. What is left of them is id, profile, state, times and KeyCRM's id. Only what is over can be emptied:
// delivered, discarded or refused submissions, whatever their age. A delivered one whose files are still on their way to KeyCRM stays.
// The contents of files are no longer anybody's then, and SweepUploads removes them.
//
// It is one transaction, and a visitor's post may wait for it: n should be small. Several replicas may do it at once.
func (s *Store) Empty(ctx context.Context, state submission.State, age time.Duration, n int) (int, error) {
	if !slices.Contains([]submission.State{submission.Delivered, submission.Discarded, submission.Refused}, state) {
		return 0, fmt.Errorf("submissions that are %s never expire", state)
	}
	emptied := 0
	err := s.update(ctx, func(t *tx) error {
		rows, err := list(ctx, t, t.d.bind(`SELECT seq FROM submissions WHERE `+expiring+` AND state = ? AND settled_at <= ?
			AND (state <> 'delivered' OR NOT EXISTS (SELECT 1 FROM files WHERE submission = seq AND files.state IN ('waiting', 'uploaded')))
			ORDER BY settled_at LIMIT ?`+t.d.skipLocked), []any{string(state), micros(t.now.Add(-age)), n},
			func(r row) (seq int64, err error) { return seq, r.Scan(&seq) })
		if err != nil {
			return err
		}
		for _, seq := range rows {
			if err := t.empty(ctx, seq, false); err != nil {
				return err
			}
		}
		emptied = len(rows)
		return nil
	})
	return emptied, err
}
