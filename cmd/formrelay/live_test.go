package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"formrelay/internal/keycrm/sandbox"
	"formrelay/internal/store/pgtest"
)

// versioned is a profile whose every value says which version it is.
func versioned(version int) string {
	return fmt.Sprintf("creates: order\nsource_id: 7\nmap:\n  buyer: {full_name: \"%d ${name}\"}\n  manager_comment: version %d\n", version, version)
}

// changed is the site's own profile in the folder, written as an editor does that moves a new file over the old one.
func (s *site) changed(name, text string) {
	s.t.Helper()
	file := filepath.Join(s.args[1], name+".yaml")
	if err := os.WriteFile(file+".tmp", []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(file+".tmp", file); err != nil {
		s.t.Fatal(err)
	}
}

// status is the answer to a post of a name.
func (s *site) status(profile string) int {
	s.t.Helper()
	response, _ := post(s.t, s.address+"/forms/"+profile, "name=Olena", "Accept", "application/json")
	return response.StatusCode
}

// Posts that are under way while a profile changes are mapped wholly by one revision, and none is refused. Scaled down from 10,000 posts
// during 100 changes, which the same test runs when FORMRELAY_LONG is set.
func TestChangesUnderLoad(t *testing.T) {
	t.Parallel()
	posts, changes := 400, 4
	if os.Getenv("FORMRELAY_LONG") != "" {
		posts, changes = 10_000, 100
	}
	s := newSite(t, sandbox.Options{Limit: 100_000, Window: time.Second}, map[string]string{"shop": versioned(1)}, "--keycrm-pace", "10000/1s")
	work, done := make(chan int), make(chan struct{})
	var visitors sync.WaitGroup
	for range 8 {
		visitors.Go(func() {
			for number := range work { // each is another's, or it would be a repeat
				response, _ := post(t, s.address+"/forms/shop", fmt.Sprintf("name=Olena+%d", number), "Accept", "application/json")
				if response.StatusCode != http.StatusAccepted {
					t.Errorf("a post during a change was answered %d", response.StatusCode)
				}
			}
		})
	}
	go func() { // the posts are spread over the changes
		defer close(done)
		for version := 2; version <= changes+1; version++ {
			before := strings.Count(s.log.String(), "this revision serves")
			s.changed("shop", versioned(version))
			for i := range posts / changes {
				work <- version*posts + i
			}
			eventually(t, "the change is taken up", func() bool { return strings.Count(s.log.String(), "this revision serves") > before })
		}
		close(work)
	}()
	<-done
	visitors.Wait()
	eventually(t, "all have arrived", func() bool { return len(s.crm.Orders()) == posts/changes*changes })
	versions := map[string]int{}
	for _, order := range s.crm.Orders() {
		var body struct {
			Comment string `json:"manager_comment"`
			Buyer   struct {
				FullName string `json:"full_name"`
			} `json:"buyer"`
		}
		if err := json.Unmarshal(order.Body, &body); err != nil {
			t.Fatal(err)
		}
		version, _, _ := strings.Cut(body.Buyer.FullName, " ")
		if body.Comment != "version "+version {
			t.Fatalf("mapped by two revisions: %s", order.Body)
		}
		versions[version]++
	}
	t.Logf("%d posts during %d changes, by version: %v", posts, changes, versions)
}

// A profile is added, broken, mended and taken away while the server runs; a start after that has the last good revision, although it
// never took a submission.
func TestProfilesChangeLive(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{}, nil)
	if got := s.status("shop"); got != http.StatusNotFound {
		t.Fatalf("a profile that is not there answers %d", got)
	}
	s.changed("shop", versioned(1))
	eventually(t, "the new profile serves", func() bool { return s.status("shop") == http.StatusAccepted })
	s.changed("shop", versioned(2))
	eventually(t, "the change is taken up", func() bool { return strings.Count(s.log.String(), "this revision serves") == 2 })
	s.changed("shop", "creates: order\n")
	eventually(t, "the fault is said", func() bool { return strings.Contains(s.log.String(), "the revision before serves on") })
	if got := s.status("shop"); got != http.StatusAccepted {
		t.Errorf("broken, it answers %d", got)
	}
	if text := get(t, s.ops+"/readyz"); !strings.Contains(text, "broken profiles: shop: an earlier revision serves on ") {
		t.Errorf("readyz says %s", text)
	}
	where := []string{"--profiles", s.args[1], "--database", s.database}
	var last struct {
		ReceivedAt time.Time `json:"received_at"`
	}
	if err := json.Unmarshal([]byte(said(t, 0, s.submit("shop", visitor("Taras")), "submissions", "list", "--limit", "1", "--json", "--database", s.database)), &last); err != nil {
		t.Fatal(err)
	}
	said(t, 0, `"used":"`+last.ReceivedAt.Format(time.RFC3339Nano)+`"`, append([]string{"profiles", "history", "shop", "--json"}, where...)...)
	said(t, 0, "broken, 2 serves on", append([]string{"profiles", "list"}, where...)...)
	said(t, 0, `"serves_on":2`, append([]string{"profiles", "list", "--json"}, where...)...)
	if out := said(t, 0, "-  manager_comment: version 2", append([]string{"profiles", "diff", "shop"}, where...)...); !strings.HasPrefix(out, "--- shop revision 2\n+++ ") {
		t.Errorf("the difference begins otherwise:\n%s", out)
	}
	if code := s.stop(); code != 0 {
		t.Fatalf("exit %d", code)
	}
	s.restart()
	s.settled(s.submit("shop", visitor("Olena")), "delivered")
	orders := s.crm.Orders()
	if body := string(orders[len(orders)-1].Body); !strings.Contains(body, "version 2") {
		t.Errorf("after the restart it is not version 2 that serves: %s", body)
	}
}

// Profiles of the database are put, closed, rolled back and removed by the command line, and every replica has them within a second.
func TestProfilesOfTheDatabase(t *testing.T) {
	t.Parallel()
	server := pgtest.New()
	t.Cleanup(server.Close)
	database := server.Database(t)
	folder := t.TempDir()
	file := filepath.Join(folder, "shop.yaml")
	write := func(version int) {
		t.Helper()
		if err := os.WriteFile(file, []byte(versioned(version)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	inFolder := filepath.Join(folder, "profiles")
	if err := writeProfiles(inFolder); err != nil {
		t.Fatal(err)
	}
	var replicas []*site
	for range 2 {
		replicas = append(replicas, &site{process: serve(t, nil, "--database", database, "--profiles", inFolder), database: database})
	}
	everywhere := func(status int) {
		t.Helper()
		for _, r := range replicas {
			eventually(t, fmt.Sprintf("every replica answers %d", status), func() bool { return r.status("shop") == status })
		}
	}
	run := func(code int, want string, args ...string) {
		t.Helper()
		said(t, code, want, append(append([]string{"profiles"}, args...), "--database", database, "--profiles", inFolder)...)
	}
	everywhere(http.StatusNotFound)
	write(1)
	run(0, "as revision 1", "put", file, "--author", "Olena")
	everywhere(http.StatusAccepted)
	write(2)
	run(0, "as revision 2", "put", file)
	run(0, "+  manager_comment: version 2", "diff", "shop", "1", "2")
	run(0, "is closed", "disable", "shop")
	everywhere(http.StatusGone)
	run(0, "disabled", "list")
	run(0, "takes forms again", "enable", "shop")
	everywhere(http.StatusAccepted)
	run(0, "as revision 1", "rollback", "shop", "1")
	run(0, "version 1", "show", "shop")
	run(0, "Olena", "history", "shop")
	run(1, "there is no profile none in the database", "remove", "none")
	run(1, "change it there, a running server takes the change up within a second", "disable", "lead")
	run(1, "put the earlier text there", "rollback", "lead", "1")
	run(0, "is gone", "remove", "shop")
	everywhere(http.StatusNotFound)
}

// A change is tried on the submissions that the profile took, and what comes out otherwise is shown.
func TestPreviewDiff(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{}, map[string]string{"shop": versioned(1)})
	id := s.submit("shop", visitor("Olena"))
	s.changed("shop", strings.Replace(versioned(1), "version 1", "version 2", 1))
	diff := []string{"preview", "shop", "--diff", "1", "--profiles", s.args[1], "--database", s.database}
	out := said(t, 0, "1 of 1 submission comes out differently", diff...)
	for _, want := range []string{"submission " + id, "-  \"manager_comment\": \"version 1\"", "+  \"manager_comment\": \"version 2\""} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	s.changed("shop", versioned(1))
	said(t, 0, "0 of 1 submission come out differently", diff...)
	diff[3] = "9"
	said(t, 1, "has no revision 9: `formrelay profiles history shop`", diff...)
	said(t, 2, "--last: write a number from 1 to 1000", append(diff, "--last", "1001")...)
	said(t, 2, "leave the other flags out", append(diff, "-F", "name=Olena")...)
}
