package main

import (
	"errors"
	"fmt"
	"strconv"

	"formrelay/internal/phpscript"
)

type importCmd struct {
	File string `arg:"" help:"The PHP script, or a page of text with one in it; - is standard input."`
	Line int    `placeholder:"N" help:"Take the array that begins on this line, where the script has more than one."`
}

// Run prints the profile on standard output and, on standard error, what was found, each with its line: exit 0 also when something is
// left to be mended by hand, exit 1 when the file has no order and no card.
func (c importCmd) Run(w *world) error {
	text, err := c.read(w)
	if err != nil {
		return err
	}
	result, err := phpscript.Import(text, phpscript.Options{Name: c.File, Line: c.Line})
	name := c.File
	if name == "-" {
		name = "stdin"
	}
	for _, note := range result.Notes {
		at := name
		if note.Line > 0 {
			at += ":" + strconv.Itoa(note.Line)
		}
		fmt.Fprintf(w.stderr, "%s: %s\n", at, note.Text)
	}
	switch {
	case errors.Is(err, phpscript.ErrNothing) && c.Line > 0:
		return fmt.Errorf("%s: no array of an order or a card begins on line %d: leave --line out, or give the line of its opening bracket", name, c.Line)
	case errors.Is(err, phpscript.ErrNothing):
		return fmt.Errorf("%s: %w: it must hold the array with buyer or contact that the script sends to KeyCRM", name, err)
	case err != nil:
		return fmt.Errorf("%s: %w", name, err)
	}
	if _, err := w.stdout.Write(result.Profile); err != nil {
		return err
	}
	left := ""
	if result.Left > 0 {
		left = fmt.Sprintf("; %s not turned and a comment now", plural(result.Left, "value"))
	}
	fmt.Fprintf(w.stderr, "%s: the %s of line %d, %s turned%s; next: write it to profiles/NAME.yaml and run formrelay check NAME\n",
		name, result.Creates, result.Line, plural(result.Turned, "value"), left)
	return nil
}

func (c importCmd) read(w *world) ([]byte, error) {
	if c.File == "-" {
		return readAll(w.stdin, phpscript.MaxFile+1)
	}
	return readBounded(c.File, phpscript.MaxFile)
}
