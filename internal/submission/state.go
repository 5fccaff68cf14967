package submission

import "slices"

// States lists every state in the order in which a submission meets them. The caller owns the slice.
func States() []State {
	return []State{Queued, Sending, Delivered, Uncertain, Rejected, Held, Refused, Discarded}
}

// Reasons lists every reason. The caller owns the slice.
func Reasons() []Reason {
	return []Reason{
		ReasonMapping, ReasonInvalid, ReasonTest, ReasonDuplicate, ReasonOrigin, ReasonBatch, ReasonUncertain,
		ReasonSpam, ReasonTime, ReasonRate, ReasonBlock, ReasonSecret, ReasonCaptcha,
	}
}

// arrows says which states the relay by itself may bring a state over into.
//
// Two things must hold whatever is added here or to decisions: Sending is entered from Queued alone, and from Uncertain the way back to
// Queued is taken only by a look-up whose miss is believed (AfterLookUp). Together they are why nothing is sent twice.
func (s State) arrows() []State {
	switch s {
	case Queued:
		return []State{Sending, Held} // held: its captcha's answer is bad
	case Sending:
		return []State{Delivered, Queued, Uncertain, Rejected, Held}
	case Uncertain:
		return []State{Delivered, Uncertain, Queued, Rejected, Held} // to itself: the look-up proved nothing
	case Delivered, Rejected, Held, Refused, Discarded:
		return nil
	}
	return nil
}

// decisions says what ops may make of a state. A submission that is being sent is nobody's to decide about until its call has ended.
// One that was discarded while KeyCRM might have it goes back to where it came from, so that it is looked up before it is sent.
func (s State) decisions() []State {
	switch s {
	case Queued:
		return []State{Discarded}
	case Uncertain:
		return []State{Discarded, Uncertain} // to itself: its look-up is due at once
	case Rejected, Held, Refused:
		return []State{Queued, Discarded}
	case Discarded:
		return []State{Queued, Uncertain}
	case Sending, Delivered:
		return nil
	}
	return nil
}

// CanBecome tells whether the relay by itself may bring a submission in state s over into state next.
func (s State) CanBecome(next State) bool { return slices.Contains(s.arrows(), next) }

// CanBeMade tells whether ops may decide that a submission in state s goes over into state next.
func (s State) CanBeMade(next State) bool { return slices.Contains(s.decisions(), next) }

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
