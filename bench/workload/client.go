package workload

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"syscall"
	"time"

	"rawlink/bench/judge"
	"rawlink/bench/seed"
	"rawlink/bench/tally"
	"rawlink/bench/wire"
)

// shot is one request and what may come of it.
type shot struct {
	request []byte
	head    bool
	link    *seed.Link // nil = a forged token
	whole   bool       // a 200 may come
	span    judge.Span // that a 206 has to have
	allow   outcomes
	life    *judge.Life   // of a link that may be revoked
	ledger  *judge.Ledger // of a capped link
	leave   int64         // > 0: break off after so many bytes
	slow    int64         // > 0: read so many bytes a second, for slowFor at most
}

// outcomes is a set of them.
type outcomes uint32

func of(all ...tally.Outcome) (set outcomes) {
	for _, o := range all {
		set |= 1 << o
	}
	return set
}

func (set outcomes) has(o tally.Outcome) bool { return set&(1<<o) != 0 }

// whole is a request for all of a link's bytes.
func whole(request []byte, link *seed.Link) shot {
	return shot{request: request, link: link, whole: true, allow: of(tally.Hit, tally.Miss)}
}

// asker says what a client asks for next; ok is false if nothing is left. after,
// unless nil, is told how it ended.
type asker struct {
	next  func(c *client) (s shot, ok bool)
	after func(c *client, s *shot, o tally.Outcome)
}

// client is a worker: one connection to one edge. For one goroutine.
type client struct {
	env    *Env
	edge   int
	target wire.Target
	ask    asker
	random *rand.Rand
	eye    *judge.Eye
	conn   *wire.Conn
	used   bool   // the connection has had an answer
	buffer []byte // for requests made on the fly
	bound  time.Duration
	begun  time.Time // of the body that is read slowly

	// Of the body that is read: it lives here, so that a request needs no closure.
	now     *shot
	judging bool
	got     int64
	take    func([]byte) error
}

func newClient(env *Env, i int, ask asker) *client {
	edge := i % len(env.Edges)
	c := &client{
		env: env, edge: edge, target: env.Edges[edge], ask: ask, eye: judge.NewEye(),
		random: rand.New(rand.NewPCG(env.Seed, uint64(i)+100)), buffer: make([]byte, 0, 512),
	}
	c.take = c.piece
	return c
}

// Close implements drive.Worker.
func (c *client) Close() {
	if c.conn != nil {
		c.conn.Close()
	}
}

// errLeft says that the client has seen enough.
var errLeft = errors.New("left")

const (
	slowFor   = 3 * time.Second       // a slow reader stays no longer
	dialPause = 20 * time.Millisecond // after a connection that could not be made
)

// Do implements drive.Worker.
func (c *client) Do(ctx context.Context) (tally.Sample, bool) {
	s, ok := c.ask.next(c)
	if !ok {
		return tally.Sample{}, false
	}
	sent := time.Now()
	sample := c.exchange(ctx, &s, sent)
	sample.Took = time.Since(sent)
	sample.Failed = !s.allow.has(sample.Outcome)
	if c.ask.after != nil {
		c.ask.after(c, &s, sample.Outcome)
	}
	return sample, true
}

// exchange makes the request, on a new connection if the old one turns out to be
// closed, as any client does.
func (c *client) exchange(ctx context.Context, s *shot, sent time.Time) tally.Sample {
	reused := c.conn != nil && c.used
	a, err := c.begin(ctx, s)
	if err != nil && reused && stale(err) {
		c.drop()
		a, err = c.begin(ctx, s)
	}
	if err != nil {
		c.drop()
		return tally.Sample{Outcome: tally.Broken}
	}
	c.used = true
	sample := tally.Sample{Outcome: tally.OfStatus(a.Status), FirstByte: time.Since(sent)}
	if sample.Outcome == tally.Hit && behind(a) {
		sample.Outcome = tally.Miss
	}
	closes := a.Close
	err = c.body(a, s, sent)
	sample.Bytes = c.got
	switch {
	case errors.Is(err, errLeft):
		sample.Outcome = tally.Left
		if s.slow > 0 {
			sample.Outcome = tally.Slow
		}
		c.conn.Reset()
		c.conn = nil
	case err != nil:
		sample.Outcome = tally.Broken
		c.drop()
	case closes:
		c.drop()
	}
	return sample
}

// begin sends the request and reads the answer's head.
func (c *client) begin(ctx context.Context, s *shot) (wire.Answer, error) {
	if c.conn == nil {
		conn, err := wire.Dial(ctx, c.target, c.env.Timeout)
		if err != nil {
			select {
			case <-ctx.Done():
			case <-time.After(dialPause):
			}
			return wire.Answer{}, err
		}
		c.conn, c.used = conn, false
	}
	if err := c.conn.Send(s.request); err != nil {
		return wire.Answer{}, err
	}
	return c.conn.Read(s.head)
}

func (c *client) drop() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// stale tells a connection that the server had closed from one that it closed on
// this request: no byte of an answer came.
func stale(err error) bool {
	return errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// behind says whether the bytes come from behind the edge.
func behind(a wire.Answer) bool {
	timing, ok := a.Get("Server-Timing")
	return ok && bytes.Contains(timing, []byte(`bytes;desc="store"`))
}

// body judges the answer and reads its body.
func (c *client) body(a wire.Answer, s *shot, sent time.Time) error {
	c.now, c.got, c.begun = s, 0, sent
	serves := a.Status == 200 || a.Status == 206
	c.judging = c.random.Float64() < c.env.Sample
	book := c.env.Book
	if c.judging {
		book.CheckHeaders(a, s.link)
		book.Judged()
	}
	switch {
	case serves && s.link == nil:
		book.Break(judge.State, "a forged link was answered %d", a.Status)
		c.judging = false
	case serves:
		c.judging = book.CheckLength(a, s.link, s.span, s.whole) && c.judging
		from := int64(0)
		if a.Status == 206 {
			from = s.span.From
		}
		c.eye.Begin(s.link.Object, from, a.Status == 200)
	default:
		c.judging = false
	}
	if s.life != nil && (serves || a.Status == 304) {
		s.life.Serve(book, sent, c.bound)
	}
	if s.ledger != nil && a.Status == 200 {
		s.ledger.Serve(book)
	}
	err := c.conn.Body(a, c.take)
	if err == nil && c.judging && !s.head {
		if wrong := c.eye.End(); wrong != nil {
			rule := judge.Body
			if a.Status == 206 {
				rule = judge.Range
			}
			book.Break(rule, "share %s: %v", s.link.ID, wrong)
		}
	}
	return err
}

// piece takes a piece of the body.
func (c *client) piece(p []byte) error {
	c.got += int64(len(p))
	if c.judging {
		c.eye.See(p)
	}
	if c.now.leave > 0 && c.got >= c.now.leave {
		return errLeft
	}
	if c.now.slow > 0 {
		due := time.Duration(float64(c.got) / float64(c.now.slow) * float64(time.Second))
		if due > slowFor {
			return errLeft
		}
		time.Sleep(time.Until(c.begun.Add(due)))
	}
	return nil
}
