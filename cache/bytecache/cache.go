package bytecache

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
)

// Cache serves spans of objects. It is safe for concurrent use.
type Cache struct {
	cfg     Config
	base    context.Context // ends with Close; parent of every store read
	cancel  context.CancelFunc
	running sync.WaitGroup // fills

	ram     *ram
	disk    *disk // nil without Dir
	flights flights
	slots   chan struct{} // one is held by every fill of a slice that may read the store
	smalls  chan struct{} // likewise of small objects, which slices must not hold up
	lates   chan struct{} // and by every reader that reads past a late fill
	counts  counts
}

// ErrSpan is asking for bytes outside the object.
var ErrSpan = errors.New("span is outside the object")

// New returns a cache with the slices that an earlier one left in Dir. It fails
// if cfg is invalid or another process uses Dir.
func New(cfg Config) (*Cache, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("configure byte cache: %w", err)
	}
	c := &Cache{cfg: cfg, ram: newRAM(cfg.RAMBytes), slots: make(chan struct{}, cfg.MaxFills)}
	c.smalls, c.lates = make(chan struct{}, cfg.MaxFills), make(chan struct{}, cfg.MaxFills)
	c.flights.air = make(map[key]*flight)
	if cfg.Dir != "" {
		var err error
		if c.disk, err = openDisk(cfg); err != nil {
			return nil, fmt.Errorf("open cache directory: %w", err)
		}
	}
	c.base, c.cancel = context.WithCancel(context.Background())
	return c, nil
}

// Open makes r a reader of n bytes of the object from offset from, once the first
// of them is ready. It fails with ErrSpan, or with what the store says. r is the
// caller's, so that a hit allocates nothing; it holds nothing from before, and
// is the caller's to close unless Open fails. ctx bounds all of its waiting; a
// fill that others wait for outlives it.
func (c *Cache) Open(ctx context.Context, r *Reader, o Object, from, n int64) error {
	if from < 0 || n < 0 || from > o.Size || n > o.Size-from {
		return ErrSpan
	}
	*r = Reader{cache: c, ctx: ctx, object: o, pos: from, end: from + n, patience: c.cfg.FirstByte, opening: true}
	if n == 0 {
		r.source = RAM
		return nil
	}
	if c.small(o) {
		if b := c.ram.get(o.ID, o.Size); b != nil {
			r.piece, r.pieceEnd, r.source = b, r.end, RAM
			return nil
		}
	}
	first, err := r.Next()
	if err != nil {
		r.Close()
		return err
	}
	r.first, r.patience, r.opening = first, c.cfg.FillTimeout, false
	return nil
}

// Purge removes the object's bytes from RAM and disk, and sees to it that fills
// in progress aren't kept. Readers go on to their end. It fails if the disk does:
// then bytes may be left there, and Purge is to be called again.
func (c *Cache) Purge(id string) error {
	hash := hashID(id)
	c.ground(func(k key) bool { return k.object == hash })
	return c.removeKept(id, hash)
}

// PurgeAll is Purge for all objects.
func (c *Cache) PurgeAll() error {
	c.ground(func(key) bool { return true })
	c.ram.purgeAll()
	if c.disk == nil {
		return nil
	}
	return c.disk.purgeAll()
}

// ground has flights end without keeping their slices: who comes now begins new
// ones.
func (c *Cache) ground(which func(key) bool) {
	c.flights.mu.Lock()
	defer c.flights.mu.Unlock()
	for k, f := range c.flights.air {
		if which(k) {
			f.purged = true
			delete(c.flights.air, k)
		}
	}
}

func (c *Cache) removeKept(id string, hash [sha256.Size]byte) error {
	c.ram.purge(id)
	if c.disk == nil {
		return nil
	}
	return c.disk.purge(hash)
}

// Close ends fills and reads of the store, and returns when the cache's
// goroutines have ended. Readers of what is held go on to their end.
func (c *Cache) Close() {
	c.flights.mu.Lock()
	c.flights.closed = true
	c.flights.mu.Unlock()
	c.cancel()
	c.running.Wait()
	if c.disk != nil {
		c.disk.close()
	}
}

// Settle takes possession of Dir and returns nil once it is this process's. Until
// then nothing is read from it or kept there. Without Dir there is nothing to take.
func (c *Cache) Settle() error {
	if c.disk == nil {
		return nil
	}
	return c.disk.takeOver()
}

// LeaveDisk lets another process have Dir. What is in it is still read, as long as
// the other leaves it there; nothing is written or removed any more.
func (c *Cache) LeaveDisk() {
	if c.disk != nil {
		c.disk.leave()
	}
}

func (c *Cache) small(o Object) bool { return o.Size <= c.cfg.SmallMax }

// find returns the slice from wherever it is, or the flight that brings it.
func (c *Cache) find(r *Reader, k key) (piece, Source, error) {
	for range 3 { // a slice may go between being seen and being opened
		if p, source := c.held(r.object, k); p != nil {
			return p, source, nil
		}
		f, err := c.board(r.ctx, r.object, k, func() bool { return c.present(r.object, k) })
		if err != nil {
			return nil, Nowhere, err
		}
		if f != nil {
			return f, Store, nil
		}
	}
	return c.pass(r), Store, nil
}

// held returns the slice if it can be read now.
func (c *Cache) held(o Object, k key) (piece, Source) {
	if c.small(o) {
		if b := c.ram.get(o.ID, o.Size); b != nil {
			return b, RAM
		}
		return nil, Nowhere
	}
	if c.disk != nil {
		if file := c.disk.open(k); file != nil {
			c.disk.hits.Add(1)
			return &section{file: file, from: k.from}, Disk
		}
	}
	return nil, Nowhere
}

// present reports whether the slice is indexed, without looking at it.
func (c *Cache) present(o Object, k key) bool {
	if c.small(o) {
		return c.ram.has(o.ID, o.Size)
	}
	return c.disk != nil && c.disk.lookup(k) != nil
}
