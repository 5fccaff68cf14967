// Package form turns the untrusted body of a form's post into its fields.
//
// It knows four kinds of body (urlencoded, multipart, JSON, plain text), the charsets a browser can
// send, PHP's way of nesting names, and the bounds within which all of that happens. It knows no
// HTTP policy, no profile and no KeyCRM.
//
// # What is taken
//
// The rule is that a body which a browser, PHP or Node would take is never refused and never loses
// a pair. So urlencoded bodies have no errors at all, multipart bodies may be sloppy in every way
// that leaves the parts to be told apart, and a JSON object becomes the pairs that a form would
// have sent. [Fields.Pairs] holds what came, in order, repeated names and empty ones too; nothing
// below loses any of it. What is refused is what cannot be told apart (no boundary, broken JSON),
// what no form is sent as, and what is beyond the bounds.
//
// # Names
//
// [Path] reads a name as PHP does, and [Tree.Values] nests the pairs as PHP's $_POST would. Three
// things differ, all of them so that nothing is lost: a pair that PHP drops, for its name has no
// root or its index is beyond the last integer, is kept; a field whose raw name is PHP's name of
// another keeps it; and a field answers to three spellings of its root.
//
// # Bounds
//
// [Limits] is held while the body comes in: a post that is beyond a bound is refused when the first
// byte beyond it is known, and what is buffered until then is bounded by [Limits.Total]. Nesting is
// counted before anything recurses.
package form

// Pair is one name and value in the order posted, decoded to UTF-8 but otherwise untouched: not
// trimmed, not converted. A JSON body's leaves become pairs with PHP's names (`a[b][0]`). In JSON a
// Pair is the array ["name","value"].
type Pair struct {
	Name  string
	Value string
}

// File is one file part of a multipart body that has a content. An input of type file that was left empty
// is no File (browsers send such a part with an empty file name and no content). One that has a name and no
// content is a Pair, the last one: the input's name and the file's.
type File struct {
	Field       string // the input's name
	Name        string // the file's name as sent, decoded, never a path that anybody may open
	ContentType string // as sent; untrusted
	Size        int64  // bytes of its content, which went to Options.Files and is not kept here
}

// Fields is what one post held.
type Fields struct {
	Pairs   []Pair
	Files   []File
	Charset string // the WHATWG name of the encoding the text was read in, "utf-8" mostly
	Raw     []byte // the body as it came but for the contents of Files, kept only when some of its bytes became U+FFFD
}
