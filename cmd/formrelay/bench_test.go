package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/rs/zerolog"

	"formrelay/internal/config"
	"formrelay/internal/intake"
	"formrelay/internal/profile"
	"formrelay/internal/store"
)

// loadConnections is how many visitors post at the same time.
const loadConnections = 64

// BenchmarkAccept measures the CPU time that one accepted post costs the server, beside a bare net/http handler that parses the same
// body and answers 303. Both serve real HTTP in this process; the load comes from another one, so that its cost is not counted.
// The store is a real SQLite file and every answer leaves after its commit.
//
//	us/post       the relay's CPU time a post
//	us/bare       the bare handler's
//	rate-of-bare  us/bare divided by us/post: the share of the bare handler's rate that one core reaches
func BenchmarkAccept(b *testing.B) {
	for _, form := range []struct{ name, profile, body string }{
		{"callback5", "lead", callbackBody().Encode()},
		{"order", "order", orderBody().Encode()},
	} {
		b.Run(form.name, func(b *testing.B) {
			relay := httptest.NewServer(benchRelay(b))
			defer relay.Close()
			bare := httptest.NewServer(http.HandlerFunc(bareHandler))
			defer bare.Close()
			load(b, relay.URL+"/forms/"+form.profile, form.body, loadConnections) // warm
			b.ResetTimer()
			ours := load(b, relay.URL+"/forms/"+form.profile, form.body, b.N)
			b.StopTimer()
			theirs := load(b, bare.URL+"/forms/"+form.profile, form.body, b.N)
			b.ReportMetric(perPost(ours, b.N), "us/post")
			b.ReportMetric(perPost(theirs, b.N), "us/bare")
			b.ReportMetric(float64(theirs)/float64(ours), "rate-of-bare")
		})
	}
}

func perPost(cpu time.Duration, posts int) float64 {
	return float64(cpu.Microseconds()) / float64(posts)
}

// bareHandler is the least that any server would do.
func bareHandler(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Location", "/thanks")
	w.WriteHeader(http.StatusSeeOther)
}

// benchRelay is the intake over a real store, as serve wires it, without a courier.
func benchRelay(b *testing.B) http.Handler {
	b.Helper()
	db, err := store.Open(b.Context(), store.Options{URL: "sqlite:" + filepath.Join(b.TempDir(), "bench.db"), Log: zerolog.Nop()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	set, err := profile.LoadDir(filepath.Join("..", "..", "deploy", "profiles"), profile.Options{Accounts: []string{config.MainAccount}})
	if err != nil {
		b.Fatal(err)
	}
	in, err := intake.New(intake.Config{Profiles: set, Store: db, Log: zerolog.New(io.Discard)})
	if err != nil {
		b.Fatal(err)
	}
	router := chi.NewRouter()
	in.Routes(router)
	return router
}

// load has another process post n times and gives the CPU time that this process spent meanwhile.
func load(b *testing.B, address, body string, n int) time.Duration {
	b.Helper()
	command := exec.CommandContext(b.Context(), "formload", address, strconv.Itoa(n))
	command.Stdin = strings.NewReader(body)
	command.Stderr = os.Stderr
	before := cpuTime(b)
	if err := command.Run(); err != nil {
		b.Fatal(err)
	}
	return cpuTime(b) - before
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// formload is the other process: formload ADDRESS N posts standard input N times over loadConnections connections and fails on any
// answer but 303.
func formload() {
	if err := postMany(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "formload:", err)
		os.Exit(1)
	}
}

func postMany(address, count string) error {
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	client := browser()
	client.Transport = &http.Transport{MaxIdleConnsPerHost: loadConnections}
	defer client.CloseIdleConnections()
	turns := make(chan struct{}, n)
	for range n {
		turns <- struct{}{}
	}
	close(turns)
	failures := make([]error, loadConnections)
	var visitors sync.WaitGroup
	for i := range loadConnections {
		visitors.Go(func() {
			for range turns {
				if failures[i] = postOnce(client, address, string(body)); failures[i] != nil {
					return
				}
			}
		})
	}
	visitors.Wait()
	return errors.Join(failures...)
}

func postOnce(client *http.Client, address, body string) error {
	response, err := client.Post(address, "application/x-www-form-urlencoded", strings.NewReader(body))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusSeeOther {
		return errors.New(response.Status)
	}
	return nil
}
