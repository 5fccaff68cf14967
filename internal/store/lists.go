package store

import (
	"context"
	"time"

	"formrelay/internal/keycrm"
	"formrelay/internal/pace"
	"formrelay/internal/submission"
)

// BeginList takes a slot of the account's pace for a list that a person asks for while a server may be at work, so that both together
// keep the limit. It belongs to no submission and writes no attempt. The error is a *pace.Wait when the call may not go now.
func (s *Store) BeginList(ctx context.Context, account string, limit pace.Limit) (submission.Call, error) {
	call := submission.Call{Account: account, Kind: submission.Probe, NotAfter: notAfter(limit)}
	err := s.update(ctx, func(t *tx) error { return t.takeSlot(ctx, &call, pace.ForList, limit) })
	if err != nil {
		return submission.Call{}, err
	}
	return call, nil
}

// EndList writes what a list's call came to: the slot's end, and how long KeyCRM wants to be left alone. Nothing else of the account's
// health follows from it: the call went with the token of whoever asked, to the address that they named, and a slip in either must not
// pause the server's account, nor may it resume it.
func (s *Store) EndList(ctx context.Context, call submission.Call, a keycrm.Answer) error {
	return s.update(ctx, func(t *tx) error {
		before, window, err := t.endSlot(ctx, call)
		if err != nil || a.Outcome != keycrm.Limited {
			return err
		}
		wait := window
		if a.RetryAfter > 0 {
			wait = min(a.RetryAfter, pace.MaxLimited)
		}
		after := before
		if until := t.now.Add(wait).Truncate(time.Microsecond); until.After(after.LimitedUntil) {
			after.LimitedUntil = until
		}
		return t.writeHealth(ctx, before, after)
	})
}
