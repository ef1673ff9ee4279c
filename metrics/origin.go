package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Origin holds the metrics of the control plane.
type Origin struct {
	Requests    *prometheus.HistogramVec // API requests, seconds, by operation and status
	InFlight    prometheus.Gauge         // API requests under way
	Panics      prometheus.Counter       // recovered ones
	Refused     *prometheus.CounterVec   // requests refused by a quota, by resource: bytes, links
	Near        prometheus.Gauge         // tenants that have little room left for bytes
	JobWait     *prometheus.GaugeVec     // age in seconds of the oldest job that is due, by kind
	JobsDead    *prometheus.GaugeVec     // jobs that can't succeed, by kind
	Ticks       *prometheus.CounterVec   // ticks by outcome: sent, withheld, failed
	Scans       *prometheus.CounterVec   // finished scans by outcome: clean, infected, retry, unscannable
	ScanTime    prometheus.Histogram     // seconds per finished scan
	Jobs        *prometheus.CounterVec   // finished jobs by kind and outcome: done, retry, dead
	Relayed     prometheus.Counter       // changes told to the edges
	Untold      prometheus.Gauge         // age in seconds of the oldest change not yet told
	RelayFail   prometheus.Counter       // failed attempts to tell
	Redeems     *prometheus.CounterVec   // asks for downloads by outcome: granted, returned, exhausted, error
	BlockUnits  prometheus.Counter       // downloads given out in blocks
	Abandoned   prometheus.Counter       // of them, those that were lost
	Limited     *prometheus.CounterVec   // requests refused by a rate limit, by limit
	Uncounted   prometheus.Counter       // requests let through because nobody could count them
	Purged      *prometheus.CounterVec   // files purged from the trash by cause: emptied, aged
	Imports     *prometheus.CounterVec   // imports from URLs by outcome: done, refused, source, too_large, error
	Imported    prometheus.Counter       // bytes imported
	Webhooks    *prometheus.CounterVec   // attempts to deliver an event by outcome: delivered, retry, dead; and webhooks disabled
	HookTime    prometheus.Histogram     // seconds per attempt
	Undelivered prometheus.Gauge         // age in seconds of the oldest event that waits for its delivery
	Expired     prometheus.Counter       // uploads that expired and gave their room back
}

// NewOrigin registers the control plane's metrics.
func NewOrigin(r *Registry) *Origin {
	auto := promauto.With(r)
	o := &Origin{
		Requests: auto.NewHistogramVec(prometheus.HistogramOpts{
			Name: "rawlink_origin_request_seconds", Help: "API requests by operation and status.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"operation", "status"}),
		InFlight: auto.NewGauge(prometheus.GaugeOpts{
			Name: "rawlink_origin_in_flight_requests", Help: "Requests of the API and the internal API under way.",
		}),
		Panics: auto.NewCounter(prometheus.CounterOpts{
			Name: "rawlink_origin_panics_total", Help: "Requests and jobs that ended in a recovered panic. Any is a defect.",
		}),
		Refused: counters(r, "rawlink_origin_quota_refusals_total",
			"Requests refused because a tenant's quota is used up, by resource.", "resource", "bytes", "links").family,
		Near: auto.NewGauge(prometheus.GaugeOpts{
			Name: "rawlink_origin_tenants_near_limit", Help: "Tenants that use 90 % or more of their bytes.",
		}),
		JobWait: auto.NewGaugeVec(prometheus.GaugeOpts{
			Name: "rawlink_origin_job_wait_seconds", Help: "How long the oldest job of a queue is due; 0 if none is.",
		}, []string{"kind"}),
		JobsDead: auto.NewGaugeVec(prometheus.GaugeOpts{
			Name: "rawlink_origin_jobs_dead", Help: "Jobs that can't succeed and wait for an operator.",
		}, []string{"kind"}),
		Ticks: counters(r, "rawlink_origin_ticks_total",
			"Ticks of the bus by outcome. One is withheld while a change that was untold at the last one still is.", "outcome", "sent", "withheld", "failed").family,
		Scans: counters(r, "rawlink_origin_scans_total",
			"Finished scans by outcome: clean, infected, retry, unscannable.", "outcome", "clean", "infected", "retry", "unscannable").family,
		ScanTime: auto.NewHistogram(prometheus.HistogramOpts{
			Name: "rawlink_origin_scan_seconds", Help: "Time per scan that came to a verdict.",
			Buckets: []float64{.01, .05, .1, .5, 1, 5, 10, 30, 60, 300},
		}),
		Jobs: auto.NewCounterVec(prometheus.CounterOpts{
			Name: "rawlink_origin_jobs_total", Help: "Background jobs by kind and outcome: done, retry, dead.",
		}, []string{"kind", "outcome"}),
		Relayed: auto.NewCounter(prometheus.CounterOpts{
			Name: "rawlink_origin_relayed_total", Help: "Changes of shares told to the edges.",
		}),
		Untold: auto.NewGauge(prometheus.GaugeOpts{
			Name: "rawlink_origin_untold_seconds", Help: "Age of the oldest change not yet told to the edges; 0 if none waits.",
		}),
		RelayFail: auto.NewCounter(prometheus.CounterOpts{
			Name: "rawlink_origin_relay_failures_total", Help: "Failed attempts to tell changes to the edges.",
		}),
		Redeems: counters(r, "rawlink_origin_redeems_total",
			"Edges' asks for downloads by outcome: granted, returned, exhausted, error.", "outcome", "granted", "returned", "exhausted", "error").family,
		BlockUnits: auto.NewCounter(prometheus.CounterOpts{
			Name: "rawlink_ledger_block_units_total", Help: "Downloads of capped links given out in blocks.",
		}),
		Abandoned: auto.NewCounter(prometheus.CounterOpts{
			Name: "rawlink_ledger_abandoned_units_total", Help: "Downloads that were lost with their block and will never be served.",
		}),
		Limited: counters(r, "rawlink_origin_limited_total",
			"Requests refused by a rate limit: requests, shares, uploads, imports.", "limit", "requests", "shares", "uploads", "imports").family,
		Uncounted: auto.NewCounter(prometheus.CounterOpts{
			Name: "rawlink_origin_uncounted_total", Help: "Requests let through because the rate limits could not be counted.",
		}),
		Purged: counters(r, "rawlink_origin_purged_total",
			"Files purged from the trash by cause: emptied, aged.", "cause", "emptied", "aged").family,
		Imports: counters(r, "rawlink_origin_imports_total",
			"Imports from URLs by outcome: done, refused (an address or port that is not allowed), source (its failure), too_large, error.", "outcome", "done", "refused", "source", "too_large", "error").family,
		Imported: auto.NewCounter(prometheus.CounterOpts{
			Name: "rawlink_origin_imported_bytes_total", Help: "Bytes of finished imports.",
		}),
		Webhooks: counters(r, "rawlink_origin_webhooks_total",
			"Attempts to deliver an event to a webhook by outcome: delivered, retry, dead; disabled counts webhooks.", "outcome", "delivered", "retry", "dead", "disabled").family,
		HookTime: auto.NewHistogram(prometheus.HistogramOpts{
			Name: "rawlink_origin_webhook_seconds", Help: "Time per attempt to deliver an event.",
			Buckets: []float64{.01, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}),
		Undelivered: auto.NewGauge(prometheus.GaugeOpts{
			Name: "rawlink_origin_undelivered_seconds", Help: "Age of the oldest event that waits for its delivery to a webhook; 0 if none waits.",
		}),
		Expired: auto.NewCounter(prometheus.CounterOpts{
			Name: "rawlink_origin_uploads_expired_total", Help: "Uploads that were never completed and gave their room back.",
		}),
	}
	for _, kind := range jobKinds {
		o.JobWait.WithLabelValues(kind)
		o.JobsDead.WithLabelValues(kind)
		for _, outcome := range []string{"done", "retry", "dead"} {
			o.Jobs.WithLabelValues(kind, outcome)
		}
	}
	return o
}

// jobKinds are the background queues.
var jobKinds = []string{"scan", "rescan", "remove_object", "abort_parts", "empty_trash", "purge_cdn"}
