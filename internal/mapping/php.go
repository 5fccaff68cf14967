package mapping

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"formrelay/internal/form"
	"formrelay/internal/mapping/expression"
)

var (
	// superglobal is PHP's array of what a form posts, with the key where that is one name in quotes.
	superglobal = regexp.MustCompile(`\$_(?:POST|GET|REQUEST)\s*\[(?:\s*(?:'([^']*)'|"([^"]*)")\s*\])?`)
	// nested is a further key behind the first one.
	nested = regexp.MustCompile(`^\s*\[`)
	// variable is a text that is a PHP variable and nothing else. A price such as $5 is none.
	variable = regexp.MustCompile(`^\s*\$([\pL_][\pL\pN_]*)\s*;?\s*$`)
)

// php finds PHP that was left in a value when a script became a profile. KeyCRM would get it as it stands, in every order. It notes one
// fault, and tells whether there was one.
func (c *compiler) php(n *Node, parts []expression.Part) bool {
	for _, p := range parts {
		if p.Expr {
			continue
		}
		if at, do, found := phpIn(p.Text, len(parts) == 1); found {
			c.fault(within(n, p.Offset+at), "this is PHP and would be sent as it stands", do)
			return true
		}
	}
	return false
}

// Field is how an expression reads the form's field of a name, whatever the name holds: name, your_name, form["item"].
func Field(name string) string { return expression.Field(form.Identifier(name)) }

// FromPHP is the expression that reads the field which a text of PHP reads, $_POST['comment'] for ${comment}. It is false for a text that
// is anything else, or more.
func FromPHP(text string) (string, bool) {
	m := superglobal.FindStringSubmatchIndex(text)
	if m == nil || m[0] > 0 || m[1] < len(text) {
		return "", false
	}
	name := phpName(text, m)
	return "${" + Field(name) + "}", name != ""
}

// phpIn finds PHP in a literal text: where it begins, in characters, and what to write instead. Only a text that is the whole value can
// be a variable.
func phpIn(text string, whole bool) (at int, do string, found bool) {
	if m := superglobal.FindStringSubmatchIndex(text); m != nil {
		return utf8.RuneCountInString(text[:m[0]]), phpDo(phpName(text, m)), true
	}
	if m := variable.FindStringSubmatchIndex(text); whole && m != nil {
		name := text[m[2]:m[3]]
		if strings.HasPrefix(name, "_") && superglobal.MatchString("$"+name+"[") {
			name = ""
		}
		return utf8.RuneCountInString(text[:strings.IndexByte(text, '$')]), phpDo(name), true
	}
	return 0, "", false
}

// phpName is the name of the field that a match of [superglobal] reads, "" when it cannot be told.
func phpName(text string, m []int) string {
	if nested.MatchString(text[m[1]:]) {
		return ""
	}
	for i := 2; i < len(m); i += 2 {
		if m[i] >= 0 {
			return text[m[i]:m[i+1]]
		}
	}
	return ""
}

// phpDo says how the field of a name is written, or that it is to be named.
func phpDo(name string) string {
	if name == "" {
		return "write ${…} with the name of the form's field in it"
	}
	return fmt.Sprintf("write ${%s}", Field(name))
}
