package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"formrelay/internal/config"
	"formrelay/internal/store"
)

type migrateCmd struct {
	From       string `required:"" placeholder:"URL" help:"The database whose everything is moved: sqlite:FILE or postgres://…"`
	To         string `required:"" placeholder:"URL" help:"The empty database that it is moved to."`
	config.Log `embed:""`
}

// Run moves everything, and goes on where it was when an earlier run broke off.
func (c migrateCmd) Run(w *world) error {
	for flag, database := range map[string]string{"--from": c.From, "--to": c.To} {
		if err := (config.Data{Database: database}).Check(); err != nil {
			return usageError{flagged(flag, err)}
		}
	}
	if c.From == c.To {
		return usageError{errors.New("--from and --to are the same database")}
	}
	p := &movePrinter{out: w.stdout, bar: terminal(w.stdout), now: time.Now}
	err := store.MoveDatabase(w.ctx, store.MoveOptions{From: c.From, To: c.To, Log: logger(w, c.Log), Progress: p.show})
	p.end()
	if errors.Is(err, store.ErrMoved) {
		fmt.Fprintln(w.stdout, err)
		return nil
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w.stdout, "moved %d rows, and both databases have as many; serve from the new one with --database. The old one refuses to be served from.\n", p.last.Total)
	return err
}

// The looks of a move's progress.
const (
	barWidth  = 40
	plainStep = 5 * time.Second // between two lines where nobody watches a bar
)

// movePrinter shows how far a move has come: a bar that is drawn over itself on a terminal, else a line for each table and now and then.
type movePrinter struct {
	out   io.Writer
	bar   bool
	now   func() time.Time
	last  store.Move
	shown time.Time
	drawn bool // the cursor stands behind a bar
}

func (p *movePrinter) show(m store.Move) {
	same := m.Table == p.last.Table
	p.last = m
	if m.Table == "" || m.Total == 0 {
		return
	}
	if p.bar {
		full := int(barWidth * m.Done / m.Total)
		fmt.Fprintf(p.out, "\r\x1b[K[%s%s] %3d %%  %d of %d rows  %s", strings.Repeat("#", full), strings.Repeat(".", barWidth-full),
			100*m.Done/m.Total, m.Done, m.Total, m.Table)
		p.drawn = true
		return
	}
	if same && p.now().Sub(p.shown) < plainStep {
		return
	}
	p.shown = p.now()
	fmt.Fprintf(p.out, "%s: %d of %d rows\n", m.Table, m.Done, m.Total)
}

// end leaves the bar's line.
func (p *movePrinter) end() {
	if p.drawn {
		fmt.Fprintln(p.out)
	}
}
