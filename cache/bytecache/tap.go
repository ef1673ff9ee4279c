package bytecache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// attempts is how often the store is asked for the same bytes: a failure has
// one successor, which goes on where the first came to.
const attempts = 2

// What the store may do wrong beside failing by itself.
var (
	ErrStalled = errors.New("store delivered nothing for too long")
	ErrInexact = errors.New("store delivered other than the bytes asked for")
)

// tap reads a span of an object from the store, exactly. One goroutine uses it.
type tap struct {
	cache    *Cache
	ctx      context.Context // of all attempts
	object   Object
	pos, end int64 // of the span's rest within the object
	attempt  int

	source io.ReadCloser // of this attempt; nil before it
	tried  context.Context
	cancel context.CancelCauseFunc
	stall  *time.Timer // runs while the store is waited for; cancels the attempt
}

// read returns at least one byte of the span, or why there are none. The last
// bytes are given out only when the store has nothing more to say.
func (t *tap) read(p []byte) (int, error) {
	for {
		n, err := t.try(p[:min(int64(len(p)), t.end-t.pos)])
		if err == nil {
			t.pos += int64(n)
			return n, nil
		}
		t.close()
		t.attempt++
		if t.attempt == attempts || t.ctx.Err() != nil || t.cache.cfg.Final(err) {
			return 0, err
		}
		t.cache.counts.resumed.Add(1)
	}
}

func (t *tap) try(p []byte) (int, error) {
	if t.cancel == nil {
		tried, cancel := context.WithCancelCause(t.ctx)
		t.tried, t.cancel = tried, cancel
		t.stall = time.AfterFunc(t.cache.cfg.FillTimeout, func() { cancel(ErrStalled) })
	}
	t.stall.Reset(t.cache.cfg.FillTimeout)
	defer t.stall.Stop()
	n, err := t.take(p)
	if err != nil && errors.Is(context.Cause(t.tried), ErrStalled) {
		err = fmt.Errorf("%w: %w", ErrStalled, err)
	}
	return n, err
}

func (t *tap) take(p []byte) (int, error) {
	if t.source == nil {
		t.cache.counts.storeOpens.Add(1)
		source, err := t.cache.cfg.Open(t.tried, t.object, t.pos, t.end-t.pos)
		if err != nil {
			return 0, err
		}
		t.source = source
	}
	n, err := io.ReadAtLeast(t.source, p, 1)
	t.cache.counts.storeBytes.Add(uint64(n)) //nolint:gosec // how many bytes were read
	switch {
	case errors.Is(err, io.EOF):
		return 0, fmt.Errorf("%w: too few: %w", ErrInexact, io.ErrUnexpectedEOF)
	case err != nil:
		return 0, err
	case t.pos+int64(n) == t.end:
		return n, t.ended()
	}
	return n, nil
}

// ended makes sure that the store ends where the span does. A source that
// checks its bytes says so here.
func (t *tap) ended() error {
	var extra [1]byte
	n, err := io.ReadFull(t.source, extra[:])
	switch {
	case n > 0:
		return fmt.Errorf("%w: too many", ErrInexact)
	case !errors.Is(err, io.EOF):
		return err
	}
	return nil
}

// close ends the attempt. Calling it again does nothing.
func (t *tap) close() {
	if t.cancel == nil {
		return
	}
	t.stall.Stop()
	if t.source != nil {
		_ = t.source.Close() // nothing was written; what was read is counted
	}
	t.cancel(nil)
	t.source, t.cancel = nil, nil
}
