package phpscript

import (
	"slices"
	"strings"

	"github.com/alecthomas/participle/v2/lexer"
)

// group is what a switch does for some cases.
type group struct {
	label *statement
	cases [][]lexer.Token
	other bool // default is among them
	body  []*statement
}

// asBranches writes a switch as the row of conditions that it is. It is nil where a case runs on into the next one, or is left from
// inside of something else.
func asBranches(st *statement) *statement {
	groups, ok := groupsOf(st.body)
	if !ok {
		return nil
	}
	var last, first *statement
	var otherwise []*statement
	for _, g := range groups {
		if g.other {
			otherwise = g.body
			continue
		}
		one := &statement{kind: branch, word: "if", line: g.label.line, offset: g.label.offset, end: g.label.end, body: g.body}
		for i, c := range g.cases {
			if i > 0 {
				one.tokens = append(one.tokens, sign("||", g.label))
			}
			one.tokens = append(one.tokens, bracketed(st.tokens, g.label)...)
			one.tokens = append(append(one.tokens, sign("==", g.label)), bracketed(c, g.label)...)
		}
		if last == nil {
			first = one
		} else {
			last.other = []*statement{one}
		}
		last = one
	}
	if last == nil {
		return &statement{kind: block, body: otherwise, line: st.line, offset: st.offset, end: st.end}
	}
	last.other = otherwise
	return first
}

func sign(value string, at *statement) lexer.Token {
	return lexer.Token{Type: typeSign, Value: value, Pos: lexer.Position{Offset: at.offset, Line: at.line}}
}

func bracketed(tokens []lexer.Token, at *statement) []lexer.Token {
	return append(append([]lexer.Token{sign("(", at)}, tokens...), sign(")", at))
}

// groupsOf puts the statements of a switch to their cases.
func groupsOf(body []*statement) (groups []group, ok bool) {
	for i := 0; i < len(body); {
		if body[i].kind != label {
			return nil, false
		}
		g := group{label: body[i]}
		for ; i < len(body) && body[i].kind == label; i++ {
			if body[i].word == "default" {
				g.other = true
			} else {
				g.cases = append(g.cases, body[i].tokens)
			}
		}
		for ; i < len(body) && body[i].kind != label; i++ {
			g.body = append(g.body, body[i])
		}
		if n := len(g.body); n > 0 && g.body[n-1].word == "break" {
			g.body = g.body[:n-1]
		} else if i < len(body) && (n == 0 || !leaves(g.body[n-1])) {
			return nil, false
		}
		if breaks(g.body) {
			return nil, false
		}
		groups = append(groups, g)
	}
	return groups, true
}

// leaves tells whether a statement ends what it stands in.
func leaves(st *statement) bool {
	return slices.Contains([]string{"return", "exit", "die", "throw", "continue"}, strings.ToLower(st.word))
}

// breaks tells whether a break stands among statements that is not a loop's.
func breaks(all []*statement) bool {
	return slices.ContainsFunc(all, func(st *statement) bool {
		return st.kind == simple && strings.EqualFold(st.word, "break") || (st.kind == branch || st.kind == block) && (breaks(st.body) || breaks(st.other))
	})
}
