package submission

import "time"

// Count is how many submissions of one profile, for one account, are in one state.
type Count struct {
	State   State
	Account string
	Profile string
	N       int64
}

// FileCount is how many files of one profile's submissions are in one state.
type FileCount struct {
	State   FileState
	Profile string
	N       int64
}

// Figures is what a store holds at one moment, for those who watch it.
type Figures struct {
	Counts []Count              // only those that are not 0
	Files  []FileCount          // likewise
	Oldest map[string]time.Time // by account: when the queued submission that has waited the longest was received
}
