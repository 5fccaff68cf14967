// Package metrics is what the relay tells a Prometheus server about itself.
//
// Counters are fed by the parts that do the work, through plain functions, so that none of them knows of Prometheus. What the database
// knows is read from it when it is asked for: it is true for all replicas, and after a restart.
//
// What must hold: a label's value is a word of the relay's own (a profile's name, an account's, a state, a status), never one that a
// visitor typed, so that no personal data gets out and nobody can make series without end; and a scrape is quick, however much is stored.
package metrics

import (
	"net/http"
	"runtime"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"formrelay/internal/keycrm"
	"formrelay/internal/submission"
)

// maxScrapes bounds the scrapes that are answered at the same time.
const maxScrapes = 4

// Metrics are one process's figures. Its methods may be called from many goroutines.
type Metrics struct {
	registry *prometheus.Registry
	posts    *prometheus.CounterVec
	calls    *prometheus.CounterVec
	took     *prometheus.HistogramVec
	batches  prometheus.Histogram
	held     *prometheus.CounterVec
	checks   *prometheus.CounterVec
}

// New makes the figures of a process of that version.
func New(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		posts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "formrelay_posts_total", Help: "Posts answered, by the answer's status, also those that were turned away and not stored.",
		}, []string{"profile", "code"}),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "formrelay_keycrm_calls_total", Help: "Calls to KeyCRM, by what they were for and what they came to.",
		}, []string{"account", "kind", "outcome"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "formrelay_keycrm_call_seconds", Help: "How long calls to KeyCRM took.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 15, 30},
		}, []string{"account"}),
		batches: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "formrelay_store_batch_submissions", Help: "How many submissions one commit stored.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 10), // to 512, the largest batch there is
		}),
		held: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "formrelay_held_total", Help: "Submissions held when they came or when their captcha was verified, by each of their reasons.",
		}, []string{"profile", "reason"}),
		checks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "formrelay_captcha_checks_total", Help: "Captchas verified, by what that came to.",
		}, []string{"secret", "outcome"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "formrelay_build_info", Help: "Always 1; the labels say what is running.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(m.posts, m.calls, m.took, m.batches, m.held, m.checks, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Answered counts one post's answer. The profile must be one that exists, or one word for all that do not.
func (m *Metrics) Answered(profile string, status int) {
	m.posts.WithLabelValues(profile, strconv.Itoa(status)).Inc()
}

// Called gives the function that counts an account's calls.
func (m *Metrics) Called(account string) func(submission.AttemptKind, keycrm.Answer) {
	took := m.took.WithLabelValues(account)
	return func(kind submission.AttemptKind, a keycrm.Answer) {
		m.calls.WithLabelValues(account, string(kind), string(a.Outcome)).Inc()
		took.Observe(a.Ended.Sub(a.Started).Seconds())
	}
}

// Held counts one reason for which a submission is held.
func (m *Metrics) Held(profile string, reason submission.Reason) {
	m.held.WithLabelValues(profile, string(reason)).Inc()
}

// Checked counts what verifying the captcha of a submission came to, under its secret's name; failed: the submission is held for it.
func (m *Metrics) Checked(secret, profile, outcome string, failed bool) {
	m.checks.WithLabelValues(secret, outcome).Inc()
	if failed {
		m.Held(profile, submission.ReasonCaptcha)
	}
}

// Committed counts a commit of so many submissions.
func (m *Metrics) Committed(submissions int) { m.batches.Observe(float64(submissions)) }

// Handler answers a scrape. What could not be read is left out; the rest is told all the same.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: maxScrapes,
		CoalesceGather:      true,
	})
}
