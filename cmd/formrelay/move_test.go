package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"formrelay/internal/store"
	"formrelay/internal/store/pgtest"
)

// A backup of a running server's database, a move of it into PostgreSQL, and a server on that: by the command line alone.
func TestBackupAndMove(t *testing.T) {
	t.Parallel()
	server := pgtest.New()
	t.Cleanup(server.Close)
	postgres := server.Database(t)
	dir := t.TempDir()
	profiles := filepath.Join(dir, "profiles")
	if err := os.Mkdir(profiles, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(profiles, "lead.yaml"), []byte("creates: card\nmap: {contact: {full_name: \"${name}\"}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	database := "sqlite:" + filepath.Join(dir, "relay.db")
	relay := serve(t, nil, "--database", database, "--profiles", profiles)
	postName(t, relay, "Olena")

	copied := "sqlite:" + filepath.Join(dir, "copy.db")
	said(t, 0, "serve from it only when the original is lost", "backup", "--database", database, strings.TrimPrefix(copied, "sqlite:"))
	said(t, 1, "exists already", "backup", "--database", database, strings.TrimPrefix(copied, "sqlite:"))
	said(t, 0, "lead", "submissions", "list", "--database", copied)
	said(t, 1, "in use by another formrelay", "migrate", "--from", database, "--to", postgres)
	relay.kill()
	said(t, 0, "both databases have as many", "migrate", "--from", database, "--to", postgres)
	said(t, 0, "moved already", "migrate", "--from", database, "--to", postgres)
	said(t, 1, "it was moved to", "serve", "--database", database, "--profiles", profiles, "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0")

	for _, name := range []string{"Taras", "Petro"} { // each at a replica of its own
		postName(t, serve(t, nil, "--database", postgres, "--profiles", profiles), name)
	}
	if out := said(t, 0, "lead", "submissions", "list", "--json", "--database", postgres); strings.Count(out, "\n") != 3 {
		t.Errorf("listed:\n%s", out)
	}
}

func postName(t *testing.T, p *process, name string) {
	t.Helper()
	if response, text := post(t, p.address+"/forms/lead", "name="+name); response.StatusCode >= 400 {
		t.Fatalf("posted: %s\n%s", response.Status, text)
	}
}

// said runs a command to its end and expects its exit code and something that it says.
func said(t *testing.T, code int, want string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "formrelay", args...).CombinedOutput()
	got := 0
	if exit, failed := errors.AsType[*exec.ExitError](err); failed {
		got = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	if got != code || !strings.Contains(string(out), want) {
		t.Fatalf("formrelay %s: exit %d, want %d and %q:\n%s", strings.Join(args, " "), got, code, want, out)
	}
	return string(out)
}

// A move is shown as a bar to a person and as lines to a log.
func TestMoveIsShown(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	news := []store.Move{{Table: "a", Total: 4}, {Table: "a", Done: 1, Total: 4}, {Table: "b", Done: 2, Total: 4}, {Done: 4, Total: 4}}
	for bar, want := range map[bool]string{false: "a: 0 of 4 rows\nb: 2 of 4 rows\n", true: "50 %  2 of 4 rows  b\n"} {
		var out strings.Builder
		p := &movePrinter{out: &out, bar: bar, now: func() time.Time { return now }}
		for _, m := range news {
			p.show(m)
		}
		p.end()
		if !strings.HasSuffix(out.String(), want) {
			t.Errorf("bar %t: %q", bar, out.String())
		}
	}
}
