package lifecycle

import (
	"context"
	"time"
)

// grace is how long what is under way may take.
func (p *Process) grace() time.Duration {
	if p.handed.Load() && !p.alone {
		return p.settings.HandoverGrace
	}
	return p.settings.ShutdownGrace
}

// Patience bounds how long a connection is kept, during a drain, for a request to
// come that can be answered with "Connection: close". A request that crosses the
// closing of its connection is one that the client sees fail.
const (
	mostPatience  = 60 * time.Second       // what idle connections live anyway
	leastPatience = 500 * time.Millisecond // while nobody else accepts
)

// patienceOf is how much of a grace is spent on idle connections.
func (p *Process) patienceOf(grace time.Duration) time.Duration {
	if p.alone {
		return min(grace/5, leastPatience)
	}
	return min(grace/5, mostPatience)
}

// Drain returns the context of the last requests after serving has ended, and that
// of idle connections. After a hand-over both times are cut to those of a stop if the
// process is told to stop then.
func (p *Process) Drain(ctx context.Context) (last, idle context.Context, cancel context.CancelFunc) {
	grace := p.grace()
	last, cut := context.WithTimeout(context.WithoutCancel(ctx), grace)
	idle, lose := context.WithTimeout(last, p.patienceOf(grace))
	if p.handed.Load() {
		context.AfterFunc(p.told, func() {
			grace := p.settings.ShutdownGrace
			time.AfterFunc(p.patienceOf(grace), lose)
			time.AfterFunc(grace, cut)
		})
	}
	return last, idle, func() { lose(); cut() }
}
