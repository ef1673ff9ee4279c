package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/cloudflare/tableflip"
)

// Listen opens a listener, or says which setting to change. One that a predecessor
// or systemd has open already is used as it is.
func (p *Process) Listen(ctx context.Context, setting, addr string) (net.Listener, error) {
	// Known by setting and address: a changed address is listened on anew.
	key := setting + "=" + addr
	ln, err := p.flip.Listener("tcp", key)
	if err != nil {
		return nil, fmt.Errorf("%s: take %s over: %w", setting, addr, err)
	}
	if ln != nil {
		return ln, nil
	}
	fresh, given := p.activated[setting]
	if !given {
		if fresh, err = listen(ctx, setting, addr); err != nil {
			return nil, err
		}
	}
	if err := p.flip.AddListener("tcp", key, fresh); err != nil {
		return nil, fmt.Errorf("%s: keep %s for a successor: %w", setting, addr, err)
	}
	return fresh, nil
}

func listen(ctx context.Context, setting, addr string) (tableflip.Listener, error) {
	var config net.ListenConfig
	ln, err := config.Listen(ctx, "tcp", addr)
	switch {
	case err == nil:
		return ln.(*net.TCPListener), nil // what listening on tcp returns
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s: %s is taken; stop what listens there or choose another address", setting, addr)
	}
	return nil, fmt.Errorf("%s: can't listen on %s: %w", setting, addr, errors.Unwrap(err))
}
