package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path/filepath"
	"slices"
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
	alone   bool                      // one process at a time has the database: at its start no lease is alive
	writers int                       // connections that write at a time
	// bound limits a writing transaction; 0: what could keep it waiting has a limit of its own.
	bound time.Duration
	// busy tells whether an error only says that another program has the database locked, so that no transaction could begin. patience
	// is how long one waits for such a lock, each try being short.
	busy     func(error) bool
	patience time.Duration
	// inserts are the ways to store a batch's rows, those that take most at a time first; the last takes any number that is left.
	inserts []insert
	// anyOf ends a condition on a number that may be one of several, and eachOf makes the arguments of its executions; 0 may be among them.
	anyOf  string
	eachOf func(numbers []int64) [][]any
	// anyText ends a condition on a text that may be one of any number of texts, which texts makes one argument of.
	anyText string
	texts   func([]string) any
	// now is the clock that every lease, slot and due time is measured by.
	now func(ctx context.Context, q querier) (time.Time, error)
	// lockRow ends a SELECT whose rows the transaction is about to change; skipLocked does too, but passes over rows that another
	// transaction has locked. Both are empty where a writing transaction has the database to itself.
	lockRow, skipLocked string
	// lockKeys locks a list of numbers, in its order, until the transaction ends; empty where lockRow is. notify sends a text
	// to all other processes that have the database open; empty where there is none.
	lockKeys, notify string
	// rowFault tells whether a statement failed for what its rows hold, so that the others of a batch can be stored without them.
	rowFault func(error) bool
	catalog  catalog
	scrub    scrubbing
	// explain turns the driver's error into a sentence for the person who must act; empty when there is nothing to add.
	explain func(error) string
}

// querier is what a transaction and a pool of connections have in common.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// What waits for another program's lock on a SQLite file waits for sqlitePatience. A writing transaction does so in tries of sqliteTry,
// between which it hears that it is given up.
const (
	sqlitePatience = 5 * time.Second
	sqliteTry      = 100 * time.Millisecond
)

// sqliteDialect is SQLite's. Its clock is the process's own: no other process writes while this one holds the file.
func sqliteDialect(now func() time.Time) dialect {
	return dialect{
		goose:   goose.DialectSQLite3,
		types:   strings.NewReplacer("{{key}}", "INTEGER PRIMARY KEY", "{{bytes}}", "BLOB"),
		tables:  "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = ?",
		bind:    func(query string) string { return query },
		alone:   true,
		writers: 1,
		inserts: []insert{sqliteInsert(16), sqliteInsert(4), sqliteInsert(1)},
		anyOf:   "IN (" + places(sqliteNumbers) + ")",
		eachOf:  sqliteEachOf,
		anyText: "IN (SELECT value FROM json_each(?))",
		texts: func(texts []string) any {
			list, _ := json.Marshal(texts) // texts always marshal
			return string(list)
		},
		now:     func(context.Context, querier) (time.Time, error) { return now(), nil },
		explain: explainSQLite,
		busy: func(err error) bool {
			e, ok := errors.AsType[*sqlite.Error](err)
			return ok && (e.Code()&0xff == sqlite3.SQLITE_BUSY || e.Code()&0xff == sqlite3.SQLITE_LOCKED)
		},
		patience: sqlitePatience,
		// A disk that is full for one row may have room for the next.
		rowFault: func(error) bool { return true },
		scrub: scrubbing{
			overwrite: "PRAGMA secure_delete = ON",
			rewrite:   []string{"VACUUM"},
			truncate:  "PRAGMA wal_checkpoint(TRUNCATE)",
			size:      "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
		},
		catalog: catalog{
			tables: `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`,
			key:    `SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk`,
			needs:  `SELECT DISTINCT "table" FROM pragma_foreign_key_list(?)`,
		},
	}
}

// insert is one way to store rows: a statement and how many rows an execution of it takes.
type insert struct {
	verb        string // what stands before intoSubmissions
	values      string // what stands behind it
	least, most int    // rows
	// pack makes the arguments of an execution of those of intoSubmissions for each of its rows, one row after the other.
	pack func(args []any) []any
}

// statement is the whole of it.
func (i insert) statement() string { return i.verb + intoSubmissions + i.values }

// sqliteInsert stores n rows at a time. A statement opens every index of the table anew: of 16 rows that costs each a third less
// than one by one.
//
// A statement that fails at one of its rows leaves those before it to the transaction, which is rolled back as a whole: without OR FAIL
// SQLite copies each page before it changes it, into a temporary file that it makes for every batch.
func sqliteInsert(n int) insert {
	row := ", (" + places(insertColumns) + ")"
	return insert{
		verb:   "INSERT OR FAIL ",
		values: "VALUES " + strings.Repeat(row, n)[len(", "):],
		least:  n,
		most:   n,
		pack:   func(args []any) []any { return args },
	}
}

// sqliteNumbers is how many numbers one question takes: always as many, so that it can be prepared.
const sqliteNumbers = 16

func sqliteEachOf(numbers []int64) (executions [][]any) {
	for some := range slices.Chunk(numbers, sqliteNumbers) {
		args := make([]any, 0, sqliteNumbers+1)
		for _, n := range some {
			args = append(args, n)
		}
		for len(args) < sqliteNumbers {
			args = append(args, int64(0))
		}
		executions = append(executions, args)
	}
	return executions
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
	if !found || scheme != "sqlite" {
		return "", errors.New("the database must be written sqlite:FILE, for example sqlite:formrelay.db, or postgres://USER:PASSWORD@HOST:5432/NAME")
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
