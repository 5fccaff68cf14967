package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"formrelay/internal/config"
	"formrelay/internal/profile"
)

type checkCmd struct {
	config.File `embed:""`

	Profiles string `env:"FORMRELAY_PROFILES" default:"./profiles" placeholder:"FOLDER" help:"Folder of the profiles to check when no file is named."`
	JSON     bool   `name:"json" help:"Print what was found as a JSON list, for editors and CI."`
	Online   bool   `help:"Ask KeyCRM too: whether the ids, custom fields and articles that the profiles name are there."`

	stored        `embed:"" group:"With --online:"`
	config.KeyCRM `embed:"" group:"With --online:"`

	Files []string `arg:"" optional:"" name:"file" help:"Profiles to check, files or names in the folder; without any, the whole folder."`
}

// Run reports every fault of every file, with those of the tests in it, and the warnings, one line each on standard error; it ends with
// exit 1 if there was a fault.
func (c checkCmd) Run(w *world) error {
	options, accounts, err := c.options(w)
	if err != nil {
		return err
	}
	found, err := c.read(options)
	if err != nil {
		return err
	}
	if found.profiles == 0 {
		return fmt.Errorf("there is no profile in %s: a profile is a file <name>.yaml", c.Profiles)
	}
	if err := c.unset(w, found); err != nil {
		return err
	}
	var unasked error
	if c.Online {
		unasked = c.ask(w, found, accounts)
		found.unasked = unasked != nil
	}
	if c.JSON {
		err = found.writeJSON(w)
	} else {
		err = found.write(w)
	}
	if err = errors.Join(unasked, err); err == nil && len(found.faults) > 0 {
		return silentError{}
	}
	return err
}

// options is what the configuration adds to a profile's meaning, and with --online the accounts that are asked.
func (c checkCmd) options(w *world) (profile.Options, []config.Account, error) {
	options, err := profileOptions(w, c.File)
	if err != nil || !c.Online {
		return options, nil, err
	}
	accounts, err := c.Accounts(c.KeyCRM, rules(w))
	if err != nil {
		return options, nil, usageError{err}
	}
	options.Accounts = nil
	for _, a := range accounts {
		options.Accounts = append(options.Accounts, a.Name)
	}
	return options, accounts, nil
}

// unset warns about variables in which the configuration says that something lies, and nothing does.
func (c checkCmd) unset(w *world, found *checked) error {
	all, err := c.Unset(rules(w))
	for _, u := range all {
		found.warnings = append(found.warnings, profile.Fault{
			File: c.Config, Line: u.Line, Column: u.Column, Warning: true,
			What: "the variable " + u.Variable + ", which holds " + u.Of + ", is not set here", Do: "set it where the server runs",
		})
	}
	return err
}

// checked is what there is to say about some profiles.
type checked struct {
	profiles, tests  int
	faults, warnings profile.Faults
	sound            []*profile.Profile // those without a fault of their own
	said             []string           // lines about what KeyCRM was asked
	unasked          bool               // an account could not be asked
}

// add takes a profile without faults in: its tests are tried, and what may go wrong is said.
func (c *checked) add(p *profile.Profile) {
	c.sound = append(c.sound, p)
	c.tests += len(p.Tests)
	c.faults = append(c.faults, p.RunTests()...)
	c.warnings = append(c.warnings, p.Warnings()...)
}

// write tells people: everything about a file together, then how much it was.
func (c *checked) write(w *world) error {
	all := c.all()
	if err := all.Write(w.stderr, terminal(w.stderr)); err != nil {
		return err
	}
	count := plural(c.profiles, "profile") + " checked"
	if c.tests > 0 {
		count += ", " + plural(c.tests, "test") + " tried"
	}
	warned := ""
	if len(c.warnings) > 0 {
		warned = ", " + plural(len(c.warnings), "warning")
	}
	said := strings.Join(append([]string{""}, c.said...), "\n")
	if len(c.faults) > 0 {
		_, err := fmt.Fprintf(w.stderr, "%s, %s in %s%s%s\n", count, plural(len(c.faults), "fault"), plural(files(c.faults), "file"), warned, said)
		return err
	}
	sound := "no fault"
	if c.unasked {
		sound = "no fault in the file; KeyCRM was NOT asked"
		if c.profiles > 1 {
			sound = "no fault in the files; KeyCRM was NOT asked about each of them"
		}
	}
	_, err := fmt.Fprintf(w.stdout, "%s, %s%s%s\n", count, sound, warned, said)
	return err
}

// all is everything that was found, by file and place.
func (c *checked) all() profile.Faults {
	all := slices.Concat(c.faults, c.warnings)
	slices.SortStableFunc(all, func(a, b profile.Fault) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return all
}

// found is one fault or warning for a program. Line and column count from 1; they are 0 when it is about the file as a whole.
type found struct {
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Severity string `json:"severity"` // error or warning
	Message  string `json:"message"`
	Do       string `json:"do,omitempty"`
}

// writeJSON tells programs: a list, which is empty when there is nothing to say. What people may want to know of the asking goes to
// standard error.
func (c *checked) writeJSON(w *world) error {
	for _, line := range c.said {
		fmt.Fprintln(w.stderr, line)
	}
	list := []found{}
	for _, f := range c.all() {
		severity := "error"
		if f.Warning {
			severity = "warning"
		}
		list = append(list, found{File: f.File, Line: f.Line, Column: f.Column, Severity: severity, Message: f.What, Do: f.Do})
	}
	out := json.NewEncoder(w.stdout)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(list)
}

func (c checkCmd) read(options profile.Options) (*checked, error) {
	if len(c.Files) == 0 {
		return c.folder(options)
	}
	all := &checked{profiles: len(c.Files)}
	for _, named := range c.Files {
		file, err := profileFile(c.Profiles, named)
		if err != nil {
			return nil, err
		}
		p, faults, err := readProfile(file, options)
		if err != nil {
			return nil, err
		}
		if all.faults = append(all.faults, faults...); p != nil {
			all.add(p)
		}
	}
	return all, nil
}

// folder checks every profile of the folder.
func (c checkCmd) folder(o profile.Options) (*checked, error) {
	set, err := profile.LoadDir(c.Profiles, o)
	if err != nil {
		return nil, fmt.Errorf("%w: name a file, or a folder with --profiles", err)
	}
	all := &checked{profiles: len(set.Names()) + len(set.Broken()), faults: set.Faults()}
	for _, name := range set.Names() {
		if p, ok := set.Get(name); ok {
			all.add(p)
		}
	}
	return all, nil
}

// files counts the files that have a fault.
func files(faults profile.Faults) int {
	named := map[string]bool{}
	for _, f := range faults {
		named[f.File] = true
	}
	return len(named)
}

// readProfile reads one file that the operator named; the profile's name is the file's.
func readProfile(file string, o profile.Options) (*profile.Profile, profile.Faults, error) {
	text, err := readBounded(file, profile.MaxFile)
	if err != nil {
		return nil, nil, err
	}
	base := filepath.Base(file)
	p, faults := profile.Parse(strings.TrimSuffix(base, filepath.Ext(base)), file, text, o)
	return p, faults, nil
}

// readBounded reads a file of at most limit bytes, and one byte more, so that whoever reads it sees that it is too large.
func readBounded(file string, limit int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f, limit+1)
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
