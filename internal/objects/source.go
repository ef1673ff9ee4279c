package objects

import (
	"context"
	"errors"
	"io"
	"sync"

	"rawlink/internal/share"
)

// source is what a Put reads: it holds the reader to its promised length and
// remembers its failure, which a sender in between may wrap or swallow. Used by
// one goroutine at a time.
type source struct {
	ctx  context.Context // of the one Put that owns the source
	r    io.Reader
	size int64 // promised; UnknownSize: any
	read int64
	err  error // why reading ended before its end; sticky
}

var errLength = share.E(share.Changed, "put object", errors.New("another length than promised"))

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	if s.err == nil {
		s.err = s.ctx.Err()
	}
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.r.Read(p)
	s.read += int64(n)
	switch {
	case s.size != UnknownSize && (s.read > s.size || err == io.EOF && s.read < s.size):
		s.err = errLength
	case err != nil && err != io.EOF:
		s.err = err
	}
	if s.err != nil {
		return 0, s.err
	}
	return n, err
}

// ended makes sure that nothing comes after the promised length: a sender that
// has had enough doesn't look.
func (s *source) ended() error {
	var more [1]byte
	for {
		if n, err := s.Read(more[:]); n > 0 || err != nil {
			break
		}
	}
	return s.err
}

// failure is why the Put failed: the source's own reason before the sender's.
func (s *source) failure(sending error) error {
	if s.err != nil {
		return s.err
	}
	return sending
}

// lent is a source in the hands of an HTTP client, whose goroutine may still be
// reading when the request has failed already.
type lent struct {
	mu   sync.Mutex // held while src is read
	src  *source
	back bool
}

// Read implements io.Reader.
func (l *lent) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.back {
		return 0, io.ErrClosedPipe
	}
	return l.src.Read(p)
}

// Close implements io.Closer.
func (l *lent) Close() error { return nil }

// takeBack waits for a read under way and lets no other begin: from then on the
// source is its owner's alone.
func (l *lent) takeBack() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.back = true
}
