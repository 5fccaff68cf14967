package keycrm

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// dated is an answer with that Date.
func dated(at time.Time) *http.Response {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Date": {at.UTC().Format(http.TimeFormat)}}}
}

func TestClockLearns(t *testing.T) {
	t.Parallel()
	type answer struct {
		after, took, ahead time.Duration // when the call began, how long it took, and KeyCRM's clock less ours
		told               bool
	}
	tests := []struct {
		name    string
		answers []answer
		want    drift
	}{
		{"nothing", nil, drift{}},
		{"the same clock", []answer{{took: time.Second}}, drift{}},
		{"a little off", []answer{{ahead: 50 * time.Second}}, drift{}},
		{"seconds do not move it", []answer{{ahead: 10 * time.Minute, told: true}, {ahead: 10*time.Minute + 20*time.Second}}, drift{ahead: 10 * time.Minute, least: 10 * time.Minute}},
		{"a slow call is no wrong clock", []answer{{took: 2*time.Minute + 30*time.Second}}, drift{}},
		{"told again an hour later", []answer{
			{ahead: time.Hour, told: true}, {after: 59 * time.Minute, ahead: time.Hour}, {after: 61 * time.Minute, ahead: time.Hour, told: true},
		}, drift{ahead: time.Hour, least: time.Hour}},
		{"ours was ahead and is set back", []answer{{ahead: -2 * time.Hour, told: true}, {ahead: 0}}, drift{least: -2 * time.Hour}},
		{"by more than a day", []answer{{ahead: -100 * time.Hour, told: true}, {ahead: 0}}, drift{least: -maxSetBack}},
		{"ours was behind and is set right", []answer{{ahead: 2 * time.Hour, told: true}, {ahead: 0}}, drift{}},
		{"years", []answer{{ahead: -20 * 365 * 24 * time.Hour, told: true}}, drift{beyond: true}},
		{"years, and then set", []answer{{ahead: -20 * 365 * 24 * time.Hour, told: true}, {ahead: 3 * time.Minute}}, drift{ahead: 3 * time.Minute, least: 3 * time.Minute}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var c clock
			for _, a := range tt.answers {
				began := now.Add(a.after)
				// Half a second, so that the second a Date counts in lies evenly around the difference.
				at := began.Add(a.took / 2).Add(a.ahead)
				if told := c.learn(dated(at), began.Add(500*time.Millisecond), began.Add(a.took).Add(500*time.Millisecond)) != ""; told != a.told {
					t.Errorf("%+v: told %v", a, told)
				}
			}
			if got := c.read(); got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
		})
	}
}

// TestClockSetBack: a card was made while our clock was two hours ahead. Somebody has set it right since, and the look-up, which knows
// the card's time by the old clock, must still ask for the hour in which KeyCRM has it.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	const wrong = 2 * time.Hour
	truth := now
	asked := make(chan string, 3)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", truth.Format(http.TimeFormat))
		if between := r.URL.Query().Get("filter[created_between]"); between != "" {
			asked <- between
		}
		_, _ = io.WriteString(w, `{"data":[]}`)
	}))
	t.Cleanup(server.Close)
	c, err := NewClient(Options{BaseURL: server.URL, Token: func() (string, error) { return "x", nil }})
	if err != nil {
		t.Fatal(err)
	}
	var off atomic.Int64
	c.now = func() time.Time { return truth.Add(time.Duration(off.Load())) }
	off.Store(int64(wrong))
	q := Query{Kind: KindCard, Mark: "m", From: c.now(), To: c.now()}
	if p := c.Find(t.Context(), q, 1, time.Time{}); p.Outcome != Uncertain || !strings.Contains(p.Text, "proves nothing") {
		t.Errorf("asked by a clock nobody had compared: %+v", p)
	}
	<-asked
	off.Store(0)
	q.To = c.now()
	if p := c.Find(t.Context(), q, 1, time.Time{}); p.Outcome != Uncertain {
		t.Errorf("asked by a clock that was set since: %+v", p)
	}
	<-asked
	if p := c.Find(t.Context(), q, 1, time.Time{}); p.Outcome != Done {
		t.Errorf("asked by the right clock: %+v", p)
	}
	from, to, _ := strings.Cut(<-asked, ",")
	if at := truth.Format(timeLayout); from > at || to < at {
		t.Errorf("asked for %s to %s, the card is of %s", from, to, at)
	}
}
