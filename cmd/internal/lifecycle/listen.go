package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"
)

// Listen opens a listener, or says which setting to change.
func Listen(ctx context.Context, setting, addr string) (net.Listener, error) {
	var config net.ListenConfig
	ln, err := config.Listen(ctx, "tcp", addr)
	switch {
	case err == nil:
		return ln, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s: %s is taken; stop what listens there or choose another address", setting, addr)
	}
	return nil, fmt.Errorf("%s: can't listen on %s: %w", setting, addr, errors.Unwrap(err))
}

// The limits of an HTTP listener that don't depend on how large a body is.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 64 << 10
)

// ServeHTTP serves until ctx ends, then finishes what is under way, for at most
// grace; what is not finished then is cut off.
func ServeHTTP(ctx context.Context, ln net.Listener, handler http.Handler, grace time.Duration, log *slog.Logger) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	drained := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		drained <- errors.Join(server.Shutdown(last), server.Close())
	})
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		stop()
		return fmt.Errorf("serve %s: %w", ln.Addr(), err)
	}
	if err := <-drained; err != nil {
		log.WarnContext(ctx, "requests were cut off at the end of the grace", "listener", ln.Addr().String())
	}
	return nil
}
