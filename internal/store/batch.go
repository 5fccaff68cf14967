package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"formrelay/internal/keycrm"
	"formrelay/internal/pace"
	"formrelay/internal/submission"
)

const (
	// batchWindow is how many of what has been due the longest are looked through for a batch, or for what goes beside one, beyond those
	// that make a backlog. It bounds what a question costs, however long the backlog is, and keeps the oldest first.
	batchWindow = 1000
	// batchCandidates is how many orders a batch is chosen from: enough to fill one where several sources mix.
	batchCandidates = 4 * keycrm.MaxImport
)

// The questions about batches. All go through the index of what is due, in its order.
const (
	// oldest is the window: the rows that have been due the longest.
	oldest = `(SELECT seq FROM submissions WHERE ` + claimable + ` AND due_at <= ? ORDER BY due_at, seq LIMIT ?)`
	// batchable are those that a batch may carry, as far as a row's own columns tell.
	batchable = `owner = '' AND state = 'queued' AND kind = 'order' AND alone = 0`

	howManyBatchable = `SELECT COUNT(*) FROM (SELECT 1 FROM submissions WHERE seq IN ` + oldest + ` AND ` + batchable + ` LIMIT ?) AS waiting`
	whichBatchable   = `SELECT seq, id, account, kind, CASE WHEN LENGTH(entity) > ? THEN NULL ELSE entity END, source_id, source_uuid,
		attempt, failures, first_sent, due_at FROM submissions WHERE seq IN ` + oldest + ` AND ` + batchable + ` ORDER BY due_at, seq LIMIT ?`
	whichBeside   = `SELECT seq FROM submissions WHERE seq IN ` + oldest + ` AND owner = '' AND NOT (` + batchable + `) ORDER BY due_at, seq LIMIT ?`
	whichInDoubt  = `SELECT seq FROM submissions WHERE account = ? AND state = 'uncertain' AND owner = '' AND due_at <= ? ORDER BY tried_at, seq LIMIT ?`
	selectBatches = `SELECT batch_owner, batch_until, batch_at, batch_rest FROM accounts WHERE name = ?`
)

// ClaimBeside is Claim for an account whose backlog may go by batches. What is uncertain and due comes first: no batch begins before it is
// settled. With orders the rest is as in Claim; without, what a batch may carry is left to batches, as long as they go.
func (s *Store) ClaimBeside(ctx context.Context, account, owner string, n int, lease time.Duration, orders bool) ([]submission.Claim, error) {
	return s.claimDue(ctx, account, owner, n, lease, func(t *tx, until time.Time) ([]submission.Claim, error) {
		claims, err := t.claim(ctx, n, owner, until, whichInDoubt, account, micros(t.now))
		if err != nil {
			return nil, err
		}
		which, args := whichDue, []any{account, micros(t.now)}
		if !orders {
			which, args = whichBeside, append(args, batchWindow)
		}
		more, err := t.claim(ctx, n-len(claims), owner, until, which, args...)
		return append(claims, more...), err
	})
}

var errNoOwner = errors.New("a claim needs an owner")

// BeginBatch turns a backlog of more than over orders into the right to make one call for the oldest of them, in one transaction: the
// account's rules for batches and the pace allow it, a slot is taken, and each order is claimed and fenced by the same statements as for a
// call of its own. From then on each of them goes by itself when it goes again. owner must be of this batch alone; the lease is what all
// of them have, from here and from each BeginListing.
//
// A batch without orders means that none is to go now: there is no such backlog, or the rules want orders to go by themselves. The error is
// a *pace.Wait when one is to go and may not yet: Why is "batch" while another is under way.
func (s *Store) BeginBatch(ctx context.Context, account, owner string, over int, limit pace.Limit, lease time.Duration) (submission.Batch, error) {
	if owner == "" {
		return submission.Batch{}, errNoOwner
	}
	waiting, err := s.backlog(ctx, account, over)
	if err != nil || !waiting {
		return submission.Batch{}, s.explained(err)
	}
	b := submission.Batch{
		Call:  submission.Call{Account: account, Owner: owner, Kind: submission.Create, NotAfter: notAfter(limit)},
		Lease: lease,
	}
	s.leased(lease)
	if err := s.update(ctx, func(t *tx) error { return t.beginBatch(ctx, &b, limit) }); err != nil {
		return submission.Batch{}, err
	}
	return b, nil
}

// backlog tells whether more than over orders that a batch may carry are due. It locks nothing: BeginBatch looks again.
func (s *Store) backlog(ctx context.Context, account string, over int) (bool, error) {
	now, err := s.d.now(ctx, s.read)
	if err != nil {
		return false, err
	}
	var n int
	err = s.read.QueryRowContext(ctx, s.d.bind(howManyBatchable), account, micros(now), over+batchWindow, over+1).Scan(&n)
	return n > over, err
}

func (t *tx) beginBatch(ctx context.Context, b *submission.Batch, limit pace.Limit) error {
	// The account is locked first, as in Begin, so that of two replicas the second sees the first one's batch.
	health, err := t.lockHealth(ctx, b.Account)
	if err != nil {
		return err
	}
	batches, err := t.batches(ctx, b.Account)
	if err != nil {
		return err
	}
	if batches.UnderWay(t.now) {
		return &pace.Wait{Until: batches.Until, Why: "batch"}
	}
	// What a dead process was sending is in doubt from the moment its lease ends, not from when somebody notices.
	if _, err := t.expire(ctx, b.Account); err != nil {
		return err
	}
	var uncertain int
	if err := t.one(ctx, howManyDoubts, []any{b.Account, pace.MaxInFlight}, &uncertain); err != nil {
		return err
	}
	if !batches.Allowed(t.now, health, uncertain) {
		return nil
	}
	if err := t.takeSlot(ctx, &b.Call, pace.ForCreate, limit); err != nil {
		return err
	}
	if b.Orders, err = t.gather(ctx, b); err != nil {
		return err
	}
	if len(b.Orders) == 0 {
		_, err := t.exec(ctx, `DELETE FROM slots WHERE id = ?`, b.Slot)
		return err
	}
	return t.writeBatches(ctx, b.Account, batches.Begun(b.Owner, t.now, b.Lease))
}

// gather chooses a batch's orders and begins the create of each. Those that no batch can carry are marked, so that nobody looks at them
// again for this.
func (t *tx) gather(ctx context.Context, b *submission.Batch) ([]submission.Submission, error) {
	all, err := list(ctx, t, t.d.bind(whichBatchable+t.d.skipLocked),
		[]any{submission.MaxBatchOrder, b.Account, micros(t.now), batchWindow, batchCandidates}, scanCandidate)
	if err != nil {
		return nil, err
	}
	orders, seqs := make([]submission.Submission, len(all)), map[string]int64{}
	for i, r := range all {
		orders[i], seqs[r.ID] = r.Submission, r.seq
	}
	chosen, alone := submission.Choose(orders)
	if err := t.set(ctx, `alone = 1`, nil, seqsOf(alone, seqs)); err != nil || len(chosen) == 0 {
		return nil, err
	}
	until := t.now.Add(b.Lease)
	if err := t.set(ctx, `alone = 1, owner = ?, lease_until = ?`, []any{b.Owner, micros(until)}, seqsOf(chosen, seqs)); err != nil {
		return nil, err
	}
	for i := range chosen {
		s := &chosen[i]
		call := b.Call
		call.ID, call.Batch = s.ID, len(chosen)
		if err := t.beginAttempt(ctx, &call, until); err != nil {
			return nil, fmt.Errorf("submission %s: %w", s.ID, err)
		}
		s.State, s.Attempt, s.SentAt = submission.Sending, call.Number, t.now
		if s.FirstSent.IsZero() {
			s.FirstSent = t.now
		}
	}
	return chosen, nil
}

// scanCandidate reads one row of whichBatchable: what a decision about it needs, and nothing that a visitor sent but the entity.
func scanCandidate(r row) (record, error) {
	var (
		rec    record
		entity []byte
	)
	s := &rec.Submission
	s.State = submission.Queued
	err := r.Scan(&rec.seq, &s.ID, &s.Account, &s.Kind, &entity, &s.SourceID, &s.SourceUUID, &s.Attempt, &s.Failures, at{&s.FirstSent}, at{&s.DueAt})
	s.Entity = entity
	return rec, err
}

func seqsOf(all []submission.Submission, seqs map[string]int64) []int64 {
	numbers := make([]int64, len(all))
	for i, s := range all {
		numbers[i] = seqs[s.ID]
	}
	return numbers
}

// set changes rows that the transaction has locked.
func (t *tx) set(ctx context.Context, change string, args []any, seqs []int64) error {
	if len(seqs) == 0 {
		return nil
	}
	numbers := make([]string, len(seqs))
	for i, seq := range seqs {
		numbers[i] = strconv.FormatInt(seq, 10)
	}
	_, err := t.exec(ctx, `UPDATE submissions SET `+change+` WHERE seq IN (`+strings.Join(numbers, ",")+`)`, args...)
	return err
}

// BeginListing takes a slot for one page of the list by which a batch's orders are found, and begins their leases anew. The error is a
// *pace.Wait when the call may not go now, and submission.ErrFenced when nothing is left of the batch.
func (s *Store) BeginListing(ctx context.Context, b submission.Batch, limit pace.Limit) (submission.Call, error) {
	call := submission.Call{Account: b.Account, Owner: b.Owner, Kind: submission.LookUp, NotAfter: notAfter(limit), Batch: len(b.Orders)}
	s.leased(b.Lease)
	err := s.update(ctx, func(t *tx) error {
		if err := t.takeSlot(ctx, &call, pace.ForLookUp, limit); err != nil {
			return err
		}
		until := micros(t.now.Add(b.Lease))
		left, err := t.exec(ctx, `UPDATE submissions SET lease_until = ? WHERE account = ? AND owner = ? AND owner <> '' AND lease_until > ?`,
			until, b.Account, b.Owner, micros(t.now))
		if err != nil {
			return err
		}
		mine, err := t.exec(ctx, `UPDATE accounts SET batch_until = ? WHERE name = ? AND batch_owner = ?`, until, b.Account, b.Owner)
		if err == nil && (left == 0 || mine == 0) {
			err = submission.ErrFenced
		}
		return err
	})
	if err != nil {
		return submission.Call{}, err
	}
	return call, nil
}

// SettleBatch writes what one call of a batch came to, in one transaction: the slot's end, the account's health, and the fates of those
// of its orders that it decided about. An order that is no longer the batch's is left alone; the call was made all the same. What stays
// uncertain stays the batch's, until EndBatch or the end of its lease.
func (s *Store) SettleBatch(ctx context.Context, b submission.Batch, call submission.Call, answer keycrm.Answer, fates []submission.Fate) error {
	return s.update(ctx, func(t *tx) error {
		st := submission.Settlement{Answer: answer, State: submission.Uncertain}
		if len(fates) > 0 {
			st.State = fates[0].State // a look-up that found one has told something
		}
		if err := t.endCall(ctx, call, st); err != nil {
			return err
		}
		for _, f := range fates {
			settle := t.settleSent
			if call.Kind == submission.LookUp {
				settle = t.settleFound
			}
			if err := settle(ctx, b, call, f); err != nil && !errors.Is(err, submission.ErrFenced) {
				return fmt.Errorf("submission %s: %w", f.ID, err)
			}
		}
		return nil
	})
}

// settleSent writes what an import came to for one of its orders, fenced as a create of its own.
func (t *tx) settleSent(ctx context.Context, b submission.Batch, call submission.Call, f submission.Fate) error {
	call.ID, call.Number = f.ID, f.Number
	if err := t.endAttempt(ctx, call, f.Answer); err != nil {
		return err
	}
	r, err := t.stillMine(ctx, call)
	if err != nil {
		return err
	}
	if err := t.writeFate(ctx, r, f.Settlement); err != nil {
		return err
	}
	switch f.State {
	case submission.Uncertain: // the batch looks it up
		_, err = t.exec(ctx, `UPDATE submissions SET owner = ?, lease_until = ? WHERE seq = ?`, b.Owner, micros(t.now.Add(b.Lease)), r.seq)
	case submission.Queued: // nothing happened
		_, err = t.exec(ctx, `UPDATE submissions SET alone = 0 WHERE seq = ?`, r.seq)
	default:
	}
	return err
}

// settleFound writes what a list told about one order, as an attempt of the order's own: it has been looked up. The fence is that of the
// import: the order is uncertain because of it, the batch's still, and no call has begun since.
func (t *tx) settleFound(ctx context.Context, b submission.Batch, call submission.Call, f submission.Fate) error {
	r, err := scanSubmission(t.QueryRowContext(ctx, t.d.bind(`SELECT `+columns+` FROM submissions
		WHERE id = ? AND state = 'uncertain' AND attempt = ? AND owner = ? AND owner <> '' AND under_way = 0 AND lease_until > ?`+t.d.lockRow),
		f.ID, f.Number, b.Owner, micros(t.now)))
	if errors.Is(err, sql.ErrNoRows) {
		return submission.ErrFenced
	}
	if err != nil {
		return err
	}
	if _, err := t.exec(ctx, `UPDATE submissions SET attempt = attempt + 1, tried_at = ? WHERE seq = ?`, micros(call.StartedAt), r.seq); err != nil {
		return err
	}
	call.ID, call.Number = f.ID, f.Number+1
	if _, err := t.exec(ctx, `INSERT INTO attempts (submission, number, kind, started_at, batch) VALUES (?, ?, ?, ?, ?)`,
		r.seq, call.Number, string(call.Kind), micros(call.StartedAt), call.Batch); err != nil {
		return err
	}
	if err := t.endAttempt(ctx, call, f.Answer); err != nil {
		return err
	}
	return t.writeFate(ctx, r, f.Settlement)
}

// EndBatch hands back what is left of a batch, for the ordinary look-up of each, and writes how it ended. Of a batch whose lease has ended
// there may be nothing to write.
func (s *Store) EndBatch(ctx context.Context, b submission.Batch, how pace.BatchEnd) error {
	return s.update(ctx, func(t *tx) error {
		if _, err := t.lockHealth(ctx, b.Account); err != nil {
			return err
		}
		batches, err := t.batches(ctx, b.Account)
		if err != nil {
			return err
		}
		if batches.Owner == b.Owner {
			if err := t.writeBatches(ctx, b.Account, batches.Ended(how, t.now)); err != nil {
				return err
			}
		}
		_, err = t.exec(ctx, `UPDATE submissions SET owner = '', lease_until = 0
			WHERE account = ? AND owner = ? AND owner <> '' AND under_way = 0`, b.Account, b.Owner)
		return err
	})
}

// batches reads an account's state of batches; its row is locked.
func (t *tx) batches(ctx context.Context, account string) (b pace.Batches, err error) {
	var rest int64
	err = t.one(ctx, selectBatches, []any{account}, &b.Owner, at{&b.Until}, at{&b.At}, &rest)
	b.Rest = time.Duration(rest) * time.Microsecond
	return b, err
}

func (t *tx) writeBatches(ctx context.Context, account string, b pace.Batches) error {
	_, err := t.exec(ctx, `UPDATE accounts SET batch_owner = ?, batch_until = ?, batch_at = ?, batch_rest = ? WHERE name = ?`,
		b.Owner, micros(b.Until), micros(b.At), b.Rest.Microseconds(), account)
	return err
}
