package redisstore

import "github.com/redis/go-redis/v9"

// writing prepares a Lua script that writes, and reading one that only reads. With its
// first line Redis (7 and later) judges a script as a whole before it runs it: one that
// writes is refused where no write would be taken, in a replica, with too few replicas, a
// full memory or a failed snapshot. Without it the script would run up to its first
// write, and what it answers before that would look like a Redis in order.
//
// Both may call history(): the id of the data set's history, or "" where Redis won't tell
// or is a replica, of which nothing may be believed: it may lag. Redis draws a new id at
// every promotion and restart, so equal ids mean that nothing written in between was lost
// to either. It is read inside the script: a connection may outlive a promotion.
func writing(body string) *redis.Script { return redis.NewScript("#!lua" + historyText + body) }

// freeing is writing for one that makes room: a full memory is no reason to refuse it.
func freeing(body string) *redis.Script {
	return redis.NewScript("#!lua flags=allow-oom" + historyText + body)
}

func reading(body string) *redis.Script {
	return redis.NewScript("#!lua flags=no-writes" + historyText + body)
}

const historyText = `
local function history()
  local info = redis.pcall('INFO', 'replication')
  if type(info) ~= 'string' or not string.find(info, 'role:master', 1, true) then return '' end
  return string.match(info, 'master_replid:(%x+)') or ''
end
`
