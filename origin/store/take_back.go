package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// OpenBlock is a block of which there may be more to be known.
type OpenBlock struct {
	ID, ShareID string
	TouchedAt   int64 // when it was last reported of
	Closed      bool
	Overdue     bool // closed for so long that it is settled unseen
	Named       bool // held: closed, and still its share's. Known of due blocks alone
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

// BlockOf returns the share's block, if it has one: open, or held.
func (s *Store) BlockOf(ctx context.Context, tenantID, shareID string) (b OpenBlock, found bool, err error) {
	err = s.db.Read().QueryRowContext(ctx, `SELECT b.id, b.share_id, b.touched_at, b.closed_at IS NOT NULL FROM shares s JOIN ledger_blocks b ON b.id = s.block_id
		WHERE s.id = $1 AND s.tenant_id = $2`, shareID, tenantID).Scan(&b.ID, &b.ShareID, &b.TouchedAt, &b.Closed)
	if errors.Is(err, sql.ErrNoRows) {
		return b, false, nil
	}
	return b, err == nil, err
}

// A block is taken back in three steps: it is held, so that nobody opens another one in its
// place; emptied, of what it is proven that nobody took; and closed, or its cap changed.
// Each may be repeated, and several origins may do so at once. Whoever breaks off leaves a
// block that is held: it is closed when it is due, or released if it can't be emptied.

// HoldBlock begins to take an open block back: for a few seconds, edges that miss it are
// granted what they wait for and no other block.
func (s *Store) HoldBlock(ctx context.Context, b OpenBlock) error {
	err := s.db.InTx(ctx, func(tx *sql.Tx) error {
		if err := s.lockShare(ctx, tx, b.ShareID); err != nil {
			return purged(err)
		}
		_, err := tx.ExecContext(ctx, `UPDATE ledger_blocks SET closed_at = $2 WHERE id = $1 AND closed_at IS NULL`, b.ID, s.micros())
		return err
	})
	if err != nil {
		return fmt.Errorf("hold block: %w", err)
	}
	return nil
}

// ReleaseBlock ends a hold: the block is open again.
func (s *Store) ReleaseBlock(ctx context.Context, b OpenBlock) error {
	err := s.db.InTx(ctx, func(tx *sql.Tx) error {
		if err := s.lockShare(ctx, tx, b.ShareID); err != nil {
			return purged(err)
		}
		_, err := tx.ExecContext(ctx, `UPDATE ledger_blocks SET closed_at = NULL WHERE id = $1 AND NOT settled AND `+named, b.ID)
		return err
	})
	if err != nil {
		return fmt.Errorf("release block: %w", err)
	}
	return nil
}

// named is the condition under which a block is its share's: open, or held.
const named = `EXISTS (SELECT 1 FROM shares WHERE shares.id = ledger_blocks.share_id AND shares.block_id = ledger_blocks.id)`

// closeMissed closes a share's block if an edge can't find it, or if all that is left is in
// it and no edge has reported of it for long; but not while it is held.
func (s *Store) closeMissed(ctx context.Context, tx *sql.Tx, shareID string, c *ceiling, spent string) error {
	found := c.block.String != spent
	if !c.block.Valid || found && c.reserved < c.most {
		return nil
	}
	var touched int64
	var closed sql.NullInt64
	err := tx.QueryRowContext(ctx, `SELECT touched_at, closed_at FROM ledger_blocks WHERE id = $1`, c.block.String).Scan(&touched, &closed)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("look at block: %w", err)
	}
	now := s.micros()
	held := closed.Valid && max(now-closed.Int64, closed.Int64-now) < blockGrace.Microseconds() // by another's clock
	if held || found && now-touched <= blockSilence.Microseconds() {
		return nil
	}
	id := c.block.String
	c.block = sql.NullString{}
	return s.closeBlock(ctx, tx, shareID, id)
}

// nobody is the edge that returns what no edge took of a block.
const nobody = ""

// EmptyBlock puts units back under the ceiling that it is proven nobody took of a block or
// ever can. There is one such number for each block: told again, it changes nothing. Nor
// does it once the block is settled, or its cap changed.
func (s *Store) EmptyBlock(ctx context.Context, b OpenBlock, free int64) error {
	if free <= 0 {
		return nil
	}
	err := s.db.InTx(ctx, func(tx *sql.Tx) error {
		if err := s.lockShare(ctx, tx, b.ShareID); err != nil {
			return purged(err)
		}
		var settled bool
		err := tx.QueryRowContext(ctx, `SELECT settled FROM ledger_blocks WHERE id = $1`, b.ID).Scan(&settled)
		if errors.Is(err, sql.ErrNoRows) || settled {
			return nil
		}
		if err != nil {
			return err
		}
		return s.hear(ctx, tx, b.ShareID, word{block: b.ID, edge: nobody, returned: free})
	})
	if err != nil {
		return fmt.Errorf("empty block: %w", err)
	}
	return nil
}

// CloseBlock closes a block. What it still holds stays reserved.
func (s *Store) CloseBlock(ctx context.Context, b OpenBlock) error {
	return s.inTxAndWake(ctx, func(tx *sql.Tx) error {
		if err := s.lockShare(ctx, tx, b.ShareID); err != nil {
			if err = purged(err); err == nil {
				err = s.closeBlock(ctx, tx, b.ShareID, b.ID)
			}
			return err
		}
		var last, full bool // full: used up once it is closed
		err := tx.QueryRowContext(ctx, `SELECT COALESCE(block_id = $2, FALSE), COALESCE(reserved >= max_downloads, FALSE) FROM shares WHERE id = $1`,
			b.ShareID, b.ID).Scan(&last, &full)
		if err != nil || !last {
			return err
		}
		if err := s.closeBlock(ctx, tx, b.ShareID, b.ID); err != nil || !full {
			return err
		}
		return s.announceUsedUp(ctx, tx, b.ShareID)
	})
}
