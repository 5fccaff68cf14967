package delivery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"formrelay/internal/keycrm"
	"formrelay/internal/pace"
	"formrelay/internal/submission"
)

// row is a submission in the fake store, with what the store adds to it.
type row struct {
	submission.Submission
	owner  string
	until  time.Time // the claim's or call's lease
	flying bool      // a call has begun and is not settled
	tried  time.Time // when its last call began
}

// fakeStore keeps the store's promises in memory: claims with leases, the pace inside Begin, fenced settling. Its clock is time.Now,
// which is the bubble's inside synctest.
type fakeStore struct {
	mu       sync.Mutex
	limit    pace.Limit
	rows     map[string]*row
	live     []*row // those that are not in a state that ends, in the order of acceptance
	slots    []*pace.Slot
	account  pace.Account
	attempts []submission.Attempt
	begun    []submission.Call
	broken   error         // while not nil every method fails with it
	changed  chan struct{} // gets a token after every Settle
}

func newFakeStore(limit pace.Limit) *fakeStore {
	return &fakeStore{limit: limit, rows: map[string]*row{}, account: pace.Account{Name: "main"}, changed: make(chan struct{}, 1)}
}

// accept stores an order or card that is due now.
// A card's Mark "yes" becomes one that the fake KeyCRM finds it by.
func (f *fakeStore) accept(s submission.Submission) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.ID == "" {
		s.ID = submission.NewID()
	}
	if s.Kind == "" {
		s.Kind = keycrm.KindOrder
	}
	if s.State == "" {
		s.State = submission.Queued
	}
	if s.Kind == keycrm.KindOrder {
		s.SourceUUID = s.ID
	}
	if s.Mark == "yes" {
		s.Mark = s.ID
	}
	s.Account, s.ReceivedAt, s.DueAt, s.Entity = "main", time.Now(), time.Now(), []byte(s.ID)
	f.rows[s.ID] = &row{Submission: s}
	f.live = append(f.live, f.rows[s.ID])
	return s.ID
}

func (f *fakeStore) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken = err
}

func (f *fakeStore) get(id string) submission.Submission {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rows[id].Submission
}

// owned counts the rows that somebody has claimed or is calling for.
func (f *fakeStore) owned() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, r := range f.rows {
		n += boolInt(r.owner != "")
	}
	return n
}

// states counts the rows by state.
func (f *fakeStore) states() map[submission.State]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := map[submission.State]int{}
	for _, r := range f.rows {
		n[r.State]++
	}
	return n
}

func (f *fakeStore) waiting(r *row) bool {
	return (r.State == submission.Queued || r.State == submission.Uncertain) && !r.flying && !r.until.After(time.Now())
}

func (f *fakeStore) Claim(_ context.Context, _, owner string, most int, lease time.Duration) ([]submission.Claim, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken != nil {
		return nil, f.broken
	}
	now := time.Now()
	var due []*row
	for _, r := range f.live {
		if f.waiting(r) && (!r.DueAt.After(now) || f.account.Probing()) {
			due = append(due, r)
		}
	}
	slices.SortStableFunc(due, func(a, b *row) int { return a.DueAt.Compare(b.DueAt) })
	if f.account.Probing() {
		most = min(most, 1)
		first := submission.Uncertain
		if f.account.Step == pace.CreateNext {
			first = submission.Queued
		}
		slices.SortStableFunc(due, func(a, b *row) int {
			if a.State == submission.Uncertain && b.State == submission.Uncertain {
				return a.tried.Compare(b.tried)
			}
			return boolInt(b.State == first) - boolInt(a.State == first)
		})
	}
	var claims []submission.Claim
	for _, r := range due[:min(most, len(due))] {
		r.owner, r.until = owner, now.Add(lease)
		claims = append(claims, submission.Claim{Submission: r.Submission, Owner: owner, Until: r.until})
	}
	return claims, nil
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (f *fakeStore) Release(_ context.Context, _, owner string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.live {
		if r.owner == owner && !r.flying {
			r.owner, r.until = "", time.Time{}
		}
	}
	return f.broken
}

func (f *fakeStore) Renew(_ context.Context, _, owner string, lease time.Duration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	until := time.Now().Add(lease)
	for _, r := range f.live {
		if r.owner == owner && owner != "" && !r.flying && r.until.Before(until) && f.broken == nil {
			r.until = until
		}
	}
	return f.broken
}

func (f *fakeStore) Expire(context.Context, string) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, now := 0, time.Now()
	for _, r := range f.live {
		if r.until.IsZero() || r.until.After(now) {
			continue
		}
		if r.State == submission.Sending {
			r.State, r.BrokeAt, r.DueAt = submission.Uncertain, now, now
		}
		r.owner, r.until, r.flying = "", time.Time{}, false
		n++
	}
	return n, f.broken
}

func (f *fakeStore) NextDue(context.Context, string) (time.Time, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var due time.Time
	for _, r := range f.live {
		if f.waiting(r) && (due.IsZero() || r.DueAt.Before(due)) {
			due = r.DueAt
		}
	}
	if !due.IsZero() && f.account.Probing() {
		due = f.account.ProbeAt
	}
	return due, !due.IsZero(), f.broken
}

func (f *fakeStore) Account(context.Context, string) (pace.Account, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	acc := f.account
	acc.Read = time.Now()
	return acc, f.broken
}

// slot asks the pace and takes a slot.
func (f *fakeStore) slot(limit pace.Limit, p pace.Purpose) (int64, error) {
	uncertain := 0
	for _, r := range f.live {
		uncertain += boolInt(r.State == submission.Uncertain && r.Reason != submission.ReasonDuplicate)
	}
	slots := make([]pace.Slot, 0, limit.Calls)
	for _, s := range f.slots[max(0, len(f.slots)-limit.Calls-pace.MaxInFlight):] {
		slots = append(slots, *s)
	}
	if w := limit.Decide(time.Now(), f.account, slots, p, uncertain); w != nil {
		return 0, w
	}
	f.slots = append(f.slots, &pace.Slot{Start: time.Now()})
	return int64(len(f.slots) - 1), nil
}

func (f *fakeStore) Begin(_ context.Context, cl submission.Claim, kind submission.AttemptKind, limit pace.Limit, lease time.Duration) (submission.Call, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken != nil {
		return submission.Call{}, f.broken
	}
	r, now := f.rows[cl.ID], time.Now()
	if r.owner != cl.Owner || r.flying {
		return submission.Call{}, submission.ErrFenced
	}
	p := pace.ForLookUp
	if kind == submission.Create {
		p = pace.ForCreate
	}
	slot, err := f.slot(limit, p)
	if err != nil {
		return submission.Call{}, err
	}
	if kind == submission.Create {
		r.State, r.SentAt = submission.Sending, now
		if r.FirstSent.IsZero() {
			r.FirstSent = now
		}
	}
	r.Attempt++
	r.flying, r.until, r.tried = true, now.Add(lease), now
	c := submission.Call{
		ID: r.ID, Account: "main", Owner: cl.Owner, Kind: kind, Number: r.Attempt, Slot: slot,
		StartedAt: now, NotAfter: now.Add(limit.Timeout),
	}
	f.begun = append(f.begun, c)
	return c, nil
}

func (f *fakeStore) BeginProbe(_ context.Context, _, owner string, limit pace.Limit) (submission.Call, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	slot, err := f.slot(limit, pace.ForProbe)
	if err != nil {
		return submission.Call{}, err
	}
	c := submission.Call{
		Account: "main", Owner: owner, Kind: submission.Probe, Slot: slot,
		StartedAt: time.Now(), NotAfter: time.Now().Add(limit.Timeout),
	}
	f.begun = append(f.begun, c)
	return c, f.broken
}

// event is what an outcome says about the account.
func event(c submission.Call, st submission.Settlement, window time.Duration) pace.Event {
	a := st.Answer
	e := pace.Event{
		Started: c.StartedAt, Reason: a.Text, Wait: a.RetryAfter, Create: c.Kind == submission.Create && a.Outcome != keycrm.NotSent,
		LookUp: c.Kind == submission.LookUp, Check: c.Kind == submission.Probe,
	}
	listed := e.LookUp && a.Outcome == keycrm.Done
	e.Page, e.Progress = listed && st.Keep, listed && !st.Keep && st.State != submission.Uncertain
	switch a.Outcome {
	case keycrm.Limited:
		e.Kind = pace.Limited
		if e.Wait == 0 {
			e.Wait = window
		}
	case keycrm.Unauthorised, keycrm.WrongAddress:
		e.Kind = pace.Stopped
	case keycrm.NotSent, keycrm.Uncertain:
		e.Kind = pace.Broke
	case keycrm.Rejected, keycrm.Duplicate:
		e.Kind = pace.Worked
		if e.LookUp {
			e.Kind = pace.Refused
		}
	default:
		e.Kind = pace.Worked
	}
	return e
}

func (f *fakeStore) Settle(ctx context.Context, c submission.Call, st submission.Settlement) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := cmpErr(f.broken, ctx.Err()); err != nil {
		return err
	}
	now := time.Now()
	f.slots[c.Slot].End = now
	probing := f.account.Probing()
	f.account = f.account.After(event(c, st, f.limit.Window), now)
	for _, r := range f.live {
		if probing && !f.account.Probing() && r.State == submission.Queued && r.SentAt.After(r.BrokeAt) && r.DueAt.After(now) {
			r.DueAt = now
		}
	}
	f.attempts = append(f.attempts, submission.Attempt{Number: c.Number, Kind: c.Kind, StartedAt: c.StartedAt, EndedAt: &now, Outcome: st.Answer.Outcome})
	defer func() {
		select {
		case f.changed <- struct{}{}:
		default:
		}
	}()
	if c.Kind == submission.Probe {
		return nil
	}
	r := f.rows[c.ID]
	if !r.flying || r.Attempt != c.Number || r.owner != c.Owner {
		return submission.ErrFenced
	}
	if !r.State.CanBecome(st.State) {
		return fmt.Errorf("%s cannot become %s", r.State, st.State)
	}
	r.State, r.Reason, r.Error, r.Failures, r.CRMID = st.State, st.Reason, st.Error, st.Failures, st.CRMID
	r.flying = false
	if !st.KeepDue && !st.Keep {
		r.DueAt = now.Add(st.Wait)
	}
	if st.Keep {
		r.until = r.until.Add(st.Wait)
	}
	if st.Broke {
		r.BrokeAt = now
	}
	if !st.Keep {
		r.owner, r.until = "", time.Time{}
	}
	if r.State.Terminal() {
		f.live = slices.DeleteFunc(f.live, func(l *row) bool { return l == r })
	}
	return nil
}

func cmpErr(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// queued counts the rows that wait for their first call.
func (f *fakeStore) queued() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.live)
}

// callsIn is the largest number of calls that began in any window; the pace counts at a call's begin at the earliest.
func (f *fakeStore) callsIn(window time.Duration) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	most, first := 0, 0
	for i, s := range f.slots {
		for s.Start.Sub(f.slots[first].Start) >= window {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// fakeCRM is KeyCRM in process: what it stored, and a script that decides how it behaves.
type fakeCRM struct {
	mu      sync.Mutex
	took    time.Duration // how long every call takes
	creates []string      // the bodies of the create calls, in the order of their begin
	stored  map[string]int64
	checks  []time.Time
	finds   []time.Time
	asked   []int // the pages of the look-ups, in the order in which they were asked for
	pages   int   // the pages of every look-up; 0: 1
	// samePage is a list that gives its first page whichever is asked for. Set it before the courier starts.
	samePage bool
	// behave decides a call's fate before it is served: nil means serve it. It may store the body itself.
	behave func(n int, kind submission.AttemptKind, body string) *fate
}

// fate is what happens to one call instead of being served.
type fate struct {
	answer keycrm.Answer
	store  bool          // KeyCRM has stored the entity all the same
	after  time.Duration // how long the call takes; it ends as uncertain when its context ends before
	deaf   bool          // the client ignores the end of its context
}

func newFakeCRM(took time.Duration) *fakeCRM {
	return &fakeCRM{took: took, stored: map[string]int64{}}
}

func (k *fakeCRM) script(f func(n int, kind submission.AttemptKind, body string) *fate) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.behave = f
}

func (k *fakeCRM) fate(n int, kind submission.AttemptKind, body string) *fate {
	if k.behave == nil {
		return nil
	}
	return k.behave(n, kind, body)
}

// lasts lets the call's time pass; false: its context ended first.
func lasts(ctx context.Context, d time.Duration, deaf bool) bool {
	if deaf {
		ctx = context.Background()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (k *fakeCRM) Create(ctx context.Context, _ keycrm.Kind, body []byte, notAfter time.Time) keycrm.Answer {
	started := time.Now()
	if started.After(notAfter) {
		return answered(keycrm.Answer{Outcome: keycrm.NotSent, Text: "too late"}, started)
	}
	k.mu.Lock()
	k.creates = append(k.creates, string(body))
	f := k.fate(len(k.creates), submission.Create, string(body))
	if f == nil {
		f = &fate{store: true, after: k.took, answer: keycrm.Answer{Outcome: keycrm.Done, Status: 201}}
	}
	var id int64
	if f.store {
		if id = k.stored[string(body)]; id == 0 {
			id = int64(len(k.stored) + 1)
		}
		k.stored[string(body)] = id
	}
	k.mu.Unlock()
	if !lasts(ctx, f.after, f.deaf) {
		return answered(keycrm.Answer{Outcome: keycrm.Uncertain, Text: "the call was cut"}, started)
	}
	a := f.answer
	if a.Outcome == keycrm.Done {
		a.ID = id
	}
	return answered(a, started)
}

func answered(a keycrm.Answer, started time.Time) keycrm.Answer {
	a.Started, a.Ended = started, time.Now()
	return a
}

func (k *fakeCRM) Find(ctx context.Context, q keycrm.Query, page int, _ time.Time) keycrm.Page {
	started := time.Now()
	k.mu.Lock()
	k.finds, k.asked = append(k.finds, started), append(k.asked, page)
	key := q.SourceUUID + q.Mark
	f := k.fate(len(k.finds), submission.LookUp, key)
	took, pages := k.took, max(k.pages, 1)
	k.mu.Unlock()
	if f != nil {
		took = f.after
	}
	if !lasts(ctx, took, false) {
		return keycrm.Page{Answer: answered(keycrm.Answer{Outcome: keycrm.Uncertain, Text: "the look-up was cut"}, started)}
	}
	if f != nil {
		return keycrm.Page{Answer: answered(f.answer, started)}
	}
	p := keycrm.Page{Answer: answered(keycrm.Answer{Outcome: keycrm.Done, Status: 200}, started), More: page < pages}
	p.First = int64(1000 - page)
	if k.samePage {
		p.First, p.More = 1, true
	}
	if page == pages {
		k.mu.Lock()
		p.Found = k.stored[key]
		k.mu.Unlock()
	}
	return p
}

func (k *fakeCRM) Check(ctx context.Context, _ time.Time) keycrm.Answer {
	started := time.Now()
	k.mu.Lock()
	k.checks = append(k.checks, started)
	f := k.fate(len(k.checks), submission.Probe, "")
	took := k.took
	k.mu.Unlock()
	if f != nil {
		took = max(took, f.after)
	}
	if !lasts(ctx, took, false) {
		return answered(keycrm.Answer{Outcome: keycrm.Uncertain}, started)
	}
	if f != nil {
		return answered(f.answer, started)
	}
	return answered(keycrm.Answer{Outcome: keycrm.Done, Status: 200}, started)
}

// counted says how many creates and look-ups there have been, and how many entities KeyCRM has.
func (k *fakeCRM) counted() (creates, finds, stored int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.creates), len(k.finds), len(k.stored)
}

// rig is a courier between the two fakes. Use it inside a synctest bubble.
type rig struct {
	store *fakeStore
	crm   *fakeCRM
	c     *Courier
	log   *bytes.Buffer // read it after stop
	lines io.Writer     // log, one line at a time, whoever writes it
	end   context.CancelFunc
	done  chan error
}

var errDatabase = errors.New("database is locked")

func newRig(limit pace.Limit, took time.Duration) *rig {
	r := &rig{store: newFakeStore(limit), crm: newFakeCRM(took), log: &bytes.Buffer{}, done: make(chan error, 1)}
	r.lines = zerolog.SyncWriter(r.log)
	r.c = r.courier(limit)
	return r
}

func (r *rig) courier(limit pace.Limit) *Courier {
	return New(Options{
		Account: "main", Limit: limit, Queue: r.store, Ledger: r.store, Client: r.crm,
		Log: zerolog.New(r.lines).Level(zerolog.InfoLevel),
	})
}

// start makes the courier work; a test that fails before its stop leaves none behind.
func (r *rig) start(t *testing.T) {
	t.Helper()
	ctx, end := context.WithCancel(context.Background())
	r.end = end
	go func() {
		defer close(r.done)
		r.done <- r.c.Run(ctx)
	}()
	t.Cleanup(func() {
		end()
		<-r.done
	})
}

// stop ends the courier and waits for it.
func (r *rig) stop(t *testing.T) {
	t.Helper()
	r.end()
	if err := <-r.done; err != nil {
		t.Errorf("Run: %v", err)
	}
}

// pass lets the bubble's time pass.
func pass(d time.Duration) { <-time.After(d) }

// settled waits, in the bubble's time, until ok holds after some Settle, at most for most.
func (r *rig) settled(t *testing.T, most time.Duration, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(most)
	defer deadline.Stop()
	for !ok() {
		select {
		case <-r.store.changed:
		case <-deadline.C:
			t.Fatalf("after %s the rows are %v", most, r.store.states())
		}
	}
}

// all waits until every row has this state.
func (r *rig) all(t *testing.T, most time.Duration, s submission.State) {
	t.Helper()
	r.settled(t, most, func() bool {
		n := r.store.states()
		return len(n) == 1 && n[s] > 0
	})
}
