package metrics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"formrelay/internal/keycrm"
	"formrelay/internal/pace"
	"formrelay/internal/submission"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a store whose answers a test sets.
type memory struct {
	figures submission.Figures
	health  map[string]pace.Account
	used    int
	err     error
	took    time.Duration // how long a count takes
	counts  atomic.Int64
}

func (m *memory) Figures(ctx context.Context) (submission.Figures, error) {
	m.counts.Add(1)
	if m.took > 0 {
		select {
		case <-time.After(m.took):
		case <-ctx.Done():
			return submission.Figures{}, ctx.Err()
		}
	}
	return m.figures, m.err
}

func (m *memory) Account(_ context.Context, name string) (pace.Account, error) {
	return m.health[name], m.err
}

func (m *memory) PaceUsed(context.Context, string, pace.Limit) (int, error) { return m.used, m.err }

// watched makes the figures of a relay with the accounts main and sisal, counting until the test ends.
func watched(t *testing.T, s *memory) *Metrics {
	t.Helper()
	m := New("v1")
	limit := pace.Limit{Calls: 60, Window: time.Minute, Timeout: 15 * time.Second}
	run := m.Watch(Source{
		Store: s, Accounts: map[string]pace.Limit{"main": limit, "sisal": limit}, Broken: func() []string { return []string{"bad"} },
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return m
}

// scrape is the relay's own lines of one scrape, without help and types.
func scrape(t *testing.T, m *Metrics) []string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	body, err := io.ReadAll(w.Result().Body)
	if err != nil || w.Code != 200 {
		t.Fatalf("%d %v", w.Code, err)
	}
	var lines []string
	for line := range strings.Lines(string(body)) {
		if strings.HasPrefix(line, "formrelay_") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

func TestScrape(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		m := watched(t, &memory{
			used: 30,
			figures: submission.Figures{
				Counts: []submission.Count{
					{State: submission.Queued, Account: "main", Profile: "order", N: 2},
					{State: submission.Queued, Account: "sisal", Profile: "order", N: 3},
					{State: submission.Delivered, Account: "main", Profile: "order", N: 1_000_000},
				},
				Files:  []submission.FileCount{{State: submission.FileRefused, Profile: "order", N: 4}},
				Oldest: map[string]time.Time{"main": now.Add(-90 * time.Second)},
			},
			health: map[string]pace.Account{
				"main":  {Paused: "KeyCRM refused the token"},
				"sisal": {Broken: pace.OutageAfter, LimitedUntil: now.Add(time.Minute)},
			},
		})
		m.Answered("order", 303)
		m.Answered("order", 303)
		m.Answered("(no such profile)", 404)
		m.Called("main")(submission.Create, keycrm.Answer{Outcome: keycrm.Done, Started: now, Ended: now.Add(300 * time.Millisecond)})
		m.Committed(3)
		synctest.Wait()
		got := slices.DeleteFunc(scrape(t, m), func(line string) bool {
			return strings.Contains(line, "_bucket") || strings.Contains(line, "build_info")
		})
		want := []string{
			`formrelay_account_limited{account="main"} 0`,
			`formrelay_account_limited{account="sisal"} 1`,
			`formrelay_account_paused{account="main"} 1`,
			`formrelay_account_paused{account="sisal"} 0`,
			`formrelay_account_probing{account="main"} 0`,
			`formrelay_account_probing{account="sisal"} 1`,
			`formrelay_files{profile="order",state="refused"} 4`,
			`formrelay_keycrm_call_seconds_sum{account="main"} 0.3`,
			`formrelay_keycrm_call_seconds_count{account="main"} 1`,
			`formrelay_keycrm_calls_total{account="main",kind="create",outcome="done"} 1`,
			`formrelay_oldest_queued_seconds{account="main"} 90`,
			`formrelay_oldest_queued_seconds{account="sisal"} 0`,
			`formrelay_pace_used_ratio{account="main"} 0.5`,
			`formrelay_pace_used_ratio{account="sisal"} 0.5`,
			`formrelay_posts_total{code="303",profile="order"} 2`,
			`formrelay_posts_total{code="404",profile="(no such profile)"} 1`,
			`formrelay_profiles_broken 1`,
			`formrelay_store_batch_submissions_sum 3`,
			`formrelay_store_batch_submissions_count 1`,
			`formrelay_store_up 1`,
			`formrelay_submissions{profile="order",state="delivered"} 1e+06`,
			`formrelay_submissions{profile="order",state="queued"} 5`,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// What cannot be read is left out: a zero would say that all is well.
func TestStoreThatFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := watched(t, &memory{err: errors.New("the disk is gone")})
		m.Answered("order", 503)
		synctest.Wait()
		text := strings.Join(scrape(t, m), "\n")
		for _, want := range []string{"formrelay_store_up 0", `formrelay_posts_total{code="503",profile="order"} 1`, "formrelay_profiles_broken 1"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s is missing in:\n%s", want, text)
			}
		}
		for _, lie := range []string{"formrelay_submissions", "formrelay_oldest", "formrelay_account", "formrelay_pace"} {
			if strings.Contains(text, lie) {
				t.Errorf("%s is told although it could not be read:\n%s", lie, text)
			}
		}
	})
}

// However often it is scraped, a hundredth of the time is spent counting, and no scrape waits long for a count.
func TestCountsAreKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &memory{took: 2 * time.Second}
		m := watched(t, s)
		time.Sleep(3 * time.Second) // the bubble's clock: the first count is there
		for range 200 {
			began := time.Now()
			scrape(t, m)
			if took := time.Since(began); took > patience {
				t.Fatalf("a scrape took %s", took)
			}
			time.Sleep(10 * time.Second)
		}
		if n := s.counts.Load(); n < 8 || n > 11 {
			t.Errorf("%d counts of 2 s in 2000 s, want about 10", n)
		}
	})
}

// A small database is counted anew for each scrape that is not at the heels of another.
func TestCountsAreFresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &memory{}
		m := watched(t, s)
		synctest.Wait()
		for range 3 {
			time.Sleep(leastKeep)
			scrape(t, m)
			scrape(t, m)
		}
		if n := s.counts.Load(); n != 4 {
			t.Errorf("%d counts, want the first and one for each second", n)
		}
	})
}

// TestEveryMetricIsDescribed holds deploy/README.md to what there is: no figure without a line in its table, no line without a figure.
func TestEveryMetricIsDescribed(t *testing.T) {
	t.Parallel()
	m := watched(t, &memory{})
	descriptions := make(chan *prometheus.Desc)
	go func() { m.registry.Describe(descriptions); close(descriptions) }()
	name := regexp.MustCompile(`fqName: "(formrelay_[a-z_]+)"`)
	var has []string
	for d := range descriptions {
		if found := name.FindStringSubmatch(fmt.Sprint(d)); found != nil {
			has = append(has, found[1])
		}
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var described []string
	for _, found := range regexp.MustCompile("(?m)^\\| `(formrelay_[a-z_]+)").FindAllStringSubmatch(string(text), -1) {
		described = append(described, found[1])
	}
	slices.Sort(has)
	slices.Sort(described)
	if diff := cmp.Diff(has, described); diff != "" {
		t.Errorf("deploy/README.md (-there is +described):\n%s", diff)
	}
}
