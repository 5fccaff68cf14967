package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"formrelay/internal/config"
	"formrelay/internal/pace"
	"formrelay/internal/store"
)

type accountCmd struct {
	List   accountListCmd   `cmd:"" help:"List the accounts: what waits for each, and whether it is paused."`
	Pause  accountPauseCmd  `cmd:"" help:"Stop sending to an account until it is resumed."`
	Resume accountResumeCmd `cmd:"" help:"Send to an account again, whatever had paused it."`
}

// accountsOf says which accounts there are: those of the configuration, and those that the database knows.
type accountsOf struct {
	stored      `embed:""`
	config.File `embed:""`
}

func (a accountsOf) names(w *world, db *store.Store) ([]string, error) {
	options, err := profileOptions(w, a.File)
	if err != nil {
		return nil, err
	}
	accounts, err := db.Accounts(w.ctx)
	if err != nil {
		return nil, err
	}
	waiting, err := db.Waiting(w.ctx)
	if err != nil {
		return nil, err
	}
	names := slices.Clone(options.Accounts)
	for _, account := range accounts {
		names = append(names, account.Name)
	}
	for name := range waiting {
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

type accountListCmd struct {
	accountsOf `embed:""`

	JSON bool `name:"json" help:"A line of JSON each."`
}

// listedAccount is one line of `account list --json`.
type listedAccount struct {
	Name         string     `json:"name"`
	Status       string     `json:"status"` // delivering, nothing sent yet, paused, paused by ops, probing or limited
	Reason       string     `json:"reason,omitempty"`
	Waiting      int64      `json:"waiting"` // submissions queued or uncertain
	LimitedUntil *time.Time `json:"limited_until,omitempty"`
}

// Run prints a table, or a line of JSON each. It works while a server runs on the same database.
func (c accountListCmd) Run(w *world) error {
	db, err := openStored(w, c.Database)
	if err != nil {
		return err
	}
	defer db.Close()
	names, err := c.names(w, db)
	if err != nil {
		return err
	}
	waiting, err := db.Waiting(w.ctx)
	if err != nil {
		return err
	}
	lines := make([]listedAccount, len(names))
	for i, name := range names {
		account, err := db.Account(w.ctx, name)
		if err != nil {
			return err
		}
		answered, err := db.Answered(w.ctx, name)
		if err != nil {
			return err
		}
		lines[i] = listedAccount{Name: name, Status: health(account, answered), Reason: account.Paused, Waiting: waiting[name]}
		if account.Limited() {
			lines[i].LimitedUntil = &account.LimitedUntil
		}
	}
	return c.print(w, lines)
}

func (c accountListCmd) print(w *world, lines []listedAccount) error {
	if c.JSON {
		encoder := json.NewEncoder(w.stdout)
		encoder.SetEscapeHTML(false)
		for _, line := range lines {
			if err := encoder.Encode(line); err != nil {
				return err
			}
		}
		return nil
	}
	table := tabwriter.NewWriter(w.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "ACCOUNT\tSTATUS\tWAITING\tWHY")
	for _, line := range lines {
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\n", line.Name, line.Status, line.Waiting, printable(line.Reason))
	}
	return table.Flush()
}

// unproven is the state of an account of which nothing speaks against its token, and nothing for it.
const unproven = "nothing sent yet"

// health is an account's in a word or three. answered: KeyCRM has answered a call of it before.
func health(a pace.Account, answered bool) string {
	switch {
	case a.ByOps:
		return "paused by ops"
	case a.Paused != "":
		return "paused"
	case a.Limited():
		return "limited"
	case a.Probing():
		return "probing"
	case !answered:
		return unproven
	}
	return "delivering"
}

// pausedWords says for whom an account is paused, or why, to be read behind its name: `account pause` begins its reason with the word.
func pausedWords(reason string) string {
	reason = strings.TrimSuffix(reason, ".")
	if strings.HasPrefix(reason, "paused ") {
		return reason
	}
	return "paused: " + reason
}

// maxReason bounds what ops may say about a pause.
const maxReason = 500

type accountPauseCmd struct {
	accountsOf `embed:""`

	Name   string `arg:"" help:"The account's name."`
	Reason string `placeholder:"WORDS" help:"Why, for whoever wonders."`
}

// Run pauses the account. Forms are taken as before; nothing of them is sent.
func (c accountPauseCmd) Run(w *world) error {
	reason := "paused by " + operator()
	if words := strings.TrimSpace(c.Reason); words != "" {
		reason += ": " + words
	}
	if len(reason) > maxReason {
		return usageError{fmt.Errorf("--reason: write at most %d bytes", maxReason)}
	}
	return c.change(w, c.Name, func(db *store.Store) (string, error) {
		return "paused: forms are taken, nothing is sent until `formrelay account resume " + c.Name + "`", db.PauseByOps(w.ctx, c.Name, reason)
	})
}

type accountResumeCmd struct {
	accountsOf `embed:""`

	Name string `arg:"" help:"The account's name."`
}

// Run resumes the account; what waits goes out within a second, unless KeyCRM itself asked for a pause: that one is nobody's to end.
func (c accountResumeCmd) Run(w *world) error {
	return c.change(w, c.Name, func(db *store.Store) (string, error) {
		if err := db.ResumeByOps(w.ctx, c.Name); err != nil {
			return "", err
		}
		account, err := db.Account(w.ctx, c.Name)
		if err == nil && account.Limited() {
			return "resumed; KeyCRM asked for a pause (429), so nothing is sent before " + account.LimitedUntil.UTC().Format("2006-01-02 15:04:05") + " UTC", nil
		}
		return "resumed", err
	})
}

// change does something to an account that there is, and prints what f says of it: a slip in its name would change nothing and look as if
// it had.
func (a accountsOf) change(w *world, name string, f func(*store.Store) (done string, err error)) error {
	db, err := openBeside(w, a.Database)
	if err != nil {
		return err
	}
	defer db.Close()
	names, err := a.names(w, db.Store)
	if err != nil {
		return err
	}
	if !slices.Contains(names, name) {
		return fmt.Errorf("there is no account %q; the accounts are %s", name, strings.Join(names, ", "))
	}
	done, err := f(db.Store)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w.stdout, "%s: %s\n", name, done)
	return err
}
