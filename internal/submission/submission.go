// Package submission is the relay's vocabulary: one post of one form, its states, and which state may follow which. It holds no SQL,
// no HTTP and no clock, so that store, delivery, intake and the command line speak of the same thing.
package submission

import (
	"encoding/json"
	"errors"
	"time"

	"formrelay/internal/form"
	"formrelay/internal/keycrm"
)

// ErrNotFound says that no submission, revision or account has the name that was asked for.
var ErrNotFound = errors.New("not found")

// ErrFenced says that the row is no longer the caller's: its lease ended, or a newer call began for it. The caller drops what it
// holds; whoever has the row now decides about it.
var ErrFenced = errors.New("the submission has moved on: another call or courier has it now")

// State is where a submission stands. The words are the same in the database, the API and the pages.
type State string

// The states. Every submission that was ever accepted is in exactly one of them; nothing but a person or retention takes one away.
const (
	Queued    State = "queued"    // waits for its turn
	Sending   State = "sending"   // bytes may be on their way
	Delivered State = "delivered" // KeyCRM has it, CRMID is kept
	Uncertain State = "uncertain" // KeyCRM may have it: look it up before anything else
	Rejected  State = "rejected"  // KeyCRM said no for good: ops must act
	Held      State = "held"      // kept back for ops, for Reason
	Refused   State = "refused"   // the visitor was told to correct a field
	Discarded State = "discarded" // ops decided so
)

// Reason says in one word why a submission is held; Error says it in a sentence. A submission that is uncertain has one too while
// its last create was answered and yet told no id: refused for its source_uuid (ReasonDuplicate), or taken in a list (ReasonBatch). It tells
// the look-ups that follow what a miss means. One that was
// discarded keeps it, so that what is brought back is remembered for what it was.
type Reason string

// The reasons of this version.
const (
	ReasonMapping   Reason = "mapping"   // an expression failed, or its value is none that KeyCRM takes
	ReasonInvalid   Reason = "invalid"   // what a visitor could correct, at a profile with `answer.invalid: hold`
	ReasonTest      Reason = "test"      // _test=1
	ReasonDuplicate Reason = "duplicate" // its source_uuid is another submission's
	ReasonOrigin    Reason = "origin"    // a page of a site that `form.origins` does not list sent it
	ReasonBatch     Reason = "batch"     // uncertain only: KeyCRM took the list of orders that it was part of, and told no ids
	ReasonUncertain Reason = "uncertain" // KeyCRM may have it: held, nothing in KeyCRM could tell (a card with `mark: none`); discarded, ops gave it up
)

// Visitor is where a post came from, as far as it can be known.
type Visitor struct {
	IP        string `json:"ip,omitempty"`
	UserAgent string `json:"user_agent,omitempty"`
	Referrer  string `json:"referrer,omitempty"`
	Page      string `json:"page,omitempty"`
	Language  string `json:"language,omitempty"`
}

// Revision is one immutable version of a profile's text.
type Revision struct {
	Hash    string // lower-case hexadecimal SHA-256 of Text
	Profile string
	Text    []byte
}

// Submission is one post of one form and its fate. Times are UTC.
type Submission struct {
	ID         string
	Profile    string
	Account    string
	Revision   string // Revision.Hash of the profile that took it
	ReceivedAt time.Time

	Pairs   []form.Pair // as posted, in order
	Files   []File      // as posted, in order
	Charset string
	Raw     []byte // the body, only when Pairs lost bytes of it to U+FFFD
	Visitor Visitor
	Signs   Signs // what is not zero of them when it is stored; they are not read back

	Kind       keycrm.Kind
	Entity     json.RawMessage // the bytes every send sends; nil when there is none yet (refused, held before mapping)
	SourceID   int64
	SourceUUID string // orders with an entity; ID unless mapped
	Mark       string // cards with an entity: the mark's text; empty with `mark: none`
	MarkField  string // cards: the custom field that holds Mark; empty: manager_comment

	State  State
	Reason Reason // with Held and Discarded; ReasonDuplicate and ReasonBatch also with Uncertain
	Error  string // one English sentence for ops: why it is rejected, held, refused or waits
	Faults []Fault

	Signals []Signal // what speaks against it; the first is the one it is held for, unless ops let it go
	Captcha Captcha  // to be verified before it is sent; only with Queued

	Attempt    int // calls begun for it, look-ups included: the fence that lets only the newest call settle
	Failures   int // creates that broke or never connected: what its back-off grows with
	DueAt      time.Time
	SentAt     time.Time // when the last create began; zero before the first
	FirstSent  time.Time // when the first create began
	BrokeAt    time.Time // when the last create broke without a usable answer
	SettledAt  time.Time // when it reached a state that ends (delivered, rejected, …)
	CRMID      int64
	Repeats    int       // how often it was posted again, which made no other submission
	RepeatedAt time.Time // when it was, the last time; zero: never
	EmptiedAt  time.Time // when retention or ops took away what its visitor sent, which cannot come back; zero: it is all there
}

// Fault is one thing wrong with one field of one submission.
type Fault struct {
	Field string `json:"field,omitempty"` // the form's own name
	Path  string `json:"path,omitempty"`  // KeyCRM's path
	Code  string `json:"code"`
	Text  string `json:"text"` // English, for ops
}

// AttemptKind is what a call was for.
type AttemptKind string

// The kinds of call.
const (
	Create AttemptKind = "create"
	LookUp AttemptKind = "lookup"
	Probe  AttemptKind = "probe" // a cheap question whether the account works again; belongs to no submission
	// The calls for files. They are not among a submission's attempts: each file counts its own.
	Upload  AttemptKind = "upload"  // a file's content goes to KeyCRM
	Attach  AttemptKind = "attach"  // and is shown with the order or card
	Confirm AttemptKind = "confirm" // is it shown? asked when an attaching call's answer was lost

	// Import is how a call that created several orders is counted. To each of them it was a Create, see Attempt.Batch.
	Import AttemptKind = "import"
)

// Attempt is one call made for a submission.
type Attempt struct {
	Number    int              `json:"number"`
	Kind      AttemptKind      `json:"kind"`
	Batch     int              `json:"batch,omitempty"` // how many orders the call was about; 0: this submission alone
	StartedAt time.Time        `json:"started_at"`
	EndedAt   *time.Time       `json:"ended_at"` // nil: the end was never written (running, or the process died)
	Outcome   keycrm.Outcome   `json:"outcome,omitempty"`
	Status    int              `json:"status,omitempty"`
	Text      string           `json:"text,omitempty"`
	Messages  []keycrm.Message `json:"messages,omitempty"`
}
