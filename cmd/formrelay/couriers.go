package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"formrelay/internal/config"
	"formrelay/internal/delivery"
	"formrelay/internal/keycrm"
	"formrelay/internal/mapping/value"
	"formrelay/internal/pace"
	"formrelay/internal/profile"
	"formrelay/internal/submission"
)

// couriers are the couriers of all accounts, by account. The store may wake them before they are there: whoever is told of nothing finds
// what waits when it begins.
type couriers struct {
	mu     sync.RWMutex
	byName map[string]*delivery.Courier
	proven sync.Map // the accounts of which KeyCRM has answered a call, as far as this process knows
}

// answered tells whether KeyCRM has ever answered a call of an account, in this process or, as the database says, before it.
func (c *couriers) answered(ctx context.Context, account string, stored func(context.Context, string) (bool, error)) (bool, error) {
	if _, proven := c.proven.Load(account); proven {
		return true, nil
	}
	yes, err := stored(ctx, account)
	if yes {
		c.proven.Store(account, true)
	}
	return yes, err
}

// called gives the function that is told of each call of an account. Only an answer that nobody gets without the right token proves it;
// a 429 does not.
func (c *couriers) called(account string, count func(submission.AttemptKind, keycrm.Answer)) func(submission.AttemptKind, keycrm.Answer) {
	return func(kind submission.AttemptKind, a keycrm.Answer) {
		switch a.Outcome {
		case keycrm.Done, keycrm.Rejected, keycrm.Duplicate:
			c.proven.Store(account, true)
		case keycrm.Limited, keycrm.Unauthorised, keycrm.WrongAddress, keycrm.NotSent, keycrm.Uncertain:
		}
		count(kind, a)
	}
}

// open makes one courier for each account. Submissions of an account that is no longer configured are told: nobody delivers them, and
// they must not be forgotten.
func (c *couriers) open(w *world, checked config.Checked, r *relay) error {
	all := map[string]*delivery.Courier{}
	for _, account := range checked.Accounts {
		courier, err := newCourier(w, account, r)
		if err != nil {
			return fmt.Errorf("account %s: %w", account.Name, err)
		}
		all[account.Name] = courier
	}
	waiting, err := r.store.Waiting(w.ctx)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(waiting)) {
		if all[name] == nil {
			r.log.Error().Str("account", name).Int64("submissions", waiting[name]).
				Msg("submissions wait for an account that is not configured: nothing is sent for it until it is named under accounts in --config and the server is started again")
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byName = all
	return nil
}

// newCourier makes an account's courier. A token that is missing is said now and not at the first submission.
func newCourier(w *world, account config.Account, r *relay) (*delivery.Courier, error) {
	client, err := keycrm.NewClient(keycrm.Options{
		BaseURL:   account.URL,
		Token:     served(account.Token(w.getenv)),
		UserAgent: "formrelay/" + version,
	})
	if err != nil {
		return nil, err
	}
	if a, usable := client.Usable(); !usable {
		if err := r.store.Pause(w.ctx, account.Name, a.Text); err != nil { // the courier logs it as it begins
			return nil, err
		}
	}
	var bulk *delivery.Bulk
	if account.Bulk > 0 {
		bulk = &delivery.Bulk{Over: account.Bulk, Queue: r.store, Ledger: r.store, Client: client}
	}
	return delivery.New(delivery.Options{
		Account: account.Name,
		Bulk:    bulk,
		Limit:   limit(account),
		Settle:  account.Settle,
		Grace:   grace,
		Queue:   r.store,
		Ledger:  r.store,
		Client:  client,
		Files:   r.store,
		Storage: client,
		Log:     r.log,
		OnCall:  r.couriers.called(account.Name, r.metrics.Called(account.Name)),
	}), nil
}

// served adds to what is to be done about a token that lies nowhere what that means for a server.
func served(token func() (string, error)) func() (string, error) {
	return func() (string, error) {
		text, err := token()
		if missing, nowhere := errors.AsType[*config.Missing](err); nowhere {
			err = fmt.Errorf("%w, and start again", missing)
		}
		return text, err
	}
}

// wake tells an account's courier that a submission waits for it.
func (c *couriers) wake(account string) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if courier := c.byName[account]; courier != nil {
		courier.Wake()
	}
}

// run has every courier work until ctx ends.
func (c *couriers) run(ctx context.Context, group *errgroup.Group) {
	for _, courier := range c.byName {
		group.Go(func() error { return courier.Run(ctx) })
	}
}

// limit is an account's pace as delivery and store take it.
func limit(a config.Account) pace.Limit {
	return pace.Limit{Calls: a.Calls, Window: a.Window, Timeout: a.Timeout}
}

func limits(c config.Checked) map[string]pace.Limit {
	all := map[string]pace.Limit{}
	for _, a := range c.Accounts {
		all[a.Name] = limit(a)
	}
	return all
}

func accountNames(c config.Checked) []string {
	var names []string
	for _, a := range c.Accounts {
		names = append(names, a.Name)
	}
	return names
}

// rules are what the configuration is checked by.
func rules(w *world) config.Rules {
	return config.Rules{Pace: pace.ParseLimit, Nearest: value.Nearest, Getenv: w.getenv}
}

// profileOptions is what --config adds to a profile's meaning, for commands that only read profiles.
func profileOptions(w *world, file config.File) (profile.Options, error) {
	names, err := file.Names(rules(w))
	return naming(names), err
}

// naming is what a profile may name.
func naming(n config.Names) profile.Options {
	return profile.Options{Accounts: n.Accounts, Captchas: n.Captchas, Keys: n.Keys}
}
