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
	"formrelay/internal/form"
	"formrelay/internal/keycrm"
	"formrelay/internal/mapping"
	"formrelay/internal/profile"
	"formrelay/internal/store"
	"formrelay/internal/submission"
)

type submissionsCmd struct {
	List submissionsListCmd `cmd:"" help:"List submissions, the newest first."`
	Show submissionsShowCmd `cmd:"" help:"Show one submission: its fields, its entity and its attempts."`
}

type submissionsListCmd struct {
	Database string `env:"FORMRELAY_DATABASE" default:"sqlite:formrelay.db" placeholder:"URL" help:"Where submissions are stored: sqlite:FILE."`
	State    string `placeholder:"STATE" help:"Only those in this state: queued, sending, delivered, uncertain, rejected, held, refused or discarded."`
	Profile  string `placeholder:"NAME" help:"Only those of this profile."`
	Limit    int    `default:"50" help:"At most so many (1 to 1000)."`
	JSON     bool   `name:"json" help:"A line of JSON each."`
}

// Run prints a table, or a line of JSON each. It works while a server runs on the same database.
func (c submissionsListCmd) Run(w *world) error {
	filter := store.Filter{Profile: c.Profile, State: submission.State(c.State), Limit: c.Limit}
	if c.State != "" && !knownState(filter.State) {
		return usageError{fmt.Errorf("--state: there is no state %q; the states are %s", c.State, stateWords())}
	}
	if c.Limit < 1 || c.Limit > 1000 {
		return usageError{errors.New("--limit: write a number from 1 to 1000")}
	}
	db, err := openStored(w, c.Database)
	if err != nil {
		return err
	}
	defer db.Close()
	rows, err := db.List(w.ctx, filter)
	if err != nil {
		return err
	}
	if c.JSON {
		return listJSON(w.stdout, rows)
	}
	return listTable(w.stdout, rows)
}

func knownState(state submission.State) bool {
	return slices.Contains(submission.States(), state)
}

func stateWords() string {
	var words []string
	for _, s := range submission.States() {
		words = append(words, string(s))
	}
	return strings.Join(words, ", ")
}

// listedSubmission is one line of `submissions list --json`. Of what a visitor typed it holds no more than Error quotes of it.
type listedSubmission struct {
	ID         string            `json:"id"`
	Profile    string            `json:"profile"`
	State      submission.State  `json:"state"`
	Reason     submission.Reason `json:"reason,omitempty"`
	ReceivedAt time.Time         `json:"received_at"`
	Attempts   int               `json:"attempts"`
	CRMID      *int64            `json:"crm_id"`
	Error      *string           `json:"error"`
}

func listJSON(out io.Writer, rows []submission.Submission) error {
	for _, s := range rows {
		line := listedSubmission{s.ID, s.Profile, s.State, s.Reason, s.ReceivedAt, s.Attempt, crmID(s), errorText(s)}
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

func listTable(out io.Writer, rows []submission.Submission) error {
	if len(rows) == 0 {
		_, err := fmt.Fprintln(out, "no submissions")
		return err
	}
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tRECEIVED\tPROFILE\tSTATE\tKEYCRM\tWHY")
	for _, s := range rows {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", s.ID, s.ReceivedAt.Format(time.DateTime), s.Profile, stateText(s), crmText(s), printable(s.Error))
	}
	return table.Flush()
}

type submissionsShowCmd struct {
	Database string `env:"FORMRELAY_DATABASE" default:"sqlite:formrelay.db" placeholder:"URL" help:"Where submissions are stored: sqlite:FILE."`
	ID       string `arg:"" help:"The submission's id."`
	JSON     bool   `name:"json" help:"As one JSON object."`
}

// Run prints one submission with everything known of it. It works while a server runs on the same database.
func (c submissionsShowCmd) Run(w *world) error {
	if err := checkID(c.ID); err != nil {
		return usageError{err}
	}
	db, err := openStored(w, c.Database)
	if err != nil {
		return err
	}
	defer db.Close()
	s, err := oneSubmission(w, db, c.ID)
	if err != nil {
		return err
	}
	attempts, err := db.Attempts(w.ctx, s.ID)
	if err != nil {
		return err
	}
	if c.JSON {
		return showJSON(w.stdout, s, attempts)
	}
	return showText(w.stdout, s, attempts, mappingLines(w, db, s))
}

// mappingLines tells which line of the profile made each of KeyCRM's paths, as the revision that took the submission has it. Where that
// cannot be told any more, no line is named.
func mappingLines(w *world, db *store.Store, s submission.Submission) map[string]mapping.Route {
	revision, err := db.Revision(w.ctx, s.Revision)
	if err != nil {
		return nil
	}
	p, faults := profile.Parse(s.Profile, s.Profile+".yaml", revision.Text, profile.Options{})
	if len(faults) > 0 {
		return nil
	}
	lines := map[string]mapping.Route{}
	for _, route := range p.Mapping.Apply(recordedInput(s, true)).Routes {
		lines[route.Path] = route
	}
	return lines
}

// says is one of KeyCRM's messages beside the mapping's line that made the value.
func says(m keycrm.Message, lines map[string]mapping.Route) string {
	route, known := lines[m.Path]
	if !known || route.Expression == "" {
		return strings.TrimPrefix(m.Path+": "+m.Text, ": ")
	}
	return fmt.Sprintf("%s: %s (line %d of the profile: %s)", m.Path, m.Text, route.Pos.Line, route.Expression)
}

// shownSubmission is `submissions show ID --json`.
type shownSubmission struct {
	ID         string               `json:"id"`
	Profile    string               `json:"profile"`
	Revision   string               `json:"revision"`
	State      submission.State     `json:"state"`
	Reason     submission.Reason    `json:"reason,omitempty"`
	ReceivedAt time.Time            `json:"received_at"`
	Fields     []form.Pair          `json:"fields"`
	Entity     json.RawMessage      `json:"entity"`
	Faults     []submission.Fault   `json:"faults,omitempty"`
	Attempts   []submission.Attempt `json:"attempts"`
	CRMID      *int64               `json:"crm_id"`
	Error      *string              `json:"error"`
}

func showJSON(out io.Writer, s submission.Submission, attempts []submission.Attempt) error {
	shown := shownSubmission{
		ID: s.ID, Profile: s.Profile, Revision: s.Revision, State: s.State, Reason: s.Reason, ReceivedAt: s.ReceivedAt,
		Fields: s.Pairs, Entity: s.Entity, Faults: s.Faults, Attempts: attempts, CRMID: crmID(s), Error: errorText(s),
	}
	if shown.Fields == nil {
		shown.Fields = []form.Pair{}
	}
	if shown.Attempts == nil {
		shown.Attempts = []submission.Attempt{}
	}
	return writeJSON(out, shown, "  ")
}

func showText(out io.Writer, s submission.Submission, attempts []submission.Attempt, lines map[string]mapping.Route) error {
	page := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintf(page, "id\t%s\nprofile\t%s\nrevision\t%s\nreceived\t%s\nstate\t%s\n", s.ID, s.Profile, s.Revision, s.ReceivedAt.Format(time.RFC3339), stateText(s))
	if s.CRMID != 0 {
		fmt.Fprintf(page, "in KeyCRM\t%s %d\n", s.Kind, s.CRMID)
	}
	if s.Error != "" {
		fmt.Fprintf(page, "why\t%s\n", printable(s.Error))
	}
	for _, f := range s.Faults {
		fmt.Fprintf(page, "fault\t%s: %s\n", printable(f.Field), printable(f.Text))
	}
	fmt.Fprintln(page, "\nFields")
	for _, pair := range s.Pairs {
		fmt.Fprintf(page, "  %s\t%s\n", printable(pair.Name), printable(pair.Value))
	}
	if err := showEntity(page, s); err != nil {
		return err
	}
	showAttempts(page, attempts, lines)
	return page.Flush()
}

func showEntity(out io.Writer, s submission.Submission) error {
	if len(s.Entity) == 0 {
		_, err := fmt.Fprintln(out, "\nNo entity yet")
		return err
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, s.Entity, "  ", "  "); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\nEntity (%s)\n  %s\n", s.Kind, inert(indented.String()))
	return err
}

func showAttempts(out io.Writer, attempts []submission.Attempt, lines map[string]mapping.Route) {
	if len(attempts) == 0 {
		fmt.Fprintln(out, "\nNo attempt yet")
		return
	}
	fmt.Fprintln(out, "\nAttempts")
	for _, a := range attempts {
		took := "no end written"
		if a.EndedAt != nil {
			took = a.EndedAt.Sub(a.StartedAt).Round(time.Millisecond).String()
		}
		fmt.Fprintf(out, "  %d\t%s\t%s\t%s\t%s\t%s\n", a.Number, a.StartedAt.Format(time.RFC3339), a.Kind, took, a.Outcome, printable(a.Text))
		for _, m := range a.Messages {
			fmt.Fprintf(out, "  \t%s\n", printable(says(m, lines)))
		}
	}
}

// openStored opens the database beside whoever serves from it.
func openStored(w *world, database string) (*store.Store, error) {
	if err := (config.Data{Database: database}).Check(); err != nil {
		return nil, usageError{fmt.Errorf("--database: %w", err)}
	}
	return store.OpenReadOnly(w.ctx, database)
}

// checkID refuses what can be no submission's id before anything is opened.
func checkID(id string) error {
	if !submission.ValidID(id) {
		return fmt.Errorf("%q is no submission's id: 26 characters of 0-9 and A-Z without I, L, O and U", id)
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

// printable makes a visitor's text safe for a terminal: control characters, tabs and line ends are shown, not obeyed.
func printable(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return text
	}
	quoted := strconv.QuoteToGraphic(text)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}
