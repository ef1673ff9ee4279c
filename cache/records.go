package cache

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/ristretto/v2"
)

// State is what a look-up found. The only outcomes a cache has.
type State uint8

// The outcomes of Get.
const (
	Miss  State = iota // nothing that may be used
	Hit                // known to be true within MaxStale
	Stale              // not known to be wrong: for use only when nothing can be asked
)

// String returns the state's name in logs and metrics.
func (s State) String() string { return [...]string{"miss", "hit", "stale"}[s] }

// Config says what a Records holds and how long it is believed.
type Config[K comparable, V any] struct {
	// Load asks the source, in a context of its own with LoadTimeout. asOf is the
	// moment at which the answer is known to have been true; the zero time stands
	// for the moment at which the fill began, as after asking the truth itself.
	Load        func(context.Context, K) (value V, asOf time.Time, err error)
	LoadTimeout time.Duration
	// Refusal reports whether an error of Load is an answer, such as "there is
	// no such record", and is therefore remembered for RefusalTTL. nil = none is.
	Refusal    func(error) bool
	RefusalTTL time.Duration
	// MaxBytes bounds the sum of what Size returns; entries of no known size
	// cost their overhead only. Size nil = 0. Up to 4096 of the hottest entries
	// may be held beside it after their eviction.
	MaxBytes int64
	Size     func(V) int64
	// MaxStale is how long after it was last known to be true a value is a Hit;
	// ServeStale how long it may be used when the source can't be asked.
	MaxStale   time.Duration
	ServeStale time.Duration
	// Now is read when a fill starts. nil = time.Now.
	Now func() time.Time
}

// Records is a bounded cache of values of one type. A value is believed while
// its stamp is the clock's and it was vouched for less than MaxStale ago: by its
// own fill or by a later tick. Safe for concurrent use.
//
// Fills may be dropped under pressure: a Fill followed by a Get may miss.
type Records[K comparable, V any] struct {
	cfg     Config[K, V]
	clock   *Clock
	seed    maphash.Seed
	entries *ristretto.Cache[uint64, *entry[K, V]]
	flights *Flights[fillKey[K], V]
	front   [fronts]place[K, V]
}

// place holds an entry in front of the cache. Its hash stands beside the pointer,
// so that a look for another key doesn't go to memory that is in no cache of the
// processor; it is a hint, and may for a moment not be that of the entry.
type place[K comparable, V any] struct {
	hash  atomic.Uint64
	entry atomic.Pointer[entry[K, V]]
}

// load returns the place's entry if it may be the one for hash.
func (p *place[K, V]) load(hash uint64) *entry[K, V] {
	if p.hash.Load() != hash {
		return nil
	}
	return p.entry.Load()
}

func (p *place[K, V]) store(hash uint64, e *entry[K, V]) {
	p.entry.Store(e)
	p.hash.Store(hash)
}

// fronts is the number of places in front of the cache, one of which each key
// may take: the hottest keys are found there without a lock, and without
// ristretto's bookkeeping. What stands there is bounded by this number, and as
// liable to be out of date as what stands behind.
const fronts = 4096

// entry is one remembered answer. Immutable once stored, but for its uses.
type entry[K comparable, V any] struct {
	key      K // whole: the cache compares only 64 bits of it
	stamp    Stamp
	verified time.Time // when the answer was true, by what Load said
	value    V
	refusal  error // non-nil: the source's answer was no
	uses     atomic.Uint32
}

func (e *entry[K, V]) holds(key K) bool { return e != nil && e.key == key }

// fillKey tells fills before an invalidation from fills after it, so that a
// request which comes after it never joins a fill that started before it.
type fillKey[K comparable] struct {
	key   K
	stamp Stamp
}

const (
	entryOverhead = 256 // bytes, estimated: entry, ristretto's maps, sketch
	// attempts bounds how often one Fill starts again because its key was
	// invalidated while the source answered.
	attempts = 4
)

// ErrUnsettled is returned by Fill if the key was invalidated again and again
// while its value was fetched.
var ErrUnsettled = errors.New("invalidated faster than it can be read")

// New returns an empty cache. Close it to stop its goroutines.
func New[K comparable, V any](cfg Config[K, V]) (*Records[K, V], error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Size == nil {
		cfg.Size = func(V) int64 { return 0 }
	}
	if cfg.Refusal == nil {
		cfg.Refusal = func(error) bool { return false }
	}
	entries, err := ristretto.NewCache(&ristretto.Config[uint64, *entry[K, V]]{
		NumCounters:        max(1024, 10*cfg.MaxBytes/(4*entryOverhead)),
		MaxCost:            cfg.MaxBytes,
		BufferItems:        64,
		IgnoreInternalCost: true, // entryOverhead stands for it
	})
	if err != nil {
		return nil, fmt.Errorf("create record cache: %w", err)
	}
	return &Records[K, V]{
		cfg: cfg, clock: NewClock(), seed: maphash.MakeSeed(), entries: entries,
		flights: NewFlights[fillKey[K], V](cfg.LoadTimeout),
	}, nil
}

// Get returns what is remembered of the key. On Hit either the value or, if the
// source's answer was a refusal, that error is set.
func (r *Records[K, V]) Get(key K, now time.Time) (V, State, error) {
	var none V
	hash := r.hash(key)
	e := r.find(key, hash)
	if e == nil {
		return none, Miss, nil
	}
	at, lasting, ok := r.clock.vouched(hash, e.stamp, e.verified)
	switch {
	case !ok:
		return none, Miss, nil
	case e.refusal != nil:
		if lasting && now.Before(e.verified.Add(r.cfg.RefusalTTL)) {
			return none, Hit, e.refusal
		}
		return none, Miss, nil
	case lasting && now.Before(at.Add(r.cfg.MaxStale)):
		return e.value, Hit, nil
	case now.Before(at.Add(r.cfg.ServeStale)):
		return e.value, Stale, nil
	}
	return none, Miss, nil
}

// find returns the newest entry that is held for the key, or nil.
func (r *Records[K, V]) find(key K, hash uint64) *entry[K, V] {
	place := &r.front[hash%fronts]
	e := place.load(hash)
	if e.holds(key) && r.clock.current(hash, e.stamp) && e.uses.Add(1)%sample != 0 {
		return e
	}
	held, ok := r.entries.Get(hash)
	if !ok || held.key != key {
		return nil
	}
	if held != e {
		place.store(hash, held)
	}
	return held
}

// sample is how many uses in front ristretto hears of as one, so that what is hot
// there isn't evicted behind.
const sample = 16

// Fill asks the source, once for all who ask at the same time, and remembers
// the answer. An answer that was overtaken by an invalidation is thrown away
// and asked for again.
func (r *Records[K, V]) Fill(ctx context.Context, key K) (V, error) {
	var none V
	hash := r.hash(key)
	for range attempts {
		stamp := r.clock.Read(hash)
		value, _, err := r.flights.Do(ctx, fillKey[K]{key, stamp}, func(ctx context.Context) (V, error) {
			return r.load(ctx, key, hash, stamp)
		})
		if r.clock.current(hash, stamp) {
			return value, err
		}
		if err := ctx.Err(); err != nil {
			return none, err
		}
	}
	return none, ErrUnsettled
}

// Invalidate makes what is known of the key worthless, also what a fill in
// progress will bring. It never blocks.
func (r *Records[K, V]) Invalidate(key K) { r.clock.Invalidate(r.hash(key)) }

// InvalidateAll says that invalidations may have been missed. What is known
// stays usable as Stale only.
func (r *Records[K, V]) InvalidateAll() { r.clock.InvalidateAll() }

// Verified says that every invalidation up to at has been applied.
func (r *Records[K, V]) Verified(at time.Time) { r.clock.Verified(at) }

// Wait returns when earlier fills are visible, or have been dropped. For tests.
func (r *Records[K, V]) Wait() { r.entries.Wait() }

// Close ends fills in progress and the cache's goroutines.
func (r *Records[K, V]) Close() {
	r.flights.Close()
	r.entries.Close()
}

func (r *Records[K, V]) load(ctx context.Context, key K, hash uint64, stamp Stamp) (V, error) {
	e := &entry[K, V]{key: key, stamp: stamp, verified: r.cfg.Now()}
	var asOf time.Time
	var err error
	e.value, asOf, err = r.cfg.Load(ctx, key)
	if !asOf.IsZero() && asOf.Before(e.verified) {
		e.verified = asOf
	}
	if err != nil {
		if !r.cfg.Refusal(err) {
			return e.value, err
		}
		e.refusal = err
	}
	if r.clock.current(hash, stamp) { // else it would only evict a better one
		r.entries.Set(hash, e, entryOverhead+r.cfg.Size(e.value))
		if place := &r.front[hash%fronts]; place.load(hash).holds(key) {
			place.store(hash, e) // what stands there was verified earlier
		}
	}
	return e.value, err
}

func (r *Records[K, V]) hash(key K) uint64 { return maphash.Comparable(r.seed, key) }
