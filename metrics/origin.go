package metrics

import "github.com/prometheus/client_golang/prometheus"

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
	o := &Origin{
		Requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "rawlink_origin_request_seconds", Help: "API requests by operation and status.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"operation", "status"}),
		InFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "rawlink_origin_in_flight_requests", Help: "Requests of the API and the internal API under way.",
		}),
		Panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "rawlink_origin_panics_total", Help: "Requests that ended in a recovered panic. Any is a defect.",
		}),
		Refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rawlink_origin_quota_refusals_total", Help: "Requests refused because a tenant's quota is used up, by resource.",
		}, []string{"resource"}),
		Near: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "rawlink_origin_tenants_near_limit", Help: "Tenants that use 90 % or more of their bytes.",
		}),
		JobWait: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "rawlink_origin_job_wait_seconds", Help: "How long the oldest job of a queue is due; 0 if none is.",
		}, []string{"kind"}),
		JobsDead: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "rawlink_origin_jobs_dead", Help: "Jobs that can't succeed and wait for an operator.",
		}, []string{"kind"}),
		Ticks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rawlink_origin_ticks_total", Help: "Ticks of the bus by outcome. One is withheld while a change that was untold at the last one still is.",
		}, []string{"outcome"}),
		Scans: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rawlink_origin_scans_total", Help: "Finished scans by outcome: clean, infected, retry, unscannable.",
		}, []string{"outcome"}),
		ScanTime: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "rawlink_origin_scan_seconds", Help: "Time per scan that came to a verdict.",
			Buckets: []float64{.01, .05, .1, .5, 1, 5, 10, 30, 60, 300},
		}),
		Jobs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rawlink_origin_jobs_total", Help: "Background jobs by kind and outcome: done, retry, dead.",
		}, []string{"kind", "outcome"}),
		Relayed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "rawlink_origin_relayed_total", Help: "Changes of shares told to the edges.",
		}),
		Untold: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "rawlink_origin_untold_seconds", Help: "Age of the oldest change not yet told to the edges; 0 if none waits.",
		}),
		RelayFail: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "rawlink_origin_relay_failures_total", Help: "Failed attempts to tell changes to the edges.",
		}),
		Redeems: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rawlink_origin_redeems_total", Help: "Edges' asks for downloads by outcome: granted, returned, exhausted, error.",
		}, []string{"outcome"}),
		BlockUnits: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "rawlink_ledger_block_units_total", Help: "Downloads of capped links given out in blocks.",
		}),
		Abandoned: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "rawlink_ledger_abandoned_units_total", Help: "Downloads that were lost with their block and will never be served.",
		}),
		Limited: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rawlink_origin_limited_total", Help: "Requests refused by a rate limit: requests, shares, uploads, imports.",
		}, []string{"limit"}),
		Uncounted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "rawlink_origin_uncounted_total", Help: "Requests let through because the rate limits could not be counted.",
		}),
		Purged: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rawlink_origin_purged_total", Help: "Files purged from the trash by cause: emptied, aged.",
		}, []string{"cause"}),
		Imports: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rawlink_origin_imports_total", Help: "Imports from URLs by outcome: done, refused (an address or port that is not allowed), source (its failure), too_large, error.",
		}, []string{"outcome"}),
		Imported: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "rawlink_origin_imported_bytes_total", Help: "Bytes of finished imports.",
		}),
		Webhooks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rawlink_origin_webhooks_total", Help: "Attempts to deliver an event to a webhook by outcome: delivered, retry, dead; disabled counts webhooks.",
		}, []string{"outcome"}),
		HookTime: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "rawlink_origin_webhook_seconds", Help: "Time per attempt to deliver an event.",
			Buckets: []float64{.01, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}),
		Undelivered: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "rawlink_origin_undelivered_seconds", Help: "Age of the oldest event that waits for its delivery to a webhook; 0 if none waits.",
		}),
		Expired: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "rawlink_origin_uploads_expired_total", Help: "Uploads that were never completed and gave their room back.",
		}),
	}
	o.begin()
	r.MustRegister(o.Requests, o.InFlight, o.Panics, o.Refused, o.Near, o.JobWait, o.JobsDead, o.Ticks, o.Scans, o.ScanTime, o.Jobs, o.Relayed, o.Untold, o.RelayFail, o.Redeems, o.BlockUnits, o.Abandoned, o.Limited, o.Uncounted, o.Purged, o.Imports, o.Imported, o.Webhooks, o.HookTime, o.Undelivered, o.Expired)
	return o
}

// jobKinds are the background queues.
var jobKinds = []string{"scan", "rescan", "remove_object", "abort_parts", "empty_trash", "purge_cdn"}

// begin has the families of small closed sets begin at 0, so that what happens for
// the first time is an increase.
func (o *Origin) begin() {
	for family, values := range map[*prometheus.CounterVec][]string{
		o.Refused:  {"bytes", "links"},
		o.Ticks:    {"sent", "withheld", "failed"},
		o.Scans:    {"clean", "infected", "retry", "unscannable"},
		o.Redeems:  {"granted", "returned", "exhausted", "error"},
		o.Limited:  {"requests", "shares", "uploads", "imports"},
		o.Purged:   {"emptied", "aged"},
		o.Imports:  {"done", "refused", "source", "too_large", "error"},
		o.Webhooks: {"delivered", "retry", "dead", "disabled"},
	} {
		for _, value := range values {
			family.WithLabelValues(value)
		}
	}
	for _, kind := range jobKinds {
		o.JobWait.WithLabelValues(kind)
		o.JobsDead.WithLabelValues(kind)
		for _, outcome := range []string{"done", "retry", "dead"} {
			o.Jobs.WithLabelValues(kind, outcome)
		}
	}
}
