package main

import (
	"fmt"
	"os"

	"formrelay/internal/config"
	"formrelay/internal/store"
)

type backupCmd struct {
	Database string `env:"FORMRELAY_DATABASE" default:"sqlite:formrelay.db" placeholder:"URL" help:"The database to copy: sqlite:FILE."`
	File     string `arg:"" help:"The copy; it must not exist yet."`
}

// Run copies the database while a server may be at work on it, and says how large the copy is.
func (c backupCmd) Run(w *world) error {
	if err := (config.Data{Database: c.Database}).Check(); err != nil {
		return usageError{flagged("--database", err)}
	}
	if err := store.Backup(w.ctx, c.Database, c.File); err != nil {
		return err
	}
	info, err := os.Stat(c.File)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w.stdout, "%s: %d bytes; look into it: formrelay submissions list --database sqlite:%s\n"+
		"serve from it only when the original is lost (deploy/README.md, Backup)\n", c.File, info.Size(), c.File)
	return err
}
