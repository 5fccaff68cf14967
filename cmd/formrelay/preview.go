package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"formrelay/internal/config"
	"formrelay/internal/form"
	"formrelay/internal/intake"
	"formrelay/internal/mapping"
	"formrelay/internal/profile"
	"formrelay/internal/submission"
)

type previewCmd struct {
	config.Data `embed:""`
	config.File `embed:""`

	Profile    string   `arg:"" optional:"" help:"A profile's name, or its file. May be left out with --submission: then the bytes that were stored are printed."`
	Fields     []string `name:"field" short:"F" sep:"none" placeholder:"NAME=VALUE" help:"A form field; repeat it for each."`
	Body       string   `placeholder:"FILE" help:"A whole request body from a file (- for standard input) instead of fields."`
	Type       string   `default:"application/x-www-form-urlencoded" help:"The body's content type."`
	Page       string   `placeholder:"FILE" help:"Fill in the form of a page of HTML (- for standard input) and use that."`
	Form       string   `placeholder:"N" help:"With --page: which form, by its number, id or name."`
	Submission string   `placeholder:"ID" help:"Use what was posted as this submission, with its id and time."`
	ID         string   `placeholder:"ID" help:"The submission's id; a new one unless given."`
	Now        string   `placeholder:"TIME" help:"When it is received, such as 2026-03-04T09:15:00Z; now unless given."`
	Explain    bool     `help:"Print on standard error which way each value took."`
	Diff       int      `placeholder:"REVISION" help:"Show what the profile makes otherwise than that revision did of the submissions it took last."`
	Last       int      `default:"20" help:"With --diff: of how many submissions (1 to 1000)."`
}

// Run prints the entity on standard output, byte for byte as it would be sent, and a line's end. What keeps it from being sent is told on
// standard error, with exit 1, as are the files that would follow it.
func (c previewCmd) Run(w *world) error {
	if err := c.check(); err != nil {
		return usageError{err}
	}
	if c.Profile == "" {
		return c.stored(w)
	}
	p, err := c.profile(w)
	if err != nil {
		return err
	}
	if c.Diff != 0 {
		return c.compare(w, p)
	}
	in, err := c.input(w, p)
	if err != nil {
		return err
	}
	result := p.Mapping.Apply(in)
	if c.Explain {
		if err := explain(w.stderr, result.Routes); err != nil {
			return err
		}
	}
	taken := tellFiles(w.stderr, p, in.Fields.Files)
	if len(result.Corrections)+len(result.Problems) > 0 || !taken {
		tellFaults(w.stderr, p, result)
		return silentError{}
	}
	return c.print(w, result.Entity)
}

func (c previewCmd) check() error {
	sources := 0
	for _, given := range []bool{len(c.Fields) > 0, c.Body != "", c.Page != "", c.Submission != ""} {
		if given {
			sources++
		}
	}
	switch {
	case c.Diff != 0:
		return c.checkDiff(sources)
	case c.Profile == "" && c.Submission == "":
		return errors.New("name a profile, or a recorded submission with --submission")
	case sources > 1:
		return errors.New("give fields with -F, or a body with --body, or a page with --page, or a recorded submission with --submission, not several of them")
	case c.Form != "" && c.Page == "":
		return errors.New("--form says which form of a page: give the page with --page")
	case c.Submission != "" && (c.ID != "" || c.Now != ""):
		return errors.New("a recorded submission has its own id and time: leave out --id and --now")
	case c.ID != "":
		return flagged("--id", checkID(c.ID))
	case c.Submission != "":
		return flagged("--submission", checkID(c.Submission))
	}
	return nil
}

// flagged names the flag that an error is about.
func flagged(flag string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", flag, err)
}

// print writes the bytes as they are and a line's end; a person at a terminal gets them indented, and inert.
func (c previewCmd) print(w *world, entity []byte) error {
	if terminal(w.stdout) {
		return printIndented(w.stdout, entity)
	}
	_, err := w.stdout.Write(append(slices.Clip(entity), '\n'))
	return err
}

// printIndented writes an entity for a person.
func printIndented(out io.Writer, entity []byte) error {
	var text bytes.Buffer
	if err := json.Indent(&text, entity, "", "  "); err != nil {
		return err
	}
	_, err := io.WriteString(out, inert(text.String())+"\n")
	return err
}

// stored prints what a recorded submission sends, or sent.
func (c previewCmd) stored(w *world) error {
	s, err := c.recorded(w)
	if err != nil {
		return err
	}
	if len(s.Entity) == 0 {
		return fmt.Errorf("submission %s is %s and has no entity yet: %s\nname the profile to see what it makes of it now: formrelay preview %s --submission %s",
			s.ID, s.State, s.Error, s.Profile, s.ID)
	}
	return c.print(w, s.Entity)
}

func (c previewCmd) recorded(w *world) (submission.Submission, error) {
	db, err := openStored(w, c.Database)
	if err != nil {
		return submission.Submission{}, err
	}
	defer db.Close()
	return oneSubmission(w, db, c.Submission)
}

// profile finds the profile by its file, when a path or an ending is written, else by its name: in the folder, or in the database.
func (c previewCmd) profile(w *world) (*profile.Profile, error) {
	options, err := profileOptions(w, c.File)
	if err != nil {
		return nil, err
	}
	p, faults, err := c.read(w, options)
	if err != nil {
		return nil, err
	}
	if len(faults) > 0 {
		if err := faults.Write(w.stderr, terminal(w.stderr)); err != nil {
			return nil, err
		}
		return nil, silentError{}
	}
	return p, nil
}

func (c previewCmd) read(w *world, o profile.Options) (*profile.Profile, profile.Faults, error) {
	file, missing := profileFile(c.Profiles, c.Profile)
	if missing == nil {
		return readProfile(file, o)
	}
	text, label, err := shelf{Data: c.Data, File: c.File}.lying(w, c.Profile)
	if errors.Is(err, fs.ErrNotExist) { // there is no database yet
		err = missing
	}
	if err != nil {
		return nil, nil, err
	}
	p, faults := profile.Parse(c.Profile, label, text, o)
	return p, faults, nil
}

// profileFile is the file that is meant: itself when a path or an ending is written, else the profile of that name in the folder.
func profileFile(folder, named string) (string, error) {
	if strings.ContainsRune(named, os.PathSeparator) || filepath.Ext(named) != "" {
		return named, nil
	}
	return inFolder(folder, named)
}

func inFolder(folder, name string) (string, error) {
	if !profile.ValidName(name) {
		return "", fmt.Errorf("%q is no profile's name", name)
	}
	for _, ending := range []string{".yaml", ".yml"} {
		file := filepath.Join(folder, name+ending)
		if _, err := os.Stat(file); err == nil {
			return file, nil
		}
	}
	return "", fmt.Errorf("there is no profile %s in %s: look at its name, or name the folder with --profiles", name, folder)
}

// input gathers what the mapping reads: the fields from wherever they come, the id and the time.
func (c previewCmd) input(w *world, p *profile.Profile) (mapping.Input, error) {
	if c.Submission != "" {
		s, err := c.recorded(w)
		if err != nil {
			return mapping.Input{}, err
		}
		return recordedInput(s, c.Explain), nil
	}
	in := mapping.Input{ID: c.ID, Now: time.Now().UTC(), Explain: c.Explain}
	if in.ID == "" {
		in.ID = submission.NewID()
	}
	if c.Now != "" {
		now, err := time.Parse(time.RFC3339, c.Now)
		if err != nil {
			return in, usageError{fmt.Errorf("--now: %q is no time; write one such as 2026-03-04T09:15:00Z", c.Now)}
		}
		in.Now = now.UTC()
	}
	fields, err := c.fields(w, p)
	if err != nil {
		return in, err
	}
	names, err := c.Names(rules(w))
	in.Fields = intake.Spoken(fields, names.KeyFields[p.Guard.Secret])
	return in, err
}

// recordedInput is what the mapping read when the submission was taken.
func recordedInput(s submission.Submission, explain bool) mapping.Input {
	return mapping.Input{
		ID: s.ID, Now: s.ReceivedAt, Explain: explain,
		Fields:  &form.Fields{Pairs: s.Pairs, Charset: s.Charset, Files: postedFiles(s)},
		Visitor: mapping.Visitor(s.Visitor),
	}
}

func (c previewCmd) fields(w *world, p *profile.Profile) (*form.Fields, error) {
	if c.Page != "" {
		return c.filledIn(w)
	}
	if c.Body == "" {
		fields := &form.Fields{Charset: "utf-8"}
		for _, field := range c.Fields {
			name, value, given := strings.Cut(field, "=")
			if !given {
				return nil, usageError{fmt.Errorf("-F %s: write NAME=VALUE, with nothing behind the = for an empty field", printable(field))}
			}
			fields.Pairs = append(fields.Pairs, form.Pair{Name: name, Value: value})
		}
		return fields, nil
	}
	in := w.stdin
	if c.Body != "-" {
		file, err := os.Open(c.Body)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	var types typing
	fields, err := form.Decode(c.Type, in, form.Options{Limits: p.Limits, Charset: p.Charset, Files: types.open})
	if err != nil {
		return nil, fmt.Errorf("the server would turn this body away: %w", err)
	}
	types.name(fields)
	return fields, nil
}

// filledIn is a page's form with sample values. What a browser would not post is told.
func (c previewCmd) filledIn(w *world) (*form.Fields, error) {
	f, err := chosenForm(w, c.Page, c.Form)
	if err != nil {
		return nil, err
	}
	for _, called := range f.Unnamed() {
		fmt.Fprintf(w.stderr, "%s: %q has no name and is not posted\n", printable(c.Page), called)
	}
	fields := &form.Fields{Pairs: f.Sample(), Charset: "utf-8"}
	if c.Explain {
		for _, pair := range fields.Pairs {
			fmt.Fprintf(w.stderr, "%s=%s\n", printable(pair.Name), printable(pair.Value))
		}
	}
	return fields, nil
}

// explain prints the way of each value as a table: KeyCRM's path, the form's fields, the expression, what was posted, what is sent.
func explain(out io.Writer, routes []mapping.Route) error {
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "KEYCRM\tFORM\tEXPRESSION\tPOSTED\tSENT")
	for _, r := range routes {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", r.Path, printable(strings.Join(r.Fields, ", ")), printable(r.Expression), printable(r.From), printable(r.To))
	}
	return table.Flush()
}

// tellFaults says what keeps the submission from being sent: first what a visitor would be told, in the visitor's words, then what is
// held for ops.
func tellFaults(out io.Writer, p *profile.Profile, result mapping.Result) {
	told := "the visitor is told (422) at the %s %s: %s%s\n"
	if p.HoldInvalid {
		told = "held for you (answer.invalid is hold): the %s %s at fault: %s%s\n"
	}
	var contact []string // the form's fields of which one is needed
	for _, c := range result.Corrections {
		if c.Code == mapping.CodeNoContact {
			contact = append(contact, printable(c.Field))
		}
	}
	for i, c := range result.Corrections {
		fields, word := printable(c.Field), "field"
		if c.Code == mapping.CodeNoContact {
			if slices.IndexFunc(result.Corrections, func(o mapping.Correction) bool { return o.Code == c.Code }) != i {
				continue
			}
			if fields = strings.Join(contact, ", "); len(contact) > 1 {
				word = "fields"
			}
		}
		words, err := intake.Sentence(p.Lang, c)
		if err != nil {
			words = ""
		}
		if p.HoldInvalid && word == "field" {
			fields += " is"
		} else if p.HoldInvalid {
			fields += " are"
		}
		fmt.Fprintf(out, told, word, fields, words, ruleWords(c))
	}
	for _, problem := range result.Problems {
		fmt.Fprintf(out, "held for you: %s:%d:%d: %s: %s\n", p.File, problem.Pos.Line, problem.Pos.Column, problem.Path, printable(problem.Text))
	}
}

// ruleWords is the rule of the profile that was broken, in brackets; what is broken without a rule has its sentence alone.
func ruleWords(c mapping.Correction) string {
	if c.Tag == "" {
		return ""
	}
	return " (" + strings.TrimSuffix(c.Tag+"="+c.Param, "=") + ")"
}

// correctionRule names what was broken as the profile does.
func correctionRule(c mapping.Correction) string {
	return strings.TrimSuffix(c.Code+" "+c.Tag+"="+c.Param, " =")
}

func readAll(in io.Reader, limit int64) ([]byte, error) {
	return io.ReadAll(io.LimitReader(in, limit))
}
