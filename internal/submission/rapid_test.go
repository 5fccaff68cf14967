package submission

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"formrelay/internal/keycrm"
)

// world plays one submission against a KeyCRM that may do anything, the way the store and the courier would.
type world struct {
	s      Submission
	now    time.Time
	maybe  time.Time // KeyCRM may have stored something until then, as far as the relay can know; zero: it cannot have
	stored bool      // it did store it
}

func outcomes() []keycrm.Outcome {
	return []keycrm.Outcome{
		keycrm.Done, keycrm.Limited, keycrm.Unauthorised, keycrm.WrongAddress, keycrm.Rejected, keycrm.Duplicate, keycrm.NotSent, keycrm.Uncertain,
	}
}

// apply is what Store.Settle does, with the arrows checked.
func (w *world) apply(t *rapid.T, st Settlement) {
	if !w.s.State.CanBecome(st.State) {
		t.Fatalf("%s became %s", w.s.State, st.State)
	}
	if st.Wait < 0 || st.Wait > MaxBackoff+settle {
		t.Fatalf("a pause of %s", st.Wait)
	}
	if st.State == Delivered && st.CRMID <= 0 {
		t.Fatal("delivered without an id")
	}
	w.s.State, w.s.Reason, w.s.Error, w.s.Failures, w.s.CRMID = st.State, st.Reason, st.Error, st.Failures, st.CRMID
	if st.Broke {
		w.s.BrokeAt = w.now
	}
	if !st.Keep {
		w.s.DueAt = w.now.Add(st.Wait)
	}
}

// create sends the submission once. Only an answer that proves that nothing happened takes away the doubt.
func (w *world) create(t *rapid.T) {
	if !w.maybe.IsZero() {
		t.Fatalf("sent again although KeyCRM may have it since %s", w.maybe)
	}
	w.s.State = Sending
	w.s.Attempt++
	w.s.SentAt = w.now
	w.now = w.now.Add(time.Duration(rapid.Int64Range(1, int64(20*time.Second)).Draw(t, "took")))
	if rapid.Bool().Draw(t, "process died") { // the lease ends later
		w.now = w.now.Add(time.Minute)
		w.s.State, w.s.BrokeAt, w.maybe = Uncertain, w.now, w.now
		return
	}
	a := keycrm.Answer{Outcome: rapid.SampledFrom(outcomes()).Draw(t, "outcome"), ID: rapid.Int64Range(0, 2).Draw(t, "id")}
	if a.Outcome == keycrm.Uncertain || a.Outcome == keycrm.Duplicate || a.Outcome == keycrm.Done && a.ID == 0 {
		w.maybe = w.now
		w.stored = rapid.Bool().Draw(t, "stored")
	}
	w.apply(t, AfterCreate(w.s, a))
}

// look asks once, over one to three pages. What KeyCRM stored it shows within settle of the break.
func (w *world) look(t *rapid.T) {
	began := w.now
	pages := rapid.IntRange(1, 3).Draw(t, "pages")
	shows := w.stored && (began.Sub(w.maybe) >= settle || rapid.Bool().Draw(t, "shows early"))
	for page := 1; ; page++ {
		w.s.Attempt++
		w.now = w.now.Add(time.Duration(rapid.Int64Range(1, int64(20*time.Second)).Draw(t, "took")))
		p := keycrm.Page{Answer: keycrm.Answer{Outcome: keycrm.Done}}
		if rapid.IntRange(0, 2).Draw(t, "fails") == 0 {
			p.Outcome = rapid.SampledFrom(outcomes()).Draw(t, "outcome")
		}
		if p.Outcome == keycrm.Done {
			p.More = page < pages
			if !p.More && shows {
				p.Found = 4711
			}
		}
		st := AfterLookUp(w.s, began, settle, p)
		w.apply(t, st)
		if st.State == Queued {
			if p.Outcome != keycrm.Done || p.More || shows || began.Sub(w.maybe) < settle {
				t.Fatalf("a look-up that began %s after the break and came to %+v was believed", began.Sub(w.maybe), p)
			}
			w.maybe = time.Time{}
		}
		if !st.Keep {
			return
		}
	}
}

// No sequence of answers leads from a row that may be in KeyCRM to a create, but for a look-up that went through every page and began
// late enough; and no state is left by an arrow that does not exist.
func TestNothingIsSentTwice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := &world{s: order(), now: epoch()}
		w.s.State, w.s.Failures = Queued, 0
		if rapid.Bool().Draw(t, "card") {
			w.s.Kind, w.s.Mark = keycrm.KindCard, rapid.SampledFrom([]string{"", "[formrelay 1]"}).Draw(t, "mark")
		}
		for range rapid.IntRange(1, 40).Draw(t, "calls") {
			// A row may be looked up before it is due (an outage's probe) and long after.
			w.now = w.now.Add(rapid.OneOf(
				rapid.Map(rapid.Int64Range(0, int64(2*settle)), func(n int64) time.Duration { return time.Duration(n) }),
				rapid.SampledFrom([]time.Duration{settle - 1, settle, settle + 1, DuplicateSettles * settle}),
			).Draw(t, "later"))
			switch w.s.State {
			case Queued:
				w.create(t)
			case Uncertain:
				w.look(t)
			default:
				if !w.s.State.Terminal() {
					t.Fatalf("stuck in %s", w.s.State)
				}
				return
			}
		}
	})
}

// Whatever the numbers, a pause is never negative nor above its bound, and it is the same for the same submission and attempt.
func TestBackoffBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := order()
		s.Failures = rapid.IntRange(0, 1<<40).Draw(t, "failures")
		s.Attempt = rapid.Int().Draw(t, "attempt")
		s.ID = rapid.String().Draw(t, "id")
		st := AfterCreate(s, keycrm.Answer{Outcome: keycrm.NotSent})
		if st.Wait < MinBackoff/2 || st.Wait > MaxBackoff {
			t.Fatalf("a pause of %s", st.Wait)
		}
		if again := AfterCreate(s, keycrm.Answer{Outcome: keycrm.NotSent}); again.Wait != st.Wait {
			t.Fatalf("%s and then %s", st.Wait, again.Wait)
		}
	})
}
