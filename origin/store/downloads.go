package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

	"rawlink/internal/share"
)

// Redeem takes one download of a capped share from its ceiling. The condition
// and the change are one durable statement, so the sum of all that was ever
// granted never passes the cap, whatever fails afterwards; it also re-checks the
// share's state, so a redeem never outruns a committed revocation. Errors: Gone
// if nothing is left or the share has ended, NotFound if there is no such share.
func (s *Store) Redeem(ctx context.Context, shareID string) error {
	return s.inTxAndWake(ctx, func(tx *sql.Tx) error {
		// The lock first: PostgreSQL lets a statement that waited for a row see that
		// row anew, but the file beside it as it was before the wait.
		var one int
		err := tx.QueryRowContext(ctx, `SELECT 1 FROM shares WHERE id = $1`+s.db.ForUpdate(), shareID).Scan(&one)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("redeem: %w", err)
		}
		var reserved, most int64
		err = tx.QueryRowContext(ctx, `UPDATE shares SET reserved = reserved + 1, download_count = download_count + 1
			WHERE id = $1 AND reserved < max_downloads AND NOT revoked AND (expires_at IS NULL OR expires_at > $2)
				AND EXISTS (SELECT 1 FROM files f WHERE f.id = file_id AND f.deleted_at IS NULL AND f.scan_status = 'clean')
			RETURNING reserved, max_downloads`, shareID, s.micros()).Scan(&reserved, &most)
		if errors.Is(err, sql.ErrNoRows) {
			return share.E(share.Gone, "redeem", errors.New("no download is left"))
		}
		if err != nil {
			return fmt.Errorf("redeem: %w", err)
		}
		if reserved < most {
			return nil
		}
		// The last one: from here on edges may refuse without asking.
		if err := s.announceShare(ctx, tx, shareID); err != nil {
			return err
		}
		return s.tellShareID(ctx, tx, EventShareExhausted, shareID)
	})
}

// AddDownloads adds a batch of uncapped downloads to download_count. A batch
// that was applied already, or is older than one that was, changes nothing, so
// an edge may send it until it is answered.
func (s *Store) AddDownloads(ctx context.Context, b share.Batch) error {
	return s.db.InTx(ctx, func(tx *sql.Tx) error {
		fresh, err := changed(tx.ExecContext(ctx, `INSERT INTO count_batches (edge, epoch, seq) VALUES ($1, $2, $3)
			ON CONFLICT (edge, epoch) DO UPDATE SET seq = excluded.seq WHERE count_batches.seq < excluded.seq`, b.Edge, b.Epoch, b.Seq))
		if err != nil || !fresh {
			return err
		}
		// In one order for all edges, so that two batches don't wait for each other.
		for _, id := range slices.Sorted(maps.Keys(b.Count)) {
			// A share that was purged meanwhile has no count to keep.
			if _, err := tx.ExecContext(ctx, `UPDATE shares SET download_count = download_count + $2 WHERE id = $1`, id, b.Count[id]); err != nil {
				return fmt.Errorf("add downloads: %w", err)
			}
		}
		return nil
	})
}
