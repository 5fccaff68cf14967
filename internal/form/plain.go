package form

import (
	"bytes"
	"errors"
	"strings"
)

// plain reads text/plain and bodies without a content type, which three kinds of sender make:
//   - a script that posts JSON without saying so (a "simple request" needs no preflight): an object, when the text is one;
//   - `enctype=text/plain`: a line `name=value` for each field, each ended by CRLF;
//   - navigator.sendBeacon or fetch with a string: urlencoded, which never holds a line break.
//
// So a text with a CRLF, or with more than one line, is lines; a single line is urlencoded, also
// when a lone LF ends it (a script that was fed by echo). A line without = goes on with the value
// before it: that is how a text area's second line arrives.
func (d *decoder) plain(body []byte) error {
	body = withoutMark(body)
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
		if err := d.json(body); err == nil || isTooLarge(err) {
			return err
		}
		d.fields, d.bytes = Fields{}, 0 // what a broken object left behind
	}
	if line := bytes.TrimSuffix(body, []byte("\n")); bytes.IndexByte(line, '\n') < 0 && !bytes.HasSuffix(line, []byte("\r")) {
		return d.urlencoded(line)
	}
	return d.lines(string(body))
}

// isTooLarge tells an object that is beyond the bounds from a text that is no object: only the
// second may be read as something else.
func isTooLarge(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Kind == TooLarge
}

// lines reads `name=value` lines. Text before the first line with = is kept too, as the value of an
// empty name.
func (d *decoder) lines(text string) error {
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	for text != "" {
		name, start := "", 0
		if i := strings.IndexByte(text[:lineEnd(text)], '='); i >= 0 {
			name, start = text[:i], i+1
		}
		end := valueEnd(text, start)
		if end > 0 {
			if err := d.add(name, text[start:end]); err != nil {
				return err
			}
		}
		text = afterBreak(text[end:])
	}
	return nil
}

// valueEnd is where the value ends that begins at start: before the line break that a line with =
// follows.
func valueEnd(text string, start int) int {
	end := start + lineEnd(text[start:])
	for end < len(text) {
		next := len(text) - len(afterBreak(text[end:]))
		line := text[next : next+lineEnd(text[next:])]
		if strings.Contains(line, "=") {
			return end
		}
		end = next + len(line)
	}
	return end
}

// lineEnd is the length of text's first line without its CRLF or LF.
func lineEnd(text string) int {
	i := strings.IndexByte(text, '\n')
	switch {
	case i < 0:
		return len(text)
	case i > 0 && text[i-1] == '\r':
		return i - 1
	}
	return i
}

// afterBreak is text without the line break that it begins with.
func afterBreak(text string) string {
	return strings.TrimPrefix(strings.TrimPrefix(text, "\r"), "\n")
}
