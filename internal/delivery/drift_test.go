package delivery

import (
	"testing"
	"time"

	"formrelay/internal/keycrm"
)

// A machine that sleeps while it reads the store's clock takes an old time for the present one. A look-up that was bounded by that would
// not see what KeyCRM made, and it would be sent a second time.
func TestASlowReadingHidesNothing(t *testing.T) {
	t.Parallel()
	const slept = 3 * time.Hour
	asked := time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC)
	for name, ahead := range map[string]time.Duration{"TheSame": 0, "StoreAhead": time.Hour, "StoreBehind": -time.Hour} {
		for when, read := range map[string]time.Time{"SleptAfter": asked.Add(ahead), "SleptBefore": asked.Add(ahead + slept)} {
			t.Run(name+"/"+when, func(t *testing.T) {
				t.Parallel()
				d := driftOf(read, asked, asked.Add(slept))
				from, to := asked.Add(-time.Minute), asked.Add(time.Minute) // of this machine's clock
				q := d.ours(keycrm.Query{From: from.Add(ahead), To: to.Add(ahead)})
				if q.From.After(from) || q.To.Before(to) {
					t.Errorf("it asks from %s to %s, and is to find what was made from %s to %s", q.From, q.To, from, to)
				}
			})
		}
	}
	if q := (drift{least: 1, most: 2}).ours(keycrm.Query{}); !q.From.IsZero() || !q.To.IsZero() {
		t.Errorf("a question without bounds got %s and %s", q.From, q.To)
	}
}
