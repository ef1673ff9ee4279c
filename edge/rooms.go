package edge

import (
	"context"
	"time"

	"rawlink/internal/tracing"
	"rawlink/metrics"

	"github.com/valyala/fasthttp"
)

// room is one of the eight that a request passes, in the order of serve; their
// names are metrics.RoomNames.
type room uint8

const (
	roomAdmit room = iota
	roomClaim
	roomLookup
	roomPlan
	roomRead
	roomRedeem
	roomSend
	roomTally
)

// watch times the rooms that a request passes.
type watch struct {
	on    bool
	in    room
	since time.Time

	trace *traced // nil: the request isn't traced
}

// traced is the trace of a request that has one.
type traced struct {
	ctx  context.Context // carries whole
	span *tracing.Span   // of the whole request
	room *tracing.Span   // of the room it is in, if that is one that may wait
}

// begin starts the watch in the first room. One request in 16 is watched: reading the clock eight times costs a hot link more than its
// record. The id is random and so is the choice.
func (w *watch) begin(id *requestID) {
	if id[0] == '0' {
		*w = watch{on: true, since: time.Now()}
	}
}

// enter notes that the request leaves a room for the next one.
func (t *tally) enter(next room) {
	if t.watch.on {
		t.pass(next)
	}
}

// pass is the rest of enter, apart from it so that enter costs a comparison.
func (t *tally) pass(next room) {
	now := time.Now()
	t.edge.metrics.Room(int(t.watch.in), now.Sub(t.watch.since))
	t.watch.in, t.watch.since = next, now
	if tr := t.watch.trace; tr != nil {
		tr.room.End()
		t.ctx, tr.room = tr.ctx, nil
		if next.waits() {
			t.ctx, tr.room = tracing.Inside(tr.ctx, metrics.RoomNames[next])
		}
	}
}

// waits reports whether the room may wait for somebody: the others take less than
// their span would.
func (r room) waits() bool {
	return r == roomLookup || r == roomRead || r == roomRedeem || r == roomSend
}

// trace begins the request's trace, if it is to have one. Only then it allocates.
func (e *Edge) trace(ctx *fasthttp.RequestCtx, t *tally) {
	tracer := e.parts.Tracer
	if tracer == nil {
		return
	}
	parent := ctx.Request.Header.Peek("Traceparent")
	if !tracer.Wants(parent, len(parent) > 0 && e.proxies.trust(peerAddr(ctx.RemoteAddr()))) {
		return
	}
	tr := &traced{}
	tr.ctx, tr.span = tracer.Begin(e.base, "/s/{token}", string(parent))
	t.ctx = tr.ctx
	t.watch = watch{on: true, since: time.Now(), trace: tr}
}

// end ends the trace with what there is to say of the request.
func (tr *traced) end(t *tally, outcome string) {
	if tr == nil {
		return
	}
	tr.span.SetInt("http.response.status_code", int64(t.status))
	tr.span.SetInt("http.response.body.size", t.sent)
	tr.span.Set("rawlink.outcome", outcome)
	tr.span.Set("rawlink.request", t.id.String())
	tr.span.Set("rawlink.share", t.shareID)
	tr.span.Set("rawlink.record", t.source.String())
	if t.status >= 500 || outcome == outcomeBroken {
		tr.span.Fail(t.err)
	}
	tr.span.End()
}
