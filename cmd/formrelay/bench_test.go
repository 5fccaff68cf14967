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
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/rs/zerolog"

	"formrelay/internal/config"
	"formrelay/internal/form"
	"formrelay/internal/intake"
	"formrelay/internal/mapping"
	"formrelay/internal/profile"
	"formrelay/internal/store"
	"formrelay/internal/submission"
)

// loadConnections is how many visitors post at the same time.
const loadConnections = 64

// benchForms are the two bodies that everything is measured with, and the shipped profiles that take them.
func benchForms() []benchForm {
	return []benchForm{
		{"callback5", "lead", callbackBody().Encode()},
		{"order", "order", orderBody().Encode()},
	}
}

type benchForm struct{ name, profile, body string }

// BenchmarkAccept measures the CPU time that one accepted post costs the server, beside a bare net/http handler that parses the same
// body and answers 303. Both serve real HTTP in this process; the load comes from another one, so that its cost is not counted: this is
// the strict reading of "the share of the bare handler's rate", that of a machine which does nothing but serve.
// The store is a real SQLite file and every answer leaves after its commit.
//
//	us/post       the relay's CPU time a post
//	us/bare       the bare handler's
//	rate-of-bare  us/bare divided by us/post: the share of the bare handler's rate that one core reaches
func BenchmarkAccept(b *testing.B) {
	for _, form := range benchForms() {
		b.Run(form.name, func(b *testing.B) {
			ours, theirs, stored := benchServers(b, form)
			load(b, ours, form.body+"warm", loadConnections)
			b.ResetTimer()
			us := load(b, ours, form.body, b.N)
			b.StopTimer()
			them := load(b, theirs, form.body, b.N)
			stored(b.N + loadConnections)
			b.ReportMetric(perPost(us, b.N), "us/post")
			b.ReportMetric(perPost(them, b.N), "us/bare")
			b.ReportMetric(float64(them)/float64(us), "rate-of-bare")
		})
	}
}

// BenchmarkAcceptTogether is the plain reading of the same: the visitors are in this process, on both sides, and rate-of-bare compares
// what the whole of it takes, visitors and all.
//
//	rate-of-bare  the bare handler's CPU time a post, its visitor's with it, divided by the relay's
//	posts/s       what this machine answered, relay and visitors sharing it
//	bare/s        the same with the bare handler
func BenchmarkAcceptTogether(b *testing.B) {
	for _, form := range benchForms() {
		b.Run(form.name, func(b *testing.B) {
			ours, theirs, stored := benchServers(b, form)
			together(b, ours, form.body+"warm", loadConnections)
			b.ResetTimer()
			us, took := together(b, ours, form.body, b.N)
			b.StopTimer()
			them, tookThem := together(b, theirs, form.body, b.N)
			stored(b.N + loadConnections)
			b.ReportMetric(float64(b.N)/took.Seconds(), "posts/s")
			b.ReportMetric(float64(b.N)/tookThem.Seconds(), "bare/s")
			b.ReportMetric(float64(them)/float64(us), "rate-of-bare")
		})
	}
}

// BenchmarkMap measures the two parts of an accepted post that are neither HTTP nor the store: reading the body, and making KeyCRM's
// entity of it.
func BenchmarkMap(b *testing.B) {
	set := benchProfiles(b)
	for _, f := range benchForms() {
		p, ok := set.Get(f.profile)
		if !ok {
			b.Fatal("no profile " + f.profile)
		}
		decode := func(b *testing.B) *form.Fields {
			fields, err := form.Decode("application/x-www-form-urlencoded", strings.NewReader(f.body),
				form.Options{Limits: p.Limits, Charset: p.Charset, Size: int64(len(f.body))})
			if err != nil {
				b.Fatal(err)
			}
			return fields
		}
		b.Run(f.name+"/decode", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				decode(b)
			}
		})
		b.Run(f.name+"/map", func(b *testing.B) {
			in := mapping.Input{ID: submission.NewID(), Now: time.Now(), Fields: decode(b), Visitor: mapping.Visitor{IP: "203.0.113.7"}}
			b.ReportAllocs()
			for b.Loop() {
				if p.Mapping.Apply(in).Entity == nil {
					b.Fatal("no entity")
				}
			}
		})
	}
}

// benchServers serve one form's profile, and the bare handler. They give the two addresses to post to. stored fails the benchmark unless
// the relay has stored as many submissions: one that is taken for the repeat of another costs less.
func benchServers(b *testing.B, form benchForm) (ours, theirs string, stored func(want int)) {
	b.Helper()
	var rows atomic.Int64
	relay := httptest.NewServer(benchRelay(b, &rows))
	b.Cleanup(relay.Close)
	bare := httptest.NewServer(http.HandlerFunc(bareHandler))
	b.Cleanup(bare.Close)
	path := "/forms/" + form.profile
	return relay.URL + path, bare.URL + path, func(want int) {
		if got := int(rows.Load()); got != want {
			b.Fatalf("%d submissions were stored, want %d", got, want)
		}
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

// benchRelay is the intake over a real store, as serve wires it, without a courier. It counts the submissions that it stores.
func benchRelay(b *testing.B, stored *atomic.Int64) http.Handler {
	b.Helper()
	db, err := store.Open(b.Context(), store.Options{
		URL: "sqlite:" + filepath.Join(b.TempDir(), "bench.db"), Log: zerolog.Nop(),
		OnCommit: func(rows int) { stored.Add(int64(rows)) },
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	in, err := intake.New(intake.Config{Profiles: benchProfiles(b), Store: db, Log: zerolog.New(io.Discard)})
	if err != nil {
		b.Fatal(err)
	}
	router := chi.NewRouter()
	in.Routes(router)
	return router
}

// benchProfiles are the shipped ones.
func benchProfiles(b *testing.B) *profile.Set {
	b.Helper()
	set, err := profile.LoadDir(filepath.Join("..", "..", "deploy", "profiles"), profile.Options{Accounts: []string{config.MainAccount}})
	if err != nil {
		b.Fatal(err)
	}
	return set
}

// together posts n times from this process and gives the CPU time and the time that took.
func together(b *testing.B, address, body string, n int) (cpu, took time.Duration) {
	b.Helper()
	before, began := cpuTime(b), time.Now()
	if err := postMany(address, body, n); err != nil {
		b.Fatal(err)
	}
	return cpuTime(b) - before, time.Since(began)
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

// formload is the other process: formload ADDRESS N posts standard input N times, as postMany does, and fails on any answer but 303.
func formload() {
	n, err := strconv.Atoi(os.Args[2])
	body, unread := io.ReadAll(os.Stdin)
	if err = errors.Join(err, unread); err == nil {
		err = postMany(os.Args[1], string(body), n)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "formload:", err)
		os.Exit(1)
	}
}

// postMany posts a body n times over loadConnections connections, each time with another number behind its last value: the same post
// twice would be one submission.
func postMany(address, body string, n int) error {
	client := browser()
	client.Transport = &http.Transport{MaxIdleConnsPerHost: loadConnections}
	defer client.CloseIdleConnections()
	turns := make(chan int, n)
	for turn := range n {
		turns <- turn
	}
	close(turns)
	failures := make([]error, loadConnections)
	var visitors sync.WaitGroup
	for i := range loadConnections {
		visitors.Go(func() {
			for turn := range turns {
				if failures[i] = postOnce(client, address, body+strconv.Itoa(turn)); failures[i] != nil {
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
