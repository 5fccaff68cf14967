package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"formrelay/internal/keycrm/sandbox"
)

// newSiteWith starts a relay with one profile for each account, named as the account, and accounts as the text says.
func newSiteWith(t *testing.T, accounts string, names ...string) *site {
	t.Helper()
	folder := t.TempDir()
	files := map[string]string{"formrelay.yaml": accounts}
	for _, name := range names {
		files[filepath.Join("profiles", name+".yaml")] = "creates: order\nsource_id: 7\naccount: " + name + "\nmap:\n  buyer: {full_name: \"${name}\", phone: \"${phone}\"}\n"
	}
	if err := os.Mkdir(filepath.Join(folder, "profiles"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := &site{database: "sqlite:" + filepath.Join(folder, "formrelay.db")}
	s.args = []string{
		"--profiles", filepath.Join(folder, "profiles"), "--database", s.database, "--keycrm-settle", "1s", "--config", filepath.Join(folder, "formrelay.yaml"),
	}
	s.process = serve(t, nil, s.args...)
	return s
}

func visitor(name string) url.Values {
	return url.Values{"name": {name}, "phone": {"050 111 22 33"}}
}

// Each account has its own courier and its own pace: one that has used up its own holds up no other, and nothing goes to the wrong one.
func TestAccountsAreIndependent(t *testing.T) {
	t.Parallel()
	slow, slowURL := crm(t, sandbox.Options{Limit: 2, Window: time.Minute})
	fast, fastURL := crm(t, sandbox.Options{Limit: 60, Window: time.Minute})
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(sandboxToken), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newSiteWith(t, fmt.Sprintf(`
accounts:
  slow: {token_file: %s, url: %s, pace: 2/1m}
  fast: {token_file: %s, url: %s, pace: 60/1m}
`, token, slowURL, token, fastURL), "slow", "fast")
	const each = 12
	for range each {
		s.submit("slow", visitor("Slow"))
		s.submit("fast", visitor("Fast"))
	}
	eventually(t, "the fast account has delivered all its orders", func() bool { return len(fast.Orders()) == each })
	eventually(t, "the slow account has used its pace", func() bool { return len(slow.Orders()) == 2 })
	for _, order := range fast.Orders() {
		if !strings.Contains(string(order.Body), "Fast") {
			t.Errorf("the fast account got %s", order.Body)
		}
	}
	eventually(t, "the figures say so", func() bool {
		text := get(t, s.ops+"/metrics")
		return strings.Contains(text, `formrelay_pace_used_ratio{account="slow"} 1`) &&
			strings.Contains(text, `formrelay_pace_used_ratio{account="fast"} 0.2`) &&
			strings.Contains(text, `formrelay_submissions{profile="slow",state="queued"} 10`) &&
			strings.Contains(text, `formrelay_keycrm_calls_total{account="fast",kind="create",outcome="done"} 12`)
	})
	if strings.Contains(s.log.String(), "asked for fewer calls") {
		t.Errorf("KeyCRM had to ask for a pause:\n%s", s.log)
	}
}

// An outage of one account's KeyCRM is that account's own: another goes on at its full pace, and nothing of it is looked up.
func TestOutageOfOneAccountAlone(t *testing.T) {
	t.Parallel()
	broken, brokenURL := crm(t, sandbox.Options{Limit: -1})
	sound, soundURL := crm(t, sandbox.Options{Limit: -1})
	if err := broken.Inject(sandbox.Fault{Kind: sandbox.Status, Status: http.StatusServiceUnavailable, Times: -1}); err != nil {
		t.Fatal(err)
	}
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(sandboxToken), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newSiteWith(t, fmt.Sprintf("accounts:\n  broken: {token_file: %s, url: %s}\n  sound: {token_file: %s, url: %s}\n", token, brokenURL, token, soundURL), "broken", "sound")
	s.submit("broken", visitor("Olena"))
	s.submit("broken", visitor("Taras"))
	eventually(t, "the account is in an outage", func() bool {
		return strings.Contains(get(t, s.ops+"/metrics"), `formrelay_account_probing{account="broken"} 1`)
	})
	for i := range 10 {
		s.settled(s.submit("sound", visitor(fmt.Sprint("Olena ", i))), "delivered")
	}
	if text := get(t, s.ops+"/metrics"); !strings.Contains(text, `formrelay_account_probing{account="sound"} 0`) {
		t.Errorf("the other account probes too:\n%s", text)
	}
	if n := len(sound.Calls()); n != 10 {
		t.Errorf("%d calls for 10 orders", n)
	}
	if n := len(broken.Orders()); n != 0 {
		t.Errorf("the broken one has %d orders", n)
	}
}

// A wrong token pauses its account alone. The file's new content resumes it, without a restart.
func TestNewTokenNeedsNoRestart(t *testing.T) {
	t.Parallel()
	box, address := crm(t, sandbox.Options{Token: "new-token-4711"})
	_, other := crm(t, sandbox.Options{})
	token := filepath.Join(t.TempDir(), "token")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(token, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("old-token-4711\n")
	s := newSiteWith(t, fmt.Sprintf("accounts:\n  sisal: {token_file: %s, url: %s}\n  other: {token_env: NOT_SET_ANYWHERE, url: %s}\n", token, address, other), "sisal", "other")
	id := s.submit("sisal", visitor("Olena"))
	s.submit("other", visitor("Olena"))
	paused := regexp.MustCompile(`account sisal: paused: .*; asked again at `)
	eventually(t, "/readyz says that the account is paused", func() bool { return paused.MatchString(get(t, s.ops+"/readyz")) })
	eventually(t, "/readyz says what the other one lacks", func() bool {
		return strings.Contains(get(t, s.ops+"/readyz"), "account other: paused: ") && strings.Contains(get(t, s.ops+"/readyz"), "NOT_SET_ANYWHERE")
	})
	if text := get(t, s.ops+"/metrics"); !strings.Contains(text, `formrelay_account_paused{account="sisal"} 1`) {
		t.Errorf("the figures do not say that it is paused:\n%s", text)
	}
	write("new-token-4711\n")
	s.settled(id, "delivered")
	if n := len(box.Orders()); n != 1 {
		t.Errorf("KeyCRM has %d orders", n)
	}
	if text := get(t, s.ops+"/readyz"); !strings.Contains(text, "account sisal: delivering") {
		t.Errorf("/readyz says\n%s", text)
	}
	if strings.Contains(s.log.String(), "token-4711") {
		t.Errorf("a token is in the log:\n%s", s.log)
	}
}

// What waits for an account that is no longer there is not forgotten.
func TestAccountThatWasTakenAway(t *testing.T) {
	t.Parallel()
	_, address := crm(t, sandbox.Options{})
	accounts := "accounts:\n  sisal: {token_env: NOT_SET_ANYWHERE, url: " + address + "}\n"
	s := newSiteWith(t, accounts, "sisal")
	s.submit("sisal", visitor("Olena"))
	if code := s.stop(); code != 0 {
		t.Fatalf("exit %d:\n%s", code, s.log)
	}
	if err := os.WriteFile(s.args[len(s.args)-1], []byte(strings.Replace(accounts, "sisal", "other", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	s.process = serve(t, nil, s.args...)
	if !strings.Contains(s.log.String(), "submissions wait for an account that is not configured") {
		t.Errorf("the log does not say so:\n%s", s.log)
	}
}

// What a visitor types, in a field or in an address, is in no figure; and figures and profiler are on the operators' listener alone.
func TestNoVisitorsValueInAFigure(t *testing.T) {
	t.Parallel()
	const marker = "Olena-4711-marker"
	s := newSite(t, sandbox.Options{}, nil)
	s.settled(s.submit("order", url.Values{"name": {marker}, "phone": {"050 111 22 33"}, marker: {marker}}), "delivered")
	post(t, s.address+"/forms/order", marker+"="+marker, "User-Agent", marker, "Origin", "https://"+marker+".example")
	post(t, s.address+"/forms/"+marker, "a=b")
	post(t, s.address+"/f/"+marker+"?"+marker, "a=b", "Content-Type", marker)
	eventually(t, "the figures count all", func() bool {
		text := get(t, s.ops+"/metrics")
		if strings.Contains(text, marker) {
			t.Fatalf("a visitor's value is in the figures:\n%s", text)
		}
		for _, want := range []string{
			`formrelay_posts_total{code="202",profile="order"} 1`, `formrelay_posts_total{code="404",profile="(no such profile)"} 2`,
			`formrelay_submissions{profile="order",state="delivered"} 1`, `formrelay_submissions{profile="order",state="refused"} 1`,
			`formrelay_keycrm_calls_total{account="main",kind="create",outcome="done"} 1`, `formrelay_store_batch_submissions_sum 2`,
			`formrelay_store_up 1`, `formrelay_profiles_broken 0`, "go_goroutines ", "process_cpu_seconds_total ", "formrelay_build_info{",
		} {
			if !strings.Contains(text, want) {
				t.Logf("not yet: %s", want)
				return false
			}
		}
		return true
	})
	if text := get(t, s.ops+"/debug/pprof/"); !strings.Contains(text, "goroutine") {
		t.Errorf("the profiler says\n%s", text)
	}
	for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/pprof/cmdline"} {
		response, err := http.Get(s.address + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusNotFound {
			t.Errorf("the public listener answers %s for %s", response.Status, path)
		}
	}
}
