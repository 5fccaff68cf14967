package submission

import "slices"

// States lists every state in the order in which a submission meets them. The caller owns the slice.
func States() []State {
	return []State{Queued, Sending, Delivered, Uncertain, Rejected, Held, Refused, Discarded}
}

// arrows says which states may follow a state.
//
// Two things must hold whatever is added here: Sending is entered from Queued alone, and from Uncertain the way back to Queued is
// taken only by a look-up whose miss is believed (AfterLookUp). Together they are why nothing is sent twice.
func (s State) arrows() []State {
	switch s {
	case Queued:
		return []State{Sending}
	case Sending:
		return []State{Delivered, Queued, Uncertain, Rejected, Held}
	case Uncertain:
		return []State{Delivered, Uncertain, Queued, Rejected, Held} // to itself: the look-up proved nothing
	case Delivered, Rejected, Held, Refused, Discarded:
		return nil
	}
	return nil
}

// CanBecome tells whether a submission in state s may go over into state next.
func (s State) CanBecome(next State) bool { return slices.Contains(s.arrows(), next) }

// Terminal tells whether the relay does nothing more about a submission in this state by itself: only a person moves it on.
func (s State) Terminal() bool { return len(s.arrows()) == 0 }

// Public is what a visitor's browser may know of the state: received, delivered or refused. That a submission waits, is held or was
// refused by KeyCRM is ops' business; to the visitor it has been received.
func (s State) Public() string {
	switch s {
	case Delivered:
		return "delivered"
	case Refused:
		return "refused"
	case Queued, Sending, Uncertain, Rejected, Held, Discarded:
		return "received"
	}
	return "received"
}
