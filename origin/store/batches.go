package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"rawlink/internal/share"
)

// AddDownloads adds a batch of uncapped downloads to download_count. A batch
// that was applied already, or is older than one that was, changes nothing, so
// an edge may send it until it is answered, for KeepBatches.
func (s *Store) AddDownloads(ctx context.Context, b share.Batch) error {
	var told bool
	err := s.db.InTx(ctx, func(tx *sql.Tx) error {
		told = false
		fresh, err := changed(tx.ExecContext(ctx, `INSERT INTO count_batches (edge, epoch, seq, applied_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (edge, epoch) DO UPDATE SET seq = excluded.seq, applied_at = excluded.applied_at WHERE count_batches.seq < excluded.seq`, b.Edge, b.Epoch, b.Seq, s.micros()))
		if err != nil || !fresh {
			return err
		}
		// In one order for all edges, so that two batches don't wait for each other.
		for _, id := range slices.Sorted(maps.Keys(b.Count)) {
			usedUp, err := s.addDownloads(ctx, tx, id, b.Count[id])
			if err != nil {
				return fmt.Errorf("add downloads: %w", err)
			}
			told = told || usedUp
		}
		return nil
	})
	if err == nil && told {
		s.wake.ring()
	}
	return err
}

// addDownloads counts downloads that nobody asked for: the edge knew of no cap. If
// there is one by now they are part of it, as they would be if they had been told
// before it was set. usedUp reports that nothing is left for that.
func (s *Store) addDownloads(ctx context.Context, tx *sql.Tx, shareID string, n int64) (usedUp bool, err error) {
	err = tx.QueryRowContext(ctx, `UPDATE shares SET download_count = download_count + $2, reserved = CASE WHEN max_downloads IS NULL THEN reserved ELSE reserved + $2 END
		WHERE id = $1 RETURNING `+usedUpShare+` AND reserved - $2 < max_downloads AND NOT revoked`, shareID, n).Scan(&usedUp)
	if errors.Is(err, sql.ErrNoRows) { // it was purged meanwhile, and has no count to keep
		return false, nil
	}
	if err != nil || !usedUp {
		return false, err
	}
	return true, s.announceUsedUp(ctx, tx, shareID)
}

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
