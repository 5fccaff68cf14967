package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"formrelay/internal/config"
	"formrelay/internal/keycrm"
	"formrelay/internal/pace"
	"formrelay/internal/profile"
	"formrelay/internal/profile/online"
	"formrelay/internal/store"
	"formrelay/internal/submission"
)

// The bounds of asking KeyCRM. maxAsking is for each account; a relay that works off a backlog leaves little room beside it. A wait
// longer than quietWait is told.
const (
	maxAsking = 5 * time.Minute
	quietWait = 3 * time.Second
	shortNap  = 10 * time.Millisecond
	longNap   = time.Second
)

// slots hands out the right to make one call, as the pace allows it. A *store.Store does so for all processes together.
type slots interface {
	Account(ctx context.Context, name string) (pace.Account, error)
	BeginList(ctx context.Context, account string, limit pace.Limit) (submission.Call, error)
	EndList(ctx context.Context, call submission.Call, a keycrm.Answer) error
}

// ask holds the profiles without faults against their accounts and adds what comes out. The error tells each account that could not be
// asked; what the others said counts all the same.
func (c checkCmd) ask(w *world, found *checked, accounts []config.Account) error {
	from, done, err := c.openSlots(w, found)
	if err != nil {
		return fmt.Errorf("--online takes its calls out of the relay's pace, which is in the database: %w", err)
	}
	var faults []error
	for _, account := range accounts {
		var own []*profile.Profile
		for _, p := range found.sound {
			if p.Account == account.Name {
				own = append(own, p)
			}
		}
		if len(own) == 0 {
			continue
		}
		if err := askAccount(w, found, from, account, own, len(accounts) > 1); err != nil {
			faults = append(faults, fmt.Errorf("account %s: %w", account.Name, err))
		}
	}
	return errors.Join(append(faults, done())...)
}

// openSlots opens the database beside a server that may be at work on it. Where there is none, there is no server whose calls count
// with these, and the pace is kept here.
func (c checkCmd) openSlots(w *world, found *checked) (from slots, done func() error, err error) {
	if file, is := strings.CutPrefix(c.Database, "sqlite:"); is {
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			found.say("there is no database %s: these calls keep the pace among themselves, and not with a relay elsewhere", file)
			return ownSlots{}, func() error { return nil }, nil
		}
	}
	db, err := openBeside(w, c.Database)
	if err != nil {
		return nil, nil, err
	}
	return db.Store, db.Close, nil
}

var _ slots = (*store.Store)(nil)

// askAccount holds the profiles of one account against it.
func askAccount(w *world, found *checked, from slots, account config.Account, own []*profile.Profile, several bool) error {
	token := account.Token(w.getenv)
	if _, err := token(); err != nil {
		return err
	}
	client, err := keycrm.NewClient(keycrm.Options{BaseURL: account.URL, Token: token, UserAgent: "formrelay/" + version})
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(w.ctx, maxAsking)
	defer cancel()
	whose := "your account"
	if several {
		whose = "the account " + account.Name
	}
	turns := &turns{from: from, account: account.Name, limit: limit(account), stderr: w.stderr}
	report, err := online.Check(ctx, online.Options{Whose: whose, Client: client, Turn: turns.take, Profiles: own})
	found.answered(account.Name, report)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("not everything could be asked within %s, because the pace left no room: try again when the relay has less to send, or check without --online", maxAsking)
	}
	return err
}

// answered takes what KeyCRM's lists told in.
func (c *checked) answered(account string, r online.Report) {
	for _, f := range r.Found {
		if f.Warning {
			c.warnings = append(c.warnings, f)
		} else {
			c.faults = append(c.faults, f)
		}
	}
	if r.Calls == 0 {
		return
	}
	line := fmt.Sprintf("account %s: %s, %s looked up", account, plural(r.Calls, "call"), plural(r.Held, "value"))
	if r.Computed > 0 {
		line += fmt.Sprintf(", %d that only a post tells left out", r.Computed)
	}
	c.say("%s", line)
	for _, note := range r.Notes {
		c.say("account %s: %s", account, note)
	}
}

// say adds a line for people to what stands under the count.
func (c *checked) say(format string, args ...any) {
	c.said = append(c.said, printable(fmt.Sprintf(format, args...)))
}

// turns waits for one account's slots.
type turns struct {
	from    slots
	account string
	limit   pace.Limit
	stderr  io.Writer
	told    bool // that it waits
}

// take waits until the pace has room. It asks anew each second, since a call of the relay that ends makes room sooner.
func (t *turns) take(ctx context.Context) (time.Time, func(keycrm.Answer) error, error) {
	for {
		call, err := t.from.BeginList(ctx, t.account, t.limit)
		if err == nil {
			// An answer is written even when the check has been called off meanwhile: the call counts.
			return call.NotAfter, func(a keycrm.Answer) error { return t.from.EndList(context.WithoutCancel(ctx), call, a) }, nil
		}
		wait, ok := errors.AsType[*pace.Wait](err)
		if !ok {
			return time.Time{}, nil, err
		}
		if err := t.rest(ctx, wait); err != nil {
			return time.Time{}, nil, err
		}
	}
}

// rest sleeps for as long as a wait makes sense.
func (t *turns) rest(ctx context.Context, wait *pace.Wait) error {
	account, err := t.from.Account(ctx, t.account)
	if err != nil {
		return err
	}
	long := time.Until(wait.Until)
	switch {
	case account.ByOps:
		return fmt.Errorf("%s: nothing is called before `formrelay account resume %s`; check without --online", account.Paused, t.account)
	case long > maxAsking:
		return fmt.Errorf("KeyCRM wants to be left alone for %s (429): try again then", long.Round(time.Second))
	case long > quietWait && !t.told:
		t.told = true
		fmt.Fprintf(t.stderr, "account %s: waiting up to %s for room in the pace\n", t.account, long.Round(time.Second))
	}
	nap := time.NewTimer(min(max(long, shortNap), longNap))
	defer nap.Stop()
	select {
	case <-nap.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ownSlots keeps the pace of this process alone, one call after another.
type ownSlots map[string]*ownPace

// ownPace is the pace of one account.
type ownPace struct {
	limit pace.Limit
	taken []pace.Slot
	until time.Time // KeyCRM's 429
}

// Account knows of no health but KeyCRM's 429.
func (o ownSlots) Account(_ context.Context, name string) (pace.Account, error) {
	a := pace.Account{Name: name}
	if p := o[name]; p != nil {
		a.LimitedUntil = p.until
	}
	return a, nil
}

// BeginList takes a slot, or gives a *pace.Wait.
func (o ownSlots) BeginList(ctx context.Context, account string, limit pace.Limit) (submission.Call, error) {
	now := time.Now()
	health, err := o.Account(ctx, account)
	if err != nil {
		return submission.Call{}, err
	}
	p := o[account]
	if p == nil {
		p = &ownPace{limit: limit}
		o[account] = p
	}
	if wait := limit.Decide(now, health, p.taken, pace.ForList, 0); wait != nil {
		return submission.Call{}, wait
	}
	p.taken = append(p.taken, pace.Slot{Start: now})
	return submission.Call{Account: account, NotAfter: now.Add(limit.Timeout), Slot: int64(len(p.taken) - 1)}, nil
}

// EndList writes when the call ended. A 429 that names no time means the pace's window.
func (o ownSlots) EndList(_ context.Context, call submission.Call, a keycrm.Answer) error {
	p, now := o[call.Account], time.Now()
	p.taken[call.Slot].End = now
	if a.Outcome == keycrm.Limited {
		p.until = now.Add(cmp.Or(max(a.RetryAfter, 0), p.limit.Window))
	}
	return nil
}
