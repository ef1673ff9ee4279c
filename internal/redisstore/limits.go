package redisstore

import (
	"context"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/sony/gobreaker/v2"

	"rawlink/internal/ratelimit"
)

// Limits counts requests for all origins together. Safe for concurrent use.
//
// A key is one client's window of one budget: a number that lives for as long as
// the window does. Lost keys begin a new window; nothing worse can come of it.
type Limits struct {
	redis   redis.UniversalClient
	prefix  string
	breaker *gobreaker.CircuitBreaker[[]int64]
}

func newLimits(c redis.UniversalClient, cfg Config, log *slog.Logger) *Limits {
	return &Limits{redis: c, prefix: cfg.Prefix + "limit:", breaker: newBreaker[[]int64]("rate limits in redis", log)}
}

// A number without a life would refuse its client for ever, so one is given
// whenever it is missing, not only to a new number.
var limitScript = redis.NewScript(`
local out = {}
for i, key in ipairs(KEYS) do
  local used = redis.call('INCR', key)
  local left = redis.call('PTTL', key)
  if left < 0 then
    left = tonumber(ARGV[2 * i])
    redis.call('PEXPIRE', key, left)
  end
  out[2 * i - 1], out[2 * i] = used, left
  if used > tonumber(ARGV[2 * i - 1]) then break end
end
return out`)

// Take counts one request of a client against each budget in turn and returns
// where the client then stands in them. It ends with the first that is used up:
// what comes after it is not counted.
func (l *Limits) Take(ctx context.Context, client string, budgets []ratelimit.Budget) ([]ratelimit.Standing, error) {
	keys, args := make([]string, len(budgets)), make([]any, 0, 2*len(budgets))
	for i, b := range budgets {
		keys[i] = l.prefix + "{" + client + "}:" + b.Name // one slot for a client
		args = append(args, b.Most, b.Per.Milliseconds())
	}
	numbers, err := l.breaker.Execute(func() ([]int64, error) {
		return limitScript.Run(ctx, l.redis, keys, args...).Int64Slice()
	})
	if err != nil {
		return nil, failure("count request", err)
	}
	standings := make([]ratelimit.Standing, len(numbers)/2)
	for i := range standings {
		standings[i] = ratelimit.Standing{Budget: budgets[i], Used: numbers[2*i], Left: max(1, time.Duration(numbers[2*i+1])) * time.Millisecond}
	}
	return standings, nil
}
