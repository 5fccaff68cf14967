// Package pgtest gives tests a PostgreSQL server of their own: a private cluster in a temporary folder that nobody else can reach, on a
// Unix socket and without any network. It is made when the first test asks for a database, and durable only for as long as the machine
// runs (fsync is off).
//
//	var postgres = pgtest.New()
//
//	func TestMain(m *testing.M) { code := m.Run(); postgres.Close(); os.Exit(code) }
//
//	func TestSomething(t *testing.T) { db, err := sql.Open("pgx", postgres.Database(t)) … }
//
// Where PostgreSQL's programs are not installed the tests that ask are skipped, and say so.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"formrelay/internal/store/pgbin"
)

// The longest that the steps may take; a busy machine needs a few seconds for the first.
const (
	startTime = 60 * time.Second
	stopTime  = 30 * time.Second
	startPoll = 20 * time.Millisecond
)

// Server is one cluster. Its methods may be called from many goroutines.
type Server struct {
	mu    sync.Mutex
	made  bool
	err   error // why there is none
	bin   string
	dir   string // holds the data and the socket
	who   *syscall.Credential
	tests int // databases made

	settings []string

	process *exec.Cmd
	alive   io.WriteCloser // the server ends when this is closed, however the test's process ends
}

// New names a server; it is made when the first test needs it. settings are PostgreSQL's own, such as fsync=on; they win over those
// that tests usually want.
func New(settings ...string) *Server { return &Server{settings: settings} }

// Database makes an empty database and returns its URL. It is there until Close.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.made {
		s.made = true
		s.err = s.make()
	}
	if errors.Is(s.err, pgbin.ErrMissing) {
		t.Skipf("SKIPPED: %v", s.err)
	}
	if s.err != nil {
		t.Fatalf("a PostgreSQL server for tests: %v", s.err)
	}
	s.tests++
	name := "test" + strconv.Itoa(s.tests)
	if out, err := s.command(t.Context(), "psql", "-h", s.dir, "-d", "postgres", "-qc", "CREATE DATABASE "+name+" TEMPLATE template0 STRATEGY file_copy").CombinedOutput(); err != nil {
		t.Fatalf("make a database: %v\n%s", err, out)
	}
	return s.url(name)
}

// url has the user in it: by default it would be that of the test's process.
func (s *Server) url(name string) string {
	return "postgres://" + s.superuser() + "@/" + name + "?host=" + s.dir + "&sslmode=disable"
}

func (s *Server) superuser() string { return "formrelay" }

// make makes the cluster and starts it.
func (s *Server) make() (err error) {
	if s.bin, err = pgbin.Folder(); err != nil {
		return err
	}
	if s.who, err = pgbin.Owner(); err != nil {
		return err
	}
	// Not t.TempDir: a socket's path must be short, and the server outlives the test that came first.
	if s.dir, err = os.MkdirTemp("", "pg"); err != nil {
		return err
	}
	if s.who != nil {
		if err := os.Chown(s.dir, int(s.who.Uid), int(s.who.Gid)); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	out, err := s.command(ctx, "initdb", "-D", s.data(), "-U", s.superuser(), "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions").CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return s.start()
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }
func (s *Server) log() string  { return filepath.Join(s.dir, "log") }

// Start starts the server again after Stop.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.start(); err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
}

// Stop ends the server at once, with every connection to it, as a failed machine would.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.stop(); err != nil {
		t.Fatalf("stop PostgreSQL: %v", err)
	}
}

// start runs the server below a shell that ends it as soon as its own standard input ends: with this process, even if that is killed.
func (s *Server) start() error {
	script := `"$0" "$@" & server=$!; read -r _; kill -QUIT $server 2>/dev/null; wait $server`
	// A file and not a buffer: no goroutine of the test's process reads it, which a search for leaks would find.
	output, err := os.OpenFile(s.log(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer output.Close()
	s.process = exec.Command("/bin/sh", "-c", script, filepath.Join(s.bin, "postgres"), "-D", s.data(), "-k", s.dir, //nolint:noctx // it outlives every test's context
		"-c", "listen_addresses=", "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=on",
		"-c", "max_connections=400", "-c", "shared_buffers=64MB", "-c", "autovacuum=off")
	for _, setting := range s.settings {
		s.process.Args = append(s.process.Args, "-c", setting)
	}
	s.process.SysProcAttr = &syscall.SysProcAttr{Credential: s.who, Setpgid: true}
	s.process.Dir = s.dir
	s.process.Stdout, s.process.Stderr = output, output
	if s.alive, err = s.process.StdinPipe(); err != nil {
		return err
	}
	if err := s.process.Start(); err != nil {
		return err
	}
	return s.waitUntilUp()
}

func (s *Server) waitUntilUp() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	tick := time.NewTicker(startPoll)
	defer tick.Stop()
	for {
		if s.command(ctx, "pg_isready", "-q", "-h", s.dir).Run() == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			said, err := os.ReadFile(s.log())
			return errors.Join(fmt.Errorf("it did not come up:\n%s", said), err, s.stop())
		case <-tick.C:
		}
	}
}

func (s *Server) stop() error {
	if s.process == nil {
		return nil
	}
	killer := time.AfterFunc(stopTime, func() { _ = syscall.Kill(-s.process.Process.Pid, syscall.SIGKILL) })
	defer killer.Stop()
	err := s.alive.Close()
	_ = s.process.Wait() // its exit code is that of a killed server
	s.process = nil
	return err
}

// Close ends the server and removes everything of it. It may be called when there never was one.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stop PostgreSQL:", err)
	}
	if s.dir != "" {
		if err := os.RemoveAll(s.dir); err != nil {
			fmt.Fprintln(os.Stderr, "remove the PostgreSQL cluster:", err)
		}
	}
}

// command is one of PostgreSQL's programs, as the user that owns the cluster.
func (s *Server) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, filepath.Join(s.bin, program), args...) // a program of PostgreSQL's
	c.SysProcAttr = &syscall.SysProcAttr{Credential: s.who}
	c.Dir = s.dir
	c.Env = []string{"PATH=/usr/bin:/bin", "PGUSER=" + s.superuser(), "LC_ALL=C"}
	return c
}
