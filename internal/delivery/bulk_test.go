package delivery_test

import (
	"context"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"formrelay/internal/delivery"
	"formrelay/internal/keycrm"
	"formrelay/internal/keycrm/sandbox"
	"formrelay/internal/pace"
	"formrelay/internal/submission"
)

const (
	importPath = "/order/import"
	// unhurried is the timeout of these couriers' calls: one that nothing spoils ends within it on a busy machine too.
	unhurried = 5 * time.Second
)

// runBulk makes a courier work that sends a backlog of more than over orders by batches.
func (k *kit) runBulk(t *testing.T, over int, limit pace.Limit) (stop func()) {
	t.Helper()
	bulk := &delivery.Bulk{Over: over, Queue: k.store, Ledger: batchLedger{k.store, k.settled}, Client: k.client}
	c := delivery.New(delivery.Options{
		Account: "main", Limit: limit, Settle: settling, Log: zerolog.Nop(),
		Queue: k.store, Ledger: ledger{k.store, k.settled}, Client: k.client, Bulk: bulk,
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// batchLedger tells of every settled call of a batch.
type batchLedger struct {
	delivery.BatchLedger
	settled chan struct{}
}

func (l batchLedger) SettleBatch(ctx context.Context, b submission.Batch, call submission.Call, a keycrm.Answer, fates []submission.Fate) error {
	err := l.BatchLedger.SettleBatch(ctx, b, call, a, fates)
	select {
	case l.settled <- struct{}{}:
	default:
	}
	return err
}

// calls counts the calls to a path, by method.
func (k *kit) calls(method, path string) (n int) {
	for _, c := range k.box.Calls() {
		if c.Method == method && c.Path == path {
			n++
		}
	}
	return n
}

// arrivals counts by source_uuid how often each order is in KeyCRM.
func (k *kit) arrivals() map[string]int {
	n := map[string]int{}
	for _, o := range k.box.Orders() {
		n[uuidOf(o.Body)]++
	}
	return n
}

func uuidOf(body []byte) string {
	_, after, _ := strings.Cut(string(body), `"source_uuid":"`)
	uuid, _, _ := strings.Cut(after, `"`)
	return uuid
}

// Every way in which KeyCRM can fail an import, or the list after it: each order arrives once, and one that KeyCRM refuses is refused
// alone, with KeyCRM's words about its own field.
func TestBulkFaults(t *testing.T) { //nolint:paralleltest,tparallel // how many orders go by themselves is counted: a machine that is busy with other tests makes more of them
	const orders = 24
	imports := func(f sandbox.Fault) []sandbox.Fault {
		f.Method, f.Path = http.MethodPost, importPath
		return []sandbox.Fault{f}
	}
	status := func(code int, part int, retryAfter string) []sandbox.Fault {
		return imports(sandbox.Fault{Kind: sandbox.Status, Status: code, Stored: part != 0, Part: max(part, 0), RetryAfter: retryAfter, Body: `{"message":"No."}`})
	}
	lists := func(f sandbox.Fault) []sandbox.Fault {
		f.Method, f.Path = http.MethodGet, "/order"
		return []sandbox.Fault{f}
	}
	const all = -1
	type check struct {
		name  string
		start func() (stop func())
		run   func(t *testing.T)
	}
	var checks []check
	for _, tc := range []struct {
		name   string
		box    sandbox.Options
		faults []sandbox.Fault
		faulty int  // this many of the orders KeyCRM refuses
		byHand int  // of the batch, how many are created by themselves; -1: it does not matter
		proof  bool // nothing but the import and one look is needed
	}{
		{name: "None", byHand: 0, proof: true},
		{name: "Slow", faults: imports(sandbox.Fault{Kind: sandbox.Slow, Delay: timeout / 4}), byHand: 0, proof: true},
		{name: "Gzip", faults: imports(sandbox.Fault{Kind: sandbox.Gzip}), byHand: 0, proof: true},
		{name: "ListedLate", box: sandbox.Options{ListDelay: settling / 2}, byHand: 0},
		{name: "MadeLate", box: sandbox.Options{ImportDelay: 2 * settling}, byHand: 0},
		{name: "HangBeforeStoring", faults: imports(sandbox.Fault{Kind: sandbox.Hang}), byHand: orders},
		{name: "HangAfterStoring", faults: imports(sandbox.Fault{Kind: sandbox.Hang, Stored: true}), byHand: 0},
		{name: "CutBeforeStoring", faults: imports(sandbox.Fault{Kind: sandbox.Cut}), byHand: orders},
		{name: "CutAfterStoring", faults: imports(sandbox.Fault{Kind: sandbox.Cut, Stored: true}), byHand: 0},
		{name: "CutHalfway", faults: imports(sandbox.Fault{Kind: sandbox.Cut, Stored: true, Part: 10}), byHand: orders - 10},
		{name: "500", faults: status(500, 0, ""), byHand: orders},
		{name: "502AfterStoring", faults: status(502, all, ""), byHand: 0},
		{name: "503Halfway", faults: status(503, 7, "1"), byHand: orders - 7},
		{name: "HTML", faults: imports(sandbox.Fault{Kind: sandbox.HTML, Stored: true}), byHand: 0},
		{name: "Short", faults: imports(sandbox.Fault{Kind: sandbox.Status, Status: 201, Stored: true, Body: "{"}), byHand: 0},
		{name: "Redirect", faults: imports(sandbox.Fault{Kind: sandbox.Redirect}), byHand: orders},
		{name: "429", faults: status(429, 0, ""), byHand: 0},
		{name: "429WithRetryAfter", faults: status(429, 0, "1"), byHand: 0},
		{name: "401", faults: imports(sandbox.Fault{Kind: sandbox.Unauthorised}), byHand: -1},
		{name: "404", faults: imports(sandbox.Fault{Kind: sandbox.HTML, Status: 404}), byHand: orders},
		{name: "405", faults: status(405, 0, ""), byHand: orders},
		{name: "400", faults: status(400, 0, ""), byHand: orders},
		{name: "422Halfway", faults: status(422, 9, ""), byHand: orders - 9},
		{name: "WholeRefused", faulty: 2, byHand: orders + 2},
		{name: "PartRefused", box: sandbox.Options{PartialImport: true}, faulty: 2, byHand: -1},
		{name: "UniqueNumbers", box: sandbox.Options{UniqueSourceUUID: true}, faults: status(500, 8, ""), byHand: orders - 8},
		{name: "201AndNothing", faults: status(201, 0, ""), byHand: orders},
		{name: "201AndSome", faults: status(201, 11, ""), byHand: orders - 11},
		{name: "200", faults: status(200, all, ""), byHand: 0, proof: true},
		{name: "ListFails", faults: lists(sandbox.Fault{Kind: sandbox.Status, Status: 500}), byHand: 0},
		{name: "ListIsCut", faults: lists(sandbox.Fault{Kind: sandbox.Cut}), byHand: 0},
		{name: "ListHangs", faults: lists(sandbox.Fault{Kind: sandbox.Hang}), byHand: 0},
		{name: "ListIsLimited", faults: lists(sandbox.Fault{Kind: sandbox.Status, Status: 429, RetryAfter: "1"}), byHand: 0},
		{name: "ListIsRefused", faults: lists(sandbox.Fault{Kind: sandbox.Status, Status: 400, Body: `{"message":"No sort."}`}), byHand: 0},
	} {
		tc.box.Limit = -1
		k := newKit(t, tc.box)
		k.limit.Calls, k.limit.Timeout = 1000, unhurried
		ids, _ := k.backlog(t, pace.MaxInFlight, 0) // these go before the first is answered
		more, bad := k.backlog(t, orders, tc.faulty)
		ids = append(ids, more...)
		for _, f := range tc.faults {
			if err := k.box.Inject(f); err != nil {
				t.Fatal(err)
			}
		}
		start := func() func() { return k.runBulk(t, 5, k.limit) }
		checks = append(checks, check{tc.name, start, func(t *testing.T) {
			for _, id := range ids {
				s, want := k.end(t, id), submission.Delivered
				if bad[id] {
					want = submission.Rejected
				}
				if s.State != want || bad[id] && !strings.Contains(s.Error, "buyer.email: ") {
					t.Fatalf("%s is %s: %s\n%s", id, s.State, s.Error, k.attempts(t, id))
				}
			}
			arrived := k.arrivals()
			for _, id := range ids {
				want := 1
				if bad[id] {
					want = 0
				}
				if arrived[id] != want {
					t.Errorf("%s arrived %d times\n%s", id, arrived[id], k.attempts(t, id))
				}
			}
			byHand, batches, looks := k.calls("POST", "/order"), k.calls("POST", importPath), k.calls("GET", "/order")
			// On a busy machine a few more go by themselves before the first of them is answered.
			least, most := tc.byHand+pace.MaxInFlight, tc.byHand+3*pace.MaxInFlight
			if batches > 1 {
				least = 0 // the second import, which nothing spoils, took what the first left
			}
			if batches == 0 || tc.byHand >= 0 && (byHand < least || byHand > most) || tc.proof && (batches > 2 || looks > 2) {
				t.Errorf("%d imports, %d creates (want %d to %d), %d look-ups", batches, byHand, least, most, looks)
			}
		}})
	}
	// The couriers mostly wait, so several work at once; all of them at once would have a busy machine break calls that nothing spoils.
	for together := range slices.Chunk(checks, 4) {
		var stops []func()
		for _, c := range together {
			stops = append(stops, c.start())
		}
		for i, c := range together {
			t.Run(c.name, c.run)
			stops[i]()
		}
	}
}

// backlog accepts n sound orders and, in their middle, some that KeyCRM refuses.
func (k *kit) backlog(t *testing.T, n, faulty int) (ids []string, bad map[string]bool) {
	t.Helper()
	ids, bad = make([]string, n+faulty), map[string]bool{}
	var all errgroup.Group
	all.SetLimit(64)
	for i := range ids {
		all.Go(func() error {
			email := "olena@example.com"
			if i >= n/2 && i < n/2+faulty {
				email = "no address"
			}
			ids[i] = k.accept(t, keycrm.KindOrder, email)
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids[n/2 : n/2+faulty] {
		bad[id] = true
	}
	return ids, bad
}

// A backlog of 10,000 orders takes some 450 calls, look-ups included, keeps KeyCRM's limit and arrives once. The pace is 60 times as fast
// as KeyCRM's. With FORMRELAY_LONG it is 10,000 orders, else 500; run with -v for the figure.
func TestBulkCalls(t *testing.T) {
	t.Parallel()
	orders := 500
	if os.Getenv("FORMRELAY_LONG") != "" {
		orders = 10_000
	}
	// Two calls for each 50, at most 8 orders before the first is answered, and fewer than 50 at the end by themselves.
	most := orders/25 + pace.MaxInFlight + keycrm.MaxImport
	k := newKit(t, sandbox.Options{Limit: 60, Window: time.Second})
	limit := pace.Limit{Calls: 60, Window: time.Second, Timeout: 15 * time.Second}
	ids, _ := k.backlog(t, orders, 0)
	began := time.Now()
	k.runBulk(t, 200, limit)
	for _, id := range ids {
		if s := k.end(t, id); s.State != submission.Delivered {
			t.Fatalf("%s is %s: %s", id, s.State, s.Error)
		}
	}
	calls := len(k.box.Calls())
	t.Logf("%d orders took %d calls (%d imports, %d creates by themselves, %d look-ups) in %s at 60/1s, at most %d in any second",
		orders, calls, k.calls("POST", importPath), k.calls("POST", "/order"), k.calls("GET", "/order"), time.Since(began).Round(time.Second), k.box.Busiest(time.Second))
	if calls > most || k.box.Busiest(time.Second) > 60 {
		t.Errorf("%d calls, want at most %d", calls, most)
	}
	arrived := k.arrivals()
	for _, id := range ids {
		if arrived[id] != 1 {
			t.Errorf("%s arrived %d times", id, arrived[id])
		}
	}
	for _, c := range k.box.Calls() {
		if c.Status == 429 {
			t.Fatal("KeyCRM answered 429")
		}
	}
}
