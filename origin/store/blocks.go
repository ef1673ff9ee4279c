package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"rawlink/internal/share"
)

const (
	blockSilence = time.Minute      // a block nobody reported of for so long may be lost
	blockGrace   = 10 * time.Second // for last reports of a closed block
	blockKeep    = 24 * time.Hour   // of what is settled
	askKeep      = time.Hour        // of answers; asks are repeated for seconds
)

func (s *Store) openBlock(ctx context.Context, tx *sql.Tx, shareID string, b share.Block) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO ledger_blocks (id, share_id, epoch, units, touched_at) VALUES ($1, $2, $3, $4, $5)`,
		b.ID, shareID, b.Epoch, b.Units, s.micros()); err != nil {
		return fmt.Errorf("open block: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE shares SET block_id = $2 WHERE id = $1`, shareID, b.ID); err != nil {
		return fmt.Errorf("open block: %w", err)
	}
	return nil
}

// closeBlock closes the share's open block: what it still holds stays reserved.
// Should it live on somewhere, what is taken from it was reserved for it alone.
func (s *Store) closeBlock(ctx context.Context, tx *sql.Tx, shareID, id string) error {
	if _, err := tx.ExecContext(ctx, `UPDATE ledger_blocks SET closed_at = $2 WHERE id = $1 AND closed_at IS NULL`, id, s.micros()); err != nil {
		return fmt.Errorf("close block: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE shares SET block_id = NULL WHERE id = $1 AND block_id = $2`, shareID, id); err != nil {
		return fmt.Errorf("close block: %w", err)
	}
	return nil
}

// forgotten reports whether nobody has reported of a block for long: then whoever
// can't reach it need not wait for it.
func (s *Store) forgotten(ctx context.Context, tx *sql.Tx, id string) bool {
	var touched int64
	err := tx.QueryRowContext(ctx, `SELECT touched_at FROM ledger_blocks WHERE id = $1`, id).Scan(&touched)
	return err == nil && s.micros()-touched > blockSilence.Microseconds()
}

// Settle adds what edges served of blocks to download_count, and gives what they
// returned back to the ceilings.
func (s *Store) Settle(ctx context.Context, uses []share.Use) error {
	words := make([]word, len(uses))
	for i, u := range uses {
		words[i] = word{block: u.Block, edge: u.Edge, served: u.Served, returned: u.Returned}
	}
	return s.settle(ctx, words)
}

// Infer counts what edges took of a block and did not return as served: they
// fell silent before they could say more.
func (s *Store) Infer(ctx context.Context, block string, took map[string]int64) error {
	if len(took) == 0 {
		return nil
	}
	known, err := s.inferred(ctx, block)
	if err != nil {
		return fmt.Errorf("infer: %w", err)
	}
	var words []word
	for edge, units := range took {
		if units > known[edge] {
			words = append(words, word{block: block, edge: edge, took: units})
		}
	}
	return s.settle(ctx, words)
}

// inferred returns what is known that edges took of a block. It is asked every second
// for each block that is open, mostly in vain, and so takes no share's lock.
func (s *Store) inferred(ctx context.Context, block string) (map[string]int64, error) {
	rows, err := s.db.Read().QueryContext(ctx, `SELECT edge, took FROM ledger_uses WHERE block_id = $1`, block)
	uses, err := collect(rows, err, func(row scanner) (w word, err error) { err = row.Scan(&w.edge, &w.took); return w, err })
	known := make(map[string]int64, len(uses))
	for _, w := range uses {
		known[w.edge] = w.took
	}
	return known, err
}

// word is what is known of an edge's use of a block. Each number only grows, so
// words may come in any order.
type word struct {
	block, edge            string
	served, returned, took int64
}

// counts returns how many downloads it comes to.
func (w word) counts() int64 { return max(w.served, w.took-w.returned) }

func (s *Store) settle(ctx context.Context, words []word) error {
	for _, w := range words {
		if err := s.db.InTx(ctx, func(tx *sql.Tx) error { return s.settleOne(ctx, tx, w) }); err != nil {
			return fmt.Errorf("settle: %w", err)
		}
	}
	return nil
}

func (s *Store) settleOne(ctx context.Context, tx *sql.Tx, w word) error {
	var shareID string
	err := tx.QueryRowContext(ctx, `SELECT share_id FROM ledger_blocks WHERE id = $1`, w.block).Scan(&shareID)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // settled long ago
	}
	if err != nil {
		return err
	}
	if err := s.lockShare(ctx, tx, shareID); err != nil {
		return purged(err)
	}
	var old word
	err = tx.QueryRowContext(ctx, `SELECT served, returned, took FROM ledger_uses WHERE block_id = $1 AND edge = $2`, w.block, w.edge).
		Scan(&old.served, &old.returned, &old.took)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	w.served, w.returned, w.took = max(w.served, old.served), max(w.returned, old.returned), max(w.took, old.took)
	if w.served == old.served && w.returned == old.returned && w.took == old.took {
		return nil
	}
	return s.apply(ctx, tx, shareID, w, old)
}

// purged forgives that a share was purged: it has no count to keep.
func purged(err error) error {
	if errors.Is(err, errEnded) {
		return nil
	}
	return err
}

func (s *Store) apply(ctx context.Context, tx *sql.Tx, shareID string, w, old word) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO ledger_uses (block_id, edge, served, returned, took) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (block_id, edge) DO UPDATE SET served = excluded.served, returned = excluded.returned, took = excluded.took`,
		w.block, w.edge, w.served, w.returned, w.took); err != nil {
		return err
	}
	more := w.counts() - old.counts()
	if _, err := tx.ExecContext(ctx, `UPDATE ledger_blocks SET used = used + $2, touched_at = $3 WHERE id = $1`, w.block, more, s.micros()); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE shares SET download_count = download_count + $2 WHERE id = $1`, shareID, more); err != nil {
		return err
	}
	return s.giveBack(ctx, tx, shareID, w.block, w.returned-old.returned)
}

// giveBack lowers the ceiling's reservation by units of a block that are proven
// to be nobody's. A share that was said to be used up stays so, and one whose
// cap changed since was reckoned anew: then they are lost.
func (s *Store) giveBack(ctx context.Context, tx *sql.Tx, shareID, block string, units int64) error {
	if units <= 0 {
		return nil
	}
	ok, err := changed(tx.ExecContext(ctx, `UPDATE shares SET reserved = reserved - $2
		WHERE id = $1 AND max_downloads IS NOT NULL AND NOT `+usedUpShare+`
			AND cap_epoch = (SELECT epoch FROM ledger_blocks WHERE id = $3)`, shareID, units, block))
	if err != nil || !ok {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE ledger_blocks SET units = units - $2 WHERE id = $1`, block, units)
	return err
}

// OpenBlock is a block of which there may be more to be known.
type OpenBlock struct {
	ID, ShareID string
	TouchedAt   int64 // when it was last reported of
	Closed      bool
}

// OpenBlocks returns blocks that are not settled in the order of their ids, from
// behind one.
func (s *Store) OpenBlocks(ctx context.Context, behind string, limit int) ([]OpenBlock, error) {
	rows, err := s.db.Read().QueryContext(ctx, `SELECT id, share_id, touched_at, closed_at IS NOT NULL FROM ledger_blocks
		WHERE NOT settled AND id > $1 ORDER BY id LIMIT $2`, behind, limit)
	return collect(rows, err, func(row scanner) (b OpenBlock, err error) {
		err = row.Scan(&b.ID, &b.ShareID, &b.TouchedAt, &b.Closed)
		return b, err
	})
}

// BlockOf returns the share's open block, if it has one.
func (s *Store) BlockOf(ctx context.Context, tenantID, shareID string) (b OpenBlock, found bool, err error) {
	err = s.db.Read().QueryRowContext(ctx, `SELECT b.id, b.share_id, b.touched_at FROM shares s JOIN ledger_blocks b ON b.id = s.block_id
		WHERE s.id = $1 AND s.tenant_id = $2`, shareID, tenantID).Scan(&b.ID, &b.ShareID, &b.TouchedAt)
	if errors.Is(err, sql.ErrNoRows) {
		return b, false, nil
	}
	return b, err == nil, err
}

// CloseBlock closes an open block. free is how many of its units it is proven
// that nobody took or ever can; they go back to the ceiling.
func (s *Store) CloseBlock(ctx context.Context, b OpenBlock, free int64) error {
	return s.inTxAndWake(ctx, func(tx *sql.Tx) error {
		if err := s.lockShare(ctx, tx, b.ShareID); err != nil {
			if err = purged(err); err == nil {
				err = s.closeBlock(ctx, tx, b.ShareID, b.ID)
			}
			return err
		}
		var open, full bool
		err := tx.QueryRowContext(ctx, `SELECT COALESCE(block_id = $2, FALSE), COALESCE(reserved - $3 >= max_downloads, FALSE) FROM shares WHERE id = $1`,
			b.ShareID, b.ID, free).Scan(&open, &full)
		if err != nil || !open {
			return err
		}
		if err := s.giveBack(ctx, tx, b.ShareID, b.ID, free); err != nil {
			return err
		}
		if err := s.closeBlock(ctx, tx, b.ShareID, b.ID); err != nil || !full {
			return err
		}
		return s.announceUsedUp(ctx, tx, b.ShareID)
	})
}

// FinishBlocks settles closed blocks for which no report is waited any more, and
// returns how many and how many units were lost in them.
func (s *Store) FinishBlocks(ctx context.Context, limit int) (finished, lost int64, err error) {
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		finished, lost = 0, 0
		rows, err := tx.QueryContext(ctx, `UPDATE ledger_blocks SET settled = TRUE WHERE id IN (
			SELECT id FROM ledger_blocks WHERE closed_at < $1 AND NOT settled ORDER BY closed_at LIMIT $2`+s.db.SkipLocked()+`)
			RETURNING units - used`, s.micros()-blockGrace.Microseconds(), limit)
		all, err := collect(rows, err, func(row scanner) (n int64, err error) { err = row.Scan(&n); return n, err })
		for _, n := range all {
			finished, lost = finished+1, lost+max(0, n)
		}
		return err
	})
	return finished, lost, err
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

// sweepBlocks removes settled blocks that were closed before a time, and what is known
// of the use of these: another origin may be removing others.
func sweepBlocks(ctx context.Context, tx *sql.Tx, before int64, limit int, skipLocked string) (int64, error) {
	rows, err := tx.QueryContext(ctx, `DELETE FROM ledger_blocks WHERE id IN (
		SELECT id FROM ledger_blocks WHERE closed_at < $1 AND settled ORDER BY closed_at LIMIT $2`+skipLocked+`) RETURNING id`, before, limit)
	ids, err := collect(rows, err, func(row scanner) (id string, err error) { err = row.Scan(&id); return id, err })
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	query, args := among(`DELETE FROM ledger_uses WHERE block_id IN `, nil, ids)
	_, err = tx.ExecContext(ctx, query, args...)
	return int64(len(ids)), err
}
