package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"formrelay/internal/keycrm/sandbox"
)

// bulkSite is a relay whose account sends backlogs by batches, with a backlog of orders that waits for `account resume`.
func bulkSite(t *testing.T, box *sandbox.Sandbox, address string, orders int) (*site, []string) {
	t.Helper()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(sandboxToken), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newSiteWith(t, fmt.Sprintf("accounts:\n  shop: {token_file: %s, url: %s, pace: 200/1s, timeout: 15s, bulk: {over: 10}}\n", token, address), "shop")
	s.crm = box
	s.account("pause", "shop", "--reason", "a backlog")
	ids := make([]string, orders)
	for i := range ids {
		ids[i] = s.submit("shop", visitor("Olena"))
	}
	return s, ids
}

// account runs `formrelay account …`.
func (s *site) account(args ...string) {
	s.t.Helper()
	if _, problems, code := formrelay(s.t, append(append([]string{"account"}, args...), append([]string{"--database", s.database}, s.args[len(s.args)-2:]...)...)...); code != 0 {
		s.t.Fatalf("account %v: exit %d %s", args, code, problems)
	}
}

// once makes sure that each of the orders is in KeyCRM exactly once.
func (s *site) once(ids []string) {
	s.t.Helper()
	arrived := map[string]int{}
	for _, order := range s.crm.Orders() {
		var body struct {
			SourceUUID string `json:"source_uuid"`
		}
		if err := json.Unmarshal(order.Body, &body); err != nil {
			s.t.Fatal(err)
		}
		arrived[body.SourceUUID]++
	}
	for _, id := range ids {
		if arrived[id] != 1 {
			s.t.Errorf("%s arrived %d times", id, arrived[id])
		}
	}
}

// imported counts the imports that reached KeyCRM.
func (s *site) imported() (n int) {
	for _, c := range s.crm.Calls() {
		if c.Method == http.MethodPost && c.Path == "/order/import" {
			n++
		}
	}
	return n
}

// A backlog goes by batches, and ops can see that it did.
func TestBulk(t *testing.T) {
	t.Parallel()
	box, address := crm(t, sandbox.Options{Limit: -1})
	s, ids := bulkSite(t, box, address, 70)
	s.account("resume", "shop")
	eventually(t, "all are delivered", func() bool { return s.delivered(ids) })
	s.once(ids)
	imports := s.imported()
	if imports == 0 {
		t.Fatal("there was no import")
	}
	last := ids[len(ids)/2]
	out, problems, code := formrelay(t, "submissions", "show", last, "--database", s.database)
	if code != 0 || !strings.Contains(out, "create (a batch of ") || !strings.Contains(out, "lookup (a batch of ") {
		t.Errorf("exit %d %s\n%s", code, problems, out)
	}
	out, _, _ = formrelay(t, "submissions", "show", last, "--json", "--database", s.database)
	if !strings.Contains(out, `"batch": `) {
		t.Errorf("the JSON does not tell that it was in a batch:\n%s", out)
	}
	want := fmt.Sprintf(`formrelay_keycrm_calls_total{account="shop",kind="import",outcome="done"} %d`, imports)
	if text := get(t, s.ops+"/metrics"); !strings.Contains(text, want) {
		t.Error("the figures do not count the imports: ", want)
	}
}

// A power cut between any two steps of a batch loses and doubles nothing.
func TestBulkKilled(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]sandbox.Fault{
		"BeforeStoring": {Kind: sandbox.Hang, Method: http.MethodPost, Path: "/order/import"},
		"Halfway":       {Kind: sandbox.Hang, Method: http.MethodPost, Path: "/order/import", Stored: true, Part: 9},
		"AfterStoring":  {Kind: sandbox.Hang, Method: http.MethodPost, Path: "/order/import", Stored: true},
		"WhileLooking":  {Kind: sandbox.Hang, Method: http.MethodGet, Path: "/order"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			box, address := crm(t, sandbox.Options{Limit: -1})
			s, ids := bulkSite(t, box, address, 40)
			if err := box.Inject(fault); err != nil {
				t.Fatal(err)
			}
			s.account("resume", "shop")
			eventually(t, "the call hangs", func() bool {
				for _, c := range box.Calls() {
					if c.Method == fault.Method && c.Path == fault.Path && c.Status == 0 {
						return true
					}
				}
				return false
			})
			s.kill()
			s.restart()
			eventually(t, "all are delivered", func() bool { return s.delivered(ids) })
			s.once(ids)
		})
	}
}
