package store

import (
	"context"
	"database/sql"
	"errors"

	"rawlink/internal/share"
)

// PurgeFile destroys a file, live or trashed. Its links die with this
// transaction, which also gives the quota back and queues the removal of the
// bytes, so that the bytes go only after nobody can ask for them any more.
func (s *Store) PurgeFile(ctx context.Context, tenantID, id string) (File, error) {
	return s.purge(ctx, tenantID, id, func(File) bool { return true })
}

// purge is PurgeFile for a file that still is as wanted once it is locked.
func (s *Store) purge(ctx context.Context, tenantID, id string, wanted func(File) bool) (File, error) {
	var f File
	err := s.inTxAndWake(ctx, func(tx *sql.Tx) error {
		onto(ctx, id)
		if err := s.lockTenant(ctx, tx, tenantID); err != nil {
			return err
		}
		if err := s.lockHolder(ctx, tx, id); err != nil {
			return err
		}
		var err error
		if f, err = findFile(ctx, tx, tenantID, id, s.db.ForUpdate()); err != nil {
			return err
		}
		if !wanted(f) {
			return notFound("file")
		}
		if err := allowed(ctx, f); err != nil {
			return err
		}
		if err := s.announceFiles(ctx, tx, `id = $1`, id); err != nil {
			return err
		}
		for _, statement := range []string{`DELETE FROM shares WHERE file_id = $1`, `DELETE FROM files WHERE id = $1`} {
			if _, err := tx.ExecContext(ctx, statement, id); err != nil {
				return err
			}
		}
		if err := moveUsage(ctx, tx, tenantID, -f.Size, 0); err != nil {
			return err
		}
		if err := s.tellFile(ctx, tx, EventFilePurged, f); err != nil {
			return err
		}
		if err := s.enqueue(ctx, tx, JobRemoveObject, f.Object.Key, s.micros()); err != nil {
			return err
		}
		return s.logPurge(ctx, tx, share.ObjectName(f.ID, f.Object.Version))
	})
	return f, err
}

// lockHolder keeps a file's folder in the trash, or out of it: a restore of the
// folder comes before the purge of the file or after it, and not in between.
func (s *Store) lockHolder(ctx context.Context, tx *sql.Tx, fileID string) error {
	var one int
	err := tx.QueryRowContext(ctx, `SELECT 1 FROM folders WHERE id = (SELECT folder_id FROM files WHERE id = $1)`+s.db.ForUpdate(), fileID).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) { // it lies in the space itself
		return nil
	}
	return err
}
