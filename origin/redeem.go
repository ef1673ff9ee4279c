package origin

import (
	"context"

	"rawlink/internal/share"
)

// Redeem takes downloads of a capped share from its ceiling; see Store.Redeem.
// In the embedded set-up the edge calls it directly.
func (o *Origin) Redeem(ctx context.Context, shareID string, ask share.Ask) (share.Grant, error) {
	grant, err := o.Store.Redeem(ctx, shareID, ask)
	switch {
	case err == nil && grant.Downloads+grant.Block.Units > 0:
		o.Metrics.Redeems.WithLabelValues("granted").Inc()
	case err == nil && ask.Return > 0:
		o.Metrics.Redeems.WithLabelValues("returned").Inc()
	case err == nil && grant.Exhausted, share.KindOf(err) == share.Gone:
		o.Metrics.Redeems.WithLabelValues("exhausted").Inc()
	default:
		o.Metrics.Redeems.WithLabelValues("error").Inc()
	}
	if err == nil && grant.Block.Units > 0 {
		o.Metrics.BlockUnits.Add(float64(grant.Block.Units))
	}
	return grant, err
}

// Settle adds what edges served of blocks to the counts; see Store.Settle.
func (o *Origin) Settle(ctx context.Context, uses []share.Use) error {
	return o.Store.Settle(ctx, uses)
}
