package bytecache

import (
	"context"
	"errors"
	"sync"
	"time"

	"rawlink/cache"
)

// Reasons for which a flight serves nobody, though the store may be well.
var (
	ErrClosed = errors.New("cache is closed")
	errNoRoom = errors.New("no memory to fill") // read past the cache
	errNoDisk = errors.New("disk refused")      // look again: memory may do
)

// flight is one slice being filled, and the readers who follow it. It is also
// their piece of the slice for as long as they read it.
type flight struct {
	cache  *Cache
	object Object
	key    key
	ctx    context.Context // the cache's, until nobody wants the slice
	cancel context.CancelFunc

	// Guarded by flights.mu.
	refs   int  // readers on it or waiting ahead
	flying bool // the fill has not ended
	wanted bool // somebody was served to their end: worth completing
	purged bool
	// abandoned: nobody waits, and no Purge finds it, though its last bytes may be here.
	abandoned bool

	mu      sync.Mutex    // guards what follows; taken after flights.mu
	sink    sink          // set once, before mark moves
	mark    int64         // bytes that may be read from the sink: the watermark
	kept    bool          // the slice is in a tier now
	over    bool          // the mark won't move any more
	err     error         // why not, if it isn't at the end
	changed chan struct{} // closed at the next change; nil if nobody waits
}

// flights are the slices in the air, at most one of each.
type flights struct {
	mu     sync.Mutex // guards the map, closed, and what flights say
	air    map[key]*flight
	closed bool
}

// board joins the slice's flight or begins one. If the slice turns out to be
// present it does neither: a flight leaves the map only after its slice has
// been published, so what is neither in the air nor present needs a flight. Of ctx
// a flight takes the values.
func (c *Cache) board(ctx context.Context, o Object, k key, present func() bool) (f *flight, err error) {
	fs := &c.flights
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f := fs.air[k]; f != nil {
		f.refs++
		c.counts.joined.Add(1)
		return f, nil
	}
	switch {
	case present():
		return nil, nil
	case fs.closed:
		return nil, ErrClosed
	}
	f = &flight{cache: c, object: o, key: k, refs: 1, flying: true}
	f.ctx, f.cancel = context.WithCancel(cache.WithValues(c.base, ctx))
	fs.air[k] = f
	c.counts.fills.Add(1)
	c.running.Add(1)
	go f.fly() // ends with the fill: cancelled by the last to leave or by Close
	return f, nil
}

// leave ends one reader's interest. A fill that nobody waits for any more ends
// too, unless it is nearly done or has proved useful.
func (f *flight) leave(served bool) {
	fs := &f.cache.flights
	fs.mu.Lock()
	f.refs--
	f.wanted = f.wanted || served
	abandoned := f.refs == 0 && f.flying && !f.worthwhileLocked()
	gone := f.refs == 0 && !f.flying
	if (abandoned || gone) && fs.air[f.key] == f {
		delete(fs.air, f.key)
	}
	f.abandoned = f.abandoned || abandoned
	fs.mu.Unlock()
	if abandoned {
		f.cache.counts.abandoned.Add(1)
		f.cancel()
	}
	if gone {
		f.release()
	}
}

func (f *flight) isAbandoned() bool {
	f.cache.flights.mu.Lock()
	defer f.cache.flights.mu.Unlock()
	return f.abandoned
}

// worthwhileLocked reports whether the rest should be fetched with nobody
// waiting. The caller holds flights.mu.
func (f *flight) worthwhileLocked() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sink != nil && f.sink.keeps() && !f.purged && (f.wanted || f.mark >= f.key.size/10*9)
}

// land ends the flight: its slice is kept, or it failed, or it stays joinable
// until the last reader has left.
func (f *flight) land(kept bool, err error) {
	fs := &f.cache.flights
	fs.mu.Lock()
	f.flying = false
	gone := f.refs == 0
	if (kept || err != nil || gone) && fs.air[f.key] == f {
		delete(fs.air, f.key)
	}
	purged := f.purged
	fs.mu.Unlock()
	if kept && purged { // Purge came before the slice was there to be removed
		_ = f.cache.removeKept(f.object.ID, f.key.object) // else it is evicted some day
	}
	f.change(func() { f.kept, f.over, f.err = kept, true, err })
	if gone {
		f.release()
	}
}

func (f *flight) release() {
	if f.sink != nil {
		f.sink.release()
	}
}

// change applies a change and wakes whoever waits for one.
func (f *flight) change(apply func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	apply()
	if f.changed != nil {
		close(f.changed)
		f.changed = nil
	}
}

// wait returns the watermark once it is past pos, or errLate after patience.
func (f *flight) wait(ctx context.Context, pos int64, patience time.Duration) (int64, error) {
	var enough *time.Timer
	for {
		f.mu.Lock()
		mark, over, err := f.mark, f.over, f.err
		if f.changed == nil {
			f.changed = make(chan struct{})
		}
		changed := f.changed
		f.mu.Unlock()
		switch {
		case mark > pos:
			return mark, nil
		case over:
			return 0, err
		}
		if enough == nil {
			enough = time.NewTimer(patience)
			defer enough.Stop()
		}
		select {
		case <-changed:
		case <-enough.C:
			return 0, errLate
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// next makes a flight a piece of a Reader: what is behind the watermark.
func (f *flight) next(r *Reader) (Chunk, error) {
	pos, next := r.pos-f.key.from, f.follow
	if r.opening {
		next = f.begin
	}
	c, err := next(r, pos, r.patience)
	if errors.Is(err, errLate) {
		err = ErrStalled
	}
	return c, err
}

// follow returns what is behind the watermark once that is past pos.
func (f *flight) follow(r *Reader, pos int64, patience time.Duration) (Chunk, error) {
	mark, err := f.wait(r.ctx, pos, patience)
	if err != nil {
		return Chunk{}, err
	}
	p, err := f.sink.view(pos, min(mark, r.pieceEnd-f.key.from), r)
	return Chunk{Bytes: p}, err
}

// onDisk reports whether the slice can be had as a file of the reader's own.
func (f *flight) onDisk() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.kept && !f.cache.small(f.object)
}
