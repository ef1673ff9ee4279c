package redisstore

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"

	"rawlink/internal/share"
)

// Handler is told what the bus says. Listen calls it from one goroutine, in the
// order of the stream; it should return soon. (An alias, so that a consumer may
// declare the same interface and take any bus.)
type Handler = interface {
	// Invalidate: what is known about this share may be wrong.
	Invalidate(h share.Hash)
	// InvalidateAll: anything may have changed; nothing known is to be believed.
	InvalidateAll()
	// Verified: every change committed before at, on this machine's clock, has
	// been handed over. Each call brings a later time.
	Verified(at time.Time)
}

const (
	// block is how long a read waits for an entry. Ticks end most waits early.
	block = 500 * time.Millisecond
	// grace is how much longer a read may take before its connection counts as
	// dead. It, not the driver, bounds reads: the driver would add 10 s.
	grace = 500 * time.Millisecond
	// silence is how many waits in a row may end with no entry. Then a new
	// connection is made: this one may lead to a deposed primary.
	silence = 4
	// readCount bounds the entries of one read.
	readCount = 512

	minPause = 20 * time.Millisecond // between sessions that fail, doubling …
	maxPause = 500 * time.Millisecond
)

var errSilent = errors.New("no tick for too long")

// Listen hands everything that is published from now on to h, until ctx ends;
// it returns ctx's error. It begins with one InvalidateAll. A lost connection is
// made anew and the stream read on from where it broke; if anything was missed
// meanwhile, InvalidateAll comes before anything else. While Redis can't be
// heard, or no origin ticks, Verified is not called; a connection that is only
// half alive is noticed within a second.
func (b *Bus) Listen(ctx context.Context, h Handler) error {
	l := &listener{dial: b.dial, stream: b.stream, handler: h, log: b.log, ticks: map[string]seenTick{}}
	for pause := minPause; ; pause = min(2*pause, maxPause) {
		heard, err := l.session(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		l.lose(err)
		if heard {
			pause = minPause
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause/2 + rand.N(pause/2)): //nolint:gosec // a spread, not a secret
		}
	}
}

// session reads the stream over a connection of its own until that fails or
// falls silent, and reports whether anything was heard at all.
func (l *listener) session(ctx context.Context) (heard bool, err error) {
	c := l.dial()
	hangUp := func() { _ = c.Close() }
	defer hangUp()
	defer context.AfterFunc(ctx, hangUp)() // ends a read that waits
	l.redis = c

	if err := l.resume(ctx); err != nil {
		return false, reason(err)
	}
	for quiet := 0; quiet < silence; {
		began := time.Now()
		messages, err := l.read(ctx)
		if err != nil {
			return heard, reason(err)
		}
		if len(messages) == 0 {
			quiet++
		} else {
			quiet, heard = 0, true
			l.find()
		}
		l.take(began, messages)
	}
	return heard, errSilent
}

// read returns the entries after the last one, waiting for the first.
func (l *listener) read(ctx context.Context) ([]redis.XMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, block+grace)
	defer cancel()
	streams, err := l.redis.XRead(ctx, &redis.XReadArgs{
		Streams: []string{l.stream}, ID: l.last, Count: readCount, Block: block,
	}).Result()
	if errors.Is(err, redis.Nil) || err == nil && len(streams) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return streams[0].Messages, nil
}
