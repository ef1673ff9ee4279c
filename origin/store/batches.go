package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
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
		var all []string
		for ids := range slices.Chunk(slices.Sorted(maps.Keys(b.Count)), addedAtOnce) {
			usedUp, err := s.addDownloads(ctx, tx, ids, b.Count)
			if err != nil {
				return fmt.Errorf("add downloads: %w", err)
			}
			all = append(all, usedUp...)
		}
		for _, id := range all {
			if err := s.announceUsedUp(ctx, tx, id); err != nil {
				return fmt.Errorf("add downloads: %w", err)
			}
		}
		told = len(all) > 0
		return nil
	})
	if err == nil && told {
		s.wake.ring()
	}
	return err
}

// addedAtOnce is of how many shares one statement adds the downloads. The rows are
// locked until the transaction ends, and whoever waits for one waits for all.
const addedAtOnce = 500

// addDownloads counts downloads that nobody asked for: the edge knew of no cap. Where
// there is one by now they are part of it, as they would be if they had been told before
// it was set. usedUp are the shares of which they left none. A share that was purged
// meanwhile has no count to keep.
//
// The ids are sorted, so that chunk by chunk the rows are locked in their order.
func (s *Store) addDownloads(ctx context.Context, tx *sql.Tx, ids []string, count map[string]int64) (usedUp []string, err error) {
	condition, locked := among(`id IN `, nil, ids)
	if err := s.lockShares(ctx, tx, condition, locked...); err != nil {
		return nil, err
	}
	values, args := counted(ids, count)
	rows, err := tx.QueryContext(ctx, `UPDATE shares SET download_count = download_count + added.column2,
			reserved = CASE WHEN max_downloads IS NULL THEN reserved ELSE reserved + added.column2 END
		FROM (`+values+`) AS added WHERE id = added.column1
		RETURNING id, CASE WHEN `+usedUpShare+` AND NOT revoked THEN reserved - max_downloads ELSE -1 END`, args...)
	over, err := collectBy(rows, err, func(row scanner) (id string, over int64, err error) {
		err = row.Scan(&id, &over)
		return id, over, err
	})
	for _, id := range ids {
		if over, found := over[id]; found && over >= 0 && over < count[id] { // there were some left before
			usedUp = append(usedUp, id)
		}
	}
	return usedUp, err
}

// counted is a table of ids and their counts, as a statement names it, and its arguments.
// The rows beyond them, see padded, have no id.
func counted(ids []string, count map[string]int64) (values string, args []any) {
	rows := make([]string, padded(len(ids)))
	for i := range rows {
		id := ""
		if i < len(ids) {
			id = ids[i]
		}
		args = append(args, id, count[id])
		rows[i] = fmt.Sprintf("($%d, CAST($%d AS BIGINT))", len(args)-1, len(args))
	}
	return "VALUES " + strings.Join(rows, ", "), args
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
