package phpscript

import (
	"errors"
	"io"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"
)

// The grammar of one statement. It forgives what the scripts it was made for get wrong: a comma may be missing between the entries of
// an array, and several keys may stand in one pair of square brackets. Operators are one flat row; [runner.chain] knows which binds
// closer. Only brackets, ? and = make it recurse, and they are bounded.
type (
	sentence struct {
		List []*assign `parser:"@@ ( ',' @@ )*"`
	}
	assign struct {
		Pos    lexer.Position
		EndPos lexer.Position
		Left   *choice `parser:"@@"`
		Sign   string  `parser:"( @( '=' | '.=' | '??=' | '+=' | '-=' | '*=' | '/=' )"`
		Ref    bool    `parser:"@'&'?"`
		Right  *assign `parser:"@@ )?"`
	}
	choice struct {
		Test     *fallback `parser:"@@"`
		Branches []*option `parser:"@@*"`
	}
	option struct {
		Then *assign   `parser:"'?' @@?"`
		Else *fallback `parser:"':' @@"`
	}
	fallback struct {
		Parts []*chain `parser:"@@ ( '??' @@ )*"`
	}
	chain struct {
		First *term   `parser:"@@"`
		Rest  []*link `parser:"@@*"`
	}
	link struct {
		Op   string `parser:"@( '||' | '&&' | 'or' | 'and' | 'xor' | '|' | '^' | '&' | '==' | '!=' | '===' | '!==' | '<>' | '<=>' | '<' | '>' | '<=' | '>=' | '.' | '<<' | '>>' | '+' | '-' | '*' | '/' | '%' | '**' | 'instanceof' )"`
		Term *term  `parser:"@@"`
	}
	term struct {
		Pos    lexer.Position
		EndPos lexer.Position
		Prefix []string `parser:"@( '!' | '-' | '+' | '@' | '&' | '~' | '...' | '++' | '--' | Cast | 'new' | 'clone' | 'return' | 'echo' | 'print' | 'throw' | 'global' | 'static' | 'const' | 'include' | 'include_once' | 'require' | 'require_once' )*"`
		Array  *array   `parser:"( @@"`
		Base   *base    `parser:"| @@"`
		Trail  []*trail `parser:"  @@* )"`
	}
	array struct {
		Pos     lexer.Position
		EndPos  lexer.Position
		Entries []*entry `parser:"( '[' ','* @@* ']' | ( 'array' | 'list' ) '(' ','* @@* ')' )"`
	}
	entry struct {
		Pos    lexer.Position
		EndPos lexer.Position
		First  *assign  `parser:"@@"`
		Second *assign  `parser:"( '=>' @@ )?"`
		Commas []string `parser:"@','*"`
	}
	base struct {
		Var    string    `parser:"  @Var"`
		Text   string    `parser:"| @Text"`
		Number string    `parser:"| @Number"`
		Broken string    `parser:"| @Broken"`
		Short  *shortFn  `parser:"| @@"`
		Match  *matchArm `parser:"| @@"`
		Name   string    `parser:"| @Name"`
		Group  *assign   `parser:"| '(' @@ ')'"`
	}
	shortFn struct {
		Params []*param `parser:"'fn' '(' @@* ')' ( ':' '?'? Name )?"`
		Gives  *assign  `parser:"'=>' @@"`
	}
	param struct {
		Type    string  `parser:"'?'? @Name* ( '&' | '...' )?"`
		Name    string  `parser:"@Var"`
		Default *assign `parser:"( '=' @@ )? ','*"`
	}
	matchArm struct {
		Subject *assign `parser:"'match' '(' @@ ')'"`
		Arms    []*arm  `parser:"'{' @@* '}'"`
	}
	arm struct {
		Tests []*assign `parser:"@@ ( ',' @@ )*"`
		Gives *assign   `parser:"'=>' @@ ','*"`
	}
	trail struct {
		Bracket bool      `parser:"( @'['"`
		Keys    []*assign `parser:"  ( @@ ( ',' @@ )* )? ']' )"`
		Member  string    `parser:"| ( '->' | '?->' | '::' ) @( Name | Var )"`
		Call    bool      `parser:"| ( @'('"`
		Args    []*arg    `parser:"  @@* ')' )"`
		Step    string    `parser:"| @( '++' | '--' )"`
	}
	arg struct {
		Value *assign `parser:"@@"`
		Named *assign `parser:"( ':' @@ )? ','*"`
	}
)

// definition tells participle the names of the scanner's tokens.
type definition struct{}

func (definition) Symbols() map[string]lexer.TokenType {
	return map[string]lexer.TokenType{
		"EOF": lexer.EOF, "Var": typeVar, "Name": typeName, "Text": typeText, "Number": typeNumber, "Cast": typeCast, "Sign": typeSign, "Broken": typeBroken,
	}
}

// Lex is never asked: the scanner has made the tokens before.
func (definition) Lex(string, io.Reader) (lexer.Lexer, error) {
	return nil, errors.New("tokens are made by the scanner")
}

// feed gives tokens to participle.
type feed struct {
	tokens []lexer.Token
	at     int
}

func (f *feed) Next() (lexer.Token, error) {
	if f.at == len(f.tokens) {
		end := lexer.Token{Type: lexer.EOF}
		if f.at > 0 {
			last := f.tokens[f.at-1]
			end.Pos = last.Pos
			end.Pos.Offset += len(last.Value)
		}
		return end, nil
	}
	f.at++
	return f.tokens[f.at-1], nil
}

// grammar parses statements, and takes out of one what keeps the rest of it from being parsed.
type grammar struct {
	parser *participle.Parser[sentence]
	left   int // of maxParsed
}

func newGrammar() (*grammar, error) {
	parser, err := participle.Build[sentence](participle.Lexer(definition{}))
	if err != nil {
		return nil, err
	}
	return &grammar{parser: parser, left: maxParsed}, nil
}

// maxChoices bounds what makes the grammar recurse without a bracket, in one statement.
const maxChoices = 1000

// parse parses one statement. Where it cannot, the value around that place becomes a broken token and it is tried again; nil is what
// is left when that does not help either.
func (g *grammar) parse(tokens []lexer.Token) *sentence {
	choices := 0
	for _, t := range tokens {
		if t.Type == typeSign && (t.Value == "?" || t.Value == "=" || t.Value == ":" || t.Value == "fn") {
			choices++
		}
	}
	if choices > maxChoices {
		return nil
	}
	for range maxRepairs {
		if g.left -= len(tokens) + 1; g.left < 0 || len(tokens) == 0 {
			return nil
		}
		peeking, err := lexer.Upgrade(&feed{tokens: tokens})
		if err != nil {
			return nil
		}
		tree, err := g.parser.ParseFromLexer(peeking)
		if err == nil {
			return tree
		}
		var at participle.Error
		if !errors.As(err, &at) {
			return nil
		}
		mended, ok := repair(tokens, at.Position().Offset)
		if !ok {
			return nil
		}
		tokens = mended
	}
	return nil
}

// repair makes a broken token of the value around the token at an offset: of an array's entry the value, its key staying. The value
// must stand in brackets; without any there is nothing left of the statement.
func repair(tokens []lexer.Token, offset int) ([]lexer.Token, bool) {
	at := len(tokens) - 1
	for i, t := range tokens {
		if t.Pos.Offset >= offset {
			at = i
			break
		}
	}
	for at >= 0 {
		from, to, opener := around(tokens, at)
		if opener < 0 {
			return nil, false
		}
		for i, depth := from, 0; i < to; i++ {
			switch tokens[i].Value {
			case "(", "[", "{":
				depth++
			case ")", "]", "}":
				depth--
			case "=>":
				if depth == 0 && i+1 < to && i > from {
					from = i + 1
				}
			}
		}
		if to > from && (to-from > 1 || tokens[from].Type != typeBroken) {
			whole := tokens[from]
			var text []byte
			for _, t := range tokens[from:to] {
				if len(text) > 0 {
					text = append(text, ' ')
				}
				text = append(text, t.Value...)
			}
			whole.Type, whole.Value = typeBroken, string(text)
			out := append([]lexer.Token{}, tokens[:from]...)
			out = append(out, whole)
			return append(out, tokens[to:]...), true
		}
		at = opener
	}
	return nil, false
}

// around is what stands between the commas or brackets around a token, and the bracket that it stands in, -1 without one.
func around(tokens []lexer.Token, at int) (from, to, opener int) {
	depth := 0
	from, opener = 0, -1
	for i := at - 1; i >= 0 && opener < 0; i-- {
		switch tokens[i].Value {
		case ")", "]", "}":
			depth++
		case "(", "[", "{":
			if depth == 0 {
				opener = i
				if from == 0 {
					from = i + 1
				}
			}
			depth--
		case ",":
			if depth == 0 && from == 0 {
				from = i + 1
			}
		}
	}
	depth = 0
	for to = max(at, from); to < len(tokens); to++ {
		switch tokens[to].Value {
		case "(", "[", "{":
			depth++
		case ")", "]", "}":
			if depth == 0 {
				return from, to, opener
			}
			depth--
		case ",":
			if depth == 0 {
				return from, to, opener
			}
		}
	}
	return from, to, opener
}
