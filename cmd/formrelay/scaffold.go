package main

import (
	"fmt"

	"formrelay/internal/profile/scaffold"
)

type scaffoldCmd struct {
	Page string `arg:"" help:"The page's HTML; - is standard input."`
	Form string `placeholder:"N" help:"Which form: its number on the page, its id or its name. Needed only where it is not clear."`
}

// Run prints the profile on standard output and, on standard error, what is to be changed in the page.
func (c scaffoldCmd) Run(w *world) error {
	f, err := chosenForm(w, c.Page, c.Form)
	if err != nil {
		return err
	}
	name, called := c.Page, scaffold.NameOf(c.Page)
	if name == "-" {
		name, called = "stdin", ""
	}
	result := f.Profile(scaffold.Options{File: name, Name: called})
	if _, err := w.stdout.Write(result.Profile); err != nil {
		return err
	}
	fmt.Fprintf(w.stderr, "%s: %s\nIn the page:\n", printable(name), printable(f.String()))
	for i, change := range result.Changes {
		fmt.Fprintf(w.stderr, "%3d. %s\n", i+1, printable(change))
	}
	guessed := ""
	if result.Guessed > 0 {
		guessed = fmt.Sprintf(" (%d guessed from words beside them)", result.Guessed)
	}
	fmt.Fprintf(w.stderr, "%s: makes %s; %s mapped%s, %s into the manager's comment; next: write it to profiles/%s.yaml, look at each TODO in it, and run formrelay check %[6]s\n",
		printable(name), article(string(result.Creates)), plural(result.Mapped, "field"), guessed, plural(result.Rest, "field"), result.Name)
	return nil
}

// chosenForm reads a page and finds the form that is meant.
func chosenForm(w *world, file, which string) (*scaffold.Form, error) {
	text, err := readPage(w, file)
	if err != nil {
		return nil, err
	}
	if file == "-" {
		file = "stdin"
	}
	page, err := scaffold.Read(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", printable(file), err)
	}
	f, err := page.Choose(which)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", printable(file), err)
	}
	return f, nil
}

func readPage(w *world, file string) ([]byte, error) {
	if file == "-" {
		return readAll(w.stdin, scaffold.MaxFile+1)
	}
	return readBounded(file, scaffold.MaxFile)
}

// article puts the right one before a kind of entity.
func article(kind string) string {
	if kind == "order" {
		return "an order"
	}
	return "a " + kind
}
