package metrics

import (
	"context"
	"errors"
	"sync"
	"time"

	"formrelay/internal/submission"
)

const (
	// leastKeep is how long a count is good for at least; most is what share of the time may be spent counting. Counting a million
	// submissions takes 0.2 s, so their count is 20 s old at the most.
	leastKeep = time.Second
	most      = 0.01
	// patience is how long a scrape waits for a count. One that takes longer is told in the next scrape, and this one gets the last.
	patience = 250 * time.Millisecond
	// countWithin bounds one count.
	countWithin = time.Minute
)

var errNotYet = errors.New("the submissions have not been counted yet")

// tally keeps the last count of the submissions, because its cost grows with their number and anybody may ask at any time.
type tally struct {
	count  func(context.Context) (submission.Figures, error)
	wanted chan struct{} // holds one token while a count is wanted

	mu      sync.Mutex
	figures submission.Figures
	err     error         // of the last count; errNotYet before the first
	until   time.Time     // how long it is good
	next    chan struct{} // closed when the next count is there
}

func newTally(count func(context.Context) (submission.Figures, error)) *tally {
	return &tally{count: count, wanted: make(chan struct{}, 1), err: errNotYet, next: make(chan struct{})}
}

// run counts whenever that is wanted and the last count is good no longer, until ctx ends.
func (t *tally) run(ctx context.Context) {
	for {
		t.renew(ctx)
		select {
		case <-ctx.Done():
			return
		case <-t.wanted:
		}
	}
}

// renew counts, unless the last count is still good.
func (t *tally) renew(ctx context.Context) {
	if !t.stale() {
		return
	}
	limited, cancel := context.WithTimeout(ctx, countWithin)
	defer cancel()
	began := time.Now()
	figures, err := t.count(limited)
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.figures, t.err = figures, err
	t.until = now.Add(max(leastKeep, time.Duration(float64(now.Sub(began))/most)))
	close(t.next)
	t.next = make(chan struct{})
}

func (t *tally) stale() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !time.Now().Before(t.until)
}

// get gives the last count, a new one if it is due and comes in time.
func (t *tally) get() (submission.Figures, error) {
	t.mu.Lock()
	stale, next := !time.Now().Before(t.until), t.next
	t.mu.Unlock()
	if stale {
		select {
		case t.wanted <- struct{}{}:
		default: // somebody else wants it as well
		}
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case <-next:
		case <-timer.C:
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.figures, t.err
}
