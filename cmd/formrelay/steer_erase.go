package main

import (
	"errors"
	"fmt"
	"slices"

	"formrelay/internal/store"
	"formrelay/internal/submission"
)

// scrubAtOnce is how many bytes of database are rewritten after an erasure without being asked for: it takes a second or two on a slow
// machine, and posts that wait longer than four are answered 503.
const scrubAtOnce = 64 << 20

type submissionsEraseCmd struct {
	stored `embed:""`

	IDs    []string `arg:"" optional:"" name:"id" help:"Submissions by their ids."`
	Phone  string   `placeholder:"NUMBER" help:"Everything that this person sent: a phone, best as +380…"`
	Email  string   `placeholder:"ADDRESS" help:"Everything that this person sent: an email."`
	Yes    *int     `name:"yes" placeholder:"N" help:"With --phone or --email: go on without asking if it is this many."`
	Vacuum bool     `help:"Rewrite a large database too, at once: posts wait meanwhile."`
}

// Run takes away for ever what visitors sent, from the database and from its files.
func (c submissionsEraseCmd) Run(w *world) error {
	person, err := c.check()
	if err != nil {
		return usageError{err}
	}
	db, err := openBeside(w, c.Database)
	if err != nil {
		return err
	}
	defer db.Close()
	found, err := c.find(w, db, person)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		_, err := fmt.Fprintln(w.stdout, "no submissions")
		return err
	}
	if err := erasable(w, found); err != nil {
		return err
	}
	if len(c.IDs) == 0 {
		if err := confirm(w, c.Yes, len(found), "to be erased for ever"); err != nil {
			return err
		}
	}
	if err := c.erase(w, db, found); err != nil {
		return err
	}
	return c.scrub(w, db)
}

// check reads who or what is meant: ids, or one person.
func (c submissionsEraseCmd) check() (submission.Person, error) {
	var person submission.Person
	for _, id := range c.IDs {
		if err := checkID(id); err != nil {
			return person, err
		}
	}
	ways := 0
	for _, given := range []bool{len(c.IDs) > 0, c.Phone != "", c.Email != ""} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		return person, errors.New("name submissions by their ids, or a person by --phone or by --email")
	}
	if len(c.IDs) > 0 {
		return person, nil
	}
	person, ok := submission.NewPerson(c.Phone + c.Email)
	if !ok {
		return person, fmt.Errorf("%q is no phone of nine digits or more and no email", c.Phone+c.Email)
	}
	return person, nil
}

// find reads what is to be erased, without what is large: the fence needs state and attempt only.
func (c submissionsEraseCmd) find(w *world, db *store.Beside, person submission.Person) ([]submission.Submission, error) {
	var found []submission.Submission
	add := func(s submission.Submission) {
		s.Pairs, s.Raw, s.Entity, s.Faults = nil, nil, nil, nil
		found = append(found, s)
	}
	for _, id := range c.IDs {
		s, err := oneSubmission(w, db.Store, id)
		if err != nil {
			return nil, err
		}
		add(s)
	}
	if len(c.IDs) > 0 {
		return found, nil
	}
	for s, err := range db.All(w.ctx, store.Filter{Person: person, Oldest: true}) {
		if err != nil {
			return nil, err
		}
		add(s)
	}
	return found, nil
}

// erasable refuses all when one of them is still on its way: half of a person erased would look like all.
func erasable(w *world, found []submission.Submission) error {
	underWay := 0
	for _, s := range found {
		if s.State.Terminal() {
			continue
		}
		if underWay++; underWay <= maxTellings {
			complain(w.stderr, fmt.Errorf("submission %s is %s: discard it first, what is erased can be neither sent nor looked up", s.ID, s.State))
		}
	}
	if underWay > 0 {
		return errNothingChanged
	}
	return nil
}

// erase empties the rows, a few in each transaction, and says what KeyCRM keeps.
func (c submissionsEraseCmd) erase(w *world, db *store.Beside, found []submission.Submission) error {
	var failed int
	who := operator()
	for batch := range slices.Chunk(found, steerBatch) {
		refusals, err := db.Erase(w.ctx, who, batch)
		if err != nil {
			return err
		}
		for i, s := range batch {
			if refusals[i] != nil {
				failed++
				complain(w.stderr, refusals[i])
			} else if s.CRMID != 0 {
				fmt.Fprintf(w.stdout, "KeyCRM keeps its own copy: the %s %d, of submission %s\n", s.Kind, s.CRMID, s.ID)
			}
		}
	}
	fmt.Fprintf(w.stdout, "%s erased; backups keep theirs\n", plural(len(found)-failed, "submission"))
	if failed > 0 {
		return errors.New("not everything was erased: run the same command again")
	}
	return nil
}

// scrub takes the old bytes out of the database's files.
func (c submissionsEraseCmd) scrub(w *world, db *store.Beside) error {
	size, err := db.Size(w.ctx)
	if err != nil {
		return err
	}
	if size <= scrubAtOnce || c.Vacuum {
		return db.Scrub(w.ctx)
	}
	fmt.Fprintf(w.stderr, "the database has %d MB, and was not rewritten, because posts would wait for that: copies that earlier changes left may lie in its unused places; "+
		"run the same command with --vacuum at a quiet hour\n", size>>20)
	return db.Truncate(w.ctx)
}
