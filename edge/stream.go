package edge

import (
	"errors"
	"io"
	"net"
	"time"
)

// stream is a body as fasthttp sends it. It runs after the handler has
// returned, so it holds nothing of fasthttp's request. It writes exactly the
// planned bytes or fails, and a failure breaks the connection: a short body
// never ends as if it were whole.
type stream struct {
	tally *tally
	body  *body
	conn  net.Conn
	pace  pace
}

// errNoRead guards the way fasthttp must not take.
var errNoRead = errors.New("body stream is written, not read")

// Read is never used; fasthttp asks for a reader but prefers WriteTo.
func (*stream) Read([]byte) (int, error) { return 0, errNoRead }

// SupportsBodyWriteTo tells fasthttp to use WriteTo.
func (*stream) SupportsBodyWriteTo() bool { return true }

// WriteTo sends the body. Before each buffer it moves the connection's write
// deadline, so that a slow client that lives is waited for and a dead one isn't.
func (s *stream) WriteTo(w io.Writer) (n int64, err error) {
	defer func() {
		n = s.tally.sent
		if v := recover(); v != nil {
			err = s.tally.edge.panicked(v, s.tally)
		}
	}()
	for s.tally.sent < s.tally.planned {
		chunk, err := s.body.next()
		if err != nil {
			s.tally.err = &storeError{err}
			return s.tally.sent, s.tally.err
		}
		began := time.Now()
		if err := s.conn.SetWriteDeadline(s.pace.deadline(began, len(chunk))); err != nil {
			return s.tally.sent, err
		}
		m, err := w.Write(chunk)
		s.tally.sent += int64(m)
		s.pace.passed(time.Since(began), m)
		if err != nil {
			return s.tally.sent, err
		}
	}
	return s.tally.sent, nil
}

// CloseWithError is the true end of the request: fasthttp calls it after the
// body was written, failed, or was never begun.
func (s *stream) CloseWithError(error) error {
	switch {
	case s.tally.err != nil:
		s.tally.close(outcomeBroken)
	case s.tally.sent < s.tally.planned:
		s.tally.close(outcomeAborted)
	default:
		s.tally.close(outcomeServed)
	}
	return nil
}

// pace decides how long a client may take. Only time spent writing to it
// counts; a slow store is not its fault.
type pace struct {
	rate  int64 // bytes per second it must average
	grace time.Duration
	stall time.Duration // for one buffer, however far ahead it is

	spent time.Duration
	sent  int64
}

// deadline returns when the next n bytes must be out: before the client stalls
// for too long, and before its average drops below the rate.
func (p *pace) deadline(now time.Time, n int) time.Time {
	due := float64(p.sent+int64(n)) / float64(p.rate) * float64(time.Second)
	left := p.grace + time.Duration(min(due, float64(1<<62))) - p.spent
	return now.Add(min(left, p.stall))
}

func (p *pace) passed(d time.Duration, n int) {
	p.spent += d
	p.sent += int64(n)
}
