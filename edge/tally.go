package edge

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"rawlink/cache/bytecache"
	"rawlink/internal/share"
)

// How a request ended, as it stands in logs and metrics.
const (
	outcomeServed    = "served"    // every byte handed to the connection
	outcomeAborted   = "aborted"   // the client went away or was too slow
	outcomeBroken    = "broken"    // the store failed after the header was out
	outcomeEnded     = "ended"     // the link ended before its body did
	outcomeHead      = "head"      // HEAD, as GET would have answered
	outcomeCondition = "condition" // 304, 412
	outcomeNoRange   = "no_range"  // 416
	outcomePreflight = "preflight"
	outcomeUnlocked  = "unlocked" // a POST that leads to the file
	outcomeRefused   = "refused"  // 4xx
	outcomeFailed    = "failed"   // 5xx
)

// requestID names a request in its answer and in the log: 128 random bits in hex.
type requestID [32]byte

// String returns the id as it is printed.
func (id *requestID) String() string { return string(id[:]) }

// tally is what is counted of one request, and all that the request needs of
// memory. It is closed exactly once, when the outcome is known: by the handler
// for answers without a stream, by the stream's end for the rest. One goroutine
// uses it: fasthttp sends the body from the one that ran the handler.
type tally struct {
	edge    *Edge
	request request
	stream  stream
	id      requestID
	text    [64]byte // scratch of send
	start   time.Time
	ctx     context.Context // of what is waited for: the edge's, and in its trace
	watch   watch

	shareID string
	hash    share.Hash
	source  source
	status  int
	sent    int64 // bytes of the object
	planned int64 // of them promised
	length  int64 // of the body: more than planned if it has several parts
	body    bytecache.Reader
	reading bool  // body is open
	err     error // behind a refusal or a broken body

	mark   uint64 // of the link, from before it was looked up
	listed bool   // the body is among those under way

	lessee   lessee
	reserved bool // planned bytes are, in the lessee's lease
	entered  bool // counted as one of the lease's streams

	place    *atomic.Int32 // where the client's requests are counted; nil = this one isn't
	closed   bool
	streamed bool // the stream's end closes the tally, and frees it
}

// open begins a request's tally.
func (e *Edge) open() *tally {
	e.inFlight.Add(1)
	e.metrics.Begin()
	t, _ := e.tallies.Get().(*tally)
	if t == nil {
		t = &tally{}
	}
	t.edge, t.id, t.start, t.ctx = e, newID(), e.now(), e.base
	t.watch.begin(&t.id)
	return t
}

// free gives the tally's memory to the next request. It isn't called where a
// panic has left it in an unknown state.
func (t *tally) free() {
	e, agent := t.edge, t.request.agent[:0]
	*t = tally{}
	t.request.agent = agent
	e.tallies.Put(t)
}

func newID() (id requestID) {
	var raw [16]byte
	binary.LittleEndian.PutUint64(raw[:8], rand.Uint64()) //nolint:gosec // names a request, guards nothing
	binary.LittleEndian.PutUint64(raw[8:], rand.Uint64()) //nolint:gosec // names a request, guards nothing
	hex.Encode(id[:], raw[:])
	return id
}

func (t *tally) record(k *known, from source) { t.shareID, t.source = k.rec.ShareID, from }

// close ends the tally with the request's outcome. Only the first call counts.
func (t *tally) close(outcome string) {
	if t.closed {
		return
	}
	t.closed = true
	t.enter(roomTally)
	if t.reading {
		t.body.Close()
	}
	t.giveBack()
	if t.listed {
		t.edge.underway.leave(&t.stream)
	}
	if t.entered {
		t.edge.streams.leave(t.lessee.lease)
	}
	if t.place != nil {
		leave(t.place)
	}
	took := t.edge.now().Sub(t.start)
	t.edge.metrics.End(t.status, outcome, t.sent, took)
	t.log(outcome, took)
	t.enter(roomTally)
	t.watch.trace.end(t, outcome)
	t.edge.inFlight.Add(-1)
}

// giveBack returns the part of a lease's budget that was not sent. It talks to
// the lease store only after a broken transfer, whose connection is closing, so
// no following request waits for it.
func (t *tally) giveBack() {
	unsent := t.planned - t.sent
	if !t.reserved || unsent == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(t.edge.base, t.edge.cfg.RedeemTimeout)
	defer cancel()
	_, _ = t.edge.leasesOf(t.lessee.k).Take(ctx, t.lessee.lease, -unsent) // lost at worst: a smaller budget
}

// log writes the request's one line: no token, path, name or address.
func (t *tally) log(outcome string, took time.Duration) {
	level := slog.LevelInfo
	if t.err != nil && t.status >= 500 || outcome == outcomeBroken {
		level = slog.LevelWarn
		if share.KindOf(t.err) == share.Internal {
			level = slog.LevelError
		}
	}
	log := t.edge.log
	if !log.Enabled(context.Background(), level) {
		return
	}
	attrs := make([]slog.Attr, 0, 8)
	attrs = append(attrs,
		slog.String("request", t.id.String()),
		slog.Int("status", t.status),
		slog.String("outcome", outcome),
		slog.String("share", t.shareID),
		slog.Int64("bytes", t.sent),
		slog.Duration("took", took),
		slog.String("record", t.source.String()),
	)
	if level > slog.LevelInfo {
		attrs = append(attrs, slog.Any("error", t.err))
	}
	log.LogAttrs(context.Background(), level, "request", attrs...)
}
