package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pressly/goose/v3"
)

// Backup writes a consistent copy of a SQLite database to a new file, while a server may be at work on it. The copy is a database of
// its own, without a write-ahead log beside it, readable for this user alone, and on the disk when Backup returns.
//
// The error is a sentence for ops: file exists already, there is no such database, it is PostgreSQL's (and what to use there). Whatever
// fails, nothing stays under the file's name.
func Backup(ctx context.Context, database, file string) error {
	h, err := locate(database, nil)
	if err != nil {
		return err
	}
	if h.goose != goose.DialectSQLite3 {
		return errors.New("a PostgreSQL database is backed up by PostgreSQL's own tools, while the relay runs: " +
			"pg_dump --format=custom --file=FILE, and pg_restore to bring it back")
	}
	if err := h.exists(); err != nil {
		return err
	}
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		return taken(file, err)
	}
	if err := copyInto(ctx, h, file); err != nil {
		return fmt.Errorf("backup of %s to %s: %w", h.name, file, err)
	}
	return nil
}

func taken(file string, err error) error {
	if err != nil {
		return fmt.Errorf("backup to %s: %w", file, err)
	}
	return fmt.Errorf("%s exists already, and a backup overwrites nothing: name another file, or move that one away", file)
}

// copyInto copies under another name first, so that what stands under the file's own name is always whole.
func copyInto(ctx context.Context, h home, file string) (err error) {
	part, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*.part") // CreateTemp makes it 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, part.Close(), removed(part.Name())) }()
	if err := vacuumInto(ctx, h, part.Name()); err != nil {
		return err
	}
	if err := part.Sync(); err != nil {
		return err
	}
	if err := os.Link(part.Name(), file); err != nil { // unlike a rename it never overwrites
		if errors.Is(err, fs.ErrExist) {
			return taken(file, nil)
		}
		if err := os.Rename(part.Name(), file); err != nil { // a file system without links
			return err
		}
	}
	return syncFolder(filepath.Dir(file))
}

func removed(name string) error {
	if err := os.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// vacuumInto reads one snapshot; SQLite takes an empty file as the place for it.
func vacuumInto(ctx context.Context, h home, name string) (err error) {
	db, err := sqliteConnections(h.name, sqlitePatience, "mode=ro")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var tables int
	if err := db.QueryRowContext(ctx, h.tables, versionTable).Scan(&tables); err != nil {
		return h.said(err)
	}
	if tables == 0 {
		return errors.New("it is no database of formrelay's")
	}
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", name)
	return h.said(err)
}

// syncFolder makes a new name durable. Not every file system can; the file's bytes are on the disk either way.
func syncFolder(name string) error {
	folder, err := os.Open(name)
	if err != nil {
		return err
	}
	_ = folder.Sync()
	return folder.Close()
}
