package phpscript

import (
	"slices"
	"strings"

	"github.com/alecthomas/participle/v2/lexer"
)

// The kinds of statements.
type statementKind int

const (
	simple   statementKind = iota // tokens are the statement
	branch                        // tokens are the condition; body, other
	loop                          // tokens are what stands in the brackets of foreach or for
	function                      // name, tokens are the parameters; body
	block                         // body runs
	unclear                       // body may run or not, once or more: while, switch, catch
	class                         // name; body are its properties and methods
	label                         // tokens are what a case asks for; none for default
)

// statement is one statement of the script with what it holds.
type statement struct {
	kind        statementKind
	word        string // the word that it begins with
	name        string // of a function
	tokens      []lexer.Token
	body, other []*statement
	inner       []*statement // the functions in its values
	line        int
	offset, end int  // in the source
	open        bool // of a function: the variables around it are seen in it
}

// splitter makes statements of tokens, closing what the script left open.
type splitter struct {
	code  *code
	notes *notebook
	at    int

	closures int // around this place
}

// split makes statements of the code.
func split(c *code, notes *notebook) []*statement {
	s := &splitter{code: c, notes: notes}
	var all []*statement
	for s.at < len(c.tokens) {
		all = append(all, s.block(0)...)
		s.at++ // a bracket that closes nothing
	}
	return all
}

// peek is the value of the token at a distance, "" behind the last.
func (s *splitter) peek(distance int) string {
	if s.at+distance >= len(s.code.tokens) {
		return ""
	}
	return s.code.tokens[s.at+distance].Value
}

// enders are the words that end a block in PHP's other way of writing one: if (…): … endif;
func ender(word string) bool {
	switch strings.ToLower(word) {
	case "endif", "endforeach", "endfor", "endwhile", "endswitch":
		return true
	}
	return false
}

// block is the statements up to the bracket or the word that ends them, which stays.
func (s *splitter) block(depth int) []*statement {
	var all []*statement
	for s.at < len(s.code.tokens) {
		word := s.peek(0)
		if word == "}" || ender(word) || depth > 0 && (word == "else" || word == "elseif") {
			return all
		}
		if st := s.statement(depth); st != nil {
			all = append(all, st)
		}
	}
	return all
}

// statement is the next one, nil for an empty one.
func (s *splitter) statement(depth int) *statement {
	first := s.code.tokens[s.at]
	st := &statement{word: first.Value, line: first.Pos.Line, offset: first.Pos.Offset}
	if depth > maxNested {
		s.at = len(s.code.tokens)
		s.notes.add(st.line, "the script nests too deep; it was not read from here on")
		return nil
	}
	if first.Type == typeName || first.Value == "{" || first.Value == ";" {
		if done := s.compound(st, depth); done {
			st.end = s.lastEnd()
			if st.word == ";" {
				return nil
			}
			return st
		}
	}
	s.simple(st)
	st.end = s.lastEnd()
	if st.kind == simple && len(st.tokens) == 0 {
		return nil
	}
	return st
}

// lastEnd is where the token before this one ends.
func (s *splitter) lastEnd() int {
	if s.at == 0 || s.at > len(s.code.tokens) {
		return len(s.code.source)
	}
	t := s.code.tokens[s.at-1]
	return t.Pos.Offset + len(t.Value)
}

// compound reads a statement that holds others, and tells whether it was one.
func (s *splitter) compound(st *statement, depth int) bool {
	switch word := strings.ToLower(st.word); word {
	case ";":
		s.at++
	case "{":
		st.kind = block
		st.body = s.braces(depth)
	case "if", "elseif":
		s.branch(st, depth)
	case "foreach", "for":
		s.at++
		st.kind, st.word = loop, word
		st.tokens = s.brackets()
		st.body = s.body(depth)
	case "while", "switch":
		s.at++
		st.kind = unclear
		st.tokens = s.brackets()
		st.body = s.body(depth)
	case "catch":
		s.at++
		st.kind = unclear
		s.brackets()
		st.body = s.body(depth)
	case "try", "finally":
		s.at++
		st.kind = block
		st.body = s.body(depth)
	case "do":
		s.at++
		st.kind = unclear
		st.body = s.body(depth)
		if test := s.peek(2); s.peek(0) == "while" && (test == "0" || test == "false") { // a block that is left by break
			st.kind = block
		}
	case "else": // of an `if` that could not be read
		s.at++
		st.kind = unclear
		st.body = s.body(depth)
	case "case", "default":
		return s.label(st, word)
	case "class", "final", "abstract", "trait", "interface", "readonly", "enum":
		return s.class(st, depth)
	case "function", "public", "private", "protected", "static":
		return s.function(st, depth)
	case "declare", "namespace", "use":
		for s.at < len(s.code.tokens) && s.peek(0) != ";" && s.peek(0) != "{" {
			s.at++
		}
		st.kind = block
	default:
		return false
	}
	return true
}

// label takes a case of a switch, up to its colon.
func (s *splitter) label(st *statement, word string) bool {
	depth := 0
	for i := 1; i < len(s.code.tokens)-s.at; i++ {
		switch s.peek(i) {
		case "(", "[":
			depth++
		case ")", "]":
			depth--
		case "{", "}":
			return false
		case ":", ";":
			if depth == 0 {
				st.kind, st.word, st.tokens = label, word, s.code.tokens[s.at+1:s.at+i]
				s.at += i + 1
				return true
			}
		}
	}
	return false
}

// branch reads an `if` with its `else`.
func (s *splitter) branch(st *statement, depth int) {
	s.at++
	st.kind = branch
	st.tokens = s.brackets()
	other := s.peek(0) == ":"
	st.body = s.body(depth)
	switch {
	case s.peek(0) == "elseif", s.peek(0) == "else" && s.peek(1) == "if":
		if s.peek(0) == "else" {
			s.at++
		}
		if next := s.statement(depth + 1); next != nil {
			st.other = []*statement{next}
		}
		return // the last one took the endif
	case s.peek(0) == "else":
		s.at++
		st.other = s.body(depth)
	}
	if other && ender(s.peek(0)) {
		s.at++
	}
}

// brackets takes what stands in round brackets, without them. Without brackets there is nothing.
func (s *splitter) brackets() []lexer.Token {
	if s.peek(0) != "(" {
		return nil
	}
	from, depth := s.at+1, 0
	for ; s.at < len(s.code.tokens); s.at++ {
		switch s.peek(0) {
		case "(", "[":
			depth++
		case ")", "]":
			if depth--; depth == 0 {
				s.at++
				return s.code.tokens[from : s.at-1]
			}
		case "{", "}":
			return s.code.tokens[from:s.at]
		}
	}
	return s.code.tokens[from:]
}

// braces takes the statements in braces.
func (s *splitter) braces(depth int) []*statement {
	s.at++
	body := s.block(depth + 1)
	for ender(s.peek(0)) {
		s.at++
		body = append(body, s.block(depth+1)...)
	}
	if s.peek(0) == "}" {
		s.at++
	} else if s.at < len(s.code.tokens) { // an else without its if
		s.at++
		return append(body, s.block(depth+1)...)
	}
	return body
}

// body takes what belongs to the word before it: a block, one statement, or all up to the word that ends it.
func (s *splitter) body(depth int) []*statement {
	switch s.peek(0) {
	case "":
		return nil
	case "{":
		return s.braces(depth)
	case ":":
		s.at++
		body := s.block(depth + 1)
		if ender(s.peek(0)) && !strings.EqualFold(s.peek(0), "endif") {
			s.at++
		}
		return body
	case "}":
		return nil
	}
	if st := s.statement(depth + 1); st != nil {
		return []*statement{st}
	}
	return nil
}

// class takes a class: its methods are functions like any other, its properties statements.
func (s *splitter) class(st *statement, depth int) bool {
	for i := range 30 {
		switch s.peek(i) {
		case "{":
			st.kind, st.word = class, "class"
			for j := range i {
				if word := strings.ToLower(s.peek(j)); word == "class" || word == "trait" {
					st.name = strings.ToLower(s.peek(j + 1))
				} else if word == "function" {
					return s.function(st, depth)
				}
			}
			s.at += i
			st.body = s.braces(depth)
			return true
		case ";", "=", "":
			return false
		}
	}
	return false
}

// function takes a function with its body. What is none, a closure that is called or a property, is a simple statement.
func (s *splitter) function(st *statement, depth int) bool {
	from := s.at
	for strings.ToLower(s.peek(0)) != "function" {
		switch strings.ToLower(s.peek(0)) {
		case "public", "private", "protected", "static", "final", "abstract":
			s.at++
			continue
		}
		if s.at == from || s.peek(0) == "::" {
			s.at = from
			return false
		}
		return s.compoundOrNot(from)
	}
	s.at++
	if s.peek(0) == "&" {
		s.at++
	}
	if s.peek(1) != "(" {
		s.at = from
		return false
	}
	st.kind, st.name = function, s.peek(0)
	s.at++
	st.tokens = s.brackets()
	for s.at < len(s.code.tokens) && s.peek(0) != "{" && s.peek(0) != ";" && s.peek(0) != "}" { // the type of what it gives
		s.at++
	}
	st.body = s.body(depth)
	return true
}

// compoundOrNot leaves the words of a property away: what follows is a simple statement.
func (s *splitter) compoundOrNot(from int) bool {
	for s.at > from && s.at < len(s.code.tokens) && s.code.tokens[s.at].Type == typeName && s.peek(0) != "const" {
		s.at++ // its type
	}
	return false
}

// simple takes a statement up to its semicolon. One that lacks it ends before the next line that begins one. Brackets that nobody
// closed are closed, those that close nothing are passed over.
func (s *splitter) simple(st *statement) {
	var open []string
	field := 0 // the line of a field's bracket that is the innermost one open: $_POST['name'
	for ; s.at < len(s.code.tokens); s.at++ {
		t := s.code.tokens[s.at]
		if field > 0 && t.Pos.Line > field && len(open) > 0 {
			s.close(st, open[len(open)-1:], s.code.tokens[s.at-1])
			open = open[:len(open)-1]
		}
		field = s.field(field, t)
		if t.Value == "function" && t.Type == typeName && len(st.tokens) > 0 {
			if s.closure(st, len(open)) {
				s.at-- // the loop goes on behind it
				continue
			}
		}
		if t.Type == typeSign {
			switch t.Value {
			case ";":
				if len(open) == 0 || open[len(open)-1] != "}" {
					s.close(st, open, t)
					s.at++
					return
				}
			case "(", "[", "{":
				if len(open)+s.closures >= maxNested {
					s.notes.add(t.Pos.Line, "the script nests too deep here; the statement was not read")
					s.skip(st)
					return
				}
				open = append(open, map[string]string{"(": ")", "[": "]", "{": "}"}[t.Value])
			case ")", "]", "}":
				if t.Value == "}" && !slices.Contains(open, "}") {
					s.close(st, open, t)
					return
				}
				open = s.match(st, open, t)
				continue
			}
		}
		if len(open) == 0 && s.unfinished(st, t) {
			s.notes.add(s.code.tokens[s.at-1].Pos.Line, "a semicolon is missing at the end of the statement")
			return
		}
		st.tokens = append(st.tokens, t)
	}
	if len(s.code.tokens) > 0 {
		s.close(st, open, s.code.tokens[len(s.code.tokens)-1])
	}
}

// closure takes a function that stands in a value. A name stands for it among the statement's tokens.
func (s *splitter) closure(st *statement, depth int) bool {
	at, from := s.at, s.code.tokens[s.at]
	if s.at++; s.peek(0) == "&" {
		s.at++
	}
	if s.peek(0) != "(" || s.closures > maxInline {
		s.at = at
		return false
	}
	f := &statement{kind: function, name: "function " + itoa(from.Pos.Offset), line: from.Pos.Line, offset: from.Pos.Offset, open: true}
	f.tokens = s.brackets()
	for s.at < len(s.code.tokens) && s.peek(0) != "{" && s.peek(0) != ";" && s.peek(0) != "}" { // use (…) and the type of what it gives
		s.at++
	}
	if s.peek(0) != "{" {
		s.at = at
		return false
	}
	s.closures++
	f.body = s.braces(depth)
	s.closures--
	f.end = s.lastEnd()
	st.inner = append(st.inner, f)
	st.tokens = append(st.tokens, lexer.Token{Type: typeName, Value: f.name, Pos: from.Pos})
	return true
}

// field follows whether a field's bracket is the innermost one open, and on which line it was opened: nobody writes the name of a field
// over two lines, but its closing bracket is forgotten.
func (s *splitter) field(line int, t lexer.Token) int {
	switch {
	case t.Type != typeSign:
		return line
	case t.Value == "[" && s.at > 0 && strings.HasPrefix(s.code.tokens[s.at-1].Value, "$_"):
		return t.Pos.Line
	}
	return 0
}

// skip passes over the rest of a statement.
func (s *splitter) skip(st *statement) {
	st.tokens = nil
	for s.at < len(s.code.tokens) && s.peek(0) != ";" {
		s.at++
	}
	s.at++
}

// close closes what a statement left open.
func (s *splitter) close(st *statement, open []string, at lexer.Token) {
	for i := len(open) - 1; i >= 0; i-- {
		s.notes.add(at.Pos.Line, "a bracket is missing: "+open[i]+" was put in before this place")
		st.tokens = append(st.tokens, lexer.Token{Type: typeSign, Value: open[i], Pos: at.Pos})
	}
}

// match takes a closing bracket. One of another kind than the one that is open closes that too, if there is one of its kind outside.
func (s *splitter) match(st *statement, open []string, t lexer.Token) []string {
	for i := len(open) - 1; i >= 0; i-- {
		if open[i] == t.Value {
			s.close(st, open[i+1:], t)
			st.tokens = append(st.tokens, t)
			return open[:i]
		}
	}
	s.notes.add(t.Pos.Line, "the bracket "+t.Value+" closes nothing and was passed over")
	return open
}

// unfinished tells whether a token begins another statement, on another line, although no semicolon ended this one: two values in a
// row are no PHP.
func (s *splitter) unfinished(st *statement, t lexer.Token) bool {
	if len(st.tokens) == 0 {
		return false
	}
	last := st.tokens[len(st.tokens)-1]
	value := last.Type != typeSign && last.Type != typeCast && last.Type != typeName || last.Value == ")" || last.Value == "]"
	return value && t.Pos.Line > last.Pos.Line && (t.Type == typeVar || t.Type == typeName && s.peek(1) == "(")
}
