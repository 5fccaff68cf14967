package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"formrelay/internal/keycrm"
	"formrelay/internal/pace"
	"formrelay/internal/submission"
)

// Batches: a backlog of orders goes many in one call, where the account asks for it.
//
// KeyCRM's import answers without ids, and does not say whether it takes all or none. So its answer decides nothing about an order. What
// is found in the list of the newest orders afterwards is delivered; what is not goes back to the ordinary look-up of each, with its
// settle time, and after that goes by itself. An order is in one batch at most, so what a list cannot carry ends with a create of its own
// and KeyCRM's own words about it. When batches may go at all is the rule of pace.Batches; beside that, this courier sends none before a
// create of its own was answered.
//
// While batches go, what they can carry is left to them, and cards, look-ups and the orders that go by themselves use the rest of the pace.

// Bulk is what a courier needs for batches. Queue and Ledger are mostly the store, Client the client of Options.
type Bulk struct {
	Over   int // batches begin when more than so many orders are due, and go on until less than a full one is left
	Queue  BatchQueue
	Ledger BatchLedger
	Client Importer
}

// BatchQueue is where batches come from.
type BatchQueue interface {
	// ClaimBeside is Queue.Claim, what is uncertain first; without orders, what a batch may carry is left.
	ClaimBeside(ctx context.Context, account, owner string, n int, lease time.Duration, orders bool) ([]submission.Claim, error)
	// BeginBatch takes a slot for a list of the oldest orders when more than over are due and the rules of batches allow it. None in the
	// batch: orders go by themselves. A *pace.Wait: a batch is to go, and may not yet.
	BeginBatch(ctx context.Context, account, owner string, over int, limit pace.Limit, lease time.Duration) (submission.Batch, error)
	// EndBatch hands back what is left of a batch.
	EndBatch(ctx context.Context, b submission.Batch, how pace.BatchEnd) error
}

// BatchLedger is where a batch's calls are entered.
type BatchLedger interface {
	// BeginListing takes a slot for a page of the list in which a batch's orders are looked for. Errors as Ledger.Begin.
	BeginListing(ctx context.Context, b submission.Batch, limit pace.Limit) (submission.Call, error)
	// SettleBatch writes a call's end and what it made of the orders that it decided about.
	SettleBatch(ctx context.Context, b submission.Batch, call submission.Call, answer keycrm.Answer, fates []submission.Fate) error
}

// Importer makes a batch's calls.
type Importer interface {
	Import(ctx context.Context, orders []json.RawMessage, notAfter time.Time) keycrm.Answer
	FindOrders(ctx context.Context, sourceID int64, uuids []string, page int, notAfter time.Time) keycrm.Orders
}

const (
	// maxListPages bounds the pages of one look into the list: a batch's orders are its newest, but for what others made meanwhile.
	maxListPages = 3
	// maxListPause bounds the doubling pause between two looks.
	maxListPause = 15 * time.Second
	// maxSlotWait is how much longer than a window of the pace a batch waits for a slot: what KeyCRM asks for beyond that outlasts it.
	maxSlotWait = 15 * time.Second
)

// batching is what a shift knows of its account's batches.
type batching struct {
	underWay bool       // this courier's batch
	going    bool       // the last one was begun because of a backlog that may not be worked off yet
	goes     bool       // orders are left to batches now, this courier's or another's
	wait     *pace.Wait // what the next batch waits for; nil: the one under way
	lag      time.Duration
}

// beginBatch begins a batch where one is to go, and finds out whether orders are left to batches.
func (r *shift) beginBatch(ctx context.Context) error {
	bulk := r.c.o.Bulk
	r.batch.goes, r.batch.wait = r.batch.underWay, nil
	if bulk == nil || r.batch.underWay || r.health.Broken > 0 || !r.c.proved.Load() {
		return nil
	}
	over := bulk.Over
	if r.batch.going {
		over = min(over, keycrm.MaxImport-1)
	}
	b, err := bulk.Queue.BeginBatch(r.writes, r.c.o.Account, submission.NewID(), over, r.c.pace, r.c.lease(submission.Create))
	if errors.As(err, &r.batch.wait) {
		r.batch.goes = true
		return nil
	}
	if err != nil {
		return err
	}
	r.batch.goes = len(b.Orders) > 0
	r.batch.going = r.batch.goes
	if !r.batch.goes {
		return nil
	}
	r.batch.underWay = true
	run := &batchRun{c: r.c, b: b, stop: ctx, calls: r.calls, writes: r.writes, lag: &r.batch.lag, drift: r.drift}
	go func() {
		run.carry()
		r.ended <- landing{batch: true}
	}()
	return nil
}

// claims takes up to n submissions, by the rules of batches where the account has them.
func (r *shift) claims(n int) ([]submission.Claim, error) {
	if bulk := r.c.o.Bulk; bulk != nil {
		return bulk.Queue.ClaimBeside(r.writes, r.c.o.Account, r.c.owner, n, claimLease, !r.batch.goes)
	}
	return r.c.o.Queue.Claim(r.writes, r.c.o.Account, r.c.owner, n, claimLease)
}

// untilBatch is the pause while all that is due is left to batches.
func (r *shift) untilBatch() idle {
	if r.batch.wait != nil {
		return r.wait(r.batch.wait)
	}
	r.works()
	return idle{pause: poll, deaf: true} // what goes beside a batch is looked for once in a while, not at each post of a flood
}

// batchRun is one batch on its way. Only its own goroutine touches it.
type batchRun struct {
	c                   *Courier
	b                   submission.Batch
	stop, calls, writes context.Context // ends when no new call may begin; as in shift

	left    []submission.Submission // what KeyCRM may have and has not shown
	ended   time.Time               // of the import
	renewed time.Time               // when the lease began, by this machine's monotonic clock
	// lag is how long after an import KeyCRM's list was complete, the longest that was seen: to look earlier costs a call for nothing.
	lag   *time.Duration
	drift drift // as in shift
}

// remains is left of shift.
func (r *batchRun) remains(t time.Time) time.Duration { return r.drift.left(t) }

// carry sends the batch and looks for its orders, then hands back those that were not found. What the process dies or stops before is done
// by their leases, or is done again by an ordinary look-up.
func (r *batchRun) carry() {
	r.renewed = time.Now()
	a, ok := r.send()
	if !ok {
		return
	}
	how := pace.BatchVoid
	if len(r.left) > 0 {
		how = r.find(a)
	}
	r.c.log.Info().Int("orders", len(r.b.Orders)).Int("not_found", len(r.left)).Str("outcome", string(a.Outcome)).Msg("a batch has ended")
	r.c.written(r.writes, func() error { return r.c.o.Bulk.Queue.EndBatch(r.writes, r.b, how) })
}

// send makes the import and settles it; what KeyCRM may have is left.
func (r *batchRun) send() (keycrm.Answer, bool) {
	ctx, cancel := context.WithTimeout(r.calls, r.c.o.Limit.Timeout)
	defer cancel()
	a := r.c.o.Bulk.Client.Import(ctx, r.b.Bodies(), r.b.NotAfter)
	r.ended = time.Now()
	fates := make([]submission.Fate, len(r.b.Orders))
	for i, s := range r.b.Orders {
		st := submission.AfterImport(s, r.c.o.Settle, a.OfOrder(i))
		fates[i] = submission.Fate{ID: s.ID, Number: s.Attempt, Settlement: st}
		if st.State == submission.Uncertain {
			s.State, s.Reason, s.Error = st.State, st.Reason, st.Error
			r.left = append(r.left, s)
		}
	}
	level := zerolog.InfoLevel
	if a.Outcome != keycrm.Done {
		level = zerolog.WarnLevel
	}
	r.c.log.WithLevel(level).Int("orders", len(fates)).Str("outcome", string(a.Outcome)).Int("status", a.Status).Dur("took", a.Ended.Sub(a.Started)).Msg("sent a batch")
	return a, r.settle(submission.Import, r.b.Call, a, fates)
}

// settle writes what a call came to.
func (r *batchRun) settle(kind submission.AttemptKind, call submission.Call, a keycrm.Answer, fates []submission.Fate) bool {
	r.c.learn(kind, a)
	if kind == submission.Import && a.Outcome != keycrm.Done && a.Outcome != keycrm.Limited {
		r.c.proved.Store(false) // orders go by themselves until one of them was answered
	}
	return r.c.written(r.writes, func() error { return r.c.o.Bulk.Ledger.SettleBatch(r.writes, r.b, call, a, fates) })
}

// find looks for the batch's orders, again after a doubling pause until all are there: for a settle time where KeyCRM took the list, and
// only as long as it shows more of them where it did not.
func (r *batchRun) find(a keycrm.Answer) pace.BatchEnd {
	pause := *r.lag
	if a.Outcome == keycrm.Uncertain {
		pause = max(pause, submission.FirstLook)
	}
	for first := true; r.rest(pause); first = false {
		began, before := time.Now(), len(r.left)
		if !r.look() {
			return pace.BatchFailed
		}
		if len(r.left) == 0 {
			if !first {
				*r.lag = max(*r.lag, min(began.Sub(r.ended), maxListPause))
			}
			return pace.BatchWhole
		}
		if a.Outcome != keycrm.Done && len(r.left) == before || time.Since(r.ended) >= r.c.o.Settle {
			return pace.BatchFailed
		}
		pause = min(max(2*pause, submission.FirstLook), maxListPause)
	}
	return pace.BatchFailed
}

// rest waits; false: the courier stops.
func (r *batchRun) rest(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return r.stop.Err() == nil
	case <-r.stop.Done():
		return false
	}
}

// look goes through the pages of the list on which the batch's orders may be. false: there is no sense in another look.
func (r *batchRun) look() bool {
	for page := 1; page <= maxListPages && len(r.left) > 0; page++ {
		call, ok := r.begin()
		if !ok {
			return false
		}
		p, ok := r.list(call, page)
		if !ok {
			return false
		}
		if len(p.Found) == 0 || !p.More {
			break
		}
	}
	return true
}

// list asks for one page and settles what it shows. Only an answer that says to wait is worth another look after no list at all.
func (r *batchRun) list(call submission.Call, page int) (keycrm.Orders, bool) {
	ctx, cancel := context.WithTimeout(r.calls, r.c.o.Limit.Timeout)
	defer cancel()
	uuids := make([]string, len(r.left))
	for i, s := range r.left {
		uuids[i] = s.SourceUUID
	}
	p := r.c.o.Bulk.Client.FindOrders(ctx, r.b.Orders[0].SourceID, uuids, page, call.NotAfter)
	var fates []submission.Fate
	left := slices.DeleteFunc(slices.Clone(r.left), func(s submission.Submission) bool {
		id := p.Found[s.SourceUUID]
		if id == 0 {
			return false
		}
		found := p.Answer
		found.Text = "KeyCRM has it, as the list of its newest orders shows."
		st := submission.AfterLookUp(s, call.StartedAt, r.c.o.Settle, keycrm.Page{Answer: found, Found: id})
		fates = append(fates, submission.Fate{ID: s.ID, Number: s.Attempt, Settlement: st})
		return true
	})
	if !r.settle(call.Kind, call, p.Answer, fates) {
		return p, false
	}
	for _, f := range fates {
		call.ID, call.Number = f.ID, f.Number+1
		r.c.report(r.order(f.ID), call, f.Settlement)
	}
	r.left = left
	return p, p.Outcome == keycrm.Done || p.Outcome == keycrm.Limited
}

// renew keeps the batch's orders its own while it waits for a slot. An error shows at the next statement.
func (r *batchRun) renew() {
	if time.Since(r.renewed) < renewEvery {
		return
	}
	if err := r.c.o.Queue.Renew(r.writes, r.b.Account, r.b.Owner, r.b.Lease); err == nil {
		r.renewed = time.Now()
	}
}

func (r *batchRun) order(id string) submission.Submission {
	i := slices.IndexFunc(r.b.Orders, func(s submission.Submission) bool { return s.ID == id })
	return r.b.Orders[i]
}

// begin takes a slot for a page of the list, waiting for the pace. false: the courier stops, the account is paused or in an outage, whose
// probes look for each order, or the lease would not last.
func (r *batchRun) begin() (submission.Call, bool) {
	for {
		call, err := r.c.o.Bulk.Ledger.BeginListing(r.writes, r.b, r.c.pace)
		var wait *pace.Wait
		switch {
		case err == nil:
			r.c.stored(nil)
			r.renewed = time.Now()
			return call, true
		case errors.As(err, &wait):
			if wait.Why == "paused" || wait.Why == "probing" || r.remains(wait.Until) > r.c.o.Limit.Window+maxSlotWait {
				return call, false
			}
			r.renew()
			if !r.rest(min(max(r.remains(wait.Until), moment), poll)) {
				return call, false
			}
		case errors.Is(err, submission.ErrFenced):
			return call, false
		default:
			r.c.stored(err)
			if !r.rest(poll) { // by the end of the lease there is nothing to begin any more
				return call, false
			}
		}
	}
}
