package redisstore

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/sony/gobreaker/v2"

	"rawlink/internal/ledger"
	"rawlink/internal/share"
)

// Blocks keeps, for each capped share, the block of downloads that edges take
// from. Safe for concurrent use.
//
// A key holds a Redis hash: id, free, window and epoch as the origin granted
// them, history the data set's when the block was installed, and for each edge
// that took from it a field e:NAME, "seq units total milliseconds": its newest
// taking, what that got, what all of them got, and when by the Redis clock. Of edges
// that took from the blocks before it there is a field p:NAME, "seq units
// milliseconds id": their newest taking of those, and from which one.
//
// The driver repeats nothing here. A taking is repeated by its taker, with the
// same sequence, for which the script gives the same answer.
type Blocks struct {
	redis   redis.UniversalClient
	prefix  string
	breaker *gobreaker.CircuitBreaker[[]any]
}

func newBlocks(c redis.UniversalClient, cfg Config, log *slog.Logger) *Blocks {
	return &Blocks{redis: c, prefix: cfg.Prefix + "block:", breaker: newBreaker[[]any]("blocks of downloads in redis", log)}
}

const (
	// blockLife is how long a block that nobody uses stays: far longer than it
	// takes an origin to fetch it back.
	blockLife = 7 * 24 * time.Hour
	// pastLife is how long it can be read who took from a block that was replaced or
	// removed.
	pastLife = time.Hour
)

var takeUnitsScript = writing(`
local b = redis.call('HMGET', KEYS[1], 'id', 'history', 'epoch', 'free', 'window', 'e:' .. ARGV[1], 'p:' .. ARGV[1])
if not b[1] then return {'missing', '', 0} end
local h = history()
if h == '' or b[2] ~= h then return {'fenced', b[1], 0} end
local seq, given, total, from = 0, 0, 0, b[1]
if b[6] then
  local s, g, t = string.match(b[6], '^(%d+) (%d+) (%d+) ')
  seq, given, total = tonumber(s), tonumber(g), tonumber(t)
elseif b[7] then
  local s, g, id = string.match(b[7], '^(%d+) (%d+) %d+ (.+)$')
  seq, given, from = tonumber(s), tonumber(g), id
end
local asked = tonumber(ARGV[2])
if asked == seq then return {'taken', from, given} end
if asked < seq then return {'late', b[1], 0} end
if tonumber(b[3]) < tonumber(ARGV[5]) then return {'outdated', b[1], 0} end
local free, n = tonumber(b[4]), tonumber(ARGV[3])
if free <= 0 then return {'spent', b[1], 0} end
n = math.min(n, free)
n = n + math.max(0, math.min(tonumber(ARGV[4]), tonumber(b[5]), math.floor((free - n) / 4)))
local t = redis.call('TIME')
redis.call('HSET', KEYS[1], 'free', free - n, 'e:' .. ARGV[1],
  string.format('%d %d %d %d', asked, n, total + n, t[1] * 1000 + math.floor(t[2] / 1000)))
redis.call('PEXPIRE', KEYS[1], ARGV[6])
return {'taken', b[1], n}`)

// Take implements ledger.Blocks.
func (b *Blocks) Take(ctx context.Context, shareID string, t ledger.Take) (ledger.Answer, error) {
	const op = "take from block"
	reply, err := b.breaker.Execute(func() ([]any, error) {
		return takeUnitsScript.Run(ctx, b.redis, []string{b.key(shareID)}, t.Edge, t.Seq, t.N, t.Extra, t.Epoch, blockLife.Milliseconds()).Slice()
	})
	if err != nil {
		return ledger.Answer{}, failure(op, err)
	}
	word, id, units := text(reply, 0), text(reply, 1), number(reply, 2)
	for _, state := range []ledger.State{ledger.Taken, ledger.Spent, ledger.Missing, ledger.Fenced, ledger.Outdated} {
		if word == state.String() {
			return ledger.Answer{State: state, Block: id, Units: units}, nil
		}
	}
	return ledger.Answer{}, share.E(share.Unavailable, op, errors.New("a later taking was answered"))
}

var installScript = writing(`
local h = history()
if h == '' then return 0 end
local b = redis.call('HMGET', KEYS[1], 'id', 'history')
if b[1] and b[1] ~= ARGV[5] and b[2] == h then return 0 end
local answers = {}
if b[1] and b[1] == ARGV[5] then
  local t = redis.call('TIME')
  local since, old = t[1] * 1000 + math.floor(t[2] / 1000) - ARGV[8], b[2] == h and redis.call('HGETALL', KEYS[1]) or {}
  for i = 1, #old, 2 do
    local kind, edge = string.sub(old[i], 1, 2), string.sub(old[i], 3)
    if kind == 'e:' then
      local seq, given, ms = string.match(old[i + 1], '^(%d+) (%d+) %d+ (%d+)$')
      if tonumber(ms) > since then answers['p:' .. edge] = table.concat({seq, given, ms, b[1]}, ' ') end
    elseif kind == 'p:' and tonumber(string.match(old[i + 1], '^%d+ %d+ (%d+) ')) > since then
      answers[old[i]] = answers[old[i]] or old[i + 1]
    end
  end
  redis.call('RENAME', KEYS[1], KEYS[2])
  redis.call('PEXPIRE', KEYS[2], ARGV[7])
else
  redis.call('DEL', KEYS[1])
end
redis.call('HSET', KEYS[1], 'id', ARGV[1], 'free', ARGV[2], 'window', ARGV[3], 'epoch', ARGV[4], 'history', h)
for field, answer in pairs(answers) do redis.call('HSET', KEYS[1], field, answer) end
redis.call('PEXPIRE', KEYS[1], ARGV[6])
return 1`)

// Install implements ledger.Blocks.
func (b *Blocks) Install(ctx context.Context, shareID string, block share.Block, replaces string) (bool, error) {
	done, err := installScript.Run(ctx, b.redis, []string{b.key(shareID), b.past(shareID, replaces)},
		block.ID, block.Units, block.Window, block.Epoch, replaces, blockLife.Milliseconds(), pastLife.Milliseconds(), ledger.RepeatedFor.Milliseconds()).Int()
	if err != nil {
		return false, failure("install block", err)
	}
	return done == 1, nil
}

var (
	lookScript   = reading(holdingText)
	removeScript = freeing(holdingText)
)

const holdingText = `
local held, key, b = {}, KEYS[1], nil
if redis.call('HGET', key, 'id') ~= ARGV[1] then key = KEYS[2] end
b = redis.call('HGETALL', key)
if #b == 0 then return {} end
for i = 1, #b, 2 do held[b[i]] = b[i + 1] end
local h, t = history(), redis.call('TIME')
local live = ((key == KEYS[1] or held['removed']) and h ~= '' and held['history'] == h) and 1 or 0
if ARGV[2] == 'remove' and live == 1 and key == KEYS[1] then
  redis.call('HSET', KEYS[1], 'removed', 1)
  redis.call('RENAME', KEYS[1], KEYS[2])
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
local out = {live, held['free'], string.format('%d', t[1] * 1000 + math.floor(t[2] / 1000))}
for i = 1, #b, 2 do
  if string.sub(b[i], 1, 2) == 'e:' then
    out[#out + 1] = string.sub(b[i], 3)
    out[#out + 1] = b[i + 1]
  end
end
return out`

// Look returns what is stored of a block.
func (b *Blocks) Look(ctx context.Context, shareID, block string) (ledger.Holding, error) {
	return b.holding(ctx, lookScript, shareID, block, "look")
}

// Remove returns the same, and takes a live block away: nobody can take from it
// any more. A block of another history is left as it is. Asked again within pastLife,
// it returns the same.
func (b *Blocks) Remove(ctx context.Context, shareID, block string) (ledger.Holding, error) {
	return b.holding(ctx, removeScript, shareID, block, "remove")
}

func (b *Blocks) holding(ctx context.Context, script *redis.Script, shareID, block, what string) (h ledger.Holding, err error) {
	reply, err := script.Run(ctx, b.redis, []string{b.key(shareID), b.past(shareID, block)}, block, what, pastLife.Milliseconds()).Slice()
	if err != nil {
		return h, failure(what+" at block", err)
	}
	if len(reply) < 3 {
		return h, nil
	}
	h.Found, h.Live, h.Free = true, number(reply, 0) == 1, number(reply, 1)
	now := number(reply, 2)
	for i := 3; i+1 < len(reply); i += 2 {
		slot := strings.Fields(text(reply, i+1))
		if len(slot) != 4 {
			continue
		}
		total, _ := strconv.ParseInt(slot[2], 10, 64)
		last, _ := strconv.ParseInt(slot[3], 10, 64)
		h.Took = append(h.Took, ledger.Took{Edge: text(reply, i), Units: total, Idle: time.Duration(now-last) * time.Millisecond})
	}
	return h, nil
}

// key and past put what is kept of a share into one hash slot: its block, and one
// that was replaced.
func (b *Blocks) key(shareID string) string { return b.prefix + "{" + shareID + "}" }

func (b *Blocks) past(shareID, block string) string { return b.key(shareID) + ":" + block }

// text and number read an element of a script's reply.
func text(reply []any, i int) string {
	if i >= len(reply) {
		return ""
	}
	s, _ := reply[i].(string)
	return s
}

func number(reply []any, i int) int64 {
	if i >= len(reply) {
		return 0
	}
	switch v := reply[i].(type) {
	case int64:
		return v
	case string:
		n, _ := strconv.ParseInt(v, 10, 64)
		return n
	}
	return 0
}
