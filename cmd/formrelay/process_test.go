package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"formrelay/internal/keycrm/sandbox"
)

// longestStop is the promise to whoever stops the process: a container's runtime kills it not long after.
const longestStop = 15 * time.Second

// A stop ends in time and with exit 0, although a visitor is posting slowly and a call hangs.
func TestStopKeepsItsTime(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{}, nil)
	if err := s.crm.Inject(sandbox.Fault{Kind: sandbox.Hang, Method: http.MethodPost}); err != nil {
		t.Fatal(err)
	}
	id := s.submit("lead", callbackBody())
	s.settled(id, "sending")
	slow, err := net.Dial("tcp", strings.TrimPrefix(s.address, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	if _, err := io.WriteString(slow, "POST /forms/lead HTTP/1.1\r\nHost: shop\r\nContent-Length: 1000\r\n\r\nname="); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if code := s.stop(); code != 0 {
		t.Errorf("exit %d:\n%s", code, s.log)
	}
	if took := time.Since(start); took > longestStop {
		t.Errorf("the stop took %s", took)
	}
	if got := s.show(id); got.State != "uncertain" {
		t.Errorf("the call that was cut left it %s, want uncertain", got.State)
	}
}

// A stop that comes while the process is still starting is a stop, not a failure.
func TestStopWhileStarting(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{}, nil)
	second := exec.Command("formrelay", append([]string{"serve", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--log-format", "json"}, s.args...)...)
	second.Env = append(os.Environ(), s.env...)
	stderr, err := second.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	for lines.Scan() && !strings.Contains(lines.Text(), "waiting for it to stop") {
	}
	if err := second.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() { // until it has ended
	}
	if err := second.Wait(); err != nil {
		t.Errorf("a stop during the start: %v", err)
	}
}

// A second server on the same database waits for the first, and then says who that is.
func TestSecondServerNamesTheFirst(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{}, nil)
	_, problems, code := formrelay(t, append([]string{"serve", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"}, s.args...)...)
	if code != exitProblem || !regexp.MustCompile(`process \d+`).MatchString(problems) {
		t.Errorf("exit %d: %s", code, problems)
	}
}

// A token that KeyCRM refuses pauses the account; the right one in the same file resumes it, without a restart.
func TestTokenFileIsReadAgain(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := filepath.Join(folder, "token")
	if err := os.WriteFile(file, []byte("WRONGTOKEN\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	profiles := filepath.Join(folder, "profiles")
	if err := writeProfiles(profiles); err != nil {
		t.Fatal(err)
	}
	_, address := crm(t, sandbox.Options{})
	s := &site{database: "sqlite:" + filepath.Join(folder, "formrelay.db")}
	s.process = serve(t, nil, "--profiles", profiles, "--database", s.database, "--keycrm-url", address, "--keycrm-token-file", file)
	id := s.submit("lead", callbackBody())
	eventually(t, "the log says that the account is paused", func() bool { return strings.Contains(s.log.String(), "paused") })
	if err := os.WriteFile(file, []byte(sandboxToken+"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.settled(id, "delivered")
	if strings.Contains(s.log.String(), "WRONGTOKEN") {
		t.Errorf("the log holds a token:\n%s", s.log)
	}
}

// What KeyCRM refuses is shown with its own words, beside the line of the profile that made the value.
func TestShowNamesTheProfilesLine(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{}, nil)
	refusal := sandbox.Fault{
		Kind: sandbox.Status, Status: http.StatusUnprocessableEntity,
		Body: `{"message":"The given data was invalid.","errors":{"buyer.phone":["The phone is on a list."]}}`,
	}
	if err := s.crm.Inject(refusal); err != nil {
		t.Fatal(err)
	}
	id := s.submit("order", url.Values{"phone": {"0501112233"}})
	s.settled(id, "rejected")
	out, problems, code := formrelay(t, "submissions", "show", id, "--database", s.database)
	if code != 0 || !regexp.MustCompile(`buyer\.phone: The phone is on a list\. \(line \d+ of the profile: \$\{phone\}\)`).MatchString(out) {
		t.Errorf("exit %d %s\n%s", code, problems, out)
	}
}

// Nothing that a visitor typed is obeyed by the terminal of whoever looks at it.
func TestOutputIsInert(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{}, nil)
	hostile := "\x1b[31mred\u009b31m\u202eback\x7f"
	id := s.submit("lead", url.Values{"name": {hostile}, "phone": {"0501112233"}, hostile: {"x"}})
	s.settled(id, "delivered")
	for _, args := range [][]string{{"show", id}, {"show", id, "--json"}, {"list"}, {"list", "--json"}} {
		out, problems, code := formrelay(t, append(append([]string{"submissions"}, args...), "--database", s.database)...)
		if code != 0 {
			t.Errorf("%v: exit %d %s", args, code, problems)
		}
		if strings.ContainsAny(out, "\x1b\u009b\u202e\x7f") {
			t.Errorf("%v prints %q", args, out)
		}
	}
	if got := s.show(id); got.Fields[1][1] != hostile && got.Fields[0][1] != hostile && got.Fields[2][1] != hostile {
		t.Errorf("the JSON is another value: %q", got.Fields)
	}
}

// The stand-in runs as a command of its own, and the line that it prints brings a relay to it.
func TestSandboxCommand(t *testing.T) {
	t.Parallel()
	lines := started(t, syscall.SIGTERM, "sandbox", "--listen", "127.0.0.1:0", "--token", "own", "--limit", "100/1s", "--log-level", "error")
	printed := regexp.MustCompile(`(KEYCRM_TOKEN=\S+) \S+ serve --keycrm-url (\S+)$`)
	var found []string
	for found == nil && lines.Scan() {
		found = printed.FindStringSubmatch(lines.Text())
	}
	if found == nil {
		t.Fatal("it prints no line for a relay")
	}
	folder := t.TempDir()
	if err := writeProfiles(filepath.Join(folder, "profiles")); err != nil {
		t.Fatal(err)
	}
	s := &site{database: "sqlite:" + filepath.Join(folder, "formrelay.db")}
	s.process = serve(t, found[1:2], "--profiles", filepath.Join(folder, "profiles"), "--database", s.database, "--keycrm-url", found[2])
	s.settled(s.submit("order", orderBody()), "delivered")
}

// A port that is taken is said with its flag, and nothing is left running.
func TestPortInUse(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for words, args := range map[string][]string{
		"--listen: ":                     {"sandbox", "--listen", taken.Addr().String()},
		"FORMRELAY_DEMO_LISTEN=":         {"demo", "--listen", taken.Addr().String(), "--sandbox-listen", "127.0.0.1:0"},
		"FORMRELAY_DEMO_SANDBOX_LISTEN=": {"demo", "--listen", "127.0.0.1:0", "--sandbox-listen", taken.Addr().String()},
	} {
		_, problems, code := formrelay(t, args...)
		if code != exitProblem || !strings.Contains(problems, words) || !strings.Contains(problems, "something else listens on") || strings.Contains(problems, "bind:") {
			t.Errorf("%v: exit %d %s", args, code, problems)
		}
	}
}
