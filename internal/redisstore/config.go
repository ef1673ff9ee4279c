package redisstore

import (
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Config says which Redis, and for how long things stay in it.
type Config struct {
	// URL is redis://[user:password@]host:port[/db], rediss:// for TLS, or
	// unix://. A secret: it may hold a password.
	URL string
	// Prefix begins every key; "" = "rawlink:".
	Prefix string
	// SealSecret keeps password hashes unreadable in Redis. All that share records
	// have the same one; "" = they are kept as they are.
	SealSecret string
	// RecordTTL is the life of a record; 0 = 1 h. It bounds how long Redis
	// remembers, not how long an edge may trust: that is the bus's business.
	RecordTTL time.Duration
	// TombstoneTTL is the life of a record that is revoked or gone; 0 = 24 h.
	// It must exceed the longest time between an edge's question to the origin
	// and its Put of the answer, or a slow answer could outlive the tombstone.
	TombstoneTTL time.Duration
	// StreamLength is about how many bus entries are kept for listeners that
	// were away; 0 = 65536. At four ticks a second and no changes that is hours.
	StreamLength int64
}

// complete checks the configuration and fills the zero values in.
func (c Config) complete() (Config, *redis.Options, error) {
	opt, err := redis.ParseURL(c.URL)
	if err != nil {
		// The parser's error may repeat the password.
		return c, nil, errors.New("redis URL: want redis://[user:password@]host:port[/db]")
	}
	if c.RecordTTL < 0 || c.TombstoneTTL < 0 || c.StreamLength < 0 {
		return c, nil, errors.New("redis: lives and lengths must not be negative")
	}
	if c.Prefix == "" {
		c.Prefix = "rawlink:"
	}
	if c.RecordTTL == 0 {
		c.RecordTTL = time.Hour
	}
	if c.TombstoneTTL == 0 {
		c.TombstoneTTL = 24 * time.Hour
	}
	if c.StreamLength == 0 {
		c.StreamLength = 1 << 16
	}
	return c, opt, nil
}

// Retries of the driver: 0 would mean its default of three.
const (
	noRetry  = -1
	oneRetry = 1
)

// client opens one more pool. The driver's defaults let a call wait for tens of
// seconds and ignore contexts; these bound it to well under one. What a client
// is used for decides whether a command may be sent twice.
func client(base redis.Options, retries int) *redis.Client {
	base.MaxRetries = retries
	base.MinRetryBackoff = 2 * time.Millisecond
	base.MaxRetryBackoff = 10 * time.Millisecond
	base.DialTimeout = 250 * time.Millisecond
	base.DialerRetries = 1
	base.ReadTimeout = 250 * time.Millisecond
	base.WriteTimeout = 250 * time.Millisecond
	base.PoolTimeout = 100 * time.Millisecond
	base.ContextTimeoutEnabled = true
	base.ConnMaxLifetime = 30 * time.Minute
	base.ConnMaxLifetimeJitter = 5 * time.Minute
	base.DisableIdentity = true
	base.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return redis.NewClient(&base)
}
