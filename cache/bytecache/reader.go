package bytecache

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"sync"
	"time"
)

// bufferSize is what a reader or a fill holds in memory of what isn't in RAM.
const bufferSize = 64 << 10

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// Source says where the first byte of a Reader came from.
type Source uint8

// Sources.
const (
	Nowhere Source = iota // no byte yet
	RAM
	Disk
	Store   // also by way of somebody else's fill
	Sources // the number of sources
)

// String returns the source's name.
func (s Source) String() string { return [Sources]string{"nowhere", "ram", "disk", "store"}[s] }

// Chunk is the next piece of a Reader: bytes, or a section of a file.
type Chunk struct {
	Bytes []byte // not to be written to, valid until the next call on the Reader

	// File is the reader's own, so that sending it may move its offset, which is
	// at Offset. The Reader closes it. Beyond Length it holds other things. If it
	// is cut short by then, sending fails: check the count.
	File           *os.File
	Offset, Length int64
}

// Len returns the number of bytes in the chunk.
func (c Chunk) Len() int64 {
	if c.File != nil {
		return c.Length
	}
	return int64(len(c.Bytes))
}

// piece is where a Reader's bytes come from, for the slice that it is in.
type piece interface {
	next(r *Reader) (Chunk, error) // some bytes from r.pos on, at most up to r.pieceEnd
	leave(served bool)             // served: all that the reader wanted of it was delivered
}

// Reader delivers a span of an object, see Cache.Open. One goroutine uses it.
type Reader struct {
	cache    *Cache
	ctx      context.Context // of waiting, not of fills
	object   Object
	pos, end int64         // of what is not yet delivered
	patience time.Duration // for one wait for the store
	opening  bool          // nothing was delivered yet
	source   Source
	first    Chunk // ready since Open; delivered by the first Next
	err      error // what every Next after a failure returns

	piece    piece // nil between slices
	pieceEnd int64 // of what is wanted of it
	misses   *misses
}

// misses is what only a Reader needs that goes beyond one object in RAM.
type misses struct {
	hash    [sha256.Size]byte
	entered int // slices so far
	refused int // times the disk failed us within the slice
	swapped bool
	ahead   []*flight
	buffer  *[bufferSize]byte
}

// Next returns the bytes that follow, io.EOF at the end. Bytes and file are
// valid until the next call. After an error only Close is of use.
func (r *Reader) Next() (Chunk, error) {
	if r.first.Len() > 0 {
		c := r.first
		r.first = Chunk{}
		return c, nil
	}
	if r.err != nil {
		return Chunk{}, r.err
	}
	c, err := r.advance()
	r.pos += c.Len()
	if err != nil {
		r.err = err
		r.Close()
	}
	return c, err
}

// Source says where the first byte came from.
func (r *Reader) Source() Source { return r.source }

// Close lets go of what the reader holds. Calling it again does nothing.
func (r *Reader) Close() {
	if r.err == nil {
		r.err = os.ErrClosed
	}
	r.first = Chunk{}
	r.leave()
	if m := r.misses; m != nil {
		m.leaveAhead(r.end)
		if m.buffer != nil {
			buffers.Put(m.buffer)
			m.buffer = nil
			r.cache.counts.buffers.Add(-1)
		}
	}
}

// advance gets the next chunk, from one slice after the other.
func (r *Reader) advance() (Chunk, error) {
	for {
		if r.piece != nil && r.pos == r.pieceEnd {
			r.leave()
		}
		if r.pos == r.end {
			return Chunk{}, io.EOF
		}
		if r.piece == nil {
			if err := r.enter(); err != nil {
				return Chunk{}, err
			}
		}
		r.prefer()
		c, err := r.piece.next(r)
		switch {
		case errors.Is(err, errNoDisk) && r.misses.refused < 2:
			r.misses.refused++
			r.leave() // and look again: the disk isn't asked now
		case errors.Is(err, errNoRoom), errors.Is(err, errNoDisk):
			r.leave()
			r.piece = r.cache.pass(r)
		default:
			return c, err
		}
	}
}

// enter finds the slice at pos.
func (r *Reader) enter() error {
	m := r.misses
	if m == nil {
		m = &misses{hash: hashID(r.object.ID)}
		r.misses = m
	}
	k := r.cache.sliceAt(r.object, m.hash, r.pos)
	r.pieceEnd = min(k.from+k.size, r.end)
	p, source, err := r.cache.find(r, k)
	if err != nil {
		return err
	}
	r.piece = p
	if r.source == Nowhere {
		r.source = source
	}
	if m.refused == 0 {
		m.entered++
	}
	m.leaveAhead(r.pieceEnd)
	r.lookAhead(k)
	return nil
}

// prefer changes from a flight whose slice has come to its file: the rest can
// then be sent without being copied. It is tried once.
func (r *Reader) prefer() {
	f, ok := r.piece.(*flight)
	if !ok || r.misses.swapped || r.pieceEnd-r.pos <= bufferSize || !f.onDisk() {
		return
	}
	r.misses.swapped = true
	if file := r.cache.disk.open(f.key); file != nil {
		f.leave(true)
		r.piece = &section{file: file, from: f.key.from}
	}
}

func (r *Reader) leave() {
	if r.piece == nil {
		return
	}
	served := r.pos == r.pieceEnd
	r.piece.leave(served)
	r.piece = nil
	if m := r.misses; m != nil && served {
		m.refused, m.swapped = 0, false
	}
}

// scratch returns the reader's buffer.
func (r *Reader) scratch() *[bufferSize]byte {
	m := r.misses
	if m.buffer == nil {
		m.buffer = buffers.Get().(*[bufferSize]byte)
		r.cache.counts.buffers.Add(1)
	}
	return m.buffer
}
