package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"formrelay/internal/keycrm/sandbox"
	"formrelay/internal/store/pgtest"
)

// told is what one post of a crowd was told.
type told struct {
	status     int
	retryAfter string
	id         string
	took       time.Duration
}

// crowd is visitors who post leads and orders in turn, each under a name of its own, until they are sent home.
type crowd struct {
	post func(form, body string) (told, error)

	posts   atomic.Int64
	mu      sync.Mutex
	answers []told
	failed  []error
	running sync.WaitGroup
	leave   context.CancelFunc
}

// gather begins to post.
func gather(t *testing.T, visitors int, post func(form, body string) (told, error)) *crowd {
	t.Helper()
	c := &crowd{post: post}
	ctx, cancel := context.WithCancel(t.Context())
	c.leave = cancel
	t.Cleanup(c.home)
	for range visitors {
		c.running.Go(func() {
			for ctx.Err() == nil {
				c.one()
				breathe(ctx)
			}
		})
	}
	return c
}

// breathe is a visitor's pause between two posts: a crowd without it is faster than any KeyCRM, and its backlog takes the test's time.
func breathe(ctx context.Context) {
	select {
	case <-time.After(40 * time.Millisecond):
	case <-ctx.Done():
	}
}

// one posts once.
func (c *crowd) one() {
	began := time.Now()
	n := c.posts.Add(1)
	form := "lead"
	if n%2 == 0 {
		form = "order"
	}
	got, err := c.post(form, fmt.Sprintf("name=Visitor+%d&phone=0501112233", n))
	got.took = time.Since(began)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.failed = append(c.failed, err)
		return
	}
	c.answers = append(c.answers, got)
}

// home ends the posting and waits for the last answers.
func (c *crowd) home() {
	c.leave()
	c.running.Wait()
}

// count says how many have been answered with a status.
func (c *crowd) count(status int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, a := range c.answers {
		if a.status == status {
			n++
		}
	}
	return n
}

// more waits until so many further posts have been answered with a status.
func (c *crowd) more(t *testing.T, n, status int) {
	t.Helper()
	want := c.count(status) + n
	eventually(t, fmt.Sprintf("%d more answers are %d", n, status), func() bool { return c.count(status) >= want })
}

// check expects every post to have been answered, by 202 or by a 503 that says when to come back, soon, and every acknowledged one to be in
// KeyCRM once. It waits until they are.
func (c *crowd) check(t *testing.T, box *sandbox.Sandbox, longest time.Duration) {
	t.Helper()
	c.home()
	for _, err := range c.failed {
		t.Errorf("a post failed: %v", err)
	}
	var ids []string
	for _, a := range c.answers {
		switch {
		case a.status == http.StatusAccepted:
			ids = append(ids, a.id)
		case a.status != http.StatusServiceUnavailable || a.retryAfter == "":
			t.Errorf("answered %d with Retry-After %q", a.status, a.retryAfter)
		}
		if a.took > longest {
			t.Errorf("a visitor waited %s", a.took)
		}
	}
	var times map[string]int
	eventually(t, "all that was acknowledged is in KeyCRM", func() bool {
		times = arrived(t, box)
		for _, id := range ids {
			if times[id] == 0 {
				return false
			}
		}
		return true
	})
	for id, n := range times {
		if n != 1 {
			t.Errorf("%s arrived %d times", id, n)
		}
	}
	t.Logf("%d posts, %d acknowledged, %d answered 503, %d in KeyCRM", len(c.answers), len(ids), len(c.answers)-len(ids), len(times))
}

// arrived counts the entities in KeyCRM by the submission's id that they carry.
func arrived(t *testing.T, box *sandbox.Sandbox) map[string]int {
	t.Helper()
	times := map[string]int{}
	for _, card := range box.Cards() {
		times[mark(t, card.Body)]++
	}
	for _, order := range box.Orders() {
		var body struct {
			UUID string `json:"source_uuid"`
		}
		if err := json.Unmarshal(order.Body, &body); err != nil {
			t.Fatal(err)
		}
		times[body.UUID]++
	}
	return times
}

// direct posts to one address.
func direct(address func() string) func(form, body string) (told, error) {
	client := browser()
	return func(form, body string) (told, error) {
		request, err := http.NewRequest(http.MethodPost, address()+"/forms/"+form, strings.NewReader(body))
		if err != nil {
			return told{}, err
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Accept", "application/json")
		response, err := client.Do(request)
		if err != nil {
			return told{}, err
		}
		defer response.Body.Close()
		var said struct{ ID string }
		if err := json.NewDecoder(response.Body).Decode(&said); err != nil {
			return told{}, err
		}
		return told{status: response.StatusCode, retryAfter: response.Header.Get("Retry-After"), id: said.ID}, nil
	}
}

// The disk that holds the database is full: posts are answered 503 with Retry-After, what was acknowledged stays and is sent, and when
// there is room the relay goes on by itself.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	profiles := filepath.Join(folder, "profiles")
	if err := writeProfiles(profiles); err != nil {
		t.Fatal(err)
	}
	box, address := crm(t, sandbox.Options{Limit: -1})
	disk := filepath.Join(folder, "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	relay, inside := serveOnSmallDisk(t, disk, "32m", "--profiles", profiles, "--keycrm-url", address, "--keycrm-pace", "5000/1s",
		"--database", "sqlite:"+filepath.Join(disk, "formrelay.db"))
	c := gather(t, 3, direct(func() string { return relay.address }))
	c.more(t, 20, http.StatusAccepted)
	ballast := filepath.Join(inside, "ballast")
	fill(t, ballast)
	c.more(t, 20, http.StatusServiceUnavailable)
	eventually(t, "/readyz says that the disk is full", func() bool {
		response, err := http.Get(relay.ops + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		return err == nil && response.StatusCode == http.StatusServiceUnavailable && strings.Contains(string(text), "full")
	})
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	c.more(t, 20, http.StatusAccepted)
	c.check(t, box, patience)
	if !strings.Contains(relay.log.String(), "the disk that holds the database is full") {
		t.Errorf("the log does not say that the disk is full:\n%.3000s", relay.log)
	}
}

// serveOnSmallDisk is serve with a file system of its own on folder, which nobody else sees: it lies at inside for this process. Where the
// machine does not allow that, the test is skipped.
func serveOnSmallDisk(t *testing.T, folder, size string, args ...string) (p *process, inside string) {
	t.Helper()
	mount := `mount -t tmpfs -o size=` + size + ` formrelay "$0" && exec "$@"`
	if out, err := exec.CommandContext(t.Context(), "unshare", "--map-root-user", "--mount", "sh", "-c", mount, folder, "true").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: no small file system can be made here: %v %s", err, out)
	}
	p = serveBy(t, []string{"KEYCRM_TOKEN=" + sandboxToken}, []string{"unshare", "--map-root-user", "--mount", "sh", "-c", mount, folder, "formrelay"}, args...)
	return p, filepath.Join("/proc", strconv.Itoa(p.command.Process.Pid), "root", folder)
}

// fill writes a file until there is no room left.
func fill(t *testing.T, file string) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, piece := range []int{1 << 20, 4 << 10} {
		for err = nil; err == nil; {
			_, err = f.Write(bytes.Repeat([]byte("x"), piece))
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk was to become full: %v", err)
	}
}

// fleetOn starts relays on one PostgreSQL database, and gives what starts one more.
func fleetOn(t *testing.T, n int, database string) (box *sandbox.Sandbox, relays []*process, start func() *process) {
	t.Helper()
	profiles := filepath.Join(t.TempDir(), "profiles")
	if err := writeProfiles(profiles); err != nil {
		t.Fatal(err)
	}
	box, address := crm(t, sandbox.Options{Limit: -1})
	start = func() *process {
		return serve(t, []string{"KEYCRM_TOKEN=" + sandboxToken}, "--profiles", profiles, "--database", database, "--keycrm-url", address,
			"--keycrm-pace", "5000/1s", "--keycrm-timeout", "2s", "--keycrm-settle", "1s")
	}
	for range n {
		relays = append(relays, start())
	}
	return box, relays, start
}

// PostgreSQL goes away while visitors post, for 30 s when FORMRELAY_LONG is set: they are told so in time, and afterwards everything goes
// on by itself and nothing that was acknowledged is lost.
func TestPostgresAwayUnderLoad(t *testing.T) {
	t.Parallel()
	away := time.Second
	if os.Getenv("FORMRELAY_LONG") != "" {
		away = 30 * time.Second
	}
	server := pgtest.New("fsync=on")
	t.Cleanup(server.Close)
	box, relays, _ := fleetOn(t, 2, server.Database(t))
	var turn atomic.Int64
	c := gather(t, 4, direct(func() string { return relays[turn.Add(1)%2].address }))
	c.more(t, 25, http.StatusAccepted)
	server.Stop(t)
	gone := time.NewTimer(away)
	c.more(t, 20, http.StatusServiceUnavailable)
	<-gone.C
	server.Start(t)
	c.more(t, 25, http.StatusAccepted)
	c.check(t, box, 10*time.Second)
}

// balancer passes posts on to one of several relays, and to another one when a connection is refused or closed before an answer.
type balancer struct {
	mu     sync.Mutex
	relays []string
	turn   int
}

func (b *balancer) set(i int, address string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.relays[i] = address
}

// order gives the addresses in the order in which one post tries them.
func (b *balancer) order() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn++
	first := b.turn % len(b.relays)
	return append(slices.Clone(b.relays[first:]), b.relays[:first]...)
}

// post tries each relay once.
func (b *balancer) post(form, body string) (told, error) {
	var tries []error
	for _, address := range b.order() {
		got, err := direct(func() string { return address })(form, body)
		if err == nil {
			return got, nil
		}
		tries = append(tries, err)
	}
	return told{}, errors.Join(tries...)
}

// Two replicas are restarted in turn while visitors post through a balancer: no post fails, none is doubled.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	server := pgtest.New()
	t.Cleanup(server.Close)
	box, relays, start := fleetOn(t, 2, server.Database(t))
	b := &balancer{relays: []string{relays[0].address, relays[1].address}}
	c := gather(t, 4, b.post)
	for range 2 {
		for i, relay := range relays {
			c.more(t, 25, http.StatusAccepted)
			if code := relay.stop(); code != 0 {
				t.Errorf("exit %d:\n%s", code, relay.log)
			}
			c.more(t, 25, http.StatusAccepted)
			relays[i] = start()
			b.set(i, relays[i].address)
		}
	}
	c.more(t, 25, http.StatusAccepted)
	c.check(t, box, patience)
	if n := c.count(http.StatusServiceUnavailable); n > 0 {
		t.Errorf("%d posts were answered 503", n)
	}
	if posts, entities := len(c.answers), len(arrived(t, box)); entities != posts {
		t.Errorf("%d posts made %d entities", posts, entities)
	}
}

// KeyCRM answers nothing but 503 for a while, with a backlog: no more than ten submissions are in doubt, and then the backlog goes out at
// the full pace.
func TestOutageWithABacklog(t *testing.T) {
	t.Parallel()
	const count, calls, window = 120, 40, time.Second
	var out atomic.Bool
	box := sandbox.New(sandbox.Options{Token: sandboxToken, Limit: calls, Window: window})
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if out.Load() {
			http.Error(w, `{"message":"Service Unavailable"}`, http.StatusServiceUnavailable)
			return
		}
		box.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { box.Close(); front.Close() })
	out.Store(true)
	s := newSite(t, sandbox.Options{}, nil, "--keycrm-url", front.URL+"/v1", "--keycrm-pace", fmt.Sprintf("%d/%s", calls, window))
	for i := range count {
		s.submit("lead", url.Values{"name": {fmt.Sprint("Visitor ", i)}, "phone": {"0501112233"}})
	}
	eventually(t, "the relay has noticed the outage", func() bool { return strings.Contains(s.log.String(), "KeyCRM does not answer") })
	listed, _, _ := formrelay(t, "submissions", "list", "--state", "uncertain", "--json", "--limit", "1000", "--database", s.database)
	if n := strings.Count(listed, "\n"); n > 10 {
		t.Errorf("%d submissions are uncertain", n)
	}
	out.Store(false)
	eventually(t, "all have arrived", func() bool { return len(box.Cards()) == count })
	made := box.Cards()
	// At the full pace it is two windows; one call at a time, as an outage has them, would be minutes. In between lies a busy machine.
	if took, most := made[count-1].At.Sub(made[count/2].At), 10*(count/2/calls+1)*window; took > most {
		t.Errorf("the second half of the backlog took %s, at the full pace it is much less than %s", took, most)
	}
}
