package redisstore

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"rawlink/internal/share"
)

// Bus carries events from origins to edges through one Redis stream, with ticks
// in between that prove it is alive. Safe for concurrent use.
//
// # How a loss is seen
//
// Each entry names the entry before it (b) and the data set's history (h), both
// read in the script that appends it. A listener whose own last entry is not
// the next one's predecessor has missed something: the stream was trimmed past
// it, flushed, deleted, or rolled back. An equal predecessor in another history
// is a loss too: a promoted replica may lack entries that nobody read yet. So a
// gap needs no counter, and any number of origins may publish.
//
// # What a tick vouches for
//
// Handler.Verified(at) promises that every change committed before at, on the
// listener's own clock, has been handed over. No clocks are compared; this is
// the argument:
//
//  1. Tick is called only when every change committed before the caller began
//     to prepare it has been published (see Tick). An origin's preparation of
//     tick n begins after Redis acknowledged its tick n-1; if it did not, the
//     origin skips a number. So whoever sees n-1 and n of one origin knows: what
//     was committed before tick n-1 entered the stream stands before tick n.
//  2. A read that returned fewer entries than it asked for left nothing behind.
//     An entry first seen later entered the stream after that read was begun.
//     Hence tick n-1 entered after the beginning of the last such read before
//     the read that brought it.
//
// On tick n the listener therefore reports that beginning: about three tick
// intervals ago, however long an origin, Redis, the network or the listener
// itself was frozen in between.
//
// The limit is Redis's own: an origin that goes on publishing to a deposed
// primary is not heard. Set min-replicas-to-write where fail-over is automatic.
type Bus struct {
	redis  redis.UniversalClient // for publishing
	dial   func() redis.UniversalClient
	stream string // key
	length int64
	log    *slog.Logger

	ticking sync.Mutex // held through Tick; guards number
	origin  string     // names this Bus among all that tick
	number  int64      // of the last tick
}

func newBus(publish redis.UniversalClient, dial func() redis.UniversalClient, cfg Config, log *slog.Logger) *Bus {
	return &Bus{
		redis: publish, dial: dial, log: log,
		stream: cfg.Prefix + "bus", length: cfg.StreamLength,
		origin: uuid.NewString(),
	}
}

// Fields of a stream entry: b and h always, and one of e and t.
const (
	fieldBefore  = "b" // id of the entry before
	fieldHistory = "h"
	fieldEvents  = "e" // see encodeEvents
	fieldTick    = "t" // origin and number, with a space between
)

var appendScript = writing(`
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
return redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*',
  'b', last and last[1] or '0-0', 'h', history(), ARGV[2], ARGV[3])`)

// maxEvents bounds the events of one entry, and so the work of one script.
const maxEvents = 256

// Publish appends the events in their order. After an error some or all may have
// been published; publishing them again does no harm.
func (b *Bus) Publish(ctx context.Context, events []share.Event) error {
	for len(events) > 0 {
		n := min(len(events), maxEvents)
		if err := b.append(ctx, fieldEvents, encodeEvents(events[:n])); err != nil {
			return failure("publish events", err)
		}
		events = events[n:]
	}
	return nil
}

// Tick tells listeners that the caller is alive and has nothing left to say.
// One loop calls it, every 250 ms or so:
//
//	publish every change that is committed now, and see it acknowledged
//	Tick
//
// in this order, beginning only after the last Tick has returned. A change that
// another process has taken upon itself to publish counts as unpublished until
// that process has.
func (b *Bus) Tick(ctx context.Context) error {
	if !b.ticking.TryLock() {
		return share.E(share.Internal, "tick", errors.New("another tick is under way"))
	}
	defer b.ticking.Unlock()
	b.number++
	err := b.append(ctx, fieldTick, b.origin+" "+strconv.FormatInt(b.number, 10))
	if err != nil {
		b.number++ // it may still arrive, later than it should: nothing may follow it
		return failure("tick", err)
	}
	return nil
}

func (b *Bus) append(ctx context.Context, field, value string) error {
	return appendScript.Run(ctx, b.redis, []string{b.stream}, b.length, field, value).Err()
}
