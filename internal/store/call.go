package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"formrelay/internal/keycrm"
	"formrelay/internal/pace"
	"formrelay/internal/submission"
)

// keptAttempts is how many of a submission's newest attempts are kept beside its first: an outage may look it up for days.
const keptAttempts = 100

// The two fenced steps from a claim to a call. A row that another courier has, whose lease has ended, or that has a call under way
// already is not there for them.
const (
	mine = ` WHERE id = ? AND account = ? AND owner = ? AND owner <> '' AND lease_until > ? AND under_way = 0`

	beginCreate = `UPDATE submissions SET attempt = attempt + 1, under_way = 1, tried_at = ?, lease_until = ?,
		state = 'sending', sent_at = ?, first_sent = CASE WHEN first_sent = 0 THEN ? ELSE first_sent END` +
		mine + ` AND state = 'queued' RETURNING seq, attempt`
	beginLookUp = `UPDATE submissions SET attempt = attempt + 1, under_way = 1, tried_at = ?, lease_until = ?` +
		mine + ` AND state = 'uncertain' RETURNING seq, attempt`
)

// Begin turns a claim into the right to make one call now, in one transaction: the pace allows it, a slot is taken, the attempt is
// written, and the row is fenced. For a create it becomes sending, the only state in which bytes may leave; for a look-up it stays
// uncertain. The claim's lease starts again, for as long as lease from now.
//
// The error is a *pace.Wait when the call may not go now, and submission.ErrFenced when the claim is no longer good; neither costs a
// slot.
func (s *Store) Begin(ctx context.Context, claim submission.Claim, kind submission.AttemptKind, limit pace.Limit, lease time.Duration) (submission.Call, error) {
	purpose := pace.ForLookUp
	switch kind {
	case submission.Create:
		purpose = pace.ForCreate
	case submission.LookUp:
	case submission.Probe:
		return submission.Call{}, errors.New("a probe belongs to no submission: use BeginProbe")
	default:
		return submission.Call{}, fmt.Errorf("no call is of kind %q", kind)
	}
	call := submission.Call{ID: claim.ID, Account: claim.Account, Owner: claim.Owner, Kind: kind, NotAfter: notAfter(limit)}
	// The slot comes first and the fence second, but both or neither: whichever says no, the transaction leaves nothing behind.
	s.leased(lease)
	err := s.update(ctx, func(t *tx) error {
		if err := t.takeSlot(ctx, &call, purpose, limit); err != nil {
			return err
		}
		return t.beginAttempt(ctx, &call, t.now.Add(lease))
	})
	if err != nil {
		return submission.Call{}, err
	}
	return call, nil
}

// BeginProbe is Begin for the cheap question whether KeyCRM is there and takes the token, for an account that is paused or, in an outage,
// at pace.CheckNext. It belongs to no submission and writes no attempt.
func (s *Store) BeginProbe(ctx context.Context, account, owner string, limit pace.Limit) (submission.Call, error) {
	call := submission.Call{Account: account, Owner: owner, Kind: submission.Probe, NotAfter: notAfter(limit)}
	err := s.update(ctx, func(t *tx) error { return t.takeSlot(ctx, &call, pace.ForProbe, limit) })
	if err != nil {
		return submission.Call{}, err
	}
	return call, nil
}

// notAfter is read from this machine's clock, before the transaction: however long the commit takes, the call is over when the
// database believes that it is.
func notAfter(limit pace.Limit) time.Time { return time.Now().Add(limit.Timeout) }

// takeSlot asks the pace and writes a slot into call. The account's row is locked first, so that of two replicas that ask at the same
// moment the second sees the first one's slot.
func (t *tx) takeSlot(ctx context.Context, call *submission.Call, p pace.Purpose, limit pace.Limit) error {
	health, err := t.lockHealth(ctx, call.Account)
	if err != nil {
		return err
	}
	slots, err := t.slots(ctx, call.Account, limit)
	if err != nil {
		return err
	}
	var uncertain int
	if err := t.one(ctx, howManyDoubts, []any{call.Account, pace.MaxInFlight}, &uncertain); err != nil {
		return err
	}
	if wait := limit.Decide(t.now, health, slots, p, uncertain); wait != nil {
		return wait
	}
	call.StartedAt = t.now
	return t.one(ctx, `INSERT INTO slots (account, started_at, pace_window) VALUES (?, ?, ?) RETURNING id`,
		[]any{call.Account, micros(t.now), limit.Window.Microseconds()}, &call.Slot)
}

// slots reads the account's slots that count, and forgets those that never will again.
func (t *tx) slots(ctx context.Context, account string, limit pace.Limit) ([]pace.Slot, error) {
	type slot struct {
		pace.Slot
		id int64
	}
	all, err := list(ctx, t, t.d.bind(`SELECT id, started_at, ended_at FROM slots WHERE account = ?`), []any{account},
		func(r row) (s slot, err error) { return s, r.Scan(&s.id, at{&s.Start}, at{&s.End}) })
	if err != nil {
		return nil, err
	}
	counting := make([]pace.Slot, 0, len(all))
	for _, s := range all {
		if limit.Counts(t.now, s.Slot) {
			counting = append(counting, s.Slot)
			continue
		}
		if _, err := t.exec(ctx, `DELETE FROM slots WHERE id = ?`, s.id); err != nil {
			return nil, err
		}
	}
	return counting, nil
}

// beginAttempt is the fenced step from claim to call, and the attempt's row.
func (t *tx) beginAttempt(ctx context.Context, call *submission.Call, until time.Time) error {
	now := micros(t.now)
	query, args := beginLookUp, []any{now, micros(until)}
	if call.Kind == submission.Create {
		query, args = beginCreate, append(args, now, now)
	}
	var seq int64
	err := t.one(ctx, query, append(args, call.ID, call.Account, call.Owner, now), &seq, &call.Number)
	if errors.Is(err, sql.ErrNoRows) {
		return submission.ErrFenced
	}
	if err != nil {
		return err
	}
	if _, err := t.exec(ctx, `INSERT INTO attempts (submission, number, kind, started_at, batch) VALUES (?, ?, ?, ?, ?)`,
		seq, call.Number, string(call.Kind), now, call.Batch); err != nil {
		return err
	}
	if call.Number <= keptAttempts {
		return nil
	}
	_, err = t.exec(ctx, `DELETE FROM attempts WHERE submission = ? AND number > 1 AND number <= ?`, seq, call.Number-keptAttempts)
	return err
}

// Settle writes what a call came to, in one transaction: the slot's end, the attempt, the account's health, and the submission's fate.
//
// The error is submission.ErrFenced when the row is no longer this call's; everything but the fate is written all the same, because
// the call was made. A fate that the state cannot have is an error and writes nothing. One thing is taken from a call that lost its row:
// the id of a create that KeyCRM answered, while no newer call has begun and the row waits in doubt about that very create.
func (s *Store) Settle(ctx context.Context, call submission.Call, st submission.Settlement) error {
	fenced := false
	err := s.update(ctx, func(t *tx) error {
		if err := t.endCall(ctx, call, st); err != nil {
			return err
		}
		if call.ID == "" {
			return nil
		}
		r, err := t.stillMine(ctx, call)
		if errors.Is(err, submission.ErrFenced) && st.State == submission.Delivered && st.CRMID != 0 {
			r, err = t.doubted(ctx, call)
		}
		if errors.Is(err, submission.ErrFenced) {
			fenced = true
			return nil
		}
		if err != nil {
			return err
		}
		if !r.State.CanBecome(st.State) && r.State != submission.Held { // held is what doubted found
			return fmt.Errorf("submission %s is %s and cannot become %q", call.ID, r.State, st.State)
		}
		return t.writeFate(ctx, r, st)
	})
	if err == nil && fenced {
		return submission.ErrFenced
	}
	if err == nil && !st.Keep && call.ID != "" {
		s.waiters.settled(call.ID, st.State, st.CRMID)
	}
	return err
}

// endSlot ends a call's slot. It returns the account, which is locked from then on, and the window of its pace.
func (t *tx) endSlot(ctx context.Context, call submission.Call) (pace.Account, time.Duration, error) {
	// The account is locked before the slot, as in Begin, which forgets old slots: the other way round two replicas could wait for each
	// other.
	health, err := t.lockHealth(ctx, call.Account)
	if err != nil {
		return health, 0, err
	}
	window := int64(pace.MaxProbePause / time.Microsecond) // for a slot that is so old that it has been forgotten
	// Slots that are forgotten leave their numbers to others; with the account and the start the right one is met.
	err = t.one(ctx, `UPDATE slots SET ended_at = ? WHERE id = ? AND account = ? AND started_at = ? RETURNING pace_window`,
		[]any{micros(t.now), call.Slot, call.Account, micros(call.StartedAt)}, &window)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return health, time.Duration(window) * time.Microsecond, err
}

// endCall writes what is true of a call whoever has the row by now.
func (t *tx) endCall(ctx context.Context, call submission.Call, st submission.Settlement) error {
	health, window, err := t.endSlot(ctx, call)
	if err != nil {
		return err
	}
	e := event(call, st, window)
	if err := t.writeHealth(ctx, health, health.After(e, t.now)); err != nil || call.ID == "" {
		return err
	}
	return t.endAttempt(ctx, call, st.Answer)
}

// endAttempt writes an answer into the attempt's row.
func (t *tx) endAttempt(ctx context.Context, call submission.Call, answer keycrm.Answer) error {
	messages, err := encodeMessages(answer.Messages)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `UPDATE attempts SET ended_at = ?, outcome = ?, status = ?, text = ?, messages = ?
		WHERE submission = (SELECT seq FROM submissions WHERE id = ?) AND number = ?`,
		micros(t.now), string(answer.Outcome), answer.Status, plain(answer.Text), messages, call.ID, call.Number)
	return err
}

// event is what a call says about the account. A 429 that names no time means the pace's window.
//
// Only the outcome counts, not the status behind it: a redirect or a 408 is below 500 and yet no sign that KeyCRM works.
func event(call submission.Call, st submission.Settlement, window time.Duration) pace.Event {
	answer := st.Answer
	e := pace.Event{
		Kind: pace.Broke, Started: call.StartedAt, Wait: answer.RetryAfter,
		Create: call.Kind == submission.Create && answer.Outcome != keycrm.NotSent,
		LookUp: call.Kind == submission.LookUp, Check: call.Kind == submission.Probe,
	}
	switch answer.Outcome {
	case keycrm.Done:
		e.Kind = pace.Worked
		e.Page = e.LookUp && st.Keep
		e.Progress = e.LookUp && !st.Keep && st.State != submission.Uncertain
	case keycrm.Rejected, keycrm.Duplicate:
		e.Kind = pace.Worked
		if e.LookUp {
			e.Kind = pace.Refused
		}
	case keycrm.Limited:
		e.Kind = pace.Limited
		if e.Wait <= 0 {
			e.Wait = window
		}
	case keycrm.Unauthorised, keycrm.WrongAddress:
		e.Kind, e.Reason = pace.Stopped, answer.Text
	case keycrm.NotSent, keycrm.Uncertain:
	}
	return e
}

// stillMine reads the row if it is this call's: its state is the call's, its attempt the call's number, its owner the call's.
func (t *tx) stillMine(ctx context.Context, call submission.Call) (record, error) {
	state := submission.Uncertain
	if call.Kind == submission.Create {
		state = submission.Sending
	}
	r, err := scanSubmission(t.QueryRowContext(ctx, t.d.bind(`SELECT `+columns+` FROM submissions
		WHERE id = ? AND state = ? AND attempt = ? AND owner = ? AND owner <> '' AND under_way = 1`+t.d.lockRow),
		call.ID, string(state), call.Number, call.Owner))
	if errors.Is(err, sql.ErrNoRows) {
		return r, submission.ErrFenced
	}
	return r, err
}

// doubted reads the row of a create that has lost it, if that create is its newest call and what it came to is all that is not known:
// its lease ended, or the relay was started anew, and nobody has asked KeyCRM since.
func (t *tx) doubted(ctx context.Context, call submission.Call) (record, error) {
	r, err := scanSubmission(t.QueryRowContext(ctx, t.d.bind(`SELECT `+columns+` FROM submissions
		WHERE id = ? AND attempt = ? AND under_way = 0 AND (state = 'uncertain' OR state = 'held' AND reason = 'uncertain')`+t.d.lockRow),
		call.ID, call.Number))
	if errors.Is(err, sql.ErrNoRows) || err == nil && call.Kind != submission.Create {
		return r, submission.ErrFenced
	}
	return r, err
}

// writeFate gives a row that the caller has made sure of its new state. Time is added to the database's now and not to the call's: a
// settlement that was delayed must not be due in the past. With Keep only the call is over: state, claim and the rest
// stay for the next page, and a claim that KeyCRM's 429 keeps waiting lasts longer by that.
func (t *tx) writeFate(ctx context.Context, r record, st submission.Settlement) error {
	if st.Keep {
		_, err := t.exec(ctx, `UPDATE submissions SET under_way = 0, lease_until = lease_until + ? WHERE seq = ?`,
			max(st.Wait, 0).Microseconds(), r.seq)
		return err
	}
	if !st.KeepDue {
		r.DueAt = t.now.Add(max(st.Wait, 0))
	}
	if st.Broke {
		r.BrokeAt = t.now
	}
	if st.CRMID != 0 {
		r.CRMID = st.CRMID
	}
	settled := time.Time{}
	if st.State.Terminal() {
		settled = t.now
	}
	_, err := t.exec(ctx, `UPDATE submissions SET state = ?, reason = ?, error = ?, failures = ?, crm_id = ?, due_at = ?, broke_at = ?,
		settled_at = ?, owner = '', lease_until = 0, under_way = 0 WHERE seq = ?`,
		string(st.State), string(st.Reason), plain(st.Error), st.Failures, r.CRMID, micros(r.DueAt), micros(r.BrokeAt),
		micros(settled), r.seq)
	if err != nil || st.State != submission.Delivered {
		return err
	}
	return t.freeFiles(ctx, r.seq, r.Account)
}
