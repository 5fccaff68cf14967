package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"formrelay/internal/store/pgtest"
	"formrelay/internal/submission"
)

func TestPostgres(t *testing.T) {
	t.Parallel()
	Exercise(t, postgres.Database)
}

// replica opens a store beside others, by the server's clock. woken gets what its OnAccept is told.
func replica(t *testing.T, database string, woken chan<- string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Options{URL: database, Log: zerolog.New(zerolog.NewTestWriter(t)), OnAccept: func(account string) {
		if woken != nil {
			woken <- account
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// No password is in any error, whatever is wrong with the URL or the server.
func TestPasswordIsNeverSaid(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	for database, want := range map[string]string{
		"postgres://ops:hunter2%zz@db/x":                            "cannot be read: write postgres://",
		"postgres://ops:hunter2@db:port/x":                          "cannot be read: write postgres://",
		"postgres://ops:hunter2@db/x?sslmode=hunter2":               "cannot be read: write postgres://",
		"postgres://ops:hunter2@db":                                 "names no database",
		"postgres://ops:hunter2@/x?host=" + empty:                   "the PostgreSQL server cannot be reached",
		"postgresql://ops@/x?password=hunter2&host=" + empty:        "the PostgreSQL server cannot be reached",
		"postgres://ops:hunter2@127.0.0.1:1/x?connect_timeout=1":    "the PostgreSQL server cannot be reached",
		"postgres://ops:hunter2@invalid.invalid/x?connect_timeout=": "cannot be read",
	} {
		var log bytes.Buffer
		_, err := Open(t.Context(), Options{URL: database, LockWait: time.Millisecond, Log: zerolog.New(&log)})
		_, err2 := OpenReadOnly(t.Context(), database)
		for _, err := range []error{err, err2} {
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error()+log.String(), "hunter2") {
				t.Errorf("%s: %v\n%s", database, err, log.String())
			}
		}
	}
}

func TestNumbered(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{"": "", "SELECT 1": "SELECT 1", "?": "$1", "a = ? AND (b, c) > (?, ?) ": "a = $1 AND (b, c) > ($2, $3) "} {
		if got := numbered(query); got != want {
			t.Errorf("%q: %q", query, got)
		}
	}
}

// Replicas that start together on an empty database migrate it once.
func TestReplicasMigrateTogether(t *testing.T) {
	t.Parallel()
	database := postgres.Database(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			s, err := Open(t.Context(), Options{URL: database})
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	s := replica(t, database, nil)
	var twice int
	if err := s.read.QueryRowContext(t.Context(), `SELECT COUNT(*) - COUNT(DISTINCT version_id) FROM goose_db_version`).Scan(&twice); err != nil || twice != 0 {
		t.Errorf("%d migrations ran twice, %v", twice, err)
	}
}

// The database's own clock counts, not that of the machine.
func TestServerClockCounts(t *testing.T) {
	t.Parallel()
	s := replica(t, postgres.Database(t), nil)
	var before, after int64
	ask := `SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint`
	if err := s.read.QueryRowContext(t.Context(), ask).Scan(&before); err != nil {
		t.Fatal(err)
	}
	var now time.Time
	err := s.update(t.Context(), func(t *tx) error { now = t.now; return nil })
	if err2 := s.read.QueryRowContext(t.Context(), ask).Scan(&after); err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	if us := now.UnixMicro(); us < before || us > after {
		t.Errorf("%d is not between %d and %d", us, before, after)
	}
}

// What one replica accepts wakes the couriers of the others, and its own once.
func TestAcceptWakesOtherReplicas(t *testing.T) {
	t.Parallel()
	database := postgres.Database(t)
	mine, theirs := make(chan string, 9), make(chan string, 9)
	one := replica(t, database, mine)
	replica(t, database, theirs)
	f := &fixture{t: t, Store: one, clock: newClock()}
	f.queue("A")
	for _, woken := range []<-chan string{mine, theirs} {
		select {
		case account := <-woken:
			f.same("main", account)
		case <-time.After(20 * time.Second):
			t.Fatal("a courier was not woken")
		}
	}
	f.ok(one.tell(t.Context(), []string{"other"}))
	f.same("other", <-theirs)
	if len(mine) != 0 {
		t.Error("a replica hears itself")
	}
}

// Of submissions that reach two replicas at once with one source_uuid, one is queued.
func TestSourceUUIDRaceOfReplicas(t *testing.T) {
	t.Parallel()
	database := postgres.Database(t)
	stores := []*Store{replica(t, database, nil), replica(t, database, nil)}
	const rounds, each = 10, 4
	f := &fixture{t: t, Store: stores[0], clock: newClock()}
	var all sync.WaitGroup
	for r := range rounds {
		for i := range each {
			all.Go(func() {
				for _, s := range stores {
					sub := f.order(submission.NewID())
					sub.SourceUUID = fmt.Sprint("uuid-", (r+i)%rounds)
					if err := s.Accept(t.Context(), sub, revision()); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	all.Wait()
	for state, want := range map[string]int{"queued": rounds, "held": (2*each - 1) * rounds} {
		var n int
		f.ok(stores[1].read.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM submissions WHERE state = $1`, state).Scan(&n))
		f.same(want, n)
	}
	var numbers int
	f.ok(stores[1].read.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM revisions`).Scan(&numbers))
	f.same(1, numbers)
}

// Two replicas that meet new revisions of one profile at once number them one after the other.
func TestRevisionNumbersOfReplicas(t *testing.T) {
	t.Parallel()
	database := postgres.Database(t)
	stores := []*Store{replica(t, database, nil), replica(t, database, nil)}
	f := &fixture{t: t, Store: stores[0], clock: newClock()}
	var all sync.WaitGroup
	const each = 10
	for i, s := range stores {
		all.Go(func() {
			for n := range each {
				rev := revision()
				rev.Hash = fmt.Sprint(i, "-", n)
				if err := s.Accept(t.Context(), f.order(submission.NewID()), rev); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	var distinct int
	f.ok(f.read.QueryRowContext(t.Context(), `SELECT COUNT(DISTINCT number) FROM revisions`).Scan(&distinct))
	f.same(2*each, distinct)
}

// The server goes away under load and comes back: nothing that was acknowledged is lost, errors are quick and say what to do, and
// everything goes on by itself, what replicas tell each other too.
func TestServerAwayForAWhile(t *testing.T) {
	t.Parallel()
	server := pgtest.New("fsync=on")
	t.Cleanup(server.Close)
	database := server.Database(t)
	woken := make(chan string, 1000)
	one, two := replica(t, database, nil), replica(t, database, woken)
	f := &fixture{t: t, Store: one, clock: newClock()}
	var (
		mu       sync.Mutex
		accepted []string
		all      sync.WaitGroup
		failed   = make(chan error, 1000)
	)
	ctx, stop := context.WithCancel(t.Context())
	for range 8 {
		all.Go(func() {
			for ctx.Err() == nil {
				sub := f.order(submission.NewID())
				began := time.Now()
				err := one.Accept(context.WithoutCancel(ctx), sub, revision())
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("an answer took %s", took)
				}
				if err != nil {
					select {
					case failed <- err:
					default:
					}
					pause(ctx, 10*time.Millisecond)
					continue
				}
				mu.Lock()
				accepted = append(accepted, sub.ID)
				mu.Unlock()
			}
		})
	}
	<-woken
	server.Stop(t)
	sawOutage := false
	for range 30 { // the first ones may tell of a connection that was cut
		if err := <-failed; strings.Contains(err.Error(), "the PostgreSQL server cannot be reached") {
			sawOutage = true
		}
	}
	if !sawOutage {
		t.Error("no error said that the server cannot be reached")
	}
	if err := two.Ready(t.Context()); err == nil {
		t.Error("ready without a database")
	}
	mu.Lock()
	before := len(accepted)
	mu.Unlock()
	server.Start(t)
	for len(woken) > 0 {
		<-woken
	}
	select {
	case <-woken: // accepted by one, heard by two
	case <-time.After(30 * time.Second):
		t.Error("nothing is heard of the other replica after the outage")
	}
	stop()
	all.Wait()
	if len(accepted) == before {
		t.Error("nothing was accepted after the outage")
	}
	for _, id := range accepted {
		f.same(submission.Queued, f.get(id).State)
	}
}

// A connection that breaks after the commit and before its answer must not make a visitor post again what is stored.
func TestCommitInDoubtIsLookedUp(t *testing.T) {
	t.Parallel()
	database := postgres.Database(t)
	cut := newCutter(t, database)
	s := replica(t, cut.url, nil)
	f := &fixture{t: t, Store: s, clock: newClock()}
	f.queue("BEFORE")
	cut.arm()
	f.ok(f.Accept(t.Context(), f.order("DOUBT"), revision()))
	f.same(submission.Queued, f.get("DOUBT").State)
	if !cut.done() {
		t.Error("nothing was cut")
	}
	cut.arm()
	if there, err := f.committed("NOBODY"); there || err != nil {
		t.Errorf("what was never stored is said to be, %v", err)
	}
}

// cutter stands between a store and its server, and cuts the first connection that commits after it was armed, when the server has
// answered.
type cutter struct {
	t     *testing.T
	url   string
	to    string
	mu    sync.Mutex
	armed bool
}

func newCutter(t *testing.T, database string) *cutter {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "cut") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	const socket = ".s.PGSQL.5432"
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(dir, socket))
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{t: t, to: filepath.Join(u.Query().Get("host"), socket), url: strings.Replace(database, u.Query().Get("host"), dir, 1)}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() { c.carry(client) })
		}
	})
	t.Cleanup(func() { _ = listener.Close(); all.Wait(); _ = os.RemoveAll(dir) })
	return c
}

func (c *cutter) arm()       { c.mu.Lock(); defer c.mu.Unlock(); c.armed = true }
func (c *cutter) done() bool { c.mu.Lock(); defer c.mu.Unlock(); return !c.armed }

// carry passes bytes both ways until one side ends or the connection is cut.
func (c *cutter) carry(client net.Conn) {
	defer client.Close()
	server, err := (&net.Dialer{}).DialContext(context.WithoutCancel(c.t.Context()), "unix", c.to)
	if err != nil {
		return
	}
	defer server.Close()
	committing := make(chan struct{}, 1)
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() {
		defer server.Close()
		pass(client, server, func(b []byte) bool {
			if bytes.HasPrefix(b, []byte("Q")) && bytes.Contains(b, []byte("commit")) && c.disarm() {
				committing <- struct{}{}
			}
			return true
		})
	})
	pass(server, client, func([]byte) bool {
		select {
		case <-committing:
			return false
		default:
			return true
		}
	})
	_ = client.Close()
}

func (c *cutter) disarm() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.armed
	c.armed = false
	return was
}

// pass copies until an end, or until may says no.
func pass(from, to net.Conn, may func([]byte) bool) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			if !may(buffer[:n]) {
				return
			}
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// A database that somebody moves cannot be served from, and one that is served from cannot be moved.
func TestPlacesExcludeEachOther(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]string{"SQLite": sqliteDatabase(t), "PostgreSQL": postgres.Database(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := Open(t.Context(), Options{URL: database})
			if err != nil {
				t.Fatal(err)
			}
			_, err = enterAlone(t.Context(), database, zerolog.Nop(), true)
			if err == nil || !strings.Contains(err.Error(), "another formrelay") {
				t.Errorf("entered beside a server: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			p, err := enterAlone(t.Context(), database, zerolog.Nop(), true)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Open(t.Context(), Options{URL: database, LockWait: time.Millisecond})
			if err == nil || !strings.Contains(err.Error(), "another formrelay") {
				t.Errorf("served beside a move: %v", err)
			}
			if err := p.close(); err != nil {
				t.Error(err)
			}
			s, err = Open(t.Context(), Options{URL: database})
			if err := errors.Join(err, s.Close()); err != nil {
				t.Error(err)
			}
		})
	}
}
