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

// inferred returns how much edges have to have taken of a block for it to tell anything
// new: what is said to be served and returned was taken, and counts already. It is asked
// every second for each block that is open, mostly in vain, and so takes no share's lock.
func (s *Store) inferred(ctx context.Context, block string) (map[string]int64, error) {
	rows, err := s.db.Read().QueryContext(ctx, `SELECT edge, served, returned, took FROM ledger_uses WHERE block_id = $1`, block)
	uses, err := collect(rows, err, func(row scanner) (w word, err error) {
		err = row.Scan(&w.edge, &w.served, &w.returned, &w.took)
		return w, err
	})
	known := make(map[string]int64, len(uses))
	for _, w := range uses {
		known[w.edge] = max(w.took, w.served+w.returned)
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
	return s.hear(ctx, tx, shareID, w)
}

// hear adds what is new in a word. The share is locked.
func (s *Store) hear(ctx context.Context, tx *sql.Tx, shareID string, w word) error {
	var old word
	err := tx.QueryRowContext(ctx, `SELECT served, returned, took FROM ledger_uses WHERE block_id = $1 AND edge = $2`, w.block, w.edge).
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
