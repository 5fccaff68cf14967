package config

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxFile bounds the file, by far more than a hundred accounts need. The YAML reader recurses as deep as a file nests and slows down
// with long ones.
const maxFile = 64 << 10

// fault is one thing wrong in the file. It never repeats a value that could be a token.
type fault struct {
	line, column int
	text         string
}

// reader reads one file and gathers its faults.
type reader struct {
	Rules
	file   string
	faults []fault
}

// readConfig reads the accounts and the secrets of the file; what an account leaves out is as in main. The error holds every fault, a
// line each, with file, line and column.
func readConfig(file string, main Account, rules Rules) ([]Account, []Secret, error) {
	text, err := readFile(file)
	if err != nil {
		return nil, nil, err
	}
	r := &reader{Rules: rules, file: file}
	all, secrets := r.document(text, main)
	if len(r.faults) == 0 {
		return all, secrets, nil
	}
	slices.SortStableFunc(r.faults, func(a, b fault) int { return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column)) })
	errs := make([]error, len(r.faults))
	for i, f := range r.faults {
		errs[i] = fmt.Errorf("%s:%d:%d: %s", file, f.line, f.column, f.text)
	}
	return nil, nil, errors.Join(errs...)
}

func readFile(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("--config: the file cannot be read (%w): create it, or name another", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("--config: the file cannot be read (%w): name a file", err)
	case len(text) > maxFile:
		return nil, fmt.Errorf("--config: %s has more than %d bytes: that is no configuration", file, maxFile)
	}
	return text, nil
}

// add notes a fault at a token; one that has none stands at the beginning of the file.
func (r *reader) add(at *token.Token, format string, args ...any) {
	f := fault{1, 1, fmt.Sprintf(format, args...)}
	if at != nil && at.Position != nil {
		f.line, f.column = max(1, at.Position.Line), max(1, at.Position.Column)
	}
	r.faults = append(r.faults, f)
}

const (
	example        = "write accounts: and under it name: {token_file: …}"
	accountExample = "main: {token_file: /run/secrets/keycrm, pace: 60/1m}"
)

// document reads the whole file.
func (r *reader) document(text []byte, main Account) (all []Account, secrets []Secret) {
	f, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var at *token.Token
		if syntax, ok := errors.AsType[*yaml.SyntaxError](err); ok {
			at = syntax.Token
		}
		// The parser's own words may quote the line, which may hold a token.
		r.add(at, "this is not YAML from here on; look at the indentation (blanks, no tabs), the quotes and the brackets")
		return nil, nil
	}
	if len(f.Docs) != 1 || f.Docs[0].Body == nil {
		r.add(nil, "the file holds no configuration, or several behind one another; %s", example)
		return nil, nil
	}
	found := false
	r.object(f.Docs[0].Body, "the file", accountExample, func(key *token.Token, value ast.Node) {
		switch key.Value {
		case "accounts":
			found = true
			all = r.accounts(value, main)
		case "secrets":
			found = true
			secrets = r.secrets(value)
		default:
			r.unknown(key, "the file", []string{"accounts", "secrets"})
		}
	})
	if !found && len(r.faults) == 0 {
		r.add(nil, "the file names no accounts; %s", example)
	}
	return all, secrets
}

// object reads keys and values; what names it in faults, and like is how it could read. A key that comes twice is told and read once.
func (r *reader) object(n ast.Node, what, like string, each func(key *token.Token, value ast.Node)) {
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		r.add(n.GetToken(), "%s must hold keys and values, such as %s", what, like)
		return
	}
	seen := map[string]int{}
	for _, kv := range values {
		key := kv.Key.GetToken()
		if line, twice := seen[key.Value]; twice {
			r.add(key, "the key %s stands here a second time, first on line %d; take one of the two away", quoted(key.Value), line)
			continue
		}
		seen[key.Value] = key.Position.Line
		each(key, kv.Value)
	}
}

// unknown tells that a key is none, and gives the one that was probably meant.
func (r *reader) unknown(key *token.Token, where string, known []string) string {
	near := r.Nearest(key.Value, known)
	if near != "" {
		r.add(key, "there is no key %s in %s; write %s", quoted(key.Value), where, near)
	} else {
		r.add(key, "there is no key %s in %s; there are %s", quoted(key.Value), where, strings.Join(known, ", "))
	}
	return near
}

// accounts reads all accounts.
func (r *reader) accounts(n ast.Node, main Account) (all []Account) {
	lies := map[string]string{} // where a token lies, and for which address -> whose it is
	r.object(n, "accounts", accountExample, func(key *token.Token, value ast.Node) {
		if !validName(key.Value) {
			r.add(key, "%s cannot be an account's name; a name has 1 to %d small Latin letters, digits, _ and -, and begins with a letter or a digit",
				quoted(key.Value), maxName)
			return
		}
		a := r.account(key, value, main)
		token := a.env + "\n" + a.file + "\n" + strings.TrimRight(a.URL, "/")
		if other, same := lies[token]; same && a.env+a.file != "" {
			r.add(key, "%s has the same token as %s: KeyCRM would count the calls of both together; make them one account", key.Value, other)
		}
		lies[token] = key.Value
		all = append(all, a)
	})
	switch {
	case len(all) == 0 && len(r.faults) == 0:
		r.add(n.GetToken(), "there is no account under accounts; %s", example)
	case len(all) > maxAccounts:
		r.add(n.GetToken(), "there are %d accounts, and %d is the most", len(all), maxAccounts)
	}
	return all
}

// accountSettings are the keys of an account that have a plain value, besides where its token lies.
func (r *reader) accountSettings(a *Account) map[string]setting {
	return map[string]setting{
		"url": func(key *token.Token, text string) {
			r.told(key, webAddress(text))
			a.URL = text
		},
		"pace": func(key *token.Token, text string) {
			var err error
			a.Calls, a.Window, err = r.Pace(text)
			r.told(key, err)
		},
		"timeout": func(key *token.Token, text string) { a.Timeout = r.duration(key, text, MinTimeout, MaxTimeout) },
		"settle":  func(key *token.Token, text string) { a.Settle = r.duration(key, text, MinSettle, MaxSettle) },
	}
}

// told notes an error at the key it belongs to.
func (r *reader) told(key *token.Token, err error) {
	if err != nil {
		r.add(key, "%s: %s", key.Value, err.Error())
	}
}

func (r *reader) duration(key *token.Token, text string, least, most time.Duration) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		r.add(key, "%s: %s is no time; write a number and its unit, such as 15s", key.Value, quoted(text))
		return least
	}
	r.told(key, within(d, least, most))
	return d
}

// account reads one account. Its token's place is its own: those of main are not taken over.
func (r *reader) account(name *token.Token, n ast.Node, main Account) Account {
	a := main
	a.Name, a.place = name.Value, place{what: keycrmFile, elsewhere: "token_file in " + r.file}
	r.holder(holder{
		one: "account", a: "an account", example: accountExample, itself: "token", renew: "make a new one in KeyCRM", variable: "SISAL_TOKEN", nowhere: "has no token",
	}, name, n, &a.place, r.accountSettings(&a), map[string]func(ast.Node){"bulk": func(value ast.Node) { a.Bulk = r.bulk(value) }})
	a.missing = fmt.Sprintf("there is no KeyCRM token for account %s: put it into %s, which %s names", a.Name, a.env, r.file)
	return a
}

// bulk reads {over: 200}.
func (r *reader) bulk(n ast.Node) (over int) {
	given := false
	faults := len(r.faults)
	r.object(n, "bulk", "{over: 200}", func(key *token.Token, value ast.Node) {
		given = true
		if key.Value != "over" {
			r.unknown(key, "bulk", []string{"over"})
			return
		}
		text, plain := r.text(key, value)
		if !plain {
			return
		}
		var err error
		if over, err = strconv.Atoi(text); err != nil || over < 1 || over > maxBulk {
			r.add(key, "over: %s is no number from 1 to %d", quoted(text), maxBulk)
		}
	})
	if !given && len(r.faults) == faults {
		r.add(n.GetToken(), "bulk says nothing; write bulk: {over: 200}")
	}
	return over
}

// isToken recognises the keys under which people put the token itself.
func isToken(key string) bool {
	plain := strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(key))
	return slices.Contains([]string{"token", "apitoken", "apikey", "key", "secret", "bearer", "password", "keycrmtoken"}, plain)
}

// text reads a plain value. A number is a text too, as it is written.
func (r *reader) text(key *token.Token, n ast.Node) (string, bool) {
	var text string
	switch n := n.(type) {
	case *ast.StringNode:
		text = n.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		text = n.GetToken().Value
	}
	if text = strings.TrimSpace(text); text == "" {
		r.add(key, "%s must have a plain value on the same line", key.Value)
		return "", false
	}
	return text, true
}

// quoted repeats a word of the file in a fault: cut when long, and without what could command a terminal.
func quoted(word string) string {
	const longest = 40
	runes := []rune(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, word))
	if len(runes) > longest {
		runes = append(runes[:longest-1], '…')
	}
	return `"` + string(runes) + `"`
}
