package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
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
	// enter makes this process one that serves from the database, or with alone the only one that may use it; it waits for that as
	// long as it is told. What it returns is closed last.
	enter func(ctx context.Context, alone bool, wait time.Duration, log zerolog.Logger) (presence, error)
}

// presence is a process's place at a database.
type presence interface {
	// hear calls heard, from a goroutine of its own, with each text that another process sends by dialect.notify. It is called once.
	hear(heard func(text string))
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

// sqliteHome is a file.
func sqliteHome(database string, now func() time.Time) (home, error) {
	path, err := sqlitePath(database)
	if err != nil {
		return home{}, err
	}
	if now == nil {
		now = time.Now
	}
	h := home{dialect: sqliteDialect(now), name: path}
	h.connect = func(u use) (*sql.DB, error) { return sqlitePool(path, u) }
	h.exists = func() error {
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("there is no database at %s yet: `formrelay serve` makes it, or name another with --database (%w)", path, err)
		}
		return nil
	}
	h.enter = func(ctx context.Context, _ bool, wait time.Duration, log zerolog.Logger) (presence, error) {
		if err := makeFile(path); err != nil {
			return nil, err
		}
		return lockFile(ctx, path, wait, log)
	}
	return h, nil
}

// sqlitePool bounds a pool as SQLite wants it: one writer, and readers that cannot change anything.
func sqlitePool(path string, u use) (*sql.DB, error) {
	if u == reading {
		db, err := sqliteConnections(path, "_pragma=query_only(1)")
		if err == nil {
			db.SetMaxOpenConns(readers)
			db.SetMaxIdleConns(readers)
		}
		return db, err
	}
	db, err := sqliteConnections(path, "_pragma=journal_mode(WAL)", "_pragma=synchronous(FULL)", "_txlock=immediate")
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

// fileLock is the presence at a SQLite file: nobody else writes into it, so there is nothing to hear.
type fileLock struct{ unlock func() error }

func (fileLock) hear(func(string)) {}
func (l fileLock) Close() error    { return l.unlock() }

// errBusy says that somebody else uses a database that was wanted alone.
var errBusy = errors.New("another formrelay uses the database")

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
