package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"formrelay/internal/config"
	"formrelay/internal/httpd"
	"formrelay/internal/intake"
	"formrelay/internal/intake/captcha"
	"formrelay/internal/metrics"
	"formrelay/internal/profile"
	"formrelay/internal/store"
	"formrelay/internal/submission"
)

// grace is how long calls and answers under way may take to end once the process is told to stop. It leaves room for the last writes
// inside the 15 seconds that a stop may take.
const grace = 10 * time.Second

// relay is one running server: the store, a courier for each account and two listeners.
type relay struct {
	log      zerolog.Logger
	store    *store.Store
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
	profiles, err := r.readProfiles(w.ctx, c)
	if err != nil {
		return nil, err
	}
	if err = r.couriers.open(w, c, r); err != nil {
		return nil, err
	}
	r.count = r.metrics.Watch(metrics.Source{Store: r.store, Accounts: limits(c), Broken: profiles.Broken})
	r.retain = func(ctx context.Context) { retain(ctx, r.store, c, r.log) }
	forms := intake.Config{
		Profiles: profiles, Store: r.store, TrustedProxies: c.Proxies, Log: r.log, OnAnswer: r.metrics.Answered, OnHeld: r.metrics.Held,
	}
	if err = r.guards(w, c, &forms); err != nil {
		return nil, err
	}
	if r.intake, err = intake.New(forms); err != nil {
		return nil, err
	}
	if err = r.listen(w.ctx, c, profiles, pages); err != nil {
		return nil, err
	}
	return r, nil
}

// readProfiles reads the folder. Broken profiles never keep the server from starting: of each the last revision that took a
// submission serves on, and the faults are said loudly.
func (r *relay) readProfiles(ctx context.Context, c config.Checked) (*profile.Set, error) {
	options := naming(c.Names())
	set, err := profile.LoadDir(c.Profiles, options)
	if errors.Is(err, os.ErrNotExist) {
		r.log.Warn().Str("folder", c.Profiles).Msg("there is no folder of profiles: every form is answered 404 until there is one and the server is started again")
		return set, nil
	}
	if err != nil {
		return nil, err
	}
	for _, fault := range set.Faults() {
		r.log.Error().Msg("profile: " + fault.String())
	}
	for _, name := range set.Broken() {
		if err := r.restoreProfile(ctx, set, name, options); err != nil {
			return nil, err
		}
	}
	r.log.Info().Strs("profiles", set.Names()).Msg("profiles read")
	return set, nil
}

func (r *relay) restoreProfile(ctx context.Context, set *profile.Set, name string, options profile.Options) error {
	revision, err := r.store.LastRevision(ctx, name)
	switch {
	case errors.Is(err, submission.ErrNotFound):
		r.log.Error().Str("profile", name).Msg("the profile is broken and no earlier revision took a submission: it answers 503 until it is mended and the server is started again")
		return nil
	case err != nil:
		return err
	}
	last, faults := profile.Parse(name, name+".yaml", revision.Text, options)
	if len(faults) > 0 {
		r.log.Error().Str("profile", name).Msg("the profile is broken and its last stored revision does not fit this version: it answers 503 until it is mended")
		return nil
	}
	set.Restore(last)
	r.log.Error().Str("profile", name).Str("revision", last.Hash).Msg("the profile is broken: its last stored revision serves on")
	return nil
}

// listen binds both listeners, so that a port that is taken is said before anything is served.
func (r *relay) listen(ctx context.Context, c config.Checked, profiles *profile.Set, pages func(chi.Router)) (err error) {
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
	report := readiness{ready: r.store.Ready, account: r.store.Account, accounts: accountNames(c), broken: profiles.Broken}
	ops := opsRoutes(report, r.metrics.Handler())
	options := httpd.Options{Log: r.log, Drain: grace}
	if r.public, err = httpd.Listen(ctx, c.Listen, public, options); err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	if r.ops, err = httpd.Listen(ctx, c.OpsListen, ops, options); err != nil {
		return fmt.Errorf("--ops-listen: %w", err)
	}
	return nil
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
