package store

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"formrelay/internal/store/pgtest"
	"formrelay/internal/submission"
)

// postgres is the server of this package's tests.
var postgres = pgtest.New()

// crashEnv makes this test binary play the process that is killed; its value is the database's URL.
const crashEnv = "FORMRELAY_TEST_CRASH"

func TestMain(m *testing.M) {
	if url := os.Getenv(crashEnv); url != "" {
		switch os.Getenv(roleEnv) {
		case sender:
			sendUntilKilled(url, os.Getenv(crmEnv))
		case sleeper:
			sendAfterSleep(url, os.Getenv(crmEnv))
		}
		postUntilKilled(url)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		postgres.Close()
		os.Exit(code)
	}))
}

// sqliteDatabase names a file in a folder of the test's own.
func sqliteDatabase(t testing.TB) string {
	return "sqlite:" + filepath.Join(t.TempDir(), "form relay?#%41.db") // every character that a URL would misread
}

// preparedDatabase is one with its tables made: that is done once for all tests, because the race detector makes it slow.
func preparedDatabase(t testing.TB) string {
	t.Helper()
	text, err := prepared()
	if err != nil {
		t.Fatal(err)
	}
	url := sqliteDatabase(t)
	if err := os.WriteFile(strings.TrimPrefix(url, "sqlite:"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	return url
}

// prepared is the content of a database in which only the tables were made.
var prepared = sync.OnceValues(func() (_ []byte, err error) {
	dir, err := os.MkdirTemp("", "formrelay-test-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "formrelay.db")
	h, err := locate("sqlite:"+path, nil)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(makeFile(path), h.migrate(context.Background())); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

func TestSQLite(t *testing.T) {
	t.Parallel()
	Exercise(t, preparedDatabase)
}

func newFixture(t testing.TB) *fixture {
	f := &fixture{t: t, url: preparedDatabase(t), clock: newClock()}
	f.open()
	return f
}

func (f *fixture) path() string { return strings.TrimPrefix(f.url, "sqlite:") }

func TestURLs(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"sqlite:formrelay.db":         "formrelay.db",
		"sqlite:/data/formrelay.db":   "/data/formrelay.db",
		"sqlite:///data/formrelay.db": "/data/formrelay.db",
		"sqlite:./a b.db":             "./a b.db",
		"sqlite:":                     "!names no file",
		"sqlite://":                   "!names no file",
		"sqlite::memory:":             "!in memory",
		"mysql://db":                  "!must be written sqlite:FILE",
		"formrelay.db":                "!must be written sqlite:FILE",
		"":                            "!must be written sqlite:FILE",
	} {
		got, err := sqlitePath(url)
		if fault, bad := strings.CutPrefix(want, "!"); bad {
			if err == nil || !strings.Contains(err.Error(), fault) {
				t.Errorf("%q: error %v, want one that says %q", url, err, fault)
			}
		} else if err != nil || got != want {
			t.Errorf("%q: %q, %v", url, got, err)
		}
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "100"} {
		var got string
		f.ok(f.write.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got))
		if got != want {
			t.Errorf("%s is %s, want %s", pragma, got, want)
		}
	}
	if _, err := f.read.ExecContext(t.Context(), `DELETE FROM submissions`); err == nil {
		t.Error("a reader can write")
	}
}

func TestFilesAreForTheirUserAlone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.queue("A")
	for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
		info, err := os.Stat(f.path() + suffix)
		f.ok(err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o", info.Name(), info.Mode().Perm())
		}
	}
}

func TestSecondServerIsToldWhoHasTheFile(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, err := Open(t.Context(), Options{URL: f.url, LockWait: 2 * lockPoll})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("in use by another formrelay (process %d on ", os.Getpid())) {
		t.Fatalf("error %v", err)
	}
	if n := strings.Count(err.Error(), f.path()); n != 1 {
		t.Errorf("the file is named %d times: %v", n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, Options{URL: f.url}); !errors.Is(err, context.Canceled) {
		t.Errorf("a start that was given up: %v", err)
	}

	opened := make(chan error)
	go func() { // whoever waits gets the file when it comes free
		s, err := Open(context.WithoutCancel(t.Context()), Options{URL: f.url})
		if err == nil {
			err = s.Close()
		}
		opened <- err
	}()
	f.ok(f.Close())
	f.ok(<-opened)
}

func TestOpenFailsInWords(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := filepath.Join(dir, "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("this is no database\n", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "missing", "x.db"): "does not exist; make it",
		dir:                                   "cannot be opened for writing",
		text:                                  "is no SQLite database; restore it from a backup",
	} {
		for range 2 { // the lock is free again after a failure
			_, err := Open(t.Context(), Options{URL: "sqlite:" + path, LockWait: time.Millisecond})
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
}

func TestReadOnlyBesideTheServer(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.queue("A")
	r, err := OpenReadOnly(t.Context(), f.url)
	f.ok(err)
	defer func() { f.ok(r.Close()) }()
	f.queue("B")
	rows, err := r.List(t.Context(), Filter{})
	f.ok(err)
	f.same(2, len(rows))
	f.is(r.Accept(t.Context(), f.order("C"), revision()), errReadOnly)
	f.is(r.Pause(t.Context(), "main", "no"), errReadOnly)
	f.is(r.Ready(t.Context()), errReadOnly)

	_, err = OpenReadOnly(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "none.db"))
	if err == nil || !strings.Contains(err.Error(), "there is no database at") {
		t.Errorf("no file: %v", err)
	}
}

func TestReadOnlyRefusesAnOlderSchema(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "old.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := OpenReadOnly(t.Context(), "sqlite:"+path)
	if !errors.Is(err, errOtherSchema) || !strings.Contains(err.Error(), "has version 0, this one needs ") {
		t.Errorf("error %v", err)
	}
}

func TestReadOnlyAfterTheServer(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.queue("A")
	f.ok(f.Close())
	r, err := OpenReadOnly(t.Context(), f.url)
	f.ok(err)
	_, err = r.Submission(t.Context(), "A")
	f.ok(errors.Join(err, r.Close()))
}

// TestFullDiskHeals bounds the database's size instead of filling a disk: SQLite meets both in the same place.
func TestFullDiskHeals(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.queue("BEFORE")
	var pages int
	f.ok(f.write.QueryRowContext(t.Context(), "PRAGMA page_count").Scan(&pages))
	bound := func(n int) {
		t.Helper()
		f.ok(f.write.QueryRowContext(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", n)).Scan(&n))
	}
	big := func(id string) *submission.Submission {
		sub := f.order(id)
		sub.Raw = make([]byte, 256<<10)
		return sub
	}
	bound(pages + 1)
	err := f.Accept(t.Context(), big("LOST"), revision())
	if err == nil || !strings.Contains(err.Error(), "the disk that holds the database is full") || !strings.Contains(err.Error(), "LOST is not stored") {
		t.Fatalf("error %v", err)
	}
	_, err = f.Submission(t.Context(), "LOST")
	f.is(err, submission.ErrNotFound)
	bound(pages + 1000)
	f.ok(f.Accept(t.Context(), big("AFTER"), revision()))
	f.ok(f.Ready(t.Context()))
	f.same([]string{"BEFORE", "AFTER"}, f.claimed("me", 9))
}

// TestKilledServerKeepsWhatItAnswered kills a process that stores submissions as fast as it can, and looks for every one that it had
// said was stored.
func TestKilledServerKeepsWhatItAnswered(t *testing.T) {
	t.Parallel()
	url := sqliteDatabase(t)
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), crashEnv+"="+url)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var answered []string
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		answered = append(answered, lines.Text())
		if len(answered) == 300 {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = child.Wait() // it was killed
	if len(answered) < 300 {
		t.Fatalf("the child ended by itself after %d submissions", len(answered))
	}
	f := &fixture{t: t, url: url, clock: newClock()}
	f.open()
	for _, id := range answered {
		if len(id) == len(submission.NewID()) { // the last line may be cut
			f.same(submission.Queued, f.get(id).State)
		}
	}
	var verdict string
	f.ok(f.read.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&verdict))
	f.same("ok", verdict)
}

// postUntilKilled is the child: it prints the id of each submission once Accept has returned. It never returns.
func postUntilKilled(url string) {
	s, err := Open(context.Background(), Options{URL: url})
	if err != nil {
		panic(err)
	}
	f := &fixture{clock: newClock()}
	for range 8 {
		go func() {
			for {
				sub := f.order(submission.NewID())
				if err := s.Accept(context.Background(), sub, revision()); err != nil {
					panic(err)
				}
				fmt.Println(sub.ID)
			}
		}()
	}
	select {}
}

// TestLockedDatabaseFailsTheBatchOnce lets another program hold the write lock: a batch waits for it once, not once for each row.
func TestLockedDatabaseFailsTheBatchOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.d.patience = 2 * sqliteTry
	other, err := sqliteConnections(f.path(), 0, "_txlock=immediate")
	f.ok(err)
	tx, err := other.BeginTx(t.Context(), nil)
	f.ok(err)
	batch := make([]*pending, 0, 2)
	for _, id := range []string{"A", "B"} {
		p := &pending{sub: *f.order(id), rev: revision(), done: make(chan error, 1)}
		f.ok(p.encode())
		batch = append(batch, p)
	}
	atRow, err := f.storeTogether(batch)
	if atRow || err == nil || !strings.Contains(err.Error(), "another program keeps the database locked") {
		t.Errorf("at a row: %t, error %v", atRow, err)
	}
	f.together(batch)
	for _, p := range batch {
		if err := <-p.done; err == nil {
			t.Errorf("%s was stored in a locked database", p.sub.ID)
		}
	}
	if err := f.Ready(t.Context()); err == nil {
		t.Error("a locked database is ready")
	}
	f.ok(errors.Join(tx.Rollback(), other.Close()))
	f.queue("A")
	f.ok(f.Ready(t.Context()))
}

// TestRelativePath opens the file that serve uses when it is told nothing. It changes the working folder, so it is not parallel.
func TestRelativePath(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for range 2 {
		s, err := Open(t.Context(), Options{URL: "sqlite:formrelay.db"})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "formrelay.db")); err != nil {
		t.Error(err)
	}
}

// TestLockIsOneForEveryName opens a database by another name while it is served.
func TestLockIsOneForEveryName(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	link := filepath.Join(t.TempDir(), "link.db")
	f.ok(os.Symlink(f.path(), link))
	_, err := Open(t.Context(), Options{URL: "sqlite:" + link, LockWait: time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "in use by another formrelay") {
		t.Errorf("opened by a link: %v", err)
	}
}

// TestRemovedFilesAreNoticed takes a file away from under the store: nothing is acknowledged into what is gone.
func TestRemovedFilesAreNoticed(t *testing.T) {
	t.Parallel()
	for _, suffix := range []string{"", ".lock"} {
		f := newFixture(t)
		f.queue("BEFORE")
		f.ok(os.Rename(f.path()+suffix, f.path()+".away"))
		if suffix != "" { // a second one has made a new lock file
			f.ok(os.WriteFile(f.path()+suffix, nil, 0o600))
		}
		f.ready.when = time.Time{}
		for _, err := range []error{f.Accept(t.Context(), f.order("LOST"), revision()), f.Ready(t.Context())} {
			if err == nil || !strings.Contains(err.Error(), "was removed or replaced") {
				t.Errorf("%q is gone: %v", suffix, err)
			}
		}
		if suffix == "" {
			f.ok(os.Rename(f.path()+".away", f.path()))
			f.queue("AFTER")
		}
	}
}

// TestTemporaryFilesLieBesideTheDatabase has SQLite open one and looks which file the process has open. The folder counts for the whole
// process, so this runs beside no other test.
func TestTemporaryFilesLieBesideTheDatabase(t *testing.T) {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		t.Skip("there is no /proc/self/fd to see open files in")
	}
	folder := filepath.Join(t.TempDir(), "d'Artagnan & 100 %;")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	h, err := sqliteHome("sqlite:"+filepath.Join(folder, "formrelay.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	db, err := h.connect(migrating)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{"CREATE TEMP TABLE spill (x)", "PRAGMA temp.cache_size = 1", "INSERT INTO spill VALUES (zeroblob(1000000))"} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	open, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range open {
		if file, err := os.Readlink(fd); err == nil && strings.HasPrefix(file, filepath.Join(folder, "etilqs_")) {
			return
		}
	}
	t.Error("the temporary file lies elsewhere than beside the database")
}

// lockedBy lets another program hold the database's lock until the returned function is called.
func (f *fixture) lockedBy() (free func()) {
	f.t.Helper()
	other, err := sqliteConnections(f.path(), 0, "_txlock=immediate")
	f.ok(err)
	tx, err := other.BeginTx(f.t.Context(), nil)
	f.ok(err)
	return func() { f.ok(errors.Join(tx.Rollback(), other.Close())) }
}

// TestLockedDatabaseStoresNobodyLate lets three visitors try twice each in a locked database: what they were told is true afterwards.
func TestLockedDatabaseStoresNobodyLate(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.d.patience = time.Minute
	free := f.lockedBy()
	var visitors sync.WaitGroup
	for v := range 3 {
		visitors.Go(func() {
			for try := range 2 {
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				err := f.Accept(ctx, f.order(fmt.Sprintf("V%d-%d", v, try)), revision())
				cancel()
				if err == nil || !strings.Contains(err.Error(), "is not stored") {
					t.Errorf("visitor %d: %v", v, err)
				}
			}
		})
	}
	visitors.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := f.Ready(ctx); err == nil || !strings.Contains(err.Error(), "another program keeps the database locked") {
		t.Errorf("Ready: %v", err)
	}
	free()
	f.queue("LATER")
	rows, err := f.List(t.Context(), Filter{})
	f.ok(err)
	if len(rows) != 1 {
		t.Errorf("%d are stored although all but one were told that they are not", len(rows))
	}
}

// TestCloseUnderALock stops while another program has the database: whoever waits is told at once, and the stop takes no longer than it
// may.
func TestCloseUnderALock(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.d.patience = time.Minute
	defer f.lockedBy()()
	told := make(chan error, 1)
	began := time.Now()
	go func() { told <- f.Accept(context.WithoutCancel(t.Context()), f.order("A"), revision()) }()
	for f.waiting.len() > 0 || !f.committing() { // until the batch meets the lock
		runtime.Gosched()
	}
	waits := f.pending("B")
	f.ok(f.waiting.add(waits))
	closed := make(chan error, 1)
	go func() { closed <- f.Close() }()
	f.is(<-waits.done, errClosed)
	f.ok(<-closed)
	if err := <-told; err == nil || !strings.Contains(err.Error(), "A is not stored") {
		t.Errorf("A: %v", err)
	}
	if took := time.Since(began); took > closeWithin+5*time.Second {
		t.Errorf("the stop took %s", took)
	}
}

// committing tells whether the writer's connection is in use.
func (f *fixture) committing() bool { return f.write.Stats().InUse > 0 }

// TestFailingStoreLogsOnce posts again and again to a store that fails: one line when it begins, one when it works again.
func TestFailingStoreLogsOnce(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	f := newFixture(t)
	f.log = zerolog.New(&log)
	f.d.patience = sqliteTry
	free := f.lockedBy()
	for i := range 3 {
		if err := f.Accept(t.Context(), f.order(strconv.Itoa(i)), revision()); err == nil {
			t.Error("stored in a locked database")
		}
	}
	free()
	f.queue("A", "B")
	f.ok(f.Close())
	for _, line := range []string{"cannot be stored", "can be stored again"} {
		if n := strings.Count(log.String(), line); n != 1 {
			t.Errorf("%q is logged %d times:\n%s", line, n, &log)
		}
	}
}
