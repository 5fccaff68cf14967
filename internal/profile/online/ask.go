package online

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"formrelay/internal/keycrm"
)

// The bounds of what one account is asked. A list of a thousand rows is longer than any shop's but its catalogue, which is asked for by
// sku.
const (
	maxPages = 20 // of one list, 50 rows each
	maxTries = 3  // of one call that was not answered, or answered 429
)

// asker makes the calls, each in its turn.
type asker struct {
	client Client
	turn   Turn
	report Report
}

// once makes one call, again where it was not answered: reading twice does no harm. What comes back is Done or refused for good.
func once[T any](ctx context.Context, a *asker, call func(context.Context, time.Time) keycrm.List[T]) (keycrm.List[T], error) {
	for try := 1; ; try++ {
		notAfter, done, err := a.turn(ctx)
		if err != nil {
			return keycrm.List[T]{}, err
		}
		a.report.Calls++
		l := timed(ctx, notAfter, call)
		if err := done(l.Answer); err != nil {
			return l, err
		}
		switch l.Outcome {
		case keycrm.Done, keycrm.Rejected, keycrm.Duplicate:
			return l, nil
		case keycrm.Uncertain, keycrm.Limited:
			if try < maxTries && ctx.Err() == nil {
				continue
			}
		case keycrm.NotSent, keycrm.Unauthorised, keycrm.WrongAddress:
		}
		return l, unasked(ctx, l.Answer)
	}
}

// timed makes a call that is over by notAfter.
func timed[T any](ctx context.Context, notAfter time.Time, call func(context.Context, time.Time) keycrm.List[T]) keycrm.List[T] {
	ctx, cancel := context.WithDeadline(ctx, notAfter)
	defer cancel()
	return call(ctx, notAfter)
}

// unasked says why an account cannot be asked.
func unasked(ctx context.Context, a keycrm.Answer) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case a.Outcome == keycrm.Limited:
		return errors.New("KeyCRM's limit of calls is reached (429), " + strconv.Itoa(maxTries) + " times in a row: others call this account too; try again later")
	case a.Outcome == keycrm.Uncertain && a.Status == 0:
		return fmt.Errorf("KeyCRM was called %d times and gave no answer: try again later", maxTries)
	case a.Outcome == keycrm.Uncertain:
		return fmt.Errorf("KeyCRM was called %d times and gave no answer that can be read (%d): try again later", maxTries, a.Status)
	case a.Outcome == keycrm.NotSent:
		why := strings.TrimSuffix(strings.TrimPrefix(a.Text, "Nothing was sent: "), ".")
		return fmt.Errorf("KeyCRM could not be asked: %s; look at --keycrm-url", why)
	default:
		return errors.New(a.Text)
	}
}

// all reads every page of a list. A refusal for good is no error: its answer comes back, and no rows. whole is false where the list is
// longer than what is read of it.
func all[T any](ctx context.Context, a *asker, page func(context.Context, int, time.Time) keycrm.List[T]) (rows []T, whole bool, answer keycrm.Answer, err error) {
	for n := 1; n <= maxPages; n++ {
		l, err := once(ctx, a, func(ctx context.Context, notAfter time.Time) keycrm.List[T] { return page(ctx, n, notAfter) })
		if err != nil || l.Outcome != keycrm.Done {
			return nil, false, l.Answer, err
		}
		rows = append(rows, l.Rows...)
		if !l.More {
			return rows, true, l.Answer, nil
		}
	}
	return rows, false, keycrm.Answer{Outcome: keycrm.Done}, nil
}

// note adds a sentence to the report.
func (a *asker) note(format string, args ...any) {
	a.report.Notes = append(a.report.Notes, fmt.Sprintf(format, args...))
}
