package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// dialect is everything in which one database differs from another. The store's methods use its values and never ask which it is.
type dialect struct {
	goose   goose.Dialect
	types   *strings.Replacer         // the migrations' {{…}} words
	tables  string                    // counts the tables that have a given name
	bind    func(query string) string // makes the ?s of a query the database's own placeholders
	writers int                       // connections that write at a time
	busy    func(error) bool          // whether the error only says that another program has the database locked
	// patience is how long a writing transaction waits for such a lock, busyWait how long each try of it.
	patience, busyWait time.Duration
	now                func(tx querier) time.Time // the clock that every lease, slot and due time is measured by
	// lockRow ends a SELECT whose rows the transaction is about to change; skipLocked does too, but passes over rows that another
	// transaction has locked. Both are empty where a writing transaction has the database to itself.
	lockRow, skipLocked string
	// explain turns the driver's error into a sentence for the person who must act; empty when there is nothing to add.
	explain func(error) string
}

// querier is what a transaction and a pool of connections have in common.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// sqliteDialect is SQLite's. Its clock is the process's own: no other process writes while this one holds the file.
func sqliteDialect(now func() time.Time) dialect {
	return dialect{
		goose:   goose.DialectSQLite3,
		types:   strings.NewReplacer("{{key}}", "INTEGER PRIMARY KEY", "{{bytes}}", "BLOB"),
		tables:  "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = ?",
		bind:    func(query string) string { return query },
		writers: 1,
		busy: func(err error) bool {
			e, ok := errors.AsType[*sqlite.Error](err)
			return ok && (e.Code()&0xff == sqlite3.SQLITE_BUSY || e.Code()&0xff == sqlite3.SQLITE_LOCKED)
		},
		patience: 5 * time.Second, busyWait: 100 * time.Millisecond,
		now:     func(querier) time.Time { return now() },
		explain: explainSQLite,
	}
}

// explainSQLite speaks about the faults that ops can mend.
func explainSQLite(err error) string {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return ""
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return "the disk that holds the database is full; make room, and the relay goes on by itself"
	case sqlite3.SQLITE_IOERR:
		return "the disk that holds the database cannot be read or written; look at the disk and at its free space"
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return "the database file or its folder is not writable for this user; mend the permissions"
	case sqlite3.SQLITE_CANTOPEN:
		return "the database file cannot be opened; check that its folder exists and that this user may read and write there"
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return "the file is damaged or is no SQLite database; restore it from a backup, or name another with --database"
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return "another program keeps the database locked; end it"
	}
	return ""
}

// sqliteConnections opens a pool on the file at path, whose statements wait for a lock as long as busy, with the given parameters
// beside those that every connection has.
//
// busy_timeout stands first because the statements after it may already meet a lock. WAL lets readers and the writer go on side by
// side; synchronous=FULL makes a commit durable before it returns, which the answer to a visitor rests on.
func sqliteConnections(path string, busy time.Duration, parameters ...string) (*sql.DB, error) {
	all := append([]string{fmt.Sprintf("_busy_timeout=%d", busy.Milliseconds()), "_pragma=foreign_keys(1)"}, parameters...)
	// A relative path must not become the URL's authority, and a `?` or `#` in it must not end it.
	dsn := "file:" + (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath() + "?" + strings.Join(all, "&")
	connector, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return sql.OpenDB(connector), nil
}

// sqlitePath takes the file's path out of a database URL like sqlite:formrelay.db or sqlite:///data/formrelay.db.
func sqlitePath(database string) (string, error) {
	scheme, rest, found := strings.Cut(database, ":")
	switch {
	case found && (scheme == "postgres" || scheme == "postgresql"):
		return "", errors.New("PostgreSQL is not built into this version yet: use --database sqlite:FILE")
	case !found || scheme != "sqlite":
		return "", errors.New("the database must be written sqlite:FILE, for example sqlite:formrelay.db")
	}
	if trimmed, ok := strings.CutPrefix(rest, "//"); ok {
		rest = trimmed
	}
	if rest == "" {
		return "", errors.New("the database names no file: write sqlite:FILE, for example sqlite:formrelay.db")
	}
	if strings.HasPrefix(rest, ":memory:") {
		return "", errors.New("a database in memory would lose every submission at the first restart: write sqlite:FILE")
	}
	return rest, nil
}

// migrationFS shows the migrations with a dialect's own types in place.
type migrationFS struct {
	fs.FS
	types *strings.Replacer
}

// Open reads the whole file and replaces its words; folders are shown as they are.
func (m migrationFS) Open(name string) (fs.File, error) {
	f, err := m.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return f, err
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	return &migrationFile{File: f, text: strings.NewReader(m.types.Replace(string(text)))}, nil
}

// migrationFile is one migration whose text has been read and changed; only Stat still asks the embedded file.
type migrationFile struct {
	fs.File
	text *strings.Reader
}

func (f *migrationFile) Read(p []byte) (int, error) { return f.text.Read(p) }
func (f *migrationFile) Close() error               { return nil }
