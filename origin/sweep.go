package origin

import (
	"context"
	"time"
)

// How often what is past its time is swept away, and how much in one
// transaction.
const (
	sweepEvery = 10 * time.Second
	sweepBatch = 500
)

// sweep removes what is past its time, until ctx ends. Origins that sweep at the
// same time share the work.
func (o *Origin) sweep(ctx context.Context) error {
	return repeat(ctx, sweepEvery, func() {
		o.sweepAll(ctx, "answers to idempotent requests", o.Store.SweepOnce)
		o.sweepAll(ctx, "settled blocks of downloads", o.Store.SweepLedger)
		o.sweepAll(ctx, "batches of downloads", o.Store.SweepBatches)
		o.sweepAll(ctx, "purge log", o.Store.SweepPurges)
		o.sweepAll(ctx, "audit log", func(ctx context.Context, limit int) (int64, error) {
			return o.Store.SweepAudit(ctx, o.config.AuditKeep, limit)
		})
		o.sweepAll(ctx, "deliveries", func(ctx context.Context, limit int) (int64, error) {
			return o.Store.SweepDeliveries(ctx, o.config.Webhooks.Keep, limit)
		})
		o.purgeAged(ctx)
	})
}

// sweepAll calls one sweep until nothing is left for it.
func (o *Origin) sweepAll(ctx context.Context, what string, one func(context.Context, int) (int64, error)) {
	for {
		n, err := one(ctx, sweepBatch)
		if err != nil && ctx.Err() == nil {
			o.Log.WarnContext(ctx, "not swept; it will be tried again", "what", what, "error", err)
		}
		if err != nil || n < sweepBatch {
			return
		}
	}
}
