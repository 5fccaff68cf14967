package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"formrelay/internal/keycrm/sandbox"
)

const (
	askEvery = time.Second      // how often the end of a run looks whether all is settled
	sayEvery = 10 * time.Second // how often it says that it waits
)

// ending is how a run is brought to its end: everything acknowledged comes into KeyCRM, or ops are told why not.
type ending struct {
	fleet *fleet
	crm   *crm
	say   func(format string, args ...any)
}

// kept are the submissions that wait for a person, with the reason, by id.
func (e ending) kept(ctx context.Context) (rejected, held map[string]string, err error) {
	if rejected, err = e.fleet.in(ctx, "rejected", mostListed); err != nil {
		return nil, nil, err
	}
	held, err = e.fleet.in(ctx, "held", mostListed)
	return rejected, held, err
}

// settle waits until nothing is on its way any more; false when that took longer than most.
func (e ending) settle(ctx context.Context, posts []post, most time.Duration) (bool, error) {
	begun, told := time.Now(), time.Now()
	for {
		missing := len(e.unarrived(posts))
		quiet := missing <= mostListed
		if quiet {
			var err error
			if quiet, err = e.quiet(ctx); err != nil {
				return false, err
			}
		}
		switch {
		case quiet:
			return true, nil
		case time.Since(begun) > most:
			return false, nil
		case time.Since(told) > sayEvery:
			told = time.Now()
			e.say("%d acknowledged submissions are not in KeyCRM yet", missing)
		}
		if !pause(ctx, askEvery) {
			return false, ctx.Err()
		}
	}
}

// quiet tells whether no submission is on its way, as the relay's own list says.
func (e ending) quiet(ctx context.Context) (bool, error) {
	for _, state := range []string{"queued", "sending", "uncertain"} {
		rows, err := e.fleet.in(ctx, state, 1)
		if err != nil || len(rows) > 0 {
			return false, err
		}
	}
	return true, nil
}

// received gives all that KeyCRM has.
func (e ending) received() []sandbox.Received {
	return append(e.crm.box.Orders(), e.crm.box.Cards()...)
}

// unarrived gives the acknowledged posts whose submissions KeyCRM does not have.
func (e ending) unarrived(posts []post) []post {
	there := map[string]bool{}
	for _, r := range e.received() {
		there[read(r).id] = true
	}
	var missing []post
	for _, p := range posts {
		if p.fate == acknowledged && !there[p.id] {
			missing = append(missing, p)
		}
	}
	return missing
}

// ask asks the relays for the status of these posts' submissions, eight at a time; "" means that nobody knows it.
func (e ending) ask(ctx context.Context, posts []post) (map[string]string, error) {
	const askers = 8
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: askers}, Timeout: visitorPatience}
	defer client.CloseIdleConnections()
	var (
		mu     sync.Mutex
		status = map[string]string{}
		first  error
		work   sync.WaitGroup
	)
	turns := make(chan post)
	for range askers {
		work.Go(func() {
			for p := range turns {
				s, err := e.fleet.ask(ctx, client, p)
				mu.Lock()
				if err != nil && first == nil {
					first = fmt.Errorf("asking the relay for a submission: %w", err)
				}
				status[p.id] = s
				mu.Unlock()
			}
		})
	}
	for _, p := range posts {
		turns <- p
	}
	close(turns)
	work.Wait()
	return status, first
}
