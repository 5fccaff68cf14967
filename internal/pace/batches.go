package pace

import "time"

// Batches is whether orders of an account may go many in one call, shared by all replicas.
//
// An order that goes by itself puts one submission in doubt when its call breaks, a batch all of its orders. So batches are for a
// KeyCRM that is known to be well, and the doubt stays bounded by these rules:
//
//   - One batch at a time over all replicas, and none while any submission is uncertain because a call broke: an outage that begins
//     leaves at most one batch and the MaxInFlight calls beside it uncertain, not the backlog.
//   - None while the last call broke, let alone in an outage. What a broken create began only an answered create ends, so after an
//     outage orders go by themselves until one of them was answered and everything in doubt is settled.
//   - After a batch that was not confirmed whole none goes for a rest that doubles from MinBatchRest to MaxBatchRest; one that was
//     ends the doubling. A backlog that an import cannot carry then goes by itself, and KeyCRM is asked now and then whether it can.
//
// The rest is written when a batch begins and taken back when all its orders are found, so a process that dies in between rests too.
type Batches struct {
	Owner string        // whose batch is under way; empty: none
	Until time.Time     // it is over at the latest then
	At    time.Time     // no batch begins before
	Rest  time.Duration // the rest that At came from
}

// The bounds of the rest after a batch that was not confirmed whole.
const (
	MinBatchRest = time.Minute
	MaxBatchRest = time.Hour
)

// BatchEnd is how a batch ended.
type BatchEnd int

// The ways in which a batch ends.
const (
	BatchFailed BatchEnd = iota // some of its orders were not found: the rest begins
	BatchWhole                  // KeyCRM has all of its orders
	BatchVoid                   // its call never happened, or KeyCRM only asked to wait: as if it had not begun
)

// UnderWay tells whether somebody's batch is on its way at now.
func (b Batches) UnderWay(now time.Time) bool { return b.Owner != "" && b.Until.After(now) }

// Allowed tells whether a batch may be thought of at now; the pace is asked beside it. uncertain says how many submissions are uncertain
// because a call broke.
func (b Batches) Allowed(now time.Time, a Account, uncertain int) bool {
	return !b.UnderWay(now) && !b.At.After(now) && a.Broken == 0 && uncertain == 0
}

// Begun is the state when owner's batch has begun, which will be over after lease at the latest.
func (b Batches) Begun(owner string, now time.Time, lease time.Duration) Batches {
	rest := min(max(2*b.Rest, MinBatchRest), MaxBatchRest)
	return Batches{Owner: owner, Until: now.Add(lease), At: now.Add(rest), Rest: rest}
}

// Ended is the state when the batch that is under way has ended.
func (b Batches) Ended(how BatchEnd, now time.Time) Batches {
	switch how {
	case BatchWhole:
		return Batches{}
	case BatchVoid:
		if b.Rest <= MinBatchRest {
			return Batches{}
		}
		return Batches{Rest: b.Rest / 2}
	case BatchFailed:
	}
	return Batches{At: now.Add(b.Rest), Rest: b.Rest}
}
