package delivery

import (
	"testing"
	"testing/synctest"
	"time"

	"formrelay/internal/keycrm"
	"formrelay/internal/submission"
)

// What KeyCRM does to the first create (or to the first look-ups), and what must come of it: the final state, how often it was sent
// and looked up, and that KeyCRM has it at most once.
func TestAnswers(t *testing.T) {
	t.Parallel()
	with := func(o keycrm.Outcome, stored bool) func() *fate {
		return func() *fate {
			return &fate{store: stored, after: time.Millisecond, answer: keycrm.Answer{Outcome: o, Text: "what happened"}}
		}
	}
	card := submission.Submission{Kind: keycrm.KindCard, Mark: "yes"}
	for _, tc := range []struct {
		name           string
		s              submission.Submission
		create         func() *fate // the first create's fate
		look           func() *fate // every look-up's fate in the first 40 s
		state          submission.State
		reason         submission.Reason
		creates, finds int
		stored         int
		least, most    time.Duration // how long it takes
	}{
		{name: "Done", state: submission.Delivered, creates: 1, stored: 1, most: time.Second},
		{name: "Limited", create: with(keycrm.Limited, false), state: submission.Delivered, creates: 2, stored: 1, least: time.Minute, most: 61 * time.Second},
		{name: "Unauthorised", create: with(keycrm.Unauthorised, false), state: submission.Delivered, creates: 2, stored: 1, most: 3 * time.Second},
		{name: "WrongAddress", create: with(keycrm.WrongAddress, false), state: submission.Delivered, creates: 2, stored: 1, most: 3 * time.Second},
		{name: "Rejected", create: with(keycrm.Rejected, false), state: submission.Rejected, creates: 1, most: time.Second},
		{name: "NotSent", create: with(keycrm.NotSent, false), state: submission.Delivered, creates: 2, stored: 1, least: time.Second, most: 3 * time.Second},
		{name: "DuplicateOfOurs", create: with(keycrm.Duplicate, true), state: submission.Delivered, creates: 1, finds: 1, stored: 1, most: time.Second},
		{name: "DuplicateOfAnother", create: with(keycrm.Duplicate, false), state: submission.Rejected, creates: 1, finds: 12, least: 10 * time.Minute, most: 15 * time.Minute},
		{name: "UncertainAndStored", create: with(keycrm.Uncertain, true), state: submission.Delivered, creates: 1, finds: 1, stored: 1, most: 4 * time.Second},
		{name: "UncertainAndLost", create: with(keycrm.Uncertain, false), state: submission.Delivered, creates: 2, finds: 2, stored: 1, least: time.Minute, most: 62 * time.Second},
		{name: "DoneWithoutID", create: func() *fate { return &fate{answer: keycrm.Answer{Outcome: keycrm.Done}} }, state: submission.Delivered, creates: 2, finds: 2, stored: 1, least: time.Minute, most: 62 * time.Second},
		{name: "UnknownOutcome", create: with("", true), state: submission.Delivered, creates: 1, finds: 1, stored: 1, most: 4 * time.Second},
		{name: "HangStored", create: func() *fate { return &fate{store: true, after: time.Hour} }, state: submission.Delivered, creates: 1, finds: 1, stored: 1, least: 15 * time.Second, most: 19 * time.Second},
		{name: "Card", s: card, create: with(keycrm.Uncertain, true), state: submission.Delivered, creates: 1, finds: 1, stored: 1, most: 4 * time.Second},
		{name: "CardLost", s: card, create: with(keycrm.Uncertain, false), state: submission.Delivered, creates: 2, finds: 2, stored: 1, least: time.Minute, most: 62 * time.Second},
		{name: "CardWithoutMark", s: submission.Submission{Kind: keycrm.KindCard}, create: with(keycrm.Uncertain, true), state: submission.Held, reason: submission.ReasonUncertain, creates: 1, stored: 1, most: time.Second},
		{name: "LookUpFails", create: with(keycrm.Uncertain, true), look: with(keycrm.Uncertain, false), state: submission.Delivered, creates: 1, finds: 8, stored: 1, least: 40 * time.Second, most: 5 * time.Minute},
		{name: "LookUpRefused", create: with(keycrm.Uncertain, false), look: with(keycrm.Rejected, false), state: submission.Delivered, creates: 2, finds: 7, stored: 1, least: time.Minute, most: 5 * time.Minute},
		{name: "LookUpUnauthorised", create: with(keycrm.Uncertain, true), look: with(keycrm.Unauthorised, false), state: submission.Delivered, creates: 1, finds: 6, stored: 1, most: 3 * time.Minute},
		{name: "LookUpLimited", create: with(keycrm.Uncertain, true), look: with(keycrm.Limited, false), state: submission.Delivered, creates: 1, finds: 2, stored: 1, least: time.Minute, most: 3 * time.Minute},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(minute(), time.Millisecond)
				began := time.Now()
				r.crm.script(func(n int, kind submission.AttemptKind, _ string) *fate {
					switch {
					case kind == submission.Create && n == 1 && tc.create != nil:
						return tc.create()
					case kind != submission.Create && tc.look != nil && time.Since(began) < 40*time.Second:
						return tc.look()
					}
					return nil
				})
				id := r.store.accept(tc.s)
				r.start(t)
				r.settled(t, time.Hour, func() bool { return r.store.get(id).State.Terminal() })
				s, took := r.store.get(id), time.Since(began)
				creates, finds, stored := r.crm.counted()
				if s.State != tc.state || s.Reason != tc.reason {
					t.Errorf("it is %s %q (%s), want %s %q", s.State, s.Reason, s.Error, tc.state, tc.reason)
				}
				if creates != tc.creates || finds > tc.finds || finds < min(tc.finds, 2) || stored != tc.stored {
					t.Errorf("%d creates, %d look-ups, %d entities; want %d, %d, %d", creates, finds, stored, tc.creates, tc.finds, tc.stored)
				}
				if took < tc.least || took > tc.most {
					t.Errorf("it took %s, want %s to %s", took, tc.least, tc.most)
				}
				r.stop(t)
			})
		})
	}
}
