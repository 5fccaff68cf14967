package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// versionTable is where goose notes which migrations have run.
const versionTable = "goose_db_version"

// errOtherSchema says that database and program do not fit together; the sentence around it says which is newer.
var errOtherSchema = errors.New("the database has another schema than this formrelay")

// migrate brings the database to this program's schema. The versions are compared first: goose itself would let an older program run
// on a newer schema.
//
// Those that start together on one server wait for each other; whoever comes second finds everything done.
func (h home) migrate(ctx context.Context) (err error) {
	db, err := h.connect(migrating)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	provider, err := newProvider(db, h)
	if err != nil {
		return err
	}
	has, want, err := versions(ctx, db, h.dialect, provider)
	if err != nil {
		return err
	}
	if has > want {
		return newerSchema(has, want)
	}
	if has == want {
		return nil
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("bring the database from schema %d to %d: %w", has, want, err)
	}
	return nil
}

// checkSchema is migrate for a database that must not be changed: any other version than this program's is refused.
func checkSchema(ctx context.Context, db *sql.DB, h home) error {
	provider, err := newProvider(db, h)
	if err != nil {
		return err
	}
	has, want, err := versions(ctx, db, h.dialect, provider)
	switch {
	case err != nil:
		return err
	case has > want:
		return newerSchema(has, want)
	case has < want:
		return fmt.Errorf("%w: it has version %d, this one needs %d; start `formrelay serve` of this version once, it brings the database up to date",
			errOtherSchema, has, want)
	}
	return nil
}

func newerSchema(has, want int64) error {
	return fmt.Errorf("%w: it was written by a newer one (schema %d, this one knows %d); run that version, or name another database",
		errOtherSchema, has, want)
}

func newProvider(db *sql.DB, h home) (*goose.Provider, error) {
	folder, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	// goose keeps a global list of migrations written in Go; ours are all in the folder.
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger())}
	if h.session != nil {
		locker, err := h.session()
		if err != nil {
			return nil, err
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	return goose.NewProvider(h.goose, db, migrationFS{FS: folder, types: h.types}, options...)
}

// versions reads the database's schema version (0 for an empty database) and the newest that this program knows. It writes nothing,
// which goose's own question would.
func versions(ctx context.Context, db *sql.DB, d dialect, provider *goose.Provider) (has, want int64, err error) {
	sources := provider.ListSources()
	want = sources[len(sources)-1].Version
	var tables int
	if err := db.QueryRowContext(ctx, d.bind(d.tables), versionTable).Scan(&tables); err != nil || tables == 0 {
		return 0, want, err
	}
	var newest sql.NullInt64
	if err := db.QueryRowContext(ctx, "SELECT MAX(version_id) FROM "+versionTable).Scan(&newest); err != nil {
		return 0, 0, err
	}
	return newest.Int64, want, nil
}
