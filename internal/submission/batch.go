package submission

import (
	"encoding/json"
	"time"

	"formrelay/internal/keycrm"
)

// What goes into a batch.
const (
	// MinBatch is the fewest orders that are worth a batch, which costs two calls.
	MinBatch = 5
	// MaxBatchOrder bounds one order of a batch, MaxBatchBytes all of them together, in bytes of their JSON: how long a body KeyCRM takes
	// is not known. A longer order goes by itself.
	MaxBatchOrder = 64 << 10
	MaxBatchBytes = 1 << 20
)

// BatchSettles is for how many settle times an order is looked for whose batch KeyCRM took: KeyCRM said that it has it, and may still be
// at work on the list, so a miss is believed later than usual.
const BatchSettles = 10

// Batch is the right to make one call that carries several orders, taken together with one slot of the account's pace. Each order has
// been fenced as by a Call of its own: its state is Sending and its Attempt the number by which it is settled.
type Batch struct {
	Call                // of the import; its ID is empty, its Owner is this batch's alone
	Orders []Submission // without what the visitor sent; all of one SourceID, each with its own ID as SourceUUID
	Lease  time.Duration
}

// Fate is what a call that was about several orders made of one of them.
type Fate struct {
	ID     string
	Number int // the Attempt by which the order was sent
	Settlement
}

// Batchable tells whether a queued submission may be part of a batch. The look-up that follows recognises it by its own random id, so one
// that has a source_uuid from elsewhere goes by itself.
func (s Submission) Batchable() bool {
	return s.Kind == keycrm.KindOrder && s.SourceID != 0 && s.SourceUUID == s.ID && len(s.Entity) <= MaxBatchOrder && keycrm.Importable(s.Entity)
}

// Choose makes a batch of queued orders that are given the oldest first: those of the oldest one's source, as many as fit. alone are those
// that no batch can carry, or whose source has too few of them.
func Choose(orders []Submission) (batch, alone []Submission) {
	bySource := map[int64][]Submission{}
	var sources []int64
	for _, s := range orders {
		if !s.Batchable() {
			alone = append(alone, s)
			continue
		}
		if bySource[s.SourceID] == nil {
			sources = append(sources, s.SourceID)
		}
		bySource[s.SourceID] = append(bySource[s.SourceID], s)
	}
	for _, source := range sources {
		if len(bySource[source]) < MinBatch {
			alone = append(alone, bySource[source]...)
			continue
		}
		return fitting(bySource[source]), alone
	}
	return nil, alone
}

// fitting are the first of orders that fit into one call.
func fitting(orders []Submission) []Submission {
	size := 0
	for i, s := range orders {
		if size += len(s.Entity); i == keycrm.MaxImport || size > MaxBatchBytes {
			return orders[:i]
		}
	}
	return orders
}

// Bodies are the orders' entities, in their order.
func (b Batch) Bodies() []json.RawMessage {
	all := make([]json.RawMessage, len(b.Orders))
	for i, s := range b.Orders {
		all[i] = s.Entity
	}
	return all
}

// AfterImport decides what the answer to an import makes of one of its orders, which was Sending; a is the answer as it concerns this
// order. settle is as in AfterLookUp.
//
//	done                         uncertain, reason batch: KeyCRM took the list, a look-up tells the order's id
//	rejected, duplicate          uncertain: KeyCRM refused the list, and may have stored what stands before its fault
//	limited, unauthorised, not sent   as after a create of its own: nothing happened
//	uncertain, anything else     uncertain
//
// Whatever the answer, nothing but a look-up of its own makes an order go again, and then it goes by itself: a fault of one order becomes
// its own refusal, with KeyCRM's words about it. That look-up is due after settle, when a miss can be believed.
func AfterImport(s Submission, settle time.Duration, a keycrm.Answer) Settlement {
	st := Settlement{Answer: a, State: Uncertain, Failures: s.Failures, Broke: true, Wait: settle}
	switch a.Outcome {
	case keycrm.Limited, keycrm.Unauthorised, keycrm.WrongAddress, keycrm.NotSent:
		return AfterCreate(s, a)
	case keycrm.Done:
		st.Reason = ReasonBatch
		st.Error = "KeyCRM took the list that it was part of; its number there is being looked up."
	case keycrm.Rejected, keycrm.Duplicate:
		st.Error = cut("KeyCRM refused the list that it was part of; it is looked up, and goes by itself where KeyCRM does not have it. " + messages(a))
	default: // keycrm.Uncertain, and whatever this version does not know
		st = broke(s, st)
		st.Error, st.Wait = sentence(a), max(st.Wait, settle)
	}
	return st
}
