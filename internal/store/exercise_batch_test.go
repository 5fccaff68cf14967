package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"formrelay/internal/keycrm"
	"formrelay/internal/pace"
	"formrelay/internal/submission"
)

// exerciseBatches are the exercises of batches.
func exerciseBatches() map[string]func(*testing.T, *fixture) {
	return map[string]func(*testing.T, *fixture){
		"BatchOnItsWay":       testBatchOnItsWay,
		"BatchIsChosen":       testBatchIsChosen,
		"BatchNeedsABacklog":  testBatchNeedsABacklog,
		"BatchNeedsHealth":    testBatchNeedsHealth,
		"BatchKeepsThePace":   testBatchKeepsThePace,
		"BatchOfTheDead":      testBatchOfTheDead,
		"BatchSettlesLate":    testBatchSettlesLate,
		"BatchThatWasNone":    testBatchThatWasNone,
		"BatchRests":          testBatchRests,
		"BatchBesideSteering": testBatchBesideSteering,
	}
}

// many queues n orders at once and returns their ids.
func (f *fixture) many(prefix string, n int) (ids []string) {
	f.t.Helper()
	for i := range n {
		ids = append(ids, fmt.Sprintf("%s%03d", prefix, i))
	}
	f.queue(ids...)
	return ids
}

// batch begins a batch where more than over orders are due.
func (f *fixture) batch(owner string, over int) submission.Batch {
	f.t.Helper()
	b, err := f.BeginBatch(f.t.Context(), "main", owner, over, minute, lease)
	f.ok(err)
	return b
}

// sent settles a batch's import.
func (f *fixture) sent(b submission.Batch, a keycrm.Answer) {
	f.t.Helper()
	fates := make([]submission.Fate, len(b.Orders))
	for i, s := range b.Orders {
		fates[i] = submission.Fate{ID: s.ID, Number: s.Attempt, Settlement: submission.AfterImport(s, time.Minute, a.OfOrder(i))}
	}
	f.ok(f.SettleBatch(f.t.Context(), b, b.Call, a, fates))
}

// shown settles a page of the list that shows some of a batch's orders.
func (f *fixture) shown(b submission.Batch, orders []submission.Submission) {
	f.t.Helper()
	call, err := f.BeginListing(f.t.Context(), b, minute)
	f.ok(err)
	answer := keycrm.Answer{Outcome: keycrm.Done, Status: 200, Text: "a list"}
	var fates []submission.Fate
	for i, s := range orders {
		st := submission.AfterLookUp(s, call.StartedAt, time.Minute, keycrm.Page{Answer: answer, Found: int64(100 + i)})
		fates = append(fates, submission.Fate{ID: s.ID, Number: s.Attempt, Settlement: st})
	}
	f.ok(f.SettleBatch(f.t.Context(), b, call, answer, fates))
}

func idsOf(orders []submission.Submission) (ids []string) {
	for _, s := range orders {
		ids = append(ids, s.ID)
	}
	return ids
}

// A batch from its begin to its end: fenced as single creates are, kept from everybody else, found, and handed back.
func testBatchOnItsWay(t *testing.T, f *fixture) {
	ids := f.many("A", 60)
	b := f.batch("batch", 59)
	f.same(ids[:50], idsOf(b.Orders))
	for _, s := range b.Orders {
		got := f.get(s.ID)
		if got.State != submission.Sending || got.Attempt != 1 || !got.SentAt.Equal(b.StartedAt) || !got.FirstSent.Equal(b.StartedAt) || s.Attempt != 1 {
			t.Fatalf("begun: %+v", got)
		}
	}
	_, err := f.BeginBatch(t.Context(), "main", "another", 5, minute, lease)
	f.waits(err, "batch")
	beside, err := f.ClaimBeside(t.Context(), "main", "me", 8, lease, false)
	f.ok(err)
	f.same(0, len(beside))

	f.sent(b, keycrm.Answer{Outcome: keycrm.Done, Status: 201, Text: "KeyCRM took it."})
	for _, id := range ids[:50] {
		if got := f.get(id); got.State != submission.Uncertain || got.Reason != submission.ReasonBatch || !got.DueAt.Equal(f.clock.Now().Add(time.Minute)) {
			t.Fatalf("taken: %s is %s %s due %s", id, got.State, got.Reason, got.DueAt)
		}
	}
	f.clock.advance(2 * time.Second)
	f.shown(b, b.Orders[1:])
	got := f.get(ids[1])
	attempts, err := f.Attempts(t.Context(), ids[1])
	f.ok(err)
	if got.State != submission.Delivered || got.CRMID != 100 || got.Attempt != 2 || got.Reason != "" || len(attempts) != 2 ||
		attempts[0].Batch != 50 || attempts[0].Kind != submission.Create || attempts[0].Outcome != keycrm.Done || attempts[0].EndedAt == nil ||
		attempts[1].Batch != 50 || attempts[1].Kind != submission.LookUp || attempts[1].Outcome != keycrm.Done || attempts[1].EndedAt == nil {
		t.Fatalf("found: %+v\n%+v", got, attempts)
	}
	f.same(ids[50:58], f.claimed("me", 8)) // the one that was not found is still the batch's
	f.ok(f.EndBatch(t.Context(), b, pace.BatchFailed))
	_, err = f.BeginListing(t.Context(), b, minute)
	f.is(err, submission.ErrFenced)
	f.clock.advance(2 * time.Minute)
	f.same([]string{ids[0]}, claimedBeside(f, false))

	// Once it is not in KeyCRM for sure it goes by itself.
	claims := f.lastClaims
	call := f.begin(claims[0], submission.LookUp)
	f.clock.advance(20 * time.Minute)
	st := submission.AfterLookUp(claims[0].Submission, f.clock.Now(), time.Minute, keycrm.Page{Answer: keycrm.Answer{Outcome: keycrm.Done}})
	f.ok(f.Settle(t.Context(), call, st))
	if got := f.get(ids[0]); got.State != submission.Queued || got.Reason != "" {
		t.Fatalf("believed: %+v", got)
	}
	if n, err := f.Expire(t.Context(), "main"); err != nil || n != 8 {
		t.Fatal(n, err)
	}
	f.same(ids[50:], idsOf(f.batch("next", 9).Orders))
}

// claimedBeside claims what goes beside batches.
func claimedBeside(f *fixture, orders bool) (ids []string) {
	f.t.Helper()
	claims, err := f.ClaimBeside(f.t.Context(), "main", "beside", 8, lease, orders)
	f.ok(err)
	f.lastClaims = claims
	for _, c := range claims {
		ids = append(ids, c.ID)
	}
	return ids
}

// What an import cannot carry goes by itself, and so does a source with few orders; the rest is one source's, as many as fit.
func testBatchIsChosen(t *testing.T, f *fixture) {
	accept := func(id string, change func(*submission.Submission)) {
		s := f.order(id)
		change(s)
		f.ok(f.Accept(t.Context(), s, revision()))
		f.clock.advance(time.Millisecond)
	}
	accept("CARD", func(s *submission.Submission) { s.Kind, s.SourceUUID, s.Mark = keycrm.KindCard, "", "m" })
	accept("GIFT", func(s *submission.Submission) { s.Entity = []byte(`{"source_id":22,"is_gift":true}`) })
	accept("OWNNUMBER", func(s *submission.Submission) { s.SourceUUID = "A-17" })
	accept("LONG", func(s *submission.Submission) {
		s.Entity = []byte(`{"buyer_comment":"` + strings.Repeat("x", submission.MaxBatchOrder) + `"}`)
	})
	accept("RARE", func(s *submission.Submission) { s.SourceID = 7 })
	ids := f.many("A", 10)
	accept("OTHER", func(s *submission.Submission) { s.Account = "other" })
	f.same(ids, idsOf(f.batch("batch", 9).Orders))
	f.same([]string{"CARD", "GIFT", "OWNNUMBER", "LONG", "RARE"}, claimedBeside(f, false))

	// The bound in bytes.
	for i := range 20 {
		accept(fmt.Sprintf("BIG%02d", i), func(s *submission.Submission) {
			s.Account = "big"
			s.Entity = []byte(`{"buyer_comment":"` + strings.Repeat("x", submission.MaxBatchOrder-100) + `"}`)
		})
	}
	b, err := f.BeginBatch(t.Context(), "big", "batch of big ones", 5, minute, lease)
	f.ok(err)
	size := 0
	for _, body := range b.Bodies() {
		size += len(body)
	}
	if size > submission.MaxBatchBytes || len(b.Orders) != submission.MaxBatchBytes/(submission.MaxBatchOrder-80) {
		t.Errorf("%d orders of %d bytes in all", len(b.Orders), size)
	}
}

func testBatchNeedsABacklog(t *testing.T, f *fixture) {
	ids := f.many("A", 10)
	if b := f.batch("batch", 10); len(b.Orders) != 0 {
		t.Errorf("10 are a backlog of more than 10: %v", idsOf(b.Orders))
	}
	f.same(ids[:8], claimedBeside(f, true))
	f.ok(f.Release(t.Context(), "main", "beside"))
	// Too few of each source are no batch, and cost no slot.
	for i := range 12 {
		s := f.order(fmt.Sprintf("S%02d", i))
		s.SourceID, s.Account = int64(i/4+1), "small"
		f.ok(f.Accept(t.Context(), s, revision()))
	}
	b, err := f.BeginBatch(t.Context(), "small", "batch", 5, minute, lease)
	f.ok(err)
	used, err := f.PaceUsed(t.Context(), "small", minute)
	f.ok(err)
	if len(b.Orders) != 0 || used != 0 {
		t.Errorf("a batch of %d, %v of the pace", len(b.Orders), used)
	}
}

// No batch goes while anything is in doubt, after a call that broke, or while the account stands still.
func testBatchNeedsHealth(t *testing.T, f *fixture) {
	f.broken("DOUBT")
	f.many("A", 10)
	if b := f.batch("batch", 5); len(b.Orders) != 0 {
		t.Fatal("a batch goes beside a doubt")
	}
	f.clock.advance(submission.FirstLook)
	f.same([]string{"DOUBT"}, claimedBeside(f, true)[:1])
	call := f.begin(f.lastClaims[0], submission.LookUp)
	f.ok(f.Settle(t.Context(), call, submission.Settlement{State: submission.Delivered, CRMID: 1, Answer: keycrm.Answer{Outcome: keycrm.Done}}))
	f.ok(f.Release(t.Context(), "main", "beside"))
	happened := func(e pace.Event) {
		f.ok(f.update(t.Context(), func(tx *tx) error { return tx.event(t.Context(), "main", e) }))
	}
	happened(pace.Event{Kind: pace.Broke, Create: true})
	if b := f.batch("batch", 5); len(b.Orders) != 0 {
		t.Fatal("a batch goes after a create that broke")
	}
	happened(pace.Event{Kind: pace.Worked, LookUp: true})
	if b := f.batch("batch", 5); len(b.Orders) != 0 {
		t.Fatal("an answered look-up makes up for a create that broke")
	}
	happened(pace.Event{Kind: pace.Worked, Create: true})
	f.ok(f.PauseByOps(t.Context(), "main", "look"))
	_, err := f.BeginBatch(t.Context(), "main", "batch", 5, minute, lease)
	f.waits(err, "paused")
	f.ok(f.ResumeByOps(t.Context(), "main"))
	if b := f.batch("batch", 5); len(b.Orders) != 10 {
		t.Errorf("a batch of %d", len(b.Orders))
	}
}

// A batch takes one slot, and so does each page of its list.
func testBatchKeepsThePace(t *testing.T, f *fixture) {
	f.many("A", 12)
	two := pace.Limit{Calls: 2, Window: time.Minute, Timeout: time.Second}
	b, err := f.BeginBatch(t.Context(), "main", "batch", 5, two, lease)
	f.ok(err)
	f.sent(b, keycrm.Answer{Outcome: keycrm.Done, Status: 201})
	_, err = f.BeginListing(t.Context(), b, two)
	f.ok(err)
	_, err = f.BeginListing(t.Context(), b, two)
	f.waits(err, "pace")
	f.ok(f.EndBatch(t.Context(), b, pace.BatchWhole))
	f.many("B", 12)
	_, err = f.BeginBatch(t.Context(), "main", "batch", 5, two, lease)
	f.waits(err, "pace")
	if s := f.get("B000"); s.State != submission.Queued || s.Attempt != 0 {
		t.Errorf("it waits for the pace as %s after %d attempts", s.State, s.Attempt)
	}
}

// The process dies between the steps of a batch: when its leases have ended each order is in doubt, is looked up, and is in no batch again.
func testBatchOfTheDead(t *testing.T, f *fixture) {
	for name, step := range map[string]func(b submission.Batch){
		"begun": func(submission.Batch) {},
		"taken": func(b submission.Batch) { f.sent(b, keycrm.Answer{Outcome: keycrm.Done, Status: 201}) },
		"broken": func(b submission.Batch) {
			f.sent(b, keycrm.Answer{Outcome: keycrm.Uncertain})
		},
		"listing": func(b submission.Batch) {
			f.sent(b, keycrm.Answer{Outcome: keycrm.Done, Status: 201})
			_, err := f.BeginListing(t.Context(), b, minute)
			f.ok(err)
		},
	} {
		ids := f.many(name, 10)
		b := f.batch("dead", 9)
		f.same(ids, idsOf(b.Orders))
		step(b)
		f.same(0, len(claimedBeside(f, true)))
		f.clock.advance(lease + time.Second)
		if n, err := f.Expire(t.Context(), "main"); err != nil || n != 10 {
			t.Fatalf("%s: %d expired, %v", name, n, err)
		}
		f.clock.advance(2 * time.Minute)
		for range 10 {
			claims, err := f.ClaimBeside(t.Context(), "main", "me", 1, lease, false)
			f.ok(err)
			if len(claims) != 1 || claims[0].State != submission.Uncertain {
				t.Fatalf("%s: claimed %+v", name, claims)
			}
			call := f.begin(claims[0], submission.LookUp)
			f.ok(f.Settle(t.Context(), call, submission.Settlement{State: submission.Queued, Answer: keycrm.Answer{Outcome: keycrm.Done}}))
		}
		// Another batch would be allowed by now.
		f.ok(f.update(t.Context(), func(tx *tx) error { return tx.event(t.Context(), "main", pace.Event{Kind: pace.Worked, Create: true}) }))
		f.clock.advance(2 * pace.MaxBatchRest)
		if b := f.batch("next", 5); len(b.Orders) != 0 {
			t.Fatalf("%s: %v are in a batch again", name, idsOf(b.Orders))
		}
		for range ids {
			c, call := f.create("me")
			f.settle(c, call, keycrm.Answer{Outcome: keycrm.Done, ID: 1})
		}
	}
}

// What a batch's calls come to after its lease has ended is written for the pace and the account, and for no order.
func testBatchSettlesLate(t *testing.T, f *fixture) {
	ids := f.many("A", 10)
	b := f.batch("slow", 9)
	f.clock.advance(lease + time.Second)
	_, err := f.Expire(t.Context(), "main")
	f.ok(err)
	f.sent(b, keycrm.Answer{Outcome: keycrm.Limited})
	for _, id := range ids {
		if s := f.get(id); s.State != submission.Uncertain || s.Reason != "" {
			t.Fatalf("%s is %s", id, s.State)
		}
	}
	_, err = f.BeginListing(t.Context(), b, minute)
	f.waits(err, "limited")
	f.clock.advance(2 * time.Minute)
	_, err = f.BeginListing(t.Context(), b, minute)
	f.is(err, submission.ErrFenced)
	f.ok(f.EndBatch(t.Context(), b, pace.BatchFailed))
}

// A 429 or a connection that never came about is no batch: its orders keep their places and may go by the next.
func testBatchThatWasNone(t *testing.T, f *fixture) {
	ids := f.many("A", 10)
	due := f.get(ids[3]).DueAt
	b := f.batch("batch", 9)
	f.sent(b, keycrm.Answer{Outcome: keycrm.Limited, RetryAfter: time.Second})
	f.ok(f.EndBatch(t.Context(), b, pace.BatchVoid))
	if s := f.get(ids[3]); s.State != submission.Queued || !s.DueAt.Equal(due) || s.Failures != 0 {
		t.Errorf("it is %s, due %s", s.State, s.DueAt)
	}
	f.clock.advance(time.Second)
	f.same(ids, idsOf(f.batch("again", 9).Orders))
}

// After a batch that failed the next waits twice as long each time, and one that is whole ends that.
func testBatchRests(t *testing.T, f *fixture) {
	run := func(how pace.BatchEnd) {
		t.Helper()
		f.many("A"+submission.NewID(), 5)
		b := f.batch("batch", 4)
		if len(b.Orders) != 5 {
			t.Fatalf("a batch of %d", len(b.Orders))
		}
		f.sent(b, keycrm.Answer{Outcome: keycrm.Done, Status: 201})
		f.shown(b, b.Orders)
		f.ok(f.EndBatch(t.Context(), b, how))
	}
	for _, rest := range []time.Duration{pace.MinBatchRest, 2 * pace.MinBatchRest} {
		run(pace.BatchFailed)
		f.many("B"+submission.NewID(), 5)
		f.clock.advance(rest - time.Second)
		if b := f.batch("early", 4); len(b.Orders) != 0 {
			t.Fatalf("it does not rest for %s", rest)
		}
		for range 5 {
			c, call := f.create("me")
			f.settle(c, call, keycrm.Answer{Outcome: keycrm.Done, ID: 1})
		}
		f.clock.advance(time.Second)
	}
	run(pace.BatchWhole)
	run(pace.BatchFailed)
	f.clock.advance(pace.MinBatchRest)
	run(pace.BatchWhole)
}

// Ops discard an order that its batch is looking for: it stays discarded.
func testBatchBesideSteering(t *testing.T, f *fixture) {
	ids := f.many("A", 10)
	b := f.batch("batch", 9)
	f.sent(b, keycrm.Answer{Outcome: keycrm.Done, Status: 201})
	seen := f.get(ids[0])
	next := seen
	next.State, next.Reason = submission.Discarded, submission.ReasonUncertain
	errs, err := f.Decide(t.Context(), []Decision{{Seen: seen, Next: next, Changes: []submission.Change{{Who: "ops", Kind: submission.GivenUp}}}})
	f.ok(errors.Join(append(errs, err)...))
	f.shown(b, b.Orders)
	f.ok(f.EndBatch(t.Context(), b, pace.BatchWhole))
	if s := f.get(ids[0]); s.State != submission.Discarded || s.CRMID != 0 {
		t.Errorf("it is %s as %d", s.State, s.CRMID)
	}
	if s := f.get(ids[1]); s.State != submission.Delivered {
		t.Errorf("its neighbour is %s", s.State)
	}
}
