package intake

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// reportEvery is how often what was turned away is logged.
const reportEvery = time.Minute

// nobody stands for every name that is no profile's: a stranger must not be able to fill the table, or the log, with names.
const nobody = "(no such profile)"

// turned counts the posts that were answered before anything was stored, by profile and status. They leave no row, so this is the
// only place where ops can see that a form does not work.
type turned struct {
	mu     sync.Mutex
	counts map[string]map[int]int
}

// add counts one.
func (t *turned) add(profile string, status int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = make(map[string]map[int]int)
	}
	if t.counts[profile] == nil {
		t.counts[profile] = make(map[int]int)
	}
	t.counts[profile][status]++
}

// take returns the counts and begins anew. The map is the caller's alone: add makes a new one.
func (t *turned) take() map[string]map[int]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	counts := t.counts
	t.counts = nil
	return counts
}

// Run logs once a minute, and when ctx ends, how many posts were turned away before they were stored, by profile and status. It
// returns when ctx has ended.
func (i *Intake) Run(ctx context.Context) {
	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			i.stop()
			i.report()
			return
		case <-tick.C:
			i.report()
		}
	}
}

// report logs one line a profile that had any.
func (i *Intake) report() {
	if n := i.rates.takeFull(); n > 0 {
		i.Log.Warn().Int("posts", n).Int("most", maxTracked).Msg("posts come from more addresses than can be counted: guard.rate let these through")
	}
	counts := i.turned.take()
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		total, byStatus := 0, zerolog.Dict()
		for _, status := range slices.Sorted(maps.Keys(counts[name])) {
			n := counts[name][status]
			total += n
			byStatus = byStatus.Int(strconv.Itoa(status), n)
		}
		i.Log.Warn().Str("profile", name).Int("total", total).Dict("by_status", byStatus).
			Msg("posts were turned away and not stored")
	}
}
