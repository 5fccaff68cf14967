package main

import (
	"cmp"
	"context"
	"net/http"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"formrelay/internal/keycrm/sandbox"
)

// vanished is how long KeyCRM refuses connections when its turn to do so comes.
const vanished = time.Second

// breakage counts what was broken.
type breakage struct {
	kills, stops, faults int
}

// breaker breaks things on a schedule while visitors post.
type breaker struct {
	plan
	fleet    *fleet
	crm      *crm
	postgres *process // nil with SQLite
}

// run breaks until ctx ends and leaves everything running. The error is that something could not be started again.
func (b breaker) run(ctx context.Context) (breakage, error) {
	var done breakage
	group, ctx := errgroup.WithContext(ctx)
	if b.KillEvery > 0 {
		group.Go(func() (err error) { done.kills, err = b.kills(ctx); return err })
	}
	if b.SigstopEvery > 0 {
		group.Go(func() error { done.stops = b.stops(ctx); return nil })
	}
	if b.Faults {
		group.Go(func() (err error) { done.faults, err = b.faults(ctx); return err })
	}
	if b.Outage > 0 {
		group.Go(func() error { b.outage(ctx); return nil })
	}
	if b.DatabaseDown > 0 {
		group.Go(func() error { return b.databaseDown(ctx) })
	}
	err := group.Wait()
	return done, err
}

// kills ends one relay after the other as a power cut would, and starts it again at once.
func (b breaker) kills(ctx context.Context) (n int, err error) {
	for pause(ctx, b.KillEvery) {
		r := b.fleet.relays[n%len(b.fleet.relays)]
		b.crm.note("kill -9 %s", r.name)
		r.kill()
		n++
		if err := r.start(context.WithoutCancel(ctx)); err != nil {
			return n, err
		}
	}
	return n, nil
}

// stops has one relay after the other stand still, as a machine that is suspended.
func (b breaker) stops(ctx context.Context) (n int) {
	defer b.fleet.resume()
	for pause(ctx, b.SigstopEvery) {
		r := b.fleet.relays[n%len(b.fleet.relays)]
		if r.signal(syscall.SIGSTOP) {
			n++
			b.crm.note("SIGSTOP %s for %s", r.name, b.SigstopFor)
		}
		pause(ctx, b.SigstopFor)
		r.signal(syscall.SIGCONT)
	}
	return n
}

// outage has KeyCRM answer 503 for a while.
func (b breaker) outage(ctx context.Context) {
	if pause(ctx, b.For/3) {
		b.crm.note("KeyCRM answers 503 for %s", b.Outage)
		b.crm.out.Store(true)
		pause(ctx, b.Outage)
		b.crm.out.Store(false)
	}
}

// databaseDown ends PostgreSQL as a power cut would and starts it again after a while.
func (b breaker) databaseDown(ctx context.Context) error {
	if !pause(ctx, b.For*2/3) {
		return nil
	}
	b.crm.note("kill -9 postgres for %s", b.DatabaseDown)
	b.postgres.kill()
	pause(ctx, b.DatabaseDown)
	return b.postgres.start(context.WithoutCancel(ctx))
}

// faults has KeyCRM fail in every way in turn. The first time round only creates are spoiled, then any call, and so on. The next fault
// waits until a call was spoiled and a create was not: only an answered create ends what a broken one began, so each probe of a relay
// that looks whether KeyCRM works again would meet a fault of its own, and faults that are meant to be single would be an outage, which
// is another option.
func (b breaker) faults(ctx context.Context) (n int, err error) {
	turns := b.ways()
	for pause(ctx, b.FaultEvery) {
		way, creates := turns[n%len(turns)], n/len(turns)%2 == 0
		n++
		if way == nil {
			b.crm.note("KeyCRM takes no connections for %s", vanished)
			if err := b.crm.vanish(ctx, vanished); err != nil {
				return n, err
			}
			b.crm.await(ctx, true, b.crm.seen(true)+1)
			continue
		}
		fault := *way
		if creates {
			fault.Method = http.MethodPost
		}
		b.crm.note("fault laid: %s %d stored %t, for %s", fault.Kind, fault.Status, fault.Stored, cmp.Or(fault.Method, "any call"))
		before := b.crm.seen(creates)
		if err := b.crm.box.Inject(fault); err != nil {
			return n, err
		}
		b.crm.await(ctx, creates, before+1)
		b.crm.await(ctx, true, b.crm.seen(true)+1)
	}
	return n, nil
}

// ways are all the ways in which a call can fail; nil: nobody takes the connection.
func (b breaker) ways() []*sandbox.Fault {
	const saying = `{"message":"The given data was invalid.","errors":{"buyer.phone":["The buyer.phone is invalid."]}}`
	late := 2 * b.Timeout // by then the relay has given up
	return []*sandbox.Fault{
		{Kind: sandbox.Slow, Delay: b.Timeout / 2},
		{Kind: sandbox.Slow, Delay: late},
		{Kind: sandbox.Hang, Delay: late},
		{Kind: sandbox.Hang, Delay: late, Stored: true},
		{Kind: sandbox.Cut},
		{Kind: sandbox.Cut, Stored: true},
		nil,
		{Status: http.StatusInternalServerError},
		{Status: http.StatusBadGateway, Stored: true, Body: "<html>Bad Gateway</html>"},
		{Status: http.StatusServiceUnavailable},
		{Status: http.StatusServiceUnavailable, RetryAfter: "1", Stored: true},
		{Status: http.StatusRequestTimeout, Stored: true},
		{Status: http.StatusTooManyRequests, RetryAfter: "2"},
		{Status: http.StatusTooManyRequests},
		{Kind: sandbox.Unauthorised},
		{Status: http.StatusBadRequest, Body: `{"message":"Bad request"}`},
		{Status: http.StatusForbidden, Body: `{"message":"Forbidden"}`},
		{Status: http.StatusNotFound, Body: `{"message":"There is no such record."}`},
		{Status: http.StatusUnprocessableEntity, Body: saying},
		{Status: http.StatusUnprocessableEntity, Stored: true, Body: `{"message":"Taken.","errors":{"source_uuid":["The source uuid has already been taken."]}}`},
		{Status: http.StatusCreated, Stored: true, Body: `{}`},
		{Kind: sandbox.HTML},
		{Kind: sandbox.HTML, Stored: true},
		{Kind: sandbox.HTML, Status: http.StatusNotFound},
		{Kind: sandbox.Short},
		{Kind: sandbox.Gzip},
		{Kind: sandbox.Redirect},
		{Kind: sandbox.Redirect, Stored: true},
	}
}
