package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// marker is a token: no fault and no value of this package may hold it.
const marker = "S3CR3T-marker-4711"

// written writes the file's text and gives a server that reads it.
func written(t *testing.T, text string) Server {
	t.Helper()
	s := good()
	s.Config = filepath.Join(t.TempDir(), "formrelay.yaml")
	if err := os.WriteFile(s.Config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

func environment(pairs map[string]string) Rules {
	r := rules()
	r.Getenv = func(name string) string { return pairs[name] }
	return r
}

func TestAccountsOfTheFile(t *testing.T) {
	t.Parallel()
	s := written(t, `
accounts:
  sisal: {token_env: SISAL_TOKEN, pace: 60/1m, url: "https://crm.sisal.example/v1", timeout: 20s, settle: 90s}
  main:
    token_file: secrets/keycrm
`)
	c, err := s.Check(rules())
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Dir(s.Config)
	want := []Account{
		{Name: "main", URL: s.URL, Calls: 60, Window: time.Minute, Timeout: s.Timeout, Settle: s.Settle, place: place{file: filepath.Join(folder, "secrets", "keycrm")}},
		{
			Name: "sisal", URL: "https://crm.sisal.example/v1", Calls: 60, Window: time.Minute, Timeout: 20 * time.Second, Settle: 90 * time.Second,
			place: place{env: "SISAL_TOKEN"},
		},
	}
	for i := range c.Accounts {
		c.Accounts[i].place = place{env: c.Accounts[i].env, file: c.Accounts[i].file} // without its words
	}
	if diff := cmp.Diff(want, c.Accounts, cmp.AllowUnexported(Account{}, place{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Main of the flags stands beside the file's accounts when it has a token and the file does not say otherwise.
func TestMainBesideTheFile(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		env     map[string]string
		text    string
		want    string
		warning bool
	}{
		"NoToken":      {nil, "accounts: {sisal: {token_env: SISAL}}", "sisal", false},
		"Token":        {map[string]string{EnvToken: marker}, "accounts: {sisal: {token_env: SISAL}}", "main sisal", false},
		"TokenFile":    {map[string]string{EnvTokenFile: "/run/x"}, "accounts: {sisal: {token_env: SISAL}}", "main sisal", false},
		"InTheFile":    {map[string]string{EnvToken: marker}, "accounts: {main: {token_env: OTHER}}", "main", true},
		"SameVariable": {map[string]string{EnvToken: marker}, "accounts: {sisal: {token_env: KEYCRM_TOKEN}}", "sisal", false},
		"SameFile":     {map[string]string{EnvTokenFile: "/run/x"}, "accounts: {sisal: {token_file: /run/x}}", "sisal", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := written(t, test.text)
			s.TokenFile = test.env[EnvTokenFile] // as the command line reads it
			r := environment(test.env)
			c, err := s.Check(r)
			if err != nil {
				t.Fatal(err)
			}
			known, err := s.File.Names(r)
			if err != nil {
				t.Fatal(err)
			}
			names := known.Accounts
			var checked []string
			for _, a := range c.Accounts {
				checked = append(checked, a.Name)
			}
			if got := strings.Join(names, " "); got != test.want || strings.Join(checked, " ") != test.want {
				t.Errorf("serve has %v, check has %q, want %q", checked, got, test.want)
			}
			if (c.Warning != "") != test.warning {
				t.Errorf("warning %q", c.Warning)
			}
			if strings.Contains(fmt.Sprintf("%+v", c), marker) {
				t.Error("the configuration holds a token")
			}
		})
	}
}

func TestWithoutFileThereIsMain(t *testing.T) {
	t.Parallel()
	names, err := File{}.Names(rules())
	if diff := cmp.Diff(Names{Accounts: []string{"main"}, Captchas: []string{}, Keys: []string{}, KeyFields: map[string]string{}}, names); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
}

func TestFileFaults(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text string
		want []string // each is in the faults; a line and a column before it
	}{
		"Empty":          {"", []string{":1:1: the file holds no configuration"}},
		"Comment":        {"# soon\n", []string{":1:1: the file holds no configuration"}},
		"Two":            {"accounts: {}\n---\naccounts: {}\n", []string{":1:1: the file holds no configuration, or several"}},
		"NoAccounts":     {"accounts: {}\n", []string{":1:11: there is no account under accounts"}},
		"NoKeyAccounts":  {"{}\n", []string{":1:1: the file names no accounts"}},
		"List":           {"- a\n", []string{":1:1: the file must hold keys and values"}},
		"AccountsNull":   {"accounts:\n", []string{": accounts must hold keys and values"}},
		"Syntax":         {"accounts:\n  main: {token_file: \"" + marker + "}\n", []string{":2:22: this is not YAML from here on"}},
		"Tabs":           {"accounts:\n\tmain: x\n", []string{":2:1: this is not YAML"}},
		"TopLevelWord":   {"accountss: {}\n", []string{`:1:1: there is no key "accountss" in the file; write accounts`}},
		"BulkNumber":     {"accounts: {a: {token_env: A, bulk: 200}}\n", []string{":1:36: bulk must hold keys and values, such as {over: 200}"}},
		"BulkTypo":       {"accounts: {a: {token_env: A, bulk: {ovre: 200}}}\n", []string{`:1:37: there is no key "ovre" in bulk; there are over`}},
		"BulkEmpty":      {"accounts: {a: {token_env: A, bulk: {}}}\n", []string{":1:36: bulk says nothing"}},
		"BulkWord":       {"accounts: {a: {token_env: A, bulk: {over: many}}}\n", []string{`:1:37: over: "many" is no number from 1 to 10000`}},
		"BulkLow":        {"accounts: {a: {token_env: A, bulk: {over: 0}}}\n", []string{`:1:37: over: "0" is no number`}},
		"BulkHigh":       {"accounts: {a: {token_env: A, bulk: {over: 10001}}}\n", []string{`:1:37: over: "10001" is no number`}},
		"UnknownKey":     {"accounts:\n  a: {token_env: A, paces: 60/1m}\n", []string{`:2:21: there is no key "paces" in an account; write pace`}},
		"FarKey":         {"accounts:\n  a: {token_env: A, zzz: 60/1m}\n", []string{`:2:21: there is no key "zzz" in an account; there are pace, settle, timeout, token_env, token_file, url`}},
		"Token":          {"accounts:\n  a: {token: " + marker + "}\n", []string{":2:7: a token must not stand in this file"}},
		"APIKey":         {"accounts:\n  a: {api-key: " + marker + "}\n", []string{":2:7: a token must not stand in this file"}},
		"TokenAsEnv":     {"accounts:\n  a: {token_env: " + marker + "}\n", []string{":2:7: token_env must be the name of an environment variable"}},
		"TokenAsAccount": {"accounts:\n  a: " + marker + "\n", []string{":2:6: account a must hold keys and values"}},
		"BothTokens":     {"accounts:\n  a: {token_env: A, token_file: b}\n", []string{":2:3: account a has a token_file and a token_env"}},
		"NoToken":        {"accounts:\n  a: {pace: 60/1m}\n", []string{":2:3: account a has no token"}},
		"SameToken":      {"accounts:\n  a: {token_env: A}\n  b: {token_env: A}\n", []string{":3:3: b has the same token as a"}},
		"SameTokenOther": {"accounts:\n  a: {token_env: A}\n  b: {token_env: A, url: 'https://other.example/v1'}\n", nil},
		"Name":           {"accounts:\n  Main Shop: {token_env: A}\n", []string{`:2:3: "Main Shop" cannot be an account's name`}},
		"Twice":          {"accounts:\n  a: {token_env: A}\n  a: {token_env: B}\n", []string{`:3:3: the key "a" stands here a second time, first on line 2`}},
		"Pace":           {"accounts: {a: {token_env: A, pace: fast}}\n", []string{":1:30: pace: no pace"}},
		"URL":            {"accounts: {a: {token_env: A, url: 'ftp://x'}}\n", []string{`:1:30: url: "ftp://x" is no address`}},
		"Timeout":        {"accounts: {a: {token_env: A, timeout: 15}}\n", []string{`:1:30: timeout: "15" is no time; write a number and its unit`}},
		"TimeoutBounds":  {"accounts: {a: {token_env: A, timeout: 1ms}}\n", []string{":1:30: timeout: 1ms is out of bounds"}},
		"Settle":         {"accounts: {a: {token_env: A, settle: 2h}}\n", []string{":1:30: settle: 2h0m0s is out of bounds"}},
		"NoValue":        {"accounts: {a: {token_env: }}\n", []string{": token_env must have a plain value on the same line"}},
		"Anchor":         {"accounts: {a: {token_env: A, pace: &p 60/1m}}\n", []string{":1:30: pace must have a plain value"}},
		"All":            {"accounts:\n  a: {pace: fast}\n  b: {token: x}\nsecrets: {A: {}}\n", []string{":2:3: ", ":2:7: pace", ":3:7: ", ":4:11: "}},
		"TooLarge":       {strings.Repeat("#", maxFile+1), []string{"has more than 65536 bytes"}},
		"Control":        {"accounts: {}\n\"\\x1b[2J\": 1\n", []string{`"\uFFFD[2J"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := written(t, test.text)
			_, err := s.Check(rules())
			if len(test.want) == 0 && err != nil {
				t.Fatal(err)
			}
			for _, want := range test.want {
				want = strings.ReplaceAll(want, `\uFFFD`, "\uFFFD")
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in:\n%v", want, err)
				}
			}
			if err != nil && (strings.Contains(err.Error(), marker) || !strings.Contains(err.Error(), s.Config)) {
				t.Errorf("the fault holds a token, or does not name the file:\n%v", err)
			}
		})
	}
}

func TestFileThatIsNotThere(t *testing.T) {
	t.Parallel()
	s := good()
	s.Config = filepath.Join(t.TempDir(), "none.yaml")
	if _, err := s.Check(rules()); err == nil || !strings.HasPrefix(err.Error(), "--config: ") {
		t.Errorf("%v", err)
	}
	s.Config = t.TempDir()
	if _, err := s.Check(rules()); err == nil || !strings.HasPrefix(err.Error(), "--config: ") {
		t.Errorf("a folder: %v", err)
	}
}

// Flags, environment and file are told together.
func TestFlagsAndFileAreToldTogether(t *testing.T) {
	t.Parallel()
	s := written(t, "accounts: {a: {}}\n")
	s.Listen = "nowhere"
	_, err := s.Check(rules())
	if err == nil || !strings.Contains(err.Error(), "--listen: ") || !strings.Contains(err.Error(), ":1:12: account a has no token") {
		t.Errorf("%v", err)
	}
}

// What the file names and nobody has set is found before it is missed.
func TestUnset(t *testing.T) {
	t.Parallel()
	s := written(t, "accounts:\n  a: {token_env: A_TOKEN}\n  b: {token_file: b.token}\nsecrets:\n  google: {field: key, token_env: GOOGLE_KEY}\n")
	all, err := s.Unset(environment(map[string]string{"GOOGLE_KEY": " "}))
	want := []Unset{{"A_TOKEN", "account a's token", 2, 7}, {"GOOGLE_KEY", "secret google", 5, 24}}
	if diff := cmp.Diff(want, all); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	all, err = s.Unset(environment(map[string]string{"GOOGLE_KEY": marker, "A_TOKEN": marker}))
	if len(all) > 0 || err != nil {
		t.Errorf("%v %v", all, err)
	}
	if all, err := (File{}).Unset(environment(nil)); len(all) > 0 || err != nil {
		t.Errorf("without a file: %v %v", all, err)
	}
}

func TestTokensOfTheFile(t *testing.T) {
	t.Parallel()
	s := written(t, "accounts:\n  a: {token_env: A_TOKEN}\n  b: {token_file: b.token}\n")
	r := environment(nil)
	c, err := s.Check(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Accounts[0].Token(r.Getenv)(); err == nil || !strings.Contains(err.Error(), "account a: put it into A_TOKEN") {
		t.Errorf("no variable: %v", err)
	}
	set := environment(map[string]string{"A_TOKEN": marker})
	if got, err := c.Accounts[0].Token(set.Getenv)(); got != marker || err != nil {
		t.Errorf("%q %v", got, err)
	}
	token := c.Accounts[1].Token(set.Getenv)
	if _, err := token(); err == nil || !strings.Contains(err.Error(), "token_file in "+s.Config) {
		t.Errorf("no file: %v", err)
	}
	for _, want := range []string{"first", "second"} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(s.Config), "b.token"), []byte(want+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := token(); got != want || err != nil {
			t.Errorf("%q %v", got, err)
		}
	}
}

func FuzzFile(f *testing.F) {
	f.Add("accounts:\n  main: {token_file: /run/x, pace: 60/1m}\n")
	f.Add("accounts: {a: {token: x, bulk: {over: 1}}}\nsecrets: {}\n")
	f.Add("accounts: &a {b: *a}\n? x\n")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Count(text, "\n") > 200 || len(text) > 4<<10 {
			return
		}
		s := written(t, text)
		_, _ = s.Check(rules())
	})
}
