package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"formrelay/internal/keycrm"
	"formrelay/internal/keycrm/sandbox"
	"formrelay/internal/pace"
)

// A check beside a relay that works off a backlog keeps the account's limit together with it: KeyCRM never has to refuse a call.
func TestCheckOnlineBesideServe(t *testing.T) {
	t.Parallel()
	box, address := crm(t, sandbox.Options{Limit: -1})
	folder := t.TempDir()
	text := "creates: order\nsource_id: 22\nmap:\n  buyer: {full_name: \"${name}\", phone: \"${phone}\"}\n  manager_id: 1\n"
	if err := os.WriteFile(filepath.Join(folder, "shop.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	const window = 2 * time.Second
	common := []string{
		"--profiles", folder, "--database", "sqlite:" + filepath.Join(folder, "formrelay.db"), "--keycrm-url", address, "--keycrm-pace", "6/2s",
	}
	env := []string{"KEYCRM_TOKEN=" + sandboxToken}
	relay := serve(t, env, common...)
	const orders = 18
	for i := range orders {
		post(t, relay.address+"/forms/shop", "name=N"+strings.Repeat("i", i)+"&phone=0501112233")
	}
	var told bytes.Buffer
	check := exec.CommandContext(t.Context(), "formrelay", append([]string{"check", "--online"}, common...)...)
	check.Env, check.Stdout, check.Stderr = append(os.Environ(), env...), &told, &told
	if err := check.Run(); err != nil || !strings.Contains(told.String(), "account main: 3 calls, 2 values looked up") {
		t.Errorf("%v\n%s", err, &told)
	}
	eventually(t, "everything is delivered", func() bool { return len(box.Orders()) == orders })
	if busiest := box.Busiest(window); busiest > 6 {
		t.Errorf("%d calls within %s, where 6 is the limit", busiest, window)
	}
	if !slices.ContainsFunc(box.Calls(), func(c sandbox.Call) bool { return c.Path == "/users" }) {
		t.Error("the check asked nothing")
	}
}

// While ops have an account paused nothing is called for it, and the check says so at once.
func TestCheckOnlineOfAPausedAccount(t *testing.T) {
	t.Parallel()
	box, address := crm(t, sandbox.Options{})
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "shop.yaml"), []byte("creates: order\nsource_id: 22\nmap: {buyer: {phone: \"${phone}\"}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	token := filepath.Join(folder, "token")
	if err := os.WriteFile(token, []byte(sandboxToken), 0o600); err != nil {
		t.Fatal(err)
	}
	database := "sqlite:" + filepath.Join(folder, "formrelay.db")
	common := []string{"--profiles", folder, "--database", database, "--keycrm-url", address, "--keycrm-token-file", token}
	serve(t, nil, common...).stop()
	if _, stderr, code := formrelay(t, "account", "pause", "main", "--database", database, "--reason", "stocktaking"); code != exitFine {
		t.Fatal(stderr)
	}
	before := len(box.Calls())
	_, stderr, code := formrelay(t, append([]string{"check", "--online"}, common...)...)
	if code != exitProblem || !strings.Contains(stderr, "stocktaking: nothing is called before `formrelay account resume main`; check without --online") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if calls := len(box.Calls()) - before; calls != 0 {
		t.Errorf("%d calls", calls)
	}
}

// Without a database the process keeps the pace by itself, and KeyCRM's own wish to be left alone.
func TestOwnSlots(t *testing.T) {
	t.Parallel()
	ctx, limit := t.Context(), pace.Limit{Calls: 2, Window: time.Hour, Timeout: time.Second}
	own := ownSlots{}
	waits := func(account, why string) *pace.Wait {
		t.Helper()
		_, err := own.BeginList(ctx, account, limit)
		wait, ok := errors.AsType[*pace.Wait](err)
		if !ok || wait.Why != why {
			t.Fatalf("error %v, want a wait for %s", err, why)
		}
		return wait
	}
	for range 2 {
		call, err := own.BeginList(ctx, "main", limit)
		if err != nil || time.Until(call.NotAfter) > limit.Timeout {
			t.Fatal(call, err)
		}
		if err := own.EndList(ctx, call, keycrm.Answer{Outcome: keycrm.Done}); err != nil {
			t.Fatal(err)
		}
	}
	if wait := waits("main", "pace"); time.Until(wait.Until) < limit.Window-time.Minute {
		t.Errorf("until %s", wait.Until)
	}
	call, err := own.BeginList(ctx, "other", limit)
	if err != nil {
		t.Fatal(err)
	}
	if err := own.EndList(ctx, call, keycrm.Answer{Outcome: keycrm.Limited}); err != nil {
		t.Fatal(err)
	}
	if wait := waits("other", "limited"); time.Until(wait.Until) < limit.Window-time.Minute {
		t.Errorf("until %s", wait.Until)
	}
	// Longer than anybody waits for: said, and not waited for.
	turns := &turns{from: own, account: "other", limit: limit, stderr: io.Discard}
	if _, _, err := turns.take(ctx); err == nil || !strings.Contains(err.Error(), "left alone for 1h0m0s (429)") {
		t.Errorf("error %v", err)
	}
}
