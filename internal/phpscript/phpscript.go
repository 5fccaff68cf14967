// Package phpscript turns the PHP script that sends a form to KeyCRM into a profile.
//
// The way of a script: [decode] makes text of the bytes; the scanner finds the code in it, which may stand in a page of prose, and
// cuts it into tokens and comments; the splitter makes statements of the tokens; a participle grammar parses each; the runner follows
// the statements and keeps, instead of values, how each would come about; what gives the array something and was not followed is left over; the best array that it finds is held against KeyCRM's schema
// and written as YAML; and [profile.Parse] reads the result, so that whatever it would refuse becomes a comment.
//
// Nothing is run and nothing is called. What cannot be turned is told with its line and stands as a comment where its value would be.
// A token never gets into the profile or into a message: whatever the header with the authorization is built from is one.
package phpscript

import (
	"errors"
	"fmt"

	"formrelay/internal/keycrm"
)

// MaxFile is the most bytes a script may have. Real ones have some thousand.
const MaxFile = 1 << 20

// The bounds of what is read of one script. They are far beyond any script that fills one array, and keep a hostile one from taking
// more than some seconds and some hundred megabytes.
const (
	maxTokens  = 50_000 // of the code in the file; what comes behind is told
	maxNested  = 100    // brackets inside one another
	maxRepairs = 60     // places that are taken out of one statement so that the rest can be parsed
	maxParsed  = 400_000
	maxSize    = 10_000 // parts of one value
	maxSteps   = 20_000 // statements followed, those of an unrolled loop and of functions counted each time
	maxUnroll  = 100    // turns of a loop over a list that is written out
	maxInline  = 8      // functions inside one another
	maxRounds  = 60     // of taking out what a profile refuses
)

// ErrNothing says that a text has no array that could be KeyCRM's order or card.
var ErrNothing = errors.New("there is no array of an order or a card in this file")

// ErrTooLarge says that a file is larger than [MaxFile].
var ErrTooLarge = fmt.Errorf("the file has more than %d bytes", MaxFile)

// Note is one thing that whoever has the script imported should know.
type Note struct {
	Line int    // of the script, from 1; 0 when it is about the whole
	Text string // what was found; what was done or is to be done. It holds no token
}

// Options says what to import.
type Options struct {
	Name string // what the profile's comments call the script
	Line int    // the array that begins on this line; 0: the one that looks most like KeyCRM's
}

// Result is a script as a profile.
type Result struct {
	Profile []byte // YAML that the profile's reader accepts, but for what Notes say is missing
	Creates keycrm.Kind
	Line    int    // where the array begins
	Turned  int    // values that are mapped
	Left    int    // values that are left as comments
	Notes   []Note // by line
}

// Import reads a script, or a page of text with one in it. The error is [ErrTooLarge] or, when nothing could be read, [ErrNothing];
// the Result's Notes are there in any case.
func Import(text []byte, o Options) (*Result, error) {
	if len(text) > MaxFile {
		return &Result{}, ErrTooLarge
	}
	notes := &notebook{}
	source, ok := decode(text)
	if !ok {
		notes.add(1, "the file is not UTF-8 and was read as windows-1251; look whether its letters are right")
	}
	grammar, err := newGrammar()
	if err != nil {
		return &Result{}, err
	}
	patterns := newPatterns()
	code := scan(source, notes, patterns)
	r := newRunner(code, grammar, patterns, notes)
	r.script(split(code, notes))
	found, ok := r.choose(o.Line)
	if !ok {
		return &Result{Notes: r.told()}, ErrNothing
	}
	r.unreached(found)
	r.unread(found)
	w := &writer{runner: r, found: found, options: o}
	result := w.result()
	result.Notes = r.told()
	return result, nil
}
