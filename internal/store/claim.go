package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"formrelay/internal/keycrm"
	"formrelay/internal/pace"
	"formrelay/internal/submission"
)

// The questions a courier asks again and again. Each repeats the condition of its partial index word for word, without which the index
// would not be used; then it costs the same beside ten rows and beside ten million.
const (
	claimable = `account = ? AND owner = '' AND state IN ('queued', 'uncertain')`

	// checked leaves out what may not be sent yet: its captcha is still to be verified.
	checked = ` AND captcha = ''`

	whichDue       = `SELECT seq FROM submissions WHERE ` + claimable + checked + ` AND due_at <= ? ORDER BY due_at, seq LIMIT ?`
	whichQueued    = `SELECT seq FROM submissions WHERE ` + claimable + checked + ` AND state = 'queued' ORDER BY due_at, seq LIMIT ?`
	whichUncertain = `SELECT seq FROM submissions WHERE account = ? AND owner = '' AND ` + inDoubt + ` ORDER BY tried_at, seq LIMIT ?`
	whichAny       = `SELECT seq FROM submissions WHERE ` + claimable + checked + ` ORDER BY due_at, seq LIMIT ?`

	// inDoubt leaves out those whose create was answered: KeyCRM refused the source_uuid, or took the batch. That is no sign of an outage.
	inDoubt       = `state = 'uncertain' AND reason NOT IN ('duplicate', 'batch')`
	howManyDoubts = `SELECT COUNT(*) FROM (SELECT 1 FROM submissions WHERE account = ? AND ` + inDoubt + ` LIMIT ?) AS doubts`
	firstDue      = `SELECT due_at FROM submissions WHERE ` + claimable + checked + ` ORDER BY due_at, seq LIMIT 1`
	firstLease    = `SELECT lease_until FROM submissions WHERE account = ? AND owner <> '' ORDER BY lease_until LIMIT 1`

	leaseEnded = `account = ? AND owner <> '' AND lease_until <= ?`
)

// Claim gives owner the right to work on up to n submissions of account, those due the longest first, queued and uncertain alike, for
// as long as lease (by the database's clock). It says who may send, no more: what is claimed and never begun goes back by Release or
// when the lease ends.
//
// While the account is in an outage it gives one at most, due or not, and of the kind whose turn it is (see pace.Account): of the
// uncertain the one that was tried the longest ago, so that no single submission stands for all, of the queued the earliest. owner must
// not be empty.
func (s *Store) Claim(ctx context.Context, account, owner string, n int, lease time.Duration) ([]submission.Claim, error) {
	return s.claimDue(ctx, account, owner, n, lease, func(t *tx, until time.Time) ([]submission.Claim, error) {
		return t.claim(ctx, n, owner, until, whichDue, account, micros(t.now))
	})
}

// claimDue is what all claims have in common: owner is somebody, and while the account is in an outage its next probe alone is claimed.
// due claims whatever else may go, until the lease's end.
func (s *Store) claimDue(ctx context.Context, account, owner string, n int, lease time.Duration,
	due func(t *tx, until time.Time) ([]submission.Claim, error),
) (claims []submission.Claim, err error) {
	if owner == "" {
		return nil, errNoOwner
	}
	err = s.update(ctx, func(t *tx) error {
		health, err := t.health(ctx, account)
		if err != nil {
			return err
		}
		until := t.now.Add(lease)
		s.leased(lease)
		if health.Probing() {
			claims, err = t.claimProbe(ctx, min(n, 1), health, owner, until)
		} else {
			claims, err = due(t, until)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return claims, nil
}

// claimProbe takes the row whose call is an outage's next probe.
func (t *tx) claimProbe(ctx context.Context, n int, health pace.Account, owner string, until time.Time) ([]submission.Claim, error) {
	turns := []string{whichUncertain, whichQueued, whichAny}
	if health.Step == pace.CreateNext {
		turns = []string{whichQueued, whichUncertain, whichAny}
	}
	for _, which := range turns {
		if claims, err := t.claim(ctx, n, owner, until, which, health.Name); err != nil || len(claims) > 0 {
			return claims, err
		}
	}
	return nil, nil
}

// claim gives owner the rows that which selects, n at most.
func (t *tx) claim(ctx context.Context, n int, owner string, until time.Time, which string, args ...any) ([]submission.Claim, error) {
	if n <= 0 {
		return nil, nil
	}
	// The choice stands apart because a planner that put it into the UPDATE's own join could make it, and lock rows, more than once.
	query := `WITH chosen AS MATERIALIZED (` + which + t.d.skipLocked + `)
		UPDATE submissions SET owner = ?, lease_until = ? WHERE seq IN (SELECT seq FROM chosen) RETURNING ` + columns
	records, err := list(ctx, t, t.d.bind(query), append(args, n, owner, micros(until)), scanSubmission)
	if err != nil {
		return nil, err
	}
	// RETURNING has no order of its own.
	slices.SortFunc(records, func(a, b record) int { return cmp.Or(a.DueAt.Compare(b.DueAt), cmp.Compare(a.seq, b.seq)) })
	claims := make([]submission.Claim, len(records))
	for i, r := range records {
		claims[i] = submission.Claim{Submission: r.Submission, Owner: r.owner, Until: r.until}
	}
	return claims, nil
}

// Renew makes what owner claimed of account and has not begun its own for as long as lease from now. It shortens nothing: a look-up that
// KeyCRM's 429 keeps waiting has a longer lease already.
func (s *Store) Renew(ctx context.Context, account, owner string, lease time.Duration) error {
	s.leased(lease)
	return s.update(ctx, func(t *tx) error {
		until := micros(t.now.Add(lease))
		_, err := t.exec(ctx, `UPDATE submissions SET lease_until = ?
			WHERE account = ? AND owner = ? AND owner <> '' AND under_way = 0 AND lease_until < ?`, until, account, owner, until)
		return err
	})
}

// Release hands back what owner claimed of account and has not begun; calls under way stay owner's.
func (s *Store) Release(ctx context.Context, account, owner string) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.exec(ctx, `UPDATE submissions SET owner = '', lease_until = 0
			WHERE account = ? AND owner = ? AND owner <> '' AND under_way = 0`, account, owner)
		return err
	})
}

// Expire frees what is claimed of account by a lease that has ended, and returns how many there were. What was merely claimed is as it
// was before. Of what was being sent nobody knows any more whether KeyCRM has it, so it is settled as a call that broke now: uncertain,
// or held where a look-up could recognise nothing.
func (s *Store) Expire(ctx context.Context, account string) (int, error) {
	freed := 0
	err := s.update(ctx, func(t *tx) (err error) {
		freed, err = t.expire(ctx, account)
		return err
	})
	return freed, err
}

func (t *tx) expire(ctx context.Context, account string) (int, error) {
	// A row that another transaction has locked is being dealt with, so no one waits for another here. What it leaves is met next time.
	sent, err := list(ctx, t, t.d.bind(`SELECT `+columns+` FROM submissions WHERE `+leaseEnded+` AND state = 'sending'`+t.d.skipLocked),
		[]any{account, micros(t.now)}, scanSubmission)
	if err != nil {
		return 0, err
	}
	for _, r := range sent {
		st := submission.AfterCreate(r.Submission, keycrm.Answer{
			Outcome: keycrm.Uncertain,
			Text:    "The relay stopped while this was being sent, so KeyCRM may have it.",
		})
		if err := t.writeFate(ctx, r, st); err != nil {
			return 0, err
		}
	}
	claimed, err := t.exec(ctx, `WITH ended AS MATERIALIZED (SELECT seq FROM submissions WHERE `+leaseEnded+` AND state <> 'sending'`+t.d.skipLocked+`)
		UPDATE submissions SET owner = '', lease_until = 0, under_way = 0 WHERE seq IN (SELECT seq FROM ended)`, account, micros(t.now))
	return len(sent) + int(claimed), err
}

// takeOver puts right what the time without this process has left behind: moments in a future that the clock, which may have been set
// back, will not reach soon; and, where one process has the database to itself, every lease, with what Expire does for every account. It
// is idempotent: a start that fails after it is repeated without harm.
func (s *Store) takeOver(ctx context.Context) error {
	return s.update(ctx, func(t *tx) error {
		s.opened = t.now
		if !s.d.alone {
			return t.mendMoments(ctx, othersLease)
		}
		if err := t.mendMoments(ctx, 0); err != nil {
			return err
		}
		if _, err := t.exec(ctx, `UPDATE accounts SET batch_owner = '', batch_until = 0 WHERE batch_owner <> ''`); err != nil {
			return err
		}
		if err := t.freeAllFiles(ctx); err != nil {
			return err
		}
		return s.endLeases(ctx, t)
	})
}

// endLeases ends the lease of everything that the process before had. Only a process that has the database to itself may do it.
func (s *Store) endLeases(ctx context.Context, t *tx) error {
	accounts, err := list(ctx, t, t.d.bind(`SELECT DISTINCT account FROM submissions WHERE owner <> ''`), nil,
		func(r row) (name string, err error) { return name, r.Scan(&name) })
	if err != nil || len(accounts) == 0 {
		return err
	}
	if _, err := t.exec(ctx, `UPDATE submissions SET lease_until = 1 WHERE owner <> ''`); err != nil {
		return err
	}
	for _, account := range accounts {
		freed, err := t.expire(ctx, account)
		if err != nil {
			return err
		}
		s.log.Info().Str("account", account).Int("submissions", freed).Msg("took over what the process before had claimed")
	}
	return nil
}

// NextDue says when something of account is to be done next: a submission is due, a probe, or the end of a lease. ok is false when
// there is nothing to wait for. A moment that has passed means now. The pace is not asked: Begin says how long it wants to wait.
func (s *Store) NextDue(ctx context.Context, account string) (next time.Time, ok bool, err error) {
	health, err := s.Account(ctx, account)
	if err != nil {
		return time.Time{}, false, err
	}
	// These reads are not one snapshot. What changes between them was changed by somebody who wakes the courier, or shows at its next
	// question; a lock held for them would cost the visitors' commits.
	work, ok, err := s.nextWork(ctx, health)
	if err != nil {
		return time.Time{}, false, s.explained(err)
	}
	lease, leased, err := s.firstOf(ctx, firstLease, account)
	if leased && (!ok || lease.Before(work)) {
		work, ok = lease, true
	}
	return work, ok, s.explained(err)
}

// nextWork is NextDue without leases. A paused account has one thing to do, its probe, and one that ops paused has nothing. In an outage
// whatever waits is a probe, due or not. Nothing is due while KeyCRM wants to be left alone.
func (s *Store) nextWork(ctx context.Context, health pace.Account) (next time.Time, ok bool, err error) {
	if health.ByOps {
		return time.Time{}, false, nil // until a person resumes it, which the courier's poll notices
	}
	if health.Paused != "" {
		return later(health.ProbeAt, health.LimitedUntil), true, nil
	}
	next, ok, err = s.firstOf(ctx, firstDue, health.Name)
	if health.Probing() {
		next = health.ProbeAt
	}
	return later(next, health.LimitedUntil), ok, err
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// health reads an account's health within the transaction; an account that nothing happened to has the zero health.
func (t *tx) health(ctx context.Context, name string) (pace.Account, error) {
	return scanAccount(t.QueryRowContext(ctx, t.d.bind(selectAccount), name), name)
}

// Account reads an account's health. One that nothing happened to yet is healthy, known or not.
func (s *Store) Account(ctx context.Context, name string) (pace.Account, error) {
	a, err := scanAccount(s.read.QueryRowContext(ctx, s.d.bind(selectAccount), name), name)
	if err == nil {
		a.Read, err = s.d.now(ctx, s.read)
	}
	return a, s.explained(err)
}

const selectAccount = `SELECT paused, by_ops, limited_until, broken, create_broke, probe_step, probe_at, probe_pause FROM accounts WHERE name = ?`

func scanAccount(r row, name string) (pace.Account, error) {
	a := pace.Account{Name: name}
	var pause int64
	err := r.Scan(&a.Paused, &a.ByOps, at{&a.LimitedUntil}, &a.Broken, &a.CreateBroke, &a.Step, at{&a.ProbeAt}, &pause)
	if errors.Is(err, sql.ErrNoRows) {
		return pace.Account{Name: name}, nil
	}
	a.ProbePause = time.Duration(pause) * time.Microsecond
	return a, err
}

// lockHealth is health for a transaction that will change it, or that must see no other change it: the account's row is what the
// replicas' decisions queue up at.
func (t *tx) lockHealth(ctx context.Context, name string) (pace.Account, error) {
	if _, err := t.exec(ctx, `INSERT INTO accounts (name) VALUES (?) ON CONFLICT (name) DO NOTHING`, name); err != nil {
		return pace.Account{}, err
	}
	return scanAccount(t.QueryRowContext(ctx, t.d.bind(selectAccount+t.d.lockRow), name), name)
}

// event changes an account's health by what happened to it.
func (t *tx) event(ctx context.Context, name string, e pace.Event) error {
	before, err := t.lockHealth(ctx, name)
	if err != nil {
		return err
	}
	return t.writeHealth(ctx, before, before.After(e, t.now))
}

// writeHealth writes what an account's health has become, if it has changed; the account's row is locked.
func (t *tx) writeHealth(ctx context.Context, before, a pace.Account) error {
	if a == before {
		return nil
	}
	_, err := t.exec(ctx, `UPDATE accounts SET paused = ?, by_ops = ?, limited_until = ?, broken = ?, create_broke = ?, probe_step = ?,
		probe_at = ?, probe_pause = ? WHERE name = ?`,
		plain(a.Paused), flag(a.ByOps), micros(a.LimitedUntil), a.Broken, flag(a.CreateBroke), int(a.Step),
		micros(a.ProbeAt), a.ProbePause.Microseconds(), a.Name)
	if err != nil || !before.Probing() || a.Probing() {
		return err
	}
	return t.endBackOffs(ctx, a.Name)
}

// endBackOffs makes due at once what waits only because no connection came about in an outage that has ended: its create was sent and
// never broke. A row that another transaction has locked is being dealt with, so nobody waits for another here.
func (t *tx) endBackOffs(ctx context.Context, account string) error {
	_, err := t.exec(ctx, `WITH waiting AS MATERIALIZED (SELECT seq FROM submissions WHERE `+claimable+`
			AND state = 'queued' AND due_at > ? AND sent_at > broke_at`+t.d.skipLocked+`)
		UPDATE submissions SET due_at = ? WHERE seq IN (SELECT seq FROM waiting)`, account, micros(t.now), micros(t.now))
	return err
}

// flag is a yes or no as the database has it.
func flag(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// Pause stops an account from sending, for a reason that ops can read. It is probed now and then, and goes on by itself with the first
// answer that proves that it works.
func (s *Store) Pause(ctx context.Context, name, reason string) error {
	return s.update(ctx, func(t *tx) error {
		return t.event(ctx, name, pace.Event{Kind: pace.Stopped, Reason: reason})
	})
}
