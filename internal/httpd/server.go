package httpd

import (
	"context"
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

// endWithin is how long Serve waits for handlers whose connections were cut. They are told by their context and need only return.
const endWithin = 2 * time.Second

// Server is one listener and the HTTP server on it.
type Server struct {
	http     *http.Server
	listener net.Listener
	conns    *conns
	drain    time.Duration
	log      zerolog.Logger
}

// Listen opens addr, so that a port in use is an error here and now, and returns a server that is ready to [Server.Serve] handler.
// Connections made in between wait in the kernel's queue.
func Listen(ctx context.Context, addr string, handler http.Handler, o Options) (*Server, error) {
	o = o.withDefaults()
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", addr, err)
	}
	s := &Server{
		listener: listener{l, o.WriteTimeout},
		conns:    &conns{open: make(map[*conn]bool)},
		drain:    o.Drain,
		log:      o.Log,
		http: &http.Server{
			Handler:           handler,
			ReadHeaderTimeout: o.ReadHeaderTimeout,
			IdleTimeout:       o.IdleTimeout,
			MaxHeaderBytes:    o.MaxHeaderBytes,
			ErrorLog:          slog.NewLogLogger(zerolog.NewSlogHandler(o.Log), slog.LevelWarn),
		},
	}
	s.http.ConnState = s.conns.follow
	s.http.RegisterOnShutdown(s.conns.hush) // is called when the listener is closed, so that no connection comes after it
	return s, nil
}

// Addr is the address that Listen opened, with the port the kernel chose when it was asked for 0.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Serve answers requests until ctx ends, then takes no new ones, waits for those under way and returns nil. Those that are not done
// within Options.Drain are cut off, which is logged and no error: whoever asked for the stop gets it. Serve returns when their handlers
// have returned too, or two seconds later, so that the caller may take away what they work with. An error means that serving ended
// without having been told to. It may be called once.
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
	if err := s.http.Shutdown(late); err != nil {
		s.log.Warn().Err(err).Stringer("listen", s.Addr()).Dur("after", s.drain).Msg("requests under way were cut off: they were not done in time")
		_ = s.http.Close() // all that is left of it are connections, which are being given up
	}
	if !s.conns.wait(endWithin) {
		s.log.Warn().Stringer("listen", s.Addr()).Msg("requests that were cut off are still being worked on")
	}
	<-failed //nolint:errcheck // the goroutine above ends before Serve does
	return nil
}
