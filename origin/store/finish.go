package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

const (
	blockWait = time.Hour      // for a last look at a closed block
	blockKeep = 24 * time.Hour // of what is settled
	askKeep   = time.Hour      // of answers; asks are repeated for seconds
)

// DueBlocks returns closed blocks for which no report is waited any more, those first that
// were closed first. They are to be settled.
func (s *Store) DueBlocks(ctx context.Context, limit int) ([]OpenBlock, error) {
	now := s.micros()
	rows, err := s.db.Read().QueryContext(ctx, `SELECT id, share_id, touched_at, closed_at < $2, `+named+` FROM ledger_blocks
		WHERE closed_at < $1 AND NOT settled ORDER BY closed_at LIMIT $3`, now-blockGrace.Microseconds(), now-blockWait.Microseconds(), limit)
	return collect(rows, err, func(row scanner) (OpenBlock, error) {
		b := OpenBlock{Closed: true}
		err := row.Scan(&b.ID, &b.ShareID, &b.TouchedAt, &b.Overdue, &b.Named)
		return b, err
	})
}

// FinishBlocks settles blocks, and returns how many units were lost in those that were not.
func (s *Store) FinishBlocks(ctx context.Context, ids []string) (lost int64, err error) {
	if len(ids) == 0 {
		return 0, nil
	}
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		lost = 0
		query, args := among(`SELECT id FROM ledger_blocks WHERE NOT settled AND id IN `, nil, ids)
		rows, err := tx.QueryContext(ctx, `UPDATE ledger_blocks SET settled = TRUE WHERE id IN (`+query+s.db.SkipLocked()+`)
			RETURNING units - used`, args...)
		all, err := collect(rows, err, func(row scanner) (n int64, err error) { err = row.Scan(&n); return n, err })
		for _, n := range all {
			lost += max(0, n)
		}
		return err
	})
	return lost, err
}

// SweepLedger forgets answers that nobody asks for again, and settled blocks.
func (s *Store) SweepLedger(ctx context.Context, limit int) (swept int64, err error) {
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		now := s.micros()
		asks, err := affected(tx.ExecContext(ctx, `DELETE FROM ledger_asks WHERE (share_id, edge) IN (
			SELECT share_id, edge FROM ledger_asks WHERE asked_at < $1 LIMIT $2`+s.db.SkipLocked()+`)`, now-askKeep.Microseconds(), limit))
		if err != nil {
			return fmt.Errorf("sweep ledger: %w", err)
		}
		blocks, err := sweepBlocks(ctx, tx, now-blockKeep.Microseconds(), limit, s.db.SkipLocked())
		if err != nil {
			return fmt.Errorf("sweep ledger: %w", err)
		}
		swept = max(asks, blocks)
		return nil
	})
	return swept, err
}

// sweepBlocks removes settled blocks that were closed before a time and not heard of
// since, and what is known of the use of these: another origin may be removing others.
func sweepBlocks(ctx context.Context, tx *sql.Tx, before int64, limit int, skipLocked string) (int64, error) {
	rows, err := tx.QueryContext(ctx, `DELETE FROM ledger_blocks WHERE id IN (
		SELECT id FROM ledger_blocks WHERE closed_at < $1 AND touched_at < $1 AND settled ORDER BY closed_at LIMIT $2`+skipLocked+`) RETURNING id`, before, limit)
	ids, err := collect(rows, err, func(row scanner) (id string, err error) { err = row.Scan(&id); return id, err })
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	query, args := among(`DELETE FROM ledger_uses WHERE block_id IN `, nil, ids)
	_, err = tx.ExecContext(ctx, query, args...)
	return int64(len(ids)), err
}
