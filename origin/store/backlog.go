package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Backlog is what waits in one queue.
type Backlog struct {
	Kind JobKind
	Wait time.Duration // how long the oldest job is due; 0 if none is
	Dead int64         // jobs that can't succeed
}

// Backlogs looks at every queue. Each look is one at an index.
func (s *Store) Backlogs(ctx context.Context) ([]Backlog, error) {
	now := s.micros()
	all := make([]Backlog, 0, len(s.jobs))
	for kind := range s.jobs {
		b := Backlog{Kind: kind}
		var oldest sql.NullInt64
		err := s.db.Read().QueryRowContext(ctx, `SELECT (SELECT MIN(run_at) FROM jobs WHERE kind = $1 AND NOT dead), (SELECT COUNT(*) FROM jobs WHERE kind = $1 AND dead)`, kind).Scan(&oldest, &b.Dead)
		if err != nil {
			return nil, fmt.Errorf("look at the queue %s: %w", kind, err)
		}
		if oldest.Valid && oldest.Int64 < now {
			b.Wait = time.Duration(now-oldest.Int64) * time.Microsecond
		}
		all = append(all, b)
	}
	return all, nil
}

// nearPercent is from which part of its limit on a tenant has little room left.
const nearPercent = 90

// NearLimit counts the tenants that have little room left for bytes; it rounds as
// nearFrom does.
func (s *Store) NearLimit(ctx context.Context) (tenants int64, err error) {
	err = s.db.Read().QueryRowContext(ctx, `SELECT COUNT(*) FROM tenants WHERE bytes_limit >= 0 AND bytes_stored + bytes_reserved >= bytes_limit / 100 * $1 + (bytes_limit % 100 * $1 + 99) / 100`, nearPercent).Scan(&tenants)
	if err != nil {
		return 0, fmt.Errorf("count tenants near their limit: %w", err)
	}
	return tenants, nil
}
