package pace

import (
	"testing"
	"time"
)

// The rest doubles up to its bound, a batch that never happened leaves it as it was, and one that was whole ends it.
func TestBatchesRest(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var b Batches
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		b = b.Begun("me", now, time.Second)
		if !b.UnderWay(now) || b.Allowed(now, Account{}, 0) {
			t.Fatalf("another batch may go beside %+v", b)
		}
		if died := now.Add(time.Second); b.UnderWay(died) || b.Allowed(died, Account{}, 0) {
			t.Fatalf("a batch goes after the death of %+v", b)
		}
		before := b.Rest
		b = b.Ended(BatchFailed, now)
		if b.Rest != want*time.Minute || b.Rest != before || b.Allowed(now.Add(b.Rest-1), Account{}, 0) || !b.Allowed(now.Add(b.Rest), Account{}, 0) {
			t.Fatalf("rests %+v, want %s minutes", b, want)
		}
		if void := b.Begun("me", now, time.Second).Ended(BatchVoid, now); !void.Allowed(now, Account{}, 0) || b.Rest < MaxBatchRest/2 && void.Rest != b.Rest {
			t.Fatalf("a batch that never happened leaves %+v of %+v", void, b)
		}
		now = now.Add(b.Rest)
	}
	if b = b.Begun("me", now, time.Second).Ended(BatchWhole, now); b != (Batches{}) {
		t.Errorf("a whole batch leaves %+v", b)
	}
	if b = b.Begun("me", now, time.Second).Ended(BatchVoid, now); b != (Batches{}) {
		t.Errorf("a first batch that never happened leaves %+v", b)
	}
}

func TestBatchesAllowed(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		account   Account
		uncertain int
		want      bool
	}{
		"Well":       {Account{}, 0, true},
		"InDoubt":    {Account{}, 1, false},
		"OneBroke":   {Account{Broken: 1}, 0, false},
		"InAnOutage": {Account{Broken: OutageAfter, CreateBroke: true}, 0, false},
	} {
		if got := (Batches{}).Allowed(now, tc.account, tc.uncertain); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
