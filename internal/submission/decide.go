package submission

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"
	"unicode/utf8"

	"formrelay/internal/keycrm"
)

// The times of delivery. The settle time is not among them: ops choose it.
const (
	// MinBackoff is the pause after the first create that never came about; it doubles with every further one.
	MinBackoff = 2 * time.Second
	// MaxBackoff bounds the pause before a create: there is no count of attempts after which a submission is given up.
	MaxBackoff = time.Hour
	// MaxLookPause bounds the pause between look-ups that fail. It is short because a look-up harms nobody, and because whoever is
	// uncertain when an outage ends should not wait out a pause that grew in it.
	MaxLookPause = 5 * time.Minute
	// DuplicateSettles is for how many settle times an order is looked for that KeyCRM refused for its source_uuid: KeyCRM says that
	// it is there, so a miss is believed later than usual.
	DuplicateSettles = 10
	// FirstLook is how soon after a create broke it is looked up for the first time. That costs a slot of the pace and a miss proves
	// nothing yet, but KeyCRM mostly shows an entity at once, and then the submission is delivered seconds after the break instead of
	// a settle time later.
	FirstLook = 2 * time.Second
)

// maxError bounds Settlement.Error in bytes: KeyCRM's messages repeat a product's path for each of its lines.
const maxError = 2000

// AfterCreate decides what the answer to a create makes of its submission, which was Sending. It reads s as it was before the call.
//
//	done                         delivered
//	limited                      queued in its old place, no failure: the account waits, not the submission
//	unauthorised, wrong address  queued in its old place, no failure: the account is paused
//	not sent                     queued, one failure more, after a back-off that doubles up to an hour
//	rejected                     rejected
//	duplicate                    uncertain: KeyCRM has its source_uuid, a look-up tells whether by this submission
//	uncertain, anything else     uncertain; held where a look-up could recognise nothing (a card without a mark)
func AfterCreate(s Submission, a keycrm.Answer) Settlement {
	st := Settlement{Answer: a, Failures: s.Failures, Error: sentence(a)}
	switch a.Outcome {
	case keycrm.Done:
		if a.ID > 0 {
			st.State, st.CRMID, st.Error = Delivered, a.ID, ""
			return st
		}
		return broke(s, st) // without an id nothing is proved, whoever says so
	case keycrm.Limited, keycrm.Unauthorised, keycrm.WrongAddress:
		st.State, st.KeepDue = Queued, true
	case keycrm.NotSent:
		st.State = Queued
		st.Failures++
		st.Wait = spread(backoff(st.Failures), s)
	case keycrm.Rejected:
		st.State = Rejected
	case keycrm.Duplicate:
		st = broke(s, st)
		st.Wait = 0 // KeyCRM says that it is there
		if st.State == Uncertain {
			st.Reason = ReasonDuplicate
		}
	default: // keycrm.Uncertain, and whatever this version does not know
		return broke(s, st)
	}
	return st
}

// broke completes the settlement of a create after which KeyCRM may have the entity.
func broke(s Submission, st Settlement) Settlement {
	st.Broke = true
	st.Failures++
	if !s.Findable() {
		return unfindable(st)
	}
	st.State = Uncertain
	st.Wait = min(max(FirstLook, st.Answer.RetryAfter), MaxBackoff)
	return st
}

// unfindable hands the submission to ops: nothing in KeyCRM could tell whether it is there.
func unfindable(st Settlement) Settlement {
	st.State, st.Reason, st.Wait = Held, ReasonUncertain, 0
	st.Error = cut("KeyCRM may have this card, and it carries no mark by which it could be found: look in KeyCRM whether it is there. " + st.Error)
	return st
}

// AfterLookUp decides what one page of a look-up makes of its submission, which is Uncertain and stays so unless something is proved.
// began is when the look-up's first page was asked for, by the same clock as s.BrokeAt (the database's); settle is how long after a
// break KeyCRM may take to show what it stored.
//
//	found                            delivered
//	not found, more pages            uncertain, the claim goes on
//	not found, began early           uncertain, due when settle has passed since the break
//	not found, began late enough     believed: queued, to be sent again
//	not found, its list was taken    uncertain for BatchSettles settle times, then believed
//	not found, source_uuid refused   uncertain for DuplicateSettles settle times, then rejected: it is another order's
//	limited, unauthorised, wrong address   uncertain, in its old place: the account waits
//	anything else                    uncertain, after a back-off: a look-up that failed, or was refused, proves nothing, and however
//	                                 often that happens it is never a reason to send again
//
// What is not Findable is held, whatever p says. It comes here only when its process died in the call; any harmless call will do for p.
func AfterLookUp(s Submission, began time.Time, settle time.Duration, p keycrm.Page) Settlement {
	st := Settlement{Answer: p.Answer, State: Uncertain, Reason: s.Reason, Error: s.Error, Failures: s.Failures}
	if !s.Findable() {
		return unfindable(st)
	}
	switch p.Outcome {
	case keycrm.Done:
		return afterAnswer(s, began, settle, p, st)
	case keycrm.Limited, keycrm.Unauthorised, keycrm.WrongAddress:
		st.KeepDue = true
	default: // it failed, or this version does not know what it was
		st.Wait = lookAgain(s, began, p.RetryAfter)
	}
	st.Error = sentence(p.Answer)
	if p.Outcome == keycrm.Rejected || p.Outcome == keycrm.Duplicate {
		st.Error = cut("KeyCRM may have it, and refuses the look-up that would tell: mend what it says, or look in KeyCRM yourself; " +
			"it is asked again and again. " + messages(p.Answer))
	}
	return st
}

// afterAnswer is AfterLookUp for a page that was answered.
func afterAnswer(s Submission, began time.Time, settle time.Duration, p keycrm.Page, st Settlement) Settlement {
	switch {
	case p.Found > 0:
		st.State, st.CRMID, st.Reason, st.Error = Delivered, p.Found, "", ""
	case p.More:
		st.Keep = true
	case !s.breakKnown():
		// Whoever did not see the call break says that it broke now: late is safe, early is not.
		st.Broke, st.Wait = true, settle
	case s.Reason == ReasonDuplicate:
		return afterDuplicate(s, began, settle, st)
	case s.Reason == ReasonBatch && began.Sub(s.BrokeAt) < BatchSettles*settle:
		st.Wait = s.BrokeAt.Add(BatchSettles*settle).Sub(began) + time.Millisecond
	case began.Sub(s.BrokeAt) < settle:
		// The database's now is later than began, so this is never early; a millisecond more outlives a store's rounding.
		st.Wait = s.BrokeAt.Add(settle).Sub(began) + time.Millisecond
	default:
		return notThere(s, began, st)
	}
	return st
}

// breakKnown tells whether BrokeAt belongs to the last create and not to one before it.
func (s Submission) breakKnown() bool { return !s.BrokeAt.IsZero() && !s.BrokeAt.Before(s.SentAt) }

// afterDuplicate is a miss after KeyCRM refused the source_uuid. It is never sent again: that would meet the same refusal for ever.
func afterDuplicate(s Submission, began time.Time, settle time.Duration, st Settlement) Settlement {
	if began.Sub(s.BrokeAt) < DuplicateSettles*settle {
		st.Wait = lookAgain(s, began, 0)
		return st
	}
	st.State, st.Reason = Rejected, ""
	st.Error = cut("KeyCRM refuses its source_uuid as taken, yet shows no order with it from this source since it was first sent. " +
		"Most likely another order has that number: look in KeyCRM. " + s.Error)
	return st
}

// notThere is the one place from where a submission that may have been sent is sent again: a look-up that began late enough went
// through every page and found nothing.
func notThere(s Submission, began time.Time, st Settlement) Settlement {
	st.State, st.Reason = Queued, ""
	st.Error = "KeyCRM does not have it: it is sent again"
	// The settle time that has passed counts towards the back-off, so that only what breaks again and again waits any longer.
	st.Wait = max(0, spread(backoff(s.Failures), s)-began.Sub(s.BrokeAt))
	return st
}

// Findable tells whether a look-up could recognise the entity in KeyCRM: an order by its source_uuid, a card by its mark.
func (s Submission) Findable() bool {
	if s.Kind == keycrm.KindCard {
		return s.Mark != ""
	}
	return s.SourceUUID != ""
}

// Query is the look-up of s that begins now (the database's time). It spans the time from the first create to settle after the last one
// broke, by when KeyCRM has made whatever it will make of it: an entity that any of the creates made is the one that must be found, and
// what came later need not be paged through. What clocks may differ by is added by whoever asks KeyCRM.
func (s Submission) Query(now time.Time, settle time.Duration) keycrm.Query {
	q := keycrm.Query{Kind: s.Kind, SourceID: s.SourceID, From: s.FirstSent, To: now}
	if made := s.BrokeAt.Add(settle); s.breakKnown() && made.Before(now) {
		q.To = made
	}
	if s.Kind == keycrm.KindCard {
		q.Mark, q.MarkField = s.Mark, s.MarkField
		q.Early = !s.breakKnown() || now.Sub(s.BrokeAt) < settle // then a miss is no proof, see AfterLookUp
	} else {
		q.SourceUUID, q.Own = s.SourceUUID, s.SourceUUID == s.ID
	}
	return q
}

// backoff is the longest pause after the given number of failures: MinBackoff doubling up to MaxBackoff.
func backoff(failures int) time.Duration {
	if failures <= 0 {
		return 0
	}
	if failures > 20 { // far beyond MaxBackoff, and short of overflow
		return MaxBackoff
	}
	return min(MinBackoff<<(failures-1), MaxBackoff)
}

// lookAgain is the pause after a look-up that failed. It grows with the time since the break and not with a count of failures: while
// the account is in an outage look-ups are its probes, due or not, and their number says nothing about this submission.
func lookAgain(s Submission, began time.Time, asked time.Duration) time.Duration {
	var since time.Duration
	if s.breakKnown() {
		since = began.Sub(s.BrokeAt)
	}
	pause := spread(min(max(2*since, 2*MinBackoff), MaxLookPause), s)
	return min(max(pause, asked), MaxBackoff)
}

// spread makes a pause between half of d and d, so that submissions that failed together do not come back together. It takes its
// randomness from the random id and the attempt, which keeps the decision a pure function.
func spread(d time.Duration, s Submission) time.Duration {
	const steps = 1 << 10
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%s/%d", s.ID, s.Attempt) // a hash never fails to write
	return d/2 + d/2/steps*time.Duration(h.Sum64()%steps)
}

// sentence is what an answer says to ops, KeyCRM's own messages included.
func sentence(a keycrm.Answer) string { return cut(strings.TrimSpace(a.Text + " " + messages(a))) }

// messages are KeyCRM's own words, in one line.
func messages(a keycrm.Answer) string {
	parts := make([]string, 0, len(a.Messages))
	for _, m := range a.Messages {
		if m.Path == "" {
			parts = append(parts, m.Text)
			continue
		}
		parts = append(parts, m.Path+": "+m.Text)
	}
	return strings.Join(parts, "; ")
}

// cut bounds a sentence to maxError bytes without breaking a character.
func cut(s string) string {
	s = strings.TrimSpace(s)
	if len(s) <= maxError {
		return s
	}
	end := maxError
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
