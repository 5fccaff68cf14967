package delivery

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"formrelay/internal/keycrm"
	"formrelay/internal/pace"
	"formrelay/internal/submission"
)

// uncertainCard is a card whose create broke just now.
func uncertainCard() submission.Submission {
	now := time.Now()
	return submission.Submission{
		Kind: keycrm.KindCard, Mark: "yes", State: submission.Uncertain, SentAt: now, FirstSent: now, BrokeAt: now,
	}
}

// KeyCRM allows fewer calls than the pace says, and fewer than a look-up has pages: each page is asked for until it is answered, none
// twice, and what else is due goes out between them.
func TestLookUpOutlastsALowerLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(minute(), 10*time.Millisecond)
		r.crm.pages = 10
		calls, until := 0, time.Now()
		r.crm.script(func(_ int, kind submission.AttemptKind, _ string) *fate {
			if kind == submission.Probe {
				return nil
			}
			if !time.Now().Before(until) {
				calls, until = 0, time.Now().Add(90*time.Second)
			}
			if calls++; calls > 4 {
				return &fate{answer: keycrm.Answer{Outcome: keycrm.Limited, RetryAfter: time.Until(until)}}
			}
			return nil
		})
		id := r.store.accept(uncertainCard())
		r.crm.stored[id] = 77
		for range 20 {
			r.store.accept(submission.Submission{})
		}
		r.start(t)
		r.all(t, time.Hour, submission.Delivered)
		r.stop(t)
		answered := slices.Compact(slices.Clone(r.crm.asked)) // a page that met a 429 is asked for again
		for i, page := range answered {
			if page != i+1 {
				t.Fatalf("the pages were asked for in the order %v", r.crm.asked)
			}
		}
		if s := r.store.get(id); s.CRMID != 77 || len(answered) != 10 {
			t.Errorf("found as %d on page %d", s.CRMID, len(answered))
		}
		between := 0
		for _, c := range r.store.begun[:25] {
			between += boolInt(c.Kind == submission.Create)
		}
		if between < 8 {
			t.Errorf("only %d of the first 25 calls were creates", between)
		}
	})
}

// A list that gives the same page whichever is asked for proves nothing, and is not read for ever.
func TestSamePageAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(minute(), 10*time.Millisecond)
		r.crm.samePage, r.crm.pages = true, 1000
		id := r.store.accept(uncertainCard())
		r.start(t)
		pass(10 * time.Minute)
		r.stop(t)
		s := r.store.get(id)
		if s.State != submission.Uncertain || !strings.Contains(s.Error, "the same page") {
			t.Errorf("it is %s: %s", s.State, s.Error)
		}
		if finds := len(r.crm.finds); finds > 30 || slices.Max(r.crm.asked) != 2 {
			t.Errorf("%d pages were asked for, up to page %d", finds, slices.Max(r.crm.asked))
		}
	})
}

// In an outage a look-up of several pages is a probe a page, and ends.
func TestPagesInAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(minute(), 10*time.Millisecond)
		r.crm.pages = 6
		r.crm.script(func(_ int, kind submission.AttemptKind, _ string) *fate {
			if kind == submission.Create {
				return &fate{store: true, after: time.Hour}
			}
			return nil
		})
		for range 20 {
			r.store.accept(submission.Submission{Kind: keycrm.KindCard, Mark: "yes"})
		}
		r.start(t)
		r.settled(t, 20*time.Minute, func() bool { return r.store.states()[submission.Delivered] >= pace.MaxInFlight })
		r.stop(t)
	})
}

// A look-up that KeyCRM refuses for good says so to ops in words of its own, and in the log once.
func TestRefusedLookUpIsToldOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(minute(), 10*time.Millisecond)
		r.crm.script(func(_ int, kind submission.AttemptKind, _ string) *fate {
			if kind == submission.LookUp {
				return &fate{answer: keycrm.Answer{Outcome: keycrm.Rejected, Status: 403, Text: "KeyCRM refused it for good (403)."}}
			}
			return nil
		})
		id := r.store.accept(uncertainCard())
		r.start(t)
		pass(time.Hour)
		r.stop(t)
		s := r.store.get(id)
		if s.State != submission.Uncertain || strings.Contains(s.Error, "refused it for good") || !strings.Contains(s.Error, "refuses the look-up") {
			t.Errorf("it is %s: %s", s.State, s.Error)
		}
		if _, finds, _ := r.crm.counted(); finds < 5 || strings.Count(r.log.String(), id) != 1 {
			t.Errorf("%d look-ups are logged as\n%s", finds, r.log)
		}
	})
}
