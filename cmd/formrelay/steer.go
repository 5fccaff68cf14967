package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	"formrelay/internal/store"
	"formrelay/internal/submission"
)

// The bounds of steering. steerBatch is how many decisions one transaction carries: visitors' posts wait for it. maxTellings is how many
// reasons are told why something cannot be done.
const (
	steerBatch  = 50
	maxTellings = 20
)

// choice is how the steering commands are told which submissions they are about: by ids, or by a filter and its number.
type choice struct {
	stored    `embed:""`
	narrowing `embed:""`

	IDs []string `arg:"" optional:"" name:"id" help:"Submissions by their ids; without any, --state and the other filters say which."`
	Yes *int     `name:"yes" placeholder:"N" help:"With a filter: go on without asking if it is this many."`
}

// check refuses what says nothing, or says it twice. states are those that the command can do something about.
func (c choice) check(states []submission.State) error {
	for _, id := range c.IDs {
		if err := checkID(id); err != nil {
			return usageError{err}
		}
	}
	byFilter := c.narrowing != narrowing{}
	switch {
	case byFilter && len(c.IDs) > 0:
		return usageError{errors.New("name submissions by their ids or by filters, not by both")}
	case len(c.IDs) > 0:
		return nil
	case c.State == "":
		return usageError{fmt.Errorf("name submissions by their ids, or say which with --state: %s", words(states))}
	case slices.ContainsFunc(c.narrowing.states(), func(state submission.State) bool { return !slices.Contains(states, state) }):
		return usageError{fmt.Errorf("--state: this command is for submissions that are %s", words(states))}
	}
	return nil
}

// seen is a submission as it was when it was chosen: what is decided later holds for that one alone.
type seen struct {
	id      string
	state   submission.State
	attempt int
	reason  submission.Reason
}

func sight(s submission.Submission) seen { return seen{s.ID, s.State, s.Attempt, s.Reason} }

// choose reads which submissions are meant, those of a filter in the order of their arrival.
func (c choice) choose(w *world, db *store.Store) ([]seen, error) {
	var all []seen
	if len(c.IDs) > 0 {
		for _, id := range c.IDs {
			s, err := oneSubmission(w, db, id)
			if err != nil {
				return nil, err
			}
			if !slices.ContainsFunc(all, func(o seen) bool { return o.id == id }) {
				all = append(all, sight(s))
			}
		}
		return all, nil
	}
	filter, err := c.filter(time.Now())
	if err != nil {
		return nil, err
	}
	filter.Oldest = true
	for s, err := range db.All(w.ctx, filter) {
		if err != nil {
			return nil, err
		}
		if s.EmptiedAt.IsZero() {
			all = append(all, sight(s))
		}
	}
	return all, nil
}

// confirm asks the number back when a filter chose, so that nobody moves more than was meant. what reads as "to be sent again".
func (c choice) confirm(w *world, n int, what string) error {
	if len(c.IDs) > 0 {
		return nil
	}
	return confirm(w, c.Yes, n, what)
}

// confirm compares the number with --yes, or asks for it on standard input.
func confirm(w *world, yes *int, n int, what string) error {
	if yes != nil {
		if *yes != n {
			return fmt.Errorf("--yes=%d, but it is %s %s: nothing was changed", *yes, plural(n, "submission"), what)
		}
		return nil
	}
	fmt.Fprintf(w.stderr, "%s %s. Type %d to go on: ", plural(n, "submission"), what, n)
	line, err := bufio.NewReader(io.LimitReader(w.stdin, 100)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if strings.TrimSpace(line) != strconv.Itoa(n) {
		return errors.New("that is not the number: nothing was changed")
	}
	return nil
}

// steering is one run of a command that decides about submissions one by one.
type steering struct {
	w    *world
	db   *store.Beside
	who  string
	what string // "to be sent again", for the question
	done string // "sent again", for the end
	// plan makes the decision about one submission; its error says why there can be none.
	plan func(submission.Submission) (store.Decision, error)
}

// errNothingChanged is said after the reasons.
var errNothingChanged = errors.New("nothing was changed")

// run plans everything, and only if all of it can be done asks and does it. Planning comes a second time just before the deed, one
// batch at a time, so that a hundred thousand submissions take no more memory than fifty.
func (s steering) run(c choice) error {
	chosen, err := c.choose(s.w, s.db.Store)
	if err != nil {
		return err
	}
	if len(chosen) == 0 {
		fmt.Fprintln(s.w.stdout, "no submissions")
		return nil
	}
	if err := s.rehearse(chosen); err != nil {
		return err
	}
	if err := c.confirm(s.w, len(chosen), s.what); err != nil {
		return err
	}
	done, failed := 0, 0
	for batch := range slices.Chunk(chosen, steerBatch) {
		refusals, err := s.carryOut(batch)
		if err != nil {
			return fmt.Errorf("%d of %s %s, then: %w", done, plural(len(chosen), "submission"), s.done, err)
		}
		for _, refusal := range refusals {
			fmt.Fprintln(s.w.stderr, refusal)
		}
		done, failed = done+len(batch)-len(refusals), failed+len(refusals)
	}
	fmt.Fprintf(s.w.stdout, "%s %s\n", plural(done, "submission"), s.done)
	if failed > 0 {
		return silentError{}
	}
	return nil
}

// rehearse plans without doing anything, and tells everything that is in the way.
func (s steering) rehearse(chosen []seen) error {
	failed := 0
	for _, c := range chosen {
		sub, err := oneSubmission(s.w, s.db.Store, c.id)
		if err != nil {
			return err
		}
		if _, err := s.plan(sub); err != nil {
			if failed++; failed <= maxTellings {
				complain(s.w.stderr, err)
			}
		}
	}
	if failed == 0 {
		return nil
	}
	if failed > maxTellings {
		complain(s.w.stderr, fmt.Errorf("and %d more", failed-maxTellings))
	}
	return errNothingChanged
}

// carryOut decides about one batch in one transaction.
func (s steering) carryOut(batch []seen) (refusals []error, err error) {
	var decisions []store.Decision
	for _, c := range batch {
		sub, err := oneSubmission(s.w, s.db.Store, c.id)
		if err != nil {
			return nil, err
		}
		d, err := s.plan(sub)
		if now := sight(sub); now != c || err != nil {
			refusals = append(refusals, fmt.Errorf("submission %s has moved on since you asked, it is %s now: it was left alone", c.id, stateText(sub)))
			continue
		}
		decisions = append(decisions, d)
	}
	results, err := s.db.Decide(s.w.ctx, decisions)
	if err != nil {
		return nil, err
	}
	for _, refusal := range results {
		if refusal != nil {
			refusals = append(refusals, refusal)
		}
	}
	return refusals, nil
}

// operator is who runs the command, as the machine knows them.
func operator() string {
	u, err := user.Current()
	if err != nil || u.Username == "" {
		return "unknown"
	}
	return u.Username
}

type submissionsDiscardCmd struct {
	choice `embed:""`
}

// Run decides that submissions are not sent. They are kept; replay brings them back until retention empties them.
func (c submissionsDiscardCmd) Run(w *world) error {
	states := []submission.State{submission.Rejected, submission.Held, submission.Refused, submission.Queued, submission.Uncertain}
	if err := c.check(states); err != nil {
		return err
	}
	db, err := openBeside(w, c.Database)
	if err != nil {
		return err
	}
	defer db.Close()
	s := steering{w: w, db: db, who: operator(), what: "to be discarded", done: "discarded"}
	s.plan = func(sub submission.Submission) (store.Decision, error) { return planDiscard(sub, s.who) }
	return s.run(c.choice)
}

func planDiscard(s submission.Submission, who string) (store.Decision, error) {
	switch {
	case s.State == submission.Sending:
		return store.Decision{}, fmt.Errorf("submission %s is being sent just now: wait until its call has ended", s.ID)
	case !s.State.CanBeMade(submission.Discarded):
		return store.Decision{}, fmt.Errorf("submission %s is %s: there is nothing to discard", s.ID, s.State)
	}
	next := s
	next.State = submission.Discarded
	if s.State == submission.Uncertain {
		// KeyCRM may have it: whoever brings it back must look first.
		next.Reason = submission.ReasonUncertain
	}
	return store.Decision{Seen: s, Next: next, Changes: []submission.Change{{Who: who, Kind: submission.GivenUp}}}, nil
}
