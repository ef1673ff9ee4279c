package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Ledger counts how an edge takes the downloads of capped links. Safe for
// concurrent use.
type Ledger struct {
	combined  prometheus.Histogram
	took      *labelled
	asked     *labelled
	installed *labelled
	held      prometheus.Gauge
	fenced    prometheus.Gauge
	returned  prometheus.Counter
}

// NewLedger registers an edge's ledger metrics.
func NewLedger(r *Registry) *Ledger {
	auto := promauto.With(r)
	return &Ledger{
		combined: auto.NewHistogram(prometheus.HistogramOpts{
			Name: "rawlink_edge_ledger_combined_requests", Help: "Requests for one link that one question to Redis or the origin served.",
			Buckets: []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512},
		}),
		took: counters(r, "rawlink_edge_ledger_takes_total",
			"Takings from blocks in Redis by outcome. Fenced and missing blocks are given up.", "outcome",
			"taken", "spent", "missing", "fenced", "outdated", "unavailable"),
		asked: counters(r, "rawlink_edge_ledger_asks_total",
			"Asks at the origin's ceiling by outcome.", "outcome", "granted", "exhausted", "ended", "unavailable"),
		installed: counters(r, "rawlink_edge_ledger_blocks_total",
			"Blocks that were granted to this edge, by whether they were installed in Redis.", "outcome", "installed", "not_installed"),
		held: auto.NewGauge(prometheus.GaugeOpts{
			Name: "rawlink_edge_ledger_held_units", Help: "Downloads taken for requests that are still to come.",
		}),
		fenced: auto.NewGauge(prometheus.GaugeOpts{
			Name: "rawlink_edge_ledger_fenced", Help: "1 if Redis has proven that it fences blocks; 0 while every download is asked for at the origin.",
		}),
		returned: auto.NewCounter(prometheus.CounterOpts{
			Name: "rawlink_edge_ledger_returned_units_total", Help: "Downloads that were taken, served to nobody and given back.",
		}),
	}
}

// Combined notes how many requests one question served.
func (m *Ledger) Combined(requests int) { m.combined.Observe(float64(requests)) }

// Took notes what a block answered.
func (m *Ledger) Took(outcome string) { m.took.inc(outcome) }

// Asked notes what the ceiling answered.
func (m *Ledger) Asked(outcome string) { m.asked.inc(outcome) }

// Installed notes what became of a granted block.
func (m *Ledger) Installed(ok bool) {
	if ok {
		m.installed.inc("installed")
	} else {
		m.installed.inc("not_installed")
	}
}

// Held notes a change of what is held.
func (m *Ledger) Held(change int64) { m.held.Add(float64(change)) }

// Fence notes whether blocks are used.
func (m *Ledger) Fence(proven bool) {
	if proven {
		m.fenced.Set(1)
	} else {
		m.fenced.Set(0)
	}
}

// Returned notes downloads that were given back.
func (m *Ledger) Returned(units int64) { m.returned.Add(float64(units)) }
