package origin

import (
	"context"

	"rawlink/internal/share"
)

// Redeem takes one download of a capped share from its ceiling: nil if granted,
// Gone if none is left. In the embedded set-up the edge calls it directly.
func (o *Origin) Redeem(ctx context.Context, shareID string) error {
	err := o.Store.Redeem(ctx, shareID)
	switch {
	case err == nil:
		o.Metrics.Redeems.WithLabelValues("granted").Inc()
	case share.KindOf(err) == share.Gone:
		o.Metrics.Redeems.WithLabelValues("exhausted").Inc()
	default:
		o.Metrics.Redeems.WithLabelValues("error").Inc()
	}
	return err
}
