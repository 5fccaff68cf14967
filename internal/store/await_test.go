package store

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"formrelay/internal/keycrm"
	"formrelay/internal/submission"
)

// looks counts a waiters' looks, and answers each with what the test says.
type looks struct {
	mu     sync.Mutex
	n      int
	sights func(id string) sight
	err    error
}

func (l *looks) look(_ context.Context, ids []string) (all []sight, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n++
	for _, id := range ids {
		if s := l.sights(id); s.id != "" {
			all = append(all, s)
		}
	}
	return all, l.err
}

func (l *looks) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n
}

// show has every later look show the state.
func (l *looks) show(s sight) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sights = func(id string) sight { s.id = id; return s }
}

// hub is a Store of which only the waiters are there.
func hub() (*Store, *looks) {
	l := &looks{}
	l.show(sight{state: submission.Queued})
	s := &Store{}
	s.waiters.look = l.look
	return s, l
}

// awaited starts n who wait for submissions of their own, and collects their answers.
func awaited(ctx context.Context, s *Store, n int) (answers chan int64) {
	answers = make(chan int64, n)
	for i := range n {
		go func() { answers <- s.Await(ctx, strconv.Itoa(i)) }()
	}
	return answers
}

// However many wait, the database is asked as often as for one.
func TestLooksDoNotGrowWithWaiters(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 1000} {
		synctest.Test(t, func(t *testing.T) {
			s, l := hub()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			begun := time.Now()
			answers := awaited(ctx, s, n)
			for range n {
				if id := <-answers; id != 0 {
					t.Error(id)
				}
			}
			if took := time.Since(begun); took != 10*time.Second {
				t.Errorf("waited %s", took)
			}
			if looked := l.count(); looked < 50 || looked > 52 {
				t.Errorf("%d who wait for 10 s: %d looks", n, looked)
			}
			synctest.Wait() // the goroutine that looked is gone, or the bubble does not end
		})
	}
}

func TestAwait(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		do   func(s *Store, l *looks, cancel func())
		want int64
		took time.Duration
	}{
		{name: "settled here", do: func(s *Store, _ *looks, _ func()) { s.waiters.settled("0", submission.Delivered, 7) }, want: 7},
		{name: "settled elsewhere", do: func(_ *Store, l *looks, _ func()) { l.show(sight{state: submission.Delivered, crmID: 8}) }, want: 8, took: lookEvery},
		{name: "refused by KeyCRM", do: func(s *Store, _ *looks, _ func()) { s.waiters.settled("0", submission.Rejected, 0) }},
		{name: "broke", do: func(s *Store, _ *looks, _ func()) { s.waiters.settled("0", submission.Uncertain, 0) }},
		{name: "broke elsewhere", do: func(_ *Store, l *looks, _ func()) { l.show(sight{state: submission.Uncertain, settled: true}) }, took: lookEvery},
		{name: "held elsewhere", do: func(_ *Store, l *looks, _ func()) { l.show(sight{state: submission.Held}) }, took: lookEvery},
		{name: "others came before, later", do: func(_ *Store, l *looks, _ func()) { l.show(sight{state: submission.Queued, behind: true}) }, took: 3 * time.Second},
		{name: "another was settled", do: func(s *Store, _ *looks, _ func()) { s.waiters.settled("1", submission.Delivered, 7) }, took: 3 * time.Second},
		{name: "the visitor hangs up", do: func(_ *Store, _ *looks, cancel func()) { cancel() }},
		{name: "the store closes", do: func(s *Store, _ *looks, _ func()) { s.waiters.close() }},
		{name: "the database is away", do: func(_ *Store, l *looks, _ func()) { l.mu.Lock(); l.err = errors.New("away"); l.mu.Unlock() }, took: 3 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, l := hub()
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				begun, answers := time.Now(), awaited(ctx, s, 1)
				synctest.Wait() // it has looked once
				tt.do(s, l, cancel)
				if id, took := <-answers, time.Since(begun); id != tt.want || took != tt.took {
					t.Errorf("%d after %s, want %d after %s", id, took, tt.want, tt.took)
				}
				if len(s.waiters.all) != 0 {
					t.Error("somebody is left")
				}
			})
		})
	}
}

// Who comes first does not wait in vain, who comes too late or is one too many not at all.
func TestAwaitAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, l := hub()
		l.show(sight{state: submission.Queued, behind: true})
		if id := s.Await(t.Context(), "0"); id != 0 {
			t.Error(id)
		}
		l.show(sight{state: submission.Delivered, crmID: 9, behind: true}) // a post made again
		if id := s.Await(t.Context(), "0"); id != 9 {
			t.Error(id)
		}
		l.show(sight{state: submission.Queued})
		ctx, cancel := context.WithCancel(t.Context())
		answers := awaited(ctx, s, maxWaiters)
		synctest.Wait()
		if id := s.Await(t.Context(), "one too many"); id != 0 {
			t.Error(id)
		}
		cancel()
		for range maxWaiters {
			<-answers
		}
		s.waiters.close()
		if id := s.Await(t.Context(), "too late"); id != 0 {
			t.Error(id)
		}
	})
}

// What the database shows of submissions at every step of their way.
func testLookFor(_ *testing.T, f *fixture) {
	shown := func(id string) (all []bool) {
		f.t.Helper()
		sights, err := f.lookFor(f.t.Context(), []string{"nobody's", id})
		f.ok(err)
		f.same(1, len(sights))
		return []bool{sights[0].over(), sights[0].behind}
	}
	f.queue("A", "B")
	other := f.order("OTHER")
	other.Account = "other"
	f.first(other)
	f.same([]bool{false, false}, shown("A"))
	f.same([]bool{false, true}, shown("B"))
	f.same([]bool{false, false}, shown("OTHER"))
	f.ok(f.Pause(f.t.Context(), "other", "its token was refused")) // nothing of it is sent
	f.same([]bool{false, true}, shown("OTHER"))
	claims := f.claim("me", 1)
	f.same([]bool{false, true}, shown("B")) // A waits for the pace
	call := f.begin(claims[0], submission.Create)
	f.same([]bool{false, false}, shown("A"))
	f.same([]bool{false, false}, shown("B"))
	answer := make(chan int64)
	go func() { answer <- f.Await(f.t.Context(), "A") }()
	f.settle(claims[0], call, done(42))
	f.same(int64(42), <-answer)
	f.same(true, shown("A")[0])
	f.same(int64(42), f.Await(f.t.Context(), "A"))
	c, call := f.create("me")
	f.settle(c, call, keycrm.Answer{Outcome: keycrm.Uncertain})
	f.same(true, shown("B")[0])
	f.same(int64(0), f.Await(f.t.Context(), "B"))
}
