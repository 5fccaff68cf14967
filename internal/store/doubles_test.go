package store

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"formrelay/internal/form"
	"formrelay/internal/submission"
)

// signed is an order with the given data, key and sender; 0 is none of them.
func (f *fixture) signed(id string, data byte, key, sender int64) *submission.Submission {
	sub := f.order(id)
	sub.Pairs = []form.Pair{{Name: "data", Value: strconv.Itoa(int(data))}}
	sub.Signs = submission.Signs{Data: []byte{data}, Key: key, Sender: sender, Window: time.Minute}
	if key != 0 {
		sub.Signs.Keyed = key<<8 + int64(data)
	}
	return sub
}

// first stores a submission and gives the id that its visitor is answered with.
func (f *fixture) first(sub *submission.Submission) string {
	f.t.Helper()
	f.ok(f.Accept(f.t.Context(), sub, revision()))
	f.clock.advance(time.Millisecond)
	return sub.ID
}

// rows counts what is stored.
func (f *fixture) rows() (n int) {
	f.t.Helper()
	f.ok(f.read.QueryRowContext(f.t.Context(), `SELECT COUNT(*) FROM submissions`).Scan(&n))
	return n
}

func testRepeats(_ *testing.T, f *fixture) {
	const key, other, sender, elsewhere = 1, 2, 11, 12
	f.same("A", f.first(f.signed("A", 1, key, sender)))
	f.same("A", f.first(f.signed("A-again", 1, key, sender)))
	f.same("A", f.first(f.signed("A-elsewhere", 1, key, elsewhere))) // a key counts wherever it comes from
	f.same("B", f.first(f.signed("B", 2, key, sender+1)))            // other data is another wish
	f.same("A", f.first(f.signed("A-back", 1, key, sender)))
	f.same("C", f.first(f.signed("C", 1, other, sender)))      // another key is another fill
	f.same("A", f.first(f.signed("A-without", 1, 0, sender)))  // without a key the sender tells, the earliest first
	f.same("D", f.first(f.signed("D", 1, 0, elsewhere)))       // the repeat from there has left no sign of its own
	f.same("D", f.first(f.signed("D-again", 1, 0, elsewhere))) //
	f.same("E", f.first(f.signed("E", 1, other+1, elsewhere))) // a key of its own beats the sender
	f.same("F", f.first(f.order("F")))                         // no signs: never a repeat
	f.same("G", f.first(f.order("G")))                         //
	f.same([]any{7, 4, 1}, []any{f.rows(), f.get("A").Repeats, f.get("D").Repeats})
	f.same(f.clock.Now().Add(-6*time.Millisecond), f.get("A").RepeatedAt)

	f.clock.advance(time.Minute)
	f.same("H", f.first(f.signed("H", 1, 0, sender)))
	f.same("A", f.first(f.signed("A-later", 1, key, sender)))
	f.clock.advance(submission.KeyFor - time.Minute - time.Second)
	f.same("A", f.first(f.signed("A-last", 1, key, sender)))
	f.clock.advance(2 * time.Second)
	f.same("I", f.first(f.signed("I", 1, key, sender)))
}

// Two posts that share a number and not their data are two: the number is only half of the sum.
func testRepeatsWithoutFirst(_ *testing.T, f *fixture) {
	refused := f.signed("REFUSED", 1, 1, 11)
	refused.State, refused.Entity, refused.SourceUUID = submission.Refused, nil, ""
	f.same("REFUSED", f.first(refused))
	f.same("A", f.first(f.signed("A", 1, 1, 11)))
	collided := f.signed("COLLIDED", 2, 1, 11)
	collided.Signs.Keyed = 1<<8 + 1
	f.same("COLLIDED", f.first(collided))

	late := f.signed("LATE", 1, 1, 11) // a profile that was changed meanwhile refuses what it had taken
	late.State, late.Entity, late.SourceUUID = submission.Refused, nil, ""
	f.same("A", f.first(late))
	f.same(submission.Queued, late.State)

	seen := f.get("A")
	next := seen
	next.State = submission.Discarded
	f.ok(f.decide(Decision{Seen: seen, Next: next}))
	f.same("B", f.first(f.signed("B", 1, 1, 11)))

	seen = f.get("B")
	next = seen
	next.State = submission.Discarded
	f.ok(f.decide(Decision{Seen: seen, Next: next}))
	f.ok(f.decide(queued(f.get("A"))))
	refusals, err := f.Erase(f.t.Context(), "olena", []submission.Submission{f.get("B")})
	f.ok(err)
	f.ok(refusals[0])
	f.same("A", f.first(f.signed("AGAIN", 1, 1, 11)))
	var data []byte
	var numbers int64
	f.ok(f.read.QueryRowContext(f.t.Context(), f.d.bind(`SELECT double_data, abs(double_key) + abs(double_keyed) + abs(double_sender)
		FROM submissions WHERE id = ?`), "B").Scan(&data, &numbers))
	f.same([]any{0, int64(0)}, []any{len(data), numbers})
}

// Twins of one batch, and one that makes the batch fail, so that each is stored alone.
func testRepeatsInOneBatch(_ *testing.T, f *fixture) {
	for n, ids := range [][]string{{"A", "A2", "A3"}, {"B", "B2", "B"}} {
		batch := make([]*pending, 0, 4)
		for i, id := range ids {
			sub := f.signed(id, byte(n), int64(n+1), 11)
			if n == 1 && i == 2 {
				sub.Signs = submission.Signs{}
			}
			batch = append(batch, &pending{sub: *sub, rev: revision(), done: make(chan error, 1)})
			f.ok(batch[i].encode())
		}
		f.together(batch)
		f.ok(<-batch[0].done)
		f.ok(<-batch[1].done)
		if err := <-batch[2].done; (err != nil) != (n == 1) {
			f.t.Errorf("%v", err)
		}
		f.same(ids[0], batch[1].fate.repeats.id)
	}
	f.same([]any{2, 2, 1}, []any{f.rows(), f.get("A").Repeats, f.get("B").Repeats})
	f.ok(f.Accept(f.t.Context(), f.order("Z"), revision())) // the committer goes on
}

func testRepeatsAtOnce(t *testing.T, f *fixture) { repeatAtOnce(t, f, f.Store) }

// repeatAtOnce posts the same ten times at once, over all stores in turn, again and again, with a key and without one: each time one is
// stored and ten are answered alike.
func repeatAtOnce(t *testing.T, f *fixture, stores ...*Store) {
	t.Helper()
	const rounds, each = 12, 10
	for round := range rounds {
		var all sync.WaitGroup
		ids := make([]string, each)
		for i := range each {
			sub := f.signed(submission.NewID(), byte(round), int64(1+round)*int64(round%2), int64(100+round))
			all.Go(func() {
				if err := stores[i%len(stores)].Accept(t.Context(), sub, revision()); err != nil {
					t.Error(err)
				}
				ids[i] = sub.ID
			})
		}
		all.Wait()
		for _, id := range ids {
			f.same(ids[0], id)
		}
		f.same(each-1, f.get(ids[0]).Repeats)
	}
	f.same(rounds, f.rows())
}

func TestRepeatsAtOnceOverReplicas(t *testing.T) {
	t.Parallel()
	database := postgres.Database(t)
	stores := []*Store{replica(t, database, nil), replica(t, database, nil), replica(t, database, nil)}
	repeatAtOnce(t, &fixture{t: t, Store: stores[0], clock: newClock()}, stores...)
}
