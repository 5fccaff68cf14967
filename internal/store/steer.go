package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/rs/zerolog"

	"formrelay/internal/pace"
	"formrelay/internal/submission"
)

// Beside is a database that ops steer while another process serves from it. It takes no submissions and has no courier: what ops
// decide is found by the server's courier, which looks at least once a second.
type Beside struct {
	*Store
	home home
}

// OpenBeside opens a database for ops, whether a server is at work on it or not: no server is kept away and nothing is migrated. A
// database of another schema version, and one that was moved or is being moved, is refused with a sentence that says what to do. A
// change waits for the server's own, a few milliseconds each, and those wait for it.
func OpenBeside(ctx context.Context, database string) (*Beside, error) {
	return openBeside(ctx, database, nil)
}

// openBeside is OpenBeside with the clock of Options.Now.
func openBeside(ctx context.Context, database string, now func() time.Time) (*Beside, error) {
	h, err := locate(database, now)
	if err != nil {
		return nil, err
	}
	if err := h.exists(); err != nil {
		return nil, err
	}
	b := &Beside{Store: &Store{d: h.dialect, guard: unmoved}, home: h}
	b.waiting.closed = true // Accept would wait for a committer that is not there
	if b.present, err = h.enter(ctx, steering, moveWait, zerolog.Nop()); err != nil {
		return nil, h.named(err)
	}
	if err := b.enter(ctx); err != nil {
		return nil, errors.Join(h.named(err), b.shut())
	}
	return b, nil
}

// unmoved is what each transaction of one that steers makes sure of.
func unmoved(ctx context.Context, t *tx) error { return notMoving(ctx, t, t.d) }

func (b *Beside) enter(ctx context.Context) (err error) {
	if b.read, err = b.home.connect(reading); err != nil {
		return err
	}
	if err := checkSchema(ctx, b.read, b.home); err != nil {
		return err
	}
	if b.write, err = b.home.connect(writing); err != nil {
		return err
	}
	return notMoving(ctx, b.read, b.d)
}

// Decision is what ops want to become of one submission.
type Decision struct {
	// Seen is the submission as Submission or All gave it. Its state and attempt are the fence: when either has changed meanwhile,
	// whoever changed it decided first.
	Seen submission.Submission
	// Next is what it is to become. Account, Revision, Pairs, Kind, Entity, SourceID, SourceUUID, Mark, MarkField, State, Reason, Error,
	// Faults and Failures are written; it is due at once. Nothing else of it counts.
	Next submission.Submission
	// Revision is the profile's text that made Next.Entity; nil: the entity is Seen's.
	Revision *submission.Revision
	Changes  []submission.Change // what is recorded; At is the store's
}

// fencedError is submission.ErrFenced in a sentence for ops.
type fencedError struct{ sentence string }

func (e fencedError) Error() string        { return e.sentence }
func (e fencedError) Is(target error) bool { return target == submission.ErrFenced }

// Decide carries out decisions in one transaction, each of them whole or not at all. The first result has an error for each decision,
// nil for one that was carried out, else a sentence: the submission has moved on since it was seen (submission.ErrFenced), it is being
// sent, or its source_uuid is another's. The second error is the database's, and then nothing was done.
//
// A transaction keeps visitors' posts waiting: a hundred decisions at a time are enough.
func (s *Store) Decide(ctx context.Context, decisions []Decision) ([]error, error) {
	results := make([]error, len(decisions))
	err := s.update(ctx, func(t *tx) error {
		if err := t.lockUUIDs(ctx, decisions); err != nil {
			return err
		}
		for i, d := range decisions {
			refusal, err := t.carryOut(ctx, d)
			if err != nil {
				return err
			}
			results[i] = refusal
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// lockUUIDs makes those wait that store the same mapped source_uuid elsewhere: what notTaken finds must be true when this transaction
// ends.
func (t *tx) lockUUIDs(ctx context.Context, decisions []Decision) error {
	var keys []int64
	for _, d := range decisions {
		if mapped(&d.Next) {
			keys = append(keys, lockNumber("source_uuid", d.Next.Account, plain(d.Next.SourceUUID)))
		}
	}
	return t.lock(ctx, keys)
}

// carryOut carries out one decision. refusal says why it was not; err is the database's.
func (t *tx) carryOut(ctx context.Context, d Decision) (refusal, err error) {
	if !d.Seen.State.CanBeMade(d.Next.State) {
		return fmt.Errorf("submission %s is %s and cannot be made %s", d.Seen.ID, d.Seen.State, d.Next.State), nil
	}
	seq, refusal, err := t.lockSeen(ctx, d.Seen)
	if refusal != nil || err != nil {
		return refusal, err
	}
	if refusal, err = t.notTaken(ctx, d.Next); refusal != nil || err != nil {
		return refusal, err
	}
	if d.Revision != nil {
		if err := t.noteRevision(ctx, *d.Revision); err != nil {
			return nil, err
		}
	}
	if err := t.writeNext(ctx, seq, d.Next); err != nil {
		return nil, err
	}
	return nil, t.note(ctx, seq, d.Changes)
}

// lockSeen finds the row if it still is what ops saw, and keeps others off it until the transaction ends.
func (t *tx) lockSeen(ctx context.Context, seen submission.Submission) (seq int64, refusal, err error) {
	var (
		state    submission.State
		attempt  int
		underWay int64
		emptied  time.Time
	)
	err = t.one(ctx, `SELECT seq, state, attempt, under_way, emptied_at FROM submissions WHERE id = ?`+t.d.lockRow, []any{seen.ID},
		&seq, &state, &attempt, &underWay, at{&emptied})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, notFound(err, "submission", seen.ID), nil
	case err != nil:
		return 0, nil, err
	case state == submission.Sending:
		return 0, fencedError{"submission " + seen.ID + " is being sent just now: wait until its call has ended"}, nil
	case state != seen.State:
		return 0, fencedError{fmt.Sprintf("submission %s was %s when this began and is %s now: somebody else, or the relay, has decided meanwhile",
			seen.ID, seen.State, state)}, nil
	case underWay != 0:
		return 0, fencedError{"submission " + seen.ID + " is being looked up in KeyCRM just now: wait until that call has ended"}, nil
	case attempt != seen.Attempt:
		return 0, fencedError{"submission " + seen.ID + " was sent again since this began: look at what came of it"}, nil
	case !emptied.Equal(seen.EmptiedAt):
		return 0, fencedError{"submission " + seen.ID + " was erased meanwhile: there is nothing left to send"}, nil
	}
	return seq, nil, nil
}

// notTaken refuses to send an order whose source_uuid came from its form and is another's: KeyCRM would refuse it.
func (t *tx) notTaken(ctx context.Context, next submission.Submission) (refusal, err error) {
	if next.State != submission.Queued || !mapped(&next) {
		return nil, nil
	}
	var other string
	err = t.one(ctx, `SELECT id FROM submissions WHERE source_uuid = ? AND source_uuid <> id AND source_uuid <> '' AND id <> ?
		AND account = ? AND kind = 'order' AND state NOT IN ('refused', 'discarded') ORDER BY seq LIMIT 1`,
		[]any{plain(next.SourceUUID), next.ID, next.Account}, &other)
	if errors.Is(err, sql.ErrNoRows) {
		err = t.one(ctx, `SELECT id FROM submissions WHERE id = ? AND source_uuid = id AND account = ? AND kind = 'order'
			AND state NOT IN ('refused', 'discarded')`, []any{plain(next.SourceUUID), next.Account}, &other)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return fmt.Errorf("the source_uuid of submission %s is that of submission %s already, and KeyCRM would refuse it: discard this one if it is a repeat, "+
		"else give it another by --set", next.ID, other), nil
}

// noteRevision keeps the text that made an entity. Unless it is there already it counts as the oldest: it took no submission, so that
// it is not what serves on when the profile's file breaks.
func (t *tx) noteRevision(ctx context.Context, rev submission.Revision) error {
	_, err := t.exec(ctx, `INSERT INTO revisions (hash, profile, number, text, used_at)
		VALUES (?, ?, (SELECT COALESCE(MAX(number), 0) + 1 FROM revisions WHERE profile = ?), ?, 0)
		ON CONFLICT (hash, profile) DO NOTHING`, rev.Hash, rev.Profile, rev.Profile, rev.Text)
	return err
}

// writeNext gives a row that the caller has locked what ops decided. A claim that a courier holds is gone with it: its call does not
// begin, because Begin asks for the state and the owner. A captcha that nobody has verified yet is no matter any more: a person has decided.
func (t *tx) writeNext(ctx context.Context, seq int64, next submission.Submission) error {
	faults, err := encodeFaults(next.Faults)
	if err != nil {
		return err
	}
	settled := time.Time{}
	if next.State.Terminal() {
		settled = t.now
	}
	_, err = t.exec(ctx, `UPDATE submissions SET account = ?, revision = ?, pairs = ?, kind = ?, entity = ?, source_id = ?, source_uuid = ?,
		mark = ?, mark_field = ?, state = ?, reason = ?, error = ?, faults = ?, failures = ?, due_at = ?, settled_at = ?,
		captcha = '', owner = '', lease_until = 0 WHERE seq = ?`,
		next.Account, next.Revision, encodePairs(next.Pairs), string(next.Kind), []byte(next.Entity), next.SourceID, plain(next.SourceUUID),
		plain(next.Mark), next.MarkField, string(next.State), string(next.Reason), plain(next.Error), faults, next.Failures,
		micros(t.now), micros(settled), seq)
	return err
}

func encodeFaults(faults []submission.Fault) (string, error) {
	if len(faults) == 0 {
		return "", nil
	}
	text, err := json.Marshal(faults)
	return string(text), err
}

// note records what ops did.
func (t *tx) note(ctx context.Context, seq int64, changes []submission.Change) error {
	for _, c := range changes {
		_, err := t.exec(ctx, `INSERT INTO changes (submission, made_at, who, kind, field, old_value, new_value, other, entity)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			seq, micros(t.now), plain(c.Who), string(c.Kind), plain(c.Field), plain(c.Old), plain(c.New), c.Other, []byte(c.Entity))
		if err != nil {
			return err
		}
	}
	return nil
}

// Again stores a second submission that ops made of a delivered one, and links the two. next is whole, queued, and has an id and an
// entity of its own, and gets the first one's files; changes are recorded beside it. seen is the first, and links how many second ones it had when ops looked: when
// there is another by now, somebody else was first (submission.ErrFenced).
func (s *Store) Again(ctx context.Context, seen, next submission.Submission, links int, rev submission.Revision, who string, changes []submission.Change) error {
	if next.State != submission.Queued {
		return fmt.Errorf("submission %s is made again and must be queued", next.ID)
	}
	p := &pending{sub: next, rev: rev}
	if err := errors.Join(acceptable(&next), p.encode()); err != nil {
		return err
	}
	return s.update(ctx, func(t *tx) error {
		seq, refusal, err := t.lockSeen(ctx, seen)
		if err := errors.Join(refusal, err); err != nil {
			return err
		}
		var has int
		if err := t.one(ctx, `SELECT COUNT(*) FROM changes WHERE submission = ? AND kind = ?`, []any{seq, string(submission.SentAgain)}, &has); err != nil {
			return err
		}
		if has != links {
			return fencedError{"submission " + seen.ID + " was sent again by somebody else meanwhile: look at it with `formrelay submissions show`"}
		}
		if refusal, err := t.notTaken(ctx, next); refusal != nil || err != nil {
			return errors.Join(refusal, err)
		}
		return t.storeAgain(ctx, seq, seen, p, who, changes)
	})
}

func (t *tx) storeAgain(ctx context.Context, first int64, seen submission.Submission, p *pending, who string, changes []submission.Change) error {
	if err := t.noteRevision(ctx, p.rev); err != nil {
		return err
	}
	p.fate = fate{state: p.sub.State, dueAt: t.now}
	var seq int64
	if err := t.one(ctx, "INSERT "+intoSubmissions+"VALUES ("+places(insertColumns)+") RETURNING seq", p.appendArgs(nil), &seq); err != nil {
		return err
	}
	if err := t.copyFiles(ctx, first, seq); err != nil {
		return err
	}
	if err := t.note(ctx, first, []submission.Change{{Who: who, Kind: submission.SentAgain, Other: p.sub.ID}}); err != nil {
		return err
	}
	made := submission.Change{Who: who, Kind: submission.MadeFrom, Other: seen.ID}
	return t.note(ctx, seq, append([]submission.Change{made}, changes...))
}

// Changes reads what people decided about a submission, oldest first.
func (s *Store) Changes(ctx context.Context, id string) ([]submission.Change, error) {
	all, err := list(ctx, s.read, s.d.bind(`SELECT made_at, who, kind, field, old_value, new_value, other, entity FROM changes
		WHERE submission = (SELECT seq FROM submissions WHERE id = ?) ORDER BY id`), []any{id}, func(r row) (c submission.Change, err error) {
		var entity []byte
		err = r.Scan(at{&c.At}, &c.Who, &c.Kind, &c.Field, &c.Old, &c.New, &c.Other, &entity)
		if len(entity) > 0 {
			c.Entity = entity
		}
		return c, err
	})
	return all, s.explained(err)
}

// Erase takes what visitors sent, and all that was made of it, out of the given submissions: what is left is id, profile, state, times
// and KeyCRM's id. Results and error are as those of Decide. One that is queued, being sent or uncertain is refused: it would be sent
// empty. One that is empty already counts as erased.
//
// The old bytes may lie in the database's file until Scrub.
func (s *Store) Erase(ctx context.Context, who string, seen []submission.Submission) ([]error, error) {
	results := make([]error, len(seen))
	if s.write != nil && s.d.scrub.overwrite != "" {
		if _, err := s.write.ExecContext(ctx, s.d.scrub.overwrite); err != nil {
			return nil, s.explained(err)
		}
	}
	err := s.update(ctx, func(t *tx) error {
		for i, sub := range seen {
			refusal, err := t.erase(ctx, who, sub)
			if err != nil {
				return err
			}
			results[i] = refusal
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// erase empties one row that is over.
func (t *tx) erase(ctx context.Context, who string, sub submission.Submission) (refusal, err error) {
	if !sub.State.Terminal() {
		return fmt.Errorf("submission %s is %s: discard it first, what is erased can be neither sent nor looked up", sub.ID, sub.State), nil
	}
	seq, refusal, err := t.lockSeen(ctx, sub)
	if refusal != nil || err != nil || !sub.EmptiedAt.IsZero() {
		return refusal, err
	}
	if err := t.empty(ctx, seq, true); err != nil {
		return nil, err
	}
	return nil, t.note(ctx, seq, []submission.Change{{Who: who, Kind: submission.Erased}})
}

// empty takes everything out of a row, and out of what hangs on it, that a visitor sent or that may quote it; the contents of files at
// once where now says so.
func (t *tx) empty(ctx context.Context, seq int64, now bool) error {
	for _, statement := range []struct {
		query string
		args  []any
	}{
		{`UPDATE submissions SET pairs = '[]', raw = NULL, visitor = '{}', entity = NULL, mark = '', mark_field = '', error = '', faults = '', signals = '', captcha = '',
			double_data = NULL, double_key = 0, double_keyed = 0, double_sender = 0,
			source_uuid = CASE WHEN source_uuid = id THEN id ELSE '' END, emptied_at = ? WHERE seq = ? AND emptied_at = 0`, []any{micros(t.now), seq}},
		{`DELETE FROM attempts WHERE submission = ?`, []any{seq}},
		{`UPDATE changes SET field = '', old_value = '', new_value = '', entity = NULL WHERE submission = ?`, []any{seq}},
	} {
		if _, err := t.exec(ctx, statement.query, statement.args...); err != nil {
			return err
		}
	}
	return t.dropFiles(ctx, seq, now)
}

// Scrub rewrites the database so that nothing of what was erased is left in its files. Nothing can be stored meanwhile: Size says what
// that may take.
func (b *Beside) Scrub(ctx context.Context) error {
	db, err := b.home.connect(migrating)
	if err != nil {
		return b.explained(err)
	}
	defer db.Close()
	for _, statement := range b.d.scrub.rewrite {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("the values are gone from the database, but its files still hold traces of them; run the same command again: %w", b.explained(err))
		}
	}
	return b.Truncate(ctx)
}

// Size is about how many bytes Scrub has to write.
func (b *Beside) Size(ctx context.Context) (bytes int64, err error) {
	return bytes, b.explained(b.read.QueryRowContext(ctx, b.d.scrub.size).Scan(&bytes))
}

// errReaders is a log that could not be emptied.
var errReaders = errors.New("others kept reading")

// Truncate empties the log of changes beside a database that has one, so that what was erased does not lie there. It waits for those
// that read, a few seconds at most.
func (b *Beside) Truncate(ctx context.Context) error {
	if b.d.scrub.truncate == "" {
		return nil
	}
	db, err := b.home.connect(migrating) // the writer's own connection does not wait
	if err != nil {
		return b.explained(err)
	}
	defer db.Close()
	err = errReaders
	for range truncateTries {
		var busy, pages, moved int64
		if err = db.QueryRowContext(ctx, b.d.scrub.truncate).Scan(&busy, &pages, &moved); err != nil || busy == 0 {
			break
		}
		err = errReaders
	}
	if err != nil {
		return fmt.Errorf("the values are gone from the database, but the log beside its file still holds them; run the same command again: %w", b.explained(err))
	}
	return nil
}

// truncateTries is how often the log is tried to be emptied; SQLite waits for readers itself each time.
const truncateTries = 3

// scrubbing is how a database is made to forget what was taken out of it.
type scrubbing struct {
	// overwrite has the connection write zeros over what it takes out from then on; empty: there is no such thing. Only erasing does it,
	// and what the server's own changes have left behind goes with rewrite.
	overwrite string
	rewrite   []string // statements outside of a transaction
	truncate  string   // a question that empties the log and answers with three numbers, 0 first; empty: there is no such log
	size      string   // how many bytes rewrite writes
}

// Files names the files of a database that lies in this machine's file system, the log among them; none for one on a server.
func (b *Beside) Files() []string {
	if !b.d.alone {
		return nil
	}
	var files []string
	for _, suffix := range []string{"", "-wal"} {
		if _, err := os.Stat(b.home.name + suffix); err == nil {
			files = append(files, b.home.name+suffix)
		}
	}
	return files
}

// Accounts reads the health of every account that ever made a call or was paused, by name.
func (s *Store) Accounts(ctx context.Context) ([]pace.Account, error) {
	names, err := list(ctx, s.read, `SELECT name FROM accounts ORDER BY name`, nil, func(r row) (name string, err error) { return name, r.Scan(&name) })
	if err != nil {
		return nil, s.explained(err)
	}
	accounts := make([]pace.Account, len(names))
	for i, name := range names {
		if accounts[i], err = s.Account(ctx, name); err != nil {
			return nil, err
		}
	}
	return accounts, nil
}

// PauseByOps stops an account from calling KeyCRM until ResumeByOps, for a reason in a sentence. Calls under way end as they would.
func (s *Store) PauseByOps(ctx context.Context, name, reason string) error {
	return s.changeByOps(ctx, name, func(a pace.Account) pace.Account { return a.PausedByOps(plain(reason)) })
}

// ResumeByOps lets an account call KeyCRM again at once, whoever or whatever had paused it.
func (s *Store) ResumeByOps(ctx context.Context, name string) error {
	return s.changeByOps(ctx, name, pace.Account.ResumedByOps)
}

func (s *Store) changeByOps(ctx context.Context, name string, change func(pace.Account) pace.Account) error {
	return s.update(ctx, func(t *tx) error {
		before, err := t.lockHealth(ctx, name)
		if err != nil {
			return err
		}
		return t.writeHealth(ctx, before, change(before))
	})
}
