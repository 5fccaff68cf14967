package delivery_test

import (
	"testing"
	"time"

	"formrelay/internal/keycrm"
	"formrelay/internal/keycrm/sandbox"
	"formrelay/internal/submission"
)

// The clock of the machine that a courier runs on may differ from the database's by an hour: no pause takes an hour longer for it, and none
// is cut short.
func TestMachinesClockDoesNotCount(t *testing.T) {
	t.Parallel()
	for name, ahead := range map[string]time.Duration{"DatabaseAhead": time.Hour, "DatabaseBehind": -time.Hour} {
		for fault, f := range map[string]sandbox.Fault{
			"Limited":      {Kind: sandbox.Status, Status: 429, RetryAfter: "2", Method: "POST", Path: "/order"},
			"Unauthorised": {Kind: sandbox.Unauthorised, Times: 2},
			"Outage":       {Kind: sandbox.Cut, Times: 3},
			"FileLimited":  {Kind: sandbox.Status, Status: 429, RetryAfter: "2", Method: "POST", Path: "/storage/upload"},
			"FileBroken":   {Kind: sandbox.Status, Status: 503, Method: "POST", Path: "/storage/upload"},
		} {
			t.Run(name+"/"+fault, func(t *testing.T) {
				t.Parallel()
				k := newKitAt(t, boundless(), func() time.Time { return time.Now().Add(ahead) })
				if err := k.box.Inject(f); err != nil {
					t.Fatal(err)
				}
				id := k.acceptWith(t, keycrm.KindOrder, "olena@example.com", k.photos(t, "\xff\xd8\xff\xe0small"))
				k.runWithFiles(t)
				s := k.settledFiles(t, id)
				if entities, _ := k.received(keycrm.KindOrder); entities != 1 || s.Files[0].State != submission.FileAttached {
					t.Errorf("%d orders, the file is %s: %s", entities, s.Files[0].State, s.Files[0].Error)
				}
				calls := k.box.Calls()
				for i, c := range calls[:len(calls)-1] {
					if gap := calls[i+1].At.Sub(c.At); c.Status == 429 && gap < 2*time.Second {
						t.Errorf("the call after a 429 came %s later", gap)
					}
				}
			})
		}
	}
}

// What KeyCRM made is found by when it was made as KeyCRM's clock has it, however the database's clock stands to that: else a look-up would
// find nothing, and the card or the order would be sent a second time.
func TestDatabasesClockHidesNothing(t *testing.T) {
	t.Parallel()
	for name, ahead := range map[string]time.Duration{"Ahead": time.Hour, "Behind": -time.Hour} {
		for _, kind := range []keycrm.Kind{keycrm.KindOrder, keycrm.KindCard} {
			t.Run(name+"/"+string(kind), func(t *testing.T) {
				t.Parallel()
				k := newKitAt(t, boundless(), func() time.Time { return time.Now().Add(ahead) })
				if err := k.box.Inject(sandbox.Fault{Kind: sandbox.Cut, Stored: true, Method: "POST"}); err != nil {
					t.Fatal(err)
				}
				id := k.accept(t, kind, "olena@example.com")
				k.run(t)
				s := k.end(t, id)
				if entities, creates := k.received(kind); s.State != submission.Delivered || entities != 1 || creates != 1 {
					t.Errorf("it is %s, %d after %d creates\n%s", s.State, entities, creates, k.attempts(t, id))
				}
			})
		}
	}
}
