package config

import (
	"fmt"
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

	place
}

// Captcha tells whether the secret is a captcha's.
func (s Secret) Captcha() bool { return s.Provider != "" }

// Names are what a profile may name of the server's configuration. Nothing of it is nil.
type Names struct {
	Accounts []string // sorted
	Captchas []string // the secrets that are a captcha's
	Keys     []string // the other secrets

	KeyFields map[string]string // by a key's name, the form's field that carries it; none for a key in a header
}

// named sorts the secrets by what they are for.
func named(accounts []Account, secrets []Secret) Names {
	n := Names{Accounts: []string{}, Captchas: []string{}, Keys: []string{}, KeyFields: map[string]string{}}
	for _, a := range accounts {
		n.Accounts = append(n.Accounts, a.Name)
	}
	for _, s := range secrets {
		if s.Captcha() {
			n.Captchas = append(n.Captchas, s.Name)
			continue
		}
		n.Keys = append(n.Keys, s.Name)
		if s.Header == "" {
			n.KeyFields[s.Name] = s.Field
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

// secretSettings are the keys of a secret, besides where it lies.
func (r *reader) secretSettings(s *Secret) map[string]setting {
	return map[string]setting{
		"provider": func(key *token.Token, text string) {
			if s.Provider = text; !slices.Contains(Providers(), text) {
				r.add(key, "there is no captcha %s; write one of: %s", quoted(text), strings.Join(Providers(), ", "))
			}
		},
		"min_score": func(key *token.Token, text string) {
			score, err := strconv.ParseFloat(text, 64)
			if err != nil || !(score > 0 && score < 1) { // written so that NaN is out of bounds as well
				r.add(key, "min_score cannot be %s; write a number between 0 and 1, such as 0.5", quoted(text))
			}
			s.MinScore = score
		},
		"field": func(key *token.Token, text string) { s.Field = r.carrier(key, text) },
		"header": func(key *token.Token, text string) {
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
	s := Secret{Name: name.Value, MinScore: defaultScore}
	given := r.holder(holder{
		one: "secret", a: "a secret", example: secretExample, itself: "secret", renew: "make a new one", variable: "TURNSTILE_SECRET", nowhere: "lies nowhere",
	}, name, n, &s.place, r.secretSettings(&s), nil)
	s.what, s.elsewhere = "the file of the secret "+s.Name, "token_file in "+r.file
	s.missing = fmt.Sprintf("there is no secret %s: put it into %s, which %s names, and start again", s.Name, s.env, r.file)
	r.purpose(name, given)
	return s
}

// purpose tells that a secret is for nothing, or for several things.
func (r *reader) purpose(name *token.Token, given map[string]bool) {
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
