package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf16"

	"formrelay/internal/config"
	"formrelay/internal/store"
	"formrelay/internal/submission"
)

type submissionsCmd struct {
	List    submissionsListCmd    `cmd:"" help:"List submissions, the newest first."`
	Show    submissionsShowCmd    `cmd:"" help:"Show one submission: its fields, its entity and what happened to it."`
	Export  submissionsExportCmd  `cmd:"" help:"Write submissions with all their fields as CSV or as lines of JSON, the oldest first."`
	Replay  submissionsReplayCmd  `cmd:"" help:"Send again what KeyCRM refused, what is held, refused or discarded, or look up what is uncertain."`
	Release submissionsReleaseCmd `cmd:"" help:"Let go what is held or refused."`
	Discard submissionsDiscardCmd `cmd:"" help:"Decide that submissions are not sent."`
	Erase   submissionsEraseCmd   `cmd:"" help:"Take away for ever what a visitor sent, of submissions or of a person."`
}

// narrowing is how commands say which submissions they mean.
type narrowing struct {
	State   string `placeholder:"STATE,…" help:"Only those in this state, or in one of several: queued, sending, delivered, uncertain, rejected, held, refused, discarded."`
	Reason  string `placeholder:"WORD" help:"Only those held for this reason, or marked with it, such as spam or test."`
	Profile string `placeholder:"NAME" help:"Only those of this profile."`
	Since   string `placeholder:"TIME" help:"Only those received then or later: 2026-03-04, 2026-03-04T09:15 (UTC), or how long ago, such as 90m or 7d."`
	Until   string `placeholder:"TIME" help:"Only those received before."`
	Text    string `placeholder:"WORDS" help:"Only those in whose fields these words stand, in capitals or small letters."`
}

// maxText bounds what is searched for: nobody types more.
const maxText = 200

// filter turns the flags into what the store is asked. now is what "ago" counts from.
func (n narrowing) filter(now time.Time) (store.Filter, error) {
	f := store.Filter{Profile: n.Profile, States: n.states(), Reason: submission.Reason(n.Reason), Text: strings.TrimSpace(n.Text)}
	for _, state := range f.States {
		if !slices.Contains(submission.States(), state) {
			return f, usageError{fmt.Errorf("--state: there is no state %q; the states are %s", state, words(submission.States()))}
		}
	}
	if n.Reason != "" && !slices.Contains(submission.Reasons(), f.Reason) {
		return f, usageError{fmt.Errorf("--reason: there is no reason %q; the reasons are %s", n.Reason, words(submission.Reasons()))}
	}
	if len(f.Text) > maxText {
		return f, usageError{fmt.Errorf("--text: write at most %d bytes", maxText)}
	}
	var err error
	if f.Since, err = timeFlag("since", n.Since, now); err != nil {
		return f, err
	}
	f.Until, err = timeFlag("until", n.Until, now)
	return f, err
}

// states are those of --state, each once, known or not; none when it is not given.
func (n narrowing) states() (all []submission.State) {
	if n.State == "" {
		return nil
	}
	for word := range strings.SplitSeq(n.State, ",") {
		if state := submission.State(strings.TrimSpace(word)); !slices.Contains(all, state) {
			all = append(all, state)
		}
	}
	return all
}

// timeFlag reads a moment or how long ago it was; an empty text is the zero time.
func timeFlag(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateTime, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	if days, found := strings.CutSuffix(text, "d"); found {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n < 100_000 {
			return now.AddDate(0, 0, -n), nil
		}
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	return time.Time{}, usageError{fmt.Errorf("--%s: %q is no time; write one such as 2026-03-04, 2026-03-04T09:15 or 7d", flag, text)}
}

// stored names the database for the commands that need nothing else.
type stored struct {
	Database string `env:"FORMRELAY_DATABASE" default:"sqlite:formrelay.db" placeholder:"URL" help:"Where submissions are stored: sqlite:FILE or postgres://…"`
}

type submissionsListCmd struct {
	stored    `embed:""`
	narrowing `embed:""`

	Files  string `placeholder:"STATE" help:"Only those with a file that is waiting, uploaded, attached or refused by KeyCRM."`
	Before string `placeholder:"ID" help:"Go on with those that arrived before this one."`
	Limit  int    `default:"50" help:"At most so many (1 to 1000)."`
	JSON   bool   `name:"json" help:"A line of JSON each."`
}

// maxLooked is how many submissions `list` reads whole in search of a text before it says how to go on.
const maxLooked = 200_000

// Run prints a table, or a line of JSON each. It works while a server runs on the same database.
func (c submissionsListCmd) Run(w *world) error {
	filter, err := c.filter(time.Now())
	if err != nil {
		return err
	}
	if c.Limit < 1 || c.Limit > 1000 {
		return usageError{errors.New("--limit: write a number from 1 to 1000")}
	}
	if c.Before != "" && !submission.ValidID(c.Before) {
		return usageError{fmt.Errorf("--before: %w", checkID(c.Before))}
	}
	if filter.Files = submission.FileState(c.Files); c.Files != "" && !slices.Contains(submission.FileStates(), filter.Files) {
		return usageError{fmt.Errorf("--files: there is no state %q of a file; the states are %s", c.Files, words(submission.FileStates()))}
	}
	db, err := openStored(w, c.Database)
	if err != nil {
		return err
	}
	defer db.Close()
	filter.Limit, filter.Before, filter.Look = c.Limit, c.Before, maxLooked
	rows, err := db.List(w.ctx, filter)
	looked, enough := errors.AsType[*store.Looked](err)
	if err != nil && !enough {
		return err
	}
	corrected, err := correctedBy(w, db, rows)
	if err != nil {
		return err
	}
	paused, err := pauses(w, db)
	if err != nil {
		return err
	}
	if c.JSON {
		err = listJSON(w.stdout, rows, corrected, paused)
	} else {
		err = listTable(w.stdout, rows, corrected, paused)
	}
	switch {
	case enough:
		fmt.Fprintf(w.stderr, "%d submissions were looked through; older ones: --before %s\n", looked.N, looked.Before)
	case !c.JSON && len(rows) == c.Limit:
		fmt.Fprintf(w.stderr, "there may be older ones: --before %s\n", rows[len(rows)-1].ID)
	}
	return err
}

// correctedBy finds which of the refused ones their visitors answered with a later post.
func correctedBy(w *world, db *store.Store, rows []submission.Submission) (map[string]string, error) {
	var refused []string
	for _, s := range rows {
		if s.State == submission.Refused && s.EmptiedAt.IsZero() {
			refused = append(refused, s.ID)
		}
	}
	return db.CorrectedBy(w.ctx, refused...)
}

// words lists states or reasons in a sentence.
func words[T ~string](all []T) string {
	texts := make([]string, len(all))
	for i, word := range all {
		texts[i] = string(word)
	}
	return strings.Join(texts, ", ")
}

// listedSubmission is one line of `submissions list --json`. Of what a visitor typed it holds no more than Error quotes of it.
type listedSubmission struct {
	ID          string            `json:"id"`
	Profile     string            `json:"profile"`
	State       submission.State  `json:"state"`
	Reason      submission.Reason `json:"reason,omitempty"`
	ReceivedAt  time.Time         `json:"received_at"`
	Attempts    int               `json:"attempts"`
	CRMID       *int64            `json:"crm_id"`
	Error       *string           `json:"error"`
	CorrectedBy string            `json:"corrected_by,omitempty"`
	Waits       string            `json:"waits,omitempty"` // its account is paused, and why
	EmptiedAt   *time.Time        `json:"emptied_at,omitempty"`
}

func listJSON(out io.Writer, rows []submission.Submission, corrected map[string]string, paused pauseWords) error {
	for _, s := range rows {
		line := listedSubmission{s.ID, s.Profile, s.State, s.Reason, s.ReceivedAt, s.Attempt, crmID(s), errorText(s), corrected[s.ID], paused.of(s), timeText(s.EmptiedAt)}
		if err := writeJSON(out, line, ""); err != nil {
			return err
		}
	}
	return nil
}

// writeJSON writes v and a line's end. What a terminal would obey stands escaped in it.
func writeJSON(out io.Writer, v any, indent string) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	if err := encoder.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(out, inert(text.String()))
	return err
}

// inert escapes the characters of a JSON text that JSON allows and a terminal may obey: C1 controls, marks that turn the direction of
// writing, and the like. It is the same JSON.
func inert(text string) string {
	shown := func(r rune) bool { return r == '\n' || unicode.IsPrint(r) }
	if !strings.ContainsFunc(text, func(r rune) bool { return !shown(r) }) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if shown(r) {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}

func listTable(out io.Writer, rows []submission.Submission, corrected map[string]string, paused pauseWords) error {
	if len(rows) == 0 {
		_, err := fmt.Fprintln(out, "no submissions")
		return err
	}
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tRECEIVED (UTC)\tPROFILE\tSTATE\tKEYCRM\tWHY")
	for _, s := range rows {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", s.ID, s.ReceivedAt.Format(time.DateTime), s.Profile, stateText(s), crmText(s), printable(why(s, corrected[s.ID], paused.of(s))))
	}
	return table.Flush()
}

// why says what there is to know beside the state.
func why(s submission.Submission, corrected, paused string) string {
	switch {
	case !s.EmptiedAt.IsZero():
		return "its values are gone"
	case corrected != "":
		return "corrected by " + corrected
	case paused != "":
		return paused
	}
	return s.Error
}

// pauseWords say of each account that is paused that it is, and why.
type pauseWords map[string]string

func pauses(w *world, db *store.Store) (pauseWords, error) {
	accounts, err := db.Accounts(w.ctx)
	if err != nil {
		return nil, err
	}
	all := pauseWords{}
	for _, a := range accounts {
		if a.Paused != "" {
			all[a.Name] = "account " + a.Name + " is " + pausedWords(a.Paused)
		}
	}
	return all, nil
}

// of is what a submission waits for while its account is paused; "" when it does not wait for that.
func (p pauseWords) of(s submission.Submission) string {
	if s.State != submission.Queued && s.State != submission.Uncertain {
		return ""
	}
	return p[s.Account]
}

// openStored opens the database beside whoever serves from it, to look at it.
func openStored(w *world, database string) (*store.Store, error) {
	if err := (config.Data{Database: database}).Check(); err != nil {
		return nil, usageError{fmt.Errorf("--database: %w", err)}
	}
	return store.OpenReadOnly(w.ctx, database)
}

// openBeside opens the database beside whoever serves from it, to change it.
func openBeside(w *world, database string) (*store.Beside, error) {
	if err := (config.Data{Database: database}).Check(); err != nil {
		return nil, usageError{fmt.Errorf("--database: %w", err)}
	}
	return store.OpenBeside(w.ctx, database)
}

// checkID refuses what can be no submission's id before anything is opened.
func checkID(id string) error {
	if !submission.ValidID(id) {
		return fmt.Errorf("%q is no submission's id: 26 characters of 0-9 and A-Z without I, L, O and U; the ids are the first column of `formrelay submissions list`", id)
	}
	return nil
}

func oneSubmission(w *world, db *store.Store, id string) (submission.Submission, error) {
	s, err := db.Submission(w.ctx, id)
	if errors.Is(err, submission.ErrNotFound) {
		return s, fmt.Errorf("there is no submission %s in this database: look at the id, or name the database with --database", id)
	}
	return s, err
}

func stateText(s submission.Submission) string {
	if s.Reason == "" {
		return string(s.State)
	}
	return string(s.State) + " (" + string(s.Reason) + ")"
}

func crmID(s submission.Submission) *int64 {
	if s.CRMID == 0 {
		return nil
	}
	return &s.CRMID
}

func crmText(s submission.Submission) string {
	if s.CRMID == 0 {
		return "-"
	}
	return strconv.FormatInt(s.CRMID, 10)
}

func errorText(s submission.Submission) *string {
	if s.Error == "" {
		return nil
	}
	return &s.Error
}

func timeText(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// printable makes a visitor's text safe for a terminal: control characters, tabs and line ends are shown, not obeyed.
func printable(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return text
	}
	quoted := strconv.QuoteToGraphic(text)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}
