package store

import (
	"context"
	"fmt"
)

// Totals are how much there is of everything, of all tenants.
type Totals struct {
	Tenants, Files, Shares, Bytes int64
}

// Totals counts.
func (s *Store) Totals(ctx context.Context) (t Totals, err error) {
	err = s.db.Read().QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM tenants), (SELECT COUNT(*) FROM files),
		(SELECT COUNT(*) FROM shares), (SELECT COALESCE(SUM(size), 0) FROM files)`).Scan(&t.Tenants, &t.Files, &t.Shares, &t.Bytes)
	if err != nil {
		return t, fmt.Errorf("count: %w", err)
	}
	return t, nil
}

// ObjectKeys calls each with the key of every file's object, in no order, and ends
// with its first error.
func (s *Store) ObjectKeys(ctx context.Context, each func(key string) error) error {
	rows, err := s.db.Read().QueryContext(ctx, `SELECT object_key FROM files`)
	if err != nil {
		return fmt.Errorf("read object keys: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			return fmt.Errorf("read object keys: %w", err)
		}
		if err := each(key); err != nil {
			return err
		}
	}
	return rows.Err()
}

// UntoldOf is how many changes of one token's share wait to be told to edges.
func (s *Store) UntoldOf(ctx context.Context, hash string) (n int64, err error) {
	err = s.db.Read().QueryRowContext(ctx, `SELECT COUNT(*) FROM outbox WHERE token_hash = $1`, hash).Scan(&n)
	return n, err
}
