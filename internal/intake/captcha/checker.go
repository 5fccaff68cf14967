package captcha

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"formrelay/internal/submission"
)

// Queue is where submissions wait whose captcha is to be verified. Until SettleCheck nobody sends them.
type Queue interface {
	// ClaimChecks gives at most n of them to owner for as long as lease, the oldest first.
	ClaimChecks(ctx context.Context, owner string, n int, lease time.Duration) ([]submission.Claim, error)
	// SettleCheck writes what became of one; submission.ErrFenced: somebody else has decided about it.
	SettleCheck(ctx context.Context, claim submission.Claim, v submission.Verdict) error
}

const (
	// atOnce is how many questions are under way at a time: with a provider that answers in 0.2 s some 80 a second.
	atOnce = 16
	// lease outlives a question and its settlement.
	lease = 30 * time.Second
	// poll is the longest that the loop sleeps: what another process left behind is told by nobody.
	poll = time.Second
	// prompt is for how long after the post "used or expired" is a verdict about the sender. Later it may be about the relay, which was
	// stopped or whose database stood still.
	prompt = 10 * time.Second
	// tooLate is when asking has no use any more. Answers are good for two minutes, of which the visitor has spent some.
	tooLate = time.Minute
	// writeWithin bounds one settlement.
	writeWithin = 5 * time.Second
)

// Options is what a Checker works with. Queue is required.
type Options struct {
	Queue   Queue
	Secrets map[string]Secret // by name
	Log     zerolog.Logger    // gets ids and outcomes, never an answer
	// OnChecked is told of each question: the secret's name, the profile's, and what it came to. It must return at once. May be nil.
	OnChecked func(secret, profile string, o Outcome)
	// OnReady is told of an account that has a submission to send now. It must return at once. May be nil.
	OnReady func(account string)
	// Addresses are asked in place of the providers' own, by provider. Only tests have any.
	Addresses map[string]string
	Now       func() time.Time // nil: time.Now
}

// Checker verifies what waits. Several of them, one a replica, share the work.
type Checker struct {
	o      Options
	client *http.Client
	owner  string
	woken  chan struct{}

	mu      sync.Mutex
	failing map[string]Outcome // by secret: what ops were told of last
	down    bool               // the store failed at the last try
}

// New makes a checker; Run makes it work.
func New(o Options) *Checker {
	if o.Now == nil {
		o.Now = time.Now
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: atOnce, IdleConnTimeout: time.Minute,
		TLSHandshakeTimeout: within, ForceAttemptHTTP2: true,
	}
	return &Checker{
		o: o, owner: submission.NewID(), woken: make(chan struct{}, 1), failing: map[string]Outcome{},
		client: &http.Client{
			Transport: transport,
			// The secret goes to the provider and to nobody that it names.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Wake tells the checker that something waits. It never blocks and may be called from anywhere, before Run as well.
func (c *Checker) Wake() {
	select {
	case c.woken <- struct{}{}:
	default: // it has been told and has not looked yet
	}
}

// Run verifies until ctx ends, waits for the questions under way, and returns. It must be called once.
func (c *Checker) Run(ctx context.Context) {
	defer c.client.CloseIdleConnections()
	var asking sync.WaitGroup
	defer asking.Wait()
	room := make(chan struct{}, atOnce) // one token for each question under way
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		for _, claim := range c.claim(ctx, atOnce-len(room)) {
			room <- struct{}{} // never blocks: no more were claimed than there is room for
			asking.Go(func() {
				// A question that is cut at a stop would be asked again, and then be answered "used".
				c.check(context.WithoutCancel(ctx), claim)
				<-room
				c.Wake()
			})
		}
		select {
		case <-ctx.Done():
			return
		case <-c.woken:
		case <-tick.C:
		}
	}
}

// claim takes as many as there is room for.
func (c *Checker) claim(ctx context.Context, n int) []submission.Claim {
	if n <= 0 || ctx.Err() != nil {
		return nil
	}
	claims, err := c.o.Queue.ClaimChecks(ctx, c.owner, n, lease)
	if ctx.Err() == nil {
		c.stored(err)
	}
	return claims
}

// check verifies one captcha and writes what became of it. What cannot be written is asked about again when the lease has ended.
func (c *Checker) check(ctx context.Context, claim submission.Claim) {
	j := c.question(ctx, claim)
	c.report(claim.Captcha.Secret, j)
	if c.o.OnChecked != nil {
		c.o.OnChecked(claim.Captcha.Secret, claim.Profile, j.outcome)
	}
	v := submission.Verdict{Hold: j.outcome == Failed}
	switch j.outcome {
	case Passed:
	case Failed:
		v.Signal = submission.Signal{Reason: submission.ReasonCaptcha, Text: j.text}
	default:
		v.Signal = submission.Signal{Reason: submission.ReasonCaptcha, Text: "not verified, sent all the same: " + j.text}
	}
	ctx, cancel := context.WithTimeout(ctx, writeWithin)
	defer cancel()
	err := c.o.Queue.SettleCheck(ctx, claim, v)
	if errors.Is(err, submission.ErrFenced) {
		return // ops have decided, or another replica
	}
	c.stored(err)
	if err == nil && !v.Hold && c.o.OnReady != nil {
		c.o.OnReady(claim.Account)
	}
}

// question asks, unless asking could prove nothing.
func (c *Checker) question(ctx context.Context, claim submission.Claim) judged {
	secret, known := c.o.Secrets[claim.Captcha.Secret]
	age := c.o.Now().Sub(claim.ReceivedAt)
	switch {
	case !known:
		return judged{outcome: Misconfigured, text: "the server's configuration has no captcha " + claim.Captcha.Secret}
	case age > tooLate:
		return judged{outcome: Late, text: "the relay came to verify it too late"}
	}
	at := address(secret.Provider)
	if other := c.o.Addresses[secret.Provider]; other != "" {
		at = other
	}
	j := ask(ctx, c.client, at, secret, claim.Captcha.Answer)
	if j.used && (age > prompt || claim.Captcha.Asked) {
		return judged{outcome: Late, text: "the relay was stopped or held up before it could verify it, so that the answer may have been used or have expired by that"}
	}
	return j
}

// report logs when a captcha cannot be verified any more, and when it can again; not each submission that meets it.
func (c *Checker) report(secret string, j judged) {
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.failing[secret]
	switch {
	case j.outcome == Passed || j.outcome == Failed:
		delete(c.failing, secret)
		if was != "" {
			c.o.Log.Info().Str("secret", secret).Msg("the captcha can be verified again")
		}
	case was != j.outcome:
		c.failing[secret] = j.outcome
		c.o.Log.Error().Str("secret", secret).Str("outcome", string(j.outcome)).Str("why", j.text).
			Msg("the captcha cannot be verified: submissions are sent all the same, and marked")
	}
}

// stored takes note of how the store does: it logs when it begins to fail and when it works again.
func (c *Checker) stored(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil && !c.down:
		c.o.Log.Error().Err(err).Msg("the store fails: captchas wait until it works again, and what has one with them")
	case err == nil && c.down:
		c.o.Log.Info().Msg("captchas are verified again")
	}
	c.down = err != nil
}
