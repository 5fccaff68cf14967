package phpscript

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// decode makes text of a file's bytes, with one kind of line end. It is not ok when the bytes are no UTF-8: then they are taken for
// windows-1251, which old scripts of the region are in.
func decode(raw []byte) (text string, ok bool) {
	text, ok = string(raw), true
	if !utf8.ValidString(text) {
		ok = false
		if decoded, err := charmap.Windows1251.NewDecoder().Bytes(raw); err == nil {
			text = string(decoded)
		}
		text = strings.ToValidUTF8(text, "\ufffd")
	}
	text = strings.TrimPrefix(text, "\ufeff")
	return strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text), ok
}

// notebook collects what is to be told. The same words about several lines are one note.
type notebook struct {
	notes []Note
	known map[Note]bool
}

// add notes one thing, once.
func (n *notebook) add(line int, text string) {
	note := Note{Line: line, Text: text}
	if n.known == nil {
		n.known = map[Note]bool{}
	}
	if n.known[note] {
		return
	}
	n.known[note] = true
	n.notes = append(n.notes, note)
}

// sorted are the notes by line, without control characters: they are printed on terminals.
func (n *notebook) sorted() []Note {
	for i := range n.notes {
		n.notes[i].Text = oneLine(n.notes[i].Text)
	}
	slices.SortStableFunc(n.notes, func(a, b Note) int { return cmp.Compare(a.Line, b.Line) })
	return n.notes
}

// oneLine is a text that takes one line, shows what it has, and commands no terminal.
func oneLine(s string) string {
	fields := strings.Fields(s)
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.Join(fields, " "))
}

// maxShown bounds how much of the script is shown beside a note.
const maxShown = 120

// shorten cuts a piece of the script for a note or a comment.
func shorten(s string) string {
	s = oneLine(s)
	if utf8.RuneCountInString(s) <= maxShown {
		return s
	}
	return string([]rune(s)[:maxShown]) + "…"
}
