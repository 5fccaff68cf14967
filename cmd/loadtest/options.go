package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"formrelay/internal/pace"
)

// The bounds of a run: it ends by itself, and what it remembers fits into memory.
const (
	maxFor      = 2 * time.Hour
	maxVisitors = 1000
	maxReplicas = 9
	maxRate     = 100_000
	maxPosts    = 5_000_000
)

// loadCmd is one run.
type loadCmd struct {
	Formrelay string `default:"bin/formrelay" placeholder:"FILE" help:"The program under test; make build makes it."`
	Database  string `default:"sqlite" enum:"sqlite,postgres" help:"sqlite, or postgres: a private cluster of Debian's PostgreSQL."`
	Replicas  int    `default:"1" help:"How many relays share the database; more than one needs postgres."`

	Rate     string        `default:"100/s" placeholder:"N/s" help:"Posts a second, due at even distances whether or not the last was answered; max: each visitor as fast as it goes."`
	For      time.Duration `default:"30s" help:"How long visitors post."`
	Visitors int           `default:"8" help:"How many post at the same time."`
	Body     string        `default:"both" enum:"callback,order,both" help:"callback: a card of 5 fields; order: the full order form; both: in turn."`

	Pace     string        `default:"100/1s" placeholder:"N/TIME" help:"The relay's pace, and the stand-in's limit."`
	CRMDelay time.Duration `name:"crm-delay" help:"How long each call to KeyCRM takes at least."`
	Timeout  time.Duration `default:"5s" help:"The relay's --keycrm-timeout."`
	Settle   time.Duration `default:"3s" help:"The relay's --keycrm-settle."`

	KillEvery    time.Duration `help:"kill -9 a relay so often and start it again, in turn."`
	SigstopEvery time.Duration `help:"Stop a relay (SIGSTOP) so often, in turn."`
	SigstopFor   time.Duration `default:"5s" help:"How long it stays stopped."`
	Faults       bool          `help:"Have KeyCRM fail in every way in turn."`
	FaultEvery   time.Duration `default:"1s" help:"How soon after a fault the next one may come."`
	Outage       time.Duration `help:"Have KeyCRM answer nothing but 503 for so long, beginning a third of the way through."`

	DatabaseDown time.Duration `help:"kill -9 PostgreSQL two thirds of the way through and start it again after so long."`

	SettleWithin time.Duration `default:"10m" help:"How long to wait until all that was acknowledged is settled; 0: do not wait, ask the relay for each instead."`
	Beside       time.Duration `default:"10s" help:"How long a bare handler and a PHP script are measured beside it, as fast as they go; 0: not."`
	JSON         bool          `name:"json" help:"The report as JSON."`
	Dir          string        `placeholder:"FOLDER" help:"Keep the data and the logs of the run in this folder; it must not exist yet."`
}

// plan is a checked run.
type plan struct {
	loadCmd
	rate   float64 // posts a second; 0: as fast as it goes
	calls  int     // KeyCRM's limit: calls
	window time.Duration
}

// check looks at every option and reports all faults together.
func (c loadCmd) check() (plan, error) {
	p := plan{loadCmd: c}
	var faults []error
	fault := func(flag string, err error) {
		if err != nil {
			faults = append(faults, fmt.Errorf("--%s: %w", flag, err))
		}
	}
	if _, err := os.Stat(c.Formrelay); err != nil {
		fault("formrelay", fmt.Errorf("%w; make build makes it", err))
	}
	var err error
	p.rate, err = parseRate(c.Rate)
	fault("rate", err)
	p.calls, p.window, err = pace.ParseLimit(c.Pace)
	fault("pace", err)
	fault("for", within(c.For, 100*time.Millisecond, maxFor))
	fault("visitors", within(c.Visitors, 1, maxVisitors))
	fault("replicas", within(c.Replicas, 1, maxReplicas))
	if c.Database == "sqlite" && c.Replicas > 1 {
		fault("replicas", errors.New("one file has one relay; add --database postgres"))
	}
	if p.rate*c.For.Seconds() > maxPosts {
		fault("for", fmt.Errorf("that makes more than %d posts; take a lower rate or less time", maxPosts))
	}
	fault("settle-within", within(c.SettleWithin, 0, maxFor))
	fault("beside", within(c.Beside, 0, time.Minute))
	fault("crm-delay", within(c.CRMDelay, 0, time.Minute))
	fault("outage", within(c.Outage, 0, c.For))
	fault("database-down", within(c.DatabaseDown, 0, c.For/3))
	if c.DatabaseDown > 0 && c.Database != "postgres" {
		fault("database-down", errors.New("only PostgreSQL can go away; add --database postgres"))
	}
	fault("sigstop-for", within(c.SigstopFor, 0, 5*time.Minute))
	for flag, every := range map[string]time.Duration{"kill-every": c.KillEvery, "sigstop-every": c.SigstopEvery} {
		if every != 0 {
			fault(flag, within(every, 500*time.Millisecond, maxFor))
		}
	}
	fault("fault-every", within(c.FaultEvery, 10*time.Millisecond, maxFor))
	return p, errors.Join(faults...)
}

// parseRate reads 200/s, or max, which is 0.
func parseRate(text string) (float64, error) {
	if text == "max" {
		return 0, nil
	}
	left, found := strings.CutSuffix(text, "/s")
	rate, err := strconv.ParseFloat(left, 64)
	if !found || err != nil || !(rate > 0 && rate <= maxRate) {
		return 0, fmt.Errorf("%q is no rate; write posts a second such as 200/s (at most %d), or max", text, maxRate)
	}
	return rate, nil
}

func within[T int | time.Duration](v, least, most T) error {
	if v < least || v > most {
		return fmt.Errorf("%v is out of bounds; write %v to %v", v, least, most)
	}
	return nil
}
