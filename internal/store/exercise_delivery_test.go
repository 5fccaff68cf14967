package store

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"formrelay/internal/keycrm"
	"formrelay/internal/pace"
	"formrelay/internal/submission"
)

// The answers that the tests settle with.
func done(id int64) keycrm.Answer { return keycrm.Answer{Outcome: keycrm.Done, ID: id, Status: 201} }

func timeout() keycrm.Answer { return keycrm.Answer{Outcome: keycrm.Uncertain, Text: "timeout"} }
func notSent() keycrm.Answer { return keycrm.Answer{Outcome: keycrm.NotSent, Text: "refused"} }

func testClaimOrder(t *testing.T, f *fixture) {
	later := f.order("LATER")
	later.DueAt = f.clock.Now().Add(time.Hour)
	f.ok(f.Accept(t.Context(), later, revision()))
	other := f.order("OTHER")
	other.Account = "other"
	f.ok(f.Accept(t.Context(), other, revision()))
	held := f.order("HELD")
	held.State = submission.Held
	f.ok(f.Accept(t.Context(), held, revision()))
	f.queue("A", "B", "C", "D")

	f.same([]string{"A", "B"}, f.claimed("me", 2))
	f.same([]string{"C", "D"}, f.claimed("me", 10))
	f.same(0, len(f.claimed("me", 10)))
	f.same(0, len(f.claimed("me", 0)))
	f.clock.advance(2 * time.Hour)
	claims := f.claim("me", 10)
	if len(claims) != 1 || claims[0].ID != "LATER" || claims[0].Owner != "me" || !claims[0].Until.Equal(f.clock.Now().Add(lease)) {
		t.Errorf("claims %+v", claims)
	}
	f.same(f.get("LATER"), claims[0].Submission)
	if _, err := f.Claim(t.Context(), "main", "", 1, lease); err == nil {
		t.Error("a claim for nobody")
	}
}

// testClaimIsExclusive lets several owners claim at once and expects every row to have gone to exactly one of them.
func testClaimIsExclusive(t *testing.T, f *fixture) {
	const rows = 40
	for i := range rows {
		f.queue(fmt.Sprintf("%02d", i))
	}
	var (
		mu   sync.Mutex
		seen = map[string]int{}
		all  sync.WaitGroup
	)
	for w := range 4 {
		all.Go(func() {
			for {
				claims, err := f.Claim(t.Context(), "main", fmt.Sprint("owner-", w), 3, lease)
				if err != nil {
					t.Error(err)
				}
				if len(claims) == 0 {
					return
				}
				mu.Lock()
				for _, c := range claims {
					seen[c.ID]++
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s was claimed %d times", id, n)
		}
	}
	f.same(rows, len(seen))
}

func testClaimWhileProbing(t *testing.T, f *fixture) {
	f.broken("U1", "U2", "U3") // due in a while, each a little later than the one before
	f.queue("Q1", "Q2")
	f.outage()
	f.same([]string{"U1"}, f.claimed("me", 5))
	f.ok(f.Release(t.Context(), "main", "me"))

	for _, want := range []string{"U1", "U2", "U3", "U1"} { // another one each time: the one tried the longest ago
		f.clock.advance(time.Minute)
		claims := f.claim("me", 5)
		if len(claims) != 1 || claims[0].ID != want {
			t.Fatalf("claimed %v, want %s", claims, want)
		}
		call := f.begin(claims[0], submission.LookUp)
		f.ok(f.Settle(t.Context(), call, submission.AfterLookUp(claims[0].Submission, call.StartedAt, time.Minute, keycrm.Page{Answer: timeout()})))
	}

	f.ok(f.update(t.Context(), func(t *tx) error {
		_, err := t.exec(f.t.Context(), `UPDATE submissions SET state = 'rejected' WHERE state = 'uncertain'`)
		return err
	}))
	f.same([]string{"Q1"}, f.claimed("me", 5)) // with nothing uncertain a create is the probe
}

// outage puts the account into one whose next probe may go at once.
func (f *fixture) outage() {
	f.t.Helper()
	f.ok(f.update(f.t.Context(), func(t *tx) error {
		for range pace.OutageAfter {
			if err := t.event(f.t.Context(), "main", pace.Event{Kind: pace.Broke}); err != nil {
				return err
			}
		}
		return nil
	}))
	f.clock.advance(pace.MinProbePause)
}

func testFailingRowBlocksNobody(t *testing.T, f *fixture) {
	f.queue("BAD", "GOOD")
	c, call := f.create("me")
	f.same("BAD", c.ID)
	f.settle(c, call, notSent())
	f.same([]string{"GOOD"}, f.claimed("me", 2))
	bad := f.get("BAD")
	if bad.State != submission.Queued || bad.Failures != 1 || !bad.DueAt.After(f.clock.Now()) || bad.Error != "refused" {
		t.Errorf("BAD is %+v", bad)
	}
	f.clock.advance(time.Minute)
	f.same([]string{"BAD"}, f.claimed("me", 2))
}

func testReleaseKeepsCallsUnderWay(t *testing.T, f *fixture) {
	f.broken("LOOKED-UP")
	f.clock.advance(time.Minute)
	f.queue("SENT", "CLAIMED")
	claims := f.claim("me", 3)
	f.same(3, len(claims))
	f.begin(claims[0], submission.LookUp)
	f.begin(claims[1], submission.Create)
	f.ok(f.Release(t.Context(), "main", "me"))
	f.same([]string{"CLAIMED"}, f.claimed("you", 3))
	_, err := f.Begin(t.Context(), claims[2], submission.Create, minute, lease)
	f.is(err, submission.ErrFenced)
}

// testRenew has a claim outlast its lease by being renewed; a call under way and another's claim stay as they were, and so does a longer
// lease.
func testRenew(t *testing.T, f *fixture) {
	f.queue("SENT", "CLAIMED", "OTHERS")
	claims := f.claim("me", 2)
	f.begin(claims[0], submission.Create)
	f.same(1, len(f.claim("you", 1)))
	f.clock.advance(lease - time.Second)
	f.ok(f.Renew(t.Context(), "main", "me", 10*time.Second))
	f.ok(f.Renew(t.Context(), "main", "me", time.Second))
	f.clock.advance(2 * time.Second)
	freed, err := f.Expire(t.Context(), "main")
	f.ok(err)
	f.same(2, freed)
	f.same(submission.Uncertain, f.get("SENT").State)
	f.begin(claims[1], submission.Create)
	f.clock.advance(time.Hour)
	f.ok(f.Renew(t.Context(), "main", "", time.Hour))
	f.same([]string{"OTHERS"}, f.claimed("you", 1))
}

func testBeginWritesAhead(t *testing.T, f *fixture) {
	f.queue("A")
	before := time.Now()
	c, call := f.create("me")
	now := f.clock.Now()
	if call.ID != "A" || call.Account != "main" || call.Owner != "me" || call.Number != 1 || call.Slot == 0 || !call.StartedAt.Equal(now) {
		t.Errorf("call %+v", call)
	}
	if call.NotAfter.Before(before.Add(minute.Timeout)) || call.NotAfter.After(time.Now().Add(minute.Timeout)) {
		t.Errorf("not after %s", call.NotAfter)
	}
	got := f.get("A")
	if got.State != submission.Sending || got.Attempt != 1 || !got.SentAt.Equal(now) || !got.FirstSent.Equal(now) {
		t.Errorf("A is %+v", got)
	}
	attempts, err := f.Attempts(t.Context(), "A")
	f.ok(err)
	f.same([]submission.Attempt{{Number: 1, Kind: submission.Create, StartedAt: now}}, attempts)

	f.settle(c, call, notSent())
	f.clock.advance(time.Hour)
	_, second := f.create("me")
	again := f.get("A")
	if second.Number != 2 || !again.FirstSent.Equal(now) || !again.SentAt.Equal(f.clock.Now()) {
		t.Errorf("the second create: %+v, A is %+v", second, again)
	}
}

func testBeginIsFenced(t *testing.T, f *fixture) {
	f.queue("A")
	claim := f.claim("me", 1)[0]
	slots := func() (n int) {
		f.ok(f.read.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM slots`).Scan(&n))
		return n
	}
	refuse := func(what string, c submission.Claim, kind submission.AttemptKind) {
		t.Helper()
		_, err := f.Begin(t.Context(), c, kind, minute, lease)
		if !errors.Is(err, submission.ErrFenced) {
			t.Errorf("%s: %v", what, err)
		}
	}
	stranger := claim
	stranger.Owner = "you"
	refuse("another owner", stranger, submission.Create)
	nobody := claim
	nobody.Owner = ""
	refuse("no owner", nobody, submission.Create)
	elsewhere := claim
	elsewhere.Account = "other"
	refuse("another account", elsewhere, submission.Create)
	refuse("a look-up of what is queued", claim, submission.LookUp)
	f.clock.advance(lease)
	refuse("the lease ended", claim, submission.Create)
	f.same(0, slots())

	f.expire(1)
	claim = f.claim("me", 1)[0]
	f.begin(claim, submission.Create)
	refuse("a call is under way", claim, submission.Create)
	f.same(1, slots())
}

func (f *fixture) expire(want int) {
	f.t.Helper()
	n, err := f.Expire(f.t.Context(), "main")
	f.ok(err)
	f.same(want, n)
}

func testBeginKeepsThePace(t *testing.T, f *fixture) {
	f.queue("A", "B", "C")
	limit := pace.Limit{Calls: 2, Window: 10 * time.Second, Timeout: time.Second}
	claims := f.claim("me", 3)
	begin := func(c submission.Claim) (submission.Call, error) {
		return f.Begin(t.Context(), c, submission.Create, limit, lease)
	}
	first, err := begin(claims[0])
	f.ok(err)
	f.clock.advance(500 * time.Millisecond)
	f.settle(claims[0], first, done(1))
	ended := f.clock.Now()
	_, err = begin(claims[1]) // never settled: it counts to the end of its timeout and a window
	f.ok(err)
	_, err = begin(claims[2])
	w := f.waits(err, "pace")
	f.same(ended.Add(limit.Window), w.Until)
	f.same(submission.Queued, f.get("C").State)
	f.clock.advance(w.Until.Sub(f.clock.Now()) - time.Microsecond)
	_, err = begin(claims[2])
	f.waits(err, "pace")
	f.clock.advance(time.Microsecond)
	_, err = begin(claims[2])
	f.ok(err)
}

func testBeginRefusesProbes(t *testing.T, f *fixture) {
	f.queue("A")
	for _, kind := range []submission.AttemptKind{submission.Probe, "guess"} {
		if _, err := f.Begin(t.Context(), f.claim("me", 1)[0], kind, minute, lease); err == nil {
			t.Errorf("a call of kind %s began", kind)
		}
		f.ok(f.Release(t.Context(), "main", "me"))
	}
}

func testLookUpPages(t *testing.T, f *fixture) {
	f.broken("A")
	f.clock.advance(time.Minute)
	claim := f.claim("me", 1)[0]
	began := f.clock.Now()
	for page := 1; page <= 3; page++ {
		f.clock.advance(lease - time.Second) // each page begins the lease anew
		call := f.begin(claim, submission.LookUp)
		f.same(page+1, call.Number)
		f.same(submission.Uncertain, f.get("A").State)
		_, err := f.Begin(t.Context(), claim, submission.LookUp, minute, lease)
		f.is(err, submission.ErrFenced) // one page at a time
		answer := keycrm.Page{Answer: keycrm.Answer{Outcome: keycrm.Done}, More: page < 3}
		if page == 3 {
			answer.Found = 77
		}
		f.ok(f.Settle(t.Context(), call, submission.AfterLookUp(claim.Submission, began, time.Minute, answer)))
		f.same(0, len(f.claimed("you", 1)))
	}
	got := f.get("A")
	if got.State != submission.Delivered || got.CRMID != 77 || got.Attempt != 4 || !got.SettledAt.Equal(f.clock.Now()) {
		t.Errorf("A is %+v", got)
	}
}

func testSettleDelivers(t *testing.T, f *fixture) {
	f.queue("A", "B")
	c, call := f.create("me")
	started := f.clock.Now()
	f.clock.advance(300 * time.Millisecond)
	f.settle(c, call, done(4711))
	got := f.get("A")
	if got.State != submission.Delivered || got.CRMID != 4711 || !got.SettledAt.Equal(f.clock.Now()) || got.Error != "" {
		t.Errorf("A is %+v", got)
	}
	c, call = f.create("me")
	refusal := keycrm.Answer{
		Outcome: keycrm.Rejected, Status: 422, Text: "KeyCRM refused it.",
		Messages: []keycrm.Message{{Path: "buyer.email", Text: "is wrong"}},
	}
	f.settle(c, call, refusal)
	if b := f.get("B"); b.State != submission.Rejected || b.Error == "" || b.CRMID != 0 {
		t.Errorf("B is %+v", b)
	}

	ended := started.Add(300 * time.Millisecond)
	attempts, err := f.Attempts(t.Context(), "A")
	f.ok(err)
	f.same([]submission.Attempt{{Number: 1, Kind: submission.Create, StartedAt: started, EndedAt: &ended, Outcome: keycrm.Done, Status: 201}}, attempts)
	attempts, err = f.Attempts(t.Context(), "B")
	f.ok(err)
	f.same(refusal.Messages, attempts[0].Messages)
}

// testSettleIsFenced settles a call whose row has moved on: what is true of the call is written, the row is left alone.
func testSettleIsFenced(t *testing.T, f *fixture) {
	f.queue("A")
	c, slow := f.create("me")
	f.clock.advance(lease)
	f.expire(1)
	f.same(submission.Uncertain, f.get("A").State)
	f.is(f.Settle(t.Context(), slow, submission.AfterCreate(c.Submission, timeout())), submission.ErrFenced)

	f.clock.advance(time.Minute)
	claim := f.claim("me", 1)[0]
	lookUp := f.begin(claim, submission.LookUp)
	f.is(f.Settle(t.Context(), slow, submission.AfterCreate(c.Submission, done(1))), submission.ErrFenced)
	got := f.get("A")
	if got.State != submission.Uncertain || got.CRMID != 0 || got.Attempt != 2 {
		t.Errorf("A is %+v", got)
	}
	attempts, err := f.Attempts(t.Context(), "A")
	f.ok(err)
	if attempts[0].EndedAt == nil || attempts[0].Outcome != keycrm.Done || attempts[1].EndedAt != nil {
		t.Errorf("attempts %+v", attempts)
	}
	st := submission.AfterLookUp(claim.Submission, lookUp.StartedAt, time.Minute, keycrm.Page{Answer: keycrm.Answer{Outcome: keycrm.Done}, Found: 1})
	f.ok(f.Settle(t.Context(), lookUp, st))
	f.is(f.Settle(t.Context(), lookUp, st), submission.ErrFenced) // once is enough
	f.same(submission.Delivered, f.get("A").State)
}

// testOldCallIsFencedFromANewerOne settles a create long after another create of the same row by the same owner has begun.
func testOldCallIsFencedFromANewerOne(t *testing.T, f *fixture) {
	f.queue("A")
	c, slow := f.create("me")
	f.clock.advance(lease)
	f.expire(1)
	f.clock.advance(time.Hour)
	claim := f.claim("me", 1)[0]
	lookUp := f.begin(claim, submission.LookUp)
	f.ok(f.Settle(t.Context(), lookUp, submission.AfterLookUp(claim.Submission, lookUp.StartedAt, time.Minute,
		keycrm.Page{Answer: keycrm.Answer{Outcome: keycrm.Done}})))
	f.clock.advance(time.Hour)
	_, newer := f.create("me")
	f.is(f.Settle(t.Context(), slow, submission.AfterCreate(c.Submission, notSent())), submission.ErrFenced)
	if got := f.get("A"); got.State != submission.Sending || got.Attempt != newer.Number {
		t.Errorf("A is %+v", got)
	}
}

func testSettleRefusesWrongFates(t *testing.T, f *fixture) {
	f.queue("A")
	_, call := f.create("me")
	for _, state := range []submission.State{submission.Sending, submission.Refused, submission.Discarded, ""} {
		if err := f.Settle(t.Context(), call, submission.Settlement{Answer: done(1), State: state}); err == nil || errors.Is(err, submission.ErrFenced) {
			t.Errorf("a sending submission became %q: %v", state, err)
		}
	}
	f.same(submission.Sending, f.get("A").State)
}

func testSettleMovesHealth(t *testing.T, f *fixture) {
	health := func() pace.Account {
		t.Helper()
		a, err := f.Account(t.Context(), "main")
		f.ok(err)
		return a
	}
	step := func(id string, a keycrm.Answer) {
		t.Helper()
		f.queue(id)
		c, call := f.create("me")
		f.same(id, c.ID)
		f.settle(c, call, a)
	}
	step("A", notSent())
	f.same(pace.Account{Name: "main", Broken: 1}, health())
	step("B", done(1))
	f.same(pace.Account{Name: "main"}, health())
	step("C", keycrm.Answer{Outcome: keycrm.Limited, RetryAfter: 90 * time.Second})
	f.same(pace.Account{Name: "main", LimitedUntil: f.clock.Now().Add(90 * time.Second)}, health())
	_, err := f.Begin(t.Context(), f.claim("me", 1)[0], submission.Create, minute, lease)
	f.waits(err, "limited")
	f.open() // all of it survives a restart
	f.clock.advance(90 * time.Second)
	f.same(1, len(f.claim("me", 1)))
}

func testLimitedWithoutTime(t *testing.T, f *fixture) {
	f.queue("A")
	c, call := f.create("me")
	f.settle(c, call, keycrm.Answer{Outcome: keycrm.Limited})
	a, err := f.Account(t.Context(), "main")
	f.ok(err)
	f.same(f.clock.Now().Add(minute.Window), a.LimitedUntil)
	f.same(submission.Queued, f.get("A").State)
}

// testOutageAsksFirst lets two creates break at once: from then on one call goes at a time, and no create while one is uncertain.
func testOutageAsksFirst(t *testing.T, f *fixture) {
	f.queue("A", "B", "C", "D")
	claims := f.claim("me", 4)
	a, b := f.begin(claims[0], submission.Create), f.begin(claims[1], submission.Create)
	f.settle(claims[0], a, timeout())
	f.settle(claims[1], b, timeout())
	_, err := f.Begin(t.Context(), claims[2], submission.Create, minute, lease)
	w := f.waits(err, "probing")
	f.same(f.clock.Now().Add(pace.MinProbePause), w.Until)
	f.clock.advance(pace.MinProbePause)
	_, err = f.Begin(t.Context(), claims[2], submission.Create, minute, lease)
	f.waits(err, "probing")
	f.ok(f.Release(t.Context(), "main", "me"))

	first := f.claim("me", 4)
	f.same(1, len(first))
	lookUp := f.begin(first[0], submission.LookUp)
	second := f.claim("me", 4)
	_, err = f.Begin(t.Context(), second[0], submission.LookUp, minute, lease)
	f.waits(err, "probing")
	f.ok(f.Settle(t.Context(), lookUp, submission.AfterLookUp(first[0].Submission, lookUp.StartedAt, time.Minute,
		keycrm.Page{Answer: keycrm.Answer{Outcome: keycrm.Done}, Found: 9})))
	// Lists work, which says nothing about creates: the other one is looked up, and then one create asks.
	f.clock.advance(pace.MinProbePause)
	lookUp = f.begin(second[0], submission.LookUp)
	f.ok(f.Settle(t.Context(), lookUp, submission.AfterLookUp(second[0].Submission, lookUp.StartedAt, time.Minute,
		keycrm.Page{Answer: keycrm.Answer{Outcome: keycrm.Done}, Found: 10})))
	f.clock.advance(pace.MinProbePause)
	f.same([]string{"C"}, f.claimed("me", 4))
	f.settle(claims[2], f.begin(claims[2], submission.Create), done(11))
	f.same([]string{"D"}, f.claimed("me", 4)) // KeyCRM is back, and so is the crowd
}

func testPauseAndProbe(t *testing.T, f *fixture) {
	f.queue("A")
	f.ok(f.Pause(t.Context(), "main", "there is no token"))
	f.ok(f.Pause(t.Context(), "main", "there is no token"))
	a, err := f.Account(t.Context(), "main")
	f.ok(err)
	f.same(pace.Account{Name: "main", Paused: "there is no token", ProbeAt: f.clock.Now().Add(time.Second), ProbePause: time.Second}, a)
	_, err = f.Begin(t.Context(), f.claim("me", 1)[0], submission.Create, minute, lease)
	f.waits(err, "paused")
	_, err = f.BeginProbe(t.Context(), "main", "me", minute)
	f.waits(err, "paused")
	probe := func(answer keycrm.Answer) {
		t.Helper()
		next, ok, err := f.NextDue(t.Context(), "main")
		f.ok(err)
		f.same(true, ok)
		f.clock.advance(next.Sub(f.clock.Now()))
		call, err := f.BeginProbe(t.Context(), "main", "me", minute)
		f.ok(err)
		if call.ID != "" || call.Kind != submission.Probe || call.Slot == 0 {
			t.Errorf("probe %+v", call)
		}
		_, err = f.BeginProbe(t.Context(), "main", "you", minute)
		f.waits(err, "paused") // one at a time
		f.ok(f.Settle(t.Context(), call, submission.Settlement{Answer: answer}))
	}
	probe(keycrm.Answer{Outcome: keycrm.Unauthorised, Text: "KeyCRM refused the token"})
	a, err = f.Account(t.Context(), "main")
	f.ok(err)
	f.same("KeyCRM refused the token", a.Paused)
	f.same(2*time.Second, a.ProbePause)
	probe(keycrm.Answer{Outcome: keycrm.Done})
	a, err = f.Account(t.Context(), "main")
	f.ok(err)
	f.same(pace.Account{Name: "main"}, a)
}

// testLists has a person ask for lists beside the server: the pace is one, and what the call comes to says nothing about the server's own.
func testLists(t *testing.T, f *fixture) {
	ctx, narrow := t.Context(), pace.Limit{Calls: 1, Window: time.Minute, Timeout: time.Second}
	ask := func(a keycrm.Answer) pace.Account {
		t.Helper()
		call, err := f.BeginList(ctx, "main", narrow)
		f.ok(err)
		_, err = f.BeginProbe(ctx, "main", "me", narrow)
		f.waits(err, "pace")
		f.ok(f.EndList(ctx, call, a))
		_, err = f.BeginList(ctx, "main", narrow)
		why := "pace"
		if a.Outcome == keycrm.Limited {
			why = "limited"
		}
		wait := f.waits(err, why)
		f.clock.advance(wait.Until.Sub(f.clock.Now()))
		account, err := f.Account(ctx, "main")
		f.ok(err)
		return account
	}
	f.same(pace.Account{Name: "main"}, ask(done(0)))
	f.same(pace.Account{Name: "main"}, ask(keycrm.Answer{Outcome: keycrm.Unauthorised, Text: "a slip in the shell"}))
	f.same(pace.Account{Name: "main"}, ask(timeout()))
	until := f.clock.Now().Add(time.Hour)
	f.same(until, ask(keycrm.Answer{Outcome: keycrm.Limited, RetryAfter: time.Hour}).LimitedUntil)

	f.ok(f.Pause(ctx, "main", "the server has no token"))
	f.clock.advance(time.Minute)
	call, err := f.BeginList(ctx, "main", narrow)
	f.ok(err)
	_, err = f.BeginList(ctx, "main", narrow)
	f.waits(err, "paused") // one at a time
	f.ok(f.EndList(ctx, call, done(0)))
	account, err := f.Account(ctx, "main")
	f.ok(err)
	f.same("the server has no token", account.Paused)
	f.ok(f.PauseByOps(ctx, "main", "paused by olena"))
	_, err = f.BeginList(ctx, "main", narrow)
	f.waits(err, "paused")
}

func testExpireSortsOut(t *testing.T, f *fixture) {
	f.broken("LOOKED-UP")
	f.clock.advance(time.Minute)
	f.queue("SENT", "CLAIMED")
	markless := f.order("MARKLESS")
	markless.Kind, markless.SourceUUID = keycrm.KindCard, ""
	f.ok(f.Accept(t.Context(), markless, revision()))
	claims := f.claim("me", 4)
	lookUp := f.begin(claims[0], submission.LookUp)
	f.begin(claims[1], submission.Create)
	f.begin(claims[3], submission.Create)
	f.clock.advance(lease - time.Microsecond)
	f.expire(0)
	f.clock.advance(time.Microsecond)
	f.expire(4)
	f.expire(0)

	if s := f.get("SENT"); s.State != submission.Uncertain || !s.BrokeAt.Equal(f.clock.Now()) || s.Failures != 1 || s.Error == "" {
		t.Errorf("SENT is %+v", s)
	}
	if s := f.get("MARKLESS"); s.State != submission.Held || s.Reason != submission.ReasonUncertain || s.SettledAt.IsZero() {
		t.Errorf("MARKLESS is %+v", s)
	}
	f.same(submission.Queued, f.get("CLAIMED").State)
	f.same(submission.Uncertain, f.get("LOOKED-UP").State)
	f.is(f.Settle(t.Context(), lookUp, submission.Settlement{Answer: done(0), State: submission.Uncertain}), submission.ErrFenced)
	f.clock.advance(time.Minute)
	f.same([]string{"LOOKED-UP", "CLAIMED", "SENT"}, f.claimed("you", 9))
}

func testTakeOver(t *testing.T, f *fixture) {
	limit := pace.Limit{Calls: 1, Window: time.Minute, Timeout: 15 * time.Second}
	f.queue("SENT", "CLAIMED", "QUEUED")
	claims := f.claim("dead", 2)
	started := f.clock.Now()
	_, err := f.Begin(t.Context(), claims[0], submission.Create, limit, time.Hour)
	f.ok(err)
	f.clock.advance(time.Second)
	f.open()
	if !f.d.alone { // another replica may have them: only the end of their leases tells
		f.same(submission.Sending, f.get("SENT").State)
		f.same([]string{"QUEUED"}, f.claimed("other", 5))
		f.expire(0)
		f.clock.advance(time.Hour)
		f.expire(3)
		f.same(submission.Uncertain, f.get("SENT").State)
		f.same(submission.Queued, f.get("CLAIMED").State)
		return
	}

	sent := f.get("SENT")
	if sent.State != submission.Uncertain || !sent.BrokeAt.Equal(f.clock.Now()) || !sent.SentAt.Equal(started) {
		t.Errorf("SENT is %+v", sent)
	}
	attempts, err := f.Attempts(t.Context(), "SENT")
	f.ok(err)
	f.same([]submission.Attempt{{Number: 1, Kind: submission.Create, StartedAt: started}}, attempts)
	claims = f.claim("new", 5)
	f.same(2, len(claims))
	_, err = f.Begin(t.Context(), claims[0], submission.Create, limit, lease)
	f.waits(err, "pace") // the call that was cut counts on
	f.clock.advance(started.Add(limit.Timeout + limit.Window).Sub(f.clock.Now()))
	f.expire(2)
	claims = f.claim("new", 1)
	f.same("SENT", f.get("SENT").ID)
	f.same(1, len(claims))
}

func testNextDue(t *testing.T, f *fixture) {
	next := func(want time.Time) {
		t.Helper()
		got, ok, err := f.NextDue(t.Context(), "main")
		f.ok(err)
		f.same(!want.IsZero(), ok)
		if ok {
			f.same(want, got)
		}
	}
	next(time.Time{})
	received := f.clock.Now()
	f.queue("A", "B")
	next(received)
	claim := f.claim("me", 2)[0]
	next(claim.Until) // the leases' end
	call := f.begin(claim, submission.Create)
	f.settle(claim, call, timeout())
	due := f.get("A").DueAt
	next(due)
	f.outage()
	next(f.clock.Now()) // in an outage an uncertain one is due when the probe is
	f.ok(f.update(t.Context(), func(t *tx) error {
		return t.event(f.t.Context(), "main", pace.Event{Kind: pace.Limited, Wait: 10 * time.Second})
	}))
	next(f.clock.Now().Add(10 * time.Second))
	f.ok(f.Pause(t.Context(), "main", "no token"))
	next(f.clock.Now().Add(10 * time.Second))
	f.clock.advance(time.Minute)
	a, err := f.Account(t.Context(), "main")
	f.ok(err)
	next(a.LimitedUntil)
}

func testAttemptsAreBounded(t *testing.T, f *fixture) {
	f.broken("A")
	for range keptAttempts + 20 {
		f.clock.advance(2 * time.Hour)
		claim := f.claim("me", 1)[0]
		call := f.begin(claim, submission.LookUp)
		f.ok(f.Settle(t.Context(), call, submission.AfterLookUp(claim.Submission, call.StartedAt, time.Minute,
			keycrm.Page{Answer: keycrm.Answer{Outcome: keycrm.Rejected, Status: 422}})))
	}
	attempts, err := f.Attempts(t.Context(), "A")
	f.ok(err)
	if len(attempts) != keptAttempts+1 || attempts[0].Number != 1 || attempts[len(attempts)-1].Number != keptAttempts+21 {
		t.Errorf("%d attempts, from %d to %d", len(attempts), attempts[0].Number, attempts[len(attempts)-1].Number)
	}
}

func testSlotsAreForgotten(t *testing.T, f *fixture) {
	for i := range 30 {
		f.queue(fmt.Sprint("A", i))
		c, call := f.create("me")
		f.settle(c, call, done(1))
		f.clock.advance(20 * time.Second)
	}
	var n int
	f.ok(f.read.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM slots`).Scan(&n))
	if n > 4 {
		t.Errorf("%d slots are kept", n)
	}
}

// testKnownIDIsKept ends creates with an id after their leases: while nobody has asked KeyCRM since, the id is taken.
func testKnownIDIsKept(t *testing.T, f *fixture) {
	f.queue("ORDER")
	card := f.order("CARD")
	card.Kind, card.SourceUUID = keycrm.KindCard, ""
	f.ok(f.Accept(t.Context(), card, revision()))
	order, orderCall := f.create("me")
	unmarked, cardCall := f.create("me")
	f.clock.advance(lease)
	f.expire(2)
	f.same(submission.Held, f.get("CARD").State)
	f.same([]string{"ORDER"}, f.claimedLater("you"))
	f.settle(order, orderCall, done(1))
	f.settle(unmarked, cardCall, done(2))
	for id, want := range map[string]int64{"ORDER": 1, "CARD": 2} {
		if s := f.get(id); s.State != submission.Delivered || s.CRMID != want || s.Reason != "" || s.Error != "" {
			t.Errorf("%s is %s as %d: %s", id, s.State, s.CRMID, s.Error)
		}
	}
	f.is(f.Settle(t.Context(), orderCall, submission.AfterCreate(order.Submission, done(1))), submission.ErrFenced)
	f.same(0, len(f.claimedLater("you")))

	f.queue("TEST")
	held, call := f.create("me")
	f.settle(held, call, done(3))
	f.ok(f.update(t.Context(), func(t *tx) error {
		_, err := t.exec(f.t.Context(), `UPDATE submissions SET state = 'held', reason = 'test' WHERE id = 'TEST'`)
		return err
	}))
	f.is(f.Settle(t.Context(), call, submission.AfterCreate(held.Submission, done(3))), submission.ErrFenced)
}

// claimedLater is what can be claimed when every pause is over.
func (f *fixture) claimedLater(owner string) []string {
	f.t.Helper()
	f.clock.advance(submission.MaxBackoff)
	return f.claimed(owner, 9)
}

func testWaitingKeepsThePlace(t *testing.T, f *fixture) {
	f.queue("OLD", "NEW")
	due := f.get("OLD").DueAt
	for _, a := range []keycrm.Answer{
		{Outcome: keycrm.Limited, RetryAfter: time.Second}, {Outcome: keycrm.Unauthorised}, {Outcome: keycrm.WrongAddress},
	} {
		c, call := f.create("me")
		f.same("OLD", c.ID)
		f.settle(c, call, a)
		f.same(due, f.get("OLD").DueAt)
		f.clock.advance(time.Minute)
		f.ok(f.update(t.Context(), func(t *tx) error { return t.event(f.t.Context(), "main", pace.Event{}) })) // well again
	}
}

// testClockSetBack puts the clock back by hours while everything that has a moment waits for it.
func testClockSetBack(t *testing.T, f *fixture) {
	limit := pace.Limit{Calls: 2, Window: 10 * time.Second, Timeout: time.Second}
	f.broken("UNCERTAIN")
	f.queue("NOT-SENT", "QUEUED", "CLAIMED")
	claims := f.claim("me", 3)
	call, err := f.Begin(t.Context(), claims[0], submission.Create, limit, lease)
	f.ok(err)
	f.settle(claims[0], call, notSent())
	f.ok(f.update(t.Context(), func(t *tx) error { return t.event(f.t.Context(), "main", pace.Event{Kind: pace.Stopped}) }))
	f.clock.advance(-12 * time.Hour)
	f.expire(0)
	a, err := f.Account(t.Context(), "main")
	f.ok(err)
	f.same(f.clock.Now().Add(pace.MaxProbePause), a.ProbeAt)
	f.clock.advance(pace.MaxProbePause) // a minute is enough for all of it
	probe, err := f.BeginProbe(t.Context(), "main", "me", limit)
	f.ok(err)
	f.ok(f.Settle(t.Context(), probe, submission.Settlement{Answer: keycrm.Answer{Outcome: keycrm.Done}}))
	f.expire(2)
	f.same(4, len(f.claim("me", 9)))
	if u := f.get("UNCERTAIN"); u.BrokeAt.After(f.clock.Now()) || u.SentAt.After(u.BrokeAt) {
		t.Errorf("it broke at %s and was sent at %s", u.BrokeAt, u.SentAt)
	}
}

// testClockSetBackAndNoCommit lets the transaction that meets the clock fail: the next one mends what it would have.
func testClockSetBackAndNoCommit(t *testing.T, f *fixture) {
	f.queue("A", "B")
	f.clock.advance(-12 * time.Hour)
	f.is(f.update(t.Context(), func(*tx) error { return errDoubt }), errDoubt)
	if due := f.get("B").DueAt; !due.After(f.clock.Now()) {
		t.Fatalf("B was mended by a transaction that failed: %s", due)
	}
	f.expire(0)
	f.same([]string{"A", "B"}, f.claimed("you", 9))
}

// testClockSetBackAtStart is the same for a process that was not there when it happened.
func testClockSetBackAtStart(t *testing.T, f *fixture) {
	f.broken("UNCERTAIN")
	f.queue("CLAIMED", "QUEUED")
	f.claim("me", 1)
	f.clock.advance(-12 * time.Hour)
	f.open()
	if !f.d.alone { // another replica may have it, for as long as any lease may last
		f.same(2, len(f.claim("me", 9)))
		f.clock.advance(othersLease)
		f.expire(3)
	}
	f.same(3, len(f.claim("me", 9)))
	for _, c := range f.claim("me", 9) {
		f.begin(c, submission.Create)
	}
}

// testOutageRound goes through one round of probes: two look-ups that tell nothing, the check, one create, and look-ups again.
func testOutageRound(t *testing.T, f *fixture) {
	f.broken("U1")
	f.queue("Q1", "Q2", "Q3")
	claims := f.claim("me", 2)
	for _, c := range claims {
		f.settle(c, f.begin(c, submission.Create), notSent())
	}
	look := func() {
		t.Helper()
		f.toProbe()
		c := f.claim("me", 3)
		if len(c) != 1 || c[0].State != submission.Uncertain {
			t.Fatalf("claimed %v, want an uncertain one", c)
		}
		call := f.begin(c[0], submission.LookUp)
		f.ok(f.Settle(t.Context(), call, submission.AfterLookUp(c[0].Submission, call.StartedAt, time.Minute, keycrm.Page{Answer: timeout()})))
	}
	step := func(want pace.Step) {
		t.Helper()
		a, err := f.Account(t.Context(), "main")
		f.ok(err)
		f.same(want, a.Step)
	}
	look()
	step(pace.LookAgain)
	f.open() // the round goes on after a restart
	look()
	step(pace.CheckNext)
	f.toProbe()
	probe, err := f.BeginProbe(t.Context(), "main", "me", minute)
	f.ok(err)
	f.ok(f.update(t.Context(), func(t *tx) error { // a create broke in this outage: the check does not end it
		_, err := t.exec(f.t.Context(), `UPDATE accounts SET create_broke = 1`)
		return err
	}))
	f.ok(f.Settle(t.Context(), probe, submission.Settlement{Answer: keycrm.Answer{Outcome: keycrm.Done}}))
	step(pace.CreateNext)
	c, call := f.create("me") // at once, and the earliest, due or not
	f.same(submission.Queued, c.State)
	f.settle(c, call, timeout())
	step(pace.LookNext)
	look()
}

// toProbe moves the clock to when the next probe may go.
func (f *fixture) toProbe() {
	f.t.Helper()
	next, ok, err := f.NextDue(f.t.Context(), "main")
	f.ok(err)
	f.same(true, ok)
	f.clock.advance(max(next.Sub(f.clock.Now()), 0))
}

// testOutageEndsBackOffs lets connections fail until everything waits for long: the probe is one that is not due, and when it is answered
// the others are due.
func testOutageEndsBackOffs(t *testing.T, f *fixture) {
	f.queue("A", "B", "C")
	for range 36 {
		f.toProbe()
		c, call := f.create("me")
		f.settle(c, call, notSent())
	}
	for _, id := range []string{"A", "B", "C"} {
		if f.get(id).DueAt.Before(f.clock.Now()) {
			t.Fatalf("%s is due already", id)
		}
	}
	f.toProbe()
	c, call := f.create("me")
	f.settle(c, call, done(1))
	f.same(2, len(f.claim("me", 9)))
}

// testPaceOutlivesTheProcess starts the store anew between calls: those of the process before count.
func testPaceOutlivesTheProcess(t *testing.T, f *fixture) {
	limit := pace.Limit{Calls: 3, Window: time.Minute, Timeout: time.Second}
	f.queue("A", "B", "C", "D")
	begin := func() (submission.Claim, submission.Call, error) {
		c := f.claim("me", 1)[0]
		call, err := f.Begin(t.Context(), c, submission.Create, limit, lease)
		return c, call, err
	}
	for range 3 {
		c, call, err := begin()
		f.ok(err)
		f.settle(c, call, done(1))
		f.open()
	}
	_, _, err := begin()
	w := f.waits(err, "pace")
	f.clock.advance(w.Until.Sub(f.clock.Now()))
	f.open()
	if !f.d.alone { // the claim of the one that had to wait has ended with its lease
		f.expire(1)
	}
	_, _, err = begin()
	f.ok(err)
}
