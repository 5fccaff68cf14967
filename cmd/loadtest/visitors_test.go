package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"formrelay/internal/keycrm/sandbox"
)

func straight(profile string) string { return "/forms/" + profile }

// Each post goes out once, as its own form, and is counted by what its visitor saw.
func TestDriveCountsEachFateOnce(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.PostFormValue("name")
		mu.Lock()
		seen[name]++
		mu.Unlock()
		switch number(name) % 4 {
		case 0:
			w.Header().Set("Location", r.URL.Path+"/ID"+name[strings.LastIndexByte(name, ' ')+1:]+"?lang=uk")
			w.WriteHeader(http.StatusSeeOther)
		case 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			panic(http.ErrAbortHandler) // the connection is cut
		}
	}))
	defer server.Close()
	c := crowd{visitors: 3, rate: 10_000, length: time.Minute, forms: forms("both"), limit: 40}
	posts, missed := c.drive(t.Context(), target{addresses: []string{server.URL}, path: straight})
	mu.Lock()
	defer mu.Unlock()
	if len(posts) != 40 || missed != 0 || len(seen) != 40 {
		t.Fatalf("%d posts, %d missed, %d seen", len(posts), missed, len(seen))
	}
	for name, n := range seen {
		if n != 1 {
			t.Errorf("%q was sent %d times", name, n)
		}
	}
	want := []fate{acknowledged, turnedAway, unknown, unknown}
	for _, p := range posts {
		if p.fate != want[p.seq%4] {
			t.Errorf("post %d: fate %d", p.seq, p.fate)
		}
		if p.fate == acknowledged && (!strings.HasPrefix(p.id, "ID") || number(" "+p.id[2:]) != p.seq) {
			t.Errorf("post %d: id %q", p.seq, p.id)
		}
	}
}

// When nobody listens, nothing was sent.
func TestDriveRefused(t *testing.T) {
	t.Parallel()
	address, err := freeAddress(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := crowd{visitors: 2, rate: 1000, length: time.Minute, forms: forms("order"), limit: 10}
	posts, _ := c.drive(t.Context(), target{addresses: []string{"http://" + address}, path: straight})
	if n := count(posts, refused); n != 10 {
		t.Errorf("%d of %d refused", n, len(posts))
	}
}

// A post's latency counts from when it was due, so that a server that stands still is not measured by the few posts that met it.
func TestLatencyCountsFromWhenItWasDue(t *testing.T) {
	t.Parallel()
	var once atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if once.CompareAndSwap(false, true) {
			pause(r.Context(), 300*time.Millisecond)
		}
	}))
	defer server.Close()
	c := crowd{visitors: 1, rate: 100, length: time.Minute, forms: forms("callback"), limit: 20}
	posts, _ := c.drive(t.Context(), target{addresses: []string{server.URL}, path: straight})
	late := 0
	for _, p := range posts {
		late += one(p.latency > 100*time.Millisecond)
	}
	if late < 10 {
		t.Errorf("only %d of %d posts were late, and the server stood still while 20 were due", late, len(posts))
	}
}

// What KeyCRM gets says which post and which submission it is.
func TestFormsCanBeReadBack(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"callback", "order", "both"} {
		for _, f := range forms(kind) {
			values, err := url.ParseQuery(f.body(1234))
			if err != nil || number(values.Get("name")) != 1234 {
				t.Errorf("%s: %v %v", f.profile, err, values)
			}
		}
	}
	for _, c := range []struct {
		received sandbox.Received
		want     entity
	}{
		{order(5, "A"), entity{5, "A"}},
		{card(6, "B"), entity{6, "B"}},
		{sandbox.Received{Body: []byte(`{"buyer":{"full_name":"Олена"}}`)}, entity{-1, ""}},
		{sandbox.Received{Body: []byte(`broken`)}, entity{-1, ""}},
	} {
		if got := read(c.received); got != c.want {
			t.Errorf("%s: %v, want %v", c.received.Body, got, c.want)
		}
	}
}

// KeyCRM can be gone, come back at the same address, and be out of order; every call is noted.
func TestCRMVanishesAndComesBack(t *testing.T) {
	t.Parallel()
	c, err := startCRM(t.Context(), 60, time.Minute, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	status := func() int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url()+"/order", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+crmToken)
		request.Close = true
		response, err := (&http.Client{Transport: &http.Transport{}}).Do(request)
		if err != nil {
			return 0
		}
		response.Body.Close()
		return response.StatusCode
	}
	if got := status(); got != http.StatusOK {
		t.Fatalf("answers %d", got)
	}
	c.shut()
	if got := status(); got != 0 {
		t.Errorf("gone, it answers %d", got)
	}
	if err := c.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.out.Store(true)
	if got := status(); got != http.StatusServiceUnavailable {
		t.Errorf("out of order, it answers %d", got)
	}
	if n := len(c.called()); n != 2 {
		t.Errorf("%d calls noted", n)
	}
	c.note("kill -9 %s", "relay1")
	file := filepath.Join(t.TempDir(), "events.log")
	if err := c.writeEvents(file); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if lines := strings.Split(strings.TrimSpace(string(text)), "\n"); err != nil || len(lines) != 2 ||
		!strings.HasSuffix(lines[0], " 200 GET /order?") || !strings.HasSuffix(lines[1], " kill -9 relay1") {
		t.Errorf("%v\n%s", err, text)
	}
}

// A port that a relay listens on must never be one that a visitor's connection can be given.
func TestFreeAddressLiesBelowTheSystemsPorts(t *testing.T) {
	t.Parallel()
	address, err := freeAddress(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil || host != "127.0.0.1" || number(" "+port) < firstPort || number(" "+port) >= lastPort {
		t.Errorf("%s %v", address, err)
	}
}

// Each way to fail is laid at least once with the entity stored and once without, where it can be either.
func TestWaysAreAccepted(t *testing.T) {
	t.Parallel()
	ways := breaker{plan: plan{loadCmd: loadCmd{Timeout: time.Second}}}.ways()
	box := sandbox.New(sandbox.Options{})
	defer box.Close()
	var kinds []sandbox.FaultKind
	for _, w := range ways {
		if w == nil {
			continue
		}
		kinds = append(kinds, w.Kind)
		if err := box.Inject(*w); err != nil {
			t.Error(err)
		}
	}
	for _, kind := range sandbox.FaultKinds() {
		if kind != sandbox.Status && !slices.Contains(kinds, kind) {
			t.Errorf("KeyCRM never fails by %s", kind)
		}
	}
}
