package redisstore

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"

	"github.com/redis/go-redis/v9"

	"rawlink/internal/ledger"
)

// Leases keeps the leases of capped shares where every edge sees them, so that a
// client may resume at another edge. Safe for concurrent use.
//
// A key holds a Redis hash: left the budget in bytes, ends the lease's last
// moment in Unix milliseconds of the Redis clock, the only clock involved. The
// key's own life is the idle time, cut at ends; opened names the command that opened
// it last. No taking is retried: an answer that was lost costs the client budget,
// never gives it some.
type Leases struct {
	redis  redis.UniversalClient
	prefix string
}

// maxBudget keeps sums of budgets exact in Lua's numbers; a pebibyte.
const maxBudget = 1 << 50

var openScript = redis.NewScript(`
local t = redis.call('TIME')
local ends = string.format('%d', t[1] * 1000 + math.floor(t[2] / 1000) + ARGV[2])
for i, key in ipairs(KEYS) do
  local held = redis.call('HMGET', key, 'left', 'opened')
  if held[2] ~= ARGV[3] then
    local left = math.min(math.max((held[1] or 0) + ARGV[3 + i], 0), 2^50)
    redis.call('HSET', key, 'left', string.format('%.0f', left), 'ends', ends, 'opened', ARGV[3])
    redis.call('PEXPIRE', key, ARGV[1])
  end
end
return 1`)

// Open begins the lease, or begins it anew: its time starts again and budget, in
// bytes, is added to what was left, since each counted download brings its own.
func (l *Leases) Open(ctx context.Context, name ledger.Lease, budget int64) error {
	return l.OpenAll(ctx, rand.Text(), []ledger.Opening{{Lease: name, Budget: budget}})
}

// OpenAll opens leases of one share in one command: all of them, or, after an
// error, perhaps none. It may then be repeated under the same id, which adds budgets
// twice only where another command opened the lease in between.
func (l *Leases) OpenAll(ctx context.Context, id string, all []ledger.Opening) error {
	keys, args := make([]string, len(all)), make([]any, 3, 3+len(all))
	args[0], args[1], args[2] = ledger.LeaseIdle.Milliseconds(), ledger.LeaseMax.Milliseconds(), id
	for i, o := range all {
		keys[i], args = l.key(o.Lease), append(args, min(o.Budget, maxBudget))
	}
	if err := openScript.Run(ctx, l.redis, keys, args...).Err(); err != nil {
		return failure("open lease", err)
	}
	return nil
}

var takeScript = redis.NewScript(`
local held = redis.call('HMGET', KEYS[1], 'left', 'ends')
if not held[1] then return 0 end
local t = redis.call('TIME')
local rest = held[2] - (t[1] * 1000 + math.floor(t[2] / 1000))
if rest <= 0 then redis.call('DEL', KEYS[1]) return 0 end
if tonumber(ARGV[1]) > tonumber(held[1]) then return 0 end
redis.call('HINCRBY', KEYS[1], 'left', 0 - ARGV[1])
redis.call('PEXPIRE', KEYS[1], math.min(rest, ARGV[2]))
return 1`)

// Take reserves bytes of a live lease's budget and reports whether it did; a
// refused taking does not keep the lease alive. Zero bytes ask whether it lives;
// a negative number gives back what an earlier reservation did not send. After
// an error the bytes may be taken or not.
func (l *Leases) Take(ctx context.Context, name ledger.Lease, bytes int64) (bool, error) {
	taken, err := takeScript.Run(ctx, l.redis, []string{l.key(name)},
		max(-maxBudget, min(bytes, maxBudget+1)), ledger.LeaseIdle.Milliseconds()).Int()
	if err != nil {
		return false, failure("take from lease", err)
	}
	return taken == 1, nil
}

// key puts a share's leases into one hash slot; the rest of the name is digested
// to a fixed length, its parts kept apart.
func (l *Leases) key(name ledger.Lease) string {
	digest := sha256.Sum256([]byte(name.Object + "\x00" + string(name.Client[:])))
	return l.prefix + "lease:{" + name.ShareID + "}:" + hex.EncodeToString(digest[:16])
}
