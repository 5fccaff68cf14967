package submission

import "time"

// RevisionNote is what is known of a revision besides its text. Times are UTC; the zero time means never, or before it was noted.
type RevisionNote struct {
	Hash     string
	Number   int // counts from 1 in its profile
	MadeAt   time.Time
	ServedAt time.Time // when it began to serve, the last time
	UsedAt   time.Time // when submissions began to be taken by it, the last time
	Author   string    // empty: it lies, or lay, in the folder
}

// StoredProfile is a profile that lies in the database and not in a folder.
type StoredProfile struct {
	Name      string
	Hash      string // of Text
	Number    int    // of the revision
	Text      []byte
	Enabled   bool
	ChangedAt time.Time
	Author    string // of the last change
}
