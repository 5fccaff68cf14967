package httpd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/rs/zerolog"
)

// Options bounds a server. A zero value means the default named beside it.
type Options struct {
	ReadHeaderTimeout time.Duration // a request's head must have come within it: 30 s
	IdleTimeout       time.Duration // how long a connection may wait for its next request: 2 min
	WriteTimeout      time.Duration // how long one write may wait for the client to read: 30 s
	MaxHeaderBytes    int           // a longer head is a 431: 64 KB
	Drain             time.Duration // how long Serve waits for requests under way once it is told to stop: 10 s
	Log               zerolog.Logger
}

// withDefaults fills in what was left out.
func (o Options) withDefaults() Options {
	orDefault(&o.ReadHeaderTimeout, 30*time.Second)
	orDefault(&o.IdleTimeout, 2*time.Minute)
	orDefault(&o.WriteTimeout, 30*time.Second)
	orDefault(&o.MaxHeaderBytes, 64<<10)
	orDefault(&o.Drain, 10*time.Second)
	return o
}

// orDefault gives *v the value d when it is zero.
func orDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Server is one listener and the HTTP server on it.
type Server struct {
	http     *http.Server
	listener net.Listener
	drain    time.Duration
}

// Listen opens addr, so that a port in use is an error here and now, and returns a server that is ready to [Server.Serve] handler.
// Connections made in between wait in the kernel's queue.
func Listen(ctx context.Context, addr string, handler http.Handler, o Options) (*Server, error) {
	o = o.withDefaults()
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", addr, err)
	}
	return &Server{
		listener: listener{l, o.WriteTimeout},
		drain:    o.Drain,
		http: &http.Server{
			Handler:           handler,
			ReadHeaderTimeout: o.ReadHeaderTimeout,
			IdleTimeout:       o.IdleTimeout,
			MaxHeaderBytes:    o.MaxHeaderBytes,
			ConnState:         follow,
			ErrorLog:          slog.NewLogLogger(zerolog.NewSlogHandler(o.Log), slog.LevelWarn),
		},
	}, nil
}

// Addr is the address that Listen opened, with the port the kernel chose when it was asked for 0.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Serve answers requests until ctx ends, then takes no new ones, waits for those under way and returns nil. Those that are not done
// within Options.Drain are cut off, and that is an error. It may be called once.
func (s *Server) Serve(ctx context.Context) error {
	failed := make(chan error, 1)
	go func() { failed <- s.http.Serve(s.listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serving on %s: %w", s.Addr(), err)
	case <-ctx.Done():
	}
	// ctx has ended already; what it carries is kept, its end is not.
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.drain)
	defer cancel()
	err := s.http.Shutdown(late)
	if err != nil {
		err = errors.Join(fmt.Errorf("requests on %s were cut off after %s: %w", s.Addr(), s.drain, err), s.http.Close())
	}
	<-failed // the goroutine above ends before Serve does
	return err
}
