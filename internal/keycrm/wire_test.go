package keycrm_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"formrelay/internal/keycrm"
	"formrelay/internal/keycrm/sandbox"
)

// served returns a client of a server that answers everything so.
func served(t *testing.T, answer http.HandlerFunc) *keycrm.Client {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return newClient(t, server.URL+"/v1")
}

// TestClocksThatDiffer: the entity is in KeyCRM and its answer was lost. Whatever the two clocks say, no look-up may prove that it is
// not there; one that finds it must come, and soon.
func TestClocksThatDiffer(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{
		0, 30 * time.Second, 4 * time.Minute, 10 * time.Minute, -10 * time.Minute, 3 * time.Hour, -3 * time.Hour, 40 * 24 * time.Hour,
	} {
		t.Run(ahead.String(), func(t *testing.T) {
			t.Parallel()
			box, c := newSandbox(t, sandbox.Options{Now: func() time.Time { return time.Now().Add(ahead) }})
			from := time.Now()
			for _, lost := range []struct {
				kind keycrm.Kind
				body string
			}{{keycrm.KindOrder, order}, {keycrm.KindCard, card}} {
				inject(t, box, sandbox.Fault{Kind: sandbox.Cut, Stored: true})
				if a := c.Create(t.Context(), lost.kind, []byte(lost.body), time.Time{}); a.Outcome != keycrm.Uncertain {
					t.Fatalf("%+v", a)
				}
			}
			to := time.Now()
			for _, q := range []keycrm.Query{
				{Kind: keycrm.KindCard, SourceID: 7, Mark: "[formrelay 01JABC]", From: from, To: to},
				{Kind: keycrm.KindOrder, SourceID: 22, SourceUUID: "01JABC", From: from, To: to},
				{Kind: keycrm.KindOrder, SourceID: 22, SourceUUID: "01JABC", From: from, To: to, Own: true},
			} {
				p := c.Find(t.Context(), q, 1, time.Time{})
				if p.Outcome == keycrm.Done && p.Found == 0 {
					t.Fatalf("%s: a look-up proves what is not so: %+v", q.Kind, p)
				}
				if p.Outcome == keycrm.Uncertain {
					p = c.Find(t.Context(), q, 1, time.Time{})
				}
				if p.Outcome != keycrm.Done || p.Found == 0 {
					t.Errorf("%s: %+v", q.Kind, p)
				}
			}
		})
	}
}

// TestClockNobodySet: a difference of years is not followed. What depends on time stays unproved, what does not is found at once.
func TestClockNobodySet(t *testing.T) {
	t.Parallel()
	box, c := newSandbox(t, sandbox.Options{Now: func() time.Time { return time.Now().AddDate(-20, 0, 0) }})
	from := time.Now()
	for range 2 {
		inject(t, box, sandbox.Fault{Kind: sandbox.Cut, Stored: true})
	}
	c.Create(t.Context(), keycrm.KindOrder, []byte(order), time.Time{})
	c.Create(t.Context(), keycrm.KindCard, []byte(card), time.Time{})
	own := keycrm.Query{Kind: keycrm.KindOrder, SourceUUID: "01JABC", From: from, Own: true}
	if p := c.Find(t.Context(), own, 1, time.Time{}); p.Outcome != keycrm.Done || p.Found == 0 {
		t.Errorf("an order with an id of our own: %+v", p)
	}
	q := keycrm.Query{Kind: keycrm.KindCard, Mark: "[formrelay 01JABC]", From: from, To: time.Now()}
	for range 3 {
		if p := c.Find(t.Context(), q, 1, time.Time{}); p.Outcome != keycrm.Uncertain || p.More || !strings.Contains(p.Text, "clock") {
			t.Errorf("a card: %+v", p)
		}
	}
}

// TestClockIsTold once and in words that say what to do, and not where there is nothing to mend.
func TestClockIsTold(t *testing.T) {
	t.Parallel()
	for ahead, want := range map[time.Duration]string{
		0: "", 40 * time.Second: "", 10 * time.Minute: "KeyCRM's clock is 10m", -3 * time.Hour: " behind this machine's: set this machine's clock.",
	} {
		_, c := newSandbox(t, sandbox.Options{Now: func() time.Time { return time.Now().Add(ahead) }})
		for i := range 3 {
			a := c.Create(t.Context(), keycrm.KindOrder, []byte(order), time.Time{})
			told := strings.Contains(a.Text, "clock")
			if a.Outcome != keycrm.Done || told != (want != "" && i == 0) || told && !strings.Contains(a.Text, want) {
				t.Errorf("%s, call %d: %+v", ahead, i+1, a)
			}
		}
	}
}

// TestStoredAnswerTellsNoTime: the Date of a copy on the way, or of an error page there, is not KeyCRM's clock.
func TestStoredAnswerTellsNoTime(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(w http.ResponseWriter) int{
		"a copy":     func(w http.ResponseWriter) int { w.Header().Set("Age", "7200"); return http.StatusOK },
		"an error":   func(http.ResponseWriter) int { return http.StatusBadGateway },
		"unreadable": func(w http.ResponseWriter) int { w.Header().Set("Date", "yesterday"); return http.StatusOK },
	} {
		c := served(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", time.Now().Add(-2*time.Hour).UTC().Format(http.TimeFormat))
			w.WriteHeader(spoil(w))
			_, _ = io.WriteString(w, `{"data":[]}`)
		})
		if a := c.Check(t.Context(), time.Time{}); strings.Contains(a.Text, "clock") {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

// TestLongCards: a full page of the longest comments there are, every letter written as \uXXXX, and then what no list is.
func TestLongCards(t *testing.T) {
	t.Parallel()
	rest := strings.Repeat(`\u0436`, 5000)
	row := func(id int) string {
		return fmt.Sprintf(`{"id":%d,"manager_comment":"[formrelay %d]\n%s","contact":{"full_name":"%s"}}`, id, id, rest, rest)
	}
	c := served(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"total":50,"data":[`)
		for id := 1; id < 50; id++ {
			_, _ = io.WriteString(w, row(id)+",")
		}
		_, _ = io.WriteString(w, row(50)+`],"next_page_url":null,"last_page":1,"current_page":1}`)
	})
	p := c.Find(t.Context(), keycrm.Query{Kind: keycrm.KindCard, Mark: "[formrelay 50]"}, 1, time.Time{})
	if p.Outcome != keycrm.Done || p.Found != 50 {
		t.Errorf("a page of long cards: %+v", p)
	}
	p = c.Find(t.Context(), keycrm.Query{Kind: keycrm.KindCard, Mark: "[formrelay 51]"}, 1, time.Time{})
	if p.Outcome != keycrm.Done || p.Found != 0 || p.More {
		t.Errorf("one that is not on it: %+v", p)
	}
}

// TestListWithoutEnd: a list that never ends is given up, found or not, and so is one of rows without end.
func TestListWithoutEnd(t *testing.T) {
	t.Parallel()
	for name, piece := range map[string]string{
		"letters": strings.Repeat("x", 1<<16), "rows": `"},` + strings.Repeat(`{},`, 1<<14) + `{"x":"`,
	} {
		var written atomic.Int64
		c := served(t, func(w http.ResponseWriter, r *http.Request) {
			_, err := io.WriteString(w, `{"data":[{"id":5,"source_uuid":"x"},{"x":"`)
			for err == nil {
				var n int
				n, err = io.WriteString(w, piece)
				written.Add(int64(n))
			}
		})
		p := c.Find(t.Context(), keycrm.Query{Kind: keycrm.KindOrder, SourceUUID: "x"}, 1, time.Time{})
		if p.Outcome != keycrm.Uncertain || p.Found != 0 || p.More {
			t.Errorf("%s: %+v", name, p)
		}
		if n := written.Load(); n > 64<<20 {
			t.Errorf("%s: %d bytes were taken", name, n)
		}
	}
}

// TestWrongAddress: KeyCRM's own 404 of a route is no refusal of what was sent to it.
func TestWrongAddress(t *testing.T) {
	t.Parallel()
	box := sandbox.New(sandbox.Options{Token: marker})
	server := httptest.NewServer(box)
	t.Cleanup(server.Close)
	c := newClient(t, server.URL+"/v1/v1")
	for kind, body := range map[keycrm.Kind]string{keycrm.KindOrder: order, keycrm.KindCard: card} {
		if a := c.Create(t.Context(), kind, []byte(body), time.Time{}); a.Outcome != keycrm.WrongAddress || a.Status != 404 || !strings.Contains(a.Text, "--keycrm-url") {
			t.Errorf("%s: %+v", kind, a)
		}
	}
	c = newClient(t, server.URL+"/v1")
	for _, status := range []int{404, 405} {
		for _, body := range []string{`{"message":"There is no such record."}`, `{"message":""}`, `{}`, `<h1>no</h1>`} {
			inject(t, box, sandbox.Fault{Kind: sandbox.Status, Status: status, Body: body})
			if a := c.Check(t.Context(), time.Time{}); a.Outcome != keycrm.WrongAddress {
				t.Errorf("check, %d %s: %+v", status, body, a)
			}
		}
	}
	if n := len(box.Orders()) + len(box.Cards()); n != 0 {
		t.Errorf("%d entities were made", n)
	}
}

// TestOneRequestOnTheWire: a server that closes connections as the next request comes in on them sees each call once.
func TestOneRequestOnTheWire(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { answerOnce(conn, &requests) })
		}
	})
	t.Cleanup(serving.Wait)
	t.Cleanup(func() { _ = listener.Close() })
	c := newClient(t, "http://"+listener.Addr().String()+"/v1")
	for i := range 4 {
		p := c.Find(t.Context(), keycrm.Query{Kind: keycrm.KindOrder, SourceUUID: "x"}, 1, time.Time{})
		if p.Outcome != keycrm.Done {
			t.Errorf("call %d: %+v", i+1, p)
		}
	}
	if n := requests.Load(); n != 4 {
		t.Errorf("4 calls were %d requests", n)
	}
}

// answerOnce answers a connection's first request as one that may be kept, and hangs up at its second.
func answerOnce(conn net.Conn, requests *atomic.Int32) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for i := range 2 {
		if _, err := http.ReadRequest(in); err != nil {
			return // the client has gone
		}
		requests.Add(1)
		const body = `{"data":[]}`
		if i == 0 {
			_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		}
	}
}

// TestTextsSayWhereToLook: what a configuration can cause names the option, in words of ours alone.
func TestTextsSayWhereToLook(t *testing.T) {
	t.Parallel()
	box, c := newSandbox(t, sandbox.Options{Limit: -1})
	find := func() keycrm.Answer {
		return c.Find(t.Context(), keycrm.Query{Kind: keycrm.KindOrder, SourceUUID: "x"}, 1, time.Time{}).Answer
	}
	create := func() keycrm.Answer {
		return c.Create(t.Context(), keycrm.KindOrder, []byte(order), time.Time{})
	}
	for name, fault := range map[string]sandbox.Fault{
		"a redirect":      {Kind: sandbox.Redirect},
		"a page":          {Kind: sandbox.HTML},
		"a page with 201": {Kind: sandbox.HTML, Status: 201},
		"a page with 403": {Kind: sandbox.HTML, Status: 403},
		"a page with 404": {Kind: sandbox.HTML, Status: 404},
	} {
		for what, call := range map[string]func() keycrm.Answer{"find": find, "create": create} {
			inject(t, box, fault)
			a := call()
			if !strings.Contains(a.Text, "--keycrm-url") || strings.ContainsAny(a.Text, "<>\n") || strings.Contains(a.Text, "Maintenance") || len(a.Text) > 250 {
				t.Errorf("%s, %s: %q", name, what, a.Text)
			}
		}
	}
}

// TestRetryAfterInFull: days are obeyed, nonsense is not.
func TestRetryAfterInFull(t *testing.T) {
	t.Parallel()
	box, c := newSandbox(t, sandbox.Options{Limit: -1})
	for header, want := range map[string]time.Duration{
		"172800": 48 * time.Hour, "604800": keycrm.MaxRetryAfter, "31536000": keycrm.MaxRetryAfter,
		time.Now().Add(48 * time.Hour).UTC().Format(http.TimeFormat): 48 * time.Hour,
	} {
		inject(t, box, sandbox.Fault{Kind: sandbox.Status, Status: 429, RetryAfter: header})
		a := c.Create(t.Context(), keycrm.KindOrder, []byte(order), time.Time{})
		if a.Outcome != keycrm.Limited || (a.RetryAfter-want).Abs() > 5*time.Second {
			t.Errorf("%s: %+v", header, a)
		}
	}
}
