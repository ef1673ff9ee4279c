// Package records finds the record behind a token hash for an edge: in the
// shared cache (L2), or at the origin.
//
// The shared cache is believed only while the bus is alive. The relay writes the
// cache and then ticks; a tick heard not long ago therefore says that the cache
// holds every change up to it. Without ticks the cache may be old without bound,
// and only the origin knows.
package records

import (
	"context"
	"sync/atomic"
	"time"

	"rawlink/internal/share"
	"rawlink/internal/tracing"
)

// Cache is the shared cache. Get reports false for a record it does not hold.
type Cache interface {
	Get(ctx context.Context, hash share.Hash) (share.Record, bool, error)
	Put(ctx context.Context, hash share.Hash, record share.Record) error
}

// Truth is the origin. Kinds: NotFound, Unavailable.
type Truth interface {
	Record(ctx context.Context, hash share.Hash) (share.Record, error)
}

// Where a record was found.
const (
	FromCache  = "l2"
	FromOrigin = "origin"
)

// Found is a record with its provenance.
type Found struct {
	Record share.Record
	Source string    // FromCache or FromOrigin
	AsOf   time.Time // when it was the truth; the zero time means: when it was asked for
}

// Meter is told what each layer answers: hit, miss, error; the cache is passed
// while it is not believed. Safe for concurrent use.
type Meter interface {
	Asked(layer, outcome string, took time.Duration)
}

// Layers looks into the cache first and asks the origin for the rest. Safe for
// concurrent use.
type Layers struct {
	cache    Cache
	truth    Truth
	maxStale time.Duration
	now      func() time.Time
	meter    Meter
	verified atomic.Pointer[time.Time] // see Verified; nil before the first tick
}

// New returns the two layers. maxStale is how long after the last tick the cache
// is still believed.
func New(cache Cache, truth Truth, maxStale time.Duration, now func() time.Time, meter Meter) *Layers {
	return &Layers{cache: cache, truth: truth, maxStale: maxStale, now: now, meter: meter}
}

// Verified notes that every change up to at has reached the cache. The reading is kept
// as it is: by the wall clock alone, one that is set back would make the cache young.
func (l *Layers) Verified(at time.Time) { l.verified.Store(&at) }

// Lookup returns the record and where it was found. What the cache holds is as
// old as the last tick heard before it was read. Kinds: NotFound, Unavailable.
func (l *Layers) Lookup(ctx context.Context, hash share.Hash) (Found, error) {
	if record, asOf, found := l.cached(ctx, hash); found {
		return Found{Record: record, Source: FromCache, AsOf: asOf}, nil
	}
	began, asked := time.Now(), l.now().Round(0)
	record, err := l.truth.Record(ctx, hash)
	l.meter.Asked(FromOrigin, outcome(err == nil, share.KindOf(err) != share.NotFound && err != nil), time.Since(began))
	if err != nil {
		return Found{}, err
	}
	// Of a machine that was suspended meanwhile, which the wall clock alone notices, the
	// answer may be older than what the cache has forgotten by now.
	if l.now().Round(0).Sub(asked) < l.maxStale {
		_ = l.cache.Put(ctx, hash, record) // one that can't be written is slow, not wrong: the next edge asks too
	}
	return Found{Record: record, Source: FromOrigin}, nil
}

// cached looks into the cache, if that is to be believed.
func (l *Layers) cached(ctx context.Context, hash share.Hash) (record share.Record, asOf time.Time, found bool) {
	tick := l.verified.Load()
	if tick == nil || l.now().Sub(*tick) >= l.maxStale {
		l.meter.Asked(FromCache, "passed", 0)
		return record, asOf, false
	}
	began := time.Now()
	ctx, span := tracing.Call(ctx, "redis record")
	record, found, err := l.cache.Get(ctx, hash)
	span.Fail(err)
	span.End()
	l.meter.Asked(FromCache, outcome(found, err != nil), time.Since(began))
	return record, *tick, found && err == nil
}

func outcome(found, failed bool) string {
	switch {
	case failed:
		return "error"
	case found:
		return "hit"
	}
	return "miss"
}
