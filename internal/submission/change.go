package submission

import (
	"encoding/json"
	"time"
)

// ChangeKind is what a person did with a submission.
type ChangeKind string

// The kinds of change. Each word reads as "it was …".
const (
	Replayed  ChangeKind = "replayed"
	Released  ChangeKind = "released"
	LookedUp  ChangeKind = "looked up" // its look-up was made due at once
	GivenUp   ChangeKind = "discarded"
	FieldSet  ChangeKind = "set"        // Field, Old and New say what
	Remapped  ChangeKind = "mapped"     // it got a new entity; Entity is the one before, Old and New are the revisions
	SentAgain ChangeKind = "sent again" // Other is the new submission that was made of it
	MadeFrom  ChangeKind = "made"       // Other is the submission that it was made of
	Erased    ChangeKind = "erased"
	Refiled   ChangeKind = "refiled" // KeyCRM is asked again about the files that it refused
)

// Change is one thing that ops decided about a submission. Old, New and Entity may hold what a visitor typed, and go with it.
type Change struct {
	At     time.Time       `json:"at"`
	Who    string          `json:"who"`
	Kind   ChangeKind      `json:"kind"`
	Field  string          `json:"field,omitempty"`
	Old    string          `json:"old,omitempty"`
	New    string          `json:"new,omitempty"`
	Other  string          `json:"other,omitempty"`  // the id of the submission that it is linked to
	Entity json.RawMessage `json:"entity,omitempty"` // the entity before
}
