package main

import (
	"bufio"
	"bytes"
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
	"time"
)

const (
	// startTime is how long a process may take until it says that it is ready: a relay waits half a minute for a lock.
	startTime = time.Minute
	// stopTime is how long it may take to end when it is asked to; a relay promises 15 s.
	stopTime = 20 * time.Second
	// sampleEvery is how often a process's memory is looked at.
	sampleEvery = 200 * time.Millisecond
)

// program is what is started, and started again after it was killed.
type program struct {
	as     *syscall.Credential // whom it runs as; nil: as this process
	folder string              // where it runs; empty: where this process does
	name   string
	path   string
	args   []string
	env    []string               // added to this process's own
	log    string                 // the file that its standard error is added to
	ready  func(line string) bool // whether this line of standard error says that it is ready
	gone   func(name, how string) // called when it ends without having been told to
}

// process is one program and whatever of it runs at the moment. Its methods may be called from several goroutines.
type process struct {
	program
	turn sync.Mutex // held while it is being started, killed or stopped

	mu      sync.Mutex
	running *running
	cpu     time.Duration // of those that have ended
	peak    int64         // the most memory seen, bytes
}

// running is one life of a process.
type running struct {
	command *exec.Cmd
	told    bool          // somebody ended it
	done    chan struct{} // closed when it has ended and its log is read
}

// start starts the program and returns when it is ready.
func (p *process) start(ctx context.Context) error {
	p.turn.Lock()
	defer p.turn.Unlock()
	r, ready, err := p.launch()
	if err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	timer := time.NewTimer(startTime)
	defer timer.Stop()
	select {
	case <-ready:
		return nil
	case <-r.done:
		return fmt.Errorf("%s ended before it was ready: see %s", p.name, p.log)
	case <-timer.C:
		return fmt.Errorf("%s was not ready within %s: see %s", p.name, startTime, p.log)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// launch starts one life of the program.
func (p *process) launch() (*running, <-chan struct{}, error) {
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, err
	}
	command := exec.Command(p.path, p.args...) //nolint:gosec,noctx // the caller's own program; it is ended by kill and stop
	command.Env = append(os.Environ(), p.env...)
	command.SysProcAttr, command.Dir = ownGroup(), p.folder
	command.SysProcAttr.Credential = p.as
	stderr, err := command.StderrPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		return nil, nil, errors.Join(err, log.Close())
	}
	r, ready := &running{command: command, done: make(chan struct{})}, make(chan struct{})
	p.mu.Lock()
	p.running = r
	p.mu.Unlock()
	go p.watch(r, stderr, log, ready)
	go p.sample(r)
	return r, ready, nil
}

// watch copies the log and looks for the line that says ready, until the process has ended; then it takes down what it cost.
func (p *process) watch(r *running, stderr io.Reader, log io.WriteCloser, ready chan<- struct{}) {
	defer close(r.done)
	lines := bufio.NewReaderSize(stderr, 1<<16)
	said := false
	for {
		line, err := lines.ReadString('\n')
		_, _ = io.WriteString(log, line) // a log that cannot be written ends no run
		if !said && p.ready(line) {
			said = true
			close(ready)
		}
		if err != nil {
			break
		}
	}
	_ = log.Close()      // as above
	_ = r.command.Wait() // its state says more
	p.mu.Lock()
	state := r.command.ProcessState
	p.cpu += state.UserTime() + state.SystemTime()
	told := r.told
	p.mu.Unlock()
	if !told && said && p.gone != nil {
		p.gone(p.name, state.String())
	}
}

// sample looks at the process's memory until it ends.
func (p *process) sample(r *running) {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			most := peakMemory(r.command.Process.Pid)
			p.mu.Lock()
			p.peak = max(p.peak, most)
			p.mu.Unlock()
		case <-r.done:
			return
		}
	}
}

// peakMemory is the most memory that a process has had resident, in bytes; 0 where the system does not tell. (The figure that comes
// with a process's end is no use: a new process begins with its parent's.)
func peakMemory(pid int) int64 {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(status) {
		if rest, found := bytes.CutPrefix(line, []byte("VmHWM:")); found {
			kilobytes, err := strconv.ParseInt(string(bytes.Fields(rest)[0]), 10, 64)
			if err == nil {
				return kilobytes << 10
			}
		}
	}
	return 0
}

// now gives the life that runs, nil when none does, and marks it as ended on purpose when the caller is about to end it.
func (p *process) now(ending bool) *running {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.running
	if r == nil {
		return nil
	}
	if ending {
		r.told = true
		p.running = nil
	}
	return r
}

// signal sends a signal to whatever runs, and tells whether there was something.
func (p *process) signal(s syscall.Signal) bool {
	r := p.now(false)
	return r != nil && r.command.Process.Signal(s) == nil
}

// kill ends it as a power cut would, its children too.
func (p *process) kill() {
	p.turn.Lock()
	defer p.turn.Unlock()
	if r := p.now(true); r != nil {
		r.kill()
	}
}

func (r *running) kill() {
	killGroup(r.command.Process.Pid)
	<-r.done
}

// stop ends it as an operator would. The error says that it did not end in time or ended with another code than 0.
func (p *process) stop() error {
	p.turn.Lock()
	defer p.turn.Unlock()
	r := p.now(true)
	if r == nil {
		return nil
	}
	_ = r.command.Process.Signal(syscall.SIGCONT)
	_ = r.command.Process.Signal(syscall.SIGTERM)
	timer := time.NewTimer(stopTime)
	defer timer.Stop()
	select {
	case <-r.done:
	case <-timer.C:
		r.kill()
		return fmt.Errorf("%s did not stop within %s: see %s", p.name, stopTime, p.log)
	}
	if code := r.command.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("%s ended with exit code %d: see %s", p.name, code, p.log)
	}
	return nil
}

// end ends it one way or the other, as stop does, and does not mind how it ended. It asks first, because a server that is killed leaves
// its children to nobody.
func (p *process) end() { _ = p.stop() }

// cost is the CPU time of all its lives so far, and the most memory that one of them held.
func (p *process) cost() (cpu time.Duration, peak int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	cpu = p.cpu
	if p.running != nil {
		cpu += cpuTime(p.running.command.Process.Pid)
	}
	return cpu, p.peak
}

// cpuTime is the CPU time that a running process has used, to a hundredth of a second; 0 where the system does not tell.
func cpuTime(pid int) time.Duration {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0
	}
	// The name in the second field may hold anything; after its bracket come the state and ten more before utime and stime.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0
	}
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return 0
		}
		ticks += n
	}
	return time.Duration(ticks) * (time.Second / 100)
}

// killGroup ends a process and all that it started.
func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }
