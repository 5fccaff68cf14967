package form

import (
	"bytes"
	"errors"
	"io"
	"strings"
)

const (
	fileBlock    = 32 << 10 // bytes read at once while a file comes in
	headerRoom   = 8 << 10  // bytes of a part's headers beside its name
	mostPadding  = 128      // blanks after a delimiter
	mostBoundary = 256      // RFC 2046 allows 70
)

// multipart reads multipart/form-data as browsers, PHP and Node write it (RFC 7578). It is more
// patient than mime/multipart: a line may end in LF, the last delimiter may be missing, a part
// without a name is kept under the empty one, and no part is ever decoded by its
// Content-Transfer-Encoding (no browser sends that header; undoing quoted-printable would change
// what was typed). A part with a file name is a file, but for the one without name and content that
// an empty file input makes.
//
// A body that stops short keeps everything it had, as in PHP: the value or file it stops in, and a
// name whose value never came as an empty one. Whether the connection broke is not to be told from
// the body; the reader's own error tells it. A body in which the boundary never stands is
// malformed; one that is nothing but the last delimiter is a form without fields.
func (d *decoder) multipart(t mediaType) error {
	switch {
	case t.boundary == "":
		return malformed("the content type multipart/form-data names no boundary: let the browser or the library set this header, do not write it by hand")
	case len(t.boundary) > mostBoundary:
		return malformed("the boundary of multipart/form-data is longer than %d characters: use a shorter one", mostBoundary)
	}
	m := &parts{decoder: d, delimiter: []byte("--" + t.boundary)}
	if err := m.read(); err != nil {
		return err
	}
	m.giveValues()
	d.settle(t.charset, d.buf)
	return nil
}

// parts goes through a body part by part while it comes in. Values stay in the source's buffer
// until the end; the contents of files are moved out of it as they come, so that it never holds
// more than the fields, and is the raw body without files in the end.
type parts struct {
	*decoder
	delimiter []byte // "--" and the boundary
	at        int    // the first byte of buf that is not yet understood
	count     int    // parts so far
	last      bool   // no part follows: the last delimiter was read, or the body is over
	closed    bool   // there was a last delimiter
	values    []span // where in buf each pair's value is
	named     []File // files that have a name and no content
}

// span is a piece of buf. Positions stay right while buf is moved, which slices of it would not.
type span struct{ from, to int }

// read takes all parts. A preamble before the first delimiter is skipped, an epilogue after the
// last is not even read.
//
// The first delimiter is looked for as the end of a content that nobody keeps, so that one scan
// serves both.
func (m *parts) read() error {
	_, err := m.content(func(int, int) (int, error) { return 0, nil })
	if e, ok := errors.AsType[*Error](err); ok && e.Kind == TooLarge {
		return m.noPart() // so much and no delimiter: the boundary is wrong, not the size
	}
	for err == nil && !m.last {
		err = m.part()
	}
	if err == nil && m.count == 0 && !m.closed && len(m.buf) > 0 {
		return m.noPart()
	}
	return err
}

// noPart says what the boundary should have been, when the body's first line looks like one: that
// is the usual case, a header written by hand over a body that a library made. No other line is
// quoted, for it might be what a visitor typed.
func (m *parts) noPart() error {
	const advice = `send header and body as one library made them (with fetch and FormData, set no Content-Type yourself)`
	line, _, _ := bytes.Cut(m.buf, []byte("\n"))
	found := string(bytes.TrimRight(line, "\r \t"))
	if strings.HasPrefix(found, "--") && len(found) <= mostBoundary && !strings.ContainsAny(found, " \t") && found != string(m.delimiter) {
		return malformed("the content type's boundary is %q, but the body's is %q: %s", m.delimiter[2:], clip(found[2:]), advice)
	}
	return malformed("the content type's boundary is %q, but no part of the body begins with %q: %s", m.delimiter[2:], m.delimiter, advice)
}

// part takes the part whose headers begin at m.at.
func (m *parts) part() error {
	h, err := m.header()
	if err != nil || h.nothing {
		return err
	}
	m.count++
	name, file, isFile := disposition(h.disposition)
	if len(name) > m.Limits.Name {
		return nameTooLong(m.Limits, len(m.fields.Pairs)+1)
	}
	if isFile {
		return m.file(File{Field: name, Name: file, ContentType: h.contentType}, h)
	}
	return m.field(name, h)
}

// field takes a value: its place in buf, for buf may move until the body is over. A value beyond
// its bound is refused while it comes in.
func (m *parts) field(name string, h header) error {
	value := span{m.at, m.at}
	if !h.ended {
		var err error
		value, err = m.content(func(from, to int) (int, error) {
			if to-from > m.Limits.Value {
				return 0, valueTooLong(m.Limits, len(m.fields.Pairs)+1, name)
			}
			return 0, nil
		})
		if err != nil {
			return err
		}
	}
	if err := m.fits(name, value.to-value.from); err != nil {
		return err
	}
	m.fields.Pairs = append(m.fields.Pairs, Pair{Name: name})
	m.values = append(m.values, value)
	return nil
}

// giveValues cuts all values out of one text, of which no more is kept in memory than the values
// themselves.
func (m *parts) giveValues() {
	total := 0
	for _, v := range m.values {
		total += v.to - v.from
	}
	var text strings.Builder
	text.Grow(total)
	for i, v := range m.values {
		start := text.Len()
		text.Write(m.buf[v.from:v.to])
		m.fields.Pairs[i].Value = text.String()[start:]
	}
	// A file without content is mostly one that the visitor's device could not read. That is no reason to lose the form, and the file's
	// name is all there is to keep of it.
	for _, f := range m.named {
		m.fields.Pairs = append(m.fields.Pairs, Pair{Name: f.Field, Value: f.Name})
	}
}

// file takes a file's content out of buf, block by block. What it holds against the bounds is the
// content so far, so that a file that is too large, or one too many, is refused as soon as that is
// known and not when all of it is there.
func (m *parts) file(f File, h header) error {
	if h.ended {
		return m.keep(f)
	}
	defer func(text int64) { m.max = text }(m.max)
	m.max = sum(m.max, fileBlock) // the content passes through buf without counting as text
	m.reserve(fileBlock)
	var sink io.WriteCloser
	move := func(from, to int) (int, error) {
		if err := m.extend(&f, &sink, m.buf[from:to]); err != nil {
			return 0, err
		}
		m.buf = append(m.buf[:from], m.buf[to:]...)
		return to - from, nil
	}
	rest, err := m.content(move)
	if err != nil {
		return err
	}
	moved, err := move(rest.from, rest.to)
	if err != nil {
		return err
	}
	m.at -= moved
	if sink != nil {
		if err := sink.Close(); err != nil {
			return &SinkError{Err: err}
		}
	}
	return m.keep(f)
}

// extend gives a block of a file to the sink, which it opens at the first, within the bounds.
func (m *parts) extend(f *File, sink *io.WriteCloser, block []byte) error {
	switch {
	case len(block) == 0:
		return nil
	case len(m.fields.Files) >= m.Limits.Files:
		return tooManyFiles(m.Limits, m.count, f.Field)
	case f.Size+int64(len(block)) > m.Limits.FileSize:
		return fileTooLarge(m.Limits, m.count, f.Field)
	}
	f.Size += int64(len(block))
	if m.Options.Files == nil {
		return nil
	}
	if *sink == nil {
		opened, err := m.Options.Files()
		if err != nil {
			return &SinkError{Err: err}
		}
		*sink = opened
	}
	if _, err := (*sink).Write(block); err != nil {
		return &SinkError{Err: err}
	}
	return nil
}

// keep adds a file that has a content, or notes the name of one that has none. What has neither is an input that was left empty.
func (m *parts) keep(f File) error {
	switch {
	case f.Size > 0:
		m.fields.Files = append(m.fields.Files, f)
	case f.Name == "":
	default:
		if err := m.fits(f.Field, len(f.Name)); err != nil {
			return err
		}
		m.named = append(m.named, f)
	}
	return nil
}

// content finds the content that begins at m.at, sets m.at after the delimiter line that ends it,
// and m.last. While it waits for more of the body it calls passed with the bytes of buf that belong
// to the content for certain; passed may take bytes out of buf, and returns how many it took.
func (m *parts) content(passed func(from, to int) (taken int, err error)) (span, error) {
	from, scan := m.at, m.at
	lineStart := from // a delimiter may stand at once, for an empty content
	for {
		i, verdict, after := m.delimiterFrom(scan, lineStart)
		if verdict == isNext || verdict == isLast {
			m.at, m.last, m.closed = after, verdict == isLast, verdict == isLast
			return span{from, beforeBreak(m.buf, from, i)}, nil
		}
		if m.eof {
			m.at, m.last = len(m.buf), true
			return span{from, m.cut(from)}, nil
		}
		scan = i
		// The line break before a delimiter that may begin at scan is not the content's.
		if certain := scan - len("\r\n"); certain > from {
			taken, err := passed(from, certain)
			if err != nil {
				return span{}, err
			}
			if taken > 0 { // what begins the buffer's rest is no line's beginning any more
				scan, lineStart = scan-taken, -1
			}
		}
		if err := m.fill(); err != nil {
			return span{}, err
		}
	}
}

// verdict is what a delimiter's text turns out to be.
type verdict int

const (
	isContent verdict = iota // the text goes on, so it is none
	isUnknown                // the body so far does not tell
	isNext                   // a part follows
	isLast                   // none follows
)

// delimiterFrom looks for a delimiter from scan on: at lineStart or after a LF. Without one, i is
// from where to look again when more of the body is there.
func (m *parts) delimiterFrom(scan, lineStart int) (i int, v verdict, after int) {
	for {
		i = bytes.Index(m.buf[scan:], m.delimiter)
		if i < 0 {
			return max(scan, len(m.buf)-len(m.delimiter)+1), isUnknown, 0
		}
		i += scan
		if i == lineStart || i > 0 && m.buf[i-1] == '\n' {
			if v, after = m.judge(i); v != isContent {
				return i, v, after
			}
		}
		scan = i + 1
	}
}

// judge reads on after a delimiter's text at i: two more dashes make it the last, blanks and a line
// break (or the body's end) make it a delimiter, anything else makes it content.
func (m *parts) judge(i int) (v verdict, after int) {
	start := i + len(m.delimiter)
	rest := m.buf[start:]
	end := bytes.IndexByte(rest, '\n')
	line := rest
	if end >= 0 {
		line = rest[:end]
	}
	blank := len(bytes.TrimRight(line, " \t\r")) == 0
	switch {
	case bytes.HasPrefix(rest, []byte("--")):
		return isLast, start + 2
	case len(line) > mostPadding:
		return isContent, 0
	case end >= 0 && blank:
		return isNext, start + end + 1
	case end >= 0 || !blank && string(line) != "-":
		return isContent, 0
	case m.eof:
		return isLast, len(m.buf)
	}
	return isUnknown, 0
}

// beforeBreak is where a content ends whose delimiter stands at i: the line break before it is the
// delimiter's.
func beforeBreak(buf []byte, from, i int) int {
	if i > from && buf[i-1] == '\n' {
		i--
	}
	if i > from && buf[i-1] == '\r' {
		i--
	}
	return i
}

// cut is where a content ends that the body's end cuts short: before what can only be the beginning
// of a delimiter.
func (m *parts) cut(from int) int {
	// The line break alone is the beginning of a delimiter too. The longest match counts.
	whole := append([]byte("\r\n"), m.delimiter...)
	rest := m.buf[from:]
	for n := min(len(whole), len(rest)); n > 0; n-- {
		for _, d := range [][]byte{whole, whole[1:]} {
			if n <= len(d) && bytes.HasSuffix(rest, d[:n]) {
				return len(m.buf) - n
			}
		}
	}
	return len(m.buf)
}

// header is what the headers of one part say.
type header struct {
	disposition string
	contentType string
	ended       bool // the part ended with its headers: no content follows
	nothing     bool // the body ended before any header
}

// header reads a part's headers, up to the empty line before its content.
func (m *parts) header() (header, error) {
	var h header
	var field *string // the header that a continued line belongs to
	for start := m.at; ; {
		// A line is looked at before it is stepped over, since it may be the delimiter that ends
		// the part.
		line, err := m.line(start)
		switch from := m.at; {
		case err != nil:
			return h, err
		case m.delimits(from):
			h.ended = true
			return h, nil
		case m.eof && from == len(m.buf):
			m.last, h.ended = true, true
			h.nothing = from == start
			return h, nil
		case len(line) == 0:
			m.at = m.afterLine(from)
			return h, nil
		}
		m.at = m.afterLine(m.at)
		field = h.take(line, field)
	}
}

// line is the line at m.at without its break, once it is complete. The part's headers began at
// start.
func (m *parts) line(start int) ([]byte, error) {
	for {
		line, _, ok := bytes.Cut(m.buf[m.at:], []byte("\n"))
		if int64(m.at+len(line)-start) > sum(headerRoom, product(encodedByte, int64(m.Limits.Name))) {
			return nil, nameTooLong(m.Limits, len(m.fields.Pairs)+1)
		}
		if ok || m.eof {
			return bytes.TrimSuffix(line, []byte("\r")), nil
		}
		if err := m.fill(); err != nil {
			return nil, err
		}
	}
}

// afterLine is where the line after the one at begins; buf's end when it is the last.
func (m *parts) afterLine(at int) int {
	if i := bytes.IndexByte(m.buf[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(m.buf)
}

// delimits tells whether the line at i is a delimiter, and steps over it: a part that has headers
// and no empty line.
func (m *parts) delimits(i int) bool {
	if !bytes.HasPrefix(m.buf[i:], m.delimiter) {
		return false
	}
	// The line is complete or the body over, so the verdict is never isUnknown.
	v, after := m.judge(i)
	if v != isNext && v != isLast {
		return false
	}
	m.at, m.last, m.closed = after, v == isLast, v == isLast
	return true
}

// take reads one line of headers and returns what a continued line would be added to.
func (h *header) take(line []byte, field *string) *string {
	if line[0] == ' ' || line[0] == '\t' {
		if field != nil {
			*field += " " + string(bytes.TrimSpace(line))
		}
		return field
	}
	key, value, _ := bytes.Cut(line, []byte(":"))
	switch key = bytes.TrimSpace(key); {
	case bytes.EqualFold(key, []byte("Content-Disposition")):
		field = &h.disposition
	case bytes.EqualFold(key, []byte("Content-Type")):
		field = &h.contentType
	default:
		return nil
	}
	*field = string(bytes.TrimSpace(value))
	return field
}
