package config

import (
	"errors"
	"fmt"
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

// Unset is a variable in which the file says that a token or a secret lies, and which has no value where the command runs.
type Unset struct {
	Variable     string
	Of           string // "account sisal's token", "secret google"
	Line, Column int    // in the file
}

// Unset are the variables that the file names and that are not set, in the order of their accounts and then their secrets. The error
// tells every fault of the file.
func (f File) Unset(r Rules) ([]Unset, error) {
	if f.Config == "" {
		return nil, nil
	}
	accounts, secrets, err := readConfig(f.Config, KeyCRM{}.account(0, 0), r)
	var all []Unset
	look := func(of string, p place) {
		if p.env != "" && strings.TrimSpace(r.Getenv(p.env)) == "" {
			all = append(all, Unset{p.env, of, p.line, p.column})
		}
	}
	for _, a := range accounts {
		look("account "+a.Name+"'s token", a.place)
	}
	for _, s := range secrets {
		look("secret "+s.Name, s.place)
	}
	return all, err
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

	place // of the token
}

// account is the one that flags and environment describe.
func (k KeyCRM) account(calls int, window time.Duration) Account {
	return Account{
		Name: MainAccount, URL: k.URL, Calls: calls, Window: window, Timeout: k.Timeout, Settle: k.Settle,
		place: place{
			env: EnvToken, file: k.TokenFile, what: keycrmFile, elsewhere: "--keycrm-token-file",
			missing: "there is no KeyCRM token: put it into " + EnvToken + ", or into a file that --keycrm-token-file names",
		},
	}
}

// keycrmFile is what the file of an account's token is called.
const keycrmFile = "the KeyCRM token's file"

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
		return a.env == main.env || a.file != "" && a.file == main.file
	})
	switch {
	case taken || !main.place.named(r.Getenv):
	case named:
		warning = fmt.Sprintf("the KeyCRM token of flags and environment is not used: %s says where that of account %s lies", f.Config, MainAccount)
	default:
		all = append(all, main)
	}
	slices.SortFunc(all, func(a, b Account) int { return strings.Compare(a.Name, b.Name) })
	return all, secrets, warning, nil
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
