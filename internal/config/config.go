// Package config is what the server is told by flags and environment: the fields with their names, variables and defaults, and the
// check that reports every fault at once. It reads no profile and opens nothing; each part of the program gets its own small options
// from what stands here.
package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"
)

// Account is the name of the one account that flags and environment describe.
const Account = "main"

// The environment variables that hold a secret or say where it lies. A token has no flag of its own: a process list would show it.
const (
	EnvToken     = "KEYCRM_TOKEN"
	EnvTokenFile = "KEYCRM_TOKEN_FILE"
)

// The bounds of the two times that delivery rests on. Below the lower ones a healthy KeyCRM would look like a broken one; above the
// upper ones a broken one would be noticed too late.
const (
	MinTimeout = time.Second
	MaxTimeout = 2 * time.Minute
	MinSettle  = time.Second
	MaxSettle  = time.Hour
)

// Log is how the process speaks to its operators.
type Log struct {
	Format string `name:"log-format" env:"FORMRELAY_LOG_FORMAT" enum:"auto,json,console" default:"auto" help:"json, console, or auto: console on a terminal, else json."`
	Level  string `name:"log-level" env:"FORMRELAY_LOG_LEVEL" enum:"debug,info,warn,error" default:"info" help:"debug, info, warn or error."`
}

// KeyCRM is how the one account is reached.
type KeyCRM struct {
	URL       string        `name:"keycrm-url" env:"FORMRELAY_KEYCRM_URL" default:"https://openapi.keycrm.app/v1" placeholder:"URL" help:"KeyCRM's address."`
	TokenFile string        `name:"keycrm-token-file" env:"KEYCRM_TOKEN_FILE" placeholder:"FILE" help:"File that holds the account's API token; or put the token itself into KEYCRM_TOKEN."`
	Pace      string        `name:"keycrm-pace" env:"FORMRELAY_KEYCRM_PACE" default:"60/1m" placeholder:"N/TIME" help:"At most so many calls in any such time."`
	Timeout   time.Duration `name:"keycrm-timeout" env:"FORMRELAY_KEYCRM_TIMEOUT" default:"15s" help:"How long one call may take (1s to 2m)."`
	Settle    time.Duration `name:"keycrm-settle" env:"FORMRELAY_KEYCRM_SETTLE" default:"60s" help:"How long after a broken call KeyCRM may take to show what it made of it (1s to 1h)."`
}

// Data says where profiles and submissions lie; the commands that only read them share it with the server.
type Data struct {
	Profiles string `name:"profiles" env:"FORMRELAY_PROFILES" default:"./profiles" placeholder:"FOLDER" help:"Folder of the profiles, one <name>.yaml each."`
	Database string `name:"database" env:"FORMRELAY_DATABASE" default:"sqlite:formrelay.db" placeholder:"URL" help:"Where submissions are stored: sqlite:FILE."`
}

// Ops is the listener for operators.
type Ops struct {
	OpsListen string `name:"ops-listen" env:"FORMRELAY_OPS_LISTEN" default:"127.0.0.1:9091" placeholder:"ADDRESS" help:"Where health is answered for operators."`
}

// Server is everything `serve` is told.
type Server struct {
	Listen string `name:"listen" env:"FORMRELAY_LISTEN" default:":8080" placeholder:"ADDRESS" help:"Where forms are posted to."`
	Ops    `embed:""`
	Data   `embed:""`
	KeyCRM `embed:""`

	TrustedProxies []string `name:"trusted-proxies" env:"FORMRELAY_TRUSTED_PROXIES" sep:"," placeholder:"NET,…" help:"Addresses or networks of the proxies in front; X-Forwarded-For is believed only from these."`
	Log            `embed:""`
}

// Checked is a Server whose every field has been found usable, in the types that the parts of the program take.
type Checked struct {
	Server
	Calls   int           // KeyCRM's pace: at most Calls
	Window  time.Duration // in any Window
	Proxies []netip.Prefix
}

// Check looks at every field and reports all faults together, a line each, naming the flag. The pace is read by parsePace, which
// stands where the pace is kept.
func (s Server) Check(parsePace func(string) (int, time.Duration, error)) (Checked, error) {
	c := Checked{Server: s}
	var faults []error
	fault := func(flag string, err error) {
		if err != nil {
			faults = append(faults, fmt.Errorf("--%s: %w", flag, err))
		}
	}
	fault("listen", address(s.Listen))
	fault("ops-listen", address(s.OpsListen))
	fault("database", s.Data.Check())
	fault("keycrm-url", webAddress(s.KeyCRM.URL))
	fault("keycrm-timeout", within(s.Timeout, MinTimeout, MaxTimeout))
	fault("keycrm-settle", within(s.Settle, MinSettle, MaxSettle))
	var err error
	c.Calls, c.Window, err = parsePace(s.Pace)
	fault("keycrm-pace", err)
	c.Proxies, err = prefixes(s.TrustedProxies)
	fault("trusted-proxies", err)
	return c, errors.Join(faults...)
}

// Check refuses a database that this version cannot open.
func (d Data) Check() error {
	switch {
	case strings.HasPrefix(d.Database, "postgres:"), strings.HasPrefix(d.Database, "postgresql:"):
		return errors.New("PostgreSQL is not built into this version yet; use sqlite:FILE")
	case !strings.HasPrefix(d.Database, "sqlite:") || strings.TrimPrefix(d.Database, "sqlite:") == "":
		return fmt.Errorf("%q is no database; write sqlite:FILE, such as sqlite:formrelay.db", d.Database)
	}
	return nil
}

// address accepts what net.Listen takes for TCP: host:port or :port, the port a number from 0 to 65535. An empty text, which Go reads
// as any port of any address, is nobody's choice.
func address(text string) error {
	if _, err := net.ResolveTCPAddr("tcp", text); err != nil || text == "" {
		return fmt.Errorf("%q is no address; write host:port, such as 127.0.0.1:8080 or :8080", text)
	}
	return nil
}

// webAddress accepts an absolute http or https URL without a user, a query or a fragment: a token belongs into the environment.
func webAddress(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("%q is no address; write one such as https://openapi.keycrm.app/v1", text)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("leave out the user, the query and the fragment; the token goes into KEYCRM_TOKEN")
	}
	return nil
}

func within(d, least, most time.Duration) error {
	if d < least || d > most {
		return fmt.Errorf("%s is out of bounds; write a time from %s to %s", d, least, most)
	}
	return nil
}

// prefixes reads addresses (10.0.0.7) and networks (10.0.0.0/8); an address is a network of one.
func prefixes(texts []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range texts {
		text = strings.TrimSpace(text)
		if addr, err := netip.ParseAddr(text); err == nil {
			out = append(out, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("%q is neither an address nor a network; write one such as 10.0.0.7 or 10.0.0.0/8", text)
		}
		out = append(out, prefix.Masked())
	}
	return out, nil
}

// maxTokenFile bounds what is read of a token file: KeyCRM's tokens are far shorter.
const maxTokenFile = 16 << 10

// CheckToken refuses two tokens at once: which of them counted could only be guessed.
func (k KeyCRM) CheckToken(getenv func(string) string) error {
	if strings.TrimSpace(getenv(EnvToken)) != "" && k.TokenFile != "" {
		return errors.New("both " + EnvToken + " and --keycrm-token-file (" + EnvTokenFile + ") are set: leave one out")
	}
	return nil
}

// Token gives the account's token each time it is asked, so that a file that was changed needs no restart. The error says in words
// what is missing and never holds the token.
func (k KeyCRM) Token(getenv func(string) string) func() (string, error) {
	if token := strings.TrimSpace(getenv(EnvToken)); token != "" {
		return func() (string, error) { return token, nil }
	}
	if k.TokenFile == "" {
		return func() (string, error) {
			return "", errors.New("there is no KeyCRM token: put it into " + EnvToken + ", or into a file that --keycrm-token-file names, and start again")
		}
	}
	return func() (string, error) { return readToken(k.TokenFile) }
}

func readToken(file string) (string, error) {
	info, err := os.Stat(file)
	if err != nil {
		return "", fmt.Errorf("the KeyCRM token's file cannot be read (%w): create it, or point --keycrm-token-file elsewhere", err)
	}
	if info.IsDir() || info.Size() > maxTokenFile {
		return "", fmt.Errorf("the KeyCRM token's file %s is no file of a token: it should hold one line", file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("the KeyCRM token's file cannot be read (%w): mend its permissions", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", fmt.Errorf("the KeyCRM token's file %s is empty: put the token into it", file)
	}
	return token, nil
}
