package pace

import "time"

// Account is one account's health, shared by all replicas.
type Account struct {
	Name         string
	Paused       string        // why nothing is sent, in a sentence; empty: not paused
	ByOps        bool          // with Paused: a person paused it, so nothing is called and only a person resumes it
	LimitedUntil time.Time     // KeyCRM's 429: nothing goes before
	Broken       int           // uncertain or unconnected calls in a row; from OutageAfter on the account probes
	ProbeAt      time.Time     // when paused or probing: the next call goes not before
	ProbePause   time.Duration // the pause that led to ProbeAt; doubles up to MaxProbePause
}

// An outage begins after OutageAfter uncertain or unconnected calls in a row. Then, and while an account is paused, the pause between
// two calls doubles from MinProbePause to MaxProbePause.
const (
	OutageAfter   = 2
	MinProbePause = time.Second
	MaxProbePause = time.Minute
)

// Probing tells whether the account is in an outage.
func (a Account) Probing() bool { return a.Broken >= OutageAfter }

// EventKind is what one call says about the account it was made for.
type EventKind int

// The kinds of event.
const (
	Worked  EventKind = iota // an answer that proves that token and address are right, whatever it said about the submission
	Limited                  // 429: KeyCRM is there and busy; it proves nothing about the token
	Broke                    // no usable answer, or no connection at all
	Stopped                  // 401, a wrong address, no token: nothing will work until a person mends it
)

// Event is what happened to an account.
type Event struct {
	Kind    EventKind
	Started time.Time     // when the call began; zero for what is no call
	Wait    time.Duration // with Limited, and with Broke where KeyCRM said so: how long it wants to be left alone
	Reason  string        // with Stopped: why, in a sentence
}

// After is the account's health after e, which became known at now. It changes nothing but health: pace and slots are not its
// business.
//
// An answer below 500 ends an outage, and 429 and 401 are such answers. Only Worked resumes a paused account, and one that ops paused
// is not resumed by anything that happens: calls that were under way then still end. The pause grows with
// calls that began as probes, not with those that were under way when the trouble began: eight calls that break together are one
// reason to wait, not eight.
func (a Account) After(e Event, now time.Time) Account {
	if until := now.Add(e.Wait); e.Wait > 0 && until.After(a.LimitedUntil) {
		a.LimitedUntil = until
	}
	switch e.Kind {
	case Worked:
		a.Broken = 0
		if !a.ByOps {
			a.Paused = ""
		}
	case Limited:
		a.Broken = 0
	case Broke:
		a.Broken++
	case Stopped:
		a.Broken = 0
		a.stop(e.Reason)
	}
	return a.reschedule(e, now)
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

// reschedule keeps ProbeAt and ProbePause in step with the rest.
func (a Account) reschedule(e Event, now time.Time) Account {
	switch {
	case a.ByOps, a.Paused == "" && !a.Probing():
		a.ProbeAt, a.ProbePause = time.Time{}, 0
	case a.ProbePause == 0:
		a.ProbePause = MinProbePause
		a.ProbeAt = now.Add(a.ProbePause)
	case !e.Started.Before(a.ProbeAt):
		a.ProbePause = min(2*a.ProbePause, MaxProbePause)
		a.ProbeAt = now.Add(a.ProbePause)
	}
	return a
}
