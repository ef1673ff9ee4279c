package edge

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"rawlink/cache/bytecache"

	"github.com/pires/go-proxyproto"
)

// stream is a body as fasthttp sends it. It runs after the handler has
// returned, so it holds nothing of fasthttp's request. It writes exactly the
// planned bytes or fails, and a failure breaks the connection: a short body
// never ends as if it were whole.
type stream struct {
	tally *tally
	known *known
	parts []span // of a multipart body; nil = one span, which tally.body reads
	conn  net.Conn
	pace  pace
	// direct: the header has been flushed, and the body goes to the connection
	// past fasthttp's buffer. Files are then sent by the kernel, and a write that
	// its deadline cut short can be gone on with.
	direct bool
	w      io.Writer // fasthttp's buffer

	stopped atomic.Bool // the link has ended: nothing more is sent
}

const (
	// writeBuffer is fasthttp's buffer for what it sends.
	writeBuffer = 32 << 10
	// buffered is the longest body that leaves with its header in one write.
	buffered = writeBuffer - 4<<10
	// step is how much goes to a connection in one system call, at most.
	step = 1 << 20
)

var (
	// errNoRead guards the way fasthttp must not take.
	errNoRead = errors.New("body stream is written, not read")
	errShort  = errors.New("body ends too soon")
	errEnded  = errors.New("link has ended")
)

// Read is never used; fasthttp asks for a reader but prefers WriteTo.
func (*stream) Read([]byte) (int, error) { return 0, errNoRead }

// SupportsBodyWriteTo tells fasthttp to use WriteTo.
func (*stream) SupportsBodyWriteTo() bool { return true }

// WriteTo sends the body.
func (s *stream) WriteTo(w io.Writer) (n int64, err error) {
	t := s.tally
	defer func() {
		if v := recover(); v != nil {
			err = t.edge.panicked(v, t)
		}
		if n = t.length; err != nil {
			n = t.sent
		}
	}()
	s.w = w
	if s.parts == nil {
		err = s.copy()
	} else {
		err = s.copyParts()
	}
	if err == nil && t.sent != t.planned {
		err = s.fail(errShort)
	}
	return 0, err
}

// copy sends what the tally's reader has.
func (s *stream) copy() error {
	for {
		chunk, err := s.tally.body.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return s.fail(err)
		case chunk.File != nil:
			err = s.sendFile(chunk)
		default:
			err = s.send(chunk.Bytes, &s.tally.sent)
		}
		if err != nil {
			return err
		}
	}
}

// copyParts sends the parts, each behind a head of its own.
func (s *stream) copyParts() error {
	t, k := s.tally, s.known
	boundary := t.id.String()
	var framing int64
	var head []byte
	for i, part := range s.parts {
		head = appendPartHead(head[:0], boundary, k.heads.contentType, part, k.object.Size)
		if err := s.send(head, &framing); err != nil {
			return err
		}
		if i > 0 {
			t.body.Close()
			if err := t.edge.bytes.Open(t.ctx, &t.body, k.object, part.from, part.length()); err != nil {
				return s.fail(err)
			}
		}
		if err := s.copy(); err != nil {
			return err
		}
	}
	return s.send(appendPartsEnd(head[:0], boundary), &framing)
}

// send writes bytes and adds what was written to sent.
func (s *stream) send(p []byte, sent *int64) error {
	if !s.direct {
		n, err := s.w.Write(p)
		*sent += int64(n)
		return err
	}
	for len(p) > 0 {
		began := time.Now()
		if err := s.arm(began, int64(min(len(p), step))); err != nil {
			return err
		}
		n, err := s.conn.Write(p[:min(len(p), step)])
		*sent += int64(n)
		if err = s.accepted(began, int64(n), err); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// sendFile sends a section of a file, which the kernel does by itself.
func (s *stream) sendFile(c bytecache.Chunk) error {
	if !s.direct {
		return s.fail(errors.New("a file in a short body"))
	}
	for left := c.Length; left > 0; {
		began := time.Now()
		if err := s.arm(began, min(left, step)); err != nil {
			return err
		}
		n, err := io.CopyN(s.conn, c.File, min(left, step))
		s.tally.sent += n
		if errors.Is(err, io.EOF) {
			return s.fail(fmt.Errorf("%w: slice was cut", errShort))
		}
		if err = s.accepted(began, n, err); err != nil {
			return err
		}
		left -= n
	}
	return nil
}

// arm sets the deadline of the next write, of n bytes.
func (s *stream) arm(now time.Time, n int64) error {
	if err := s.conn.SetWriteDeadline(s.pace.deadline(now, n)); err != nil {
		return err
	}
	if s.stopped.Load() { // looked at last: stop sets its deadline behind this one, or is seen
		return errEnded
	}
	return nil
}

// stop ends the body early. Another goroutine than the stream's calls it.
func (s *stream) stop() {
	s.stopped.Store(true)
	_ = s.conn.SetWriteDeadline(time.Unix(1, 0)) // ends a write that waits for the client
}

// discard has the kernel throw away what the client has not taken yet, and tell it so.
func (s *stream) discard() {
	conn := s.conn
	if c, ok := conn.(*proxyproto.Conn); ok {
		conn = c.Raw()
	}
	if c, ok := conn.(interface{ SetLinger(sec int) error }); ok {
		_ = c.SetLinger(0)
	}
}

// accepted notes that the client took n bytes, and drops err if all it says is
// that a slow client that lives is slow.
func (s *stream) accepted(began time.Time, n int64, err error) error {
	s.pace.passed(time.Since(began), n)
	if n > 0 && errors.Is(err, os.ErrDeadlineExceeded) && s.pace.holds() {
		return nil
	}
	return err
}

// fail notes that it is not the client's doing that the body breaks.
func (s *stream) fail(err error) error {
	failed := &storeError{err}
	s.tally.err = failed
	if failed.disproves() {
		s.tally.edge.records.Invalidate(s.tally.hash)
	}
	return failed
}

// CloseWithError is the true end of the request: fasthttp calls it after the
// body was written, failed, or was never begun.
func (s *stream) CloseWithError(err error) error {
	t := s.tally
	switch {
	case s.stopped.Load() && t.sent < t.planned:
		s.discard()
		t.close(outcomeEnded)
	case t.err != nil:
		t.close(outcomeBroken)
	case err != nil, t.sent < t.planned:
		t.close(outcomeAborted)
	default:
		t.close(outcomeServed)
	}
	t.free()
	return nil
}
