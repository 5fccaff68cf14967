package store

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"formrelay/internal/delivery"
	"formrelay/internal/keycrm"
	"formrelay/internal/keycrm/sandbox"
	"formrelay/internal/pace"
	"formrelay/internal/submission"
)

// The environment of the child that is killed while it sends: what it plays, and where KeyCRM is.
const (
	roleEnv = "FORMRELAY_TEST_ROLE"
	crmEnv  = "FORMRELAY_TEST_CRM"
	sender  = "sender"  // is killed in its call
	sleeper = "sleeper" // is stopped just before its call, for longer than its lease
)

// shortLease is what the child that is killed leaves behind.
const shortLease = 2 * time.Second

// fleet is one KeyCRM, one database and several replicas, each a store with a courier. Nothing in its tests sleeps: what is awaited is
// the settlement of a call.
type fleet struct {
	*fixture
	box     *sandbox.Sandbox
	crm     string
	limit   pace.Limit
	settled chan struct{}
	stores  []*Store
}

func newFleet(t *testing.T, o sandbox.Options, limit pace.Limit) *fleet {
	t.Helper()
	fl := &fleet{box: sandbox.New(o), limit: limit, settled: make(chan struct{}, 1)}
	server := httptest.NewServer(fl.box)
	t.Cleanup(server.Close)
	t.Cleanup(fl.box.Close)
	fl.crm = server.URL
	fl.fixture = &fixture{t: t, url: postgres.Database(t), clock: newClock()}
	return fl
}

func client(t testing.TB, crm string) *keycrm.Client {
	t.Helper()
	c, err := keycrm.NewClient(keycrm.Options{BaseURL: crm + "/v1", UserAgent: "formrelay/test", Token: func() (string, error) { return "sandbox", nil }})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// settles tells the fleet of every settled call.
type settles struct {
	*Store
	told chan struct{}
}

func (s settles) Settle(ctx context.Context, call submission.Call, st submission.Settlement) error {
	err := s.Store.Settle(ctx, call, st)
	select {
	case s.told <- struct{}{}:
	default: // one token is enough: whoever waits looks again
	}
	return err
}

// start adds a replica at work.
func (fl *fleet) start(t *testing.T) {
	t.Helper()
	var c *delivery.Courier
	begun := make(chan struct{})
	s, err := Open(t.Context(), Options{URL: fl.url, OnAccept: func(string) { <-begun; c.Wake() }})
	if err != nil {
		t.Fatal(err)
	}
	crm := client(t, fl.crm)
	c = delivery.New(delivery.Options{
		Account: "main", Limit: fl.limit, Settle: 300 * time.Millisecond, Log: zerolog.Nop(),
		Queue: s, Ledger: settles{s, fl.settled}, Client: crm,
	})
	close(begun)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := c.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
		crm.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	fl.stores = append(fl.stores, s)
	fl.Store = fl.stores[0]
}

// sendableCard is a card that the sandbox takes.
func sendableCard() *submission.Submission {
	sub := sendable()
	sub.Kind, sub.SourceUUID, sub.Mark = keycrm.KindCard, "", "[formrelay "+sub.ID+"]"
	sub.Entity, _ = json.Marshal(map[string]any{"source_id": 22, "contact": map[string]any{"full_name": "Olena"}, "manager_comment": sub.Mark})
	return sub
}

// sendable is an order that the sandbox takes.
func sendable() *submission.Submission {
	sub := (&fixture{clock: newClock()}).order(submission.NewID())
	sub.Entity, _ = json.Marshal(map[string]any{"source_id": 22, "source_uuid": sub.ID, "buyer": map[string]any{"full_name": "Olena"}})
	return sub
}

// accept stores orders, each at another replica.
func (fl *fleet) accept(n int) (ids []string) {
	fl.t.Helper()
	for i := range n {
		sub := sendable()
		fl.ok(fl.stores[i%len(fl.stores)].Accept(fl.t.Context(), sub, revision()))
		ids = append(ids, sub.ID)
	}
	return ids
}

// delivered waits until every one has arrived, and expects KeyCRM to have each once.
func (fl *fleet) delivered(ids []string) {
	fl.t.Helper()
	for _, id := range ids {
		fl.settledAs(id, submission.Delivered)
	}
	times := map[string]int{}
	for _, o := range fl.box.Orders() {
		var body struct {
			UUID string `json:"source_uuid"`
		}
		fl.ok(json.Unmarshal(o.Body, &body))
		times[body.UUID]++
	}
	for _, id := range ids {
		if times[id] != 1 {
			fl.t.Errorf("KeyCRM has %s %d times", id, times[id])
		}
	}
	fl.same(len(ids), len(fl.box.Orders()))
}

// settledAs waits until a submission has come into the state.
func (fl *fleet) settledAs(id string, state submission.State) {
	fl.t.Helper()
	late := time.NewTimer(time.Minute)
	defer late.Stop()
	for s := fl.get(id); s.State != state; s = fl.get(id) {
		select {
		case <-fl.settled:
		case <-late.C:
			fl.t.Fatalf("%s is %s: %s", id, s.State, s.Error)
		}
	}
}

// Three replicas deliver what three replicas accept: each once, and together inside one pace.
func TestReplicasKeepOnePace(t *testing.T) {
	t.Parallel()
	limit := pace.Limit{Calls: 15, Window: 2 * time.Second, Timeout: 5 * time.Second}
	fl := newFleet(t, sandbox.Options{Limit: -1}, limit)
	for range 3 {
		fl.start(t)
	}
	fl.delivered(fl.accept(40))
	if n := fl.box.Busiest(limit.Window); n > limit.Calls {
		t.Errorf("%d calls in a window of %s, the pace is %d", n, limit.Window, limit.Calls)
	}
	if n := len(fl.box.Calls()); n != 40 {
		t.Errorf("%d calls for 40 orders", n)
	}
}

// What KeyCRM tells one replica holds for all: a Retry-After, and a token that it does not take.
func TestReplicasShareTheAccountsHealth(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]sandbox.Fault{
		"RetryAfter":   {Kind: sandbox.Status, Status: 429, RetryAfter: "2", Times: 1},
		"Unauthorised": {Kind: sandbox.Unauthorised, Times: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fl := newFleet(t, sandbox.Options{Limit: -1}, pace.Limit{Calls: 100, Window: time.Second, Timeout: 5 * time.Second})
			fl.ok(fl.box.Inject(fault))
			for range 3 {
				fl.start(t)
			}
			first := fl.accept(1) // alone, so that nothing else is under way when KeyCRM says no
			<-fl.settled
			told := time.Now()
			health, err := fl.stores[2].Account(t.Context(), "main")
			fl.ok(err)
			if health.Paused == "" && !health.LimitedUntil.After(told) {
				t.Fatalf("the others know nothing: %+v", health)
			}
			fl.delivered(append(first, fl.accept(6)...))
			least := pace.MinProbePause
			if name == "RetryAfter" {
				least = 2 * time.Second
			}
			if calls := fl.box.Calls(); calls[1].At.Sub(calls[0].At) < least {
				t.Errorf("the second call came %s after the first", calls[1].At.Sub(calls[0].At))
			}
		})
	}
}

// A replica is killed while its call is on its way. Nobody touches its row before its lease ends; then another replica looks it up, and
// KeyCRM has it once, whether the call had arrived or not.
func TestKilledReplicaIsTakenOver(t *testing.T) {
	t.Parallel()
	for _, stored := range []bool{true, false} {
		t.Run(fmt.Sprint("stored=", stored), func(t *testing.T) {
			t.Parallel()
			fl := newFleet(t, sandbox.Options{Limit: -1}, pace.Limit{Calls: 100, Window: time.Second, Timeout: time.Second})
			fl.ok(fl.box.Inject(sandbox.Fault{Kind: sandbox.Hang, Stored: stored, Method: "POST"}))
			sub := sendable()
			s := replica(t, fl.url, nil)
			fl.ok(s.Accept(t.Context(), sub, revision()))
			killWhileSending(t, fl)
			began := time.Now()
			fl.start(t)
			fl.same(submission.Sending, fl.get(sub.ID).State) // the lease is respected
			fl.delivered([]string{sub.ID})
			if took := time.Since(began); took < shortLease/2 {
				t.Errorf("taken over after %s", took)
			}
		})
	}
}

// A replica is stopped between the begin of its call and the call, for longer than its lease, as a machine that is suspended. Another one
// takes over; when the first goes on it sends nothing any more and settles nothing.
func TestSuspendedReplicaSendsNothingLate(t *testing.T) {
	t.Parallel()
	for kind, sub := range map[keycrm.Kind]*submission.Submission{keycrm.KindOrder: sendable(), keycrm.KindCard: sendableCard()} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			fl := newFleet(t, sandbox.Options{Limit: -1}, pace.Limit{Calls: 100, Window: time.Second, Timeout: time.Second})
			fl.ok(replica(t, fl.url, nil).Accept(t.Context(), sub, revision()))
			child := exec.CommandContext(t.Context(), os.Args[0])
			child.Env = append(os.Environ(), crashEnv+"="+fl.url, roleEnv+"="+sleeper, crmEnv+"="+fl.crm)
			child.Stderr = os.Stderr
			in, err := child.StdinPipe()
			fl.ok(err)
			out, err := child.StdoutPipe()
			fl.ok(err)
			fl.ok(child.Start())
			defer func() { _ = child.Process.Kill(); _ = child.Wait() }()
			said := bufio.NewScanner(out)
			if !said.Scan() {
				t.Fatal("the child ended by itself")
			}
			fl.ok(child.Process.Signal(syscall.SIGSTOP))
			var status syscall.WaitStatus // the signal takes effect some time after it was sent
			if _, err := syscall.Wait4(child.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
				t.Fatalf("the child does not stand still: %v, %v", status, err)
			}
			_, err = fmt.Fprintln(in, "send")
			fl.ok(err)
			fl.start(t)
			fl.settledAs(sub.ID, submission.Delivered)
			fl.ok(child.Process.Signal(syscall.SIGCONT))
			if said.Scan(); said.Text() != "not sent, fenced" {
				t.Errorf("the call that came too late: %q", said.Text())
			}
			if n := len(fl.box.Orders()) + len(fl.box.Cards()); n != 1 {
				t.Errorf("KeyCRM has it %d times", n)
			}
		})
	}
}

// sendAfterSleep is the child that is stopped. It begins a call, waits for a word, makes the call, and says what came of it.
func sendAfterSleep(url, crm string) {
	ctx := context.Background()
	s, err := Open(ctx, Options{URL: url})
	if err != nil {
		panic(err)
	}
	claims, err := s.Claim(ctx, "main", "asleep", 1, shortLease)
	if err != nil || len(claims) != 1 {
		panic(fmt.Sprint(claims, err))
	}
	call, err := s.Begin(ctx, claims[0], submission.Create, pace.Limit{Calls: 100, Window: time.Second, Timeout: shortLease / 2}, shortLease)
	if err != nil {
		panic(err)
	}
	c, err := keycrm.NewClient(keycrm.Options{BaseURL: crm + "/v1", UserAgent: "formrelay/test", Token: func() (string, error) { return "sandbox", nil }})
	if err != nil {
		panic(err)
	}
	fmt.Println("begun")
	bufio.NewScanner(os.Stdin).Scan()
	answer := c.Create(ctx, claims[0].Kind, claims[0].Entity, call.NotAfter)
	result := "sent"
	if answer.Outcome == keycrm.NotSent {
		result = "not sent"
	}
	if errors.Is(s.Settle(ctx, call, submission.AfterCreate(claims[0].Submission, answer)), submission.ErrFenced) {
		result += ", fenced"
	}
	fmt.Println(result)
	os.Exit(0)
}

// killWhileSending runs a child that claims and sends, and kills it when KeyCRM has its call.
func killWhileSending(t *testing.T, fl *fleet) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), crashEnv+"="+fl.url, roleEnv+"="+sender, crmEnv+"="+fl.crm)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	fl.ok(err)
	fl.ok(child.Start())
	if !bufio.NewScanner(out).Scan() {
		t.Fatal("the child ended by itself")
	}
	for len(fl.box.Calls()) == 0 {
		pause(t.Context(), 5*time.Millisecond)
	}
	fl.ok(child.Process.Kill())
	_ = child.Wait() // it was killed
}

// sendUntilKilled is the child: it says so when its call begins, which never ends. It never returns.
func sendUntilKilled(url, crm string) {
	ctx := context.Background()
	s, err := Open(ctx, Options{URL: url})
	if err != nil {
		panic(err)
	}
	claims, err := s.Claim(ctx, "main", "dead", 1, shortLease)
	if err != nil || len(claims) != 1 {
		panic(fmt.Sprint(claims, err))
	}
	limit := pace.Limit{Calls: 100, Window: time.Second, Timeout: time.Minute}
	call, err := s.Begin(ctx, claims[0], submission.Create, limit, shortLease)
	if err != nil {
		panic(err)
	}
	c, err := keycrm.NewClient(keycrm.Options{BaseURL: crm + "/v1", UserAgent: "formrelay/test", Token: func() (string, error) { return "sandbox", nil }})
	if err != nil {
		panic(err)
	}
	fmt.Println("sending")
	c.Create(ctx, claims[0].Kind, claims[0].Entity, call.NotAfter)
	panic(errors.New("the call ended"))
}
