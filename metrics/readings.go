package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Counts is a reading of an edge's counts of uncapped downloads.
type Counts struct {
	Waiting int64         // downloads counted and not yet handed over
	Since   time.Duration // since the last time that all was handed over
}

// NewCounts registers the metrics of the counts. read is called at each scrape.
func NewCounts(r *Registry, read func() Counts) {
	r.MustRegister(
		reading("rawlink_edge_counts_waiting", "Downloads of uncapped links that were counted and not yet handed over.",
			func() float64 { return float64(read().Waiting) }),
		reading("rawlink_edge_counts_age_seconds", "Time since all counts were handed over.",
			func() float64 { return read().Since.Seconds() }),
	)
}

// Load is a reading of what an edge is limited in.
type Load struct{ Conns, MaxConns, MaxInFlight int }

// NewLoad registers the metrics of an edge's limits. read is called at each scrape.
func NewLoad(r *Registry, read func() Load) {
	r.MustRegister(
		reading("rawlink_edge_connections", "Open connections of clients.", func() float64 { return float64(read().Conns) }),
		reading("rawlink_edge_max_connections", "edge_max_conns: connections beyond it are answered 429.", func() float64 { return float64(read().MaxConns) }),
		reading("rawlink_edge_max_in_flight_requests", "edge_max_in_flight: requests beyond it are answered 429.", func() float64 { return float64(read().MaxInFlight) }),
	)
}

// Pool is a reading of a pool of connections to the database.
type Pool struct {
	Max, InUse int
	Waits      int64         // times that a connection had to be waited for
	Waited     time.Duration // in all
}

// NewPool registers the metrics of the origin's connections to its database. read
// is called at each scrape.
func NewPool(r *Registry, read func() Pool) {
	r.MustRegister(
		reading("rawlink_origin_database_connections", "Connections to the database in use.", func() float64 { return float64(read().InUse) }),
		reading("rawlink_origin_database_max_connections", "database_max_conns.", func() float64 { return float64(read().Max) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "rawlink_origin_database_waits_total", Help: "Times that all connections were in use and one had to be waited for.",
		}, func() float64 { return float64(read().Waits) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "rawlink_origin_database_wait_seconds_total", Help: "Time spent waiting for connections.",
		}, func() float64 { return read().Waited.Seconds() }),
	)
}

func reading(name, help string, read func() float64) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read)
}

// parts reads, at each scrape, whether what a process needs is there.
type parts struct {
	read func() map[string]bool
	up   *prometheus.Desc
}

// NewParts registers whether each part that a process needs answers it, as its
// /readyz sees it. read is called at each scrape.
func NewParts(r *Registry, read func() map[string]bool) {
	r.MustRegister(&parts{read, prometheus.NewDesc("rawlink_part_up", "1 if the part that this process needs answers it.", []string{"part"}, nil)})
}

// Describe implements prometheus.Collector.
func (p *parts) Describe(out chan<- *prometheus.Desc) { out <- p.up }

// Collect implements prometheus.Collector.
func (p *parts) Collect(out chan<- prometheus.Metric) {
	for part, up := range p.read() {
		value := 0.0
		if up {
			value = 1
		}
		out <- prometheus.MustNewConstMetric(p.up, prometheus.GaugeValue, value, part)
	}
}
