package redisstore

import "github.com/redis/go-redis/v9"

// script prepares a Lua script that may call history(): the id of the data set's
// history, or "" where Redis won't tell. Redis draws a new id at every promotion
// and restart, so equal ids mean that nothing written in between was lost to
// either. It is read inside the script: a connection may outlive a promotion.
func script(body string) *redis.Script {
	return redis.NewScript(`
local function history()
  local info = redis.pcall('INFO', 'replication')
  return type(info) == 'string' and string.match(info, 'master_replid:(%x+)') or ''
end
` + body)
}
