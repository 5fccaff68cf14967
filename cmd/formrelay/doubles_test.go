package main

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"formrelay/internal/keycrm/sandbox"
	"formrelay/internal/store/pgtest"
)

// Ten posts at once with one key, from ten connections, are one submission with ten equal answers and one order in KeyCRM.
func TestTenPostsAtOnceMakeOne(t *testing.T) {
	t.Parallel()
	for name, arguments := range map[string]func(*testing.T) []string{
		"SQLite": func(*testing.T) []string { return nil },
		"PostgreSQL": func(t *testing.T) []string {
			server := pgtest.New()
			t.Cleanup(server.Close)
			return []string{"--database", server.Database(t)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, sandbox.Options{}, nil, arguments(t)...)
			if n := len(s.args); s.args[n-2] == "--database" {
				s.database = s.args[n-1]
			}
			const each = 10
			var answers [each]string
			var all sync.WaitGroup
			for i := range each {
				all.Go(func() {
					response, text := post(t, s.address+"/forms/order", orderBody().Encode(), "Accept", "application/json", "Idempotency-Key", "one-fill")
					answers[i] = text
					if response.StatusCode != http.StatusAccepted {
						t.Error(response.Status)
					}
				})
			}
			all.Wait()
			for _, a := range answers {
				if a != answers[0] {
					t.Errorf("%s\nand %s", answers[0], a)
				}
			}
			if rows := s.must("submissions", "list", "--json"); strings.Count(rows, "\n") != 1 {
				t.Errorf("there are more than one:\n%s", rows)
			}
			_, id, _ := strings.Cut(answers[0], `"id":"`)
			id, _, _ = strings.Cut(id, `"`)
			s.settled(id, "delivered")
			if n := len(s.crm.Orders()); n != 1 {
				t.Errorf("KeyCRM has %d orders", n)
			}
			if page := s.must("submissions", "show", id); !strings.Contains(page, "posted again  9 times, last ") {
				t.Error(page)
			}
		})
	}
}
