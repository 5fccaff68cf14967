package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"formrelay/internal/form"
	"formrelay/internal/keycrm"
	"formrelay/internal/pace"
	"formrelay/internal/submission"
)

// Exercise is what every database must do. database makes an empty one for a test and returns its URL.
func Exercise(t *testing.T, database func(t testing.TB) string) {
	t.Helper()
	tests := map[string]func(*testing.T, *fixture){
		"AcceptKeepsEverything":     testAcceptKeepsEverything,
		"AcceptRefusesNonsense":     testAcceptRefusesNonsense,
		"AcceptTogether":            testAcceptTogether,
		"OneBadRowFailsAlone":       testOneBadRowFailsAlone,
		"AcceptAfterClose":          testAcceptAfterClose,
		"AcceptGivenUp":             testAcceptGivenUp,
		"AcceptGivenUpTooLate":      testAcceptGivenUpTooLate,
		"QueueIsBounded":            testQueueIsBounded,
		"KnownIDIsKept":             testKnownIDIsKept,
		"WaitingKeepsThePlace":      testWaitingKeepsThePlace,
		"ClockSetBack":              testClockSetBack,
		"ClockSetBackAtStart":       testClockSetBackAtStart,
		"OutageRound":               testOutageRound,
		"OutageEndsBackOffs":        testOutageEndsBackOffs,
		"PaceOutlivesTheProcess":    testPaceOutlivesTheProcess,
		"DuplicateSourceUUID":       testDuplicateSourceUUID,
		"DuplicatesInOneBatch":      testDuplicatesInOneBatch,
		"LookFor":                   testLookFor,
		"Repeats":                   testRepeats,
		"RepeatsInOneBatch":         testRepeatsInOneBatch,
		"RepeatsWithoutFirst":       testRepeatsWithoutFirst,
		"RepeatsAtOnce":             testRepeatsAtOnce,
		"Revisions":                 testRevisions,
		"RevisionNotes":             testRevisionNotes,
		"LastTaken":                 testLastTaken,
		"StoredProfiles":            testStoredProfiles,
		"List":                      testList,
		"ClaimOrder":                testClaimOrder,
		"ClaimIsExclusive":          testClaimIsExclusive,
		"ClaimWhileProbing":         testClaimWhileProbing,
		"FailingRowBlocksNobody":    testFailingRowBlocksNobody,
		"ReleaseKeepsCallsUnderWay": testReleaseKeepsCallsUnderWay,
		"Renew":                     testRenew,
		"BeginWritesAhead":          testBeginWritesAhead,
		"BeginIsFenced":             testBeginIsFenced,
		"BeginKeepsThePace":         testBeginKeepsThePace,
		"BeginRefusesProbes":        testBeginRefusesProbes,
		"LookUpPages":               testLookUpPages,
		"SettleDelivers":            testSettleDelivers,
		"SettleIsFenced":            testSettleIsFenced,
		"OldCallIsFenced":           testOldCallIsFencedFromANewerOne,
		"SettleRefusesWrongFates":   testSettleRefusesWrongFates,
		"SettleMovesHealth":         testSettleMovesHealth,
		"LimitedWithoutTime":        testLimitedWithoutTime,
		"OutageAsksFirst":           testOutageAsksFirst,
		"PauseAndProbe":             testPauseAndProbe,
		"Lists":                     testLists,
		"ExpireSortsOut":            testExpireSortsOut,
		"TakeOver":                  testTakeOver,
		"NextDue":                   testNextDue,
		"AttemptsAreBounded":        testAttemptsAreBounded,
		"SlotsAreForgotten":         testSlotsAreForgotten,
		"Ready":                     testReady,
		"Figures":                   testFigures,
		"PaceUsed":                  testPaceUsed,
		"DecideSendsAgain":          testDecideSendsAgain,
		"DecideKeepsTheOldEntity":   testDecideKeepsTheOldEntity,
		"DecideIsFenced":            testDecideIsFenced,
		"DecideAtOnce":              testDecideAtOnce,
		"DiscardStopsAClaim":        testDiscardStopsAClaim,
		"DoubtIsNotForgotten":       testDoubtIsNotForgotten,
		"DecideRefusesAnothersUUID": testDecideRefusesAnothersUUID,
		"AgainOnce":                 testAgainOnce,
		"EraseKeepsWhatItMust":      testEraseKeepsWhatItMust,
		"SteeringStopsForAMove":     testSteeringStopsForAMove,
		"ClockSetBackAndNoCommit":   testClockSetBackAndNoCommit,
		"Retention":                 testRetention,
		"Walk":                      testWalk,
		"Guard":                     testGuard,
		"Checks":                    testChecks,
		"ChecksAreFenced":           testChecksAreFenced,
		"ChecksOfTheDead":           testChecksOfTheDead,
		"OwnKeys":                   testOwnKeys,
		"FilesAreKept":              testFilesAreKept,
		"UploadsAreDropped":         testUploadsAreDropped,
		"FilesGoStepByStep":         testFilesGoStepByStep,
		"FilesOutliveTheProcess":    testFilesOutliveTheProcess,
		"FilesAndHealth":            testFilesAndHealth,
		"RefusedFile":               testRefusedFile,
		"SameFileTwice":             testSameFileTwice,
		"FilesAreEmptied":           testFilesAreEmptied,
		"CorrectedBy":               testCorrectedBy,
		"PauseByOps":                testPauseByOps,
		"NewerSchemaIsRefused":      testNewerSchemaIsRefused,
		"UnknownIsNotFound":         testUnknownIsNotFound,
	}
	maps.Copy(tests, exerciseBatches())
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fixture{t: t, url: database(t), clock: newClock()}
			f.open()
			test(t, f)
		})
	}
}

// clock stands still until a test moves it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 10, 25, 0, 59, 59, 123456000, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// fixture is one test's database, its clock and the steps that most tests take.
type fixture struct {
	*Store
	t     testing.TB
	url   string
	clock *clock

	lastClaims []submission.Claim // of claimedBeside

	mu    sync.Mutex
	woken []string
}

// minute is the pace of most tests; lease is every claim's.
var minute = pace.Limit{Calls: 60, Window: time.Minute, Timeout: 15 * time.Second}

const lease = time.Minute

// open opens the fixture's database, again when it was open before.
func (f *fixture) open() {
	f.t.Helper()
	if f.Store != nil {
		f.ok(f.Store.Close())
	}
	s, err := Open(f.t.Context(), Options{URL: f.url, Now: f.clock.Now, LockWait: time.Second, OnAccept: func(account string) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.woken = append(f.woken, account)
	}})
	if err != nil {
		f.t.Fatal(err)
	}
	f.Store = s
	f.t.Cleanup(func() { f.ok(s.Close()) })
}

func (f *fixture) ok(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) is(err, want error) {
	f.t.Helper()
	if !errors.Is(err, want) {
		f.t.Fatalf("error %v, want %v", err, want)
	}
}

// waits makes sure that err is a *pace.Wait for the reason given.
func (f *fixture) waits(err error, why string) *pace.Wait {
	f.t.Helper()
	w, ok := errors.AsType[*pace.Wait](err)
	if !ok || w.Why != why {
		f.t.Fatalf("error %v, want a wait for %q", err, why)
	}
	return w
}

// same compares two values; of an account not when it was read.
func (f *fixture) same(want, got any, options ...cmp.Option) {
	f.t.Helper()
	if diff := cmp.Diff(want, got, append(options, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(pace.Account{}, "Read"))...); diff != "" {
		f.t.Fatalf("(-want +got):\n%s", diff)
	}
}

// revision is the one that takes most tests' submissions.
func revision() submission.Revision {
	return submission.Revision{Hash: strings.Repeat("ab", 32), Profile: "landing", Text: []byte("creates: order\n")}
}

// order is a queued order of account main, received now.
func (f *fixture) order(id string) *submission.Submission {
	return &submission.Submission{
		ID: id, Profile: "landing", Account: "main", Revision: revision().Hash, ReceivedAt: f.clock.Now(),
		Pairs: []form.Pair{{Name: "name", Value: "Taras"}}, Charset: "utf-8",
		Kind: keycrm.KindOrder, Entity: []byte(`{"source_id":22}`), SourceID: 22, SourceUUID: id, State: submission.Queued,
	}
}

// queue accepts orders, one after the other and a millisecond apart.
func (f *fixture) queue(ids ...string) {
	f.t.Helper()
	for _, id := range ids {
		f.ok(f.Accept(f.t.Context(), f.order(id), revision()))
		f.clock.advance(time.Millisecond)
	}
}

func (f *fixture) get(id string) submission.Submission {
	f.t.Helper()
	s, err := f.Submission(f.t.Context(), id)
	f.ok(err)
	return s
}

func (f *fixture) claim(owner string, n int) []submission.Claim {
	f.t.Helper()
	claims, err := f.Claim(f.t.Context(), "main", owner, n, lease)
	f.ok(err)
	return claims
}

// claimed is claim's ids.
func (f *fixture) claimed(owner string, n int) (ids []string) {
	f.t.Helper()
	for _, c := range f.claim(owner, n) {
		ids = append(ids, c.ID)
	}
	return ids
}

func (f *fixture) begin(c submission.Claim, kind submission.AttemptKind) submission.Call {
	f.t.Helper()
	call, err := f.Begin(f.t.Context(), c, kind, minute, lease)
	f.ok(err)
	return call
}

// create claims the next submission and begins its create.
func (f *fixture) create(owner string) (submission.Claim, submission.Call) {
	f.t.Helper()
	claims := f.claim(owner, 1)
	if len(claims) != 1 {
		f.t.Fatal("nothing to claim")
	}
	return claims[0], f.begin(claims[0], submission.Create)
}

// settle settles a create with what an outcome makes of it.
func (f *fixture) settle(c submission.Claim, call submission.Call, a keycrm.Answer) {
	f.t.Helper()
	f.ok(f.Settle(f.t.Context(), call, submission.AfterCreate(c.Submission, a)))
}

// broken makes the named orders uncertain, one after the other: their creates break. The account is well again afterwards.
func (f *fixture) broken(ids ...string) {
	f.t.Helper()
	f.queue(ids...)
	for range ids {
		c, call := f.create("breaker")
		f.settle(c, call, keycrm.Answer{Outcome: keycrm.Uncertain, Text: "timeout"})
		f.ok(f.update(f.t.Context(), func(t *tx) error { return t.event(f.t.Context(), "main", pace.Event{Kind: pace.Worked, Create: true}) }))
	}
}

func testAcceptKeepsEverything(t *testing.T, f *fixture) {
	received := f.clock.Now().Add(-time.Second)
	want := submission.Submission{
		ID: submission.NewID(), Profile: "landing", Account: "main", Revision: revision().Hash, ReceivedAt: received,
		Pairs: []form.Pair{
			{Name: "", Value: ""}, {Name: `a"b\c`, Value: "line\r\n\ttab\x00\x1f"}, {Name: "name", Value: "Тарас 🌻"}, {Name: "name", Value: "<b>&amp;</b>"},
		},
		Charset: "windows-1251", Raw: []byte{0xff, 0x00, 0xfe},
		Visitor: submission.Visitor{IP: "203.0.113.9", UserAgent: `M"ozilla`, Referrer: "https://a/", Page: "https://b/", Language: "uk"},
		Kind:    keycrm.KindCard, Entity: []byte(`{"title":"x"}`), SourceID: 1 << 40, Mark: "[formrelay X]", MarkField: "LD_1001",
		State: submission.Held, Reason: submission.ReasonTest, Error: "a test",
		Faults:    []submission.Fault{{Field: "email", Path: "buyer.email", Code: "TYPE_EMAIL", Text: "no email"}},
		DueAt:     received.Add(time.Hour),
		SettledAt: f.clock.Now(),
	}
	given := want
	given.SettledAt = time.Time{}
	f.ok(f.Accept(t.Context(), &given, revision()))
	f.same(want, given)
	f.same(want, f.get(want.ID))

	plain := &submission.Submission{ID: "PLAIN", Profile: "landing", Account: "main", State: submission.Refused}
	f.ok(f.Accept(t.Context(), plain, revision()))
	got := f.get("PLAIN")
	if got.Entity != nil || got.Raw != nil || got.State != submission.Refused || got.Visitor != (submission.Visitor{}) {
		t.Errorf("a plain submission came back as %+v", got)
	}
	if len(f.woken) != 0 {
		t.Errorf("couriers were woken for nothing: %v", f.woken)
	}
}

func testAcceptRefusesNonsense(t *testing.T, f *fixture) {
	for name, change := range map[string]func(*submission.Submission){
		"sending":   func(s *submission.Submission) { s.State = submission.Sending },
		"uncertain": func(s *submission.Submission) { s.State = submission.Uncertain },
		"unknown":   func(s *submission.Submission) { s.State = "lost" },
		"entity":    func(s *submission.Submission) { s.Entity = nil },
		"id":        func(s *submission.Submission) { s.ID = "" },
	} {
		sub := f.order("NONSENSE")
		change(sub)
		if err := f.Accept(t.Context(), sub, revision()); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// testAcceptTogether posts from many goroutines and expects every row, each once, and a courier woken for each account.
func testAcceptTogether(t *testing.T, f *fixture) {
	const posters, each = 16, 20
	var all sync.WaitGroup
	for p := range posters {
		all.Go(func() {
			for i := range each {
				sub := f.order(fmt.Sprintf("P%02d-%02d", p, i))
				sub.Account = []string{"main", "other"}[p%2]
				if err := f.Accept(t.Context(), sub, revision()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	rows, err := f.List(t.Context(), Filter{Limit: maxList})
	f.ok(err)
	if len(rows) != posters*each {
		t.Errorf("%d rows, want %d", len(rows), posters*each)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	seen := map[string]bool{}
	for _, account := range f.woken {
		seen[account] = true
	}
	if !seen["main"] || !seen["other"] {
		t.Errorf("woken: %v", f.woken)
	}
}

// testOneBadRowFailsAlone puts a submission that the database will not have into a batch with good ones.
func testOneBadRowFailsAlone(t *testing.T, f *fixture) {
	f.queue("FIRST")
	batch := make([]*pending, 0, 4)
	for _, id := range []string{"GOOD-1", "FIRST", "GOOD-2", "GOOD-2"} {
		p := &pending{sub: *f.order(id), rev: revision(), done: make(chan error, 1)}
		f.ok(p.encode())
		batch = append(batch, p)
	}
	// Hold the committer back until all of them wait, so that they are one batch.
	f.together(batch)
	for i, wantErr := range []bool{false, true, false, true} {
		if err := <-batch[i].done; (err != nil) != wantErr {
			t.Errorf("%s (%d): %v", batch[i].sub.ID, i, err)
		}
	}
	f.get("GOOD-1")
	f.get("GOOD-2")
}

// together gives the committer a batch at once.
func (f *fixture) together(batch []*pending) {
	f.waiting.mu.Lock()
	defer f.waiting.mu.Unlock()
	f.waiting.rows = append(f.waiting.rows, batch...)
	f.waiting.signal()
}

func testAcceptAfterClose(t *testing.T, f *fixture) {
	f.ok(f.Close())
	f.is(f.Accept(t.Context(), f.order("LATE"), revision()), errClosed)
	f.ok(f.Close())
}

// testAcceptGivenUp ends callers' contexts while their rows wait behind a transaction: none of them is stored, however often each tried,
// and none waits in memory.
func testAcceptGivenUp(t *testing.T, f *fixture) {
	ctx, cancel := context.WithCancel(t.Context())
	f.ok(f.update(t.Context(), func(tx *tx) error {
		f.ok(f.lockKeys(t.Context(), tx, []*pending{f.pending("FIRST")})) // the committer waits for the writer, or for this profile's key
		cancel()
		for range 3 {
			err := f.Accept(ctx, f.order("GONE"), revision())
			f.is(err, context.Canceled)
			if !strings.Contains(err.Error(), "GONE is not stored") {
				t.Error(err)
			}
		}
		return nil
	}))
	f.queue("NEXT")
	_, err := f.Submission(t.Context(), "GONE")
	f.is(err, submission.ErrNotFound)
	f.same(0, f.waiting.weight())
	f.queue("GONE") // the visitor's next try is the only one
}

// weight is what waits, in bytes.
func (q *queue) weight() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes
}

// testAcceptGivenUpTooLate ends the context when a transaction that may commit has the row: Accept waits for what comes of it.
func testAcceptGivenUpTooLate(t *testing.T, f *fixture) {
	p := f.pending("TAKEN")
	f.same(true, p.taken())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p.done <- nil
	for range 50 { // both are ready: whichever select takes, the row is stored
		f.ok(f.stored(ctx, p))
		p.done <- nil
	}
	<-p.done
	err := f.stored(ctx, p)
	f.is(err, context.Canceled)
	if !strings.Contains(err.Error(), "may or may not be stored") {
		t.Error(err)
	}
}

// testQueueIsBounded fills the queue to the row and to the byte.
func testQueueIsBounded(t *testing.T, f *fixture) {
	rows := &queue{wake: make(chan struct{}, 1)}
	for range maxWaitingRows {
		f.ok(rows.add(f.pending("A")))
	}
	f.is(rows.add(f.pending("A")), errFull)
	rows.remove(rows.rows[7])
	f.ok(rows.add(f.pending("A")))

	large := f.pending("B")
	large.sub.Raw = make([]byte, maxWaitingBytes/2-large.size())
	full := &queue{wake: make(chan struct{}, 1)}
	f.ok(full.add(large))
	f.ok(full.add(large))
	f.is(full.add(f.pending("A")), errFull)
	full.take()
	f.ok(full.add(large))

	huge := f.pending("C")
	huge.sub.Raw = make([]byte, 2*maxWaitingBytes)
	f.ok((&queue{wake: make(chan struct{}, 1)}).add(huge)) // alone it may always wait
}

// pending is an order on its way into a batch.
func (f *fixture) pending(id string) *pending {
	f.t.Helper()
	p := &pending{sub: *f.order(id), rev: revision(), done: make(chan error, 1)}
	f.ok(p.encode())
	return p
}

func testDuplicateSourceUUID(t *testing.T, f *fixture) {
	accept := func(id, uuid string, change func(*submission.Submission)) submission.Submission {
		t.Helper()
		sub := f.order(id)
		sub.SourceUUID = uuid
		if change != nil {
			change(sub)
		}
		f.ok(f.Accept(t.Context(), sub, revision()))
		f.same(f.get(id).State, sub.State)
		return *sub
	}
	refused := func(s *submission.Submission) { s.State = submission.Refused }
	for _, tt := range []struct {
		id, uuid string
		change   func(*submission.Submission)
		other    string // the one that it is a duplicate of
	}{
		{id: "REFUSED", uuid: "1001", change: refused},
		{id: "A", uuid: "1001"},
		{id: "B", uuid: "1001", other: "A"},
		{id: "C", uuid: "1001", other: "A"},
		{id: "D", uuid: "1002"},
		{id: "OTHER-ACCOUNT", uuid: "1001", change: func(s *submission.Submission) { s.Account = "other" }},
		{id: "CARD", uuid: "1001", change: func(s *submission.Submission) { s.Kind = keycrm.KindCard }},
		{id: "E", uuid: "E"},
		{id: "F", uuid: "E", other: "E"},
		{id: "STILL-REFUSED", uuid: "1001", change: refused},
	} {
		got := accept(tt.id, tt.uuid, tt.change)
		isDuplicate := got.State == submission.Held && got.Reason == submission.ReasonDuplicate
		if isDuplicate != (tt.other != "") || !strings.Contains(got.Error, tt.other) {
			t.Errorf("%s with %s is %s %s: %s", tt.id, tt.uuid, got.State, got.Reason, got.Error)
		}
	}
	_, err := f.write.ExecContext(t.Context(), f.d.bind(`UPDATE submissions SET state = 'discarded' WHERE id IN ('A', 'B', 'C')`))
	f.ok(err)
	if got := accept("AFTER-DISCARD", "1001", nil); got.State != submission.Queued {
		t.Errorf("a discarded submission counts: %s", got.Error)
	}
}

func testDuplicatesInOneBatch(t *testing.T, f *fixture) {
	batch := make([]*pending, 0, 3)
	for _, id := range []string{"A", "B", "A"} { // the last makes the batch fail and be tried again row by row
		sub := f.order(id)
		sub.SourceUUID = "1001"
		p := &pending{sub: *sub, rev: revision(), done: make(chan error, 1)}
		f.ok(p.encode())
		batch = append(batch, p)
	}
	f.together(batch)
	f.ok(<-batch[0].done)
	f.ok(<-batch[1].done)
	if err := <-batch[2].done; err == nil {
		t.Error("the same id twice")
	}
	if a, b := f.get("A"), f.get("B"); a.State != submission.Queued || b.State != submission.Held || !strings.Contains(b.Error, "submission A ") {
		t.Errorf("A is %s, B is %s: %s", a.State, b.State, b.Error)
	}
}

func testRevisions(t *testing.T, f *fixture) {
	revisions := map[string]submission.Revision{}
	take := func(id, profile, text string) {
		t.Helper()
		rev := submission.Revision{Hash: strings.Repeat(text, 8), Profile: profile, Text: []byte(text)}
		revisions[text+profile] = rev
		sub := f.order(id)
		sub.Profile, sub.Revision = profile, rev.Hash
		f.ok(f.Accept(t.Context(), sub, rev))
		f.clock.advance(time.Second)
	}
	last := func(profile, text string) {
		t.Helper()
		got, err := f.LastRevision(t.Context(), profile)
		f.ok(err)
		f.same(revisions[text+profile], got)
	}
	take("1", "landing", "one")
	take("2", "landing", "two")
	take("3", "other", "one") // the same text under another name
	last("landing", "two")
	last("other", "one")
	take("4", "landing", "one") // ops went back
	last("landing", "one")
	f.open()
	last("landing", "one")
	take("5", "landing", "one")
	take("6", "landing", "three")
	last("landing", "three")

	got, err := f.Revision(t.Context(), revisions["twolanding"].Hash)
	f.ok(err)
	f.same(revisions["twolanding"], got)
	numbers, err := list(t.Context(), f.read, `SELECT number FROM revisions WHERE profile = 'landing' ORDER BY number`, nil,
		func(r row) (n int, err error) { return n, r.Scan(&n) })
	f.ok(err)
	f.same([]int{1, 2, 3}, numbers)
}

func testList(t *testing.T, f *fixture) {
	for i := range 60 {
		sub := f.order(fmt.Sprintf("%02d", i))
		if i%10 == 0 {
			sub.Profile, sub.State = "other", submission.Held
		}
		f.ok(f.Accept(t.Context(), sub, revision()))
	}
	ids := func(filter Filter) (ids []string) {
		t.Helper()
		rows, err := f.List(t.Context(), filter)
		f.ok(err)
		for _, r := range rows {
			ids = append(ids, r.ID)
		}
		return ids
	}
	f.same([]string{"59", "58", "57"}, ids(Filter{Limit: 3}))
	f.same([]string{"49", "48"}, ids(Filter{Limit: 2, Before: "50"}))
	f.same([]string{"50", "40", "30", "20", "10", "00"}, ids(Filter{States: []submission.State{submission.Held}}))
	both := []submission.State{submission.Held, submission.Queued, submission.Rejected}
	f.same([]string{"59", "58", "57", "56", "55", "54", "53", "52", "51", "50"}, ids(Filter{States: both, Limit: 10}))
	f.same([]string{"00", "01", "02"}, ids(Filter{States: both, Limit: 3, Oldest: true}))
	f.same(60, len(ids(Filter{States: both, Limit: 100})))
	f.same([]string{"20", "10", "00"}, ids(Filter{Profile: "other", Before: "30"}))
	f.same(0, len(ids(Filter{Profile: "other", States: []submission.State{submission.Queued}})))
	f.same(defaultList, len(ids(Filter{})))
	f.same(60, len(ids(Filter{Limit: 1 << 30})))
	_, err := f.List(t.Context(), Filter{Before: "unknown"})
	f.is(err, submission.ErrNotFound)

	rows, err := f.List(t.Context(), Filter{Limit: 1})
	f.ok(err)
	if rows[0].Entity != nil || rows[0].Pairs != nil || rows[0].SourceUUID != "59" || rows[0].State != submission.Queued {
		t.Errorf("a row of the list is %+v", rows[0])
	}
}

func testReady(t *testing.T, f *fixture) {
	f.ok(f.Ready(t.Context()))
	f.ok(f.Ready(t.Context()))
	f.ok(f.Close())
	f.ready.when = time.Time{} // the finding is old
	if err := f.Ready(t.Context()); err == nil {
		t.Error("a closed store is ready")
	}
}

func testNewerSchemaIsRefused(t *testing.T, f *fixture) {
	_, err := f.write.ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, true)`)
	f.ok(err)
	f.ok(f.Close())
	for name, open := range map[string]func() (*Store, error){
		"Open":         func() (*Store, error) { return Open(t.Context(), Options{URL: f.url}) },
		"OpenReadOnly": func() (*Store, error) { return OpenReadOnly(t.Context(), f.url) },
	} {
		_, err := open()
		if !errors.Is(err, errOtherSchema) || !strings.Contains(err.Error(), "schema 999, this one knows ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func testUnknownIsNotFound(t *testing.T, f *fixture) {
	_, err := f.Submission(t.Context(), "NOBODY")
	f.is(err, submission.ErrNotFound)
	_, err = f.Revision(t.Context(), "none")
	f.is(err, submission.ErrNotFound)
	_, err = f.LastRevision(t.Context(), "none")
	f.is(err, submission.ErrNotFound)
	attempts, err := f.Attempts(t.Context(), "NOBODY")
	f.ok(err)
	f.same(0, len(attempts))
	account, err := f.Account(t.Context(), "nobody")
	f.ok(err)
	f.same(pace.Account{Name: "nobody"}, account)
	f.same(f.clock.Now(), account.Read)
}
