package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"formrelay/internal/form"
	"formrelay/internal/keycrm"
	"formrelay/internal/mapping"
	"formrelay/internal/profile"
	"formrelay/internal/store"
	"formrelay/internal/submission"
)

type submissionsShowCmd struct {
	stored `embed:""`

	ID    string `arg:"" help:"The submission's id."`
	JSON  bool   `name:"json" help:"As one JSON object."`
	Files string `placeholder:"FOLDER" help:"Write its files into this folder too, which is made if need be, as ID-NUMBER-NAME; none is overwritten."`
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
	known, err := everything(w, db, c.ID)
	if err != nil {
		return err
	}
	if c.Files != "" {
		if err := saveFiles(w, db, known.Submission, c.Files); err != nil {
			return err
		}
	}
	if c.JSON {
		return known.json(w.stdout)
	}
	return known.text(w.stdout)
}

// knowledge is all that is known of one submission.
type knowledge struct {
	submission.Submission
	attempts  []submission.Attempt
	changes   []submission.Change
	corrected string
	waits     string                   // its account is paused, and why
	lines     map[string]mapping.Route // which line of the profile made each of KeyCRM's paths
}

func everything(w *world, db *store.Store, id string) (k knowledge, err error) {
	if k.Submission, err = oneSubmission(w, db, id); err != nil {
		return k, err
	}
	if k.attempts, err = db.Attempts(w.ctx, id); err != nil {
		return k, err
	}
	if k.changes, err = db.Changes(w.ctx, id); err != nil {
		return k, err
	}
	corrected, err := correctedBy(w, db, []submission.Submission{k.Submission})
	if err != nil {
		return k, err
	}
	k.corrected = corrected[id]
	paused, err := pauses(w, db)
	k.waits = paused.of(k.Submission)
	if slices.ContainsFunc(k.attempts, func(a submission.Attempt) bool { return len(a.Messages) > 0 }) {
		k.lines = mappingLines(w, db, k.Submission) // only KeyCRM's words about a path need them
	}
	return k, err
}

// mappingLines tells which line of the profile made each of KeyCRM's paths, as the revision that took the submission has it. Where that
// cannot be told any more, no line is named.
func mappingLines(w *world, db *store.Store, s submission.Submission) map[string]mapping.Route {
	p, faults, err := takenBy(w.ctx, db.Revision, s, profile.Options{})
	if err != nil || len(faults) > 0 {
		return nil
	}
	lines := map[string]mapping.Route{}
	for _, route := range p.Mapping.Apply(recordedInput(s, true)).Routes {
		lines[route.Path] = route
	}
	return lines
}

// takenBy reads the profile as it was when the submission was taken. Faults mean that this version, or its accounts, do not fit it.
func takenBy(ctx context.Context, text func(context.Context, string) (submission.Revision, error), s submission.Submission, o profile.Options) (*profile.Profile, profile.Faults, error) {
	revision, err := text(ctx, s.Revision)
	if err != nil {
		return nil, nil, err
	}
	p, faults := profile.Parse(s.Profile, s.Profile+".yaml", revision.Text, o)
	return p, faults, nil
}

// says is one of KeyCRM's messages beside the mapping's line that made the value.
func (k knowledge) says(m keycrm.Message) string {
	route, known := k.lines[m.Path]
	if !known || route.Expression == "" {
		return strings.TrimPrefix(m.Path+": "+m.Text, ": ")
	}
	return fmt.Sprintf("%s: %s (line %d of the profile: %s)", m.Path, m.Text, route.Pos.Line, route.Expression)
}

// shownSubmission is `submissions show ID --json`.
type shownSubmission struct {
	ID          string               `json:"id"`
	Profile     string               `json:"profile"`
	Revision    string               `json:"revision"`
	State       submission.State     `json:"state"`
	Reason      submission.Reason    `json:"reason,omitempty"`
	ReceivedAt  time.Time            `json:"received_at"`
	Visitor     *submission.Visitor  `json:"visitor,omitempty"`
	Fields      []form.Pair          `json:"fields"`
	Files       []shownFile          `json:"files"`
	Entity      json.RawMessage      `json:"entity"`
	Faults      []submission.Fault   `json:"faults,omitempty"`
	Signals     []submission.Signal  `json:"signals,omitempty"`
	Attempts    []submission.Attempt `json:"attempts"`
	Changes     []submission.Change  `json:"changes"`
	MadeFrom    string               `json:"made_from,omitempty"`
	SentAgain   []string             `json:"sent_again,omitempty"`
	CorrectedBy string               `json:"corrected_by,omitempty"`
	Waits       string               `json:"waits,omitempty"` // its account is paused, and why
	Repeats     int                  `json:"repeats,omitempty"`
	RepeatedAt  *time.Time           `json:"repeated_at,omitempty"`
	EmptiedAt   *time.Time           `json:"emptied_at,omitempty"`
	CRMID       *int64               `json:"crm_id"`
	Error       *string              `json:"error"`
}

// visitor is where the post came from; nil when nothing is known, or no more.
func (k knowledge) visitor() *submission.Visitor {
	if k.Visitor == (submission.Visitor{}) {
		return nil
	}
	return &k.Visitor
}

// showVisitor prints where the post came from.
func (k knowledge) showVisitor(page io.Writer) {
	v := k.visitor()
	if v == nil {
		return
	}
	fmt.Fprintln(page, "\nVisitor")
	for _, line := range [][2]string{{"address", v.IP}, {"page", v.Page}, {"came from", v.Referrer}, {"language", v.Language}, {"browser", v.UserAgent}} {
		if line[1] != "" {
			fmt.Fprintf(page, "  %s\t%s\n", line[0], printable(line[1]))
		}
	}
}

func (k knowledge) json(out io.Writer) error {
	from, again := k.links()
	shown := shownSubmission{
		ID: k.ID, Profile: k.Profile, Revision: k.Revision, State: k.State, Reason: k.Reason, ReceivedAt: k.ReceivedAt,
		Visitor: k.visitor(), Fields: k.Pairs, Files: shownFiles(k.Files), Entity: k.Entity, Faults: k.Faults, Signals: k.Signals, Attempts: k.attempts, Changes: k.changes,
		MadeFrom: from, SentAgain: again,
		CorrectedBy: k.corrected, Waits: k.waits, Repeats: k.Repeats, RepeatedAt: timeText(k.RepeatedAt), EmptiedAt: timeText(k.EmptiedAt), CRMID: crmID(k.Submission), Error: errorText(k.Submission),
	}
	if shown.Fields == nil {
		shown.Fields = []form.Pair{}
	}
	if shown.Attempts == nil {
		shown.Attempts = []submission.Attempt{}
	}
	if shown.Changes == nil {
		shown.Changes = []submission.Change{}
	}
	return writeJSON(out, shown, "  ")
}

// links finds the submission that this one was made of, and those that were made of it.
func (k knowledge) links() (from string, again []string) {
	for _, c := range k.changes {
		switch c.Kind {
		case submission.MadeFrom:
			from = c.Other
		case submission.SentAgain:
			again = append(again, c.Other)
		default:
		}
	}
	return from, again
}

func (k knowledge) text(out io.Writer) error {
	page := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	k.head(page)
	if k.EmptiedAt.IsZero() {
		fmt.Fprintln(page, "\nFields")
		for _, pair := range k.Pairs {
			fmt.Fprintf(page, "  %s\t%s\n", printable(pair.Name), printable(pair.Value))
		}
		k.showVisitor(page)
		showFiles(page, k.Files)
		if err := showEntity(page, k.Submission); err != nil {
			return err
		}
	}
	fmt.Fprintln(page, "\nWhat happened")
	for _, e := range k.timeline() {
		fmt.Fprintf(page, "  %s\t%s\n", e.at.Format(time.DateTime), strings.Join(e.cells, "\t"))
	}
	return page.Flush()
}

func (k knowledge) head(page io.Writer) {
	fmt.Fprintf(page, "id\t%s\nprofile\t%s\nrevision\t%s\nreceived\t%s\nstate\t%s\n", k.ID, k.Profile, k.Revision, k.ReceivedAt.Format(time.RFC3339), stateText(k.Submission))
	if k.CRMID != 0 {
		fmt.Fprintf(page, "in KeyCRM\t%s %d\n", k.Kind, k.CRMID)
	}
	from, again := k.links()
	if from != "" {
		fmt.Fprintf(page, "made of\t%s\n", from)
	}
	for _, id := range again {
		fmt.Fprintf(page, "sent again as\t%s\n", id)
	}
	if k.corrected != "" {
		fmt.Fprintf(page, "corrected by\t%s\n", k.corrected)
	}
	if k.Repeats > 0 {
		fmt.Fprintf(page, "posted again\t%s, last %s\n", times(k.Repeats), k.RepeatedAt.Format(time.RFC3339))
	}
	if !k.EmptiedAt.IsZero() {
		fmt.Fprintf(page, "values\tgone since %s\n", k.EmptiedAt.Format(time.RFC3339))
	}
	if k.waits != "" {
		fmt.Fprintf(page, "waits\t%s\n", printable(k.waits))
	}
	several := k.State == submission.Held && len(k.Signals) > 1 // Error is all of them in one line
	if k.Error != "" && !several {
		fmt.Fprintf(page, "why\t%s\n", printable(k.Error))
	}
	if several || k.State != submission.Held {
		for _, s := range k.Signals {
			fmt.Fprintf(page, "signal\t%s: %s\n", s.Reason, printable(s.Text))
		}
	}
	if k.Captcha.Pending() {
		fmt.Fprintf(page, "captcha\tof %s, to be verified before it is sent\n", k.Captcha.Secret)
	}
	for _, f := range k.Faults {
		if words := k.beyond(f); words != "" {
			fmt.Fprintf(page, "fault\t%s\n", printable(words))
		}
	}
}

// beyond is what a fault tells beside Error, which names the first of them: each sentence is said once.
func (k knowledge) beyond(f submission.Fault) string {
	told := strings.Contains(k.Error, f.Text)
	switch {
	case f.Code == mapping.CodeNoContact, told && (f.Path == "" || f.Field == "" || strings.Contains(f.Text, f.Field)):
		return "" // a field is named in the sentence
	case told:
		return "in the field " + f.Field + " (" + f.Path + ")"
	case f.Field == "" || strings.HasPrefix(f.Text, f.Field+" "):
		return f.Text
	}
	return f.Field + ": " + f.Text
}

// times is how often something happened.
func times(n int) string {
	if n == 1 {
		return "once"
	}
	return strconv.Itoa(n) + " times"
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

// event is one line of the timeline.
type event struct {
	at    time.Time
	cells []string // kind, outcome, status, took, words
}

// timeline puts calls and ops' decisions in the order in which they happened.
func (k knowledge) timeline() []event {
	events := []event{{k.ReceivedAt, []string{"received"}}}
	for _, a := range k.attempts {
		events = append(events, event{a.StartedAt, k.attemptCells(a)})
	}
	for _, c := range k.changes {
		events = append(events, event{c.At, []string{string(c.Kind), "", "", "", "by " + printable(c.Who) + changeText(c)}})
	}
	slices.SortStableFunc(events, func(a, b event) int { return a.at.Compare(b.at) })
	return events
}

// attemptCells shows one call, with KeyCRM's own words.
func (k knowledge) attemptCells(a submission.Attempt) []string {
	took, status := "no end written", ""
	if a.EndedAt != nil {
		took = a.EndedAt.Sub(a.StartedAt).Round(time.Millisecond).String()
	}
	if a.Status != 0 {
		status = strconv.Itoa(a.Status)
	}
	words := []string{printable(a.Text)}
	for _, m := range a.Messages {
		words = append(words, printable(k.says(m)))
	}
	kind := string(a.Kind)
	if a.Batch > 0 {
		kind += fmt.Sprintf(" (a batch of %d)", a.Batch)
	}
	return []string{kind, string(a.Outcome), status, took, strings.TrimSpace(strings.Join(words, " "))}
}

// changeText says what of it ops changed.
func changeText(c submission.Change) string {
	switch c.Kind {
	case submission.FieldSet:
		return fmt.Sprintf(": %s from %q to %q", printable(c.Field), c.Old, c.New)
	case submission.Remapped:
		return fmt.Sprintf(": a new entity by revision %.12s, before by %.12s", c.New, c.Old)
	case submission.SentAgain:
		return ": as " + c.Other
	case submission.MadeFrom:
		return ": of " + c.Other
	default:
		return ""
	}
}
