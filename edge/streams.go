package edge

import (
	"hash/maphash"
	"sync"

	"rawlink/internal/ledger"
)

// leaseStreams is how many ranges of one lease may be under way at one edge. A
// download manager opens up to 16; one more counts as a download, or else a lease
// would let a whole office behind one address fetch at once.
const leaseStreams = 16

// streams counts the ranges that are under way, by lease. It holds no more than
// there are requests. Safe for concurrent use.
type streams struct {
	seed   maphash.Seed
	shards [64]shard
}

type shard struct {
	mu   sync.Mutex // guards open
	open map[ledger.Lease]int
}

func newStreams() *streams {
	s := &streams{seed: maphash.MakeSeed()}
	for i := range s.shards {
		s.shards[i].open = map[ledger.Lease]int{}
	}
	return s
}

func (s *streams) of(lease ledger.Lease) *shard {
	return &s.shards[maphash.Comparable(s.seed, lease)%uint64(len(s.shards))]
}

// enter counts one more range of the lease, until leave. It reports false, and
// counts nothing, if there are as many as a lease may have.
func (s *streams) enter(lease ledger.Lease) bool {
	at := s.of(lease)
	at.mu.Lock()
	defer at.mu.Unlock()
	if at.open[lease] >= leaseStreams {
		return false
	}
	at.open[lease]++
	return true
}

// leave ends what enter counted.
func (s *streams) leave(lease ledger.Lease) {
	at := s.of(lease)
	at.mu.Lock()
	defer at.mu.Unlock()
	if at.open[lease]--; at.open[lease] <= 0 {
		delete(at.open, lease)
	}
}
