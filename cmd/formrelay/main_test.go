package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"formrelay/internal/keycrm/sandbox"
)

// patience bounds every wait for an event that must come. It is no measure of speed: on a loaded machine under the race detector a
// second is nothing.
const patience = 60 * time.Second

// TestMain makes the test binary answer to the name formrelay, so that scripts and tests run the real program as a process of its
// own, and looks for goroutines left over.
func TestMain(m *testing.M) {
	testscript.Main(leakChecked{m}, map[string]func(){"formrelay": main, "formload": formload})
}

type leakChecked struct{ m *testing.M }

func (l leakChecked) Run() int {
	code := l.m.Run()
	if code != 0 {
		return code
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	if err := goleak.Find(); err != nil {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		return 1
	}
	return 0
}

// TestScripts runs the transcripts: one for each command and each way it can fail.
func TestScripts(t *testing.T) {
	t.Parallel()
	profiles, err := filepath.Abs(filepath.Join("..", "..", "deploy", "profiles"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("DEPLOY_PROFILES", profiles)
			box := sandbox.New(sandbox.Options{Token: sandboxToken})
			server := httptest.NewServer(box)
			e.Defer(func() { box.Close(); server.Close() })
			e.Setenv("SANDBOX_URL", server.URL+"/v1") // what KEYCRM_TOKEN=sandbox opens
			return nil
		},
	})
}

// process is one running formrelay.
type process struct {
	t       *testing.T
	command *exec.Cmd
	log     *logBook
	done    chan struct{} // closed when the process has ended and its log is read whole
	address string        // of the public listener
	ops     string
}

// logBook collects what a process writes while it runs.
type logBook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBook) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.WriteString(line + "\n")
}

// Write is for a relay that runs inside the test.
func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// serve starts `formrelay serve` on free ports and waits until it says that it is ready.
func serve(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	return serveBy(t, env, []string{"formrelay"}, args...)
}

// serveBy is serve where program is what starts formrelay.
func serveBy(t *testing.T, env, program []string, args ...string) *process {
	t.Helper()
	program = append(program, "serve", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--log-format", "json")
	command := exec.Command(program[0], append(program[1:], args...)...)
	command.Env = append(os.Environ(), env...)
	stderr, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, command: command, log: &logBook{}, done: make(chan struct{})}
	ready := make(chan struct{})
	go p.read(stderr, ready)
	t.Cleanup(p.kill)
	select {
	case <-ready:
	case <-p.done:
		t.Fatalf("serve ended before it was ready:\n%s", p.log)
	case <-time.After(patience):
		t.Fatalf("serve was not ready in time:\n%s", p.log)
	}
	return p
}

func (p *process) read(stderr io.Reader, ready chan<- struct{}) {
	defer close(p.done)
	lines := bufio.NewScanner(stderr)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		p.log.add(lines.Text())
		var line struct {
			Message   string `json:"message"`
			Listen    string `json:"listen"`
			OpsListen string `json:"ops_listen"`
		}
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Message == "ready" {
			p.address, p.ops = "http://"+line.Listen, "http://"+line.OpsListen
			close(ready)
		}
	}
}

// kill ends the process as a power cut would.
func (p *process) kill() {
	_ = p.command.Process.Kill()
	<-p.done
	_ = p.command.Wait()
}

// stop ends the process as an operator would and gives its exit code.
func (p *process) stop() int {
	p.t.Helper()
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatalf("serve did not stop:\n%s", p.log)
	}
	_ = p.command.Wait()
	return p.command.ProcessState.ExitCode()
}

// started runs a command until the test ends, when the signal must end it cleanly, and gives the lines of its standard output.
func started(t *testing.T, end os.Signal, args ...string) *bufio.Scanner {
	t.Helper()
	command := exec.Command("formrelay", args...)
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	t.Cleanup(func() {
		_ = command.Process.Signal(end)
		for lines.Scan() { // until it has ended
		}
		if err := command.Wait(); err != nil {
			t.Errorf("%s did not end cleanly: %v", args[0], err)
		}
	})
	return lines
}

// formrelay runs one command to its end and gives what it printed and its exit code.
func formrelay(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, problems bytes.Buffer
	command := exec.CommandContext(t.Context(), "formrelay", args...)
	command.Stdout, command.Stderr = &out, &problems
	err := command.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatal(err)
	}
	return out.String(), problems.String(), command.ProcessState.ExitCode()
}

// crm is a stand-in for KeyCRM on a free port.
func crm(t *testing.T, o sandbox.Options) (*sandbox.Sandbox, string) {
	t.Helper()
	if o.Token == "" {
		o.Token = sandboxToken
	}
	s := sandbox.New(o)
	server := httptest.NewServer(s)
	t.Cleanup(func() { s.Close(); server.Close() })
	return s, server.URL + "/v1"
}

// eventually asks until the answer is yes. It is for what another process does, which can send no signal to a test.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// post sends an urlencoded body and gives the answer with its body read; redirects are not followed.
func post(t *testing.T, address, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := browser().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

// browser is a client that shows redirects instead of following them.
func browser() *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}
