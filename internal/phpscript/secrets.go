package phpscript

import (
	"slices"
	"strings"

	"github.com/alecthomas/participle/v2/lexer"
)

// tracker finds a script's tokens: whatever the header with the authorization is built from, and whatever a name that says so is given,
// through variables, constants, properties, keys, parameters and results. It follows names and not scopes, and every way a value may
// take: a text too many is hidden rather than one too few.
type tracker struct {
	*runner
	tokens []lexer.Token
	named  map[string][]int // where each name stands
	seen   map[string]bool
	queue  []string
	steps  int
	depth  int // of strings in the expressions of strings
}

// maxTracked bounds the tokens that are looked at for the sake of secrets.
const maxTracked = 8 * maxTokens

// maxSecrets bounds the texts that are hidden. Real scripts have one or two.
const maxSecrets = 500

// track hides every token of the script.
func (r *runner) track() {
	t := &tracker{runner: r, tokens: r.code.tokens, named: map[string][]int{}, seen: map[string]bool{}}
	for i, token := range t.tokens {
		if name := bareName(token); name != "" {
			t.named[name] = append(t.named[name], i)
			if r.patterns.secret.MatchString(name) && !r.patterns.header.MatchString(token.Value) {
				t.follow(name)
			}
		}
		if token.Type == typeText && r.patterns.header.MatchString(token.Value) || token.Value == "CURLOPT_XOAUTH2_BEARER" {
			t.header(i)
		}
	}
	for len(t.queue) > 0 && t.steps < maxTracked {
		name := t.queue[0]
		t.queue = t.queue[1:]
		for _, at := range t.named[name] {
			t.given(at)
		}
	}
}

// bareName is what a token is known by as a variable, a constant, a property, a function or a key; "" for what is no name.
func bareName(t lexer.Token) string {
	switch t.Type {
	case typeVar, typeName:
		return strings.ToLower(strings.TrimPrefix(t.Value, "$"))
	case typeText:
		name := strings.Trim(t.Value, `'"`)
		if len(name) <= 64 && name != "" && nameLength(name, false) == len(name) && isNameStart(name[0]) {
			return strings.ToLower(name)
		}
	}
	return ""
}

// follow has everything looked at that a name is given.
func (t *tracker) follow(name string) {
	if name = strings.ToLower(name); name != "" && !t.seen[name] && !slices.Contains([]string{"this", "self", "static", "true", "false", "null", "_post", "_get", "_request", "_server", "_env"}, name) {
		t.seen[name] = true
		t.queue = append(t.queue, name)
	}
}

// value is the token at a place, "" outside.
func (t *tracker) value(at int) string {
	if at < 0 || at >= len(t.tokens) {
		return ""
	}
	return t.tokens[at].Value
}

// until is where the expression that begins at a place ends; commas end it too, unless it is the rest of a call's arguments.
func (t *tracker) until(at int, commas bool) int {
	depth := 0
	for ; at < len(t.tokens); at++ {
		if t.steps++; t.steps > maxTracked {
			return at
		}
		switch t.tokens[at].Value {
		case "(", "[", "{":
			depth++
		case ")", "]", "}":
			if depth--; depth < 0 {
				return at
			}
		case ",":
			if depth == 0 && commas {
				return at
			}
		case ";":
			if depth == 0 {
				return at
			}
		}
	}
	return at
}

// header takes what the header with the authorization is built from: the text and what is joined to it, what stands behind its name in
// an array, or the other arguments of the call that it stands in.
func (t *tracker) header(at int) {
	switch {
	case t.value(at+1) == "=>" || t.value(at+1) == "," && t.value(at-1) != "[" && !t.inArray(at):
		t.built(t.tokens[at:t.until(at+2, t.value(at+1) == "=>")])
	default:
		t.built(t.tokens[at:t.until(at, true)])
	}
}

// inArray tells whether the innermost bracket around a place is an array's.
func (t *tracker) inArray(at int) bool {
	depth := 0
	for i := at - 1; i >= 0 && t.steps < maxTracked; i-- {
		t.steps++
		switch t.tokens[i].Value {
		case ")", "]", "}":
			depth++
		case "[", "{", "(":
			if depth == 0 {
				return t.tokens[i].Value == "[" || i > 0 && t.value(i-1) == "array"
			}
			depth--
		case ";":
			return false
		}
	}
	return false
}

// given takes what the name at a place is given there.
func (t *tracker) given(at int) {
	next := at + 1
	if t.value(next) == "]" {
		next++
	}
	switch t.value(next) {
	case "=", ".=", "??=", "+=":
		t.built(t.tokens[next+1 : t.until(next+1, true)])
		return
	case "=>":
		t.built(t.tokens[next+1 : t.until(next+1, true)])
		return
	case ":": // a named argument
		if before := t.value(at - 1); before == "(" || before == "," {
			t.built(t.tokens[next+1 : t.until(next+1, true)])
		}
		return
	case ",":
		if t.value(at-2) == "define" {
			t.built(t.tokens[next+1 : t.until(next+1, true)])
			return
		}
	}
	switch {
	case t.value(at-1) == "function" || t.value(at-2) == "function":
		t.results(at)
	case t.tokens[at].Type == typeVar:
		t.argument(at)
	}
}

// results takes what the function whose name stands at a place returns.
func (t *tracker) results(at int) {
	for at < len(t.tokens) && t.value(at) != "{" && t.value(at) != ";" {
		at++
	}
	depth := 0
	for ; at < len(t.tokens) && t.steps < maxTracked; at++ {
		t.steps++
		switch t.value(at) {
		case "{":
			depth++
		case "}":
			if depth--; depth == 0 {
				return
			}
		case "return":
			t.built(t.tokens[at+1 : t.until(at+1, false)])
		}
	}
}

// argument takes what is handed over to the parameter that stands at a place, if it is one.
func (t *tracker) argument(at int) {
	position, depth := 0, 0
	for i := at - 1; i > 1 && t.steps < maxTracked; i-- {
		t.steps++
		switch t.tokens[i].Value {
		case ")", "]":
			depth++
		case "[":
			depth--
		case ",":
			if depth == 0 {
				position++
			}
		case ";", "{", "}":
			return
		case "(":
			if depth--; depth >= 0 {
				continue
			}
			name := bareName(t.tokens[i-1])
			if t.value(i-2) != "function" && t.value(i-2) != "&" {
				return
			}
			if name == "__construct" {
				name = t.className(i)
			}
			for _, call := range t.named[name] {
				if t.value(call+1) == "(" && t.value(call-1) != "function" {
					t.handed(call+2, position)
				}
			}
			return
		}
	}
}

// className is the class that a place stands in: the last one that begins before.
func (t *tracker) className(at int) string {
	for i := at; i > 0 && t.steps < maxTracked; i-- {
		t.steps++
		if t.tokens[i-1].Value == "class" && t.tokens[i].Type == typeName {
			return bareName(t.tokens[i])
		}
	}
	return ""
}

// handed takes the argument at a position of a call whose arguments begin at a place.
func (t *tracker) handed(at, position int) {
	for ; position > 0; position-- {
		if at = t.until(at, true); t.value(at) != "," {
			return
		}
		at++
	}
	t.built(t.tokens[at:t.until(at, true)])
}

// built takes an expression that a token comes out of: its texts are secrets, and what its names are given is looked at. Of a path such
// as $config['crm']['key'] only the last name counts, and what a function that reads the environment is asked for is no secret.
func (t *tracker) built(tokens []lexer.Token) {
	run := ""
	for i := 0; i < len(tokens); i++ {
		t.steps++
		token := tokens[i]
		after := func(n int) string {
			if i+n < len(tokens) {
				return tokens[i+n].Value
			}
			return ""
		}
		switch {
		case token.Type == typeText:
			part := t.secretText(token)
			t.conceal(part, token.Pos.Line)
			if run += part; after(1) == "." && len(run) <= maxSource {
				continue
			}
			t.conceal(run, token.Pos.Line)
		case token.Value == "." && run != "":
			continue
		case token.Type == typeName && after(1) == "(" && outside(token.Value):
			for depth := 0; i+1 < len(tokens); i++ {
				if v := tokens[i+1].Value; v == "(" {
					depth++
				} else if v == ")" {
					if depth--; depth == 0 {
						break
					}
				}
			}
		case token.Type == typeVar || token.Type == typeName:
			for after(1) == "->" || after(1) == "?->" || after(1) == "::" || after(1) == "[" && i+2 < len(tokens) && tokens[i+2].Type == typeText && after(3) == "]" {
				if i += 2; after(1) == "]" {
					i++
				}
			}
			i = min(i, len(tokens)-1)
			last := tokens[i]
			if last.Value == "]" {
				last = tokens[i-1]
			}
			t.follow(bareName(last))
		}
		run = ""
	}
}

// outside tells the functions that read what is not in the script: the environment and a site's settings.
func outside(name string) bool {
	return slices.Contains([]string{"getenv", "env", "get_option", "get_field", "config", "file_get_contents", "constant"}, strings.ToLower(name))
}

// secretText takes the secret out of a text, without the words of the header around it, and follows the variables in it.
func (t *tracker) secretText(token lexer.Token) string {
	var b strings.Builder
	for _, p := range pieces(token.Value) {
		if p.code {
			if t.depth < maxInline && !strings.HasPrefix(p.text, "`") { // a command's text is no expression, and would be taken apart for ever
				t.depth++
				t.built(tokensOf(p.text, token.Pos, t.patterns))
				t.depth--
			}
			continue
		}
		b.WriteString(p.text)
	}
	return strings.TrimSpace(t.patterns.header.ReplaceAllString(b.String(), ""))
}

// conceal hides a text that a token is made of. What only stands around tokens is none: addresses, types of content, names of variables
// in the environment, formats.
func (t *tracker) conceal(s string, line int) {
	if len(s) < minSecret || len(t.secrets) >= maxSecrets || slices.Contains(t.secrets, s) || strings.Contains(s, "://") || strings.Contains(s, "application/") || strings.Contains(s, "%s") ||
		t.patterns.environment.MatchString(s) {
		return
	}
	t.hide(s, line)
}

// holdsSecret tells whether a text that a value is made of holds a token of the script.
func (r *runner) holdsSecret(v *value) bool {
	if v == nil || len(r.secrets) == 0 {
		return false
	}
	if v.kind == text && slices.ContainsFunc(r.secrets, func(s string) bool { return strings.Contains(v.text, s) }) {
		return true
	}
	return slices.ContainsFunc(v.args, r.holdsSecret) || slices.ContainsFunc(v.entries, func(e entryValue) bool { return r.holdsSecret(e.value) })
}
