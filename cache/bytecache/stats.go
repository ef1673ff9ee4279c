package bytecache

import "sync/atomic"

type counts struct {
	fills, joined, passed, overtaken, abandoned, resumed, storeOpens, storeBytes atomic.Uint64
	buffers                                                                      atomic.Int64
}

// Stats is a snapshot. Counters only grow; its parts are read one after the
// other, so sums may be off by what is in progress.
type Stats struct {
	RAMHits   uint64 // look-ups of an object that was in RAM
	DiskHits  uint64 // look-ups of a slice that was on disk, and sound
	Fills     uint64 // flights begun, of which some ahead of a reader
	Joined    uint64 // look-ups that joined a flight
	Passed    uint64 // slices read past the cache for one reader: no room
	Overtaken uint64 // first bytes read past a fill that was late
	// hit ratio = (RAMHits + DiskHits) / (RAMHits + DiskHits + Fills + Joined)

	StoreOpens uint64 // ≤ 2 × (Fills + Passed + Overtaken)
	StoreBytes uint64 // read from the store
	Resumed    uint64 // second attempts after a failure
	Abandoned  uint64 // fills cancelled because nobody waited any more

	RAMBytes    int64  // held ≤ Config.RAMBytes: objects, fills, and what readers hold of evicted ones
	RAMEvicted  uint64 // objects
	BufferBytes int64  // of readers of disk and store, 64 KiB each; not in RAMBytes

	DiskBytes   int64  // held ≤ Config.DiskBytes, slices and footers; what is unlinked but open not counted
	DiskSlices  int    // indexed
	DiskEvicted uint64 // slices
	Damaged     uint64 // slices found unsound, removed, not served
	DiskRefused uint64 // writes refused
	Degraded    error  // why slices aren't kept at the moment; nil if they are

	Flying int // fills in progress or waiting to begin
}

// Stats returns a snapshot.
func (c *Cache) Stats() Stats {
	s := Stats{
		Fills: c.counts.fills.Load(), Joined: c.counts.joined.Load(), Passed: c.counts.passed.Load(), Overtaken: c.counts.overtaken.Load(),
		StoreOpens: c.counts.storeOpens.Load(), StoreBytes: c.counts.storeBytes.Load(),
		Resumed: c.counts.resumed.Load(), Abandoned: c.counts.abandoned.Load(),
		RAMBytes: c.ram.held.Load(), RAMEvicted: c.ram.evicted.Load(),
		BufferBytes: c.counts.buffers.Load() * bufferSize,
	}
	for i := range c.ram.shards {
		s.RAMHits += c.ram.shards[i].hits.Load()
	}
	if d := c.disk; d != nil {
		s.DiskBytes, s.DiskSlices, s.Degraded = d.state()
		s.DiskHits, s.DiskEvicted = d.hits.Load(), d.evicted.Load()
		s.Damaged, s.DiskRefused = d.damaged.Load(), d.refused.Load()
	}
	c.flights.mu.Lock()
	for _, f := range c.flights.air {
		if f.flying {
			s.Flying++
		}
	}
	c.flights.mu.Unlock()
	return s
}
