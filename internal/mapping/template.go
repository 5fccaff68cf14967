package mapping

import (
	"fmt"
	"strings"

	"formrelay/internal/mapping/expression"
)

// template is one scalar of the map: a literal, one expression, or text with expressions in it.
type template struct {
	source string // as written
	quoted bool   // in quotes
	pos    Pos
	parts  []part
	exprs  int // parts that are expressions
}

// part is literal text, or an expression.
type part struct {
	text string
	expr *expression.Expr
	at   int // of an expression: characters of the template before it
}

// single is the expression that the whole template is, nil when it is anything else.
func (t *template) single() *expression.Expr {
	if len(t.parts) == 1 {
		return t.parts[0].expr
	}
	return nil
}

// literal is the text of a template without expressions.
func (t *template) literal() string {
	if len(t.parts) == 0 {
		return ""
	}
	return t.parts[0].text
}

// template compiles a scalar's text. It returns nil after a fault.
func (c *compiler) template(n *Node, in expression.Scope) *template {
	parts, faults := expression.Split(n.Text)
	if c.crowded(n, parts) || c.php(n, parts) {
		return nil
	}
	t := &template{source: n.Text, quoted: n.Quoted, pos: n.Pos, parts: make([]part, 0, len(parts))}
	for _, p := range parts {
		if !p.Expr {
			t.parts = append(t.parts, part{text: p.Text})
			continue
		}
		x, wrong := c.lang.Compile(p.Text, in)
		for _, f := range wrong {
			f.Offset += p.Offset
			faults = append(faults, f)
		}
		t.parts = append(t.parts, part{expr: x, at: p.Offset})
		t.exprs++
	}
	for _, f := range faults {
		c.fault(within(n, f.Offset), f.What, f.Do)
	}
	if faults != nil {
		return nil
	}
	return t
}

// The bounds of what has to be compiled. An expression takes some tenths of a millisecond, so that without them a profile's text within
// its 256 KB could hold a start up for many seconds; no comment is made of a hundred fields, and no form has a thousand.
const (
	maxTextExpressions    = 100
	maxProfileExpressions = 2000
)

// crowded tells whether a text, or the profile with it, has more expressions than are compiled. The profile's fault is told once, at
// the text that goes beyond.
func (c *compiler) crowded(n *Node, parts []expression.Part) bool {
	here := 0
	for _, p := range parts {
		if p.Expr {
			here++
		}
	}
	if here > maxTextExpressions {
		c.fault(n.Pos, fmt.Sprintf("this text has %d expressions; %d are allowed in one", here, maxTextExpressions),
			"join lists with ${join(\", \", list)}, or let `rest` write what the form posts")
		return true
	}
	before := c.expressions
	c.expressions += here
	if before <= maxProfileExpressions && c.expressions > maxProfileExpressions {
		c.fault(n.Pos, fmt.Sprintf("the map has more than %d expressions", maxProfileExpressions),
			"let `each` repeat an item for every line of the form, and `tables` hold the cases")
	}
	return c.expressions > maxProfileExpressions
}

// within is the place of a character of a scalar's text. It is exact for a scalar on one line without
// escapes, which is what a mapping's values are; in a text of several lines it is the line.
func within(n *Node, offset int) Pos {
	runes := []rune(n.Text)
	before := string(runes[:min(offset, len(runes))])
	if lines := strings.Count(n.Text, "\n"); lines > 0 {
		return Pos{Line: n.Pos.Line + strings.Count(before, "\n"), Column: n.Pos.Column}
	}
	pos := Pos{Line: n.Pos.Line, Column: n.Pos.Column + offset}
	if n.Quoted {
		pos.Column++
	}
	return pos
}

// value evaluates a template: a single expression keeps its value's type, text around it makes a text
// in which nothing is nothing, and a text whose every expression is nothing is nothing. The error is of
// the expression that at points to.
func (t *template) value(r *run) (v any, at *expression.Expr, err error) {
	if x := t.single(); x != nil {
		v, err = r.eval(x)
		return v, x, err
	}
	var b strings.Builder
	something := t.exprs == 0
	for _, p := range t.parts {
		if p.expr == nil {
			b.WriteString(p.text)
			continue
		}
		v, err := r.eval(p.expr)
		if err != nil {
			return nil, p.expr, err
		}
		text, ok := r.text(v)
		if !ok {
			return nil, p.expr, errNoText
		}
		something = something || text != ""
		b.WriteString(text)
	}
	if !something {
		return nil, nil, nil
	}
	return b.String(), nil, nil
}

// expressions calls f for each expression of the template.
func (t *template) expressions(f func(*expression.Expr)) {
	if t == nil {
		return
	}
	for _, p := range t.parts {
		if p.expr != nil {
			f(p.expr)
		}
	}
}
