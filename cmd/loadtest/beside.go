package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// bareCmd serves the least that any server would do with a form.
type bareCmd struct {
	Listen string `required:"" help:"Where it listens."`
}

// bareSays is what the bare handler says when it serves.
const bareSays = "the bare handler serves"

// Run serves until the process is told to stop.
func (c *bareCmd) Run(w *world) error {
	listener, err := (&net.ListenConfig{}).Listen(w.ctx, "tcp", c.Listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: http.HandlerFunc(bare), ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(w.ctx, func() { _ = server.Close() }) // it is the end
	defer stop()
	fmt.Fprintln(w.stderr, bareSays)
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// bare reads the form and answers as the relay does, with a redirect; it keeps nothing.
func bare(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Location", "/thanks")
	w.WriteHeader(http.StatusSeeOther)
}

// compare measures a bare handler and, where it can be run, a PHP script beside the relay.
func (p plan) compare(ctx context.Context, w *world, folder string, r *report) error {
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	w.say("measuring a bare handler for %s", p.Beside)
	b, err := p.besideBare(ctx, folder)
	if err != nil {
		return err
	}
	r.Beside = append(r.Beside, b)
	tools, missing := findPHP(ctx)
	if len(missing) > 0 {
		r.Skipped = append(r.Skipped, "a PHP script beside it: there is no "+strings.Join(missing, ", no "))
		return nil
	}
	w.say("measuring a PHP script for %s", p.Beside)
	if b, err = p.besidePHP(ctx, tools, folder); err != nil {
		return err
	}
	r.Beside = append(r.Beside, b)
	return nil
}

// flatOut is the crowd that measures what stands beside.
func (p plan) flatOut() crowd {
	return crowd{visitors: p.Visitors, length: p.Beside, forms: forms(p.Body), limit: maxPosts}
}

// besideBare measures the bare handler in a process of its own.
func (p plan) besideBare(ctx context.Context, folder string) (beside, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return beside{}, err
	}
	self, err := exec.LookPath(os.Args[0])
	if err != nil {
		return beside{}, fmt.Errorf("this program cannot start itself: %w", err)
	}
	process := &process{program: program{
		name: "bare", path: self, args: []string{"bare", "--listen", address}, log: filepath.Join(folder, "bare.log"),
		ready: func(line string) bool { return strings.HasPrefix(line, bareSays) },
	}}
	defer process.kill()
	if err := process.start(ctx); err != nil {
		return beside{}, err
	}
	posts, _ := p.flatOut().drive(ctx, target{addresses: []string{"http://" + address}, path: func(profile string) string { return "/forms/" + profile }})
	cpu, _ := process.cost()
	b := measured("bare handler", posts, p.Beside)
	b.Arrived = -1
	if b.Acknowledged > 0 {
		b.CPUMicros = float64(cpu.Microseconds()) / float64(b.Acknowledged)
	}
	return b, ctx.Err()
}

// measured is what visitors saw.
func measured(name string, posts []post, took time.Duration) beside {
	v := judge(evidence{posts: posts})
	return beside{
		Name: name, Posts: v.Posts, Acknowledged: v.Acknowledged, PerSecond: perSecond(v.Acknowledged, took), ToAnswer: percentiles(v.answer),
	}
}
