package keycrm_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"formrelay/internal/keycrm"
	"formrelay/internal/keycrm/sandbox"
)

// marker is the token of these tests: it must come out nowhere.
const marker = "MARKER-token-7f3a"

const (
	order = `{"source_id":22,"source_uuid":"01JABC","buyer":{"full_name":"Олена","phone":"+380501112233"}}`
	card  = `{"contact":{"full_name":"Олена"},"source_id":7,"manager_comment":"[formrelay 01JABC]\nName: x"}`
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newClient returns a client of a server, with a transport of its own that ends with the test.
func newClient(t *testing.T, base string, change ...func(*keycrm.Options)) *keycrm.Client {
	t.Helper()
	o := keycrm.Options{BaseURL: base, Token: func() (string, error) { return marker + "\n", nil }, UserAgent: "formrelay/test"}
	for _, f := range change {
		f(&o)
	}
	c, err := keycrm.NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// newSandbox returns a sandbox behind a real listener and a client of it.
func newSandbox(t *testing.T, o sandbox.Options) (*sandbox.Sandbox, *keycrm.Client) {
	t.Helper()
	o.Token = marker
	box := sandbox.New(o)
	server := httptest.NewServer(box)
	t.Cleanup(server.Close)
	t.Cleanup(box.Close)
	return box, newClient(t, server.URL+"/v1/")
}

func inject(t *testing.T, box *sandbox.Sandbox, f sandbox.Fault) {
	t.Helper()
	if err := box.Inject(f); err != nil {
		t.Fatal(err)
	}
}

// within bounds a call that is to run into its deadline.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// noSecrets fails when an answer shows the token.
func noSecrets(t *testing.T, a any) {
	t.Helper()
	if text := fmt.Sprintf("%+v", a); strings.Contains(text, marker) {
		t.Errorf("the token is in %s", text)
	}
}

func TestCreate(t *testing.T) {
	t.Parallel()
	box, c := newSandbox(t, sandbox.Options{})
	for kind, body := range map[keycrm.Kind]string{keycrm.KindOrder: order, keycrm.KindCard: card} {
		before := time.Now()
		a := c.Create(t.Context(), kind, []byte(body), time.Now().Add(time.Minute))
		if a.Outcome != keycrm.Done || a.ID == 0 || a.Status != http.StatusCreated || a.Started.Before(before) || a.Ended.Before(a.Started) {
			t.Fatalf("%s: %+v", kind, a)
		}
		received := map[keycrm.Kind][]sandbox.Received{keycrm.KindOrder: box.Orders(), keycrm.KindCard: box.Cards()}[kind]
		if len(received) != 1 || received[0].ID != a.ID || string(received[0].Body) != body {
			t.Errorf("%s: the sandbox has %+v", kind, received)
		}
	}
	if a := c.Create(t.Context(), "lead", []byte(order), time.Time{}); a.Outcome != keycrm.Rejected {
		t.Errorf("a kind that is none: %+v", a)
	}
	if a := c.Create(t.Context(), keycrm.KindOrder, nil, time.Time{}); a.Outcome != keycrm.Rejected {
		t.Errorf("an empty body: %+v", a)
	}
	if got := len(box.Calls()); got != 2 {
		t.Errorf("%d calls, want 2", got)
	}
}

// TestHeaders: what the script sends, a User-Agent, and nothing by which net/http would send a POST twice.
func TestHeaders(t *testing.T) {
	t.Parallel()
	got := make(chan *http.Request, 2)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got <- r
		w.WriteHeader(http.StatusCreated)
	}))
	t.Cleanup(server.Close)
	c := newClient(t, server.URL+"/deep/v1")
	c.Create(t.Context(), keycrm.KindOrder, []byte(order), time.Time{})
	r := <-got
	want := http.Header{
		"Content-Type": {"application/json"}, "Accept": {"application/json"}, "Cache-Control": {"no-cache"}, "Pragma": {"no-cache"},
		"Authorization": {"Bearer " + marker}, "User-Agent": {"formrelay/test"}, "Accept-Encoding": {"gzip"}, "Connection": {"close"},
		"Content-Length": {strconv.Itoa(len(order))},
	}
	if diff := cmp.Diff(want, r.Header); diff != "" {
		t.Error(diff)
	}
	if r.Method != http.MethodPost || r.RequestURI != "/deep/v1/order" {
		t.Errorf("%s %s", r.Method, r.RequestURI)
	}
	c.Find(t.Context(), keycrm.Query{Kind: keycrm.KindOrder, SourceUUID: "a b"}, 0, time.Time{})
	if r = <-got; r.RequestURI != "/deep/v1/order?filter[source_uuid]=a%20b&limit=50&page=1" || r.Header.Get("Content-Type") != "" {
		t.Errorf("%s %v", r.RequestURI, r.Header)
	}
}

// TestFaults makes each way a call can go wrong happen, and counts what KeyCRM has afterwards.
func TestFaults(t *testing.T) {
	t.Parallel()
	const patience = 150 * time.Millisecond
	json := func(status int, body string) sandbox.Fault {
		return sandbox.Fault{Kind: sandbox.Status, Status: status, Body: body}
	}
	tests := []struct {
		name    string
		fault   sandbox.Fault
		outcome keycrm.Outcome
		status  int
		stored  int
		retry   time.Duration
	}{
		{"slow", sandbox.Fault{Kind: sandbox.Slow, Delay: time.Millisecond}, keycrm.Done, 201, 1, 0},
		{"packed", sandbox.Fault{Kind: sandbox.Gzip}, keycrm.Done, 201, 1, 0},
		{"hangs before storing", sandbox.Fault{Kind: sandbox.Hang}, keycrm.Uncertain, 0, 0, 0},
		{"hangs after storing", sandbox.Fault{Kind: sandbox.Hang, Stored: true}, keycrm.Uncertain, 0, 1, 0},
		{"cut before storing", sandbox.Fault{Kind: sandbox.Cut}, keycrm.Uncertain, 0, 0, 0},
		{"cut after storing", sandbox.Fault{Kind: sandbox.Cut, Stored: true}, keycrm.Uncertain, 0, 1, 0},
		{"half an answer", sandbox.Fault{Kind: sandbox.Short}, keycrm.Uncertain, 201, 1, 0},
		{"500", json(500, ""), keycrm.Uncertain, 500, 0, 0},
		{"500 after storing", sandbox.Fault{Kind: sandbox.Status, Status: 500, Stored: true}, keycrm.Uncertain, 500, 1, 0},
		{"502", json(502, "<h1>Bad Gateway</h1>"), keycrm.Uncertain, 502, 0, 0},
		{"503 that says when", sandbox.Fault{Kind: sandbox.Status, Status: 503, RetryAfter: "120"}, keycrm.Uncertain, 503, 0, 2 * time.Minute},
		{"429 that says when", sandbox.Fault{Kind: sandbox.Status, Status: 429, RetryAfter: "30"}, keycrm.Limited, 429, 0, 30 * time.Second},
		{"429 that does not", json(429, `{"message":"Too Many Attempts."}`), keycrm.Limited, 429, 0, 0},
		{"408", json(408, `{"message":"late"}`), keycrm.Uncertain, 408, 0, 0},
		{"401", sandbox.Fault{Kind: sandbox.Unauthorised}, keycrm.Unauthorised, 401, 0, 0},
		{"400", json(400, `{"message":"Leads are not enabled"}`), keycrm.Rejected, 400, 0, 0},
		{"403", json(403, `{"message":"wrong arguments"}`), keycrm.Rejected, 403, 0, 0},
		{"404 of KeyCRM", json(404, `{"message":"not found"}`), keycrm.Rejected, 404, 0, 0},
		{"404 of another server", json(404, "<h1>Not Found</h1>"), keycrm.WrongAddress, 404, 0, 0},
		{"405 of another server", json(405, ""), keycrm.WrongAddress, 405, 0, 0},
		{"422", json(422, `{"message":"no","errors":{"buyer.email":["no"]}}`), keycrm.Rejected, 422, 0, 0},
		{"422 naming source_uuid", json(422, `{"message":"no","errors":{"source_uuid":["taken"]}}`), keycrm.Duplicate, 422, 0, 0},
		{"a redirect", sandbox.Fault{Kind: sandbox.Redirect}, keycrm.Uncertain, 302, 0, 0},
		{"a page with 200", sandbox.Fault{Kind: sandbox.HTML}, keycrm.Uncertain, 200, 0, 0},
		{"a page with 201", sandbox.Fault{Kind: sandbox.HTML, Status: 201, Stored: true}, keycrm.Uncertain, 201, 1, 0},
		{"a token in the answer", json(422, `{"message":"x","errors":{"a `+marker+`":["token `+marker+` is bad"]}}`), keycrm.Rejected, 422, 0, 0},
		{"an answer without end", json(201, `{"id":1,"x":"`+strings.Repeat("x", 1<<20)+`"}`), keycrm.Uncertain, 201, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			box, c := newSandbox(t, sandbox.Options{})
			inject(t, box, tt.fault)
			ctx := t.Context()
			if tt.fault.Kind == sandbox.Hang {
				ctx = within(t, patience)
			}
			a := c.Create(ctx, keycrm.KindOrder, []byte(order), time.Now().Add(time.Minute))
			if a.Outcome != tt.outcome || a.Status != tt.status || a.RetryAfter != tt.retry {
				t.Errorf("got %+v", a)
			}
			if got := len(box.Orders()); got != tt.stored {
				t.Errorf("%d orders stored, want %d", got, tt.stored)
			}
			if got := len(box.Calls()); got != 1 {
				t.Errorf("%d calls, want one: nothing is repeated and no redirect followed", got)
			}
			noSecrets(t, a)
		})
	}
}

// TestNeverConnected makes every way of not reaching KeyCRM happen: none of them can have made anything.
func TestNeverConnected(t *testing.T) {
	t.Parallel()
	closed, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := closed.Addr().String()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	silent := http.NotFoundHandler()
	foreign := httptest.NewUnstartedServer(silent)
	foreign.Config.ErrorLog = log.New(io.Discard, "", 0)
	foreign.StartTLS()
	plain := httptest.NewServer(silent)
	t.Cleanup(foreign.Close)
	t.Cleanup(plain.Close)
	direct := func(o *keycrm.Options) { o.Transport = &http.Transport{} }
	stuck := func(o *keycrm.Options) {
		o.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}
	}
	tests := []struct {
		name, base, text string
		change           func(*keycrm.Options)
	}{
		{"refused", "http://" + refused + "/v1", "refused the connection", func(*keycrm.Options) {}},
		{"no such name", "http://keycrm.invalid/v1", "cannot be found (DNS)", direct},
		{"a certificate nobody knows", foreign.URL + "/v1", "certificate", func(*keycrm.Options) {}},
		{"no TLS there", strings.Replace(plain.URL, "http:", "https:", 1), "does not speak TLS", func(*keycrm.Options) {}},
		{"a connection that does not come", "http://192.0.2.1/v1", "in time", stuck},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, tt.base, tt.change)
			ctx := within(t, 5*time.Second)
			if strings.HasPrefix(tt.name, "a connection") {
				ctx = within(t, 50*time.Millisecond)
			}
			created := c.Create(ctx, keycrm.KindOrder, []byte(order), time.Time{})
			if created.Outcome != keycrm.NotSent || created.Status != 0 || !strings.Contains(created.Text, tt.text) {
				t.Errorf("create: %+v", created)
			}
			found := c.Find(ctx, keycrm.Query{Kind: keycrm.KindOrder, SourceUUID: "x"}, 1, time.Time{})
			if found.Outcome != keycrm.NotSent || found.Found != 0 || found.More {
				t.Errorf("find: %+v", found)
			}
			noSecrets(t, created)
			noSecrets(t, found)
		})
	}
}

func TestCalledOff(t *testing.T) {
	t.Parallel()
	box, c := newSandbox(t, sandbox.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if a := c.Create(ctx, keycrm.KindOrder, []byte(order), time.Time{}); a.Outcome != keycrm.NotSent {
		t.Errorf("before the call: %+v", a)
	}
	inject(t, box, sandbox.Fault{Kind: sandbox.Hang, Times: -1})
	if a := c.Check(within(t, 50*time.Millisecond), time.Time{}); a.Outcome != keycrm.Uncertain {
		t.Errorf("a reading call that hung: %+v", a)
	}
	arrived, gone := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		close(arrived)
		<-r.Context().Done()
		close(gone)
	}))
	t.Cleanup(server.Close)
	waiting := newClient(t, server.URL)
	ctx, cancel = context.WithCancel(t.Context())
	answered := make(chan keycrm.Answer)
	go func() { answered <- waiting.Create(ctx, keycrm.KindOrder, []byte(order), time.Time{}) }()
	<-arrived
	cancel()
	if a := <-answered; a.Outcome != keycrm.Uncertain || !strings.Contains(a.Text, "cut off here") {
		t.Errorf("during the call: %+v", a)
	}
	<-gone
}

// TestNotAfter: past its time a call sends nothing, even when the time runs out between the decision to send and the sending, as
// it does for a machine that was asleep.
func TestNotAfter(t *testing.T) {
	t.Parallel()
	box := sandbox.New(sandbox.Options{Token: marker})
	server := httptest.NewServer(box)
	t.Cleanup(server.Close)

	c := newClient(t, server.URL+"/v1")
	past := time.Now().Add(-time.Millisecond)
	for name, a := range map[string]keycrm.Answer{
		"create": c.Create(t.Context(), keycrm.KindOrder, []byte(order), past),
		"check":  c.Check(t.Context(), past),
		"find":   c.Find(t.Context(), keycrm.Query{Kind: keycrm.KindOrder, SourceUUID: "x"}, 1, past).Answer,
	} {
		if a.Outcome != keycrm.NotSent || !strings.Contains(a.Text, "time was up") {
			t.Errorf("%s before the call: %+v", name, a)
		}
	}

	notAfter := time.Now().Add(50 * time.Millisecond)
	asleep := newClient(t, server.URL+"/v1", func(o *keycrm.Options) {
		o.Transport = &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			<-time.After(time.Until(notAfter) + time.Millisecond)
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}}
	})
	if a := asleep.Create(t.Context(), keycrm.KindOrder, []byte(order), notAfter); a.Outcome != keycrm.NotSent || !strings.Contains(a.Text, "time was up") {
		t.Errorf("while connecting: %+v", a)
	}
	if len(box.Calls()) != 0 || len(box.Orders()) != 0 {
		t.Errorf("the sandbox was called: %+v", box.Calls())
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		token func() (string, error)
		text  string
	}{
		{"none", func() (string, error) { return " \n", nil }, "no KeyCRM token"},
		{"its file is gone", func() (string, error) { return "", errors.New("the file /run/secrets/keycrm is not there") }, "The file /run/secrets/keycrm is not there."},
		{"an error beside a token", func() (string, error) { return marker, errors.New("bad " + marker) }, "cannot be read"},
		{"a line break inside", func() (string, error) { return marker + "\nX-Evil: 1", nil }, "line break"},
		{"a blank inside", func() (string, error) { return "Bearer " + marker, nil }, "no token has"},
		{"letters of no token", func() (string, error) { return "токен" + marker, nil }, "no token has"},
		{"a whole file", func() (string, error) { return strings.Repeat(marker, 1000), nil }, "no token has"},
	}
	box := sandbox.New(sandbox.Options{Token: marker})
	server := httptest.NewServer(box)
	t.Cleanup(server.Close)
	for _, tt := range tests {
		c := newClient(t, server.URL+"/v1", func(o *keycrm.Options) { o.Token = tt.token })
		a := c.Create(t.Context(), keycrm.KindOrder, []byte(order), time.Time{})
		if known, usable := c.Usable(); usable || known.Text != a.Text {
			t.Errorf("%s: usable %t, %q", tt.name, usable, known.Text)
		}
		if a.Outcome != keycrm.Unauthorised || a.Status != 0 || !strings.Contains(a.Text, tt.text) {
			t.Errorf("%s: %+v", tt.name, a)
		}
		noSecrets(t, a)
	}
	if got := box.Calls(); len(got) != 0 {
		t.Errorf("calls were made without a token: %+v", got)
	}
	wrong := newClient(t, server.URL+"/v1", func(o *keycrm.Options) { o.Token = func() (string, error) { return "other", nil } })
	if a := wrong.Check(t.Context(), time.Time{}); a.Outcome != keycrm.Unauthorised || a.Status != http.StatusUnauthorized {
		t.Errorf("a wrong token: %+v", a)
	}
}

func TestNewClient(t *testing.T) {
	t.Parallel()
	token := func() (string, error) { return marker, nil }
	for _, base := range []string{
		"", "openapi.keycrm.app/v1", "ftp://keycrm.app/v1", "https://", "https:///v1", "https://user:hunter2@keycrm.app/v1",
		"https://keycrm.app/v1?x=1", "https://keycrm.app/v1#x", "https://keycrm.app/v1?", "https://key crm/v1", "/v1", "https://:443/v1",
	} {
		_, err := keycrm.NewClient(keycrm.Options{BaseURL: base, Token: token})
		if err == nil || !strings.Contains(err.Error(), "https://openapi.keycrm.app/v1") {
			t.Errorf("%q: %v", base, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the password is in %q", err)
		}
	}
	if _, err := keycrm.NewClient(keycrm.Options{BaseURL: "https://openapi.keycrm.app/v1"}); err == nil {
		t.Error("a client without a token function was made")
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	box, c := newSandbox(t, sandbox.Options{})
	if a := c.Check(t.Context(), time.Time{}); a.Outcome != keycrm.Done || a.ID != 0 {
		t.Errorf("%+v", a)
	}
	inject(t, box, sandbox.Fault{Kind: sandbox.HTML})
	if a := c.Check(t.Context(), time.Time{}); a.Outcome != keycrm.Uncertain {
		t.Errorf("a page of HTML: %+v", a)
	}
	inject(t, box, sandbox.Fault{Kind: sandbox.Status, Status: 404, Body: "no"})
	if a := c.Check(t.Context(), time.Time{}); a.Outcome != keycrm.WrongAddress {
		t.Errorf("another server: %+v", a)
	}
	elsewhere := httptest.NewServer(box)
	t.Cleanup(elsewhere.Close)
	if a := newClient(t, elsewhere.URL).Create(t.Context(), keycrm.KindOrder, []byte(order), time.Time{}); a.Outcome != keycrm.WrongAddress {
		t.Errorf("a base URL without /v1: %+v", a)
	}
}

func TestFindOrder(t *testing.T) {
	t.Parallel()
	box, c := newSandbox(t, sandbox.Options{Limit: -1})
	from := time.Now()
	create := func(source int, uuid string) int64 {
		body := fmt.Sprintf(`{"source_id":%d,"source_uuid":%q,"buyer":{"phone":"1"}}`, source, uuid)
		a := c.Create(t.Context(), keycrm.KindOrder, []byte(body), time.Time{})
		if a.Outcome != keycrm.Done {
			t.Fatalf("%+v", a)
		}
		return a.ID
	}
	create(7, "shop-1") // the same number at another source
	want := create(22, "shop-1")
	for i := range 60 { // newer ones whose number holds ours, which the filter matches too
		create(22, fmt.Sprintf("shop-1%d", i))
	}
	q := keycrm.Query{Kind: keycrm.KindOrder, SourceID: 22, SourceUUID: "shop-1", From: from}
	first := c.Find(t.Context(), q, 1, time.Time{})
	if first.Outcome != keycrm.Done || first.Found != 0 || !first.More {
		t.Fatalf("page 1: %+v", first)
	}
	second := c.Find(t.Context(), q, 2, time.Time{})
	if second.Outcome != keycrm.Done || second.Found != want || second.More {
		t.Errorf("page 2: %+v, want %d", second, want)
	}
	if first.First == 0 || second.First == 0 || first.First == second.First {
		t.Errorf("the pages begin with %d and %d", first.First, second.First)
	}
	if again := c.Find(t.Context(), q, 1, time.Time{}); again.First != first.First {
		t.Errorf("the first page begins with %d and then with %d", first.First, again.First)
	}
	q.SourceUUID = "shop-2"
	if p := c.Find(t.Context(), q, 1, time.Time{}); p.Outcome != keycrm.Done || p.Found != 0 || p.More || p.First != 0 {
		t.Errorf("one that is not there: %+v", p)
	}
	q.SourceUUID, q.From = "shop-1", from.Add(time.Hour)
	if p := c.Find(t.Context(), q, 2, time.Time{}); p.Found != 0 {
		t.Errorf("one from before our first call: %+v", p)
	}
	inject(t, box, sandbox.Fault{Kind: sandbox.Status, Status: 500})
	if p := c.Find(t.Context(), q, 1, time.Time{}); p.Outcome != keycrm.Uncertain || p.More {
		t.Errorf("a look-up that failed: %+v", p)
	}
	if p := c.Find(t.Context(), keycrm.Query{Kind: keycrm.KindOrder}, 1, time.Time{}); p.Outcome != keycrm.Uncertain || p.Found != 0 {
		t.Errorf("a look-up of nothing: %+v", p)
	}
}

func TestFindCard(t *testing.T) {
	t.Parallel()
	_, c := newSandbox(t, sandbox.Options{})
	from := time.Now()
	marked := c.Create(t.Context(), keycrm.KindCard, []byte(card), time.Time{})
	inField := c.Create(t.Context(), keycrm.KindCard,
		[]byte(`{"contact":{"phone":"1"},"pipeline_id":2,"custom_fields":[{"uuid":"LD_1023","value":"[formrelay 01JXYZ]"}]}`), time.Time{})
	c.Create(t.Context(), keycrm.KindCard, []byte(`{"contact":{"phone":"1"},"source_id":7,"manager_comment":"by hand"}`), time.Time{})
	q := keycrm.Query{Kind: keycrm.KindCard, SourceID: 7, Mark: "[formrelay 01JABC]", From: from, To: time.Now()}
	if p := c.Find(t.Context(), q, 1, time.Time{}); p.Outcome != keycrm.Done || p.Found != marked.ID {
		t.Errorf("%+v, want %d", p, marked.ID)
	}
	byField := keycrm.Query{Kind: keycrm.KindCard, Mark: "[formrelay 01JXYZ]", MarkField: "LD_1023"}
	if p := c.Find(t.Context(), byField, 1, time.Time{}); p.Found != inField.ID {
		t.Errorf("in its field: %+v, want %d", p, inField.ID)
	}
	q.Mark = "[formrelay 01JNONE]"
	if p := c.Find(t.Context(), q, 1, time.Time{}); p.Outcome != keycrm.Done || p.Found != 0 || p.More {
		t.Errorf("one that is not there: %+v", p)
	}
	q.Mark, q.From, q.To = "[formrelay 01JABC]", from.Add(-2*time.Hour), from.Add(-time.Hour)
	if p := c.Find(t.Context(), q, 1, time.Time{}); p.Found != 0 {
		t.Errorf("outside its time: %+v", p)
	}
}

// rowsOf fails the test unless the list was read.
func rowsOf[T any](t *testing.T, l keycrm.List[T]) []T {
	t.Helper()
	if l.Outcome != keycrm.Done || len(l.Rows) == 0 || l.More {
		t.Errorf("%T: %+v", l, l)
	}
	return l.Rows
}

func TestLists(t *testing.T) {
	t.Parallel()
	box, c := newSandbox(t, sandbox.Options{})
	ctx, zero := t.Context(), time.Time{}
	if rows := rowsOf(t, c.Sources(ctx, 1, zero)); rows[2].ID != 22 || rows[2].Name != "Landing" {
		t.Errorf("sources: %+v", rows)
	}
	if rows := rowsOf(t, c.PaymentMethods(ctx, 1, zero)); !rows[1].Active || rows[3].Active {
		t.Errorf("payment methods: %+v", rows)
	}
	if rows := rowsOf(t, c.DeliveryServices(ctx, 1, zero)); rows[0].SourceName != "novaposhta" {
		t.Errorf("delivery services: %+v", rows)
	}
	rowsOf(t, c.OrderStatuses(ctx, 1, zero))
	if rows := rowsOf(t, c.Pipelines(ctx, 1, zero)); rows[0].Label() != "Заявки" {
		t.Errorf("pipelines: %+v", rows)
	}
	if rows := rowsOf(t, c.PipelineStatuses(ctx, 2, 1, zero)); rows[0].PipelineID != 2 {
		t.Errorf("pipeline statuses: %+v", rows)
	}
	rowsOf(t, c.Users(ctx, 1, zero))
	rows := rowsOf(t, c.CustomFields(ctx, zero))
	if rows[1].UUID != "OR_1022" || !rows[1].Multiple || len(rows[1].Options) == 0 {
		t.Errorf("custom fields: %+v", rows)
	}
	if rows := rowsOf(t, c.Offers(ctx, []string{"B-7", "no such"}, 1, zero)); len(rows) != 1 || rows[0].SKU != "B-7" {
		t.Errorf("offers: %+v", rows)
	}
	inject(t, box, sandbox.Fault{Kind: sandbox.Status, Status: 200, Body: `{"data":[{"id":"not a number"}]}`})
	if l := c.Sources(ctx, 1, zero); l.Outcome != keycrm.Uncertain || l.Rows != nil {
		t.Errorf("a list of another shape: %+v", l)
	}
	if (keycrm.Pipeline{Name: "by the file"}).Label() != "by the file" {
		t.Error("a pipeline's name is not its label")
	}
}

// TestNoConnectionIsKept: a connection that is kept may close under a call, which net/http would then make again or leave uncertain.
func TestNoConnectionIsKept(t *testing.T) {
	t.Parallel()
	var opened atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"id":1}`)
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	c := newClient(t, server.URL)
	for range 5 {
		if a := c.Create(t.Context(), keycrm.KindOrder, []byte(order), time.Time{}); a.Outcome != keycrm.Done {
			t.Fatalf("%+v", a)
		}
	}
	if n := opened.Load(); n != 5 {
		t.Errorf("%d connections for 5 calls", n)
	}
}
