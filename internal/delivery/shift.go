package delivery

import (
	"context"
	"errors"
	"time"

	"formrelay/internal/pace"
	"formrelay/internal/submission"
)

// shift is the state of one Run. Only Run's goroutine touches it; calls report over ended.
type shift struct {
	c      *Courier
	calls  context.Context // ends when the calls in flight are to be cut
	writes context.Context // ends when Run gives up writing

	hand    []job        // claimed and not begun, in the order in which they go
	paged   bool         // the last call that began was a further page of a look-up: another's turn
	flying  int          // calls begun and not settled, but for a batch's
	batch   batching     // of an account whose backlog may go by batches
	probing bool         // one of them asks whether the paused account works again
	filing  bool         // one of them is a file's
	ended   chan landing // never blocks a call: there is room for all that can be in flight

	health     pace.Account  // as last read: what has been logged about it
	drift      drift         // as it was when health was read
	expireAt   time.Time     // when ended leases are looked for next
	renewAt    time.Time     // when the claims in hand are renewed next
	storePause time.Duration // the pause after the store's last failure; 0: it works
	late       time.Duration // the pause after a moment that had passed already; 0: the last one had not
}

// job is one submission's next call.
type job struct {
	claim submission.Claim
	look  *lookUp // the look-up that has begun already; nil: none
	drift drift   // as in shift
}

// landing is the end of one call.
type landing struct {
	next  *job // the same look-up's next page
	probe bool
	file  bool
	batch bool // it was no single call but the end of a batch
}

// idle is how long the loop may sleep, and whether a wake can change anything before that.
type idle struct {
	pause time.Duration
	deaf  bool // only time, or the end of a call, helps: a new submission would have to wait just the same
}

// step begins every call that may begin now and says how long nothing more can be done. It asks for the account's health first each
// time, because another replica's call, or ops, may have changed it, and because a paused or limited account needs no claims.
func (r *shift) step(ctx context.Context) idle {
	if err := r.expire(); err != nil {
		return r.failed(err)
	}
	asked := time.Now()
	acc, err := r.c.o.Ledger.Account(r.writes, r.c.o.Account)
	if err != nil {
		return r.failed(err)
	}
	r.drift = driftOf(acc.Read, asked, time.Now())
	r.noteHealth(acc)
	if err := r.keepOrRelease(acc); err != nil {
		return r.failed(err)
	}
	notBefore := acc.LimitedUntil
	if acc.ProbeAt.After(notBefore) && (acc.Paused != "" || acc.Probing()) {
		notBefore = acc.ProbeAt
	}
	switch {
	case acc.ByOps:
		return idle{pause: poll, deaf: true} // no probe: only a person resumes it
	case r.left(notBefore) > 0:
		return idle{pause: r.until(notBefore), deaf: true}
	case acc.Paused != "", acc.Probing() && acc.Step == pace.CheckNext:
		return r.probe()
	}
	return r.deliver(ctx)
}

// keepOrRelease sees to the claims in hand. What was claimed before an outage or a pause is not what should go first in it: the store
// knows better. A look-up that has begun is, in an outage: given back it would begin anew and never end. What stays is renewed.
func (r *shift) keepOrRelease(acc pace.Account) error {
	switch {
	case len(r.hand) == 0:
		return nil
	case acc.Paused != "", acc.Probing() && r.hand[0].look == nil:
		return r.release()
	case time.Now().Before(r.renewAt):
		return nil
	}
	if err := r.c.o.Queue.Renew(r.writes, r.c.o.Account, r.c.owner, claimLease); err != nil {
		return err
	}
	r.renewAt = time.Now().Add(renewEvery)
	return nil
}

// deliver begins calls, the oldest submission first, until nothing is due, the pace says wait or enough calls are under way.
func (r *shift) deliver(ctx context.Context) idle {
	// The bound only keeps a store that fences every claim from holding the loop here.
	for range 4 * pace.MaxInFlight {
		if r.flying >= r.room() || ctx.Err() != nil {
			// Only the end of a call makes room; the poll is there to go on looking for ended leases.
			return idle{pause: poll, deaf: true}
		}
		if len(r.hand) == 0 || r.othersTurn() {
			if err := r.beginBatch(ctx); err != nil {
				return r.failed(err)
			}
			if err := r.claim(); err != nil {
				return r.failed(err)
			}
		}
		if len(r.hand) == 0 {
			if r.batch.goes {
				return r.untilBatch()
			}
			return r.file()
		}
		if done, pause := r.begin(); !done {
			return pause
		}
	}
	return idle{pause: poll}
}

// room is how many calls may be in flight. When the last call broke, what the others come to is waited for before another begins: an
// outage then leaves no more submissions in doubt than were in flight when it began.
func (r *shift) room() int {
	if r.health.Broken > 0 {
		return 1
	}
	return pace.MaxInFlight
}

// othersTurn tells whether the next page of a look-up gives way to other work that is due: one page, one call of another's, so that a
// look-up of many pages stops nobody and is not stopped. In an outage pages go on but for the create that has its turn.
func (r *shift) othersTurn() bool {
	if r.hand[0].look == nil {
		return false
	}
	if r.health.Probing() {
		return r.health.Step == pace.CreateNext
	}
	return r.paged
}

// claim takes as many submissions as there is room for, and no more: what is claimed here and has to wait could have gone out by
// another replica. Where pages of look-ups wait it is one, and goes before them.
func (r *shift) claim() error {
	n := r.room() - r.flying
	if len(r.hand) > 0 {
		n = 1
	}
	claims, err := r.claims(n)
	if err != nil {
		return err
	}
	r.paged = false
	if len(r.hand) == 0 {
		r.renewAt = time.Now().Add(renewEvery)
	}
	jobs := make([]job, 0, len(claims)+len(r.hand))
	for _, cl := range claims {
		jobs = append(jobs, job{claim: cl})
	}
	r.hand = append(jobs, r.hand...)
	return nil
}

// begin begins the call of the first job in hand. false: it may not go now, and mostly stays in hand with its place.
func (r *shift) begin() (bool, idle) {
	j := r.hand[0]
	call, err := r.c.o.Ledger.Begin(r.writes, j.claim, j.kind(), r.c.pace, r.c.lease(j.kind()))
	var wait *pace.Wait
	switch {
	case err == nil:
		r.hand, r.late, r.paged = r.hand[1:], 0, j.look != nil
		r.flying++
		j.drift = r.drift
		go func() { r.ended <- landing{next: r.c.carry(r.calls, r.writes, j, call)} }()
	case errors.Is(err, submission.ErrFenced):
		r.hand = r.hand[1:] // its lease ended, because it could not be renewed: it is claimed again in its turn
	case errors.As(err, &wait):
		return false, r.waitInTurn(wait)
	default:
		return false, r.failed(err)
	}
	r.works()
	return true, idle{}
}

// probe asks whether a paused account works again, or whether KeyCRM is there at all. One question at a time.
func (r *shift) probe() idle {
	if r.probing {
		return idle{pause: poll, deaf: true}
	}
	call, err := r.c.o.Ledger.BeginProbe(r.writes, r.c.o.Account, r.c.owner, r.c.pace)
	var wait *pace.Wait
	switch {
	case err == nil:
	case errors.As(err, &wait):
		return r.wait(wait)
	default:
		return r.failed(err)
	}
	r.works()
	r.flying++
	r.probing = true
	go func() {
		r.c.ask(r.calls, r.writes, call)
		r.ended <- landing{probe: true}
	}()
	return idle{pause: poll, deaf: true}
}

// wait turns the pace's answer into a pause. The end of a call wakes the loop before that: it may have made room.
func (r *shift) wait(w *pace.Wait) idle {
	r.works()
	return idle{pause: r.until(w.Until), deaf: true}
}

// waitInTurn is wait for a claim. In an outage it is given back first: the call that is waited for may be another courier's, whoever
// comes next must find what is in doubt, and one that dies while it waits must not keep it.
func (r *shift) waitInTurn(w *pace.Wait) idle {
	if r.health.Probing() && r.hand[0].look == nil {
		if err := r.release(); err != nil {
			return r.failed(err)
		}
	}
	return r.wait(w)
}

// untilDue is the pause until the next row is due.
func (r *shift) untilDue() idle {
	due, waits, err := r.c.o.Queue.NextDue(r.writes, r.c.o.Account)
	if err != nil {
		return r.failed(err)
	}
	r.works()
	if !waits {
		return idle{pause: poll}
	}
	return idle{pause: r.until(due)}
}

// left is the time left to t, which is of the store's clock: the machine's may differ from it by any amount.
func (r *shift) left(t time.Time) time.Duration { return r.drift.left(t) }

// until is the time left to t, at most one poll. A t that has passed has mostly passed just now, so the loop asks again in a moment;
// where it stays in the past (another courier's row) that moment doubles up to a poll.
func (r *shift) until(t time.Time) time.Duration {
	if left := r.left(t); left > 0 {
		r.late = 0
		return min(left, poll)
	}
	r.late = min(max(2*r.late, moment), poll)
	return r.late
}

// expire takes back what ended leases held, when it is time for that.
func (r *shift) expire() error {
	if time.Now().Before(r.expireAt) {
		return nil
	}
	n, err := r.c.o.Queue.Expire(r.writes, r.c.o.Account)
	if err != nil {
		return err
	}
	if n > 0 {
		r.c.log.Info().Int("rows", n).Msg("leases ended: their rows are taken back")
	}
	r.expireAt = time.Now().Add(expireEvery)
	return nil
}

// release hands back what was claimed and not begun.
func (r *shift) release() error {
	r.hand = nil
	return r.c.o.Queue.Release(r.writes, r.c.o.Account, r.c.owner)
}

// failed is the pause after a failure of the store. It doubles until works says that something has been done again.
func (r *shift) failed(err error) idle {
	r.c.stored(err)
	r.storePause = min(max(2*r.storePause, minStorePause), maxStorePause)
	return idle{pause: r.storePause, deaf: true}
}

// works takes note that the store answered.
func (r *shift) works() {
	r.c.stored(nil)
	r.storePause = 0
}

// sleep waits until something may be done: the pause has passed, a call has ended, or a submission was accepted.
func (r *shift) sleep(ctx context.Context, i idle) {
	woken := r.c.woken
	if i.deaf {
		woken = nil // the signal stays in the channel for the next sleep that listens
	}
	t := time.NewTimer(i.pause)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-woken:
	case l := <-r.ended:
		r.landed(l)
		r.drain()
	case <-t.C:
	}
}

// drain takes note of every further call that has ended already, so that one step fills all the room.
func (r *shift) drain() {
	for {
		select {
		case l := <-r.ended:
			r.landed(l)
		default:
			return
		}
	}
}

// landed takes note of the end of a call or a batch. A look-up that has another page goes before everything else, a slot has been spent on it; only
// othersTurn lets one call pass it.
func (r *shift) landed(l landing) {
	if l.batch {
		r.batch.underWay = false
		return
	}
	r.flying--
	if l.probe {
		r.probing = false
	}
	if l.file {
		r.filing = false
	}
	if l.next != nil {
		r.hand = append([]job{*l.next}, r.hand...)
	}
}

// stop waits for the calls in flight, which are cut when Grace has passed, and hands back what never began. Errors of the store are
// only logged: leases do the same work a little later.
func (r *shift) stop() {
	r.c.log.Debug().Int("in_flight", r.flying).Msg("stopping")
	if len(r.hand) > 0 {
		r.c.stored(r.release())
	}
	for r.flying > 0 || r.batch.underWay {
		select {
		case l := <-r.ended:
			r.landed(l)
		case <-r.writes.Done():
			r.c.log.Error().Int("in_flight", r.flying).Msg("stopped before these calls were settled: they are looked up after their leases")
			return
		}
	}
	if len(r.hand) > 0 {
		r.c.stored(r.release())
	}
}

// noteHealth logs what has changed in the account's health since it was last read: once when something begins, once when it ends, never
// for each call that meets it. The reason of a pause is the client's own sentence and holds nothing that a visitor typed.
func (r *shift) noteHealth(acc pace.Account) {
	was := r.health
	r.health = acc
	switch {
	case acc.ByOps && acc.Paused != was.Paused:
		r.c.log.Warn().Str("reason", acc.Paused).Msg("account paused by ops: nothing is sent until they resume it")
	case acc.Paused != "" && acc.Paused != was.Paused:
		r.c.log.Warn().Str("reason", acc.Paused).Msg("account paused: forms are taken, nothing is sent until what the reason says is mended")
	case acc.Paused == "" && was.Paused != "":
		r.c.log.Info().Msg("account resumed")
	}
	switch {
	case acc.Probing() && !was.Probing():
		r.c.log.Warn().Int("broken", acc.Broken).Msg("KeyCRM does not answer: one call at a time until it does")
	case !acc.Probing() && was.Probing():
		r.c.log.Info().Msg("KeyCRM answers again")
	}
	if acc.LimitedUntil.After(was.LimitedUntil) && acc.Limited() {
		r.c.log.Warn().Time("until", acc.LimitedUntil).Msg("KeyCRM asked for fewer calls: waiting")
	}
}
