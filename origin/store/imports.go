package store

import (
	"context"
	"database/sql"
	"time"
)

// FitUpload changes how much room an open upload has reserved, and for how long
// from now it is open: an import learns its size on the way. Room that is not
// there is refused without a change. u is brought up to date.
func (s *Store) FitUpload(ctx context.Context, u *Upload, size int64, lifetime time.Duration) error {
	var fitted Upload
	err := s.db.InTx(ctx, func(tx *sql.Tx) error {
		if err := s.lockTenant(ctx, tx, u.TenantID); err != nil {
			return err
		}
		open, err := findUpload(ctx, tx, u.TenantID, u.FileID, s.db.ForUpdate())
		if err != nil {
			return err
		}
		if size > open.Size {
			err = s.reserveBytes(ctx, tx, u.TenantID, size-open.Size)
		} else {
			err = moveUsage(ctx, tx, u.TenantID, 0, size-open.Size)
		}
		if err != nil {
			return err
		}
		fitted = open
		fitted.Size, fitted.ExpiresAt = size, s.micros()+lifetime.Microseconds()
		_, err = tx.ExecContext(ctx, `UPDATE uploads SET size = $2, expires_at = $3 WHERE file_id = $1`, u.FileID, fitted.Size, fitted.ExpiresAt)
		return err
	})
	if err == nil {
		u.Size, u.ExpiresAt = fitted.Size, fitted.ExpiresAt
	}
	return err
}

// MadeFile returns the file that an earlier try of the same request made; see
// WithID.
func (s *Store) MadeFile(ctx context.Context, tenantID string) (f File, found bool, err error) {
	id, repeated := reservedID(ctx)
	return madeBefore(repeated, func() (File, error) { return s.File(ctx, tenantID, id) })
}
