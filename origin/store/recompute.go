package store

import (
	"context"
	"database/sql"
	"fmt"
)

// Drift is a figure that is kept beside what it sums up, and differs from it.
type Drift struct {
	TenantID string
	Figure   string // bytes_stored, bytes_reserved, or reserved
	ShareID  string // of reserved; "" for a tenant's figures
	Kept     int64
	Actual   int64
}

// Recompute compares the figures that are kept with what they stand for, tenant
// by tenant, and with repair sets them right: what a tenant stores and has
// reserved, by its files and open uploads; and the downloads that a capped link
// has handed out, which can't be fewer than were counted and those that are out in blocks.
// Each tenant is looked at under its lock, and what a link has handed out in one statement,
// so work that goes on meanwhile is no drift. progress is told the
// number of tenants done and of all.
//
// The number of links used is counted when it is asked for, and can't drift.
func (s *Store) Recompute(ctx context.Context, repair bool, progress func(done, all int)) ([]Drift, error) {
	tenants, err := s.Tenants(ctx)
	if err != nil {
		return nil, err
	}
	found := []Drift{}
	for i, t := range tenants {
		some, err := s.recomputeTenant(ctx, t.ID, repair)
		if err != nil {
			return nil, fmt.Errorf("tenant %s: %w", t.ID, err)
		}
		found = append(found, some...)
		progress(i+1, len(tenants))
	}
	return found, nil
}

func (s *Store) recomputeTenant(ctx context.Context, id string, repair bool) (found []Drift, err error) {
	look := func(tx *sql.Tx) error {
		found = nil // the transaction may be run again
		if err := s.lockTenant(ctx, tx, id); err != nil {
			return err
		}
		for _, figure := range []struct{ name, from string }{{"bytes_stored", "files"}, {"bytes_reserved", "uploads"}} {
			d := Drift{TenantID: id, Figure: figure.name}
			query := `SELECT t.` + figure.name + `, COALESCE((SELECT SUM(size) FROM ` + figure.from + ` WHERE tenant_id = t.id), 0) FROM tenants t WHERE t.id = $1`
			if err := tx.QueryRowContext(ctx, query, id).Scan(&d.Kept, &d.Actual); err != nil {
				return fmt.Errorf("add up %s: %w", figure.from, err)
			}
			if d.Kept != d.Actual {
				found = append(found, d)
			}
		}
		rows, err := tx.QueryContext(ctx, `SELECT id, reserved, `+handedOut+` FROM shares
			WHERE tenant_id = $1 AND max_downloads IS NOT NULL AND reserved < `+handedOut+` ORDER BY id`, id)
		shares, err := collect(rows, err, func(row scanner) (Drift, error) {
			d := Drift{TenantID: id, Figure: "reserved"}
			err := row.Scan(&d.ShareID, &d.Kept, &d.Actual)
			return d, err
		})
		found = append(found, shares...)
		return err
	}
	if err := s.db.InTx(ctx, look); err != nil || !repair || len(found) == 0 {
		return found, err // nothing was changed, so the audit log has nothing to tell
	}
	err = s.inTxAndWake(ctx, func(tx *sql.Tx) error {
		onto(ctx, id)
		if err := look(tx); err != nil { // again: it may have changed since
			return err
		}
		return s.repair(ctx, tx, found)
	})
	return found, err
}

// handedOut is the least that a capped link must have reserved.
const handedOut = `download_count + ` + untoldUnits

func (s *Store) repair(ctx context.Context, tx *sql.Tx, drifts []Drift) error {
	for _, d := range drifts {
		var err error
		if d.ShareID != "" {
			err = s.repairShare(ctx, tx, d.ShareID)
		} else {
			_, err = tx.ExecContext(ctx, `UPDATE tenants SET `+d.Figure+` = $2 WHERE id = $1`, d.TenantID, d.Actual)
		}
		if err != nil {
			return fmt.Errorf("repair %s: %w", d.Figure, err)
		}
	}
	return nil
}

// repairShare raises what a link has reserved to what it has handed out by now: downloads
// are granted under the lock of their link alone.
func (s *Store) repairShare(ctx context.Context, tx *sql.Tx, id string) error {
	if err := s.lockShare(ctx, tx, id); err != nil {
		return purged(err)
	}
	ok, err := changed(tx.ExecContext(ctx, `UPDATE shares SET reserved = `+handedOut+`
		WHERE id = $1 AND max_downloads IS NOT NULL AND reserved < `+handedOut, id))
	if err != nil || !ok {
		return err
	}
	return s.announceShare(ctx, tx, id) // it may be used up now
}
