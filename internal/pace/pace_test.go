package pace_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"formrelay/internal/pace"
)

// epoch is when every test's clock starts.
var epoch = time.Date(2026, 3, 29, 0, 59, 30, 0, time.UTC)

// at is a moment so many milliseconds after epoch.
func at(ms int) time.Time { return epoch.Add(time.Duration(ms) * time.Millisecond) }

func wait(ms int, why string) *pace.Wait { return &pace.Wait{Until: at(ms), Why: why} }

// ended are calls of 100 ms that ended at these milliseconds; flying are calls under way since.
func ended(ms ...int) (all []pace.Slot) {
	for _, end := range ms {
		all = append(all, pace.Slot{Start: at(end - 100), End: at(end)})
	}
	return all
}

func flying(ms ...int) (all []pace.Slot) {
	for _, start := range ms {
		all = append(all, pace.Slot{Start: at(start)})
	}
	return all
}

func TestDecide(t *testing.T) {
	t.Parallel()
	limit := pace.Limit{Calls: 3, Window: 10 * time.Second, Timeout: 2 * time.Second}
	wide := pace.Limit{Calls: 100, Window: 10 * time.Second, Timeout: 2 * time.Second}
	outage := pace.Account{Broken: 2, ProbeAt: at(0)}
	paused := pace.Account{Paused: "no token", ProbeAt: at(0)}
	tests := map[string]struct {
		limit     pace.Limit
		now       int
		account   pace.Account
		slots     []pace.Slot
		purpose   pace.Purpose
		uncertain int
		want      *pace.Wait
	}{
		"a lone call goes at once":                       {limit: limit},
		"below the pace":                                 {limit: limit, now: 1000, slots: ended(100, 200)},
		"the pace is used up":                            {limit: limit, now: 1000, slots: ended(300, 100, 200), want: wait(10100, "pace")},
		"more slots than the pace, after it was lowered": {limit: limit, now: 1000, slots: ended(100, 200, 300, 400, 500), want: wait(10300, "pace")},
		"a slot is free exactly a window after its end":  {limit: limit, now: 10100, slots: ended(100, 200, 300)},
		"and not a moment before":                        {limit: limit, now: 10099, slots: ended(100, 200, 300), want: wait(10100, "pace")},
		"calls under way count":                          {limit: limit, now: 1000, slots: flying(100, 200, 300), want: wait(11000, "pace")},
		"a call that never ended counts to the end of its timeout and a window": {
			limit: limit, now: 11999, slots: flying(0, 0, 0), want: wait(12000, "pace"),
		},
		"and then no longer": {limit: limit, now: 12000, slots: flying(0, 0, 0)},
		"seven in flight":    {limit: wide, now: 1000, slots: flying(1, 2, 3, 4, 5, 6, 7)},
		"eight in flight":    {limit: wide, now: 1000, slots: flying(1, 2, 3, 4, 5, 6, 7, 8), want: wait(2001, "in flight")},
		"eight of which one has timed out": {
			limit: wide, now: 2001, slots: flying(1, 2, 3, 4, 5, 6, 7, 8),
		},
		"limited": {limit: limit, now: 1000, account: pace.Account{LimitedUntil: at(5000)}, want: wait(5000, "limited")},
		"limited holds probes back too": {
			limit: limit, now: 1000, account: pace.Account{Paused: "x", LimitedUntil: at(5000)}, purpose: pace.ForProbe, want: wait(5000, "limited"),
		},
		"limited no longer": {limit: limit, now: 5000, account: pace.Account{LimitedUntil: at(5000)}},

		"paused, nothing else goes":        {limit: limit, now: 1000, account: paused, purpose: pace.ForLookUp, want: wait(2000, "paused")},
		"paused, a probe goes":             {limit: limit, now: 1000, account: paused, purpose: pace.ForProbe},
		"paused, a list goes like a probe": {limit: limit, now: 1000, account: paused, purpose: pace.ForList},
		"paused by ops, no list goes": {
			limit: limit, now: 1000, account: pace.Account{Paused: "stocktaking", ByOps: true}, purpose: pace.ForList, want: wait(2000, "paused"),
		},
		"paused, a probe in its time": {limit: limit, now: -500, account: paused, purpose: pace.ForProbe, want: wait(0, "paused")},
		"paused, one probe at a time": {limit: limit, now: 1000, account: paused, purpose: pace.ForProbe, slots: flying(500), want: wait(2500, "paused")},
		"a probe counts against the pace": {
			limit: limit, now: 1000, account: paused, purpose: pace.ForProbe, slots: ended(300, 100, 200), want: wait(10100, "pace"),
		},
		"paused in an outage: a probe goes though something is uncertain": {
			limit: limit, now: 1000, account: pace.Account{Paused: "x", Broken: 5}, purpose: pace.ForProbe, uncertain: 1,
		},

		"paused by ops, a probe does not go": {
			limit: limit, now: 1000, account: pace.Account{Paused: "stocktaking", ByOps: true}, purpose: pace.ForProbe, want: wait(2000, "paused"),
		},
		"paused by ops, a look-up does not go in an outage": {
			limit: limit, now: 1000, account: pace.Account{Paused: "stocktaking", ByOps: true, Broken: 2}, purpose: pace.ForLookUp, uncertain: 1,
			want: wait(2000, "paused"),
		},

		"outage, one call":            {limit: limit, now: 1000, account: outage},
		"outage, not before its time": {limit: limit, now: -1, account: outage, want: wait(0, "probing")},
		"outage, one at a time":       {limit: limit, now: 1000, account: outage, slots: flying(500), want: wait(2500, "probing")},
		"outage, a look-up first": {
			limit: limit, now: 1000, account: outage, purpose: pace.ForCreate, uncertain: 1, want: wait(2000, "probing"),
		},
		"outage, the look-up goes": {limit: limit, now: 1000, account: outage, purpose: pace.ForLookUp, uncertain: 1},
		"one broken call is no outage": {
			limit: limit, now: 1000, account: pace.Account{Broken: 1}, slots: flying(500), purpose: pace.ForCreate, uncertain: 1,
		},
		"outage, a create in its turn": {
			limit: limit, now: 1000, account: pace.Account{Broken: 2, Step: pace.CreateNext}, purpose: pace.ForCreate, uncertain: 8,
		},
		"outage, the check": {
			limit: limit, now: 1000, account: pace.Account{Broken: 2, Step: pace.CheckNext}, purpose: pace.ForProbe, uncertain: 8,
		},
		"what is in doubt takes room from creates": {
			limit: wide, now: 1000, slots: flying(1, 2, 3), purpose: pace.ForCreate, uncertain: 5, want: wait(2001, "in flight"),
		},
		"and leaves the rest":                      {limit: wide, now: 1000, slots: flying(1, 2, 3), purpose: pace.ForCreate, uncertain: 4},
		"and none from look-ups":                   {limit: wide, now: 1000, slots: flying(1, 2, 3), purpose: pace.ForLookUp, uncertain: 8},
		"one create may go however many are so":    {limit: wide, now: 1000, purpose: pace.ForCreate, uncertain: 8},
		"a limit of nothing lets one call through": {limit: pace.Limit{Window: time.Second}, now: 1000},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := tt.limit.Decide(at(tt.now), tt.account, tt.slots, tt.purpose, tt.uncertain)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Decide (-want +got):\n%s", diff)
			}
		})
	}
}

// world plays KeyCRM and the courier: it begins a call whenever Decide lets it and keeps what really happened.
type world struct {
	limit pace.Limit
	now   time.Time
	slots []pace.Slot
	over  []time.Time // when each call really ends; a call that dies ends at its timeout and nobody writes it down
	dies  []bool
}

// begin asks for a call that takes length, and reports how long the pace wants to wait.
func (w *world) begin(length time.Duration, dies bool) *pace.Wait {
	if wait := w.limit.Decide(w.now, pace.Account{}, w.slots, pace.ForCreate, 0); wait != nil {
		return wait
	}
	w.slots = append(w.slots, pace.Slot{Start: w.now})
	if dies {
		length = w.limit.Timeout
	}
	w.over = append(w.over, w.now.Add(length))
	w.dies = append(w.dies, dies)
	return nil
}

// advance moves the clock, at most to the next end of a call, and writes that end down.
func (w *world) advance(to time.Time) {
	for i, s := range w.slots {
		if s.End.IsZero() && !w.dies[i] && w.over[i].Before(to) {
			to = w.over[i]
		}
	}
	w.now = to
	for i, s := range w.slots {
		if s.End.IsZero() && !w.dies[i] && !w.over[i].After(to) {
			w.slots[i].End = to
		}
	}
}

func (w *world) inFlight() (n int) {
	for i := range w.slots {
		if w.over[i].After(w.now) {
			n++
		}
	}
	return n
}

// most is the largest number of calls that KeyCRM could count in any half-open window, wherever between its start and its end it counts
// each.
func (w *world) most() (most int) {
	for i := range w.slots {
		from := w.over[i]
		n := 0
		for j := range w.slots {
			if w.slots[j].Start.Before(from.Add(w.limit.Window)) && !w.over[j].Before(from) {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

func TestNeverMoreThanThePace(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ms := func(lo, hi int, name string) time.Duration {
			return time.Duration(rapid.IntRange(lo, hi).Draw(t, name)) * time.Millisecond
		}
		w := &world{now: epoch, limit: pace.Limit{
			Calls: rapid.IntRange(1, 20).Draw(t, "calls"), Window: ms(1, 5000, "window"), Timeout: ms(1, 3000, "timeout"),
		}}
		for range rapid.IntRange(1, 120).Draw(t, "steps") {
			length := min(ms(0, 3000, "length"), w.limit.Timeout)
			if wait := w.begin(length, rapid.IntRange(0, 9).Draw(t, "dies") == 0); wait != nil {
				if !wait.Until.After(w.now) {
					t.Fatalf("told to wait until %s, which is now or earlier", wait.Until)
				}
				w.advance(wait.Until)
				continue
			}
			if n := w.inFlight(); n > pace.MaxInFlight {
				t.Fatalf("%d calls in flight", n)
			}
			w.advance(w.now.Add(ms(0, 800, "pause")))
		}
		if most := w.most(); most > w.limit.Calls {
			t.Fatalf("%d calls could be counted in one window of %s, %d are allowed", most, w.limit.Window, w.limit.Calls)
		}
	})
}

// TestBacklogUsesThePace drives a backlog of half-second calls for forty minutes of the simulated clock.
func TestBacklogUsesThePace(t *testing.T) {
	t.Parallel()
	limit := pace.Limit{Calls: 60, Window: time.Minute, Timeout: 15 * time.Second}
	w := &world{now: epoch, limit: limit}
	const windows = 40
	for w.now.Before(epoch.Add(windows * limit.Window)) {
		if wait := w.begin(500*time.Millisecond, false); wait != nil {
			w.advance(wait.Until)
		}
	}
	begun := 0
	for _, s := range w.slots {
		if !s.Start.Before(epoch.Add(limit.Window)) { // the first window is full at once and would flatter the figure
			begun++
		}
	}
	share := float64(begun) / float64((windows-1)*limit.Calls)
	t.Logf("%.2f %% of the pace used, at most %d calls in a window", 100*share, w.most())
	if share < 0.98 || w.most() > limit.Calls {
		t.Errorf("a backlog uses %.2f %% of the pace with up to %d calls a window", 100*share, w.most())
	}
}

func TestWaitSaysWhy(t *testing.T) {
	t.Parallel()
	if got := wait(0, "pace").Error(); got != "wait: pace" {
		t.Errorf("Error() = %q", got)
	}
}

func ExampleParseLimit() {
	calls, window, err := pace.ParseLimit("60/1m")
	fmt.Println(calls, window, err)
	_, _, err = pace.ParseLimit("60 per minute")
	fmt.Println(err)
	// Output:
	// 60 1m0s <nil>
	// the pace "60 per minute" has no slash: write calls/time, for example 60/1m
}
