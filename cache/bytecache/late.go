package bytecache

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A fill may be late though the store is well: it waits behind MaxFills others, or
// has most of its slice to fetch before the byte that a reader begins with. Such a
// reader fetches its first bytes by itself and then follows the fill, which has
// gained the time for which a client may be kept waiting in the middle.

// errLate is that a fill did not come to a position within the patience.
var errLate = errors.New("fill is late")

// latePolls is how often, in the second half of its patience, a reader looks for a
// free place among those that read past their fills.
const latePolls = 32

// begin is follow for a reader's first bytes.
func (f *flight) begin(r *Reader, pos int64, patience time.Duration) (Chunk, error) {
	if f.cache.small(r.object) { // they are checked whole, and don't queue behind slices
		return f.follow(r, pos, patience)
	}
	end := time.Now().Add(patience)
	c, err := f.follow(r, pos, patience/2)
	for errors.Is(err, errLate) && time.Now().Before(end) {
		select {
		case f.cache.lates <- struct{}{}:
			c, err := r.overtake(end)
			<-f.cache.lates
			return c, err
		default:
		}
		c, err = f.follow(r, pos, max(patience/latePolls, time.Millisecond))
	}
	return c, err
}

// lateBytes is how much a reader fetches past its fill: little, as the store has
// the same bytes to bring a second time, and many readers want some.
const lateBytes = 16 << 10

// overtake reads the reader's next bytes from the store, for it alone.
func (r *Reader) overtake(end time.Time) (Chunk, error) {
	c := r.cache
	ctx, cancel := context.WithDeadline(r.ctx, end)
	defer cancel()
	defer context.AfterFunc(c.base, cancel)()
	p := r.scratch()[:min(lateBytes, r.pieceEnd-r.pos)]
	t := &tap{cache: c, ctx: ctx, object: r.object, pos: r.pos, end: r.pos + int64(len(p))}
	defer t.close()
	c.counts.overtaken.Add(1)
	for n := 0; n < len(p); {
		more, err := t.read(p[n:])
		switch {
		case err != nil && ctx.Err() != nil && r.ctx.Err() == nil && c.base.Err() == nil:
			return Chunk{}, errLate
		case err != nil:
			return Chunk{}, fmt.Errorf("read past a late fill: %w", err)
		}
		n += more
	}
	return Chunk{Bytes: p}, nil
}
