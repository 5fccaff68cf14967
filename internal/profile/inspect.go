package profile

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"formrelay/internal/mapping"
)

// inspection walks over a file's lines before YAML is read, for three slips that the YAML
// reader either reports somewhere else and in its own terms, or swallows in silence: an
// expression without quotes, a quote inside quotes, an indentation that is no spaces.
//
// Each such line is told with the line as it should read, and mended in `mended`, so that
// reading can go on. It follows YAML only as far as it must to know whether a `${` stands in
// quotes, in a comment, in a text block or in the open.
//
// The slips are those that everybody makes who writes ${…} in YAML for the first time:
//
//	buyer: {full_name: ${name}}        the braces end the object
//	full_name: ${name ? name : nick}   the colon makes a key of what is before it
//	comment: ${name} #${number}        the sign begins a comment, and half of the value is gone without a word
//	full_name: "${form["First Name"]}" the second quote ends the value
//
// A false alarm would refuse a sound file, which is worse than a fault told less well. So
// where the inspection cannot be sure (an expression over several lines, a quote that closes
// elsewhere) it keeps still and leaves the line to the YAML reader.
type inspection struct {
	*collector
	mended   []string
	width    []int         // the characters of each line as written
	columns  map[int][]int // by line index: the original column index of each character of a mended line
	indents  bool          // an indentation was mended by guessing
	hopeless bool          // a quote swallows lines: what follows cannot be read
	blank    bool          // the line holds nothing, or a comment: the reader stumbles over a tab before one

	flow   int         // open [ and {
	quote  byte        // the quote that is open at a line's end, 0 for none
	opened mapping.Pos // where
	block  int         // column of what a text block belongs to; its lines stand further in. -1: no block
}

// fix replaces the bytes from..to of one line. Without a why it is about the indentation,
// where the right text is a guess: the reader's own next complaint is then not told, because
// it may be about the guess.
type fix struct {
	from, to int
	text     string
	why      string
}

// inspect looks at every line of c.
func inspect(c *collector) *inspection {
	l := &inspection{collector: c, mended: make([]string, len(c.lines)), width: make([]int, len(c.lines)), columns: make(map[int][]int), block: -1}
	for i, s := range c.lines {
		l.mended[i], l.width[i] = s, utf8.RuneCountInString(s)
		if fixes := l.line(i, s); len(fixes) > 0 {
			l.mend(i, fixes)
		} else if l.blank {
			l.mended[i] = ""
		}
		if l.hopeless {
			break
		}
	}
	return l
}

// mend notes the fault of line i and how the line should read.
func (l *inspection) mend(i int, fixes []fix) {
	s := l.lines[i]
	l.mended[i], l.columns[i] = apply(s, fixes)
	first := fixes[0]
	pos := mapping.Pos{Line: i + 1, Column: utf8.RuneCountInString(s[:first.from]) + 1}
	if first.why == "" {
		sign := "a no-break space"
		if strings.Contains(s[:first.to], "\t") {
			sign = "a tab"
		}
		l.add(pos, "this line is indented with "+sign+", which YAML does not take", "indent it with spaces")
		return
	}
	l.add(pos, "the value "+cut(strings.TrimSpace(s[first.from:first.to]), maxQuote)+" "+first.why,
		"write the line as "+strings.TrimSpace(l.mended[i]))
}

// original is a place of the mended text in the file as written. It is a place there is,
// whatever the reader counted.
func (l *inspection) original(pos mapping.Pos) mapping.Pos {
	pos.Line = min(max(1, pos.Line), len(l.mended))
	if cols := l.columns[pos.Line-1]; pos.Column >= 1 && pos.Column <= len(cols) {
		pos.Column = cols[pos.Column-1] + 1
	}
	pos.Column = min(max(1, pos.Column), l.width[pos.Line-1]+1)
	return pos
}

// apply makes a line with its fixes, and for each of its characters the index of the one it
// came from. A quote that was added has the place of the character it stands before; all that
// a fault needs of it is that the place is inside the value.
func apply(s string, fixes []fix) (string, []int) {
	var b strings.Builder
	var cols []int
	at, col := 0, 0
	keep := func(to int) {
		for range s[at:to] {
			cols = append(cols, col)
			col++
		}
		b.WriteString(s[at:to])
		at = to
	}
	for _, f := range fixes {
		keep(f.from)
		last := utf8.RuneCountInString(s[f.from:f.to]) - 1
		n := 0
		for range f.text {
			cols = append(cols, col+min(max(0, n-1), last))
			n++
		}
		b.WriteString(f.text)
		at, col = f.to, col+last+1
	}
	keep(len(s))
	return b.String(), cols
}

// line looks at one line and returns what must be mended in it, from left to right.
func (l *inspection) line(i int, s string) []fix {
	l.blank = false
	w := &walk{inspection: l, s: s, start: -1, parent: -1, value: l.flow > 0}
	if !w.resume(i) {
		return nil
	}
	for w.at < len(s) {
		if !w.step(i) {
			break
		}
	}
	return w.fixes
}

// walk is the way through one line.
type walk struct {
	*inspection
	s      string
	at     int
	start  int  // where the last scalar began: the key, once its colon is met
	parent int  // column of the key or dash to which a text block would belong
	value  bool // a colon, dash or bracket was met: a scalar here is a value
	fixes  []fix
}

// resume takes up what the line before left open, and returns whether anything of this line is
// left to look at.
//
// A quote that closes lines later in front of other text is nearly always one that was
// forgotten: everything between has become one value, and whatever the reader says about it is
// about the wrong line. So that ends the reading, with the place of the open quote.
func (w *walk) resume(i int) bool {
	in := len(w.s) - len(strings.TrimLeft(w.s, " "))
	switch {
	case w.quote != 0:
		end := closing(w.s, 0, w.quote)
		if end < 0 {
			return false
		}
		w.quote, w.at = 0, end
		if !w.scalarEnds(end) {
			w.hopeless = true
			w.add(w.opened, "the quote opened here is never closed; the next quote in the file is on line "+strconv.Itoa(i+1),
				"close it on this line")
			return false
		}
		return true
	case w.block >= 0 && (in > w.block-1 || strings.TrimSpace(w.s) == ""):
		return false
	}
	w.block = -1
	w.indent()
	return true
}

// indent looks at the white space a line begins with. A tab is no indentation in YAML, however
// an editor shows it; the no-break space comes along with what is copied from a web page.
// Inside brackets, and before a comment, neither matters.
func (w *walk) indent() {
	rest := strings.TrimLeft(w.s, " \t\u00a0")
	lead := w.s[:len(w.s)-len(rest)]
	w.at = len(lead)
	w.blank = rest == "" || rest[0] == '#'
	if w.flow > 0 || w.blank || strings.Trim(lead, " ") == "" {
		return
	}
	w.indents = true
	w.fixes = append(w.fixes, fix{from: 0, to: len(lead), text: strings.NewReplacer("\t", "  ", "\u00a0", " ").Replace(lead)})
}

// step reads one sign or scalar; false ends the line. Every step goes forward, so a line ends.
func (w *walk) step(i int) bool {
	c := w.s[w.at]
	switch {
	case c == ' ' || c == '\t':
		w.at++
	case c == '#' && (w.at == 0 || isBlank(w.s[w.at-1])):
		return false
	case w.flow == 0 && (c == '-' || c == '?') && w.blankAt(w.at+1):
		w.parent, w.value = w.at+1, true
		w.at++
	case c == ':' && w.keyEnds(w.at):
		if w.start >= 0 && w.flow == 0 {
			w.parent = w.start + 1
		}
		w.value = true
		w.at++
	case c == '[' || c == '{':
		w.flow++
		w.value = true
		w.at++
	case w.flow > 0 && (c == ']' || c == '}'):
		w.flow--
		w.at++
	case w.flow > 0 && c == ',':
		w.at++
	case c == '"' || c == '\'':
		w.quoted(i)
	case w.flow == 0 && w.value && blockHeader.MatchString(w.s[w.at:]):
		w.block = max(w.parent, 0)
		return false
	default:
		w.plain()
	}
	return true
}

// quoted reads a scalar in quotes. One whose quotes close in the middle of an expression was
// meant to go on: the expression holds a text in quotes of the same kind.
func (w *walk) quoted(i int) {
	from, q := w.at, w.s[w.at]
	w.start = from
	end := closing(w.s, from+1, q)
	if end < 0 {
		w.quote, w.opened = q, mapping.Pos{Line: i + 1, Column: utf8.RuneCountInString(w.s[:from]) + 1}
		w.at = len(w.s)
		return
	}
	w.at = end
	if !openExpression(unescape(w.s[from+1:end-1], q)) {
		return
	}
	if whole := w.meant(from, q); whole > end {
		w.at = whole
		w.fixes = append(w.fixes, fix{
			from: from, to: whole, text: requote(w.s[from+1 : whole-1]),
			why: "has quotes of the same kind inside its quotes: it ends at the second one",
		})
	}
}

// meant is where a quoted scalar ends whose expression holds quotes of the same kind, -1 when
// that cannot be told.
func (w *walk) meant(from int, q byte) int {
	for i := from + 1; i < min(len(w.s), from+maxExpression); i++ {
		if strings.HasPrefix(w.s[i:], "${") {
			end := expressionEnd(w.s, i)
			if end < 0 {
				return -1
			}
			i = end - 1
			continue
		}
		if w.s[i] == q && w.scalarEnds(i+1) {
			return i + 1
		}
	}
	return -1
}

// braces is why a text with brackets needs quotes where brackets are open.
const braces = "needs quotes: inside { } and [ ] YAML reads its brackets as its own"

// plain reads a scalar without quotes. As long as it holds no expression it ends where YAML
// ends it. With one, what YAML would take for the end of the value (a colon, a comment) is
// read as a part of it, and that is why it needs quotes.
func (w *walk) plain() {
	from, why, expr := w.at, "", false
	w.start = from
scalar:
	for w.at < len(w.s) {
		c := w.s[w.at]
		switch {
		case strings.HasPrefix(w.s[w.at:], "${"):
			why = w.expression(why)
			expr = true
		case c == '#' && isBlank(w.s[w.at-1]):
			if !expr || w.blankAt(w.at+1) {
				break scalar // people put a blank after the sign of a comment, and none before a number
			}
			why, w.at = "needs quotes: YAML reads what follows the # as a comment", len(w.s)
		case c == ':' && w.keyEnds(w.at):
			if !expr || !w.value || w.flow > 0 {
				break scalar // a key, whatever it holds
			}
			why = `needs quotes: YAML reads the ": " in it as the end of a key`
			w.at++
		case w.flow > 0 && (c == '[' || c == '{') && w.at > from && !isBlank(w.s[w.at-1]):
			why = braces
			w.at = max(w.at+1, bracketEnd(w.s, w.at))
		case w.flow > 0 && strings.IndexByte(",[]{}", c) >= 0:
			break scalar
		default:
			w.at++
		}
	}
	if why != "" {
		to := from + len(strings.TrimRight(w.s[from:w.at], " \t"))
		w.fixes = append(w.fixes, plainFix(from, to, w.s[from:to], why))
	}
}

// plainFix puts a scalar into the quotes that it needs. PHP needs none: it becomes what it stood for, since its brackets would only be
// told to be wrong in quotes as well.
func plainFix(from, to int, text, why string) fix {
	if expr, ok := mapping.FromPHP(text); ok {
		return fix{from: from, to: to, text: requote(expr), why: "is PHP and would be sent as it stands"}
	}
	return fix{from: from, to: to, text: requote(text), why: why}
}

// expression steps over the `${…}` of a plain scalar and says why it needs quotes there, if it
// does.
func (w *walk) expression(why string) string {
	end := expressionEnd(w.s, w.at)
	if end < 0 {
		w.at += len("${") // not closed on this line: the mapping says so better
		return why
	}
	text := w.s[w.at:end]
	w.at = end
	switch {
	case w.flow > 0:
		return braces
	case strings.Contains(text, ": "):
		return `needs quotes: YAML reads the ": " in it as the end of a key`
	case strings.Contains(text, " #"):
		return "needs quotes: YAML reads what follows the # as a comment"
	default:
		return why
	}
}

// blankAt tells whether the line ends or a blank stands at byte i.
func (w *walk) blankAt(i int) bool { return i >= len(w.s) || isBlank(w.s[i]) }

// keyEnds tells whether the colon at byte i ends a key.
func (w *walk) keyEnds(i int) bool {
	return w.blankAt(i+1) || w.flow > 0 && strings.IndexByte(",[]{}", w.s[i+1]) >= 0
}

// scalarEnds tells whether a quoted scalar may end before byte i: nothing but a sign or a
// comment follows. A comma or a closing bracket is such a sign only while a bracket is open.
func (w *walk) scalarEnds(i int) bool {
	rest := strings.TrimLeft(w.s[i:], " \t")
	if rest == "" || rest[0] == ':' {
		return true
	}
	return rest[0] == '#' && isBlank(w.s[i]) || w.flow > 0 && strings.IndexByte(",]}", rest[0]) >= 0
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// closing is the byte after the quote q that ends a scalar whose text goes on at byte i, -1
// when it does not end on this line. Inside double quotes \" is a quote of the text, inside
// single ones ”.
func closing(s string, i int, q byte) int {
	for ; i < len(s); i++ {
		switch {
		case q == '"' && s[i] == '\\':
			i++
		case s[i] != q:
		case q == '\'' && strings.HasPrefix(s[i+1:], "'"):
			i++
		default:
			return i + 1
		}
	}
	return -1
}

// maxExpression bounds how far an expression's end is looked for. A line full of `${` that
// nothing closes would otherwise be read to its end from each of them.
const maxExpression = 4 << 10

// expressionEnd is the byte after the brace that closes the `${` at byte i, -1 when it is not
// closed in s. Braces inside the expression's own texts do not count.
func expressionEnd(s string, i int) int {
	s = s[:min(len(s), i+maxExpression)]
	depth := 0
	for i += len("${"); i < len(s); i++ {
		switch c := s[i]; c {
		case '"', '\'', '`':
			end := literalEnd(s, i)
			if end < 0 {
				return -1
			}
			i = end
		case '{':
			depth++
		case '}':
			if depth == 0 {
				return i + 1
			}
			depth--
		}
	}
	return -1
}

// bracketEnd is the byte after the bracket that closes the one at byte i, -1 when it is not
// closed in s.
func bracketEnd(s string, i int) int {
	depth := 0
	for ; i < len(s); i++ {
		switch s[i] {
		case '[', '{':
			depth++
		case ']', '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

// literalEnd is the byte of the quote that closes the expression's text begun at byte i.
func literalEnd(s string, i int) int {
	for j := i + 1; j < len(s); j++ {
		if s[j] == '\\' && s[i] != '`' {
			j++
		} else if s[j] == s[i] {
			return j
		}
	}
	return -1
}

// openExpression tells whether text ends inside an expression: ${name ?? "nobo does, ${name}
// and no expression at all do not.
func openExpression(text string) bool {
	for i := 0; i < len(text); i++ {
		if !strings.HasPrefix(text[i:], "${") {
			continue
		}
		end := expressionEnd(text, i)
		if end < 0 {
			return true
		}
		i = end - 1
	}
	return false
}

// unescape is roughly the text between quotes q: what matters here are the quotes in it.
func unescape(s string, q byte) string {
	if q == '\'' {
		return strings.ReplaceAll(s, "''", "'")
	}
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(s)
}

// requote puts a text into the quotes that leave it easiest to read: double ones as everywhere
// in a profile, unless the text holds some itself, or a \ that would mean something inside
// them. In single quotes only ' must be written twice.
func requote(s string) string {
	if !strings.ContainsAny(s, `"\`) {
		return `"` + s + `"`
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}
