package redisstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/sony/gobreaker/v2"

	"rawlink/internal/share"
)

// Records keeps each share's record under its token hash, the newest version
// only. Safe for concurrent use.
//
// A key holds a Redis hash: v the version, r the encoded record, h the history
// in which it was written.
type Records struct {
	redis     redis.UniversalClient
	prefix    string
	life      time.Duration // of a live share's record
	tombstone time.Duration // of a record that is revoked or gone
	seal      *seal         // of password hashes
	breaker   *gobreaker.CircuitBreaker[string]
}

func newRecords(c redis.UniversalClient, cfg Config, log *slog.Logger) *Records {
	return &Records{
		redis: c, prefix: cfg.Prefix + "record:",
		life: cfg.RecordTTL, tombstone: cfg.TombstoneTTL, seal: newSeal(cfg.SealSecret),
		breaker: newBreaker[string]("record reads from redis", log),
	}
}

// Versions are compared as text of fixed width: Lua's numbers would round them.
var putScript = writing(`
local held = redis.call('HGET', KEYS[1], 'v')
if held and held > ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'v', ARGV[1], 'r', ARGV[2], 'h', history())
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1`)

// Put stores the record unless a newer version is held; either is success. The
// origin puts what changed, and an edge may put what the origin told it.
//
// The comparison protects against a slow edge for as long as Redis remembers
// the newer version. If Redis forgets it in the very moment between an edge's
// question and its Put, the older record stays until the share's next change or
// RecordTTL; so an edge should give its questions a short deadline.
func (r *Records) Put(ctx context.Context, h share.Hash, rec share.Record) error {
	if rec.Version < 0 {
		return share.E(share.Invalid, "put record", errors.New("negative version"))
	}
	if r.breaker.State() == gobreaker.StateOpen {
		return failure("put record", gobreaker.ErrOpenState)
	}
	r.seal.close(h, &rec)
	raw, err := rec.Encode()
	if err != nil {
		return share.E(share.Internal, "put record", err)
	}
	life := r.life
	if rec.Revoked || rec.Gone {
		life = r.tombstone
	}
	version := fmt.Sprintf("%019d", rec.Version)
	err = putScript.Run(ctx, r.redis, []string{r.key(h)}, version, raw, life.Milliseconds()).Err()
	if err != nil {
		return failure("put record", err)
	}
	return nil
}

var getScript = reading(`
local now, held = history(), redis.call('HMGET', KEYS[1], 'h', 'r')
return now ~= '' and held[1] == now and held[2]`)

// Get returns the record, or false if none is held that can be believed: none
// was put, it expired, it is of another history or of one that Redis doesn't tell,
// in another format, or sealed under another secret.
func (r *Records) Get(ctx context.Context, h share.Hash) (share.Record, bool, error) {
	raw, err := r.breaker.Execute(func() (string, error) {
		return getScript.RunRO(ctx, r.redis, []string{r.key(h)}).Text()
	})
	if errors.Is(err, redis.Nil) {
		return share.Record{}, false, nil
	}
	if err != nil {
		return share.Record{}, false, failure("get record", err)
	}
	rec, err := share.DecodeRecord([]byte(raw))
	if err == nil {
		err = r.seal.open(h, &rec)
	}
	if err != nil {
		return share.Record{}, false, nil
	}
	return rec, true, nil
}

func (r *Records) key(h share.Hash) string { return r.prefix + h.String() }
