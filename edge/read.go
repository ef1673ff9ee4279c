package edge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"rawlink/internal/share"
)

// bufferSize is what one body holds in memory, whatever the file's size, and
// the step in which its progress is watched.
const bufferSize = 64 << 10

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// body is a span of an object on its way to a client. Its first bytes are in
// the buffer before anything is promised to the client. One goroutine uses it.
type body struct {
	buffer *[bufferSize]byte
	ready  int   // bytes of the buffer that wait to be sent
	left   int64 // bytes that the store has yet to deliver
	source io.ReadCloser
	cancel context.CancelFunc
	stall  *time.Timer   // runs while the store is being waited for; cancels the read
	limit  time.Duration // for the store to deliver one buffer
}

// Failures of the store, once a record has named its bytes.
var (
	errShort = errors.New("store delivered too few bytes")
	errLong  = errors.New("store delivered too many bytes")
)

// read gets the plan's first bytes ready: all of a small body, one buffer of a
// larger one. nil means that there is no body. Whatever the store says, its
// failure is one of ours: the record has promised these bytes.
func (e *Edge) read(k *known, p plan) (*body, error) {
	n := p.span.length()
	if n == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithCancel(e.base)
	b := &body{left: n, cancel: cancel, limit: e.cfg.StoreStall, stall: time.AfterFunc(e.cfg.FirstByteTimeout, cancel)}
	obj := &k.rec.Object
	source, err := e.parts.Objects.Open(ctx, obj.Key, obj.Version, p.span.from, n)
	if err == nil {
		b.source = source
		b.buffer = buffers.Get().(*[bufferSize]byte)
		err = b.fill()
	}
	if err != nil {
		b.close()
		return nil, &storeError{err}
	}
	return b, nil
}

// storeError is any failure to get promised bytes. The record it disproves, if
// the object is gone or another one, has to be asked for again.
type storeError struct{ err error }

func (s *storeError) Error() string { return "read object: " + s.err.Error() }
func (s *storeError) Unwrap() error {
	return share.E(share.Unavailable, "read object", s.err)
}

// disproves reports whether the failure says that the record is out of date.
func (s *storeError) disproves() bool {
	kind := share.KindOf(s.err)
	return kind == share.NotFound || kind == share.Changed
}

// fill reads until the buffer is full or the span has ended, and then makes sure
// that the store has nothing more to say.
func (b *body) fill() error {
	defer b.stall.Stop()
	want := int(min(int64(bufferSize), b.left))
	n, err := io.ReadFull(b.source, b.buffer[:want])
	b.ready, b.left = n, b.left-int64(n)
	if err != nil {
		return fmt.Errorf("%w: %w", errShort, err)
	}
	if b.left > 0 {
		return nil
	}
	var extra [1]byte
	switch n, err := b.source.Read(extra[:]); {
	case n > 0:
		return errLong
	case err != nil && err != io.EOF:
		return err // a source that checks its bytes says so at their end
	}
	return nil
}

// next returns the bytes that are to be sent next; none at the end. They are
// valid until the following call.
func (b *body) next() ([]byte, error) {
	if b.ready == 0 && b.left > 0 {
		b.stall.Reset(b.limit)
		if err := b.fill(); err != nil {
			return nil, err
		}
	}
	chunk := b.buffer[:b.ready]
	b.ready = 0
	return chunk, nil
}

// close gives everything back. Calling it again does nothing.
func (b *body) close() {
	b.stall.Stop()
	b.cancel()
	if b.source != nil {
		_ = b.source.Close() // nothing was written; what was read is counted
		b.source = nil
	}
	if b.buffer != nil {
		buffers.Put(b.buffer)
		b.buffer = nil
	}
}
