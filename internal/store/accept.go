package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"runtime"
	"slices"
	"sync"
	"time"

	"formrelay/internal/keycrm"
	"formrelay/internal/submission"
)

// The bounds of one batch: enough to make a commit's cost vanish among its rows, small enough that nobody waits long for the others.
const (
	maxBatchRows  = 512
	maxBatchBytes = 8 << 20
)

// doubtPatience is how long one that does not know whether a commit came about asks for it.
const doubtPatience = 2 * time.Second

// insertSubmission has its columns in the order of pending.args; what follows it is the dialect's.
const insertSubmission = `INSERT INTO submissions (id, profile, account, revision, received_at, pairs, charset, raw, visitor,
	kind, entity, source_id, source_uuid, mark, mark_field, state, reason, error, faults, due_at, settled_at) `

// insertColumns is how many they are.
const insertColumns = 21

// pending is one submission on its way into a batch. The committer works on this copy alone: the caller may have gone away.
type pending struct {
	sub  submission.Submission // as it came; never changed, because a batch that fails is tried again
	rev  submission.Revision
	text encoded
	fate fate
	done chan error // gets one value; never blocks the committer
}

// fate is what the transaction decides about a submission.
type fate struct {
	state            submission.State
	reason           submission.Reason
	error            string
	dueAt, settledAt time.Time
}

// encoded is what of a submission is stored as JSON. It is made before the batch, by as many callers at a time as there are.
type encoded struct{ pairs, visitor, faults string }

// Accept stores a new submission together with the text of the revision that took it, and returns after the commit that holds both.
// Submissions that arrive together share a commit.
//
// A queued order whose source_uuid was mapped (it is not its ID) and is another's of that account becomes Held with ReasonDuplicate
// and a sentence that names the other; sub then says so. Refused and discarded submissions do not count as the other.
//
// An error means that the submission is not stored, with one exception: when ctx ends first, it may be stored all the same. A caller
// who has read the whole post does better with a context that outlives the visitor's connection. The bytes of sub must not be changed
// while Accept runs, nor after it was cut short.
func (s *Store) Accept(ctx context.Context, sub *submission.Submission, rev submission.Revision) error {
	if s.write == nil {
		return errReadOnly
	}
	if err := acceptable(sub); err != nil {
		return err
	}
	p := &pending{sub: *sub, rev: rev, done: make(chan error, 1)}
	if err := p.encode(); err != nil {
		return fmt.Errorf("submission %s: %w", sub.ID, err)
	}
	if !s.waiting.add(p) {
		return errClosed
	}
	select {
	case err := <-p.done:
		if err == nil {
			sub.State, sub.Reason, sub.Error = p.fate.state, p.fate.reason, p.fate.error
			sub.DueAt, sub.SettledAt = p.fate.dueAt, p.fate.settledAt
		}
		return err
	case <-ctx.Done():
		return fmt.Errorf("submission %s may or may not be stored: %w", sub.ID, ctx.Err())
	}
}

// acceptable refuses what could never be delivered or told apart.
func acceptable(sub *submission.Submission) error {
	switch sub.State {
	case submission.Queued:
		if len(sub.Entity) == 0 {
			return fmt.Errorf("submission %s is queued without an entity", sub.ID)
		}
	case submission.Held, submission.Refused:
	case submission.Sending, submission.Delivered, submission.Uncertain, submission.Rejected, submission.Discarded:
		return fmt.Errorf("submission %s cannot arrive as %s", sub.ID, sub.State)
	default:
		return fmt.Errorf("submission %s has no known state", sub.ID)
	}
	if sub.ID == "" {
		return errors.New("a submission has no id")
	}
	return nil
}

// queue is what waits for the committer. A slice under a mutex and not a channel: the committer takes everything at once.
type queue struct {
	mu     sync.Mutex
	rows   []*pending
	closed bool
	wake   chan struct{} // holds one token while rows may be waiting
}

// add appends p, unless the queue is closed. There is no bound here: whoever calls Accept waits for its answer, so there are never more
// rows than callers, and those are bounded by who lets them in.
func (q *queue) add(p *pending) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.rows = append(q.rows, p)
	q.signal()
	return true
}

// signal leaves a token; q.mu is held.
func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// close lets nothing more in and reports whether it was open, and so whether a committer must be waited for.
func (q *queue) close() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || q.wake == nil {
		return false
	}
	q.closed = true
	q.signal()
	return true
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.rows)
}

// take removes the next batch. What does not fit leaves a token behind; over says that nothing will ever come again.
func (q *queue) take() (batch []*pending, over bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, size := 0, 0
	for n < len(q.rows) && n < maxBatchRows && (n == 0 || size+q.rows[n].size() <= maxBatchBytes) {
		size += q.rows[n].size()
		n++
	}
	batch, q.rows = q.rows[:n:n], q.rows[n:]
	if len(q.rows) > 0 || q.closed {
		q.signal()
	}
	return batch, q.closed && n == 0
}

// gather lets callers that are about to add a submission do so before the batch is taken. It never waits: it gives way for as long as
// that brings more. An idle relay loses nothing by it; with 64 posters on two cores batches grow by half and a row costs a tenth less.
func (q *queue) gather() {
	const times = 3
	for before := q.len(); ; {
		for range times {
			runtime.Gosched()
		}
		now := q.len()
		if now == before || now >= maxBatchRows {
			return
		}
		before = now
	}
}

// commit is the committer: the one goroutine that stores submissions. It ends when the queue is closed and empty.
func (s *Store) commit() {
	for range s.waiting.wake {
		s.waiting.gather()
		batch, over := s.waiting.take()
		if over {
			return
		}
		if len(batch) > 0 {
			s.storeBatch(batch)
		}
	}
}

// storeBatch stores batch in one transaction. When a row of it makes that fail, each is tried alone: one that the database will not
// have must not turn away those that arrived with it. When the database itself could not begin or commit, trying again would only keep
// every caller waiting.
func (s *Store) storeBatch(batch []*pending) {
	atRow, err := s.storeTogether(batch)
	if atRow && len(batch) > 1 {
		s.log.Warn().Err(err).Int("submissions", len(batch)).Msg("a batch could not be stored; storing one by one")
		for _, p := range batch {
			s.storeBatch([]*pending{p})
		}
		return
	}
	for _, p := range batch {
		if err != nil {
			s.log.Error().Err(err).Str("submission", p.sub.ID).Msg("a submission could not be stored")
			p.done <- fmt.Errorf("submission %s is not stored: %w", p.sub.ID, err)
			continue
		}
		p.done <- nil
	}
	if err == nil {
		s.announce(batch)
	}
}

// storeTogether is one transaction; atRow says that it failed for what one of the rows holds. It uses no caller's context: those
// callers may give up at different moments.
func (s *Store) storeTogether(batch []*pending) (atRow bool, err error) {
	ctx := context.Background()
	fresh := map[string]string{}
	within, complete := false, false
	err = s.update(ctx, func(t *tx) error {
		within = true
		if err := s.lockKeys(ctx, t, batch); err != nil {
			return err
		}
		for _, p := range batch {
			if err := s.keepRevision(ctx, t, p.rev, fresh); err != nil {
				return err
			}
		}
		if err := t.judge(ctx, batch); err != nil {
			return err
		}
		if err := s.insert(ctx, t, batch); err != nil {
			return err
		}
		complete = true
		return nil
	})
	if err != nil && complete && s.stored(ctx, batch[0].sub.ID) {
		err = nil
	}
	if err != nil {
		return within && !complete && s.d.rowFault(err), err
	}
	for profile, hash := range fresh {
		s.known[profile] = hash
	}
	s.ready.worked()
	if s.onCommit != nil {
		s.onCommit(len(batch))
	}
	return false, nil
}

// stored tells whether a batch whose commit failed is there all the same: a connection may break between the commit and its answer.
// Where the database cannot be asked either it is not known, and the visitor is told to try again.
func (s *Store) stored(ctx context.Context, id string) bool {
	ctx, cancel := context.WithTimeout(ctx, doubtPatience)
	defer cancel()
	var seq int64
	return s.read.QueryRowContext(ctx, s.d.bind(`SELECT seq FROM submissions WHERE id = ?`), id).Scan(&seq) == nil
}

// lockKeys makes other replicas wait that store the same source_uuid or a new revision of the same profile: what judge and
// keepRevision find must still be true when this transaction ends. All lock in the order of their keys, so none waits in a circle.
func (s *Store) lockKeys(ctx context.Context, t *tx, batch []*pending) error {
	if s.d.lockKey == "" {
		return nil
	}
	var keys []int64
	for _, p := range batch {
		if s.known[p.rev.Profile] != p.rev.Hash {
			keys = append(keys, lockNumber("revision", p.rev.Profile))
		}
		if mapped(&p.sub) {
			keys = append(keys, lockNumber("source_uuid", p.sub.Account, plain(p.sub.SourceUUID)))
		}
	}
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		if _, err := t.ExecContext(ctx, s.d.bind(s.d.lockKey), key); err != nil {
			return err
		}
	}
	return nil
}

// lockNumber is a number for a name; two names that share one only wait for each other now and then.
func lockNumber(parts ...string) int64 {
	h := fnv.New64a()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return int64(h.Sum64()) //nolint:gosec // every bit counts, the sign does not
}

// keepRevision stores a profile's text when it is not the one that this profile used last. Only after the commit is it known: fresh
// holds until then what this batch has stored.
//
// A text that comes back after another (ops took a change back) has its row already and keeps its number, but it is the last again:
// used_at says so, and the number cannot.
func (s *Store) keepRevision(ctx context.Context, t *tx, rev submission.Revision, fresh map[string]string) error {
	last, ok := fresh[rev.Profile]
	if !ok {
		last = s.known[rev.Profile]
	}
	if last == rev.Hash {
		return nil
	}
	_, err := t.exec(ctx, `INSERT INTO revisions (hash, profile, number, text, used_at)
		VALUES (?, ?, (SELECT COALESCE(MAX(number), 0) + 1 FROM revisions WHERE profile = ?), ?, ?)
		ON CONFLICT (hash, profile) DO UPDATE SET used_at = excluded.used_at`,
		rev.Hash, rev.Profile, rev.Profile, rev.Text, micros(t.now))
	if err == nil {
		fresh[rev.Profile] = rev.Hash
	}
	return err
}

// judge decides the fate of each of a batch.
func (t *tx) judge(ctx context.Context, batch []*pending) error {
	uuids := map[accountUUID]string{} // whose a source_uuid became in this batch
	for _, p := range batch {
		p.fate = fate{state: p.sub.State, reason: p.sub.Reason, error: p.sub.Error, dueAt: p.sub.DueAt}
		if mapped(&p.sub) && p.sub.State == submission.Queued {
			if err := t.holdDuplicate(ctx, p, uuids); err != nil {
				return err
			}
		}
		if p.fate.dueAt.IsZero() {
			p.fate.dueAt = t.now
		}
		if p.fate.state.Terminal() {
			p.fate.settledAt = t.now
		}
		key := accountUUID{p.sub.Account, p.sub.SourceUUID}
		if _, taken := uuids[key]; !taken && p.sub.Kind == keycrm.KindOrder && p.sub.State != submission.Refused {
			uuids[key] = p.sub.ID
		}
	}
	return nil
}

// insert writes a batch's rows.
func (s *Store) insert(ctx context.Context, t *tx, batch []*pending) error {
	rows := make([][]any, len(batch))
	for i, p := range batch {
		rows[i] = p.args()
	}
	stmt := t.StmtContext(ctx, s.accept)
	for _, args := range s.d.pack(rows) {
		if _, err := stmt.ExecContext(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

// args are the values of insertSubmission.
func (p *pending) args() []any {
	sub := &p.sub
	return []any{
		sub.ID, sub.Profile, sub.Account, sub.Revision, micros(sub.ReceivedAt), p.text.pairs, plain(sub.Charset), sub.Raw, p.text.visitor,
		string(sub.Kind), []byte(sub.Entity), sub.SourceID, plain(sub.SourceUUID), plain(sub.Mark), sub.MarkField,
		string(p.fate.state), string(p.fate.reason), plain(p.fate.error), p.text.faults, micros(p.fate.dueAt), micros(p.fate.settledAt),
	}
}

// size is about what p takes in memory and in the database.
func (p *pending) size() int {
	return len(p.text.pairs) + len(p.sub.Raw) + len(p.sub.Entity) + len(p.text.visitor) + len(p.text.faults) + len(p.sub.Error)
}

// mapped tells whether an order's source_uuid came from its form: only then can two submissions have the same.
func mapped(sub *submission.Submission) bool {
	return sub.Kind == keycrm.KindOrder && len(sub.Entity) > 0 && sub.SourceUUID != "" && sub.SourceUUID != sub.ID
}

// Whose a source_uuid is already: one that was mapped to the same, or one whose own id it is. Both are found by an index.
const (
	sameMapped = `SELECT id FROM submissions WHERE source_uuid = ? AND source_uuid <> id AND source_uuid <> ''` + ofAnOrder
	sameOwn    = `SELECT id FROM submissions WHERE id = ? AND source_uuid = id` + ofAnOrder
	ofAnOrder  = ` AND account = ? AND kind = 'order' AND state NOT IN ('refused', 'discarded') ORDER BY seq LIMIT 1`
)

// accountUUID is what must be one submission's alone.
type accountUUID struct{ account, uuid string }

// holdDuplicate holds p back when its source_uuid is another's, which is stored already or is one of batch, those of the same batch.
func (t *tx) holdDuplicate(ctx context.Context, p *pending, batch map[accountUUID]string) error {
	uuid := plain(p.sub.SourceUUID)
	var other string
	err := t.one(ctx, sameMapped, []any{uuid, p.sub.Account}, &other)
	if errors.Is(err, sql.ErrNoRows) {
		err = t.one(ctx, sameOwn, []any{uuid, p.sub.Account}, &other)
	}
	if errors.Is(err, sql.ErrNoRows) {
		other, err = batch[accountUUID{p.sub.Account, p.sub.SourceUUID}], nil
	}
	if err != nil || other == "" {
		return err
	}
	p.fate.state, p.fate.reason = submission.Held, submission.ReasonDuplicate
	p.fate.error = "its source_uuid is that of submission " + other + " already: KeyCRM would refuse a second order with it; " +
		"discard this one if it is a repeat, else give it a source_uuid of its own"
	return nil
}

// announce tells once for each account that something waits to be sent, here and to the other replicas.
func (s *Store) announce(batch []*pending) {
	var told []string
	for _, p := range batch {
		if p.fate.state != submission.Queued || slices.Contains(told, p.sub.Account) {
			continue
		}
		told = append(told, p.sub.Account)
		if s.onAccept != nil {
			s.onAccept(p.sub.Account)
		}
	}
	s.bell.ring(told)
}
