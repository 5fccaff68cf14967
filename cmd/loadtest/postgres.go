package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"formrelay/internal/store/pgbin"
)

// pgUser is the cluster's superuser, whoever runs it.
const pgUser = "formrelay"

// postgres is a private cluster with Debian's programs, on a Unix socket without any network, as durable as a shop's: what a commit
// costs is what is measured.
type postgres struct {
	*process
	folder string // the data and the socket; apart from the run's folder, because a socket's path must be short
}

// startPostgres makes the cluster and starts it. The caller closes it, also when this fails.
func startPostgres(ctx context.Context, logs string) (*postgres, error) {
	p := &postgres{}
	programs, err := pgbin.Folder()
	if errors.Is(err, pgbin.ErrMissing) {
		err = usageError{fmt.Errorf("--database postgres: %w", err)}
	}
	if err != nil {
		return p, err
	}
	owner, err := pgbin.Owner()
	if err != nil {
		return p, err
	}
	if p.folder, err = os.MkdirTemp("", "formrelay-pg-"); err != nil {
		return p, err
	}
	if owner != nil {
		if err := os.Chown(p.folder, int(owner.Uid), int(owner.Gid)); err != nil {
			return p, err
		}
	}
	data := filepath.Join(p.folder, "data")
	initdb := exec.CommandContext(ctx, filepath.Join(programs, "initdb"), "-D", data, "-U", pgUser, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-instructions") //nolint:gosec // Debian's own program
	initdb.SysProcAttr, initdb.Dir = ownGroup(), p.folder
	initdb.SysProcAttr.Credential = owner
	if out, err := initdb.CombinedOutput(); err != nil {
		return p, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	p.process = &process{program: program{
		name: "postgres", path: filepath.Join(programs, "postgres"), as: owner, folder: p.folder, log: filepath.Join(logs, "postgres.log"),
		args:  []string{"-D", data, "-k", p.folder, "-c", "listen_addresses=", "-c", "max_connections=200", "-c", "shared_buffers=128MB"},
		ready: func(line string) bool { return strings.Contains(line, "ready to accept connections") },
	}}
	return p, p.start(ctx)
}

// url is the database's address as --database takes it.
func (p *postgres) url() string {
	return "postgres://" + pgUser + "@/postgres?host=" + p.folder + "&sslmode=disable"
}

// close ends the cluster and removes it.
func (p *postgres) close() error {
	if p.process != nil {
		p.end()
	}
	if p.folder == "" {
		return nil
	}
	return os.RemoveAll(p.folder)
}
