package store

import (
	"context"
	"sync"
	"time"

	"formrelay/internal/submission"
)

// The bounds of waiting. Another replica may be the one that sends, so the database is looked at while anybody waits: once for all of
// them, however many there are. More than maxWaiters do not wait.
const (
	lookEvery  = 200 * time.Millisecond
	lookWithin = 2 * time.Second
	maxWaiters = 4096
)

// Await waits until a submission's first call is settled, and gives its id in KeyCRM; 0 when KeyCRM does not have it, when ctx ends
// first, and at once when other submissions of its account were waiting to be sent before it or the account is paused. It asks nobody but the database, and that
// once for all who wait.
func (s *Store) Await(ctx context.Context, id string) (crmID int64) {
	w := s.waiters.add(id)
	if w == nil {
		return 0
	}
	defer s.waiters.leave(w)
	select {
	case crmID = <-w.fate:
		return crmID
	case <-ctx.Done():
		return 0
	}
}

// waiter is one visitor who waits.
type waiter struct {
	id     string
	fate   chan int64 // gets one value; never blocks
	looked bool       // it is known that nothing was to be sent before its submission
}

// tell gives the fate, unless it was told already.
func (w *waiter) tell(crmID int64) {
	select {
	case w.fate <- crmID:
	default:
	}
}

// waiters are all who wait. While there are any, and no longer, a goroutine looks for them.
type waiters struct {
	look func(context.Context, []string) ([]sight, error)

	mu      sync.Mutex
	all     map[*waiter]struct{}
	changed chan struct{} // holds one token while somebody is new
	stop    context.CancelFunc
	closed  bool
	looking sync.WaitGroup
}

// sight is what one look at the database shows of one submission.
type sight struct {
	id      string
	state   submission.State
	crmID   int64
	settled bool // a call for it has ended, and none is under way
	behind  bool // others wait to be sent before it, or nothing is sent at all because its account is paused
}

// over tells whether there is nothing left to wait for.
func (s sight) over() bool { return s.settled || s.state.Terminal() }

// add lets somebody wait; nil when nobody may.
func (h *waiters) add(id string) *waiter {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || len(h.all) >= maxWaiters {
		return nil
	}
	w := &waiter{id: id, fate: make(chan int64, 1)}
	if len(h.all) == 0 {
		var ctx context.Context
		ctx, h.stop = context.WithCancel(context.Background())
		h.all, h.changed = map[*waiter]struct{}{}, make(chan struct{}, 1)
		h.looking.Go(func() { h.lookOn(ctx, h.changed) })
	}
	h.all[w] = struct{}{}
	select {
	case h.changed <- struct{}{}:
	default:
	}
	return w
}

// leave takes w out. The last one who leaves ends the looking.
func (h *waiters) leave(w *waiter) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.all, w)
	if len(h.all) == 0 {
		h.stop()
	}
}

// settled tells those who wait for a submission what its call came to.
func (h *waiters) settled(id string, state submission.State, crmID int64) {
	if state != submission.Delivered {
		crmID = 0
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for w := range h.all {
		if w.id == id {
			w.tell(crmID)
		}
	}
}

// close releases everybody and lets nobody in.
func (h *waiters) close() {
	h.mu.Lock()
	h.closed = true
	if h.stop != nil {
		h.stop()
	}
	for w := range h.all {
		w.tell(0)
	}
	h.mu.Unlock()
	h.looking.Wait()
}

// lookOn looks until ctx ends: soon after somebody is new, so that those who come together are looked for together, then now and again.
func (h *waiters) lookOn(ctx context.Context, changed <-chan struct{}) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	fresh := changed
	for {
		select {
		case <-ctx.Done():
			return
		case <-fresh:
			fresh = nil // until the next tick: a stream of new ones does not make a stream of questions
		case <-tick.C:
			fresh = changed
		}
		h.lookOnce(ctx)
	}
}

// lookOnce asks about all who wait. A database that does not answer is asked again: the visitors wait no longer for that.
func (h *waiters) lookOnce(ctx context.Context) {
	ids := h.ids()
	if len(ids) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	sights, err := h.look(ctx, ids)
	if err != nil {
		return
	}
	seen := make(map[string]sight, len(sights))
	for _, s := range sights {
		seen[s.id] = s
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for w := range h.all {
		if s, known := seen[w.id]; known {
			w.see(s)
		}
	}
}

// see takes what a look shows.
func (w *waiter) see(s sight) {
	if s.state == submission.Delivered {
		w.tell(s.crmID)
	} else if s.over() || s.behind && !w.looked {
		w.tell(0)
	}
	w.looked = true
}

// ids are the submissions that are waited for.
func (h *waiters) ids() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	ids := make([]string, 0, len(h.all))
	for w := range h.all {
		ids = append(ids, w.id)
	}
	return ids
}

// lookFor shows what has become of submissions. What is claimed and not begun waits too, beside what is due: it is for the pace that it
// waits.
func (s *Store) lookFor(ctx context.Context, ids []string) ([]sight, error) {
	return list(ctx, s.read, s.d.bind(`SELECT s.id, s.state, s.crm_id, CASE WHEN s.attempt > 0 AND s.under_way = 0 THEN 1 ELSE 0 END,
			CASE WHEN EXISTS (SELECT 1 FROM submissions e WHERE e.account = s.account AND e.owner = '' AND e.state IN ('queued', 'uncertain')
				AND (e.due_at < s.due_at OR e.due_at = s.due_at AND e.seq < s.seq))
			OR EXISTS (SELECT 1 FROM submissions e WHERE e.account = s.account AND e.owner <> '' AND e.state = 'queued' AND e.seq < s.seq)
			OR EXISTS (SELECT 1 FROM accounts a WHERE a.name = s.account AND a.paused <> '')
			THEN 1 ELSE 0 END
		FROM submissions s WHERE s.id `+s.d.anyText), []any{s.d.texts(ids)}, func(r row) (g sight, err error) {
		var settled, behind int64
		err = r.Scan(&g.id, &g.state, &g.crmID, &settled, &behind)
		g.settled, g.behind = settled != 0, behind != 0
		return g, err
	})
}
