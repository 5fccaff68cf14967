package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
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

// errDoubt says that a transaction was to be committed and nobody knows whether it was.
var errDoubt = errors.New("the database did not say whether it has it")

// intoSubmissions has its columns in the order of pending.appendArgs; what stands around it is the dialect's.
const intoSubmissions = `INTO submissions (id, profile, account, revision, received_at, pairs, charset, raw, visitor,
	kind, entity, source_id, source_uuid, mark, mark_field, state, reason, error, faults, due_at, settled_at,
	double_data, double_key, double_keyed, double_sender) `

// insertColumns is how many they are.
const insertColumns = 25

// pending is one submission on its way into a batch. The committer works on this copy alone: the caller may have gone away.
type pending struct {
	sub  submission.Submission // as it came; never changed, because a batch that fails is tried again
	rev  submission.Revision
	text encoded
	fate fate
	done chan error // gets one value; never blocks the committer

	// stage decides between the caller, who may give up, and the committer, who may store it: whoever leaves stageWaiting first.
	stage atomic.Int32
}

// The stages of a pending submission.
const (
	stageWaiting int32 = iota
	stageTaken         // a transaction that may commit has it
	stageGivenUp       // its caller has gone: it is never stored
)

// taken tells whether p may be stored.
func (p *pending) taken() bool {
	return p.stage.CompareAndSwap(stageWaiting, stageTaken) || p.stage.Load() == stageTaken
}

// The bounds of what may wait for the committer, beside the batch that it is storing. A healthy disk never sees a hundredth of it; on one
// that stands still it bounds the memory, and who comes later is told so at once. One submission may always wait, however large.
const (
	maxWaitingRows  = 4096
	maxWaitingBytes = 64 << 20
)

// lastWait is how much longer Accept waits for a commit that is under way when its context ends.
const lastWait = 500 * time.Millisecond

// errFull says that too many submissions wait.
var errFull = errors.New("too many submissions wait to be stored: the disk is too slow for them, or stands still")

// fate is what the transaction decides about a submission.
type fate struct {
	state            submission.State
	reason           submission.Reason
	error            string
	dueAt, settledAt time.Time
	repeats          first // without an id: it repeats none, and is stored
}

// encoded is what of a submission is stored as JSON. It is made before the batch, by as many callers at a time as there are.
type encoded struct{ pairs, visitor, faults, signals, captcha string }

// Accept stores a new submission together with the text of the revision that took it and with its files, whose contents KeepChunk has
// stored, and returns after the commit that holds them all.
// Submissions that arrive together share a commit.
//
// A queued order whose source_uuid was mapped (it is not its ID) and is another's of that account becomes Held with ReasonDuplicate
// and a sentence that names the other; sub then says so. Refused and discarded submissions do not count as the other.
//
// One that repeats another by its Signs is not stored: that is counted on the first, and sub gets the first's ID and State. The first
// is one to the same profile and with the same data that came with the same key within submission.KeyFor or, where sub has no key, from
// the same sender within Signs.Window, and is neither refused nor discarded.
//
// An error means that the submission is not stored and will not be, also when ctx ends first, with two exceptions. While the very
// transaction that holds it is under way Accept waits for it half a second beyond ctx, and only after that says that the submission may
// or may not be stored. It says so too when the connection to the database breaks in a commit and the database cannot be asked. Beyond 4096 waiting submissions, or 64 MB of them, it refuses at once. The bytes of sub must not be changed while
// Accept runs, nor after it was cut short.
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
	if err := s.waiting.add(p); err != nil {
		return fmt.Errorf("submission %s is not stored: %w", sub.ID, err)
	}
	if err := s.stored(ctx, p); err != nil {
		return err
	}
	if first := p.fate.repeats; first.id != "" {
		sub.ID, sub.State = first.id, first.state
		return nil
	}
	sub.State, sub.Reason, sub.Error = p.fate.state, p.fate.reason, p.fate.error
	sub.DueAt, sub.SettledAt = p.fate.dueAt, p.fate.settledAt
	return nil
}

// stored waits for what becomes of p.
func (s *Store) stored(ctx context.Context, p *pending) error {
	select {
	case err := <-p.done:
		return err
	case <-ctx.Done():
	}
	if p.stage.CompareAndSwap(stageWaiting, stageGivenUp) {
		s.waiting.remove(p)
		return fmt.Errorf("submission %s is not stored: the database did not take it in time: %w", p.sub.ID, ctx.Err())
	}
	last := time.NewTimer(lastWait)
	defer last.Stop()
	select {
	case err := <-p.done:
		return err
	case <-last.C:
		return fmt.Errorf("submission %s may or may not be stored: %w", p.sub.ID, ctx.Err())
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
	bytes  int // of rows
	closed bool
	wake   chan struct{} // holds one token while rows may be waiting
}

// add appends p, unless the queue is closed or full.
func (q *queue) add(p *pending) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return errClosed
	}
	if n := len(q.rows); n >= maxWaitingRows || n > 0 && q.bytes+p.size() > maxWaitingBytes {
		return errFull
	}
	q.rows = append(q.rows, p)
	q.bytes += p.size()
	q.signal()
	return nil
}

// remove takes p out, if it is still there: its caller has gone.
func (q *queue) remove(p *pending) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if i := slices.Index(q.rows, p); i >= 0 {
		q.rows = slices.Delete(q.rows, i, i+1)
		q.bytes -= p.size()
	}
}

// signal leaves a token; q.mu is held.
func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// close lets nothing more in, turns away what waits, and reports whether it was open, and so whether a committer must be waited for.
func (q *queue) close() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || q.wake == nil {
		return false
	}
	for _, p := range q.rows {
		p.done <- fmt.Errorf("submission %s is not stored: %w", p.sub.ID, errClosed)
	}
	q.closed, q.rows, q.bytes = true, nil, 0
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
	batch, q.rows, q.bytes = q.rows[:n:n], q.rows[n:], q.bytes-size
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
	errs := make([]error, len(batch))
	var stored []*pending
	for i, p := range batch {
		errs[i] = err
		if atRow && len(batch) > 1 {
			_, errs[i] = s.storeTogether(batch[i : i+1])
		}
		if errs[i] != nil {
			p.done <- notStored(p.sub.ID, errs[i])
			continue
		}
		p.done <- nil
		stored = append(stored, p)
	}
	s.announce(stored)
	s.noteBatch(errs)
}

// notStored says what a failed transaction means for one of its submissions.
func notStored(id string, err error) error {
	if errors.Is(err, errDoubt) {
		return fmt.Errorf("submission %s may or may not be stored: %w", id, err)
	}
	return fmt.Errorf("submission %s is not stored: %w", id, err)
}

// noteBatch logs how a batch went: once when storing begins to fail, once when it works again, and never a line for each visitor.
func (s *Store) noteBatch(errs []error) {
	failed := slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	switch {
	case len(failed) > 0 && !s.failing:
		s.log.Error().Err(failed[0]).Int("submissions", len(failed)).Msg("submissions cannot be stored: their visitors are told to try again")
	case len(failed) == 0 && s.failing:
		s.log.Info().Msg("submissions can be stored again")
	}
	s.failing = len(failed) > 0
}

// batch is one transaction of the committer's.
type batch struct {
	rows  []*pending        // those that it stores
	fresh map[string]string // the revisions it has stored: profile -> hash
	step  batchStep
}

// batchStep says how far a transaction has come.
type batchStep int

const (
	stepBegun    batchStep = iota // nothing of it depends on its rows yet
	stepWriting                   // it writes them
	stepComplete                  // all of them are in, and only the commit is left
)

// storeTogether is one transaction; atRow says that it failed for what one of the rows holds. It uses no caller's context: those
// callers may give up at different moments, and whose caller has is left out.
func (s *Store) storeTogether(rows []*pending) (atRow bool, err error) {
	b := &batch{fresh: map[string]string{}}
	err = s.update(s.batches, func(t *tx) error { return s.writeBatch(s.batches, t, b, rows) })
	if err != nil && b.step == stepComplete {
		err = s.doubt(err, b.rows)
	}
	if err != nil {
		return b.step == stepWriting && (errors.Is(err, errNoContent) || s.d.rowFault(err)), err
	}
	maps.Copy(s.known, b.fresh)
	s.ready.worked()
	if s.onCommit != nil && len(b.rows) > 0 {
		s.onCommit(len(b.rows))
	}
	return false, nil
}

// writeBatch is everything between a batch's begin and its commit. Rows are taken from their callers as late as possible: after what
// may have to wait for others.
func (s *Store) writeBatch(ctx context.Context, t *tx, b *batch, rows []*pending) error {
	if err := s.present.inPlace(); err != nil {
		return err
	}
	b.step = stepWriting
	if err := s.lockKeys(ctx, t, rows); err != nil {
		return err
	}
	rows = slices.DeleteFunc(slices.Clone(rows), func(p *pending) bool { return !p.taken() })
	var err error
	if b.rows, err = s.findRepeats(ctx, t, rows); err != nil {
		return err
	}
	for _, p := range b.rows {
		if err := s.keepRevision(ctx, t, p.rev, b.fresh); err != nil {
			return err
		}
	}
	if err := t.judge(ctx, b.rows); err != nil {
		return err
	}
	if err := s.insert(ctx, t, b.rows); err != nil {
		return err
	}
	if err := t.insertFiles(ctx, b.rows); err != nil {
		return err
	}
	if err := t.countRepeats(ctx, rows); err != nil {
		return err
	}
	b.step = stepComplete
	return nil
}

// doubt asks whether a batch whose commit failed is there all the same: a connection may break between the commit and its answer, or be
// cut at a stop. nil says that it is.
func (s *Store) doubt(err error, rows []*pending) error {
	if len(rows) == 0 {
		return err
	}
	switch there, asked := s.committed(rows[0].sub.ID); {
	case asked != nil:
		return fmt.Errorf("%w: %w", errDoubt, err)
	case there:
		return nil
	}
	return err
}

// committed tells whether a submission is stored.
func (s *Store) committed(id string) (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), doubtPatience)
	defer cancel()
	var seq int64
	err := s.read.QueryRowContext(ctx, s.d.bind(`SELECT seq FROM submissions WHERE id = ?`), id).Scan(&seq)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// lockKeys makes other replicas wait that store the same post, the same source_uuid or a new revision of the same profile: what
// findRepeats, judge and keepRevision find must still be true when this transaction ends.
func (s *Store) lockKeys(ctx context.Context, t *tx, batch []*pending) error {
	if s.d.lockKeys == "" {
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
		if sign := p.lockedSign(); sign != 0 {
			keys = append(keys, sign)
		}
	}
	return t.lock(ctx, keys)
}

// lock locks numbers until the transaction ends, against all that lock the same. All lock in the order of the numbers, so none waits in
// a circle.
func (t *tx) lock(ctx context.Context, keys []int64) error {
	if t.d.lockKeys == "" || len(keys) == 0 {
		return nil
	}
	slices.Sort(keys)
	_, err := t.ExecContext(ctx, t.d.bind(t.d.lockKeys), slices.Compact(keys))
	return err
}

// lockNumber is a number for a name; two names that share one only wait for each other now and then.
func lockNumber(parts ...string) int64 {
	h := fnv.New64a()
	for _, p := range parts {
		_, _ = h.Write([]byte(p)) // a hash never fails to write
		_, _ = h.Write([]byte{0})
	}
	return int64(h.Sum64())
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
	args := make([]any, 0, len(batch)*insertColumns)
	for _, p := range batch {
		args = p.appendArgs(args)
	}
	for i, way := range s.d.inserts {
		if len(args) < way.least*insertColumns { // also when every caller has gone
			continue
		}
		stmt := t.StmtContext(ctx, s.accept[i])
		for len(args) >= way.least*insertColumns {
			n := min(way.most*insertColumns, len(args))
			if _, err := stmt.ExecContext(ctx, way.pack(args[:n])...); err != nil {
				return err
			}
			args = args[n:]
		}
	}
	return t.insertGuard(ctx, batch)
}

// appendArgs adds the values of intoSubmissions to args.
func (p *pending) appendArgs(args []any) []any {
	sub := &p.sub
	return append(args,
		sub.ID, sub.Profile, sub.Account, sub.Revision, micros(sub.ReceivedAt), p.text.pairs, plain(sub.Charset), sub.Raw, p.text.visitor,
		string(sub.Kind), []byte(sub.Entity), sub.SourceID, plain(sub.SourceUUID), plain(sub.Mark), sub.MarkField,
		string(p.fate.state), string(p.fate.reason), plain(p.fate.error), p.text.faults, micros(p.fate.dueAt), micros(p.fate.settledAt),
		sub.Signs.Data, sub.Signs.Key, sub.Signs.Keyed, sub.Signs.Sender,
	)
}

// size is about what p takes in memory and in the database.
func (p *pending) size() int {
	return len(p.text.pairs) + len(p.sub.Raw) + len(p.sub.Entity) + len(p.text.visitor) + len(p.text.faults) + len(p.sub.Error) +
		len(p.text.signals) + len(p.text.captcha)
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
	check := false
	for _, p := range batch {
		if p.unchecked() {
			check = true
			continue // no courier may have it yet
		}
		if p.fate.state != submission.Queued || slices.Contains(told, p.sub.Account) {
			continue
		}
		told = append(told, p.sub.Account)
		if s.onAccept != nil {
			s.onAccept(p.sub.Account)
		}
	}
	s.bell.ring(told)
	if check && s.onCheck != nil {
		s.onCheck()
	}
}
