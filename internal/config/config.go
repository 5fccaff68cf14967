// Package config is what the server is told by flags, environment and --config: the fields with their names, variables and defaults, and
// the check that reports every fault at once. It reads no profile; each part of the program gets its own small options from what
// stands here. No value of it holds a secret, only where one lies.
package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// MainAccount is the name of the one account that flags and environment describe.
const MainAccount = "main"

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
	Database string `name:"database" env:"FORMRELAY_DATABASE" default:"sqlite:formrelay.db" placeholder:"URL" help:"Where submissions are stored: sqlite:FILE, or postgres://… for several replicas."`
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
	File   `embed:""`
	KeyCRM `embed:""`

	Retention `embed:""`

	TrustedProxies []string `name:"trusted-proxies" env:"FORMRELAY_TRUSTED_PROXIES" sep:"," placeholder:"NET,…" help:"Addresses or networks of the proxies in front; X-Forwarded-For is believed only from these."`
	Log            `embed:""`
}

// Checked is a Server whose every field has been found usable, in the types that the parts of the program take.
type Checked struct {
	Server
	Accounts                []Account // sorted by name; none twice
	Secrets                 []Secret  // sorted by name
	Proxies                 []netip.Prefix
	KeepFor, KeepRefusedFor time.Duration // how long values are kept; 0: for ever
	Warning                 string        // for the log: what of all this has no effect; empty: nothing
}

// Names are the accounts and secrets that a profile may name.
func (c Checked) Names() Names { return named(c.Accounts, c.Secrets) }

// Check looks at every field and at the file, and reports all faults together, a line each, naming the flag or the place in the file.
func (s Server) Check(r Rules) (Checked, error) {
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
	calls, window, wrong := s.KeyCRM.check(r)
	faults = append(faults, wrong...)
	var err error
	c.Proxies, err = prefixes(s.TrustedProxies)
	fault("trusted-proxies", err)
	c.KeepFor, err = Keeping(s.Keep)
	fault("retention", err)
	c.KeepRefusedFor, err = Keeping(s.KeepRefused)
	fault("retention-refused", err)
	c.Accounts, c.Secrets, c.Warning, err = s.read(s.account(calls, window), r)
	return c, errors.Join(append(faults, err)...)
}

// check looks at every field and reads the pace.
func (k KeyCRM) check(r Rules) (calls int, window time.Duration, faults []error) {
	fault := func(flag string, err error) {
		if err != nil {
			faults = append(faults, fmt.Errorf("--%s: %w", flag, err))
		}
	}
	fault("keycrm-url", webAddress(k.URL))
	fault("keycrm-timeout", within(k.Timeout, MinTimeout, MaxTimeout))
	fault("keycrm-settle", within(k.Settle, MinSettle, MaxSettle))
	fault("keycrm-token-file", k.oneToken(r.Getenv))
	calls, window, err := r.Pace(k.Pace)
	fault("keycrm-pace", err)
	return calls, window, faults
}

// oneToken refuses two tokens at once: which of them counted could only be guessed.
func (k KeyCRM) oneToken(getenv func(string) string) error {
	if strings.TrimSpace(getenv(EnvToken)) != "" && k.TokenFile != "" {
		return errors.New("the token is in " + EnvToken + " too: leave one of them out (the file may also stand in " + EnvTokenFile + ")")
	}
	return nil
}

// Check refuses a database that this version cannot open.
func (d Data) Check() error {
	switch {
	case strings.HasPrefix(d.Database, "postgres:"), strings.HasPrefix(d.Database, "postgresql:"):
		return nil // the store reads the rest, and says what is wrong without a word of the password
	case !strings.HasPrefix(d.Database, "sqlite:") || strings.TrimPrefix(d.Database, "sqlite:") == "":
		return fmt.Errorf("%q is no database; write sqlite:FILE, such as sqlite:formrelay.db, or postgres://USER:PASSWORD@HOST:5432/NAME", d.Database)
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
