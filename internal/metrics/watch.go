package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"formrelay/internal/pace"
	"formrelay/internal/submission"
)

// askWithin bounds what one scrape asks of the database.
const askWithin = 3 * time.Second

// Store is what the database knows.
type Store interface {
	// Figures counts the submissions. It may take long.
	Figures(ctx context.Context) (submission.Figures, error)
	// Account reads an account's health.
	Account(ctx context.Context, name string) (pace.Account, error)
	// PaceUsed is how many calls count against the limit now.
	PaceUsed(ctx context.Context, account string, limit pace.Limit) (int, error)
}

// Source is what is read when it is asked for.
type Source struct {
	Store    Store
	Accounts map[string]pace.Limit // by name
	Broken   func() []string       // the profiles whose file is at fault
}

// Watch adds what s knows to the figures. It returns the function that keeps the count of submissions and must run, until its context
// ends, for that count to be told. Watch may be called once.
func (m *Metrics) Watch(s Source) (run func(context.Context)) {
	w := &watch{Source: s, tally: newTally(s.Store.Figures), described: describe()}
	m.registry.MustRegister(w)
	return w.tally.run
}

// described are the figures that a watch tells.
type described struct {
	submissions, files, oldest, paused, probing, limited, used, broken, up *prometheus.Desc
}

func describe() described {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return described{
		submissions: desc("formrelay_submissions", "Submissions in the database, over all replicas.", "state", "profile"),
		files:       desc("formrelay_files", "Files of submissions in the database, over all replicas; refused are those that KeyCRM will not have.", "state", "profile"),
		oldest:      desc("formrelay_oldest_queued_seconds", "Age of the queued submission that has waited the longest; 0 when none is queued.", "account"),
		paused:      desc("formrelay_account_paused", "1 while nothing is sent for a reason that ops can mend, such as a wrong token.", "account"),
		probing:     desc("formrelay_account_probing", "1 while KeyCRM does not answer and one call at a time finds out when it does.", "account"),
		limited:     desc("formrelay_account_limited", "1 while KeyCRM has asked for a pause by a 429.", "account"),
		used:        desc("formrelay_pace_used_ratio", "Calls that count against the account's pace now, as a share of all that it allows.", "account"),
		broken:      desc("formrelay_profiles_broken", "Profiles whose file is at fault."),
		up:          desc("formrelay_store_up", "1 when everything here that comes from the database could be read; what could not is left out."),
	}
}

// watch is the collector of what is read when it is asked for.
type watch struct {
	Source
	described
	tally *tally
}

// Describe names the figures.
func (w *watch) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{w.submissions, w.files, w.oldest, w.paused, w.probing, w.limited, w.used, w.broken, w.up} {
		out <- d
	}
}

// Collect reads the figures. What cannot be read is left out, and up says so: a zero would be a lie.
func (w *watch) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), askWithin)
	defer cancel()
	figures, err := w.tally.get()
	up := err == nil
	if up {
		w.count(out, figures)
	}
	for name, limit := range w.Accounts {
		if up {
			age := time.Duration(0)
			if oldest, waits := figures.Oldest[name]; waits {
				age = max(time.Since(oldest), 0)
			}
			gauge(out, w.oldest, age.Seconds(), name)
		}
		up = w.account(ctx, out, name, limit) == nil && up
	}
	gauge(out, w.broken, float64(len(w.Broken())))
	gauge(out, w.up, number(up))
}

// count tells the submissions, and their files, by state and profile. A profile whose account was changed has several counts of one state.
func (w *watch) count(out chan<- prometheus.Metric, f submission.Figures) {
	type series struct{ state, profile string }
	sums := map[series]int64{}
	for _, c := range f.Counts {
		sums[series{string(c.State), c.Profile}] += c.N
	}
	for s, n := range sums {
		gauge(out, w.submissions, float64(n), s.state, s.profile)
	}
	for _, c := range f.Files {
		gauge(out, w.files, float64(c.N), string(c.State), c.Profile)
	}
}

// account tells an account's health and pace.
func (w *watch) account(ctx context.Context, out chan<- prometheus.Metric, name string, limit pace.Limit) error {
	health, err := w.Store.Account(ctx, name)
	if err != nil {
		return err
	}
	gauge(out, w.paused, number(health.Paused != ""), name)
	gauge(out, w.probing, number(health.Probing()), name)
	gauge(out, w.limited, number(health.Limited()), name)
	used, err := w.Store.PaceUsed(ctx, name, limit)
	if err != nil {
		return err
	}
	gauge(out, w.used, float64(used)/float64(limit.Calls), name)
	return nil
}

func gauge(out chan<- prometheus.Metric, d *prometheus.Desc, value float64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

// number is 1 for true and 0 for false.
func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
