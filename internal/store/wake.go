package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rs/zerolog"

	"formrelay/internal/submission"
)

// The times of waking others. Nothing is lost when a word does not arrive: each courier looks every second.
const (
	ringPatience = 5 * time.Second
	hearAgain    = time.Second      // between tries to listen again
	hearAlive    = 30 * time.Second // a quiet connection is asked so often whether it is still there
	maxWord      = 7000             // bytes of accounts in one word; PostgreSQL takes 8000
)

// bell tells the other processes which accounts have something to send. It is rung after the commit and by a goroutine of its own:
// PostgreSQL lets one transaction that notifies commit at a time, and no visitor should wait for that. What is rung for while a word is
// on its way goes with the next one.
type bell struct {
	mu       sync.Mutex
	accounts []string
	rung     chan struct{}
	name     string // this process: it knows already what it says itself
	done     sync.WaitGroup
	stop     context.CancelFunc
}

// answerBell begins to tell the others and to hear them, where there are others.
func (s *Store) answerBell() {
	if s.d.notify == "" {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	s.bell.rung, s.bell.name, s.bell.stop = make(chan struct{}, 1), submission.NewID(), stop
	s.bell.done.Go(func() { s.tellOthers(ctx) })
	s.present.hear(s.heard)
}

// ring notes that submissions of these accounts wait. It never blocks.
func (b *bell) ring(accounts []string) {
	if b.rung == nil || len(accounts) == 0 {
		return
	}
	b.mu.Lock()
	for _, a := range accounts {
		if !slices.Contains(b.accounts, a) {
			b.accounts = append(b.accounts, a)
		}
	}
	b.mu.Unlock()
	select {
	case b.rung <- struct{}{}:
	default:
	}
}

// take gives what was rung for.
func (b *bell) take() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	accounts := b.accounts
	b.accounts = nil
	return accounts
}

// silence ends the goroutine; what was rung for and not told yet is found by the others' polls.
func (b *bell) silence() {
	if b.stop != nil {
		b.stop()
		b.done.Wait()
	}
}

func (s *Store) tellOthers(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.bell.rung:
		}
		if err := s.tell(ctx, s.bell.take()); err != nil && ctx.Err() == nil {
			s.log.Debug().Err(err).Msg("the other replicas could not be told of new submissions; they look every second")
		}
	}
}

// tell sends one word: who says it, and the accounts, a line each. Accounts that do not fit are left to the poll.
func (s *Store) tell(ctx context.Context, accounts []string) error {
	word := s.bell.name
	for _, a := range accounts {
		if len(word)+1+len(a) <= maxWord {
			word += "\n" + a
		}
	}
	ctx, cancel := context.WithTimeout(ctx, ringPatience)
	defer cancel()
	_, err := s.write.ExecContext(ctx, s.d.bind(s.d.notify), word)
	return err
}

// heard takes another process's word.
func (s *Store) heard(word string) {
	from, accounts, _ := strings.Cut(word, "\n")
	if from == s.bell.name || accounts == "" || s.onAccept == nil {
		return
	}
	for account := range strings.SplitSeq(accounts, "\n") {
		s.onAccept(account)
	}
}

// listener is a process's presence at a PostgreSQL database: one connection that holds the shared lock of all that serve, and hears
// what they tell each other. When it breaks it is opened again.
type listener struct {
	config *pgx.ConnConfig
	log    zerolog.Logger
	as     part
	conn   *pgx.Conn // hear's goroutine's alone once there is one
	stop   context.CancelFunc
	done   sync.WaitGroup
}

// listen takes a place at the database that config names. It waits for the server to answer, and for those beside whom it cannot be.
func listen(ctx context.Context, config *pgx.ConnConfig, as part, wait time.Duration, log zerolog.Logger) (presence, error) {
	conn, err := reach(ctx, config, wait, log)
	if err != nil {
		return nil, err
	}
	l := &listener{config: config, log: log, as: as, conn: conn}
	if err := l.waitForPlace(ctx, wait); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (l *listener) waitForPlace(ctx context.Context, wait time.Duration) error {
	limited, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for {
		got, err := l.takePlace(ctx, l.conn)
		switch {
		case err != nil:
			return err
		case got:
			return nil
		case pause(limited, startPoll):
		case ctx.Err() != nil:
			return ctx.Err()
		case l.as == moving:
			return fmt.Errorf("%w: stop every `formrelay serve` on it first, and wait for other commands to end", errBusy)
		default:
			return fmt.Errorf("%w: `formrelay migrate` is moving it; wait for its end", errBusy)
		}
	}
}

// takePlace locks the key of all that use the database, alone or together with others; the server frees it when the connection ends,
// however that happens. Only those that serve listen: what nobody reads would pile up.
func (l *listener) takePlace(ctx context.Context, conn *pgx.Conn) (got bool, err error) {
	lock := "SELECT pg_try_advisory_lock_shared($1)"
	if l.as == moving {
		lock = "SELECT pg_try_advisory_lock($1)"
	}
	ctx, cancel := context.WithTimeout(ctx, ringPatience)
	defer cancel()
	if err := conn.QueryRow(ctx, lock, int64(presenceKey)).Scan(&got); err != nil || !got || l.as != serving {
		return got, err
	}
	_, err = conn.Exec(ctx, "LISTEN "+channel)
	return got, err
}

func (l *listener) hear(heard func(string)) {
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	l.done.Go(func() {
		for ctx.Err() == nil {
			err := l.hearOn(ctx, heard)
			if ctx.Err() != nil {
				return
			}
			l.log.Warn().Err(err).Msg("the connection to PostgreSQL that hears of other replicas' submissions broke; it is opened again, until then the couriers look every second")
			l.again(ctx)
		}
	})
}

// hearOn hears until the connection breaks or ctx ends.
func (l *listener) hearOn(ctx context.Context, heard func(string)) error {
	for {
		waiting, cancel := context.WithTimeout(ctx, hearAlive)
		n, err := l.conn.WaitForNotification(waiting)
		quiet := waiting.Err() != nil
		cancel()
		switch {
		case err == nil:
			heard(n.Payload)
		case ctx.Err() != nil:
			return ctx.Err()
		case !quiet:
			return err
		default:
			if err := l.ping(ctx); err != nil {
				return err
			}
		}
	}
}

func (l *listener) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, ringPatience)
	defer cancel()
	return l.conn.Ping(ctx)
}

// again replaces the broken connection, however long that takes.
func (l *listener) again(ctx context.Context) {
	for pause(ctx, hearAgain) {
		_ = l.closeConn() // it is broken
		conn, err := pgx.ConnectConfig(ctx, l.config)
		if err != nil {
			continue
		}
		l.conn = conn
		got, err := l.takePlace(ctx, conn)
		if err == nil && got {
			l.log.Info().Msg("hears of other replicas' submissions again")
			return
		}
		if err == nil {
			l.log.Error().Msg("`formrelay migrate` has begun to move the database while this server was cut off from it: stop this server")
		}
	}
}

// inPlace is true of every server: it knows the database by more than a name.
func (*listener) inPlace() error { return nil }

// Close ends the connection, and with it the lock.
func (l *listener) Close() error {
	if l.stop != nil {
		l.stop()
		l.done.Wait()
	}
	return l.closeConn()
}

func (l *listener) closeConn() error {
	ctx, cancel := context.WithTimeout(context.Background(), ringPatience)
	defer cancel()
	if l.conn.IsClosed() {
		return nil
	}
	return l.conn.Close(ctx)
}
