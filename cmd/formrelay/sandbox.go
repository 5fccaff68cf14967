package main

import (
	"context"
	"fmt"

	"formrelay/internal/config"
	"formrelay/internal/httpd"
	"formrelay/internal/keycrm/sandbox"
	"formrelay/internal/pace"
)

// sandboxToken is the token that the demo's stand-in takes; it opens nothing else.
const sandboxToken = "sandbox"

type sandboxCmd struct {
	Listen     string `default:"127.0.0.1:8081" placeholder:"ADDRESS" help:"Where the stand-in listens."`
	Token      string `default:"sandbox" help:"The API token that it takes."`
	Limit      string `default:"60/1m" placeholder:"N/TIME" help:"How many calls it takes in each such time before it answers 429."`
	config.Log `embed:""`
}

// Run serves the stand-in until the process is told to stop.
func (c sandboxCmd) Run(w *world) error {
	calls, window, err := pace.ParseLimit(c.Limit)
	if err != nil {
		return usageError{fmt.Errorf("--limit: %w", err)}
	}
	crm, err := openSandbox(w, c.Listen, c.Log, sandbox.Options{Token: c.Token, Limit: calls, Window: window})
	if err != nil {
		return portError("--listen", c.Listen, err)
	}
	address := reachable(crm.server.Addr())
	fmt.Fprintf(w.stdout, "A stand-in for KeyCRM listens on http://%s\n\n", address)
	fmt.Fprintf(w.stdout, "  What it received:   http://%s/\n", address)
	fmt.Fprintf(w.stdout, "  Point a relay here: KEYCRM_TOKEN=%s %s serve --keycrm-url http://%s/v1\n\n", c.Token, w.program, address)
	fmt.Fprintln(w.stdout, "It keeps everything in memory. Ctrl-C ends it.")
	return crm.run(w.ctx)
}

// runningSandbox is the stand-in behind its listener.
type runningSandbox struct {
	box    *sandbox.Sandbox
	server *httpd.Server
}

// openSandbox binds the stand-in's listener.
func openSandbox(w *world, listen string, log config.Log, o sandbox.Options) (*runningSandbox, error) {
	box := sandbox.New(o)
	server, err := httpd.Listen(w.ctx, listen, box, httpd.Options{Log: logger(w, log)})
	if err != nil {
		return nil, err
	}
	return &runningSandbox{box: box, server: server}, nil
}

// run serves until ctx ends; calls that hang end with it.
func (r *runningSandbox) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, r.box.Close)
	defer stop()
	return r.server.Serve(ctx)
}
