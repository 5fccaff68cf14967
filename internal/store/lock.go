package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/rs/zerolog"
)

// The waits of the lock. One that restarts (a new container beside the old one) gets the file as soon as the other has stopped, which
// takes 15 s at most.
const (
	defaultLockWait = 30 * time.Second
	lockPoll        = 50 * time.Millisecond
)

// lockFile takes the lock beside the database at path, so that one process at a time owns it. The kernel frees it when the process
// ends, however that happens. Whoever holds it writes into it who that is; whoever waits in vain says so in its error.
func lockFile(ctx context.Context, path string, wait time.Duration, log zerolog.Logger) (presence, error) {
	lock := flock.New(path+".lock", flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	held, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if !held {
		log.Warn().Str("holder", holder(lock.Path())).Dur("wait", wait).Msg("another formrelay has the database; waiting for it to stop")
		if err := waitForLock(ctx, lock, wait); err != nil {
			return nil, err
		}
	}
	if err := lockStands(lock); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	if err := os.WriteFile(lock.Path(), []byte(introduction(time.Now())), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), lock.Close())
	}
	file, err := os.Stat(path)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), lock.Close())
	}
	return &fileLock{lock: lock, path: path, file: file}, nil
}

// fileLock is the presence at a SQLite file: nobody else writes into it, so there is nothing to hear.
type fileLock struct {
	lock *flock.Flock
	path string      // without symbolic links
	file os.FileInfo // the database's, as it was when it was locked
}

func (*fileLock) hear(func(string)) {}
func (l *fileLock) Close() error    { return l.lock.Close() }

// inPlace looks whether the file and its lock are still those that lie there.
func (l *fileLock) inPlace() error {
	if there, err := os.Stat(l.path); err != nil || !os.SameFile(l.file, there) {
		return fmt.Errorf("the database file %s was removed or replaced while it was open: nothing more is stored in it; put it back, or restart formrelay", l.path)
	}
	return lockStands(l.lock)
}

// lockStands makes sure that the file that is locked is the one that others would lock: it may have been removed, and then nothing
// keeps a second formrelay away.
func lockStands(lock *flock.Flock) error {
	held, err := lock.Stat()
	if err != nil {
		return fmt.Errorf("lock %s: %w", lock.Path(), err)
	}
	if there, err := os.Stat(lock.Path()); err != nil || !os.SameFile(held, there) {
		return fmt.Errorf("the lock file %s was removed or replaced: a second formrelay could open the database; restart this one", lock.Path())
	}
	return nil
}

// waitForLock asks again and again until wait has passed. Whoever opens the database says which one it is.
func waitForLock(ctx context.Context, lock *flock.Flock, wait time.Duration) error {
	limited, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	held, err := lock.TryLockContext(limited, lockPoll)
	switch {
	case held:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("it is in use by another formrelay (%s) and did not come free in %s: stop that one, or name another database here",
			holder(lock.Path()), wait)
	}
	return fmt.Errorf("lock %s: %w", lock.Path(), err)
}

// introduction is what the holder writes about itself.
func introduction(now time.Time) string {
	host, err := os.Hostname()
	if err != nil {
		host = "this machine"
	}
	return fmt.Sprintf("process %d on %s, since %s", os.Getpid(), host, now.UTC().Format("2006-01-02 15:04:05 UTC"))
}

// holder reads who holds the lock. It may just have been taken and not written yet.
func holder(path string) string {
	const longest = 300
	f, err := os.Open(path)
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, longest))
	if err != nil || len(text) == 0 {
		return "unknown"
	}
	return strings.TrimSpace(string(text))
}
