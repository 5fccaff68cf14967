package profile

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"formrelay/internal/mapping"
)

const (
	maxFaults = 100 // told per file; a file with more is told that there are more
	maxSource = 200 // characters of the source line shown with a fault
	maxQuote  = 60  // characters of the file's own words repeated inside a sentence
)

// Fault is one thing wrong with one profile file, in words for the person who wrote it:
// somebody who knows their shop and KeyCRM, and need not know YAML, expressions or Go. It may
// repeat words of the file, which holds no secrets and no visitor's data.
type Fault struct {
	File   string
	Line   int    // from 1; 0 when the fault is about the file as a whole, its name for instance
	Column int    // from 1, in characters; 0 with Line 0
	What   string // what is wrong, a clause without a full stop
	Do     string // what to do about it, a clause that follows "; "; may be empty
	Source string // the line as it stands in the file, without its end, cut when very long

	Warning bool // it keeps nothing from working: the profile serves
}

// String is the fault on one line: file:line:column: what is wrong; what to do. A warning says that it is one.
func (f Fault) String() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", f.Line, f.Column)
	}
	b.WriteString(": ")
	if f.Warning {
		b.WriteString("warning: ")
	}
	b.WriteString(f.What)
	if f.Do != "" {
		b.WriteString("; ")
		b.WriteString(f.Do)
	}
	return b.String()
}

// caret is the source line and, under it, a mark below the fault's column. It is empty when
// there is no line to show.
func (f Fault) caret() string {
	if f.Line == 0 || strings.TrimSpace(f.Source) == "" {
		return ""
	}
	text := "    " + printable(f.Source) + "\n"
	runes := []rune(f.Source)
	if f.Column < 1 || f.Column > len(runes)+1 {
		return text
	}
	return text + "    " + strings.Map(blank, string(runes[:f.Column-1])) + "^\n"
}

// blank turns a character into one that takes the same room on a terminal and shows nothing.
// Marks that combine take no room.
func blank(r rune) rune {
	switch {
	case r == '\t':
		return '\t'
	case unicode.In(r, unicode.Mn, unicode.Me):
		return -1
	default:
		return ' '
	}
}

// printable keeps control characters of a file, which could command a terminal, out of what is
// printed.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// Faults is everything wrong with one file or one folder, in the order of files, lines and
// columns. It is an error when it is not empty; an empty one must not be stored in an error
// variable, which would then not be nil.
type Faults []Fault

// Error is the faults, one a line.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i := range f {
		lines[i] = f[i].String()
	}
	return strings.Join(lines, "\n")
}

// Write prints the faults, one a line, each followed by its source line and a caret under the
// place when caret is set: for a terminal, not for a log.
func (f Faults) Write(w io.Writer, caret bool) error {
	for i := range f {
		text := f[i].String() + "\n"
		if caret {
			text += f[i].caret()
		}
		if _, err := io.WriteString(w, text); err != nil {
			return fmt.Errorf("writing the profile's faults: %w", err)
		}
	}
	return nil
}

// collector gathers the faults of one file while it is read. It holds the lines as written,
// for the source beside a fault: what is mended by guessing is never shown as the file's own.
type collector struct {
	file   string
	lines  []string
	faults Faults
}

// collector gathers what is found out about a profile after it was read.
func (p *Profile) collector() *collector {
	return &collector{file: p.File, lines: strings.Split(string(p.Text), "\n")}
}

// add notes one fault. What and do are made fit to print here, once: they repeat words of the
// file.
func (c *collector) add(pos mapping.Pos, what, do string) {
	c.faults = append(c.faults, Fault{File: c.file, Line: pos.Line, Column: pos.Column, What: printable(what), Do: printable(do)})
}

// source is the text of a line, cut to maxSource characters.
func (c *collector) source(line int) string {
	if line < 1 || line > len(c.lines) {
		return ""
	}
	return cut(strings.TrimRightFunc(c.lines[line-1], unicode.IsSpace), maxSource)
}

// within keeps a column inside its line. A text in quotes that goes on over several lines is one line to whoever reads it, so that a
// place counted in it may lie behind the end of the line on which it begins.
func (c *collector) within(line, column int) int {
	if line < 1 || line > len(c.lines) {
		return column
	}
	return min(column, utf8.RuneCountInString(c.lines[line-1])+1)
}

// sorted is what was gathered, with its source lines: by place, without doubles, at most
// maxFaults and a last one that says there are more.
func (c *collector) sorted() Faults {
	slices.SortStableFunc(c.faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	f := slices.Compact(c.faults)
	told := f[:min(len(f), maxFaults):min(len(f), maxFaults)]
	for i := range told {
		told[i].Source = c.source(told[i].Line)
		told[i].Column = c.within(told[i].Line, told[i].Column)
	}
	if more := len(f) - len(told); more > 0 {
		told = append(told, Fault{File: c.file, What: fmt.Sprintf("there are %d more faults", more), Do: "mend these first"})
	}
	return told
}

// quote repeats a word of the file inside a sentence: in quotes, cut when long.
func quote(s string) string { return `"` + cut(s, maxQuote) + `"` }

// cut shortens s to at most n characters, with … for what is gone.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}
