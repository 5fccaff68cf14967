package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// report is the result of a run. Times of day and data stay out of it.
type report struct {
	Database string  `json:"database"`
	Replicas int     `json:"replicas"`
	Body     string  `json:"body"`
	Rate     string  `json:"rate"` // as asked for
	Visitors int     `json:"visitors"`
	Seconds  float64 `json:"seconds"` // of posting
	Settling float64 `json:"settling_seconds"`

	verdict
	Missed      int       `json:"missed"` // were due, and every visitor was busy
	PerSecond   float64   `json:"acknowledged_per_second"`
	ToAnswer    latencies `json:"to_answer"`
	ToKeyCRM    latencies `json:"to_keycrm"`
	Calls       int       `json:"calls"`
	Busiest     int       `json:"busiest_window"`
	Limit       int       `json:"limit"`
	Window      string    `json:"window"`
	ShareOfPace float64   `json:"share_of_pace"`
	Limited     int       `json:"answers_429"`
	Refusals    int       `json:"refusals"` // answers by which KeyCRM said no for good to a create
	CPUMicros   float64   `json:"cpu_us_per_post"`
	PeakMemory  int64     `json:"peak_memory_bytes"`
	Kills       int       `json:"kills"`
	Stops       int       `json:"stops"`
	FaultsLaid  int       `json:"faults"`
	Beside      []beside  `json:"beside,omitempty"`
	Skipped     []string  `json:"skipped,omitempty"`
	Broken      []string  `json:"broken"` // each promise that was not kept, in a sentence
	Folder      string    `json:"folder,omitempty"`
}

// beside is something else under the same load, as fast as it goes.
type beside struct {
	Name         string    `json:"name"`
	Posts        int       `json:"posts"`
	Acknowledged int       `json:"acknowledged"`
	PerSecond    float64   `json:"acknowledged_per_second"`
	ToAnswer     latencies `json:"to_answer"`
	Arrived      int       `json:"arrived"` // in KeyCRM; -1: it sends nothing there
	Lost         int       `json:"lost"`
	CPUMicros    float64   `json:"cpu_us_per_post"` // 0: not measured
}

// promises lists those that were not kept in a run of p.
func (r *report) promises(p plan) {
	hold := func(kept bool, format string, args ...any) {
		if !kept {
			r.Broken = append(r.Broken, fmt.Sprintf(format, args...))
		}
	}
	hold(r.Lost == 0, "%d acknowledged submissions are lost, such as %s", r.Lost, strings.Join(r.LostIDs, " "))
	hold(r.Doubled == 0, "%d entities are in KeyCRM although their post is there already, such as %s", r.Doubled, strings.Join(r.DoubledIDs, " "))
	hold(r.Mixed == 0, "%d entities in KeyCRM belong to no post or to another, such as %s", r.Mixed, strings.Join(r.MixedIDs, " "))
	// A server that goes away in the middle of a commit, or a relay that stands still in one, leaves the relay without an answer too: it
	// must say 503 of what may be stored.
	hold(r.AwayArrived == 0 || p.DatabaseDown > 0 || p.Database == "postgres" && p.SigstopEvery > 0, "%d posts are in KeyCRM although their visitor was told that they failed", r.AwayArrived)
	hold(r.Busiest <= r.Limit, "%d calls came within %s, and the limit is %d", r.Busiest, r.Window, r.Limit)
	hold(r.Held == 0, "%d submissions are held, and nothing was posted that should be", r.Held)
	hold(r.Rejected <= r.Refusals, "%d submissions are rejected, and KeyCRM refused only %d", r.Rejected, r.Refusals)
	hold(p.SettleWithin == 0 || r.Pending == 0, "%d submissions were not settled in time", r.Pending)
	hold(r.Acknowledged > 0, "no post was acknowledged")
}

// writeJSON prints the report for a program.
func (r *report) writeJSON(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(r)
}

// writeTable prints the report for a person.
func (r *report) writeTable(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(table, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	row("load", "%s, %d visitors, %s for %.0f s; %s, %d relay(s)", r.Body, r.Visitors, r.Rate, r.Seconds, r.Database, r.Replicas)
	row("broken on purpose", "%d kill -9, %d SIGSTOP, %d faults of KeyCRM", r.Kills, r.Stops, r.FaultsLaid)
	row("posts", "%d: %d acknowledged (%.0f/s), %d refused by transport, %d without an answer%s%s",
		r.Posts, r.Acknowledged, r.PerSecond, r.Refused, r.Unknown, r.away(), r.missed())
	row("acknowledged", "%d arrived, %d rejected by KeyCRM and kept, %d held, %d on their way after %.0f s",
		r.Arrived, r.Rejected, r.Held, r.Pending, r.Settling)
	row("LOST", "%d", r.Lost)
	row("DOUBLED", "%d", r.Doubled)
	row("without an answer", "%d of %d arrived, once", r.UnknownArrived, r.Unknown)
	row("to the answer", "%s", r.ToAnswer)
	row("to KeyCRM", "%s", r.ToKeyCRM)
	row("calls", "%d, at most %d in any %s (limit %d), %.1f %% of the pace, %d answered 429", r.Calls, r.Busiest, r.Window, r.Limit, 100*r.ShareOfPace, r.Limited)
	row("relay", "%.0f µs CPU a post, at most %.0f MB resident", r.CPUMicros, float64(r.PeakMemory)/(1<<20))
	for _, b := range r.Beside {
		row(b.Name, "%s", b.sentence())
	}
	for _, s := range r.Skipped {
		row("skipped", "%s", s)
	}
	for _, b := range r.Broken {
		row("BROKEN", "%s", b)
	}
	if r.Folder != "" {
		row("data and logs", "%s", r.Folder)
	}
	return table.Flush()
}

// String gives percentiles as a person reads them.
func (l latencies) String() string {
	return fmt.Sprintf("p50 %s, p90 %s, p99 %s, max %s", milliseconds(l.P50), milliseconds(l.P90), milliseconds(l.P99), milliseconds(l.Max))
}

func milliseconds(ms float64) string {
	if ms >= 1000 {
		return fmt.Sprintf("%.1f s", ms/1000)
	}
	return fmt.Sprintf("%.1f ms", ms)
}

// sentence is one line about what was measured beside the relay.
func (b beside) sentence() string {
	text := fmt.Sprintf("%.0f/s, %s", b.PerSecond, b.ToAnswer)
	if b.CPUMicros > 0 {
		text += fmt.Sprintf(", %.0f µs CPU a post", b.CPUMicros)
	}
	if b.Arrived >= 0 {
		text += fmt.Sprintf("; %d of %d acknowledged arrived, %d lost", b.Arrived, b.Acknowledged, b.Lost)
	}
	return text
}

// away says which other answers there were.
func (r *report) away() string {
	var text strings.Builder
	for _, status := range slices.Sorted(maps.Keys(r.TurnedAway)) {
		fmt.Fprintf(&text, ", %d answered %d", r.TurnedAway[status], status)
	}
	return text.String()
}

func (r *report) missed() string {
	if r.Missed == 0 {
		return ""
	}
	return fmt.Sprintf(", %d more were due and every visitor was busy", r.Missed)
}

// perSecond is n over d.
func perSecond(n int, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}
