package delivery_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"formrelay/internal/delivery"
	"formrelay/internal/form"
	"formrelay/internal/keycrm"
	"formrelay/internal/keycrm/sandbox"
	"formrelay/internal/pace"
	"formrelay/internal/store"
	"formrelay/internal/submission"
)

// The times of these tests are short but real: nothing here sleeps, everything waits for the store to settle a call.
const (
	timeout  = time.Second // a busy machine may take a good part of that for a call that nothing spoils
	settling = 300 * time.Millisecond
	patience = time.Minute // for a machine that is busy with other tests
)

// kit is a store on disk, a KeyCRM over HTTP, and a courier between them.
type kit struct {
	box      *sandbox.Sandbox
	server   *httptest.Server
	client   *keycrm.Client
	store    *store.Store
	database string
	limit    pace.Limit
	settle   time.Duration
	now      func() time.Time // the store's clock; nil: this machine's
	settled  chan struct{}    // gets a token after each settled call
	revision submission.Revision
}

// ledger tells of every settled call.
type ledger struct {
	*store.Store
	settled chan struct{}
}

func (l ledger) Settle(ctx context.Context, call submission.Call, st submission.Settlement) error {
	err := l.Store.Settle(ctx, call, st)
	select {
	case l.settled <- struct{}{}:
	default: // one token is enough: whoever waits looks again
	}
	return err
}

func newKit(t *testing.T, o sandbox.Options) *kit {
	t.Helper()
	return newKitAt(t, o, nil)
}

// newKitAt is newKit with a store that goes by another clock than the courier's machine.
func newKitAt(t *testing.T, o sandbox.Options, now func() time.Time) *kit {
	t.Helper()
	text := []byte("creates: order\n")
	sum := sha256.Sum256(text)
	k := &kit{
		box:      sandbox.New(o),
		database: "sqlite:" + blank(t),
		limit:    pace.Limit{Calls: 100, Window: time.Second, Timeout: timeout},
		settle:   settling,
		now:      now,
		settled:  make(chan struct{}, 1),
		revision: submission.Revision{Hash: hex.EncodeToString(sum[:]), Profile: "landing", Text: text},
	}
	k.server = httptest.NewServer(k.box)
	t.Cleanup(k.server.Close)
	t.Cleanup(k.box.Close) // first, so that nothing hangs when the server closes
	k.client = k.clientFor(t, k.server.URL)
	k.open(t)
	return k
}

// blank is an empty database of this test's own. Its tables are made once for all tests: the race detector makes that slow.
func blank(t *testing.T) string {
	t.Helper()
	text, err := template()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "formrelay.db")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// template is the content of an empty database.
var template = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "formrelay-test-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "formrelay.db")
	s, err := store.Open(context.Background(), store.Options{URL: "sqlite:" + file, Log: zerolog.Nop()})
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
})

// boundless is a KeyCRM that never answers 429 by itself.
func boundless() sandbox.Options { return sandbox.Options{Limit: -1} }

func (k *kit) clientFor(t *testing.T, url string) *keycrm.Client {
	t.Helper()
	c, err := keycrm.NewClient(keycrm.Options{
		BaseURL: url + "/v1", UserAgent: "formrelay/test",
		Token: func() (string, error) { return "sandbox", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func (k *kit) open(t *testing.T) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{URL: k.database, Log: zerolog.Nop(), Now: k.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing the store: %v", err)
		}
	})
	k.store = s
}

// run makes a courier work until the returned function is called, at the test's end at the latest.
func (k *kit) run(t *testing.T) (stop func()) {
	t.Helper()
	c := delivery.New(delivery.Options{
		Account: "main", Limit: k.limit, Settle: k.settle, Log: zerolog.Nop(),
		Queue: k.store, Ledger: ledger{k.store, k.settled}, Client: k.client,
	})
	return k.start(t, c)
}

// start makes a courier work until the returned function is called, at the test's end at the latest.
func (k *kit) start(t *testing.T, c *delivery.Courier) (stop func()) {
	t.Helper()
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

// accept stores an order or card. email may be one that KeyCRM refuses.
func (k *kit) accept(t *testing.T, kind keycrm.Kind, email string) string {
	t.Helper()
	return k.acceptWith(t, kind, email, nil)
}

// acceptWith is accept of one with files.
func (k *kit) acceptWith(t *testing.T, kind keycrm.Kind, email string, files []submission.File) string {
	t.Helper()
	id := submission.NewID()
	s := submission.Submission{
		ID: id, Profile: "landing", Account: "main", Revision: k.revision.Hash, ReceivedAt: time.Now().UTC(),
		Pairs: []form.Pair{{Name: "email", Value: email}}, Charset: "utf-8", Files: files,
		Kind: kind, SourceID: 22, State: submission.Queued,
	}
	person := map[string]any{"full_name": "Olena", "email": email}
	entity := map[string]any{"source_id": 22, "source_uuid": id, "buyer": person}
	s.SourceUUID = id
	if kind == keycrm.KindCard {
		s.SourceUUID, s.Mark = "", "[formrelay "+id+"]"
		entity = map[string]any{"source_id": 22, "contact": person, "manager_comment": s.Mark + "\nCall me back"}
	}
	var err error
	if s.Entity, err = json.Marshal(entity); err != nil {
		t.Fatal(err)
	}
	if err := k.store.Accept(t.Context(), &s, k.revision); err != nil {
		t.Fatal(err)
	}
	return id
}

// wait waits until ok holds for the submission after some call.
func (k *kit) wait(t *testing.T, id string, ok func(submission.Submission) bool) submission.Submission {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		s, err := k.store.Submission(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if ok(s) {
			return s
		}
		select {
		case <-k.settled:
		case <-deadline.C:
			t.Fatalf("after %s it is %s (%s)\n%s", patience, s.State, s.Error, k.attempts(t, id))
		}
	}
}

// end waits until the submission is in a state that ends.
func (k *kit) end(t *testing.T, id string) submission.Submission {
	t.Helper()
	return k.wait(t, id, func(s submission.Submission) bool { return s.State.Terminal() })
}

func (k *kit) attempts(t *testing.T, id string) string {
	t.Helper()
	attempts, err := k.store.Attempts(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, a := range attempts {
		lines = append(lines, fmt.Sprintf("%d %s %s %d %s", a.Number, a.Kind, a.Outcome, a.Status, a.Text))
	}
	return strings.Join(lines, "\n")
}

// received counts the entities of that kind in KeyCRM, and the calls that were to make one.
func (k *kit) received(kind keycrm.Kind) (entities, creates int) {
	got, path := k.box.Orders(), "/order"
	if kind == keycrm.KindCard {
		got, path = k.box.Cards(), "/pipelines/cards"
	}
	for _, c := range k.box.Calls() {
		if c.Method == "POST" && c.Path == path {
			creates++
		}
	}
	return len(got), creates
}

// Every way in which KeyCRM can fail a create or a look-up, for real: what must come of it, and that the entity is there exactly once
// (or, where KeyCRM refused it, not at all).
func TestFaults(t *testing.T) {
	t.Parallel()
	post := func(f sandbox.Fault) []sandbox.Fault { f.Method = "POST"; return []sandbox.Fault{f} }
	status := func(code int, stored bool, body, retryAfter string) []sandbox.Fault {
		return post(sandbox.Fault{Kind: sandbox.Status, Status: code, Stored: stored, Body: body, RetryAfter: retryAfter})
	}
	type check struct {
		name string
		run  func(t *testing.T)
	}
	var checks []check // all the couriers work at once, however few tests run in parallel: they mostly wait
	const said = `{"message":"The lead module is switched off."}`
	for _, tc := range []struct {
		name    string
		faults  []sandbox.Fault
		email   string
		state   submission.State
		creates int
		error   string // what ops read
	}{
		{name: "None", state: submission.Delivered, creates: 1},
		{name: "Gzip", faults: post(sandbox.Fault{Kind: sandbox.Gzip}), state: submission.Delivered, creates: 1},
		{name: "Slow", faults: post(sandbox.Fault{Kind: sandbox.Slow, Delay: timeout / 4}), state: submission.Delivered, creates: 1},
		{name: "TooSlow", faults: post(sandbox.Fault{Kind: sandbox.Slow, Delay: timeout * 2}), state: submission.Delivered, creates: 1},
		{name: "HangBeforeStoring", faults: post(sandbox.Fault{Kind: sandbox.Hang}), state: submission.Delivered, creates: 2},
		{name: "HangAfterStoring", faults: post(sandbox.Fault{Kind: sandbox.Hang, Stored: true}), state: submission.Delivered, creates: 1},
		{name: "CutBeforeStoring", faults: post(sandbox.Fault{Kind: sandbox.Cut}), state: submission.Delivered, creates: 2},
		{name: "CutAfterStoring", faults: post(sandbox.Fault{Kind: sandbox.Cut, Stored: true}), state: submission.Delivered, creates: 1},
		{name: "500", faults: status(500, false, "", ""), state: submission.Delivered, creates: 2},
		{name: "502AfterStoring", faults: status(502, true, "<h1>Bad gateway</h1>", ""), state: submission.Delivered, creates: 1},
		{name: "503", faults: status(503, false, "", "1"), state: submission.Delivered, creates: 2},
		{name: "408", faults: status(408, true, "", ""), state: submission.Delivered, creates: 1},
		{name: "429", faults: status(429, false, `{"message":"Too Many Attempts."}`, ""), state: submission.Delivered, creates: 2},
		{name: "429WithRetryAfter", faults: status(429, false, "", "2"), state: submission.Delivered, creates: 2},
		{name: "401AndRecovery", faults: []sandbox.Fault{{Kind: sandbox.Unauthorised, Times: 2}}, state: submission.Delivered, creates: 2},
		{name: "WrongAddress", faults: []sandbox.Fault{{Kind: sandbox.HTML, Status: 404, Times: 2}}, state: submission.Delivered, creates: 2},
		{name: "400", faults: status(400, false, said, ""), state: submission.Rejected, creates: 1, error: "The lead module is switched off."},
		{name: "403", faults: status(403, false, said, ""), state: submission.Rejected, creates: 1, error: "The lead module is switched off."},
		{name: "404", faults: status(404, false, said, ""), state: submission.Rejected, creates: 1, error: "The lead module is switched off."},
		{name: "422", email: "not an address", state: submission.Rejected, creates: 1, error: ".email: "},
		{name: "HTMLInsteadOfJSON", faults: post(sandbox.Fault{Kind: sandbox.HTML}), state: submission.Delivered, creates: 2},
		{name: "HTMLWith201AfterStoring", faults: post(sandbox.Fault{Kind: sandbox.HTML, Status: 201, Stored: true}), state: submission.Delivered, creates: 1},
		{name: "ShortBody", faults: post(sandbox.Fault{Kind: sandbox.Short}), state: submission.Delivered, creates: 1},
		{name: "Redirect", faults: post(sandbox.Fault{Kind: sandbox.Redirect}), state: submission.Delivered, creates: 2},
		{
			name: "LookUpsFailToo", state: submission.Delivered, creates: 1,
			faults: append(post(sandbox.Fault{Kind: sandbox.Cut, Stored: true}),
				sandbox.Fault{Kind: sandbox.Status, Method: "GET", Status: 400, Body: said}),
		},
	} {
		for _, kind := range []keycrm.Kind{keycrm.KindOrder, keycrm.KindCard} {
			k := newKit(t, boundless())
			for _, f := range tc.faults {
				if err := k.box.Inject(f); err != nil {
					t.Fatal(err)
				}
			}
			id := k.accept(t, kind, cmp.Or(tc.email, "olena@example.com"))
			stop := k.run(t)
			checks = append(checks, check{tc.name + "/" + string(kind), func(t *testing.T) {
				s := k.end(t, id)
				stop()
				entities, creates := k.received(kind)
				want := 1
				if tc.state != submission.Delivered {
					want = 0
				}
				if s.State != tc.state || entities != want || creates != tc.creates || (s.CRMID != 0) != (want == 1) {
					t.Errorf("it is %s as %d (%s) with %d entities in KeyCRM after %d creates; want %s, %d, %d\n%s",
						s.State, s.CRMID, s.Error, entities, creates, tc.state, want, tc.creates, k.attempts(t, id))
				}
				if !strings.Contains(s.Error, tc.error) || tc.error == "" && s.Error != "" {
					t.Errorf("ops read %q, want something with %q", s.Error, tc.error)
				}
			}})
		}
	}
	for _, c := range checks {
		t.Run(c.name, c.run)
	}
}

// A KeyCRM that cannot be connected to, and then can: nothing is in doubt, and everything is sent once.
func TestNoConnection(t *testing.T) {
	t.Parallel()
	foreign := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(foreign.Close)
	foreign.Config.ErrorLog = log.New(io.Discard, "", 0)
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	for name, tc := range map[string]struct{ url, says string }{
		"Refused":     {"http://" + unused(t), "refused the connection"},
		"DNS":         {"http://keycrm.invalid", "DNS"},
		"Certificate": {foreign.URL, "certificate"},
		"NoTLS":       {strings.Replace(plain.URL, "http:", "https:", 1), "does not speak TLS"},
	} {
		for _, kind := range []keycrm.Kind{keycrm.KindOrder, keycrm.KindCard} {
			t.Run(name+"/"+string(kind), func(t *testing.T) {
				t.Parallel()
				k := newKit(t, boundless())
				k.limit.Timeout = 10 * time.Second // a machine without a network takes its time to say that a name is not there
				right := k.client
				k.client = k.clientFor(t, tc.url)
				id := k.accept(t, kind, "olena@example.com")
				stop := k.run(t)
				s := k.wait(t, id, func(s submission.Submission) bool { return s.Failures > 0 })
				if s.State != submission.Queued || !strings.Contains(s.Error, tc.says) {
					t.Errorf("it is %s: %s", s.State, s.Error)
				}
				stop()
				k.client = right
				k.run(t)
				if s := k.end(t, id); s.State != submission.Delivered {
					t.Errorf("it is %s: %s", s.State, s.Error)
				}
				if entities, creates := k.received(kind); entities != 1 || creates != 1 {
					t.Errorf("KeyCRM has %d after %d creates", entities, creates)
				}
			})
		}
	}
}

// unused is an address on which nobody listens.
func unused(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// KeyCRM lists a new entity late, yet within the settle time: the look-ups before that prove nothing, and it is sent once.
func TestListedLate(t *testing.T) {
	t.Parallel()
	for _, kind := range []keycrm.Kind{keycrm.KindOrder, keycrm.KindCard} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			k := newKit(t, sandbox.Options{Limit: -1, ListDelay: 2500 * time.Millisecond}) // later than the first look-up
			k.settle = 5 * time.Second
			if err := k.box.Inject(sandbox.Fault{Kind: sandbox.Cut, Stored: true, Method: "POST"}); err != nil {
				t.Fatal(err)
			}
			id := k.accept(t, kind, "olena@example.com")
			k.run(t)
			s := k.end(t, id)
			if entities, creates := k.received(kind); s.State != submission.Delivered || entities != 1 || creates != 1 {
				t.Errorf("it is %s (%s), %d after %d creates and %d calls\n%s", s.State, s.Error, entities, creates, s.Attempt, k.attempts(t, id))
			}
			t.Logf("%d calls; three or more where the machine is quick enough to look before it is listed", s.Attempt)
		})
	}
}

// Where KeyCRM shows an order later than the settle time it is sent again, and where KeyCRM minds the repeat it is found by then.
func TestDuplicateIsLookedUp(t *testing.T) {
	t.Parallel()
	k := newKit(t, sandbox.Options{Limit: -1, UniqueSourceUUID: true, ListDelay: 3 * time.Second})
	if err := k.box.Inject(sandbox.Fault{Kind: sandbox.Cut, Stored: true, Method: "POST"}); err != nil {
		t.Fatal(err)
	}
	id := k.accept(t, keycrm.KindOrder, "olena@example.com")
	k.run(t)
	s := k.end(t, id)
	entities, creates := k.received(keycrm.KindOrder)
	if s.State != submission.Delivered || entities != 1 || creates != 2 {
		t.Errorf("it is %s (%s), %d orders after %d creates\n%s", s.State, s.Error, entities, creates, k.attempts(t, id))
	}
}

// A card that stands on a later page of the listing is found there.
func TestCardOnALaterPage(t *testing.T) {
	t.Parallel()
	k := newKit(t, boundless())
	k.limit.Timeout = patience // the call hangs until the sandbox is closed below
	if err := k.box.Inject(sandbox.Fault{Kind: sandbox.Hang, Stored: true, Method: "POST"}); err != nil {
		t.Fatal(err)
	}
	id := k.accept(t, keycrm.KindCard, "olena@example.com")
	k.run(t)
	poll(t, func() bool { return len(k.box.Cards()) == 1 })
	for range 120 { // KeyCRM lists the newest first
		body := `{"source_id":22,"contact":{"full_name":"Another"},"manager_comment":"[formrelay ` + submission.NewID() + `]"}`
		if a := k.client.Create(t.Context(), keycrm.KindCard, []byte(body), time.Time{}); a.Outcome != keycrm.Done {
			t.Fatal(a)
		}
	}
	k.box.Close()
	s := k.end(t, id)
	if n := len(k.box.Cards()); s.State != submission.Delivered || n != 121 {
		t.Errorf("it is %s (%s) among %d cards\n%s", s.State, s.Error, n, k.attempts(t, id))
	}
	if s.Attempt < 3 || k.box.Cards()[0].ID != s.CRMID {
		t.Errorf("found as %d after %d calls\n%s", s.CRMID, s.Attempt, k.attempts(t, id))
	}
}

// poll waits until ok holds, for what tells nobody when it changes.
func poll(t *testing.T, ok func() bool) {
	t.Helper()
	deadline, again := time.NewTimer(patience), time.NewTicker(5*time.Millisecond)
	defer deadline.Stop()
	defer again.Stop()
	for !ok() {
		select {
		case <-again.C:
		case <-deadline.C:
			t.Fatalf("nothing happened in %s", patience)
		}
	}
}

// A process that died in its call: the next one finds out what became of it, whether KeyCRM has it or not.
func TestRestartInTheMiddleOfACall(t *testing.T) {
	t.Parallel()
	for _, stored := range []bool{false, true} {
		t.Run(fmt.Sprintf("Stored=%v", stored), func(t *testing.T) {
			t.Parallel()
			k := newKit(t, boundless())
			id := k.accept(t, keycrm.KindOrder, "olena@example.com")
			claims, err := k.store.Claim(t.Context(), "main", "dead", 1, time.Minute)
			if err != nil || len(claims) != 1 {
				t.Fatal(claims, err)
			}
			call, err := k.store.Begin(t.Context(), claims[0], submission.Create, k.limit, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			if stored {
				k.client.Create(t.Context(), keycrm.KindOrder, claims[0].Entity, time.Time{})
			}
			if err := k.store.Close(); err != nil {
				t.Fatal(err)
			}
			k.open(t)
			if err := k.store.Settle(t.Context(), call, submission.Settlement{State: submission.Delivered}); !errors.Is(err, submission.ErrFenced) {
				t.Errorf("the dead process's call settles: %v", err)
			}
			k.run(t)
			s := k.end(t, id)
			entities, creates := k.received(keycrm.KindOrder)
			if s.State != submission.Delivered || entities != 1 || creates != 1 {
				t.Errorf("it is %s (%s), %d orders after %d creates\n%s", s.State, s.Error, entities, creates, k.attempts(t, id))
			}
		})
	}
}

// A process died in its calls and KeyCRM is ill when the next one starts: look-ups fail for a while, and nothing is sent twice.
func TestTakeOverWithFaults(t *testing.T) {
	t.Parallel()
	k := newKit(t, boundless())
	ids := make([]string, 4)
	for i := range ids {
		ids[i] = k.accept(t, keycrm.KindOrder, "olena@example.com")
	}
	claims, err := k.store.Claim(t.Context(), "main", "dead", len(ids), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range claims {
		if _, err := k.store.Begin(t.Context(), c, submission.Create, k.limit, time.Minute); err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 { // every other one arrived
			k.client.Create(t.Context(), keycrm.KindOrder, c.Entity, time.Time{})
		}
	}
	if err := k.store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, f := range []sandbox.Fault{
		{Kind: sandbox.Status, Method: "GET", Status: 500},
		{Kind: sandbox.Cut, Method: "GET"},
		{Kind: sandbox.Hang, Method: "GET"},
		{Kind: sandbox.Cut, Method: "POST", Stored: true},
	} {
		if err := k.box.Inject(f); err != nil {
			t.Fatal(err)
		}
	}
	k.open(t)
	k.run(t)
	for _, id := range ids {
		if s := k.end(t, id); s.State != submission.Delivered {
			t.Errorf("%s is %s: %s\n%s", id, s.State, s.Error, k.attempts(t, id))
		}
	}
	if entities, creates := k.received(keycrm.KindOrder); entities != len(ids) || creates != len(ids) {
		t.Errorf("KeyCRM has %d orders of %d after %d creates", entities, len(ids), creates)
	}
}

// A backlog keeps the pace as KeyCRM sees it, uses it, and arrives once.
func TestPaceOverHTTP(t *testing.T) {
	t.Parallel()
	const calls, windows = 30, 4
	k := newKit(t, sandbox.Options{Limit: calls, Window: time.Second})
	k.limit = pace.Limit{Calls: calls, Window: time.Second, Timeout: 15 * time.Second}
	ids := make([]string, calls*windows)
	for i := range ids {
		kind := keycrm.KindOrder
		if i%2 == 1 {
			kind = keycrm.KindCard
		}
		ids[i] = k.accept(t, kind, "olena@example.com")
	}
	k.run(t)
	for _, id := range ids {
		if s := k.end(t, id); s.State != submission.Delivered || s.Attempt != 1 {
			t.Errorf("it is %s after %d calls (%s)", s.State, s.Attempt, s.Error)
		}
	}
	seen := k.box.Calls()
	took := seen[len(seen)-1].At.Sub(seen[0].At)
	t.Logf("%d calls at %d/1s took %s", len(seen), calls, took)
	if most := k.box.Busiest(time.Second); most > calls {
		t.Errorf("KeyCRM saw %d calls within one second, want at most %d", most, calls)
	}
	for _, c := range seen {
		if c.Status == 429 {
			t.Error("KeyCRM answered 429")
		}
	}
	if len(seen) != len(ids) || len(k.box.Orders()) != len(ids)/2 || len(k.box.Cards()) != len(ids)/2 {
		t.Errorf("%d calls made %d orders and %d cards of %d", len(seen), len(k.box.Orders()), len(k.box.Cards()), len(ids))
	}
}
