package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"syscall"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"formrelay/internal/config"
	"formrelay/internal/httpd"
	"formrelay/internal/intake"
	"formrelay/internal/intake/captcha"
	"formrelay/internal/metrics"
	"formrelay/internal/store"
)

// grace is how long calls and answers under way may take to end once the process is told to stop. It leaves room for the last writes
// inside the 15 seconds that a stop may take.
const grace = 10 * time.Second

// relay is one running server: the store, a courier for each account and two listeners.
type relay struct {
	log      zerolog.Logger
	store    *store.Store
	profiles *profiles
	intake   *intake.Intake
	couriers couriers
	checker  *captcha.Checker
	metrics  *metrics.Metrics
	count    func(context.Context) // keeps the figures for a scrape
	retain   func(context.Context) // empties what has been kept for long enough
	public   *httpd.Server
	ops      *httpd.Server
}

// openRelay brings everything up but serves nothing yet: profiles are read, the store is open, both listeners are bound. pages, when
// not nil, adds routes to the public listener. The caller runs it, which also closes it.
func openRelay(w *world, c config.Checked, pages func(chi.Router)) (_ *relay, err error) {
	r := &relay{log: logger(w, c.Log), metrics: metrics.New(version)}
	if c.Warning != "" {
		r.log.Warn().Msg(c.Warning)
	}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	r.store, err = store.Open(w.ctx, store.Options{
		URL: c.Database, Log: r.log, OnAccept: r.couriers.wake, OnCommit: r.metrics.Committed,
		OnCheck: func() { r.checker.Wake() }, // nothing is stored before there is one
	})
	if err != nil {
		return nil, err
	}
	if r.profiles, err = openProfiles(w.ctx, c, r.store, r.log); err != nil {
		return nil, err
	}
	if err = r.couriers.open(w, c, r); err != nil {
		return nil, err
	}
	r.count = r.metrics.Watch(metrics.Source{Store: r.store, Accounts: limits(c), Broken: r.profiles.live.Broken})
	r.retain = func(ctx context.Context) { retain(ctx, r.store, c, r.log) }
	forms := intake.Config{
		Profiles: r.profiles.live, Store: r.store, Waiter: r.store, TrustedProxies: c.Proxies, Log: r.log, OnAnswer: r.metrics.Answered, OnHeld: r.metrics.Held,
	}
	if err = r.guards(w, c, &forms); err != nil {
		return nil, err
	}
	if r.intake, err = intake.New(forms); err != nil {
		return nil, err
	}
	if err = r.listen(w.ctx, c, pages); err != nil {
		return nil, err
	}
	return r, nil
}

// listen binds both listeners, so that a port that is taken is said before anything is served.
func (r *relay) listen(ctx context.Context, c config.Checked, pages func(chi.Router)) (err error) {
	public := chi.NewRouter()
	r.intake.Routes(public)
	health := httpd.Health(r.store.Ready, false)
	for _, path := range []string{"/healthz", "/readyz"} {
		public.Method(http.MethodGet, path, health)
		public.Method(http.MethodHead, path, health)
	}
	if pages != nil {
		pages(public)
	}
	report := readiness{ready: r.store.Ready, account: r.store.Account, accounts: accountNames(c), broken: r.profiles.live.Broken}
	report.answered = func(ctx context.Context, account string) (bool, error) {
		return r.couriers.answered(ctx, account, r.store.Answered)
	}
	report.serves = func(name string) bool { _, serves := r.profiles.live.Get(name); return serves }
	ops := opsRoutes(report, r.metrics.Handler())
	options := httpd.Options{Log: r.log, Drain: grace}
	if r.public, err = httpd.Listen(ctx, c.Listen, public, options); err != nil {
		return portError("--listen", c.Listen, err)
	}
	if r.ops, err = httpd.Listen(ctx, c.OpsListen, ops, options); err != nil {
		return portError("--ops-listen", c.OpsListen, err)
	}
	return nil
}

// listenError says why an address cannot be listened on, and what to do about it.
type listenError struct {
	text  string
	cause error
}

func (e *listenError) Error() string { return e.text }
func (e *listenError) Unwrap() error { return e.cause }

// portError puts into words why the address of a flag cannot be listened on.
func portError(flag, address string, err error) error {
	say := func(format string) error { return &listenError{fmt.Sprintf(format, flag, address), err} }
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return say("%[1]s: something else listens on %[2]s already: end it, or name another port with %[1]s")
	case errors.Is(err, syscall.EACCES):
		return say("%[1]s: this user may not listen on %[2]s: take a port above 1023 with %[1]s")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return say("%[1]s: this machine has no address %[2]s: name one that it has with %[1]s")
	}
	return fmt.Errorf("%s: %w", flag, err)
}

// run serves until ctx ends and everything under way has ended, or one part fails; then it closes the store.
func (r *relay) run(ctx context.Context) error {
	defer r.close()
	r.log.Info().Str("listen", r.public.Addr().String()).Str("ops_listen", r.ops.Addr().String()).Str("version", version).Msg("ready")
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return r.public.Serve(ctx) })
	group.Go(func() error { return r.ops.Serve(ctx) })
	r.couriers.run(ctx, group)
	group.Go(func() error { r.intake.Run(ctx); return nil })
	group.Go(func() error { r.checker.Run(ctx); return nil })
	group.Go(func() error { r.count(ctx); return nil })
	group.Go(func() error { r.retain(ctx); return nil })
	group.Go(func() error { r.profiles.run(ctx); return nil })
	err := group.Wait()
	r.log.Info().Msg("stopped")
	return err
}

// close gives back what openRelay took; it may be called on a relay that is half open.
func (r *relay) close() {
	if r.store == nil {
		return
	}
	if err := r.store.Close(); err != nil {
		r.log.Error().Err(err).Msg("the store did not close cleanly; what was acknowledged is in it all the same")
	}
}
