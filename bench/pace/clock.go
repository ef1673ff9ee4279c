package pace

import (
	"context"
	"time"
)

// nap is the shortest sleep worth its system calls. What falls due meanwhile
// starts that much late, which counts into its latency.
const nap = 20 * time.Microsecond

// Clock sleeps until instants, more exactly than time.Sleep, which on an idle
// Linux process is late by up to a millisecond. For one goroutine.
type Clock struct{ timer timer }

// timer sleeps once; what it needs is the system's affair.
type timer interface {
	sleep(ctx context.Context, d time.Duration) error
	close() error
}

// NewClock returns a clock. It is to be closed.
func NewClock() (*Clock, error) {
	t, err := newTimer()
	return &Clock{timer: t}, err
}

// Until sleeps until at, or until ctx ends, which is its error then.
func (c *Clock) Until(ctx context.Context, at time.Time) error {
	for {
		d := time.Until(at)
		if d < nap || ctx.Err() != nil {
			return ctx.Err()
		}
		if err := c.timer.sleep(ctx, d); err != nil {
			return err
		}
	}
}

// Close gives back what the clock holds.
func (c *Clock) Close() error { return c.timer.close() }
