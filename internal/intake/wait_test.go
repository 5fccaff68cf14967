package intake

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"formrelay/internal/submission"
)

// crm is a Waiter that says what a test wants, or waits for as long as it may.
type crm struct {
	id      int64
	hang    bool
	waiting chan string // gets the id that is waited for
}

func (c *crm) Await(ctx context.Context, id string) int64 {
	if c.waiting != nil {
		c.waiting <- id
	}
	if c.hang {
		<-ctx.Done()
		return 0
	}
	return c.id
}

const waits = lamp + "answer: {wait: 10s, success: \"https://shop.example/thanks?n={id}&crm={crm_id}\"}\n"

func TestWait(t *testing.T) {
	t.Parallel()
	const body = "name=Olena&phone=0501112233"
	tests := []struct {
		name, path, body string
		waiter           Waiter
		state            submission.State // what the store makes of it
		code             int
		crmID            any
		status           string
	}{
		{name: "delivered in time", path: "waits", waiter: &crm{id: 42}, code: http.StatusCreated, crmID: 42.0, status: "delivered"},
		{name: "not in time", path: "waits", waiter: &crm{}, code: http.StatusAccepted, status: "received"},
		{name: "nobody to ask", path: "waits", code: http.StatusAccepted, status: "received"},
		{name: "a form that does not wait", path: "lamp", waiter: &crm{id: 42}, code: http.StatusAccepted, status: "received"},
		{name: "Tilda, which posts again after 5 s", path: "waits", body: "&tranid=1:2", waiter: &crm{id: 42}, code: http.StatusAccepted, status: "received"},
		{name: "a test", path: "waits", body: "&_test=1", waiter: &crm{id: 42}, code: http.StatusAccepted, status: "received"},
		{name: "a repeat of one that arrived", path: "waits", state: submission.Delivered, waiter: &crm{id: 42}, code: http.StatusCreated, crmID: 42.0, status: "delivered"},
		{name: "a repeat of one that KeyCRM refused", path: "waits", state: submission.Rejected, waiter: &crm{id: 42}, code: http.StatusAccepted, status: "received"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, "waits", waits)
			b.configure(Config{Waiter: tt.waiter})
			if tt.state != "" {
				b.store.then = func(s *submission.Submission) { s.State = tt.state }
			}
			w := b.fetch("/forms/"+tt.path, body+tt.body)
			got := decoded(t, w.Body)
			if w.Code != tt.code || got["crm_id"] != tt.crmID || got["status"] != tt.status || got["ok"] != true {
				t.Errorf("%d %v", w.Code, got)
			}
		})
	}
}

// A browser's redirect names KeyCRM's id when there is one.
func TestWaitFillsTheRedirect(t *testing.T) {
	t.Parallel()
	for id, want := range map[int64]string{42: "&crm=42", 0: "&crm="} {
		b := setup(t, "waits", waits)
		b.configure(Config{Waiter: &crm{id: id}})
		w := b.post("/forms/waits", "name=Olena&phone=0501112233")
		if got := w.Header().Get("Location"); w.Code != http.StatusSeeOther || !strings.HasSuffix(got, b.store.last.ID+want) {
			t.Errorf("%d %s", w.Code, got)
		}
	}
}

// Whoever waits is released when the visitor hangs up, and when the server stops.
func TestWaitIsReleased(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"visitor", "server"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			b := setup(t, "waits", waits)
			waiter := &crm{hang: true, waiting: make(chan string, 1)}
			b.configure(Config{Waiter: waiter})
			visitor, hangUp := context.WithCancel(t.Context())
			server, stop := context.WithCancel(t.Context())
			defer stop()
			running := make(chan struct{})
			go func() { b.intake.Run(server); close(running) }()
			r := httptest.NewRequestWithContext(visitor, http.MethodPost, "/forms/waits", strings.NewReader("name=Olena&phone=0501112233"))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Accept", "application/json")
			w, answered := httptest.NewRecorder(), make(chan struct{})
			go func() { b.server.ServeHTTP(w, r); close(answered) }()
			<-waiter.waiting
			if how == "visitor" {
				hangUp()
			} else {
				stop()
			}
			<-answered // long before the ten seconds of the profile, or the test is too slow to be right
			if w.Code != http.StatusAccepted {
				t.Error(w.Code)
			}
			hangUp()
			stop()
			<-running
		})
	}
}

// A submission's address tells KeyCRM's id only where the form does.
func TestReceiptTellsCRMID(t *testing.T) {
	t.Parallel()
	b := setup(t, "waits", waits)
	for _, tt := range []struct {
		profile string
		state   submission.State
		want    any
	}{
		{"waits", submission.Delivered, 42.0},
		{"waits", submission.Rejected, nil},
		{"lamp", submission.Delivered, nil},
	} {
		id := submission.NewID()
		if err := b.store.Accept(t.Context(), &submission.Submission{ID: id, Profile: tt.profile, State: tt.state, CRMID: 42}, submission.Revision{}); err != nil {
			t.Fatal(err)
		}
		w := b.send(http.MethodGet, "/forms/"+tt.profile+"/"+id, "", "Accept", "application/json")
		if got := decoded(t, w.Body); got["crm_id"] != tt.want || got["status"] != tt.state.Public() {
			t.Errorf("%s, %s: %v", tt.profile, tt.state, got)
		}
	}
}
