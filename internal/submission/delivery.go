package submission

import (
	"time"

	"formrelay/internal/keycrm"
)

// Claim is the right to work on one submission until Until, by the database's clock. It says who may send, no more: the row stays
// queued or uncertain until a Call begins.
type Claim struct {
	Submission
	Owner string // one process's courier
	Until time.Time
}

// Call is the right to make exactly one call, taken together with a slot of the account's pace. Settling is fenced by ID, State and
// Number: a call that is no longer the row's newest settles nothing.
type Call struct {
	ID        string // the submission's; empty for a Probe
	Account   string
	Owner     string
	Kind      AttemptKind
	Number    int       // Submission.Attempt as this call made it
	Batch     int       // how many orders it carries; 0: one submission alone
	Slot      int64     // the pace's row
	StartedAt time.Time // the database's clock
	NotAfter  time.Time // the wall clock after which no byte may be written any more
}

// Settlement is what one call's answer makes of its submission.
type Settlement struct {
	Answer   keycrm.Answer
	State    State
	Reason   Reason
	Error    string
	CRMID    int64
	Failures int           // the new value of Submission.Failures
	Wait     time.Duration // the row is due this long after the database's now; for states that end it means nothing
	KeepDue  bool          // DueAt stays as it is: the account has to wait, and this submission loses no place by that
	Broke    bool          // a create broke: BrokeAt is now
	Keep     bool          // the claim goes on: the next page of the same look-up follows
}
