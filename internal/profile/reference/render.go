package reference

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// The terminal's page: lines are at most this many characters long, and what a name means begins in this column.
const (
	width  = 100
	column = 4
)

// Text writes the reference for a terminal.
func Text(w io.Writer) error {
	var b strings.Builder
	for i, s := range sections() {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(strings.ToUpper(s.title) + "\n")
		for _, p := range append(s.prose, samplesOf(s)...) {
			b.WriteString("\n" + wrap(p, column))
		}
		if s.code != "" {
			b.WriteString("\n" + indent(s.code, column))
		}
		for _, e := range s.entries {
			b.WriteString("\n" + heading(e) + wrap(e.meaning, 2*column))
			if e.example != "" {
				b.WriteString(indent(fmt.Sprintf("${%s}  →  %s", e.example, e.result), 2*column))
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// heading is an entry's name and how it is written.
func heading(e entry) string {
	switch e.usage {
	case "", e.name:
		return indent(e.name, column)
	}
	return indent(e.name+"   "+e.usage, column)
}

// samplesOf explains the examples of a section about expressions.
func samplesOf(s section) []string {
	if s.title != "Expressions: names" {
		return nil
	}
	return []string{"The examples below are about this post, and the table price: {A-1: 450, B-7: 1200}: " + sampleText()}
}

// wrap breaks a paragraph into indented lines between words; a word that is longer than a line has a line of its own.
func wrap(text string, left int) string {
	var b strings.Builder
	used := 0
	for word := range strings.FieldsSeq(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case used == 0:
			b.WriteString(strings.Repeat(" ", left))
			used = left
		case used+1+n > width:
			b.WriteString("\n" + strings.Repeat(" ", left))
			used = left
		default:
			b.WriteString(" ")
			used++
		}
		b.WriteString(word)
		used += n
	}
	return b.String() + "\n"
}

// indent moves every line to the right.
func indent(text string, left int) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			b.WriteString(strings.Repeat(" ", left))
		}
		b.WriteString(strings.TrimRight(line, "\n") + "\n")
	}
	return b.String()
}

// Markdown is the reference as a page: the one that lies beside the example profiles.
func Markdown() string {
	var b strings.Builder
	b.WriteString("# The language of profiles\n\n" +
		"`formrelay help profile` shows this page on a terminal, and `formrelay schema` prints it for editors. It is made from the program;\n" +
		"the tests keep it in step.\n")
	for _, s := range sections() {
		fmt.Fprintf(&b, "\n## %s\n", s.title)
		for _, p := range append(s.prose, samplesOf(s)...) {
			b.WriteString("\n" + strings.TrimRight(wrapPlain(escape(p)), "\n") + "\n")
		}
		if s.code != "" {
			b.WriteString("\n```yaml\n" + s.code + "```\n")
		}
		table(&b, s.entries)
	}
	return b.String()
}

// wrapPlain breaks a paragraph of Markdown, where the breaks mean nothing.
func wrapPlain(text string) string { return wrap(text, 0) }

// table writes a section's entries.
func table(b *strings.Builder, entries []entry) {
	if len(entries) == 0 {
		return
	}
	examples := false
	for _, e := range entries {
		examples = examples || e.example != ""
	}
	if examples {
		b.WriteString("\n| | written | meaning | example |\n|---|---|---|---|\n")
	} else {
		b.WriteString("\n| | takes | meaning |\n|---|---|---|\n")
	}
	for _, e := range entries {
		usage := cell(e.usage)
		if examples {
			usage = code(e.usage)
		}
		fmt.Fprintf(b, "| %s | %s | %s |", code(e.name), usage, cell(escape(e.meaning)))
		if examples {
			fmt.Fprintf(b, " %s |", exampleCell(e))
		}
		b.WriteString("\n")
	}
}

// exampleCell is an example and what it comes to.
func exampleCell(e entry) string {
	if e.example == "" {
		return ""
	}
	return code("${"+e.example+"}") + " → " + code(e.result)
}

// code is a piece of code in a table's cell. A bar would end the cell even there.
func code(text string) string { return "`" + cell(text) + "`" }

// cell keeps a text inside its cell.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// escape keeps what Markdown would read as marks in prose.
func escape(text string) string {
	return strings.NewReplacer("_", `\_`, "*", `\*`, "[", `\[`, "<", `\<`).Replace(text)
}
