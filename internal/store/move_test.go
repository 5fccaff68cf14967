package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"formrelay/internal/submission"
)

// filled is a database with something in every table that a relay writes.
func filled(t *testing.T, database string, rows int) *fixture {
	t.Helper()
	f := &fixture{t: t, url: database, clock: newClock()}
	f.open()
	f.broken("BROKEN")
	f.withPhotos("PHOTO", submission.FileChunk+400, 400)
	for i := range rows {
		sub := f.order(fmt.Sprintf("ROW-%05d", i))
		sub.Raw = []byte{0, 0xff, byte(i)}
		sub.Pairs[0].Value = "Олена \x00"
		f.ok(f.Accept(t.Context(), sub, revision()))
	}
	return f
}

// A move brings every row over, both ways, and goes on with new numbers after it.
func TestMove(t *testing.T) {
	t.Parallel()
	const rows = moveRows + 50
	for name, databases := range map[string][2]string{
		"SQLiteToPostgreSQL": {sqliteDatabase(t), postgres.Database(t)},
		"PostgreSQLToSQLite": {postgres.Database(t), sqliteDatabase(t)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := filled(t, databases[0], rows)
			before, attempts := f.get("BROKEN"), f.attempts("BROKEN")
			o := MoveOptions{From: databases[0], To: databases[1]}
			err := MoveDatabase(t.Context(), o)
			if err == nil || !strings.Contains(err.Error(), "another formrelay") {
				t.Fatalf("moved under a server: %v", err)
			}
			f.ok(f.Close())
			var last Move
			o.Progress = func(m Move) { last = m }
			f.ok(MoveDatabase(t.Context(), o))
			if last.Table != "" || last.Done != last.Total || last.Done < rows {
				t.Errorf("the last news is %+v", last)
			}
			f.is(MoveDatabase(t.Context(), o), ErrMoved)
			_, err = Open(t.Context(), Options{URL: databases[0]})
			if err == nil || !strings.Contains(err.Error(), "it was moved to") {
				t.Errorf("the source serves on: %v", err)
			}

			f.Store, f.url = nil, databases[1]
			f.open()
			f.same(before, f.get("BROKEN"))
			f.same(attempts, f.attempts("BROKEN"))
			f.same([]byte{0, 0xff, 7}, f.get("ROW-00007").Raw)
			photos := f.get("PHOTO").Files
			f.same(2, len(photos))
			f.same(bytesOf(submission.FileChunk+400), f.content(photos[0]))
			f.queue("AFTER")
			newest, err := f.List(t.Context(), Filter{Limit: 1})
			f.ok(err)
			f.same("AFTER", newest[0].ID)
		})
	}
}

func (f *fixture) attempts(id string) []submission.Attempt {
	f.t.Helper()
	all, err := f.Attempts(f.t.Context(), id)
	f.ok(err)
	return all
}

// A move that breaks off goes on where it was; when the source was served from in between, it starts over.
func TestMoveGoesOn(t *testing.T) {
	t.Parallel()
	for _, served := range []bool{false, true} {
		t.Run(fmt.Sprint("served=", served), func(t *testing.T) {
			t.Parallel()
			from, to := sqliteDatabase(t), postgres.Database(t)
			f := filled(t, from, 2*moveRows+50)
			f.ok(f.Close())
			ctx, cancel := context.WithCancel(t.Context())
			broke := Move{}
			err := MoveDatabase(ctx, MoveOptions{From: from, To: to, Progress: func(m Move) {
				if m.Table == "submissions" && m.Done > moveRows {
					broke = m
					cancel()
				}
			}})
			if err == nil || !strings.Contains(err.Error(), "run the same command again") {
				t.Fatalf("a move that was cut: %v", err)
			}
			_, err = Open(t.Context(), Options{URL: to})
			if err == nil || !strings.Contains(err.Error(), "broke off") {
				t.Fatalf("half a move is served from: %v", err)
			}
			if served {
				f.Store = nil
				f.open()
				_, err := f.write.ExecContext(t.Context(), `UPDATE submissions SET state = 'delivered', crm_id = 7 WHERE id = 'ROW-00000'`)
				f.ok(errors.Join(err, f.Close()))
			}
			first := int64(-1)
			f.ok(MoveDatabase(t.Context(), MoveOptions{From: from, To: to, Progress: func(m Move) {
				if first < 0 {
					first = m.Done
				}
			}}))
			if resumed := first >= broke.Done; resumed == served {
				t.Errorf("broke at %d rows, went on at %d", broke.Done, first)
			}
			f.Store, f.url = nil, to
			f.open()
			want := submission.Queued
			if served {
				want = submission.Delivered
			}
			f.same(want, f.get("ROW-00000").State)
		})
	}
}

func TestMoveRefusesOtherData(t *testing.T) {
	t.Parallel()
	from, to := sqliteDatabase(t), sqliteDatabase(t)
	f, g := filled(t, from, 1), filled(t, to, 1)
	f.ok(errors.Join(f.Close(), g.Close()))
	err := MoveDatabase(t.Context(), MoveOptions{From: from, To: to})
	if err == nil || !strings.Contains(err.Error(), "holds other data already") {
		t.Errorf("error %v", err)
	}
	err = MoveDatabase(t.Context(), MoveOptions{From: sqliteDatabase(t), To: to})
	if err == nil || !strings.Contains(err.Error(), "--from: there is no database at") {
		t.Errorf("error %v", err)
	}
	f.Store = nil
	f.open() // a move that never began leaves the source as it was
	f.get("ROW-00000")
}

// A backup is whole although a server writes meanwhile; it overwrites nothing and is for its user alone.
func TestBackup(t *testing.T) {
	t.Parallel()
	f := filled(t, sqliteDatabase(t), 100)
	stop := make(chan struct{})
	acknowledged := make(chan string, 10_000)
	var posting sync.WaitGroup
	for range 4 {
		posting.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				sub := f.order(submission.NewID())
				if err := f.Accept(context.WithoutCancel(t.Context()), sub, revision()); err != nil {
					t.Error(err)
				}
				select {
				case acknowledged <- sub.ID:
				case <-stop:
				}
			}
		})
	}
	var before []string // acknowledged before the backup began, while others were
	for range 200 {
		before = append(before, <-acknowledged)
	}
	folder := t.TempDir()
	copied := filepath.Join(folder, "copy.db")
	err := Backup(t.Context(), f.url, copied)
	close(stop)
	posting.Wait()
	f.ok(err)
	info, err := os.Stat(copied)
	f.ok(err)
	f.same(os.FileMode(0o600), info.Mode().Perm())
	err = Backup(t.Context(), f.url, copied)
	if err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Errorf("overwrote: %v", err)
	}
	left, err := os.ReadDir(folder)
	f.ok(err)
	f.same(1, len(left))

	b := &fixture{t: t, url: "sqlite:" + copied, clock: f.clock}
	b.open()
	f.same(f.get("BROKEN"), b.get("BROKEN"))
	for i := range 100 {
		id := fmt.Sprintf("ROW-%05d", i)
		f.same(f.get(id), b.get(id))
	}
	for _, id := range before {
		f.same(f.get(id), b.get(id))
	}
	f.same(f.attempts("BROKEN"), b.attempts("BROKEN"))
	f.same(bytesOf(submission.FileChunk+400), b.content(b.get("PHOTO").Files[0]))
	var verdict string
	f.ok(b.read.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&verdict))
	f.same("ok", verdict)
}

func TestBackupSaysWhatToDo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database ", 999)), 0o600); err != nil {
		t.Fatal(err)
	}
	for database, want := range map[string]string{
		"postgres://db/x": "pg_dump",
		"sqlite:" + filepath.Join(dir, "missing.db"): "there is no database at",
		"sqlite:" + text: "is no SQLite database",
	} {
		out := filepath.Join(dir, "out.db")
		err := Backup(t.Context(), database, out)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", database, err)
		}
		if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s left a file", database)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	f := newFixture(t)
	if err := Backup(ctx, f.url, filepath.Join(dir, "late.db")); err == nil {
		t.Error("a backup that was given up")
	}
}
