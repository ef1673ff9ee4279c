package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Layers counts how records are found behind an edge's own cache. Safe for
// concurrent use.
type Layers struct{ asked *prometheus.HistogramVec }

// NewLayers registers the metrics of the layers behind L1.
func NewLayers(r *Registry) *Layers {
	l := &Layers{asked: promauto.With(r).NewHistogramVec(prometheus.HistogramOpts{
		Name:    "rawlink_edge_layer_seconds",
		Help:    "Time to ask for a record behind L1, by layer and outcome. l2 is passed by, unasked, while no tick is heard.",
		Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5},
	}, []string{"layer", "outcome"})}
	for layer, outcomes := range map[string][]string{"l2": {"hit", "miss", "error", "passed"}, "origin": {"hit", "miss", "error"}} {
		for _, outcome := range outcomes {
			l.asked.WithLabelValues(layer, outcome)
		}
	}
	return l
}

// Asked notes what a layer answered.
func (l *Layers) Asked(layer, outcome string, took time.Duration) {
	l.asked.WithLabelValues(layer, outcome).Observe(took.Seconds())
}
