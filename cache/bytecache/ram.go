package bytecache

import (
	"hash/maphash"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// ram holds small objects whole, and lends memory to fills. held never exceeds
// limit: memory is taken before it is allocated, and given back when its last
// user has let go (the garbage collector may take its time after that).
type ram struct {
	limit   int64
	held    atomic.Int64
	lent    atomic.Int64 // part of held that will not be kept
	evicted atomic.Uint64

	seed   maphash.Seed
	shards [64]shard

	mu    sync.Mutex // guards queue; taken before a shard's
	queue queues[*block]
}

// shard is a part of the index. Look-ups only read it.
type shard struct {
	mu     sync.RWMutex // guards blocks
	blocks map[string]*block
	hits   atomic.Uint64
	_      [24]byte // a cache line to itself
}

// block is memory that is counted until the last of its users leaves. What is
// in the index was written before and isn't written again.
type block struct {
	ticket
	ram   *ram
	id    string // of the object, once it is in the index
	bytes []byte
	lent  bool
	refs  atomic.Int32 // users, of which the index is one
}

func newRAM(limit int64) *ram {
	r := &ram{limit: limit, seed: maphash.MakeSeed()}
	for i := range r.shards {
		r.shards[i].blocks = make(map[string]*block)
	}
	return r
}

func (r *ram) shard(hash uint64) *shard { return &r.shards[hash%uint64(len(r.shards))] }

// get returns an object's bytes, which the caller has to leave, or nil.
func (r *ram) get(id string, size int64) *block {
	s := r.shard(maphash.String(r.seed, id))
	s.mu.RLock()
	b := s.blocks[id]
	if b == nil || int64(len(b.bytes)) != size {
		s.mu.RUnlock()
		return nil
	}
	b.refs.Add(1) // within the lock: the index still has its own reference
	s.mu.RUnlock()
	b.used()
	s.hits.Add(1)
	return b
}

func (r *ram) has(id string, size int64) bool {
	s := r.shard(maphash.String(r.seed, id))
	s.mu.RLock()
	defer s.mu.RUnlock()
	b := s.blocks[id]
	return b != nil && int64(len(b.bytes)) == size
}

// reserve returns a new block, evicting others for it; nil if there is no room.
func (r *ram) reserve(size int64) *block {
	for !take(&r.held, size, r.limit) {
		if !r.evict() {
			return nil
		}
	}
	b := &block{ram: r, bytes: make([]byte, size)}
	b.refs.Store(1)
	return b
}

// lend is reserve for what won't be kept. It gives out half of the RAM at most,
// so that large objects without a disk don't displace all small ones.
func (r *ram) lend(size int64) *block {
	if !take(&r.lent, size, r.limit/2) {
		return nil
	}
	b := r.reserve(size)
	if b == nil {
		r.lent.Add(-size)
		return nil
	}
	b.lent = true
	return b
}

// take adds n to sum unless that would exceed the limit.
func take(sum *atomic.Int64, n, limit int64) bool {
	for {
		old := sum.Load()
		if old+n > limit {
			return false
		}
		if sum.CompareAndSwap(old, old+n) {
			return true
		}
	}
}

// insert puts a full block into the index.
func (r *ram) insert(id string, b *block) {
	hash := maphash.String(r.seed, id)
	b.id, b.fingerprint, b.ticket.bytes = id, hash, int64(len(b.bytes))
	b.refs.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dropLocked(id)
	r.queue.add(b)
	s := r.shard(hash)
	s.mu.Lock()
	s.blocks[id] = b
	s.mu.Unlock()
}

func (r *ram) purge(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dropLocked(id)
}

func (r *ram) purgeAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.shards {
		s := &r.shards[i]
		s.mu.RLock()
		ids := slices.Collect(maps.Keys(s.blocks))
		s.mu.RUnlock()
		for _, id := range ids {
			r.dropLocked(id)
		}
	}
}

func (r *ram) dropLocked(id string) {
	s := r.shard(maphash.String(r.seed, id))
	s.mu.Lock()
	b := s.blocks[id]
	delete(s.blocks, id)
	s.mu.Unlock()
	if b != nil {
		r.queue.remove(b)
		b.drop()
	}
}

// evict frees the memory of one object; false if all are being read.
func (r *ram) evict() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	b, ok := r.queue.victim(r.detach)
	if ok {
		b.drop()
		r.evicted.Add(1)
	}
	return ok
}

// detach takes a block that nobody reads out of the index.
func (r *ram) detach(b *block) bool {
	s := r.shard(b.fingerprint)
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.refs.Load() > 1 {
		return false
	}
	delete(s.blocks, b.id)
	return true
}

func (b *block) place() *ticket { return &b.ticket }

// drop ends one use.
func (b *block) drop() {
	if b.refs.Add(-1) > 0 {
		return
	}
	size := int64(len(b.bytes))
	if b.lent {
		b.ram.lent.Add(-size)
	}
	b.ram.held.Add(-size)
}

// next and leave make a block a piece of a Reader.
func (b *block) next(r *Reader) (Chunk, error) {
	return Chunk{Bytes: b.bytes[r.pos:r.pieceEnd:r.pieceEnd]}, nil
}

func (b *block) leave(bool) { b.drop() }
