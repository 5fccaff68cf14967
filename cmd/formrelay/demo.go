package main

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/go-chi/chi/v5"
	"golang.org/x/sync/errgroup"

	"formrelay/deploy"
	"formrelay/internal/config"
	"formrelay/internal/keycrm/sandbox"
	"formrelay/web/demo"
)

type demoCmd struct {
	Listen        string `env:"FORMRELAY_DEMO_LISTEN" default:"127.0.0.1:8080" placeholder:"ADDRESS" help:"Where the shop page and the relay listen."`
	SandboxListen string `env:"FORMRELAY_DEMO_SANDBOX_LISTEN" default:"127.0.0.1:8081" placeholder:"ADDRESS" help:"Where the stand-in for KeyCRM listens."`
	config.Log    `embed:""`
}

// Run serves a shop page, the relay and a stand-in for KeyCRM in one process, with all data in a temporary folder that goes with it.
func (c demoCmd) Run(w *world) (err error) {
	folder, err := os.MkdirTemp("", "formrelay-demo-")
	if err != nil {
		return fmt.Errorf("the demo keeps its data in a temporary folder, and there is none: %w; name one in TMPDIR", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	crm, err := openSandbox(w, c.SandboxListen, c.Log, sandbox.Options{Token: sandboxToken, Limit: 60, Window: time.Minute})
	if err != nil {
		return elsewhere("FORMRELAY_DEMO_SANDBOX_LISTEN", portError("--sandbox-listen", c.SandboxListen, err))
	}
	received := "http://" + reachable(crm.server.Addr()) + "/"
	r, err := c.openRelay(w, folder, received)
	if err != nil {
		return err
	}
	c.greet(w.stdout, w.program, reachable(r.public.Addr()), received, filepath.Join(folder, "formrelay.db"))
	group, ctx := errgroup.WithContext(w.ctx)
	group.Go(func() error { return crm.run(ctx) })
	group.Go(func() error { return r.run(ctx) })
	return group.Wait()
}

// openRelay lays out the folder and opens a relay on it, which speaks to the stand-in only.
func (c demoCmd) openRelay(w *world, folder, received string) (*relay, error) {
	profiles := filepath.Join(folder, "profiles")
	if err := writeProfiles(profiles); err != nil {
		return nil, err
	}
	page, err := shopPage(received)
	if err != nil {
		return nil, err
	}
	server := config.Server{
		Listen: c.Listen,
		Ops:    config.Ops{OpsListen: "127.0.0.1:0"},
		Data:   config.Data{Profiles: profiles, Database: "sqlite:" + filepath.Join(folder, "formrelay.db")},
		KeyCRM: config.KeyCRM{URL: received + "v1", Pace: "60/1m", Timeout: 15 * time.Second, Settle: 60 * time.Second},
		Log:    c.Log,
	}
	inner := *w
	inner.getenv = func(name string) string {
		if name == config.EnvToken {
			return sandboxToken
		}
		return ""
	}
	checked, err := server.Check(rules(&inner))
	if err != nil {
		return nil, usageError{err}
	}
	r, err := openRelay(&inner, checked, page)
	if err != nil {
		return nil, elsewhere("FORMRELAY_DEMO_LISTEN", err)
	}
	return r, nil
}

// elsewhere adds to an address that is in use how to choose another, also for who started the demo by `make`.
func elsewhere(variable string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w\nor in the environment, such as %s=127.0.0.1:0", err, variable)
	}
	return err
}

// writeProfiles copies the example profiles `order` and `lead`; the others are page builders'.
func writeProfiles(folder string) error {
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	for _, name := range []string{"order.yaml", "lead.yaml"} {
		text, err := fs.ReadFile(deploy.Profiles, "profiles/"+name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// shopPage gives the routes of the sample shop: the page at / and what it refers to.
func shopPage(received string) (func(chi.Router), error) {
	page, err := template.ParseFS(demo.Files, "shop.html")
	if err != nil {
		return nil, err
	}
	var html bytes.Buffer
	if err := page.Execute(&html, demo.Page{Received: received}); err != nil {
		return nil, err
	}
	return func(r chi.Router) {
		r.Get("/", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("Content-Security-Policy", "default-src 'self'; base-uri 'none'; frame-ancestors 'none'")
			_, _ = w.Write(html.Bytes()) // a visitor who has gone needs no page
		})
		for _, name := range []string{"shop.css", "lamp.svg"} {
			r.Get("/demo/"+name, func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, demo.Files, name) })
		}
	}, nil
}

// reachable is an address that a browser on this machine can open: a listener on every address answers on the loopback one too.
func reachable(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

func (demoCmd) greet(out io.Writer, program, relay, received, database string) {
	fmt.Fprintf(out, `
  The shop page        http://%s/
  What KeyCRM received %s

  Try: order a lamp, then look at what KeyCRM received.
       Post from a terminal:
         curl -i http://%s/forms/lead -d name=Олена -d phone='050 111 22 33'
       See what was stored:
         %s submissions list --database sqlite:%s

  Ctrl-C ends it; everything it stored goes with it.

`, relay, received, relay, program, database)
}
