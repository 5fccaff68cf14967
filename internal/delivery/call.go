package delivery

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"

	"formrelay/internal/keycrm"
	"formrelay/internal/submission"
)

// lookUp is a look-up that is under way: its pages are calls of their own, and what its end proves depends on when it began.
type lookUp struct {
	query keycrm.Query
	began time.Time // the first page's begin, by the database's clock
	page  int       // the page to ask for next, from 1
	first int64     // the first id on the page before; 0: none was read
}

// kind is which call the job's submission needs: only what is known not to be in KeyCRM is created.
func (j job) kind() submission.AttemptKind {
	if j.claim.State == submission.Queued {
		return submission.Create
	}
	return submission.LookUp
}

// carry makes the call and settles it. The call's context bounds it by the monotonic clock, Call.NotAfter by the wall clock: the first
// ends a call that hangs, the second keeps a machine that slept through its lease from sending when it wakes up. It returns the look-up's next page, nil when the submission needs no further call now.
func (c *Courier) carry(calls, writes context.Context, j job, call submission.Call) *job {
	ctx, cancel := context.WithTimeout(calls, c.o.Limit.Timeout)
	defer cancel()
	var st submission.Settlement
	if call.Kind == submission.Create {
		st = submission.AfterCreate(j.claim.Submission, c.o.Client.Create(ctx, j.claim.Kind, j.claim.Entity, call.NotAfter))
	} else {
		st = c.lookUp(ctx, &j, call)
	}
	if !c.settle(writes, call, st) {
		return nil
	}
	c.report(j.claim.Submission, call, st)
	if !st.Keep {
		return nil
	}
	return &j
}

// lookUp asks for the look-up's next page and decides what it proves. A 429 leaves the look-up where it is: one that began anew would
// never end where KeyCRM allows fewer calls than it has pages. A page that is the one before over again ends it without proof: whoever
// lists ignores which page was asked for.
//
// A submission that nothing could be recognised by is never searched for: an empty mark would match anything. Its call is the harmless
// question, so that the account learns from it.
func (c *Courier) lookUp(ctx context.Context, j *job, call submission.Call) submission.Settlement {
	s := j.claim.Submission
	if j.look == nil {
		j.look = &lookUp{query: j.drift.ours(s.Query(call.StartedAt, c.o.Settle)), began: call.StartedAt, page: 1}
	}
	var p keycrm.Page
	if s.Findable() {
		p = c.o.Client.Find(ctx, j.look.query, j.look.page, call.NotAfter)
	} else {
		p.Answer = c.o.Client.Check(ctx, call.NotAfter)
	}
	if p.More && j.look.page > 1 && p.First != 0 && p.First == j.look.first {
		p = keycrm.Page{Answer: p.Answer}
		p.Outcome, p.Text = keycrm.Uncertain, "KeyCRM gave the same page of its list twice, so the rest of it cannot be read."
	}
	st := submission.AfterLookUp(s, j.look.began, c.o.Settle, p)
	switch {
	case st.Keep:
		j.look.page++
		j.look.first = p.First
	case p.Outcome == keycrm.Limited && j.look.page > 1 && st.State == submission.Uncertain:
		st.Keep, st.Wait = true, cmp.Or(p.RetryAfter, c.o.Limit.Window)
	}
	return st
}

// ask makes the call that tells whether a paused account works again, and settles it.
func (c *Courier) ask(calls, writes context.Context, call submission.Call) {
	ctx, cancel := context.WithTimeout(calls, c.o.Limit.Timeout)
	defer cancel()
	st := submission.Settlement{Answer: c.o.Client.Check(ctx, call.NotAfter)}
	if c.settle(writes, call, st) {
		c.log.Debug().Str("outcome", string(st.Answer.Outcome)).Int("status", st.Answer.Status).Msg("probed")
	}
}

// settle writes what a call came to, again and again while the store fails: the answer is known nowhere else. It ends without success
// only when the row has moved on, or with the process; then the call's lease makes the row uncertain and a look-up finds out.
func (c *Courier) settle(ctx context.Context, call submission.Call, st submission.Settlement) bool {
	return c.write(ctx, call, st.Answer, func() error { return c.o.Ledger.Settle(ctx, call, st) })
}

// write is settle for whatever a call's answer is written by.
func (c *Courier) write(ctx context.Context, call submission.Call, a keycrm.Answer, settle func() error) bool {
	c.learn(call.Kind, a)
	return c.written(ctx, func() error {
		err := settle()
		if errors.Is(err, submission.ErrFenced) {
			c.log.Warn().Str("submission", call.ID).Int("attempt", call.Number).Str("outcome", string(a.Outcome)).
				Msg("a call ended after its lease: it settles nothing")
		}
		return err
	})
}

// learn takes note of what a call came to.
func (c *Courier) learn(kind submission.AttemptKind, a keycrm.Answer) {
	if c.o.OnCall != nil {
		c.o.OnCall(kind, a)
	}
	if kind == submission.Create {
		switch a.Outcome {
		case keycrm.Done:
			c.proved.Store(true)
		case keycrm.Uncertain, keycrm.NotSent:
			c.proved.Store(false)
		default:
		}
	}
}

// written runs a statement of the store again and again while the store fails, until it is carried out, the row has moved on, or ctx ends.
func (c *Courier) written(ctx context.Context, statement func() error) bool {
	for pause := minStorePause; ; pause = min(2*pause, maxStorePause) {
		err := statement()
		if errors.Is(err, submission.ErrFenced) {
			return false
		}
		c.stored(err)
		if err == nil {
			return true
		}
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return false
		}
	}
}

// report logs one settled call: ids, states and outcomes. KeyCRM's messages are left to the store, they may quote what a visitor typed.
func (c *Courier) report(s submission.Submission, call submission.Call, st submission.Settlement) {
	level := zerolog.DebugLevel
	switch st.State {
	case submission.Delivered:
		level = zerolog.InfoLevel
	case submission.Rejected, submission.Held:
		level = zerolog.WarnLevel
	case submission.Uncertain:
		// A look-up that is refused for good is told once, not each time that it is tried.
		refused := st.Answer.Outcome == keycrm.Rejected && st.Error != s.Error
		if st.Broke || refused {
			level = zerolog.WarnLevel
		}
	case submission.Queued, submission.Sending, submission.Refused, submission.Discarded:
	}
	log := c.log
	if st.CRMID != 0 {
		log = log.With().Int64("crm_id", st.CRMID).Logger()
	}
	log.WithLevel(level).Str("submission", call.ID).Str("profile", s.Profile).Str("call", string(call.Kind)).Int("attempt", call.Number).
		Str("outcome", string(st.Answer.Outcome)).Int("status", st.Answer.Status).
		Dur("took", st.Answer.Ended.Sub(st.Answer.Started)).Msg(string(st.State))
}
