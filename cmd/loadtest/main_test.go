package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"formrelay/internal/store/pgbin"
)

// patience bounds every wait for an event that must come; it is no measure of speed.
const patience = 60 * time.Second

// TestMain makes the test binary answer to the name loadtest, so that the program can start itself, and looks for goroutines left over.
func TestMain(m *testing.M) {
	testscript.Main(leakChecked{m}, map[string]func(){"loadtest": main})
}

type leakChecked struct{ m *testing.M }

func (l leakChecked) Run() int {
	code := l.m.Run()
	if err := goleak.Find(); code == 0 && err != nil {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		return 1
	}
	return code
}

// buildRelay builds the program under test.
func buildRelay(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "formrelay")
	command := exec.CommandContext(t.Context(), "go", "build", "-o", file, "formrelay/cmd/formrelay")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return file
}

// The whole program, for a few seconds: relays are killed, KeyCRM fails, and nothing is lost or doubled.
func TestShortSoak(t *testing.T) {
	t.Parallel()
	var out, progress bytes.Buffer
	command := exec.CommandContext(t.Context(), "loadtest", "--formrelay", buildRelay(t), "--visitors", "2", "--rate", "40/s", "--for", "3s",
		"--kill-every", "1500ms", "--faults", "--fault-every", "200ms", "--timeout", "1s", "--settle", "1s", "--beside", "200ms", "--json")
	command.Stdout, command.Stderr = &out, &progress
	if err := command.Run(); err != nil {
		t.Fatalf("%v\n%s%s", err, &progress, &out)
	}
	var got report
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	if got.Acknowledged == 0 || got.Arrived+got.Rejected != got.Acknowledged || got.Kills == 0 || got.FaultsLaid == 0 {
		t.Errorf("the run did not do what it was asked to:\n%s", &out)
	}
	if got.Busiest > got.Limit || got.Calls < got.Arrived || got.ToAnswer.P50 <= 0 || got.ToKeyCRM.P50 <= 0 {
		t.Errorf("the figures do not fit together:\n%s", &out)
	}
	if len(got.Beside) == 0 || got.Beside[0].Acknowledged == 0 {
		t.Errorf("nothing was measured beside it:\n%s", &out)
	}
}

// Ctrl-C ends the run and every process that it started.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "run")
	command := exec.CommandContext(t.Context(), "loadtest", "--formrelay", buildRelay(t), "--for", "1h", "--rate", "20/s", "--kill-every", "1s", "--dir", folder)
	var said bytes.Buffer
	command.Stderr = &said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	address := waitForRelay(t, filepath.Join(folder, "relay1.log"))
	if err := command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	select {
	case <-ended:
	case <-time.After(patience):
		_ = command.Process.Kill()
		t.Fatalf("it did not end: %s", &said)
	}
	if code := command.ProcessState.ExitCode(); code != exitProblem {
		t.Errorf("exit code %d: %s", code, &said)
	}
	if conn, err := net.DialTimeout("tcp", address, time.Second); err == nil {
		_ = conn.Close()
		t.Errorf("a relay still listens on %s", address)
	}
}

// waitForRelay gives the address that a relay's log says it listens on.
func waitForRelay(t *testing.T, log string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for pause(ctx, 10*time.Millisecond) {
		text, err := os.ReadFile(log)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			var ready struct {
				Listen string `json:"listen"`
			}
			if saysReady(line) && json.Unmarshal([]byte(line), &ready) == nil {
				return ready.Listen
			}
		}
	}
	t.Fatal("no relay became ready")
	return ""
}

func TestCalledWrongly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"--rate", "fast", "--pace", "60"}, []string{`--rate: "fast" is no rate`, "--pace:"}},
		{[]string{"--rate", "NaN/s"}, []string{"--rate:"}},
		{[]string{"--replicas", "2"}, []string{"--replicas: one file has one relay"}},
		{[]string{"--rate", "100000/s", "--for", "1h"}, []string{"--for: that makes more than"}},
		{[]string{"--for", "3h"}, []string{"--for:"}},
		{[]string{"--kill-every", "1ms"}, []string{"--kill-every:"}},
		{[]string{"--outage", "1m"}, []string{"--outage:"}},
		{[]string{"--database-down", "1s"}, []string{"--database-down: only PostgreSQL"}},
		{[]string{"--formrelay", "no/such/file"}, []string{"--formrelay:", "make build"}},
		{[]string{"--no-such-flag"}, []string{"--no-such-flag", "--help"}},
	} {
		var out, problems bytes.Buffer
		if code := run(c.args, &out, &problems); code != exitUsage {
			t.Errorf("%v: exit code %d: %s", c.args, code, &problems)
		}
		for _, want := range c.want {
			if !strings.Contains(problems.String(), want) {
				t.Errorf("%v: %q does not say %q", c.args, &problems, want)
			}
		}
	}
}

// A cluster of the program's own comes up, goes away like a machine that fails, comes back, and leaves nothing behind.
func TestPostgres(t *testing.T) {
	t.Parallel()
	if _, err := pgbin.Folder(); err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	db, err := startPostgres(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(errors.Join(err, db.close()))
	}
	db.kill()
	if err := db.start(t.Context()); err != nil {
		t.Error(err)
	}
	if err := db.close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(db.folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there", db.folder)
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	var out, problems bytes.Buffer
	if code := run([]string{"--help"}, &out, &problems); code != exitFine || !strings.Contains(out.String(), "--kill-every") {
		t.Errorf("exit code %d: %s%s", code, &out, &problems)
	}
}

// The bare handler has to do what it is compared for: read the form and redirect.
func TestBare(t *testing.T) {
	t.Parallel()
	request := httptestRequest(t, "name=a&phone=b")
	answer := recorded(bare, request)
	if answer.StatusCode != http.StatusSeeOther || request.PostForm.Get("phone") != "b" {
		t.Errorf("%s, read %v", answer.Status, request.PostForm)
	}
}
