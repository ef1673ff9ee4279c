package redisstore

import (
	"errors"
	"time"
)

// Mode says how Redis is run.
type Mode string

// The modes.
const (
	Single   Mode = "single"   // one server, or one address in front of it
	Sentinel Mode = "sentinel" // a primary with replicas; Sentinels know which is which
	Cluster  Mode = "cluster"  // keys are spread over several primaries
)

// Config says which Redis, and for how long things stay in it.
type Config struct {
	// URL is redis://[user:password@]host:port[,host:port…][/db], rediss:// for
	// TLS, or unix://. Several hosts are Sentinels, or nodes of a Cluster, from
	// which the rest is learned. A secret: it may hold a password.
	URL string
	// Mode is how Redis is run; "" = Single.
	Mode Mode
	// Primary is the name under which Sentinels watch the primary.
	Primary string
	// SentinelUser and SentinelPassword open the Sentinels; those in URL open Redis.
	SentinelUser, SentinelPassword string
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
func (c Config) complete() (Config, *target, error) {
	to, err := c.target()
	if err != nil {
		return c, nil, err
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
	return c, to, nil
}
