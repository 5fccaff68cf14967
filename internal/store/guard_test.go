package store

import (
	"testing"
	"time"

	"formrelay/internal/submission"
)

// unproved stores a queued order whose captcha is to be verified.
func (f *fixture) unproved(id string) {
	f.t.Helper()
	s := f.order(id)
	s.Captcha = submission.Captcha{Secret: "shop", Answer: "XXXX.DUMMY"}
	f.ok(f.Accept(f.t.Context(), s, revision()))
	f.clock.advance(time.Millisecond)
}

func (f *fixture) checks(owner string, n int) []submission.Claim {
	f.t.Helper()
	claims, err := f.ClaimChecks(f.t.Context(), owner, n, lease)
	f.ok(err)
	return claims
}

// What the guard found stays with the submission whatever becomes of it, is found by each of its reasons, and goes with its values. An
// answer of a captcha that nobody has to verify is not stored at all.
func testGuard(t *testing.T, f *fixture) {
	signals := []submission.Signal{{Reason: submission.ReasonSpam, Text: "the trap was filled"}, {Reason: submission.ReasonRate, Text: `"reason":"block"`}}
	f.kept("H", submission.Held, func(s *submission.Submission) {
		s.Entity, s.Reason, s.Signals = []byte(`{}`), submission.ReasonSpam, signals
		s.Captcha = submission.Captcha{Secret: "shop", Answer: "XXXX.DUMMY"}
	})
	f.queue("Q")
	got := f.get("H")
	f.same(signals, got.Signals)
	f.same(false, got.Captcha.Pending())
	for reason, want := range map[submission.Reason][]string{
		submission.ReasonSpam: {"H"}, submission.ReasonRate: {"H"}, submission.ReasonBlock: nil, submission.ReasonTime: nil, "%": nil,
	} {
		found, err := f.List(t.Context(), Filter{Reason: reason})
		f.ok(err)
		var ids []string
		for _, s := range found {
			ids = append(ids, s.ID)
		}
		f.same(want, ids)
	}
	f.ok(f.decide(queued(got)))
	f.same(signals, f.get("H").Signals)
	f.same([]string{"Q", "H"}, f.claimed("me", 5))
	gone := f.get("H")
	gone.State = submission.Discarded
	f.ok(f.decide(Decision{Seen: f.get("H"), Next: gone}))
	refusals, err := f.Erase(t.Context(), "olena", []submission.Submission{f.get("H")})
	f.ok(err)
	f.ok(refusals[0])
	f.same(0, len(f.get("H").Signals))
}

// No courier gets a submission before its captcha was verified, whatever the account's health; afterwards the answer is gone.
func testChecks(t *testing.T, f *fixture) {
	f.unproved("GOOD")
	f.unproved("BAD")
	f.unproved("UNSURE")
	f.same(0, len(f.claim("courier", 5)))
	_, waits, err := f.NextDue(t.Context(), "main")
	f.ok(err)
	f.same(false, waits)
	claims := f.checks("checker", 2)
	f.same("XXXX.DUMMY", claims[0].Captcha.Answer)
	claims = append(claims, f.checks("other", 5)...)
	f.same(3, len(claims))
	f.same(0, len(f.checks("third", 5)))
	bad := submission.Signal{Reason: submission.ReasonCaptcha, Text: "the answer is wrong"}
	unsure := submission.Signal{Reason: submission.ReasonCaptcha, Text: "nobody could tell"}
	for i, v := range []submission.Verdict{{}, {Hold: true, Signal: bad}, {Signal: unsure}} {
		f.ok(f.SettleCheck(t.Context(), claims[i], v))
	}
	f.same([]string{"GOOD", "UNSURE"}, f.claimed("courier", 5))
	held := f.get("BAD")
	f.same(submission.Held, held.State)
	f.same(submission.ReasonCaptcha, held.Reason)
	f.same(bad.Text, held.Error)
	f.same([]submission.Signal{bad}, held.Signals)
	f.same(f.clock.Now(), held.SettledAt)
	f.same([]submission.Signal{unsure}, f.get("UNSURE").Signals)
	for _, id := range []string{"GOOD", "BAD", "UNSURE"} {
		f.same(submission.Captcha{}, f.get(id).Captcha)
	}
	f.same(0, len(f.checks("checker", 5)))
}

// A checker that was too slow, or that ops have overtaken, settles nothing; what it had is another's.
func testChecksAreFenced(t *testing.T, f *fixture) {
	f.unproved("SLOW")
	slow := f.checks("slow", 1)[0]
	f.clock.advance(2 * lease)
	f.expire(1)
	quick := f.checks("quick", 1)[0]
	f.same(false, slow.Captcha.Asked)
	f.same(true, quick.Captcha.Asked)
	f.is(f.SettleCheck(t.Context(), slow, submission.Verdict{Hold: true}), submission.ErrFenced)
	f.ok(f.SettleCheck(t.Context(), quick, submission.Verdict{}))
	f.is(f.SettleCheck(t.Context(), quick, submission.Verdict{Hold: true}), submission.ErrFenced)

	f.unproved("GIVENUP")
	c := f.checks("one", 1)[0]
	next := f.get("GIVENUP")
	next.State = submission.Discarded
	f.ok(f.decide(Decision{Seen: f.get("GIVENUP"), Next: next}))
	f.is(f.SettleCheck(t.Context(), c, submission.Verdict{}), submission.ErrFenced)
	got := f.get("GIVENUP")
	f.same(submission.Discarded, got.State)
	f.same(false, got.Captcha.Pending())
	if _, err := f.ClaimChecks(t.Context(), "", 1, lease); err == nil {
		t.Error("a claim without an owner")
	}
}

// A process that died while it verified leaves a lease. When that ends another takes over, although no courier of the account is there to
// free what it had: the account may have been taken out of the configuration, and ops still want to know what is spam.
func testChecksOfTheDead(t *testing.T, f *fixture) {
	f.unproved("LEFT")
	dead := f.checks("dead", 1)[0]
	f.clock.advance(lease - time.Second)
	f.same(0, len(f.checks("next", 5)))
	f.clock.advance(2 * time.Second)
	again := f.checks("next", 5)
	f.same(1, len(again))
	f.same(true, again[0].Captcha.Asked)
	f.same(0, len(f.checks("third", 5)))
	f.is(f.SettleCheck(t.Context(), dead, submission.Verdict{Hold: true}), submission.ErrFenced)
	f.ok(f.SettleCheck(t.Context(), again[0], submission.Verdict{}))
	f.same([]string{"LEFT"}, f.claimed("courier", 5))
	f.clock.advance(2 * lease)
	f.same(0, len(f.checks("next", 5))) // what a courier had is the courier's
}

// An own key is made once: whoever asks again, also after a restart, gets the same.
func testOwnKeys(t *testing.T, f *fixture) {
	first, err := f.Key(t.Context(), "token")
	f.ok(err)
	f.same(keySize, len(first))
	other, err := f.Key(t.Context(), "other")
	f.ok(err)
	if string(other) == string(first) {
		t.Error("two names have one key")
	}
	f.open()
	again, err := f.Key(t.Context(), "token")
	f.ok(err)
	f.same(first, again)
}

// The store tells that there is something to verify, and only then; the courier of the account is told nothing, it could not have it.
func TestOnCheck(t *testing.T) {
	t.Parallel()
	f := &fixture{t: t, url: sqliteDatabase(t), clock: newClock()}
	told := make(chan struct{}, 5)
	woken := make(chan string, 5)
	s, err := Open(t.Context(), Options{URL: f.url, Now: f.clock.Now, OnCheck: func() { told <- struct{}{} }, OnAccept: func(a string) { woken <- a }})
	f.ok(err)
	f.Store = s
	t.Cleanup(func() { f.ok(s.Close()) })
	f.unproved("A")
	<-told
	f.queue("B")
	f.same("main", <-woken)
	select {
	case <-told:
		t.Error("told although there is nothing to verify")
	case a := <-woken:
		t.Errorf("%s was woken for what it cannot have", a)
	default:
	}
}
