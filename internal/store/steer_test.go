package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"formrelay/internal/form"
	"formrelay/internal/keycrm"
	"formrelay/internal/pace"
	"formrelay/internal/submission"
)

// beside opens the fixture's database as ops do while the server is at work.
func (f *fixture) beside() *Beside {
	f.t.Helper()
	b, err := openBeside(f.t.Context(), f.url, f.clock.Now)
	f.ok(err)
	f.t.Cleanup(func() { f.ok(b.Close()) })
	return b
}

// kept stores a submission that waits for ops.
func (f *fixture) kept(id string, state submission.State, change func(*submission.Submission)) {
	f.t.Helper()
	s := f.order(id)
	s.State, s.Entity, s.SourceUUID = state, nil, ""
	if change != nil {
		change(s)
	}
	f.ok(f.Accept(f.t.Context(), s, revision()))
	f.clock.advance(time.Millisecond)
}

// rejected makes an order that KeyCRM refused.
func (f *fixture) rejected(id string) submission.Submission {
	f.t.Helper()
	f.queue(id)
	c, call := f.create("one")
	f.settle(c, call, keycrm.Answer{Outcome: keycrm.Rejected, Status: 422, Text: "KeyCRM refused it.", Messages: []keycrm.Message{{Path: "buyer", Text: "no"}}})
	return f.get(id)
}

// queued is the decision to send s again as it is.
func queued(s submission.Submission) Decision {
	next := s
	next.State, next.Error, next.Failures = submission.Queued, "", 0
	return Decision{Seen: s, Next: next, Changes: []submission.Change{{Who: "olena", Kind: submission.Replayed}}}
}

// decide carries out one decision and gives its refusal.
func (f *fixture) decide(d Decision) error {
	f.t.Helper()
	refusals, err := f.beside().Decide(f.t.Context(), []Decision{d})
	f.ok(err)
	return refusals[0]
}

func testDecideSendsAgain(t *testing.T, f *fixture) {
	s := f.rejected("A")
	f.ok(f.decide(queued(s)))
	got := f.get("A")
	f.same(submission.Queued, got.State)
	f.same("", got.Error)
	f.same(s.Entity, got.Entity)
	f.same(true, got.SettledAt.IsZero())
	changes, err := f.Changes(t.Context(), "A")
	f.ok(err)
	f.same([]submission.Change{{At: f.clock.Now(), Who: "olena", Kind: submission.Replayed}}, changes)
	c, call := f.create("two")
	f.same(2, call.Number)
	f.settle(c, call, done(7))
	f.same(int64(7), f.get("A").CRMID)
}

func testDecideKeepsTheOldEntity(t *testing.T, f *fixture) {
	s := f.rejected("A")
	rev := submission.Revision{Hash: strings.Repeat("cd", 32), Profile: "landing", Text: []byte("creates: order # 2\n")}
	d := queued(s)
	d.Next.Entity, d.Next.Revision, d.Revision = []byte(`{"source_id":23}`), rev.Hash, &rev
	d.Next.Pairs = []form.Pair{{Name: "name", Value: "Taras\x00"}}
	d.Changes = append(d.Changes,
		submission.Change{Who: "olena", Kind: submission.FieldSet, Field: "name", Old: "Taras", New: "Тарас\x00"},
		submission.Change{Who: "olena", Kind: submission.Remapped, Old: s.Revision, New: rev.Hash, Entity: s.Entity})
	f.ok(f.decide(d))
	got := f.get("A")
	f.same(`{"source_id":23}`, string(got.Entity))
	changes, err := f.Changes(t.Context(), "A")
	f.ok(err)
	f.same(3, len(changes))
	f.same(string(s.Entity), string(changes[2].Entity))
	stored, err := f.Revision(t.Context(), rev.Hash)
	f.ok(err)
	f.same(string(rev.Text), string(stored.Text))
	// It took no submission, so it is not what serves on when the file breaks.
	last, err := f.LastRevision(t.Context(), "landing")
	f.ok(err)
	f.same(revision().Hash, last.Hash)
}

func testDecideIsFenced(t *testing.T, f *fixture) {
	s := f.rejected("A")
	f.ok(f.decide(queued(s)))
	err := f.decide(queued(s))
	f.is(err, submission.ErrFenced)
	if !strings.Contains(err.Error(), "was rejected when this began and is queued now") {
		t.Errorf("%v", err)
	}
	// Sent and refused once more: the state is the same, the attempt is not.
	c, call := f.create("one")
	sending := f.get("A")
	if err := f.decide(Decision{Seen: s, Next: queued(s).Next}); err == nil || !strings.Contains(err.Error(), "is being sent just now") {
		t.Errorf("%v", err)
	}
	if err := f.decide(Decision{Seen: sending, Next: queued(sending).Next}); err == nil || !strings.Contains(err.Error(), "sending and cannot be made queued") {
		t.Errorf("%v", err)
	}
	f.settle(c, call, keycrm.Answer{Outcome: keycrm.Rejected})
	f.is(f.decide(queued(s)), submission.ErrFenced)
	// What KeyCRM may have is never sent by decision.
	doubtful := s
	doubtful.State = submission.Uncertain
	if err := f.decide(Decision{Seen: doubtful, Next: queued(s).Next}); err == nil || !strings.Contains(err.Error(), "uncertain and cannot be made queued") {
		t.Errorf("%v", err)
	}
	f.same(submission.Rejected, f.get("A").State)
	unknown := s
	unknown.ID = "Z"
	f.is(f.decide(queued(unknown)), submission.ErrNotFound)
}

// Ops of many at once: however many want the same, one of them gets it.
func testDecideAtOnce(t *testing.T, f *fixture) {
	s := f.rejected("A")
	var ops sync.WaitGroup
	results := make([]error, 6)
	for i := range results {
		b := f.beside()
		ops.Go(func() {
			refusals, err := b.Decide(t.Context(), []Decision{queued(s)})
			results[i] = errors.Join(append(refusals, err)...)
		})
	}
	ops.Wait()
	won := 0
	for _, err := range results {
		if err == nil {
			won++
			continue
		}
		f.is(err, submission.ErrFenced)
	}
	f.same(1, won)
	changes, err := f.Changes(t.Context(), "A")
	f.ok(err)
	f.same(1, len(changes))
}

// What was claimed and not begun can be discarded; its courier's call does not begin.
func testDiscardStopsAClaim(t *testing.T, f *fixture) {
	f.queue("A")
	c := f.claim("one", 1)[0]
	s := f.get("A")
	next := s
	next.State = submission.Discarded
	f.ok(f.decide(Decision{Seen: s, Next: next}))
	_, err := f.Begin(t.Context(), c, submission.Create, minute, lease)
	f.is(err, submission.ErrFenced)
	got := f.get("A")
	f.same(submission.Discarded, got.State)
	f.same(f.clock.Now(), got.SettledAt)
}

// A look-up under way settles first; one that waits can be given up, and comes back to be looked up.
func testDoubtIsNotForgotten(t *testing.T, f *fixture) {
	f.broken("A")
	f.clock.advance(time.Minute)
	c := f.claim("one", 1)[0]
	call := f.begin(c, submission.LookUp)
	s := f.get("A")
	discard := Decision{Seen: s, Next: s}
	discard.Next.State, discard.Next.Reason = submission.Discarded, submission.ReasonUncertain
	if err := f.decide(discard); err == nil || !strings.Contains(err.Error(), "being looked up in KeyCRM just now") {
		t.Errorf("%v", err)
	}
	f.ok(f.Settle(t.Context(), call, submission.AfterLookUp(c.Submission, call.StartedAt, time.Hour, keycrm.Page{Answer: timeout()})))
	discard.Seen = f.get("A")
	f.ok(f.decide(discard))
	s = f.get("A")
	f.same(submission.ReasonUncertain, s.Reason)
	next := s
	next.State, next.Reason = submission.Uncertain, ""
	f.ok(f.decide(Decision{Seen: s, Next: next}))
	f.same([]string{"A"}, f.claimed("one", 1))
	f.same(submission.Uncertain, f.get("A").State)
}

func testDecideRefusesAnothersUUID(_ *testing.T, f *fixture) {
	for _, id := range []string{"A", "B"} {
		s := f.order(id)
		s.SourceUUID = "ORDER-1"
		f.ok(f.Accept(f.t.Context(), s, revision()))
	}
	s := f.get("B")
	f.same(submission.ReasonDuplicate, s.Reason)
	d := queued(s)
	err := f.decide(d)
	if err == nil || !strings.Contains(err.Error(), "is that of submission A already") {
		f.t.Fatalf("%v", err)
	}
	f.queue("C")
	d.Next.SourceUUID = "C" // another's own id is no better
	if err := f.decide(d); err == nil || !strings.Contains(err.Error(), "is that of submission C already") {
		f.t.Errorf("%v", err)
	}
	f.same(submission.Held, f.get("B").State)
	d.Next.SourceUUID = "ORDER-2"
	f.ok(f.decide(d))
}

func testAgainOnce(t *testing.T, f *fixture) {
	f.queue("A")
	c, call := f.create("one")
	f.settle(c, call, done(7))
	first := f.get("A")
	var ops sync.WaitGroup
	results := make([]error, 4)
	for i := range results {
		b, next := f.beside(), *f.order(fmt.Sprintf("B%d", i))
		ops.Go(func() { results[i] = b.Again(t.Context(), first, next, 0, revision(), "olena", nil) })
	}
	ops.Wait()
	won, winners := "", 0
	for i, err := range results {
		if err == nil {
			won = "B" + strconv.Itoa(i)
			winners++
			continue
		}
		f.is(err, submission.ErrFenced)
	}
	f.same(1, winners)
	changes, err := f.Changes(t.Context(), "A")
	f.ok(err)
	f.same([]submission.Change{{At: f.clock.Now(), Who: "olena", Kind: submission.SentAgain, Other: won}}, changes)
	changes, err = f.Changes(t.Context(), won)
	f.ok(err)
	f.same("A", changes[0].Other)
	f.same([]string{won}, f.claimed("one", 5))
	f.same(submission.Delivered, f.get("A").State)
}

func testEraseKeepsWhatItMust(t *testing.T, f *fixture) {
	s := f.rejected("A")
	d := queued(s)
	d.Changes = append(d.Changes, submission.Change{Who: "olena", Kind: submission.FieldSet, Field: "name", Old: "Taras", New: "Тарас", Entity: s.Entity})
	f.ok(f.decide(d))
	refusals, err := f.Erase(t.Context(), "olena", []submission.Submission{f.get("A")})
	f.ok(err)
	if refusals[0] == nil || !strings.Contains(refusals[0].Error(), "is queued: discard it first") {
		t.Errorf("%v", refusals[0])
	}
	c, call := f.create("one")
	f.settle(c, call, done(9))
	s = f.get("A")
	refusals, err = f.Erase(t.Context(), "olena", []submission.Submission{s})
	f.ok(errors.Join(append(refusals, err)...))
	got := f.get("A")
	f.same(submission.Submission{
		ID: "A", Profile: "landing", Account: "main", Revision: s.Revision, ReceivedAt: s.ReceivedAt, Charset: "utf-8", Kind: s.Kind,
		SourceID: 22, SourceUUID: "A", State: submission.Delivered, Attempt: 2, DueAt: s.DueAt, SentAt: s.SentAt, FirstSent: s.FirstSent,
		SettledAt: s.SettledAt, CRMID: 9, EmptiedAt: f.clock.Now(),
	}, got)
	attempts, err := f.Attempts(t.Context(), "A")
	f.ok(err)
	f.same(0, len(attempts))
	changes, err := f.Changes(t.Context(), "A")
	f.ok(err)
	for _, c := range changes {
		f.same("", c.Old+c.New+c.Field+string(c.Entity))
	}
	// A second time is no second time.
	refusals, err = f.Erase(t.Context(), "olena", []submission.Submission{got})
	f.ok(errors.Join(append(refusals, err)...))
	again, err := f.Changes(t.Context(), "A")
	f.ok(err)
	f.same(len(changes), len(again))
	f.ok(f.beside().Scrub(t.Context()))
}

func testRetention(t *testing.T, f *fixture) {
	ctx := t.Context()
	f.queue("D1", "D2", "D3")
	for range 3 {
		c, call := f.create("one")
		f.settle(c, call, done(5))
	}
	f.kept("R", submission.Refused, nil)
	f.kept("H", submission.Held, nil)
	f.clock.advance(24 * time.Hour)
	n, err := f.Empty(ctx, submission.Delivered, 25*time.Hour, 10)
	f.ok(err)
	f.same(0, n)
	n, err = f.Empty(ctx, submission.Delivered, 24*time.Hour-time.Minute, 2)
	f.ok(err)
	f.same(2, n)
	f.same(true, f.get("D3").EmptiedAt.IsZero())
	f.same([]form.Pair{{Name: "name", Value: "Taras"}}, f.get("D3").Pairs)
	n, err = f.Empty(ctx, submission.Delivered, time.Hour, 2)
	f.ok(err)
	f.same(1, n)
	n, err = f.Empty(ctx, submission.Delivered, time.Hour, 2)
	f.ok(err)
	f.same(0, n)
	got := f.get("D1")
	f.same(0, len(got.Pairs)+len(got.Entity))
	f.same(int64(5), got.CRMID)
	n, err = f.Empty(ctx, submission.Refused, time.Hour, 10)
	f.ok(err)
	f.same(1, n)
	for _, state := range []submission.State{submission.Held, submission.Rejected, submission.Queued, submission.Uncertain, submission.Sending, "nonsense"} {
		if _, err := f.Empty(ctx, state, 0, 10); err == nil {
			t.Errorf("%s expires", state)
		}
	}
	f.same(1, len(f.get("H").Pairs))
}

func testWalk(t *testing.T, f *fixture) {
	ctx := t.Context()
	start := f.clock.Now()
	for i := range 3 * walkPage {
		f.kept(fmt.Sprintf("S%03d", i), submission.Held, func(s *submission.Submission) {
			s.Reason = submission.ReasonTest
			s.Pairs = []form.Pair{{Name: "name", Value: fmt.Sprintf("Ївга %d", i)}, {Name: "phone", Value: "050 111 22 33"}}
			if i%2 == 0 {
				s.Profile, s.Reason = "other", submission.ReasonMapping
				s.Pairs[1].Value = "дзвоніть +38 (067) 222-33-44 після 18:00"
			}
		})
		f.clock.advance(time.Minute)
	}
	count := func(filter Filter) (n int) {
		for s, err := range f.All(ctx, filter) {
			f.ok(err)
			if n++; len(s.Pairs) != 2 {
				t.Fatalf("%s has %d pairs", s.ID, len(s.Pairs))
			}
		}
		return n
	}
	person := func(text string) submission.Person {
		p, ok := submission.NewPerson(text)
		f.same(true, ok)
		return p
	}
	for name, tt := range map[string]struct {
		filter Filter
		want   int
	}{
		"all":           {Filter{}, 192},
		"profile":       {Filter{Profile: "other"}, 96},
		"state":         {Filter{States: []submission.State{submission.Held}}, 192},
		"another state": {Filter{States: []submission.State{submission.Queued}}, 0},
		"two states":    {Filter{Profile: "other", States: []submission.State{submission.Queued, submission.Held}, Until: start.Add(10 * time.Minute)}, 5},
		"reason":        {Filter{Reason: submission.ReasonTest, Oldest: true}, 96},
		"text":          {Filter{Text: "їВГА 19"}, 3},
		"since":         {Filter{Since: start.Add(190 * time.Minute)}, 2},
		"until":         {Filter{Until: start.Add(10 * time.Minute), Oldest: true}, 10},
		"between":       {Filter{Since: start.Add(10 * time.Minute), Until: start.Add(70 * time.Minute)}, 60},
		"tomorrow":      {Filter{Since: start.Add(24 * time.Hour)}, 0},
		"a phone":       {Filter{Person: person("+380501112233")}, 96},
		"in a comment":  {Filter{Person: person("0672223344")}, 96},
		"nobody":        {Filter{Person: person("0672223345")}, 0},
		"all of it":     {Filter{Profile: "other", States: []submission.State{submission.Held}, Text: "ївга 1", Since: start, Oldest: true}, 51},
	} {
		if got := count(tt.filter); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
	rows, err := f.List(ctx, Filter{Text: "Ївга 1", Look: 100, Limit: 1000})
	looked, ok := errors.AsType[*Looked](err)
	if !ok || looked.N < 100 || len(rows) == 0 || rows[0].Pairs != nil {
		t.Fatalf("%v, %d rows", err, len(rows))
	}
	more, err := f.List(ctx, Filter{Text: "Ївга 1", Before: looked.Before, Limit: 1000})
	f.ok(err)
	f.same(103, len(rows)+len(more))
	if _, err := f.List(ctx, Filter{States: []submission.State{"held", "' OR 1 = 1 --"}}); err == nil {
		t.Error("a state that there is not was asked for")
	}
}

func testCorrectedBy(t *testing.T, f *fixture) {
	ctx := t.Context()
	post := func(id string, state submission.State, profile string, pairs ...string) {
		f.kept(id, state, func(s *submission.Submission) {
			s.Profile, s.Pairs = profile, nil
			for i := 0; i < len(pairs); i += 2 {
				s.Pairs = append(s.Pairs, form.Pair{Name: pairs[i], Value: pairs[i+1]})
			}
			if state == submission.Queued {
				s.Entity, s.SourceUUID = []byte(`{"buyer":{"email":"olena@shop.example","phone":"+380501112233"}}`), id
			}
		})
	}
	keyed := func(id string, state submission.State, key int64) {
		f.kept(id, state, func(s *submission.Submission) {
			s.Signs, s.Pairs = submission.Signs{Data: []byte(id), Key: key, Keyed: key + 1}, nil
		})
	}
	keyed("K1", submission.Refused, 7)
	keyed("K2", submission.Refused, 9)
	keyed("K3", submission.Held, 7)
	post("R1", submission.Refused, "landing", "phone", "8 (050) 111-22-33", "email", "olena@")
	post("R2", submission.Refused, "landing", "email", "Olena@Shop.example")
	post("R3", submission.Refused, "landing", "phone", "0679998877")
	post("R4", submission.Refused, "other", "phone", "0501112233")
	f.clock.advance(59 * time.Minute)
	test := func(id string, reason submission.Reason, signals ...submission.Signal) {
		f.kept(id, submission.Held, func(s *submission.Submission) {
			s.Pairs, s.Reason, s.Signals = []form.Pair{{Name: "phone", Value: "0501112233"}, {Name: "_test", Value: "1"}}, reason, signals
		})
	}
	test("T1", submission.ReasonTest) // tests are no visitor's answer
	test("T2", submission.ReasonMapping, submission.Signal{Reason: submission.ReasonMapping}, submission.Signal{Reason: submission.ReasonTest})
	post("Q", submission.Queued, "landing", "phone", "050 111 22 33")
	post("R5", submission.Refused, "landing", "phone", "0501112233") // after it
	f.clock.advance(10 * time.Hour)
	post("R6", submission.Refused, "landing", "phone", "0501112244")
	for i := range walkPage + 5 {
		post(fmt.Sprintf("N%d", i), submission.Held, "landing", "phone", "0631234567")
	}
	post("R7", submission.Refused, "landing", "phone", "0501112244")
	post("H", submission.Held, "landing", "tel", "+380 50 111 22 44", "sku", "123456789012")
	f.clock.advance(2 * time.Hour)
	post("late", submission.Held, "landing", "phone", "0679998877")
	got, err := f.CorrectedBy(ctx, "R7", "R1", "R2", "R3", "R4", "R5", "R6", "Q", "K1", "K2")
	f.ok(err)
	f.same(map[string]string{"K1": "K3", "R1": "Q", "R2": "Q", "R6": "H", "R7": "H"}, got)
	_, err = f.CorrectedBy(ctx, "Z")
	f.is(err, submission.ErrNotFound)
}

func testPauseByOps(t *testing.T, f *fixture) {
	ctx := t.Context()
	f.queue("A", "B")
	c, call := f.create("one")
	f.ok(f.beside().PauseByOps(ctx, "main", "stocktaking"))
	f.settle(c, call, done(1)) // a call that was under way ends well, and resumes nothing
	account, err := f.Account(ctx, "main")
	f.ok(err)
	f.same(pace.Account{Name: "main", Paused: "stocktaking", ByOps: true}, account)
	_, ok, err := f.NextDue(ctx, "main")
	f.ok(err)
	f.same(false, ok)
	claim := f.claim("one", 1)[0]
	_, err = f.Begin(ctx, claim, submission.Create, minute, lease)
	f.waits(err, "paused")
	_, err = f.BeginProbe(ctx, "main", "one", minute)
	f.waits(err, "paused")
	all, err := f.Accounts(ctx)
	f.ok(err)
	f.same([]pace.Account{account}, all)
	f.ok(f.beside().ResumeByOps(ctx, "main"))
	f.begin(claim, submission.Create)
}

// While ops change and erase, the server takes and delivers.
func TestBesideTheServer(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := f.beside()
	var visitors sync.WaitGroup
	for v := range 4 {
		visitors.Go(func() {
			for i := range 25 {
				s := f.order(fmt.Sprintf("V%d-%d", v, i))
				s.State, s.Entity, s.SourceUUID = submission.Held, nil, ""
				if err := f.Accept(t.Context(), s, revision()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	visitors.Go(func() {
		for range 5 {
			if err := b.Scrub(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
	visitors.Wait()
	n := 0
	for s, err := range b.All(t.Context(), Filter{States: []submission.State{submission.Held}, Oldest: true}) {
		f.ok(err)
		refusals, err := b.Erase(t.Context(), "olena", []submission.Submission{s})
		f.ok(errors.Join(append(refusals, err)...))
		n++
	}
	f.same(100, n)
	f.is(b.Accept(t.Context(), f.order("X"), revision()), errClosed)
}

// Where a database is too large to be rewritten at once, the pages that long values had to themselves are overwritten all the same. (What
// SQLite moved about when rows came in only goes with rewriting.)
func TestErasedRowsAreOverwritten(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const secret = "VISITORMARKER"
	for i := range 30 {
		f.kept(fmt.Sprintf("A%d", i), submission.Held, func(s *submission.Submission) {
			s.Pairs = []form.Pair{{Name: "comment", Value: strings.Repeat("x", 20_000+i) + secret}}
		})
	}
	b := f.beside()
	for s, err := range b.All(t.Context(), Filter{}) {
		f.ok(err)
		refusals, err := b.Erase(t.Context(), "olena", []submission.Submission{s})
		f.ok(errors.Join(append(refusals, err)...))
	}
	f.ok(b.Truncate(t.Context()))
	f.nowhere(b, secret)
}

// nowhere makes sure that no file of the database holds a text.
func (f *fixture) nowhere(b *Beside, text string) {
	f.t.Helper()
	files := b.Files()
	f.same(2, len(files))
	for _, file := range files {
		content, err := os.ReadFile(file)
		f.ok(err)
		if bytes.Contains(content, []byte(text)) {
			f.t.Errorf("%s holds it still", file)
		}
	}
}

// What was erased is in no byte of the files, also what had been moved about in them before.
func TestScrubLeavesNoTrace(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const secret = "VISITORMARKER"
	for i := range 40 {
		s := f.order(fmt.Sprintf("A%d", i))
		s.Pairs = []form.Pair{{Name: secret, Value: strings.Repeat(secret, 1+i*20)}}
		s.Entity, s.SourceUUID, s.Raw = []byte(`{"a":"`+secret+`"}`), secret+s.ID, []byte(secret)
		s.Visitor.UserAgent = secret
		f.ok(f.Accept(t.Context(), s, revision()))
		c, call := f.create("one")
		f.settle(c, call, keycrm.Answer{Outcome: keycrm.Rejected, Text: secret, Messages: []keycrm.Message{{Text: secret}}})
		d := queued(f.get(s.ID))
		d.Next.Pairs = []form.Pair{{Name: secret, Value: secret}}
		d.Changes = append(d.Changes, submission.Change{Who: "olena", Kind: submission.FieldSet, Field: secret, Old: secret, New: secret, Entity: s.Entity})
		f.ok(f.decide(d))
		c, call = f.create("one")
		f.settle(c, call, done(int64(i+1)))
		f.clock.advance(time.Minute)
	}
	b := f.beside()
	for s, err := range b.All(t.Context(), Filter{}) {
		f.ok(err)
		refusals, err := b.Erase(t.Context(), "olena", []submission.Submission{s})
		f.ok(errors.Join(append(refusals, err)...))
	}
	f.ok(b.Scrub(t.Context()))
	f.nowhere(b, secret)
	f.queue("after") // the server's prepared statements outlive the rewriting
}

func TestBesideFailsInWords(t *testing.T) {
	t.Parallel()
	_, err := OpenBeside(t.Context(), "sqlite:"+t.TempDir()+"/none.db")
	if err == nil || !strings.Contains(err.Error(), "there is no database at") {
		t.Errorf("%v", err)
	}
	path := t.TempDir() + "/old.db"
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err = OpenBeside(t.Context(), "sqlite:"+path); !errors.Is(err, errOtherSchema) {
		t.Errorf("%v", err)
	}
}

// What is copied elsewhere is not changed beside the move, whether it goes on or is done.
func testSteeringStopsForAMove(t *testing.T, f *fixture) {
	s := f.rejected("A")
	b := f.beside()
	mark := func(token, role string, done int) {
		t.Helper()
		f.ok(f.update(t.Context(), func(t *tx) error {
			_, err := t.exec(f.t.Context(), `INSERT INTO moves (token, role, other, begun_at, done_at) VALUES (?, ?, 'there', ?, ?)`,
				token, role, micros(f.clock.Now()), done)
			return err
		}))
		f.clock.advance(time.Second)
	}
	refused := func(want string) {
		t.Helper()
		_, err := b.Decide(t.Context(), []Decision{queued(s)})
		_, opened := openBeside(t.Context(), f.url, f.clock.Now)
		for _, err := range []error{err, opened} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want one that says %q", err, want)
			}
		}
	}
	mark("1", roleTarget, 0)
	refused("the move into it broke off")
	mark("2", roleSource, 0)
	refused("has begun to move it")
	mark("3", roleSource, 1)
	refused("it was moved to there")
	f.same(submission.Rejected, f.get("A").State)
}

// On a server the two have a lock in common.
func TestSteeringKeepsAMoveAway(t *testing.T) {
	t.Parallel()
	f := &fixture{t: t, url: postgres.Database(t), clock: newClock()}
	f.open()
	f.ok(f.Close())
	b, err := OpenBeside(t.Context(), f.url)
	f.ok(err)
	_, err = enterAlone(t.Context(), f.url, zerolog.Nop(), true)
	f.is(err, errBusy)
	f.ok(b.Close())
	p, err := enterAlone(t.Context(), f.url, zerolog.Nop(), true)
	f.ok(err)
	_, err = OpenBeside(t.Context(), f.url)
	f.is(err, errBusy)
	f.ok(p.close())
}
