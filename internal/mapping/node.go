package mapping

import "cmp"

// NodeKind is the shape of one node of a profile's YAML.
type NodeKind int

// The four shapes. A YAML alias or tag is resolved before the tree gets here.
const (
	Null NodeKind = iota
	Scalar
	Map
	List
)

// String is the shape's name in a fault's sentence.
func (k NodeKind) String() string {
	switch k {
	case Scalar:
		return "a value"
	case Map:
		return "an object"
	case List:
		return "a list"
	default:
		return "nothing"
	}
}

// Pos is a place in the profile's file. Both count from 1, columns in characters (runes); the zero Pos
// is "nowhere".
type Pos struct{ Line, Column int }

// compare orders places as a reader meets them: below 0 where p comes first, 0 where both are the same.
func (p Pos) compare(q Pos) int {
	return cmp.Or(cmp.Compare(p.Line, q.Line), cmp.Compare(p.Column, q.Column))
}

// Node is one value of the profile's YAML with its place. Which of Text, Entries and Items counts is
// said by Kind.
type Node struct {
	Kind NodeKind
	Pos  Pos // of the value's first character; of a quoted scalar's opening quote
	// Text is a scalar's text exactly as written, without its quotes and with the escapes of a quoted one resolved: 0501 stays "0501".
	Text    string
	Quoted  bool // written in quotes (or as a block): a text, whatever it looks like
	Entries []Entry
	Items   []*Node
}

// Entry is one key of an object, in the order written.
type Entry struct {
	Key   string
	Pos   Pos // of the key
	Value *Node
}

// get is the value under key and whether the key is there.
func (n *Node) get(key string) (*Node, bool) {
	if n == nil {
		return nil, false
	}
	for i := range n.Entries {
		if n.Entries[i].Key == key {
			return n.Entries[i].Value, true
		}
	}
	return nil, false
}
