package bytecache

import (
	"context"
	"fmt"
	"os"
)

// sink is where a fill puts a slice's bytes, and where its readers find them.
// The fill calls room, put and finish; readers call view, behind the watermark.
type sink interface {
	room(at int64) []byte                               // where the next bytes are to be put
	put(n int) error                                    // n bytes were put there
	view(from, to int64, r *Reader) (p []byte, e error) // some bytes from from on, at most up to to
	whole(at int64) []byte                              // a small object's bytes, once there are at of them; else nil
	keeps() bool                                        // whether finish will
	finish() (kept bool)                                // hands the full slice to its tier
	discard()                                           // the slice will not be kept
	release()                                           // the fill has ended and the last reader left
}

// fly fills the slice and ends the flight, whatever happens.
func (f *flight) fly() {
	defer f.cache.running.Done()
	defer f.cancel()
	kept, err := f.fill()
	if err != nil && f.cache.base.Err() != nil {
		err = fmt.Errorf("%w: %w", ErrClosed, err)
	}
	f.land(kept, err)
}

func (f *flight) fill() (kept bool, err error) {
	slots := f.cache.slots
	if f.cache.small(f.object) {
		slots = f.cache.smalls
	}
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	case <-f.ctx.Done():
		return false, f.ctx.Err()
	}
	s := f.cache.newSink(f)
	if s == nil {
		return false, errNoRoom
	}
	f.change(func() { f.sink = s })
	t := &tap{cache: f.cache, ctx: f.ctx, object: f.object, pos: f.key.from, end: f.key.from + f.key.size}
	defer func() {
		if v := recover(); v != nil { // the store's reader is not our code
			kept, err = false, fmt.Errorf("panic in fill: %v", v)
		}
		t.close()
		if !kept {
			s.discard()
		}
	}()
	if err := f.pour(t, s); err != nil {
		return false, err
	}
	if f.isAbandoned() {
		return false, context.Canceled
	}
	return s.finish(), nil
}

// pour moves the watermark to the slice's end, a buffer at a time.
func (f *flight) pour(t *tap, s sink) error {
	for at := int64(0); at < f.key.size; {
		if err := f.ctx.Err(); err != nil {
			return err
		}
		n, err := t.read(s.room(at))
		if err != nil {
			return fmt.Errorf("fill slice: %w", err)
		}
		if err := s.put(n); err != nil {
			return err
		}
		if whole := s.whole(at + int64(n)); whole != nil {
			if err := f.cache.cfg.Check(f.object, whole); err != nil {
				return fmt.Errorf("fill slice: %w: %w", ErrInexact, err)
			}
		}
		at += int64(n)
		f.change(func() { f.mark = at })
	}
	return nil
}

// newSink finds the place that suits the slice, or nil.
func (c *Cache) newSink(f *flight) sink {
	if c.small(f.object) {
		if b := c.ram.reserve(f.key.size); b != nil {
			return &memory{block: b, keepAs: f.object.ID}
		}
		return nil
	}
	if s := c.newSpool(f.key); s != nil {
		return s
	}
	if b := c.ram.lend(f.key.size); b != nil {
		return &memory{block: b}
	}
	return nil
}

// memory is a sink in RAM.
type memory struct {
	*block
	keepAs string // the object's ID; "" = it isn't kept
}

func (m *memory) room(at int64) []byte {
	return m.bytes[at:min(at+bufferSize, int64(len(m.bytes)))]
}
func (m *memory) put(int) error { return nil }
func (m *memory) view(from, to int64, _ *Reader) ([]byte, error) {
	return m.bytes[from:to:to], nil
}
func (m *memory) whole(at int64) []byte {
	if m.keepAs == "" || at < int64(len(m.bytes)) {
		return nil
	}
	return m.bytes
}
func (m *memory) keeps() bool { return m.keepAs != "" }
func (m *memory) finish() bool {
	if m.keeps() {
		m.ram.insert(m.keepAs, m.block)
	}
	return m.keeps()
}
func (m *memory) discard() {}
func (m *memory) release() { m.drop() }

// spool is a sink on disk: a temporary file that gets its name when complete.
type spool struct {
	disk   *disk
	key    key
	path   string
	file   file
	buffer *block // of the fill
	sum    sum
}

// newSpool returns nil if the disk can't take the slice now.
func (c *Cache) newSpool(k key) *spool {
	if c.disk == nil || !c.disk.ready() || !c.disk.reserve(k.size+footerSize) {
		return nil
	}
	buffer := c.ram.reserve(min(bufferSize, k.size))
	if buffer == nil {
		c.disk.release(k.size + footerSize)
		return nil
	}
	path, f, err := c.disk.begin()
	if err != nil {
		buffer.drop()
		c.disk.release(k.size + footerSize)
		c.disk.failed(err)
		return nil
	}
	return &spool{disk: c.disk, key: k, path: path, file: f, buffer: buffer}
}

func (s *spool) room(int64) []byte { return s.buffer.bytes }

func (s *spool) put(n int) error {
	p := s.buffer.bytes[:n]
	s.sum.add(p)
	if _, err := s.file.Write(p); err != nil {
		s.disk.failed(err)
		return fmt.Errorf("%w: %w", errNoDisk, err)
	}
	return nil
}

func (s *spool) view(from, to int64, r *Reader) ([]byte, error) {
	p := r.scratch()[:min(bufferSize, to-from)]
	if _, err := s.file.ReadAt(p, from); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoDisk, err)
	}
	return p, nil
}

func (s *spool) whole(int64) []byte { return nil }

func (s *spool) keeps() bool { return true }

// finish needs no sync: what a crash tears, its checksum betrays.
func (s *spool) finish() bool {
	_, err := s.file.Write(s.key.footer(s.sum.value()))
	if err == nil {
		err = s.disk.publish(s.key, s.path)
	}
	if err != nil {
		s.disk.failed(err)
		return false
	}
	s.buffer.drop()
	s.buffer = nil
	return true
}

// discard frees the file's name and its room; readers go on with what is there.
func (s *spool) discard() {
	_ = os.Remove(s.path) // else the next start does
	s.disk.release(s.key.size + footerSize)
	s.buffer.drop()
	s.buffer = nil
}

func (s *spool) release() { _ = s.file.Close() }
