//go:build !linux

package pace

import (
	"context"
	"time"
)

// plainTimer is as exact as the runtime's timers.
type plainTimer struct{}

func newTimer() (timer, error) { return plainTimer{}, nil }

func (plainTimer) sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

func (plainTimer) close() error { return nil }
