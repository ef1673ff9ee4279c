package store

import (
	"context"
	"database/sql"

	"rawlink/internal/share"
)

// Verdict is what a scan found out about a file's bytes.
type Verdict struct {
	Status share.ScanStatus // Clean or Infected
	Detail string           // the signature found, "" if clean
	SHA256 string
	MIME   string // what the bytes look like; used if the uploader named no type
}

// SetVerdict records a scan. A file that was purged meanwhile is NotFound. A
// repeated scan that finds nothing new changes nothing but when it was scanned.
func (s *Store) SetVerdict(ctx context.Context, fileID string, v Verdict) error {
	return s.inTxAndWake(ctx, func(tx *sql.Tx) error {
		now := s.micros()
		before, err := readFile(tx.QueryRowContext(ctx, `SELECT `+fileColumns+` FROM files WHERE id = $1`+s.db.ForUpdate(), fileID))
		if err != nil {
			return orNotFound(err, "file")
		}
		if before.ScanStatus == v.Status && deref(before.ScanDetail) == v.Detail && deref(before.SHA256) == v.SHA256 {
			_, err := tx.ExecContext(ctx, `UPDATE files SET scanned_at = $2 WHERE id = $1`, fileID, now)
			return err
		}
		after, err := readFile(tx.QueryRowContext(ctx, `UPDATE files SET scan_status = $2, scan_detail = $3, sha256 = $4, mime = COALESCE(mime, $5), updated_at = $6, scanned_at = $6
			WHERE id = $1 RETURNING `+fileColumns, fileID, v.Status, nullable(v.Detail), v.SHA256, nullable(v.MIME), now))
		if err != nil {
			return err
		}
		if err := s.announceFiles(ctx, tx, `id = $1`, fileID); err != nil {
			return err
		}
		if before.ScanStatus == v.Status {
			return nil
		}
		return s.tellFile(ctx, tx, verdictEvent[v.Status], after)
	})
}

var verdictEvent = map[share.ScanStatus]string{share.Clean: EventFileClean, share.Infected: EventFileInfected}

// SetScanDetail records why a file still has no verdict.
func (s *Store) SetScanDetail(ctx context.Context, fileID, detail string) error {
	return s.db.InTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE files SET scan_detail = $2 WHERE id = $1 AND scan_status = 'pending'`, fileID, detail)
		return err
	})
}

// FileToScan returns a file by id alone: the scan queue is not a tenant's.
func (s *Store) FileToScan(ctx context.Context, id string) (File, error) {
	f, err := readFile(s.db.Read().QueryRowContext(ctx, `SELECT `+fileColumns+` FROM files WHERE id = $1`, id))
	return f, orNotFound(err, "file")
}
