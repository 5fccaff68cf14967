package form

import (
	"fmt"
	"strings"
)

// Kind is which sort of refusal an Error is; each has one HTTP status.
type Kind int

// The kinds of Error.
const (
	Malformed   Kind = iota + 1 // 400: the body is not what its content type says
	TooLarge                    // 413: a bound of Limits was passed
	Unsupported                 // 415: no form is ever sent as this content type
)

// Error is why a body could not become Fields. Text is a sentence for whoever built the form: what
// is wrong, where, and what to do. It never holds a value that a visitor typed.
type Error struct {
	Kind  Kind
	Limit string // with TooLarge: max_body, max_pairs, max_name, max_value, max_depth or files, the profile's words
	Part  string // with the limit files: max (too many), size (one too large) or none (none is taken)
	Field string // with the limit files: the input's name, where it is plainly a name out of a form's HTML
	Text  string
}

// Error is the sentence, so that an Error can be shown as it is.
func (e *Error) Error() string { return e.Text }

// SinkError says that whoever was to take the contents of files failed: no fault of the body's.
type SinkError struct{ Err error }

// Error tells it as the sink did.
func (e *SinkError) Error() string { return "a file's content could not be kept: " + e.Err.Error() }

// Unwrap is the sink's own error.
func (e *SinkError) Unwrap() error { return e.Err }

// malformed says what in the body cannot be read. Its text quotes the content type and offsets,
// never what a visitor typed.
func malformed(format string, args ...any) *Error {
	return &Error{Kind: Malformed, Text: fmt.Sprintf(format, args...)}
}

// tooLarge says which limit was passed. Each text below names the limit's value and the profile's
// word for it.
func tooLarge(limit, format string, args ...any) *Error {
	return &Error{Kind: TooLarge, Limit: limit, Text: fmt.Sprintf(format, args...)}
}

// unsupported lists what is taken instead.
func unsupported(mediaType string) *Error {
	return &Error{Kind: Unsupported, Text: fmt.Sprintf("a form cannot be sent as %q: use application/x-www-form-urlencoded, "+
		"multipart/form-data, application/json or text/plain", clip(mediaType))}
}

func bodyTooLarge(l Limits) *Error {
	return tooLarge("max_body", "the form's fields hold more than %s in all: send less, or raise max_body", size(l.Body))
}

func tooManyPairs(l Limits) *Error {
	return tooLarge("max_pairs", "the form holds more than %d fields: send fewer, or raise max_pairs", l.Pairs)
}

func nameTooLong(l Limits, number int) *Error {
	return tooLarge("max_name", "the name of field number %d is longer than %s: shorten it, or raise max_name", number, size(int64(l.Name)))
}

func valueTooLong(l Limits, number int, name string) *Error {
	return tooLarge("max_value", "the value of %s is longer than %s: shorten it, or raise max_value", which(number, name), size(int64(l.Value)))
}

func tooDeep(l Limits) *Error {
	return tooLarge("max_depth", "the form nests a field more than %d deep: flatten it, or raise max_depth", l.Depth)
}

// tooManyFiles has a sentence of its own for a form that takes no files at all: fewer would not
// help.
func tooManyFiles(l Limits, number int, name string) *Error {
	e := tooLarge("files", "the form sends more than %d files: send fewer, or raise the max of files", l.Files)
	e.Part = "max"
	if l.Files <= 0 {
		e = tooLarge("files", "the form sends a file, and files are not taken here: leave the file out")
		e.Part = "none"
	}
	return e.of(number, name)
}

func fileTooLarge(l Limits, number int, name string) *Error {
	e := tooLarge("files", "the file of %s is larger than %s: send a smaller one, or raise the size of files", which(number, name), size(l.FileSize))
	e.Part = "size"
	return e.of(number, name)
}

// of names the field of a file, if it may be named.
func (e *Error) of(number int, name string) *Error {
	if which(number, name) == which(0, name) { // told by its name and not by its number
		e.Field = name
	}
	return e
}

// which tells a field by its name where that is plainly a name out of a form's HTML. Anything else
// might be a visitor's text that landed in the name's place, and is told by its number.
func which(number int, name string) string {
	if name == "" || len(name) > 64 || !isLetter(name[0]) {
		return fmt.Sprintf("field number %d", number)
	}
	for i := range len(name) {
		if c := name[i]; !isLetter(c) && (c < '0' || c > '9') && strings.IndexByte("_-.[]", c) < 0 {
			return fmt.Sprintf("field number %d", number)
		}
	}
	return fmt.Sprintf("field %q", name)
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// clip keeps a header's value short enough for a sentence.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
