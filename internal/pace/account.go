package pace

import "time"

// Account is one account's health, shared by all replicas.
//
// # Outage
//
// An outage begins after OutageAfter broken calls in a row. One call at a time goes then, as a probe, with a doubling pause between two.
//
// While a submission is uncertain the probe is a look-up, of another one each time. After two look-ups in a row that told nothing the
// probe is the cheap check. Where that is answered KeyCRM is there and only the look-ups fail: one create may go although something is
// uncertain, at once, and then the round begins again. So neither a look-up that never works nor one that hangs stops an account.
//
// What a broken create began only an answered create ends: that lists work says nothing about creates. A look-up that settled its
// submission only brings the next probe nearer, and one that has further pages goes on at once; so uncertain ones are looked up one by
// one, queued again where KeyCRM does not have them, and one of them is the next create. An outage of look-ups alone is ended by any
// answer below 500.
//
// So an outage leaves uncertain no more than the MaxInFlight calls that were under way when it began, however long it lasts. The one
// way to more is one submission a round while creates and look-ups break and the check is answered all the same; to let none go would
// stop the account for as long as look-ups fail.
type Account struct {
	Name         string
	Paused       string        // why nothing is sent, in a sentence; empty: not paused
	ByOps        bool          // with Paused: a person paused it, so nothing is called and only a person resumes it
	LimitedUntil time.Time     // KeyCRM's 429: nothing goes before
	Broken       int           // uncertain or unconnected calls in a row; from OutageAfter on the account probes
	CreateBroke  bool          // one of them was a create: only an answered create ends the row
	Step         Step          // in an outage: which probe is next while a submission is uncertain
	ProbeAt      time.Time     // when paused or probing: the next call goes not before
	ProbePause   time.Duration // the pause that led to ProbeAt; doubles up to MaxProbePause

	// Read is when it was read, where a store says so, by the clock that the times above are of.
	Read time.Time
}

// Limited tells whether KeyCRM's 429 held the account back when it was read.
func (a Account) Limited() bool { return a.LimitedUntil.After(a.Read) }

// Step says which probe is next in an outage while a submission is uncertain.
type Step int

// The steps of one round.
const (
	LookNext   Step = iota // a look-up
	LookAgain              // a look-up has told nothing: another one
	CheckNext              // two of them have told nothing: the cheap check
	CreateNext             // the check was answered: one create, or a look-up where nothing is queued
)

// An outage begins after OutageAfter uncertain or unconnected calls in a row. Then, and while an account is paused, the pause between
// two calls doubles from MinProbePause to MaxProbePause.
const (
	OutageAfter   = 2
	MinProbePause = time.Second
	MaxProbePause = time.Minute
	// MaxHeardPause bounds it while look-ups are answered and tell nothing yet: KeyCRM is there, and what is in doubt is waited for.
	MaxHeardPause = 10 * time.Second
)

// MaxLimited is the longest that a 429 can hold an account back: no client reads more out of a Retry-After.
const MaxLimited = 24 * time.Hour

// Probing tells whether the account is in an outage.
func (a Account) Probing() bool { return a.Broken >= OutageAfter }

// EventKind is what one call says about the account it was made for.
type EventKind int

// The kinds of event.
const (
	Worked  EventKind = iota // an answer that proves that token and address are right, whatever it said about the submission
	Refused                  // so does this one, but it was a look-up's and told nothing
	Limited                  // 429: KeyCRM is there and busy; it proves nothing about the token
	Broke                    // no usable answer, or no connection at all
	Stopped                  // 401, a wrong address, no token: nothing will work until a person mends it
)

// Event is what happened to an account.
type Event struct {
	Kind     EventKind
	Create   bool          // the call was a create whose bytes went out
	LookUp   bool          // the call was a look-up
	Check    bool          // the call was the cheap check
	Progress bool          // a look-up settled its submission
	Page     bool          // a look-up was answered and goes on with its next page
	Started  time.Time     // when the call began; zero for what is no call
	Wait     time.Duration // with Limited, and with Broke where KeyCRM said so: how long it wants to be left alone
	Reason   string        // with Stopped: why, in a sentence
}

// After is the account's health after e, which became known at now. It changes nothing but health: pace and slots are not its
// business.
//
// 429 and 401 are answers below 500. Only Worked and Refused resume a paused account, and one that ops paused is resumed by nothing that
// happens: calls that were under way then still end. The pause grows, and the round goes on, with calls that began as probes, not with
// those that were under way when the trouble began: eight calls that break together are one reason to wait, not eight.
func (a Account) After(e Event, now time.Time) Account {
	if until := now.Add(min(e.Wait, MaxLimited)); e.Wait > 0 && until.After(a.LimitedUntil) {
		a.LimitedUntil = until
	}
	waited := a.waits()
	switch e.Kind {
	case Worked, Refused:
		a.resume()
	case Limited:
	case Broke:
		a.Broken++
		a.CreateBroke = a.CreateBroke || e.Create
	case Stopped:
		a.stop(e.Reason)
	}
	if e.Kind != Broke && (e.Create || !a.CreateBroke) {
		a.Broken, a.CreateBroke = 0, false
	}
	if waited && !e.Started.Before(a.ProbeAt) {
		return a.probed(e, now)
	}
	return a.reschedule(now)
}

// resume ends a pause that something had brought about.
func (a *Account) resume() {
	if !a.ByOps {
		a.Paused = ""
	}
}

// stop pauses for what happened. What ops said stays: when they resume, the next call finds out what is wrong.
func (a *Account) stop(reason string) {
	if a.ByOps {
		return
	}
	if a.Paused = reason; reason == "" {
		a.Paused = "KeyCRM cannot be used with these settings"
	}
}

// PausedByOps is the account after a person has paused it, for a reason in a sentence, which must not be empty. There are no probes: it
// stays paused until ResumedByOps.
func (a Account) PausedByOps(reason string) Account {
	a.Paused, a.ByOps = reason, true
	a.ProbeAt, a.ProbePause = time.Time{}, 0
	return a
}

// ResumedByOps is the account after a person has resumed it, whoever or whatever had paused it: calls go at once, and what they come to
// decides about its health anew. KeyCRM's own wish to be left alone outlasts it.
func (a Account) ResumedByOps() Account {
	return Account{Name: a.Name, LimitedUntil: a.LimitedUntil}
}

// waits tells whether calls go one at a time, with a pause between them. None goes while ops have it paused.
func (a Account) waits() bool { return !a.ByOps && (a.Paused != "" || a.Probing()) }

// probed takes the account on after a probe: to the next step of the round, and to when that may go.
func (a Account) probed(e Event, now time.Time) Account {
	a.Step = a.Step.after(e)
	switch {
	case e.Page:
		// KeyCRM lists, and reading on brings nothing more into doubt. With a pause a page, a look-up of many pages would hold up
		// everything for as long, and a courier that dies in the middle would have it begin anew.
		a.ProbePause, a.ProbeAt = MinProbePause, now
		return a.reschedule(now)
	case e.Progress:
		a.ProbePause = MinProbePause
	case e.Check && a.Step == CreateNext:
		a.ProbeAt = now // the question has been answered: what it was asked for goes at once, with the pause as it was
		return a.reschedule(now)
	case e.LookUp && e.Kind == Worked:
		a.ProbePause = min(2*a.ProbePause, MaxHeardPause)
	default:
		a.ProbePause = min(2*a.ProbePause, MaxProbePause)
	}
	a.ProbeAt = now.Add(a.ProbePause)
	return a.reschedule(now)
}

// after is the step that follows a probe.
func (s Step) after(e Event) Step {
	switch {
	case e.Check && s != CheckNext: // it was asked because the account was paused
		return s
	case e.Check && (e.Kind == Worked || e.Kind == Limited):
		return CreateNext
	case !e.LookUp || e.Kind == Worked:
		return LookNext
	case s < CheckNext:
		return s + 1
	}
	return LookAgain // the create's turn, and nothing was queued
}

// reschedule keeps what belongs to probes in step with the rest.
func (a Account) reschedule(now time.Time) Account {
	if !a.Probing() {
		a.Step = LookNext
	}
	switch {
	case !a.waits():
		a.ProbeAt, a.ProbePause = time.Time{}, 0
	case a.ProbePause == 0:
		a.ProbePause = MinProbePause
		a.ProbeAt = now.Add(a.ProbePause)
	}
	return a
}
