package database

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// OpenPostgres connects to the database named by a postgres:// URL. The URL may
// hold a password, so errors leave it out.
func OpenPostgres(ctx context.Context, dsn string, maxConns int) (*DB, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, errors.New("database_url: not a PostgreSQL URL of the form postgres://user:password@host:port/name")
	}
	config.MaxConns = int32(min(maxConns, 1000)) //nolint:gosec // at most 1000
	config.ConnConfig.ConnectTimeout = 5 * time.Second
	config.ConnConfig.Tracer = statements{}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("prepare the migration lock: %w", err)
	}
	db := stdlib.OpenDBFromPool(pool)
	return &DB{
		write:   db,
		read:    db,
		dialect: goose.DialectPostgres,
		locker:  []goose.ProviderOption{goose.WithSessionLocker(locker)},
		pool: func() Pool {
			s := pool.Stat()
			return Pool{Max: int(s.MaxConns()), InUse: int(s.AcquiredConns()), Waits: s.EmptyAcquireCount(), Waited: s.EmptyAcquireWaitTime()}
		},
		close: func() error {
			err := db.Close()
			pool.Close()
			return err
		},
	}, nil
}
