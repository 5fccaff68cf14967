package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tableColumn is one of a table's columns.
type tableColumn struct {
	name, kind string // kind in the database's own word
	nullable   bool
}

// columnsOf asks for a table's columns: name, type, and 1 where it may be NULL.
var columnsOf = map[bool]string{
	true: `SELECT name, lower(type), CASE WHEN "notnull" = 0 AND pk = 0 THEN 1 ELSE 0 END FROM pragma_table_info(?) ORDER BY cid`,
	false: `SELECT column_name, data_type, CASE WHEN is_nullable = 'YES' THEN 1 ELSE 0 END FROM information_schema.columns
		WHERE table_schema = current_schema() AND table_name = ? ORDER BY ordinal_position`,
}

// raw is a database below the store: every table and column of whatever schema it has.
type raw struct {
	*fixture
	*place
}

// rawDatabase opens a database as it is, and closes it when the test ends.
func rawDatabase(f *fixture) raw {
	f.t.Helper()
	h, err := locate(f.url, f.clock.Now)
	f.ok(err)
	db, err := h.connect(migrating)
	f.ok(err)
	f.t.Cleanup(func() { f.ok(db.Close()) })
	return raw{f, &place{home: h, db: db}}
}

// schema brings it to an earlier version.
func (r raw) schema(version int64) {
	r.t.Helper()
	provider, err := newProvider(r.db, r.home)
	r.ok(err)
	_, err = provider.UpTo(r.t.Context(), version)
	r.ok(err)
}

// all are the names of all tables but the one that counts versions, each after those that it refers to.
func (r raw) all() []string {
	r.t.Helper()
	names, err := r.column(r.t.Context(), r.catalog.tables)
	r.ok(err)
	order, err := r.ordered(r.t.Context())
	r.ok(err)
	for _, name := range names {
		if name != versionTable && !slices.Contains(order, name) {
			order = append(order, name)
		}
	}
	return order
}

func (r raw) columns(table string) []tableColumn {
	r.t.Helper()
	all, err := list(r.t.Context(), r.db, r.bind(columnsOf[r.alone]), []any{table}, func(row row) (c tableColumn, err error) {
		var nullable int
		err = row.Scan(&c.name, &c.kind, &nullable)
		c.nullable = nullable == 1
		return c, err
	})
	r.ok(err)
	if len(all) == 0 {
		r.t.Fatalf("table %s has no columns", table)
	}
	return all
}

// fill puts rows into every table, with a value of its own in every column: none that is a default, or another column's.
func (r raw) fill(rows int) {
	r.t.Helper()
	for t, table := range r.all() {
		r.fillTable(table, t, rows)
	}
}

func (r raw) fillTable(table string, salt, rows int) {
	r.t.Helper()
	columns := r.columns(table)
	tx, err := r.db.BeginTx(r.t.Context(), nil)
	r.ok(err)
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	insert, err := tx.PrepareContext(r.t.Context(),
		r.bind("INSERT INTO "+table+" ("+strings.Join(names, ", ")+") VALUES ("+places(len(names))+")"))
	r.ok(err)
	defer insert.Close()
	for row := range rows {
		values := make([]any, len(columns))
		for i, c := range columns {
			values[i] = invented(table, c, salt*1000+i, row)
		}
		if _, err := insert.ExecContext(r.t.Context(), values...); err != nil {
			r.t.Fatalf("%s, row %d: %v", table, row, err)
		}
	}
	r.ok(tx.Commit())
}

// invented is a value for a column. Texts begin with letters that languages sort otherwise than bytes do; each third row has NULL where
// it may.
func invented(table string, c tableColumn, salt, row int) any {
	switch {
	case c.nullable && row%3 == 1:
		return nil
	case c.name == "submission" || c.name == "seq":
		return int64(row + 7) // what refers to a submission needs one
	case c.name == "state":
		return []string{"queued", "delivered", "held", "uncertain", "refused"}[row%5]
	case c.kind == "text":
		return fmt.Sprintf("%s%d %s.%s", []string{"ї", "B", "a", "_", "Z", "я"}[row%6], row, table, c.name)
	case c.kind == "blob" || c.kind == "bytea":
		return []byte{0, 0xff, byte(row), byte(row >> 8), byte(salt)}
	}
	return int64(salt)<<40 + int64(row) + 100
}

// dump reads columns of a table, every row, in an order that both kinds of database have.
func (r raw) dump(table string, columns []tableColumn) []string {
	r.t.Helper()
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	rows, err := list(r.t.Context(), r.db, "SELECT "+strings.Join(names, ", ")+" FROM "+table, nil, func(row row) (string, error) {
		values, pointers := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			pointers[i] = &values[i]
		}
		err := row.Scan(pointers...)
		return fmt.Sprintf("%#v", values), err
	})
	r.ok(err)
	slices.Sort(rows)
	return rows
}

// fresh expects the columns that a migration added to say of every row what they say of one that nobody has done anything with.
func (r raw) fresh(table string, before []tableColumn) {
	r.t.Helper()
	for _, c := range r.columns(table) {
		if slices.ContainsFunc(before, func(b tableColumn) bool { return b.name == c.name }) {
			continue
		}
		empty := c.name + " = 0"
		switch {
		case c.nullable:
			empty = c.name + " IS NULL"
		case c.kind == "text":
			empty = c.name + " = ''"
		}
		var others int
		r.ok(r.db.QueryRowContext(r.t.Context(), "SELECT COUNT(*) FROM "+table+" WHERE NOT ("+empty+")").Scan(&others))
		if others > 0 {
			r.t.Errorf("%d rows of %s have something in the new column %s", others, table, c.name)
		}
	}
}

// TestUpgradeKeepsEveryRow fills every column of every table of every earlier schema, and expects each value to be there afterwards.
func TestUpgradeKeepsEveryRow(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]func(testing.TB) string{"SQLite": sqliteDatabase, "PostgreSQL": postgres.Database} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, version := range earlierSchemas(t) {
				t.Run(fmt.Sprint("from ", version), func(t *testing.T) {
					t.Parallel()
					r := rawDatabase(&fixture{t: t, url: database(t), clock: newClock()})
					r.schema(version)
					r.fill(5)
					tables, columns, before := r.all(), map[string][]tableColumn{}, map[string][]string{}
					for _, table := range tables {
						columns[table] = r.columns(table)
						before[table] = r.dump(table, columns[table])
					}
					r.ok(r.migrate(t.Context()))
					for _, table := range tables {
						if diff := cmp.Diff(before[table], r.dump(table, columns[table])); diff != "" {
							t.Errorf("table %s before and after:\n%s", table, diff)
						}
						r.fresh(table, columns[table])
					}
				})
			}
		})
	}
}

// TestMoveKeepsEveryRow fills every column of every table, moves it, the move being cut in each table, and expects the same in both.
func TestMoveKeepsEveryRow(t *testing.T) {
	t.Parallel()
	for name, databases := range map[string][2]string{
		"SQLiteToPostgreSQL": {sqliteDatabase(t), postgres.Database(t)},
		"PostgreSQLToSQLite": {postgres.Database(t), sqliteDatabase(t)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from := rawDatabase(&fixture{t: t, url: databases[0], clock: newClock()})
			from.ok(from.migrate(t.Context()))
			from.fill(2*moveRows + 50)
			from.ok(from.exec(t.Context(), "DELETE FROM moves"))
			o := MoveOptions{From: databases[0], To: databases[1]}
			tables, err := from.ordered(t.Context())
			from.ok(err)
			for _, table := range tables {
				ctx, cut := context.WithCancel(t.Context())
				steps := 0
				o.Progress = func(m Move) {
					if m.Table == table {
						if steps++; steps == 2 { // the first tells that the table begins
							cut()
						}
					}
				}
				if err := MoveDatabase(ctx, o); err == nil || !strings.Contains(err.Error(), "run the same command again") {
					t.Fatalf("cut in %s: %v", table, err)
				}
				cut()
			}
			o.Progress = nil
			from.ok(MoveDatabase(t.Context(), o))
			to := rawDatabase(&fixture{t: t, url: databases[1], clock: newClock()})
			for _, table := range tables {
				columns := from.columns(table)
				a, b := from.dump(table, columns), to.dump(table, columns)
				if diff := cmp.Diff(a, b); diff != "" || len(a) < 2*moveRows+50 {
					t.Errorf("table %s has %d and %d rows:\n%.2000s", table, len(a), len(b), diff)
				}
			}
		})
	}
}
