package bytecache

import (
	"context"
	"fmt"
	"io"
	"os"
)

// section is a slice in a file of the reader's own.
type section struct {
	file *os.File
	from int64 // of the slice in the object
}

// next returns all that is wanted as a file, or as bytes if that is little: then
// a system call of its own costs more than a copy.
func (s *section) next(r *Reader) (Chunk, error) {
	offset, n := r.pos-s.from, r.pieceEnd-r.pos
	if n <= bufferSize {
		p := r.scratch()[:n]
		if _, err := s.file.ReadAt(p, offset); err != nil {
			return Chunk{}, fmt.Errorf("%w: %w", errNoDisk, err)
		}
		return Chunk{Bytes: p}, nil
	}
	if _, err := s.file.Seek(offset, io.SeekStart); err != nil {
		return Chunk{}, fmt.Errorf("%w: %w", errNoDisk, err)
	}
	return Chunk{File: s.file, Offset: offset, Length: n}, nil
}

func (s *section) leave(bool) { _ = s.file.Close() }

// passage reads one slice's span for one reader alone: there was no room for it.
type passage struct {
	tap    *tap
	cancel context.CancelFunc
}

// pass begins a passage for what the reader wants of its slice. It isn't bound
// by MaxFills, as slow readers would hold up the fills: like them it costs one
// buffer, and readers are the caller's to bound.
func (c *Cache) pass(r *Reader) *passage {
	ctx, cancel := context.WithCancel(r.ctx)
	stop := context.AfterFunc(c.base, cancel)
	c.counts.passed.Add(1)
	return &passage{
		tap:    &tap{cache: c, ctx: ctx, object: r.object, pos: r.pos, end: r.pieceEnd},
		cancel: func() { stop(); cancel() },
	}
}

func (p *passage) next(r *Reader) (Chunk, error) {
	buffer := r.scratch()
	n, err := p.tap.read(buffer[:])
	if err != nil {
		return Chunk{}, fmt.Errorf("read past the cache: %w", err)
	}
	return Chunk{Bytes: buffer[:n]}, nil
}

func (p *passage) leave(bool) {
	p.tap.close()
	p.cancel()
}

// lookAhead starts the slices that a reader will want next. A reader's first
// slice says nothing yet; from its second on, each lets it look twice as far.
// It never looks beyond the reader's end.
func (r *Reader) lookAhead(k key) {
	m, c := r.misses, r.cache
	if m.entered < 2 || c.cfg.ReadAhead == 0 {
		return
	}
	depth := min(c.cfg.ReadAhead, 1<<min(m.entered-2, 16))
	for next := k.from + k.size; depth > 0 && next < r.end; depth-- {
		ahead := c.sliceAt(r.object, m.hash, next)
		next += ahead.size
		if m.isAhead(ahead) || c.present(r.object, ahead) {
			continue
		}
		if len(c.slots) >= max(1, cap(c.slots)/2) {
			return // what is waited for goes first
		}
		f, err := c.board(r.ctx, r.object, ahead, func() bool { return c.present(r.object, ahead) })
		if f == nil || err != nil {
			continue
		}
		m.ahead = append(m.ahead, f)
	}
}

func (m *misses) isAhead(k key) bool {
	for _, f := range m.ahead {
		if f.key == k {
			return true
		}
	}
	return false
}

// leaveAhead lets go of flights for slices that start before pos.
func (m *misses) leaveAhead(pos int64) {
	rest := m.ahead[:0]
	for _, f := range m.ahead {
		if f.key.from < pos {
			f.leave(false)
			continue
		}
		rest = append(rest, f)
	}
	m.ahead = rest
}
