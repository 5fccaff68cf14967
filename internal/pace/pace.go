// Package pace decides when the next call to one KeyCRM account may go. It is pure: the store holds the slots and the account's
// health for all replicas and asks here inside its transaction, with the database's clock.
package pace

import (
	"slices"
	"time"
)

// MaxInFlight bounds the calls under way for one account over all replicas: enough to use a pace of 60 a minute while each call takes
// seconds, few enough that an outage leaves only a handful of submissions in doubt.
const MaxInFlight = 8

// Limit is an account's pace: at most Calls calls in any Window. Timeout is the longest that one call may take.
type Limit struct {
	Calls   int
	Window  time.Duration
	Timeout time.Duration
}

// Slot is one call that counts against the pace. It comes free Window after End; one whose end was never written frees at
// Start + Timeout + Window.
type Slot struct {
	Start time.Time
	End   time.Time // zero: under way, or its process died
}

// Purpose is what a slot is wanted for.
type Purpose int

// The purposes; a create is the only one that can make an entity.
const (
	ForCreate Purpose = iota
	ForLookUp
	ForProbe // the cheap question whether KeyCRM is there and takes the token
	ForFile  // a file of what KeyCRM has already: it waits for everything else
	ForList  // a list that a person asks for beside the server, where a probe could go
)

// Wait says why a call may not go now. Until is when to ask again at the latest; it is never zero. A call that ends before may make
// room sooner, so whoever has calls under way asks again after each of them too.
type Wait struct {
	Until time.Time
	Why   string // "pace", "in flight", "limited", "paused", "probing"
}

func (w *Wait) Error() string { return "wait: " + w.Why }

// Decide tells whether a call for purpose p may begin at now: nil means go, and the caller takes a slot in the same transaction.
// slots are those of the account that may still count (see Counts), over all replicas; uncertain says how many submissions of the
// account are uncertain because a create broke.
//
// The order of the questions matters. KeyCRM's own 429 holds back everything, probes too. A paused account lets nothing but a
// ForProbe or ForList through, and one that ops paused nothing at all. In an outage no file goes, one call goes at a time, and while a submission is uncertain a
// create is only a probe in its turn (see Account). Otherwise creates leave room for what is in doubt already, so that calls under way
// and uncertain submissions are never more than MaxInFlight together; one at a time may always go. The pace comes last because nothing
// is exempt from it.
func (l Limit) Decide(now time.Time, a Account, slots []Slot, p Purpose, uncertain int) *Wait {
	flying, landing := l.inFlight(now, slots)
	switch {
	case a.LimitedUntil.After(now):
		return &Wait{Until: a.LimitedUntil, Why: "limited"}
	case a.ByOps:
		return &Wait{Until: now.Add(MinProbePause), Why: "paused"}
	case a.Paused != "":
		if w := a.oneAtATime(now, flying, landing, "paused"); w != nil {
			return w
		}
		if p != ForProbe && p != ForList {
			return &Wait{Until: now.Add(MinProbePause), Why: "paused"}
		}
	case a.Probing():
		if w := a.oneAtATime(now, flying, landing, "probing"); w != nil {
			return w
		}
		if p == ForFile {
			return &Wait{Until: now.Add(MinProbePause), Why: "probing"}
		}
		if uncertain > 0 && p == ForCreate && a.Step != CreateNext {
			return &Wait{Until: now.Add(MinProbePause), Why: "probing"}
		}
	case flying >= MaxInFlight, p == ForCreate && flying > 0 && flying+uncertain >= MaxInFlight:
		return &Wait{Until: landing, Why: "in flight"}
	}
	return l.room(now, slots)
}

// oneAtATime is the rule of a paused or probing account: not before ProbeAt, and not beside another call.
func (a Account) oneAtATime(now time.Time, flying int, landing time.Time, why string) *Wait {
	if a.ProbeAt.After(now) {
		return &Wait{Until: a.ProbeAt, Why: why}
	}
	if flying > 0 {
		return &Wait{Until: landing, Why: why}
	}
	return nil
}

// inFlight counts the calls that may still be under way, and says when the first of them is over at the latest. A call whose end was
// never written is over, as far as anybody can know, after Timeout.
func (l Limit) inFlight(now time.Time, slots []Slot) (n int, landing time.Time) {
	for _, s := range slots {
		end := s.Start.Add(l.Timeout)
		if !s.End.IsZero() || !end.After(now) {
			continue
		}
		if n++; n == 1 || end.Before(landing) {
			landing = end
		}
	}
	return n, landing
}

// room asks whether fewer than Calls slots count.
//
// KeyCRM counts a call at some moment between its start and its end, nobody knows which. A new call may therefore begin only when no
// Calls others could be counted less than Window before it; a slot that ended counts until End + Window, and the half-open window
// that results holds at most Calls calls wherever in each of them KeyCRM counts.
func (l Limit) room(now time.Time, slots []Slot) *Wait {
	free := make([]time.Time, 0, len(slots))
	for _, s := range slots {
		if at := l.freeAt(now, s); at.After(now) {
			free = append(free, at)
		}
	}
	calls := max(l.Calls, 1)
	if len(free) < calls {
		return nil
	}
	slices.SortFunc(free, time.Time.Compare)
	return &Wait{Until: free[len(free)-calls], Why: "pace"}
}

// freeAt is when s counts no longer, as far as it can be known now: for a call under way the earliest such moment, which is a window
// from now.
func (l Limit) freeAt(now time.Time, s Slot) time.Time {
	end := s.End
	if end.IsZero() {
		end = s.Start.Add(l.Timeout)
		if end.After(now) {
			end = now
		}
	}
	return end.Add(l.Window)
}

// Counts tells whether s counts at now or may count later; a slot that does not can be forgotten.
func (l Limit) Counts(now time.Time, s Slot) bool { return l.freeAt(now, s).After(now) }
