package delivery

import (
	"time"

	"formrelay/internal/keycrm"
)

// drift is how far the store's clock is ahead of this machine's. It lies between the two, which are as far apart as the reading of the
// store's clock took: hours, where the machine slept in the middle of it or its connection stood still.
type drift struct{ least, most time.Duration }

// driftOf is the drift when the store's clock, which was asked for and told at these times of this machine's, showed read.
func driftOf(read, asked, told time.Time) drift {
	return drift{least: read.Sub(told), most: read.Sub(asked)}
}

// left is the time left to t, which is of the store's clock; rather too long than too short.
func (d drift) left(t time.Time) time.Duration { return t.Sub(time.Now().Add(d.least)) }

// ours moves a question's times from the store's clock to this machine's, which is the one that the client compares with KeyCRM's. Rather
// more is asked for than too little: what a look-up misses is sent a second time.
func (d drift) ours(q keycrm.Query) keycrm.Query {
	if !q.From.IsZero() {
		q.From = q.From.Add(-d.most)
	}
	if !q.To.IsZero() {
		q.To = q.To.Add(-d.least)
	}
	return q
}
