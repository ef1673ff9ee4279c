package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// KeepBatches is how long it is known which batches of a run of an edge were applied,
// from its newest one on. An edge repeats a batch for as long as it is in its journal,
// which may lie on a disk that is away; after so long it would be counted once more.
const KeepBatches = 365 * 24 * time.Hour

// SweepBatches forgets up to limit runs of edges whose newest batch is older than
// KeepBatches, and says how many there were.
func (s *Store) SweepBatches(ctx context.Context, limit int) (n int64, err error) {
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		now := s.micros()
		// What the version before applied may be of today.
		if _, err := tx.ExecContext(ctx, `UPDATE count_batches SET applied_at = $1 WHERE applied_at IS NULL`, now); err != nil {
			return fmt.Errorf("date batches: %w", err)
		}
		n, err = affected(tx.ExecContext(ctx, `DELETE FROM count_batches WHERE (edge, epoch) IN (
			SELECT edge, epoch FROM count_batches WHERE applied_at <= $1 LIMIT $2`+s.db.SkipLocked()+`)`, now-KeepBatches.Microseconds(), limit))
		if err != nil {
			return fmt.Errorf("sweep batches: %w", err)
		}
		return nil
	})
	return n, err
}
