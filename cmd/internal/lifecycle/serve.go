package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// The limits of an HTTP listener that don't depend on how large a body is.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	// answerTimeout is for a request from its header to the end of its answer: longer
	// than any operation. Who sends large bodies moves the deadline with them.
	answerTimeout = 10 * time.Minute
	maxHeader     = 64 << 10
)

// ServeHTTP serves until ctx ends, then finishes what is under way; what is not
// finished at the end of the grace is cut off. Connections end with an answer that
// says so, as far as their clients ask once more in time.
func (p *Process) ServeHTTP(ctx context.Context, ln net.Listener, handler http.Handler) error {
	s := p.newServer(handler)
	drained := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		last, idle, cancel := p.Drain(ctx)
		defer cancel()
		s.drain(idle, ln)
		drained <- errors.Join(s.Shutdown(last), s.Close())
	})
	err := s.serve(ln)
	if stop() { // ctx did not end: serving did
		return fmt.Errorf("serve %s: %w", ln.Addr(), err)
	}
	if err := <-drained; err != nil {
		p.log.WarnContext(ctx, "requests were cut off at the end of the grace", "listener", ln.Addr().String())
	}
	return nil
}

// ServeOps serves the ops listener, also while everything else is draining: who
// asks /readyz is to hear "stopping", and not nothing. After a hand-over the
// successor is asked instead. It ends when stop is called.
func (p *Process) ServeOps(ctx context.Context, ln net.Listener, ops *Ops) (stop func()) {
	s := p.newServer(ops)
	var serving sync.WaitGroup
	serving.Go(func() {
		err := s.serve(ln)
		if !errors.Is(err, http.ErrServerClosed) && !s.draining.Load() {
			p.log.ErrorContext(ctx, "the ops listener ended", "error", err)
		}
	})
	release := context.AfterFunc(ctx, func() {
		if p.handed.Load() {
			s.drain(ctx, ln)
		}
	})
	return func() {
		release()
		s.draining.Store(true)
		_ = s.Close() // nobody waits for a last scrape
		serving.Wait()
	}
}

// server is an HTTP server that can end connections in order.
type server struct {
	*http.Server
	draining atomic.Bool
	accepted chan struct{} // closed when no connection comes any more
	open     atomic.Int64  // connections
}

func (p *Process) newServer(handler http.Handler) *server {
	s := &server{accepted: make(chan struct{})}
	s.Server = &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if s.draining.Load() {
				w.Header().Set("Connection", "close")
			}
			handler.ServeHTTP(w, r)
		}),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		WriteTimeout:      answerTimeout,
		MaxHeaderBytes:    maxHeader,
		ConnState:         s.note,
		ErrorLog:          slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
	}
	return s
}

// serve is Serve, after which no connection comes any more.
func (s *server) serve(ln net.Listener) error {
	defer close(s.accepted)
	return s.Serve(ln)
}

// note counts connections. Each has one first state and one last.
func (s *server) note(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.open.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.open.Add(-1)
	}
}

// drain stops accepting, and returns when no connection is left or patience ends.
// An answer that began before may still keep its connection, so all are waited for.
func (s *server) drain(patience context.Context, ln net.Listener) {
	s.draining.Store(true)
	_ = ln.Close()
	<-s.accepted // else one that was just accepted could be missed, and closed
	for s.open.Load() > 0 && patience.Err() == nil {
		time.Sleep(5 * time.Millisecond)
	}
}
