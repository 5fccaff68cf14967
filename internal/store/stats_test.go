package store

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"formrelay/internal/keycrm"
	"formrelay/internal/submission"
)

// fillFinished writes n delivered submissions with entities of 400 bytes, in the database itself: going through Accept would take as
// long as the work that it stands for.
func (f *fixture) fillFinished(n int) {
	_, err := f.write.ExecContext(f.t.Context(), fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		INSERT INTO submissions (id, profile, account, revision, received_at, pairs, charset, visitor, kind, entity, source_id, source_uuid,
			mark, mark_field, state, reason, error, faults, due_at, settled_at, attempt, sent_at, first_sent, crm_id)
		SELECT printf('%%026d', i), 'form' || (i %% 10), 'main', 'r', i, '[["name","Olena"],["phone","0501112233"]]', 'utf-8', '{}', 'order',
			zeroblob(400), 22, printf('%%026d', i), '', '', CASE WHEN i %% 50 = 0 THEN 'rejected' ELSE 'delivered' END, '', '', '', i, i, 1, i, i, i FROM n`, n))
	f.ok(err)
}

// BenchmarkFinished is what a million submissions that are done cost: a start on them, and the figures for a scrape.
func BenchmarkFinished(b *testing.B) {
	const rows = 1_000_000
	f := newFixture(b)
	f.fillFinished(rows)
	b.Run("Open", func(b *testing.B) {
		for range b.N {
			f.ok(f.Close())
			f.open()
		}
	})
	b.Run("Figures", func(b *testing.B) {
		for range b.N {
			if figures, err := f.Figures(b.Context()); err != nil || len(figures.Counts) == 0 {
				b.Fatal(err)
			}
		}
	})
	b.Run("LastTaken", func(b *testing.B) {
		for range b.N {
			if taken, err := f.LastTaken(b.Context(), "form1"); err != nil || len(taken.At) != 1 || taken.Since.IsZero() {
				b.Fatal(taken, err)
			}
		}
	})
	b.Run("Waiting", func(b *testing.B) {
		for range b.N {
			if _, err := f.Waiting(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func testFigures(t *testing.T, f *fixture) {
	figures, err := f.Figures(t.Context())
	f.ok(err)
	f.same(submission.Figures{Oldest: map[string]time.Time{}}, figures)

	f.queue("a", "b", "c")
	other := f.order("d")
	other.Account, other.Profile, other.ReceivedAt = "sisal", "lead", f.clock.Now().Add(-time.Hour)
	f.ok(f.Accept(t.Context(), other, revision()))
	answered := func(account string, want bool) {
		t.Helper()
		yes, err := f.Answered(t.Context(), account)
		f.ok(err)
		f.same(want, yes)
	}
	answered("main", false)
	c, call := f.create("me")
	f.settle(c, call, keycrm.Answer{Outcome: keycrm.Done, ID: 7})
	answered("main", true)
	answered("sisal", false)

	figures, err = f.Figures(t.Context())
	f.ok(err)
	queued, profile := f.get("b"), f.get("a").Profile
	f.same(submission.Figures{
		Counts: []submission.Count{
			{State: submission.Delivered, Account: "main", Profile: profile, N: 1},
			{State: submission.Queued, Account: "main", Profile: profile, N: 2},
			{State: submission.Queued, Account: "sisal", Profile: "lead", N: 1},
		},
		Oldest: map[string]time.Time{"main": queued.ReceivedAt, "sisal": other.ReceivedAt},
	}, figures)

	waiting, err := f.Waiting(t.Context())
	f.ok(err)
	f.same(map[string]int64{"main": 2, "sisal": 1}, waiting)
}

func testPaceUsed(t *testing.T, f *fixture) {
	used := func(account string) int {
		t.Helper()
		n, err := f.PaceUsed(t.Context(), account, minute)
		f.ok(err)
		return n
	}
	f.queue("a")
	f.same(0, used("main"))
	c, call := f.create("me")
	f.same(1, used("main"))
	f.same(0, used("sisal"))
	f.settle(c, call, keycrm.Answer{Outcome: keycrm.Done, ID: 7})
	f.clock.advance(minute.Window - time.Microsecond)
	f.same(1, used("main"))
	f.clock.advance(time.Microsecond)
	f.same(0, used("main"))
}

// A database is told of each commit how many it held.
func TestOnCommit(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var sizes []int
	f.onCommit = func(rows int) { sizes = append(sizes, rows) }
	f.fill(3)
	f.queue("alone")
	f.ok(f.Close()) // the committer has ended
	f.same([]int{3, 1}, sizes)
}

// TestFiguresReadAnIndexOnly asks SQLite how it would count: never by reading the rows themselves.
func TestFiguresReadAnIndexOnly(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for query, index := range map[string]string{
		countDue:     "USING COVERING INDEX submissions_due",
		countOthers:  "USING COVERING INDEX submissions_figures",
		countClaimed: "USING INDEX submissions_leased", // it looks at the few rows that couriers have
		countWaiting: "USING COVERING INDEX submissions_due",
		anyAnswered:  "SEARCH s EXISTS USING COVERING INDEX submissions_figures (profile=? AND account=? AND state=?)",
	} {
		plan, err := list(t.Context(), f.read, `EXPLAIN QUERY PLAN `+query, []any{"x", "x"}[:strings.Count(query, "?")], func(r row) (step string, err error) {
			var ignored int
			return step, r.Scan(&ignored, &ignored, &ignored, &step)
		})
		f.ok(err)
		if text := strings.Join(plan, "; "); !strings.Contains(text, index) || strings.Contains(text, "TEMP B-TREE") && query != countDue {
			t.Errorf("%s\n\t%s", query, text)
		}
	}
}

// TestStoringBuildsNoTable asks SQLite for the programs that store rows: none may make a table for itself, as the condition of an index
// that says IN with more than two words would have it do for every row.
func TestStoringBuildsNoTable(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, way := range f.d.inserts {
		steps, err := list(t.Context(), f.write, `EXPLAIN `+way.statement(), make([]any, way.most*insertColumns),
			func(r row) (step string, err error) {
				var ignored any
				return step, r.Scan(&ignored, &step, &ignored, &ignored, &ignored, &ignored, &ignored, &ignored)
			})
		f.ok(err)
		if text := strings.Join(steps, " "); !strings.Contains(text, "IdxInsert") || strings.Contains(text, "OpenEphemeral") {
			t.Errorf("%d rows: %s", way.most, text)
		}
	}
}
