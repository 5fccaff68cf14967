package store

import (
	"fmt"
	"testing"
	"time"

	"formrelay/internal/submission"
)

// TestUpgrade opens databases of every earlier schema, each with a submission in it that was stored by the columns of the first, and
// expects it to be there, whole and claimable.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]func(testing.TB) string{"SQLite": sqliteDatabase, "PostgreSQL": postgres.Database} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, version := range earlierSchemas(t) {
				t.Run(fmt.Sprint("from ", version), func(t *testing.T) {
					t.Parallel()
					f := &fixture{t: t, url: database(t), clock: newClock()}
					f.oldDatabase(version)
					f.open()
					got := f.get("OLD")
					if got.Profile != "landing" || len(got.Pairs) != 1 || got.Pairs[0].Value != "Taras" || got.State != submission.Queued {
						t.Errorf("OLD is %+v", got)
					}
					f.same([]string{"OLD"}, f.claimed("me", 5))
				})
			}
		})
	}
}

// earlierSchemas are the versions before the newest.
func earlierSchemas(t *testing.T) (earlier []int64) {
	t.Helper()
	h, err := locate(sqliteDatabase(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	db, err := h.connect(migrating)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	provider, err := newProvider(db, h)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range provider.ListSources() {
		earlier = append(earlier, s.Version)
	}
	return earlier[:len(earlier)-1]
}

// firstInsert stores a submission by the columns of the first schema.
const firstInsert = `INSERT INTO submissions (id, profile, account, revision, received_at, pairs, charset, raw, visitor,
	kind, entity, source_id, source_uuid, mark, mark_field, state, reason, error, faults, due_at, settled_at)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

// oldDatabase makes a database of an earlier schema with one submission.
func (f *fixture) oldDatabase(version int64) {
	f.t.Helper()
	h, err := locate(f.url, f.clock.Now)
	f.ok(err)
	db, err := h.connect(migrating)
	f.ok(err)
	defer func() { f.ok(db.Close()) }()
	provider, err := newProvider(db, h)
	f.ok(err)
	_, err = provider.UpTo(f.t.Context(), version)
	f.ok(err)
	now := micros(f.clock.Now().Add(-time.Hour))
	_, err = db.ExecContext(f.t.Context(), h.bind(firstInsert), "OLD", "landing", "main", "rev", now,
		`[["name","Taras"]]`, "utf-8", nil, `{}`, "order", []byte(`{}`), 22, "OLD", "", "", "queued", "", "", "", now, 0)
	f.ok(err)
}
