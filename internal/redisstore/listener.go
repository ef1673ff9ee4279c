package redisstore

import (
	"context"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
)

// listener is the state of one Listen: how far it has read and what it may
// conclude. Used by one goroutine.
type listener struct {
	dial    func() redis.UniversalClient
	redis   redis.UniversalClient // of the session; the rest outlives it
	stream  string
	handler Handler
	log     *slog.Logger
	lost    bool // the log says that nothing is heard

	last    string // id of the last entry taken; "" before the first session
	history string // in which it was written

	// drained is when the latest read was begun that left nothing behind: an
	// entry not yet seen entered the stream after it.
	drained  time.Time
	ticks    map[string]seenTick // the last one, by origin
	verified time.Time           // what the handler was told last
}

// seenTick is a tick with a time that it certainly entered the stream after.
type seenTick struct {
	number int64
	after  time.Time
}

var tailScript = reading(`
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
return {last and last[1] or '0-0', history()}`)

// resume compares where we are with where the stream ends. The first time it
// starts there. A stream that ends before our place, or belongs to another
// history or to none that Redis tells, may not be the one we read: what was missed
// could stay unseen, and a read from our place could wait for ever.
func (l *listener) resume(ctx context.Context) error {
	began := time.Now()
	reply, err := tailScript.RunRO(ctx, l.redis, []string{l.stream}).StringSlice()
	if err != nil {
		return err
	}
	tail, history := reply[0], reply[1]
	if l.last != "" && history != "" && history == l.history {
		ours, err1 := parsePosition(l.last)
		theirs, err2 := parsePosition(tail)
		if err1 == nil && err2 == nil && !theirs.before(ours) {
			return nil // what was missed is still to be read, or the next entry tells of the gap
		}
	}
	// The place is settled before the call: a change published later is read, one
	// published earlier is seen by whoever asks after the call.
	l.last, l.history, l.drained = tail, history, began
	l.handler.InvalidateAll()
	return nil
}

// take hands the entries of a read over, in order.
func (l *listener) take(began time.Time, messages []redis.XMessage) {
	for _, m := range messages {
		e, err := parseEntry(m)
		if err != nil || e.before != l.last || e.history != l.history {
			l.handler.InvalidateAll() // missed, or not to be understood
		}
		l.last, l.history = e.id, e.history
		for _, event := range e.events {
			l.handler.Invalidate(event.Hash)
		}
		if e.tick.number > 0 {
			l.hear(e.tick)
		}
	}
	if len(messages) < readCount {
		l.drained = began
	}
}

// maxOrigins bounds the memory of origins that came and went.
const maxOrigins = 256

// hear reports what a tick vouches for; the argument is at Bus.
func (l *listener) hear(t tick) {
	before, known := l.ticks[t.origin]
	if len(l.ticks) >= maxOrigins {
		clear(l.ticks) // costs each living origin one tick
	}
	l.ticks[t.origin] = seenTick{t.number, l.drained}
	if known && before.number+1 == t.number && before.after.After(l.verified) {
		l.verified = before.after
		l.handler.Verified(l.verified)
	}
}

// lose and find log a change of state, once.
func (l *listener) lose(err error) {
	if !l.lost {
		l.lost = true
		l.log.Warn("bus lost", "err", err)
	}
}

func (l *listener) find() {
	if l.lost {
		l.lost = false
		l.log.Info("bus restored")
	}
}
