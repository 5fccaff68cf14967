package keycrm

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	// clockTolerance is how far a measured difference may stand from the assumed one before it is taken up. It keeps the bounds of a
	// look-up the same from page to page: a Date counts in whole seconds, and bounds that moved with them could shift a row past a page.
	clockTolerance = time.Minute

	// maxDrift bounds what is followed. A clock that is further off is not one that runs wrong but one that was never set, and a
	// listing of a year is no look-up; nothing is proved by it until the clock is set.
	maxDrift = 365 * 24 * time.Hour

	// maxSetBack bounds how far a look-up reaches back for a clock of ours that was ahead and has been set right since.
	maxSetBack = 24 * time.Hour

	// tellEvery is how often an Answer tells that the clocks differ.
	tellEvery = time.Hour
)

// drift is how KeyCRM's clock stands to ours, as a look-up needs it. Two that are equal give the same bounds.
type drift struct {
	ahead  time.Duration // KeyCRM's clock less ours; 0 until an answer has told
	least  time.Duration // the smallest there was, at most maxSetBack below ahead: a time noted then is KeyCRM's by that much
	beyond bool          // the last answer was more than maxDrift off, so that neither of the two is true
}

// clock learns KeyCRM's clock from the Date of its answers. What a look-up asks KeyCRM by are times that were noted here, and a machine
// whose clock is wrong would ask for the wrong hour, find nothing, and send a second time. It lives as long as its client: a difference
// that was mended before a restart is not known after it.
type clock struct {
	mu    sync.Mutex
	known bool
	drift drift
	least time.Duration
	told  time.Time
}

// read gives the difference as it is known now.
func (c *clock) read() drift {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.drift
	d.least = max(c.least, d.ahead-maxSetBack)
	return d
}

// learn takes the Date of an answer whose call began and was answered at these times by our clock. It returns a sentence about a
// difference that people should mend, at most one in tellEvery, else "". Only what KeyCRM carried out counts: an error page may be
// that of a machine on the way, and an answer with an Age was stored on it, with the Date of another time.
func (c *clock) learn(res *http.Response, began, answered time.Time) string {
	date, err := http.ParseTime(res.Header.Get("Date"))
	if err != nil || res.StatusCode/100 != 2 || res.Header.Get("Age") != "" {
		return ""
	}
	// The answer was dated somewhere within the call and somewhere within that second, so the difference is only known to lie between
	// these two. date has no monotonic reading, hence both are differences of wall clocks.
	low, high := date.Sub(answered), date.Add(time.Second).Sub(began)
	measured := low + (high-low)/2
	c.mu.Lock()
	defer c.mu.Unlock()
	c.take(low, high, measured)
	if measured.Abs() <= clockTolerance || !c.told.IsZero() && answered.Sub(c.told).Abs() < tellEvery {
		return ""
	}
	c.told = answered
	return " " + tellDrift(measured)
}

// take moves the known difference when it is not within what was measured. The caller holds the lock.
func (c *clock) take(low, high, measured time.Duration) {
	c.drift.beyond = measured.Abs() > maxDrift
	agrees := low-clockTolerance <= c.drift.ahead && c.drift.ahead <= high+clockTolerance
	if c.drift.beyond || agrees && c.known {
		return
	}
	if !agrees {
		c.drift.ahead = measured
	}
	if !c.known || c.drift.ahead < c.least {
		c.least = c.drift.ahead
	}
	c.known = true
}

// tellDrift says how the clocks differ and what to do. It is KeyCRM's clock that every time in an order is read by.
func tellDrift(ahead time.Duration) string {
	side := "ahead of"
	if ahead < 0 {
		side = "behind"
	}
	return fmt.Sprintf("KeyCRM's clock is %s %s this machine's: set this machine's clock.", ahead.Abs().Round(time.Second), side)
}

// by moves the query's times from our clock to KeyCRM's.
func (q Query) by(d drift) Query {
	if !q.From.IsZero() {
		q.From = q.From.Add(d.least)
	}
	if !q.To.IsZero() {
		q.To = q.To.Add(d.ahead)
	}
	return q
}

// timed says whether the query's answer depends on clocks.
func (q Query) timed() bool {
	if q.Kind == KindOrder {
		return !q.Own && !q.From.IsZero()
	}
	return !q.From.IsZero() || !q.To.IsZero()
}
