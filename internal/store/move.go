package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"formrelay/internal/submission"
)

// The bounds of one step of a move: a step is one transaction in the target.
const (
	moveRows  = 200
	moveBytes = 16 << 20
	moveWait  = time.Second // how long a database that is to be moved, or moved to, may still be somebody else's
)

// ErrMoved says that a move was made already, whole; there is nothing left to do.
var ErrMoved = errors.New("everything has been moved already")

// catalog are the questions about a database's tables.
type catalog struct {
	tables   string // the names of all tables
	key      string // a table's primary key, column by column
	needs    string // the tables that a table's rows refer to
	counters string // a table's columns that number its rows; empty where the database goes on from the highest number by itself
	restart  string // makes the counter %[2]s of table %[1]s go on from the highest number
}

// Move is what a move has come to.
type Move struct {
	Table       string // the one being moved; empty when all are there
	Done, Total int64  // rows of all tables
}

// MoveOptions is what MoveDatabase is told.
type MoveOptions struct {
	From, To string // URLs as in Options
	Log      zerolog.Logger
	Progress func(Move) // told after every step; may be nil
}

// MoveDatabase moves everything from one database to another, which may be of another kind. Nobody may serve from either meanwhile; the
// target must be empty. A move that broke goes on where it was when it is called again; has a server worked on the source in between,
// it starts over, because what was copied is no longer true.
//
// When it returns nil, each table has as many rows in both, and the source refuses to be served from: the same submissions in two
// databases would be sent twice. The error is a sentence for ops; ErrMoved when an earlier call did everything.
func MoveDatabase(ctx context.Context, o MoveOptions) (err error) {
	from, err := enterAlone(ctx, o.From, o.Log, true)
	if err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	defer func() { err = errors.Join(err, from.close()) }()
	to, err := enterAlone(ctx, o.To, o.Log, false)
	if err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	defer func() { err = errors.Join(err, to.close()) }()
	m := &mover{from: from, to: to, progress: o.Progress}
	if err := m.begin(ctx); err != nil {
		return err
	}
	if err := m.copyAll(ctx); err != nil {
		return fmt.Errorf("%w\nnothing is lost; run the same command again, it goes on where it was", err)
	}
	return m.end(ctx)
}

// place is a database that this process has to itself.
type place struct {
	home
	present presence
	db      *sql.DB
}

// enterAlone locks a database and brings it to this program's schema.
func enterAlone(ctx context.Context, database string, log zerolog.Logger, mustExist bool) (_ *place, err error) {
	h, err := locate(database, nil)
	if err != nil {
		return nil, err
	}
	if mustExist {
		if err := h.exists(); err != nil {
			return nil, err
		}
	}
	p := &place{home: h}
	if p.present, err = h.enter(ctx, moving, moveWait, log); err != nil {
		return nil, h.named(err)
	}
	if err := h.migrate(ctx); err != nil {
		return nil, errors.Join(h.named(err), p.close())
	}
	if p.db, err = h.connect(migrating); err != nil {
		return nil, errors.Join(h.named(err), p.close())
	}
	return p, nil
}

func (p *place) close() error {
	var err error
	if p.db != nil {
		err = p.db.Close()
	}
	return errors.Join(err, p.present.Close())
}

// exec runs one statement.
func (p *place) exec(ctx context.Context, query string, args ...any) error {
	_, err := p.db.ExecContext(ctx, p.bind(query), args...)
	return p.said(err)
}

// count counts a table's rows.
func (p *place) count(ctx context.Context, table string) (n int64, err error) {
	err = p.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+table).Scan(&n)
	return n, p.said(err)
}

// mark is a row of moves.
type mark struct {
	token, role string
	done        bool
}

// The roles of a database in a move.
const (
	roleSource = "source"
	roleTarget = "target"
)

// marked reads the newest move that a database has taken part in.
func marked(ctx context.Context, q querier, d dialect) (m mark, err error) {
	var doneAt int64
	err = q.QueryRowContext(ctx, d.bind(`SELECT token, role, done_at FROM moves ORDER BY begun_at DESC LIMIT 1`)).Scan(&m.token, &m.role, &doneAt)
	if errors.Is(err, sql.ErrNoRows) {
		return mark{}, nil
	}
	m.done = doneAt != 0
	return m, err
}

// errHalfMoved says that a database is the target of a move that broke off.
var errHalfMoved = errors.New("the move into it broke off: run the same `formrelay migrate` again, it goes on where it was")

// notMoved refuses to serve from a database whose submissions are served elsewhere, or are not all there yet. A move that has begun and
// is not done is given up by the source: what it does from now on is not in the copy.
func (s *Store) notMoved(ctx context.Context) error {
	m, err := marked(ctx, s.read, s.d)
	switch {
	case err != nil:
		return err
	case m.role == roleTarget && !m.done:
		return errHalfMoved
	case m.role == roleSource && m.done:
		return movedAway(ctx, s.read, s.d, m.token)
	case m.role == roleSource:
		return s.update(ctx, func(t *tx) error {
			_, err := t.exec(ctx, `DELETE FROM moves WHERE token = ?`, m.token)
			return err
		})
	}
	return err
}

// notMoving refuses to change a database that is moved, or that a move has begun to copy: the copy would not have the change, or have
// half of it. One that steers asks in each of its transactions, because on SQLite no lock keeps it and a move apart: what it commits
// before the move's mark is copied, and what comes later meets the mark.
func notMoving(ctx context.Context, q querier, d dialect) error {
	m, err := marked(ctx, q, d)
	switch {
	case err != nil:
		return err
	case m.role == roleTarget && !m.done:
		return errHalfMoved
	case m.role == roleSource && m.done:
		return movedAway(ctx, q, d, m.token)
	case m.role == roleSource:
		return errors.New("`formrelay migrate` has begun to move it: wait for its end. If it broke off, run it again, or give the move up by serving from here")
	}
	return nil
}

func movedAway(ctx context.Context, q querier, d dialect, token string) error {
	var other string
	if err := q.QueryRowContext(ctx, d.bind(`SELECT other FROM moves WHERE token = ?`), token).Scan(&other); err != nil {
		return err
	}
	return fmt.Errorf("it was moved to %s, where its submissions are sent from; a second server on this copy would send them twice. "+
		"Serve from there with --database, or move it back into a new database with `formrelay migrate`", other)
}

// mover carries one move.
type mover struct {
	from, to *place
	token    string
	tables   []string // in an order in which every row that another refers to comes first
	done     int64
	total    int64
	progress func(Move)
}

// begin finds out whether this move begins, goes on or starts over, and marks both databases.
func (m *mover) begin(ctx context.Context) error {
	source, err := marked(ctx, m.from.db, m.from.dialect)
	if err != nil {
		return m.from.named(err)
	}
	target, err := marked(ctx, m.to.db, m.to.dialect)
	if err != nil {
		return m.to.named(err)
	}
	if m.tables, err = m.from.ordered(ctx); err != nil {
		return m.from.named(err)
	}
	same := source.token != "" && source.token == target.token
	switch {
	case same && source.done && target.done:
		return ErrMoved
	case source.role == roleSource && source.done && !same:
		return fmt.Errorf("--from: %s was moved to another database already", m.from.name)
	case source.role == roleTarget && !source.done:
		return fmt.Errorf("--from: the move into %s broke off: end that one first", m.from.name)
	case same && !target.done:
		m.token = source.token
		return m.measure(ctx)
	case target.role == roleTarget && !target.done:
	default:
		if err := m.targetIsEmpty(ctx); err != nil {
			return err
		}
	}
	return m.startOver(ctx)
}

// targetIsEmpty refuses a target that holds anything that a person or a visitor made.
func (m *mover) targetIsEmpty(ctx context.Context) error {
	for _, table := range m.tables {
		if slices.Contains(housekeeping(), table) {
			continue
		}
		n, err := m.to.count(ctx, table)
		if err != nil {
			return m.to.named(err)
		}
		if n > 0 {
			return fmt.Errorf("--to: %s holds other data already (%d rows of %s): name an empty database", m.to.name, n, table)
		}
	}
	return nil
}

// housekeeping are the tables that a server writes although nobody has posted anything.
func housekeeping() []string {
	return []string{"accounts", "heartbeat", "own_keys", "profile_changes", "revisions", "slots"}
}

// startOver empties the target, and marks both databases with a new token: the source last, so that no source is marked whose target
// does not know of it.
func (m *mover) startOver(ctx context.Context) error {
	m.token = submission.NewID()
	emptied := slices.Clone(m.tables)
	slices.Reverse(emptied) // what refers to others goes first
	for _, table := range append(emptied, "moved_tables", "moves") {
		if err := m.to.exec(ctx, "DELETE FROM "+table); err != nil {
			return m.to.named(err)
		}
	}
	const insert = `INSERT INTO moves (token, role, other, begun_at) VALUES (?, ?, ?, ?)`
	now := micros(time.Now())
	if err := m.to.exec(ctx, insert, m.token, roleTarget, m.from.name, now); err != nil {
		return m.to.named(err)
	}
	if err := m.from.exec(ctx, `DELETE FROM moves WHERE role = ? AND done_at = 0`, roleSource); err != nil {
		return m.from.named(err)
	}
	if err := m.from.exec(ctx, insert, m.token, roleSource, m.to.name, now); err != nil {
		return m.from.named(err)
	}
	return m.measure(ctx)
}

// measure counts what is to be moved and what is there already.
func (m *mover) measure(ctx context.Context) error {
	for _, table := range m.tables {
		n, err := m.from.count(ctx, table)
		if err != nil {
			return m.from.named(err)
		}
		m.total += n
	}
	err := m.to.db.QueryRowContext(ctx, `SELECT COALESCE(SUM(copied), 0) FROM moved_tables`).Scan(&m.done)
	return m.to.said(err)
}

// ordered are the database's tables but those that tell of moves and versions, each after those that it refers to.
func (p *place) ordered(ctx context.Context) ([]string, error) {
	names, err := p.column(ctx, p.catalog.tables)
	if err != nil {
		return nil, err
	}
	var order []string
	var visit func(string) error
	visit = func(table string) error {
		if slices.Contains(order, table) || slices.Contains([]string{versionTable, "moves", "moved_tables"}, table) {
			return nil
		}
		needed, err := p.column(ctx, p.catalog.needs, table)
		if err != nil {
			return err
		}
		for _, n := range needed {
			if n == table {
				continue
			}
			if err := visit(n); err != nil {
				return err
			}
		}
		order = append(order, table)
		return nil
	}
	for _, name := range names {
		if err := visit(name); err != nil {
			return nil, err
		}
	}
	return order, nil
}

// column reads the one column of a query's rows.
func (p *place) column(ctx context.Context, query string, args ...any) ([]string, error) {
	all, err := list(ctx, p.db, p.bind(query), args, func(r row) (s string, err error) { return s, r.Scan(&s) })
	return all, p.said(err)
}

func (m *mover) copyAll(ctx context.Context) error {
	for _, table := range m.tables {
		c, err := m.open(ctx, table)
		if err != nil {
			return fmt.Errorf("table %s: %w", table, err)
		}
		m.tell(table)
		for more := true; more; {
			if more, err = c.step(ctx, m); err != nil {
				return fmt.Errorf("table %s: %w", table, err)
			}
			m.tell(table)
		}
		if err := m.to.restartCounters(ctx, table); err != nil {
			return fmt.Errorf("table %s: %w", table, err)
		}
	}
	return nil
}

func (m *mover) tell(table string) {
	if m.progress != nil {
		m.progress(Move{Table: table, Done: m.done, Total: m.total})
	}
}

// end makes sure that both have the same, and says so in both: the source first, so that there is never a moment in which both could be
// served from.
func (m *mover) end(ctx context.Context) error {
	for _, table := range m.tables {
		if err := m.compare(ctx, table); err != nil {
			return err
		}
	}
	now := micros(time.Now())
	for _, p := range []*place{m.from, m.to} {
		if err := p.exec(ctx, `UPDATE moves SET done_at = ? WHERE token = ?`, now, m.token); err != nil {
			return p.named(err)
		}
	}
	m.tell("")
	return nil
}

func (m *mover) compare(ctx context.Context, table string) error {
	from, err := m.from.count(ctx, table)
	if err != nil {
		return m.from.named(err)
	}
	to, err := m.to.count(ctx, table)
	if err != nil {
		return m.to.named(err)
	}
	if from != to {
		return fmt.Errorf("table %s has %d rows in %s and %d in %s: somebody has written into one of them; serve on from the first, and then move it again",
			table, from, m.from.name, to, m.to.name)
	}
	return nil
}

// copier copies one table.
type copier struct {
	table   string
	columns []string
	key     []int // the key's columns among columns
	last    []any // the key of the last row that was copied; nil: none
}

// open finds out how a table is built and where its copy stands.
func (m *mover) open(ctx context.Context, table string) (*copier, error) {
	c := &copier{table: table}
	rows, err := m.from.db.QueryContext(ctx, "SELECT * FROM "+table+" LIMIT 0")
	if err != nil {
		return nil, err
	}
	c.columns, err = rows.Columns()
	if err := errors.Join(err, rows.Close(), rows.Err()); err != nil {
		return nil, err
	}
	key, err := m.from.column(ctx, m.from.catalog.key, table)
	if err != nil {
		return nil, err
	}
	for _, name := range key {
		c.key = append(c.key, slices.Index(c.columns, name))
	}
	if len(c.key) == 0 || slices.Contains(c.key, -1) {
		return nil, errors.New("it has no primary key and cannot be moved")
	}
	c.last, err = m.to.copied(ctx, table)
	return c, err
}

// copied is the key of the last row of a table that has arrived.
func (p *place) copied(ctx context.Context, table string) (key []any, err error) {
	var text string
	err = p.db.QueryRowContext(ctx, p.bind(`SELECT last_key FROM moved_tables WHERE name = ?`), table).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, p.said(err)
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&key); err != nil {
		return nil, err
	}
	for i, v := range key {
		if n, ok := v.(json.Number); ok {
			if key[i], err = n.Int64(); err != nil {
				return nil, err
			}
		}
	}
	return key, nil
}

// step copies the next rows, together with the note of how far it has come.
func (c *copier) step(ctx context.Context, m *mover) (more bool, err error) {
	rows, err := c.read(ctx, m.from)
	if err != nil || len(rows) == 0 {
		return false, m.from.said(err)
	}
	last := make([]any, len(c.key))
	for i, k := range c.key {
		last[i] = rows[len(rows)-1][k]
	}
	if err := c.write(ctx, m.to, rows, last); err != nil {
		return false, m.to.said(err)
	}
	c.last = last
	m.done += int64(len(rows))
	return true, nil
}

// names are the key's columns.
func (c *copier) names() string {
	names := make([]string, len(c.key))
	for i, k := range c.key {
		names[i] = c.columns[k]
	}
	return strings.Join(names, ", ")
}

// read takes the next rows in the key's order, as many as the bounds allow and one at least.
func (c *copier) read(ctx context.Context, from *place) (all [][]any, err error) {
	after := ""
	if c.last != nil {
		after = " WHERE (" + c.names() + ") > (" + places(len(c.key)) + ")"
	}
	query := "SELECT " + strings.Join(c.columns, ", ") + " FROM " + c.table + after + " ORDER BY " + c.names() + " LIMIT ?"
	rows, err := from.db.QueryContext(ctx, from.bind(query), append(slices.Clone(c.last), moveRows)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for size := 0; size < moveBytes && rows.Next(); {
		values, pointers := make([]any, len(c.columns)), make([]any, len(c.columns))
		for i := range values {
			pointers[i] = &values[i]
		}
		if err := rows.Scan(pointers...); err != nil {
			return nil, err
		}
		size += normalise(values)
		all = append(all, values)
	}
	return all, rows.Err()
}

// normalise makes values what both databases take, and says about how many bytes they are.
func normalise(values []any) (size int) {
	for i, v := range values {
		switch v := v.(type) {
		case string:
			values[i] = plain(v)
			size += len(v)
		case []byte:
			size += len(v)
		}
	}
	return size
}

// write is one transaction.
func (c *copier) write(ctx context.Context, to *place, rows [][]any, last []any) error {
	key, err := json.Marshal(last)
	if err != nil {
		return err
	}
	tx, err := to.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	insert, err := tx.PrepareContext(ctx, to.bind("INSERT INTO "+c.table+" ("+strings.Join(c.columns, ", ")+") VALUES ("+places(len(c.columns))+")"))
	if err != nil {
		return err
	}
	defer insert.Close()
	for _, values := range rows {
		if _, err := insert.ExecContext(ctx, values...); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, to.bind(`INSERT INTO moved_tables (name, last_key, copied) VALUES (?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET last_key = excluded.last_key, copied = moved_tables.copied + excluded.copied`),
		c.table, string(key), len(rows)); err != nil {
		return err
	}
	return tx.Commit()
}

// places are n placeholders.
func places(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

// restartCounters makes the numbers of new rows go on after those that were copied.
func (p *place) restartCounters(ctx context.Context, table string) error {
	if p.catalog.counters == "" {
		return nil
	}
	counters, err := p.column(ctx, p.catalog.counters, table)
	if err != nil {
		return err
	}
	for _, c := range counters {
		if err := p.exec(ctx, fmt.Sprintf(p.catalog.restart, table, c)); err != nil {
			return err
		}
	}
	return nil
}
