// Package redisparts opens what edges and origins share in Redis from settings,
// for the two programs that are configured alike in this.
package redisparts

import (
	"log/slog"

	"rawlink/cmd/internal/settings"
	"rawlink/internal/redisstore"
)

// Open opens the store that the settings describe. What must not be readable in
// Redis is sealed under seal, the same secret for all programs.
func Open(s *settings.Redis, seal string, log *slog.Logger) (*redisstore.Store, error) {
	return redisstore.Open(redisstore.Config{
		URL: string(s.RedisURL), Mode: redisstore.Mode(s.RedisMode), Primary: s.RedisPrimary,
		SentinelUser: s.RedisSentinelUser, SentinelPassword: string(s.RedisSentinelPassword),
		SealSecret: seal,
	}, log)
}
