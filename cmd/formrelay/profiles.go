package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/rogpeppe/go-internal/diff"

	"formrelay/internal/config"
	"formrelay/internal/profile"
	"formrelay/internal/store"
	"formrelay/internal/submission"
)

type profilesCmd struct {
	List     profilesListCmd     `cmd:"" help:"List the profiles: where each lies, and which revision serves."`
	History  profilesHistoryCmd  `cmd:"" help:"List the revisions of a profile, the newest first."`
	Show     profilesShowCmd     `cmd:"" help:"Print a profile's text."`
	Diff     profilesDiffCmd     `cmd:"" help:"Show what differs between two revisions of a profile."`
	Put      profilesPutCmd      `cmd:"" help:"Put a profile into the database, for all replicas; it serves within a second."`
	Rollback profilesRollbackCmd `cmd:"" help:"Have an earlier revision of a profile in the database serve again."`
	Enable   profilesEnableCmd   `cmd:"" help:"Open a profile in the database again."`
	Disable  profilesDisableCmd  `cmd:"" help:"Close a profile in the database: its form is answered 410."`
	Remove   profilesRemoveCmd   `cmd:"" help:"Take a profile out of the database: its form is answered 404. Its revisions stay."`
}

// shelf is where profiles lie: the folder and the database, as the server has them.
type shelf struct {
	config.Data `embed:""`
	config.File `embed:""`
}

// provisioned is the file of that name in the folder, "" when there is none.
func (s shelf) provisioned(name string) string {
	file, err := inFolder(s.Profiles, name)
	if err != nil {
		return ""
	}
	return file
}

// named refuses what can be no profile's name.
func named(name string) error {
	if !profile.ValidName(name) {
		return usageError{fmt.Errorf("%q is no profile's name: 1 to 64 small Latin letters, digits, _ and -, the first a letter or a digit", name)}
	}
	return nil
}

// changeable opens the database to change a profile in it. One that lies in the folder is changed there.
func (s shelf) changeable(w *world, name string) (*store.Beside, error) {
	if err := named(name); err != nil {
		return nil, err
	}
	if file := s.provisioned(name); file != "" {
		return nil, fmt.Errorf("the profile %s lies in the folder, as %s: change it there, a running server takes the change up within a second", name, file)
	}
	return openBeside(w, s.Database)
}

// missing says what to do about a profile that the database does not have.
func (s shelf) missing(err error, name string) error {
	if errors.Is(err, submission.ErrNotFound) {
		return fmt.Errorf("there is no profile %s in the database: `formrelay profiles list` shows those there are", name)
	}
	return err
}

// listedProfile is one line of `profiles list --json`.
type listedProfile struct {
	Name     string     `json:"name"`
	Creates  string     `json:"creates,omitempty"` // order or card; empty when its text is broken and nothing serves on
	Home     string     `json:"home"`              // the file, or "database"
	Status   string     `json:"status"`            // serving, disabled, broken or hidden
	Revision int        `json:"revision,omitempty"`
	Since    *time.Time `json:"since,omitempty"` // when that revision began to serve
	Author   string     `json:"author,omitempty"`
	ServesOn int        `json:"serves_on,omitempty"` // of a broken one: the earlier revision that serves; without it the form is answered 503
}

// words is the status for people.
func (l listedProfile) words() string {
	switch {
	case l.Status != "broken":
		return l.Status
	case l.ServesOn > 0:
		return fmt.Sprintf("broken, %d serves on", l.ServesOn)
	}
	return "broken, answers 503"
}

type profilesListCmd struct {
	shelf `embed:""`

	JSON bool `name:"json" help:"A line of JSON each."`
}

// Run prints a table, or a line of JSON each. It works while a server runs on the same database, and without a database shows the folder.
func (c profilesListCmd) Run(w *world) error {
	db, err := openStored(w, c.Database)
	if errors.Is(err, fs.ErrNotExist) {
		db, err = nil, nil
	}
	if err != nil {
		return err
	}
	if db != nil {
		defer db.Close()
	}
	all, err := c.folder(w, db)
	if err != nil {
		return err
	}
	if all, err = c.database(w, db, all); err != nil {
		return err
	}
	slices.SortStableFunc(all, func(a, b listedProfile) int { return strings.Compare(a.Name, b.Name) })
	if c.JSON {
		return jsonLines(w, all)
	}
	if len(all) == 0 {
		_, err := fmt.Fprintf(w.stdout, "no profiles: put a file <name>.yaml into %s, or use `formrelay profiles put`\n", c.Profiles)
		return err
	}
	return table(w, all)
}

// folder lists what lies in the folder. One that is not there has none, and that is said: a server may have another.
func (c profilesListCmd) folder(w *world, db *store.Store) ([]listedProfile, error) {
	options, err := profileOptions(w, c.File)
	if err != nil {
		return nil, err
	}
	set, err := profile.LoadDir(c.Profiles, options)
	if errors.Is(err, fs.ErrNotExist) {
		_, err = fmt.Fprintf(w.stderr, "there is no folder %s: only profiles in the database are listed; name the server's folder with --profiles\n", printable(c.Profiles))
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	var all []listedProfile
	for _, name := range set.Broken() {
		l := listedProfile{Name: name, Home: c.provisioned(name), Status: "broken"}
		if db != nil {
			if err := l.servesOn(w, db, options); err != nil {
				return nil, err
			}
		}
		all = append(all, l)
	}
	for _, name := range set.Names() {
		p, _ := set.Get(name)
		l := listedProfile{Name: name, Creates: string(p.Creates), Home: p.File, Status: open(p.Enabled)}
		if db != nil {
			if err := l.number(w, db, p.Hash); err != nil {
				return nil, err
			}
		}
		all = append(all, l)
	}
	return all, nil
}

// servesOn finds the earlier revision that a server has serve in place of a broken text: the one that served last, if it fits this version.
func (l *listedProfile) servesOn(w *world, db *store.Store, options profile.Options) error {
	last, err := db.LastRevision(w.ctx, l.Name)
	if errors.Is(err, submission.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	p, _ := profile.Parse(l.Name, l.Name+".yaml", last.Text, options)
	if p == nil {
		return nil
	}
	l.Creates, l.Revision, l.Since, l.Author = string(p.Creates), 0, nil, ""
	err = l.number(w, db, last.Hash)
	l.ServesOn = l.Revision
	return err
}

// number finds the revision that the store knows a text as; a text that never served has none yet.
func (l *listedProfile) number(w *world, db *store.Store, hash string) error {
	notes, err := db.Revisions(w.ctx, l.Name)
	if err != nil {
		return err
	}
	for _, n := range notes {
		if n.Hash == hash {
			l.Revision, l.Author = n.Number, n.Author
			if !n.ServedAt.IsZero() {
				l.Since = &n.ServedAt
			}
		}
	}
	return nil
}

// database adds what lies in the database. One whose name the folder has too is hidden by it.
func (c profilesListCmd) database(w *world, db *store.Store, all []listedProfile) ([]listedProfile, error) {
	if db == nil {
		return all, nil
	}
	stored, err := db.StoredProfiles(w.ctx)
	if err != nil {
		return nil, err
	}
	options, err := profileOptions(w, c.File)
	if err != nil {
		return nil, err
	}
	inFolder := all[:len(all):len(all)]
	for _, s := range stored {
		l := listedProfile{Name: s.Name, Home: "database", Status: "broken", Revision: s.Number, Since: &s.ChangedAt, Author: s.Author}
		if p, _ := profile.Parse(s.Name, s.Name+".yaml", s.Text, options); p != nil {
			l.Creates, l.Status = string(p.Creates), open(s.Enabled && p.Enabled)
		}
		if slices.ContainsFunc(inFolder, func(o listedProfile) bool { return o.Name == s.Name }) {
			l.Status = "hidden"
		}
		if l.Status == "broken" {
			if err := l.servesOn(w, db, options); err != nil {
				return nil, err
			}
		}
		all = append(all, l)
	}
	return all, nil
}

func open(enabled bool) string {
	if enabled {
		return "serving"
	}
	return "disabled"
}

// jsonLines prints a line of JSON for each.
func jsonLines[T any](w *world, all []T) error {
	out := json.NewEncoder(w.stdout)
	out.SetEscapeHTML(false)
	for _, one := range all {
		if err := out.Encode(one); err != nil {
			return err
		}
	}
	return nil
}

func table(w *world, all []listedProfile) error {
	out := tabwriter.NewWriter(w.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(out, "PROFILE\tCREATES\tSTATUS\tREVISION\tSINCE (UTC)\tLIES IN")
	hidden := false
	for _, p := range all {
		hidden = hidden || p.Status == "hidden"
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\t%s\n", p.Name, dash(p.Creates), p.words(), numbered(p.Revision), when(p.Since), printable(p.Home))
	}
	if err := out.Flush(); err != nil || !hidden {
		return err
	}
	_, err := fmt.Fprintln(w.stderr, "hidden: the folder has a profile of that name, and the folder's serves")
	return err
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func numbered(n int) string {
	if n == 0 {
		return "-"
	}
	return strconv.Itoa(n)
}

// when is a moment for people, in UTC as everywhere on the command line.
func when(t *time.Time) string {
	if t == nil || t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

type profilesHistoryCmd struct {
	shelf `embed:""`

	Name string `arg:"" help:"The profile."`
	JSON bool   `name:"json" help:"A line of JSON each."`
}

// noted is one line of `profiles history --json`.
type noted struct {
	Revision int        `json:"revision"`
	Hash     string     `json:"hash"`
	Made     *time.Time `json:"made,omitempty"`
	Served   *time.Time `json:"served,omitempty"`
	Used     *time.Time `json:"used,omitempty"`        // when it took its last form, as far as the newest submissions tell
	Before   *time.Time `json:"used_before,omitempty"` // it took one, and none from then on
	Author   string     `json:"author,omitempty"`
}

// used is when the revision took its last form, for people.
func (n noted) used() string {
	if n.Before != nil {
		return "before " + when(n.Before)
	}
	return when(n.Used)
}

// Run lists the revisions.
func (c profilesHistoryCmd) Run(w *world) error {
	if err := named(c.Name); err != nil {
		return err
	}
	db, err := openStored(w, c.Database)
	if err != nil {
		return err
	}
	defer db.Close()
	notes, err := db.Revisions(w.ctx, c.Name)
	if err != nil {
		return err
	}
	if len(notes) == 0 {
		return fmt.Errorf("no revision of a profile %s ever served from this database", c.Name)
	}
	taken, err := db.LastTaken(w.ctx, c.Name)
	if err != nil {
		return err
	}
	all := make([]noted, len(notes))
	for i, n := range notes {
		all[i] = noted{Revision: n.Number, Hash: n.Hash, Made: given(n.MadeAt), Served: given(n.ServedAt), Used: given(taken.By(n)), Author: n.Author}
		if all[i].Used == nil && !n.UsedAt.IsZero() {
			all[i].Before = given(taken.Since)
		}
	}
	if c.JSON {
		return jsonLines(w, all)
	}
	out := tabwriter.NewWriter(w.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(out, "REVISION\tFIRST SERVED (UTC)\tLAST BEGAN TO SERVE\tLAST TOOK A FORM\tBY\tSHA-256")
	for _, n := range all {
		by := n.Author
		if by == "" {
			by = "the folder"
		}
		fmt.Fprintf(out, "%d\t%s\t%s\t%s\t%s\t%s\n", n.Revision, when(n.Made), when(n.Served), n.used(), printable(by), n.Hash[:min(12, len(n.Hash))])
	}
	return out.Flush()
}

// given is a moment when there is one.
func given(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

type profilesShowCmd struct {
	shelf `embed:""`

	Name     string `arg:"" help:"The profile."`
	Revision int    `placeholder:"N" help:"An earlier revision, by its number in the history; without it the text that lies there now."`
}

// Run prints the text as it is.
func (c profilesShowCmd) Run(w *world) error {
	if err := named(c.Name); err != nil {
		return err
	}
	text, _, err := c.text(w, c.Name, c.Revision)
	if err != nil {
		return err
	}
	_, err = w.stdout.Write(text)
	return err
}

// text is a revision of a profile by its number, or with 0 what lies there now; label says which for people.
func (s shelf) text(w *world, name string, number int) (text []byte, label string, err error) {
	if number == 0 {
		return s.lying(w, name)
	}
	db, err := openStored(w, s.Database)
	if err != nil {
		return nil, "", err
	}
	defer db.Close()
	rev, err := db.ProfileRevision(w.ctx, name, number)
	if errors.Is(err, submission.ErrNotFound) {
		return nil, "", fmt.Errorf("the profile %s has no revision %d: `formrelay profiles history %s` shows those there are", name, number, name)
	}
	return rev.Text, fmt.Sprintf("%s revision %d", name, number), err
}

// lying is lyingText with a database that is opened when it is asked.
func (s shelf) lying(w *world, name string) (text []byte, label string, err error) {
	return lyingText(w.ctx, s.Profiles, name, func(ctx context.Context) ([]submission.StoredProfile, error) {
		db, err := openStored(w, s.Database)
		if err != nil {
			return nil, err
		}
		defer db.Close()
		return db.StoredProfiles(ctx)
	})
}

type profilesDiffCmd struct {
	shelf `embed:""`

	Name string `arg:"" help:"The profile."`
	From int    `arg:"" optional:"" help:"A revision's number; without it the one that served last."`
	To   int    `arg:"" optional:"" help:"Another revision's number; without it the text that lies there now."`
}

// Run prints what differs, line by line, nothing when the texts are the same.
func (c profilesDiffCmd) Run(w *world) error {
	if err := named(c.Name); err != nil {
		return err
	}
	before, was, err := c.before(w)
	if err != nil {
		return err
	}
	after, is, err := c.text(w, c.Name, c.To)
	if err != nil {
		return err
	}
	_, err = w.stdout.Write(difference(was, before, is, after))
	return err
}

// difference is what differs, line by line, under the names of both; nothing when they are the same.
func difference(was string, before []byte, is string, after []byte) []byte {
	_, lines, _ := bytes.Cut(diff.Diff(was, before, is, after), []byte("\n")) // the first says diff and the two names, which follow
	return lines
}

// before is the text to compare with.
func (c profilesDiffCmd) before(w *world) (text []byte, label string, err error) {
	if c.From != 0 {
		return c.text(w, c.Name, c.From)
	}
	db, err := openStored(w, c.Database)
	if err != nil {
		return nil, "", err
	}
	defer db.Close()
	last, err := db.LastRevision(w.ctx, c.Name)
	if errors.Is(err, submission.ErrNotFound) {
		return nil, "", fmt.Errorf("no revision of a profile %s ever served from this database", c.Name)
	}
	if err != nil {
		return nil, "", err
	}
	l := listedProfile{Name: c.Name}
	err = l.number(w, db, last.Hash)
	return last.Text, fmt.Sprintf("%s revision %d", c.Name, l.Revision), err
}

type profilesPutCmd struct {
	shelf `embed:""`

	File   string `arg:"" help:"The profile's file; its name is the profile's. - reads standard input, and then --name says it."`
	Name   string `placeholder:"NAME" help:"Another name than the file's."`
	Author string `placeholder:"WHO" help:"Who wrote it; the user who runs this, unless given."`
}

// Run checks the text as check does, its tests too, and puts it into the database.
func (c profilesPutCmd) Run(w *world) error {
	name, text, err := c.read(w)
	if err != nil {
		return err
	}
	options, err := profileOptions(w, c.shelf.File)
	if err != nil {
		return err
	}
	p, faults := profile.Parse(name, c.File, text, options)
	if p != nil {
		faults = p.RunTests()
	}
	if len(faults) > 0 {
		if err := faults.Write(w.stderr, terminal(w.stderr)); err != nil {
			return err
		}
		fmt.Fprintf(w.stderr, "%s: nothing was changed\n", plural(len(faults), "fault"))
		return silentError{}
	}
	db, err := c.changeable(w, name)
	if err != nil {
		return err
	}
	defer db.Close()
	return c.put(w, db, submission.Revision{Hash: p.Hash, Profile: name, Text: text})
}

// read finds the text and the name.
func (c profilesPutCmd) read(w *world) (name string, text []byte, err error) {
	name = c.Name
	if c.File == "-" {
		if name == "" {
			return "", nil, usageError{errors.New("a profile on standard input needs a name: --name")}
		}
		text, err = readAll(w.stdin, profile.MaxFile+1)
		return name, text, errors.Join(err, named(name))
	}
	if name == "" {
		base := filepath.Base(c.File)
		name = strings.TrimSuffix(base, filepath.Ext(base))
	}
	if err := named(name); err != nil {
		return "", nil, err
	}
	text, err = readBounded(c.File, profile.MaxFile)
	return name, text, err
}

// put stores a revision and says which it is.
func (c profilesPutCmd) put(w *world, db *store.Beside, rev submission.Revision) error {
	author := c.Author
	if author == "" {
		author = operator()
	}
	number, err := db.PutProfile(w.ctx, rev, author)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w.stdout, "the profile %s is in the database as revision %d; running servers have it within a second\n", rev.Profile, number)
	return err
}

type profilesRollbackCmd struct {
	shelf `embed:""`

	Name     string `arg:"" help:"The profile."`
	Revision int    `arg:"" help:"The revision's number in the history."`
}

// Run puts an earlier text back. It must still fit this version.
func (c profilesRollbackCmd) Run(w *world) error {
	if err := named(c.Name); err != nil {
		return err
	}
	if file := c.provisioned(c.Name); file != "" {
		return fmt.Errorf("the profile %s lies in the folder, as %s: put the earlier text there; `formrelay profiles show %s --revision %d` prints it",
			c.Name, file, c.Name, c.Revision)
	}
	text, _, err := c.text(w, c.Name, c.Revision)
	if err != nil {
		return err
	}
	options, err := profileOptions(w, c.File)
	if err != nil {
		return err
	}
	p, faults := profile.Parse(c.Name, c.Name+".yaml", text, options)
	if p == nil {
		return fmt.Errorf("that revision does not fit this version, and nothing was changed:\n%w", faults)
	}
	db, err := c.changeable(w, c.Name)
	if err != nil {
		return err
	}
	defer db.Close()
	return profilesPutCmd{}.put(w, db, submission.Revision{Hash: p.Hash, Profile: c.Name, Text: text})
}

type profilesEnableCmd struct {
	shelf `embed:""`

	Name string `arg:"" help:"The profile."`
}

// Run opens a profile.
func (c profilesEnableCmd) Run(w *world) error { return c.enable(w, c.Name, true, "takes forms again") }

type profilesDisableCmd struct {
	shelf `embed:""`

	Name string `arg:"" help:"The profile."`
}

// Run closes a profile.
func (c profilesDisableCmd) Run(w *world) error {
	return c.enable(w, c.Name, false, "is closed: its form is answered 410")
}

// enable opens or closes a profile of the database.
func (s shelf) enable(w *world, name string, enabled bool, said string) error {
	db, err := s.changeable(w, name)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.EnableProfile(w.ctx, name, enabled, operator()); err != nil {
		return s.missing(err, name)
	}
	_, err = fmt.Fprintf(w.stdout, "within a second the profile %s %s\n", name, said)
	return err
}

type profilesRemoveCmd struct {
	shelf `embed:""`

	Name string `arg:"" help:"The profile."`
}

// Run takes a profile out of the database.
func (c profilesRemoveCmd) Run(w *world) error {
	db, err := c.changeable(w, c.Name)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.RemoveProfile(w.ctx, c.Name); err != nil {
		return c.missing(err, c.Name)
	}
	_, err = fmt.Fprintf(w.stdout, "within a second the profile %s is gone; `formrelay profiles rollback %s N` brings a revision back\n", c.Name, c.Name)
	return err
}
