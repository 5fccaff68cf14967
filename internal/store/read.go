package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"formrelay/internal/keycrm"
	"formrelay/internal/submission"
)

// columns are what scanSubmission reads, in its order. summary has the same columns without what a visitor sent, which may be large.
const (
	columns = `seq, id, profile, account, revision, received_at, pairs, charset, raw, visitor, kind, entity, faults, signals, captcha` + fixed
	summary = `seq, id, profile, account, revision, received_at, '[]', charset, NULL, '{}', kind, NULL, '', '', ''` + fixed
	fixed   = `, source_id, source_uuid, mark, mark_field, state, reason, error, attempt, failures,
		due_at, sent_at, first_sent, broke_at, settled_at, crm_id, repeats, repeated_at, emptied_at, double_key, owner, lease_until`
)

// record is one row: the submission and what only the store knows of it.
type record struct {
	submission.Submission
	seq   int64
	key   int64 // Signs.Key
	owner string
	until time.Time
}

// at reads a moment.
type at struct{ t *time.Time }

func (a at) Scan(v any) error {
	us, ok := v.(int64)
	if !ok {
		return fmt.Errorf("a moment is stored as %T", v)
	}
	*a.t = moment(us)
	return nil
}

// scanSubmission reads one row of columns or summary.
func scanSubmission(r row) (record, error) {
	var (
		rec                    record
		pairs, visitor, faults string
		signals, captcha       string
		raw, entity            []byte
	)
	s := &rec.Submission
	err := r.Scan(&rec.seq, &s.ID, &s.Profile, &s.Account, &s.Revision, at{&s.ReceivedAt}, &pairs, &s.Charset, &raw, &visitor,
		&s.Kind, &entity, &faults, &signals, &captcha, &s.SourceID, &s.SourceUUID, &s.Mark, &s.MarkField, &s.State, &s.Reason, &s.Error,
		&s.Attempt, &s.Failures, at{&s.DueAt}, at{&s.SentAt}, at{&s.FirstSent}, at{&s.BrokeAt}, at{&s.SettledAt}, &s.CRMID,
		&s.Repeats, at{&s.RepeatedAt}, at{&s.EmptiedAt}, &rec.key, &rec.owner, at{&rec.until})
	if err != nil {
		return rec, err
	}
	if len(raw) > 0 {
		s.Raw = raw
	}
	if len(entity) > 0 {
		s.Entity = entity
	}
	if s.Pairs, err = decodePairs(pairs); err != nil {
		return rec, fmt.Errorf("submission %s: %w", s.ID, err)
	}
	return rec, errors.Join(decode(visitor, &s.Visitor), decode(faults, &s.Faults), decode(signals, &s.Signals), decode(captcha, &s.Captcha))
}

// decode reads a JSON column; an empty one is nothing.
func decode(text string, into any) error {
	if text == "" {
		return nil
	}
	return json.Unmarshal([]byte(text), into)
}

// Submission reads one submission whole, its files without their contents. submission.ErrNotFound when there is none with that id.
func (s *Store) Submission(ctx context.Context, id string) (submission.Submission, error) {
	r, err := scanSubmission(s.read.QueryRowContext(ctx, s.d.bind(`SELECT `+columns+` FROM submissions WHERE id = ?`), id))
	if err != nil {
		return submission.Submission{}, s.explained(notFound(err, "submission", id))
	}
	rows := []record{r}
	err = s.withFiles(ctx, rows)
	return rows[0].Submission, s.explained(err)
}

// Attempts reads the calls made for a submission, oldest first. Of one that was looked up again and again through a long outage the
// first and the newest are kept. A submission that is unknown has none.
func (s *Store) Attempts(ctx context.Context, id string) ([]submission.Attempt, error) {
	all, err := list(ctx, s.read, s.d.bind(`SELECT number, kind, batch, started_at, ended_at, outcome, status, text, messages FROM attempts
		WHERE submission = (SELECT seq FROM submissions WHERE id = ?) ORDER BY number`), []any{id}, scanAttempt)
	return all, s.explained(err)
}

func scanAttempt(r row) (submission.Attempt, error) {
	var (
		a        submission.Attempt
		ended    time.Time
		messages string
	)
	if err := r.Scan(&a.Number, &a.Kind, &a.Batch, at{&a.StartedAt}, at{&ended}, &a.Outcome, &a.Status, &a.Text, &messages); err != nil {
		return a, err
	}
	if !ended.IsZero() {
		a.EndedAt = &ended
	}
	return a, decode(messages, &a.Messages)
}

// encodeMessages is the reverse of what scanAttempt does with messages.
func encodeMessages(messages []keycrm.Message) (string, error) {
	if len(messages) == 0 {
		return "", nil
	}
	text, err := json.Marshal(messages)
	return string(text), err
}

// Revision reads the text of one revision by its hash. submission.ErrNotFound when no submission was taken by it.
func (s *Store) Revision(ctx context.Context, hash string) (submission.Revision, error) {
	return s.revision(ctx, "revision", hash, `SELECT hash, profile, text FROM revisions WHERE hash = ? ORDER BY used_at DESC LIMIT 1`)
}

// LastRevision reads the revision by which a profile served last: it can serve while the profile's text is broken.
// submission.ErrNotFound when none ever did.
func (s *Store) LastRevision(ctx context.Context, profile string) (submission.Revision, error) {
	return s.revision(ctx, "a revision of profile", profile, lastServed)
}

func (s *Store) revision(ctx context.Context, what, key, query string) (submission.Revision, error) {
	var r submission.Revision
	err := s.read.QueryRowContext(ctx, s.d.bind(query), key).Scan(&r.Hash, &r.Profile, &r.Text)
	return r, s.explained(notFound(err, what, key))
}

// firstOf reads one moment; ok is false when the query finds none.
func (s *Store) firstOf(ctx context.Context, query string, args ...any) (first time.Time, ok bool, err error) {
	err = s.read.QueryRowContext(ctx, s.d.bind(query), args...).Scan(at{&first})
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, false, nil
	}
	return first, err == nil, err
}
