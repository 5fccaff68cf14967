package phpscript

import (
	"fmt"
	"regexp"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/alecthomas/participle/v2/lexer"
)

// The types of tokens.
const (
	typeVar lexer.TokenType = iota + 1
	typeName
	typeText // a string as it is written, with its quotes
	typeNumber
	typeCast
	typeSign
	typeBroken // what could not be parsed, as it is written
)

// comment is one comment of the script.
type comment struct {
	offset, line int
	own          bool // nothing stands before it on its line
	text         string
}

// code is what the scanner found in a file.
type code struct {
	source   string
	starts   []int // offset of each line
	tokens   []lexer.Token
	comments []comment
}

// line is the line of an offset, from 1.
func (c *code) line(offset int) int {
	return sort.Search(len(c.starts), func(i int) bool { return c.starts[i] > offset })
}

// Where code begins in a page of prose: at the beginning of a line, with what no sentence begins with. Words that are English too need
// what follows them in PHP.
const (
	startsPHP  = `^<\?(?:php\b|=)?`
	startsCode = `^(?:\$[A-Za-z_]\w*[ \t\n]*(?:\[|=[^=>]|\.=|\?\?=|->)|(?:if|foreach|for|while|switch|elseif)[ \t]*\(` +
		`|(?:curl_\w+|header|define|exit|die|unset|extract|session_start|ini_set|error_reporting|date_default_timezone_set|file_get_contents|file_put_contents|mail)[ \t]*\(` +
		`|(?:exit|die);|function[ \t]+\w+[ \t]*\(|else[ \t]*\{|else if|catch[ \t]*\(|finally[ \t]*\{|try[ \t]*\{|class[ \t]+\w+[^.;\n]*\{|const[ \t]+\w+[ \t]*=|(?:final |abstract )?class \w+\n` +
		`|(?:echo|print|return|require|include)(?:_once)?[ \t]*[($'"\[]|//|/\*|\})`
)

// scanner cuts the code of a file into tokens.
type scanner struct {
	code
	notes *notebook
	pos   int
	php   bool   // behind <?php
	begin bool   // between statements
	open  []byte // the brackets that are open
	full  bool
	*patterns
}

// patterns are what the scanner looks for, compiled once for a file and all the strings in it.
type patterns struct {
	isPHP    *regexp.Regexp
	isCode   *regexp.Regexp
	cast     *regexp.Regexp
	number   *regexp.Regexp
	heredoc  *regexp.Regexp
	keywords map[string]bool

	order       *regexp.Regexp // the address of KeyCRM's call for an order
	secret      *regexp.Regexp // names of variables, constants and keys that hold a token
	bearer      *regexp.Regexp // a header with a token
	header      *regexp.Regexp // what a header with the authorization says around the token
	environment *regexp.Regexp // the name of a variable in the environment
	random      *regexp.Regexp // a long run of letters and digits, as tokens are
	decimal     *regexp.Regexp // a number that means the same in PHP, in YAML and in an expression
	bare        *regexp.Regexp // a text that YAML takes as it stands
	zone        *regexp.Regexp
	address     *regexp.Regexp
	picture     *regexp.Regexp // a field that holds the address of a picture
}

func newPatterns() *patterns {
	p := &patterns{
		isPHP: regexp.MustCompile(startsPHP), isCode: regexp.MustCompile(startsCode),
		cast:        regexp.MustCompile(`^\([ \t]*(?i:int|integer|float|double|string|bool|boolean|array|object)[ \t]*\)`),
		number:      regexp.MustCompile(`^(?:0[xX][0-9a-fA-F]+|(?:[0-9][0-9_]*)?\.?[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9][0-9_]*\.?)`),
		heredoc:     regexp.MustCompile(`^<<<[ \t]*(?:"(\w+)"|'(\w+)'|(\w+))[ \t]*\n`),
		keywords:    map[string]bool{},
		order:       regexp.MustCompile(`/(?:order|order/import)/?['"]$`),
		secret:      regexp.MustCompile(`(?i)token|api_?key|apikey|secret|passw|bearer|authori[sz]ation`),
		bearer:      regexp.MustCompile(`(?i)bearer\s+([^\s'"{}$]+)`),
		header:      regexp.MustCompile(`(?i)(?:^|['"\s])(?:x-)?authorization\s*(?::\s*(?:bearer)?|['"]?$)|\bbearer(?:\s|['"]|$)`),
		environment: regexp.MustCompile(`^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$`),
		random:      regexp.MustCompile(`[A-Za-z0-9+_=]{32,}`),
		decimal:     regexp.MustCompile(`^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,9})?$`),
		bare:        regexp.MustCompile(`^(\$\{|[\pL_])[^\n\t#:"'\\]*$`),
		zone:        regexp.MustCompile(`^[A-Za-z]+(/[A-Za-z_+-]+[0-9]*)*$`),
		address:     regexp.MustCompile(`^https?://[A-Za-z0-9.-]+(/[A-Za-z0-9._~/?&=%-]*)?$`),
		picture:     regexp.MustCompile(`(?i)url|picture|image|photo|img`),
	}
	for word := range strings.FieldsSeq("array list isset empty and or xor if else elseif foreach for while do switch function fn return echo true false null new match as") {
		p.keywords[word] = true
	}
	return p
}

// scan finds the code in a file. What is no code is passed over.
func scan(source string, notes *notebook, p *patterns) *code {
	s := &scanner{code: code{source: source}, notes: notes, begin: true, patterns: p}
	for i := 0; i <= len(source); {
		s.starts = append(s.starts, i)
		next := strings.IndexByte(source[i:], '\n')
		if next < 0 {
			break
		}
		i += next + 1
	}
	for s.pos < len(source) && !s.full {
		s.step()
	}
	return &s.code
}

// step passes over prose or takes one token.
func (s *scanner) step() {
	rest := s.source[s.pos:]
	if s.begin && len(s.open) == 0 && s.lineBegins() && !s.proceed(rest) {
		s.skipLine()
		return
	}
	if n := blank(rest); n > 0 {
		s.pos += n
		return
	}
	if s.begin && !s.php && !s.lineBegins() && !s.isCode.MatchString(rest) && strings.IndexByte("#;)],", rest[0]) < 0 && len(s.open) == 0 {
		s.skipLine() // words behind the last statement of a line
		return
	}
	s.token(rest)
}

// lineBegins tells whether nothing but blanks stands before this place on its line.
func (s *scanner) lineBegins() bool {
	from := s.starts[s.line(s.pos)-1]
	return strings.TrimLeft(s.source[from:s.pos], " \t\u00a0") == ""
}

// proceed decides at the beginning of a line, between statements, whether code stands there.
func (s *scanner) proceed(rest string) bool {
	text := strings.TrimLeft(rest, " \t\u00a0")
	first, size := utf8.DecodeRuneInString(text)
	switch {
	case size == 0 || first == '\n':
		return false
	case strings.HasPrefix(text, "```"):
		s.php = false
		return false
	case s.isPHP.MatchString(text):
		return true
	case s.isCode.MatchString(text):
		return true
	}
	if s.php && first >= utf8.RuneSelf && !strings.ContainsRune("‘’“”", first) {
		s.php = false // prose goes on behind a script that was never closed
	}
	return s.php
}

// skipLine passes over the rest of a line, up to an opening tag if it holds one.
func (s *scanner) skipLine() {
	rest := s.source[s.pos:]
	end := strings.IndexByte(rest, '\n')
	if end < 0 {
		end = len(rest) - 1
	}
	if tag := strings.Index(rest[:end+1], "<?"); tag > 0 {
		end = tag - 1
	}
	s.pos += end + 1
}

// blank is the length of the blanks at the beginning of a text, those of typesetters and of nobody's eyes included.
func blank(s string) int {
	return len(s) - len(strings.TrimLeft(s, " \t\n\f\v\x00\u00a0\u200b\u200c\u200d\u2060\ufeff\u202f\u2009"))
}

// token takes one token, comment or tag.
func (s *scanner) token(rest string) {
	switch c := rest[0]; {
	case s.isPHP.MatchString(rest):
		s.php, s.begin = true, true
		s.pos += len(s.isPHP.FindString(rest))
	case strings.HasPrefix(rest, "?>"):
		if !s.begin {
			s.emit(typeSign, ";", 0)
		}
		s.php, s.begin = false, len(s.open) == 0
		s.pos += 2
		if !strings.Contains(rest, "<?") {
			s.open = nil // nothing of the script comes any more
		}
		s.skipHTML()
	case strings.HasPrefix(rest, "//"), c == '#', strings.HasPrefix(rest, "/*"):
		s.comment(rest)
	case c == '\'' || c == '"' || c == '`':
		s.text(rest)
	case strings.HasPrefix(rest, "<<<") && s.heredoc.MatchString(rest):
		s.document(rest)
	case strings.HasPrefix(rest, "‘"), strings.HasPrefix(rest, "’"), strings.HasPrefix(rest, "“"), strings.HasPrefix(rest, "”"):
		s.curly(rest)
	case c == '$' && len(rest) > 1 && isNameStart(rest[1]):
		n := 1 + nameLength(rest[1:], false)
		s.emit(typeVar, rest[:n], n)
	case c >= '0' && c <= '9' || c == '.' && len(rest) > 1 && rest[1] >= '0' && rest[1] <= '9' && !s.afterValue():
		number := s.number.FindString(rest)
		s.emit(typeNumber, number, len(number))
	case isNameStart(c) || c == '\\':
		s.name(rest)
	case s.cast.MatchString(rest):
		cast := s.cast.FindString(rest)
		s.emit(typeCast, strings.ToLower(strings.Trim(cast, "() \t")), len(cast))
	default:
		s.sign(rest)
	}
}

// skipHTML passes over what stands between two pieces of PHP, while a block is open.
func (s *scanner) skipHTML() {
	if len(s.open) == 0 {
		return
	}
	if next := strings.Index(s.source[s.pos:], "<?"); next >= 0 {
		s.pos += next
	}
}

// afterValue tells whether the last token ends a value: a dot behind one joins texts.
func (s *scanner) afterValue() bool {
	if len(s.tokens) == 0 {
		return false
	}
	t := s.tokens[len(s.tokens)-1]
	return t.Type != typeSign && t.Type != typeCast || t.Value == ")" || t.Value == "]"
}

func isNameStart(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf
}

// nameLength is the length of the name at the beginning of a text; one of a class may have backslashes.
func nameLength(s string, class bool) int {
	for i := range len(s) {
		if c := s[i]; !isNameStart(c) && (c < '0' || c > '9') && (!class || c != '\\') {
			return i
		}
	}
	return len(s)
}

// name takes a name. PHP's own words mean the same in any case.
func (s *scanner) name(rest string) {
	n := max(1, nameLength(rest, true))
	word := strings.TrimPrefix(rest[:n], `\`)
	switch lower := strings.ToLower(word); {
	case s.keywords[lower]:
		word = lower
	case lower == "static" && strings.HasPrefix(rest[n:], "::"): // no word before a property, but the class at hand
		word = "self"
	}
	s.emit(typeName, word, n)
}

// emit adds a token and goes on behind its n bytes.
func (s *scanner) emit(t lexer.TokenType, value string, n int) {
	if len(s.tokens) == maxTokens {
		s.notes.add(s.line(s.pos), fmt.Sprintf("from here on the script was not read: it has more than %d words and signs; import the part around the array alone", maxTokens))
		s.full = true
		return
	}
	s.tokens = append(s.tokens, lexer.Token{Type: t, Value: value, Pos: lexer.Position{Offset: s.pos, Line: s.line(s.pos)}})
	s.pos += n
	if t != typeSign {
		s.begin = false
	}
}

// signs are PHP's operators, longer ones before those that they begin with.
func signs() []string {
	return []string{
		"<=>", "===", "!==", "**=", "??=", "?->", "<<=", ">>=", "...", "=>", "->", "::", "==", "!=", "<>", "<=", ">=", "&&", "||", "??", "++", "--",
		"+=", "-=", "*=", "/=", ".=", "%=", "&=", "|=", "^=", "**", "<<", ">>",
	}
}

// sign takes an operator or a bracket, and keeps count of what is open.
func (s *scanner) sign(rest string) {
	value := ""
	for _, sign := range signs() {
		if strings.HasPrefix(rest, sign) {
			value = sign
			break
		}
	}
	if value == "" {
		if strings.IndexByte("[](){},;=+-*/%.<>!?:&|^~@$", rest[0]) < 0 {
			_, n := utf8.DecodeRuneInString(rest)
			s.notes.add(s.line(s.pos), fmt.Sprintf("the sign %q is no PHP and was passed over", rest[:n]))
			s.pos += n
			return
		}
		value = rest[:1]
	}
	s.emit(typeSign, value, len(value))
	s.count(value)
}

// count follows brackets and tells where a statement ends. A semicolon ends one also inside round and square brackets that nobody
// closed: none may stand there, but between those of a `for`.
func (s *scanner) count(value string) {
	s.begin = false
	switch value {
	case "(", "[", "{":
		s.open = append(s.open, value[0])
		s.begin = value == "{"
	case ")", "]", "}":
		s.closed(value[0])
		s.begin = value == "}"
	case ";":
		s.begin = true
		if n := len(s.open); n > 0 && s.open[n-1] != '{' && !s.inFor() {
			for n > 0 && s.open[n-1] != '{' {
				n--
			}
			s.open = s.open[:n]
		}
	}
}

// closed takes the bracket off that a closing one closes, and those inside it that nobody closed.
func (s *scanner) closed(with byte) {
	opener := map[byte]byte{')': '(', ']': '[', '}': '{'}[with]
	for i := len(s.open) - 1; i >= 0; i-- {
		if s.open[i] == opener {
			s.open = s.open[:i]
			return
		}
		if s.open[i] == '{' {
			return
		}
	}
}

// inFor tells whether the innermost bracket is that of a `for`.
func (s *scanner) inFor() bool {
	depth := 0
	for i := len(s.tokens) - 1; i >= 0; i-- {
		switch s.tokens[i].Value {
		case ")", "]", "}":
			depth++
		case "[", "{":
			depth--
		case "(":
			if depth--; depth < 0 {
				return i > 0 && s.tokens[i-1].Value == "for"
			}
		}
		if depth < 0 {
			return false
		}
	}
	return false
}

// comment takes a comment. One to the end of the line ends also at a closing tag.
func (s *scanner) comment(rest string) {
	end, from := len(rest), 1
	switch {
	case strings.HasPrefix(rest, "#["): // an attribute
		if i := strings.IndexAny(rest, "]\n"); i >= 0 {
			s.pos += i + 1
			return
		}
	case strings.HasPrefix(rest, "/*"):
		from = 2
		if i := strings.Index(rest[2:], "*/"); i >= 0 {
			end = i + 4
		}
	default:
		if rest[0] == '/' {
			from = 2
		}
		if i := strings.IndexByte(rest, '\n'); i >= 0 {
			end = i
		}
		if i := strings.Index(rest[:end], "?>"); i >= 0 {
			end = i
		}
	}
	text := strings.TrimSuffix(rest[from:end], "*/")
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.Trim(strings.TrimSpace(line), "*/# "); line != "" {
			lines = append(lines, line)
		}
	}
	line := s.line(s.pos)
	own := strings.TrimSpace(s.source[s.starts[line-1]:s.pos]) == ""
	for _, text := range lines {
		s.comments = append(s.comments, comment{offset: s.pos, line: line, own: own, text: text})
	}
	s.pos += end
}

// text takes a string. One that runs over the end of its line and has code in it was never closed: it is closed where its line has the
// next sign that can stand behind a string.
func (s *scanner) text(rest string) {
	end := textEnd(rest)
	line, _, _ := strings.Cut(rest, "\n")
	if inside := rest[:end]; len(line) < end && (strings.Contains(inside, "=>") || strings.Contains(inside, "$_POST[")) || end == len(rest) && !closes(inside) {
		n := 1 + strings.IndexAny(line[1:], "],;")
		if n == 0 {
			n = len(line)
		}
		s.notes.add(s.line(s.pos), "a quote is not closed; it was taken to end before the next bracket, comma or semicolon")
		s.emit(typeText, "'"+strings.Trim(line[1:n], `\'" `)+"'", n)
		return
	}
	s.emit(typeText, rest[:end], end)
}

// closes tells whether a string as it is written ends with the quote that it begins with.
func closes(s string) bool { return len(s) > 1 && s[len(s)-1] == s[0] }

// textEnd is where a string ends, its length when nothing closes it. In double quotes an expression in braces may hold quotes.
func textEnd(s string) int {
	quote, braces := s[0], 0
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case braces == 0 && c == quote:
			return i + 1
		case quote == '"' && c == '{' && i+1 < len(s) && s[i+1] == '$':
			braces++
		case braces > 0 && c == '}':
			braces--
		case braces > 0 && c == '\n':
			braces = 0
		}
	}
	return len(s)
}

// curly takes a string in the quotes that word processors make of straight ones.
func (s *scanner) curly(rest string) {
	_, n := utf8.DecodeRuneInString(rest)
	end := strings.IndexAny(rest[n:], "‘’“”'\"\n")
	if end < 0 {
		end = len(rest) - n
	}
	inside := rest[n : n+end]
	_, closing := utf8.DecodeRuneInString(rest[n+end:])
	if strings.HasPrefix(rest[n+end:], "\n") {
		closing = 0
	}
	s.notes.add(s.line(s.pos), "quotes as a word processor makes them, which PHP does not know; read as straight ones")
	s.emit(typeText, "'"+strings.ReplaceAll(inside, `\`, `\\`)+"'", n+end+closing)
}

// document takes a heredoc or a nowdoc, as it is written.
func (s *scanner) document(rest string) {
	m := s.heredoc.FindStringSubmatch(rest)
	word := m[1] + m[2] + m[3]
	at := len(m[0])
	for at < len(rest) {
		line, _, more := strings.Cut(rest[at:], "\n")
		indent := len(line) - len(strings.TrimLeft(line, " \t"))
		if tail, ok := strings.CutPrefix(line[indent:], word); ok && nameLength(tail, false) == 0 && (tail == "" || tail[0] < '0' || tail[0] > '9') {
			n := at + indent + len(word)
			s.emit(typeText, rest[:n], n)
			return
		}
		if at += len(line); more {
			at++
		}
	}
	s.notes.add(s.line(s.pos), "the text that begins with <<<"+word+" is not closed")
	s.emit(typeText, rest, len(rest))
}
