package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"formrelay/internal/submission"
)

// The bounds of a list, and of one page of a walk: what visitors sent may be large, and a page of it is in memory at once.
const (
	defaultList = 50
	maxList     = 1000
	walkPage    = 64
)

// arrivalSlack is by how much the times of arrival may run against the order of arrival: a clock that was put right.
const arrivalSlack = time.Hour

// Filter says which submissions List and All return. Each condition that is set must hold.
type Filter struct {
	Profile string               // of this profile; empty: of all
	States  []submission.State   // in one of these states; none: in all
	Reason  submission.Reason    // kept back for this reason, or with a signal of it; empty: for any or none
	Files   submission.FileState // with a file in this state; empty: with files or without
	Since   time.Time            // received then or later; zero: from the first on
	Until   time.Time            // received before; zero: up to now
	Text    string               // with this text in one of the values that its visitor sent, in capitals or small letters; empty: any
	Person  submission.Person    // sent by, or naming, this person; zero: anybody
	Before  string               // the id of a submission: only those that arrived before it; empty: from the newest on
	Oldest  bool                 // the oldest first; else the newest first
	Limit   int                  // of List: at most so many; 0: 50; never more than 1000
	Look    int                  // at most so many rows are looked at for Text or Person, then the error is a *Looked; 0: all of them
}

// Looked says that as many submissions were looked at as the filter allowed, and where to go on.
type Looked struct {
	Before string // the Filter.Before that goes on where this ended
	N      int
}

func (l *Looked) Error() string {
	return fmt.Sprintf("%d submissions were looked at; go on before %s", l.N, l.Before)
}

// List reads submissions, newest first unless the filter says otherwise, without what the visitor sent: Pairs, Raw, Visitor, Entity and
// Faults are empty, and Submission reads them. submission.ErrNotFound when Before is unknown. With a *Looked error what was found until
// then is returned too.
func (s *Store) List(ctx context.Context, f Filter) ([]submission.Submission, error) {
	limit := min(f.Limit, maxList)
	if limit <= 0 {
		limit = defaultList
	}
	var all []submission.Submission
	for sub, err := range s.walk(ctx, f, f.page(limit), f.looksInside()) {
		if err != nil {
			return all, err
		}
		sub.Pairs, sub.Raw, sub.Visitor, sub.Entity, sub.Faults = nil, nil, submission.Visitor{}, nil, nil
		if all = append(all, sub); len(all) == limit {
			break
		}
	}
	return all, nil
}

// All gives every submission that the filter matches, whole, one after the other: however many there are, few are in memory at a time.
// It is no snapshot; what arrives meanwhile is met when the oldest come first. The first error ends it.
func (s *Store) All(ctx context.Context, f Filter) iter.Seq2[submission.Submission, error] {
	return s.walk(ctx, f, walkPage, true)
}

// looksInside tells whether the filter needs what visitors sent.
func (f Filter) looksInside() bool { return f.Text != "" || f.Person != submission.Person{} }

// page is how many rows a list that wants limit of them reads at once.
func (f Filter) page(limit int) int {
	if f.looksInside() {
		return walkPage
	}
	return limit
}

// matches is the part of the filter that no database can be asked for in the same words: capitals in every script, phones in every
// spelling.
func (f Filter) matches(sub submission.Submission) bool {
	if f.Person != (submission.Person{}) && !f.Person.In(sub) {
		return false
	}
	if f.Text == "" {
		return true
	}
	wanted := strings.ToLower(f.Text)
	for _, p := range sub.Pairs {
		if strings.Contains(strings.ToLower(p.Value), wanted) {
			return true
		}
	}
	return false
}

// walk reads page after page along seq, the order of arrival, so that it goes on where it was, whatever has arrived meanwhile.
func (s *Store) walk(ctx context.Context, f Filter, page int, whole bool) iter.Seq2[submission.Submission, error] {
	return func(yield func(submission.Submission, error) bool) {
		looked := 0
		q, err := s.pages(ctx, f, page, whole)
		for err == nil {
			var rows []record
			rows, err = q.next(ctx, s)
			if err == nil && whole {
				err = s.withFiles(ctx, rows)
			}
			if err != nil || len(rows) == 0 {
				break
			}
			for _, r := range rows {
				if f.matches(r.Submission) && !yield(r.Submission, nil) {
					return
				}
			}
			if looked += len(rows); f.looksInside() && f.Look > 0 && looked >= f.Look {
				err = &Looked{Before: rows[len(rows)-1].ID, N: looked}
			}
		}
		if err != nil {
			yield(submission.Submission{}, s.explained(err))
		}
	}
}

// pages is a walk's question and how far it has come.
type pages struct {
	columns string
	where   []string
	states  []string // the condition of each state that is asked for; none: all
	args    []any
	oldest  bool
	size    int
	cursor  int64 // the seq of the row it met last
	begun   bool
}

// pages makes a filter's question.
//
// A state is written into it and not bound, for the planner must see that a partial index may be used; it is one of the program's own
// words. The profile is compared as an expression: few databases have many profiles, and an index on it would have the rows sorted
// anew for each page.
func (s *Store) pages(ctx context.Context, f Filter, size int, whole bool) (*pages, error) {
	q := &pages{columns: summary, where: []string{"1 = 1"}, oldest: f.Oldest, size: size}
	if whole {
		q.columns = columns
	}
	if f.Profile != "" {
		q.and("profile || '' = ?", f.Profile)
	}
	for _, state := range f.States {
		if err := q.state(state); err != nil {
			return nil, err
		}
	}
	if f.Reason != "" {
		q.and("(reason = ? OR signals LIKE ?)", string(f.Reason), `%"reason":"`+likeWord(f.Reason)+`"%`)
	}
	if f.Files != "" {
		q.and("seq IN (SELECT submission FROM files WHERE state = ?)", string(f.Files))
	}
	if err := s.between(ctx, q, f); err != nil {
		return nil, err
	}
	if f.Before != "" {
		var seq int64
		err := s.read.QueryRowContext(ctx, s.d.bind(`SELECT seq FROM submissions WHERE id = ?`), f.Before).Scan(&seq)
		if err != nil {
			return nil, notFound(err, "submission", f.Before)
		}
		q.and("seq < ?", seq)
	}
	return q, nil
}

func (q *pages) and(condition string, values ...any) {
	q.where = append(q.where, condition)
	q.args = append(q.args, values...)
}

func (q *pages) state(state submission.State) error {
	condition := "state = '" + string(state) + "'"
	switch {
	case !slices.Contains(submission.States(), state):
		return fmt.Errorf("there is no state %q", state)
	case state == submission.Rejected || state == submission.Held || state == submission.Refused || state == submission.Discarded:
		condition = steered + " AND " + condition
	}
	q.states = append(q.states, condition)
	return nil
}

// steered repeats the condition of the index submissions_steered word for word.
const steered = `(state = 'rejected' OR state = 'held' OR state = 'refused' OR state = 'discarded')`

// between adds the times. Arrival is the order of seq but for clocks that were put right, so that the rows can be narrowed down to a
// stretch without an index that every visitor would pay for.
func (s *Store) between(ctx context.Context, q *pages, f Filter) error {
	if !f.Since.IsZero() {
		from, err := s.seqAt(ctx, f.Since.Add(-arrivalSlack))
		if err != nil {
			return err
		}
		q.and("seq >= ? AND received_at >= ?", from, micros(f.Since))
	}
	if !f.Until.IsZero() {
		to, err := s.seqAt(ctx, f.Until.Add(arrivalSlack))
		if err != nil {
			return err
		}
		q.and("seq < ? AND received_at < ?", to, micros(f.Until))
	}
	return nil
}

// next reads the next page; it is empty when there is none.
func (q *pages) next(ctx context.Context, s *Store) ([]record, error) {
	where, args, order := slices.Clone(q.where), slices.Clone(q.args), "DESC"
	if q.begun {
		if args = append(args, q.cursor); q.oldest {
			where = append(where, "seq > ?")
		} else {
			where = append(where, "seq < ?")
		}
	}
	if q.oldest {
		order = "ASC"
	}
	// Each state is a question of its own, which its index answers in the order of arrival; the databases merge them as they read.
	one := `SELECT ` + q.columns + ` FROM submissions WHERE ` + strings.Join(where, " AND ")
	questions, values := []string{one}, args
	for n, state := range q.states {
		if n > 0 {
			questions, values = append(questions, ""), append(values, args...)
		}
		questions[n] = one + " AND " + state
	}
	query := strings.Join(questions, " UNION ALL ") + ` ORDER BY seq ` + order + ` LIMIT ?`
	rows, err := list(ctx, s.read, s.d.bind(query), append(values, q.size), scanSubmission)
	if err == nil && len(rows) > 0 {
		q.cursor, q.begun = rows[len(rows)-1].seq, true
	}
	return rows, err
}

// seqAt finds the first row that was received at t or later, by halving: a few questions of one row each. It is one more than the last
// row's when all were received before.
func (s *Store) seqAt(ctx context.Context, t time.Time) (int64, error) {
	const edge = `SELECT seq FROM submissions ORDER BY seq `
	var low, high int64
	err := s.read.QueryRowContext(ctx, edge+`ASC LIMIT 1`).Scan(&low)
	if err == nil {
		err = s.read.QueryRowContext(ctx, edge+`DESC LIMIT 1`).Scan(&high)
	}
	if err != nil {
		return 0, ignoreNoRows(err)
	}
	for high++; low < high; {
		middle := low + (high-low)/2
		var seq int64
		var received time.Time
		err := s.read.QueryRowContext(ctx, s.d.bind(`SELECT seq, received_at FROM submissions WHERE seq >= ? ORDER BY seq LIMIT 1`), middle).
			Scan(&seq, at{&received})
		if err != nil {
			return 0, ignoreNoRows(err)
		}
		if received.Before(t) {
			low = seq + 1
		} else {
			high = middle
		}
	}
	return low, nil
}

// ignoreNoRows is for questions whose answer may be that there is nothing.
func ignoreNoRows(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

// CorrectedBy finds for refused submissions the later post by which their visitor answered: to the same profile, within
// submission.CorrectedWithin, with the same key, phone or email, and itself neither refused nor discarded nor a test. It gives the later
// one's id by the refused one's; those that nothing answers, and those that are not refused, are not in it.
//
// It is found when it is asked for, among the posts of that hour, so that taking a post costs nothing for it.
func (s *Store) CorrectedBy(ctx context.Context, ids ...string) (map[string]string, error) {
	open, err := s.refused(ctx, ids)
	if err != nil {
		return nil, s.explained(err)
	}
	found := map[string]string{}
	for len(open) > 0 {
		if err := s.answers(ctx, open, found); err != nil {
			return nil, s.explained(err)
		}
		// What the walk met has been decided; it ended where nothing it had begun with could be answered any more.
		open = slices.DeleteFunc(open, func(r refusal) bool { return r.done })
	}
	return found, nil
}

// refusal is a refused submission that waits for its answer.
type refusal struct {
	record
	contacts []string
	done     bool
}

// refused reads those of ids that are refused and can be known again, in the order of arrival.
func (s *Store) refused(ctx context.Context, ids []string) ([]refusal, error) {
	var all []refusal
	for _, id := range ids {
		r, err := scanSubmission(s.read.QueryRowContext(ctx, s.d.bind(`SELECT `+columns+` FROM submissions WHERE id = ?`), id))
		if err != nil {
			return nil, notFound(err, "submission", id)
		}
		if contacts := r.Contacts(); r.State == submission.Refused && (r.key != 0 || len(contacts) > 0) {
			all = append(all, refusal{record: r, contacts: contacts})
		}
	}
	slices.SortFunc(all, func(a, b refusal) int { return int(a.seq - b.seq) })
	return all, nil
}

// answers walks on from the first of open until an hour after the last one it has met, so that each post is looked at once however many
// were refused in its hour. It marks those as done that it has met.
func (s *Store) answers(ctx context.Context, open []refusal, found map[string]string) error {
	q := &pages{
		columns: columns, where: []string{"state <> 'refused' AND state <> 'discarded'"}, oldest: true, size: walkPage,
		cursor: open[0].seq, begun: true,
	}
	open[0].done = true
	until := open[0].ReceivedAt
	for {
		rows, err := q.next(ctx, s)
		if err != nil {
			return err
		}
		for _, r := range rows {
			for i := range open {
				if !open[i].done && open[i].seq < r.seq && !r.ReceivedAt.After(until.Add(submission.CorrectedWithin+arrivalSlack)) {
					open[i].done, until = true, later(until, open[i].ReceivedAt)
				}
				if open[i].done && found[open[i].ID] == "" && open[i].answeredBy(r) {
					found[open[i].ID] = r.ID
				}
			}
			if r.ReceivedAt.After(until.Add(submission.CorrectedWithin + arrivalSlack)) {
				return nil
			}
		}
		if len(rows) == 0 {
			for i := range open {
				open[i].done = true
			}
			return nil
		}
	}
}

func (r refusal) answeredBy(s record) bool {
	wait := s.ReceivedAt.Sub(r.ReceivedAt)
	if s.Profile != r.Profile || wait < 0 || wait > submission.CorrectedWithin || s.HeldAsTest() {
		return false
	}
	return r.key != 0 && r.key == s.key || submission.SamePerson(r.contacts, s.Contacts())
}
