package pace_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"formrelay/internal/pace"
)

// settleTime is how long these tests' KeyCRM may take to show what it stored.
const settleTime = time.Minute

// weather says which calls are answered at a moment.
type weather struct{ post, looks, check bool }

// outage plays a backlog that never ends against a KeyCRM in some weather, the way the store and the courier would.
type outage struct {
	now     time.Time
	account pace.Account
	limit   pace.Limit
	slots   []pace.Slot
	calls   []play
	doubt   []doubt // the uncertain ones, the one asked about the longest ago first
	pauses  int     // probes that waited for ProbeAt
	made    int     // creates that were answered
	most    int     // the most that were ever uncertain
}

// doubt is one uncertain submission.
type doubt struct{ broke, due time.Time }

// play is one call under way.
type play struct {
	event pace.Event
	slot  int
	ends  time.Time
	about doubt // a look-up's
}

func newOutage() *outage {
	return &outage{now: epoch, limit: pace.Limit{Calls: 120, Window: time.Minute, Timeout: 15 * time.Second}}
}

// next is the call that the courier would make now.
func (o *outage) next() (pace.Purpose, bool) {
	switch {
	case o.account.Probing() && o.account.Step == pace.CheckNext:
		return pace.ForProbe, true
	case len(o.doubt) > 0 && o.account.Probing() && o.account.Step != pace.CreateNext:
		return pace.ForLookUp, true
	case o.account.Broken > 0 && len(o.calls) > 0: // what the others come to is waited for
		return 0, false
	case len(o.doubt) > 0 && !o.account.Probing() && o.now.After(o.doubt[0].due):
		return pace.ForLookUp, true
	}
	return pace.ForCreate, true
}

// begin begins one call if the pace lets it.
func (o *outage) begin(w weather) bool {
	p, ok := o.next()
	if !ok {
		return false
	}
	if wait := o.limit.Decide(o.now, o.account, o.slots, p, len(o.doubt)); wait != nil {
		return false
	}
	if o.account.Probing() {
		o.pauses++
	}
	c := play{slot: len(o.slots), ends: o.now.Add(200 * time.Millisecond)}
	c.event = pace.Event{Started: o.now, Create: p == pace.ForCreate, LookUp: p == pace.ForLookUp, Check: p == pace.ForProbe}
	if c.event.LookUp {
		c.about = o.doubt[0]
		again := doubt{c.about.broke, o.now.Add(min(max(2*o.now.Sub(c.about.broke), settleTime), 5*time.Minute))}
		o.doubt = append(o.doubt[1:len(o.doubt):len(o.doubt)], again)
	}
	if c.event.Create && !w.post || c.event.LookUp && !w.looks || c.event.Check && !w.check {
		c.event.Kind, c.ends = pace.Broke, o.now.Add(o.limit.Timeout)
	}
	o.slots = append(o.slots, pace.Slot{Start: o.now})
	o.calls = append(o.calls, c)
	return true
}

// land ends the calls that are over.
func (o *outage) land() {
	var flying []play
	for _, c := range o.calls {
		if c.ends.After(o.now) {
			flying = append(flying, c)
			continue
		}
		o.slots[c.slot].End = o.now
		switch {
		case c.event.Create && c.event.Kind == pace.Broke:
			o.doubt = append(o.doubt, doubt{o.now, o.now.Add(2 * time.Second)})
		case c.event.Create:
			o.made++
		case c.event.LookUp && c.event.Kind == pace.Worked && c.event.Started.Sub(c.about.broke) >= settleTime:
			c.event.Progress = true
			o.forget(c.about.broke)
		}
		o.account = o.account.After(c.event, o.now)
	}
	o.calls, o.most = flying, max(o.most, len(o.doubt))
}

func (o *outage) forget(broke time.Time) {
	for i, d := range o.doubt {
		if d.broke.Equal(broke) {
			o.doubt = append(o.doubt[:i:i], o.doubt[i+1:]...)
			return
		}
	}
}

// run lets d pass in this weather, and stops early when stop says so.
func (o *outage) run(w weather, d time.Duration, stop func() bool) {
	for end := o.now.Add(d); o.now.Before(end) && (stop == nil || !stop()); o.now = o.now.Add(200 * time.Millisecond) {
		o.land()
		for o.begin(w) {
		}
		if len(o.slots) > 400 { // long past counting, and every call under way has its index
			o.shorten()
		}
	}
}

func (o *outage) shorten() {
	cut := len(o.slots) - 200
	o.slots = append([]pace.Slot(nil), o.slots[cut:]...)
	for i := range o.calls {
		o.calls[i].slot -= cut
	}
}

// TestOutagesLeaveFewInDoubt is the promise of Account: whatever breaks, for however long, no more than MaxInFlight are uncertain, and
// creates flow again soon after they work.
func TestOutagesLeaveFewInDoubt(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		bad  weather
		good weather
		soon time.Duration // creates flow again within
	}{
		"creates alone":                        {bad: weather{looks: true, check: true}, good: weather{true, true, true}, soon: 3 * pace.MaxProbePause},
		"everything":                           {good: weather{true, true, true}, soon: 3 * pace.MaxProbePause},
		"everything, then look-ups still":      {good: weather{post: true, check: true}, soon: 5 * time.Minute}, // three pauses and the look-ups' timeouts
		"look-ups alone":                       {bad: weather{post: true, check: true}, good: weather{true, true, true}, soon: time.Minute},
		"every list, then look-ups alone":      {bad: weather{post: true}, good: weather{post: true, check: true}, soon: 5 * time.Minute},
		"creates alone, then look-ups instead": {bad: weather{looks: true, check: true}, good: weather{post: true, check: true}, soon: 5 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOutage()
			o.run(weather{true, true, true}, time.Minute, nil)
			o.run(weather{}, 16*time.Second, nil) // something is in doubt before the bad weather proper
			o.run(tc.bad, 2*time.Hour, nil)
			if o.most > pace.MaxInFlight {
				t.Errorf("%d were uncertain at once", o.most)
			}
			made, from := o.made, o.now
			o.run(tc.good, time.Hour, func() bool { return o.made >= made+20 })
			if took := o.now.Sub(from); took > tc.soon {
				t.Errorf("20 creates took %s after the bad weather, at step %d with %d uncertain", took, o.account.Step, len(o.doubt))
			}
		})
	}
}

// TestBrokenLookUpsStopNobody lets look-ups fail for ever while something is uncertain: creates go on.
func TestBrokenLookUpsStopNobody(t *testing.T) {
	t.Parallel()
	o := newOutage()
	o.run(weather{}, 20*time.Second, nil)
	o.run(weather{post: true, check: true}, time.Hour, nil)
	if o.made < 60*120/2 {
		t.Errorf("%d creates in an hour", o.made)
	}
	if o.most > pace.MaxInFlight {
		t.Errorf("%d were uncertain at once", o.most)
	}
}

// TestOneMoreARound bounds what the half-open create costs where creates and look-ups break and the check works: one for three pauses.
func TestOneMoreARound(t *testing.T) {
	t.Parallel()
	o := newOutage()
	o.run(weather{check: true}, time.Hour, nil)
	if more := o.most - pace.MaxInFlight; more < 1 || more > 60/3 {
		t.Errorf("%d more than the %d in flight are uncertain after an hour", more, pace.MaxInFlight)
	}
}

// TestFlappingOutage changes the weather at random. One more may be in doubt for each change: between two
// look-ups and the check, or between the check and its create.
func TestFlappingOutage(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		o, most := newOutage(), pace.MaxInFlight
		for range rapid.IntRange(1, 4).Draw(t, "changes") {
			up := rapid.Bool().Draw(t, "up")
			lists := up || rapid.Bool().Draw(t, "lists")
			most++
			o.run(weather{up, lists, lists}, time.Duration(rapid.IntRange(1, 90).Draw(t, "seconds"))*time.Second, nil)
			if o.most > most {
				t.Fatalf("%d were uncertain at once", o.most)
			}
		}
		made := o.made
		o.run(weather{true, true, true}, 5*time.Minute, func() bool { return o.made > made+20 })
		if o.made <= made+20 {
			t.Fatalf("creates do not flow: step %d, %d uncertain, %d broken", o.account.Step, len(o.doubt), o.account.Broken)
		}
	})
}
