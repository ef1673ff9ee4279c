package redisstore

import (
	"context"
	"errors"
	"log/slog"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

// Store is one Redis and what is kept in it.
type Store struct {
	Records *Records
	Bus     *Bus
	Leases  *Leases
	Limits  *Limits
	Blocks  *Blocks

	clients []redis.UniversalClient
}

// Open prepares the store. It connects to nothing, so that a process can start
// while Redis is down; see Check. Close it after use.
func Open(cfg Config, log *slog.Logger) (*Store, error) {
	cfg, opt, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	logging.Disable() // it would print addresses to stderr, past log

	// A pool each, so that none can starve another. Reads may be repeated;
	// a publication, a taking or a count may not.
	reads, publish, take, count := client(*opt, oneRetry), client(*opt, noRetry), client(*opt, noRetry), client(*opt, noRetry)
	units := client(*opt, noRetry)
	return &Store{
		Records: newRecords(reads, cfg, log),
		Bus:     newBus(publish, func() redis.UniversalClient { return client(*opt, noRetry) }, cfg, log),
		Leases:  &Leases{redis: take, prefix: cfg.Prefix},
		Limits:  newLimits(count, cfg, log),
		Blocks:  newBlocks(units, cfg, log),
		clients: []redis.UniversalClient{reads, publish, take, count, units},
	}, nil
}

// Check returns nil if Redis answers.
func (s *Store) Check(ctx context.Context) error {
	if err := s.clients[0].Ping(ctx).Err(); err != nil {
		return failure("check redis", err)
	}
	return nil
}

// Close gives the connections back. End all Listen calls before.
func (s *Store) Close() error {
	var errs []error
	for _, c := range s.clients {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}
