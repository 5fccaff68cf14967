package main

import (
	"formrelay/internal/config"
	"formrelay/internal/intake"
	"formrelay/internal/intake/captcha"
)

// tokenKey is the name of the key that signs time tokens, in the store.
const tokenKey = "time token"

// guards opens what the guard needs beside the profiles: the key of the time tokens, the secrets that senders carry, and the checker of
// captchas. A secret that cannot be read is said now and not at the first submission.
func (r *relay) guards(w *world, c config.Checked, to *intake.Config) (err error) {
	if to.Key, err = r.store.Key(w.ctx, tokenKey); err != nil {
		return err
	}
	to.Secrets = map[string]intake.Secret{}
	captchas := map[string]captcha.Secret{}
	for _, s := range c.Secrets {
		value := s.Token(w.getenv)
		if _, err := value(); err != nil {
			r.log.Error().Str("secret", s.Name).Msg("forms are taken all the same: " + err.Error())
		}
		if s.Captcha() {
			to.Secrets[s.Name] = intake.Secret{Field: captcha.Field(s.Provider)}
			captchas[s.Name] = captcha.Secret{Provider: s.Provider, MinScore: s.MinScore, Value: value}
			continue
		}
		to.Secrets[s.Name] = intake.Secret{Field: s.Field, Header: s.Header, Value: value}
	}
	r.checker = captcha.New(captcha.Options{
		Queue: r.store, Secrets: captchas, Log: r.log, OnReady: r.couriers.wake, Addresses: w.captchas,
		OnChecked: func(secret, profile string, o captcha.Outcome) {
			r.metrics.Checked(secret, profile, string(o), o == captcha.Failed)
		},
	})
	return nil
}
