package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"formrelay/internal/form"
	"formrelay/internal/store"
	"formrelay/internal/submission"
)

type submissionsExportCmd struct {
	stored    `embed:""`
	narrowing `embed:""`

	Format string `enum:"csv,jsonl" default:"csv" help:"csv, or jsonl: a line of JSON each."`
	Output string `short:"o" default:"-" placeholder:"FILE" help:"Where to write it, readable for you alone; it must not exist yet; - is standard output."`
	Excel  bool   `help:"CSV as a double click in Excel reads it: marked as UTF-8, with semicolons."`
}

// Run writes every submission that matches, with all its fields. It works while a server runs on the same database.
func (c submissionsExportCmd) Run(w *world) error {
	filter, err := c.filter(time.Now())
	if err != nil {
		return err
	}
	if c.Excel && c.Format != "csv" {
		return usageError{errors.New("--excel is for --format csv")}
	}
	// What arrives while it is written is not in it, so that every field has its column.
	if filter.Until.IsZero() {
		filter.Until = time.Now()
	}
	filter.Oldest = true
	db, err := openStored(w, c.Database)
	if err != nil {
		return err
	}
	defer db.Close()
	written := 0
	write := func(out io.Writer) (err error) { written, err = c.write(w, db, filter, out); return err }
	if c.Output == "-" {
		if err := write(w.stdout); err != nil || written > 0 {
			return err
		}
		_, err = fmt.Fprintln(w.stderr, "no submissions")
		return err
	}
	if err := writeFile(c.Output, write); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w.stderr, "wrote %s to %s\n", plural(written, "submission"), printable(c.Output))
	return err
}

// write gives how many submissions it has written.
func (c submissionsExportCmd) write(w *world, db *store.Store, filter store.Filter, to io.Writer) (written int, err error) {
	out := bufio.NewWriter(to)
	if c.Format == "jsonl" {
		written, err = exportJSON(w, db, filter, out)
	} else {
		written, err = c.exportCSV(w, db, filter, out)
	}
	return written, errors.Join(err, out.Flush())
}

// writeFile writes a file that only its owner can read. It appears whole or not at all, and overwrites nothing.
func writeFile(name string, write func(io.Writer) error) error {
	if _, err := os.Lstat(name); err == nil {
		return alreadyThere(name)
	}
	file, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*.part") // its mode is 0600
	if err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	err = errors.Join(write(file), file.Close())
	if err == nil {
		err = settle(file.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

// settle gives a file its name. Unlike a rename a link never overwrites; not every file system has links.
func settle(part, name string) error {
	switch err := os.Link(part, name); {
	case err == nil:
		return os.Remove(part)
	case errors.Is(err, fs.ErrExist):
		return alreadyThere(name)
	}
	return os.Rename(part, name)
}

func alreadyThere(name string) error {
	return fmt.Errorf("--output: %s exists already, and an export overwrites nothing: name another file, or move that one away", name)
}

// exportedSubmission is one line of `submissions export --format jsonl`.
type exportedSubmission struct {
	ID         string            `json:"id"`
	ReceivedAt time.Time         `json:"received_at"`
	Profile    string            `json:"profile"`
	State      submission.State  `json:"state"`
	Reason     submission.Reason `json:"reason"`
	CRMID      *int64            `json:"crm_id"`
	Error      *string           `json:"error"`
	Fields     []form.Pair       `json:"fields"` // as posted, in order, repeated names too
	Files      []shownFile       `json:"files"`
}

func exportJSON(w *world, db *store.Store, filter store.Filter, out io.Writer) (written int, err error) {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for s, err := range db.All(w.ctx, filter) {
		if err != nil {
			return written, err
		}
		fields := s.Pairs
		if fields == nil {
			fields = []form.Pair{}
		}
		if err := encoder.Encode(exportedSubmission{s.ID, s.ReceivedAt, s.Profile, s.State, s.Reason, crmID(s), errorText(s), fields, shownFiles(s.Files)}); err != nil {
			return written, err
		}
		written++
	}
	return written, nil
}

// exportCSV goes through the submissions twice: first for the fields' names, then for the rows. Neither keeps them in memory.
func (c submissionsExportCmd) exportCSV(w *world, db *store.Store, filter store.Filter, out *bufio.Writer) (written int, err error) {
	columns := newColumns()
	for s, err := range db.All(w.ctx, filter) {
		if err != nil {
			return written, err
		}
		columns.add(s.Pairs)
		columns.add(filePairs(s))
	}
	table := csvWriter{out: out, comma: ','}
	if c.Excel {
		table.comma = ';'
		if _, err := out.WriteString("\ufeff"); err != nil {
			return written, err
		}
	}
	if err := table.row(columns.head()); err != nil {
		return written, err
	}
	for s, err := range db.All(w.ctx, filter) {
		if err != nil {
			return written, err
		}
		if err := table.row(columns.row(s)); err != nil {
			return written, err
		}
		written++
	}
	return written, nil
}

// maxColumns bounds the columns of fields: a robot may post a thousand names of its own in each post. What has no column goes together
// into the last one.
const maxColumns = 500

// exportHead are the columns that every export has.
func exportHead() []string {
	return []string{"id", "received_at", "profile", "state", "reason", "crm_id", "error"}
}

// columns are the fields of an export, in the order in which they were first seen.
type columns struct {
	place map[string]int // by the field's name
	names []string
	rest  bool // some field has no column of its own
}

func newColumns() *columns { return &columns{place: map[string]int{}} }

func (c *columns) add(pairs []form.Pair) {
	for _, p := range pairs {
		if _, known := c.place[p.Name]; known {
			continue
		}
		if len(c.names) == maxColumns {
			c.rest = true
			continue
		}
		c.place[p.Name] = len(c.names)
		c.names = append(c.names, p.Name)
	}
}

// head is the first row. A field that is called like a column of the relay's is told apart by a prefix.
func (c *columns) head() []string {
	head := exportHead()
	for _, name := range c.names {
		for slices.Contains(head, name) {
			name = "form." + name
		}
		head = append(head, name)
	}
	if c.rest {
		head = append(head, "other fields")
	}
	return head
}

// row is one submission. The values of a repeated name stand below each other in one cell.
func (c *columns) row(s submission.Submission) []string {
	width := len(exportHead()) + len(c.names)
	cells := make([]string, width, width+1)
	copy(cells, []string{s.ID, s.ReceivedAt.UTC().Format(time.RFC3339), s.Profile, string(s.State), string(s.Reason), "", s.Error})
	if s.CRMID != 0 {
		cells[5] = strconv.FormatInt(s.CRMID, 10)
	}
	filled := make([]bool, len(c.names))
	var rest []string
	for _, p := range slices.Concat(s.Pairs, filePairs(s)) {
		i, known := c.place[p.Name]
		cell := len(exportHead()) + i
		switch {
		case !known:
			rest = append(rest, p.Name+": "+p.Value)
		case filled[i]:
			cells[cell] += "\n" + p.Value
		default:
			cells[cell], filled[i] = p.Value, true
		}
	}
	if c.rest {
		cells = append(cells, strings.Join(rest, "\n"))
	}
	return cells
}

// csvWriter writes RFC 4180: every cell in quotes, quotes doubled, rows ended by CR LF. The bytes of a value stay as they are, line
// ends too.
type csvWriter struct {
	out   *bufio.Writer
	comma byte
}

func (c csvWriter) row(cells []string) error {
	for i, cell := range cells {
		if i > 0 {
			_ = c.out.WriteByte(c.comma) // bufio keeps its first error for the last write below
		}
		_ = c.out.WriteByte('"')
		_, _ = c.out.WriteString(strings.ReplaceAll(disarm(cell), `"`, `""`))
		_ = c.out.WriteByte('"')
	}
	_, err := c.out.WriteString("\r\n")
	return err
}

// separators are what may end a cell for a spreadsheet: which of comma, semicolon and tab does, its country's settings say, and one that
// looks for another than the file has does not heed the quotes either.
const separators = ",;\t\r\n"

// disarm puts an apostrophe before what a spreadsheet would take for a formula: a cell that begins with = + - @, a tab or a line end,
// also after blanks, and their wide forms of East Asian keyboards; and what begins so after a separator within it. What is a plain number
// (-12,50) or a phone (+380…) stays as it is: there is no formula in it.
func disarm(cell string) string {
	var out strings.Builder
	if start := strings.TrimLeft(cell, blanks); (formula(start) || start != "" && strings.ContainsRune("\t\r\n", rune(start[0]))) && !plainNumber(cell) {
		out.WriteByte('\'')
	}
	for rest := cell; ; {
		end := strings.IndexAny(rest, separators) + 1
		if end == 0 {
			out.WriteString(rest)
			return out.String()
		}
		out.WriteString(rest[:end])
		rest = rest[end:]
		next := strings.TrimLeft(rest, blanks+`"`)
		piece := next
		if i := strings.IndexAny(next, separators); i >= 0 {
			piece = next[:i]
		}
		if formula(next) && !plainNumber(strings.TrimSpace(piece)) {
			out.WriteString(rest[:len(rest)-len(next)] + "'")
			rest = next
		}
	}
}

// blanks are what a spreadsheet passes over at the beginning of a cell.
const blanks = " \u00a0\ufeff"

// formula tells whether a text begins as a formula does.
func formula(text string) bool {
	first, size := utf8.DecodeRuneInString(text)
	return size > 0 && strings.ContainsRune("=+-@＝＋－＠", first)
}

// plainNumber tells whether a cell is a sign and digits, with at most one decimal point or comma between them, or a phone: a plus and
// then digits, blanks, brackets, dashes and dots, nine digits or more.
func plainNumber(cell string) bool {
	if len(cell) < 2 || cell[0] != '+' && cell[0] != '-' {
		return false
	}
	digits, points, others := 0, 0, 0
	for _, b := range []byte(cell[1:]) {
		switch {
		case b >= '0' && b <= '9':
			digits++
		case b == '.' || b == ',':
			points++
		case b == ' ' || b == '(' || b == ')' || b == '-':
			others++
		default:
			return false
		}
	}
	last := cell[len(cell)-1]
	if others == 0 && points <= 1 {
		return digits > 0 && cell[1] >= '0' && cell[1] <= '9' && last >= '0' && last <= '9'
	}
	return cell[0] == '+' && strings.Count(cell, ",") == 0 && digits >= 9 && digits <= 15
}
