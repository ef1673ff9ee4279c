package metrics

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Bus counts what an edge hears of changes. Safe for concurrent use.
type Bus struct {
	verified atomic.Int64 // Unix nanoseconds; 0 = nothing was heard yet
	began    time.Time
	heard    prometheus.Counter
	gaps     prometheus.Counter
}

// NewBus registers the metrics of the bus as an edge hears it.
func NewBus(r *Registry) *Bus {
	auto := promauto.With(r)
	b := &Bus{
		began: time.Now(),
		heard: auto.NewCounter(prometheus.CounterOpts{
			Name: "rawlink_edge_bus_invalidations_total", Help: "Changes of shares that this edge was told of.",
		}),
		gaps: auto.NewCounter(prometheus.CounterOpts{
			Name: "rawlink_edge_bus_gaps_total", Help: "Times that changes may have been missed, so that everything is asked for again. The first is the start.",
		}),
	}
	auto.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "rawlink_edge_bus_age_seconds", Help: "Age of the moment up to which this edge knows of every change; in quiet some three ticks of 250 ms.",
	}, b.age)
	return b
}

// Verified notes that every change up to at is known.
func (b *Bus) Verified(at time.Time) { b.verified.Store(at.UnixNano()) }

// Heard notes a change.
func (b *Bus) Heard() { b.heard.Inc() }

// Gap notes that changes may have been missed.
func (b *Bus) Gap() { b.gaps.Inc() }

func (b *Bus) age() float64 {
	since := b.began
	if at := b.verified.Load(); at != 0 {
		since = time.Unix(0, at)
	}
	return max(0, time.Since(since).Seconds())
}
