package profile

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"formrelay/internal/mapping"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// The YAML reader takes time that grows with the square of some counts (52,000 keys in one
// object: 17 s) and recurses as deep as a file nests, and a Go program whose stack runs out
// cannot be saved. So these counts are bounded before it sees the text.
const (
	maxLines  = 10_000 // about a second at the worst
	maxNested = 500    // brackets open at once anywhere, comments and texts included: they are not told apart here
	maxDashes = 32     // "- - - …" at the beginning of one line
	maxDepth  = 64     // objects and lists inside one another
)

// readYAML turns a file into a tree, every scalar as it is written. What is wrong goes to c;
// the tree is nil when there is none. A tree may come with faults: what could be mended by
// guessing is read on, so that all faults of a file are told together.
func readYAML(c *collector, text []byte) *mapping.Node {
	plain, ok := plainText(c, text)
	if !ok {
		return nil
	}
	c.lines = strings.Split(plain, "\n")
	if !withinBounds(c) {
		return nil
	}
	l := inspect(c)
	if l.hopeless {
		return nil
	}
	f, err := parser.ParseBytes([]byte(strings.Join(l.mended, "\n")), 0, parser.AllowDuplicateMapKey())
	if err != nil {
		syntaxFault(c, l, err)
		return nil
	}
	v := &converter{collector: c, original: l.original}
	return v.file(f)
}

// syntaxFault tells the one fault at which the YAML reader stopped; it cannot go on behind it,
// so the faults of what follows come to light only when this one is mended. After indentation
// was mended by guessing, what it stumbles over may be the guess, and nothing more is told
// than the indentation.
func syntaxFault(c *collector, l *inspection, err error) {
	if l.indents {
		return
	}
	var se *yaml.SyntaxError
	if !errors.As(err, &se) || se.Token == nil || se.Token.Position == nil {
		c.add(mapping.Pos{}, "this file cannot be read as YAML", "compare it with an example profile")
		return
	}
	at := se.Token.Position
	pos := l.original(mapping.Pos{Line: at.Line, Column: at.Column})
	what, do := explain(se.Message, se.Token, pos, c.lines)
	c.add(pos, what, do)
}

// plainText is the file as UTF-8 with one kind of line end, or a fault that says what it is
// instead. Editors on Windows write a byte order mark and \r\n, both of which are welcome. A
// control character or a mark in the middle is not: nobody sees it, and a value would carry it
// into KeyCRM.
func plainText(c *collector, text []byte) (string, bool) {
	s := string(text)
	switch {
	case len(s) > MaxFile:
		c.add(mapping.Pos{}, fmt.Sprintf("the file has more than %d bytes", MaxFile),
			"make it smaller: split it into two profiles, or shorten its tables")
		return "", false
	case strings.HasPrefix(s, "\xff\xfe"), strings.HasPrefix(s, "\xfe\xff"):
		c.add(mapping.Pos{Line: 1, Column: 1}, "the file is saved as UTF-16", "save it as UTF-8")
		return "", false
	}
	s = strings.TrimPrefix(s, "\ufeff")
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.ReplaceAll(s, "\r", "\n")
	for i, r := range s {
		if r == utf8.RuneError && strings.HasPrefix(s[i:], "\ufffd") {
			continue // a U+FFFD somebody typed is a character like any other
		}
		if r == utf8.RuneError {
			c.add(place(s, i), "the file is not UTF-8 here", "save it as UTF-8 (it may be windows-1251)")
			return "", false
		}
		if r < ' ' && r != '\t' && r != '\n' || r == 0x7f || r == '\ufeff' {
			c.add(place(s, i), fmt.Sprintf("an invisible character (U+%04X) stands here", r), "delete it")
			return "", false
		}
	}
	return s, true
}

// place is the line and column of byte i of s.
func place(s string, i int) mapping.Pos {
	before := s[:i]
	return mapping.Pos{
		Line:   strings.Count(before, "\n") + 1,
		Column: utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1,
	}
}

// withinBounds keeps from the YAML reader what it could choke on. It counts crudely and so
// allows far more than any profile has: a count that followed quotes and comments could be led
// astray by the very text it is to guard against.
func withinBounds(c *collector) bool {
	if len(c.lines) > maxLines {
		c.add(mapping.Pos{}, fmt.Sprintf("the file has more than %d lines", maxLines),
			"put several entries of a table on one line: {A-1: 450, B-7: 1200}")
		return false
	}
	open := 0
	for i, line := range c.lines {
		for j := range len(line) {
			switch line[j] {
			case '[', '{':
				open++
			case ']', '}':
				open = max(0, open-1)
			}
			if open > maxNested {
				c.add(mapping.Pos{Line: i + 1, Column: 1}, "too many brackets are open here", "close each [ and { of the lines above")
				return false
			}
		}
		if leadingDashes(line) > maxDashes {
			c.add(mapping.Pos{Line: i + 1, Column: 1}, "this line begins with too many dashes", "one dash begins one list item")
			return false
		}
	}
	return true
}

// leadingDashes counts the signs at the beginning of a line each of which opens one level.
func leadingDashes(line string) int {
	n := 0
	for word := range strings.FieldsSeq(line) {
		if word != "-" && word != "?" && word != ":" {
			break
		}
		n++
	}
	return n
}

// converter makes the mapping's tree from the YAML reader's.
type converter struct {
	*collector
	original func(mapping.Pos) mapping.Pos
}

// file is the one document's object. A first line of --- and a last one of ... are usual and
// change nothing. A profile is one document; what more there is would be read by nobody.
func (v *converter) file(f *ast.File) *mapping.Node {
	var body ast.Node
	for i, d := range f.Docs {
		if i > 0 || d.Body != nil && d.Body.Type() == ast.DirectiveType {
			v.add(v.pos(d.Start, mapping.Pos{Line: 1, Column: 1}), "a line of --- or % begins a second part of the file",
				"one file is one profile: take the line away")
			return nil
		}
		body = d.Body
	}
	start := mapping.Pos{Line: 1, Column: 1}
	if body == nil {
		v.add(start, "the file is empty", "begin with creates: order or creates: card")
		return nil
	}
	root := v.node(body, start, 0)
	if root.Kind != mapping.Map {
		v.add(root.Pos, "the file is no profile: it holds "+root.Kind.String()+" where keys belong", "begin with creates: order or creates: card")
		return nil
	}
	return root
}

// pos is where a token stands in the file as written; near when the reader kept no token, as
// for a value that was left out.
func (v *converter) pos(t *token.Token, near mapping.Pos) mapping.Pos {
	if t == nil || t.Position == nil || t.Position.Line < 1 {
		return near
	}
	return v.original(mapping.Pos{Line: t.Position.Line, Column: max(1, t.Position.Column)})
}

// node converts one value. Near is the place of its key, for values that have none. A value
// with a sign that profiles do not have is told and read on without the sign, so that what is
// under it is checked as well.
func (v *converter) node(n ast.Node, near mapping.Pos, depth int) *mapping.Node {
	if n == nil {
		return &mapping.Node{Kind: mapping.Null, Pos: near}
	}
	pos := v.pos(n.GetToken(), near)
	if depth > maxDepth {
		v.add(pos, fmt.Sprintf("this stands more than %d levels deep", maxDepth), "no part of a profile nests so deep: close a bracket or mend the indentation")
		return &mapping.Node{Kind: mapping.Null, Pos: pos}
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		return v.object(n.Values, v.pos(n.Start, near), depth)
	case *ast.MappingValueNode:
		return v.object([]*ast.MappingValueNode{n}, pos, depth)
	case *ast.SequenceNode:
		out := &mapping.Node{Kind: mapping.List, Pos: pos}
		for _, item := range n.Values {
			out.Items = append(out.Items, v.node(item, pos, depth+1))
		}
		return out
	case *ast.NullNode:
		return &mapping.Node{Kind: mapping.Null, Pos: pos, Text: writtenNull(n)}
	case *ast.StringNode:
		return v.text(n, pos)
	case *ast.LiteralNode:
		return v.block(n, near)
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return &mapping.Node{Kind: mapping.Scalar, Pos: pos, Text: written(n)}
	case *ast.AnchorNode:
		v.sign(n, pos)
		return v.node(n.Value, pos, depth+1)
	case *ast.TagNode:
		v.sign(n, pos)
		return v.node(n.Value, pos, depth+1)
	case *ast.AliasNode:
		v.sign(n, pos)
		return &mapping.Node{Kind: mapping.Scalar, Pos: pos, Text: "*"} // any text: what it repeats is not looked for
	default:
		v.sign(n, pos)
		return &mapping.Node{Kind: mapping.Null, Pos: pos}
	}
}

// written is a plain scalar's own spelling: 0501 is not the number 321 here.
func written(n ast.Node) string {
	if t := n.GetToken(); t != nil {
		return t.Value
	}
	return ""
}

// writtenNull is what a null is written as: null, ~ or, for a key with nothing behind it,
// nothing.
func writtenNull(n *ast.NullNode) string {
	if n.Token != nil && n.Token.Type == token.ImplicitNullType {
		return ""
	}
	return written(n)
}

// object converts keys and values; a key given twice is told with both places and keeps its
// first value. PHP, and most YAML readers, would let the last one win in silence: the script
// that this language replaces lost a street's name that way.
func (v *converter) object(values []*ast.MappingValueNode, pos mapping.Pos, depth int) *mapping.Node {
	out := &mapping.Node{Kind: mapping.Map, Pos: pos}
	seen := make(map[string]mapping.Pos, len(values))
	for i, kv := range values {
		at := v.pos(kv.Key.GetToken(), pos)
		if i == 0 && at.Line == pos.Line && pos.Column > at.Column || pos == (mapping.Pos{}) {
			out.Pos = at // the reader gives a block's object the place of its first colon
		}
		key, ok := v.key(kv.Key, at)
		if !ok {
			continue
		}
		if first, twice := seen[key]; twice {
			v.add(at, fmt.Sprintf("the key %s is here a second time; the first is on line %d", quote(key), first.Line),
				"take one of the two away")
			continue
		}
		seen[key] = at
		out.Entries = append(out.Entries, mapping.Entry{Key: key, Pos: at, Value: v.node(kv.Value, at, depth+1)})
	}
	return out
}

// key is the text of a key as it is written: the row of a table named 007, null or yes is
// found by those very letters.
func (v *converter) key(n ast.MapKeyNode, at mapping.Pos) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.NullNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return written(n), true
	default:
		v.sign(n, at)
		return "", false
	}
}

// text converts a text. The reader takes `{a: 1 b: 2}` for the value "1 b: 2"; YAML does not,
// and a comma is missing.
func (v *converter) text(n *ast.StringNode, pos mapping.Pos) *mapping.Node {
	quoted := n.Token != nil && slices.Contains([]token.Type{token.DoubleQuoteType, token.SingleQuoteType}, n.Token.Type)
	if !quoted && strings.Contains(n.Value, ": ") {
		v.add(pos, "the value "+quote(n.Value)+` holds ": ", which begins a key`, "put a comma before the key, or the whole value in quotes")
	}
	return &mapping.Node{Kind: mapping.Scalar, Pos: pos, Text: n.Value, Quoted: quoted}
}

// blockHeader is what may stand on a line after the | or > of a text on the following lines.
var blockHeader = regexp.MustCompile(`^[|>][-+0-9]{0,2}\s*(#.*)?$`)

// block converts a text written on the lines under | or >. It counts as quoted: it is a text,
// whatever it looks like. What stands beside the sign would be dropped without a word.
func (v *converter) block(n *ast.LiteralNode, near mapping.Pos) *mapping.Node {
	pos := v.pos(n.Start, near)
	if rest := []rune(v.source(pos.Line)); pos.Column <= len(rest) && len(rest) < maxSource {
		if line := string(rest[pos.Column-1:]); !blockHeader.MatchString(line) {
			v.add(pos, "the text after "+line[:1]+" on the same line is not read", "put the value in quotes, or begin its text on the next line")
		}
	}
	out := &mapping.Node{Kind: mapping.Scalar, Pos: pos, Quoted: true}
	if n.Value != nil {
		out.Text = n.Value.Value
	}
	return out
}

// sign tells that a value or key begins with one of YAML's signs that a profile does not use.
// Anchors and merged keys would let a line mean what stands elsewhere; every line of a profile
// says all it means.
func (v *converter) sign(n ast.Node, pos mapping.Pos) {
	const quotes = "if the sign belongs to the text, put the text in quotes"
	switch n.(type) {
	case *ast.AnchorNode:
		v.add(pos, "& at the beginning names a part of the file for repetition, which profiles do not have", quotes)
	case *ast.AliasNode:
		v.add(pos, "* at the beginning repeats another part of the file, which profiles do not have", "write the part out here; "+quotes)
	case *ast.MergeKeyNode:
		v.add(pos, "<< takes over the keys of another part of the file, which profiles do not have", "write the keys out here")
	case *ast.TagNode:
		v.add(pos, "! at the beginning names a type, which profiles do not have", "leave the word with ! out; "+quotes)
	default:
		v.add(pos, "a key must be a plain word here", "write it as key: value, the key in quotes if it holds [ ] { } or ?")
	}
}
