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
	"formrelay/internal/delivery"
	"formrelay/internal/httpd"
	"formrelay/internal/intake"
	"formrelay/internal/keycrm"
	"formrelay/internal/pace"
	"formrelay/internal/profile"
	"formrelay/internal/store"
	"formrelay/internal/submission"
)

// grace is how long calls and answers under way may take to end once the process is told to stop. It leaves room for the last writes
// inside the 15 seconds that a stop may take.
const grace = 10 * time.Second

// relay is one running server: the store, the courier of its account and two listeners.
type relay struct {
	log     zerolog.Logger
	store   *store.Store
	intake  *intake.Intake
	courier *delivery.Courier
	public  *httpd.Server
	ops     *httpd.Server
}

// openRelay brings everything up but serves nothing yet: profiles are read, the store is open, both listeners are bound. pages, when
// not nil, adds routes to the public listener. The caller runs it, which also closes it.
func openRelay(w *world, c config.Checked, pages func(chi.Router)) (_ *relay, err error) {
	r := &relay{log: logger(w, c.Log)}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	r.store, err = store.Open(w.ctx, store.Options{URL: c.Database, Log: r.log, OnAccept: func(string) { r.courier.Wake() }})
	if err != nil {
		return nil, err
	}
	profiles, err := r.readProfiles(w.ctx, c.Profiles)
	if err != nil {
		return nil, err
	}
	if r.courier, err = r.newCourier(w, c); err != nil {
		return nil, err
	}
	r.intake, err = intake.New(intake.Config{Profiles: profiles, Store: r.store, TrustedProxies: c.Proxies, Log: r.log})
	if err != nil {
		return nil, err
	}
	if err = r.listen(w.ctx, c, pages); err != nil {
		return nil, err
	}
	return r, nil
}

// readProfiles reads the folder. Broken profiles never keep the server from starting: of each the last revision that took a
// submission serves on, and the faults are said loudly.
func (r *relay) readProfiles(ctx context.Context, folder string) (*profile.Set, error) {
	options := profile.Options{Accounts: []string{config.Account}}
	set, err := profile.LoadDir(folder, options)
	if errors.Is(err, os.ErrNotExist) {
		r.log.Warn().Str("folder", folder).Msg("there is no folder of profiles: every form is answered 404 until there is one and the server is started again")
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

// newCourier makes the account's courier. A token that is missing is said now and not at the first submission.
func (r *relay) newCourier(w *world, c config.Checked) (*delivery.Courier, error) {
	token := c.Token(w.getenv)
	if _, err := token(); err != nil {
		r.log.Warn().Str("account", config.Account).Msg("forms are taken, nothing is sent: " + err.Error())
		if err := r.store.Pause(w.ctx, config.Account, err.Error()); err != nil {
			return nil, err
		}
	}
	client, err := keycrm.NewClient(keycrm.Options{
		BaseURL:   c.URL,
		Token:     token,
		UserAgent: "formrelay/" + version,
	})
	if err != nil {
		return nil, err
	}
	return delivery.New(delivery.Options{
		Account: config.Account,
		Limit:   pace.Limit{Calls: c.Calls, Window: c.Window, Timeout: c.Timeout},
		Settle:  c.Settle,
		Grace:   grace,
		Queue:   r.store,
		Ledger:  r.store,
		Client:  client,
		Log:     r.log,
	}), nil
}

// listen binds both listeners, so that a port that is taken is said before anything is served.
func (r *relay) listen(ctx context.Context, c config.Checked, pages func(chi.Router)) (err error) {
	public := chi.NewRouter()
	r.intake.Routes(public)
	r.health(public, false)
	if pages != nil {
		pages(public)
	}
	ops := chi.NewRouter()
	r.health(ops, true)
	options := httpd.Options{Log: r.log, Drain: grace}
	if r.public, err = httpd.Listen(ctx, c.Listen, public, options); err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	if r.ops, err = httpd.Listen(ctx, c.OpsListen, ops, options); err != nil {
		return fmt.Errorf("--ops-listen: %w", err)
	}
	return nil
}

func (r *relay) health(router chi.Router, details bool) {
	health := httpd.Health(r.store.Ready, details)
	for _, path := range []string{"/healthz", "/readyz"} {
		router.Method(http.MethodGet, path, health)
		router.Method(http.MethodHead, path, health)
	}
}

// run serves until ctx ends and everything under way has ended, or one part fails; then it closes the store.
func (r *relay) run(ctx context.Context) error {
	defer r.close()
	r.log.Info().Str("listen", r.public.Addr().String()).Str("ops_listen", r.ops.Addr().String()).Str("version", version).Msg("ready")
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return r.public.Serve(ctx) })
	group.Go(func() error { return r.ops.Serve(ctx) })
	group.Go(func() error { return r.courier.Run(ctx) })
	group.Go(func() error { r.intake.Run(ctx); return nil })
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
