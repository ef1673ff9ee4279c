package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"rawlink/internal/ledger"
	"rawlink/internal/share"
)

// Redeem takes downloads of a capped share from its ceiling: for those who wait,
// and as a block. All that was ever granted is in reserved before anybody hears
// of it, and reserved is only raised by compare-and-set, up to the cap; so the
// sum of all grants never passes it, whatever fails afterwards. The share's
// state is checked too: a grant never outruns a committed revocation.
//
// An ask that was answered before gets that answer again. The answer may be none
// and an open block, where all that is left is. Errors: Gone if the share has ended
// or has no cap.
func (s *Store) Redeem(ctx context.Context, shareID string, ask share.Ask) (share.Grant, error) {
	var grant share.Grant
	var told bool
	err := s.db.InTx(ctx, func(tx *sql.Tx) error {
		grant, told = share.Grant{}, false
		if ask.Return > 0 { // which may make the link count again
			if err := s.lockTenantOf(ctx, tx, shareID); err != nil {
				return err
			}
		}
		if err := s.lockShare(ctx, tx, shareID); err != nil {
			return err
		}
		last, found, err := s.answered(ctx, tx, shareID, ask)
		if err != nil || found {
			grant = last.Grant
			return err
		}
		if ask.Return > 0 {
			told, err = s.takeBack(ctx, tx, shareID, ask, last.Direct)
		} else {
			grant, told, err = s.grant(ctx, tx, shareID, ask)
		}
		if err != nil {
			return err
		}
		return s.remember(ctx, tx, shareID, ask, last.then(ask, grant))
	})
	if err == nil && told {
		s.wake.ring()
	}
	return grant, err
}

var errEnded = share.E(share.Gone, "redeem", errors.New("the share has ended"))

// lockShare waits for the share's row. PostgreSQL lets a statement that waited
// for a row see that row anew, but what is beside it as it was before the wait:
// so the lock comes first, and the reading in statements of its own.
func (s *Store) lockShare(ctx context.Context, tx *sql.Tx, shareID string) error {
	var one int
	err := tx.QueryRowContext(ctx, `SELECT 1 FROM shares WHERE id = $1`+s.db.ForUpdate(), shareID).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return errEnded
	}
	if err != nil {
		return fmt.Errorf("redeem: %w", err)
	}
	return nil
}

// lockTenantOf waits for the row of a share's tenant. That of a purged share has none.
func (s *Store) lockTenantOf(ctx context.Context, tx *sql.Tx, shareID string) error {
	_, err := tx.ExecContext(ctx, `SELECT 1 FROM tenants WHERE id = (SELECT tenant_id FROM shares WHERE id = $1)`+s.db.ForUpdate(), shareID)
	if err != nil {
		return fmt.Errorf("redeem: %w", err)
	}
	return nil
}

// ceiling is a share's row as far as it bounds downloads.
type ceiling struct {
	most, reserved, epoch int64
	block                 sql.NullString
}

func (s *Store) readCeiling(ctx context.Context, tx *sql.Tx, shareID string) (c ceiling, err error) {
	err = tx.QueryRowContext(ctx, `SELECT max_downloads, reserved, cap_epoch, block_id FROM shares
		WHERE id = $1 AND max_downloads IS NOT NULL AND NOT revoked AND (expires_at IS NULL OR expires_at > $2)
			AND EXISTS (SELECT 1 FROM files f WHERE f.id = file_id AND `+trashedAt("f")+` IS NULL AND f.scan_status = 'clean')`,
		shareID, s.micros()).Scan(&c.most, &c.reserved, &c.epoch, &c.block)
	if errors.Is(err, sql.ErrNoRows) {
		return c, errEnded
	}
	if err != nil {
		return c, fmt.Errorf("redeem: %w", err)
	}
	return c, nil
}

// grant decides what an ask gets. told says that the outbox was written.
func (s *Store) grant(ctx context.Context, tx *sql.Tx, shareID string, ask share.Ask) (g share.Grant, told bool, err error) {
	c, err := s.readCeiling(ctx, tx, shareID)
	if err != nil {
		return g, false, err
	}
	rest := max(0, c.most-c.reserved)
	if rest == 0 && !c.block.Valid { // which was told before
		return share.Grant{Exhausted: true}, false, nil
	}
	if err := s.closeMissed(ctx, tx, shareID, &c, ask.Spent); err != nil {
		return g, false, err
	}
	g.Downloads, g.Epoch, g.Open = min(ask.N, rest), c.epoch, c.block.String
	if !c.block.Valid && ask.Block {
		if units := ledger.BlockSize(c.most, rest-g.Downloads); units > 0 {
			g.Block = share.Block{ID: newID(), Units: units, Window: ledger.WindowSize(c.most, rest), Epoch: c.epoch}
			if err := s.openBlock(ctx, tx, shareID, g.Block); err != nil {
				return g, false, err
			}
		}
	}
	if err := s.raise(ctx, tx, shareID, c.reserved, g); err != nil {
		return g, false, err
	}
	if g.Downloads == rest && !c.block.Valid {
		g.Exhausted = true
		return g, true, s.announceUsedUp(ctx, tx, shareID)
	}
	return g, false, nil
}

// announceUsedUp tells edges, which may refuse without asking from here on, and
// webhooks.
func (s *Store) announceUsedUp(ctx context.Context, tx *sql.Tx, shareID string) error {
	if err := s.announceShare(ctx, tx, shareID); err != nil {
		return err
	}
	return s.tellShareID(ctx, tx, EventShareExhausted, shareID)
}

// raise takes a grant from the ceiling, if that is where it was read to be.
func (s *Store) raise(ctx context.Context, tx *sql.Tx, shareID string, from int64, g share.Grant) error {
	if g.Downloads+g.Block.Units == 0 {
		return nil
	}
	ok, err := changed(tx.ExecContext(ctx, `UPDATE shares SET reserved = reserved + $3, download_count = download_count + $4
		WHERE id = $1 AND reserved = $2 AND reserved + $3 <= max_downloads`, shareID, from, g.Downloads+g.Block.Units, g.Downloads))
	if err != nil {
		return fmt.Errorf("raise ceiling: %w", err)
	}
	if !ok {
		return share.E(share.Unavailable, "raise ceiling", errors.New("it moved meanwhile"))
	}
	return nil
}
