package mapping

import (
	"testing"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// parseNode reads YAML into the tree that a profile's reader hands over.
func parseNode(t testing.TB, text string) *Node {
	t.Helper()
	file, err := parser.ParseBytes([]byte(text), 0, parser.AllowDuplicateMapKey())
	if err != nil {
		t.Fatalf("the test's YAML cannot be read: %v\n%s", err, text)
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return &Node{Kind: Null}
	}
	return toNode(file.Docs[0].Body)
}

func toNode(n ast.Node) *Node {
	pos := position(n.GetToken())
	switch n := n.(type) {
	case *ast.MappingNode:
		m := &Node{Kind: Map, Pos: pos}
		for _, v := range n.Values {
			m.Entries = append(m.Entries, entry(v))
		}
		if len(m.Entries) > 0 && !n.IsFlowStyle {
			m.Pos = m.Entries[0].Pos
		}
		return m
	case *ast.MappingValueNode:
		return &Node{Kind: Map, Pos: position(n.Key.GetToken()), Entries: []Entry{entry(n)}}
	case *ast.SequenceNode:
		l := &Node{Kind: List, Pos: pos}
		for _, v := range n.Values {
			l.Items = append(l.Items, toNode(v))
		}
		return l
	case *ast.NullNode:
		return &Node{Kind: Null, Pos: pos}
	case *ast.StringNode:
		quoted := n.Token.Type == token.SingleQuoteType || n.Token.Type == token.DoubleQuoteType
		return &Node{Kind: Scalar, Pos: pos, Text: n.Value, Quoted: quoted}
	case *ast.LiteralNode:
		return &Node{Kind: Scalar, Pos: pos, Text: n.Value.Value, Quoted: true}
	default:
		return &Node{Kind: Scalar, Pos: pos, Text: n.GetToken().Value}
	}
}

func entry(n *ast.MappingValueNode) Entry {
	key := n.Key.GetToken()
	return Entry{Key: key.Value, Pos: position(key), Value: toNode(n.Value)}
}

func position(t *token.Token) Pos { return Pos{Line: t.Position.Line, Column: t.Position.Column} }
