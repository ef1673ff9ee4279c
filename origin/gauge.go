package origin

import (
	"context"
	"time"
)

// gaugeEvery is how often the database is asked for what only it knows.
const gaugeEvery = 5 * time.Second

// gauge keeps the metrics of what waits in the database, until ctx ends. What can't
// be asked keeps its last value: that the database is down has a metric of its own.
func (o *Origin) gauge(ctx context.Context) error {
	return repeat(ctx, gaugeEvery, func() {
		if backlogs, err := o.Store.Backlogs(ctx); err == nil {
			for _, b := range backlogs {
				o.Metrics.JobWait.WithLabelValues(string(b.Kind)).Set(b.Wait.Seconds())
				o.Metrics.JobsDead.WithLabelValues(string(b.Kind)).Set(float64(b.Dead))
			}
		}
		if tenants, err := o.Store.NearLimit(ctx); err == nil {
			o.Metrics.Near.Set(float64(tenants))
		}
	})
}
