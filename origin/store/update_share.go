package store

import (
	"context"
	"database/sql"
	"fmt"

	"rawlink/internal/share"
)

// ShareUpdate is what is to change of a share.
type ShareUpdate struct {
	SetExpiry    bool
	ExpiresAt    *int64 // with SetExpiry; nil: never
	SetCap       bool
	MaxDownloads *int64 // with SetCap; nil: no cap
	Confirm      *bool  // nil: as it is
}

// on makes the changes.
func (u *ShareUpdate) on(v *Share) {
	if u.SetExpiry {
		v.ExpiresAt = u.ExpiresAt
	}
	if u.SetCap {
		v.MaxDownloads = u.MaxDownloads
	}
	if u.Confirm != nil {
		v.Confirm = *u.Confirm
	}
}

// UpdateShare changes when a share ends, how often it may be downloaded, and whether it
// is to be confirmed. A change that makes an ended link active again takes a place of
// the link limit. What was handed out stays so: a cap below it ends the link.
func (s *Store) UpdateShare(ctx context.Context, tenantID, id string, u ShareUpdate) (Share, error) {
	var v Share
	err := s.inTxAndWake(ctx, func(tx *sql.Tx) error {
		if err := s.lockTenant(ctx, tx, tenantID); err != nil {
			return err
		}
		var err error
		if v, err = findShare(ctx, tx, tenantID, id, s.db.ForUpdate()); err != nil {
			return err
		}
		if v.Revoked {
			return refuse(share.Conflict, "share is revoked")
		}
		if err := allowed(ctx, v); err != nil {
			return err
		}
		before, err := s.linkCounts(ctx, tx, id)
		if err != nil {
			return err
		}
		wasUsedUp, err := usedUp(ctx, tx, id)
		if err != nil {
			return err
		}
		u.on(&v)
		if _, err := tx.ExecContext(ctx, `UPDATE shares SET expires_at = $2, max_downloads = $3, updated_at = $4, confirm = $5,
				expiry_told = CASE WHEN expires_at = $2 THEN expiry_told ELSE FALSE END,
				reserved = CASE WHEN max_downloads IS NULL THEN download_count + `+untoldUnits+` ELSE reserved END
			WHERE id = $1`, id, v.ExpiresAt, v.MaxDownloads, s.micros(), v.Confirm); err != nil {
			return fmt.Errorf("update share: %w", err)
		}
		if u.SetCap {
			if err := s.endEpoch(ctx, tx, id); err != nil {
				return err
			}
		}
		after, err := s.linkCounts(ctx, tx, id)
		if err != nil {
			return err
		}
		if after && !before {
			if err := s.checkLinkLimit(ctx, tx, tenantID, id); err != nil {
				return err
			}
		}
		if err := s.announceShare(ctx, tx, id); err != nil {
			return err
		}
		if v, err = findShare(ctx, tx, tenantID, id, ""); err != nil {
			return err
		}
		if isUsedUp, err := usedUp(ctx, tx, id); err != nil || wasUsedUp || !isUsedUp {
			return err
		}
		return s.tellShare(ctx, tx, EventShareExhausted, v)
	})
	return v, err
}

// untoldUnits are those in blocks of an earlier cap of which edges may yet tell that they
// were served. Nobody waits for that once a block is settled, but an edge that was cut off
// may still say it: for as long as the block is known.
const untoldUnits = `COALESCE((SELECT CAST(SUM(units - used) AS BIGINT) FROM ledger_blocks WHERE share_id = shares.id AND units > used), 0)`

// usedUpShare is the condition under which no download of a share is left: all
// are reserved, and none of them lies in a block that is still taken from. It is
// true or false, never NULL.
const usedUpShare = `(max_downloads IS NOT NULL AND reserved >= max_downloads AND block_id IS NULL)`

func usedUp(ctx context.Context, tx *sql.Tx, id string) (used bool, err error) {
	err = tx.QueryRowContext(ctx, `SELECT `+usedUpShare+` FROM shares WHERE id = $1`, id).Scan(&used)
	return used, err
}

// endEpoch makes blocks that were taken under the cap as it was unusable for
// whoever knows of the new one. What the open block held is lost, unless it was
// closed before.
func (s *Store) endEpoch(ctx context.Context, tx *sql.Tx, id string) error {
	if _, err := tx.ExecContext(ctx, `UPDATE ledger_blocks SET closed_at = $2 WHERE closed_at IS NULL AND id = (SELECT block_id FROM shares WHERE id = $1)`, id, s.micros()); err != nil {
		return fmt.Errorf("close blocks: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE shares SET cap_epoch = cap_epoch + 1, block_id = NULL WHERE id = $1`, id); err != nil {
		return fmt.Errorf("end epoch: %w", err)
	}
	return nil
}

// linkCounts reports whether one share counts against the link limit now.
func (s *Store) linkCounts(ctx context.Context, tx *sql.Tx, id string) (counts bool, err error) {
	query := `SELECT EXISTS (SELECT 1 FROM shares WHERE id = $1 AND ` + activeShare
	if !s.countPermanentLinks {
		query += ` AND expires_at IS NOT NULL`
	}
	err = tx.QueryRowContext(ctx, query+`)`, id, s.micros()).Scan(&counts)
	return counts, err
}
