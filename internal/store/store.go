// Package store keeps submissions and their fate, the revisions that took them, and each account's pace and health, in one database.
//
// # What it promises
//
// Accept returns after the commit that holds the submission: whoever has its answer has a submission that survives a crash. What
// arrives together is committed together.
//
// A submission's way is fenced. A Claim says who may send it, no more. Begin takes a slot of the account's pace and writes that bytes
// may be on their way, in one transaction, just before the call. Settle writes what the call came to only while the row is still that
// call's: same state, same attempt, same owner. Whoever lost the row in between gets submission.ErrFenced and drops what it holds.
//
// # Who has a row
//
// A row that waits has no owner and stands in the index of what is due. A claim gives it an owner and a lease; it leaves that index and
// stands in the one of leases instead, so that asking for work never passes over what others have. While a call for it is under way
// under_way is 1, which keeps Release and a second Begin off it. Settle, Release and Expire are the three ways back. A row that is
// done stands in no index that a courier asks, and so a store that has delivered a million submissions answers one as quickly as an empty
// one.
//
// Only sending means that bytes may have left. A process that dies, or is so slow that its lease ends, therefore leaves in doubt what
// it was sending, and nothing of what it had merely claimed.
//
// # Whose clock
//
// Leases, slots, due times and pauses are measured by one clock, the database's, so that no courier's own clock matters. The exception
// is Call.NotAfter, which the machine that makes the call compares just before it writes: that one is read from the machine's own
// clock, and before the transaction, so that it never lies later than what the database was told.
//
// # How it is built
//
// The SQL is written once. Where databases differ the difference is a value of dialect, and no method asks which database it has.
// Moments are microseconds since 1970 (UTC), because that is a number in every database and loses nothing that matters.
//
// Accept has a path of its own: one goroutine, the committer, takes all that wait and stores them with a few prepared statements in one
// transaction. A transaction costs a flush of the disk however much it holds, so the busier the relay is the less each submission
// costs. Everything else (a few statements for each call to KeyCRM, at most a few calls a second) is plain transactions through update.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"formrelay/internal/submission"
)

// readers is how many connections read beside the writer.
const readers = 4

// errClosed and errReadOnly are faults of the program, not of the database.
var (
	errClosed   = errors.New("the store is closed")
	errReadOnly = errors.New("the store was opened for reading only")
)

// Options is how a store is opened.
type Options struct {
	URL      string           // sqlite:FILE (the file is made when it is not there, its folder is not), or postgres://…
	Now      func() time.Time // the database's clock; nil: its own. Only tests have another
	LockWait time.Duration    // how long to wait for another process to free the file, or for the server to answer; 0: 30 s
	Log      zerolog.Logger   // never gets a visitor's value
	// OnAccept is told after the commit that submissions of an account wait to be sent: once a batch and account, and also for those
	// that another replica accepted. It may be called from several goroutines and must return at once, because the next batch waits
	// for it. May be nil.
	OnAccept func(account string)
	// OnCommit is told after each commit that holds submissions how many it holds. It must return at once. May be nil.
	OnCommit func(submissions int)
	// OnCheck is told after a commit that holds submissions whose captcha is to be verified. It must return at once. May be nil.
	OnCheck func()
}

// Store is one open database. Its methods may be called from many goroutines.
type Store struct {
	d        dialect
	log      zerolog.Logger
	onAccept func(account string)
	onCommit func(submissions int)
	onCheck  func()
	present  presence  // nil when open for reading only
	opened   time.Time // by the database's clock: when this process began to have it
	write    *sql.DB   // nil when open for reading only
	read     *sql.DB
	// The two questions that every post asks: whether it came before, by its key or by its sender.
	byKey, bySender *sql.Stmt
	accept          []*sql.Stmt // dialect.inserts, the statements that are worth preparing: every submission passes one of them
	bell            bell
	clock           timekeeper
	guard           func(context.Context, *tx) error // asked at the begin of every writing transaction; nil: nothing to ask

	batches context.Context // ends when a batch that is being stored at a stop has had its time
	giveUp  context.CancelFunc
	failing bool // the last batch could not be stored; only the committer touches it

	waiters waiters // for what becomes of their submissions

	waiting   queue
	committer sync.WaitGroup
	known     map[string]string // profile -> hash of the revision it last stored; only the committer touches it

	ready readiness
}

// Open enters the database and brings it to this program's schema. A SQLite file is locked, and what the process before left under way
// is taken over, because no lease can be alive: every submission that was being sent becomes uncertain (or held, where a look-up could
// recognise nothing), what was merely claimed is free again, and the slots of calls that were cut count on until their time is over.
// On PostgreSQL other replicas may be at work: their leases are respected, and Expire takes over those that end.
//
// The error is a sentence for ops: the file is in use (naming by whom), a newer version wrote it, it cannot be opened, it was moved to
// another database. ctx bounds the opening only.
func Open(ctx context.Context, o Options) (*Store, error) {
	h, err := locate(o.URL, o.Now)
	if err != nil {
		return nil, err
	}
	if o.LockWait == 0 {
		o.LockWait = defaultLockWait
	}
	s := &Store{d: h.dialect, log: o.Log, onAccept: o.OnAccept, onCommit: o.OnCommit, onCheck: o.OnCheck, known: map[string]string{}}
	s.waiters.look = s.lookFor
	s.batches, s.giveUp = context.WithCancel(context.WithoutCancel(ctx))
	if s.present, err = h.enter(ctx, serving, o.LockWait, o.Log); err != nil {
		s.giveUp()
		return nil, h.named(err)
	}
	if err := s.open(ctx, h); err != nil {
		return nil, errors.Join(h.named(err), s.shut())
	}
	s.waiting.wake = make(chan struct{}, 1)
	s.committer.Go(s.commit)
	s.answerBell()
	return s, nil
}

// open does everything of Open that may leave connections behind when it fails.
func (s *Store) open(ctx context.Context, h home) (err error) {
	if err := h.migrate(ctx); err != nil {
		return err
	}
	if s.write, err = h.connect(writing); err != nil {
		return err
	}
	if s.read, err = h.connect(reading); err != nil {
		return err
	}
	if err := s.notMoved(ctx); err != nil {
		return err
	}
	if err := s.takeOver(ctx); err != nil {
		return err
	}
	for _, way := range s.d.inserts {
		stmt, err := s.write.PrepareContext(ctx, way.statement())
		if err != nil {
			return err
		}
		s.accept = append(s.accept, stmt)
	}
	return s.prepareTwins(ctx)
}

// OpenReadOnly opens a database beside the process that serves it: no lock, no migration, no change. A database of another schema
// version is refused with a sentence that says what to do.
func OpenReadOnly(ctx context.Context, database string) (*Store, error) {
	h, err := locate(database, nil)
	if err != nil {
		return nil, err
	}
	if err := h.exists(); err != nil {
		return nil, err
	}
	s := &Store{d: h.dialect}
	if s.read, err = h.connect(reading); err != nil {
		return nil, err
	}
	if err := checkSchema(ctx, s.read, h); err != nil {
		return nil, errors.Join(h.named(err), s.shut())
	}
	return s, nil
}

// makeFile makes the database's file before SQLite would, which gives it the process's default mode: what visitors wrote is for this
// user's eyes alone. SQLite gives the files beside it the mode of this one.
func makeFile(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("database %s: the folder %s does not exist; make it, or name another file with --database", path, filepath.Dir(path))
	case err != nil:
		return fmt.Errorf("database %s cannot be opened for writing; mend its permissions, or name another file with --database (%w)", path, err)
	}
	return f.Close()
}

// closeWithin is how long a batch that is being stored may still take at a stop.
const closeWithin = 2 * time.Second

// Close turns away what waits to be stored (nobody has been answered about it), lets the batch that is being stored finish for two
// seconds at most, then closes the database and frees its lock. Accept fails from then on. It may be called twice.
func (s *Store) Close() error {
	s.waiters.close()
	if s.waiting.close() {
		t := time.AfterFunc(closeWithin, s.giveUp)
		s.committer.Wait()
		t.Stop()
		s.bell.silence()
	}
	return s.shut()
}

// shut closes whatever is open; the presence goes last, so that nobody opens the file while this process still has it open.
func (s *Store) shut() error {
	var errs []error
	if s.giveUp != nil {
		s.giveUp()
	}
	for _, stmt := range append(s.accept, s.byKey, s.bySender) {
		if stmt != nil {
			errs = append(errs, stmt.Close())
		}
	}
	if s.read != nil {
		errs = append(errs, s.read.Close())
	}
	if s.write != nil {
		errs = append(errs, s.write.Close())
	}
	if s.present != nil {
		errs = append(errs, s.present.Close())
	}
	return errors.Join(errs...)
}

// explained adds what ops can do about err, where the database's own words do not say it.
func (s *Store) explained(err error) error {
	return s.d.said(err)
}

// tx is one writing transaction. Its methods are the steps of the store's; each takes the time from now, so that a transaction has
// one.
type tx struct {
	*sql.Tx
	d   dialect
	now time.Time
}

// update runs f in one writing transaction and commits it unless f fails. An error that is a word between packages (a *pace.Wait,
// submission.ErrFenced) comes back as it is; only the database's own faults are explained.
func (s *Store) update(ctx context.Context, f func(*tx) error) error {
	if s.write == nil {
		return errReadOnly
	}
	if s.d.bound > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.d.bound)
		defer cancel()
	}
	raw, err := s.begin(ctx)
	if err != nil {
		return s.explained(err)
	}
	t := &tx{Tx: raw, d: s.d}
	setBack, err := s.prepare(ctx, t)
	if err == nil {
		err = f(t)
	}
	if err != nil {
		_ = raw.Rollback() // a database that failed may have rolled back by itself; either way nothing of f stays
		return s.explained(err)
	}
	if err = raw.Commit(); err == nil && setBack {
		s.clock.reset(t.now)
		s.log.Warn().Msg("the clock was set back: what seemed to lie in the future has been brought back to now")
	}
	return s.explained(err)
}

// begin begins a writing transaction. While another program has the database locked it tries again for as long as the dialect's
// patience: each try is short, so that ctx is heard, and whoever waits beside gets a turn and learns the reason too.
func (s *Store) begin(ctx context.Context) (*sql.Tx, error) {
	var locked error
	for deadline := time.Now().Add(s.d.patience); ; {
		raw, err := s.write.BeginTx(ctx, nil)
		switch {
		case err == nil:
			return raw, nil
		case s.d.busy(err):
			locked = err
		case ctx.Err() == nil || locked == nil:
			return nil, err
		}
		if ctx.Err() != nil || !time.Now().Before(deadline) {
			return nil, locked
		}
	}
}

// prepare gives a transaction its time, asks the guard, and mends what a clock that was set back has left behind.
func (s *Store) prepare(ctx context.Context, t *tx) (setBack bool, err error) {
	if setBack, err = s.readClock(ctx, t); err != nil {
		return false, err
	}
	if s.guard != nil {
		if err := s.guard(ctx, t); err != nil {
			return false, err
		}
	}
	if setBack {
		err = t.mendMoments(ctx, s.clock.longestLease())
	}
	return setBack, err
}

// exec runs one statement and says how many rows it changed.
func (t *tx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	r, err := t.ExecContext(ctx, t.d.bind(query), args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// one runs a query for one row, which may be one that changes it, and reads it into dest; sql.ErrNoRows when there is none.
func (t *tx) one(ctx context.Context, query string, args []any, dest ...any) error {
	return t.QueryRowContext(ctx, t.d.bind(query), args...).Scan(dest...)
}

// list runs a query and reads each row with scan.
func list[T any](ctx context.Context, q querier, query string, args []any, scan func(row) (T, error)) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// row is what *sql.Row and *sql.Rows have in common.
type row interface{ Scan(dest ...any) error }

// micros is t as the database has it: 0 for the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// moment is the reverse of micros, in UTC.
func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// notFound turns the database's word for no row into the relay's.
func notFound(err error, what, name string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%s %s: %w", what, name, submission.ErrNotFound)
	}
	return err
}
