package store

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"formrelay/internal/form"
	"formrelay/internal/keycrm"
	"formrelay/internal/store/pgtest"
	"formrelay/internal/submission"
)

// callBack is what a call-back form of five fields posts.
func callBack() []form.Pair {
	return []form.Pair{
		{Name: "name", Value: "Тарас Шевченко"},
		{Name: "phone", Value: "050 123 45 67"},
		{Name: "email", Value: "taras@example.com"},
		{Name: "comment", Value: "Please call after six, thank you."},
		{Name: "utm_source", Value: "newsletter"},
	}
}

// cpuTime is what this process has used, on every core and in the kernel.
func cpuTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// benchOrder is an order as the call-back form makes it, with an entity of about 400 bytes.
func (f *fixture) benchOrder() *submission.Submission {
	sub := f.order(submission.NewID())
	sub.Pairs = callBack()
	sub.Visitor = submission.Visitor{IP: "203.0.113.9", UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"}
	sub.Entity = []byte(`{"source_id":22,"source_uuid":"` + sub.ID + `","manager_comment":"` + strings.Repeat("x", 320) + `"}`)
	data := sha256.Sum256([]byte(sub.ID))
	sub.Signs = submission.Signs{Data: data[:], Sender: int64(binary.BigEndian.Uint64(data[:]) | 1), Window: time.Minute}
	return sub
}

// BenchmarkAccept stores with the disk's own fsync: one poster at a time, and 64 together. cpu-µs/row counts this whole process, which
// PostgreSQL's server is not part of.
func BenchmarkAccept(b *testing.B) {
	server := pgtest.New("fsync=on", "full_page_writes=on", "autovacuum=on")
	b.Cleanup(server.Close)
	for name, database := range map[string]func(testing.TB) string{"sqlite": sqliteDatabase, "postgres": server.Database} {
		for _, posters := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/posters=%d", name, posters), func(b *testing.B) { benchAccept(b, database(b), posters) })
		}
	}
}

func benchAccept(b *testing.B, database string, posters int) {
	s, err := Open(b.Context(), Options{URL: database}) // by the database's own clock
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	f := &fixture{t: b, Store: s, clock: newClock()}
	b.SetParallelism(max(posters/2, 1)) // times GOMAXPROCS
	before := cpuTime(b)
	b.ResetTimer()
	accept := func() {
		if err := f.Accept(b.Context(), f.benchOrder(), revision()); err != nil {
			b.Error(err)
		}
	}
	if posters == 1 {
		for range b.N {
			accept()
		}
	} else {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				accept()
			}
		})
	}
	b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/1e3/float64(b.N), "cpu-µs/row")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkDeliver is one delivery's part of the store (claim, begin, settle, next due) beside a backlog. It may grow by half at most from
// 100 queued to 10,000; read cpu-µs/row for that on SQLite, ns/op on PostgreSQL, whose server works outside of this process.
func BenchmarkDeliver(b *testing.B) {
	server := pgtest.New()
	b.Cleanup(server.Close)
	for name, database := range map[string]func(testing.TB) string{"sqlite": sqliteDatabase, "postgres": server.Database} {
		for _, backlog := range []int{100, 10_000} {
			b.Run(fmt.Sprintf("%s/queued=%d", name, backlog), func(b *testing.B) { benchDeliver(b, database(b), backlog) })
		}
	}
}

func benchDeliver(b *testing.B, database string, backlog int) {
	f := &fixture{t: b, url: database, clock: newClock()}
	f.open()
	f.fill(backlog)
	before := cpuTime(b)
	b.ResetTimer()
	for range b.N {
		c, call := f.create("me")
		f.settle(c, call, keycrm.Answer{Outcome: keycrm.Limited, RetryAfter: time.Nanosecond}) // queued again, behind the others
		if _, _, err := f.NextDue(b.Context(), "main"); err != nil {
			b.Fatal(err)
		}
		f.clock.advance(2 * time.Second)
	}
	b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/1e3/float64(b.N), "cpu-µs/row")
}

// fill queues n orders at once.
func (f *fixture) fill(n int) {
	batch := make([]*pending, n)
	for i := range batch {
		batch[i] = &pending{sub: *f.benchOrder(), rev: revision(), done: make(chan error, 1)}
		f.ok(batch[i].encode())
	}
	f.together(batch)
	for _, p := range batch {
		f.ok(<-p.done)
	}
}

// TestQuestionsUseTheirIndexes asks SQLite how it would answer: none of a courier's questions may read the table from end to end, nor
// sort.
func TestQuestionsUseTheirIndexes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for query, index := range map[string]string{
		whichDue: "submissions_due", whichUncertain: "submissions_uncertain", howManyDoubts: "submissions_uncertain",
		whichQueued: "submissions_due", whichAny: "submissions_due", firstDue: "submissions_due", firstLease: "submissions_leased",
		`SELECT 1 FROM submissions WHERE ` + leaseEnded:                            "submissions_leased",
		`SELECT 1 FROM submissions WHERE ` + leaseEnded + ` AND state = 'sending'`: "submissions_leased",
		`SELECT DISTINCT account FROM submissions WHERE owner <> ''`:               "submissions_leased",
		whichInDoubt: "submissions_uncertain", howManyBatchable: "submissions_due",
		sameMapped: "submissions_uuid", sameOwn: "submissions_id",
		keyedColumn.twins(f.d): "submissions_keyed", senderColumn.twins(f.d): "submissions_sender",
	} {
		plan, err := list(t.Context(), f.read, `EXPLAIN QUERY PLAN `+query, slices.Repeat([]any{"x"}, strings.Count(query, "?")),
			func(r row) (step string, err error) {
				var ignored int
				return step, r.Scan(&ignored, &ignored, &ignored, &step)
			})
		f.ok(err)
		text := strings.Join(plan, "; ")
		if !strings.Contains(text, index) || strings.Contains(text, "TEMP B-TREE") && index != "submissions_uuid" && index != "submissions_id" {
			t.Errorf("%s\n\t%s", query, text)
		}
	}
}
