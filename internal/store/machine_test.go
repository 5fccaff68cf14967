package store

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"formrelay/internal/keycrm"
	"formrelay/internal/pace"
	"formrelay/internal/submission"
)

// The machine's settings: small, so that it meets every bound within a few steps.
const machineSettle = 5 * time.Second

var machineLimit = pace.Limit{Calls: 4, Window: 10 * time.Second, Timeout: 2 * time.Second}

// machineLease is longer than a call by enough: a courier's call is over when its lease ends.
const machineLease = 5 * time.Second

// machine drives one database by random steps of two owners and checks after each what must never happen.
type machine struct {
	*fixture
	ctx      context.Context
	accepted []string
	claims   map[string][]submission.Claim // by owner
	calls    []liveCall
	over     []span          // every call that was made, from its begin to its latest real end
	doubt    map[string]bool // KeyCRM may have it: a create began, and nothing has proved that it came to nothing
	brought  map[string]int  // creates of it that KeyCRM stored
}

type liveCall struct {
	submission.Call
	claim submission.Claim
}

type span struct{ start, end time.Time }

// TestMachine is the store's promise as a property: whatever two couriers do, however they die and however slowly they settle, no
// submission is created twice while nothing proves that the first came to nothing, none is lost, and the pace is kept.
func TestMachine(t *testing.T) {
	t.Parallel()
	f := &fixture{t: t, url: sqliteDatabase(t), clock: newClock()}
	rapid.Check(t, func(r *rapid.T) {
		m := &machine{fixture: f, ctx: t.Context(), doubt: map[string]bool{}, brought: map[string]int{}}
		if f.Store == nil {
			m.reopen(r)
		}
		m.wipe()
		r.Repeat(map[string]func(*rapid.T){
			"accept":  m.stepAccept,
			"claim":   m.stepClaim,
			"begin":   m.stepBegin,
			"begin2":  m.stepBegin,
			"settle":  m.stepSettle,
			"settle2": m.stepSettle,
			"lose":    m.stepLose,
			"release": m.stepRelease,
			"renew":   func(r *rapid.T) { m.ok(m.Renew(m.ctx, "main", owner(r), lease)) },
			"expire":  m.stepExpire,
			"wait":    m.stepWait,
			"restart": func(r *rapid.T) {
				if rapid.IntRange(0, 4).Draw(r, "restart") == 0 {
					m.reopen(r)
				}
			},
			"": m.check,
		})
		m.drain(r)
	})
	f.ok(f.Close())
}

// wipe makes the database as good as new, which is much quicker than a new one.
func (m *machine) wipe() {
	for _, table := range []string{"attempts", "submissions", "slots", "accounts"} {
		_, err := m.write.ExecContext(m.ctx, "DELETE FROM "+table)
		m.ok(err)
	}
	m.claims, m.calls = map[string][]submission.Claim{}, nil
}

// reopen is a crash and a new start: every claim and every call is forgotten by those who had it.
func (m *machine) reopen(*rapid.T) {
	if m.Store != nil {
		m.ok(m.Store.Close())
	}
	s, err := Open(m.ctx, Options{URL: m.url, Now: m.clock.Now})
	m.ok(err)
	_, err = s.write.ExecContext(m.ctx, "PRAGMA synchronous = OFF") // nobody pulls the plug here
	m.ok(err)
	m.Store, m.claims, m.calls = s, map[string][]submission.Claim{}, nil
}

func (m *machine) stepAccept(*rapid.T) {
	if len(m.accepted) == 6 {
		return
	}
	id := fmt.Sprint("S", len(m.accepted))
	m.ok(m.Accept(m.ctx, m.order(id), revision()))
	m.accepted = append(m.accepted, id)
}

func owner(r *rapid.T) string { return rapid.SampledFrom([]string{"one", "two"}).Draw(r, "owner") }

func (m *machine) stepClaim(r *rapid.T) {
	o := owner(r)
	claims, err := m.Claim(m.ctx, "main", o, rapid.IntRange(1, 3).Draw(r, "n"), machineLease)
	m.ok(err)
	m.claims[o] = append(m.claims[o], claims...)
}

// stepBegin begins a call for any claim that the owner remembers, stale ones too.
func (m *machine) stepBegin(r *rapid.T) {
	o := owner(r)
	if len(m.claims[o]) == 0 {
		return
	}
	c := rapid.SampledFrom(m.claims[o]).Draw(r, "claim")
	kind := submission.Create
	if c.State == submission.Uncertain {
		kind = submission.LookUp
	}
	call, err := m.Begin(m.ctx, c, kind, machineLimit, machineLease)
	if _, isWait := errors.AsType[*pace.Wait](err); isWait || errors.Is(err, submission.ErrFenced) {
		return
	}
	m.ok(err)
	if kind == submission.Create {
		if m.doubt[c.ID] {
			r.Fatalf("a second create of %s began while the first may have arrived", c.ID)
		}
		m.doubt[c.ID] = true
	}
	m.calls = append(m.calls, liveCall{call, c})
	m.over = append(m.over, span{call.StartedAt, call.StartedAt.Add(machineLimit.Timeout)})
}

// stepSettle ends any call, in time or long after its lease.
func (m *machine) stepSettle(r *rapid.T) {
	if len(m.calls) == 0 {
		return
	}
	i := rapid.IntRange(0, len(m.calls)-1).Draw(r, "call")
	c := m.calls[i]
	m.calls = append(m.calls[:i:i], m.calls[i+1:]...)
	m.ended(c.StartedAt)
	if c.Kind == submission.LookUp {
		m.settleLookUp(r, c)
		return
	}
	answer := rapid.SampledFrom([]keycrm.Answer{
		done(7), timeout(), timeout(), notSent(),
		{Outcome: keycrm.Limited, RetryAfter: time.Second},
		{Outcome: keycrm.Unauthorised, Text: "no"},
		{Outcome: keycrm.Rejected},
	}).Draw(r, "answer")
	if answer.Outcome == keycrm.Done || answer.Outcome == keycrm.Uncertain && rapid.Bool().Draw(r, "stored") {
		m.brought[c.ID]++
	}
	if answer.Outcome != keycrm.Done && answer.Outcome != keycrm.Uncertain {
		m.doubt[c.ID] = false // the answer proves that it came to nothing, whether it can still be written or not
	}
	m.settled(m.Settle(m.ctx, c.Call, submission.AfterCreate(c.claim.Submission, answer)))
}

// settleLookUp answers from what KeyCRM really has, once its settle time has passed.
func (m *machine) settleLookUp(r *rapid.T, c liveCall) {
	page := keycrm.Page{Answer: rapid.SampledFrom([]keycrm.Answer{{Outcome: keycrm.Done}, {Outcome: keycrm.Done}, timeout()}).Draw(r, "page")}
	if page.Outcome == keycrm.Done && m.brought[c.ID] > 0 {
		page.Found = 7
	}
	st := submission.AfterLookUp(c.claim.Submission, c.StartedAt, machineSettle, page)
	err := m.Settle(m.ctx, c.Call, st)
	if err == nil && st.State == submission.Queued {
		m.doubt[c.ID] = false
	}
	m.settled(err)
}

func (m *machine) settled(err error) {
	if !errors.Is(err, submission.ErrFenced) {
		m.ok(err)
	}
}

// ended notes when the call that started then was really over: now, or at its timeout.
func (m *machine) ended(start time.Time) {
	for i := range m.over {
		if m.over[i].start.Equal(start) && m.over[i].end.After(m.clock.Now()) {
			m.over[i].end = m.clock.Now()
			return
		}
	}
}

// stepLose is a courier that dies with a call under way; KeyCRM may have stored it.
func (m *machine) stepLose(r *rapid.T) {
	if len(m.calls) == 0 {
		return
	}
	i := rapid.IntRange(0, len(m.calls)-1).Draw(r, "call")
	if c := m.calls[i]; c.Kind == submission.Create && rapid.Bool().Draw(r, "stored") {
		m.brought[c.ID]++
	}
	m.calls = append(m.calls[:i:i], m.calls[i+1:]...)
}

func (m *machine) stepRelease(r *rapid.T) { m.ok(m.Release(m.ctx, "main", owner(r))) }

func (m *machine) stepExpire(*rapid.T) {
	_, err := m.Expire(m.ctx, "main")
	m.ok(err)
}

func (m *machine) stepWait(r *rapid.T) {
	m.clock.advance(time.Duration(rapid.SampledFrom([]int{1, 300, 1000, 2000, 6000, 30_000}).Draw(r, "ms")) * time.Millisecond)
}

// check is what holds after every step.
func (m *machine) check(r *rapid.T) {
	rows, err := m.List(m.ctx, Filter{})
	m.ok(err)
	if len(rows) != len(m.accepted) {
		r.Fatalf("%d rows of %d submissions", len(rows), len(m.accepted))
	}
	for _, row := range rows {
		if m.brought[row.ID] > 1 {
			r.Fatalf("%s arrived %d times", row.ID, m.brought[row.ID])
		}
		if row.State == submission.Delivered && m.brought[row.ID] == 0 {
			r.Fatalf("%s is delivered and never arrived", row.ID)
		}
	}
	for _, s := range m.over {
		n := 0
		for _, other := range m.over {
			if other.start.Before(s.end.Add(machineLimit.Window)) && !other.end.Before(s.end) {
				n++
			}
		}
		if n > machineLimit.Calls {
			r.Fatalf("%d calls in a window of %s", n, machineLimit.Window)
		}
	}
}

// drain lets KeyCRM work again and one diligent courier finish: everything must reach a state that ends.
func (m *machine) drain(r *rapid.T) {
	for range 400 {
		next, ok, err := m.NextDue(m.ctx, "main")
		m.ok(err)
		if !ok {
			break
		}
		m.clock.advance(max(next.Sub(m.clock.Now()), 0))
		m.stepExpire(r)
		m.deliverOne(r)
	}
	rows, err := m.List(m.ctx, Filter{})
	m.ok(err)
	for _, row := range rows {
		if !row.State.Terminal() {
			r.Fatalf("%s is %s for ever", row.ID, row.State)
		}
	}
	m.check(r)
}

// probe asks whether the paused account works again, as soon as it may.
func (m *machine) probe() {
	call, err := m.BeginProbe(m.ctx, "main", "last", machineLimit)
	if wait, ok := errors.AsType[*pace.Wait](err); ok {
		m.clock.advance(max(wait.Until.Sub(m.clock.Now()), 0))
		return
	}
	m.ok(err)
	m.over = append(m.over, span{call.StartedAt, m.clock.Now()})
	m.ok(m.Settle(m.ctx, call, submission.Settlement{Answer: keycrm.Answer{Outcome: keycrm.Done}}))
}

// deliverOne does what a courier does with what is due first.
func (m *machine) deliverOne(r *rapid.T) {
	if health, err := m.Account(m.ctx, "main"); err == nil && health.Paused != "" {
		m.probe()
		return
	}
	claims, err := m.Claim(m.ctx, "main", "last", 1, machineLease)
	m.ok(err)
	if len(claims) == 0 {
		m.clock.advance(time.Second)
		return
	}
	m.claims["last"] = claims
	kind := submission.Create
	if claims[0].State == submission.Uncertain {
		kind = submission.LookUp
	}
	call, err := m.Begin(m.ctx, claims[0], kind, machineLimit, machineLease)
	if wait, ok := errors.AsType[*pace.Wait](err); ok {
		m.ok(m.Release(m.ctx, "main", "last"))
		m.clock.advance(max(wait.Until.Sub(m.clock.Now()), 0))
		return
	}
	m.ok(err)
	m.over = append(m.over, span{call.StartedAt, m.clock.Now()})
	id := claims[0].ID
	if kind == submission.Create {
		if m.doubt[id] {
			r.Fatalf("a second create of %s began while the first may have arrived", id)
		}
		m.brought[id]++
		m.ok(m.Settle(m.ctx, call, submission.AfterCreate(claims[0].Submission, done(7))))
		return
	}
	page := keycrm.Page{Answer: keycrm.Answer{Outcome: keycrm.Done}}
	if m.brought[id] > 0 {
		page.Found = 7
	}
	st := submission.AfterLookUp(claims[0].Submission, call.StartedAt, machineSettle, page)
	m.ok(m.Settle(m.ctx, call, st))
	if st.State == submission.Queued {
		m.doubt[id] = false
	}
}
