// Package online holds profiles against the live KeyCRM account that they are for: whether the ids that they name are there, whether
// their custom fields are the entity's own and take what they are given, whether the catalogue knows their articles.
//
// What only a post tells, an id that a form sends or an expression works out, cannot be held against anything; it is counted. Of a
// condition each branch is looked at, and of a table that a post chooses a row of, each row.
//
// A fault is what cannot be right, however the account's people work: an id that is not there, another entity's field, an option that a
// list does not have. A warning is what may well be meant: an article that is not in the catalogue makes a line all the same, a required
// field stops people in KeyCRM and, as far as anybody knows, not its API, and a row of a table may never be chosen.
package online

import (
	"context"
	"slices"
	"time"

	"formrelay/internal/keycrm"
	"formrelay/internal/profile"
)

// Client is what is asked of an account; *keycrm.Client is one. Each method is one call for one page.
type Client interface {
	Sources(ctx context.Context, page int, notAfter time.Time) keycrm.List[keycrm.Source]
	PaymentMethods(ctx context.Context, page int, notAfter time.Time) keycrm.List[keycrm.PaymentMethod]
	DeliveryServices(ctx context.Context, page int, notAfter time.Time) keycrm.List[keycrm.DeliveryService]
	Pipelines(ctx context.Context, page int, notAfter time.Time) keycrm.List[keycrm.Pipeline]
	Users(ctx context.Context, page int, notAfter time.Time) keycrm.List[keycrm.User]
	CustomFields(ctx context.Context, notAfter time.Time) keycrm.List[keycrm.CustomFieldInfo]
	Offers(ctx context.Context, skus []string, page int, notAfter time.Time) keycrm.List[keycrm.Offer]
}

// Turn waits until the account's pace has room for one call. The call must be over by notAfter, and done is told what it came to. An
// error of either ends the check of the account.
type Turn func(ctx context.Context) (notAfter time.Time, done func(keycrm.Answer) error, err error)

// Options is what one account is checked with.
type Options struct {
	Whose    string // the account in a sentence: "your account", or "account sisal"
	Client   Client
	Turn     Turn
	Profiles []*profile.Profile // those that are for this account
}

// Report is what came out of it.
type Report struct {
	Found    profile.Faults // faults and warnings, by profile and place
	Calls    int            // calls made
	Held     int            // values held against the account
	Computed int            // values left out because only a post tells them
	Notes    []string       // sentences: what could not be looked at, and why
}

// Check asks the account for the lists that the profiles need, each once, and holds the profiles against them. The error is a sentence
// for ops: the account cannot be asked. The report then holds what was found before.
func Check(ctx context.Context, o Options) (Report, error) {
	a := &account{whose: o.Whose, asker: asker{client: o.Client, turn: o.Turn}}
	checks := make([]*check, len(o.Profiles))
	for i, p := range o.Profiles {
		checks[i] = &check{account: a, p: p, leaves: p.Leaves()}
	}
	err := a.run(ctx, checks)
	for _, c := range checks {
		a.report.Found = append(a.report.Found, c.p.Findings(c.found)...)
	}
	return a.report, err
}

// run goes through the profiles, and then asks for the articles of all of them together, since one call asks for many.
func (a *account) run(ctx context.Context, checks []*check) error {
	for _, c := range checks {
		for _, step := range []func(context.Context) error{c.ids, c.pipeline, c.fields} {
			if err := step(ctx); err != nil {
				return err
			}
		}
	}
	return a.articles(ctx, checks)
}

// account is one account with the lists that it has been asked for.
type account struct {
	asker
	whose  string
	books  map[string]*book
	custom *fieldBook
}

// check is one profile being held against the account.
type check struct {
	*account
	p      *profile.Profile
	leaves []leaf
	found  []profile.Finding
}

// order tells whether the profile creates orders.
func (c *check) order() bool { return c.p.Creates == keycrm.KindOrder }

// add notes a fault at a value, a warning where a post chooses among values.
func (c *check) add(v value, what, do string) {
	c.found = append(c.found, profile.Finding{Pos: v.Pos, What: what, Do: do, Warning: v.Chosen})
}

// warn notes a warning.
func (c *check) warn(at pos, what, do string) {
	c.found = append(c.found, profile.Finding{Pos: at, What: what, Do: do, Warning: true})
}

// at are the leaves of a path.
func (c *check) at(path string) []leaf {
	return slices.DeleteFunc(slices.Clone(c.leaves), func(l leaf) bool { return l.Path != path })
}

// values are the known values of a path, counted as held, and what is not known as computed.
func (c *check) values(path string) []value {
	var all []value
	for _, l := range c.at(path) {
		all = append(all, l.Values...)
		if l.Open {
			c.report.Computed++
		}
	}
	c.report.Held += len(all)
	return all
}
