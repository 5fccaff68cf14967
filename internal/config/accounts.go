package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The bounds of accounts. A name stands in profiles, labels and addresses, so it is as plain as a profile's.
const (
	maxAccounts = 100
	maxName     = 64

	// maxBulk bounds bulk's over. A backlog is counted each time that something is claimed.
	maxBulk = 10_000
)

// Rules are what the check borrows from packages that this one may not import.
type Rules struct {
	Pace    func(text string) (calls int, window time.Duration, err error) // reads a pace such as 60/1m
	Nearest func(word string, among []string) string                       // the word that was probably meant; "" when none is near
	Getenv  func(name string) string
}

// File is the file for what flags cannot say.
type File struct {
	Config string `name:"config" env:"FORMRELAY_CONFIG" placeholder:"FILE" help:"File for what flags cannot say: several accounts, and secrets."`
}

// Names are the accounts and secrets that a profile may name, for the commands that use none of them. The error tells every fault of
// the file.
func (f File) Names(r Rules) (Names, error) {
	k := KeyCRM{TokenFile: r.Getenv(EnvTokenFile)}
	accounts, secrets, _, err := f.read(k.account(0, 0), r)
	return named(accounts, secrets), err
}

// Accounts are the accounts that a command calls beside the server, told by the same flags, variables and file. The error tells every
// fault of them, a line each.
func (f File) Accounts(k KeyCRM, r Rules) ([]Account, error) {
	calls, window, faults := k.check(r)
	all, _, _, err := f.read(k.account(calls, window), r)
	if err = errors.Join(append(faults, err)...); err != nil {
		return nil, err
	}
	return all, nil
}

// Account is one KeyCRM account: where it is, and how fast it may be called. It holds no secret, only where the token lies.
type Account struct {
	Name    string
	URL     string
	Calls   int           // the pace: at most Calls
	Window  time.Duration // in any Window
	Timeout time.Duration // how long one call may take
	Settle  time.Duration // how long KeyCRM may take to show what a broken call made
	Bulk    int           // when more than so many orders are due they go many in one call; 0: never

	tokenEnv  string // the variable that may hold the token; it goes before the file
	tokenFile string // the file that may hold it
	noToken   string // with neither: what to do about it
	elsewhere string // how the file is named, for who must name another
}

// account is the one that flags and environment describe.
func (k KeyCRM) account(calls int, window time.Duration) Account {
	return Account{
		Name: MainAccount, URL: k.URL, Calls: calls, Window: window, Timeout: k.Timeout, Settle: k.Settle,
		tokenEnv: EnvToken, tokenFile: k.TokenFile,
		noToken:   "there is no KeyCRM token: put it into " + EnvToken + ", or into a file that --keycrm-token-file names, and start again",
		elsewhere: "--keycrm-token-file",
	}
}

// hasToken tells whether anybody said where the token lies.
func (a Account) hasToken(getenv func(string) string) bool {
	return a.tokenFile != "" || strings.TrimSpace(getenv(a.tokenEnv)) != ""
}

// read reads the accounts and the secrets of the file. The accounts are those of the file, and main as the flags describe it: when the
// file names none, or when it does not name main and the flags say where its token lies. What an account of the file leaves out is as in
// main. A warning is for the log.
func (f File) read(main Account, r Rules) (all []Account, secrets []Secret, warning string, err error) {
	if f.Config == "" {
		return []Account{main}, nil, "", nil
	}
	all, secrets, err = readConfig(f.Config, main, r)
	if err != nil {
		return nil, nil, "", err
	}
	if len(all) == 0 {
		return []Account{main}, secrets, "", nil
	}
	named := slices.ContainsFunc(all, func(a Account) bool { return a.Name == MainAccount })
	taken := slices.ContainsFunc(all, func(a Account) bool {
		return a.tokenEnv == main.tokenEnv || a.tokenFile != "" && a.tokenFile == main.tokenFile
	})
	switch {
	case taken || !main.hasToken(r.Getenv):
	case named:
		warning = fmt.Sprintf("the KeyCRM token of flags and environment is not used: %s says where that of account %s lies", f.Config, MainAccount)
	default:
		all = append(all, main)
	}
	slices.SortFunc(all, func(a, b Account) int { return strings.Compare(a.Name, b.Name) })
	return all, secrets, warning, nil
}

// Token gives the account's token each time it is asked, so that a file that was changed needs no restart. The error says in words
// what is missing and never holds the token.
func (a Account) Token(getenv func(string) string) func() (string, error) {
	if token := strings.TrimSpace(getenv(a.tokenEnv)); a.tokenEnv != "" && token != "" {
		return func() (string, error) { return token, nil }
	}
	if a.tokenFile == "" {
		return func() (string, error) { return "", errors.New(a.noToken) }
	}
	return func() (string, error) { return readToken(a.tokenFile, "the KeyCRM token's file", a.elsewhere) }
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

// validName tells whether name can be an account's: [a-z0-9][a-z0-9_-]{0,63}.
func validName(name string) bool {
	if name == "" || len(name) > maxName {
		return false
	}
	for i := range len(name) {
		c := name[i]
		letter := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !letter && (i == 0 || c != '_' && c != '-') {
			return false
		}
	}
	return true
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
