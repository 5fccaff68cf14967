package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSecretsOfTheFile(t *testing.T) {
	t.Parallel()
	s := written(t, `
secrets:
  shop:   {provider: turnstile, token_file: turnstile}
  score:  {provider: recaptcha, token_env: RECAPTCHA, min_score: 0.3}
  google: {field: google_key, token_env: GOOGLE_KEY}
  tilda:  {header: X-Form-Key, token_env: TILDA_KEY}
`)
	c, err := s.Check(rules())
	if err != nil {
		t.Fatal(err)
	}
	want := []Secret{
		{Name: "google", Field: "google_key", MinScore: 0.5, place: place{env: "GOOGLE_KEY"}},
		{Name: "score", Provider: "recaptcha", MinScore: 0.3, place: place{env: "RECAPTCHA"}},
		{Name: "shop", Provider: "turnstile", MinScore: 0.5, place: place{file: filepath.Join(filepath.Dir(s.Config), "turnstile")}},
		{Name: "tilda", Header: "X-Form-Key", MinScore: 0.5, place: place{env: "TILDA_KEY"}},
	}
	for i := range c.Secrets {
		c.Secrets[i].place = place{env: c.Secrets[i].env, file: c.Secrets[i].file} // without its words
	}
	if diff := cmp.Diff(want, c.Secrets, cmp.AllowUnexported(Secret{}, place{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	names, err := s.File.Names(rules())
	if diff := cmp.Diff(Names{Accounts: []string{"main"}, Captchas: []string{"score", "shop"}, Keys: []string{"google", "tilda"}, KeyFields: map[string]string{"google": "google_key"}}, names); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if diff := cmp.Diff(names, c.Names()); diff != "" {
		t.Error(diff)
	}
}

func TestSecretFaults(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, want string }{
		"Name":         {"secrets: {Shop: {}}", `:1:11: "Shop" cannot be a secret's name`},
		"NoPlace":      {"secrets: {shop: {provider: turnstile}}", ":1:11: secret shop lies nowhere"},
		"TwoPlaces":    {"secrets: {shop: {provider: turnstile, token_env: A, token_file: b}}", ":1:11: secret shop has a token_file and a token_env"},
		"Provider":     {"secrets: {shop: {provider: turnstyle, token_env: A}}", `:1:18: there is no captcha "turnstyle"; write one of: turnstile, hcaptcha, recaptcha`},
		"NoPurpose":    {"secrets: {shop: {token_env: A}}", ":1:11: nothing says what secret shop is for"},
		"TwoPurposes":  {"secrets: {shop: {provider: hcaptcha, field: a, token_env: A}}", ":1:11: secret shop has more than one of provider, field and header"},
		"Itself":       {"secrets: {shop: {provider: hcaptcha, secret: " + marker + "}}", ":1:38: a secret must not stand in this file"},
		"Variable":     {"secrets: {shop: {field: a, token_env: 4x" + marker + "}}", ":1:28: token_env must be the name of an environment variable"},
		"Header":       {"secrets: {shop: {header: 'a b', token_env: A}}", ":1:18: header must be a header's name"},
		"LongField":    {"secrets: {shop: {token_env: A, field: " + strings.Repeat("a", maxCarrier+1) + "}}", ":1:32: field has more than 200 bytes"},
		"ScoreBelow":   {"secrets: {shop: {provider: recaptcha, token_env: A, min_score: 0}}", `:1:53: min_score cannot be "0"`},
		"ScoreAbove":   {"secrets: {shop: {provider: recaptcha, token_env: A, min_score: 1}}", `:1:53: min_score cannot be "1"`},
		"ScoreIsNone":  {"secrets: {shop: {provider: recaptcha, token_env: A, min_score: NaN}}", `:1:53: min_score cannot be "NaN"`},
		"Unknown":      {"secrets: {shop: {provder: recaptcha, token_env: A}}", `:1:18: there is no key "provder" in a secret; `},
		"NoKeys":       {"secrets: turnstile", ":1:10: secrets must hold keys and values, such as shop: {provider: turnstile"},
		"NothingAtAll": {"other: 1", `:1:1: there is no key "other" in the file`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := written(t, test.text).Check(rules())
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), marker) {
				t.Errorf("%v\nwant %s", err, test.want)
			}
		})
	}
	many := func(n int) string {
		var b strings.Builder
		b.WriteString("secrets:\n")
		for i := range n {
			fmt.Fprintf(&b, "  s%d: {field: a, token_env: A}\n", i)
		}
		return b.String()
	}
	if _, err := written(t, many(maxSecrets)).Check(rules()); err != nil {
		t.Error(err)
	}
	if _, err := written(t, many(maxSecrets+1)).Check(rules()); err == nil || !strings.Contains(err.Error(), "there are 101 secrets, and 100 is the most") {
		t.Error(err)
	}
	if _, err := written(t, "accounts: {a: {token_env: A}}\nsecrets:\n").Check(rules()); err != nil {
		t.Errorf("a key with nothing behind it: %v", err)
	}
}

// A secret is read each time it is asked for, and what is wrong with it is told without it.
func TestSecretToken(t *testing.T) {
	t.Parallel()
	s := written(t, `
secrets:
  mail: {field: key, token_env: SHOP}
  shop: {field: key, token_file: secret}
`)
	c, err := s.Check(rules())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(filepath.Dir(s.Config), "secret")
	inEnv, inFile := c.Secrets[0], c.Secrets[1].Token(func(string) string { return "" })
	if _, err := inFile(); err == nil || !strings.Contains(err.Error(), "the file of the secret shop cannot be read") ||
		!strings.Contains(err.Error(), "token_file in "+s.Config) {
		t.Error(err)
	}
	for _, text := range []string{"one", "two"} {
		if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := inFile(); got != text || err != nil {
			t.Errorf("%q %v", got, err)
		}
	}
	if got, err := inEnv.Token(func(string) string { return " x " })(); got != "x" || err != nil {
		t.Errorf("%q %v", got, err)
	}
	if _, err := inEnv.Token(func(string) string { return " " })(); err == nil || !strings.Contains(err.Error(), "there is no secret mail: put it into SHOP, which "+s.Config+" names") {
		t.Error(err)
	}
}
