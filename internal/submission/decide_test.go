package submission

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"formrelay/internal/keycrm"
)

const settle = time.Minute

// epoch is when everything in these tests was sent.
func epoch() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func order() Submission {
	return Submission{ID: "0123456789ABCDEFGHJKMNPQRS", Kind: keycrm.KindOrder, SourceUUID: "0123456789ABCDEFGHJKMNPQRS", SourceID: 22, Attempt: 3, Failures: 2}
}

func card(mark string) Submission {
	return Submission{ID: "0123456789ABCDEFGHJKMNPQRS", Kind: keycrm.KindCard, Mark: mark, Attempt: 3, Failures: 2}
}

func TestAfterCreate(t *testing.T) {
	t.Parallel()
	messages := []keycrm.Message{{Path: "buyer.email", Text: "The email is invalid."}, {Text: "Try again."}}
	for _, tc := range []struct {
		name   string
		s      Submission
		answer keycrm.Answer
		want   Settlement
	}{
		{"Done", order(), keycrm.Answer{Outcome: keycrm.Done, ID: 4711, Text: "created"}, Settlement{State: Delivered, CRMID: 4711, Failures: 2}},
		{"DoneWithoutID", order(), keycrm.Answer{Outcome: keycrm.Done, Text: "no id"}, Settlement{State: Uncertain, Broke: true, Failures: 3, Wait: FirstLook, Error: "no id"}},
		{"Limited", order(), keycrm.Answer{Outcome: keycrm.Limited, RetryAfter: time.Hour, Text: "too many"}, Settlement{State: Queued, KeepDue: true, Failures: 2, Error: "too many"}},
		{"Unauthorised", order(), keycrm.Answer{Outcome: keycrm.Unauthorised, Text: "no token"}, Settlement{State: Queued, KeepDue: true, Failures: 2, Error: "no token"}},
		{"WrongAddress", order(), keycrm.Answer{Outcome: keycrm.WrongAddress, Text: "not KeyCRM"}, Settlement{State: Queued, KeepDue: true, Failures: 2, Error: "not KeyCRM"}},
		{"Rejected", order(), keycrm.Answer{Outcome: keycrm.Rejected, Text: "KeyCRM refused it.", Messages: messages}, Settlement{
			State: Rejected, Failures: 2, Error: "KeyCRM refused it. buyer.email: The email is invalid.; Try again.",
		}},
		{"Duplicate", order(), keycrm.Answer{Outcome: keycrm.Duplicate, Text: "taken"}, Settlement{State: Uncertain, Reason: ReasonDuplicate, Broke: true, Failures: 3, Error: "taken"}},
		{"Uncertain", order(), keycrm.Answer{Outcome: keycrm.Uncertain, Text: "reset"}, Settlement{State: Uncertain, Broke: true, Failures: 3, Wait: FirstLook, Error: "reset"}},
		{"UncertainThatAsksToWait", order(), keycrm.Answer{Outcome: keycrm.Uncertain, RetryAfter: 30 * time.Second}, Settlement{State: Uncertain, Broke: true, Failures: 3, Wait: 30 * time.Second}},
		{"UncertainThatAsksForADay", order(), keycrm.Answer{Outcome: keycrm.Uncertain, RetryAfter: 24 * time.Hour}, Settlement{State: Uncertain, Broke: true, Failures: 3, Wait: MaxBackoff}},
		{"Unknown", order(), keycrm.Answer{Outcome: "new"}, Settlement{State: Uncertain, Broke: true, Failures: 3, Wait: FirstLook}},
		{"CardWithMark", card("m"), keycrm.Answer{Outcome: keycrm.Uncertain}, Settlement{State: Uncertain, Broke: true, Failures: 3, Wait: FirstLook}},
		{"CardWithoutMark", card(""), keycrm.Answer{Outcome: keycrm.Uncertain, Text: "Reset."}, Settlement{
			State: Held, Reason: ReasonUncertain, Broke: true, Failures: 3,
			Error: "KeyCRM may have this card, and it carries no mark by which it could be found: look in KeyCRM whether it is there. Reset.",
		}},
		{"CardWithoutMarkDelivered", card(""), keycrm.Answer{Outcome: keycrm.Done, ID: 1}, Settlement{State: Delivered, CRMID: 1, Failures: 2}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.want.Answer = tc.answer
			if diff := cmp.Diff(tc.want, AfterCreate(tc.s, tc.answer)); diff != "" {
				t.Errorf("settlement (-want +got):\n%s", diff)
			}
		})
	}
}

// A create that never connected waits twice as long each time, up to an hour, for ever.
func TestNotSentBacksOff(t *testing.T) {
	t.Parallel()
	s := order()
	s.Failures = 0
	for n := 1; n <= 100; n++ {
		st := AfterCreate(s, keycrm.Answer{Outcome: keycrm.NotSent})
		longest := MaxBackoff
		if n <= 11 {
			longest = MinBackoff << (n - 1)
		}
		if st.State != Queued || st.Broke || st.Failures != n || st.Wait < longest/2 || st.Wait > longest {
			t.Fatalf("failure %d: %s, %d failures, wait %s of at most %s", n, st.State, st.Failures, st.Wait, longest)
		}
		s.Failures, s.Attempt = st.Failures, s.Attempt+1
	}
}

// Submissions that failed together do not come back together.
func TestBackoffSpreads(t *testing.T) {
	t.Parallel()
	const n = 1000
	s := order()
	seen := map[time.Duration]bool{}
	var sum time.Duration
	for range n {
		s.ID = NewID()
		w := AfterCreate(s, keycrm.Answer{Outcome: keycrm.NotSent}).Wait
		seen[w] = true
		sum += w
	}
	if len(seen) < n/2 {
		t.Errorf("%d submissions got only %d different pauses", n, len(seen))
	}
	// The third failure: 4 s to 8 s, so 6 s in the middle.
	if mean := sum / n; mean < 5800*time.Millisecond || mean > 6200*time.Millisecond {
		t.Errorf("the mean pause is %s, want about 6s", mean)
	}
}

func TestAfterLookUp(t *testing.T) {
	t.Parallel()
	broke := epoch()
	uncertain := order()
	uncertain.State, uncertain.Error, uncertain.SentAt, uncertain.BrokeAt = Uncertain, "it broke", broke.Add(-time.Second), broke
	duplicate := uncertain
	duplicate.Reason = ReasonDuplicate
	unknown := uncertain
	unknown.BrokeAt = unknown.SentAt.Add(-time.Hour) // an earlier create's
	done := func(found int64, more bool) keycrm.Page {
		return keycrm.Page{Answer: keycrm.Answer{Outcome: keycrm.Done, Text: "read"}, Found: found, More: more}
	}
	failed := func(o keycrm.Outcome) keycrm.Page { return keycrm.Page{Answer: keycrm.Answer{Outcome: o, Text: "why"}} }
	for _, tc := range []struct {
		name  string
		s     Submission
		began time.Duration // after the break
		page  keycrm.Page
		want  Settlement
	}{
		{"Found", uncertain, time.Second, done(9, false), Settlement{State: Delivered, CRMID: 9, Failures: 2}},
		{"FoundThoughMorePages", uncertain, time.Second, done(9, true), Settlement{State: Delivered, CRMID: 9, Failures: 2}},
		{"FoundDuplicate", duplicate, time.Second, done(9, false), Settlement{State: Delivered, CRMID: 9, Failures: 2}},
		{"MorePages", uncertain, time.Hour, done(0, true), Settlement{State: Uncertain, Keep: true, Failures: 2, Error: "it broke"}},
		{"TooEarly", uncertain, 2 * time.Second, done(0, false), Settlement{State: Uncertain, Failures: 2, Error: "it broke", Wait: settle - 2*time.Second + time.Millisecond}},
		{"AMomentTooEarly", uncertain, settle - 1, done(0, false), Settlement{State: Uncertain, Failures: 2, Error: "it broke", Wait: 1 + time.Millisecond}},
		{"LateEnough", uncertain, settle, done(0, false), Settlement{State: Queued, Failures: 2, Error: "KeyCRM does not have it: it is sent again"}},
		{"BreakUnknown", unknown, settle, done(0, false), Settlement{State: Uncertain, Broke: true, Failures: 2, Error: "it broke", Wait: settle}},
		{"DuplicateLateEnough", duplicate, DuplicateSettles * settle, done(0, false), Settlement{
			State: Rejected, Failures: 2,
			Error: "KeyCRM refuses its source_uuid as taken, yet shows no order with it from this source since it was first sent. " +
				"Most likely another order has that number: look in KeyCRM. it broke",
		}},
		{"Unfindable", card(""), 0, done(0, false), Settlement{
			State: Held, Reason: ReasonUncertain, Failures: 2,
			Error: "KeyCRM may have this card, and it carries no mark by which it could be found: look in KeyCRM whether it is there.",
		}},
		{"UnfindableAndUnanswered", card(""), 0, failed(keycrm.NotSent), Settlement{
			State: Held, Reason: ReasonUncertain, Failures: 2,
			Error: "KeyCRM may have this card, and it carries no mark by which it could be found: look in KeyCRM whether it is there.",
		}},
		{"Limited", duplicate, settle, failed(keycrm.Limited), Settlement{State: Uncertain, KeepDue: true, Reason: ReasonDuplicate, Failures: 2, Error: "why"}},
		{"Unauthorised", uncertain, settle, failed(keycrm.Unauthorised), Settlement{State: Uncertain, KeepDue: true, Failures: 2, Error: "why"}},
		{"WrongAddress", uncertain, settle, failed(keycrm.WrongAddress), Settlement{State: Uncertain, KeepDue: true, Failures: 2, Error: "why"}},
		{"RefusedForGood", uncertain, settle, keycrm.Page{Answer: keycrm.Answer{
			Outcome: keycrm.Rejected, Text: "KeyCRM refused it for good.", Messages: []keycrm.Message{{Text: "The lead module is switched off."}},
		}}, Settlement{
			State: Uncertain, Failures: 2, Wait: lookAgain(uncertain, broke.Add(settle), 0),
			Error: "KeyCRM may have it, and refuses the look-up that would tell: mend what it says, or look in KeyCRM yourself; " +
				"it is asked again and again. The lead module is switched off.",
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.want.Answer = tc.page.Answer
			if diff := cmp.Diff(tc.want, AfterLookUp(tc.s, broke.Add(tc.began), settle, tc.page)); diff != "" {
				t.Errorf("settlement (-want +got):\n%s", diff)
			}
		})
	}
}

// What KeyCRM refused for its source_uuid is looked for longer, because KeyCRM says that it is there, and never sent again.
func TestDuplicateIsLookedForLonger(t *testing.T) {
	t.Parallel()
	s := order()
	s.State, s.Reason, s.SentAt, s.BrokeAt = Uncertain, ReasonDuplicate, epoch(), epoch()
	for _, since := range []time.Duration{0, settle, 2 * settle, DuplicateSettles*settle - 1} {
		st := AfterLookUp(s, epoch().Add(since), settle, keycrm.Page{Answer: keycrm.Answer{Outcome: keycrm.Done}})
		if st.State != Uncertain || st.Reason != ReasonDuplicate || st.Wait < MinBackoff || st.Wait > MaxLookPause {
			t.Errorf("a miss %s after the refusal: %s, reason %q, again in %s", since, st.State, st.Reason, st.Wait)
		}
	}
}

// A look-up that fails in whatever way leaves the submission uncertain, and the pause grows with the time since the break.
func TestFailedLookUpProvesNothing(t *testing.T) {
	t.Parallel()
	s := order()
	s.State, s.SentAt, s.BrokeAt = Uncertain, epoch(), epoch()
	for _, o := range []keycrm.Outcome{keycrm.Rejected, keycrm.Duplicate, keycrm.NotSent, keycrm.Uncertain, "new"} {
		for _, since := range []time.Duration{0, 2 * time.Second, time.Minute, 24 * time.Hour, 365 * 24 * time.Hour} {
			st := AfterLookUp(s, epoch().Add(since), settle, keycrm.Page{Answer: keycrm.Answer{Outcome: o}, Found: 7})
			least := min(max(since, MinBackoff), MaxLookPause/2)
			if st.State != Uncertain || st.Broke || st.Keep || st.CRMID != 0 || st.Wait < least || st.Wait > 2*least {
				t.Errorf("%s after %s: %s, wait %s, want %s to %s", o, since, st.State, st.Wait, least, 2*least)
			}
		}
	}
	s.BrokeAt = time.Time{}
	if w := AfterLookUp(s, epoch(), settle, keycrm.Page{}).Wait; w > 2*MinBackoff {
		t.Errorf("where the break is unknown the pause is %s", w)
	}
	asked := keycrm.Page{Answer: keycrm.Answer{Outcome: keycrm.Uncertain, RetryAfter: 20 * time.Minute}}
	if w := AfterLookUp(s, epoch(), settle, asked).Wait; w != 20*time.Minute {
		t.Errorf("a 503 that asks for 20 minutes is obeyed with %s", w)
	}
}

// What breaks each time it is sent waits longer each time; what broke once or twice is sent again at once.
func TestSentAgainBacksOff(t *testing.T) {
	t.Parallel()
	s := order()
	s.State, s.SentAt, s.BrokeAt = Uncertain, epoch(), epoch()
	for failures, want := range map[int]time.Duration{1: 0, 5: 0, 9: MinBackoff<<8/2 - settle, 40: MaxBackoff/2 - settle} {
		s.Failures = failures
		st := AfterLookUp(s, epoch().Add(settle), settle, keycrm.Page{Answer: keycrm.Answer{Outcome: keycrm.Done}})
		if st.State != Queued || st.Wait < want || st.Wait > 2*(want+settle) || want == 0 && st.Wait != 0 {
			t.Errorf("after %d broken creates it is %s, due in %s", failures, st.State, st.Wait)
		}
	}
}

func TestQuery(t *testing.T) {
	t.Parallel()
	now := epoch().Add(10 * time.Minute)
	o := order()
	o.SourceUUID = "A-17" // mapped
	o.FirstSent, o.SentAt = epoch(), epoch().Add(9*time.Minute)
	c := card("[formrelay 1]")
	c.MarkField, c.FirstSent = "LD_1", epoch()
	never := card("[formrelay 1]")
	own := o
	own.SourceUUID = own.ID
	broken := c
	broken.SentAt, broken.BrokeAt = epoch(), epoch().Add(time.Minute)
	breaking := broken
	breaking.BrokeAt = now.Add(-time.Second)
	stale := broken
	stale.SentAt = broken.BrokeAt.Add(time.Minute)
	mark := keycrm.Query{Kind: keycrm.KindCard, Mark: "[formrelay 1]", MarkField: "LD_1", From: epoch()}
	until := func(to time.Time) keycrm.Query { q := mark; q.To = to; return q }
	early := until(now)
	early.Early = true
	for _, tc := range []struct {
		name string
		s    Submission
		want keycrm.Query
	}{
		{"Order", o, keycrm.Query{Kind: keycrm.KindOrder, SourceID: 22, SourceUUID: o.SourceUUID, From: epoch(), To: now}},
		{"Card", c, keycrm.Query{Kind: keycrm.KindCard, Mark: "[formrelay 1]", MarkField: "LD_1", From: epoch(), To: now, Early: true}},
		{"OwnOrder", own, keycrm.Query{Kind: keycrm.KindOrder, SourceID: 22, SourceUUID: own.ID, Own: true, From: epoch(), To: now}},
		{"BrokeLongAgo", broken, until(broken.BrokeAt.Add(2 * time.Minute))},
		{"BrokeJustNow", breaking, early},
		{"BreakUnknown", stale, early},
		{"FirstSentUnknown", never, keycrm.Query{Kind: keycrm.KindCard, Mark: "[formrelay 1]", To: now, Early: true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, tc.s.Query(now, 2*time.Minute)); diff != "" {
				t.Errorf("query (-want +got):\n%s", diff)
			}
		})
	}
}

func TestErrorIsBounded(t *testing.T) {
	t.Parallel()
	for _, text := range []string{strings.Repeat("ж", 5000), strings.Repeat("x", maxError+1), strings.Repeat("€", 5000)} {
		st := AfterCreate(order(), keycrm.Answer{Outcome: keycrm.Rejected, Messages: []keycrm.Message{{Path: "products", Text: text}}})
		if len(st.Error) > maxError+len("…") || !utf8.ValidString(st.Error) || !strings.HasSuffix(st.Error, "…") {
			t.Errorf("%d bytes, valid %v", len(st.Error), utf8.ValidString(st.Error))
		}
	}
	if diff := cmp.Diff(Settlement{State: Rejected, Failures: 2}, AfterCreate(order(), keycrm.Answer{Outcome: keycrm.Rejected}),
		cmpopts.IgnoreFields(Settlement{}, "Answer")); diff != "" {
		t.Errorf("an answer without words (-want +got):\n%s", diff)
	}
}
