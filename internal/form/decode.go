package form

import (
	"bytes"
	"io"
	"strings"
)

// Options says how one form is read.
type Options struct {
	Limits  Limits // the zero Limits means DefaultLimits
	Charset string // the label a profile declares for bodies that declare none; "" or an unknown label: none
	Size    int64  // the body's bytes as announced, to make room for them at once; 0 or less, or wrong: it grows as it comes
	// Files takes the contents of files while they come in: it is called at each file's first byte, in the order of
	// Fields.Files, and whoever it returns gets the content block by block and is closed at its end, unless the body turns out
	// to be refused first. A block is good for the call only. An error of either ends Decode and comes back wrapped in a *SinkError. nil: contents are dropped.
	Files func() (io.WriteCloser, error)
}

// Decode reads a form's body of the given content type.
//
// It takes application/x-www-form-urlencoded (by the WHATWG URL standard's parser, which has no
// errors), multipart/form-data, application/json and every other type that ends in +json, and
// text/plain. A body without a content type is read as text/plain is. A type or parameter that is
// written sloppily is read as PHP reads it.
//
// An [*Error] says that the body is refused and why; what body.Read returned (a timeout, an
// *http.MaxBytesError) comes back wrapped, and so does what Options.Files did, in a [*SinkError]. With an error there are no Fields. Decode reads no
// further than it must: never beyond Options.Limits.Total() and one read's block.
func Decode(contentType string, body io.Reader, o Options) (*Fields, error) {
	if o.Limits == (Limits{}) {
		o.Limits = DefaultLimits()
	}
	d := &decoder{Options: o, source: source{reader: body, max: o.Limits.text(), limits: o.Limits, size: o.Size}}
	if err := d.decode(parseMediaType(contentType)); err != nil {
		return nil, err
	}
	return &d.fields, nil
}

// decoder holds one post while it is read. Names and values stay the bytes that were sent until
// settle finds out their charset.
type decoder struct {
	Options
	source
	fields Fields
	bytes  int64 // names and values so far, held against Limits.Body
	pairs  int   // names so far that Limits.Pairs counts, also of files that hold nothing
	own    int   // names so far that it does not count: see ownPairs
}

func (d *decoder) decode(t mediaType) error {
	switch {
	case t.name == "application/x-www-form-urlencoded":
		return d.whole(t, d.urlencoded)
	case t.name == "multipart/form-data":
		return d.multipart(t)
	// text/json is what some old clients call it.
	case t.name == "application/json", t.name == "text/json", strings.HasSuffix(t.name, "+json"):
		return d.whole(t, d.json)
	case t.name == "text/plain", t.name == "":
		return d.whole(t, d.plain)
	}
	return unsupported(t.name)
}

// whole hands the whole body to a parser and settles the charset of what it found.
func (d *decoder) whole(t mediaType, parse func([]byte) error) error {
	body, err := d.readAll()
	if err != nil {
		return err
	}
	if err := parse(body); err != nil {
		return err
	}
	d.settle(t.charset, body)
	return nil
}

// add takes one pair within the bounds.
func (d *decoder) add(name, value string) error {
	if err := d.fits(name, len(value)); err != nil {
		return err
	}
	d.fields.Pairs = append(d.fields.Pairs, Pair{Name: name, Value: value})
	return nil
}

// fits holds one more pair against every bound.
func (d *decoder) fits(name string, value int) error {
	number := len(d.fields.Pairs) + 1
	switch {
	case d.isTooMany(name):
		return tooManyPairs(d.Limits)
	case len(name) > d.Limits.Name:
		return nameTooLong(d.Limits, number)
	case value > d.Limits.Value:
		return valueTooLong(d.Limits, number, name)
	case d.tooDeep(name):
		return tooDeep(d.Limits)
	}
	// The sum is of what came so far, so it cannot overflow: each part of it lies in memory.
	if d.bytes += int64(len(name)) + int64(value); d.bytes > d.Limits.Body {
		return bodyTooLarge(d.Limits)
	}
	return nil
}

// isTooMany counts one more pair.
func (d *decoder) isTooMany(name string) bool {
	if strings.HasPrefix(name, "_") && d.own < ownPairs {
		d.own++
		return false
	}
	d.pairs++
	return d.pairs > d.Limits.Pairs
}

// tooDeep counts brackets first: only a name that has enough of them is worth a parse.
func (d *decoder) tooDeep(name string) bool {
	return strings.Count(name, "[") >= d.Limits.Depth && len(Path(name)) > d.Limits.Depth
}

// mediaType is a content type as far as a form's body depends on it.
type mediaType struct {
	name     string // lower case, without parameters
	charset  string
	boundary string
}

// parseMediaType reads a Content-Type as PHP does: the name ends at the first semicolon, comma or
// blank, whatever follows.
func parseMediaType(s string) mediaType {
	s = strings.TrimSpace(s)
	end := strings.IndexAny(s, ";, \t")
	if end < 0 {
		return mediaType{name: strings.ToLower(s)}
	}
	t := mediaType{name: strings.ToLower(s[:end])}
	for rest := s[end:]; rest != ""; {
		var key, value string
		key, value, rest = nextParam(rest)
		switch {
		case t.charset == "" && strings.EqualFold(key, "charset"):
			t.charset = value
		case t.boundary == "" && strings.EqualFold(key, "boundary"):
			t.boundary = value
		}
	}
	return t
}

// nextParam cuts one `key=value` or `key="value"` off the front of a content type's parameters.
func nextParam(s string) (key, value, rest string) {
	s = strings.TrimLeft(s, ";, \t")
	end := strings.IndexAny(s, "=;, \t")
	if end < 0 {
		return s, "", ""
	}
	key = s[:end]
	s = strings.TrimLeft(s[end:], " \t")
	if !strings.HasPrefix(s, "=") {
		return key, "", s
	}
	s = strings.TrimLeft(s[1:], " \t")
	if strings.HasPrefix(s, `"`) {
		value, rest, _ = strings.Cut(s[1:], `"`)
		return key, strings.ReplaceAll(value, `\`, ""), rest
	}
	if end = strings.IndexAny(s, ";, \t"); end < 0 {
		return key, s, ""
	}
	return key, s[:end], s[end:]
}

const byteOrderMark = "\xEF\xBB\xBF"

func withoutMark(body []byte) []byte { return bytes.TrimPrefix(body, []byte(byteOrderMark)) }
