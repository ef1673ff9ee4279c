package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// old names the rows of a table that are swept when they are old enough.
type old struct {
	table     string
	key       string // columns
	since     string // column that ages them
	condition string // on those that may go; "" = all
}

// sweep removes up to limit rows that are older than keep, and says how many
// there were. Origins that sweep at the same time share the work.
func (s *Store) sweep(ctx context.Context, o old, keep time.Duration, limit int) (n int64, err error) {
	ripe := o.since + ` <= $1`
	if o.condition != "" {
		ripe = o.condition + ` AND ` + ripe
	}
	query := `DELETE FROM ` + o.table + ` WHERE (` + o.key + `) IN (SELECT ` + o.key + ` FROM ` + o.table +
		` WHERE ` + ripe + ` ORDER BY ` + o.since + ` LIMIT $2` + s.db.SkipLocked() + `)`
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		n, err = affected(tx.ExecContext(ctx, query, s.micros()-keep.Microseconds(), limit))
		return err
	})
	return n, err
}

// waiting returns how long the oldest row of a table has been there, 0 if there
// is none, by this process's clock. from may end in a condition.
func (s *Store) waiting(ctx context.Context, from string) (time.Duration, error) {
	var oldest sql.NullInt64
	if err := s.db.Read().QueryRowContext(ctx, `SELECT MIN(created_at) FROM `+from).Scan(&oldest); err != nil {
		return 0, fmt.Errorf("look for the oldest that waits: %w", err)
	}
	if !oldest.Valid {
		return 0, nil
	}
	return max(time.Microsecond, time.Duration(s.micros()-oldest.Int64)*time.Microsecond), nil
}
