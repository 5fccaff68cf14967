package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// maxSecrets bounds the secrets of the file.
const maxSecrets = 100

// The bounds of a name of a field or a header that carries a key.
const maxCarrier = 200

// defaultScore is what reCAPTCHA v3 takes for the border between a person and a program.
const defaultScore = 0.5

// Secret is one of `secrets` in the file: a captcha's, or a key that a sender must carry. It holds no secret, only where that lies.
type Secret struct {
	Name     string
	Provider string  // of a captcha: turnstile, hcaptcha or recaptcha; "": it is a key
	MinScore float64 // with recaptcha: what has less is a program
	Field    string  // the form field that carries a key
	Header   string  // the header that carries a key in place of a field

	tokenEnv, tokenFile string
	file                string // where it was read from, for messages
}

// Captcha tells whether the secret is a captcha's.
func (s Secret) Captcha() bool { return s.Provider != "" }

// Token gives the secret each time it is asked, so that a file that was changed needs no restart. The error says in words what is
// missing and never holds the secret.
func (s Secret) Token(getenv func(string) string) func() (string, error) {
	if s.tokenEnv == "" {
		return func() (string, error) {
			return readToken(s.tokenFile, "the file of the secret "+s.Name, "token_file in "+s.file)
		}
	}
	return func() (string, error) {
		if text := strings.TrimSpace(getenv(s.tokenEnv)); text != "" {
			return text, nil
		}
		return "", fmt.Errorf("there is no secret %s: put it into %s, which %s names, and start again", s.Name, s.tokenEnv, s.file)
	}
}

// Names are what a profile may name of the server's configuration. None of the lists is nil.
type Names struct {
	Accounts []string // sorted
	Captchas []string // the secrets that are a captcha's
	Keys     []string // the other secrets
}

// named sorts the secrets by what they are for.
func named(accounts []Account, secrets []Secret) Names {
	n := Names{Accounts: []string{}, Captchas: []string{}, Keys: []string{}}
	for _, a := range accounts {
		n.Accounts = append(n.Accounts, a.Name)
	}
	for _, s := range secrets {
		if s.Captcha() {
			n.Captchas = append(n.Captchas, s.Name)
		} else {
			n.Keys = append(n.Keys, s.Name)
		}
	}
	return n
}

// Providers are the captchas that can be verified.
func Providers() []string { return []string{"turnstile", "hcaptcha", "recaptcha"} }

const secretExample = "shop: {provider: turnstile, token_file: /run/secrets/turnstile}"

// secrets reads all secrets, sorted by name.
func (r *reader) secrets(n ast.Node) (all []Secret) {
	if n.Type() == ast.NullType {
		return nil
	}
	r.object(n, "secrets", secretExample, func(key *token.Token, value ast.Node) {
		if !validName(key.Value) {
			r.add(key, "%s cannot be a secret's name; a name has 1 to %d small Latin letters, digits, _ and -, and begins with a letter or a digit",
				quoted(key.Value), maxName)
			return
		}
		all = append(all, r.secret(key, value))
	})
	if len(all) > maxSecrets {
		r.add(n.GetToken(), "there are %d secrets, and %d is the most", len(all), maxSecrets)
	}
	slices.SortFunc(all, func(a, b Secret) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// secretSettings are the keys of a secret.
func secretSettings() map[string]func(r *reader, s *Secret, key *token.Token, text string) {
	return map[string]func(*reader, *Secret, *token.Token, string){
		"token_file": func(r *reader, s *Secret, _ *token.Token, text string) { s.tokenFile = beside(r.file, text) },
		"token_env": func(r *reader, s *Secret, key *token.Token, text string) {
			if !validVariable(text) {
				r.add(key, "token_env must be the name of an environment variable, such as TURNSTILE_SECRET, and never the secret itself")
			}
			s.tokenEnv = text
		},
		"provider": func(r *reader, s *Secret, key *token.Token, text string) {
			if s.Provider = text; !slices.Contains(Providers(), text) {
				r.add(key, "there is no captcha %s; write one of: %s", quoted(text), strings.Join(Providers(), ", "))
			}
		},
		"min_score": func(r *reader, s *Secret, key *token.Token, text string) {
			score, err := strconv.ParseFloat(text, 64)
			if err != nil || !(score > 0 && score < 1) { // written so that NaN is out of bounds as well
				r.add(key, "min_score cannot be %s; write a number between 0 and 1, such as 0.5", quoted(text))
			}
			s.MinScore = score
		},
		"field": func(r *reader, s *Secret, key *token.Token, text string) { s.Field = r.carrier(key, text) },
		"header": func(r *reader, s *Secret, key *token.Token, text string) {
			if s.Header = r.carrier(key, text); strings.Trim(strings.ToLower(text), "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
				r.add(key, "header must be a header's name, such as X-Form-Key")
			}
		},
	}
}

func (r *reader) carrier(key *token.Token, text string) string {
	if len(text) > maxCarrier {
		r.add(key, "%s has more than %d bytes", key.Value, maxCarrier)
	}
	return text
}

// secret reads one secret.
func (r *reader) secret(name *token.Token, n ast.Node) Secret {
	s := Secret{Name: name.Value, file: r.file, MinScore: defaultScore}
	known, given := secretSettings(), map[string]bool{}
	r.object(n, "secret "+name.Value, secretExample, func(key *token.Token, value ast.Node) {
		given[key.Value] = true
		set, ok := known[key.Value]
		switch {
		case ok:
			if text, plain := r.text(key, value); plain {
				set(r, &s, key, text)
			}
		case isToken(key.Value):
			given["token_file"] = true // one fault is enough
			r.add(key, "a secret must not stand in this file; put it into a file of its own and name that with token_file, or into the environment and name the variable with token_env. Whoever has read this file knows the secret: make a new one")
		default:
			given[r.unknown(key, "a secret", slices.Sorted(maps.Keys(known)))] = true // what was meant is not missing as well
		}
	})
	r.wholeSecret(name, given)
	return s
}

// wholeSecret tells what is missing of a secret, or is there twice.
func (r *reader) wholeSecret(name *token.Token, given map[string]bool) {
	switch {
	case given["token_file"] && given["token_env"]:
		r.add(name, "secret %s has a token_file and a token_env; keep one of the two", name.Value)
	case !given["token_file"] && !given["token_env"]:
		r.add(name, "secret %s lies nowhere; name its file with token_file, or the variable that holds it with token_env", name.Value)
	}
	carriers := 0
	for _, key := range []string{"provider", "field", "header"} {
		if given[key] {
			carriers++
		}
	}
	switch {
	case carriers == 0:
		r.add(name, "nothing says what secret %s is for; write provider for a captcha (%s), field or header for a key that a sender carries, such as field: google_key",
			name.Value, strings.Join(Providers(), ", "))
	case carriers > 1:
		r.add(name, "secret %s has more than one of provider, field and header; keep one", name.Value)
	}
}
