// Package delivery brings accepted submissions into KeyCRM: one Courier per account, the only loop that calls KeyCRM.
//
// The loop is dumb on purpose. When a call may go is decided by the pace inside the store's transaction, what an answer makes of a
// submission by package submission, what an HTTP exchange proves by the KeyCRM client. What is left here is order: claim the oldest,
// begin a call, make it, settle it, and never lose one of the four.
//
// # What may go wrong, and what then holds
//
// The process dies: its rows that were sending are uncertain when their leases end (or at once, when the store is taken over at
// start), and are looked up; those merely claimed are queued again. The database is away: nothing new begins, and what KeyCRM has
// answered meanwhile is settled again and again until it is written or the process ends; then the call's lease makes it uncertain.
// The process is suspended and wakes up late: the client compares the wall clock with the call's bound before it writes.
package delivery

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"formrelay/internal/keycrm"
	"formrelay/internal/pace"
	"formrelay/internal/submission"
)

// Queue is where submissions wait, and who may work on them.
type Queue interface {
	// Claim gives at most n submissions to owner, the oldest due first; while the account probes at most one, the next probe.
	Claim(ctx context.Context, account, owner string, n int, lease time.Duration) ([]submission.Claim, error)
	// Renew makes what owner claimed and has not begun its own for as long as lease from now. It shortens nothing.
	Renew(ctx context.Context, account, owner string, lease time.Duration) error
	// Release hands back what owner claimed and has not begun.
	Release(ctx context.Context, account, owner string) error
	// Expire takes back what leases that ended held, and says how many rows that were.
	Expire(ctx context.Context, account string) (int, error)
	// NextDue says when the next row is due; false: none waits.
	NextDue(ctx context.Context, account string) (time.Time, bool, error)
}

// Ledger is where calls are entered: before they are made and after. It keeps the pace.
type Ledger interface {
	// Begin takes a slot for one call on a claim. The error is a *pace.Wait when the call may not go yet, submission.ErrFenced when
	// the claim is no longer the owner's.
	Begin(ctx context.Context, claim submission.Claim, kind submission.AttemptKind, limit pace.Limit, lease time.Duration) (submission.Call, error)
	// BeginProbe takes a slot for the question whether KeyCRM is there and takes the token. Errors as Begin.
	BeginProbe(ctx context.Context, account, owner string, limit pace.Limit) (submission.Call, error)
	// Settle writes a call's end and what it made of its submission and account; submission.ErrFenced: the submission has moved on.
	Settle(ctx context.Context, call submission.Call, st submission.Settlement) error
	// Account reads the account's health.
	Account(ctx context.Context, name string) (pace.Account, error)
}

// Client makes the calls. Every method returns when ctx ends at the latest, and writes nothing after notAfter.
type Client interface {
	Create(ctx context.Context, kind keycrm.Kind, body []byte, notAfter time.Time) keycrm.Answer
	Find(ctx context.Context, q keycrm.Query, page int, notAfter time.Time) keycrm.Page
	Check(ctx context.Context, notAfter time.Time) keycrm.Answer
}

// Defaults of Options, and the times of the loop.
const (
	DefaultSettle = time.Minute
	DefaultGrace  = 10 * time.Second

	// poll is the longest that the loop sleeps. Everything it waits for wakes it; the poll is for what nobody tells: another
	// replica's slot or pause, a clock that differs from the database's. It costs three small statements.
	poll = time.Second
	// moment is how soon the loop asks again when what it was to wait for has passed already.
	moment = 5 * time.Millisecond
	// expireEvery is how often ended leases are looked for.
	expireEvery = 5 * time.Second
	// claimLease is how long a claim is a courier's. It is short, because what a courier that died had claimed waits so long, and in an
	// outage everything waits for it: no create goes beside what is in doubt. While the courier lives it is renewed every renewEvery.
	claimLease = 15 * time.Second
	renewEvery = 5 * time.Second
	// settleTime is how much longer than a call may last the store takes it to be under way: the time to write its end. Without it the
	// store could let the next call go in the moment between a call's timeout and the news of it.
	settleTime = 2 * time.Second
	// lastWrites is what is left after Grace to write down how the calls that were cut ended.
	lastWrites = 2 * time.Second
	// minStorePause and maxStorePause bound the doubling pause between tries while the store fails.
	minStorePause = 100 * time.Millisecond
	maxStorePause = 5 * time.Second
)

// Options is what a Courier works with. Queue and Ledger are mostly one value, the store.
type Options struct {
	Account string
	Limit   pace.Limit    // the account's pace, and the longest that one call may take
	Settle  time.Duration // how long after a broken call KeyCRM may take to show what it stored; 0: DefaultSettle
	Lease   time.Duration // how long a create is the courier's to settle; raised to twice Limit.Timeout and 30 s
	Grace   time.Duration // at a stop: how long the calls in flight may go on; 0: DefaultGrace
	Queue   Queue
	Ledger  Ledger
	Client  Client
	Files   Files          // the files of what was delivered; nil: there are none
	Storage Storage        // mostly the client too; with Files
	Log     zerolog.Logger // gets ids and outcomes, never a value that somebody typed
	Bulk    *Bulk          // a backlog goes by batches; nil: every order goes by itself
	// OnCall is told of each call that was made and what it came to, probes included, before that is written down. It must return at
	// once. May be nil.
	OnCall func(kind submission.AttemptKind, answer keycrm.Answer)
}

// Courier delivers the submissions of one account. Several couriers of one account (one per replica) share the work and the pace
// through the store.
type Courier struct {
	o     Options
	pace  pace.Limit // what the store is told: Options.Limit, with time to settle
	log   zerolog.Logger
	owner string
	woken chan struct{}

	proved atomic.Bool // the last create of this courier that came to anything was answered with an id; batches wait for that

	mu   sync.Mutex
	down bool // the store failed at the last try
}

// New makes a courier; Run makes it work.
func New(o Options) *Courier {
	if o.Settle <= 0 {
		o.Settle = DefaultSettle
	}
	if o.Grace <= 0 {
		o.Grace = DefaultGrace
	}
	// See lease.
	o.Lease = max(o.Lease, 2*o.Limit.Timeout+30*time.Second)
	booked := o.Limit
	booked.Timeout += settleTime
	return &Courier{
		o:     o,
		pace:  booked,
		log:   o.Log.With().Str("account", o.Account).Logger(),
		owner: submission.NewID(),
		woken: make(chan struct{}, 1),
	}
}

// lease is how long a call is the courier's to settle, from its begin. A create may begin to write until a timeout after that and last a
// timeout from there, and nobody else may touch its row before. A look-up harms nobody who does it again: others take it over as soon
// as its courier must have settled it or be dead.
func (c *Courier) lease(kind submission.AttemptKind) time.Duration {
	if kind == submission.Create {
		return c.o.Lease
	}
	return c.pace.Timeout + claimLease
}

// Wake tells the courier that a submission has been accepted. It never blocks and may be called from anywhere, before Run as well.
func (c *Courier) Wake() {
	select {
	case c.woken <- struct{}{}:
	default: // it has been told and has not looked yet
	}
}

// Run delivers until ctx ends, and then returns nil: at once no new call begins, those in flight have Options.Grace, are cut then,
// and what they came to is written in the two seconds after that. Run must be called once.
func (c *Courier) Run(ctx context.Context) error {
	// calls carries the calls to KeyCRM, writes the store's statements. Neither ends with ctx: a statement that is cut off may have
	// been committed, and a call that is cut off makes its row uncertain.
	calls, cut := context.WithCancel(context.WithoutCancel(ctx))
	writes, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	finished := make(chan struct{})
	var stopper sync.WaitGroup
	stopper.Go(func() {
		<-ctx.Done()
		after(c.o.Grace, finished, cut)
		after(lastWrites, finished, giveUp)
	})
	r := &shift{c: c, calls: calls, writes: writes, ended: make(chan landing, pace.MaxInFlight+2)}
	for ctx.Err() == nil {
		r.sleep(ctx, r.step(ctx))
	}
	r.stop()
	close(finished)
	stopper.Wait()
	cut()
	giveUp()
	return nil
}

// after runs f when d has passed, or not at all when finished is closed before.
func after(d time.Duration, finished <-chan struct{}, f func()) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		f()
	case <-finished:
	}
}

// stored takes note of how a statement of the store went. It logs when the store begins to fail and when it works again, not each try.
func (c *Courier) stored(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil && !c.down:
		c.log.Error().Err(err).Msg("the store fails: no delivery begins until it works again, nothing is lost")
	case err == nil && c.down:
		c.log.Info().Msg("the store works again")
	}
	c.down = err != nil
}
