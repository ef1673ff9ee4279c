package metrics

import "github.com/prometheus/client_golang/prometheus"

// Bytes is a reading of an edge's byte cache. Counters only grow.
type Bytes struct {
	RAMHits, DiskHits, Fills, Joined, Passed, Overtaken uint64
	StoreReads, StoreBytes, Resumed, Abandoned          uint64
	RAMEvicted, DiskEvicted, Damaged, DiskFails         uint64
	RAMBytes, BufferBytes, DiskBytes                    int64
	DiskSlices, Flying                                  int
	Degraded                                            bool
}

// bytes reads a cache once a scrape.
type bytes struct {
	read func() Bytes

	lookups, store, storeBytes, fills, evicted, damaged, refused *prometheus.Desc
	held, slices, flying, degraded                               *prometheus.Desc
}

// NewBytes registers the metrics of a byte cache. read is called at each scrape.
func NewBytes(r *Registry, read func() Bytes) {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("rawlink_edge_bytes_"+name, help, labels, nil)
	}
	r.MustRegister(&bytes{
		read:       read,
		lookups:    desc("lookups_total", "Looks for an object or a slice of one, by what they came to: ram, disk, fill, joined (somebody else's fill), passed (read past the cache, for there was no room); overtaken counts first bytes read past a fill that was late.", "outcome"),
		store:      desc("store_reads_total", "Reads of the object store."),
		storeBytes: desc("store_read_bytes_total", "Bytes read from the object store."),
		fills:      desc("fills_ended_early_total", "Fills that were resumed after a failure, or abandoned because nobody waited any more.", "how"),
		evicted:    desc("evicted_total", "Objects and slices that made room for others.", "tier"),
		damaged:    desc("damaged_total", "Slices on disk that were found unsound, removed and not served."),
		refused:    desc("disk_refused_total", "Writes that the disk refused."),
		held:       desc("held_bytes", "Bytes held: ram, disk, and buffers of readers.", "where"),
		slices:     desc("disk_slices", "Slices on disk."),
		flying:     desc("fills", "Fills under way."),
		degraded:   desc("disk_degraded", "1 while the disk takes no slices."),
	})
}

// Describe implements prometheus.Collector.
func (b *bytes) Describe(out chan<- *prometheus.Desc) { prometheus.DescribeByCollect(b, out) }

// Collect implements prometheus.Collector.
func (b *bytes) Collect(out chan<- prometheus.Metric) {
	s := b.read()
	count := func(d *prometheus.Desc, n uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	gauge := func(d *prometheus.Desc, n int64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), labels...)
	}
	count(b.lookups, s.RAMHits, "ram")
	count(b.lookups, s.DiskHits, "disk")
	count(b.lookups, s.Fills, "fill")
	count(b.lookups, s.Joined, "joined")
	count(b.lookups, s.Passed, "passed")
	count(b.lookups, s.Overtaken, "overtaken")
	count(b.store, s.StoreReads)
	count(b.storeBytes, s.StoreBytes)
	count(b.fills, s.Resumed, "resumed")
	count(b.fills, s.Abandoned, "abandoned")
	count(b.evicted, s.RAMEvicted, "ram")
	count(b.evicted, s.DiskEvicted, "disk")
	count(b.damaged, s.Damaged)
	count(b.refused, s.DiskFails)
	gauge(b.held, s.RAMBytes, "ram")
	gauge(b.held, s.DiskBytes, "disk")
	gauge(b.held, s.BufferBytes, "buffers")
	gauge(b.slices, int64(s.DiskSlices))
	gauge(b.flying, int64(s.Flying))
	var degraded int64
	if s.Degraded {
		degraded = 1
	}
	gauge(b.degraded, degraded)
}
