package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"formrelay/internal/keycrm/sandbox"
)

// crmToken is the token that the stand-in takes; it opens nothing else.
const crmToken = "sandbox"

// crm is the stand-in for KeyCRM behind a front that can be slow, be out of order and be gone. The front notes every call that comes
// in, those too that the stand-in never sees.
type crm struct {
	box     *sandbox.Sandbox
	address string // host:port; the same after it was gone
	delay   time.Duration
	out     atomic.Bool  // answers 503 to everything
	creates atomic.Int64 // calls to make an entity, so far
	all     atomic.Int64 // calls of any kind

	mu     sync.Mutex
	calls  []time.Time
	notes  []event
	server *http.Server
	served chan struct{} // closed when server has ended
}

// startCRM starts the stand-in on a free port of loopback.
func startCRM(ctx context.Context, calls int, window, delay time.Duration) (*crm, error) {
	c := &crm{box: sandbox.New(sandbox.Options{Token: crmToken, Limit: calls, Window: window}), delay: delay}
	var err error
	if c.address, err = freeAddress(ctx); err != nil {
		return nil, err
	}
	return c, c.open(ctx)
}

// url is the API's address.
func (c *crm) url() string { return "http://" + c.address + "/v1" }

// open begins to listen.
func (c *crm) open(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.address)
	if err != nil {
		return fmt.Errorf("the stand-in for KeyCRM cannot listen: %w", err)
	}
	server, served := &http.Server{Handler: c, ReadHeaderTimeout: 10 * time.Second}, make(chan struct{})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.server, c.served = server, served
	go func() {
		defer close(served)
		_ = server.Serve(listener) // it ends by being closed
	}()
	return nil
}

// shut closes the listener and every connection.
func (c *crm) shut() {
	c.mu.Lock()
	server, served := c.server, c.served
	c.mu.Unlock()
	_ = server.Close() // it is being cut on purpose
	<-served
}

// vanish refuses connections for d, calls under way are cut.
func (c *crm) vanish(ctx context.Context, d time.Duration) error {
	c.shut()
	pause(ctx, d)
	return c.open(context.WithoutCancel(ctx))
}

// close ends the stand-in and all that hangs in it.
func (c *crm) close() {
	c.box.Close()
	c.shut()
}

// ServeHTTP notes the call and passes it on after the delay.
func (c *crm) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.calls = append(c.calls, time.Now())
	c.mu.Unlock()
	c.all.Add(1)
	if r.Method == http.MethodPost {
		c.creates.Add(1)
	}
	if c.delay > 0 {
		pause(r.Context(), c.delay)
	}
	if c.out.Load() {
		http.Error(w, `{"message":"Service Unavailable"}`, http.StatusServiceUnavailable)
		return
	}
	c.box.ServeHTTP(w, r)
}

// seen is how many calls came in so far, or how many of them were to make an entity.
func (c *crm) seen(creates bool) int64 {
	if creates {
		return c.creates.Load()
	}
	return c.all.Load()
}

// await returns when so many calls have come in, or ctx has ended.
func (c *crm) await(ctx context.Context, creates bool, n int64) {
	for c.seen(creates) < n && pause(ctx, 10*time.Millisecond) {
	}
}

// event is something that happened, for whoever looks into a run afterwards.
type event struct {
	at   time.Time
	text string
}

// note writes down what was broken.
func (c *crm) note(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notes = append(c.notes, event{time.Now(), fmt.Sprintf(format, args...)})
}

// writeEvents writes what was broken and every call with its answer into a file, in order. A call that KeyCRM was out of order for
// is not in it.
func (c *crm) writeEvents(file string) error {
	c.mu.Lock()
	events := slices.Clone(c.notes)
	c.mu.Unlock()
	for _, call := range c.box.Calls() {
		events = append(events, event{call.At, fmt.Sprintf("%d %s %s?%s", call.Status, call.Method, call.Path, call.Query)})
	}
	slices.SortStableFunc(events, func(a, b event) int { return a.at.Compare(b.at) })
	var text bytes.Buffer
	for _, e := range events {
		fmt.Fprintf(&text, "%s %s\n", e.at.UTC().Format("2006-01-02T15:04:05.000Z"), e.text)
	}
	return os.WriteFile(file, text.Bytes(), 0o600)
}

// called gives when each call came in, in order.
func (c *crm) called() []time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.calls)
}

// refusals counts the answers that said no for good to a create: as many submissions at most can be rejected.
func (c *crm) refusals() (n int) {
	for _, call := range c.box.Calls() {
		switch call.Status {
		case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity:
			if call.Method == http.MethodPost {
				n++
			}
		}
	}
	return n
}

// limited counts the answers 429.
func (c *crm) limited() (n int) {
	for _, call := range c.box.Calls() {
		if call.Status == http.StatusTooManyRequests {
			n++
		}
	}
	return n
}

// busiest gives the most calls within any span of that length.
func busiest(calls []time.Time, span time.Duration) int {
	most, first := 0, 0
	for last := range calls {
		for calls[last].Sub(calls[first]) >= span {
			first++
		}
		most = max(most, last-first+1)
	}
	return most
}

// shareOfPace is calls / (limit × (1 + whole windows from the first call to the last)).
func shareOfPace(calls []time.Time, limit int, window time.Duration) float64 {
	if len(calls) == 0 {
		return 0
	}
	windows := 1 + int(calls[len(calls)-1].Sub(calls[0])/window)
	return float64(len(calls)) / float64(limit*windows)
}

// The ports that a process is given to listen on lie below those that the system gives to connections. Else a visitor who knocks at
// a relay that was just killed could be given that very port, connect to itself, and keep the relay from coming back.
const (
	firstPort = 20_000
	lastPort  = 30_000
)

// freeAddress gives an address of loopback that nobody listens on at the moment.
func freeAddress(ctx context.Context) (string, error) {
	for range 100 {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(firstPort+rand.IntN(lastPort-firstPort))) //nolint:gosec // no secret
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
		if err == nil {
			return address, listener.Close()
		}
	}
	return "", errors.New("found no free port on loopback")
}
