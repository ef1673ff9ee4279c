package cache

import (
	"sync"
	"sync/atomic"
	"time"
)

// slots is the number of generations in a Clock. Keys that share a slot are
// invalidated together, which costs a fill and is never wrong.
const slots = 1 << 16

// Clock orders fills against invalidations. Each key's hash picks one of 65,536
// generations; invalidating a key moves its generation on, and an entry filled
// under another generation is not believed. An era, common to all keys, ends
// when invalidations may have been missed.
//
// Safe for concurrent use. Invalidate never blocks, so the loop that receives
// invalidations can't be held up by readers.
type Clock struct {
	generations [slots]atomic.Uint64
	era         atomic.Pointer[era]
	turn        sync.Mutex // held by whoever replaces era
}

// era is the time between two gaps in the stream of invalidations. It is
// immutable: a tick replaces it, so a reader sees number and ticks that belong
// together.
type era struct {
	number   uint64
	tick     time.Time // latest tick of this era
	lastTick time.Time // latest tick of the era before it
}

// Stamp is one reading of a Clock, for one key.
type Stamp struct {
	generation uint64
	era        uint64
}

// NewClock returns a clock in its first era.
func NewClock() *Clock {
	c := &Clock{}
	c.era.Store(&era{})
	return c
}

// Read returns the present stamp of a key. Take it before asking the source, so
// that an invalidation which arrives while the source answers makes the stamp old.
func (c *Clock) Read(hash uint64) Stamp {
	return Stamp{generation: c.slot(hash).Load(), era: c.era.Load().number}
}

// Invalidate makes every earlier stamp of the key worthless.
func (c *Clock) Invalidate(hash uint64) { c.slot(hash).Add(1) }

// InvalidateAll begins a new era: invalidations may have been missed, so ticks
// to come say nothing about what was learnt before now.
func (c *Clock) InvalidateAll() {
	c.turn.Lock()
	defer c.turn.Unlock()
	old := c.era.Load()
	c.era.Store(&era{number: old.number + 1, lastTick: old.tick})
}

// Verified says that every invalidation up to at has been applied: what was
// learnt in this era and not invalidated since is true as of at. Earlier times
// than one already given are ignored.
func (c *Clock) Verified(at time.Time) {
	c.turn.Lock()
	defer c.turn.Unlock()
	if old := c.era.Load(); at.After(old.tick) {
		c.era.Store(&era{number: old.number, tick: at, lastTick: old.lastTick})
	}
}

// current reports whether nothing has happened to the key since the stamp.
func (c *Clock) current(hash uint64, s Stamp) bool { return c.Read(hash) == s }

// vouched returns the latest moment at which something learnt under the stamp
// at the moment verified is known to have been true, and whether its era lasts.
// ok is false if the key was invalidated.
//
// An entry of the era before the last gap was vouched for by that era's ticks,
// never by later ones: the gap may have swallowed its invalidation. Eras older
// than that are forgotten, and the entry has only its own verification.
func (c *Clock) vouched(hash uint64, s Stamp, verified time.Time) (at time.Time, lasting, ok bool) {
	if c.slot(hash).Load() != s.generation {
		return time.Time{}, false, false
	}
	now := c.era.Load()
	switch s.era {
	case now.number:
		return later(verified, now.tick), true, true
	case now.number - 1:
		return later(verified, now.lastTick), false, true
	}
	return verified, false, true
}

func (c *Clock) slot(hash uint64) *atomic.Uint64 { return &c.generations[hash%slots] }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
