package config

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// place is where the token of an account, or a secret, lies. It holds none itself.
type place struct {
	env       string // the variable that may hold it; it goes before the file
	file      string // the file that may hold it
	what      string // how that file is called in a sentence
	elsewhere string // how the file is named, for who must name another
	missing   string // with neither: what to do about it

	line, column int // where the file of --config names the variable
}

// Missing says that nothing lies where a token should, and what to do about it. A variable is read once: what is put into it later counts
// from the next start.
type Missing struct{ text string }

func (m *Missing) Error() string { return m.text }

// named tells whether anybody said where it lies.
func (p place) named(getenv func(string) string) bool {
	return p.file != "" || strings.TrimSpace(getenv(p.env)) != ""
}

// Token gives what lies there each time it is asked, so that a file that was changed needs no restart. The error says in words what is
// missing, and never holds the token; with neither a variable nor a file it is a *Missing.
func (p place) Token(getenv func(string) string) func() (string, error) {
	if token := strings.TrimSpace(getenv(p.env)); p.env != "" && token != "" {
		return func() (string, error) { return token, nil }
	}
	if p.file == "" {
		return func() (string, error) { return "", &Missing{p.missing} }
	}
	return func() (string, error) { return readToken(p.file, p.what, p.elsewhere) }
}

// maxTokenFile bounds what is read of a token file: every token is far shorter.
const maxTokenFile = 16 << 10

// readToken reads a file that holds one token. what is how the file is called in a sentence, elsewhere how another one is named.
func readToken(file, what, elsewhere string) (string, error) {
	info, err := os.Stat(file)
	if err != nil {
		return "", fmt.Errorf("%s cannot be read (%w): create it, or name another with %s", what, err, elsewhere)
	}
	if !info.Mode().IsRegular() || info.Size() > maxTokenFile {
		return "", fmt.Errorf("%s %s is no file of a token: it should hold one line", what, file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("%s cannot be read (%w): mend its permissions", what, err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", fmt.Errorf("%s %s is empty: put the token into it", what, file)
	}
	return token, nil
}

// holder is what accounts and secrets are called in faults.
type holder struct {
	one      string // one of them
	a        string // with its article
	example  string // how one could read
	itself   string // what must not stand in the file
	renew    string // what to do when it stood there
	variable string // such as may hold it
	nowhere  string // what one is that has no place
}

// setting reads the plain value of one key.
type setting func(key *token.Token, text string)

// holder reads one account or secret: where its token lies, and the settings that it has beside; nested are those whose value is no
// plain one. It returns which are given, or were meant.
func (r *reader) holder(h holder, name *token.Token, n ast.Node, p *place, settings map[string]setting, nested map[string]func(ast.Node)) map[string]bool {
	settings["token_file"] = func(_ *token.Token, text string) { p.file = beside(r.file, text) }
	settings["token_env"] = func(key *token.Token, text string) {
		if !validVariable(text) {
			r.add(key, "token_env must be the name of an environment variable, such as %s, and never the %s itself", h.variable, h.itself)
		}
		p.env, p.line, p.column = text, key.Position.Line, key.Position.Column
	}
	known := slices.Concat(slices.Sorted(maps.Keys(settings)), slices.Sorted(maps.Keys(nested)))
	given := map[string]bool{}
	r.object(n, h.one+" "+name.Value, h.example, func(key *token.Token, value ast.Node) {
		given[key.Value] = true
		switch {
		case settings[key.Value] != nil:
			if text, plain := r.text(key, value); plain {
				settings[key.Value](key, text)
			}
		case nested[key.Value] != nil:
			nested[key.Value](value)
		case isToken(key.Value):
			given["token_file"] = true // one fault is enough
			r.add(key, "a %s must not stand in this file; put it into a file of its own and name that with token_file, or into the environment and name the variable with token_env. Whoever has read this file knows the %s: %s",
				h.itself, h.itself, h.renew)
		default:
			given[r.unknown(key, h.a, known)] = true // what was meant is not missing as well
		}
	})
	switch {
	case given["token_file"] && given["token_env"]:
		r.add(name, "%s %s has a token_file and a token_env; keep one of the two", h.one, name.Value)
	case !given["token_file"] && !given["token_env"]:
		r.add(name, "%s %s %s; name its file with token_file, or the variable that holds it with token_env", h.one, name.Value, h.nowhere)
	}
	return given
}

// validVariable tells whether name can be an environment variable's: letters, digits and _, no digit first.
func validVariable(name string) bool {
	for i := range len(name) {
		c := name[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

// beside is a path as the file at config means it: a relative one begins where that file lies.
func beside(config, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(config), path)
}
