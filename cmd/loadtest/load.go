package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Run does one run: start, post and break, settle, stop, judge, measure what stands beside, report. Whatever was started has ended
// when it returns.
func (c *loadCmd) Run(w *world) (err error) {
	p, err := c.check()
	if err != nil {
		return usageError{err}
	}
	folder, err := p.folder()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(w.ctx)
	defer cancel(nil)
	r, err := (&trial{plan: p, world: w, folder: folder, fail: cancel}).run(ctx)
	if err == nil && p.Beside > 0 {
		err = p.compare(ctx, w, filepath.Join(folder, "beside"), r)
	}
	if err != nil {
		return errors.Join(reason(ctx, err), fmt.Errorf("data and logs are kept in %s", folder))
	}
	if p.Dir != "" || len(r.Broken) > 0 {
		r.Folder = folder
	} else if err := os.RemoveAll(folder); err != nil {
		return err
	}
	return p.print(w, r)
}

// reason prefers why the run was called off to what then failed because of it.
func reason(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// folder makes the folder of the run.
func (p plan) folder() (string, error) {
	if p.Dir == "" {
		return os.MkdirTemp("", "formrelay-loadtest-")
	}
	if err := os.Mkdir(p.Dir, 0o700); err != nil {
		return "", usageError{fmt.Errorf("--dir: %w", err)}
	}
	return filepath.Abs(p.Dir)
}

func (p plan) print(w *world, r *report) error {
	write := r.writeTable
	if p.JSON {
		write = r.writeJSON
	}
	if err := write(w.stdout); err != nil {
		return err
	}
	if len(r.Broken) > 0 {
		return errBroken
	}
	return nil
}

// trial is one run at work.
type trial struct {
	plan
	world  *world
	folder string
	fail   context.CancelCauseFunc // calls the run off
	crm    *crm
	fleet  *fleet

	postgres *process // nil with SQLite
}

// run gives the report of what the relay did. All that was started has ended when it returns.
func (t *trial) run(ctx context.Context) (_ *report, err error) {
	if t.crm, err = startCRM(ctx, t.calls, t.window, t.CRMDelay); err != nil {
		return nil, err
	}
	defer func() {
		t.crm.close()
		err = errors.Join(err, t.crm.writeEvents(filepath.Join(t.folder, "events.log")))
	}()
	database, closeDatabase, err := t.openDatabase(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeDatabase()) }()
	t.fleet, err = startFleet(ctx, t.plan, t.folder, database, t.crm.url(), t.ended)
	defer t.fleet.kill()
	if err != nil {
		return nil, err
	}
	r := &report{Database: t.Database, Replicas: t.Replicas, Body: t.Body, Rate: t.Rate, Visitors: t.Visitors, Window: t.window.String(), Limit: t.calls}
	posts, err := t.load(ctx, r)
	if err != nil {
		return nil, err
	}
	return r, t.finish(ctx, r, posts)
}

// ended calls the run off when a process ended by itself.
func (t *trial) ended(name, how string) {
	t.fail(fmt.Errorf("%s ended by itself (%s): see its log", name, how))
}

// openDatabase gives the database's address and what closes it after the relays have ended.
func (t *trial) openDatabase(ctx context.Context) (string, func() error, error) {
	if t.Database == "postgres" {
		db, err := startPostgres(ctx, t.folder)
		if err != nil {
			return "", nil, errors.Join(err, db.close())
		}
		t.postgres = db.process
		return db.url(), db.close, nil
	}
	return "sqlite:" + filepath.Join(t.folder, "formrelay.db"), func() error { return nil }, nil
}

// load has the visitors post while things break.
func (t *trial) load(ctx context.Context, r *report) ([]post, error) {
	t.world.say("posting for %s", t.For)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	breaking, stop := context.WithCancel(ctx)
	defer stop()
	var done breakage
	ended := make(chan error, 1)
	go func() {
		var err error
		done, err = breaker{t.plan, t.fleet, t.crm, t.postgres}.run(breaking)
		if err != nil {
			cancel(err)
		}
		ended <- err
	}()
	begun := time.Now()
	posts, missed := crowd{visitors: t.Visitors, rate: t.rate, length: t.For, forms: forms(t.Body), limit: maxPosts}.drive(ctx, t.fleet.target())
	took := time.Since(begun)
	cpu, _ := t.fleet.cost()
	stop()
	if err := <-ended; err != nil {
		return nil, err
	}
	r.Seconds, r.Missed = took.Seconds(), missed
	r.Kills, r.Stops, r.FaultsLaid = done.kills, done.stops, done.faults
	if n := count(posts, acknowledged); n > 0 {
		r.CPUMicros = float64(cpu.Microseconds()) / float64(n)
		r.PerSecond = perSecond(n, took)
	}
	return posts, ctx.Err()
}

func count(posts []post, f fate) (n int) {
	for _, p := range posts {
		n += one(p.fate == f)
	}
	return n
}

// finish waits until all is settled, stops the relays and judges.
func (t *trial) finish(ctx context.Context, r *report, posts []post) error {
	end := ending{t.fleet, t.crm, t.world.say}
	begun := time.Now()
	if t.SettleWithin > 0 {
		t.world.say("waiting until all that was acknowledged is settled")
		if _, err := end.settle(ctx, posts, t.SettleWithin); err != nil {
			return err
		}
	}
	r.Settling = time.Since(begun).Seconds()
	e := evidence{posts: posts}
	var err error
	if e.rejected, e.held, err = end.kept(ctx); err != nil {
		return err
	}
	if e.status, err = end.ask(ctx, end.unarrived(posts)); err != nil {
		return err
	}
	if err := t.fleet.stop(); err != nil {
		return err
	}
	e.received = end.received() // after the last relay ended: what it said was delivered must be there
	r.verdict = judge(e)
	_, r.PeakMemory = t.fleet.cost()
	r.ToAnswer, r.ToKeyCRM = percentiles(r.answer), percentiles(r.crm)
	calls := t.crm.called()
	r.Calls, r.Busiest, r.ShareOfPace = len(calls), busiest(calls, t.window), shareOfPace(calls, t.calls, t.window)
	r.Limited, r.Refusals = t.crm.limited(), t.crm.refusals()
	r.promises(t.plan)
	return nil
}
