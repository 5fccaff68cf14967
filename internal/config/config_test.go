package config

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func good() Server {
	return Server{
		Listen: ":8080",
		Ops:    Ops{OpsListen: "127.0.0.1:9091"},
		Data:   Data{Profiles: "./profiles", Database: "sqlite:formrelay.db"},
		KeyCRM: KeyCRM{URL: "https://openapi.keycrm.app/v1", Pace: "60/1m", Timeout: 15 * time.Second, Settle: time.Minute},
	}
}

func pace(text string) (int, time.Duration, error) {
	if text != "60/1m" {
		return 0, 0, errors.New("no pace")
	}
	return 60, time.Minute, nil
}

// rules are those of a test; word is near to any list that holds it without its last letter.
func rules() Rules {
	return Rules{Pace: pace, Getenv: none, Nearest: func(word string, among []string) string {
		for _, a := range among {
			if a+"s" == word {
				return a
			}
		}
		return ""
	}}
}

func TestCheckAccepts(t *testing.T) {
	t.Parallel()
	s := good()
	s.TrustedProxies = []string{"10.0.0.7", " 192.168.0.0/16", "fd00::1"}
	checked, err := s.Check(rules())
	if err != nil {
		t.Fatal(err)
	}
	want := Account{Name: "main", URL: s.URL, Calls: 60, Window: time.Minute, Timeout: s.Timeout, Settle: s.Settle}
	if diff := cmp.Diff([]Account{want}, checked.Accounts, cmpopts.IgnoreUnexported(Account{})); diff != "" {
		t.Errorf("accounts (-want +got):\n%s", diff)
	}
	prefixes := []netip.Prefix{netip.MustParsePrefix("10.0.0.7/32"), netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("fd00::1/128")}
	for i, prefix := range prefixes {
		if checked.Proxies[i] != prefix {
			t.Errorf("proxy %d is %s, want %s", i, checked.Proxies[i], prefix)
		}
	}
}

func TestCheckNamesTheFlag(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spoil func(*Server)
		want  string
	}{
		"Listen":         {func(s *Server) { s.Listen = "8080" }, "--listen: "},
		"OpsListen":      {func(s *Server) { s.OpsListen = "localhost:http:1" }, "--ops-listen: "},
		"NoFile":         {func(s *Server) { s.Database = "sqlite:" }, "--database: "},
		"OtherDatabase":  {func(s *Server) { s.Database = "formrelay.db" }, "--database: "},
		"URLWithoutHost": {func(s *Server) { s.URL = "openapi.keycrm.app/v1" }, "--keycrm-url: "},
		"URLWithUser":    {func(s *Server) { s.URL = "https://token@openapi.keycrm.app/v1" }, "--keycrm-url: leave out the user"},
		"URLWithQuery":   {func(s *Server) { s.URL = "https://openapi.keycrm.app/v1?key=1" }, "--keycrm-url: leave out the user"},
		"TimeoutLow":     {func(s *Server) { s.Timeout = MinTimeout - 1 }, "--keycrm-timeout: "},
		"TimeoutHigh":    {func(s *Server) { s.Timeout = MaxTimeout + 1 }, "--keycrm-timeout: "},
		"SettleLow":      {func(s *Server) { s.Settle = MinSettle - 1 }, "--keycrm-settle: "},
		"SettleHigh":     {func(s *Server) { s.Settle = MaxSettle + 1 }, "--keycrm-settle: "},
		"Pace":           {func(s *Server) { s.Pace = "fast" }, "--keycrm-pace: no pace"},
		"Proxy":          {func(s *Server) { s.TrustedProxies = []string{"proxy.local"} }, "--trusted-proxies: "},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := good()
			test.spoil(&s)
			_, err := s.Check(rules())
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestCheckBounds(t *testing.T) {
	t.Parallel()
	for _, d := range []time.Duration{MinTimeout, MaxTimeout} {
		s := good()
		s.Timeout = d
		if _, err := s.Check(rules()); err != nil {
			t.Errorf("timeout %s: %v", d, err)
		}
	}
	for _, d := range []time.Duration{MinSettle, MaxSettle} {
		s := good()
		s.Settle = d
		if _, err := s.Check(rules()); err != nil {
			t.Errorf("settle %s: %v", d, err)
		}
	}
}

func TestCheckTellsAllAtOnce(t *testing.T) {
	t.Parallel()
	_, err := Server{}.Check(rules())
	for _, flag := range []string{"--listen", "--ops-listen", "--database", "--keycrm-url", "--keycrm-timeout", "--keycrm-settle", "--keycrm-pace"} {
		if !strings.Contains(err.Error(), flag+": ") {
			t.Errorf("%s is not named in:\n%v", flag, err)
		}
	}
}

func none(string) string { return "" }

func TestToken(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	token := KeyCRM{TokenFile: file}.account(0, 0).Token(none)
	if _, err := token(); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a missing file: %v", err)
	}
	write("first\n")
	if got, err := token(); got != "first" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	write("second")
	if got, err := token(); got != "second" || err != nil {
		t.Errorf("after a change got %q, %v", got, err)
	}
	write(" \n")
	if _, err := token(); err == nil || !strings.Contains(err.Error(), "empty") {
		t.Errorf("an empty file: %v", err)
	}
	write(strings.Repeat("x", maxTokenFile))
	if _, err := token(); err != nil {
		t.Errorf("at the bound: %v", err)
	}
	write(strings.Repeat("x", maxTokenFile+1))
	if _, err := token(); err == nil || strings.Contains(err.Error(), "xxx") {
		t.Errorf("over the bound: %v", err)
	}
}

func TestTokenOfTheEnvironmentWins(t *testing.T) {
	t.Parallel()
	getenv := func(name string) string {
		if name == EnvToken {
			return " secret\n"
		}
		return ""
	}
	if got, err := (KeyCRM{TokenFile: "nowhere"}).account(0, 0).Token(getenv)(); got != "secret" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := (KeyCRM{}).account(0, 0).Token(none)(); err == nil || !strings.Contains(err.Error(), EnvToken) {
		t.Errorf("no token at all: %v", err)
	}
}

// A command that calls accounts beside the server is told of every fault of their flags, and of nothing else's.
func TestAccountsBesideTheServer(t *testing.T) {
	t.Parallel()
	all, err := File{}.Accounts(good().KeyCRM, rules())
	want := Account{Name: "main", URL: "https://openapi.keycrm.app/v1", Calls: 60, Window: time.Minute, Timeout: 15 * time.Second, Settle: time.Minute}
	if diff := cmp.Diff([]Account{want}, all, cmpopts.IgnoreUnexported(Account{})); err != nil || diff != "" {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	_, err = File{Config: "none.yaml"}.Accounts(KeyCRM{URL: "nowhere", Pace: "often", Timeout: time.Hour, Settle: time.Minute}, rules())
	if err == nil {
		t.Fatal("no fault was told")
	}
	for _, flag := range []string{"--keycrm-url", "--keycrm-pace", "--keycrm-timeout", "--config"} {
		if !strings.Contains(err.Error(), flag) {
			t.Errorf("%s is not told in %v", flag, err)
		}
	}
}
