package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"formrelay/internal/keycrm"
	"formrelay/internal/keycrm/sandbox"
)

var start = time.Date(2026, 3, 6, 12, 0, 0, 0, time.UTC)

func httptestRequest(t *testing.T, body string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func recorded(h http.HandlerFunc, r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	h(w, r)
	return w.Result()
}

// order is an order that arrived a second after the start.
func order(seq int, id string) sandbox.Received {
	body := fmt.Sprintf(`{"source_uuid":%q,"buyer":{"full_name":"Олена Іваненко %d"}}`, id, seq)
	return sandbox.Received{Kind: keycrm.KindOrder, At: start.Add(time.Second), Body: json.RawMessage(body)}
}

// card is a card that arrived a second after the start.
func card(seq int, id string) sandbox.Received {
	body := fmt.Sprintf(`{"manager_comment":"[formrelay %s]\nЧи є?","contact":{"full_name":"Олена Іваненко %d"}}`, id, seq)
	return sandbox.Received{Kind: keycrm.KindCard, At: start.Add(time.Second), Body: json.RawMessage(body)}
}

func acked(seq int, id string) post {
	return post{seq: seq, id: id, due: start, fate: acknowledged, latency: time.Millisecond}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		evidence evidence
		want     verdict
	}{
		"an order and a card arrive": {
			evidence{posts: []post{acked(0, "A"), acked(1, "B")}, received: []sandbox.Received{card(1, "B"), order(0, "A")}},
			verdict{Posts: 2, Acknowledged: 2, Arrived: 2},
		},
		"nobody has it": {
			evidence{posts: []post{acked(0, "A")}, status: map[string]string{"A": ""}},
			verdict{Posts: 1, Acknowledged: 1, Lost: 1, LostIDs: []string{"A"}},
		},
		"the relay says that it was delivered, and KeyCRM does not have it": {
			evidence{posts: []post{acked(0, "A")}, status: map[string]string{"A": "delivered"}},
			verdict{Posts: 1, Acknowledged: 1, Lost: 1, LostIDs: []string{"A"}},
		},
		"it is on its way, rejected, held": {
			evidence{
				posts: []post{acked(0, "A"), acked(1, "B"), acked(2, "C")}, status: map[string]string{"A": "received", "B": "received", "C": "received"},
				rejected: map[string]string{"B": "no"}, held: map[string]string{"C": "test"},
			},
			verdict{Posts: 3, Acknowledged: 3, Pending: 1, Rejected: 1, Held: 1},
		},
		"it arrives twice": {
			evidence{posts: []post{acked(0, "A")}, received: []sandbox.Received{order(0, "A"), order(0, "A")}},
			verdict{Posts: 1, Acknowledged: 1, Arrived: 1, Doubled: 1, DoubledIDs: []string{"A"}},
		},
		"without an answer it may arrive, once": {
			evidence{
				posts:    []post{{seq: 0, fate: unknown}, {seq: 1, fate: unknown}, {seq: 2, fate: unknown}},
				received: []sandbox.Received{order(0, "A"), card(1, "B"), card(1, "B")},
			},
			verdict{Posts: 3, Unknown: 3, UnknownArrived: 2, Doubled: 1, DoubledIDs: []string{"B"}},
		},
		"what was turned away or refused must not arrive": {
			evidence{
				posts:    []post{{seq: 0, fate: turnedAway, status: 503}, {seq: 1, fate: refused}, {seq: 2, fate: turnedAway, status: 503}},
				received: []sandbox.Received{order(0, "A"), order(1, "B")},
			},
			verdict{Posts: 3, TurnedAway: map[int]int{503: 2}, Refused: 1, AwayArrived: 2},
		},
		"another post's content under this id, content of no post": {
			evidence{posts: []post{acked(0, "A"), acked(1, "B")}, received: []sandbox.Received{order(0, "B"), order(7, "X"), {Body: json.RawMessage(`[]`)}}},
			verdict{Posts: 2, Acknowledged: 2, Lost: 2, LostIDs: []string{"A", "B"}, Mixed: 3, MixedIDs: []string{"B", "X", ""}},
		},
	} {
		got := judge(c.evidence)
		if diff := cmp.Diff(c.want, got, cmpopts.IgnoreUnexported(verdict{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestPromises(t *testing.T) {
	t.Parallel()
	waits := loadCmd{SettleWithin: time.Minute}
	fine := func() *report {
		return &report{verdict: verdict{Acknowledged: 3, Arrived: 2, Rejected: 1, Pending: 0}, Busiest: 60, Limit: 60, Refusals: 1}
	}
	for name, c := range map[string]struct {
		change func(r *report)
		plan   loadCmd
		broken int
	}{
		"all kept":                       {func(*report) {}, waits, 0},
		"lost":                           {func(r *report) { r.Lost = 1 }, waits, 1},
		"doubled":                        {func(r *report) { r.Doubled = 1 }, waits, 1},
		"mixed up":                       {func(r *report) { r.Mixed = 1 }, waits, 1},
		"told that it failed":            {func(r *report) { r.AwayArrived = 1 }, waits, 1},
		"stored, and the database went":  {func(r *report) { r.AwayArrived = 1 }, loadCmd{SettleWithin: time.Minute, DatabaseDown: time.Second}, 0},
		"over the limit":                 {func(r *report) { r.Busiest = 61 }, waits, 1},
		"held without cause":             {func(r *report) { r.Held = 1 }, waits, 1},
		"rejected without cause":         {func(r *report) { r.Refusals = 0 }, waits, 1},
		"not settled":                    {func(r *report) { r.Pending = 1 }, waits, 1},
		"not settled, nobody waited":     {func(r *report) { r.Pending = 1 }, loadCmd{}, 0},
		"nothing shown":                  {func(r *report) { r.Acknowledged = 0 }, waits, 1},
		"lost and doubled are both told": {func(r *report) { r.Lost, r.Doubled = 1, 1 }, waits, 2},
	} {
		r := fine()
		c.change(r)
		r.promises(plan{loadCmd: c.plan})
		if len(r.Broken) != c.broken {
			t.Errorf("%s: %q", name, r.Broken)
		}
	}
}

func TestPercentiles(t *testing.T) {
	t.Parallel()
	if got := percentiles(nil); got != (latencies{}) {
		t.Errorf("of nothing: %v", got)
	}
	var sorted []time.Duration
	for i := range 100 {
		sorted = append(sorted, time.Duration(i+1)*time.Millisecond)
	}
	if got, want := percentiles(sorted), (latencies{P50: 51, P90: 91, P99: 100, Max: 100}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestBusiestAndShare(t *testing.T) {
	t.Parallel()
	at := func(seconds ...float64) (calls []time.Time) {
		for _, s := range seconds {
			calls = append(calls, start.Add(time.Duration(s*float64(time.Second))))
		}
		return calls
	}
	for _, c := range []struct {
		calls   []time.Time
		busiest int
		share   float64
	}{
		{nil, 0, 0},
		{at(0), 1, 0.5},
		{at(0, 0.999, 1), 2, 0.75}, // a window is half open
		{at(0, 0.1, 0.9, 1.05, 1.09), 4, 1.25},
		{at(0, 5), 1, 2.0 / 12},
	} {
		if got := busiest(c.calls, time.Second); got != c.busiest {
			t.Errorf("%v: busiest %d, want %d", c.calls, got, c.busiest)
		}
		if got := shareOfPace(c.calls, 2, time.Second); got != c.share {
			t.Errorf("%v: share %v, want %v", c.calls, got, c.share)
		}
	}
}

// What a person reads must say the two words that matter, and every promise that was broken.
func TestTable(t *testing.T) {
	t.Parallel()
	r := &report{
		verdict: verdict{Posts: 9, Acknowledged: 5, Lost: 2, TurnedAway: map[int]int{503: 3, 429: 1}}, Missed: 4, Broken: []string{"2 acknowledged submissions are lost"},
		Beside: []beside{{Name: "bare handler", Arrived: -1}, {Name: "PHP script", Acknowledged: 5, Arrived: 1, Lost: 4}}, Skipped: []string{"the moon"},
	}
	var out strings.Builder
	if err := r.writeTable(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"LOST", "DOUBLED", "BROKEN", "1 answered 429, 3 answered 503", "4 more were due", "1 of 5 acknowledged arrived, 4 lost", "the moon"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table does not say %q:\n%s", want, &out)
		}
	}
}
