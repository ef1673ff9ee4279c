package ratelimit

import (
	"context"
	"log/slog"
	"sync/atomic"
)

// Counter counts requests. Take counts one request of a client against each
// budget in turn, up to the first that is used up.
type Counter interface {
	Take(ctx context.Context, client string, budgets []Budget) ([]Standing, error)
}

// Backed counts in Shared, for all processes, and while that can't count, in
// Own, for this process alone: a limit is then multiplied by the number of
// processes, and never absent. Safe for concurrent use.
type Backed struct {
	What   string // is counted, for the log
	Shared Counter
	Own    Counter
	Log    *slog.Logger

	alone atomic.Bool // counted in Own last
}

// Take implements Counter.
func (b *Backed) Take(ctx context.Context, client string, budgets []Budget) ([]Standing, error) {
	standings, err := b.Shared.Take(ctx, client, budgets)
	if ctx.Err() == nil && b.alone.Swap(err != nil) != (err != nil) { // said when it changes, not at each request
		if err != nil {
			b.Log.WarnContext(ctx, "counted in this process alone", "what", b.What, "error", err)
		} else {
			b.Log.InfoContext(ctx, "counted for all processes again", "what", b.What)
		}
	}
	if err == nil {
		return standings, nil
	}
	return b.Own.Take(ctx, client, budgets)
}
