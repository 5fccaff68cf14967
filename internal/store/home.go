package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pressly/goose/v3/lock"
	"github.com/rs/zerolog"
)

// use is what a pool of connections is for.
type use int

const (
	writing   use = iota // every commit is durable before it returns
	reading              // no change gets through
	migrating            // as writing, and a statement may take as long as it takes
)

// home is where one database lies and how it is entered.
type home struct {
	dialect
	name    string                             // for people: the file, or host and database; never a password
	exists  func() error                       // whether there is something to be read, in words for ops
	connect func(u use) (*sql.DB, error)       // opens a pool
	session func() (lock.SessionLocker, error) // keeps those that start together from migrating together; nil where enter does
	// enter gives this process its place at the database; it waits for that as long as it is told. What it returns is closed last.
	enter func(ctx context.Context, as part, wait time.Duration, log zerolog.Logger) (presence, error)
}

// part is what a process does at a database.
type part int

const (
	serving  part = iota // stores and sends
	steering             // beside those that serve
	moving               // alone
)

// presence is a process's place at a database.
type presence interface {
	// hear calls heard, from a goroutine of its own, with each text that another process sends by dialect.notify. It is called once.
	hear(heard func(text string))
	// inPlace makes sure that what this process has open is what others find by the database's name: what is written into a file that
	// was removed is gone with the process.
	inPlace() error
	// Close gives the place back, and returns when heard is not called any more.
	Close() error
}

// locate reads a database's URL: sqlite:FILE or postgres://…. now is the clock that counts; nil: the database's own.
func locate(database string, now func() time.Time) (home, error) {
	scheme, _, _ := strings.Cut(database, ":")
	if scheme == "postgres" || scheme == "postgresql" {
		return postgresHome(database, now)
	}
	return sqliteHome(database, now)
}

// sqliteFile is a database in a file.
type sqliteFile struct{ path string }

// sqliteHome is where a SQLite file lies.
func sqliteHome(database string, now func() time.Time) (home, error) {
	path, err := sqlitePath(database)
	if err != nil {
		return home{}, err
	}
	if now == nil {
		now = time.Now
	}
	f := &sqliteFile{path: path}
	_ = f.resolve() // whoever cannot read it is told so by what opens it
	return home{dialect: sqliteDialect(now), name: f.path, connect: f.connect, exists: f.exists, enter: f.enter}, nil
}

// resolve makes a symbolic link the name of its file: two names of one file must not be two locks.
func (f *sqliteFile) resolve() error {
	path, err := filepath.EvalSymlinks(f.path)
	if err == nil {
		f.path = path
	}
	return err
}

func (f *sqliteFile) exists() error {
	if _, err := os.Stat(f.path); err != nil {
		return fmt.Errorf("there is no database at %s yet: `formrelay serve` makes it, or name another with --database (%w)", f.path, err)
	}
	return nil
}

// enter locks the file, which it makes first where there is none. One that steers takes no lock: the one that serves has it.
func (f *sqliteFile) enter(ctx context.Context, as part, wait time.Duration, log zerolog.Logger) (presence, error) {
	if as == steering {
		return noLock{}, nil
	}
	if err := makeFile(f.path); err != nil {
		return nil, err
	}
	if err := f.resolve(); err != nil { // it may have been a link to a file that was not there yet
		return nil, err
	}
	return lockFile(ctx, f.path, wait, log)
}

// connect opens a pool bounded as SQLite wants it: one writer, and readers that cannot change anything.
func (f *sqliteFile) connect(u use) (*sql.DB, error) {
	if u == reading {
		db, err := sqliteConnections(f.path, sqlitePatience, "_pragma=query_only(1)")
		if err == nil {
			db.SetMaxOpenConns(readers)
			db.SetMaxIdleConns(readers)
		}
		return db, err
	}
	wait := sqlitePatience
	if u == writing { // its transactions try again by themselves
		wait = sqliteTry
	}
	db, err := sqliteConnections(f.path, wait, "_pragma=journal_mode(WAL)", "_pragma=synchronous(FULL)", "_txlock=immediate", f.scratch())
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

// scratch has SQLite put its temporary files, for which an erasure may need as much room as the database takes, beside the database: an
// image without /tmp has no other folder that may be written, and a small /tmp in memory would not hold them. It counts for the whole
// process.
func (f *sqliteFile) scratch() string {
	folder := strings.ReplaceAll(filepath.Dir(f.path), "'", "''")
	return "_pragma=" + url.QueryEscape("temp_store_directory('"+folder+"')")
}

// noLock is the presence of one that steers a SQLite file.
type noLock struct{}

func (noLock) hear(func(string)) {}
func (noLock) inPlace() error    { return nil }
func (noLock) Close() error      { return nil }

// errBusy says that somebody else uses a database that was wanted alone.
var errBusy = errors.New("another formrelay uses it")

// named says which database err is about.
func (h home) named(err error) error { return fmt.Errorf("database %s: %w", h.name, h.said(err)) }

// said adds what ops can do about err, where the database's own words do not say it.
func (d dialect) said(err error) error {
	if err == nil {
		return nil
	}
	if sentence := d.explain(err); sentence != "" {
		return fmt.Errorf("%s (%w)", sentence, err)
	}
	return err
}
