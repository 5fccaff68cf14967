package main

import (
	"formrelay/internal/config"
	"formrelay/internal/pace"
)

type serveCmd struct {
	config.Server `embed:""`
}

// Run serves until the process is told to stop. Broken profiles, no profiles and a missing token do not keep it from starting.
func (c serveCmd) Run(w *world) error {
	checked, err := c.Server.Check(pace.ParseLimit)
	if err != nil {
		return usageError{err}
	}
	if err := c.CheckToken(w.getenv); err != nil {
		return usageError{err}
	}
	r, err := openRelay(w, checked, nil)
	if err != nil {
		return err
	}
	return r.run(w.ctx)
}
